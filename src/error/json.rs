//! The JSON form of an error, by which the outcome of a run is stored and sent.

use std::{
    error::Error as StdError,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Detail, Error, ErrorKind};
use crate::iso;

/// An error as an object. The source is the text of all causes, because their types are lost.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename = "Error")]
struct Form {
    /// The kind, to match on.
    kind: ErrorKind,
    /// What happened, to what, and what to do about it.
    message: String,
    /// The HTTP status, if there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// The error code of the service, or `AADSTS…` of the authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// The ID under which Azure support finds the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// How long the service wants clients to wait.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_duration")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<iso::schema::Iso8601>"))]
    retry_after: Option<Duration>,
    /// What is known beyond kind and code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<Detail>,
    /// The time of day at the service when it answered.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "iso::optional_time")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<iso::schema::Time>"))]
    served_at: Option<SystemTime>,
    /// Whether the sign-in failed, and not the request to storage.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    in_sign_in: bool,
    /// The causes, the nearest first, separated by colons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

/// A duration that may be missing.
mod optional_duration {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => iso::duration::serialize(duration, to),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        #[derive(Deserialize)]
        struct Iso(#[serde(with = "iso::duration")] Duration);
        Ok(Option::<Iso>::deserialize(from)?.map(|Iso(duration)| duration))
    }
}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut causes = Vec::new();
        let mut cause = self.source();
        while let Some(known) = cause {
            causes.push(known.to_string());
            cause = known.source();
        }
        let inner = &self.0;
        let form = Form {
            kind: inner.kind,
            message: inner.message.clone(),
            status: inner.status,
            code: inner.code.clone(),
            request_id: inner.request_id.clone(),
            retry_after: inner.retry_after,
            detail: inner.detail,
            served_at: inner.served_at,
            in_sign_in: inner.in_sign_in,
            source: (!causes.is_empty()).then(|| causes.join(": ")),
        };
        form.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Error {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form = Form::deserialize(deserializer)?;
        let mut error = Self::new(form.kind, form.message);
        error.0.status = form.status;
        error.0.code = form.code;
        error.0.request_id = form.request_id;
        error.0.retry_after = form.retry_after;
        error.0.detail = form.detail;
        error.0.served_at = form.served_at;
        error.0.in_sign_in = form.in_sign_in;
        Ok(match form.source {
            Some(source) => error.with_source(source),
            None => error,
        })
    }
}

crate::schema::schema_as!(Error, Form);
