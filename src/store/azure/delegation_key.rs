//! The user delegation key that signs view links: requested once for all callers, and cached.
//!
//! Assumes that the clocks of this machine and of the service differ by less than 15 minutes.
//!
//! Source: Microsoft Learn, "Get User Delegation Key".

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime},
};

use azure_core::http::{
    Method, Pipeline, Request, StatusCode,
    headers::{HeaderName, HeaderValue, Headers},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};
use ring::hmac;

use super::{
    failure,
    request::{collect, send},
};
use crate::{
    connection::Connection,
    error::{Error, ErrorKind},
    name::is_guid,
    observe,
};

/// The limit for an answer with a key: 64 KiB. An answer has less than 1 KiB.
const MAX_KEY_BYTES: usize = 64 << 10;

/// How long before the request a key starts to be valid: 15 min, because clocks differ.
///
/// Source: Microsoft Learn, "Create a user delegation SAS", which advises 15 minutes.
const CLOCK_SKEW: Duration = Duration::from_secs(15 * 60);

/// A user delegation key: the service issues it to a principal, which signs links with it.
///
/// Times and version are kept as the service wrote them, because they are signed and repeated in each
/// link.
pub(super) struct DelegationKey {
    pub(super) object_id: String,
    pub(super) tenant: String,
    pub(super) start: String,
    pub(super) expiry: String,
    pub(super) version: String,
    pub(super) expires_at: SystemTime,
    secret: hmac::Key,
}

impl DelegationKey {
    /// Returns the HMAC-SHA256 of a text in Base64.
    pub(super) fn sign(&self, text: &str) -> String {
        STANDARD.encode(hmac::sign(&self.secret, text.as_bytes()))
    }

    /// Parses an answer; `None` if a field is missing or malformed.
    fn parse(body: &[u8]) -> Option<Self> {
        // Not an XML parser: the answer has seven flat elements, and anything else is refused.
        let body = str::from_utf8(body).ok()?;
        let (_, body) = body.split_once("<UserDelegationKey>")?;
        let text = |tag: &str| {
            let (_, rest) = body.split_once(&format!("<{tag}>"))?;
            Some(rest.split_once(&format!("</{tag}>"))?.0)
        };
        // INVARIANT: every text that is signed and repeated in links has been checked by form, so that a
        // malicious answer cannot add fields to a link.
        let guid = |tag| text(tag).filter(|id| is_guid(id)).map(str::to_owned);
        let (start, expiry) = (text("SignedStart")?, text("SignedExpiry")?);
        humantime::parse_rfc3339(start).ok()?;
        let version = text("SignedVersion").filter(|version| {
            version.len() == 10 && version.bytes().all(|b| b.is_ascii_digit() || b == b'-')
        })?;
        text("SignedService").filter(|service| *service == SERVICE)?;
        let secret = STANDARD.decode(text("Value")?).ok().filter(|secret| !secret.is_empty())?;
        Some(Self {
            object_id: guid("SignedOid")?,
            tenant: guid("SignedTid")?,
            expires_at: humantime::parse_rfc3339(expiry).ok()?,
            start: start.to_owned(),
            expiry: expiry.to_owned(),
            version: version.to_owned(),
            secret: hmac::Key::new(hmac::HMAC_SHA256, &secret),
        })
    }
}

/// The value of `sks` and of `SignedService` for the blob service.
pub(super) const SERVICE: &str = "b";

/// Formats a time in whole seconds, as the service expects; `None` after the year 9999.
pub(super) fn rfc3339(time: SystemTime) -> Option<String> {
    use fmt::Write as _;
    let mut text = String::new();
    // A time before 1970 only comes from a wrong clock, and `humantime` panics on it.
    let time = time.max(SystemTime::UNIX_EPOCH);
    write!(text, "{}", humantime::format_rfc3339_seconds(time)).ok().map(|()| text)
}

/// The error for a time that the service's format cannot express.
pub(super) fn clock_out_of_range() -> Error {
    Error::new(
        ErrorKind::Config,
        "the clock is before 1970 or past the year 9999; correct the clock of this machine",
    )
}

/// Requests a key that is valid until `expiry`, and returns it with the headers of the answer.
///
/// # Errors
/// [`ErrorKind::PermissionDenied`] with the missing role; those of a request.
pub(super) async fn request_key(
    pipeline: Pipeline,
    connection: Connection,
    now: SystemTime,
    expiry: SystemTime,
) -> Result<(Headers, DelegationKey), Error> {
    let answer = async {
        let (status, headers, body) =
            send(&pipeline, key_request(&connection, now, expiry)?).await?.deconstruct();
        let body = collect(body, MAX_KEY_BYTES).await?;
        if status != StatusCode::Ok {
            return Err(with_role_advice(failure::from_response(status, &headers, &body)));
        }
        let key = DelegationKey::parse(&body).ok_or_else(|| {
            let what = "the answer contains no user delegation key; check whether a proxy or a login page answers instead of the endpoint";
            Error::new(ErrorKind::UnexpectedAnswer, what)
        })?;
        Ok((headers, key))
    };
    let span = observe::view_link_key_span(connection.labels());
    observe::within(span, answer).await.map_err(|error: Error| {
        error.context(format_args!("get a user delegation key for view links"))
    })
}

/// Returns the request for a key that is valid from 15 min before `now` until `expiry`.
pub(super) fn key_request(
    connection: &Connection,
    now: SystemTime,
    expiry: SystemTime,
) -> Result<Request, Error> {
    let start = now.checked_sub(CLOCK_SKEW).unwrap_or(now);
    let (Some(start), Some(expiry)) = (rfc3339(start), rfc3339(expiry)) else {
        return Err(clock_out_of_range());
    };
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><KeyInfo><Start>{start}</Start><Expiry>{expiry}</Expiry></KeyInfo>"
    );
    // The request goes to the account, not to the container.
    let mut url = connection.cloud().service(connection.account());
    url.set_query(Some("restype=service&comp=userdelegationkey"));
    let mut request = Request::new(url, Method::Post);
    request.insert_header(
        HeaderName::from_static("content-type"),
        HeaderValue::from_static("application/xml"),
    );
    request.set_body(Bytes::from(body));
    Ok(request)
}

/// Names the missing role, which is another than the role for reading blobs.
fn with_role_advice(error: Error) -> Error {
    match error.code() {
        Some("AuthorizationPermissionMismatch") => error.with_message(
            "the principal may not request a user delegation key; assign the role Storage Blob Delegator or Storage Blob Data Reader on the storage account (a role on a container is not enough), or wait until the assignment has propagated",
        ),
        _ => error,
    }
}

/// The key of a store, and the pending request for the next one.
///
/// Links are made concurrently, for example for each image of a page. Without a shared request, the
/// first page after a start would request one key per image.
#[derive(Default)]
pub(super) struct KeyCache(Mutex<State>);

#[derive(Default)]
struct State {
    cached: Option<Arc<DelegationKey>>,
    pending: Option<PendingRequest>,
    /// How often [`KeyCache::forget`] was called.
    generation: u64,
}

/// The result of a request, for all callers that wait for it.
type Outcome = Result<Arc<DelegationKey>, Arc<Error>>;

/// A request for a key that has not been answered yet.
struct PendingRequest {
    /// The requested expiry of the key.
    valid_until: SystemTime,
    /// Ends with the last caller that waits for it, so no request continues in the background.
    answer: WeakShared<BoxFuture<'static, Outcome>>,
}

impl KeyCache {
    /// Locks the state, for a moment and never across an await.
    fn state(&self) -> MutexGuard<'_, State> {
        // INVARIANT: each critical section replaces whole values, so a poisoned state is consistent.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Returns the cached key if it is valid until `valid_until`, or else a new one.
    ///
    /// Of several concurrent callers the first one sends `request`, which asks for a key that is valid
    /// until `requested_expiry`. Its error goes to all callers that wait, and to no later caller.
    ///
    /// # Errors
    /// [`ErrorKind::UnexpectedAnswer`] if the new key expires before `valid_until`; those of `request`.
    pub(super) async fn get(
        &self,
        valid_until: SystemTime,
        requested_expiry: SystemTime,
        request: impl Future<Output = Result<(Headers, DelegationKey), Error>> + Send + 'static,
    ) -> Result<Arc<DelegationKey>, Error> {
        let (pending, generation) = {
            let mut state = self.state();
            if let Some(key) = state.cached.as_ref().filter(|key| key.expires_at >= valid_until) {
                return Ok(Arc::clone(key));
            }
            let pending =
                state.pending.as_ref().filter(|pending| pending.valid_until >= valid_until);
            let pending = match pending.and_then(|pending| pending.answer.upgrade()) {
                // A request that has failed stays here until its last waiting caller drops it.
                Some(pending) if !matches!(pending.peek(), Some(Err(_))) => pending,
                _ => {
                    let request = request.map(|answer| match answer {
                        Ok((_, key)) => Ok(Arc::new(key)),
                        Err(error) => Err(Arc::new(error)),
                    });
                    let pending: Shared<BoxFuture<'static, Outcome>> = request.boxed().shared();
                    let answer = pending.downgrade();
                    state.pending = answer
                        .map(|answer| PendingRequest { valid_until: requested_expiry, answer });
                    pending
                }
            };
            (pending, state.generation)
        };
        // No lock is held during the request.
        let key = pending.await.map_err(|error| Error::clone(&error))?;
        if key.expires_at < valid_until {
            let what = "get a user delegation key for view links: the service returned a key that expires before the link; use a shorter lifetime for view links";
            return Err(Error::new(ErrorKind::UnexpectedAnswer, what));
        }
        let mut state = self.state();
        // INVARIANT: a key that was requested before a call of `forget` is never cached after it.
        let is_longer =
            state.cached.as_ref().is_none_or(|cached| cached.expires_at < key.expires_at);
        if is_longer && state.generation == generation {
            state.cached = Some(Arc::clone(&key));
        }
        Ok(key)
    }

    /// Drops the key. A pending request still answers its waiting callers, but is not cached.
    pub(super) fn forget(&self) {
        let mut state = self.state();
        // A new generation keeps a pending request from storing its key.
        let generation = state.generation.wrapping_add(1);
        *state = State { cached: None, pending: None, generation };
    }
}
