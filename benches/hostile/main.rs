//! What hostile input costs: the peak of memory, and the longest time that it keeps other tasks waiting.
//!
//! One row for each attack: a connection, a filter, a page, an answer, a manifest, a condition. Prints
//! the most live bytes of the heap beyond those before, with the limit that the documentation gives, and
//! the longest single poll of the future, or the time of the call if it is synchronous. Each attack runs
//! three times; the table has the most memory and the shortest of the longest polls, because a busy
//! machine adds to a time and never takes from it.
//!
//! Requests run in tasks of their own, whose polls are not among those of the future: bodies are decoded
//! there. `tests/malicious/pages.rs` counts the turns that other tasks have meanwhile.
//!
//! The exit code is 1 if memory exceeds a limit. Times are figures alone: they depend on the machine.
//! The limit on polls is 10 ms.
//!
//! ```text
//! cargo bench --bench hostile            # all
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
    // Without an optimised build, as under `cargo test --benches`, times mean nothing.
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("not run: start it by `cargo bench --bench hostile`");
        return ExitCode::SUCCESS;
    }
    let mut table = Table::new(arguments.into_iter().find(|word| !word.starts_with('-')));
    texts::measure(&mut table);
    pages::measure(&mut table);
    answers::measure(&mut table);
    table.finish()
}
