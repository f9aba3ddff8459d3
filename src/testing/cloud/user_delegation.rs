//! Signatures by a key of the service principal: Microsoft Learn, "Create a user delegation SAS".
//!
//! Written from the document and for itself: it shares nothing with what makes links, so that a
//! mistake there shows here.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::{
    Method, Response,
    header::{
        CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE,
        HeaderValue,
    },
};
use ring::hmac;

use super::{
    ACCOUNT, OBJECT_ID, Refusal, State, TENANT, lock,
    request::{BlobRequest, Operation},
    server::Body,
};

/// The longest that a key lasts
pub(super) const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// From this version on the text that is signed has these 28 lines
const VERSION: &str = "2026-04-06";

/// The keys that were issued, by start, expiry and version, by which a signature names its key
#[derive(Default)]
pub(super) struct DelegationKeys(BTreeMap<[String; 3], Vec<[u8; 32]>>);

impl DelegationKeys {
    /// A new key
    pub(super) fn issue(&mut self, start: &str, expiry: &str, version: &str) -> [u8; 32] {
        let key = std::array::from_fn(|_| fastrand::u8(..));
        self.0.entry([start, expiry, version].map(str::to_owned)).or_default().push(key);
        key
    }

    pub(super) fn all(&self) -> Vec<String> {
        self.0.values().flatten().map(|key| STANDARD.encode(key)).collect()
    }

    pub(super) fn revoke(&mut self) {
        self.0.clear();
    }
}

/// A refusal for a signature that is not that of this text
pub(super) fn no_match(signed: &str) -> Refusal {
    let detail = format!("Signature did not match. String to sign used was {signed}");
    Refusal::new(403, "AuthenticationFailed").detail(detail)
}

fn failed(detail: impl Into<String>) -> Refusal {
    Refusal::new(403, "AuthenticationFailed").detail(detail)
}

/// The text that a service signature signs, by the parameters of the request
pub(super) fn service_signature(request: &BlobRequest<'_>) -> String {
    let text = |name| request.text(name);
    let (container, blob) = request.blob();
    let resource = match text("sr") {
        "b" => format!("/blob/{ACCOUNT}/{container}/{blob}"),
        _ => format!("/blob/{ACCOUNT}/{container}"),
    };
    let mut lines = Vec::from(["sp", "st", "se"].map(text));
    lines.push(&resource);
    lines.extend(["si", "sip", "spr", "sv", "sr", "snapshot", "ses"].map(text));
    lines.extend(["rscc", "rscd", "rsce", "rscl", "rsct"].map(text));
    lines.join("\n")
}

/// Whether the signature is one, for this request, now
pub(super) fn check(
    request: &BlobRequest<'_>,
    signature: &str,
    state: &State,
) -> Result<(), Refusal> {
    let text = |name| request.text(name);
    if text("sv") < VERSION || text("skoid") != OBJECT_ID || text("sktid") != TENANT {
        return Err(failed("Signature validation failed."));
    }
    let named = ["skt", "ske", "skv"].map(|name| text(name).to_owned());
    let Some(keys) = lock(&state.keys).0.get(&named).cloned() else {
        return Err(failed("Signature validation failed. Signature key not found."));
    };
    let lines = signed_by_key(request)?;
    let signed = STANDARD.decode(signature).unwrap_or_default();
    let is_by = |key: &[u8; 32]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        hmac::verify(&key, lines.as_bytes(), &signed).is_ok()
    };
    if !keys.iter().any(is_by) {
        return Err(no_match(&lines));
    }
    let now = state.now();
    let (skt, ske) = (time(request, "skt"), time(request, "ske"));
    if skt.is_none_or(|start| now < start) || ske.is_none_or(|expiry| now >= expiry) {
        return Err(failed(frame("key time frame", skt, ske, now)));
    }
    in_time(request, state)?;
    if time(request, "se") > ske {
        return Err(failed("The signature ends after its key."));
    }
    Ok(())
}

/// The text that is signed with a key of the principal
fn signed_by_key(request: &BlobRequest<'_>) -> Result<String, Refusal> {
    let text = |name| request.text(name);
    let (container, blob) = request.blob();
    let (resource, moment) = match text("sr") {
        "b" => (format!("/blob/{ACCOUNT}/{container}/{blob}"), ""),
        "bv" => (format!("/blob/{ACCOUNT}/{container}/{blob}"), text("versionid")),
        "bs" => (format!("/blob/{ACCOUNT}/{container}/{blob}"), text("snapshot")),
        "c" => (format!("/blob/{ACCOUNT}/{container}"), ""),
        _ => return Err(failed("Signature validation failed. Unknown signed resource.")),
    };
    let mut lines = Vec::from(["sp", "st", "se"].map(text));
    lines.push(&resource);
    lines.extend(["skoid", "sktid", "skt", "ske", "sks", "skv"].map(text));
    lines.extend(["saoid", "suoid", "scid", "skdutid", "sduoid"].map(text));
    lines.extend(["sip", "spr", "sv", "sr"].map(text));
    lines.push(moment);
    lines.push(text("ses"));
    // Of the headers and the query of a request nothing is signed here.
    lines.extend(["", ""]);
    lines.extend(["rscc", "rscd", "rsce", "rscl", "rsct"].map(text));
    Ok(lines.join("\n"))
}

/// Whether a signature is valid now; one without an expiry, which a policy would have, is
pub(super) fn in_time(request: &BlobRequest<'_>, state: &State) -> Result<(), Refusal> {
    let now = state.now();
    let (start, expiry) = (time(request, "st"), time(request, "se"));
    let is_wrong = |name| !request.text(name).is_empty() && time(request, name).is_none();
    if is_wrong("st") || is_wrong("se") {
        return Err(failed("Signature fields not well formed."));
    }
    match expiry {
        // A start that is not there is the time of the request.
        Some(expiry) if start.is_none() && now >= expiry => Err(failed(format!(
            "Signed expiry time [{}] must be after signed start time [{}]",
            httpdate::fmt_http_date(expiry),
            httpdate::fmt_http_date(now)
        ))),
        Some(expiry) if now >= expiry => Err(failed(frame("time frame", start, Some(expiry), now))),
        _ if start.is_some_and(|start| now < start) => {
            Err(failed(frame("time frame", start, expiry, now)))
        }
        _ => Ok(()),
    }
}

fn frame(
    which: &str,
    start: Option<SystemTime>,
    expiry: Option<SystemTime>,
    now: SystemTime,
) -> String {
    let date = |time: Option<SystemTime>| time.map(httpdate::fmt_http_date).unwrap_or_default();
    format!(
        "Signature not valid in the specified {which}: Start [{}] - Expiry [{}] - Current [{}]",
        date(start),
        date(expiry),
        date(Some(now))
    )
}

fn time(request: &BlobRequest<'_>, name: &str) -> Option<SystemTime> {
    humantime::parse_rfc3339(request.parameter(name)?).ok()
}

/// The operation of the request, if the signature is for such operations
pub(super) fn operation<'a>(request: &'a BlobRequest<'_>) -> Result<Operation<'a>, Refusal> {
    let reads = *request.method == Method::GET || *request.method == Method::HEAD;
    let needed = match request.operation() {
        // What writes, and is not known any further here.
        _ if !reads => 'w',
        Ok(Operation::ListBlobs(_)) => 'l',
        Ok(Operation::ReadBlob(..)) => 'r',
        _ => return Err(Refusal::new(403, "AuthorizationPermissionMismatch")),
    };
    if !request.text("sp").contains(needed) {
        return Err(Refusal::new(403, "AuthorizationPermissionMismatch"));
    }
    request.operation()
}

/// The headers that the signature has in the place of those that are stored
pub(super) fn override_headers(
    request: &BlobRequest<'_>,
    mut response: Response<Body>,
) -> Result<Response<Body>, Refusal> {
    for (parameter, header) in [
        ("rscc", CACHE_CONTROL),
        ("rscd", CONTENT_DISPOSITION),
        ("rsce", CONTENT_ENCODING),
        ("rscl", CONTENT_LANGUAGE),
        ("rsct", CONTENT_TYPE),
    ] {
        if let Some(value) = request.parameter(parameter) {
            let value = HeaderValue::from_str(value)
                .map_err(|_| Refusal::new(400, "InvalidQueryParameterValue"))?;
            response.headers_mut().insert(header, value);
        }
    }
    Ok(response)
}
