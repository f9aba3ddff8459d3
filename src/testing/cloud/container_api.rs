//! Microsoft Learn: "List Containers", "Get Container Properties", "Get User Delegation Key".

use std::time::SystemTime;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::{
    Response,
    header::{ETAG, LAST_MODIFIED},
};

use super::{
    CONTAINER, OBJECT_ID, Refusal, State, StorageState, TENANT,
    blob_service::{endpoint, list_response},
    list_blobs::maximum,
    lock,
    request::BlobRequest,
    server::{Body, full},
    user_delegation,
    xml::{element, escape},
};

/// When the containers were made: as the blobs
const MADE: &str = "Thu, 01 Jan 2026 00:00:00 GMT";
const CONTAINER_ETAG: &str = "\"0x8DE48C5A0000000\"";

pub(super) fn list(request: &BlobRequest<'_>, state: &State) -> Result<Response<Body>, Refusal> {
    let (prefix, marker) = (request.text("prefix"), request.text("marker"));
    let most = maximum(request)?.unwrap_or(u16::MAX).min(5000).into();
    let is_there = |name: &str| {
        name != CONTAINER || lock(&state.script).storage_state != StorageState::ContainerMissing
    };
    let mut names: Vec<String> = lock(&state.containers).keys().cloned().collect();
    names.retain(|name| name.starts_with(prefix) && name.as_str() >= marker && is_there(name));
    let next = names.get(most).cloned().unwrap_or_default();
    names.truncate(most);

    let mut out = opening("EnumerationResults ServiceEndpoint=\"");
    escape(&mut out, &endpoint());
    out.push_str("\">");
    for (tag, key) in [("Prefix", "prefix"), ("Marker", "marker"), ("MaxResults", "maxresults")] {
        if !request.text(key).is_empty() {
            element(&mut out, tag, request.text(key));
        }
    }
    out.push_str("<Containers>");
    for name in &names {
        out.push_str("<Container>");
        element(&mut out, "Name", name);
        out.push_str("<Properties>");
        for (tag, value) in [
            ("Last-Modified", MADE),
            ("Etag", CONTAINER_ETAG),
            ("LeaseStatus", "unlocked"),
            ("LeaseState", "available"),
            ("DefaultEncryptionScope", "$account-encryption-key"),
            ("DenyEncryptionScopeOverride", "false"),
            ("HasImmutabilityPolicy", "false"),
            ("HasLegalHold", "false"),
        ] {
            element(&mut out, tag, value);
        }
        if name == CONTAINER && lock(&state.script).public {
            element(&mut out, "PublicAccess", "container");
        }
        out.push_str("</Properties></Container>");
    }
    out.push_str("</Containers>");
    element(&mut out, "NextMarker", &next);
    out.push_str("</EnumerationResults>");
    Ok(list_response(out)?)
}

pub(super) fn properties(container: &str, state: &State) -> Result<Response<Body>, Refusal> {
    state.container(container)?;
    let mut response = Response::builder()
        .header(ETAG, CONTAINER_ETAG)
        .header(LAST_MODIFIED, MADE)
        .header("x-ms-lease-status", "unlocked")
        .header("x-ms-lease-state", "available")
        .header("x-ms-has-immutability-policy", "false")
        .header("x-ms-has-legal-hold", "false");
    if container == CONTAINER && lock(&state.script).public {
        response = response.header("x-ms-blob-public-access", "container");
    }
    Ok(response.body(full(""))?)
}

/// Get Container ACL: no container here has a stored access policy
pub(super) fn acl(container: &str, state: &State) -> Result<Response<Body>, Refusal> {
    state.container(container)?;
    let body = format!("{}SignedIdentifiers />", opening(""));
    Ok(list_response(body)?)
}

pub(super) fn delegation_key(
    request: &BlobRequest<'_>,
    state: &State,
) -> Result<Response<Body>, Refusal> {
    let body = String::from_utf8_lossy(request.body);
    let time = |tag: &str| {
        let (_, rest) = body.split_once(&format!("<{tag}>"))?;
        let (text, _) = rest.split_once(&format!("</{tag}>"))?;
        humantime::parse_rfc3339(text.trim()).ok()
    };
    let (start, expiry) = (time("Start").unwrap_or_else(|| state.now()), time("Expiry"));
    let expiry = expiry.ok_or_else(|| Refusal::new(400, "InvalidXmlDocument"))?;
    let now = state.now();
    let is_near = |time: SystemTime| {
        let apart = time.duration_since(now).or_else(|_| now.duration_since(time));
        apart.is_ok_and(|apart| apart <= user_delegation::LONGEST)
    };
    if expiry <= start || expiry <= now || !is_near(start) || !is_near(expiry) {
        return Err(Refusal::new(400, "InvalidXmlNodeValue"));
    }
    let version = request.header("x-ms-version").unwrap_or("2026-04-06");
    let [start, expiry] = [start, expiry].map(|t| humantime::format_rfc3339_seconds(t).to_string());
    let key = lock(&state.keys).issue(&start, &expiry, version);
    let mut out = opening("UserDelegationKey>");
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
    Ok(list_response(out)?)
}

fn opening(root: &str) -> String {
    format!("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><{root}")
}
