//! Verdicts: the rules' decision about one entry of a listing.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Finding, Findings, Kind, MAX_SIZE, Reason};
use crate::store::{Blob, ContentType, ETag, Malformed, Text};

/// The decision about one entry of a listing.
///
/// The enum is exhaustive: every entry is accepted or rejected, and none is skipped. In JSON it is an object
/// with `accept` or `reject` in `verdict`, beside the fields of the asset or of the rejection.
///
/// ```
/// use azure_asset_sync::{Reason, Rules, store::Blob};
///
/// let verdict = Rules::default().check(Blob::new("empty.png", 0));
/// assert_eq!(verdict.name(), Some("empty.png"));
/// assert!(verdict.asset().is_none());
/// assert_eq!(verdict.rejection().map(|it| it.reason), Some(Reason::Empty));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// The entry is an asset.
    Accept(Asset),
    /// The entry is no asset, for this reason.
    Reject(Rejection),
}

impl Verdict {
    /// Returns the blob's name, or `None` if the listing had no readable name.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Accept(asset) => Some(&asset.blob.name),
            Self::Reject(rejection) => rejection.name.as_deref(),
        }
    }

    /// Returns the asset, or `None` for a rejection.
    pub fn asset(&self) -> Option<&Asset> {
        match self {
            Self::Accept(asset) => Some(asset),
            Self::Reject(_) => None,
        }
    }

    /// Returns the rejection, or `None` for an asset.
    pub fn rejection(&self) -> Option<&Rejection> {
        match self {
            Self::Accept(_) => None,
            Self::Reject(rejection) => Some(rejection),
        }
    }
}

/// An accepted image or video.
///
/// In JSON the fields of the blob, `kind`, `media_type` and `findings` are on one level; `findings` is
/// left out if there are none.
///
/// ```
/// use azure_asset_sync::{Kind, Rules, store::Blob};
///
/// let verdict = Rules::default().check(Blob::new("a.JPG", 40_000));
/// let asset = verdict.asset().ok_or("rejected")?;
/// assert_eq!((asset.kind, asset.media_type.as_str()), (Kind::Image, "image/jpeg"));
/// let json = serde_json::to_value(asset)?;
/// assert_eq!(json["kind"], "image");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Asset {
    /// The blob as listed.
    #[serde(flatten)]
    pub blob: Blob,
    /// Image or video.
    pub kind: Kind,
    /// The media type by the name's extension. The stored Content-Type is `blob.content_type`.
    pub media_type: ContentType,
    /// The unusual properties of the blob that are no reason to reject it.
    #[serde(default, skip_serializing_if = "<[Finding]>::is_empty")]
    pub findings: Findings,
}

/// An entry of a listing that is no asset, with the reason.
///
/// ```
/// use azure_asset_sync::{Rules, store::Blob};
///
/// let verdict = Rules::default().check(Blob::new("big.png", 300 << 20));
/// let rejection = verdict.rejection().ok_or("accepted")?;
/// assert_eq!(rejection.reason.as_str(), "too_large");
/// assert_eq!(rejection.detail, "image is 300 MiB; the limit is 256 MiB");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Rejection {
    /// The name, or `None` if the listing had no readable name.
    pub name: Option<String>,
    /// The size in bytes, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The ETag, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<ETag>,
    /// The version id, in an account with versioning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<Text>,
    /// Whether this version is the current one, in an account with versioning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_current_version: Option<bool>,
    /// The snapshot's time stamp, or `None` for a base blob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Text>,
    /// The reason, as a stable code.
    pub reason: Reason,
    /// The reason in words, for people. The wording may change between versions.
    pub detail: Cow<'static, str>,
}

impl Rejection {
    /// Rejects a blob.
    // Not inlined: otherwise the compiler takes every blob apart, and the accepted ones, which are most,
    // are copied field by field instead of as a block.
    #[inline(never)]
    fn of(blob: Blob, finding: Finding) -> Verdict {
        Verdict::Reject(Self {
            name: Some(blob.name),
            // Sizes that are not believed are not shown either.
            size: (blob.size <= MAX_SIZE).then_some(blob.size),
            etag: blob.etag,
            version_id: blob.version_id,
            is_current_version: blob.is_current_version,
            snapshot: blob.snapshot,
            reason: finding.reason,
            detail: finding.detail,
        })
    }
}

/// An entry that could not be decoded, as a rejection for [`Reason::Malformed`].
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

/// The decision about a blob, without the blob: the only type between the rules and [`Verdict`].
///
/// It is small, so that a scan can classify many blobs at once before it hands them out.
pub(crate) enum Classification {
    Accept {
        kind: Kind,
        media_type: ContentType,
        findings: Findings,
        /// The position of the format in the rules, if the extension has one. Reports count by it.
        format: Option<usize>,
    },
    Reject(Finding),
}

impl Classification {
    /// Returns the verdict for the blob that was classified.
    #[inline]
    pub(crate) fn verdict(self, blob: Blob) -> Verdict {
        match self {
            // The position of the format only serves reports.
            Self::Accept { kind, media_type, findings, format: _ } => {
                Verdict::Accept(Asset { blob, kind, media_type, findings })
            }
            Self::Reject(finding) => Rejection::of(blob, finding),
        }
    }
}
