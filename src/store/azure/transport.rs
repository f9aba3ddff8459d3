use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use azure_core::http::{AsyncRawResponse, HttpClient, Request};
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::Verifier;
use serde::Deserialize;

use super::collect;
use crate::error::{Error, ErrorKind};

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

/// The client for storage and authority: no redirects, since a credential must not follow one
pub(super) fn client(
    connect_timeout: Duration,
    read_timeout: Duration,
    authorities: &[String],
    connections: Connections,
) -> Result<reqwest::Client, Error> {
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
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| config(&format!("TLS: {error}")))?
        .dangerous() // the name of the door for any verifier, the platform's included
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
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
        .map_err(|_| config("the HTTP client could not be made; check the proxy variables"))
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
        let response = self.0.execute_request(request).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, headers, body) = response.deconstruct();
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
