//! The remembered facts about one blob.
//!
//! A [`Row`] is what the manifest keeps of a blob: enough to notice a change, to report a removal, and
//! to export the assets without a listing. How rows are written is in `row_json.rs`, how a listing
//! changes them in `merge/rows.rs`.

use std::{
    borrow::Cow,
    time::{Duration, SystemTime},
};

use super::limits;
use crate::{
    error::Error,
    sink::{Change, Removal},
    store::{AccessTier, Blob, ContentMd5, ContentType, ETag},
    validate::{Asset, Findings, Kind, Reason, Rejection, Verdict},
};

/// A line of a manifest: what the last run knew of one blob.
///
/// As JSON, all lines have the same keys with the same types, because readers infer both from the
/// first lines. An absent text is `""`, and [`removed`](Self::removed) is two keys: `gone_run`, which
/// is 0 if the blob is not removed, and `gone_at`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// The name.
    pub name: String,
    /// The size in bytes.
    pub size: u64,
    /// The version of the content.
    pub etag: Option<ETag>,
    /// The time of the last write, in whole seconds.
    pub last_modified: Option<SystemTime>,
    /// The MD5 of the content.
    pub content_md5: Option<ContentMd5>,
    /// The access tier of an asset. It can change without a new ETag.
    pub access_tier: Option<AccessTier>,
    /// Image or video, if the blob is an asset or was last reported as one.
    pub kind: Option<Kind>,
    /// The media type of an asset.
    pub media_type: Option<ContentType>,
    /// Why the blob is not an asset.
    pub reason: Option<Reason>,
    /// The rejection reason in words.
    pub detail: Option<Cow<'static, str>>,
    /// The run since which the blob has been missing, or has not been an asset any more.
    pub removed: Option<RemovedIn>,
    /// Whether a sink may know another version than this row has, because a run was interrupted
    /// in the middle of a batch. The next run that lists the blob reports it again.
    pub in_doubt: bool,
}

/// The run since which a blob has been missing, or has not been an asset any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemovedIn {
    /// The number of the run that noticed it. The first run has the number 1.
    pub run: u64,
    /// When that run began.
    pub at: SystemTime,
}

/// Returns the ETag of a blob, or `None` if it is empty, because a line cannot tell these apart.
pub(super) fn non_empty_etag(etag: &Option<ETag>) -> Option<&ETag> {
    etag.as_ref().filter(|etag| !etag.as_str().is_empty())
}

/// Returns the access tier of a blob, or `None` if it is empty, because a line cannot tell these apart.
pub(super) fn non_empty_tier(tier: &Option<AccessTier>) -> Option<&AccessTier> {
    tier.as_ref().filter(|tier| !tier.as_str().is_empty())
}

/// Returns the time in whole seconds, as the service gives it and a row keeps it.
fn whole_seconds(time: SystemTime) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(unix_seconds(time))
}

/// Returns the seconds since 1970, or 0 for an earlier time.
pub(super) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The last report to a sink about a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reported {
    /// The sink has the asset.
    Asset,
    /// The sink has a rejection, or has never received the blob as an asset.
    Rejection,
    /// The sink was given the removal.
    Removed,
}

/// The run that compares rows with a listing.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunContext {
    /// The number of the run, from 1.
    pub(super) number: u64,
    /// When the run began.
    pub(super) at: SystemTime,
    /// The removals that runs up to this number noticed were reported.
    pub(super) reported_through: u64,
    /// For how many runs the row of a removed blob is kept.
    pub(super) tombstones: u64,
}

impl RunContext {
    /// Returns the mark of rows that this run finds removed.
    pub(super) fn removed_now(&self) -> RemovedIn {
        RemovedIn { run: self.number, at: self.at }
    }

    /// Returns whether the row of a blob that was removed in a run can be dropped.
    pub(super) fn has_expired(&self, removed: u64) -> bool {
        removed <= self.reported_through && self.number.saturating_sub(removed) > self.tombstones
    }
}

impl Row {
    /// Returns the row of a verdict, or `None` if the entry has no readable name.
    ///
    /// The detail of a rejection is kept for the removal that a sink may receive later.
    pub(super) fn of(verdict: &Verdict) -> Option<Self> {
        Some(match verdict {
            Verdict::Accept(asset) => Self {
                name: asset.blob.name.clone(),
                size: asset.blob.size,
                etag: non_empty_etag(&asset.blob.etag).cloned(),
                last_modified: asset.blob.last_modified.map(whole_seconds),
                content_md5: asset.blob.content_md5,
                access_tier: non_empty_tier(&asset.blob.access_tier).cloned(),
                kind: Some(asset.kind),
                media_type: Some(asset.media_type.clone()),
                reason: None,
                detail: None,
                removed: None,
                in_doubt: false,
            },
            Verdict::Reject(rejection) => Self {
                // Entries without a name cannot be found again, so they have no row.
                name: rejection.name.clone()?,
                size: rejection.size.unwrap_or_default(),
                etag: non_empty_etag(&rejection.etag).cloned(),
                last_modified: None,
                content_md5: None,
                access_tier: None,
                kind: None,
                media_type: None,
                reason: Some(rejection.reason),
                detail: Some(rejection.detail.clone()),
                removed: None,
                in_doubt: false,
            },
        })
    }

    /// Returns whether the last listing had the blob.
    pub fn is_listed(&self) -> bool {
        self.removed.is_none() || (self.kind.is_some() && self.reason.is_some())
    }

    /// Returns whether the blob is an asset that the last listing had.
    pub fn is_asset(&self) -> bool {
        self.kind.is_some() && self.reason.is_none() && self.removed.is_none()
    }

    /// Returns the asset, or `None` if the row [is not one](Self::is_asset).
    pub(super) fn into_asset(self) -> Option<Asset> {
        if !self.is_asset() {
            return None;
        }
        let mut blob = Blob::new(self.name, self.size);
        (blob.etag, blob.last_modified) = (self.etag, self.last_modified);
        (blob.content_md5, blob.access_tier) = (self.content_md5, self.access_tier);
        let (kind, media_type) = (self.kind?, self.media_type?);
        Some(Asset { blob, kind, media_type, findings: Findings::default() })
    }

    /// Returns what a sink was last given for this blob.
    ///
    /// `reported_through` is the last run whose removals were reported. A removal after that run was
    /// noticed, but the sink still has what it had before.
    pub(super) fn last_reported(&self, reported_through: u64) -> Reported {
        let is_reported = self.removed.is_none_or(|removed| removed.run <= reported_through);
        match (self.kind, self.reason, self.removed) {
            // A removal that was withheld, or that this run has still to report.
            (Some(_), _, Some(_)) if !is_reported => Reported::Asset,
            (Some(_), None, None) => Reported::Asset,
            (Some(_), None, Some(_)) => Reported::Removed,
            // A rejection that is gone. Nothing reports it, but the row counts as removed.
            (None, _, Some(_)) if is_reported => Reported::Removed,
            (_, _, _) => Reported::Rejection,
        }
    }

    /// Forgets a removal that was not reported, because the blob may be there after all.
    ///
    /// A blob that is listed as a rejection stays removed as an asset.
    pub(super) fn not_missing(mut self, reported_through: u64) -> Self {
        // With both, the blob is listed, and the removal is that of the asset.
        if self.kind.is_none() || self.reason.is_none() {
            self.removed = self.removed.filter(|removed| removed.run <= reported_through);
        }
        self
    }

    /// Returns the changes that report the removal of this row.
    ///
    /// A blob that is still listed, but rejected now, is reported as a rejection too.
    pub(super) fn removal_changes(
        &self,
        moved_to: Option<String>,
    ) -> impl Iterator<Item = Change> + use<> {
        let rejected = self.is_listed().then(|| self.rejection()).flatten();
        [Some(self.removal(moved_to)), rejected.map(Change::Rejected)].into_iter().flatten()
    }

    /// Returns the change that reports that the asset of this row was removed.
    pub(super) fn removal(&self, moved_to: Option<String>) -> Change {
        Change::Removed(Removal {
            name: self.name.clone(),
            size: self.size,
            etag: self.etag.clone(),
            last_modified: self.last_modified,
            content_md5: self.content_md5,
            kind: self.kind,
            moved_to,
        })
    }

    /// Returns the rejection of the row, or `None` if it was not rejected.
    fn rejection(&self) -> Option<Rejection> {
        Some(Rejection {
            name: Some(self.name.clone()),
            size: Some(self.size),
            etag: self.etag.clone(),
            // A job lists neither versions nor snapshots.
            version_id: None,
            is_current_version: None,
            snapshot: None,
            reason: self.reason?,
            detail: self.detail.clone().unwrap_or_default(),
        })
    }

    /// Returns whether a sink that has this row needs no report of the new row.
    ///
    /// Of the properties that sinks receive, only the access tier changes without a new ETag. The MD5
    /// is compared for services that do not keep Azure's rules for ETags.
    pub(super) fn is_same(&self, new: &Self) -> bool {
        !self.in_doubt
            && self.version() == new.version()
            && self.properties() == new.properties()
            && (self.kind, &self.media_type, self.reason) == (new.kind, &new.media_type, new.reason)
    }

    /// Returns the properties of an asset that can change under the same ETag.
    fn properties(&self) -> (Option<&AccessTier>, Option<ContentMd5>) {
        (self.access_tier.as_ref(), self.content_md5)
    }

    /// Returns whether a sink that has either row needs no report of the other.
    ///
    /// A row in doubt is equivalent to none, because a sink may have another row instead.
    pub(super) fn is_equivalent(&self, other: &Self) -> bool {
        !other.in_doubt && self.is_same(other) && self.removed == other.removed
    }

    /// Returns the version of the content: the ETag and size, and without an ETag also the time.
    pub(super) fn version(&self) -> (Option<&ETag>, u64, Option<SystemTime>) {
        (self.etag.as_ref(), self.size, self.last_modified.filter(|_| self.etag.is_none()))
    }

    /// Checks the numbers of a row that was read.
    ///
    /// The texts need no check: they are at most as long as their block.
    pub(super) fn check(&self) -> Result<(), Error> {
        limits::numbers("a row", [self.removed.map_or(0, |removed| removed.run)])
    }

    /// Returns the most bytes that the row can have as JSON.
    pub(super) fn most_text(&self) -> u64 {
        let etag = self.etag.as_ref().map_or(0, |etag| etag.as_str().len());
        let media_type = self.media_type.as_ref().map_or(0, |media_type| media_type.as_str().len());
        let detail = self.detail.as_ref().map_or(0, |detail| detail.len());
        limits::most_json(self.name.len() + etag + media_type + detail)
    }
}

/// Returns the most bytes that the row of a verdict can have as JSON.
pub(super) fn most_text_of(verdict: &Verdict) -> u64 {
    let name = verdict.name().map_or(0, str::len);
    limits::most_json(match verdict {
        Verdict::Accept(asset) => {
            let etag = asset.blob.etag.as_ref().map_or(0, |etag| etag.as_str().len());
            name + etag + asset.media_type.as_str().len()
        }
        Verdict::Reject(rejection) => {
            let etag = rejection.etag.as_ref().map_or(0, |etag| etag.as_str().len());
            name + etag + rejection.detail.len()
        }
    })
}
