//! The key that view links are signed with: asked for once for all, and kept while it lasts.
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

use super::{collect, failure, send};
use crate::{
    connection::Connection,
    error::{Error, ErrorKind},
    name::is_guid,
};

/// An answer has less than a kilobyte
const MAX_KEY_BYTES: usize = 64 << 10;

/// How long before it is asked for a key begins to hold: clocks differ
///
/// Source: Microsoft Learn, "Create a user delegation SAS", which advises 15 minutes.
const SKEW: Duration = Duration::from_secs(15 * 60);

/// A key of the service's that stands for its principal
///
/// The texts are kept as the service wrote them: they are signed, and they are in each link.
pub(super) struct Key {
    pub(super) object_id: String,
    pub(super) tenant: String,
    pub(super) start: String,
    pub(super) expiry: String,
    pub(super) version: String,
    pub(super) expires_at: SystemTime,
    secret: hmac::Key,
}

impl Key {
    /// HMAC-SHA256 in Base64
    pub(super) fn sign(&self, text: &str) -> String {
        STANDARD.encode(hmac::sign(&self.secret, text.as_bytes()))
    }

    /// Reads the answer; each part must have the shape that it should have
    fn parse(body: &[u8]) -> Option<Self> {
        let body = str::from_utf8(body).ok()?;
        let (_, body) = body.split_once("<UserDelegationKey>")?;
        let text = |tag: &str| {
            let (_, rest) = body.split_once(&format!("<{tag}>"))?;
            Some(rest.split_once(&format!("</{tag}>"))?.0)
        };
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

/// The blob service
pub(super) const SERVICE: &str = "b";

/// A time in whole seconds, as the service reads it; `None` where a year has more than four digits
pub(super) fn rfc3339(time: SystemTime) -> Option<String> {
    use fmt::Write as _;
    let mut text = String::new();
    // Before 1970 no clock of a machine in use is, and the format has no words for it.
    let time = time.max(SystemTime::UNIX_EPOCH);
    write!(text, "{}", humantime::format_rfc3339_seconds(time)).ok().map(|()| text)
}

pub(super) fn clock_is_off() -> Error {
    Error::new(ErrorKind::Config, "the clock is past the year 9999; set it right")
}

/// Asks for a key that lasts until then
pub(super) async fn ask(
    pipeline: Pipeline,
    connection: Connection,
    now: SystemTime,
    expiry: SystemTime,
) -> Result<(Headers, Key), Error> {
    let asked = async {
        let (status, headers, body) =
            send(&pipeline, request(&connection, now, expiry)?).await?.deconstruct();
        let body = collect(body, MAX_KEY_BYTES).await?;
        if status != StatusCode::Ok {
            return Err(advised(failure::of_response(status, &headers, &body)));
        }
        let key = Key::parse(&body).ok_or_else(|| {
            let what = "the answer is no key; check the endpoint for a proxy or a login page";
            Error::new(ErrorKind::UnexpectedAnswer, what)
        })?;
        Ok((headers, key))
    };
    asked.await.map_err(|error: Error| error.context(format_args!("get a key for view links")))
}

pub(super) fn request(
    connection: &Connection,
    now: SystemTime,
    expiry: SystemTime,
) -> Result<Request, Error> {
    let start = now.checked_sub(SKEW).unwrap_or(now);
    let (Some(start), Some(expiry)) = (rfc3339(start), rfc3339(expiry)) else {
        return Err(clock_is_off());
    };
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><KeyInfo><Start>{start}</Start><Expiry>{expiry}</Expiry></KeyInfo>"
    );
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

/// The missing role is another than that for reading
fn advised(error: Error) -> Error {
    match error.code() {
        Some("AuthorizationPermissionMismatch") => error.with_message(
            "the principal may not get one; assign Storage Blob Delegator, or Storage Blob Data Reader, on the storage account, since a role on a container does not allow it, or wait for the assignment to take effect",
        ),
        _ => error,
    }
}

/// The key of a store, or the request for one that is under way
#[derive(Default)]
pub(super) struct Keys(Mutex<State>);

#[derive(Default)]
struct State {
    kept: Option<Arc<Key>>,
    flight: Option<Flight>,
    /// How often it was told to forget
    forgotten: u64,
}

/// What came of a request, for all who wait for it
type Outcome = Result<Arc<Key>, Arc<Error>>;

struct Flight {
    /// When the key will end that was asked for
    until: SystemTime,
    /// Ends with the last who waits for it: nothing goes on in the background
    answer: WeakShared<BoxFuture<'static, Outcome>>,
}

impl Keys {
    fn state(&self) -> MutexGuard<'_, State> {
        // Each critical section leaves a whole state, whatever panics in it.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The key, where it lasts until then, or a new one; of many that come for it the first asks
    ///
    /// `request` asks for a key that lasts until `asked`. Its failure is the failure of all who
    /// wait, and of nobody who comes later.
    pub(super) async fn get(
        &self,
        until: SystemTime,
        asked: SystemTime,
        request: impl Future<Output = Result<(Headers, Key), Error>> + Send + 'static,
    ) -> Result<Arc<Key>, Error> {
        let (flight, forgotten) = {
            let mut state = self.state();
            if let Some(key) = state.kept.as_ref().filter(|key| key.expires_at >= until) {
                return Ok(Arc::clone(key));
            }
            let under_way = state.flight.as_ref().filter(|flight| flight.until >= until);
            let flight = match under_way.and_then(|flight| flight.answer.upgrade()) {
                Some(flight) if !matches!(flight.peek(), Some(Err(_))) => flight,
                _ => {
                    let request = request.map(|answer| match answer {
                        Ok((_, key)) => Ok(Arc::new(key)),
                        Err(error) => Err(Arc::new(error)),
                    });
                    let flight: Shared<BoxFuture<'static, Outcome>> = request.boxed().shared();
                    let answer = flight.downgrade();
                    state.flight = answer.map(|answer| Flight { until: asked, answer });
                    flight
                }
            };
            (flight, state.forgotten)
        };
        let key = flight.await.map_err(|error| error.again())?;
        if key.expires_at < until {
            let what = "get a key for view links: the service gave one that ends before the link would; ask for a shorter lifetime";
            return Err(Error::new(ErrorKind::UnexpectedAnswer, what));
        }
        let mut state = self.state();
        let is_longer = state.kept.as_ref().is_none_or(|kept| kept.expires_at < key.expires_at);
        if is_longer && state.forgotten == forgotten {
            state.kept = Some(Arc::clone(&key));
        }
        Ok(key)
    }

    /// Forgets the key; what a request under way brings is only for those who wait for it
    pub(super) fn forget(&self) {
        let mut state = self.state();
        let forgotten = state.forgotten.wrapping_add(1);
        *state = State { kept: None, flight: None, forgotten };
    }
}
