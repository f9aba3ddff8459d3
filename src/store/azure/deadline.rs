//! The deadline of a public future, and what happens if a dependency panics inside it.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt as _;

use crate::error::{Error, ErrorKind};

/// Waits for a result until the deadline; a panic becomes an error too
///
/// The future owns what it changes, or changes it by whole values, so that nothing half-changed
/// remains after a panic.
pub(super) async fn within<T>(
    deadline: Duration,
    future: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(deadline, AssertUnwindSafe(future).catch_unwind()).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Error::new(
            ErrorKind::UnexpectedAnswer,
            "the answer made the code that reads it panic; report the request, and check the endpoint for a proxy",
        )),
        Err(_) => Err(Error::new(
            ErrorKind::Timeout,
            format!(
                "no complete answer within {}, the store's request deadline; check the endpoint and the network, or ask for less",
                humantime::format_duration(deadline)
            ),
        )),
    }
}
