//! What the authority and the identity endpoint answer, made safe for `azure_identity` 1.0.
//!
//! That version adds lifetimes to the time without a check, and so panics on large ones; it collects
//! bodies without a bound; and it reads `error_description` as borrowed text, and so loses the whole
//! error, code included, if that has a JSON escape such as `\r\n`, as Entra's do. Here each answer
//! is read up to a bound, checked, and written anew with the fields that the SDK reads.

use std::{
    fmt,
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
    transport::{MAX_ERROR_BYTES, execute, first_bytes, plain},
};
use crate::error::{Detail, Error, ErrorKind};

/// Tokens of principals in very many groups have some ten kilobytes
const MAX_TOKEN_BYTES: usize = 256 << 10;

/// A year, far above the 28 hours of the longest tokens
const MAX_LIFETIME_SECONDS: u64 = 365 * 24 * 60 * 60;

/// The transport of credentials
#[derive(Debug)]
pub(super) struct TokenTransport {
    client: reqwest::Client,
    /// The authority; `None` for the identity endpoint of this machine, whose address the SDK takes
    /// from the environment
    target: Option<Arc<Target>>,
    /// Whether it ever gave a token: then there is an endpoint, whatever happens to a connection later
    has_answered: AtomicBool,
}

impl TokenTransport {
    pub(super) fn new(client: reqwest::Client, target: Option<Arc<Target>>) -> Self {
        Self { client, target, has_answered: AtomicBool::new(false) }
    }

    /// Why the identity endpoint could not be asked
    ///
    /// An endpoint on this machine or its link accepts a connection at once, or is not there. A failure
    /// after that passes. The SDK would ask again for more than a minute; callers here retry themselves.
    fn unasked(&self, error: &azure_core::Error) -> NoToken {
        let is_connect = failure::chain(error).any(|cause| {
            cause.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect)
        });
        match is_connect && !self.has_answered.load(Ordering::Relaxed) {
            true => NoToken::NoIdentityEndpoint,
            false => NoToken::Network(failure::of_network(error)),
        }
    }
}

#[async_trait]
impl HttpClient for TokenTransport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let response = match &self.target {
            Some(target) => execute(&self.client, target, request).await?,
            None => {
                let answer = self.client.execute_request(request).await;
                answer.map_err(|error| self.unasked(&error).into_error())?
            }
        };
        let (status, headers, body) = response.deconstruct();
        let headers = plain(&headers, None);
        let most = if status.is_success() { MAX_TOKEN_BYTES + 1 } else { MAX_ERROR_BYTES };
        let mut whole = BytesMut::new();
        let mut pieces = first_bytes(body, most);
        while let Some(piece) = pieces.next().await {
            whole.extend_from_slice(&piece?);
        }
        if status.is_success() {
            let answer = good(status, headers, &whole)?;
            self.has_answered.store(true, Ordering::Relaxed);
            return Ok(answer);
        }
        let refusal = self.target.is_none().then(|| by_identity_endpoint(status.into(), &whole));
        if let Some(reason) = refusal.flatten() {
            return Err(reason.into_error());
        }
        Ok(bad(status, headers, whole.freeze(), self.target.is_some()))
    }
}

/// What a refusal by the identity endpoint means, if it is known
fn by_identity_endpoint(status: u16, body: &[u8]) -> Option<NoToken> {
    let fields = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body).ok();
    match (status, fields) {
        (400, Some(fields)) => is_no_such_identity(&fields).then_some(NoToken::NoSuchIdentity),
        // The metadata services of other providers, at the same address.
        (401 | 403 | 404 | 405 | 501, None) => Some(NoToken::NoIdentityEndpoint),
        _ => None,
    }
}

/// Whether a refusal says that the machine or app has no such identity
///
/// Other requests are answered with the same status: those without the header, or for a resource that
/// the directory does not know.
fn is_no_such_identity(fields: &serde_json::Map<String, serde_json::Value>) -> bool {
    let text = |name: &str| {
        let field = fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        field.and_then(|(_, value)| value.as_str()).unwrap_or_default().to_ascii_lowercase()
    };
    // The metadata service of a virtual machine, and the endpoint of App Service and its kin.
    let of_app = text("message");
    text("error") == "invalid_request" && text("error_description").contains("identity not found")
        || of_app.starts_with("no ") && of_app.contains("managed identity found")
        || of_app.contains("unable to load the proper managed identity")
}

/// Why there is no token, where the SDK has no error for it
#[derive(Debug)]
pub(super) enum NoToken {
    /// The answer has none that can be used
    InAnswer,
    /// This machine has no identity endpoint
    NoIdentityEndpoint,
    /// This machine has no such identity
    NoSuchIdentity,
    /// The identity endpoint could not be asked, which may pass
    Network(Error),
    /// The file with the token of Kubernetes cannot be read, for this reason
    TokenFile(String),
}

impl NoToken {
    pub(super) fn to_error(&self) -> Error {
        use ErrorKind::{CredentialUnavailable, UnexpectedAnswer};
        let error = |kind, what: &str| Error::new(kind, format!("sign in: {what}")).in_sign_in();
        match self {
            Self::InAnswer => error(
                UnexpectedAnswer,
                "the answer has no token that could be used; check the authority for a proxy or a login page",
            ),
            Self::NoIdentityEndpoint => error(
                CredentialUnavailable,
                "this machine has no identity endpoint: nothing of Azure answers at IDENTITY_ENDPOINT or, without that variable, at 169.254.169.254; run in Azure with a managed identity, or give the store another credential",
            )
            .with_detail(Detail::NoIdentityEndpoint),
            Self::NoSuchIdentity => error(
                CredentialUnavailable,
                "the identity endpoint of this machine knows no such identity; assign a managed identity to the machine or app, or correct the client ID of the user-assigned one",
            )
            .with_detail(Detail::NoSuchIdentity),
            Self::Network(error) => error.again().context(format_args!("sign in")).in_sign_in(),
            Self::TokenFile(what) => {
                error(CredentialUnavailable, what).with_detail(Detail::TokenFile)
            }
        }
    }
}

impl fmt::Display for NoToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no token")
    }
}

impl std::error::Error for NoToken {}

impl NoToken {
    pub(super) fn into_error(self) -> azure_core::Error {
        // Of a kind that the SDK's own retries leave alone.
        azure_core::Error::with_error(
            azure_core::error::ErrorKind::DataConversion,
            self,
            "there is no token",
        )
    }
}

/// The fields of a token answer that the SDK reads; the others do not matter
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    #[serde(default, deserialize_with = "seconds")]
    expires_in: Option<u64>,
    #[serde(default, deserialize_with = "seconds")]
    expires_on: Option<u64>,
}

/// A whole number, or the text of one, as identity endpoints write it
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
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

fn good(status: StatusCode, headers: Headers, body: &[u8]) -> azure_core::Result<AsyncRawResponse> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let answer = read(body, now).ok_or_else(|| NoToken::InAnswer.into_error())?;
    Ok(AsyncRawResponse::from_bytes(status, headers, answer))
}

/// The answer as the SDK can read it, or `None` if it has no token that could be used
fn read(body: &[u8], now: u64) -> Option<Vec<u8>> {
    if body.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let answer: TokenAnswer = serde_json::from_slice(body).ok()?;
    let token = answer.access_token;
    // It becomes the value of a header.
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return None;
    }
    // Without a lifetime the token serves one request.
    let expires_in = match (answer.expires_in, answer.expires_on) {
        (Some(seconds), _) => seconds,
        (None, Some(time)) => time.saturating_sub(now),
        (None, None) => 0,
    };
    let expires_on = answer.expires_on.unwrap_or_else(|| now.saturating_add(expires_in));
    let is_plausible = expires_in <= MAX_LIFETIME_SECONDS
        && expires_on <= now.saturating_add(MAX_LIFETIME_SECONDS);
    let answer = serde_json::json!({
        "token_type": "Bearer",
        "access_token": token,
        "expires_in": expires_in,
        "expires_on": expires_on.to_string(),
        "resource": "",
    });
    is_plausible.then(|| answer.to_string().into_bytes())
}

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

/// A refusal as the SDK can read it
///
/// An answer of the authority that is not in its form, such as a redirect or a proxy's page, becomes
/// one without any word: else the SDK loses the status too.
fn bad(status: StatusCode, headers: Headers, body: Bytes, by_authority: bool) -> AsyncRawResponse {
    let mut error = match serde_json::from_slice::<TokenError>(&body) {
        Ok(error) => error,
        Err(_) if by_authority => TokenError::default(),
        Err(_) => return AsyncRawResponse::from_bytes(status, headers, body),
    };
    for text in [&mut error.error, &mut error.error_description, &mut error.trace_id] {
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

    #[test]
    fn lifetimes_that_no_token_has_are_refused_and_the_usual_forms_are_read() {
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
            assert_eq!(read(body.as_bytes(), NOW), None, "{body}");
        }
        let read = [
            (r#"{"access_token":"t","expires_in":3599,"refresh_in":-1,"not_before":1e99}"#, 3599),
            (r#"{"access_token":"t","expires_in":"86399","expires_on":"1800086399"}"#, 86_399),
            (r#"{"access_token":"t","expires_on":1800003600}"#, 3600),
            (r#"{"access_token":"t","expires_on":"12"}"#, 0),
            (r#"{"access_token":"t","expires_in":null}"#, 0),
            (r#"{"access_token":"t"}"#, 0),
        ]
        .map(|(body, expected)| (read(body.as_bytes(), NOW).unwrap(), expected));
        for (answer, expected) in read {
            let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
            assert_eq!(answer["expires_in"], expected, "{answer}");
        }
    }
}
