//! Get Blob and Get Blob Properties: Microsoft Learn, "Get Blob" and "Get Blob Properties".
//!
//! Callers are authorized before; see `blob_service`.

use bytes::Bytes;
use hyper::{
    Method, Response, StatusCode,
    header::{
        ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderValue, IF_MATCH,
        LAST_MODIFIED, RANGE,
    },
    http::response::Builder,
};

use super::{
    body::{Body, full},
    container::Container,
    quirk::Quirk,
    refusal::Refusal,
    request::BlobRequest,
    seed::Seed,
    state::State,
};

/// Returns the blob of a request in the version that the request names.
///
/// # Errors
/// Fails with 404 `BlobNotFound` if there is no such blob or no such version. Only current versions
/// exist in a small cloud.
pub(super) fn find<'a>(
    container: &'a Container,
    name: &str,
    request: &BlobRequest<'_>,
    state: &State,
) -> Result<&'a Seed, Refusal> {
    let is_requested_version = |seed: &&Seed| match request.old_version() {
        None => true,
        Some((_, version)) => state.settings().is_versioned && seed.version_id() == version,
    };
    container
        .get(name)
        .filter(is_requested_version)
        .ok_or_else(|| Refusal::new(404, "BlobNotFound"))
}

/// Answers a request for the properties of a blob, or for a range of its content.
///
/// # Errors
/// Fails with 409 for an archived blob, with 412 if `If-Match` names a different ETag, and with 416
/// for a range after the end.
pub(super) fn get(
    seed: &Seed,
    request: &BlobRequest<'_>,
    state: &State,
) -> Result<Response<Body>, Refusal> {
    let is_head = *request.method() == Method::HEAD;
    // The properties of an archived blob can be read, its content cannot.
    if !is_head && seed.tier == "Archive" {
        return Err(Refusal::new(409, "BlobArchived"));
    }
    let if_match = request.header(IF_MATCH.as_str()).filter(|_| !state.has(Quirk::NoIfMatch));
    // The real service accepts an ETag with and without quotes.
    if let Some(wanted) = if_match
        && !wanted.starts_with('"')
        && wanted != "*"
        && state.has(Quirk::QuotedEtagsOnly)
    {
        return Err(Refusal::new(400, "InvalidHeaderValue").header("If-Match", wanted));
    }
    if let Some(wanted) = if_match
        && wanted != "*"
        && wanted.trim_matches('"') != seed.etag()
    {
        return Err(Refusal::new(412, "ConditionNotMet"));
    }
    let size = seed.size();
    // `x-ms-range` wins over `Range`, as documented.
    let range = request
        .header("x-ms-range")
        .or(request.header(RANGE.as_str()))
        // HTTP requires that a server ignores a range that it cannot parse.
        .and_then(|range| parse(range, size))
        .filter(|_| size > 0 || !state.has(Quirk::EmptyBlobRangeOk));
    let (status, start, end) = match range {
        None => (StatusCode::OK, 0, size),
        Some((start, _)) if start >= size => return Err(Refusal::range(size)),
        Some((start, end)) => (StatusCode::PARTIAL_CONTENT, start, end),
    };
    let content = match is_head {
        // `Content-Length` is still that of the content.
        true => Bytes::new(),
        false => seed.read(start, end).map_err(|_| Refusal::new(500, "InternalError"))?,
    };
    let mut response = Response::builder()
        .status(status)
        .header(CONTENT_LENGTH, end - start)
        .header(ACCEPT_RANGES, "bytes")
        .header(ETAG, format!("\"{}\"", seed.etag()))
        .header(LAST_MODIFIED, httpdate::fmt_http_date(seed.last_modified))
        .header("x-ms-blob-type", "BlockBlob")
        .header("x-ms-access-tier", seed.tier)
        .header("x-ms-creation-time", httpdate::fmt_http_date(seed.last_modified))
        .header("x-ms-lease-state", "available")
        .header("x-ms-lease-status", "unlocked")
        .header("x-ms-server-encrypted", "true");
    // INVARIANT: `end` is above `start`, because `parse` and the check above accept no other range.
    if status == StatusCode::PARTIAL_CONTENT {
        response = response.header(CONTENT_RANGE, format!("bytes {start}-{}/{size}", end - 1));
    }
    Ok(add_blob_headers(response, seed, status, state).body(full(content))?)
}

/// Adds the headers that depend on the blob and on the account.
fn add_blob_headers(
    mut response: Builder,
    seed: &Seed,
    status: StatusCode,
    state: &State,
) -> Builder {
    if let Some(content_type) = &seed.content_type {
        response = response.header(CONTENT_TYPE, content_type);
    }
    // An inferred tier has no date of change.
    if seed.is_tier_inferred() {
        response = response.header("x-ms-access-tier-inferred", "true");
    } else {
        let changed = httpdate::fmt_http_date(seed.last_modified);
        response = response.header("x-ms-access-tier-change-time", changed);
    }
    for (element, value) in &seed.properties {
        // In the response to a range, `Content-MD5` would be the digest of the range.
        let name = match *element {
            "Content-MD5" if status == StatusCode::PARTIAL_CONTENT => "x-ms-blob-content-md5",
            element => element,
        };
        response = response.header(name, value);
    }
    for (key, value) in &seed.metadata {
        // Azure refuses metadata that a header cannot hold. Here only listings show it.
        if let Ok(value) = HeaderValue::from_str(value) {
            response = response.header(format!("x-ms-meta-{key}"), value);
        }
    }
    if seed.tags > 0 {
        response = response.header("x-ms-tag-count", seed.tags);
    }
    if state.settings().is_versioned {
        response = response
            .header("x-ms-version-id", seed.version_id())
            .header("x-ms-is-current-version", "true");
    }
    if state.behavior().is_hierarchical() {
        response = response
            .header("x-ms-resource-type", seed.resource_type())
            .header("x-ms-owner", "$superuser")
            .header("x-ms-group", "$superuser")
            .header("x-ms-permissions", "rw-r-----");
    }
    response
}

/// Parses `bytes=a-b` or `bytes=a-` as a half-open range, cut at the end of the blob.
fn parse(range: &str, size: u64) -> Option<(u64, u64)> {
    let (start, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let start = start.parse().ok()?;
    // The last byte is inclusive in HTTP. Saturating, because a client may send the largest number.
    let end = if last.is_empty() { size } else { last.parse::<u64>().ok()?.saturating_add(1) };
    // HTTP requires that a range whose last byte comes before its first one is ignored.
    (start >= size || start < end).then(|| (start, end.min(size)))
}
