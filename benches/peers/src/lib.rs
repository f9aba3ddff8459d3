//! What the three programs share: `server` serves a synthetic container, `client` lists it once
//! with one library, and `report` runs both and prints tables.

#![forbid(unsafe_code)]

pub mod control;
mod measurement;
mod tally;

pub use self::{measurement::Measurement, tally::Tally};

/// The storage account: the first segment of the path, as for emulators.
pub const ACCOUNT: &str = "contosovision";

/// The container.
pub const CONTAINER: &str = "training";

/// A shared access signature, which every client requires and the server does not check.
pub const SIGNATURE: &str = "sv=2026-04-06&sr=c&sp=rl&se=2100-01-01T00%3A00%3A00Z&sig=bm9uZQ%3D%3D";

/// Any error of these programs.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
