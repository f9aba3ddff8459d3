//! The costs of hostile input: peak memory, and the longest time for which other tasks must wait.
//!
//! Each attack is one row: a connection, a filter, a page, a response, a manifest or a condition.
//! The table has the peak of live heap bytes above those before the attack, the documented limit,
//! and the longest turn: the most processor time until another task of the same thread can run, or
//! the processor time of the call if it is synchronous. Tasks that the call spawns, for example for
//! requests, are included. Each attack runs three times. The table has the largest memory, and the
//! smallest of the three longest turns.
//!
//! The exit status is 1 if memory exceeds a limit. Times are not checked, because they depend on
//! the machine. The aim is 10 ms.
//!
//! ```text
//! cargo bench --bench hostile            # all attacks
//! cargo bench --bench hostile -- page    # the attacks whose name contains a word
//! ```

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a benchmark may panic"
)]

#[path = "../../tests/malicious/counting_allocator.rs"]
mod allocation;
mod answers;
#[path = "../../src/store/page/tests/cpu_time.rs"]
mod cpu_time;
mod measure;
mod pages;
#[path = "../../tests/it/scripted_server.rs"]
mod server;
#[path = "../../tests/state_tampered/manifest.rs"]
mod tampered;
mod texts;

use std::process::ExitCode;

use measure::Table;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    // `cargo test --benches` runs this without optimization, in which case the times would mean
    // nothing.
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("not run: use `cargo bench --bench hostile`");
        return ExitCode::SUCCESS;
    }
    let mut table = Table::new(arguments.into_iter().find(|word| !word.starts_with('-')));
    texts::measure(&mut table);
    pages::measure(&mut table);
    answers::measure(&mut table);
    table.finish()
}
