//! Ends a run on Ctrl-C (SIGINT), and on SIGTERM.

/// Runs a future to its end. Drops it on SIGINT or SIGTERM, and returns `None`.
///
/// Dropping lets sinks remove their temporary files, which a process that is killed cannot do.
pub async fn until_interrupted<T>(run: impl Future<Output = T>) -> Option<T> {
    // Installs the handlers before the run begins, so that no signal is lost.
    let interrupt = interrupt();
    tokio::select! {
        result = run => Some(result),
        () = interrupt => None,
    }
}

/// Completes on the first signal. If the handlers cannot be installed, the system ends the process.
#[cfg(unix)]
fn interrupt() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    async {
        match signals {
            [Ok(mut interrupt), Ok(mut terminate)] => {
                tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            }
            _ => std::future::pending().await,
        }
    }
}

/// Completes on Ctrl-C.
#[cfg(windows)]
fn interrupt() -> impl Future<Output = ()> {
    let signal = tokio::signal::windows::ctrl_c();
    async {
        match signal {
            Ok(mut signal) => _ = signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    }
}
