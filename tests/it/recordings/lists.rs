//! Compares a recorded listing, field by field, with the result of a general XML library.

use azure_asset_sync::store::{Blob, NameOrder, Page, Unreadable};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use fastrand::Rng;
use roxmltree::{Document, Node};

use super::{recording::Recording, replay::Replay};

/// Bodies up to this length in bytes are split at every position; `CASES` overrides it.
const SPLIT_EVERYWHERE: usize = 200;

/// How many random splits into several chunks are tried for each body.
const RANDOM: u64 = 8;

/// The content of a page in a form that both readers can produce.
#[derive(Debug, PartialEq)]
struct Read {
    blobs: Vec<Blob>,
    prefixes: Vec<String>,
    /// For each malformed entry, the number of preceding blobs and its name.
    malformed: Vec<(usize, Option<String>)>,
    next: Option<String>,
    is_hierarchical: bool,
}

impl From<Page> for Read {
    fn from(page: Page) -> Self {
        let malformed = page.malformed.into_iter().map(|entry| (entry.at, entry.name));
        Self {
            malformed: malformed.collect(),
            next: page.next.map(|marker| marker.as_str().to_owned()),
            is_hierarchical: matches!(page.order, NameOrder::Segments | NameOrder::SegmentsUtf16),
            blobs: page.blobs,
            prefixes: page.prefixes,
        }
    }
}

/// Returns the first difference of the complete body or of one of its splits.
pub async fn difference(replay: &Replay, recording: &Recording) -> Option<String> {
    let body = Bytes::from(recording.body.clone());
    let expected = reference(&recording.body);
    let mut ways = vec![vec![body.clone()]];
    ways.extend([7, 64].map(|size| body.chunks(size).map(Bytes::copy_from_slice).collect()));
    let cases = std::env::var("CASES").map_or(SPLIT_EVERYWHERE, |cases| cases.parse().unwrap());
    let mut rng = Rng::with_seed(body.len() as u64);
    if body.len() <= cases {
        ways.push(body.chunks(1).map(Bytes::copy_from_slice).collect());
        ways.extend((1..body.len()).map(|at| split(&body, &mut [at])));
    } else {
        ways.extend((0..cases / 10).map(|_| split(&body, &mut [rng.usize(..body.len())])));
    }
    for _ in 0..RANDOM {
        let mut cuts: Vec<_> = (0..rng.usize(2..8)).map(|_| rng.usize(..body.len())).collect();
        ways.push(split(&body, &mut cuts));
    }
    for chunks in ways {
        let lengths: Vec<_> = chunks.iter().map(Bytes::len).take(10).collect();
        let found = match replay.list(recording, chunks).await {
            Ok(page) => Read::from(page),
            Err(error) => return Some(format!("{} in {lengths:?}: {error}", recording.id)),
        };
        if found != expected {
            let id = &recording.id;
            return Some(format!("{id} in {lengths:?}\n  {found:#?}\n  is not\n  {expected:#?}"));
        }
    }
    None
}

fn split(body: &Bytes, cuts: &mut [usize]) -> Vec<Bytes> {
    cuts.sort_unstable();
    let starts = [0].into_iter().chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain([body.len()]);
    let chunks = starts.zip(ends).map(|(start, end)| body.slice(start..end));
    chunks.filter(|chunk| !chunk.is_empty()).collect()
}

/// Reads the page with a general XML library.
fn reference(xml: &str) -> Read {
    let document = Document::parse(xml.trim_start_matches('\u{feff}')).unwrap();
    let root = document.root_element();
    let mut read = Read {
        blobs: Vec::new(),
        prefixes: Vec::new(),
        malformed: Vec::new(),
        next: child(root, "NextMarker").map(text).filter(|marker| !marker.is_empty()),
        is_hierarchical: false,
    };
    let entries = child(root, "Blobs").into_iter().flat_map(|blobs| blobs.children());
    for entry in entries.filter(Node::is_element) {
        let name = child(entry, "Name").and_then(name);
        if entry.has_tag_name("BlobPrefix") {
            match name {
                Some(name) => read.prefixes.push(name),
                None => read.malformed.push((read.blobs.len(), None)),
            }
            continue;
        }
        match blob(entry, name) {
            Ok((blob, is_hierarchical)) => {
                read.is_hierarchical |= is_hierarchical;
                read.blobs.push(blob);
            }
            Err(name) => read.malformed.push((read.blobs.len(), name)),
        }
    }
    read
}

/// Returns a blob and whether its account has a hierarchical namespace, or the name of a malformed entry.
fn blob(entry: Node<'_, '_>, name: Option<String>) -> Result<(Blob, bool), Option<String>> {
    let properties = child(entry, "Properties");
    let property = |tag| properties.and_then(|node| child(node, tag)).map(text);
    let set = |tag| property(tag).filter(|text| !text.is_empty());
    let date = |tag| set(tag).map(|text| httpdate::parse_http_date(&text)).transpose();
    let element = |tag| child(entry, tag).map(text);
    let size = property("Content-Length").and_then(|text| text.parse().ok());
    let (Some(name), Some(size)) = (name.clone(), size) else { return Err(name) };
    let (Ok(modified), Ok(created)) = (date("Last-Modified"), date("Creation-Time")) else {
        return Err(Some(name));
    };
    let mut blob = Blob::new(name, size);
    blob.last_modified = modified;
    blob.created = created;
    blob.etag = set("Etag").map(|text| text.as_str().into());
    blob.content_type = set("Content-Type").map(|text| text.as_str().into());
    blob.content_encoding = set("Content-Encoding").map(|text| text.as_str().into());
    blob.content_md5 = set("Content-MD5")
        .and_then(|text| <[u8; 16]>::try_from(STANDARD.decode(text).ok()?).ok())
        .map(Into::into);
    blob.blob_type = set("BlobType").map(|text| text.as_str().into());
    blob.access_tier = set("AccessTier").map(|text| text.as_str().into());
    let says = |text: Option<String>, value: &str| text.as_deref() == Some(value);
    let status = set("CopyStatus").unwrap_or_default();
    blob.unreadable = match () {
        () if says(element("Deleted"), "true") => Some(Unreadable::Deleted),
        () if says(element("HasVersionsOnly"), "true") => Some(Unreadable::NoCurrentVersion),
        () if set("CustomerProvidedKeySha256").is_some() => Some(Unreadable::CustomerKey),
        () if set("ArchiveStatus").is_some_and(|text| text.starts_with("rehydrate-pending")) => {
            Some(Unreadable::Rehydrating)
        }
        () if ["pending", "aborted", "failed"].contains(&status.as_str()) => {
            Some(Unreadable::CopyIncomplete)
        }
        () if says(set("IncrementalCopy"), "true") => Some(Unreadable::IncrementalCopy),
        () => None,
    };
    blob.is_directory = set("ResourceType").as_deref() == Some("directory");
    blob.version_id = element("VersionId").map(|text| text.as_str().into());
    blob.is_current_version = element("IsCurrentVersion").map(|text| text == "true");
    blob.snapshot = element("Snapshot").map(|text| text.as_str().into());
    let pairs = child(entry, "Metadata").into_iter().flat_map(|node| node.children());
    blob.metadata = pairs
        .filter(Node::is_element)
        .map(|pair| (pair.tag_name().name().to_owned(), name_or_text(pair)))
        .collect();
    Ok((blob, property("ResourceType").is_some()))
}

fn child<'a, 'b>(node: Node<'a, 'b>, tag: &str) -> Option<Node<'a, 'b>> {
    node.children().find(|child| child.has_tag_name(tag))
}

fn text(node: Node<'_, '_>) -> String {
    node.children().filter(Node::is_text).filter_map(|part| part.text()).collect()
}

/// Returns the text of an element, percent-decoded if its attribute says so, or `None` if that is not
/// UTF-8.
fn name(node: Node<'_, '_>) -> Option<String> {
    match node.attribute("Encoded") {
        Some("true") => {
            percent_encoding::percent_decode_str(&text(node)).decode_utf8().map(Into::into).ok()
        }
        _ => Some(text(node)),
    }
}

fn name_or_text(node: Node<'_, '_>) -> String {
    name(node).unwrap_or_else(|| text(node))
}
