//! The token endpoint: Microsoft Learn, "OAuth 2.0 client credentials flow".

use std::{
    io,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, STRICT_TRANSPORT_SECURITY,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use url::form_urlencoded;

use super::{
    CLIENT_ID, State, TENANT,
    assertion::{self, Validity},
    behavior::SignInText,
    blob_service::REQUEST_ID,
    lock,
    server::{Body, full},
    state::{guid, ticks},
    token,
};
use crate::name::is_guid;

/// The trace id of every refusal
const TRACE_ID: &str = "33333333-3333-4333-8333-333333333333";

/// An error of Entra, instead of a token
///
/// ```
/// use std::time::Duration;
/// use azure_asset_sync::testing::SignInRefusal;
///
/// let busy = SignInRefusal::new(429, "temporarily_unavailable", 90055, "Too many requests.")
///     .retry_after(Duration::from_secs(20));
/// # let _ = busy;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct SignInRefusal {
    status: u16,
    error: String,
    aadsts: u32,
    text: String,
    retry_after: Option<Duration>,
}

impl SignInRefusal {
    /// An error with this status, this OAuth error such as `invalid_client`, this number after
    /// `AADSTS`, and this text
    pub fn new(
        status: u16,
        error: impl Into<String>,
        aadsts: u32,
        text: impl Into<String>,
    ) -> Self {
        Self { status, error: error.into(), aadsts, text: text.into(), retry_after: None }
    }

    /// Adds `Retry-After`, in whole seconds
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    fn response(&self, request: &Request<Bytes>, state: &State) -> io::Result<Response<Body>> {
        let Self { status, error, aadsts, text, retry_after } = self;
        let time = humantime::format_rfc3339_seconds(state.now()).to_string().replace('T', " ");
        let correlation_id = correlation_id(request.headers());
        // Clients have stumbled over the escapes of line breaks.
        let between = match state.behavior.sign_in_text {
            SignInText::Lines => "\r\n",
            SignInText::Spaces => " ",
        };
        let description = [
            format!("AADSTS{aadsts}: {text}"),
            format!("Trace ID: {TRACE_ID}"),
            format!("Correlation ID: {correlation_id}"),
            format!("Timestamp: {time}"),
        ]
        .join(between);
        let json = serde_json::json!({
            "error": error,
            "error_description": description,
            "error_codes": [aadsts],
            "timestamp": time,
            "trace_id": TRACE_ID,
            "correlation_id": correlation_id,
            "error_uri": format!("https://login.microsoftonline.com/error?code={aadsts}"),
        });
        let status = StatusCode::from_u16(*status).map_err(io::Error::other)?;
        let mut response = json_response(status, &json, TRACE_ID)?;
        let headers = response.headers_mut();
        let telemetry = HeaderValue::from_str(&format!("1,{aadsts},0,,"));
        headers.insert("x-ms-clitelem", telemetry.map_err(io::Error::other)?);
        if let Some(wait) = retry_after {
            headers.insert(RETRY_AFTER, wait.as_secs().into());
        }
        Ok(response)
    }
}

/// The id that the request gives, or another
fn correlation_id(headers: &HeaderMap) -> String {
    let id = headers.get("client-request-id").and_then(|id| id.to_str().ok());
    id.filter(|id| is_guid(id)).map_or_else(guid, str::to_owned)
}

/// An answer with the headers that all answers of the authority have
fn json_response(
    status: StatusCode,
    json: &serde_json::Value,
    request_id: &str,
) -> io::Result<Response<Body>> {
    Response::builder()
        .status(status)
        .header(CACHE_CONTROL, "no-store, no-cache")
        .header(CONTENT_TYPE, "application/json; charset=utf-8")
        .header(STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains")
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(REQUEST_ID, request_id)
        .body(full(json.to_string()))
        .map_err(io::Error::other)
}

pub(super) fn answer(request: &Request<Bytes>, state: &State) -> io::Result<Response<Body>> {
    let scripted = {
        let mut script = lock(&state.script);
        script.sign_ins.pop_front().or_else(|| script.always_sign_in.clone())
    };
    if let Some(refusal) = scripted.or_else(|| refusal(request, state)) {
        return refusal.response(request, state);
    }
    let json = serde_json::json!({
        "token_type": "Bearer",
        "expires_in": state.token_lifetime.as_secs(),
        "ext_expires_in": state.token_lifetime.as_secs(),
        "access_token": token::issue(state),
    });
    json_response(StatusCode::OK, &json, &guid())
}

fn refusal(request: &Request<Bytes>, state: &State) -> Option<SignInRefusal> {
    let tenant = request.uri().path().split('/').nth(1).unwrap_or_default();
    let field = |name: &str| {
        form_urlencoded::parse(request.body())
            .find_map(|(key, value)| (key == name).then(|| value.into_owned()))
            .unwrap_or_default()
    };
    let client = field("client_id");
    let (status, error, aadsts, text) = if let Some(refusal) = wrong_tenant(tenant) {
        return Some(refusal);
    } else if client != CLIENT_ID {
        let text = format!(
            "Application with identifier '{client}' was not found in the directory '{tenant}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."
        );
        (400, "unauthorized_client", 700_016, text)
    } else if field("client_assertion").is_empty() && field("client_secret").is_empty() {
        let text = "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.";
        (401, "invalid_client", 7_000_216, text.to_owned())
    } else if field("client_assertion_type").ends_with(":jwt-bearer") {
        // A client signs by the clock of this machine, which cannot be handed in.
        let now = state.skew.shift(SystemTime::now());
        let validity = state.certificate.as_deref().map_or(Validity::Invalid, |certificate| {
            assertion::verify(&field("client_assertion"), certificate, now)
        });
        let (aadsts, text) = match validity {
            Validity::Valid => return wrong_scope(&field("scope")),
            Validity::OutOfTime { from, to } => (
                700_024,
                format!(
                    "Client assertion is not within its valid time range. Current time: {}, assertion valid from {}, expiry time of assertion {}.",
                    ticks(now),
                    ticks(from),
                    ticks(to)
                ),
            ),
            Validity::Invalid => {
                (700_027, "Client assertion contains an invalid signature.".to_owned())
            }
        };
        (401, "invalid_client", aadsts, text)
    } else if field("client_secret") != state.secret {
        let text = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client}'."
        );
        (401, "invalid_client", 7_000_215, text)
    } else {
        return wrong_scope(&field("scope"));
    };
    Some(SignInRefusal::new(status, error, aadsts, text))
}

/// What a tenant other than the cloud's is refused with
fn wrong_tenant(tenant: &str) -> Option<SignInRefusal> {
    let (error, aadsts, text) = match tenant {
        TENANT => return None,
        "00000000-0000-0000-0000-000000000000" => (
            "invalid_request",
            900_021,
            format!(
                "Requested tenant identifier '{tenant}' is not valid. Tenant identifiers may not be an empty GUID."
            ),
        ),
        _ if !is_guid(tenant) && !tenant.contains('.') => (
            "invalid_request",
            900_023,
            format!(
                "Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain."
            ),
        ),
        _ => (
            "invalid_tenant",
            90_002,
            format!(
                "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."
            ),
        ),
    };
    Some(SignInRefusal::new(400, error, aadsts, text))
}

/// What a scope other than that of storage is refused with
fn wrong_scope(scope: &str) -> Option<SignInRefusal> {
    const STORAGE: &str = "https://storage.azure.com";
    match scope.strip_suffix("/.default") {
        Some(STORAGE) => None,
        Some(resource) => Some(SignInRefusal::new(
            400,
            "invalid_resource",
            500_011,
            format!(
                "The resource principal named {resource} was not found in the tenant named {TENANT}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant."
            ),
        )),
        None => Some(SignInRefusal::new(
            400,
            "invalid_scope",
            1_002_012,
            format!(
                "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."
            ),
        )),
    }
}
