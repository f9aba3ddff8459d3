//! Operations on containers: Microsoft Learn, "List Containers", "Get Container Properties" and
//! "Get Container ACL".
//!
//! Callers are authorized before; see `blob_service`.

use hyper::{
    Response,
    header::{ETAG, LAST_MODIFIED},
};

use super::{
    body::{Body, full},
    identity::{CONTAINER, endpoint},
    list_blobs::max_results,
    refusal::Refusal,
    request::BlobRequest,
    state::State,
    storage_state::StorageState,
    xml::{declaration, document, element, escape},
};

/// When the containers were created, which is also the date of the blobs.
const CREATED: &str = "Thu, 01 Jan 2026 00:00:00 GMT";
const CONTAINER_ETAG: &str = "\"0x8DE48C5A0000000\"";

/// List Containers.
///
/// The marker is the name of the first container of the page, because List Containers documents no
/// form of it and clients must not read it.
///
/// # Errors
/// Fails with 400 if `maxresults` is not a positive number.
pub(super) fn list(request: &BlobRequest<'_>, state: &State) -> Result<Response<Body>, Refusal> {
    let (prefix, marker) = (request.text("prefix"), request.text("marker"));
    let most = max_results(request)?.unwrap_or(u16::MAX).min(5000).into();
    let (storage_state, is_public) = {
        let script = state.script();
        (script.storage_state(), script.is_public())
    };
    let exists = |name: &str| name != CONTAINER || storage_state != StorageState::ContainerMissing;
    let mut names = state.container_names();
    names.retain(|name| name.starts_with(prefix) && name.as_str() >= marker && exists(name));
    let next = names.get(most).cloned().unwrap_or_default();
    names.truncate(most);

    let mut out = declaration("EnumerationResults ServiceEndpoint=\"");
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
            ("Last-Modified", CREATED),
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
        if name == CONTAINER && is_public {
            element(&mut out, "PublicAccess", "container");
        }
        out.push_str("</Properties></Container>");
    }
    out.push_str("</Containers>");
    element(&mut out, "NextMarker", &next);
    out.push_str("</EnumerationResults>");
    Ok(document(out)?)
}

/// Get Container Properties.
///
/// # Errors
/// Fails if the container does not exist.
pub(super) fn properties(container: &str, state: &State) -> Result<Response<Body>, Refusal> {
    state.container(container)?;
    let mut response = Response::builder()
        .header(ETAG, CONTAINER_ETAG)
        .header(LAST_MODIFIED, CREATED)
        .header("x-ms-lease-status", "unlocked")
        .header("x-ms-lease-state", "available")
        .header("x-ms-has-immutability-policy", "false")
        .header("x-ms-has-legal-hold", "false");
    if container == CONTAINER && state.script().is_public() {
        response = response.header("x-ms-blob-public-access", "container");
    }
    Ok(response.body(full(""))?)
}

/// Get Container ACL; no container of a small cloud has a stored access policy.
///
/// # Errors
/// Fails if the container does not exist.
pub(super) fn acl(container: &str, state: &State) -> Result<Response<Body>, Refusal> {
    state.container(container)?;
    Ok(document(format!("{}SignedIdentifiers />", declaration("")))?)
}
