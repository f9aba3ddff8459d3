use std::time::Duration;

use bytes::Bytes;

/// A way for one request to fail
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// An error of the service: status, `x-ms-error-code`, and `Retry-After` where it has one
    Error(u16, &'static str, Option<Duration>),
    /// The right answer, broken off after so many bytes of its body
    Cut(usize),
    /// The right answer, never begun
    Stall,
    /// Another answer, as of a proxy: status, content type and body, and no header of Azure's
    Instead(u16, &'static str, Bytes),
    /// The connection is closed without an answer
    Close,
}
