//! Bearer tokens: Microsoft Learn, "Access tokens in the Microsoft identity platform".
//!
//! Tokens have the form of real ones, so that a client that reads claims can read these. Validity
//! is looked up by the whole text; the signature is random.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::json;

use super::{
    identity::{CLIENT_ID, OBJECT_ID, TENANT},
    values::seconds,
};

/// The audience of the tokens.
const AUDIENCE: &str = "https://storage.azure.com";

/// How long before its issue a token becomes valid: 5 min, because Entra allows for clocks that are
/// behind.
const LEEWAY: Duration = Duration::from_secs(300);

/// The detail of the refusal of an expired token.
const EXPIRED: &str = "Lifetime validation failed. The token is expired.";

/// The tokens that were issued, and when each is valid.
#[derive(Default)]
pub(super) struct Tokens(BTreeMap<String, Validity>);

/// When a token is valid, in seconds since 1970.
struct Validity {
    not_before: u64,
    expires: u64,
}

/// The claims that decide why a foreign token is refused.
#[derive(Deserialize)]
struct Claims {
    aud: Option<String>,
    iss: Option<String>,
    exp: Option<u64>,
}

impl Tokens {
    /// Issues a token.
    ///
    /// `now` is the time of the clock without the skew: a cloud whose time of day is ahead refuses
    /// tokens too early.
    pub(super) fn issue(&mut self, now: SystemTime, lifetime: Duration) -> String {
        // The leeway is part of the claim, as in Entra, not of the check.
        let not_before = seconds(now).saturating_sub(LEEWAY.as_secs());
        let expires = seconds(now).saturating_add(lifetime.as_secs());
        let part = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let header = part(json!({ "typ": "JWT", "alg": "RS256", "kid": "small-cloud" }));
        let claims = part(json!({
            "aud": AUDIENCE,
            "iss": issuer(),
            "iat": not_before,
            "nbf": not_before,
            "exp": expires,
            "appid": CLIENT_ID,
            "appidacr": "1",
            "idp": issuer(),
            "oid": OBJECT_ID,
            "sub": OBJECT_ID,
            "tid": TENANT,
            "ver": "1.0",
        }));
        // Nothing verifies the signature: validity is looked up by the whole text.
        let signature: [u8; 32] = std::array::from_fn(|_| fastrand::u8(..));
        let token = format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(signature));
        self.0.insert(token.clone(), Validity { not_before, expires });
        token
    }

    /// Checks that a token was issued here and is valid at this time.
    ///
    /// # Errors
    /// Returns the detail with which the real service refuses such a token.
    pub(super) fn check(&self, token: &str, now: SystemTime) -> Result<(), &'static str> {
        let refused = Err::<(), &'static str>;
        let now = seconds(now);
        // A token that was issued here needs no check of its claims.
        if let Some(validity) = self.0.get(token) {
            return match now {
                now if now >= validity.expires => refused(EXPIRED),
                now if now < validity.not_before => {
                    refused("Lifetime validation failed. The token is not yet valid.")
                }
                _ => Ok(()),
            };
        }
        // A foreign token is refused for its first wrong claim.
        let Some(claims) = claims(token) else {
            return refused("The access token was missing or malformed.");
        };
        let is_ours = |audience: &str| audience.trim_end_matches('/') == AUDIENCE;
        if claims.aud.is_some_and(|audience| !is_ours(&audience)) {
            refused("Audience validation failed. Audience did not match.")
        } else if claims.iss.is_some_and(|iss| iss != issuer()) {
            refused("Issuer validation failed. Issuer did not match.")
        } else if claims.exp.is_some_and(|expires| now >= expires) {
            refused(EXPIRED)
        } else {
            refused("Signature validation failed. The signature is not valid.")
        }
    }

    /// Returns all tokens that were issued.
    pub(super) fn all(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// Makes all tokens expire now.
    pub(super) fn expire(&mut self) {
        for validity in self.0.values_mut() {
            // Not removed, because `all` must still return them.
            validity.expires = 0;
        }
    }
}

/// Returns the issuer of the tokens.
fn issuer() -> String {
    format!("https://sts.windows.net/{TENANT}/")
}

/// Returns the claims of a token that was not issued here, or `None` if it is not a token.
fn claims(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?).ok()
}
