//! The elements of a blob that this crate reads.
//!
//! Knows names of elements and what they stand for, and nothing of the readers or of how a text is
//! parsed. Source: Microsoft Learn, "List Blobs", "Response body".

use super::element::Open;
use crate::store::Unreadable;

/// An element without children in an entry of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// `Name`, in text that XML can hold.
    Name,
    /// A `Name` with `Encoded="true"`.
    EncodedName,
    /// `Snapshot`: the time of a snapshot.
    Snapshot,
    VersionId,
    IsCurrentVersion,
    /// `Content-Length`: the size in bytes. Without it an entry is malformed.
    ContentLength,
    Etag,
    LastModified,
    CreationTime,
    ContentType,
    ContentEncoding,
    /// `Content-MD5`, in base64.
    ContentMd5,
    BlobType,
    AccessTier,
    /// `ResourceType`: `file` or `directory`, in accounts with a hierarchical namespace only.
    ResourceType,
    /// `Deleted`: `true` for a blob that soft delete keeps.
    Deleted,
    /// `HasVersionsOnly`: `true` for a blob without a current version.
    HasVersionsOnly,
    /// `CustomerProvidedKeySha256`: present if each request must provide the key.
    CustomerKey,
    /// `ArchiveStatus`: for example `rehydrate-pending-to-hot`.
    ArchiveStatus,
    /// `CopyStatus`: `success`, `pending`, `aborted` or `failed`.
    CopyStatus,
    /// `IncrementalCopy`: `true` for the base of incremental copies.
    IncrementalCopy,
    /// An element that this crate does not read.
    Unread,
}

impl Field {
    /// Returns whether the element is a name, encoded or not.
    pub(super) fn is_name(self) -> bool {
        matches!(self, Self::Name | Self::EncodedName)
    }

    /// Returns whether most blobs of a container have the same value in this field.
    ///
    /// A template compares such a text as a whole, and copies the value, instead of parsing the
    /// text.
    pub(super) fn is_shared(self) -> bool {
        matches!(
            self,
            Self::ContentEncoding
                | Self::BlobType
                | Self::AccessTier
                | Self::ResourceType
                | Self::Deleted
                | Self::HasVersionsOnly
                | Self::CustomerKey
                | Self::ArchiveStatus
                | Self::CopyStatus
                | Self::IncrementalCopy
        )
    }

    /// Returns the field of an element that is a child of `Blob`.
    pub(super) fn of_blob(open: Open<'_>) -> Self {
        match open.name {
            b"Name" if open.encoded => Self::EncodedName,
            b"Name" => Self::Name,
            b"Snapshot" => Self::Snapshot,
            b"VersionId" => Self::VersionId,
            b"IsCurrentVersion" => Self::IsCurrentVersion,
            other => Self::of_state(other),
        }
    }

    /// Returns the field of an element that is a child of `Properties`.
    pub(super) fn of_properties(open: Open<'_>) -> Self {
        match open.name {
            b"Content-Length" => Self::ContentLength,
            b"Etag" => Self::Etag,
            b"Last-Modified" => Self::LastModified,
            b"Creation-Time" => Self::CreationTime,
            b"Content-Type" => Self::ContentType,
            b"Content-Encoding" => Self::ContentEncoding,
            b"Content-MD5" => Self::ContentMd5,
            b"BlobType" => Self::BlobType,
            b"AccessTier" => Self::AccessTier,
            b"ResourceType" => Self::ResourceType,
            other => Self::of_state(other),
        }
    }

    /// Returns the field of an element that can mean that a blob is unreadable.
    ///
    /// The readers look for them in `Blob` and in `Properties`: `Deleted` is a child of the former,
    /// and `CopyStatus` of the latter.
    pub(super) fn of_state(name: &[u8]) -> Self {
        match name {
            b"Deleted" => Self::Deleted,
            b"HasVersionsOnly" => Self::HasVersionsOnly,
            b"CustomerProvidedKeySha256" => Self::CustomerKey,
            b"ArchiveStatus" => Self::ArchiveStatus,
            b"CopyStatus" => Self::CopyStatus,
            b"IncrementalCopy" => Self::IncrementalCopy,
            _ => Self::Unread,
        }
    }

    /// Returns why a blob is unreadable if this field has this text, or `None` if the text does not
    /// say so.
    pub(super) fn unreadable(self, text: &str) -> Option<Unreadable> {
        let (is_so, why) = match self {
            Self::Deleted => (text == "true", Unreadable::Deleted),
            Self::HasVersionsOnly => (text == "true", Unreadable::NoCurrentVersion),
            Self::CustomerKey => (!text.is_empty(), Unreadable::CustomerKey),
            Self::ArchiveStatus => (text.starts_with("rehydrate-pending"), Unreadable::Rehydrating),
            Self::CopyStatus => {
                (matches!(text, "pending" | "aborted" | "failed"), Unreadable::CopyIncomplete)
            }
            Self::IncrementalCopy => (text == "true", Unreadable::IncrementalCopy),
            _ => return None,
        };
        is_so.then_some(why)
    }
}
