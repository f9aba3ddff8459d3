use std::{fmt, str::FromStr, time::SystemTime};

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, ErrorKind},
    store::{Blob, ContentMd5, ETag},
    validate::{Asset, Kind, Rejection, Verdict},
};

/// What is new of one blob
///
/// A scan remembers nothing, so that to it everything is added or rejected. A sync tells what has
/// changed since the run before. In JSON the word stands in `change`, beside the fields of what it
/// is about.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// An asset that was not there
    Added(Asset),
    /// An asset with another ETag than before, or judged otherwise
    Changed(Asset),
    /// An asset that was removed in an earlier run, and is there again
    Restored(Asset),
    /// It is there no longer, or no asset any more, which a [`Rejected`](Self::Rejected) behind
    /// this tells
    Removed(Removal),
    /// It is no asset, and why
    Rejected(Rejection),
}

impl Change {
    /// The name of the blob; `None` where the listing had no readable one
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Added(asset) | Self::Changed(asset) | Self::Restored(asset) => {
                Some(&asset.blob.name)
            }
            Self::Removed(removal) => Some(&removal.name),
            Self::Rejected(rejection) => rejection.name.as_deref(),
        }
    }

    /// The asset as it is now, where there is one
    pub fn asset(&self) -> Option<&Asset> {
        match self {
            Self::Added(asset) | Self::Changed(asset) | Self::Restored(asset) => Some(asset),
            Self::Removed(_) | Self::Rejected(_) => None,
        }
    }

    /// What was removed, where something was
    pub fn removal(&self) -> Option<&Removal> {
        match self {
            Self::Removed(removal) => Some(removal),
            _ => None,
        }
    }

    /// The rejection, where it is one
    pub fn rejection(&self) -> Option<&Rejection> {
        match self {
            Self::Rejected(rejection) => Some(rejection),
            _ => None,
        }
    }
}

impl From<Verdict> for Change {
    #[inline]
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Accept(asset) => Self::Added(asset),
            Verdict::Reject(rejection) => Self::Rejected(rejection),
        }
    }
}

/// A blob that a sink was told of, and that is there no longer: the last that was known of it
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Removal {
    /// The name
    pub name: String,
    /// The size in bytes
    pub size: u64,
    /// The version
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<ETag>,
    /// When it was last written
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::store::rfc3339")]
    pub last_modified: Option<SystemTime>,
    /// The MD5 of its content
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_md5: Option<ContentMd5>,
    /// Image or video; `None` where it was rejected, too
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// The name of an asset that this run has added with the same MD5 and size
    ///
    /// A hint that it was renamed, and no more: many blobs have no MD5, and not every pair is seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<String>,
}

impl Removal {
    /// The removal of an asset, as it was
    ///
    /// For tests of sinks.
    pub fn of(blob: &Blob, kind: Kind) -> Self {
        Self {
            name: blob.name.clone(),
            size: blob.size,
            etag: blob.etag.clone(),
            last_modified: blob.last_modified,
            content_md5: blob.content_md5,
            kind: Some(kind),
            moved_to: None,
        }
    }
}

/// Changes that a sink takes at once
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Batch<'a> {
    /// The run that it is of
    pub run: &'a RunId,
    /// Its number in the run, from 0, without gaps
    ///
    /// A run that was interrupted may give the batch a second time that was the last, with the same
    /// number and maybe other changes: the second takes the place of the first.
    pub sequence: u64,
    /// What is new, never nothing; of a name at most once, but that [`Change::Rejected`] may follow
    /// [`Change::Removed`]
    pub changes: &'a [Change],
}

impl<'a> Batch<'a> {
    /// A batch with this number
    pub fn new(run: &'a RunId, sequence: u64, changes: &'a [Change]) -> Self {
        Self { run, sequence, changes }
    }

    /// The assets that are new or changed
    pub fn assets(&self) -> impl Iterator<Item = &'a Asset> + use<'a> {
        self.changes.iter().filter_map(Change::asset)
    }
}

/// Names a run: 128 random bits, written as 32 hexadecimal digits
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RunId(u128);

impl RunId {
    /// A new one
    pub fn random() -> Self {
        Self(fastrand::u128(..))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunId({self})")
    }
}

impl FromStr for RunId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(text, 16).ok().filter(|_| is_hex);
        number.map(Self).ok_or_else(|| {
            let text = text.chars().take(40).collect::<String>();
            let what = format!("`{}` is no run id: 32 hexadecimal digits", text.escape_debug());
            Error::new(ErrorKind::Config, what)
        })
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for RunId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}
