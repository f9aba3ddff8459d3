//! Errors of the blob service as they go over the wire.

use std::{io, time::Duration};

use hyper::{
    Method, Response, StatusCode,
    ext::ReasonPhrase,
    header::{CONTENT_RANGE, CONTENT_TYPE, HeaderValue, RETRY_AFTER, SERVER, WWW_AUTHENTICATE},
};

use super::{
    State, TENANT,
    blob_service::REQUEST_ID,
    lock,
    message::message,
    server::{Body, full},
    state::{request_id, ticks},
    xml,
};

/// Who writes an answer, as `Server` says
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Responder {
    /// The blob service itself, which knows the version of the request
    BlobService,
    /// What stands before the service, and looks at networks, tokens and signatures
    FrontEnd,
    /// The dfs endpoint of an account with a hierarchical namespace
    Dfs,
}

impl Responder {
    pub(super) fn server(self) -> &'static str {
        match self {
            Self::BlobService => "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0",
            Self::FrontEnd => "Microsoft-HTTPAPI/2.0",
            Self::Dfs => "Windows-Azure-HDFS/1.0 Microsoft-HTTPAPI/2.0",
        }
    }
}

/// The codes that come from what stands before the service
const FRONT_END: &[&str] = &[
    "AuthenticationFailed",
    "AuthorizationFailure",
    "AuthorizationServiceMismatch",
    "FeatureNotYetSupportedForHierarchicalNamespaceAccounts",
    "InvalidAuthenticationInfo",
    "KeyBasedAuthenticationNotPermitted",
];

/// An error of the blob service, as it goes over the wire
///
/// The message and the `Server` header are Azure's for the code, where this crate knows them. The
/// reason phrase is the message, as Azure has it.
///
/// ```
/// use std::time::Duration;
/// use azure_asset_sync::testing::{Fault, Refusal};
///
/// let busy = Fault::Refuse(Refusal::new(503, "ServerBusy").retry_after(Duration::from_secs(7)));
/// # let _ = busy;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Refusal {
    status: u16,
    code: String,
    message: Option<String>,
    /// Elements after the message: names and texts
    elements: Vec<(String, String)>,
    retry_after: Option<Duration>,
    has_code_header: bool,
    responder: Responder,
    /// The size of a blob that has not the range
    size: Option<u64>,
}

impl Refusal {
    /// An error with this status and code
    pub fn new(status: u16, code: impl Into<String>) -> Self {
        let code = code.into();
        let is_early = FRONT_END.contains(&code.as_str());
        Self {
            status,
            responder: if is_early { Responder::FrontEnd } else { Responder::BlobService },
            code,
            message: None,
            elements: Vec::new(),
            retry_after: None,
            has_code_header: true,
            size: None,
        }
    }

    /// A range after the end of a blob of this size
    pub(super) fn range(size: u64) -> Self {
        Self { size: Some(size), ..Self::new(416, "InvalidRange") }
    }

    /// Names the parameter of the query that is wrong, and its value
    pub(super) fn parameter(self, name: &str, value: &str) -> Self {
        self.element("QueryParameterName", name)
            .element("QueryParameterValue", value)
            .element("Reason", "")
    }

    /// Names the header that is wrong, and its value
    pub(super) fn header(self, name: &str, value: &str) -> Self {
        self.element("HeaderName", name).element("HeaderValue", value)
    }

    /// Says this instead of Azure's message for the code
    pub fn message(mut self, text: impl Into<String>) -> Self {
        self.message = Some(text.into());
        self
    }

    /// Adds an `AuthenticationErrorDetail`
    pub fn detail(self, text: impl Into<String>) -> Self {
        self.element("AuthenticationErrorDetail", text)
    }

    /// Adds an element after the message, such as `HeaderName`
    pub fn element(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.elements.push((name.into(), text.into()));
        self
    }

    /// Adds `Retry-After`, in whole seconds
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Leaves out `x-ms-error-code`, so that only the body has the code
    pub fn without_code_header(mut self) -> Self {
        self.has_code_header = false;
        self
    }

    /// Comes from the blob service itself, whatever the code
    ///
    /// For example, `AuthorizationFailure` comes from a firewall unless this is called.
    pub fn by_blob_service(mut self) -> Self {
        self.responder = Responder::BlobService;
        self
    }

    /// Comes from what stands before the service, whatever the code
    pub(super) fn by_front_end(mut self) -> Self {
        self.responder = Responder::FrontEnd;
        self
    }

    /// Comes from the dfs endpoint, which writes JSON
    pub fn by_dfs_endpoint(mut self) -> Self {
        self.responder = Responder::Dfs;
        self
    }

    pub(super) fn response(&self, method: &Method, state: &State) -> io::Result<Response<Body>> {
        let request_id = match self.responder {
            // The dfs endpoint has its own letter there.
            Responder::Dfs => request_id().replacen("e-00", "f-00", 1),
            _ => request_id(),
        };
        let message = self.message.as_deref().unwrap_or_else(|| message(self.status, &self.code));
        let (content_type, body) = match self.responder {
            Responder::Dfs => {
                ("application/json;charset=utf-8", self.json(message, &request_id, state))
            }
            _ => ("application/xml", self.xml(message, &request_id, state)),
        };
        let mut response = Response::builder()
            .status(self.status)
            .header(SERVER, self.responder.server())
            .header(REQUEST_ID, request_id);
        // A test may want a text that no header can hold.
        if self.has_code_header
            && let Ok(code) = HeaderValue::from_str(&self.code)
        {
            response = response.header("x-ms-error-code", code);
        }
        if let Ok(reason) = ReasonPhrase::try_from(message.as_bytes()) {
            response = response.extension(reason);
        }
        if let Some(wait) = self.retry_after {
            response = response.header(RETRY_AFTER, wait.as_secs());
        }
        if let Some(size) = self.size {
            response = response.header(CONTENT_RANGE, format!("bytes */{size}"));
        }
        if self.status == 401
            && let Ok(value) = HeaderValue::from_str(&challenge(state))
        {
            response = response.header(WWW_AUTHENTICATE, value);
        }
        let is_bare = *method == Method::HEAD || self.status == StatusCode::NOT_MODIFIED;
        if is_bare {
            return response.body(full("")).map_err(io::Error::other);
        }
        response.header(CONTENT_TYPE, content_type).body(full(body)).map_err(io::Error::other)
    }

    /// Whether the answer names the version of the request
    pub(super) fn has_version(&self) -> bool {
        self.responder != Responder::FrontEnd
    }

    fn xml(&self, message: &str, request_id: &str, state: &State) -> String {
        let mut body = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error>".to_owned();
        let time = ticks(state.now());
        let message = format!("{message}\nRequestId:{request_id}\nTime:{time}");
        lines(&mut body, "Code", &self.code);
        lines(&mut body, "Message", &message);
        for (name, text) in &self.elements {
            lines(&mut body, name, text);
        }
        body.push_str("</Error>");
        body
    }

    fn json(&self, message: &str, request_id: &str, state: &State) -> String {
        let time = ticks(state.now());
        let message = format!("{message}\nRequestId:{request_id}\nTime:{time}");
        serde_json::json!({ "error": { "code": self.code, "message": message } }).to_string()
    }
}

/// An element whose text keeps its line feeds as they are
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

impl From<hyper::http::Error> for Refusal {
    fn from(_: hyper::http::Error) -> Self {
        Self::new(500, "InternalError")
    }
}

fn challenge(state: &State) -> String {
    lock(&state.script).challenge.clone().unwrap_or_else(|| {
        format!(
            "Bearer authorization_uri=https://login.microsoftonline.com/{TENANT}/oauth2/authorize resource_id=https://storage.azure.com"
        )
    })
}
