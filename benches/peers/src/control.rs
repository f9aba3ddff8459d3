//! Requests that control the server: its statistics and its settings.
//!
//! They block and use no HTTP library, so that they do not show in what a client measures.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
};

use serde::{Deserialize, Serialize};

use crate::Error;

/// What the server has done since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// The number of requests, without those of this module.
    pub requests: u64,
    /// The number of pages.
    pub pages: u64,
    /// The size of these pages, in bytes.
    pub bytes: u64,
}

impl Stats {
    /// Returns the difference to an earlier state.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            requests: self.requests - earlier.requests,
            pages: self.pages - earlier.pages,
            bytes: self.bytes - earlier.bytes,
        }
    }
}

/// Returns the statistics of the server.
///
/// # Errors
/// Fails if the server cannot be reached or its response is not valid.
pub fn stats(url: &str) -> Result<Stats, Error> {
    Ok(serde_json::from_str(&get(url, "/_control?stats")?)?)
}

/// Changes a setting: `latency=<milliseconds>` or `startfrom=on|off`.
///
/// # Errors
/// Fails if the server cannot be reached or does not know the setting.
pub fn set(url: &str, query: &str) -> Result<(), Error> {
    get(url, &format!("/_control?{query}")).map(drop)
}

fn get(url: &str, path: &str) -> Result<String, Error> {
    let address =
        url.strip_prefix("http://").ok_or("the address of the server must begin with http://")?;
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.to_owned()),
        _ => Err(io::Error::other(format!("the server answered {path} with {answer:?}")).into()),
    }
}
