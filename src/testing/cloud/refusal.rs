//! Errors of the blob service in the form in which the service sends them.
//!
//! Rendering needs the time and the challenge of the cloud, and nothing else of its state.

use std::{
    io,
    time::{Duration, SystemTime},
};

use hyper::{
    Method, Response, StatusCode,
    ext::ReasonPhrase,
    header::{CONTENT_RANGE, CONTENT_TYPE, HeaderValue, RETRY_AFTER, SERVER, WWW_AUTHENTICATE},
};

use super::{
    body::{Body, full},
    identity::TENANT,
    message::message,
    values::{REQUEST_ID, request_id, ticks},
    xml,
};

/// The part of Azure that sends a response, as the `Server` header shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Responder {
    /// The blob service, which knows the service version of the request.
    BlobService,
    /// The front end before the service, which checks networks, tokens and signatures.
    FrontEnd,
    /// The `dfs` endpoint of an account with a hierarchical namespace.
    Dfs,
}

impl Responder {
    /// Returns the `Server` header.
    pub(super) fn server(self) -> &'static str {
        match self {
            Self::BlobService => "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0",
            Self::FrontEnd => "Microsoft-HTTPAPI/2.0",
            Self::Dfs => "Windows-Azure-HDFS/1.0 Microsoft-HTTPAPI/2.0",
        }
    }
}

/// The codes that the front end sends.
const FRONT_END: &[&str] = &[
    "AuthenticationFailed",
    "AuthorizationFailure",
    "AuthorizationServiceMismatch",
    "FeatureNotYetSupportedForHierarchicalNamespaceAccounts",
    "InvalidAuthenticationInfo",
    "KeyBasedAuthenticationNotPermitted",
];

/// An error of the blob service, as the service sends it.
///
/// The message and the `Server` header are Azure's for the code, if this crate knows them. The
/// reason phrase of the response is the message, as in Azure.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use std::time::Duration;
/// use azure_asset_sync::{Store, store::ListRequest, testing::{Fault, Refusal, SmallCloud}};
///
/// let cloud = SmallCloud::builder().start().await?;
/// let store = cloud.store(&cloud.connection().build()?)?;
/// let busy = Refusal::new(503, "ServerBusy").retry_after(Duration::from_secs(7));
/// cloud.inject(Fault::Refuse(busy));
/// let error = store.list(ListRequest::new("")).await.unwrap_err();
/// assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Refusal {
    status: u16,
    code: String,
    message: Option<String>,
    /// Elements after the message, as names and texts.
    elements: Vec<(String, String)>,
    retry_after: Option<Duration>,
    has_code_header: bool,
    responder: Responder,
    /// The size of the blob, for a range after its end.
    size: Option<u64>,
}

impl Refusal {
    /// Creates an error with a status and a code.
    pub fn new(status: u16, code: impl Into<String>) -> Self {
        let code = code.into();
        // `Server` and `x-ms-version` depend on who refuses; clients tell a firewall from a missing
        // role by them.
        let is_front_end = FRONT_END.contains(&code.as_str());
        Self {
            status,
            responder: if is_front_end { Responder::FrontEnd } else { Responder::BlobService },
            code,
            message: None,
            elements: Vec::new(),
            retry_after: None,
            has_code_header: true,
            size: None,
        }
    }

    /// Creates the error for a range after the end of a blob of this size.
    pub(super) fn range(size: u64) -> Self {
        Self { size: Some(size), ..Self::new(416, "InvalidRange") }
    }

    /// Adds the query parameter that is wrong, and its value.
    pub(super) fn parameter(self, name: &str, value: &str) -> Self {
        self.element("QueryParameterName", name)
            .element("QueryParameterValue", value)
            .element("Reason", "")
    }

    /// Adds the header that is wrong, and its value.
    pub(super) fn header(self, name: &str, value: &str) -> Self {
        self.element("HeaderName", name).element("HeaderValue", value)
    }

    /// Replaces Azure's message for the code.
    pub fn message(mut self, text: impl Into<String>) -> Self {
        self.message = Some(text.into());
        self
    }

    /// Adds an `AuthenticationErrorDetail` element.
    pub fn detail(self, text: impl Into<String>) -> Self {
        self.element("AuthenticationErrorDetail", text)
    }

    /// Adds an element after the message, for example `HeaderName`.
    pub fn element(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.elements.push((name.into(), text.into()));
        self
    }

    /// Adds a `Retry-After` header, in whole seconds.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Omits `x-ms-error-code`, so that only the body has the code.
    pub fn without_code_header(mut self) -> Self {
        self.has_code_header = false;
        self
    }

    /// Sends the error from the blob service itself, whatever the code is.
    ///
    /// For example, `AuthorizationFailure` comes from the front end unless this is called, which is
    /// how a client recognizes a firewall.
    pub fn by_blob_service(mut self) -> Self {
        self.responder = Responder::BlobService;
        self
    }

    /// Sends the error from the front end before the service, whatever the code is.
    pub(super) fn by_front_end(mut self) -> Self {
        self.responder = Responder::FrontEnd;
        self
    }

    /// Sends the error from the `dfs` endpoint, which has JSON bodies.
    pub fn by_dfs_endpoint(mut self) -> Self {
        self.responder = Responder::Dfs;
        self
    }

    /// Renders the response; `challenge` replaces the usual `WWW-Authenticate` header.
    ///
    /// # Errors
    /// Fails if the status is not an HTTP status.
    pub(super) fn response(
        &self,
        method: &Method,
        now: SystemTime,
        challenge: Option<&str>,
    ) -> io::Result<Response<Body>> {
        let request_id = match self.responder {
            // The IDs of the dfs endpoint have a different letter in this place.
            Responder::Dfs => request_id().replacen("e-00", "f-00", 1),
            _ => request_id(),
        };
        let message = self.message.as_deref().unwrap_or_else(|| message(self.status, &self.code));
        // Every message ends with these two lines, whatever the format of the body is.
        let text = format!("{message}\nRequestId:{request_id}\nTime:{}", ticks(now));
        let (content_type, body) = match self.responder {
            Responder::Dfs => ("application/json;charset=utf-8", self.json(&text)),
            _ => ("application/xml", self.xml(&text)),
        };
        let mut response = Response::builder()
            .status(self.status)
            .header(SERVER, self.responder.server())
            .header(REQUEST_ID, request_id);
        // A test may set a code or a message that a header cannot hold; then the body alone has it.
        if self.has_code_header
            && let Ok(code) = HeaderValue::from_str(&self.code)
        {
            response = response.header("x-ms-error-code", code);
        }
        // HTTP/1.1 only. The real service puts the message into the status line.
        if let Ok(reason) = ReasonPhrase::try_from(message.as_bytes()) {
            response = response.extension(reason);
        }
        if let Some(wait) = self.retry_after {
            response = response.header(RETRY_AFTER, wait.as_secs());
        }
        // HTTP requires the size here, so that a client can correct its range.
        if let Some(size) = self.size {
            response = response.header(CONTENT_RANGE, format!("bytes */{size}"));
        }
        // Every 401 has a challenge, from which a client can learn the tenant.
        if self.status == 401
            && let Ok(value) = challenge
                .map_or_else(|| HeaderValue::from_str(&usual_challenge()), HeaderValue::from_str)
        {
            response = response.header(WWW_AUTHENTICATE, value);
        }
        // HTTP forbids a body in these responses. A client then has the code from the header only.
        let has_no_body = *method == Method::HEAD || self.status == StatusCode::NOT_MODIFIED;
        if has_no_body {
            return response.body(full("")).map_err(io::Error::other);
        }
        response.header(CONTENT_TYPE, content_type).body(full(body)).map_err(io::Error::other)
    }

    /// Returns whether the response has the service version of the request.
    pub(super) fn has_version(&self) -> bool {
        self.responder != Responder::FrontEnd
    }

    fn xml(&self, message: &str) -> String {
        let mut body = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error>".to_owned();
        lines(&mut body, "Code", &self.code);
        lines(&mut body, "Message", message);
        for (name, text) in &self.elements {
            lines(&mut body, name, text);
        }
        body.push_str("</Error>");
        body
    }

    fn json(&self, message: &str) -> String {
        serde_json::json!({ "error": { "code": self.code, "message": message } }).to_string()
    }
}

/// Writes an element whose text keeps its line feeds, which listings would escape.
fn lines(out: &mut String, tag: &str, text: &str) {
    if text.is_empty() {
        return xml::element(out, tag, "");
    }
    out.extend(["<", tag, ">"]);
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        xml::escape(out, line);
    }
    out.extend(["</", tag, ">"]);
}

/// Building a response fails only for headers that HTTP cannot send, which a seed may have.
impl From<hyper::http::Error> for Refusal {
    fn from(_: hyper::http::Error) -> Self {
        Self::new(500, "InternalError")
    }
}

/// Returns the challenge of the real service, which names the tenant.
fn usual_challenge() -> String {
    format!(
        "Bearer authorization_uri=https://login.microsoftonline.com/{TENANT}/oauth2/authorize resource_id=https://storage.azure.com"
    )
}
