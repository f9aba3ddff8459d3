//! A port that refuses connections for as long as a test needs it.
//!
//! A port that was free a moment ago can belong to another server of the suite now. A socket that is
//! bound and does not listen keeps its port, and the system refuses connections to it.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

pub struct RefusedPort(TcpSocket);

impl RefusedPort {
    pub fn bind() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        Self(socket)
    }

    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }
}
