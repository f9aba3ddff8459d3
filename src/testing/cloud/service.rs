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
    ask::{Ask, Operation},
    behavior::AnonymousAnswer,
    containers, cors, delegated, fault, list_blobs, lock, quirk, read_blob,
    refusal::Writer,
    server::{Body, chunked},
    state::{Busy, Counted, request_id},
    token,
    wire::Reset,
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
    let under_way = Counted::new(&state.under_way);
    if let Some(Busy { most, each, refusal }) = busy {
        if under_way.before >= most {
            return finish(request, Err(refusal), state);
        }
        state.clock.sleep(each).await;
    }
    let right = || finish(request, right_answer(request, front_end, state), state);
    match fault {
        None => right(),
        Some(fault) => fault::play(fault, right, request, state, reset).await,
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
        headers.insert(SERVER, HeaderValue::from_static(Writer::BlobService.server()));
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
    quirk::alter(request, &mut response, state);
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

fn right_answer(
    request: &Request<Bytes>,
    front_end: usize,
    state: &State,
) -> Result<Response<Body>, Refusal> {
    let ask = Ask::new(request)?;
    if !ask.is_for_us() {
        return Err(Refusal::new(404, "ResourceNotFound").by_front_end());
    }
    let situation = lock(&state.script).situation;
    if let Some(refusal) = situation.refusal() {
        return Err(refusal);
    }
    if *ask.method == Method::OPTIONS {
        return cors::preflight(&ask, state);
    }
    let caller = authenticate(&ask, state)?;
    known_version(&ask)?;
    let operation = match caller {
        Caller::Nobody => anonymous(&ask, state)?,
        Caller::Delegate => delegated::operation(&ask)?,
        Caller::Signature | Caller::Principal => ask.operation()?,
    };
    let need = ask.need(operation, state);
    if state.has(Quirk::ExistenceFirst)
        && let Some(container) = need.container()
    {
        state.container(container)?;
    }
    match caller {
        Caller::Nobody => {}
        Caller::Signature => signature_allows(&ask, &need)?,
        // What a signature allows is no more than its principal may at the time.
        Caller::Principal | Caller::Delegate => state.authorize(&need, front_end)?,
    }
    let answer = match operation {
        Operation::ListContainers => containers::list(&ask, state),
        Operation::DelegationKey if state.has(Quirk::NoDelegationKeys) => {
            Err(Refusal::new(501, "NotImplemented"))
        }
        Operation::DelegationKey => containers::delegation_key(&ask, state),
        Operation::ContainerAcl(container) => containers::acl(container, state),
        Operation::ContainerProperties(container) => containers::properties(container, state),
        Operation::ListBlobs(container) => list_blobs::list(container, &ask, state),
        Operation::ReadBlob(container, blob) => {
            let container = state.container(container)?;
            read_blob::get(read_blob::find(&container, blob, &ask, state)?, &ask, state)
        }
    };
    match caller {
        Caller::Delegate if !state.has(Quirk::NoSignedHeaders) => {
            delegated::override_headers(&ask, answer?)
        }
        _ => answer,
    }
}

fn authenticate(ask: &Ask<'_>, state: &State) -> Result<Caller, Refusal> {
    if let Some(signature) = ask.parameter("sig") {
        if ask.parameter("skoid").is_some() {
            if state.has(Quirk::NoViewLinks) {
                return Err(Refusal::new(403, "AuthenticationFailed"));
            }
            return delegated::check(ask, signature, state).map(|()| Caller::Delegate);
        }
        if *signature != state.signature {
            return Err(delegated::no_match(&delegated::service_signature(ask)));
        }
        return delegated::in_time(ask, state).map(|()| Caller::Signature);
    }
    let Some(header) = ask.headers.get(AUTHORIZATION) else { return Ok(Caller::Nobody) };
    let (scheme, value) = header.to_str().ok().and_then(|text| text.split_once(' ')).unzip();
    match (scheme, value) {
        (Some("Bearer"), Some(token)) if !token.trim().is_empty() => {
            // Dates, and so versions, compare as texts.
            if ask.header("x-ms-version").is_some_and(|version| version < "2017-11-09") {
                return Err(Refusal::new(403, "AuthenticationFailed"));
            }
            match token::check(token, state) {
                Ok(()) => Ok(Caller::Principal),
                Err(detail) if is_challenged(ask) || ask.header("x-ms-version").is_none() => {
                    Err(Refusal::new(401, "InvalidAuthenticationInfo").detail(detail))
                }
                Err(detail) => Err(Refusal::new(403, "AuthenticationFailed").detail(detail)),
            }
        }
        (Some("SharedKey" | "SharedKeyLite"), Some(value)) => Err(wrong_key(ask, value)),
        _ => Err(Refusal::new(400, "InvalidAuthenticationInfo")),
    }
}

/// A refusal for a signature with the key of the account, which nobody has here
fn wrong_key(ask: &Ask<'_>, value: &str) -> Refusal {
    let (_, signature) = value.split_once(':').unwrap_or_default();
    let (container, blob) = ask.blob();
    Refusal::new(403, "AuthenticationFailed").detail(format!(
        "The MAC signature found in the HTTP request '{signature}' is not the same as any computed signature. Server used following string to sign: '{}{}/{ACCOUNT}/{container}/{blob}'.",
        ask.method,
        "\n".repeat(12)
    ))
}

/// Whether the version of a request is one in which the service challenges for a token
fn is_challenged(ask: &Ask<'_>) -> bool {
    ask.header("x-ms-version").is_some_and(|version| version >= CHALLENGES_FROM)
}

/// Refuses a version that is no date
fn known_version(ask: &Ask<'_>) -> Result<(), Refusal> {
    let Some(version) = ask.header("x-ms-version") else { return Ok(()) };
    let is_date = version.len() == 10
        && version.char_indices().all(|(at, c)| match at {
            4 | 7 => c == '-',
            _ => c.is_ascii_digit(),
        });
    let refusal = || Refusal::new(400, "InvalidHeaderValue").header("x-ms-version", version);
    is_date.then_some(()).ok_or_else(refusal)
}

/// The operation of a request without a credential, if the container is public
fn anonymous<'a>(ask: &'a Ask<'_>, state: &State) -> Result<Operation<'a>, Refusal> {
    let is_public = lock(&state.script).public;
    match ask.operation() {
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
            _ if !is_challenged(ask) => Refusal::new(404, "ResourceNotFound"),
            _ => Refusal::new(401, "NoAuthenticationInformation"),
        }),
    }
}

/// The address of the account, as its answers name it
pub(super) fn endpoint() -> String {
    format!("https://{ACCOUNT}.blob.core.windows.net/")
}
