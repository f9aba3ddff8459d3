//! Errors of the token endpoint in the form in which Entra sends them.

use std::{
    io,
    time::{Duration, SystemTime},
};

use hyper::{
    HeaderMap, Response, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, STRICT_TRANSPORT_SECURITY,
        X_CONTENT_TYPE_OPTIONS,
    },
};

use super::{
    behavior::SignInText,
    body::{Body, full},
    values::{REQUEST_ID, guid},
};
use crate::name::is_guid;

/// The trace ID of every refusal; it is constant, so that tests can compare whole texts.
const TRACE_ID: &str = "33333333-3333-4333-8333-333333333333";

/// An error that Entra returns instead of a token.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use std::time::Duration;
/// use azure_asset_sync::{ErrorKind, Store, store::ListRequest, testing::{SignInRefusal, SmallCloud}};
///
/// let cloud = SmallCloud::builder().start().await?;
/// let store = cloud.store(&cloud.connection().build()?)?;
/// let busy = SignInRefusal::new(429, "temporarily_unavailable", 90055, "Too many requests.")
///     .retry_after(Duration::from_secs(20));
/// cloud.inject_sign_in(busy);
/// let error = store.list(ListRequest::new("")).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Throttled);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct SignInRefusal {
    status: u16,
    error: String,
    aadsts: u32,
    text: String,
    retry_after: Option<Duration>,
}

impl SignInRefusal {
    /// Creates an error with a status, an OAuth error such as `invalid_client`, the number after
    /// `AADSTS`, and a text.
    pub fn new(
        status: u16,
        error: impl Into<String>,
        aadsts: u32,
        text: impl Into<String>,
    ) -> Self {
        Self { status, error: error.into(), aadsts, text: text.into(), retry_after: None }
    }

    /// Adds a `Retry-After` header, in whole seconds.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Renders the response to a request with these headers.
    ///
    /// # Errors
    /// Fails if the status is not an HTTP status.
    pub(super) fn response(
        &self,
        request: &HeaderMap,
        now: SystemTime,
        layout: SignInText,
    ) -> io::Result<Response<Body>> {
        let Self { status, error, aadsts, text, retry_after } = self;
        // Entra writes a space where RFC 3339 has `T`.
        let time = humantime::format_rfc3339_seconds(now).to_string().replace('T', " ");
        let correlation_id = correlation_id(request);
        // JSON escapes the line breaks of one of the layouts, which clients have failed to decode.
        let separator = match layout {
            SignInText::Lines => "\r\n",
            SignInText::Spaces => " ",
        };
        let description = [
            format!("AADSTS{aadsts}: {text}"),
            format!("Trace ID: {TRACE_ID}"),
            format!("Correlation ID: {correlation_id}"),
            format!("Timestamp: {time}"),
        ]
        .join(separator);
        let json = serde_json::json!({
            "error": error,
            "error_description": description,
            "error_codes": [aadsts],
            "timestamp": time,
            "trace_id": TRACE_ID,
            "correlation_id": correlation_id,
            "error_uri": format!("https://login.microsoftonline.com/error?code={aadsts}"),
        });
        let status = StatusCode::from_u16(*status).map_err(io::Error::other)?;
        let mut response = json_response(status, &json, TRACE_ID)?;
        let headers = response.headers_mut();
        // MSAL reads the error number from this header.
        let telemetry = HeaderValue::from_str(&format!("1,{aadsts},0,,"));
        headers.insert("x-ms-clitelem", telemetry.map_err(io::Error::other)?);
        if let Some(wait) = retry_after {
            headers.insert(RETRY_AFTER, wait.as_secs().into());
        }
        Ok(response)
    }
}

/// Returns the correlation ID of a request, or a new one if the request has no valid one.
fn correlation_id(headers: &HeaderMap) -> String {
    let id = headers.get("client-request-id").and_then(|id| id.to_str().ok());
    // An ID in another form is not repeated, so that nothing of the caller gets into the response.
    id.filter(|id| is_guid(id)).map_or_else(guid, str::to_owned)
}

/// Returns a response with the headers that every response of the token endpoint has.
///
/// # Errors
/// Fails if the ID cannot be the value of a header.
pub(super) fn json_response(
    status: StatusCode,
    json: &serde_json::Value,
    request_id: &str,
) -> io::Result<Response<Body>> {
    Response::builder()
        .status(status)
        .header(CACHE_CONTROL, "no-store, no-cache")
        .header(CONTENT_TYPE, "application/json; charset=utf-8")
        .header(STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains")
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(REQUEST_ID, request_id)
        .body(full(json.to_string()))
        .map_err(io::Error::other)
}
