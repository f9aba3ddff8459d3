//! An authority and a blob service that echo the received secrets in all their responses.

use std::{collections::BTreeSet, mem};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use fastrand::Rng;
use http_body_util::Full;
use hyper::{
    Request, Response,
    header::{HeaderName, HeaderValue},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::form_urlencoded;

use crate::scripted_server::{self, is_sign_in};

pub const CODES: &[(u16, &str)] = &[
    (401, "InvalidAuthenticationInfo"),
    (403, "AuthenticationFailed"),
    (403, "AuthorizationPermissionMismatch"),
    (403, "AuthorizationFailure"),
    (403, "KeyBasedAuthenticationNotPermitted"),
    (403, "AuthorizationSourceIPMismatch"),
    (404, "ContainerNotFound"),
    (404, "BlobNotFound"),
    (404, "ResourceNotFound"),
    (409, "PublicAccessNotPermitted"),
    (409, "BlobArchived"),
    (412, "ConditionNotMet"),
    (416, "InvalidRange"),
    (400, "InvalidHeaderValue"),
    (400, "InvalidQueryParameterValue"),
    (500, "InternalError"),
    (500, "OperationTimedOut"),
    (503, "ServerBusy"),
];

pub const DETAILS: &[&str] = &["Lifetime", "Audience", "Issuer", "Signature"];

pub const AADSTS: &[(u32, &str)] = &[
    (7_000_215, "invalid_client"),
    (7_000_222, "invalid_client"),
    (700_016, "unauthorized_client"),
    (90_002, "invalid_request"),
    (90_055, "temporarily_unavailable"),
    (53_003, "access_denied"),
    (70_011, "invalid_scope"),
    (500_011, "invalid_resource"),
    (1, "invalid_grant"),
];

/// Returns a token with this tenant, which can be any text.
pub fn token(rng: &mut Rng, tenant: &str) -> String {
    let part = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let head = part(serde_json::json!({ "typ": "JWT", "alg": "RS256" }));
    let claims = part(serde_json::json!({ "tid": tenant, "oid": tenant, "appid": tenant }));
    let signature: [u8; 32] = std::array::from_fn(|_| rng.u8(..));
    format!("{head}.{claims}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[derive(Default)]
pub struct Echo {
    rng: Rng,
    secrets: BTreeSet<String>,
    last: String,
}

impl Echo {
    pub fn rewind(&mut self, seed: u64) {
        self.rng = Rng::with_seed(seed);
    }

    /// Returns the secrets that it has received and issued since the last call.
    pub fn take_secrets(&mut self) -> BTreeSet<String> {
        mem::take(&mut self.secrets)
    }

    pub fn answer(&mut self, request: &Request<Bytes>) -> Response<Full<Bytes>> {
        self.learn(request);
        let word = self.word();
        let mut response = match is_sign_in(request) {
            true => self.sign_in(&word),
            false => self.storage(&word),
        };
        let known = "www-authenticate x-ms-request-id x-ms-client-request-id x-ms-error-code server \
                     retry-after retry-after-ms location etag date cache-control set-cookie ms-cv \
                     access-control-allow-origin access-control-allow-methods \
                     access-control-allow-headers access-control-expose-headers \
                     access-control-max-age content-range x-ms-version traceparent expires";
        for name in known.split_whitespace() {
            let text = match (self.rng.u8(0..6), name) {
                (0, "www-authenticate") => format!(
                    "Bearer authorization_uri=https://login.microsoftonline.com/{word}/oauth2/authorize resource_id=https://storage.azure.com"
                ),
                (0, "location") => format!("https://{}/x?sig={word}", "127.0.0.1:9"),
                (1, "access-control-allow-origin") => "*".to_owned(),
                (1, "access-control-expose-headers") => format!("content-range,{word}"),
                (0, _) => word.clone(),
                _ => continue,
            };
            if let Ok(value) = HeaderValue::from_str(&text) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        if let Ok(name) = HeaderName::from_bytes(word.to_ascii_lowercase().as_bytes()) {
            response.headers_mut().insert(name, HeaderValue::from_static("1"));
        }
        response
    }

    /// Records the secrets of a request.
    fn learn(&mut self, request: &Request<Bytes>) {
        let mut learn = |secret: &str| {
            // The SDK sends an empty token after a response without one.
            if secret == "Bearer" {
                return;
            }
            self.secrets.insert(secret.to_owned());
            self.last = secret.to_owned();
        };
        if let Some(value) = request.headers().get("authorization") {
            learn(value.to_str().unwrap().trim_start_matches("Bearer "));
        }
        for pair in request.uri().query().unwrap_or_default().split('&') {
            if let Some(signature) = pair.strip_prefix("sig=") {
                learn(signature);
            }
        }
        for (key, value) in form_urlencoded::parse(request.body()) {
            if matches!(&*key, "client_secret" | "client_assertion") {
                learn(&value);
            }
        }
    }

    /// Returns the last secret in one of its recognizable forms.
    fn word(&mut self) -> String {
        let last = self.last.clone();
        // A request without a credential is answered with the secret of an earlier one.
        if !last.is_empty() {
            self.secrets.insert(last.clone());
        }
        match self.rng.u8(0..6) {
            0 => STANDARD.encode(&last).trim_end_matches('=').to_owned(),
            1 => URL_SAFE_NO_PAD.encode(&last),
            2 => utf8_percent_encode(&last, NON_ALPHANUMERIC).to_string(),
            3 => last.chars().take(40).collect(),
            4 => last.split('.').next_back().unwrap_or_default().to_owned(),
            _ => last,
        }
    }

    fn sign_in(&mut self, word: &str) -> Response<Full<Bytes>> {
        let rng = &mut self.rng;
        let (aadsts, error) = AADSTS[rng.usize(..AADSTS.len())];
        let error = if rng.bool() { error } else { word };
        let status = [400, 401, 403, 429, 500, 503, 302, 200][rng.usize(..8)];
        let body = match rng.u8(0..8) {
            0 => format!("<html>AADSTS{aadsts}: {word}</html>"),
            1 => format!("AADSTS{word}"),
            2 | 3 => serde_json::json!({
                "error": error,
                "error_description": format!("AADSTS{aadsts}: `{word}` is wrong\r\nsee {word}"),
                "error_codes": [aadsts],
                "trace_id": word,
                "correlation_id": word,
            })
            .to_string(),
            _ => {
                // The claims of a token contain the secret, too.
                let tenant = if rng.u8(0..3) == 0 { word } else { scripted_server::TENANT };
                let token = token(rng, tenant);
                self.secrets.insert(token.clone());
                let json = serde_json::json!({ "token_type": "Bearer", "expires_in": 3600, "access_token": token });
                return Response::new(json.to_string().into());
            }
        };
        Response::builder().status(status).body(body.into()).unwrap()
    }

    fn storage(&mut self, word: &str) -> Response<Full<Bytes>> {
        let rng = &mut self.rng;
        let (mut status, code) = CODES[rng.usize(..CODES.len())];
        let code = if rng.u8(0..3) == 0 { word } else { code };
        let detail = DETAILS[rng.usize(..DETAILS.len())];
        let mut kind = "application/xml".to_owned();
        let body = match rng.u8(0..12) {
            0..5 => format!(
                "<Error><Code>{code}</Code><Message>{word}</Message><AuthenticationErrorDetail>{detail} of {word}</AuthenticationErrorDetail></Error>"
            ),
            5 => {
                kind = ["text/html".to_owned(), format!("text/{word}")][rng.usize(..2)].clone();
                status = [200, 301, 302, 307, 308, 403, 407, 502][rng.usize(..8)];
                format!("<html><a href='https://x/?sv=1&sig={word}'>{word}</a></html>")
            }
            6 => {
                status = 200;
                format!("<EnumerationResults><Blobs><{word}></Blobs></EnumerationResults>")
            }
            7 => {
                status = 206;
                "x".to_owned()
            }
            _ => {
                status = 200;
                "<EnumerationResults><Blobs><Blob><Name>a/x.jpg</Name><Properties><Content-Length>3</Content-Length></Properties></Blob></Blobs></EnumerationResults>".to_owned()
            }
        };
        let mut response = Response::builder().status(status).header("content-type", kind);
        if self.rng.bool() && code != word {
            response = response.header("x-ms-error-code", code);
        }
        response.body(body.into()).unwrap_or_default()
    }
}
