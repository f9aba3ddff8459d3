//! The deadline of a call, and the conversion of a panic inside it into an error.
//!
//! Every public future of the store runs through [`within`]. The timeouts of the HTTP client alone are
//! not enough: a server that sends one byte per second never triggers them.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt as _;

use crate::error::{Error, ErrorKind};

/// Waits for a result until the deadline, and converts a panic into an error.
///
/// A panic can only come from a dependency that reads an answer. Unwinding is safe here, because a
/// future owns what it changes or replaces whole values, so no half-changed state survives it.
///
/// # Errors
/// [`ErrorKind::Timeout`] after the deadline, [`ErrorKind::UnexpectedAnswer`] for a panic, and those of
/// the future.
pub(super) async fn within<T>(
    deadline: Duration,
    future: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(deadline, AssertUnwindSafe(future).catch_unwind()).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Error::new(
            ErrorKind::UnexpectedAnswer,
            "reading the answer caused a panic in a dependency; report a bug with the name of the operation, and check whether a proxy answers instead of the endpoint",
        )),
        Err(_) => Err(Error::new(
            ErrorKind::Timeout,
            format!(
                "no complete answer within the request deadline of {}; check the endpoint and the network, or request less",
                humantime::format_duration(deadline)
            ),
        )),
    }
}
