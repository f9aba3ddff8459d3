use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use azure_core::http::{AsyncRawResponse, HttpClient, Request, headers::Headers};
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::Verifier;
use serde::Deserialize;

use super::{collect, failure::SERVICE};
use crate::{
    error::{Error, ErrorKind, is_code},
    name::is_guid,
};

/// An error of the token endpoint is a kilobyte or two
const MAX_TOKEN_ERROR_BYTES: usize = 64 << 10;

/// What becomes of a connection behind its request
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Connections {
    /// It is kept for the next
    Kept,
    /// It is closed
    ForOneRequest,
}

/// What is trusted: this machine's certificate authorities, and these
///
/// Reading this machine's takes milliseconds, so it is done once for all clients of a store.
pub(super) fn tls(authorities: &[String]) -> Result<ClientConfig, Error> {
    let config = |what: &str| Error::new(ErrorKind::Config, what);
    let mut roots = Vec::new();
    for pem in authorities {
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            roots.push(certificate.map_err(|_| config("a certificate authority is no PEM text"))?);
        }
        if roots.len() == before {
            return Err(config("a certificate authority's PEM text has no certificate"));
        }
    }
    // Named rather than taken from the process, so that no other crate can change or lack it.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider))
        .map_err(|error| config(&format!("this machine's root certificates: {error}")))?;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| config(&format!("TLS: {error}")))?
        .dangerous() // the name of the door for any verifier, the platform's included
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// The client for storage and authority: no redirects, since a credential must not follow one
pub(super) fn client(
    connect_timeout: Duration,
    read_timeout: Duration,
    tls: ClientConfig,
    connections: Connections,
) -> Result<reqwest::Client, Error> {
    let what = "the HTTP client could not be made; check the proxy variables";
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(connect_timeout)
        .read_timeout(read_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(match connections {
            Connections::Kept => usize::MAX,
            Connections::ForOneRequest => 0,
        })
        .build()
        .map_err(|_| Error::new(ErrorKind::Config, what))
}

/// The transport of storage: of an answer's headers only those that are read here
///
/// The SDK logs the names of all headers and the values of many, and a service could echo there
/// what it was sent.
#[derive(Debug)]
pub(super) struct StorageTransport(pub(super) reqwest::Client);

#[async_trait]
impl HttpClient for StorageTransport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let (status, headers, body) = self.0.execute_request(request).await?.deconstruct();
        // `get_optional_str` makes an error of a header that is not there, with a backtrace where
        // RUST_BACKTRACE asks for them.
        let mut sent = request.headers().iter();
        let origin =
            sent.find(|(name, _)| name.as_str() == "origin").map(|(_, value)| value.as_str());
        Ok(AsyncRawResponse::new(status, plain(&headers, origin), Box::pin(body)))
    }
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
        "content-length" | "content-range" | "access-control-max-age" => is_number(),
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

/// The transport of credentials: makes error bodies readable for `azure_identity` 1.0
///
/// It reads `error_description` as borrowed text, and so loses the whole error, code included,
/// where that has a JSON escape such as `\r\n`, as Entra's do. Here the text is written anew with
/// blanks in the place of what needs an escape.
#[derive(Debug)]
pub(super) struct TokenTransport(pub(super) reqwest::Client);

#[derive(Deserialize)]
struct TokenError {
    error: String,
    #[serde(default)]
    error_description: String,
    #[serde(default)]
    error_codes: Vec<i64>,
    #[serde(default)]
    trace_id: String,
}

#[async_trait]
impl HttpClient for TokenTransport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let (status, headers, body) = self.0.execute_request(request).await?.deconstruct();
        let headers = plain(&headers, None);
        if status.is_success() {
            return Ok(AsyncRawResponse::new(status, headers, Box::pin(body)));
        }
        let body = collect(body, MAX_TOKEN_ERROR_BYTES).await.map_err(|error| {
            azure_core::Error::with_message(azure_core::error::ErrorKind::Io, error.to_string())
        })?;
        let Ok(mut error) = serde_json::from_slice::<TokenError>(&body) else {
            return Ok(AsyncRawResponse::from_bytes(status, headers, body));
        };
        for text in [&mut error.error, &mut error.error_description, &mut error.trace_id] {
            *text = text.replace(|c: char| c.is_control() || matches!(c, '"' | '\\'), " ");
        }
        let body = serde_json::json!({
            "error": error.error,
            "error_description": error.error_description,
            "error_codes": error.error_codes,
            "trace_id": error.trace_id,
        });
        Ok(AsyncRawResponse::from_bytes(status, headers, body.to_string().into_bytes()))
    }
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
            ("content-range", "bytes 0-0/10"),
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
    }
}
