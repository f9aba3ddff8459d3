//! The transport for sign-ins: answers of the authority and of the identity endpoint, made safe.
//!
//! `azure_identity` 1.0 adds lifetimes to times without a check, and panics on large ones. It collects
//! bodies without a bound. It reads `error_description` as borrowed text, and loses the whole error,
//! with its code, if that text has a JSON escape such as `\r\n`, as Entra's texts do. Therefore each
//! answer is read up to a bound, checked, and written again with only the fields that the SDK reads.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use azure_core::http::{AsyncRawResponse, HttpClient, Request, StatusCode, headers::Headers};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use serde::{Deserialize, Deserializer, de};

use super::{
    failure,
    network::Target,
    no_token::NoToken,
    transport::{MAX_ERROR_BYTES, allowed_headers, execute, truncated},
};
use crate::observe::HttpRequest;

/// The limit for an answer: 256 KiB. Tokens of principals in very many groups have some 10 KiB.
const MAX_TOKEN_BYTES: usize = 256 << 10;

/// The longest lifetime that is accepted: a year. The longest-lived tokens are valid for 28 hours.
const MAX_LIFETIME_SECONDS: u64 = 365 * 24 * 60 * 60;

/// The HTTP transport of the SDK's credentials.
///
/// Its answers have a fixed form: an answer with a checked token, a refusal with its known fields,
/// or a [`NoToken`] in an SDK error.
#[derive(Debug)]
pub(super) struct TokenTransport {
    client: reqwest::Client,
    /// The authority; `None` for the identity endpoint, whose address the SDK reads from the
    /// environment.
    target: Option<Arc<Target>>,
    /// Whether a token was ever returned. Then an identity endpoint exists, whatever fails later.
    has_answered: AtomicBool,
}

impl TokenTransport {
    /// Creates a transport to the authority.
    pub(super) fn to_authority(target: Arc<Target>) -> Self {
        let client = target.http().reuse().clone();
        Self { client, target: Some(target), has_answered: AtomicBool::new(false) }
    }

    /// Creates a transport to the identity endpoint of this machine.
    pub(super) fn to_identity_endpoint(client: reqwest::Client) -> Self {
        Self { client, target: None, has_answered: AtomicBool::new(false) }
    }

    /// Returns why the identity endpoint could not be reached.
    ///
    /// An endpoint on this machine or its local link accepts a connection at once, or does not exist.
    /// A failure after the connection is transient. The reason is returned in a form that the SDK does
    /// not retry: its own retries for this endpoint last more than a minute.
    fn no_answer_reason(&self, error: &azure_core::Error) -> NoToken {
        // `is_connect` covers refused connections, missing routes and the connect timeout.
        let is_connect = failure::chain(error).any(|cause| {
            cause.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect)
        });
        match is_connect && !self.has_answered.load(Ordering::Relaxed) {
            true => NoToken::NoIdentityEndpoint,
            false => NoToken::Network(failure::from_network(error)),
        }
    }
}

#[async_trait]
impl HttpClient for TokenTransport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let mut observed = HttpRequest::to_sign_in();
        let response = match &self.target {
            Some(target) => execute(&self.client, target, request).await?,
            None => {
                let answer = self.client.execute_request(request).await;
                answer.map_err(|error| self.no_answer_reason(&error).into_error())?
            }
        };
        let (status, headers, body) = response.deconstruct();
        observed.answered(status.into());
        // The SDK logs headers, and an endpoint could echo the secret that it received.
        let headers = allowed_headers(&headers, None);
        // One byte more than the limit, so that a body of exactly the limit is distinguishable.
        let max_bytes = if status.is_success() { MAX_TOKEN_BYTES + 1 } else { MAX_ERROR_BYTES };
        let mut collected = BytesMut::new();
        let mut pieces = truncated(body, max_bytes);
        while let Some(piece) = pieces.next().await {
            collected.extend_from_slice(&piece?);
        }
        if status.is_success() {
            let answer = token_answer(status, headers, &collected)?;
            // `Relaxed`: the flag only chooses between two messages.
            self.has_answered.store(true, Ordering::Relaxed);
            return Ok(answer);
        }
        let refusal =
            self.target.is_none().then(|| identity_endpoint_refusal(status.into(), &collected));
        if let Some(reason) = refusal.flatten() {
            return Err(reason.into_error());
        }
        Ok(refusal_answer(status, headers, collected.freeze(), self.target.is_some()))
    }
}

/// Returns what a refusal by the identity endpoint means, if it is a known one.
fn identity_endpoint_refusal(status: u16, body: &[u8]) -> Option<NoToken> {
    // Azure's endpoints answer with a JSON object, other metadata services with text or HTML.
    let fields = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body).ok();
    match (status, fields) {
        (400, Some(fields)) => says_no_such_identity(&fields).then_some(NoToken::NoSuchIdentity),
        // At 169.254.169.254 other cloud providers have their metadata services, which answer so.
        (401 | 403 | 404 | 405 | 501, None) => Some(NoToken::NoIdentityEndpoint),
        _ => None,
    }
}

/// Returns whether a refusal says that the machine or app does not have the identity.
///
/// The same status is used for other errors: a request without the metadata header, or for a
/// resource that the directory does not know.
fn says_no_such_identity(fields: &serde_json::Map<String, serde_json::Value>) -> bool {
    let text = |name: &str| {
        let field = fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        field.and_then(|(_, value)| value.as_str()).unwrap_or_default().to_ascii_lowercase()
    };
    // First the metadata service of a virtual machine, then the endpoint of App Service and the like.
    let of_app = text("message");
    text("error") == "invalid_request" && text("error_description").contains("identity not found")
        || of_app.starts_with("no ") && of_app.contains("managed identity found")
        || of_app.contains("unable to load the proper managed identity")
}

/// The fields of a token answer that the SDK reads. Unknown fields are ignored.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    #[serde(default, deserialize_with = "seconds")]
    expires_in: Option<u64>,
    #[serde(default, deserialize_with = "seconds")]
    expires_on: Option<u64>,
}

/// Reads a whole number, or a string that contains one, as identity endpoints write it.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    // Entra writes `3599`, the metadata service of a virtual machine `"86399"`.
    #[serde(untagged)]
    enum Seconds {
        Number(u64),
        Text(String),
    }
    match Option::deserialize(deserializer)? {
        None => Ok(None),
        Some(Seconds::Number(n)) => Ok(Some(n)),
        Some(Seconds::Text(text)) => text.parse().map(Some).map_err(de::Error::custom),
    }
}

/// Converts an answer with a token into the form that the SDK can read.
fn token_answer(
    status: StatusCode,
    headers: Headers,
    body: &[u8],
) -> azure_core::Result<AsyncRawResponse> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let answer = normalize(body, now).ok_or_else(|| NoToken::UnusableAnswer.into_error())?;
    Ok(AsyncRawResponse::from_bytes(status, headers, answer))
}

/// Returns the answer in the SDK's form, or `None` if it contains no usable token.
fn normalize(body: &[u8], now: u64) -> Option<Vec<u8>> {
    if body.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let answer: TokenAnswer = serde_json::from_slice(body).ok()?;
    let token = answer.access_token;
    // The token becomes the value of a header, so a line break could inject another header.
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return None;
    }
    // A token without a lifetime is used for one request.
    let expires_in = match (answer.expires_in, answer.expires_on) {
        (Some(seconds), _) => seconds,
        (None, Some(time)) => time.saturating_sub(now),
        (None, None) => 0,
    };
    let expires_on = answer.expires_on.unwrap_or_else(|| now.saturating_add(expires_in));
    // INVARIANT: the SDK's sum of `now` and the lifetime cannot overflow.
    let is_plausible = expires_in <= MAX_LIFETIME_SECONDS
        && expires_on <= now.saturating_add(MAX_LIFETIME_SECONDS);
    let answer = serde_json::json!({
        "token_type": "Bearer",
        "access_token": token,
        "expires_in": expires_in,
        "expires_on": expires_on.to_string(),
        // The SDK requires the field for managed identities, and does not use its value.
        "resource": "",
    });
    is_plausible.then(|| answer.to_string().into_bytes())
}

/// The fields of a refusal that are passed on.
#[derive(Default, Deserialize)]
struct TokenError {
    error: String,
    #[serde(default)]
    error_description: String,
    #[serde(default)]
    error_codes: Vec<i64>,
    #[serde(default)]
    trace_id: String,
}

/// Converts a refusal into the form that the SDK can read.
///
/// If the authority's answer has another form, for example a redirect or a proxy's page, all its
/// fields are empty: without a JSON body the SDK would lose the status too.
fn refusal_answer(
    status: StatusCode,
    headers: Headers,
    body: Bytes,
    by_authority: bool,
) -> AsyncRawResponse {
    let mut error = match serde_json::from_slice::<TokenError>(&body) {
        Ok(error) => error,
        Err(_) if by_authority => TokenError::default(),
        Err(_) => return AsyncRawResponse::from_bytes(status, headers, body),
    };
    for text in [&mut error.error, &mut error.error_description, &mut error.trace_id] {
        // The SDK borrows these texts from the JSON, which fails for every escaped character.
        *text = text.replace(|c: char| c.is_control() || matches!(c, '"' | '\\'), " ");
    }
    let body = serde_json::json!({
        "error": error.error,
        "error_description": error.error_description,
        "error_codes": error.error_codes,
        "trace_id": error.trace_id,
    });
    AsyncRawResponse::from_bytes(status, headers, body.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    /// The refused lifetimes made `azure_identity` 1.0 panic or would never expire.
    #[test]
    fn implausible_lifetimes_are_refused_and_known_forms_are_parsed() {
        let max = i64::MAX;
        let refused = [
            format!(r#"{{"access_token":"t","expires_in":{max}}}"#),
            format!(r#"{{"access_token":"t","expires_in":"{max}"}}"#),
            r#"{"access_token":"t","expires_in":18446744073709551616}"#.to_owned(),
            r#"{"access_token":"t","expires_in":-1}"#.to_owned(),
            r#"{"access_token":"t","expires_in":3599.5}"#.to_owned(),
            r#"{"access_token":"t","expires_in":1e300}"#.to_owned(),
            r#"{"access_token":"t","expires_in":"soon"}"#.to_owned(),
            r#"{"access_token":"t","expires_in":[]}"#.to_owned(),
            format!(r#"{{"access_token":"t","expires_on":"{max}"}}"#),
            format!(r#"{{"access_token":"t","expires_in":1,"expires_on":{max}}}"#),
            r#"{"access_token":"t","expires_on":"1/1/2027 12:00:00 AM +00:00"}"#.to_owned(),
            r#"{"access_token":"t","access_token":"u"}"#.to_owned(),
            r#"{"access_token":""}"#.to_owned(),
            r#"{"access_token":"a\r\nx: y"}"#.to_owned(),
            r#"{"access_token":"\u00e9"}"#.to_owned(),
            r#"{"access_token":1}"#.to_owned(),
            r#"{"expires_in":3599}"#.to_owned(),
            "<html></html>".to_owned(),
            "[".repeat(10_000),
            String::new(),
        ];
        for body in refused {
            assert_eq!(normalize(body.as_bytes(), NOW), None, "{body}");
        }
        let read = [
            (r#"{"access_token":"t","expires_in":3599,"refresh_in":-1,"not_before":1e99}"#, 3599),
            (r#"{"access_token":"t","expires_in":"86399","expires_on":"1800086399"}"#, 86_399),
            (r#"{"access_token":"t","expires_on":1800003600}"#, 3600),
            (r#"{"access_token":"t","expires_on":"12"}"#, 0),
            (r#"{"access_token":"t","expires_in":null}"#, 0),
            (r#"{"access_token":"t"}"#, 0),
        ]
        .map(|(body, expected)| (normalize(body.as_bytes(), NOW).unwrap(), expected));
        for (answer, expected) in read {
            let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
            assert_eq!(answer["expires_in"], expected, "{answer}");
        }
    }
}
