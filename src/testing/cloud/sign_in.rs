//! The token endpoint: Microsoft Learn, "OAuth 2.0 client credentials flow".

use std::{
    io,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use hyper::{
    Request, Response,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use url::form_urlencoded;

use super::{
    CLIENT_ID, State, TENANT,
    assertion::{self, Worth},
    lock,
    server::{Body, full},
    token,
};

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

    fn response(&self, state: &State) -> io::Result<Response<Body>> {
        let Self { status, error, aadsts, text, retry_after } = self;
        let time = humantime::format_rfc3339_seconds(state.now()).to_string().replace('T', " ");
        // The line breaks are as Entra writes them; clients have stumbled over their escapes.
        let description =
            format!("AADSTS{aadsts}: {text}\r\nTrace ID: {TRACE_ID}\r\nTimestamp: {time}");
        let json = serde_json::json!({
            "error": error,
            "error_description": description,
            "error_codes": [aadsts],
            "timestamp": time,
            "trace_id": TRACE_ID,
            "error_uri": format!("https://login.microsoftonline.com/error?code={aadsts}"),
        });
        let mut response = Response::builder().status(*status);
        if let Some(wait) = retry_after {
            response = response.header(RETRY_AFTER, wait.as_secs());
        }
        response
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .body(full(json.to_string()))
            .map_err(io::Error::other)
    }
}

pub(super) fn answer(request: &Request<Bytes>, state: &State) -> io::Result<Response<Body>> {
    let scripted = {
        let mut script = lock(&state.script);
        script.sign_ins.pop_front().or_else(|| script.always_sign_in.clone())
    };
    if let Some(refusal) = scripted.or_else(|| refusal(request, state)) {
        return refusal.response(state);
    }
    let json = serde_json::json!({
        "token_type": "Bearer",
        "expires_in": state.token_lifetime.as_secs(),
        "ext_expires_in": state.token_lifetime.as_secs(),
        "access_token": token::issue(state),
    });
    Response::builder()
        .header(CONTENT_TYPE, "application/json; charset=utf-8")
        .body(full(json.to_string()))
        .map_err(io::Error::other)
}

fn refusal(request: &Request<Bytes>, state: &State) -> Option<SignInRefusal> {
    let tenant = request.uri().path().split('/').nth(1).unwrap_or_default();
    let field = |name: &str| {
        form_urlencoded::parse(request.body())
            .find_map(|(key, value)| (key == name).then(|| value.into_owned()))
            .unwrap_or_default()
    };
    let client = field("client_id");
    let (status, error, aadsts, text) = if tenant != TENANT {
        let text = format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."
        );
        (400, "invalid_request", 90002, text)
    } else if client != CLIENT_ID {
        let text = format!(
            "Application with identifier '{client}' was not found in the directory '{tenant}'."
        );
        (400, "unauthorized_client", 700_016, text)
    } else if field("client_assertion_type").ends_with(":jwt-bearer") {
        // A client signs by the clock of this machine, which cannot be handed in.
        let now = state.skew.shift(SystemTime::now());
        let worth = state.certificate.as_deref().map_or(Worth::Bad, |certificate| {
            assertion::judge(&field("client_assertion"), certificate, now)
        });
        let (aadsts, text) = match worth {
            Worth::Good => return wrong_scope(&field("scope")),
            Worth::OutOfTime => (700_024, "Client assertion is not within its valid time range."),
            Worth::Bad => (700_027, "Client assertion failed signature validation."),
        };
        (401, "invalid_client", aadsts, text.to_owned())
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

fn wrong_scope(scope: &str) -> Option<SignInRefusal> {
    let text = "The provided value for the input parameter 'scope' is not valid.";
    (scope != "https://storage.azure.com/.default")
        .then(|| SignInRefusal::new(400, "invalid_scope", 70_011, text))
}
