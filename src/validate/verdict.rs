//! Verdicts: what the rules decided about one entry of a listing.

use std::borrow::Cow;

use serde::Serialize;

use super::{Finding, Findings, Kind, MAX_SIZE, Reason};
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

/// What became of a blob, apart from the blob: small, so that many can wait
pub(crate) enum Classification {
    Accept {
        kind: Kind,
        media_type: ContentType,
        findings: Findings,
        /// The place of its format in the rules, where its extension stands for one
        format: Option<usize>,
    },
    Reject(Finding),
}

impl Classification {
    /// The same, with the blob that was judged
    #[inline]
    pub(crate) fn verdict(self, blob: Blob) -> Verdict {
        match self {
            Self::Accept { kind, media_type, findings, format: _ } => {
                Verdict::Accept(Asset { blob, kind, media_type, findings })
            }
            Self::Reject(finding) => Rejection::of(blob, finding),
        }
    }
}
