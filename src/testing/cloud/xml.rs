//! The XML of responses: Microsoft Learn, "List Blobs", "Response body".
//!
//! The elements and their order are those of recorded responses, which differ from the
//! documentation in places.

use std::fmt::Write as _;

use hyper::{Response, header::CONTENT_TYPE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    body::{Body, chunked},
    seed::Seed,
};

/// One entry of a page.
pub(super) enum Entry<'a> {
    /// A blob, or a directory in a listing without a delimiter.
    Blob(&'a Seed),
    /// A common prefix, with its directory if the account has directories.
    Prefix(String, Option<&'a Seed>),
}

/// The values of one page of a listing.
pub(super) struct PageBody<'a> {
    /// The address of the account.
    pub(super) endpoint: &'a str,
    /// The name of the container.
    pub(super) container: &'a str,
    /// The parameters of the request that the body repeats, by element; empty ones are omitted.
    pub(super) echoed: [(&'static str, &'a str); 4],
    /// The entries, in order.
    pub(super) entries: &'a [Entry<'a>],
    /// The marker of the next page; empty on the last page.
    pub(super) next: &'a str,
    /// Whether entries have their metadata.
    pub(super) with_metadata: bool,
    /// Whether entries have a `ResourceType`.
    pub(super) is_hierarchical: bool,
    /// Whether entries have a `VersionId`.
    pub(super) is_versioned: bool,
}

impl PageBody<'_> {
    /// Renders the page.
    pub(super) fn render(&self) -> String {
        let mut out = declaration("EnumerationResults ServiceEndpoint=\"");
        // An entry takes about 800 bytes; this saves the copies of a growing string.
        out.reserve(512 + self.entries.len() * 800);
        escape(&mut out, self.endpoint);
        out.push_str("\" ContainerName=\"");
        escape(&mut out, self.container);
        out.push_str("\">");
        for (tag, text) in self.echoed {
            if !text.is_empty() {
                name(&mut out, tag, text);
            }
        }
        // An empty list is an empty element, not a missing one.
        if self.entries.is_empty() {
            out.push_str("<Blobs />");
        } else {
            out.push_str("<Blobs>");
            self.entries.iter().for_each(|entry| self.entry(&mut out, entry));
            out.push_str("</Blobs>");
        }
        element(&mut out, "NextMarker", self.next);
        out.push_str("</EnumerationResults>");
        out
    }

    fn entry(&self, out: &mut String, entry: &Entry<'_>) {
        match entry {
            Entry::Blob(seed) => {
                out.push_str("<Blob>");
                name(out, "Name", seed.name());
                for (tag, text) in seed.listed.iter().filter(|(tag, _)| is_outside_properties(tag))
                {
                    element(out, tag, text);
                }
                if self.is_versioned {
                    element(out, "VersionId", &seed.version_id());
                    element(out, "IsCurrentVersion", "true");
                }
                self.properties(out, seed);
                self.metadata(out, seed);
                // The service writes this empty element in every entry, also without replication.
                out.push_str("<OrMetadata /></Blob>");
            }
            Entry::Prefix(prefix, directory) => {
                out.push_str("<BlobPrefix>");
                name(out, "Name", prefix);
                if let Some(directory) = directory {
                    self.properties(out, directory);
                }
                out.push_str("</BlobPrefix>");
            }
        }
    }

    fn properties(&self, out: &mut String, seed: &Seed) {
        let date = httpdate::fmt_http_date(seed.last_modified);
        let stored = |name| seed.properties.get(name).map_or("", String::as_str);
        out.push_str("<Properties>");
        // The order of the elements is that of the recordings.
        element(out, "Creation-Time", &date);
        element(out, "Last-Modified", &date);
        element(out, "Etag", seed.etag());
        if self.is_hierarchical {
            element(out, "ResourceType", seed.resource_type());
        }
        // Writing to a String cannot fail.
        let _ = write!(out, "<Content-Length>{}</Content-Length>", seed.size());
        element(out, "Content-Type", seed.content_type.as_deref().unwrap_or_default());
        for name in [
            "Content-Encoding",
            "Content-Language",
            "Content-CRC64",
            "Content-MD5",
            "Cache-Control",
            "Content-Disposition",
        ] {
            element(out, name, stored(name));
        }
        element(out, "BlobType", "BlockBlob");
        element(out, "AccessTier", seed.tier);
        if seed.is_tier_inferred() {
            element(out, "AccessTierInferred", "true");
        } else {
            element(out, "AccessTierChangeTime", &date);
        }
        element(out, "LeaseStatus", "unlocked");
        element(out, "LeaseState", "available");
        element(out, "ServerEncrypted", "true");
        if seed.tags > 0 {
            let _ = write!(out, "<TagCount>{}</TagCount>", seed.tags);
        }
        for (tag, text) in seed.listed.iter().filter(|(tag, _)| !is_outside_properties(tag)) {
            element(out, tag, text);
        }
        out.push_str("</Properties>");
    }

    fn metadata(&self, out: &mut String, seed: &Seed) {
        if !self.with_metadata {
            return;
        }
        if seed.metadata.is_empty() {
            out.push_str("<Metadata />");
            return;
        }
        out.push_str("<Metadata>");
        for (key, value) in &seed.metadata {
            element(out, key, value);
        }
        out.push_str("</Metadata>");
    }
}

/// Returns whether the service writes an element before the properties of an entry.
fn is_outside_properties(element: &str) -> bool {
    matches!(element, "Deleted" | "HasVersionsOnly")
}

/// Returns a response with an XML document, in chunks and without a length, as the service sends
/// them.
///
/// # Errors
/// Never fails in practice, because the header is constant.
pub(super) fn document(body: String) -> hyper::http::Result<Response<Body>> {
    Response::builder().header(CONTENT_TYPE, "application/xml").body(chunked(body.into()))
}

/// Returns the start of a document up to `<` and these first characters of the root element.
///
/// The service begins each document with a byte order mark.
pub(super) fn declaration(root: &str) -> String {
    format!("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><{root}")
}

/// Writes an element; an empty one as `<Tag />`, as the service does.
pub(super) fn element(out: &mut String, tag: &str, text: &str) {
    if text.is_empty() {
        out.extend(["<", tag, " />"]);
        return;
    }
    out.extend(["<", tag, ">"]);
    escape(out, text);
    out.extend(["</", tag, ">"]);
}

/// The bytes that `Encoded="true"` encodes: all but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Writes a name, percent-encoded if it has characters that XML 1.0 cannot represent.
fn name(out: &mut String, tag: &str, text: &str) {
    // XML 1.0 has no representation for these, not even as character references.
    let impossible = |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    if text.contains(impossible) {
        out.extend(["<", tag, " Encoded=\"true\">"]);
        out.extend(utf8_percent_encode(text, ENCODED));
        out.extend(["</", tag, ">"]);
    } else {
        element(out, tag, text);
    }
}

/// Writes a text with escapes, for an element or for an attribute without quotes.
pub(super) fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // As references, because an XML parser normalizes plain line breaks to line feeds.
            '\r' => out.push_str("&#xD;"),
            '\n' => out.push_str("&#xA;"),
            '\t' => out.push_str("&#x9;"),
            _ => out.push(c),
        }
    }
}
