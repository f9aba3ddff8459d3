//! What goes over the wire to storage, and what of an answer is passed on.
//!
//! Whatever a service sends is bounded and filtered here, before the SDK sees it: the SDK collects
//! error bodies whole, and logs headers.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::http::{
    AsyncRawResponse, HttpClient, Request, headers::Headers, response::AsyncResponseBody,
};
use bytes::Bytes;
use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};

use super::{failure::SERVICE, network::Target};
use crate::{error::is_code, name::is_guid};

/// An error of the service is a kilobyte or two
pub(super) const MAX_ERROR_BYTES: usize = 64 << 10;

/// The transport of storage: of an answer's headers only those that are read here
///
/// The SDK logs the names of all headers and the values of many, and a service could echo there
/// what it was sent. The body of a refusal ends at a bound.
#[derive(Debug)]
pub(super) struct StorageTransport {
    pub(super) client: reqwest::Client,
    pub(super) target: Arc<Target>,
}

#[async_trait]
impl HttpClient for StorageTransport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let (status, headers, body) =
            execute(&self.client, &self.target, request).await?.deconstruct();
        // `get_optional_str` makes an error of a header that is not there, with a backtrace where
        // RUST_BACKTRACE asks for them.
        let mut sent = request.headers().iter();
        let origin =
            sent.find(|(name, _)| name.as_str() == "origin").map(|(_, value)| value.as_str());
        if u16::from(status) == 200 && starts_after_0(request) {
            let what = "the answer ignores the range";
            let kind = azure_core::error::ErrorKind::DataConversion;
            return Err(azure_core::Error::with_message(kind, what));
        }
        let headers = plain(&headers, origin);
        let body: BoxStream<'static, _> = match status.is_success() {
            true => Box::pin(body),
            false => first_bytes(body, MAX_ERROR_BYTES),
        };
        Ok(AsyncRawResponse::new(status, headers, body))
    }
}

/// Whether a request wants bytes that do not begin with the first
fn starts_after_0(request: &Request) -> bool {
    let mut headers = request.headers().iter();
    let range = headers.find(|(name, _)| matches!(name.as_str(), "range" | "x-ms-range"));
    range.is_some_and(|(_, range)| !range.as_str().starts_with("bytes=0-"))
}

/// Sends a request to the host that the client is for, and to no other
pub(super) async fn execute(
    client: &reqwest::Client,
    target: &Target,
    request: &Request,
) -> azure_core::Result<AsyncRawResponse> {
    if !target.is_origin_of(request.url()) {
        let what = "the request leads to another host than the connection's";
        return Err(azure_core::Error::with_message(azure_core::error::ErrorKind::Other, what));
    }
    client.execute_request(request).await
}

/// Ends a body after its first bytes: the code of an error stands there
pub(super) fn first_bytes(
    body: AsyncResponseBody,
    most: usize,
) -> BoxStream<'static, azure_core::Result<Bytes>> {
    let start = (body, most);
    Box::pin(stream::unfold(start, |(mut body, left)| async move {
        if left == 0 {
            return None;
        }
        let piece = body.next().await?.map(|piece: Bytes| piece.slice(..piece.len().min(left)));
        let left = piece.as_ref().map_or(0, |piece| left - piece.len());
        Some((piece, (body, left)))
    }))
}

/// The headers that are read here, each where its value has the shape that it should have
pub(super) fn plain(headers: &Headers, origin: Option<&str>) -> Headers {
    let mut plain = Headers::new();
    for (name, value) in headers.iter() {
        if let Some(value) = shaped(name.as_str(), value.as_str(), origin) {
            plain.insert(name.clone(), value);
        }
    }
    plain
}

fn shaped(name: &str, value: &str, origin: Option<&str>) -> Option<String> {
    let is_date = || httpdate::parse_http_date(value).is_ok();
    let is_number = || value.bytes().all(|b| b.is_ascii_digit() || b"bytes -/*".contains(&b));
    let fits = match name {
        "x-ms-request-id" => is_guid(value),
        "x-ms-error-code" => is_code(value),
        // Azure's have 15 hexadecimal digits after `0x`.
        "etag" => value.len() <= 26,
        // Who answers, and no more of it.
        "server" => return value.starts_with(SERVICE).then(|| SERVICE.to_owned()),
        "date" => is_date(),
        "retry-after" | "retry-after-ms" | "x-ms-retry-after-ms" => is_number() || is_date(),
        // Not `content-range`, from which the SDK would derive further requests.
        "content-length" | "access-control-max-age" => is_number(),
        "access-control-allow-origin" => value == "*" || Some(value) == origin,
        "access-control-allow-methods" => return Some(words(value).to_ascii_uppercase()),
        "content-type" | "access-control-allow-headers" | "access-control-expose-headers" => {
            return Some(words(value));
        }
        _ => false,
    };
    fits.then(|| value.to_owned())
}

/// The words of a list in which case is of no matter, but for those that look made by a machine
fn words(list: &str) -> String {
    let is_word =
        |word: &&str| word.len() <= 64 && word.bytes().filter(u8::is_ascii_digit).count() <= 3;
    let words: Vec<_> = list.split(',').map(str::trim).filter(is_word).collect();
    words.join(",").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_services_headers_only_what_is_read_and_has_its_shape_is_let_through() {
        const ORIGIN: Option<&str> = Some("https://app.example");
        const GUID: &str = "3f2504e0-4f89-11d3-9a0c-0305e82c3301";
        const SECRETS: [&str; 3] = [
            "0c9f3b7a51d24e8896ab03fd77e1c2d4",
            "eyJhbGciOiJSUzI1NiJ9.eyJ0aWQiOiIxMTEx.q83vEjRWeJCrze8",
            "BpLHtKqZ8u3vQ2mXyT5Rw1NdE7cJfG4aSiUo9hVbC0k=",
        ];
        let kept = [
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
        for (name, value) in kept {
            assert_eq!(shaped(name, value, ORIGIN).as_deref(), Some(value), "{name}");
            for secret in SECRETS {
                let told = shaped(name, secret, ORIGIN).unwrap_or_default();
                assert!(!told.contains(secret), "{name}: {told}");
            }
        }
        assert_eq!(shaped("access-control-allow-origin", "https://x.example", ORIGIN), None);
        assert_eq!(shaped("server", GUID, ORIGIN), None);
        assert_eq!(shaped("content-range", "bytes 0-0/10", ORIGIN), None);
    }
}
