//! Measures attacks and prints a table.

use std::{
    future::poll_fn,
    pin::pin,
    process::ExitCode,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use crate::{allocation::peak_of_all, cpu_time::cpu_time};

/// 1 KiB in bytes.
pub const KIB: usize = 1 << 10;
/// 1 MiB in bytes.
pub const MIB: usize = 1 << 20;

/// The number of measurements of each attack.
const TIMES: usize = 3;

/// Runs a future on a runtime of one thread, and measures how long other tasks wait for their turn.
///
/// A second task wakes itself all the time, so that it runs between any two polls of other tasks, also of
/// the tasks that the future spawns. Returns the output, the polls of the future, and the most processor
/// time that the thread used between two turns of the second task. Processor time does not grow with the
/// load of the machine.
fn longest_turn<F: Future>(future: F) -> (F::Output, u64, Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let longest = Arc::new(Mutex::new(Duration::ZERO));
        let (shared, mut last) = (Arc::clone(&longest), cpu_time());
        let other = tokio::spawn(poll_fn(move |context| {
            let now = cpu_time();
            let mut longest = shared.lock().unwrap();
            *longest = longest.max(now - last);
            last = now;
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        // The second task has its first turn before the future starts.
        tokio::task::yield_now().await;
        let (mut future, mut polls) = (pin!(future), 0);
        let output = poll_fn(|context| {
            polls += 1;
            future.as_mut().poll(context)
        });
        let output = output.await;
        // So that the last poll counts too.
        tokio::task::yield_now().await;
        other.abort();
        let longest = *longest.lock().unwrap();
        (output, polls, longest)
    })
}

/// The table, which is printed row by row.
pub struct Table {
    only: Option<String>,
    exceeded: Vec<String>,
}

impl Table {
    /// Prints the head of the table. `only` selects the attacks whose name contains it.
    pub fn new(only: Option<String>) -> Self {
        println!(
            "{:<64} {:>10} {:>10} {:>9} {:>11}  outcome",
            "attack", "peak KiB", "limit KiB", "polls", "longest"
        );
        Self { only, exceeded: Vec::new() }
    }

    /// Returns whether an attack is selected.
    pub fn wants(&self, name: &str) -> bool {
        self.only.as_deref().is_none_or(|word| name.contains(word))
    }

    /// Measures a synchronous call.
    pub fn call<T>(&mut self, name: &str, limit: usize, mut call: impl FnMut() -> (T, String)) {
        if !self.wants(name) {
            return;
        }
        let runs = (0..TIMES).map(|_| {
            let ((took, outcome), most) = peak_of_all(|| {
                let start = cpu_time();
                let (result, outcome) = call();
                drop(result);
                (cpu_time() - start, outcome)
            });
            (most, None, took, outcome)
        });
        let runs = runs.collect();
        self.row(name, limit, runs);
    }

    /// Measures a future on a runtime with one thread.
    pub fn future<F: Future<Output = String>>(
        &mut self,
        name: &str,
        limit: usize,
        mut future: impl FnMut() -> F,
    ) {
        if !self.wants(name) {
            return;
        }
        let runs = (0..TIMES).map(|_| {
            let ((outcome, polls, longest), most) = peak_of_all(|| longest_turn(future()));
            (most, Some(polls), longest, outcome)
        });
        let runs = runs.collect();
        self.row(name, limit, runs);
    }

    /// Prints a row.
    fn row(&mut self, name: &str, limit: usize, runs: Vec<(usize, Option<u64>, Duration, String)>) {
        let most = runs.iter().map(|run| run.0).max().unwrap_or_default();
        let longest = runs.iter().map(|run| run.2).min().unwrap_or_default();
        let polls = runs[0].1.map_or("call".to_owned(), |polls| polls.to_string());
        let longest = format!("{:.3} ms", longest.as_secs_f64() * 1000.0);
        let outcome: String = runs[0].3.chars().take(90).collect();
        let (kib, limit_kib) = (most.div_ceil(KIB), limit / KIB);
        let mark = if most > limit { " EXCEEDED" } else { "" };
        println!("{name:<64} {kib:>10} {limit_kib:>10} {polls:>9} {longest:>11}  {outcome}{mark}");
        if most > limit {
            self.exceeded.push(name.to_owned());
        }
    }

    /// Returns the exit code: failure if an attack has exceeded its limit.
    pub fn finish(self) -> ExitCode {
        if self.exceeded.is_empty() {
            return ExitCode::SUCCESS;
        }
        println!("more memory than the documented limit: {}", self.exceeded.join("; "));
        ExitCode::FAILURE
    }
}

/// Describes a result: the value, or the error on one line.
pub fn outcome<T>(
    result: Result<T, impl std::fmt::Display>,
    shown: impl FnOnce(T) -> String,
) -> String {
    match result {
        Ok(value) => shown(value),
        Err(error) => error.to_string().replace('\n', " "),
    }
}
