//! Counts how often other tasks of the same thread can run while a future runs.
//!
//! The counts do not depend on the speed and load of the machine. The longest wait does, so it is only
//! printed and decides no test.

#![allow(dead_code, reason = "each binary that includes this file uses a part of it")]

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex},
    task::Poll,
    time::{Duration, Instant},
};

#[derive(Clone, Copy, Default)]
pub struct Counts {
    /// How often the future was polled, without the tasks that it spawned.
    pub polls: u64,
    /// How often another task could run, including while the future and its tasks waited.
    pub turns: u64,
    /// The longest time in which the other task could not run.
    pub longest: Duration,
}

/// Runs a future, and returns its output and what was counted.
pub fn during<F: Future>(future: F) -> (F::Output, Counts) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let seen = Arc::new(Mutex::new(Counts::default()));
        let (counted, mut last) = (Arc::clone(&seen), Instant::now());
        // `yield_now` would defer this task until Tokio has polled its sockets, and tasks that wake
        // each other run many times before that. A task that wakes itself is always in the queue, so
        // it runs between any two polls of another task.
        let other = tokio::spawn(poll_fn(move |context| {
            let mut seen = counted.lock().unwrap();
            seen.turns += 1;
            seen.longest = seen.longest.max(last.elapsed());
            last = Instant::now();
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        let (mut future, mut polls) = (pin!(future), 0);
        let result = poll_fn(|context| {
            polls += 1;
            future.as_mut().poll(context)
        });
        let result = result.await;
        other.abort();
        let seen = *seen.lock().unwrap();
        (result, Counts { polls, ..seen })
    })
}
