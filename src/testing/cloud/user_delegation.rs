//! User delegation keys and the signatures made with them: Microsoft Learn, "Get User Delegation
//! Key" and "Create a user delegation SAS".
//!
//! Written from the documentation, and shares no code with the part of the crate that makes view
//! links, so that a mistake in one of them shows as a refused signature.

use std::time::{Duration, SystemTime};

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
    body::Body,
    identity::{ACCOUNT, OBJECT_ID, TENANT},
    refusal::Refusal,
    request::{BlobRequest, Operation},
    state::State,
    xml::{declaration, document, element},
};

/// The longest lifetime of a key: 7 days.
const MAX_KEY_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The first service version whose string to sign has the 28 lines of [`string_to_sign`].
const VERSION: &str = "2026-04-06";

/// Get User Delegation Key: issues a key for the times in the body of the request.
///
/// # Errors
/// Fails with 400 if the body has no expiry, or if the times are not within 7 days from now.
pub(super) fn issue_key(
    request: &BlobRequest<'_>,
    state: &State,
) -> Result<Response<Body>, Refusal> {
    let body = String::from_utf8_lossy(request.body());
    // Two elements without attributes do not need an XML parser.
    let time = |tag: &str| {
        let (_, rest) = body.split_once(&format!("<{tag}>"))?;
        let (text, _) = rest.split_once(&format!("</{tag}>"))?;
        humantime::parse_rfc3339(text.trim()).ok()
    };
    // A missing start is the time of the request.
    let (start, expiry) = (time("Start").unwrap_or_else(|| state.now()), time("Expiry"));
    let expiry = expiry.ok_or_else(|| Refusal::new(400, "InvalidXmlDocument"))?;
    let now = state.now();
    let is_near = |time: SystemTime| {
        let distance = time.duration_since(now).or_else(|_| now.duration_since(time));
        distance.is_ok_and(|distance| distance <= MAX_KEY_LIFETIME)
    };
    // A client whose clock is wrong sees this refusal.
    if expiry <= start || expiry <= now || !is_near(start) || !is_near(expiry) {
        return Err(Refusal::new(400, "InvalidXmlNodeValue"));
    }
    // The version is part of the name of the key: `skv` in signatures.
    let version = request.header("x-ms-version").unwrap_or(VERSION);
    // Whole seconds, because the client must repeat these texts exactly in `skt` and `ske`.
    let [start, expiry] = [start, expiry].map(|t| humantime::format_rfc3339_seconds(t).to_string());
    let key = state.delegation_keys().issue(&start, &expiry, version);
    let mut out = declaration("UserDelegationKey>");
    for (tag, value) in [
        ("SignedOid", OBJECT_ID),
        ("SignedTid", TENANT),
        ("SignedStart", &start),
        ("SignedExpiry", &expiry),
        ("SignedService", "b"),
        ("SignedVersion", version),
        ("Value", &STANDARD.encode(key)),
    ] {
        element(&mut out, tag, value);
    }
    out.push_str("</UserDelegationKey>");
    Ok(document(out)?)
}

/// Returns the refusal of a signature that does not match the string to sign.
pub(super) fn no_match(string_to_sign: &str) -> Refusal {
    failed(format!("Signature did not match. String to sign used was {string_to_sign}"))
}

fn failed(detail: impl Into<String>) -> Refusal {
    Refusal::new(403, "AuthenticationFailed").detail(detail)
}

/// Returns the string to sign of a service SAS with the parameters of a request.
pub(super) fn service_signature(request: &BlobRequest<'_>) -> String {
    let text = |name| request.text(name);
    let (container, blob) = request.names();
    let resource = match text("sr") {
        "b" => format!("/blob/{ACCOUNT}/{container}/{blob}"),
        _ => format!("/blob/{ACCOUNT}/{container}"),
    };
    // The order of the lines is that of the documentation; an absent field is an empty line.
    let mut lines = Vec::from(["sp", "st", "se"].map(text));
    lines.push(&resource);
    lines.extend(["si", "sip", "spr", "sv", "sr", "snapshot", "ses"].map(text));
    lines.extend(["rscc", "rscd", "rsce", "rscl", "rsct"].map(text));
    lines.join("\n")
}

/// Checks that a signature was made with a key of the principal, for this request, and is valid
/// now.
///
/// # Errors
/// Fails with 403 `AuthenticationFailed` and the detail of the real service.
pub(super) fn check(
    request: &BlobRequest<'_>,
    signature: &str,
    state: &State,
) -> Result<(), Refusal> {
    let text = |name| request.text(name);
    // Dates in ISO form compare as texts. Older versions sign fewer lines, which are not
    // implemented.
    if text("sv") < VERSION || text("skoid") != OBJECT_ID || text("sktid") != TENANT {
        return Err(failed("Signature validation failed."));
    }
    // As texts, not as times: the service signs the texts that it was given.
    let name = ["skt", "ske", "skv"].map(|name| text(name).to_owned());
    let Some(keys) = state.delegation_keys().named(&name) else {
        return Err(failed("Signature validation failed. Signature key not found."));
    };
    let string_to_sign = string_to_sign(request)?;
    // A text that is not Base64 is a signature that does not match.
    let signed = STANDARD.decode(signature).unwrap_or_default();
    // `verify` compares in constant time, so that timing reveals nothing about the signature.
    let is_by = |key: &[u8; 32]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        hmac::verify(&key, string_to_sign.as_bytes(), &signed).is_ok()
    };
    if !keys.iter().any(is_by) {
        return Err(no_match(&string_to_sign));
    }
    let now = state.now();
    let (skt, ske) = (time(request, "skt"), time(request, "ske"));
    if skt.is_none_or(|start| now < start) || ske.is_none_or(|expiry| now >= expiry) {
        return Err(failed(not_valid("key time frame", skt, ske, now)));
    }
    check_validity(request, state)?;
    // The documentation requires that a signature ends no later than its key.
    if time(request, "se") > ske {
        return Err(failed("The signature ends after its key."));
    }
    Ok(())
}

/// Returns the string to sign of a user delegation SAS.
///
/// # Errors
/// Fails with 403 if the kind of resource is unknown.
fn string_to_sign(request: &BlobRequest<'_>) -> Result<String, Refusal> {
    let text = |name| request.text(name);
    let (container, blob) = request.names();
    let (resource, version) = match text("sr") {
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
    lines.push(version);
    lines.push(text("ses"));
    // Signed request headers and signed query parameters, which view links do not use.
    lines.extend(["", ""]);
    lines.extend(["rscc", "rscd", "rsce", "rscl", "rsct"].map(text));
    Ok(lines.join("\n"))
}

/// Checks that a signature is valid now.
///
/// A signature without an expiry is valid, because a stored access policy would have the expiry.
///
/// # Errors
/// Fails with 403 `AuthenticationFailed` and the detail of the real service.
pub(super) fn check_validity(request: &BlobRequest<'_>, state: &State) -> Result<(), Refusal> {
    let now = state.now();
    let (start, expiry) = (time(request, "st"), time(request, "se"));
    // A field that is present and not a time is refused, not ignored.
    let is_malformed = |name| !request.text(name).is_empty() && time(request, name).is_none();
    if is_malformed("st") || is_malformed("se") {
        return Err(failed("Signature fields not well formed."));
    }
    match expiry {
        // The service takes the time of the request for a missing start.
        Some(expiry) if start.is_none() && now >= expiry => Err(failed(format!(
            "Signed expiry time [{}] must be after signed start time [{}]",
            httpdate::fmt_http_date(expiry),
            httpdate::fmt_http_date(now)
        ))),
        Some(end) if now >= end => Err(failed(not_valid("time frame", start, expiry, now))),
        _ if start.is_some_and(|start| now < start) => {
            Err(failed(not_valid("time frame", start, expiry, now)))
        }
        _ => Ok(()),
    }
}

/// Returns the detail for a signature or a key outside its time frame.
fn not_valid(
    frame: &str,
    start: Option<SystemTime>,
    expiry: Option<SystemTime>,
    now: SystemTime,
) -> String {
    let date = |time: Option<SystemTime>| time.map(httpdate::fmt_http_date).unwrap_or_default();
    format!(
        "Signature not valid in the specified {frame}: Start [{}] - Expiry [{}] - Current [{}]",
        date(start),
        date(expiry),
        date(Some(now))
    )
}

/// Returns a query parameter that is a time.
fn time(request: &BlobRequest<'_>, name: &str) -> Option<SystemTime> {
    humantime::parse_rfc3339(request.parameter(name)?).ok()
}

/// Returns the operation of a request, if the permissions of its signature allow the operation.
///
/// # Errors
/// Fails with 403 `AuthorizationPermissionMismatch` if they do not.
pub(super) fn permitted_operation<'a>(
    request: &'a BlobRequest<'_>,
) -> Result<Operation<'a>, Refusal> {
    // The permission is checked before the operation, so that a write is refused as a missing
    // permission.
    let reads = *request.method() == Method::GET || *request.method() == Method::HEAD;
    let required = match request.operation() {
        // All operations that write are unknown here, and need this permission in Azure.
        _ if !reads => 'w',
        Ok(Operation::ListBlobs(_)) => 'l',
        Ok(Operation::ReadBlob(..)) => 'r',
        _ => return Err(Refusal::new(403, "AuthorizationPermissionMismatch")),
    };
    if !request.text("sp").contains(required) {
        return Err(Refusal::new(403, "AuthorizationPermissionMismatch"));
    }
    request.operation()
}

/// Replaces the stored headers of a response with those of the signature.
///
/// # Errors
/// Fails with 400 if a header cannot hold the value.
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
