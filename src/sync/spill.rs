//! The JSON of verdicts that are spilled to disk, to be sorted before they are compared.
//!
//! A sink receives these verdicts later, so every property must survive. INVARIANT: [`Spilled::from`]
//! destructures a blob and a rejection without `..`, so that a new property does not compile until it
//! is added here. The format is not stable: only the run that wrote it reads it.

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

/// A verdict that can be written and read again.
///
/// Names are written in full, and not as numbers of a table, so that the JSON can be read when a
/// run is debugged.
#[derive(Serialize, Deserialize)]
pub(super) enum Spilled {
    /// An accepted blob. Boxed, because it is several times as large as a rejection.
    Asset(Box<SpilledAsset>),
    /// A rejected blob, or an entry that cannot be read.
    Rejection {
        name: Option<String>,
        size: Option<u64>,
        etag: Option<ETag>,
        version_id: Option<String>,
        is_current_version: Option<bool>,
        snapshot: Option<String>,
        reason: Reason,
        detail: Cow<'static, str>,
    },
}

/// An accepted blob with all of its properties and findings.
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
    /// The reason and the detail of each finding.
    findings: Vec<(Reason, Cow<'static, str>)>,
}

/// A time to the nanosecond, before or after 1970.
#[derive(Serialize, Deserialize)]
enum Time {
    /// Since 1970.
    After(Duration),
    /// Until 1970, because a duration cannot be negative.
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
    /// Returns the time, or `None` if this system cannot represent it.
    fn read(self) -> Option<SystemTime> {
        match self {
            Self::After(since) => SystemTime::UNIX_EPOCH.checked_add(since),
            Self::Before(until) => SystemTime::UNIX_EPOCH.checked_sub(until),
        }
    }
}

impl From<Verdict> for Spilled {
    fn from(verdict: Verdict) -> Self {
        // Texts share their buffer with the page in which they came. The copy lets the page be
        // freed.
        let text = |text: Text| text.as_str().to_owned();
        // Without `..`: see the invariant above.
        let Asset { blob, kind, media_type, findings } = match verdict {
            Verdict::Accept(asset) => asset,
            Verdict::Reject(rejection) => {
                let Rejection {
                    name,
                    size,
                    etag,
                    version_id,
                    is_current_version,
                    snapshot,
                    reason,
                    detail,
                } = rejection;
                return Self::Rejection {
                    name,
                    size,
                    etag,
                    version_id: version_id.map(text),
                    is_current_version,
                    snapshot: snapshot.map(text),
                    reason,
                    detail,
                };
            }
        };
        // Without `..`: see the invariant above.
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
            // In their order, which a sink sees.
            findings: findings.into_iter().map(finding).collect(),
        }))
    }
}

impl From<Spilled> for Verdict {
    fn from(spilled: Spilled) -> Self {
        let text = |text: Option<String>| text.as_deref().map(Text::from);
        let spilled = match spilled {
            Spilled::Asset(asset) => *asset,
            Spilled::Rejection {
                name,
                size,
                etag,
                version_id,
                is_current_version,
                snapshot,
                reason,
                detail,
            } => {
                return Self::Reject(Rejection {
                    name,
                    size,
                    etag,
                    version_id: text(version_id),
                    is_current_version,
                    snapshot: text(snapshot),
                    reason,
                    detail,
                });
            }
        };
        // The struct is not exhaustive for callers, so that it starts from a blob of name and size.
        // Every other field is set.
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

/// Returns the JSON of a verdict.
///
/// # Errors
///
/// [`State`](crate::ErrorKind::State) if the verdict cannot be written as JSON.
pub(super) fn write(verdict: Verdict) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(&Spilled::from(verdict))
        .map_err(|error| Error::state("write an entry of the listing to disk", error.into()))
}

/// Reads a verdict that [`write`] has written.
///
/// # Errors
///
/// [`State`](crate::ErrorKind::State) if the bytes are not what was written. Running again helps,
/// because the next run writes its own file.
pub(super) fn read(bytes: &[u8]) -> Result<Verdict, Error> {
    serde_json::from_slice::<Spilled>(bytes)
        .map(Verdict::from)
        .map_err(|error| Error::state("read an entry of the listing from disk", error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        store::Malformed,
        validate::{Findings, Rules},
    };

    #[test]
    fn verdicts_survive_a_round_trip() {
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
        let mut copy = Blob::new("c.jpg", 1);
        copy.version_id = Some(Text::from("2026-11-30T10:00:00.1234567Z"));
        copy.is_current_version = Some(true);
        copy.snapshot = Some(Text::from("2026-11-30T10:00:01.1234567Z"));
        let verdicts = [
            asset(blob, std::iter::once(finding).collect()),
            asset(Blob::new("b.jpg", 1), Findings::default()),
            Rules::default().check(Blob::new("b.txt", 1)),
            Verdict::Reject(Rejection::from(Malformed::new(None, "no name"))),
            Rules::default().check(copy),
        ];
        for verdict in verdicts {
            assert_eq!(read(&write(verdict.clone()).unwrap()).unwrap(), verdict);
        }
    }
}
