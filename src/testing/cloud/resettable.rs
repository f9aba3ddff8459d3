//! A TCP connection that can be reset, for [`Fault::Reset`](super::Fault::Reset).

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// Orders a connection to end with a TCP reset instead of a regular close.
#[derive(Clone, Debug, Default)]
pub(super) struct Reset(Arc<AtomicBool>);

impl Reset {
    /// Orders the reset; it happens when the connection is dropped.
    pub(super) fn order(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_ordered(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A TCP connection that can be reset.
///
/// After the order nothing more is written, not even the end of the TLS session: the server above
/// believes that its writes succeed.
pub(super) struct ResettableStream {
    stream: TcpStream,
    reset: Reset,
}

impl ResettableStream {
    /// Wraps a connection.
    pub(super) fn new(stream: TcpStream, reset: Reset) -> Self {
        Self { stream, reset }
    }
}

impl Drop for ResettableStream {
    fn drop(&mut self) {
        if self.reset.is_ordered() {
            // With a linger time of zero the system sends RST on close. If the system refuses the
            // option, the connection closes regularly, which a client must handle too.
            #[expect(
                deprecated,
                reason = "`set_zero_linger` is newer than the oldest Tokio allowed"
            )]
            let _ = self.stream.set_linger(Some(Duration::ZERO));
        }
    }
}

impl AsyncRead for ResettableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for ResettableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.reset.is_ordered() {
            // Pretends to write, so that TLS does not report an error before the reset.
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.reset.is_ordered() {
            // A shutdown would send FIN before RST.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
