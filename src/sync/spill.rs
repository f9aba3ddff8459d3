//! Verdicts as text, for a run that must sort a listing on the disk before it can compare it.
//!
//! Each property of a blob that a sink is given is written down: [`Spilled::from`] takes a blob apart
//! without `..`, so that a new property cannot be forgotten here.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    store::{
        AccessTier, Blob, BlobType, ContentMd5, ContentType, ETag, Metadata, Text, Unreadable,
    },
    validate::{Asset, Finding, Kind, Reason, Rejection, Verdict},
};

/// A verdict that can be written and read again
#[derive(Serialize, Deserialize)]
pub(super) enum Spilled {
    Asset(Box<SpilledAsset>),
    Rejection {
        name: Option<String>,
        size: Option<u64>,
        etag: Option<ETag>,
        reason: Reason,
        detail: Cow<'static, str>,
    },
}

#[derive(Serialize, Deserialize)]
pub(super) struct SpilledAsset {
    name: String,
    size: u64,
    etag: Option<ETag>,
    last_modified: Option<Time>,
    created: Option<Time>,
    content_type: Option<ContentType>,
    content_encoding: Option<String>,
    content_md5: Option<ContentMd5>,
    blob_type: Option<String>,
    access_tier: Option<AccessTier>,
    version_id: Option<String>,
    is_current_version: Option<bool>,
    snapshot: Option<String>,
    is_directory: bool,
    unreadable: Option<Unreadable>,
    metadata: BTreeMap<String, String>,
    kind: Kind,
    media_type: ContentType,
    findings: Vec<(Reason, Cow<'static, str>)>,
}

/// A time, also before 1970
#[derive(Serialize, Deserialize)]
enum Time {
    After(Duration),
    Before(Duration),
}

impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => Self::After(since),
            Err(error) => Self::Before(error.duration()),
        }
    }
}

impl Time {
    fn read(self) -> Option<SystemTime> {
        match self {
            Self::After(since) => SystemTime::UNIX_EPOCH.checked_add(since),
            Self::Before(until) => SystemTime::UNIX_EPOCH.checked_sub(until),
        }
    }
}

impl From<Verdict> for Spilled {
    fn from(verdict: Verdict) -> Self {
        let Asset { blob, kind, media_type, findings } = match verdict {
            Verdict::Accept(asset) => asset,
            Verdict::Reject(Rejection { name, size, etag, reason, detail }) => {
                return Self::Rejection { name, size, etag, reason, detail };
            }
        };
        let Blob {
            name,
            size,
            etag,
            last_modified,
            created,
            content_type,
            content_encoding,
            content_md5,
            blob_type,
            access_tier,
            version_id,
            is_current_version,
            snapshot,
            is_directory,
            unreadable,
            metadata,
        } = blob;
        let text = |text: Text| text.as_str().to_owned();
        let pair = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let finding = |Finding { reason, detail }| (reason, detail);
        Self::Asset(Box::new(SpilledAsset {
            name,
            size,
            etag,
            last_modified: last_modified.map(Time::from),
            created: created.map(Time::from),
            content_type,
            content_encoding: content_encoding.map(text),
            content_md5,
            blob_type: blob_type.map(|blob_type| blob_type.as_str().to_owned()),
            access_tier,
            version_id: version_id.map(text),
            is_current_version,
            snapshot: snapshot.map(text),
            is_directory,
            unreadable,
            metadata: metadata.iter().map(pair).collect(),
            kind,
            media_type,
            findings: findings.into_iter().map(finding).collect(),
        }))
    }
}

impl From<Spilled> for Verdict {
    fn from(spilled: Spilled) -> Self {
        let spilled = match spilled {
            Spilled::Asset(asset) => *asset,
            Spilled::Rejection { name, size, etag, reason, detail } => {
                return Self::Reject(Rejection { name, size, etag, reason, detail });
            }
        };
        let text = |text: Option<String>| text.as_deref().map(Text::from);
        let blob = Blob {
            etag: spilled.etag,
            last_modified: spilled.last_modified.and_then(Time::read),
            created: spilled.created.and_then(Time::read),
            content_type: spilled.content_type,
            content_encoding: text(spilled.content_encoding),
            content_md5: spilled.content_md5,
            blob_type: spilled.blob_type.as_deref().map(BlobType::from),
            access_tier: spilled.access_tier,
            version_id: text(spilled.version_id),
            is_current_version: spilled.is_current_version,
            snapshot: text(spilled.snapshot),
            is_directory: spilled.is_directory,
            unreadable: spilled.unreadable,
            metadata: spilled.metadata.into_iter().collect::<Metadata>(),
            ..Blob::new(spilled.name, spilled.size)
        };
        let finding = |(reason, detail)| Finding { reason, detail };
        Self::Accept(Asset {
            blob,
            kind: spilled.kind,
            media_type: spilled.media_type,
            findings: spilled.findings.into_iter().map(finding).collect(),
        })
    }
}

/// The verdict as bytes
pub(super) fn write(verdict: Verdict) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(&Spilled::from(verdict))
        .map_err(|error| Error::state("write down an entry of the listing", error.into()))
}

/// The verdict of these bytes
pub(super) fn read(bytes: &[u8]) -> Result<Verdict, Error> {
    serde_json::from_slice::<Spilled>(bytes)
        .map(Verdict::from)
        .map_err(|error| Error::state("read an entry of the listing", error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::{Findings, Rules};

    #[test]
    fn a_verdict_is_read_as_it_was_written() {
        let mut blob = Blob::new("a\u{0}\n\"\u{20bb7}.jpg", u64::MAX);
        blob.etag = Some(ETag::from("0x1"));
        blob.last_modified = Some(SystemTime::UNIX_EPOCH - Duration::from_millis(1500));
        blob.created = Some(SystemTime::UNIX_EPOCH + Duration::from_nanos(1_500_000_700));
        blob.content_type = Some(ContentType::from("image/x-own"));
        blob.content_encoding = Some(Text::from("gzip"));
        blob.content_md5 = Some(ContentMd5::from([7; 16]));
        blob.blob_type = Some(BlobType::from("NewBlob"));
        blob.access_tier = Some(AccessTier::Cold);
        blob.version_id = Some(Text::from("2026-11-30T10:00:00.1234567Z"));
        blob.is_current_version = Some(true);
        blob.snapshot = Some(Text::from("s"));
        blob.is_directory = true;
        blob.unreadable = Some(Unreadable::CustomerKey);
        blob.metadata = Metadata::from([("a", "1"), ("b", "")]);
        let finding = Finding { reason: Reason::OddName, detail: "odd".into() };
        let asset = |blob: Blob, findings: Findings| {
            let media_type = ContentType::from("image/jpeg");
            Verdict::Accept(Asset { blob, kind: Kind::Image, media_type, findings })
        };
        let verdicts = [
            asset(blob, std::iter::once(finding).collect()),
            asset(Blob::new("b.jpg", 1), Findings::default()),
            Rules::default().check(Blob::new("b.txt", 1)),
            Verdict::Reject(Rejection {
                name: None,
                size: None,
                etag: None,
                reason: Reason::Malformed,
                detail: "no name".into(),
            }),
        ];
        for verdict in verdicts {
            assert_eq!(read(&write(verdict.clone()).unwrap()).unwrap(), verdict);
        }
    }
}
