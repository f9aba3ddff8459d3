//! Cross-origin requests: Microsoft Learn, "Cross-Origin Resource Sharing (CORS) support for Azure
//! Storage".

use std::time::Duration;

use bytes::Bytes;
use hyper::{
    Method, Request, Response,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS,
        ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
        ACCESS_CONTROL_MAX_AGE, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, HeaderName,
        HeaderValue, ORIGIN, SERVER, TRANSFER_ENCODING, VARY,
    },
};

use super::{
    Quirk, Refusal, State,
    ask::Ask,
    behavior::PreflightNames,
    lock,
    refusal::Writer,
    server::{Body, full},
};
use crate::wildcard::star_matches;

/// A rule for cross-origin requests to the blob service of a small cloud
///
/// ```
/// use std::time::Duration;
/// use azure_asset_sync::testing::CorsRule;
///
/// let rule = CorsRule::new("https://app.contoso.com")
///     .methods(["GET", "HEAD", "OPTIONS"])
///     .allowed_headers(["range", "x-ms-*"])
///     .exposed_headers(["*"])
///     .max_age(Duration::from_secs(3600));
/// # let _ = rule;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct CorsRule {
    origin: String,
    methods: Vec<String>,
    allowed_headers: Vec<String>,
    exposed_headers: Vec<String>,
    max_age: Duration,
}

impl CorsRule {
    /// A rule for exactly this origin, or for every origin if it is `*`; it allows nothing yet
    pub fn new(origin: impl Into<String>) -> Self {
        Self {
            origin: origin.into(),
            methods: Vec::new(),
            allowed_headers: Vec::new(),
            exposed_headers: Vec::new(),
            max_age: Duration::ZERO,
        }
    }

    /// Allows these methods, in capitals
    pub fn methods<M: Into<String>>(mut self, methods: impl IntoIterator<Item = M>) -> Self {
        self.methods = methods.into_iter().map(Into::into).collect();
        self
    }

    /// Allows these headers in requests; `x-ms-*` is for all that begin so, `*` for all
    pub fn allowed_headers<H: Into<String>>(mut self, names: impl IntoIterator<Item = H>) -> Self {
        self.allowed_headers = names.into_iter().map(Into::into).collect();
        self
    }

    /// Lets scripts see these headers of answers, with the same wildcards
    ///
    /// As in Azure, a wildcard stands for names that the answer has when the rule is applied, which
    /// is before `Content-Range` is added: that must be named.
    pub fn exposed_headers<H: Into<String>>(mut self, names: impl IntoIterator<Item = H>) -> Self {
        self.exposed_headers = names.into_iter().map(Into::into).collect();
        self
    }

    /// How long a browser may remember the answer to its preflight, in whole seconds
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    fn is_for_all(&self) -> bool {
        self.origin == "*"
    }

    fn matches(&self, origin: &str, method: &str) -> bool {
        (self.is_for_all() || self.origin == origin) && self.methods.iter().any(|m| m == method)
    }
}

/// Whether one of the patterns, which may end in a star, covers a name
fn covered(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| star_matches(pattern, name))
}

pub(super) fn preflight(ask: &Ask<'_>, state: &State) -> Result<Response<Body>, Refusal> {
    let (Some(origin), Some(method)) =
        (ask.header(ORIGIN.as_str()), ask.header("access-control-request-method"))
    else {
        return Err(Refusal::new(400, "InvalidHeaderValue"));
    };
    let headers = ask.header("access-control-request-headers").unwrap_or_default();
    let mut names = headers.split(',').map(str::trim).filter(|name| !name.is_empty());
    let script = lock(&state.script);
    let rule = script.cors.iter().find(|rule| {
        rule.matches(origin, method) && names.clone().all(|n| covered(&rule.allowed_headers, n))
    });
    let Some(rule) = rule else {
        return match state.has(Quirk::LaxPreflight) {
            true => Ok(Response::new(full(""))),
            false => Err(Refusal::new(403, "CorsPreflightFailure")),
        };
    };
    let mut response = Response::builder()
        .header(ACCESS_CONTROL_ALLOW_ORIGIN, origin)
        .header(ACCESS_CONTROL_ALLOW_METHODS, method)
        .header(ACCESS_CONTROL_MAX_AGE, rule.max_age.as_secs())
        .header(ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    if names.next().is_some() {
        let names = match state.behavior.preflight {
            PreflightNames::Requested => headers.to_owned(),
            PreflightNames::OfRule => rule.allowed_headers.join(","),
        };
        response = response.header(ACCESS_CONTROL_ALLOW_HEADERS, names);
    }
    Ok(response.body(full(""))?)
}

/// Adds what a browser wants to see in the answer to the request itself
pub(super) fn add_headers(request: &Request<Bytes>, response: &mut Response<Body>, state: &State) {
    let script = lock(&state.script);
    if script.cors.is_empty() || *request.method() == Method::OPTIONS {
        return;
    }
    let origin = request.headers().get(ORIGIN).and_then(|value| value.to_str().ok());
    let rule = script
        .cors
        .iter()
        .find(|rule| rule.matches(origin.unwrap_or_default(), request.method().as_str()));
    let (Some(rule), Some(origin)) = (rule, origin) else {
        // The service adds it to the answers to these methods only.
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        if is_read && !rule.is_some_and(CorsRule::is_for_all) {
            response.headers_mut().insert(VARY, HeaderValue::from_static("Origin"));
        }
        return;
    };
    let exposed = exposed(rule, response);
    let headers = response.headers_mut();
    let mut insert = |name, text: &str| {
        // A rule may have a text that no header can hold.
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    };
    if !exposed.is_empty() {
        insert(ACCESS_CONTROL_EXPOSE_HEADERS, &exposed);
    }
    if rule.is_for_all() {
        insert(ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    } else {
        insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        insert(VARY, "Origin");
    }
}

/// The names of the rule in its spelling, and for its wildcards those that the answer has
fn exposed(rule: &CorsRule, response: &Response<Body>) -> String {
    let (wild, plain): (Vec<_>, Vec<_>) =
        rule.exposed_headers.iter().cloned().partition(|name| name.ends_with('*'));
    let answered = response
        .headers()
        .keys()
        .filter(|name| !is_late(name, response))
        .map(|name| spelling(name.as_str()))
        .chain(["Content-Length", "Date", "Transfer-Encoding"]);
    let mut names = plain.clone();
    for name in answered {
        let is_new = !names.iter().any(|known| known.eq_ignore_ascii_case(name));
        if is_new && covered(&wild, name) {
            names.push(name.to_owned());
        }
    }
    names.join(",")
}

/// Whether the service adds a header after it has applied the rules
///
/// The three that every answer exposes are among them. Of a refusal the content type is added late,
/// and before the service the name of the server.
fn is_late(name: &HeaderName, response: &Response<Body>) -> bool {
    let is_refusal = !response.status().is_success();
    let is_early = response.headers().get(SERVER).is_some_and(|s| s == Writer::FrontEnd.server());
    match *name {
        CONTENT_RANGE | CONTENT_LENGTH | DATE | TRANSFER_ENCODING | VARY => true,
        CONTENT_TYPE => is_refusal,
        SERVER => is_early,
        ref name => name.as_str().starts_with("access-control-"),
    }
}

/// A name as the service writes it: those of its own in lower case
fn spelling(name: &str) -> &str {
    const STANDARD: &[&str] = &[
        "Accept-Ranges",
        "Cache-Control",
        "Content-Disposition",
        "Content-Encoding",
        "Content-Language",
        "Content-MD5",
        "Content-Type",
        "ETag",
        "Last-Modified",
        "Retry-After",
        "Server",
        "WWW-Authenticate",
    ];
    STANDARD.iter().find(|known| known.eq_ignore_ascii_case(name)).unwrap_or(&name)
}
