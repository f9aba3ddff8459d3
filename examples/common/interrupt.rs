//! Interrupts: Ctrl-C, and the request of the system to terminate.

/// Runs a future to its end, or drops it at Ctrl-C or when the process is asked to terminate
///
/// Sinks that are dropped remove their temporary files, which they cannot if the process just ends.
pub async fn until_interrupted<T>(run: impl Future<Output = T>) -> Option<T> {
    // From here on a signal counts, also before the run begins.
    let interrupt = interrupt();
    tokio::select! {
        result = run => Some(result),
        () = interrupt => None,
    }
}

/// Without handlers the system ends the process
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
