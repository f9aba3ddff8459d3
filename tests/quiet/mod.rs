//! Time that passes as soon as nothing else happens, also where sockets are waited for.
//!
//! Tokio's own paused clock moves whenever a runtime waits, for a socket too: an answer that is on
//! its way through the kernel would come too late for each of its timeouts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{runtime::Builder, task::spawn_blocking, time::advance};

/// How far the clock moves at a time
pub const STEP: Duration = Duration::from_millis(100);

/// How long nothing must happen before it does, by the real clock
const QUIET: Duration = Duration::from_micros(500);

pub fn run<T>(future: impl Future<Output = T>) -> T {
    // Counts twos, and one more while the runtime waits.
    let waits = Arc::new(AtomicU64::new(0));
    let note = |waiting: u64| {
        let waits = Arc::clone(&waits);
        move || waits.store((waits.load(Ordering::SeqCst) & !1) + 2 + waiting, Ordering::SeqCst)
    };
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .on_thread_park(note(1))
        .on_thread_unpark(note(0))
        .build()
        .unwrap();
    let is_quiet = move || {
        let before = waits.load(Ordering::SeqCst);
        std::thread::sleep(QUIET);
        before % 2 == 1 && waits.load(Ordering::SeqCst) == before
    };
    let clock = async move {
        loop {
            let is_quiet = is_quiet.clone();
            // While it runs, Tokio leaves the clock alone; it ends, so that a test that fails can.
            if spawn_blocking(move || (0..20).any(|_| is_quiet())).await.unwrap() {
                advance(STEP).await;
            }
        }
    };
    runtime.block_on(async {
        tokio::select! {
            done = future => done,
            () = clock => unreachable!("it never ends"),
        }
    })
}
