//! The JSON forms of the total and the limit of a preview: objects with a tag.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::report::{StopAfter, Total};
use crate::iso;

/// A total as an object.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename = "Total")]
struct TotalForm {
    /// Whether the number is `exact` or a lower bound, `at_least`.
    total: String,
    /// The number of entries that were listed.
    blobs: u64,
    /// The limit that was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit: Option<StopAfter>,
}

/// A total as it is read: an object, or what earlier versions wrote.
#[derive(Deserialize)]
#[serde(untagged)]
enum StoredTotal {
    Form(TotalForm),
    Exact { exact: u64 },
    AtLeast { at_least: EarlierBound },
}

/// A lower bound as earlier versions wrote it.
#[derive(Deserialize)]
struct EarlierBound {
    blobs: u64,
    bound: StopAfter,
}

impl Serialize for Total {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (total, limit) = match *self {
            Self::Exact(_) => ("exact", None),
            Self::AtLeast { limit, .. } => ("at_least", Some(limit)),
        };
        TotalForm { total: total.to_owned(), blobs: self.blobs(), limit }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Total {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match StoredTotal::deserialize(deserializer)? {
            StoredTotal::Form(form) if form.total == "exact" => Self::Exact(form.blobs),
            // What was listed is a lower bound, whatever a newer version says beyond that.
            StoredTotal::Form(TotalForm { blobs, limit, .. }) => {
                Self::AtLeast { blobs, limit: limit.unwrap_or(StopAfter::Other) }
            }
            StoredTotal::Exact { exact } => Self::Exact(exact),
            StoredTotal::AtLeast { at_least: EarlierBound { blobs, bound } } => {
                Self::AtLeast { blobs, limit: bound }
            }
        })
    }
}

/// A limit as an object. Earlier versions wrote it without the tag.
#[derive(Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename = "StopAfter")]
struct LimitForm {
    /// What is limited: `blobs` or `time`.
    limit: Option<String>,
    /// The number of listed entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    blobs: Option<u64>,
    /// The duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Time>,
}

/// A duration in ISO 8601.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Time(#[serde(with = "iso::duration")] Duration);

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        iso::schema::Iso8601::json_schema(generator)
    }
}

impl Serialize for StopAfter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = match *self {
            Self::Blobs(blobs) => {
                LimitForm { limit: Some("blobs".to_owned()), blobs: Some(blobs), time: None }
            }
            Self::Time(time) => {
                LimitForm { limit: Some("time".to_owned()), blobs: None, time: Some(Time(time)) }
            }
            Self::Other => LimitForm { limit: Some("other".to_owned()), ..LimitForm::default() },
        };
        form.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StopAfter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let LimitForm { limit, blobs, time } = LimitForm::deserialize(deserializer)?;
        match (limit.as_deref(), blobs, time) {
            (Some("blobs") | None, Some(blobs), _) => Ok(Self::Blobs(blobs)),
            (Some("time") | None, _, Some(Time(time))) => Ok(Self::Time(time)),
            (Some("blobs"), ..) => Err(D::Error::missing_field("blobs")),
            (Some("time"), ..) => Err(D::Error::missing_field("time")),
            _ => Ok(Self::Other),
        }
    }
}

crate::schema::schema_as!(Total, TotalForm);
crate::schema::schema_as!(StopAfter, LimitForm);
