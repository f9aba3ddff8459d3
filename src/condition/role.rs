//! The built-in roles for blobs, with their ids and actions.
//!
//! Source: Microsoft Learn, "Azure built-in roles for Storage".

use serde::{Deserialize, Serialize};

use super::catalog::{BLOB_READ, DELEGATION_KEY};
use crate::wildcard::star_matches;

/// A built-in role for blobs.
///
/// ```
/// use azure_asset_sync::condition::Role;
///
/// let write = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write";
/// assert!(!Role::BlobDataReader.allows(write) && Role::BlobDataOwner.allows(write));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Role {
    /// Storage Blob Data Reader: reads and lists blobs.
    BlobDataReader,
    /// Storage Blob Data Contributor: reads, lists, writes and deletes blobs.
    BlobDataContributor,
    /// Storage Blob Data Owner: all data actions, including ownership and permissions.
    BlobDataOwner,
    /// Storage Blob Delegator: gets keys that sign shared access signatures, and has no data action.
    BlobDelegator,
}

impl Role {
    /// Returns the name in the Azure portal.
    pub fn name(self) -> &'static str {
        match self {
            Self::BlobDataReader => "Storage Blob Data Reader",
            Self::BlobDataContributor => "Storage Blob Data Contributor",
            Self::BlobDataOwner => "Storage Blob Data Owner",
            Self::BlobDelegator => "Storage Blob Delegator",
        }
    }

    /// Returns the GUID of the role definition, which is the same in every tenant.
    ///
    /// Role assignments in scripts and templates use the id, because names can be localised or renamed.
    pub fn id(self) -> &'static str {
        match self {
            Self::BlobDataReader => "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
            Self::BlobDataContributor => "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
            Self::BlobDataOwner => "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
            Self::BlobDelegator => "db58b8e5-c6ad-4a2a-8342-4190687cbf4a",
        }
    }

    /// Returns the patterns of the control-plane actions. Conditions do not limit these.
    pub fn actions(self) -> &'static [&'static str] {
        // The action that gets a key for signing shared access signatures.
        const KEY: &str = DELEGATION_KEY;
        match self {
            Self::BlobDataReader => {
                &["Microsoft.Storage/storageAccounts/blobServices/containers/read", KEY]
            }
            Self::BlobDataContributor => &[
                "Microsoft.Storage/storageAccounts/blobServices/containers/delete",
                "Microsoft.Storage/storageAccounts/blobServices/containers/read",
                "Microsoft.Storage/storageAccounts/blobServices/containers/write",
                KEY,
            ],
            Self::BlobDataOwner => {
                &["Microsoft.Storage/storageAccounts/blobServices/containers/*", KEY]
            }
            Self::BlobDelegator => &[KEY],
        }
    }

    /// Returns the patterns of the data actions. Conditions limit these.
    pub fn data_actions(self) -> &'static [&'static str] {
        match self {
            Self::BlobDataReader => &[BLOB_READ],
            Self::BlobDataContributor => &[
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete",
                BLOB_READ,
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write",
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/move/action",
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action",
            ],
            Self::BlobDataOwner => {
                &["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/*"]
            }
            Self::BlobDelegator => &[],
        }
    }

    /// Returns whether the role has a data action.
    pub fn allows(self, action: &str) -> bool {
        self.data_actions().iter().any(|pattern| star_matches(pattern, action))
    }
}
