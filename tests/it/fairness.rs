//! Counts how often other tasks of the same thread can run while something is done.
//!
//! A count does not depend on how fast or busy the machine is. The longest wait does: it is for a
//! person to read, and no test passes or fails by it.

#![allow(dead_code, reason = "each of the test files uses another part")]

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex},
    task::Poll,
    time::{Duration, Instant},
};

#[derive(Clone, Copy, Default)]
pub struct Beats {
    /// How often the future was polled, without the tasks that it spawns
    pub polls: u64,
    /// How many turns another task had, also while the future and its tasks waited
    pub turns: u64,
    /// The longest wait for a turn
    pub longest: Duration,
}

/// Returns what a future returns, and what other tasks had meanwhile
pub fn during<F: Future>(future: F) -> (F::Output, Beats) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let seen = Arc::new(Mutex::new(Beats::default()));
        let (counted, mut last) = (Arc::clone(&seen), Instant::now());
        // `yield_now` would put this task off until Tokio has looked at its sockets, and tasks that
        // wake each other run many times before that. A task that wakes itself is always in the
        // queue, so that it runs between any two polls of another task.
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
        (result, Beats { polls, ..seen })
    })
}
