//! Measures what malicious input costs: peak memory, and how long it keeps other tasks waiting.
//!
//! One row for each attack: a connection, a filter, a page, an answer, a manifest, a condition. Prints
//! the most live bytes of the heap beyond those before, with the limit that the documentation gives, and
//! the longest turn: the most processor time that passes until another task of the same thread can run, or
//! the processor time of the call if it is synchronous. Tasks that the call spawns, for example for requests,
//! are included. Each attack runs three times; the table has the most memory and the shortest of the
//! longest turns.
//!
//! The exit code is 1 if memory exceeds a limit. Times depend on the machine; the aim is 10 ms.
//!
//! ```text
//! cargo bench --bench hostile            # all
//! cargo bench --bench hostile -- page    # the attacks whose name contains a word
//! ```

#[path = "../../tests/allocation/mod.rs"]
mod allocation;
mod answers;
#[path = "../../src/store/page/tests/cpu_time.rs"]
mod cpu_time;
mod measure;
mod pages;
#[path = "../../tests/hostile/mod.rs"]
mod server;
#[path = "../../tests/tampered/mod.rs"]
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
