//! An error as JSON, for a service that stores or sends it.

use jiff::SignedDuration;
use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use super::Error;

/// The same keys for every error. An absent value is null.
///
/// `retry_after` is an ISO 8601 duration. The cause, which is of any type, is not part of the JSON; its
/// text is in the message.
impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let inner = &self.0;
        let mut error = serializer.serialize_struct("Error", 8)?;
        error.serialize_field("kind", inner.kind.as_str())?;
        error.serialize_field("message", &inner.message)?;
        error.serialize_field("is_transient", &self.is_transient())?;
        error.serialize_field("status", &inner.status)?;
        error.serialize_field("code", &inner.code)?;
        error.serialize_field("request_id", &inner.request_id)?;
        // A duration that is too long for the text is as good as none.
        let wait = inner.retry_after.and_then(|wait| SignedDuration::try_from(wait).ok());
        error.serialize_field("retry_after", &wait.map(|wait| wait.to_string()))?;
        error.serialize_field("is_in_sign_in", &inner.in_sign_in)?;
        error.end()
    }
}
