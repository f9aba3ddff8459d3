//! Secrets in what is logged. This binary has a logger for the whole process, which writes down all that
//! is logged below this crate.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod probe_secrets;
mod secrets_misplaced;
mod store;

mod capture;
#[path = "../it/openssl.rs"]
mod openssl;
#[path = "../it/refused_port.rs"]
mod refused_port;
#[path = "../it/scripted_server.rs"]
mod scripted_server;
#[path = "../it/silence.rs"]
mod silence;
