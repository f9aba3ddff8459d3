//! How many changes of each kind a run has reported.
//!
//! Stored in journals and in `run.base`, so the names of the fields are part of the on-disk format.

use serde::{Deserialize, Serialize};

use super::limits;
use crate::error::Error;

/// The number of blobs by what a run reported of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Counts {
    /// Assets that were not there before.
    pub added: u64,
    /// Assets with a new version or a new verdict.
    pub changed: u64,
    /// Assets that were removed in an earlier run and are back.
    pub restored: u64,
    /// Blobs that are gone, and assets that are no longer accepted.
    pub removed: u64,
    /// Blobs that are not assets and were not reported as such before.
    pub rejected: u64,
    /// Blobs that have not changed, and that were not reported for that reason.
    pub unchanged: u64,
}

impl Counts {
    /// Checks counts that were read, where `what` names the record for the error.
    pub(super) fn check(&self, what: &str) -> Result<(), Error> {
        let Self { added, changed, restored, removed, rejected, unchanged } = *self;
        limits::numbers(what, [added, changed, restored, removed, rejected, unchanged])
    }
}
