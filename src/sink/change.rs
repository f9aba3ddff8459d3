//! The input of a sink: changes, in batches of a run.
//!
//! The same types serve scans, which know only additions and rejections, and jobs, which compare
//! with the previous run.

use std::{fmt, str::FromStr, time::SystemTime};

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, ErrorKind},
    store::{Blob, ContentMd5, ETag},
    validate::{Asset, Kind, Rejection, Verdict},
};

/// A change of one blob.
///
/// A scan remembers nothing, so every asset is added. A job reports what has changed since the
/// previous run. Serializes to an object with the word in `change`, beside the fields of the asset,
/// removal or rejection.
///
/// ```
/// use azure_asset_sync::sink::{Change, callback};
///
/// let sink = callback(|change| {
///     match change {
///         Change::Added(asset) | Change::Changed(asset) | Change::Restored(asset) => {
///             println!("store {}", asset.blob.name);
///         }
///         Change::Removed(removal) => println!("delete {}", removal.name),
///         Change::Rejected(rejection) => println!("rejected: {}", rejection.detail),
///         _ => {}
///     }
///     Ok(())
/// });
/// # drop(sink);
/// ```
#[doc(alias = "delta")]
#[doc(alias = "event")]
#[doc(alias = "diff")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "change", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// A new asset.
    Added(Asset),
    /// An asset with another ETag, or another verdict, than in the previous run.
    Changed(Asset),
    /// An asset that was removed in an earlier run, and exists again.
    Restored(Asset),
    /// An asset that no longer exists, or is rejected now. In the latter case a
    /// [`Rejected`](Self::Rejected) with the same name follows.
    #[doc(alias = "deleted")]
    Removed(Removal),
    /// A blob that is not an asset, and the reason.
    Rejected(Rejection),
    /// A change that this version of the crate does not know, read from JSON that a newer version wrote.
    #[serde(other)]
    Other,
}

impl Change {
    /// Returns the name of the blob, or `None` if the listing had no readable name.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Added(asset) | Self::Changed(asset) | Self::Restored(asset) => {
                Some(&asset.blob.name)
            }
            Self::Removed(removal) => Some(&removal.name),
            Self::Rejected(rejection) => rejection.name.as_deref(),
            Self::Other => None,
        }
    }

    /// Returns the asset in its present state, or `None` for a removal or a rejection.
    pub fn asset(&self) -> Option<&Asset> {
        match self {
            Self::Added(asset) | Self::Changed(asset) | Self::Restored(asset) => Some(asset),
            Self::Removed(_) | Self::Rejected(_) | Self::Other => None,
        }
    }

    /// Returns the removal, or `None` if the change is something else.
    pub fn removal(&self) -> Option<&Removal> {
        match self {
            Self::Removed(removal) => Some(removal),
            _ => None,
        }
    }

    /// Returns the rejection, or `None` if the change is something else.
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

/// An asset that was reported to a sink and no longer exists, with its last known properties.
#[doc(alias = "deletion")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Removal {
    /// The name.
    pub name: String,
    /// The size in bytes.
    pub size: u64,
    /// The version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<ETag>,
    /// When the blob was last written.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::iso::optional_time")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::iso::schema::Time>"))]
    pub last_modified: Option<SystemTime>,
    /// The MD5 of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_md5: Option<ContentMd5>,
    /// Image or video; `None` if the blob was rejected before it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// The name of an asset that this run has added, with the same MD5 and size.
    ///
    /// A hint that the blob was renamed: many blobs have no MD5, and not every pair is found.
    #[doc(alias = "rename")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<String>,
}

impl Removal {
    /// Creates the removal of an asset. For tests of sinks.
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

/// Changes that a sink receives at once.
///
/// ```
/// use azure_asset_sync::{Blob, Rules, sink::{Batch, Change, RunId}};
///
/// let changes = [Change::from(Rules::default().check(Blob::new("a.jpg", 10)))];
/// let run = RunId::random();
/// let batch = Batch::new(&run, 0, &changes);
/// assert_eq!(batch.assets().count(), 1);
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Batch<'a> {
    /// The run that the batch belongs to.
    pub run: &'a RunId,
    /// The number of the batch in the run, from 0, without gaps.
    ///
    /// A job that continues an interrupted run may deliver the last batch a second time, with the
    /// same number and possibly other changes. The second delivery replaces the first.
    pub sequence: u64,
    /// The changes, at least one. A name appears at most once, except that [`Change::Rejected`] can
    /// follow [`Change::Removed`].
    pub changes: &'a [Change],
}

impl<'a> Batch<'a> {
    /// Creates a batch with this number.
    pub fn new(run: &'a RunId, sequence: u64, changes: &'a [Change]) -> Self {
        Self { run, sequence, changes }
    }

    /// Returns the assets that are added, changed or restored.
    pub fn assets(&self) -> impl Iterator<Item = &'a Asset> + use<'a> {
        self.changes.iter().filter_map(Change::asset)
    }
}

/// The ID of a run: 128 random bits, written as 32 hexadecimal digits.
///
/// ```
/// use azure_asset_sync::sink::RunId;
///
/// let run = RunId::random();
/// assert_eq!(run.to_string().parse::<RunId>()?, run);
/// # Ok::<(), azure_asset_sync::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RunId(u128);

impl RunId {
    /// Creates a new ID.
    pub fn random() -> Self {
        // Unique, not secret: nothing is protected by a run ID.
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

    /// Parses the text of a run ID.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the text is anything but 32 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, Error> {
        // `from_str_radix` alone would accept a sign and fewer digits.
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(text, 16).ok().filter(|_| is_hex);
        number.map(Self).ok_or_else(|| {
            // Escaped and cut, because the text may come from a damaged file.
            let text = text.chars().take(40).collect::<String>();
            let text = text.escape_debug();
            let what = format!("`{text}` is not a run ID; expected 32 hexadecimal digits");
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

crate::schema::schema_as!(RunId, String);
