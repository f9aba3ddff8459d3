//! Cross-origin requests: Microsoft Learn, "Cross-Origin Resource Sharing (CORS) support for Azure
//! Storage".
//!
//! The rules are passed in, in their order. The first rule that matches decides, as in Azure.

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
    behavior::PreflightNames,
    body::{Body, full},
    refusal::{Refusal, Responder},
    request::BlobRequest,
};

/// A CORS rule of the blob service of a small cloud.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use std::time::Duration;
/// use azure_asset_sync::testing::{CorsRule, SmallCloud};
///
/// let rule = CorsRule::new("https://app.contoso.com")
///     .methods(["GET", "HEAD", "OPTIONS"])
///     .allowed_headers(["range", "x-ms-*"])
///     .exposed_headers(["Content-Range", "ETag"])
///     .max_age(Duration::from_secs(3600));
/// let cloud = SmallCloud::builder().cors(rule).start().await?;
/// # let _ = cloud;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
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
    /// Creates a rule for exactly this origin, or for every origin if it is `*`. The rule allows
    /// nothing yet.
    pub fn new(origin: impl Into<String>) -> Self {
        Self {
            origin: origin.into(),
            methods: Vec::new(),
            allowed_headers: Vec::new(),
            exposed_headers: Vec::new(),
            max_age: Duration::ZERO,
        }
    }

    /// Allows these methods, in capital letters.
    pub fn methods<M: Into<String>>(mut self, methods: impl IntoIterator<Item = M>) -> Self {
        self.methods = methods.into_iter().map(Into::into).collect();
        self
    }

    /// Allows these headers in requests. `*` allows all, and `x-ms-*` all with that prefix.
    pub fn allowed_headers<H: Into<String>>(mut self, names: impl IntoIterator<Item = H>) -> Self {
        self.allowed_headers = names.into_iter().map(Into::into).collect();
        self
    }

    /// Exposes these headers of responses to scripts, with the same wildcards.
    ///
    /// As in Azure, a wildcard matches only the headers that the response has when the rule is
    /// applied. `Content-Range` is added later, so a rule must name it.
    pub fn exposed_headers<H: Into<String>>(mut self, names: impl IntoIterator<Item = H>) -> Self {
        self.exposed_headers = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets how long a browser may cache the answer to its preflight, in whole seconds.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    fn is_for_all_origins(&self) -> bool {
        self.origin == "*"
    }

    fn matches(&self, origin: &str, method: &str) -> bool {
        (self.is_for_all_origins() || self.origin == origin)
            && self.methods.iter().any(|m| m == method)
    }
}

/// Returns whether one of the patterns matches a name. Only a `*` at the end of a pattern is a wildcard.
fn matches_any(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(start) => name.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start)),
        None => pattern.eq_ignore_ascii_case(name),
    })
}

/// Answers a preflight.
///
/// # Errors
/// Fails with 400 if the request has no origin or no method, and with 403 `CorsPreflightFailure` if
/// no rule allows it, unless `is_lax`.
pub(super) fn preflight(
    request: &BlobRequest<'_>,
    rules: &[CorsRule],
    allowed_names: PreflightNames,
    is_lax: bool,
) -> Result<Response<Body>, Refusal> {
    let (Some(origin), Some(method)) =
        (request.header(ORIGIN.as_str()), request.header("access-control-request-method"))
    else {
        return Err(Refusal::new(400, "InvalidHeaderValue"));
    };
    // A browser omits this header if the request has only simple headers.
    let headers = request.header("access-control-request-headers").unwrap_or_default();
    let mut names = headers.split(',').map(str::trim).filter(|name| !name.is_empty());
    // The first rule that matches decides, even if a later one would allow more.
    let rule = rules.iter().find(|rule| {
        let allows = |name| matches_any(&rule.allowed_headers, name);
        rule.matches(origin, method) && names.clone().all(allows)
    });
    let Some(rule) = rule else {
        return match is_lax {
            true => Ok(Response::new(full(""))),
            false => Err(Refusal::new(403, "CorsPreflightFailure")),
        };
    };
    let mut response = Response::builder()
        // The service repeats the origin even if the rule is for all origins.
        .header(ACCESS_CONTROL_ALLOW_ORIGIN, origin)
        .header(ACCESS_CONTROL_ALLOW_METHODS, method)
        .header(ACCESS_CONTROL_MAX_AGE, rule.max_age.as_secs())
        .header(ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    if names.next().is_some() {
        let names = match allowed_names {
            PreflightNames::Requested => headers.to_owned(),
            PreflightNames::OfRule => rule.allowed_headers.join(","),
        };
        response = response.header(ACCESS_CONTROL_ALLOW_HEADERS, names);
    }
    Ok(response.body(full(""))?)
}

/// Adds the CORS headers to the response to a request that is not a preflight.
pub(super) fn add_headers(
    request: &Request<Bytes>,
    response: &mut Response<Body>,
    rules: &[CorsRule],
) {
    if rules.is_empty() || *request.method() == Method::OPTIONS {
        return;
    }
    // Requests without an origin come from programs, not from browsers.
    let origin = request.headers().get(ORIGIN).and_then(|value| value.to_str().ok());
    let rule = rules
        .iter()
        .find(|rule| rule.matches(origin.unwrap_or_default(), request.method().as_str()));
    let (Some(rule), Some(origin)) = (rule, origin) else {
        // Without a match the service adds `Vary` to the responses to these two methods only.
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        if is_read && !rule.is_some_and(CorsRule::is_for_all_origins) {
            response.headers_mut().insert(VARY, HeaderValue::from_static("Origin"));
        }
        return;
    };
    // Computed before the CORS headers are added, because wildcards do not match those.
    let exposed = exposed(rule, response);
    let headers = response.headers_mut();
    let mut insert = |name, text: &str| {
        // A test may set a rule with a text that a header cannot hold.
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    };
    if !exposed.is_empty() {
        insert(ACCESS_CONTROL_EXPOSE_HEADERS, &exposed);
    }
    if rule.is_for_all_origins() {
        insert(ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    } else {
        insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        insert(VARY, "Origin");
    }
}

/// Returns the exposed headers: the names of the rule, and the headers that its wildcards match.
fn exposed(rule: &CorsRule, response: &Response<Body>) -> String {
    let (wild, mut names): (Vec<_>, Vec<_>) =
        rule.exposed_headers.iter().cloned().partition(|name| name.ends_with('*'));
    let present = response
        .headers()
        .keys()
        .filter(|name| !is_added_later(name, response))
        .map(|name| spelling(name.as_str()))
        // These three are added later, and exposed all the same.
        .chain(["Content-Length", "Date", "Transfer-Encoding"]);
    for name in present {
        // A name that the rule has itself keeps the spelling of the rule.
        let is_new = !names.iter().any(|known| known.eq_ignore_ascii_case(name));
        if is_new && matches_any(&wild, name) {
            names.push(name.to_owned());
        }
    }
    names.join(",")
}

/// Returns whether the service adds a header after it has applied the rules.
///
/// A refusal gets its content type late. A refusal by the front end also gets `Server` late.
fn is_added_later(name: &HeaderName, response: &Response<Body>) -> bool {
    let is_refusal = !response.status().is_success();
    let server = response.headers().get(SERVER);
    let is_front_end = server.is_some_and(|server| server == Responder::FrontEnd.server());
    match *name {
        CONTENT_RANGE | CONTENT_LENGTH | DATE | TRANSFER_ENCODING | VARY => true,
        CONTENT_TYPE => is_refusal,
        SERVER => is_front_end,
        ref name => name.as_str().starts_with("access-control-"),
    }
}

/// Returns a header name in the spelling of the service: standard names in capitals, `x-ms-` names
/// in lower case.
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
