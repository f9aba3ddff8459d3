//! The blob service: what it checks, in which order, and what every answer of it has.

use std::io;

use bytes::Bytes;
use hyper::{
    Method, Request, Response,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, SERVER},
};

use super::{
    ACCOUNT, CONTAINER, Quirk, Refusal, State,
    access::signature_allows,
    behavior::AnonymousAnswer,
    container_api, cors, fault, list_blobs, lock, quirk, read_blob,
    refusal::Responder,
    request::{BlobRequest, Operation},
    resettable::Reset,
    server::{Body, chunked},
    state::{ConcurrencyLimit, CountGuard, request_id},
    token, user_delegation,
};

pub(super) const REQUEST_ID: &str = "x-ms-request-id";

/// The version from which on the service challenges for a token
const CHALLENGES_FROM: &str = "2019-12-12";

pub(super) async fn answer(
    request: &Request<Bytes>,
    front_end: usize,
    state: &State,
    reset: &Reset,
) -> io::Result<Response<Body>> {
    let (fault, busy) = {
        let mut script = lock(&state.script);
        (script.faults.pop_front().or_else(|| script.always.clone()), script.busy.clone())
    };
    let in_flight = CountGuard::new(&state.in_flight);
    if let Some(ConcurrencyLimit { most, each, refusal }) = busy {
        if in_flight.before >= most {
            return finish(request, Err(refusal), state);
        }
        state.clock.sleep(each).await;
    }
    let normal = || finish(request, normal_answer(request, front_end, state), state);
    match fault {
        None => normal(),
        Some(fault) => fault::apply(fault, normal, request, state, reset).await,
    }
}

/// Makes an answer of it, with the headers that every answer of the service has
pub(super) fn finish(
    request: &Request<Bytes>,
    answer: Result<Response<Body>, Refusal>,
    state: &State,
) -> io::Result<Response<Body>> {
    let has_version = answer.as_ref().err().is_none_or(Refusal::has_version);
    let mut response = answer.or_else(|refusal| refusal.response(request.method(), state))?;
    let headers = response.headers_mut();
    if !headers.contains_key(SERVER) {
        headers.insert(SERVER, HeaderValue::from_static(Responder::BlobService.server()));
    }
    if !headers.contains_key(REQUEST_ID) {
        let id = HeaderValue::from_str(&request_id()).map_err(io::Error::other)?;
        headers.insert(REQUEST_ID, id);
    }
    if let Some(value) = request.headers().get("x-ms-client-request-id") {
        headers.insert("x-ms-client-request-id", value.clone());
    }
    if has_version && let Some(version) = version(request) {
        headers.insert("x-ms-version", version);
    }
    cors::add_headers(request, &mut response, state);
    quirk::apply_to_headers(request, &mut response, state);
    Ok(response)
}

/// The version of the service that a request names, in its header or in its signature
fn version(request: &Request<Bytes>) -> Option<HeaderValue> {
    request.headers().get("x-ms-version").cloned().or_else(|| {
        let query = request.uri().query().unwrap_or_default();
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        let (_, version) = pairs.find(|(name, _)| name == "sv")?;
        HeaderValue::from_str(&version).ok()
    })
}

/// A listing, whose length no header says
pub(super) fn list_response(body: String) -> hyper::http::Result<Response<Body>> {
    Response::builder().header(CONTENT_TYPE, "application/xml").body(chunked(body.into()))
}

/// Who sends a request
enum Caller {
    Principal,
    Signature,
    /// Who has a signature by a key of the principal's
    Delegate,
    Nobody,
}

fn normal_answer(
    request: &Request<Bytes>,
    front_end: usize,
    state: &State,
) -> Result<Response<Body>, Refusal> {
    let request = BlobRequest::new(request)?;
    if !request.is_for_us() {
        return Err(Refusal::new(404, "ResourceNotFound").by_front_end());
    }
    let storage_state = lock(&state.script).storage_state;
    if let Some(refusal) = storage_state.refusal() {
        return Err(refusal);
    }
    if *request.method == Method::OPTIONS {
        return cors::preflight(&request, state);
    }
    let caller = authenticate(&request, state)?;
    known_version(&request)?;
    let operation = match caller {
        Caller::Nobody => anonymous(&request, state)?,
        Caller::Delegate => user_delegation::operation(&request)?,
        Caller::Signature | Caller::Principal => request.operation()?,
    };
    let required = request.required_access(operation, state);
    if state.has(Quirk::ExistenceFirst)
        && let Some(container) = required.container()
    {
        state.container(container)?;
    }
    match caller {
        Caller::Nobody => {}
        Caller::Signature => signature_allows(&request, &required)?,
        // What a signature allows is no more than its principal may at the time.
        Caller::Principal | Caller::Delegate => state.authorize(&required, front_end)?,
    }
    let answer = match operation {
        Operation::ListContainers => container_api::list(&request, state),
        Operation::DelegationKey if state.has(Quirk::NoDelegationKeys) => {
            Err(Refusal::new(501, "NotImplemented"))
        }
        Operation::DelegationKey => container_api::delegation_key(&request, state),
        Operation::ContainerAcl(container) => container_api::acl(container, state),
        Operation::ContainerProperties(container) => container_api::properties(container, state),
        Operation::ListBlobs(container) => list_blobs::list(container, &request, state),
        Operation::ReadBlob(container, blob) => {
            let container = state.container(container)?;
            read_blob::get(read_blob::find(&container, blob, &request, state)?, &request, state)
        }
    };
    match caller {
        Caller::Delegate if !state.has(Quirk::NoSignedHeaders) => {
            user_delegation::override_headers(&request, answer?)
        }
        _ => answer,
    }
}

fn authenticate(request: &BlobRequest<'_>, state: &State) -> Result<Caller, Refusal> {
    if let Some(signature) = request.parameter("sig") {
        if request.parameter("skoid").is_some() {
            if state.has(Quirk::NoViewLinks) {
                return Err(Refusal::new(403, "AuthenticationFailed"));
            }
            return user_delegation::check(request, signature, state).map(|()| Caller::Delegate);
        }
        if *signature != state.signature {
            return Err(user_delegation::no_match(&user_delegation::service_signature(request)));
        }
        return user_delegation::in_time(request, state).map(|()| Caller::Signature);
    }
    let Some(header) = request.headers.get(AUTHORIZATION) else { return Ok(Caller::Nobody) };
    let (scheme, value) = header.to_str().ok().and_then(|text| text.split_once(' ')).unzip();
    match (scheme, value) {
        (Some("Bearer"), Some(token)) if !token.trim().is_empty() => {
            // Dates, and so versions, compare as texts.
            if request.header("x-ms-version").is_some_and(|version| version < "2017-11-09") {
                return Err(Refusal::new(403, "AuthenticationFailed"));
            }
            match token::check(token, state) {
                Ok(()) => Ok(Caller::Principal),
                Err(detail)
                    if is_challenged(request) || request.header("x-ms-version").is_none() =>
                {
                    Err(Refusal::new(401, "InvalidAuthenticationInfo").detail(detail))
                }
                Err(detail) => Err(Refusal::new(403, "AuthenticationFailed").detail(detail)),
            }
        }
        (Some("SharedKey" | "SharedKeyLite"), Some(value)) => Err(wrong_key(request, value)),
        _ => Err(Refusal::new(400, "InvalidAuthenticationInfo")),
    }
}

/// A refusal for a signature with the key of the account, which nobody has here
fn wrong_key(request: &BlobRequest<'_>, value: &str) -> Refusal {
    let (_, signature) = value.split_once(':').unwrap_or_default();
    let (container, blob) = request.blob();
    Refusal::new(403, "AuthenticationFailed").detail(format!(
        "The MAC signature found in the HTTP request '{signature}' is not the same as any computed signature. Server used following string to sign: '{}{}/{ACCOUNT}/{container}/{blob}'.",
        request.method,
        "\n".repeat(12)
    ))
}

/// Whether the version of a request is one in which the service challenges for a token
fn is_challenged(request: &BlobRequest<'_>) -> bool {
    request.header("x-ms-version").is_some_and(|version| version >= CHALLENGES_FROM)
}

/// Refuses a version that is no date
fn known_version(request: &BlobRequest<'_>) -> Result<(), Refusal> {
    let Some(version) = request.header("x-ms-version") else { return Ok(()) };
    let is_date = version.len() == 10
        && version.char_indices().all(|(at, c)| match at {
            4 | 7 => c == '-',
            _ => c.is_ascii_digit(),
        });
    let refusal = || Refusal::new(400, "InvalidHeaderValue").header("x-ms-version", version);
    is_date.then_some(()).ok_or_else(refusal)
}

/// The operation of a request without a credential, if the container is public
fn anonymous<'a>(request: &'a BlobRequest<'_>, state: &State) -> Result<Operation<'a>, Refusal> {
    let is_public = lock(&state.script).public;
    match request.operation() {
        Ok(
            operation @ (Operation::ListBlobs(CONTAINER)
            | Operation::ReadBlob(CONTAINER, _)
            | Operation::ContainerProperties(CONTAINER)),
        ) if is_public => Ok(operation),
        operation => Err(match (state.behavior.anonymous, operation) {
            (AnonymousAnswer::PublicAccessNotPermitted, _) => {
                Refusal::new(409, "PublicAccessNotPermitted")
            }
            (AnonymousAnswer::ResourceNotFound, Ok(Operation::ReadBlob(..))) => {
                Refusal::new(404, "ResourceNotFound")
            }
            // Before that version there is no challenge, and a private container is as good as none.
            _ if !is_challenged(request) => Refusal::new(404, "ResourceNotFound"),
            _ => Refusal::new(401, "NoAuthenticationInformation"),
        }),
    }
}

/// The address of the account, as its answers name it
pub(super) fn endpoint() -> String {
    format!("https://{ACCOUNT}.blob.core.windows.net/")
}
