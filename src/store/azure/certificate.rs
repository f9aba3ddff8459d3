//! A service principal's certificate as a client assertion.
//!
//! Written here because the SDK's own certificate credential needs OpenSSL. Format: Microsoft
//! Learn, "Microsoft identity platform application authentication certificate credentials".

use std::{fmt, sync::Arc, time::SystemTime};

use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{digest, rand::SystemRandom, signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use crate::error::{Error, ErrorKind};

/// How long an assertion holds; it is used at once
const LIFETIME_SECONDS: u64 = 600;

#[derive(Clone)]
pub(super) struct Certificate {
    key: Arc<signature::RsaKeyPair>,
    header: String,
    client_id: String,
    audience: String,
}

impl Certificate {
    pub(super) fn new(pem: &str, client_id: &str, audience: String) -> Result<Self, Error> {
        let bad = |what: &str| Error::new(ErrorKind::Config, format!("client certificate: {what}"));
        let der = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| bad("the PEM text has no certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| bad("the PEM text has no unencrypted private key"))?;
        let key = match &key {
            PrivateKeyDer::Pkcs8(key) => signature::RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => signature::RsaKeyPair::from_der(key.secret_pkcs1_der()),
            _ => return Err(bad("the private key is no RSA key, which Entra asks for")),
        }
        .map_err(|_| bad("the private key is no RSA key of 2048 to 4096 bits"))?;
        let thumbprint = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &der));
        let header =
            serde_json::json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint }).to_string();
        let client_id = client_id.to_owned();
        Ok(Self { key: Arc::new(key), header, client_id, audience })
    }

    fn assertion(&self, now: u64, id: u128) -> Option<String> {
        let claims = serde_json::json!({
            "aud": self.audience, "iss": self.client_id, "sub": self.client_id,
            "jti": format!("{id:032x}"), "nbf": now, "exp": now + LIFETIME_SECONDS,
        });
        let [header, claims] =
            [&self.header, &claims.to_string()].map(|json| URL_SAFE_NO_PAD.encode(json));
        let text = format!("{header}.{claims}");
        let mut signed = vec![0; self.key.public().modulus_len()];
        let algorithm = &signature::RSA_PSS_SHA256;
        self.key.sign(algorithm, &SystemRandom::new(), text.as_bytes(), &mut signed).ok()?;
        Some(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signed)))
    }
}

#[async_trait::async_trait]
impl ClientAssertion for Certificate {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_secs());
        self.assertion(now, fastrand::u128(..)).ok_or_else(|| {
            let what = "the assertion could not be signed";
            azure_core::Error::with_message(azure_core::error::ErrorKind::Credential, what)
        })
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}
