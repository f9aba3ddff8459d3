//! Single requests whose answers are returned unchanged, for checks of the service itself.
//!
//! Requests can only read: no constructor creates one that writes. They go only to the account's
//! host, with the store's client, host policy and deadline, and the store's token never leaves the
//! store. Answers are not filtered, so they may contain secrets.

use std::{fmt, time::Duration};

use azure_core::{
    credentials::TokenCredential as _,
    http::{Body, Url, headers::Headers},
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use hyper::ext::ReasonPhrase;
use reqwest::{
    Method,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
};

use super::{
    AzureStore,
    deadline::within,
    delegation_key, failure,
    http::Need,
    token_cache::SCOPE,
    transport::{self, VERSION},
};
use crate::error::{Error, ErrorKind};

/// A request that reads from the account of a store.
///
/// `Debug` prints only the method, because the URL or a header may contain a signature or token.
#[derive(Clone)]
#[must_use]
pub struct RawRequest {
    method: Method,
    url: Url,
    headers: Vec<(&'static str, String)>,
    is_authorized: bool,
    max_body_bytes: usize,
}

impl RawRequest {
    /// Creates a request with the store's credential and the default limit.
    fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: Vec::new(), is_authorized: true, max_body_bytes: 64 << 10 }
    }

    /// Creates a GET request with the store's credential.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// Creates a HEAD request with the store's credential.
    pub fn head(url: Url) -> Self {
        Self::new(Method::HEAD, url)
    }

    /// Creates an OPTIONS request without a credential, as a browser's CORS preflight.
    pub fn options(url: Url) -> Self {
        Self::new(Method::OPTIONS, url).anonymous()
    }

    /// Removes the store's credential from the request.
    pub fn anonymous(mut self) -> Self {
        self.is_authorized = false;
        self
    }

    /// Sets a header, and replaces a value that was set before or that the store would send.
    ///
    /// A request with an `authorization` header of its own is sent without the store's token.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sets the limit for the body that is read, in bytes; 64 KiB by default.
    pub fn at_most(mut self, bytes: usize) -> Self {
        self.max_body_bytes = bytes;
        self
    }
}

impl fmt::Debug for RawRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the URL and the headers, which may contain a signature or a token.
        f.debug_struct("RawRequest").field("method", &self.method).finish_non_exhaustive()
    }
}

/// An answer of the account, unchanged.
///
/// `Debug` prints only the status, because headers and body may contain secrets.
#[derive(Clone)]
#[non_exhaustive]
pub struct RawAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The reason phrase, if it is not the usual one for the status.
    pub reason: Option<String>,
    /// The headers, with names in lower case; headers that are not text are left out.
    pub headers: Vec<(String, String)>,
    /// The body, up to the limit of the request.
    pub body: Bytes,
    /// Whether the body was longer than the limit.
    pub is_cut: bool,
}

impl RawAnswer {
    /// Creates an answer with this status, these headers and this body.
    pub fn new(
        status: u16,
        headers: impl IntoIterator<Item = (String, String)>,
        body: impl Into<Bytes>,
    ) -> Self {
        let headers = headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
        let (headers, body) = (headers.collect(), body.into());
        Self { status, reason: None, headers, body, is_cut: false }
    }

    /// Returns the value of a header; `name` must be in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the error that a store makes of the answer, or `None` if the status is a success.
    pub fn error(&self) -> Option<Error> {
        if (200..300).contains(&self.status) {
            return None;
        }
        let mut headers = Headers::new();
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
        // The same filter and bound as for the store's own requests, so that checks see its errors.
        let headers = transport::allowed_headers(&headers, None);
        let body = self.body.get(..transport::MAX_ERROR_BYTES).unwrap_or(&self.body);
        Some(failure::from_response(self.status.into(), &headers, body))
    }
}

impl fmt::Debug for RawAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawAnswer").field("status", &self.status).finish_non_exhaustive()
    }
}

impl AzureStore {
    /// Sends one request and returns the account's answer unchanged.
    ///
    /// For checks of the service, such as the example `acceptance`. A service needs
    /// [`Store`](crate::Store) and [`Inspect`](crate::store::Inspect) instead, whose answers are
    /// checked and filtered.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`] for a URL of another host than the account's, or a header that cannot
    /// be sent; otherwise those of the sign-in and of the network. A refusal is an answer here.
    ///
    /// ```no_run
    /// use azure_asset_sync::{AzureStore, Connection, Error, store::azure::RawRequest};
    ///
    /// # async fn example(store: AzureStore, connection: Connection) -> Result<(), Error> {
    /// let mut url = connection.container_url();
    /// url.set_query(Some("restype=container"));
    /// let answer = store.exchange(RawRequest::head(url)).await?;
    /// println!("HTTP {}, ETag {:?}", answer.status, answer.header("etag"));
    /// # Ok(()) }
    /// ```
    pub async fn exchange(&self, request: RawRequest) -> Result<RawAnswer, Error> {
        let _place = self.enter(Need::Bytes(request.max_body_bytes)).await?;
        within(self.deadline, self.send_raw(request, None)).await
    }

    /// Requests a user delegation key with this lifetime, and returns the answer unchanged.
    ///
    /// The body of a successful answer contains the key, which is a secret.
    ///
    /// # Errors
    /// Those of [`exchange`](Self::exchange).
    pub async fn exchange_delegation_key(&self, lifetime: Duration) -> Result<RawAnswer, Error> {
        let now = self.clock.time();
        let expiry = now.checked_add(lifetime).unwrap_or(now);
        let key = delegation_key::key_request(&self.connection, now, expiry)?;
        let Body::Bytes(body) = key.body().clone() else {
            return Err(bad("the request for a user delegation key has no body"));
        };
        let request = RawRequest::new(Method::POST, key.url().clone())
            .header("content-type", "application/xml");
        let _place = self.enter(Need::Little).await?;
        within(self.deadline, self.send_raw(request, Some(body))).await
    }

    /// Sends a request, with a body for POST, and reads the answer up to the limit.
    async fn send_raw(&self, request: RawRequest, body: Option<Bytes>) -> Result<RawAnswer, Error> {
        let RawRequest { method, mut url, headers, is_authorized, max_body_bytes } = request;
        if !self.target.is_origin_of(&url) {
            // INVARIANT: neither the token nor the signature is sent to another host than the account's.
            return Err(bad("the URL has another host than the connection's account"));
        }
        if is_authorized && !self.sas.query().is_empty() {
            let query = url.query().unwrap_or_default().to_owned();
            self.set_query(&mut url, &query);
        }
        let unsendable =
            || bad("a header of the request contains characters that HTTP does not allow");
        let mut sent = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::try_from(name).map_err(|_| unsendable())?;
            let mut value = HeaderValue::try_from(value).map_err(|_| unsendable())?;
            // A sensitive value is hidden in the debug output of the HTTP client.
            value.set_sensitive(name == AUTHORIZATION);
            // `insert`, because a header that is set twice keeps its last value.
            sent.insert(name, value);
        }
        sent.entry("x-ms-version").or_insert(HeaderValue::from_static(VERSION));
        if is_authorized
            && !sent.contains_key(AUTHORIZATION)
            && let Some(credential) = &self.credential
        {
            let token = credential.get_token(&[SCOPE], None).await;
            let token = token.map_err(|error| failure::from_credential(&error))?;
            let value = HeaderValue::try_from(format!("Bearer {}", token.token.secret()));
            let mut value = value.map_err(|_| unsendable())?;
            value.set_sensitive(true);
            sent.insert(AUTHORIZATION, value);
        }
        let mut builder = self.client().request(method, url).headers(sent);
        if let Some(body) = body {
            builder = builder.body(body);
        }
        let request = builder.build().map_err(|_| bad("the request is not valid HTTP"))?;
        let sent = self.client().execute(request).await;
        // `without_url`, because the URL can contain a signature.
        let response = sent.map_err(|error| failure::from_network(&error.without_url()))?;
        // The client stores a reason phrase only if it differs from the standard one.
        let reason = response.extensions().get::<ReasonPhrase>();
        let reason = reason.map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned());
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        let mut answer = RawAnswer {
            reason,
            ..RawAnswer::new(
                response.status().as_u16(),
                response.headers().iter().filter_map(text),
                Bytes::new(),
            )
        };
        let mut body = BytesMut::new();
        let mut pieces = response.bytes_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| failure::from_network(&error.without_url()))?;
            let fits = max_body_bytes.saturating_sub(body.len()).min(piece.len());
            body.extend_from_slice(piece.get(..fits).unwrap_or_default());
            if fits < piece.len() {
                // Dropping the stream closes the connection, so the rest of the body is never received.
                answer.is_cut = true;
                break;
            }
        }
        answer.body = body.freeze();
        Ok(answer)
    }
}

fn bad(what: &str) -> Error {
    Error::new(ErrorKind::BadRequest, what)
}
