//! Decides which blobs are assets: rules, and a verdict for each blob.
//!
//! [`Rules::default`] is the profile of a vision platform: 14 image and 19 video extensions, at most
//! 256 MiB for an image and 512 GiB for a video, and a stored Content-Type that agrees with the
//! extension. Every rule can be changed, and a [`Filter`] selects the blobs of interest. The module does
//! no I/O: everything is decided from the entries of a listing.
//!
//! ```
//! use azure_asset_sync::{Reason, Rules, store::Blob, validate::Verdict};
//!
//! let rules = Rules::default();
//! match rules.check(Blob::new("hall-3/0001.jpg", 40_000)) {
//!     Verdict::Accept(asset) => println!("{}: {}", asset.blob.name, asset.media_type),
//!     Verdict::Reject(rejection) => panic!("{}", rejection.detail),
//! }
//! let verdict = rules.check(Blob::new("notes.txt", 100));
//! assert_eq!(verdict.rejection().map(|it| it.reason), Some(Reason::UnsupportedFormat));
//! ```
//!
//! The path of a blob: [`Filter`] first, because nothing else matters for a blob that is not wanted; then
//! the rules in the order of [`Reason::ALL`]; then collisions with the names of other assets, which only
//! a scan can find.

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
mod rules_json;
mod suspicious_name;
mod verdict;

pub(crate) use self::{
    collisions::{CollisionCheck, Collisions},
    fnv::Fnv,
    reason::ByReason,
    verdict::Classification,
};
pub use self::{
    filter::{Filter, FilterBuilder, FilterProblem, InvalidFilter},
    findings::Findings,
    format::{Format, Kind},
    reason::{Finding, Reason},
    rules::{Action, Rules},
    verdict::{Asset, Rejection, Verdict},
};

/// The largest size that is accepted as true, in bytes. A larger one means a malformed listing.
///
/// Every whole number up to 2^53 is exact in JSON and in the formats of all sinks. The largest blob of
/// Azure has 50,000 blocks of 4,000 MiB, which is 190.7 TiB or about a fortieth of this limit (Microsoft
/// Learn, "Scalability and performance targets for Blob storage").
const MAX_SIZE: u64 = 1 << 53;
