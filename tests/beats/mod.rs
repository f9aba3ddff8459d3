//! Counts how often another task of the same thread can run while something is done.
//!
//! A count of turns does not depend on how fast or busy the machine is, where a time does.

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

/// What a future returns, how many turns another task had meanwhile, and the longest wait for one
pub fn during<F: Future>(future: F) -> (F::Output, u64, Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let set = tokio::task::LocalSet::new();
    set.block_on(&runtime, async {
        let seen = Rc::new(Cell::new((0, Duration::ZERO)));
        let (counted, mut last) = (Rc::clone(&seen), Instant::now());
        let other = tokio::task::spawn_local(async move {
            loop {
                let (beats, longest) = counted.get();
                counted.set((beats + 1, longest.max(last.elapsed())));
                last = Instant::now();
                tokio::task::yield_now().await;
            }
        });
        let result = future.await;
        other.abort();
        let (beats, longest) = seen.get();
        (result, beats, longest)
    })
}
