//! The token endpoint: Microsoft Learn, "OAuth 2.0 client credentials flow".
//!
//! Issues tokens for one application in one tenant, with a secret or a certificate. A request gets
//! the refusal of the first check that fails.

use std::{io, time::SystemTime};

use bytes::Bytes;
use hyper::{Request, Response, StatusCode};
use url::form_urlencoded;

use super::{
    assertion::{self, Validity},
    body::Body,
    identity::{CLIENT_ID, TENANT},
    sign_in_refusal::{SignInRefusal, json_response},
    state::State,
    values::{guid, ticks},
};
use crate::name::is_guid;

/// Answers a request for a token.
///
/// # Errors
/// Fails if a test has scripted a refusal that HTTP cannot send.
pub(super) fn answer(request: &Request<Bytes>, state: &State) -> io::Result<Response<Body>> {
    // The script comes first: a test can refuse a request that is valid.
    let scripted = state.script().next_sign_in_refusal();
    if let Some(refusal) = scripted.or_else(|| refusal(request, state)) {
        return refusal.response(request.headers(), state.now(), state.behavior().sign_in_text);
    }
    let lifetime = state.settings().token_lifetime;
    let json = serde_json::json!({
        "token_type": "Bearer",
        "expires_in": lifetime.as_secs(),
        "ext_expires_in": lifetime.as_secs(),
        "access_token": state.tokens().issue(state.clock().time(), lifetime),
    });
    json_response(StatusCode::OK, &json, &guid())
}

/// Returns the refusal of a request, or `None` if the request gets a token.
fn refusal(request: &Request<Bytes>, state: &State) -> Option<SignInRefusal> {
    // The path is `/{tenant}/oauth2/v2.0/token`.
    let tenant = request.uri().path().split('/').nth(1).unwrap_or_default();
    let field = |name: &str| {
        form_urlencoded::parse(request.body())
            .find_map(|(key, value)| (key == name).then(|| value.into_owned()))
            .unwrap_or_default()
    };
    let client = field("client_id");
    // The order is tenant, application, credential, scope.
    let (status, error, aadsts, text) = if let Some(refusal) = wrong_tenant(tenant) {
        return Some(refusal);
    } else if client != CLIENT_ID {
        let text = format!(
            "Application with identifier '{client}' was not found in the directory '{tenant}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."
        );
        (400, "unauthorized_client", 700_016, text)
    } else if field("client_assertion").is_empty() && field("client_secret").is_empty() {
        // An empty secret is a missing one.
        let text = "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.";
        (401, "invalid_client", 7_000_216, text.to_owned())
    } else if field("client_assertion_type").ends_with(":jwt-bearer") {
        let (aadsts, text) = match wrong_assertion(&field("client_assertion"), state) {
            None => return wrong_scope(&field("scope")),
            Some(wrong) => wrong,
        };
        (401, "invalid_client", aadsts, text)
    } else if field("client_secret") != state.secret() {
        let text = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client}'."
        );
        (401, "invalid_client", 7_000_215, text)
    } else {
        return wrong_scope(&field("scope"));
    };
    Some(SignInRefusal::new(status, error, aadsts, text))
}

/// Returns the number and the text of the refusal of a client assertion, or `None` if it is valid.
fn wrong_assertion(assertion: &str, state: &State) -> Option<(u32, String)> {
    let settings = state.settings();
    // The clients that sign assertions take the time from the machine, not from a `Clock`.
    let now = settings.skew.shift(SystemTime::now());
    let validity = match &settings.certificate {
        // Only a registered certificate can make an assertion valid.
        Some(certificate) => assertion::verify(assertion, certificate, now),
        None => Validity::Invalid,
    };
    match validity {
        Validity::Valid => None,
        Validity::OutOfTime { from, to } => Some((
            700_024,
            format!(
                "Client assertion is not within its valid time range. Current time: {}, assertion valid from {}, expiry time of assertion {}.",
                ticks(now),
                ticks(from),
                ticks(to)
            ),
        )),
        Validity::Invalid => {
            Some((700_027, "Client assertion contains an invalid signature.".to_owned()))
        }
    }
}

/// Returns the refusal of a tenant that is not the cloud's, or `None`.
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
        // A tenant is named by its ID or by a domain. Anything else cannot exist.
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

/// Returns the refusal of a scope that is not that of storage, or `None`.
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
