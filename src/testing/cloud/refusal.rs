use std::{io, time::Duration};

use hyper::{
    Response,
    header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
};

use super::{
    State, TENANT, lock, request_id,
    server::{Body, full},
    xml,
};

/// An error of the blob service, as it goes over the wire
///
/// The message is Azure's for the code, where this crate knows it.
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
    detail: Option<String>,
    retry_after: Option<Duration>,
    has_code_header: bool,
}

impl Refusal {
    /// An error with this status and code
    pub fn new(status: u16, code: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: None,
            detail: None,
            retry_after: None,
            has_code_header: true,
        }
    }

    /// Says this instead of Azure's message for the code
    pub fn message(mut self, text: impl Into<String>) -> Self {
        self.message = Some(text.into());
        self
    }

    /// Adds an `AuthenticationErrorDetail`
    pub fn detail(mut self, text: impl Into<String>) -> Self {
        self.detail = Some(text.into());
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

    pub(super) fn response(&self, state: &State) -> io::Result<Response<Body>> {
        let request_id = request_id();
        let message = self.message.as_deref().unwrap_or_else(|| message(self.status, &self.code));
        let time = humantime::format_rfc3339_nanos(state.now());
        let mut body = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error>".to_owned();
        xml::element(&mut body, "Code", &self.code);
        body.push_str("<Message>");
        xml::escape(&mut body, message);
        body.push_str(&format!("\nRequestId:{request_id}\nTime:{time}</Message>"));
        if let Some(detail) = &self.detail {
            xml::element(&mut body, "AuthenticationErrorDetail", detail);
        }
        body.push_str("</Error>");
        let mut response = Response::builder()
            .status(self.status)
            .header(CONTENT_TYPE, "application/xml")
            .header("x-ms-request-id", request_id);
        // A test may want a text that no header can hold.
        if let Ok(code) = HeaderValue::from_str(&self.code)
            && self.has_code_header
        {
            response = response.header("x-ms-error-code", code);
        }
        if let Some(wait) = self.retry_after {
            response = response.header(RETRY_AFTER, wait.as_secs());
        }
        if self.status == 401
            && let Ok(challenge) = HeaderValue::from_str(&challenge(state))
        {
            response = response.header(WWW_AUTHENTICATE, challenge);
        }
        response.body(full(body)).map_err(io::Error::other)
    }
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

/// Azure's words: Microsoft Learn, "Common REST API error codes" and "Blob Storage error codes",
/// and what public issues have recorded
const MESSAGES: &[(&str, &str)] = &[
    ("AccountIsDisabled", "The specified account is disabled."),
    ("AccountRequiresHttps", "The account being accessed does not support http."),
    (
        "AuthenticationFailed",
        "Server failed to authenticate the request. Make sure the value of the Authorization header is formed correctly including the signature.",
    ),
    ("AuthorizationFailure", "This request is not authorized to perform this operation."),
    (
        "AuthorizationPermissionMismatch",
        "This request is not authorized to perform this operation using this permission.",
    ),
    (
        "AuthorizationProtocolMismatch",
        "This request is not authorized to perform this operation using this protocol.",
    ),
    (
        "AuthorizationResourceTypeMismatch",
        "This request is not authorized to perform this operation using this resource type.",
    ),
    (
        "AuthorizationServiceMismatch",
        "This request is not authorized to perform this operation using this service.",
    ),
    (
        "AuthorizationSourceIPMismatch",
        "This request is not authorized to perform this operation using this source IP 203.0.113.7.",
    ),
    ("BlobArchived", "This operation is not permitted on an archived blob."),
    (
        "BlobBeingRehydrated",
        "This operation is not permitted because the blob is being rehydrated.",
    ),
    ("BlobNotFound", "The specified blob does not exist."),
    (
        "BlobUsesCustomerSpecifiedEncryption",
        "The blob is encrypted with customer specified encryption, but it was not provided in the request.",
    ),
    ("ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met."),
    ("ContainerBeingDeleted", "The specified container is being deleted. Try operation later."),
    ("ContainerDisabled", "The specified container has been disabled by the administrator."),
    ("ContainerNotFound", "The specified container does not exist."),
    ("CorsPreflightFailure", "CORS not enabled or no matching rule found for this request."),
    (
        "FeatureVersionMismatch",
        "The operation for AppendBlob requires at least version 2015-02-21.",
    ),
    (
        "InsufficientAccountPermissions",
        "The account being accessed does not have sufficient permissions to execute this operation.",
    ),
    ("InternalError", "The server encountered an internal error. Please retry the request."),
    ("InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format."),
    (
        "InvalidQueryParameterValue",
        "Value for one of the query parameters specified in the request URI is invalid.",
    ),
    ("InvalidRange", "The range specified is invalid for the current size of the resource."),
    ("InvalidResourceName", "The specified resource name contains invalid characters."),
    ("InvalidUri", "The requested URI does not represent any resource on the server."),
    ("InvalidXmlDocument", "XML specified is not syntactically valid."),
    ("InvalidXmlNodeValue", "The value for one of the XML nodes is not in the correct format."),
    (
        "KeyBasedAuthenticationNotPermitted",
        "Key based authentication is not permitted on this storage account.",
    ),
    (
        "NoAuthenticationInformation",
        "Server failed to authenticate the request. Please refer to the information in the www-authenticate header.",
    ),
    ("OperationTimedOut", "Operation could not be completed within the specified time."),
    ("OutOfRangeInput", "The specified resource name length is not within the permissible limits."),
    (
        "OutOfRangeQueryParameterValue",
        "One of the query parameters specified in the request URI is outside the permissible range.",
    ),
    ("PublicAccessNotPermitted", "Public access is not permitted on this storage account."),
    ("ResourceNotFound", "The specified resource does not exist."),
    (
        "ServerBusy",
        "The server is currently unable to receive requests. Please retry your request.",
    ),
    ("UnsupportedHttpVerb", "The resource doesn't support specified Http Verb."),
    (
        "UnsupportedQueryParameter",
        "One of the query parameters specified in the request URI is not supported.",
    ),
];

fn message(status: u16, code: &str) -> &str {
    // One code, two messages: a token that is no good, and a header that is none.
    match (status, code) {
        (400, "InvalidAuthenticationInfo") => {
            "The authentication information was not provided in the correct format. Verify the value of Authorization header."
        }
        (_, "InvalidAuthenticationInfo") => {
            "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."
        }
        _ => MESSAGES
            .iter()
            .find_map(|(known, text)| (*known == code).then_some(*text))
            .unwrap_or(code),
    }
}
