//! The requests that a small cloud was sent.

use hyper::{
    Request,
    header::{AUTHORIZATION, HeaderValue},
};
use percent_encoding::percent_decode_str;

/// A request that a small cloud was sent, and how it answered
///
/// Without anything secret: no header, no body, and no value of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedRequest {
    /// The method
    pub method: String,
    /// The path, as it was sent
    pub path: String,
    /// The query, as it was sent, without the value of `sig`; empty if there is none
    pub query: String,
    /// The kind of credential that it came with
    pub credential: PresentedCredential,
    /// The front end of the blob service that it reached, counted from 0; `None` for a sign-in
    pub front_end: Option<usize>,
    /// The status of the answer; `None` if there was no answer, or not yet
    pub status: Option<u16>,
}

impl LoggedRequest {
    /// Whether it is a request for a token
    pub fn is_sign_in(&self) -> bool {
        is_sign_in(&self.path)
    }
}

/// The kind of credential that a request came with, good or not
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PresentedCredential {
    /// An `Authorization` header
    Token,
    /// A signature in the query
    Sas,
    /// None; a sign-in has its own in the body
    None,
}

/// Whether a path is that of the token endpoint
pub(super) fn is_sign_in(path: &str) -> bool {
    path.ends_with("/oauth2/v2.0/token")
}

/// The requests in the order in which they came
#[derive(Default)]
pub(super) struct Log(pub(super) Vec<LoggedRequest>);

impl Log {
    /// Records a request, and returns its place in the log
    pub(super) fn begin<B>(&mut self, request: &Request<B>, front_end: Option<usize>) -> usize {
        let (query, has_signature) = without_signature(request.uri().query().unwrap_or_default());
        let credential = match request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes) {
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
        self.0.len() - 1
    }

    pub(super) fn end(&mut self, at: usize, status: u16) {
        if let Some(request) = self.0.get_mut(at) {
            request.status = Some(status);
        }
    }
}

fn without_signature(query: &str) -> (String, bool) {
    let mut found = false;
    let pairs = query.split('&').map(|pair| {
        let key = pair.split('=').next().unwrap_or_default();
        if percent_decode_str(key).decode_utf8_lossy().eq_ignore_ascii_case("sig") {
            found = true;
            return "sig=REDACTED";
        }
        pair
    });
    let query = pairs.collect::<Vec<_>>().join("&");
    (query, found)
}
