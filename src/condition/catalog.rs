//! The terms of conditions: the documented attributes, the actions, and which action has which
//! attribute.
//!
//! Source: Microsoft Learn, "Actions and attributes for Azure role assignment conditions for Azure
//! Blob Storage", the same for Queue Storage, and "Authorization actions and attributes".
//!
//! The tables are the only place with these names: the lint, the explanation and the proofs read them. A
//! new action or attribute of Azure needs a row here, and a [`Known`] variant for an attribute.
use super::Source;

/// The action of reading and of listing blobs.
pub(crate) const BLOB_READ: &str =
    "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";
/// The suboperation that distinguishes listing from reading.
pub(super) const BLOB_LIST: &str = "Blob.List";
/// The path of the container's name.
pub(super) const CONTAINER_NAME: &str =
    "Microsoft.Storage/storageAccounts/blobServices/containers:name";
/// The path of the blob's name, which reads have.
pub(super) const BLOB_PATH: &str =
    "Microsoft.Storage/storageAccounts/blobServices/containers/blobs:path";
/// The path of the prefix, which listings have.
pub(super) const BLOB_PREFIX: &str =
    "Microsoft.Storage/storageAccounts/blobServices/containers/blobs:prefix";

/// The resource type of blobs, with which the names of their actions and attributes start.
pub(crate) const BLOBS: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs";
/// The resource type of containers.
pub(crate) const CONTAINERS: &str = "Microsoft.Storage/storageAccounts/blobServices/containers";
/// The attribute with the name of the storage account.
pub(crate) const ACCOUNT_NAME: &str = "Microsoft.Storage/storageAccounts:name";
/// The action that gets a user delegation key, from which view links are made.
pub(crate) const DELEGATION_KEY: &str =
    "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action";

/// The start of the path of an index tag; the tag's key follows.
const TAG: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/tags:";
/// The literal suffix after the key of an index tag.
pub(super) const TAG_MARK: &str = "<$key_case_sensitive$>";
/// The start of the path of container metadata; the key follows.
const METADATA: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/metadata:";
/// The start of the path of a custom security attribute; its name follows.
const CUSTOM: &str = "Microsoft.Directory/CustomSecurityAttributes/Id:";

/// Other services that support conditions. Their attributes and actions are not in these tables.
///
/// Source: Microsoft Learn, the pages of these services on attribute-based access control.
const OTHER_SERVICES: [&str; 3] =
    ["Microsoft.ContainerRegistry", "Microsoft.KeyVault", "Microsoft.OperationalInsights"];

/// Returns whether an attribute or action belongs to a service that is not in these tables.
pub(super) fn is_of_another_service(path: &str) -> bool {
    // A path without a provider, for example `UtcNow`, is not one of another service.
    path.split_once('/').is_some_and(|(provider, _)| {
        OTHER_SERVICES.iter().any(|other| other.eq_ignore_ascii_case(provider))
    })
}

/// The type of an attribute's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// One text.
    Text,
    /// Several texts, which only operators with a quantifier compare.
    Texts,
    /// One text or several, as the customer defined the attribute.
    TextOrTexts,
    /// A truth value.
    Bool,
    /// A point in time.
    Time,
    /// A GUID.
    Guid,
}

/// An attribute that the documentation lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// The name of the storage account.
    Account,
    /// Whether the account has a hierarchical namespace.
    Hns,
    /// The name of the container.
    Container,
    /// The name of the blob.
    Path,
    /// The prefix of a listing.
    Prefix,
    /// The items that a listing includes besides blobs.
    Include,
    /// The keys of the blob's index tags.
    TagKeys,
    /// The value of an index tag.
    Tag,
    /// The encryption scope of the blob.
    EncryptionScope,
    /// Whether the version is the current one.
    CurrentVersion,
    /// The time of a snapshot.
    Snapshot,
    /// The version id.
    Version,
    /// A metadata value of the container.
    Metadata,
    /// The name of the queue.
    Queue,
    /// Whether the request came over a private link.
    PrivateLink,
    /// The private endpoint of the request.
    PrivateEndpoint,
    /// The subnet of the request.
    Subnet,
    /// The time of the request.
    UtcNow,
    /// A custom security attribute of the principal.
    Custom,
    /// The role that a role assignment assigns.
    RoleDefinition,
    /// The principal that gets a role.
    PrincipalId,
    /// The type of the principal that gets a role.
    PrincipalType,
    /// The suboperation as spelled in the preview of 2021.
    SubOperation,
}

use Known as K;

/// The attribute, its path (or the start of the path if a key follows), its type, and a name for people.
const ATTRIBUTES: &[(Known, &str, Holds, &str)] = &[
    (K::Account, ACCOUNT_NAME, Holds::Text, "the account's name"),
    (
        K::Hns,
        "Microsoft.Storage/storageAccounts:isHnsEnabled",
        Holds::Bool,
        "the account has a hierarchical namespace",
    ),
    (K::Container, CONTAINER_NAME, Holds::Text, "the container's name"),
    (K::Path, BLOB_PATH, Holds::Text, "the blob's name"),
    (K::Prefix, BLOB_PREFIX, Holds::Text, "the prefix of the listing"),
    (
        K::Include,
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs:include",
        Holds::Texts,
        "what the listing includes",
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
    /// Finds the attribute with this path, in any letter case.
    pub(super) fn of(path: &str) -> Option<Self> {
        // `get` instead of slicing: the path may have a character across the position.
        let after = |start: &str| {
            let head = path.get(..start.len())?;
            head.eq_ignore_ascii_case(start).then(|| path.get(start.len()..)).flatten()
        };
        ATTRIBUTES.iter().map(|(known, ..)| *known).find(|known| match known {
            // A tag's path must end with the mark. Without it, Azure does not know the attribute.
            Self::Tag => after(TAG)
                .and_then(|key| key.strip_suffix(TAG_MARK))
                .is_some_and(|key| !key.is_empty()),
            Self::Metadata | Self::Custom => after(known.path()).is_some_and(|key| !key.is_empty()),
            _ => known.path().eq_ignore_ascii_case(path),
        })
    }

    /// Returns the documented path that is most similar to an unknown one, if any is similar enough.
    pub(super) fn nearest(path: &str) -> Option<&'static str> {
        let lower = path.to_ascii_lowercase();
        // Paths with a key are left out: the key makes every distance large.
        ATTRIBUTES
            .iter()
            .filter(|(known, ..)| !matches!(known, Self::Tag | Self::Metadata | Self::Custom))
            // A quarter of the path may differ, which allows a wrong service or a missing segment.
            .filter_map(|(_, known, ..)| {
                let edits = edits(&lower, &known.to_ascii_lowercase(), known.len() / 4)?;
                Some((edits, *known))
            })
            .min()
            .map(|(_, known)| known)
    }

    /// Returns the attribute's row of the table.
    fn row(self) -> Option<&'static (Known, &'static str, Holds, &'static str)> {
        // Each row has a variant of its own, so the first match is the only one.
        ATTRIBUTES.iter().find(|(known, ..)| *known == self)
    }

    /// Returns the path, or the start of the path if a key follows.
    pub(super) fn path(self) -> &'static str {
        self.row().map_or("", |row| row.1)
    }

    /// Returns the type of the value.
    pub(super) fn holds(self) -> Holds {
        self.row().map_or(Holds::Text, |row| row.2)
    }

    /// Returns a name for explanations.
    pub(super) fn title(self) -> &'static str {
        self.row().map_or("", |row| row.3)
    }

    /// Returns the wording for false; only truth values have one.
    pub(super) fn opposite(self) -> Option<&'static str> {
        match self {
            Self::Hns => Some("the account has no hierarchical namespace"),
            Self::CurrentVersion => Some("it is not the current version"),
            Self::PrivateLink => Some("the request did not come over a private link"),
            _ => None,
        }
    }

    /// Returns whether a request can lack the attribute although its action supports it.
    ///
    /// A negated comparison with such an attribute is undecided for requests without it.
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

/// An action that conditions can limit, or one suboperation of it.
#[derive(Debug)]
pub(super) struct Action {
    /// The action in words, as the object of "allows to".
    pub(super) title: &'static str,
    /// The action's name in role definitions.
    pub(super) name: &'static str,
    /// The suboperation, if the row is about one.
    pub(super) suboperation: Option<&'static str>,
    /// The resource attributes in addition to those that every storage action has.
    resource: &'static [Known],
    /// The request attributes.
    request: &'static [Known],
}

/// Declares the table of actions: title, name, suboperation, resource attributes, request attributes.
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

// The rows follow the pages of the actions. An attribute that a row does not list is not available.
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

/// The documented suboperations. The second one is only valid in conditions of the preview.
pub(super) const SUBOPERATIONS: &[&str] =
    &[BLOB_LIST, "Blob.Read.WithTagConditions", "Blob.Write.WithTagHeaders", "Blob.Write.Tier"];

impl Action {
    /// Returns whether requests of this action can have the attribute.
    pub(super) fn has(&self, source: Source, known: Known) -> bool {
        match source {
            // These come from the sign-in and the network, so every action has them.
            Source::Environment => {
                matches!(known, K::PrivateLink | K::PrivateEndpoint | K::Subnet | K::UtcNow)
            }
            Source::Principal => known == K::Custom,
            Source::Request => known == K::SubOperation || self.request.contains(&known),
            Source::Resource => {
                // Accounts have their attributes for every storage action, but not for the
                // assignment of roles.
                let of_account = matches!(known, K::Account | K::Hns);
                (of_account && self.name.starts_with("Microsoft.Storage/"))
                    || self.resource.contains(&known)
            }
        }
    }
}
