//! Who sends a request: the service principal, the holder of a signature, or nobody.
//!
//! The order of the checks follows the real service, because a client sees the first check that
//! fails.

use hyper::header::AUTHORIZATION;

use super::{
    behavior::AnonymousAnswer,
    identity::{ACCOUNT, CONTAINER},
    quirk::Quirk,
    refusal::Refusal,
    request::{BlobRequest, Operation},
    state::State,
    user_delegation,
};

/// The first service version that answers a missing or invalid token with a challenge.
const CHALLENGES_FROM: &str = "2019-12-12";

/// The first service version that accepts tokens.
const TOKENS_FROM: &str = "2017-11-09";

/// The sender of a request.
#[derive(Clone, Copy)]
pub(super) enum Caller {
    /// The service principal, with a token.
    Principal,
    /// The holder of the cloud's own shared access signature.
    SignatureHolder,
    /// The holder of a signature with a user delegation key of the principal.
    Delegate,
    /// A caller without a credential.
    Anonymous,
}

/// Authenticates the sender of a request.
///
/// # Errors
/// Fails if the request has a credential that is not valid.
pub(super) fn authenticate(request: &BlobRequest<'_>, state: &State) -> Result<Caller, Refusal> {
    // A signature in the query wins over an `Authorization` header.
    if let Some(signature) = request.parameter("sig") {
        // `skoid` names the principal of the key, which only a user delegation SAS has.
        if request.parameter("skoid").is_some() {
            if state.has(Quirk::NoViewLinks) {
                return Err(Refusal::new(403, "AuthenticationFailed"));
            }
            return user_delegation::check(request, signature, state).map(|()| Caller::Delegate);
        }
        // The cloud has one shared access signature; it knows the text and computes nothing.
        if signature != state.signature() {
            return Err(user_delegation::no_match(&user_delegation::service_signature(request)));
        }
        return user_delegation::check_validity(request, state).map(|()| Caller::SignatureHolder);
    }
    let Some(header) = request.headers().get(AUTHORIZATION) else { return Ok(Caller::Anonymous) };
    let (scheme, value) = header.to_str().ok().and_then(|text| text.split_once(' ')).unzip();
    match (scheme, value) {
        (Some("Bearer"), Some(token)) if !token.trim().is_empty() => {
            // Versions are dates in ISO form, so they compare as texts.
            if request.header("x-ms-version").is_some_and(|version| version < TOKENS_FROM) {
                return Err(Refusal::new(403, "AuthenticationFailed"));
            }
            let checked = state.tokens().check(token, state.now());
            match checked {
                Ok(()) => Ok(Caller::Principal),
                Err(detail)
                    if is_challenged(request) || request.header("x-ms-version").is_none() =>
                {
                    Err(Refusal::new(401, "InvalidAuthenticationInfo").detail(detail))
                }
                Err(detail) => Err(Refusal::new(403, "AuthenticationFailed").detail(detail)),
            }
        }
        // The account has keys, but no test can know them.
        (Some("SharedKey" | "SharedKeyLite"), Some(value)) => Err(wrong_key(request, value)),
        _ => Err(Refusal::new(400, "InvalidAuthenticationInfo")),
    }
}

/// Returns the operation of an anonymous request, if the container is public.
///
/// # Errors
/// Fails if the container is not public, in the way that [`AnonymousAnswer`] says.
pub(super) fn anonymous_operation<'a>(
    request: &'a BlobRequest<'_>,
    state: &State,
) -> Result<Operation<'a>, Refusal> {
    let is_public = state.script().is_public();
    match request.operation() {
        Ok(
            operation @ (Operation::ListBlobs(CONTAINER)
            | Operation::ReadBlob(CONTAINER, _)
            | Operation::ContainerProperties(CONTAINER)),
        ) if is_public => Ok(operation),
        operation => Err(match (state.behavior().anonymous, operation) {
            (AnonymousAnswer::PublicAccessNotPermitted, _) => {
                Refusal::new(409, "PublicAccessNotPermitted")
            }
            (AnonymousAnswer::ResourceNotFound, Ok(Operation::ReadBlob(..))) => {
                Refusal::new(404, "ResourceNotFound")
            }
            // Older versions send no challenge and hide that the container exists.
            _ if !is_challenged(request) => Refusal::new(404, "ResourceNotFound"),
            _ => Refusal::new(401, "NoAuthenticationInformation"),
        }),
    }
}

/// Checks that the service version of a request is a date.
///
/// # Errors
/// Fails with 400 `InvalidHeaderValue` if it is not.
pub(super) fn check_version(request: &BlobRequest<'_>) -> Result<(), Refusal> {
    let Some(version) = request.header("x-ms-version") else { return Ok(()) };
    // Any date is accepted, so that a test does not depend on the list of versions.
    let is_date = version.len() == 10
        && version.char_indices().all(|(at, c)| match at {
            4 | 7 => c == '-',
            _ => c.is_ascii_digit(),
        });
    let refusal = || Refusal::new(400, "InvalidHeaderValue").header("x-ms-version", version);
    is_date.then_some(()).ok_or_else(refusal)
}

/// Returns whether the service version of a request is one that sends challenges.
fn is_challenged(request: &BlobRequest<'_>) -> bool {
    request.header("x-ms-version").is_some_and(|version| version >= CHALLENGES_FROM)
}

/// Returns the refusal of a signature with the account key, which no client of a small cloud has.
fn wrong_key(request: &BlobRequest<'_>, value: &str) -> Refusal {
    let (_, signature) = value.split_once(':').unwrap_or_default();
    let (container, blob) = request.names();
    // The real service shows the text that it signed, which has the headers on twelve lines.
    Refusal::new(403, "AuthenticationFailed").detail(format!(
        "The MAC signature found in the HTTP request '{signature}' is not the same as any computed signature. Server used following string to sign: '{}{}/{ACCOUNT}/{container}/{blob}'.",
        request.method(),
        "\n".repeat(12)
    ))
}
