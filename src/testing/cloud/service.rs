//! The blob service: what it checks, in which order.

use std::io;

use bytes::Bytes;
use hyper::{Method, Request, Response, header::AUTHORIZATION};

use super::{
    ACCOUNT, CONTAINER, Refusal, State,
    access::{bad_signature, signature_allows},
    ask::{Ask, Operation},
    blobs, containers, cors, delegated, fault, lock,
    server::Body,
    state::{Busy, Counted},
    token,
    wire::Reset,
};

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
    let mut response = answer.or_else(|refusal| refusal.response(state))?;
    for name in ["x-ms-client-request-id", "x-ms-version"] {
        if let Some(value) = request.headers().get(name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    cors::add_headers(request, &mut response, state);
    Ok(response)
}

/// Who asks
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
        return Err(Refusal::new(404, "ResourceNotFound"));
    }
    let situation = lock(&state.script).situation;
    if let Some(refusal) = situation.refusal() {
        return Err(refusal);
    }
    if *ask.method == Method::OPTIONS {
        return cors::preflight(&ask, state);
    }
    let caller = authenticate(&ask, state)?;
    let operation = match caller {
        Caller::Nobody => anonymous(&ask, state)?,
        Caller::Delegate => delegated::operation(&ask)?,
        Caller::Signature | Caller::Principal => ask.operation()?,
    };
    let need = ask.need(operation, state);
    match caller {
        Caller::Nobody => {}
        Caller::Signature => signature_allows(&need)?,
        // What a signature allows is no more than its principal may at the time.
        Caller::Principal | Caller::Delegate => state.authorize(&need, front_end)?,
    }
    let answer = match operation {
        Operation::ListContainers => containers::list(&ask, state),
        Operation::DelegationKey => containers::delegation_key(&ask, state),
        Operation::ContainerProperties(container) => containers::properties(container, state),
        Operation::ListBlobs(container) => blobs::list(container, &ask, state),
        Operation::ReadBlob(container, blob) => {
            let blobs = state.container(container)?;
            let seed = blobs.get(blob).filter(|_| ask.old_version().is_none());
            blobs::get(seed.ok_or_else(|| Refusal::new(404, "BlobNotFound"))?, &ask)
        }
    };
    match caller {
        Caller::Delegate => delegated::override_headers(&ask, answer?),
        _ => answer,
    }
}

fn authenticate(ask: &Ask<'_>, state: &State) -> Result<Caller, Refusal> {
    if let Some(signature) = ask.parameter("sig") {
        if ask.parameter("skoid").is_some() {
            return delegated::check(ask, signature, state).map(|()| Caller::Delegate);
        }
        return match *signature == state.signature {
            true => Ok(Caller::Signature),
            false => Err(bad_signature()),
        };
    }
    let Some(header) = ask.headers.get(AUTHORIZATION) else { return Ok(Caller::Nobody) };
    let (scheme, value) = header.to_str().ok().and_then(|text| text.split_once(' ')).unzip();
    match (scheme, value) {
        (Some("Bearer"), Some(token)) if !token.trim().is_empty() => {
            // Dates, and so versions, compare as texts.
            if ask.header("x-ms-version").is_some_and(|version| version < "2017-11-09") {
                return Err(Refusal::new(403, "AuthenticationFailed"));
            }
            token::check(token, state).map(|()| Caller::Principal)
        }
        (Some("SharedKey" | "SharedKeyLite"), Some(_)) => Err(bad_signature()),
        _ => Err(Refusal::new(400, "InvalidAuthenticationInfo")),
    }
}

/// What somebody without a credential may ask for: the container, where it is public
fn anonymous<'a>(ask: &'a Ask<'_>, state: &State) -> Result<Operation<'a>, Refusal> {
    let is_public = lock(&state.script).public;
    match ask.operation() {
        Ok(
            operation @ (Operation::ListBlobs(CONTAINER)
            | Operation::ReadBlob(CONTAINER, _)
            | Operation::ContainerProperties(CONTAINER)),
        ) if is_public => Ok(operation),
        // Before this version there was no challenge, and a private container was as good as none.
        _ if ask.header("x-ms-version").is_some_and(|version| version < "2019-12-12") => {
            Err(Refusal::new(404, "ResourceNotFound"))
        }
        _ => Err(Refusal::new(401, "NoAuthenticationInformation")),
    }
}

/// The address of the account, as its answers name it
pub(super) fn endpoint() -> String {
    format!("https://{ACCOUNT}.blob.core.windows.net/")
}
