//! Requests to the server that are no listing: what it did, and how it is to behave.
//!
//! Blocking and without an HTTP library, so that they leave no trace in what a client measures.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
};

use serde::{Deserialize, Serialize};

use crate::Error;

/// What the server did since it started
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Requests of any kind but for control
    pub requests: u64,
    /// Pages of the listing
    pub pages: u64,
    /// Bytes of these pages
    pub bytes: u64,
}

impl Stats {
    /// What was done after `earlier`
    pub fn since(self, earlier: Self) -> Self {
        Self {
            requests: self.requests - earlier.requests,
            pages: self.pages - earlier.pages,
            bytes: self.bytes - earlier.bytes,
        }
    }
}

/// Asks what the server did
///
/// # Errors
/// Those of the connection, and an answer that is none.
pub fn stats(url: &str) -> Result<Stats, Error> {
    Ok(serde_json::from_str(&get(url, "/_control?stats")?)?)
}

/// Sets what stands in `query`: `latency=<milliseconds>`, `startfrom=on|off`
///
/// # Errors
/// Those of the connection, and a query that the server does not understand.
pub fn set(url: &str, query: &str) -> Result<(), Error> {
    get(url, &format!("/_control?{query}")).map(drop)
}

fn get(url: &str, path: &str) -> Result<String, Error> {
    let address = url.strip_prefix("http://").ok_or("the server's address begins with http://")?;
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.to_owned()),
        _ => Err(io::Error::other(format!("the server answers {path} with {answer:?}")).into()),
    }
}
