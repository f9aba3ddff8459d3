//! Get Blob and Get Blob Properties: Microsoft Learn, "Get Blob" and "Get Blob Properties".

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
    Quirk, Refusal, Seed, State,
    container::Container,
    request::BlobRequest,
    server::{Body, full},
};

/// The blob of a request, in the version that the request names
pub(super) fn find<'a>(
    container: &'a Container,
    name: &str,
    request: &BlobRequest<'_>,
    state: &State,
) -> Result<&'a Seed, Refusal> {
    let is_requested_version = |seed: &&Seed| match request.old_version() {
        None => true,
        Some((_, version)) => state.is_versioned && seed.version_id() == version,
    };
    container
        .get(name)
        .filter(is_requested_version)
        .ok_or_else(|| Refusal::new(404, "BlobNotFound"))
}

pub(super) fn get(
    seed: &Seed,
    request: &BlobRequest<'_>,
    state: &State,
) -> Result<Response<Body>, Refusal> {
    let is_head = *request.method == Method::HEAD;
    if !is_head && seed.tier == "Archive" {
        return Err(Refusal::new(409, "BlobArchived"));
    }
    let if_match = request.header(IF_MATCH.as_str()).filter(|_| !state.has(Quirk::NoIfMatch));
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
    let range = request
        .header("x-ms-range")
        .or(request.header(RANGE.as_str()))
        .and_then(|range| parse(range, size))
        .filter(|_| size > 0 || !state.has(Quirk::EmptyBlobRangeOk));
    let (status, start, end) = match range {
        None => (StatusCode::OK, 0, size),
        Some((start, _)) if start >= size => return Err(Refusal::range(size)),
        Some((start, end)) => (StatusCode::PARTIAL_CONTENT, start, end),
    };
    let content = match is_head {
        // The headers say the length all the same.
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
    if status == StatusCode::PARTIAL_CONTENT {
        response = response.header(CONTENT_RANGE, format!("bytes {start}-{}/{size}", end - 1));
    }
    Ok(stored(response, seed, status, state).body(full(content))?)
}

/// Adds the headers that not every blob has
fn stored(mut response: Builder, seed: &Seed, status: StatusCode, state: &State) -> Builder {
    if let Some(content_type) = &seed.content_type {
        response = response.header(CONTENT_TYPE, content_type);
    }
    if seed.is_tier_inferred() {
        response = response.header("x-ms-access-tier-inferred", "true");
    } else {
        let changed = httpdate::fmt_http_date(seed.last_modified);
        response = response.header("x-ms-access-tier-change-time", changed);
    }
    for (element, value) in &seed.properties {
        // A range has a digest of its own under the usual name, and the blob's under another.
        let name = match *element {
            "Content-MD5" if status == StatusCode::PARTIAL_CONTENT => "x-ms-blob-content-md5",
            element => element,
        };
        response = response.header(name, value);
    }
    for (key, value) in &seed.metadata {
        // Azure refuses metadata that no header can hold; here a listing alone shows it.
        if let Ok(value) = HeaderValue::from_str(value) {
            response = response.header(format!("x-ms-meta-{key}"), value);
        }
    }
    if seed.tags > 0 {
        response = response.header("x-ms-tag-count", seed.tags);
    }
    if state.is_versioned {
        response = response
            .header("x-ms-version-id", seed.version_id())
            .header("x-ms-is-current-version", "true");
    }
    if state.behavior.is_hierarchical() {
        response = response
            .header("x-ms-resource-type", seed.resource_type())
            .header("x-ms-owner", "$superuser")
            .header("x-ms-group", "$superuser")
            .header("x-ms-permissions", "rw-r-----");
    }
    response
}

/// `bytes=a-b` or `bytes=a-`, as a range without its end, cut at the blob's
fn parse(range: &str, size: u64) -> Option<(u64, u64)> {
    let (start, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let start = start.parse().ok()?;
    let end = if last.is_empty() { size } else { last.parse::<u64>().ok()?.saturating_add(1) };
    Some((start, end.min(size)))
}
