//! A row as a line of JSON, in which an absent value is an empty text.

use std::{borrow::Cow, time::SystemTime};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{IntoDeserializer as _, value::Error as ValueError},
    ser::SerializeStruct as _,
};

use super::row::{RemovedIn, Row};
use crate::{
    store::{AccessTier, ContentMd5, ContentType, ETag, rfc3339_text},
    validate::{Kind, Reason},
};

/// The line of a row, as it is read; an absent key is an empty text
#[derive(Deserialize)]
pub(super) struct Line {
    name: String,
    size: u64,
    #[serde(default, deserialize_with = "unless_empty")]
    etag: Option<ETag>,
    #[serde(default, deserialize_with = "time")]
    last_modified: Option<SystemTime>,
    #[serde(default, deserialize_with = "unless_empty")]
    content_md5: Option<ContentMd5>,
    #[serde(default, deserialize_with = "unless_empty")]
    access_tier: Option<AccessTier>,
    #[serde(default, deserialize_with = "unless_empty")]
    kind: Option<Kind>,
    #[serde(default, deserialize_with = "unless_empty")]
    media_type: Option<ContentType>,
    #[serde(default, deserialize_with = "unless_empty")]
    reason: Option<Reason>,
    #[serde(default, deserialize_with = "unless_empty")]
    detail: Option<Cow<'static, str>>,
    #[serde(default)]
    gone_run: u64,
    #[serde(default, deserialize_with = "time")]
    gone_at: Option<SystemTime>,
    #[serde(default)]
    in_doubt: bool,
}

impl From<Line> for Row {
    fn from(line: Line) -> Self {
        Self {
            name: line.name,
            size: line.size,
            etag: line.etag,
            last_modified: line.last_modified,
            content_md5: line.content_md5,
            access_tier: line.access_tier,
            kind: line.kind,
            media_type: line.media_type,
            reason: line.reason,
            detail: line.detail,
            // A clock before 1970 has no text.
            removed: (line.gone_run > 0).then(|| RemovedIn {
                run: line.gone_run,
                at: line.gone_at.unwrap_or(SystemTime::UNIX_EPOCH),
            }),
            in_doubt: line.in_doubt,
        }
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_struct("Row", 13)?;
        line.serialize_field("name", &self.name)?;
        line.serialize_field("size", &self.size)?;
        line.serialize_field("etag", self.etag.as_ref().map_or("", ETag::as_str))?;
        line.serialize_field("last_modified", &time_text(self.last_modified))?;
        match &self.content_md5 {
            Some(md5) => line.serialize_field("content_md5", md5)?,
            None => line.serialize_field("content_md5", "")?,
        }
        let tier = self.access_tier.as_ref().map_or("", AccessTier::as_str);
        line.serialize_field("access_tier", tier)?;
        line.serialize_field("kind", self.kind.map_or("", Kind::as_str))?;
        let media_type = self.media_type.as_ref().map_or("", ContentType::as_str);
        line.serialize_field("media_type", media_type)?;
        line.serialize_field("reason", self.reason.map_or("", Reason::as_str))?;
        line.serialize_field("detail", self.detail.as_deref().unwrap_or_default())?;
        line.serialize_field("gone_run", &self.removed.map_or(0, |removed| removed.run))?;
        line.serialize_field("gone_at", &time_text(self.removed.map(|removed| removed.at)))?;
        line.serialize_field("in_doubt", &self.in_doubt)?;
        line.end()
    }
}

fn time_text(time: Option<SystemTime>) -> String {
    time.and_then(rfc3339_text).map(|text| text.to_string()).unwrap_or_default()
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SystemTime>, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    let parse = |text| humantime::parse_rfc3339(text).map_err(serde::de::Error::custom);
    (!text.is_empty()).then(|| parse(&text)).transpose()
}

fn unless_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    let value: Result<T, ValueError> = T::deserialize(text.into_deserializer());
    value.map(Some).map_err(serde::de::Error::custom)
}
