//! Client assertions: Microsoft Learn, "Microsoft identity platform application authentication
//! certificate credentials".

use std::time::{Duration, SystemTime};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{digest, signature};
use serde::Deserialize;
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{CLIENT_ID, TENANT, state::seconds};

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(rename = "x5t#S256")]
    thumbprint: String,
}

#[derive(Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    sub: String,
    nbf: u64,
    exp: u64,
}

/// What a client assertion is validity
pub(super) enum Validity {
    Valid,
    /// Signed as it should be, for another time
    OutOfTime {
        from: SystemTime,
        to: SystemTime,
    },
    Invalid,
}

/// Whether the application signed this with this certificate's key, for this tenant and this time
pub(super) fn verify(assertion: &str, certificate: &str, now: SystemTime) -> Validity {
    match check(assertion, certificate) {
        Some(claims) if (claims.nbf..claims.exp).contains(&seconds(now)) => Validity::Valid,
        Some(claims) => {
            let [from, to] = [claims.nbf, claims.exp].map(|time| {
                // Within what a text of a time can say.
                SystemTime::UNIX_EPOCH + Duration::from_secs(time.min(253_402_300_799))
            });
            Validity::OutOfTime { from, to }
        }
        None => Validity::Invalid,
    }
}

/// The claims, if the signature and all claims but the times are valid
fn check(assertion: &str, certificate: &str) -> Option<Claims> {
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).ok()?;
    let (signed, signature) = assertion.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let [header, claims, signature] =
        [header, claims, signature].map(|part| URL_SAFE_NO_PAD.decode(part).unwrap_or_default());
    let header: Header = serde_json::from_slice(&header).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    let thumbprint = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &certificate));
    let key = signature::UnparsedPublicKey::new(
        &signature::RSA_PSS_2048_8192_SHA256,
        public_key(&certificate)?,
    );
    let is_good = header.alg == "PS256"
        && header.thumbprint == thumbprint
        && claims.iss == CLIENT_ID
        && claims.sub == CLIENT_ID
        && claims.aud.ends_with(&format!("/{TENANT}/oauth2/v2.0/token"))
        && key.verify(signed.as_bytes(), &signature).is_ok();
    is_good.then_some(claims)
}

/// The RSA public key of a certificate, found by the algorithm's identifier before it
fn public_key(certificate: &[u8]) -> Option<&[u8]> {
    // OID 1.2.840.113549.1.1.1 with NULL parameters, and then a BIT STRING of two length bytes.
    const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x82";
    let at = certificate.windows(RSA.len()).position(|window| window == RSA)? + RSA.len();
    let [high, low] = *certificate.get(at..at + 2)?.first_chunk()?;
    let bits = certificate.get(at + 2..at + 2 + usize::from(u16::from_be_bytes([high, low])))?;
    // The first byte says how many bits of the last are unused: none.
    bits.strip_prefix(b"\0")
}
