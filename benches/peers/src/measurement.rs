//! The result of one run of one client, which `client` prints and `report` reads.

use serde::{Deserialize, Serialize};

use crate::Tally;

/// The costs of one run of one client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measurement {
    /// The name of the client on the command line.
    pub client: String,
    /// A summary of the listing; `None` if the client does not decode pages.
    #[serde(flatten)]
    pub tally: Option<Tally>,
    /// The size of the pages, in bytes; `None` if the client does not see them.
    pub body_bytes: Option<u64>,
    /// The number of changes, if the client reports changes.
    pub changes: Option<u64>,
    /// The processor time, user and system, in microseconds.
    pub cpu_us: u64,
    /// The wall time, in milliseconds.
    pub wall_ms: u64,
    /// The peak resident memory, in KiB.
    pub peak_rss_kib: u64,
    /// The number of allocations; `None` if the client is a separate process.
    pub allocations: Option<u64>,
    /// The number of requests that the server counted.
    pub requests: u64,
}
