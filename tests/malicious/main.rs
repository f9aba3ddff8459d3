//! Malicious responses and pages cause neither a panic, nor a long wait, nor high memory use. This binary
//! installs an allocator that counts, so it is separate from `it`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod answers;
mod pages;

mod counting_allocator;
#[path = "../../src/store/page/tests/cpu_time.rs"]
mod cpu_time;
#[path = "../it/fairness.rs"]
mod fairness;
#[path = "../../src/store/page/tests/mutate.rs"]
mod mutate;
#[path = "../it/scripted_server.rs"]
mod scripted_server;
#[path = "../it/silence.rs"]
mod silence;
