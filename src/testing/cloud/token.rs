//! Bearer tokens: Microsoft Learn, "Access tokens in the Microsoft identity platform".

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::json;

use super::{CLIENT_ID, OBJECT_ID, State, TENANT, lock, state::seconds};

/// Who the tokens are for
const AUDIENCE: &str = "https://storage.azure.com";
/// How long before its issue a token becomes valid: Entra allows for slow clocks
const LEEWAY: Duration = Duration::from_secs(300);

/// The tokens that were issued, and when each ends, in seconds since 1970
#[derive(Default)]
pub(super) struct Tokens(BTreeMap<String, Ends>);

struct Ends {
    not_before: u64,
    expires: u64,
}

impl Tokens {
    pub(super) fn all(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// Makes all of them as good as expired
    pub(super) fn expire(&mut self) {
        for ends in self.0.values_mut() {
            ends.expires = 0;
        }
    }
}

#[derive(Deserialize)]
struct Claims {
    aud: Option<String>,
    iss: Option<String>,
    exp: Option<u64>,
}

fn issuer() -> String {
    format!("https://sts.windows.net/{TENANT}/")
}

/// A new token, by the clock that the skew is against
pub(super) fn issue(state: &State) -> String {
    let now = state.clock.time();
    let begins = seconds(now).saturating_sub(LEEWAY.as_secs());
    let expires = seconds(now).saturating_add(state.token_lifetime.as_secs());
    let part = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let header = part(json!({ "typ": "JWT", "alg": "RS256", "kid": "small-cloud" }));
    let claims = part(json!({
        "aud": AUDIENCE,
        "iss": issuer(),
        "iat": begins,
        "nbf": begins,
        "exp": expires,
        "appid": CLIENT_ID,
        "appidacr": "1",
        "idp": issuer(),
        "oid": OBJECT_ID,
        "sub": OBJECT_ID,
        "tid": TENANT,
        "ver": "1.0",
    }));
    // Nobody checks it: a token is known, or it is not.
    let signature: [u8; 32] = std::array::from_fn(|_| fastrand::u8(..));
    let token = format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(signature));
    lock(&state.tokens).0.insert(token.clone(), Ends { not_before: begins, expires });
    token
}

/// Checks a token by the cloud's time; the error is the detail of the refusal
pub(super) fn check(token: &str, state: &State) -> Result<(), &'static str> {
    let refused = Err::<(), &'static str>;
    const EXPIRED: &str = "Lifetime validation failed. The token is expired.";
    let now = seconds(state.now());
    if let Some(ends) = lock(&state.tokens).0.get(token) {
        return match now {
            now if now >= ends.expires => refused(EXPIRED),
            now if now < ends.not_before => {
                refused("Lifetime validation failed. The token is not yet valid.")
            }
            _ => Ok(()),
        };
    }
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

/// What a token that is not ours says of itself
fn claims(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?).ok()
}
