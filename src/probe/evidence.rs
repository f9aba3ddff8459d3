//! The evidence of an answer: status, code, request id and duration.
//!
//! Evidence never contains a header, a body or a URL, because these can carry a signature or a token.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::time::whole_millis;
use crate::{error::Error, store::Answer};

/// The facts about one answer that help to find the request in Azure's logs.
///
/// Has no secret, so it can be logged and attached to a support request.
///
/// ```
/// use azure_asset_sync::{Error, probe::Diagnosis};
///
/// let diagnosis = Diagnosis::of(&Error::from_response(403, Some("AuthorizationFailure")));
/// assert_eq!(diagnosis.evidence.status, Some(403));
/// assert_eq!(diagnosis.evidence.to_string(), "HTTP 403, AuthorizationFailure");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Evidence {
    /// The HTTP status, if there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The error code: `x-ms-error-code` of the blob service, or `AADSTS…` of Microsoft Entra ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The action that Azure Resource Manager refused, for example
    /// `Microsoft.Authorization/roleAssignments/write`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The request id, by which Azure support finds the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// How long the answer took. In JSON: ISO 8601, for example `PT0.25S`.
    #[serde(default, alias = "took_ms", with = "crate::iso::duration")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::iso::schema::Iso8601"))]
    pub took: Duration,
}

impl Evidence {
    /// Returns the evidence of a request that failed.
    pub(super) fn of_error(error: &Error, took: Duration) -> Self {
        Self {
            status: error.status(),
            code: error.code().map(str::to_owned),
            action: None,
            request_id: error.request_id().map(str::to_owned),
            took: whole_millis(took),
        }
    }

    /// Returns the evidence of a request that succeeded and shows nothing but its duration.
    pub(super) fn of_time(took: Duration) -> Self {
        Self { took: whole_millis(took), ..Self::default() }
    }

    /// Returns the evidence of an answer to a [`Question`](crate::store::Question).
    pub(super) fn of_answer(answer: &Answer, took: Duration) -> Self {
        Self {
            status: answer.status,
            code: answer.code.clone(),
            action: None,
            request_id: answer.request_id.clone(),
            took: whole_millis(took),
        }
    }
}

impl fmt::Display for Evidence {
    /// Writes the known parts, for example `HTTP 403, AuthorizationFailure, request 0a1b…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            self.status.map(|status| format!("HTTP {status}")),
            self.code.clone(),
            self.request_id.as_ref().map(|id| format!("request {id}")),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}
