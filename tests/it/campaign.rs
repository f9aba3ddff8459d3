//! Runs random cases, each from a seed, on a paused clock.

use std::{env, time::Duration};

/// The simulated time after which a case hangs: longer than all its retries.
const LIMIT: Duration = Duration::from_secs(3_000_000);

/// Runs the cases of consecutive seeds. The variable `CASES` sets their number, `SEED` the first seed.
///
/// # Panics
/// Panics if cases fail or hang, with their number and the first of their messages.
pub fn run(default_cases: u64, case: impl AsyncFn(u64) -> Result<(), String>) {
    let number = |name| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let (cases, first) = (number("CASES").unwrap_or(default_cases), number("SEED").unwrap_or(0));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let mut failures = Vec::new();
    for seed in first..first + cases {
        match runtime.block_on(async { tokio::time::timeout(LIMIT, case(seed)).await }) {
            Ok(Ok(())) => {}
            Ok(Err(what)) => failures.push(format!("SEED={seed}: {what}")),
            Err(_) => failures.push(format!("SEED={seed}: the case hangs")),
        }
    }
    let count = failures.len();
    failures.truncate(10);
    assert_eq!(count, 0, "of {cases} cases:\n{}", failures.join("\n"));
}
