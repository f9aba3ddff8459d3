//! The HTTP transport to storage: one host, bounded error bodies, and a list of allowed headers.
//!
//! Answers are bounded and filtered here before the SDK sees them, because the SDK collects error
//! bodies without a bound and logs the names of all headers and the values of many. Nothing that an
//! endpoint sends is trusted: it could echo the token or signature that it received.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::http::{
    AsyncRawResponse, HttpClient, Request,
    headers::{Headers, USER_AGENT},
    response::AsyncResponseBody,
};
use bytes::Bytes;
use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};

use super::network::Target;
use crate::{error::is_code, name::is_guid, observe::HttpRequest};

/// The service version of all requests: the first that this crate was tested with.
pub(super) const VERSION: &str = "2026-04-06";

/// The limit for error bodies: 64 KiB. Errors of the service have 1 to 2 KiB.
pub(super) const MAX_ERROR_BYTES: usize = 64 << 10;

/// The start of the `Server` header of the blob service itself.
///
/// The account's front end, which checks network rules and tokens, sends `Microsoft-HTTPAPI/2.0`
/// without it.
pub(super) const SERVICE_SERVER: &str = "Windows-Azure-";

/// The transport for requests to the account.
///
/// It is the only way from the pipeline to the network, so its checks hold for the SDK's clients too.
#[derive(Debug)]
pub(super) struct StorageTransport {
    client: reqwest::Client,
    target: Arc<Target>,
}

impl StorageTransport {
    /// Creates a transport whose requests may reach `target` and no other host.
    pub(super) fn new(client: reqwest::Client, target: Arc<Target>) -> Self {
        Self { client, target }
    }
}

#[async_trait]
impl HttpClient for StorageTransport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let mut observed = HttpRequest::to_storage();
        let (status, headers, body) =
            execute(&self.client, &self.target, request).await?.deconstruct();
        observed.answered(status.into());
        // Not `get_optional_str`: for a missing header it creates an error, and captures a backtrace
        // if RUST_BACKTRACE is set.
        let mut sent = request.headers().iter();
        let origin =
            sent.find(|(name, _)| name.as_str() == "origin").map(|(_, value)| value.as_str());
        // A proxy that ignores the range would return the start of the blob in its place.
        if u16::from(status) == 200 && skips_first_byte(request) {
            let what = "the answer ignores the range";
            let kind = azure_core::error::ErrorKind::DataConversion;
            return Err(azure_core::Error::with_message(kind, what));
        }
        let headers = allowed_headers(&headers, origin);
        let body: BoxStream<'static, _> = match status.is_success() {
            true => Box::pin(observed.until_end_of(body)),
            false => Box::pin(observed.until_end_of(truncated(body, MAX_ERROR_BYTES))),
        };
        Ok(AsyncRawResponse::new(status, headers, body))
    }
}

/// Returns whether a request has a range that does not start at the first byte.
fn skips_first_byte(request: &Request) -> bool {
    let mut headers = request.headers().iter();
    let range = headers.find(|(name, _)| matches!(name.as_str(), "range" | "x-ms-range"));
    range.is_some_and(|(_, range)| !range.as_str().starts_with("bytes=0-"))
}

/// Sends a request, and fails if it would leave the host that the client is for.
pub(super) async fn execute(
    client: &reqwest::Client,
    target: &Target,
    request: &Request,
) -> azure_core::Result<AsyncRawResponse> {
    if !target.is_origin_of(request.url()) {
        let what = "the request would go to another host than the connection's";
        return Err(azure_core::Error::with_message(azure_core::error::ErrorKind::Other, what));
    }
    let Some(user_agent) = target.http().user_agent() else {
        return client.execute_request(request).await;
    };
    // The SDK sets its own in each request, which would win over the client's.
    let mut request = request.clone();
    request.insert_header(USER_AGENT, user_agent.to_owned());
    client.execute_request(&request).await
}

/// Returns the first bytes of a body, where the code of an error is.
pub(super) fn truncated(
    body: AsyncResponseBody,
    max_bytes: usize,
) -> BoxStream<'static, azure_core::Result<Bytes>> {
    // A stream that ends early, because the SDK collects whatever stream it gets.
    let start = (body, max_bytes);
    Box::pin(stream::unfold(start, |(mut body, remaining)| async move {
        if remaining == 0 {
            return None;
        }
        let piece =
            body.next().await?.map(|piece: Bytes| piece.slice(..piece.len().min(remaining)));
        let remaining = piece.as_ref().map_or(0, |piece| remaining - piece.len());
        Some((piece, (body, remaining)))
    }))
}

/// Returns the headers that this crate reads, each only if its value has the expected form.
///
/// `origin` is the request's `Origin`, which a CORS answer repeats.
pub(super) fn allowed_headers(headers: &Headers, origin: Option<&str>) -> Headers {
    let mut plain = Headers::new();
    for (name, value) in headers.iter() {
        if let Some(value) = allowed_value(name.as_str(), value.as_str(), origin) {
            plain.insert(name.clone(), value);
        }
    }
    plain
}

/// Returns the value to pass on for one header, or `None` to drop the header.
fn allowed_value(name: &str, value: &str, origin: Option<&str>) -> Option<String> {
    let is_date = || httpdate::parse_http_date(value).is_ok();
    let is_number = || value.bytes().all(|b| b.is_ascii_digit() || b"bytes -/*".contains(&b));
    let fits = match name {
        "x-ms-request-id" => is_guid(value),
        // A token or signature that is echoed here does not look like a code.
        "x-ms-error-code" => is_code(value),
        // Azure's have 15 hexadecimal digits after `0x`.
        "etag" => value.len() <= 26,
        // Only which server answers, without its version.
        "server" => return value.starts_with(SERVICE_SERVER).then(|| SERVICE_SERVER.to_owned()),
        "date" => is_date(),
        "retry-after" | "retry-after-ms" | "x-ms-retry-after-ms" => is_number() || is_date(),
        // Not `content-range`: the SDK would derive further requests from it.
        "content-length" | "access-control-max-age" => is_number(),
        // Only the origin that was sent: anything else may be an echoed secret, and fails the check anyway.
        "access-control-allow-origin" => value == "*" || Some(value) == origin,
        "access-control-allow-methods" => return Some(list_words(value).to_ascii_uppercase()),
        "content-type" | "access-control-allow-headers" | "access-control-expose-headers" => {
            return Some(list_words(value));
        }
        _ => false,
    };
    fits.then(|| value.to_owned())
}

/// Returns a comma-separated list in lower case, without words that could be secrets.
///
/// A word of more than 64 characters or with more than 3 digits is probably not a header name.
fn list_words(list: &str) -> String {
    let is_word =
        |word: &&str| word.len() <= 64 && word.bytes().filter(u8::is_ascii_digit).count() <= 3;
    let words: Vec<_> = list.split(',').map(str::trim).filter(is_word).collect();
    words.join(",").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No allowed header passes on a text in the form of a key or token.
    #[test]
    fn only_expected_headers_with_well_formed_values_are_kept() {
        const ORIGIN: Option<&str> = Some("https://app.example");
        const GUID: &str = "3f2504e0-4f89-11d3-9a0c-0305e82c3301";
        const SECRETS: [&str; 3] = [
            "0c9f3b7a51d24e8896ab03fd77e1c2d4",
            "eyJhbGciOiJSUzI1NiJ9.eyJ0aWQiOiIxMTEx.q83vEjRWeJCrze8",
            "BpLHtKqZ8u3vQ2mXyT5Rw1NdE7cJfG4aSiUo9hVbC0k=",
        ];
        let allowed = [
            ("x-ms-request-id", GUID),
            ("x-ms-error-code", "FeatureNotYetSupportedForHierarchicalNamespaceAccounts"),
            ("x-ms-error-code", "AuthorizationSourceIPMismatch"),
            ("x-ms-error-code", "Crc64Mismatch"),
            ("etag", "\"0x8DCAFE0123456789\""),
            ("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
            ("retry-after", "7"),
            ("retry-after", "Thu, 01 Jan 2026 00:00:00 GMT"),
            ("content-type", "application/xml; charset=utf-8"),
            ("access-control-allow-origin", "https://app.example"),
            ("access-control-allow-origin", "*"),
            ("access-control-allow-methods", "GET,OPTIONS"),
            ("access-control-expose-headers", "content-range,x-ms-content-crc64,*"),
        ];
        for (name, value) in allowed {
            assert_eq!(allowed_value(name, value, ORIGIN).as_deref(), Some(value), "{name}");
            for secret in SECRETS {
                let value = allowed_value(name, secret, ORIGIN).unwrap_or_default();
                assert!(!value.contains(secret), "{name}: {value}");
            }
        }
        assert_eq!(allowed_value("access-control-allow-origin", "https://x.example", ORIGIN), None);
        assert_eq!(allowed_value("server", GUID, ORIGIN), None);
        assert_eq!(allowed_value("content-range", "bytes 0-0/10", ORIGIN), None);
    }
}
