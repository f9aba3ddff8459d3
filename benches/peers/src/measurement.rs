use serde::{Deserialize, Serialize};

use crate::Tally;

/// What one run of one client took: the line that it prints
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measurement {
    /// Its name on the command line
    pub client: String,
    /// What it listed; `None` where it does not look into the pages
    #[serde(flatten)]
    pub tally: Option<Tally>,
    /// The bytes of the pages that it read; `None` where it does not see them
    pub body_bytes: Option<u64>,
    /// How many changes it changes, where it tells what has changed
    pub changes: Option<u64>,
    /// Microseconds of processor time, user and system
    pub cpu_us: u64,
    /// Milliseconds from start to end
    pub wall_ms: u64,
    /// The most memory it ever had, in KiB
    pub peak_rss_kib: u64,
    /// Calls of the allocator; `None` where it is a process of its own
    pub allocations: Option<u64>,
    /// Requests that the server counted
    pub requests: u64,
}
