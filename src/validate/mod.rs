//! What makes a blob an asset: rules, and a verdict for each blob.
//!
//! [`Rules::default`] is the profile of a vision platform: 14 image and 19 video extensions, at
//! most 256 MiB an image and 512 GiB a video, the extension and the stored Content-Type in
//! agreement. Every rule can be changed, and a [`Filter`] says what is wanted at all. Nothing here does
//! I/O.

mod collisions;
mod filter;
mod findings;
mod fingerprint;
mod format;
mod read_back;
mod rules;
mod stable;
mod suspicious_name;

use std::{borrow::Cow, fmt};

use serde::{Serialize, Serializer};

pub(crate) use self::{
    collisions::{Collisions, Seen},
    rules::Judgement,
    stable::Fnv,
};
pub use self::{
    filter::{Filter, FilterBuilder},
    findings::Findings,
    format::{Format, Kind},
    rules::{Action, Rules},
};
use crate::store::{Blob, ContentType, ETag, Malformed, Text};

/// What became of one entry of the listing
///
/// Deliberately complete: there is no third way out.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It is an asset
    Accept(Asset),
    /// It is not, and why
    Reject(Rejection),
}

impl Verdict {
    /// The name of the blob; `None` where the listing had no readable one
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Accept(asset) => Some(&asset.blob.name),
            Self::Reject(rejection) => rejection.name.as_deref(),
        }
    }

    /// The asset, where it is one
    pub fn asset(&self) -> Option<&Asset> {
        match self {
            Self::Accept(asset) => Some(asset),
            Self::Reject(_) => None,
        }
    }

    /// The rejection, where it is one
    pub fn rejection(&self) -> Option<&Rejection> {
        match self {
            Self::Accept(_) => None,
            Self::Reject(rejection) => Some(rejection),
        }
    }
}

/// The descriptor of an image or a video
///
/// In JSON the fields of the blob, `kind`, `media_type` and `findings` stand side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Asset {
    /// The blob, as listed
    #[serde(flatten)]
    pub blob: Blob,
    /// Image or video
    pub kind: Kind,
    /// The media type that its name stands for; the stored one is `blob.content_type`
    pub media_type: ContentType,
    /// What is odd about it, and yet no reason to reject it
    #[serde(skip_serializing_if = "<[Finding]>::is_empty")]
    pub findings: Findings,
}

/// An entry of the listing that is no asset
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Rejection {
    /// The name; `None` where the listing had no readable one
    pub name: Option<String>,
    /// The size in bytes, where it is known
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The version, where it is known
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<ETag>,
    /// The version id, in an account with versioning
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<Text>,
    /// Whether this version is the current one, in an account with versioning
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_current_version: Option<bool>,
    /// The snapshot's time stamp; `None` for a base blob
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Text>,
    /// Why, as a stable code
    pub reason: Reason,
    /// Why, in words
    pub detail: Cow<'static, str>,
}

impl Rejection {
    /// Not inlined: a blob that is accepted is copied as a whole where nobody takes one apart
    #[inline(never)]
    fn of(blob: Blob, finding: Finding) -> Verdict {
        Verdict::Reject(Self {
            name: Some(blob.name),
            size: (blob.size <= rules::MAX_SIZE).then_some(blob.size),
            etag: blob.etag,
            version_id: blob.version_id,
            is_current_version: blob.is_current_version,
            snapshot: blob.snapshot,
            reason: finding.reason,
            detail: finding.detail,
        })
    }
}

impl From<Malformed> for Rejection {
    fn from(entry: Malformed) -> Self {
        Self {
            name: entry.name,
            size: None,
            etag: None,
            version_id: None,
            is_current_version: None,
            snapshot: None,
            reason: Reason::Malformed,
            detail: entry.detail.into(),
        }
    }
}

/// Something that a rule has found
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What, as a stable code
    pub reason: Reason,
    /// What, in words
    pub detail: Cow<'static, str>,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal),+ $(,)?) => {
        /// Why a blob is rejected, or what is odd about it; each has a stable code and a rule
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* $variant,)+
        }

        impl Reason {
            /// All of them, in the order in which they are looked for
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The stable code
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }
        }
    };
}

reasons! {
    /// The entry of the listing cannot be read, or has a size above 2^53 bytes (8 PiB), which no blob
    /// has; always rejected
    Malformed = "malformed",
    /// The filter leaves it out: nobody asked for it
    Filtered = "filtered",
    /// It stands for a folder
    Directory = "directory",
    /// It is the stub of a symbolic link, as azcopy uploads it: its metadata says `is_symlink`
    ///
    /// Seen only if the listing has metadata: [`Scan::include`](crate::Scan::include) with
    /// [`Include::Metadata`](crate::store::Include::Metadata).
    Symlink = "symlink",
    /// It is a snapshot
    Snapshot = "snapshot",
    /// It is an earlier version
    OldVersion = "old_version",
    /// Its name has no extension
    NoExtension = "no_extension",
    /// Its extension is no format of the rules
    UnsupportedFormat = "unsupported_format",
    /// Its stored Content-Type contradicts its extension
    TypeMismatch = "type_mismatch",
    /// It has zero bytes
    Empty = "empty",
    /// It is larger than its kind may be
    TooLarge = "too_large",
    /// It is in the archive tier, so it cannot be read
    Archived = "archived",
    /// The listing says that nobody can read it, or only with a key of its owner: see
    /// [`Unreadable`](crate::store::Unreadable). Copies that have not finished are seen only with
    /// [`Include::Copies`](crate::store::Include::Copies).
    Unreadable = "unreadable",
    /// It is a file that a system, a network disk, a notebook or an upload tool keeps beside the data,
    /// such as `._IMG_1.JPG` or a file in `@eaDir/`; noted by default
    SystemFile = "system_file",
    /// Its name is legal but breaks tools: control characters, `..`, a trailing dot, `con.jpg`; noted
    /// by default
    OddName = "odd_name",
    /// Another asset has the same name but for letter case or Unicode form (NFC, NFD); noted by default
    CaseCollision = "case_collision",
    /// Another asset has the same name in another folder; noted by default
    BaseNameCollision = "base_name_collision",
}

/// One value for each reason
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByReason<T>([T; Reason::ALL.len()]);

impl<T: Copy> ByReason<T> {
    pub(crate) fn all(value: T) -> Self {
        Self([value; Reason::ALL.len()])
    }
}

#[expect(clippy::indexing_slicing, reason = "the number of a reason is below their count")]
impl<T> std::ops::Index<Reason> for ByReason<T> {
    type Output = T;

    fn index(&self, reason: Reason) -> &T {
        &self.0[reason as usize]
    }
}

#[expect(clippy::indexing_slicing, reason = "the number of a reason is below their count")]
impl<T> std::ops::IndexMut<Reason> for ByReason<T> {
    fn index_mut(&mut self, reason: Reason) -> &mut T {
        &mut self.0[reason as usize]
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
