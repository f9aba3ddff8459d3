//! Client assertions signed with the certificate of a service principal.
//!
//! Implemented here because the SDK's certificate credential needs OpenSSL. Source: Microsoft Learn,
//! "Microsoft identity platform application authentication certificate credentials".

use std::{fmt, sync::Arc, time::SystemTime};

use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    digest,
    rand::SystemRandom,
    signature::{self, KeyPair as _, RsaKeyPair},
};

use super::pem::{self, Section};
use crate::error::{Error, ErrorKind};

/// How long an assertion is valid: 10 min. It is used at once, so this allows for clock skew.
const LIFETIME_SECONDS: u64 = 600;

/// A certificate's private key, and what an assertion says about it.
///
/// The key is parsed once and never leaves this type. `Debug` prints only the client ID.
#[derive(Clone)]
pub(super) struct Certificate {
    key: Arc<RsaKeyPair>,
    header: String,
    client_id: String,
    audience: String,
}

impl Certificate {
    /// Parses a certificate and its key from PEM, for assertions to the token endpoint `audience`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with what is wrong with the text and how to convert it. The message never
    /// quotes the text, which contains the private key.
    pub(super) fn new(pem: &str, client_id: &str, audience: String) -> Result<Self, Error> {
        let (key, der) = parse(pem)
            .map_err(|what| Error::new(ErrorKind::Config, format!("client certificate: {what}")))?;
        // Entra finds the uploaded certificate by its thumbprint. PS256 with SHA-256 is the form that
        // Microsoft recommends, over RS256 with SHA-1.
        let thumbprint = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &der));
        let header =
            serde_json::json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint }).to_string();
        let client_id = client_id.to_owned();
        Ok(Self { key: Arc::new(key), header, client_id, audience })
    }

    /// Returns a signed JSON Web Token with the unique ID `id`, or `None` if signing fails.
    fn assertion(&self, now: u64, id: u128) -> Option<String> {
        let claims = serde_json::json!({
            // Subject and issuer are both the application: it vouches for itself.
            "aud": self.audience, "iss": self.client_id, "sub": self.client_id,
            "jti": format!("{id:032x}"), "nbf": now, "exp": now + LIFETIME_SECONDS,
        });
        let [header, claims] =
            [&self.header, &claims.to_string()].map(|json| URL_SAFE_NO_PAD.encode(json));
        let text = format!("{header}.{claims}");
        // A PSS signature is as long as the modulus. Signing blinds with random numbers of the system.
        let mut signed = vec![0; self.key.public().modulus_len()];
        let algorithm = &signature::RSA_PSS_SHA256;
        self.key.sign(algorithm, &SystemRandom::new(), text.as_bytes(), &mut signed).ok()?;
        Some(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signed)))
    }
}

/// Returns the private key of a PEM text and the certificate that belongs to it, in any order.
fn parse(text: &str) -> Result<(RsaKeyPair, Vec<u8>), &'static str> {
    let sections = pem::sections(text);
    // All labels of keys end so: `PRIVATE KEY`, `RSA PRIVATE KEY`, `ENCRYPTED PRIVATE KEY`.
    let is_key = |section: &&Section<'_>| section.label.ends_with("PRIVATE KEY");
    let is_certificate = |label| matches!(label, "CERTIFICATE" | "X509 CERTIFICATE");
    let certificates = || sections.iter().filter(|section| is_certificate(section.label));
    if sections.is_empty() {
        return Err(pem::explain_non_pem(text).unwrap_or(
            "the text contains no certificate; give PEM text, which begins with `-----BEGIN`, and not the path of a file",
        ));
    }
    // Before the missing parts: for an encrypted key the advice is to decrypt it, not to add a key.
    if let Some(what) = sections.iter().find_map(pem::explain_unusable_key) {
        return Err(what);
    }
    let Some(section) = sections.iter().find(is_key) else {
        return Err(
            "the PEM text contains no private key; append the key of the certificate, for example with `cat cert.pem key.pem`",
        );
    };
    if certificates().next().is_none() {
        return Err(
            "the PEM text contains a private key but no certificate; append the certificate that was uploaded to the application",
        );
    }
    if sections.iter().any(|section| section.der.is_none()) {
        return Err(
            "a section of the PEM text is truncated or damaged; copy the text again, up to its last line `-----END …-----`",
        );
    }
    let key = private_key(section)?;
    // A certificate contains the public key in exactly the DER form that `public_key` returns.
    let public = key.public_key().as_ref();
    let belongs = |der: &&Vec<u8>| der.windows(public.len()).any(|part| part == public);
    let matching = certificates().filter_map(|section| section.der.as_ref()).find(belongs).cloned();
    let matching = matching.ok_or(
        "no certificate in the PEM text belongs to the private key; compare `openssl x509 -in cert.pem -noout -pubkey` with `openssl pkey -in key.pem -pubout`",
    )?;
    Ok((key, matching))
}

/// The object identifier of RSA in DER (RFC 8017).
const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];

/// Returns the RSA key pair of a section, in PKCS#1 or PKCS#8.
fn private_key(section: &Section<'_>) -> Result<RsaKeyPair, &'static str> {
    let der = section.der.as_deref().unwrap_or_default();
    // ring reports only that a key is invalid. So another algorithm is recognized here, by the lack of
    // RSA's identifier in the PKCS#8 header.
    let pair = match section.label {
        "RSA PRIVATE KEY" => RsaKeyPair::from_der(der),
        _ if !der.windows(RSA.len()).any(|part| part == RSA) => return Err(pem::NOT_RSA),
        _ => RsaKeyPair::from_pkcs8(der),
    };
    pair.map_err(|_| "the private key is damaged, or is not an RSA key of 2048 to 4096 bits; `openssl pkey -in key.pem -noout -text` shows its size")
}

#[async_trait::async_trait]
impl ClientAssertion for Certificate {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_secs());
        // The ID only has to be unique, so it needs no cryptographic random numbers.
        self.assertion(now, fastrand::u128(..)).ok_or_else(|| {
            let what = "the client assertion could not be signed";
            azure_core::Error::with_message(azure_core::error::ErrorKind::Credential, what)
        })
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}
