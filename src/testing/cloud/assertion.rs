//! Client assertions: Microsoft Learn, "Microsoft identity platform application authentication
//! certificate credentials".
//!
//! Written from the documentation. The X.509 parser finds RSA keys only, because Entra accepts no
//! others for assertions.

use std::time::SystemTime;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{digest, signature};
use serde::Deserialize;
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{
    identity::{CLIENT_ID, TENANT},
    values::{seconds, time_of},
};

/// The header of an assertion.
#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(rename = "x5t#S256")]
    thumbprint: String,
}

/// The claims of an assertion that Entra checks.
#[derive(Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    sub: String,
    nbf: u64,
    exp: u64,
}

/// The result of the check of a client assertion.
pub(super) enum Validity {
    /// The assertion is valid.
    Valid,
    /// The signature and the claims are right, but not for this time.
    OutOfTime {
        /// The first moment at which the assertion is valid.
        from: SystemTime,
        /// The first moment at which the assertion is no longer valid.
        to: SystemTime,
    },
    /// The signature or a claim is wrong.
    Invalid,
}

/// Checks that the application signed an assertion with the key of this certificate, for this
/// tenant and this time.
pub(super) fn verify(assertion: &str, certificate: &str, now: SystemTime) -> Validity {
    match check(assertion, certificate) {
        Some(claims) if (claims.nbf..claims.exp).contains(&seconds(now)) => Validity::Valid,
        Some(claims) => Validity::OutOfTime { from: time_of(claims.nbf), to: time_of(claims.exp) },
        None => Validity::Invalid,
    }
}

/// Returns the claims if the signature and all claims except the times are valid.
fn check(assertion: &str, certificate: &str) -> Option<Claims> {
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).ok()?;
    let (signed, signature) = assertion.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    // A part that is not Base64 becomes empty, and then fails as JSON or as a signature.
    let [header, claims, signature] =
        [header, claims, signature].map(|part| URL_SAFE_NO_PAD.decode(part).unwrap_or_default());
    let header: Header = serde_json::from_slice(&header).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    // Entra finds the certificate by this thumbprint.
    let thumbprint = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &certificate));
    let key = signature::UnparsedPublicKey::new(
        &signature::RSA_PSS_2048_8192_SHA256,
        public_key(&certificate)?,
    );
    let is_good = header.alg == "PS256"
        && header.thumbprint == thumbprint
        && claims.iss == CLIENT_ID
        && claims.sub == CLIENT_ID
        // The host of the audience depends on the address of the cloud, so only the path is
        // compared.
        && claims.aud.ends_with(&format!("/{TENANT}/oauth2/v2.0/token"))
        && key.verify(signed.as_bytes(), &signature).is_ok();
    is_good.then_some(claims)
}

/// Returns the RSA public key of a certificate, or `None` if the certificate has no RSA key.
///
/// The key follows the identifier of its algorithm, so the search needs no ASN.1 parser.
fn public_key(certificate: &[u8]) -> Option<&[u8]> {
    // OID 1.2.840.113549.1.1.1 with NULL parameters, then a BIT STRING with a length of two bytes.
    const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x82";
    let at = certificate.windows(RSA.len()).position(|window| window == RSA)? + RSA.len();
    let [high, low] = *certificate.get(at..at + 2)?.first_chunk()?;
    let bits = certificate.get(at + 2..at + 2 + usize::from(u16::from_be_bytes([high, low])))?;
    // The first byte is the number of unused bits in the last byte, which is 0 for keys.
    bits.strip_prefix(b"\0")
}
