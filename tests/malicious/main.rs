//! Input that means to harm whoever reads it. The allocator of this binary counts, so that its tests can
//! limit the memory that an input takes.

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
