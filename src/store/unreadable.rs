//! [`Unreadable`]: why nobody can read a blob, according to the listing.
//!
//! Assumes nothing about the permissions of the reader: each cause holds for every principal.

use crate::coded::coded_enum;

coded_enum! {
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
    pub enum Unreadable by as_str {
        /// The blob was deleted, and soft delete keeps it (`Deleted`). A scan does not request such
        /// blobs.
        Deleted = "deleted",
        /// The blob has earlier versions, but no current one (`HasVersionsOnly`).
        NoCurrentVersion = "no_current_version",
        /// The blob is encrypted with a key that each request must provide
        /// (`CustomerProvidedKeySha256`).
        CustomerKey = "customer_key",
        /// The blob is being moved from the archive tier to an online tier, which takes hours
        /// (`ArchiveStatus`).
        Rehydrating = "rehydrating",
        /// A copy into the blob has not finished, or has failed (`CopyStatus`, with
        /// [`Include::Copies`](super::Include::Copies)).
        CopyIncomplete = "copy_incomplete",
        /// The blob is the base of incremental copies; only its snapshots can be read
        /// (`IncrementalCopy`, with [`Include::Copies`](super::Include::Copies)).
        IncrementalCopy = "incremental_copy",
    }
}
