//! No secret is ever logged. This binary installs loggers for the process, so it is separate from `it`.

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
