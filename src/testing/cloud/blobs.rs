//! Microsoft Learn: "List Blobs", "Get Blob" and "Get Blob Properties".

use std::ops::Bound;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use hyper::{
    Method, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_MATCH, LAST_MODIFIED, RANGE},
};

use super::{
    Refusal, Seed, State,
    ask::Ask,
    request_id,
    server::{Body, full},
    service::endpoint,
    xml::{Entry, PageBody},
};

/// How many entries are asked for
pub(super) fn maximum(ask: &Ask<'_>) -> Result<Option<u16>, Refusal> {
    match ask.text("maxresults") {
        "" => Ok(None),
        n => match n.parse::<u64>() {
            Ok(n @ 1..) => Ok(Some(u16::try_from(n).unwrap_or(u16::MAX))),
            _ => Err(Refusal::new(400, "OutOfRangeQueryParameterValue")),
        },
    }
}

pub(super) fn list(
    container: &str,
    ask: &Ask<'_>,
    state: &State,
) -> Result<Response<Body>, Refusal> {
    let blobs = state.container(container)?;
    let text = |key: &str| ask.text(key);
    let asked = maximum(ask)?;
    let (prefix, delimiter) = (text("prefix"), text("delimiter"));
    // A marker is the first name of its page, in a form that nobody takes for one, and never the
    // same twice: an empty page moves on too.
    let from = match text("marker") {
        "" if state.start_from => text("startFrom").to_owned(),
        "" => String::new(),
        marker => URL_SAFE_NO_PAD
            .decode(marker)
            .ok()
            .and_then(|name| String::from_utf8(name.get(NONCE..)?.to_vec()).ok())
            .ok_or(Refusal::new(400, "InvalidQueryParameterValue"))?,
    };
    let start = if from.as_str() > prefix { from.as_str() } else { prefix };
    let most = state.page_size(asked);
    let mut entries = Vec::new();
    let mut next = None;
    for (name, seed) in blobs
        .range::<str, _>((Bound::Included(start), Bound::Unbounded))
        .take_while(|(name, _)| name.starts_with(prefix))
    {
        let folder = (!delimiter.is_empty())
            .then(|| name.strip_prefix(prefix)?.find(delimiter))
            .flatten()
            .and_then(|at| name.get(..prefix.len() + at + delimiter.len()));
        if let (Some(folder), Some(Entry::Prefix(last))) = (folder, entries.last())
            && folder == *last
        {
            continue;
        }
        if entries.len() == most {
            next = Some(folder.unwrap_or(name));
            break;
        }
        entries.push(folder.map_or(Entry::Blob(seed), Entry::Prefix));
    }
    let body = PageBody {
        endpoint: &endpoint(),
        container,
        prefix,
        entries: &entries,
        next: &next.map(marker).unwrap_or_default(),
        with_metadata: text("include").split(',').any(|what| what == "metadata"),
    };
    Ok(Response::builder()
        .header(CONTENT_TYPE, "application/xml")
        .header("x-ms-request-id", request_id())
        .body(full(body.render()))?)
}

/// The length of what tells two markers of one name apart
const NONCE: usize = 8;

fn marker(name: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{:0NONCE$x}{name}", fastrand::u32(..)))
}

pub(super) fn get(seed: &Seed, ask: &Ask<'_>) -> Result<Response<Body>, Refusal> {
    let is_head = *ask.method == Method::HEAD;
    if !is_head && seed.tier == "Archive" {
        return Err(Refusal::new(409, "BlobArchived"));
    }
    if let Some(wanted) = ask.header(IF_MATCH.as_str())
        && wanted != "*"
        && wanted.trim_matches('"') != seed.etag()
    {
        return Err(Refusal::new(412, "ConditionNotMet"));
    }
    let size = seed.size();
    let range = ask
        .header("x-ms-range")
        .or(ask.header(RANGE.as_str()))
        .and_then(|range| parse(range, size));
    let (status, start, end) = match range {
        None => (StatusCode::OK, 0, size),
        Some((start, _)) if start >= size => return Err(Refusal::new(416, "InvalidRange")),
        Some((start, end)) => (StatusCode::PARTIAL_CONTENT, start, end),
    };
    let content = match is_head {
        // The length is told all the same.
        true => Bytes::new(),
        false => seed.read(start, end).map_err(|_| Refusal::new(500, "InternalError"))?,
    };
    let mut response = Response::builder()
        .status(status)
        .header(CONTENT_LENGTH, end - start)
        .header(ETAG, format!("\"{}\"", seed.etag()))
        .header(LAST_MODIFIED, httpdate::fmt_http_date(seed.last_modified))
        .header(CONTENT_TYPE, seed.content_type.as_deref().unwrap_or("application/octet-stream"))
        .header("x-ms-blob-type", "BlockBlob")
        .header("x-ms-access-tier", seed.tier)
        .header("x-ms-creation-time", httpdate::fmt_http_date(seed.last_modified))
        .header("x-ms-server-encrypted", "true")
        .header("x-ms-request-id", request_id());
    if status == StatusCode::PARTIAL_CONTENT {
        response = response.header(CONTENT_RANGE, format!("bytes {start}-{}/{size}", end - 1));
    }
    Ok(response.body(full(content))?)
}

/// `bytes=a-b` or `bytes=a-`, as a range without its end, cut at the blob's
fn parse(range: &str, size: u64) -> Option<(u64, u64)> {
    let (start, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let start = start.parse().ok()?;
    let end = if last.is_empty() { size } else { last.parse::<u64>().ok()?.saturating_add(1) };
    Some((start, end.min(size)))
}
