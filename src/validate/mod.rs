//! What makes a blob an asset: rules, and a verdict for each blob.
//!
//! [`Rules::default`] is the profile of a vision platform: 14 image and 19 video extensions, at
//! most 256 MiB an image and 512 GiB a video, the extension and the stored Content-Type in
//! agreement. Every rule can be changed, and a [`Filter`] says what is wanted at all. Nothing here does
//! I/O.

mod collisions;
mod filter;
mod findings;
mod fixed_findings;
mod fnv;
mod format;
mod name_fingerprint;
mod reason;
mod rules;
mod rules_fingerprint;
mod suspicious_name;
mod verdict;

#[cfg(feature = "sync")]
pub(crate) use self::fnv::Fnv;
pub(crate) use self::{
    collisions::{CollisionCheck, Collisions},
    reason::ByReason,
    verdict::Classification,
};
pub use self::{
    filter::{Filter, FilterBuilder},
    findings::Findings,
    format::{Format, Kind},
    reason::{Finding, Reason},
    rules::{Action, Rules},
    verdict::{Asset, Rejection, Verdict},
};

/// The largest size that is believed, in bytes
///
/// Every whole number up to 2^53 is exact in JSON and in each sink's format. The largest blob of Azure
/// has 50,000 blocks of 4,000 MiB, 190.7 TiB (Microsoft Learn, "Scalability and performance targets for
/// Blob storage"), which is a fiftieth of this.
const MAX_SIZE: u64 = 1 << 53;
