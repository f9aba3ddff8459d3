//! What the server, the client and the report have in common.

#![forbid(unsafe_code)]

pub mod control;
mod measurement;
mod tally;

pub use self::{measurement::Measurement, tally::Tally};

/// The storage account, as the first segment of the path: that is how emulators are addressed
pub const ACCOUNT: &str = "contosovision";

/// The container
pub const CONTAINER: &str = "training";

/// A shared access signature that the server does not look at, and that no client works without
pub const SIGNATURE: &str = "sv=2026-04-06&sr=c&sp=rl&se=2100-01-01T00%3A00%3A00Z&sig=bm9uZQ%3D%3D";

pub type Error = Box<dyn std::error::Error + Send + Sync>;
