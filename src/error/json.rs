//! The JSON form of an error, by which the outcome of a run is stored and sent.

use jiff::SignedDuration;
use serde::{Serialize, Serializer};

use super::Error;

/// An error as an object. What is not known is left out. The causes are not part of it, because their
/// types are not known.
#[derive(Serialize)]
#[serde(rename = "Error")]
struct Form<'a> {
    kind: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    /// An ISO 8601 duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    in_sign_in: bool,
}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let inner = &self.0;
        // A duration that is too long for the text is as good as none.
        let wait = inner.retry_after.and_then(|wait| SignedDuration::try_from(wait).ok());
        let form = Form {
            kind: inner.kind.as_str(),
            message: &inner.message,
            status: inner.status,
            code: inner.code.as_deref(),
            request_id: inner.request_id.as_deref(),
            retry_after: wait.map(|wait| wait.to_string()),
            in_sign_in: inner.in_sign_in,
        };
        form.serialize(serializer)
    }
}
