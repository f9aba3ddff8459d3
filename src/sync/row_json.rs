//! The JSON of a row and of the times in the files of a state.
//!
//! Every line has the same thirteen keys with the same types, because tools such as DuckDB and pandas
//! infer a schema from the first lines. So an absent value is an empty text, not `null`, and the
//! optional [`RemovedIn`] is the two keys `gone_run` and `gone_at`. The names of the keys are part of
//! the on-disk format.

use std::{borrow::Cow, time::SystemTime};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{IntoDeserializer as _, value::Error as ValueError},
    ser::SerializeStruct as _,
};

use super::row::{RemovedIn, Row};
use crate::{
    store::{AccessTier, ContentMd5, ContentType, ETag, read_rfc3339, rfc3339, rfc3339_text},
    validate::{Kind, Reason},
};

/// A line as it is read. Keys that are absent read as empty, so that readers may drop columns.
///
/// Only the name and the size are required.
#[derive(Deserialize)]
struct Line {
    name: String,
    size: u64,
    #[serde(default, deserialize_with = "unless_empty")]
    etag: Option<ETag>,
    #[serde(default, deserialize_with = "time_unless_empty")]
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
    #[serde(default, deserialize_with = "time_unless_empty")]
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
            // `gone_at` is empty if the clock of that run was before 1970, which has no text.
            removed: (line.gone_run > 0).then(|| RemovedIn {
                run: line.gone_run,
                at: line.gone_at.unwrap_or(SystemTime::UNIX_EPOCH),
            }),
            in_doubt: line.in_doubt,
        }
    }
}

// Not derived on `Row`, so that `row.rs` need not know this file.
impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Line::deserialize(deserializer).map(Self::from)
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The order of the keys is part of the format: readers show columns in this order.
        let mut line = serializer.serialize_struct("Row", 13)?;
        line.serialize_field("name", &self.name)?;
        line.serialize_field("size", &self.size)?;
        line.serialize_field("etag", self.etag.as_ref().map_or("", ETag::as_str))?;
        line.serialize_field("last_modified", &time_text(self.last_modified))?;
        // Base64, which is the form in which the service gives it.
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

/// Returns the time in RFC 3339, or an empty text if there is none.
///
/// A time that RFC 3339 cannot express, before year 1 or after 9999, is empty as well.
fn time_text(time: Option<SystemTime>) -> String {
    time.and_then(rfc3339_text).map(|text| text.to_string()).unwrap_or_default()
}

/// Reads a time, or `None` from an empty text.
///
/// # Errors
///
/// Fails if the text is neither empty nor a time in RFC 3339.
fn time_unless_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SystemTime>, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    let parse = |text| humantime::parse_rfc3339(text).map_err(serde::de::Error::custom);
    (!text.is_empty()).then(|| parse(&text)).transpose()
}

/// Reads a value from a text, or `None` from an empty text.
///
/// For types that read from a text and reject the empty one.
fn unless_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    // Through the deserializer of the type, so that its checks apply.
    let value: Result<T, ValueError> = T::deserialize(text.into_deserializer());
    value.map(Some).map_err(serde::de::Error::custom)
}

/// A time that must be there, for the records of a run. Use with `#[serde(with = "…")]`.
pub(super) mod required_time {
    use super::*;

    pub(in crate::sync) fn serialize<S: Serializer>(
        time: &SystemTime,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        rfc3339(&Some(*time), serializer)
    }

    pub(in crate::sync) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SystemTime, D::Error> {
        let time = read_rfc3339(deserializer)?;
        time.ok_or_else(|| serde::de::Error::custom("a time is missing"))
    }
}
