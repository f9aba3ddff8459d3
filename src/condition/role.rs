//! The built-in roles for blobs, with their actions.
//!
//! Source: Microsoft Learn, "Azure built-in roles for Storage".

use serde::{Deserialize, Serialize};

use super::catalog::BLOB_READ;
use crate::wildcard::star_matches;

/// A built-in role for blobs
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Role {
    /// Storage Blob Data Reader
    BlobDataReader,
    /// Storage Blob Data Contributor
    BlobDataContributor,
    /// Storage Blob Data Owner
    BlobDataOwner,
    /// Storage Blob Delegator
    BlobDelegator,
}

impl Role {
    /// Its name in the portal
    pub fn name(self) -> &'static str {
        match self {
            Self::BlobDataReader => "Storage Blob Data Reader",
            Self::BlobDataContributor => "Storage Blob Data Contributor",
            Self::BlobDataOwner => "Storage Blob Data Owner",
            Self::BlobDelegator => "Storage Blob Delegator",
        }
    }

    /// The GUID of its definition, the same in every tenant
    pub fn id(self) -> &'static str {
        match self {
            Self::BlobDataReader => "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
            Self::BlobDataContributor => "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
            Self::BlobDataOwner => "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
            Self::BlobDelegator => "db58b8e5-c6ad-4a2a-8342-4190687cbf4a",
        }
    }

    /// The patterns of its actions, which no condition can limit
    pub fn actions(self) -> &'static [&'static str] {
        const KEY: &str =
            "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action";
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

    /// The patterns of its data actions, which conditions can limit
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

    /// Whether the role has a data action
    pub fn allows(self, action: &str) -> bool {
        self.data_actions().iter().any(|pattern| star_matches(pattern, action))
    }
}
