//! The blob service: the order of its checks, and what every response has.
//!
//! A request passes fault injection, the state of the account, CORS, authentication, authorization,
//! and then the operation. Each step has a file of its own; this file fixes their order.

use std::io;

use bytes::Bytes;
use hyper::{
    Method, Request, Response,
    header::{HeaderValue, SERVER},
};

use super::{
    authentication::{Caller, anonymous_operation, authenticate, check_version},
    authorization::{check_signature, required_access},
    body::Body,
    container_api, cors, fault, list_blobs, quirk,
    quirk::Quirk,
    read_blob,
    refusal::{Refusal, Responder},
    request::{BlobRequest, Operation},
    resettable::Reset,
    script::ConcurrencyLimit,
    state::State,
    user_delegation,
    values::{REQUEST_ID, request_id},
};

/// Answers a request, or breaks the connection if a fault says so.
///
/// # Errors
/// An error closes the connection without an answer.
pub(super) async fn answer(
    request: &Request<Bytes>,
    front_end: usize,
    state: &State,
    reset: &Reset,
) -> io::Result<Response<Body>> {
    // In one lock, so that two concurrent requests cannot take the same fault.
    let (fault, concurrency) = {
        let mut script = state.script();
        (script.next_fault(), script.concurrency_limit())
    };
    // Counts while the request is answered, so before the guard is dropped at the end.
    let in_flight = state.count_request();
    if let Some(ConcurrencyLimit { limit, service_time, refusal }) = concurrency {
        if in_flight.before() >= limit {
            return finish(request, Err(refusal), state);
        }
        state.clock().sleep(service_time).await;
    }
    let respond = |refusal: Option<Refusal>| {
        let answer = refusal.map_or_else(|| normal_answer(request, front_end, state), Err);
        finish(request, answer, state)
    };
    match fault {
        None => respond(None),
        Some(fault) => fault::apply(fault, respond, state.clock(), reset).await,
    }
}

/// Adds the headers that every response of the service has.
///
/// # Errors
/// Fails if a test has scripted a header that HTTP cannot send.
fn finish(
    request: &Request<Bytes>,
    answer: Result<Response<Body>, Refusal>,
    state: &State,
) -> io::Result<Response<Body>> {
    // The front end does not know the version of a request.
    let has_version = answer.as_ref().err().is_none_or(Refusal::has_version);
    let mut response = match answer {
        Ok(response) => response,
        Err(refusal) => {
            let challenge = state.script().challenge().map(str::to_owned);
            refusal.response(request.method(), state.now(), challenge.as_deref())?
        }
    };
    let headers = response.headers_mut();
    // A refusal has set both already, because they depend on who refuses.
    if !headers.contains_key(SERVER) {
        headers.insert(SERVER, HeaderValue::from_static(Responder::BlobService.server()));
    }
    if !headers.contains_key(REQUEST_ID) {
        let id = HeaderValue::from_str(&request_id()).map_err(io::Error::other)?;
        headers.insert(REQUEST_ID, id);
    }
    // Azure repeats this ID, so that logs of both sides can be compared.
    if let Some(value) = request.headers().get("x-ms-client-request-id") {
        headers.insert("x-ms-client-request-id", value.clone());
    }
    if has_version && let Some(version) = version(request) {
        headers.insert("x-ms-version", version);
    }
    cors::add_headers(request, &mut response, state.script().cors());
    // Last, so that a quirk also removes headers that CORS has added.
    quirk::apply_to_headers(&state.settings().quirks, request.method(), &mut response);
    Ok(response)
}

/// Returns the service version that a request names, in its header or in its signature.
fn version(request: &Request<Bytes>) -> Option<HeaderValue> {
    request.headers().get("x-ms-version").cloned().or_else(|| {
        let query = request.uri().query().unwrap_or_default();
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        let (_, version) = pairs.find(|(name, _)| name == "sv")?;
        HeaderValue::from_str(&version).ok()
    })
}

/// Answers a request as the real service would.
fn normal_answer(
    http: &Request<Bytes>,
    front_end: usize,
    state: &State,
) -> Result<Response<Body>, Refusal> {
    let request = BlobRequest::new(http)?;
    // A missing account is what a wrong first segment of the path means here.
    if !request.is_for_this_account() {
        return Err(Refusal::new(404, "ResourceNotFound").by_front_end());
    }
    let storage_state = state.script().storage_state();
    if let Some(refusal) = storage_state.account_refusal() {
        return Err(refusal);
    }
    // A preflight has no credential.
    if *request.method() == Method::OPTIONS {
        let is_lax = state.has(Quirk::LaxPreflight);
        return cors::preflight(
            &request,
            state.script().cors(),
            state.behavior().preflight,
            is_lax,
        );
    }
    let caller = authenticate(&request, state)?;
    check_version(&request)?;
    let operation = match caller {
        Caller::Anonymous => anonymous_operation(&request, state)?,
        Caller::Delegate => user_delegation::permitted_operation(&request)?,
        Caller::SignatureHolder | Caller::Principal => request.operation()?,
    };
    // Authorization comes before existence: a caller without access gets 403 for a missing
    // container.
    let required = required_access(&request, operation, state);
    if state.has(Quirk::ExistenceFirst)
        && let Some(container) = required.container()
    {
        state.container(container)?;
    }
    match caller {
        Caller::Anonymous => {}
        Caller::SignatureHolder => check_signature(&request, &required)?,
        // A signature with a user delegation key allows no more than its principal may do now.
        Caller::Principal | Caller::Delegate => state.authorize(&required, front_end)?,
    }
    let answer = call(operation, &request, state);
    match caller {
        Caller::Delegate if !state.has(Quirk::NoSignedHeaders) => {
            user_delegation::override_headers(&request, answer?)
        }
        _ => answer,
    }
}

/// Calls an operation whose caller was authorized.
fn call(
    operation: Operation<'_>,
    request: &BlobRequest<'_>,
    state: &State,
) -> Result<Response<Body>, Refusal> {
    match operation {
        Operation::ListContainers => container_api::list(request, state),
        Operation::DelegationKey if state.has(Quirk::NoDelegationKeys) => {
            Err(Refusal::new(501, "NotImplemented"))
        }
        Operation::DelegationKey => user_delegation::issue_key(request, state),
        Operation::ContainerAcl(container) => container_api::acl(container, state),
        Operation::ContainerProperties(container) => container_api::properties(container, state),
        Operation::ListBlobs(container) => list_blobs::list(container, request, state),
        Operation::ReadBlob(container, blob) => {
            let container = state.container(container)?;
            read_blob::get(read_blob::find(&container, blob, request, state)?, request, state)
        }
    }
}
