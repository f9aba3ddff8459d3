//! [`Unreadable`]: why nobody can read a blob, according to the listing.
//!
//! Assumes nothing about the permissions of the reader: each cause holds for every principal.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A property of a listed blob that prevents reading its content.
///
/// ```
/// use azure_asset_sync::store::Unreadable;
///
/// assert_eq!(Unreadable::CustomerKey.as_str(), "customer_key");
/// ```
///
/// The archive tier is not among them; see [`AccessTier::Archive`](super::AccessTier::Archive).
///
/// Source: Microsoft Learn, "List Blobs", "Provide an encryption key on a request to Blob storage",
/// and "Incremental Copy Blob".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unreadable {
    /// The blob was deleted, and soft delete keeps it (`Deleted`). A scan does not request such
    /// blobs.
    Deleted,
    /// The blob has earlier versions, but no current one (`HasVersionsOnly`).
    NoCurrentVersion,
    /// The blob is encrypted with a key that each request must provide
    /// (`CustomerProvidedKeySha256`).
    CustomerKey,
    /// The blob is being moved from the archive tier to an online tier, which takes hours
    /// (`ArchiveStatus`).
    Rehydrating,
    /// A copy into the blob has not finished, or has failed (`CopyStatus`, with
    /// [`Include::Copies`](super::Include::Copies)).
    CopyIncomplete,
    /// The blob is the base of incremental copies; only its snapshots can be read
    /// (`IncrementalCopy`, with [`Include::Copies`](super::Include::Copies)).
    IncrementalCopy,
}

impl Unreadable {
    /// Returns the stable code, such as `customer_key`
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::NoCurrentVersion => "no_current_version",
            Self::CustomerKey => "customer_key",
            Self::Rehydrating => "rehydrating",
            Self::CopyIncomplete => "copy_incomplete",
            Self::IncrementalCopy => "incremental_copy",
        }
    }
}

impl fmt::Display for Unreadable {
    /// Writes the code, as [`as_str`](Self::as_str) returns it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
