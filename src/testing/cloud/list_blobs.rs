//! List Blobs: Microsoft Learn, "List Blobs".
//!
//! Selects the entries of a page; `xml` renders them, `bounds` interprets `startFrom` and
//! `endBefore`, and `marker` encodes continuation markers.

use std::collections::BTreeSet;

use bytes::Bytes;
use hyper::{Response, header::CONTENT_TYPE};

use super::{
    body::{Body, chunked, full},
    bounds::Bounds,
    container::Container,
    identity::endpoint,
    marker,
    quirk::Quirk,
    refusal::Refusal,
    request::BlobRequest,
    seed::Seed,
    state::State,
    xml::{Entry, PageBody, document},
};
use crate::store::NameOrder;

/// The media type of Arrow pages.
const ARROW: &str = "application/vnd.apache.arrow.stream";

/// Returns `maxresults`, or `None` if the request does not have it.
///
/// # Errors
/// Fails with 400 if the value is not a positive number.
pub(super) fn max_results(request: &BlobRequest<'_>) -> Result<Option<u16>, Refusal> {
    match request.text("maxresults") {
        "" => Ok(None),
        n => match n.parse::<u64>() {
            // The page limit is applied later; a larger number is not an error.
            Ok(n @ 1..) => Ok(Some(u16::try_from(n).unwrap_or(u16::MAX))),
            _ => Err(Refusal::new(400, "OutOfRangeQueryParameterValue").parameter("maxresults", n)),
        },
    }
}

/// List Blobs.
///
/// # Errors
/// Fails if the container does not exist, or if a parameter is not valid.
pub(super) fn list(
    name: &str,
    request: &BlobRequest<'_>,
    state: &State,
) -> Result<Response<Body>, Refusal> {
    let container = state.container(name)?;
    let most = state.page_size(max_results(request)?);
    let bounds = Bounds::of(request, state)?;
    let is_hierarchical = container.is_hierarchical();
    let from = first_name(request, state, is_hierarchical)?;
    let includes = |wanted| request.text("include").split(',').any(|what| what == wanted);
    if state.has(Quirk::NoVersions) && (includes("versions") || includes("snapshots")) {
        let refusal = Refusal::new(400, "InvalidQueryParameterValue");
        return Err(refusal.parameter("include", request.text("include")));
    }
    if state.has(Quirk::Arrow) && request.header("accept").is_some_and(|a| a.contains(ARROW)) {
        let response = Response::builder().header(CONTENT_TYPE, ARROW);
        // No client here reads Arrow; the first bytes of a stream are enough to be recognized.
        return Ok(response.body(chunked(Bytes::from_static(b"\xff\xff\xff\xff\0\0\0\0")))?);
    }
    let delimiter = match state.has(Quirk::NoDelimiter) {
        true => "",
        false => request.text("delimiter"),
    };
    let (entries, next) = page(&container, request, delimiter, &bounds, from.as_deref(), most);
    let next = next.map(|next| match state.has(Quirk::PlainMarkers) {
        true => next.to_owned(),
        false => marker::encode(name, next, is_hierarchical, entries.is_empty()),
    });
    let body = PageBody {
        endpoint: &endpoint(),
        container: name,
        echoed: [
            ("Prefix", request.text("prefix")),
            ("Marker", request.text("marker")),
            ("MaxResults", request.text("maxresults")),
            ("Delimiter", request.text("delimiter")),
        ],
        entries: &entries,
        next: &next.unwrap_or_default(),
        with_metadata: includes("metadata") && !state.has(Quirk::NoMetadata),
        is_hierarchical,
        is_versioned: state.settings().is_versioned,
    };
    // The real service sends chunks, because it does not know the length when it begins.
    if state.has(Quirk::ListContentLength) {
        let response = Response::builder().header(CONTENT_TYPE, "application/xml");
        return Ok(response.body(full(body.render()))?);
    }
    Ok(document(body.render())?)
}

/// Returns the first name of the page that the marker of a request stands for, or `None` for the
/// first page.
///
/// # Errors
/// Fails with 400 if the marker is not valid, or if it was used before and the cloud has that
/// quirk.
fn first_name(
    request: &BlobRequest<'_>,
    state: &State,
    is_hierarchical: bool,
) -> Result<Option<String>, Refusal> {
    let text = request.text("marker");
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || Refusal::new(400, "InvalidQueryParameterValue").parameter("marker", text);
    if state.has(Quirk::MarkersOnce) && !state.is_first_use(text) {
        return Err(wrong());
    }
    let name = match state.has(Quirk::PlainMarkers) {
        true => Some(text.to_owned()),
        false => marker::decode(text, is_hierarchical),
    };
    name.map(Some).ok_or_else(wrong)
}

/// Returns the entries of a page, and the first name of the next page.
fn page<'a>(
    container: &'a Container,
    request: &BlobRequest<'_>,
    delimiter: &str,
    bounds: &Bounds<'_>,
    from: Option<&str>,
    most: usize,
) -> (Vec<Entry<'a>>, Option<&'a str>) {
    let prefix = request.text("prefix");
    let is_sorted = container.order() != NameOrder::Unsorted;
    // The marker overrides `startFrom`, which applies to the first page only.
    let begin = from.map(|from| container.sort_key(from));
    // In an unsorted container the names with a prefix are scattered, so all names must be visited.
    let seek = match (&begin, is_sorted) {
        (_, false) => Vec::new(),
        (Some(begin), true) => begin.clone(),
        (None, true) => container.sort_key(prefix).max(container.sort_key(bounds.first())),
    };
    let mut entries = Vec::new();
    // Folders seen so far, also those before the page: in an unsorted container a folder comes
    // again.
    let mut folders = BTreeSet::new();
    let in_order = container
        .starting_at(seek)
        .take_while(|seed| !is_sorted || seed.name().starts_with(prefix))
        .filter(|seed| seed.name().starts_with(prefix) && bounds.allow(seed.name()));
    for seed in in_order {
        let folder = folder(seed, prefix, delimiter);
        if let Some(folder) = &folder
            && !folders.insert(folder.clone())
        {
            continue;
        }
        // After the folders: a folder whose first name is on an earlier page is not listed again.
        if !is_sorted
            && begin.as_ref().is_some_and(|begin| container.sort_key(seed.name()) < *begin)
        {
            continue;
        }
        // Checked before the entry is added, so that the last page has no marker.
        if entries.len() == most {
            return (entries, Some(seed.name()));
        }
        entries.push(match folder {
            None => Entry::Blob(seed),
            Some(name) => {
                // In a hierarchical namespace the directory is an entry of its own, with
                // properties.
                let directory = container.get(name.trim_end_matches('/'));
                Entry::Prefix(name, directory.filter(|seed| seed.is_directory()))
            }
        });
    }
    (entries, None)
}

/// Returns the prefix under which a listing with a delimiter shows a blob, or `None` if it shows
/// the blob itself.
fn folder(seed: &Seed, prefix: &str, delimiter: &str) -> Option<String> {
    let name = seed.name();
    if delimiter.is_empty() {
        return None;
    }
    match name.strip_prefix(prefix)?.find(delimiter) {
        Some(at) => name.get(..prefix.len() + at + delimiter.len()).map(str::to_owned),
        // A directory is a prefix even though its name does not end in a slash.
        None => (seed.is_directory() && delimiter == "/").then(|| format!("{name}/")),
    }
}
