//! What conditions can be about: the attributes, the actions, and which action has which attribute.
//!
//! Source: Microsoft Learn, "Actions and attributes for Azure role assignment conditions for Azure
//! Blob Storage", the same for Queue Storage, and "Authorization actions and attributes".

use serde::{Deserialize, Serialize};

use super::Source;
use crate::wildcard::star_matches;

pub(super) const BLOB_READ: &str =
    "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";
pub(super) const BLOB_LIST: &str = "Blob.List";
pub(super) const CONTAINER_NAME: &str =
    "Microsoft.Storage/storageAccounts/blobServices/containers:name";
pub(super) const BLOB_PATH: &str =
    "Microsoft.Storage/storageAccounts/blobServices/containers/blobs:path";
pub(super) const BLOB_PREFIX: &str =
    "Microsoft.Storage/storageAccounts/blobServices/containers/blobs:prefix";

const TAG: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/tags:";
/// What stands behind the key of a tag, to the letter
pub(super) const TAG_MARK: &str = "<$key_case_sensitive$>";
const METADATA: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/metadata:";
const CUSTOM: &str = "Microsoft.Directory/CustomSecurityAttributes/Id:";

/// Other services with conditions; what their attributes and actions are is not in these tables
///
/// Source: Microsoft Learn, what these services have on attribute-based access control.
const OTHER_SERVICES: [&str; 3] =
    ["Microsoft.ContainerRegistry", "Microsoft.KeyVault", "Microsoft.OperationalInsights"];

/// Whether an attribute or an action is of a service that has conditions and is not in these tables
pub(super) fn is_of_another_service(path: &str) -> bool {
    path.split_once('/').is_some_and(|(provider, _)| {
        OTHER_SERVICES.iter().any(|other| other.eq_ignore_ascii_case(provider))
    })
}

/// What an attribute holds
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    Text,
    /// Several texts: only operators with a quantifier compare them
    Texts,
    /// One text or several, as the customer defined it
    TextOrTexts,
    Bool,
    Time,
    Guid,
}

/// An attribute that the documentation names
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Account,
    Hns,
    Container,
    Path,
    Prefix,
    Include,
    TagKeys,
    Tag,
    EncryptionScope,
    CurrentVersion,
    Snapshot,
    Version,
    Metadata,
    Queue,
    PrivateLink,
    PrivateEndpoint,
    Subnet,
    UtcNow,
    Custom,
    RoleDefinition,
    PrincipalId,
    PrincipalType,
    /// The spelling of suboperations in the preview of 2021
    SubOperation,
}

use Known as K;

/// Attribute, path (or its start, for those with a key), what it holds, what people call it
const ATTRIBUTES: &[(Known, &str, Holds, &str)] = &[
    (K::Account, "Microsoft.Storage/storageAccounts:name", Holds::Text, "the account's name"),
    (
        K::Hns,
        "Microsoft.Storage/storageAccounts:isHnsEnabled",
        Holds::Bool,
        "the account has a hierarchical namespace",
    ),
    (K::Container, CONTAINER_NAME, Holds::Text, "the container's name"),
    (K::Path, BLOB_PATH, Holds::Text, "the blob's name"),
    (K::Prefix, BLOB_PREFIX, Holds::Text, "the prefix that the list asks for"),
    (
        K::Include,
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs:include",
        Holds::Texts,
        "what the list shall include",
    ),
    (
        K::TagKeys,
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/tags&$keys$&",
        Holds::Texts,
        "the keys of the index tags",
    ),
    (K::Tag, TAG, Holds::Text, "the index tag"),
    (
        K::EncryptionScope,
        "Microsoft.Storage/storageAccounts/encryptionScopes:name",
        Holds::Text,
        "the encryption scope's name",
    ),
    (
        K::CurrentVersion,
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs:isCurrentVersion",
        Holds::Bool,
        "it is the current version",
    ),
    (
        K::Snapshot,
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs:snapshot",
        Holds::Time,
        "the snapshot",
    ),
    (
        K::Version,
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs:versionId",
        Holds::Time,
        "the version id",
    ),
    (K::Metadata, METADATA, Holds::Text, "the container's metadata"),
    (
        K::Queue,
        "Microsoft.Storage/storageAccounts/queueServices/queues:name",
        Holds::Text,
        "the queue's name",
    ),
    (K::PrivateLink, "isPrivateLink", Holds::Bool, "the request came over a private link"),
    (K::PrivateEndpoint, "Microsoft.Network/privateEndpoints", Holds::Text, "the private endpoint"),
    (K::Subnet, "Microsoft.Network/virtualNetworks/subnets", Holds::Text, "the subnet"),
    (K::UtcNow, "UtcNow", Holds::Time, "the time"),
    (K::Custom, CUSTOM, Holds::TextOrTexts, "the principal's custom security attribute"),
    (
        K::RoleDefinition,
        "Microsoft.Authorization/roleAssignments:RoleDefinitionId",
        Holds::Guid,
        "the assigned role",
    ),
    (
        K::PrincipalId,
        "Microsoft.Authorization/roleAssignments:PrincipalId",
        Holds::Guid,
        "the principal that gets the role",
    ),
    (
        K::PrincipalType,
        "Microsoft.Authorization/roleAssignments:PrincipalType",
        Holds::Text,
        "the type of the principal that gets the role",
    ),
    (K::SubOperation, "subOperation", Holds::Texts, "the suboperation"),
];

impl Known {
    /// The attribute with this path, in any letter case
    pub(super) fn of(path: &str) -> Option<Self> {
        let after = |start: &str| {
            let head = path.get(..start.len())?;
            head.eq_ignore_ascii_case(start).then(|| path.get(start.len()..)).flatten()
        };
        ATTRIBUTES.iter().map(|(known, ..)| *known).find(|known| match known {
            Self::Tag => after(TAG)
                .and_then(|key| key.strip_suffix(TAG_MARK))
                .is_some_and(|key| !key.is_empty()),
            Self::Metadata | Self::Custom => after(known.path()).is_some_and(|key| !key.is_empty()),
            _ => known.path().eq_ignore_ascii_case(path),
        })
    }

    /// The documented path that a wrong one is closest to
    pub(super) fn nearest(path: &str) -> Option<&'static str> {
        let lower = path.to_ascii_lowercase();
        ATTRIBUTES
            .iter()
            .filter(|(known, ..)| !matches!(known, Self::Tag | Self::Metadata | Self::Custom))
            .filter_map(|(_, known, ..)| {
                let edits = edits(&lower, &known.to_ascii_lowercase(), known.len() / 4)?;
                Some((edits, *known))
            })
            .min()
            .map(|(_, known)| known)
    }

    fn row(self) -> Option<&'static (Known, &'static str, Holds, &'static str)> {
        ATTRIBUTES.iter().find(|(known, ..)| *known == self)
    }

    /// Its path, or the start of it where a key follows
    pub(super) fn path(self) -> &'static str {
        self.row().map_or("", |row| row.1)
    }

    pub(super) fn holds(self) -> Holds {
        self.row().map_or(Holds::Text, |row| row.2)
    }

    /// What it is, in words
    pub(super) fn title(self) -> &'static str {
        self.row().map_or("", |row| row.3)
    }

    /// What it is not, in words; only for truth values
    pub(super) fn opposite(self) -> Option<&'static str> {
        match self {
            Self::Hns => Some("the account has no hierarchical namespace"),
            Self::CurrentVersion => Some("it is not the current version"),
            Self::PrivateLink => Some("the request did not come over a private link"),
            _ => None,
        }
    }

    /// Whether a request of an action that has the attribute may come without it
    pub(super) fn is_optional(self) -> bool {
        matches!(
            self,
            Self::Include
                | Self::TagKeys
                | Self::Tag
                | Self::EncryptionScope
                | Self::Snapshot
                | Self::Version
                | Self::Metadata
                | Self::PrivateEndpoint
                | Self::Subnet
                | Self::Custom
        )
    }
}

/// Returns the edit distance of two texts, or `None` if it exceeds `limit`.
pub(super) fn edits(a: &str, b: &str, limit: usize) -> Option<usize> {
    // The difference in length is a lower bound. It spares long texts the quadratic comparison.
    let at_least = a.chars().count().abs_diff(b.chars().count());
    let edits = (at_least <= limit).then(|| strsim::levenshtein(a, b));
    edits.filter(|edits| *edits <= limit)
}

/// An action that conditions can limit
#[derive(Debug)]
pub(super) struct Action {
    pub(super) title: &'static str,
    pub(super) name: &'static str,
    pub(super) suboperation: Option<&'static str>,
    /// The attributes of the resource, beside those that every storage action has
    resource: &'static [Known],
    request: &'static [Known],
}

macro_rules! actions {
    ($($title:literal $name:literal $sub:expr, [$($resource:ident)*] [$($request:ident)*];)+) => {
        pub(super) const ACTIONS: &[Action] = &[$(Action {
            title: $title,
            name: $name,
            suboperation: $sub,
            resource: &[$(K::$resource),*],
            request: &[$(K::$request),*],
        }),+];
    };
}

actions! {
    "find blobs by tags" "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/filter/action"
        None, [] [];
    "list blobs" "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"
        Some("Blob.List"), [Container Metadata] [Prefix Include];
    "read a blob" "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"
        None, [Container Metadata CurrentVersion Path EncryptionScope Tag TagKeys] [Version Snapshot];
    "read a blob's tags" "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/tags/read"
        None, [Container Metadata CurrentVersion Path Tag TagKeys] [Version Snapshot];
    "append to or create a blob" "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action"
        None, [Container Metadata Path EncryptionScope] [];
    "append to or create a blob with tags" "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action"
        Some("Blob.Write.WithTagHeaders"), [Container Metadata Path EncryptionScope] [Tag TagKeys];
    "delete a blob" "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete"
        None, [Container Metadata CurrentVersion Path] [Version Snapshot];
    "delete a version of a blob" "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/deleteBlobVersion/action"
        None, [Container Metadata Path] [Version];
    "delete a blob for good" "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/permanentDelete/action"
        None, [Container Metadata CurrentVersion Path] [Version Snapshot];
    "rename a file or folder" "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/move/action"
        None, [Container Metadata Path] [];
    "set a blob's access tier" "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write"
        Some("Blob.Write.Tier"), [Container Metadata CurrentVersion Path EncryptionScope] [Version Snapshot];
    "write a blob" "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write"
        None, [Container Metadata Path EncryptionScope] [];
    "write a blob with tags" "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write"
        Some("Blob.Write.WithTagHeaders"), [Container Metadata Path EncryptionScope] [Tag TagKeys];
    "write a blob's tags" "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/tags/write"
        None, [Container Metadata CurrentVersion Path Tag TagKeys] [Tag TagKeys Version Snapshot];
    "manage a blob's immutability" "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/immutableStorage/runAsSuperUser/action"
        None, [Container Metadata Path] [];
    "change the owner of a file or folder" "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/manageOwnership/action"
        None, [Container Metadata Path] [];
    "change the permissions of a file or folder" "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/modifyPermissions/action"
        None, [Container Metadata Path] [];
    "do anything as super user" "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/runAsSuperUser/action"
        None, [Container Metadata CurrentVersion Path] [];
    "read queue messages" "Microsoft.Storage/storageAccounts/queueServices/queues/messages/read"
        None, [Queue] [];
    "write queue messages" "Microsoft.Storage/storageAccounts/queueServices/queues/messages/write"
        None, [Queue] [];
    "delete queue messages" "Microsoft.Storage/storageAccounts/queueServices/queues/messages/delete"
        None, [Queue] [];
    "add queue messages" "Microsoft.Storage/storageAccounts/queueServices/queues/messages/add/action"
        None, [Queue] [];
    "process queue messages" "Microsoft.Storage/storageAccounts/queueServices/queues/messages/process/action"
        None, [Queue] [];
    "assign a role" "Microsoft.Authorization/roleAssignments/write"
        None, [] [RoleDefinition PrincipalId PrincipalType];
    "remove a role assignment" "Microsoft.Authorization/roleAssignments/delete"
        None, [RoleDefinition PrincipalId PrincipalType] [];
}

/// The suboperations that the documentation names; the second is only for conditions of the preview
pub(super) const SUBOPERATIONS: &[&str] =
    &[BLOB_LIST, "Blob.Read.WithTagConditions", "Blob.Write.WithTagHeaders", "Blob.Write.Tier"];

impl Action {
    /// Whether requests of this action can have the attribute
    pub(super) fn has(&self, source: Source, known: Known) -> bool {
        match source {
            Source::Environment => {
                matches!(known, K::PrivateLink | K::PrivateEndpoint | K::Subnet | K::UtcNow)
            }
            Source::Principal => known == K::Custom,
            Source::Request => known == K::SubOperation || self.request.contains(&known),
            Source::Resource => {
                let of_account = matches!(known, K::Account | K::Hns);
                (of_account && self.name.starts_with("Microsoft.Storage/"))
                    || self.resource.contains(&known)
            }
        }
    }
}

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
