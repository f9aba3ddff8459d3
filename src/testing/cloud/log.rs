//! The requests that a small cloud received, without secrets.

use hyper::{
    Request,
    header::{AUTHORIZATION, HeaderValue},
};
use percent_encoding::percent_decode_str;

/// A request that a small cloud received, and the status of its response.
///
/// It contains nothing secret: no headers, no body, and no value of a signature.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use azure_asset_sync::{Store, store::ListRequest, testing::{PresentedCredential, SmallCloud}};
///
/// let cloud = SmallCloud::builder().start().await?;
/// let store = cloud.store(&cloud.connection().build()?)?;
/// store.list(ListRequest::new("hall-3/")).await?;
/// let listings: Vec<_> = cloud.log().into_iter().filter(|request| !request.is_sign_in()).collect();
/// assert_eq!(listings[0].credential, PresentedCredential::Token);
/// assert!(listings[0].query.contains("prefix=hall"));
/// assert_eq!(listings[0].status, Some(200));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedRequest {
    /// The HTTP method.
    pub method: String,
    /// The path as the client sent it.
    pub path: String,
    /// The query as the client sent it, without the value of `sig`; empty if there is none.
    pub query: String,
    /// The kind of credential that the request came with.
    pub credential: PresentedCredential,
    /// The front end of the blob service that the request reached, counted from 0; `None` for a
    /// sign-in.
    pub front_end: Option<usize>,
    /// The status of the response; `None` if there was none, or none yet.
    pub status: Option<u16>,
}

impl LoggedRequest {
    /// Returns whether the request is a sign-in, which asks for a token.
    pub fn is_sign_in(&self) -> bool {
        is_sign_in(&self.path)
    }
}

/// The kind of credential that a request came with, valid or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PresentedCredential {
    /// An `Authorization` header.
    Token,
    /// A shared access signature in the query.
    Sas,
    /// No credential in the head of the request. A sign-in has its credential in the body.
    None,
}

/// Returns whether a path is that of the token endpoint.
pub(super) fn is_sign_in(path: &str) -> bool {
    path.ends_with("/oauth2/v2.0/token")
}

/// The requests in the order in which they arrived.
#[derive(Default)]
pub(super) struct Log(Vec<LoggedRequest>);

impl Log {
    /// Records a request and returns its index in the log.
    pub(super) fn begin<B>(&mut self, request: &Request<B>, front_end: Option<usize>) -> usize {
        let (query, has_signature) = without_signature(request.uri().query().unwrap_or_default());
        let credential = match request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes) {
            // A signature decides, because the service looks at it first.
            _ if has_signature => PresentedCredential::Sas,
            Some(_) => PresentedCredential::Token,
            None => PresentedCredential::None,
        };
        self.0.push(LoggedRequest {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query,
            credential,
            front_end,
            status: None,
        });
        // INVARIANT: entries are never removed, so an index stays valid for `end`.
        self.0.len() - 1
    }

    /// Records the status of the response to the request with this index.
    pub(super) fn end(&mut self, at: usize, status: u16) {
        if let Some(request) = self.0.get_mut(at) {
            request.status = Some(status);
        }
    }

    /// Returns all requests so far.
    pub(super) fn requests(&self) -> &[LoggedRequest] {
        &self.0
    }
}

/// Returns the query without the value of `sig`, and whether the query had one.
fn without_signature(query: &str) -> (String, bool) {
    let mut found = false;
    // The query is kept as it was sent, so that a test can check encodings; only the signature is
    // removed.
    let pairs = query.split('&').map(|pair| {
        let key = pair.split('=').next().unwrap_or_default();
        // A client may percent-encode the name, or write it in capitals.
        if percent_decode_str(key).decode_utf8_lossy().eq_ignore_ascii_case("sig") {
            found = true;
            return "sig=REDACTED";
        }
        pair
    });
    let query = pairs.collect::<Vec<_>>().join("&");
    (query, found)
}
