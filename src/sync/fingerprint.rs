//! The fingerprint by which a block of rows is compared with a listing without being read.
//!
//! XXH3 with 128 bits over the listed rows of a block, in order. For each row: name, ETag, kind,
//! code (media type or rejection reason) and access tier, each followed by the byte `ff`; the size and
//! the time as little-endian `u64`, where the time is 0 if there is an ETag; a byte of flags (1: an MD5
//! follows, 2: in doubt); and the 16 bytes of the MD5. The result is part of the on-disk format.

use std::time::SystemTime;

use xxhash_rust::xxh3::Xxh3;

use super::row::{Row, non_empty_etag, non_empty_tier, unix_seconds};
use crate::{
    store::{AccessTier, ContentMd5, ContentType, ETag},
    validate::{Kind, Verdict},
};

/// A fingerprint that is being computed.
///
/// INVARIANT: [`add`](Self::add) of a verdict and [`add_row`](Self::add_row) of its row hash the same
/// bytes. Otherwise each run would read every block, or miss a change.
#[derive(Default)]
pub(super) struct Fingerprint(Xxh3);

impl Fingerprint {
    /// Adds what a listing has of a blob.
    pub(super) fn add(&mut self, verdict: &Verdict) {
        self.hash(Entry::from(verdict));
    }

    /// Adds a row that was listed.
    pub(super) fn add_row(&mut self, row: &Row) {
        self.hash(Entry::from(row));
    }

    /// Hashes the fields in the order that the header documents.
    fn hash(&mut self, entry: Entry<'_>) {
        // With an ETag the time is redundant, and rejections do not keep it.
        let time = match entry.etag {
            Some(_) => 0,
            None => entry.time.map_or(0, unix_seconds),
        };
        let etag = entry.etag.map_or("", ETag::as_str);
        let tier = entry.tier.map_or("", AccessTier::as_str);
        for text in [entry.name, etag, entry.kind, entry.code, tier] {
            self.0.update(text.as_bytes());
            // UTF-8 has no byte 0xff, so the texts of two entries cannot run into each other.
            self.0.update(b"\xff");
        }
        self.0.update(&entry.size.to_le_bytes());
        self.0.update(&time.to_le_bytes());
        // A row in doubt must differ from everything that a listing has, so that its block is read.
        self.0.update(&[u8::from(entry.md5.is_some()) | u8::from(entry.in_doubt) << 1]);
        self.0.update(entry.md5.map_or(&[], |md5| md5.as_bytes()));
    }

    /// Returns the fingerprint of everything that was added.
    pub(super) fn finish(&self) -> u128 {
        self.0.digest128()
    }
}

/// The fields of one blob that a fingerprint covers.
///
/// A common form of verdicts and rows, so that there is one function that hashes.
#[derive(Default)]
struct Entry<'a> {
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

impl<'a> From<&'a Verdict> for Entry<'a> {
    fn from(verdict: &'a Verdict) -> Self {
        match verdict {
            Verdict::Accept(asset) => Self {
                name: &asset.blob.name,
                etag: non_empty_etag(&asset.blob.etag),
                size: asset.blob.size,
                time: asset.blob.last_modified,
                tier: non_empty_tier(&asset.blob.access_tier),
                md5: asset.blob.content_md5.as_ref(),
                kind: asset.kind.as_str(),
                code: asset.media_type.as_str(),
                in_doubt: false,
            },
            Verdict::Reject(rejection) => Self {
                name: rejection.name.as_deref().unwrap_or_default(),
                etag: non_empty_etag(&rejection.etag),
                size: rejection.size.unwrap_or_default(),
                code: rejection.reason.as_str(),
                // A row of a rejection has neither time nor tier nor MD5.
                ..Self::default()
            },
        }
    }
}

impl<'a> From<&'a Row> for Entry<'a> {
    fn from(row: &'a Row) -> Self {
        let media_type = row.media_type.as_ref().map_or("", ContentType::as_str);
        Self {
            name: &row.name,
            etag: row.etag.as_ref(),
            size: row.size,
            time: row.last_modified,
            tier: row.access_tier.as_ref(),
            md5: row.content_md5.as_ref(),
            // A rejected row keeps the kind of the asset that it was; a listing does not have that.
            kind: row.kind.filter(|_| row.reason.is_none()).map_or("", Kind::as_str),
            code: row.reason.map_or(media_type, |reason| reason.as_str()),
            in_doubt: row.in_doubt,
        }
    }
}
