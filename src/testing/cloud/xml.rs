//! The body of a listing: Microsoft Learn, "List Blobs", "Response body".
//!
//! Which elements there are, in which order, is as the service writes them, which is not in all
//! parts as the documentation has it.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Seed;

/// One entry of a page
pub(super) enum Entry<'a> {
    Blob(&'a Seed),
    /// A common prefix, and its directory if the account has directories
    Prefix(String, Option<&'a Seed>),
}

pub(super) struct PageBody<'a> {
    pub(super) endpoint: &'a str,
    pub(super) container: &'a str,
    /// Parameters of the request that the body repeats, by element; empty ones are omitted
    pub(super) echoed: [(&'static str, &'a str); 4],
    pub(super) entries: &'a [Entry<'a>],
    pub(super) next: &'a str,
    pub(super) with_metadata: bool,
    pub(super) is_hierarchical: bool,
    pub(super) is_versioned: bool,
}

impl PageBody<'_> {
    pub(super) fn render(&self) -> String {
        let mut out = String::with_capacity(512 + self.entries.len() * 800);
        out.push_str("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ServiceEndpoint=\"");
        escape(&mut out, self.endpoint);
        out.push_str("\" ContainerName=\"");
        escape(&mut out, self.container);
        out.push_str("\">");
        for (tag, text) in self.echoed {
            if !text.is_empty() {
                name(&mut out, tag, text);
            }
        }
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
                let beside = |element: &str| matches!(element, "Deleted" | "HasVersionsOnly");
                for (tag, text) in seed.listed.iter().filter(|(tag, _)| beside(tag)) {
                    element(out, tag, text);
                }
                if self.is_versioned {
                    element(out, "VersionId", &seed.version_id());
                    element(out, "IsCurrentVersion", "true");
                }
                self.properties(out, seed);
                self.metadata(out, seed);
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
        element(out, "Creation-Time", &date);
        element(out, "Last-Modified", &date);
        element(out, "Etag", seed.etag());
        if self.is_hierarchical {
            element(out, "ResourceType", seed.resource_type());
        }
        // Writing into a String cannot fail.
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
        let beside = |element: &str| matches!(element, "Deleted" | "HasVersionsOnly");
        for (tag, text) in seed.listed.iter().filter(|(tag, _)| !beside(tag)) {
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

pub(super) fn element(out: &mut String, tag: &str, text: &str) {
    if text.is_empty() {
        out.extend(["<", tag, " />"]);
        return;
    }
    out.extend(["<", tag, ">"]);
    escape(out, text);
    out.extend(["</", tag, ">"]);
}

/// What `Encoded="true"` keeps as it is: the unreserved characters of RFC 3986
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A name; percent-encoded if it has characters that XML 1.0 cannot hold
fn name(out: &mut String, tag: &str, text: &str) {
    let impossible = |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    if text.contains(impossible) {
        out.extend(["<", tag, " Encoded=\"true\">"]);
        out.extend(utf8_percent_encode(text, ENCODED));
        out.extend(["</", tag, ">"]);
    } else {
        element(out, tag, text);
    }
}

/// Escapes a text for an element, and for an attribute that has no quotes
pub(super) fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // As references, else a parser turns them into plain line feeds.
            '\r' => out.push_str("&#xD;"),
            '\n' => out.push_str("&#xA;"),
            '\t' => out.push_str("&#x9;"),
            _ => out.push(c),
        }
    }
}
