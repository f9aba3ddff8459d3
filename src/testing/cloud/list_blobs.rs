//! List Blobs: Microsoft Learn, "List Blobs".

use std::collections::BTreeSet;

use bytes::Bytes;
use hyper::{Response, header::CONTENT_TYPE};

use super::{
    Quirk, Refusal, Seed, State,
    blob_service::{endpoint, list_response},
    bounds::Bounds,
    container::Container,
    lock, marker,
    request::BlobRequest,
    server::{Body, chunked, full},
    xml::{Entry, PageBody},
};
use crate::store::NameOrder;

/// The media type of Arrow pages
const ARROW: &str = "application/vnd.apache.arrow.stream";

/// How many entries a page may have, by the request
pub(super) fn maximum(request: &BlobRequest<'_>) -> Result<Option<u16>, Refusal> {
    match request.text("maxresults") {
        "" => Ok(None),
        n => match n.parse::<u64>() {
            Ok(n @ 1..) => Ok(Some(u16::try_from(n).unwrap_or(u16::MAX))),
            _ => Err(Refusal::new(400, "OutOfRangeQueryParameterValue").parameter("maxresults", n)),
        },
    }
}

pub(super) fn list(
    name: &str,
    request: &BlobRequest<'_>,
    state: &State,
) -> Result<Response<Body>, Refusal> {
    let container = state.container(name)?;
    let most = state.page_size(maximum(request)?);
    let bounds = Bounds::of(request, state)?;
    let is_hierarchical = container.is_hierarchical();
    let is_plain = state.has(Quirk::PlainMarkers);
    let from = match request.text("marker") {
        "" => None,
        text => {
            let wrong =
                || Refusal::new(400, "InvalidQueryParameterValue").parameter("marker", text);
            if state.has(Quirk::MarkersOnce) && !lock(&state.used_markers).insert(text.to_owned()) {
                return Err(wrong());
            }
            let name = match is_plain {
                true => Some(text.to_owned()),
                false => marker::decode(text, is_hierarchical),
            };
            Some(name.ok_or_else(wrong)?)
        }
    };
    let includes = |wanted| request.text("include").split(',').any(|what| what == wanted);
    if state.has(Quirk::NoVersions) && (includes("versions") || includes("snapshots")) {
        let refusal = Refusal::new(400, "InvalidQueryParameterValue");
        return Err(refusal.parameter("include", request.text("include")));
    }
    if state.has(Quirk::Arrow) && request.header("accept").is_some_and(|a| a.contains(ARROW)) {
        let response = Response::builder().header(CONTENT_TYPE, ARROW);
        // The start of a stream is all that a client needs that does not read it.
        return Ok(response.body(chunked(Bytes::from_static(b"\xff\xff\xff\xff\0\0\0\0")))?);
    }
    let delimiter = match state.has(Quirk::NoDelimiter) {
        true => "",
        false => request.text("delimiter"),
    };
    let (entries, next) = page(&container, request, delimiter, &bounds, from.as_deref(), most);
    let next = next.map(|next| match is_plain {
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
        is_versioned: state.is_versioned,
    };
    if state.has(Quirk::ListContentLength) {
        let response = Response::builder().header(CONTENT_TYPE, "application/xml");
        return Ok(response.body(full(body.render()))?);
    }
    Ok(list_response(body.render())?)
}

/// The entries of a page, and the name that the next page begins with
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
    let begin = from.map(|from| container.sort_key(from));
    // Where names have no order, those with a prefix are scattered, and so are those of a folder.
    let seek = match (&begin, is_sorted) {
        (_, false) => Vec::new(),
        (Some(begin), true) => begin.clone(),
        (None, true) => container.sort_key(prefix).max(container.sort_key(bounds.first())),
    };
    let mut entries = Vec::new();
    let mut folders = BTreeSet::new();
    let in_order = container
        .from(seek)
        .take_while(|seed| !is_sorted || seed.name().starts_with(prefix))
        .filter(|seed| seed.name().starts_with(prefix) && bounds.allow(seed.name()));
    for seed in in_order {
        let folder = folder(seed, prefix, delimiter);
        if let Some(folder) = &folder
            && !folders.insert(folder.clone())
        {
            continue;
        }
        if !is_sorted
            && begin.as_ref().is_some_and(|begin| container.sort_key(seed.name()) < *begin)
        {
            continue;
        }
        if entries.len() == most {
            return (entries, Some(seed.name()));
        }
        entries.push(match folder {
            None => Entry::Blob(seed),
            Some(name) => {
                let directory = container.get(name.trim_end_matches('/'));
                Entry::Prefix(name, directory.filter(|seed| seed.is_directory()))
            }
        });
    }
    (entries, None)
}

/// The prefix that stands for a blob in a listing with a delimiter, if there is one
fn folder(seed: &Seed, prefix: &str, delimiter: &str) -> Option<String> {
    let name = seed.name();
    if delimiter.is_empty() {
        return None;
    }
    match name.strip_prefix(prefix)?.find(delimiter) {
        Some(at) => name.get(..prefix.len() + at + delimiter.len()).map(str::to_owned),
        None => (seed.is_directory() && delimiter == "/").then(|| format!("{name}/")),
    }
}
