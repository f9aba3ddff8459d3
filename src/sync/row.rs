//! What is remembered of one blob, and what a new listing makes of it.

use std::{
    borrow::Cow,
    time::{Duration, SystemTime},
};

use serde::Deserialize;
use xxhash_rust::xxh3::Xxh3;

use crate::{
    sink::{Change, Removal},
    store::{AccessTier, Blob, ContentMd5, ContentType, ETag, read_rfc3339, rfc3339},
    validate::{Asset, Findings, Kind, Reason, Rejection, Verdict},
};

/// A line of a manifest: what the last run knew of one blob
///
/// As JSON, each line has the same keys with the same types, because readers learn both from the first
/// lines: an absent text is `""`, and `removed` is `gone_run`, which is 0, and `gone_at`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(from = "super::line::Line")]
#[non_exhaustive]
pub struct Row {
    /// The name
    pub name: String,
    /// The size in bytes
    pub size: u64,
    /// The version
    pub etag: Option<ETag>,
    /// When it was last written
    pub last_modified: Option<SystemTime>,
    /// The MD5 of its content
    pub content_md5: Option<ContentMd5>,
    /// The access tier, if it is an asset: it changes without a new ETag
    pub access_tier: Option<AccessTier>,
    /// Image or video, if it is an asset, or was one when it was last reported as one
    pub kind: Option<Kind>,
    /// The media type, if it is an asset
    pub media_type: Option<ContentType>,
    /// Why it is no asset
    pub reason: Option<Reason>,
    /// The same in words
    pub detail: Option<Cow<'static, str>>,
    /// Since when it is missing, or no asset any more
    pub removed: Option<RemovedIn>,
    /// Whether a sink may know another version than this row has, because a run was interrupted in
    /// the middle of a batch; the next run that lists the blob reports it again
    pub in_doubt: bool,
}

/// Since when a blob is missing, or no asset any more
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemovedIn {
    /// The number of the run that found it so; the first run is 1
    pub run: u64,
    /// When that run began
    pub at: SystemTime,
}

/// An empty ETag is absent, as it is in a line
fn known(etag: &Option<ETag>) -> Option<&ETag> {
    etag.as_ref().filter(|etag| !etag.as_str().is_empty())
}

/// An empty tier is absent, as it is in a line
fn tier(tier: &Option<AccessTier>) -> Option<&AccessTier> {
    tier.as_ref().filter(|tier| !tier.as_str().is_empty())
}

/// The time as a row keeps it, and as the service gives it
fn whole_seconds(time: SystemTime) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds(time))
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A time that is there
pub(super) mod time {
    use super::*;

    pub(in crate::sync) fn serialize<S: serde::Serializer>(
        time: &SystemTime,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        rfc3339(&Some(*time), serializer)
    }

    pub(in crate::sync) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SystemTime, D::Error> {
        let time = read_rfc3339(deserializer)?;
        time.ok_or_else(|| serde::de::Error::custom("a time is missing"))
    }
}

/// What a sink was told of a row last
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reported {
    /// That it is an asset
    Asset,
    /// That it is none
    Rejection,
    /// That it is removed
    Removed,
}

/// The run that looks at rows
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) number: u64,
    pub(super) at: SystemTime,
    /// Removals of runs up to this number were told
    pub(super) told: u64,
    /// For how many runs a row stays behind what was removed
    pub(super) tombstones: u64,
}

impl Run {
    pub(super) fn removed(&self) -> RemovedIn {
        RemovedIn { run: self.number, at: self.at }
    }

    /// Whether nothing needs to know any more of what was removed with that run
    pub(super) fn is_over(&self, removed: u64) -> bool {
        removed <= self.told && self.number.saturating_sub(removed) > self.tombstones
    }
}

impl Row {
    /// The row of a verdict on a blob with a name
    fn of(verdict: &Verdict) -> Option<Self> {
        Some(match verdict {
            Verdict::Accept(asset) => Self {
                name: asset.blob.name.clone(),
                size: asset.blob.size,
                etag: known(&asset.blob.etag).cloned(),
                last_modified: asset.blob.last_modified.map(whole_seconds),
                content_md5: asset.blob.content_md5,
                access_tier: tier(&asset.blob.access_tier).cloned(),
                kind: Some(asset.kind),
                media_type: Some(asset.media_type.clone()),
                reason: None,
                detail: None,
                removed: None,
                in_doubt: false,
            },
            Verdict::Reject(rejection) => Self {
                name: rejection.name.clone()?,
                size: rejection.size.unwrap_or_default(),
                etag: known(&rejection.etag).cloned(),
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

    /// Whether the listing had it
    pub fn is_listed(&self) -> bool {
        self.removed.is_none() || (self.kind.is_some() && self.reason.is_some())
    }

    /// Whether it is an asset that the listing had
    pub fn is_asset(&self) -> bool {
        self.kind.is_some() && self.reason.is_none() && self.removed.is_none()
    }

    /// The asset, where it is one that the listing had
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

    /// What a sink knows of it, that was told of all removals up to a run
    pub(super) fn last_reported(&self, removals: u64) -> Reported {
        let is_told = self.removed.is_none_or(|removed| removed.run <= removals);
        match (self.kind, self.reason, self.removed) {
            (Some(_), _, Some(_)) if !is_told => Reported::Asset,
            (Some(_), None, None) => Reported::Asset,
            (Some(_), None, Some(_)) => Reported::Removed,
            (None, _, Some(_)) if is_told => Reported::Removed,
            (_, _, _) => Reported::Rejection,
        }
    }

    /// The same row, if nobody knows any more whether it is missing
    ///
    /// What the listing has as a rejection is removed as an asset, and stays so.
    pub(super) fn not_missing(mut self, removals: u64) -> Self {
        if self.kind.is_none() || self.reason.is_none() {
            self.removed = self.removed.filter(|removed| removed.run <= removals);
        }
        self
    }

    /// The changes that tell of what is removed with it
    pub(super) fn removal_changes(&self, moved_to: Option<String>) -> impl Iterator<Item = Change> {
        let rejected = (self.is_listed()).then(|| self.rejection()).flatten();
        [Some(self.removal(moved_to)), rejected.map(Change::Rejected)].into_iter().flatten()
    }

    fn removal(&self, moved_to: Option<String>) -> Change {
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

    fn rejection(&self) -> Option<Rejection> {
        Some(Rejection {
            name: Some(self.name.clone()),
            size: Some(self.size),
            etag: self.etag.clone(),
            // A job lists no versions and no snapshots.
            version_id: None,
            is_current_version: None,
            snapshot: None,
            reason: self.reason?,
            detail: self.detail.clone().unwrap_or_default(),
        })
    }

    /// Whether a sink that knows this row need not be told of the new one
    ///
    /// Of the properties that change without a new ETag, the listing gives sinks the access tier
    /// alone. The MD5 is compared for services that do not keep Azure's rules for ETags.
    fn is_same(&self, new: &Self) -> bool {
        !self.in_doubt
            && self.version() == new.version()
            && self.properties() == new.properties()
            && (self.kind, &self.media_type, self.reason) == (new.kind, &new.media_type, new.reason)
    }

    /// What a sink has of an asset and the ETag may not vouch for
    fn properties(&self) -> (Option<&AccessTier>, Option<ContentMd5>) {
        (self.access_tier.as_ref(), self.content_md5)
    }

    /// Whether a sink that knows the one need not be told of the other
    pub(super) fn tells_as(&self, other: &Self) -> bool {
        self.is_same(other) && self.removed == other.removed
    }

    /// What changes with the content: the ETag, or what stands for it where there is none
    fn version(&self) -> (Option<&ETag>, u64, Option<SystemTime>) {
        (self.etag.as_ref(), self.size, self.last_modified.filter(|_| self.etag.is_none()))
    }
}

/// Returns the row that stays after a run, and adds the changes that a sink is given at once
pub(super) fn merge_row(
    old: Option<Row>,
    new: Option<Verdict>,
    run: &Run,
    changes: &mut Vec<Change>,
) -> Option<Row> {
    let Some(verdict) = new else { return old.and_then(|old| mark_missing(old, run)) };
    let Some(mut row) = Row::of(&verdict) else {
        changes.push(verdict.into());
        return old;
    };
    let Some(old) = old else {
        changes.push(verdict.into());
        return Some(row);
    };
    let change = match (old.last_reported(run.told), verdict) {
        (Reported::Asset, Verdict::Accept(asset)) => {
            // Between two assets there was in_doubt a rejection that was not told.
            let is_same = old.reason.is_none() && old.is_same(&row);
            (!is_same).then_some(Change::Changed(asset))
        }
        (Reported::Asset, Verdict::Reject(rejection)) if row.reason == Some(Reason::Filtered) => {
            // The blob is listed, so it is not missing: this is no removal that must wait until all
            // is listed, or that may be withheld.
            changes.push(old.removal(None));
            row.kind = old.kind;
            Some(Change::Rejected(rejection))
        }
        (Reported::Asset, Verdict::Reject(_)) => {
            row.kind = old.kind;
            row.removed = old.removed.or_else(|| Some(run.removed()));
            None
        }
        (Reported::Rejection, Verdict::Reject(rejection)) => {
            let is_same = (row.version(), row.reason) == (old.version(), old.reason);
            let is_same = is_same && !old.in_doubt;
            // Whether it once was an asset.
            (row.kind, row.removed) = (old.kind, old.removed.filter(|_| old.kind.is_some()));
            (!is_same).then_some(Change::Rejected(rejection))
        }
        (Reported::Removed | Reported::Rejection, Verdict::Accept(asset)) => {
            Some(if old.kind.is_some() { Change::Restored(asset) } else { Change::Added(asset) })
        }
        (Reported::Removed, Verdict::Reject(rejection)) => Some(Change::Rejected(rejection)),
    };
    changes.extend(change);
    Some(row)
}

/// The row of what the listing did not have
fn mark_missing(mut old: Row, run: &Run) -> Option<Row> {
    match old.last_reported(run.told) {
        Reported::Removed => {
            return Some(old)
                .filter(|old| !old.removed.is_some_and(|removed| run.is_over(removed.run)));
        }
        Reported::Asset => {
            old.removed = old.removed.or_else(|| Some(run.removed()));
            (old.reason, old.detail) = (None, None);
        }
        Reported::Rejection => {
            old.removed =
                old.removed.filter(|_| old.kind.is_none()).or_else(|| Some(run.removed()));
            old.kind = None;
        }
    }
    Some(old)
}

/// The fingerprint of what a listing has: names, versions, and what is thought of them
///
/// XXH3 with 128 bits, which others can compute again.
#[derive(Default)]
pub(super) struct Fingerprint(Xxh3);

impl Fingerprint {
    pub(super) fn add(&mut self, verdict: &Verdict) {
        self.line(match verdict {
            Verdict::Accept(asset) => Line {
                name: &asset.blob.name,
                etag: known(&asset.blob.etag),
                size: asset.blob.size,
                time: asset.blob.last_modified,
                tier: tier(&asset.blob.access_tier),
                md5: asset.blob.content_md5.as_ref(),
                kind: asset.kind.as_str(),
                code: asset.media_type.as_str(),
                in_doubt: false,
            },
            Verdict::Reject(rejection) => Line {
                name: rejection.name.as_deref().unwrap_or_default(),
                etag: known(&rejection.etag),
                size: rejection.size.unwrap_or_default(),
                code: rejection.reason.as_str(),
                ..Line::default()
            },
        });
    }

    pub(super) fn add_row(&mut self, row: &Row) {
        let media_type = row.media_type.as_ref().map_or("", ContentType::as_str);
        self.line(Line {
            name: &row.name,
            etag: row.etag.as_ref(),
            size: row.size,
            time: row.last_modified,
            tier: row.access_tier.as_ref(),
            md5: row.content_md5.as_ref(),
            kind: row.kind.filter(|_| row.reason.is_none()).map_or("", Kind::as_str),
            code: row.reason.map_or(media_type, |reason| reason.as_str()),
            in_doubt: row.in_doubt,
        });
    }

    fn line(&mut self, line: Line<'_>) {
        let time = match line.etag {
            Some(_) => 0,
            None => line.time.map_or(0, seconds),
        };
        let etag = line.etag.map_or("", ETag::as_str);
        let tier = line.tier.map_or("", AccessTier::as_str);
        for text in [line.name, etag, line.kind, line.code, tier] {
            self.0.update(text.as_bytes());
            // No text has a byte 0xff, so that no two lines look the same.
            self.0.update(b"\xff");
        }
        self.0.update(&line.size.to_le_bytes());
        self.0.update(&time.to_le_bytes());
        // A row in doubt is like nothing that a listing has.
        self.0.update(&[u8::from(line.md5.is_some()) | u8::from(line.in_doubt) << 1]);
        self.0.update(line.md5.map_or(&[], |md5| md5.as_bytes()));
    }

    pub(super) fn finish(&self) -> u128 {
        self.0.digest128()
    }
}

/// What a fingerprint has of one blob
#[derive(Default)]
struct Line<'a> {
    name: &'a str,
    etag: Option<&'a ETag>,
    size: u64,
    time: Option<SystemTime>,
    tier: Option<&'a AccessTier>,
    md5: Option<&'a ContentMd5>,
    kind: &'a str,
    code: &'a str,
    in_doubt: bool,
}
