//! The body of a listing: Microsoft Learn, "List Blobs", "Response body".

use std::fmt::Write as _;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::Seed;

/// One entry of a page
pub(super) enum Entry<'a> {
    Blob(&'a Seed),
    Prefix(&'a str),
}

pub(super) struct PageBody<'a> {
    pub(super) endpoint: &'a str,
    pub(super) container: &'a str,
    pub(super) prefix: &'a str,
    pub(super) entries: &'a [Entry<'a>],
    pub(super) next: &'a str,
    pub(super) with_metadata: bool,
}

impl PageBody<'_> {
    pub(super) fn render(&self) -> String {
        let mut out = String::with_capacity(512 + self.entries.len() * 700);
        out.push_str("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ServiceEndpoint=\"");
        escape(&mut out, self.endpoint);
        out.push_str("\" ContainerName=\"");
        escape(&mut out, self.container);
        out.push_str("\">");
        element(&mut out, "Prefix", self.prefix);
        out.push_str("<Blobs>");
        for entry in self.entries {
            match entry {
                Entry::Blob(seed) => self.blob(&mut out, seed),
                Entry::Prefix(prefix) => {
                    out.push_str("<BlobPrefix>");
                    name(&mut out, prefix);
                    out.push_str("</BlobPrefix>");
                }
            }
        }
        out.push_str("</Blobs>");
        element(&mut out, "NextMarker", self.next);
        out.push_str("</EnumerationResults>");
        out
    }

    fn blob(&self, out: &mut String, seed: &Seed) {
        out.push_str("<Blob>");
        name(out, seed.name());
        let date = httpdate::fmt_http_date(seed.last_modified);
        out.push_str("<Properties>");
        element(out, "Creation-Time", &date);
        element(out, "Last-Modified", &date);
        element(out, "Etag", seed.etag());
        // Writing into a String cannot fail.
        let _ = write!(out, "<Content-Length>{}</Content-Length>", seed.size());
        element(out, "Content-Type", seed.content_type.as_deref().unwrap_or_default());
        for absent in ["Content-Encoding", "Content-Language", "Content-CRC64", "Content-MD5"] {
            element(out, absent, "");
        }
        for (key, value) in [
            ("BlobType", "BlockBlob"),
            ("AccessTier", seed.tier),
            ("AccessTierInferred", "true"),
            ("LeaseStatus", "unlocked"),
            ("LeaseState", "available"),
            ("ServerEncrypted", "true"),
        ] {
            element(out, key, value);
        }
        out.push_str("</Properties>");
        if self.with_metadata && !seed.metadata.is_empty() {
            out.push_str("<Metadata>");
            for (key, value) in &seed.metadata {
                element(out, key, value);
            }
            out.push_str("</Metadata>");
        }
        out.push_str("<OrMetadata /></Blob>");
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

/// A name; percent-encoded where it has characters that XML 1.0 cannot hold
fn name(out: &mut String, text: &str) {
    let impossible = |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    if text.contains(impossible) {
        out.push_str("<Name Encoded=\"true\">");
        out.extend(utf8_percent_encode(text, NON_ALPHANUMERIC));
        out.push_str("</Name>");
    } else {
        element(out, "Name", text);
    }
}

pub(super) fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // As references, else a parser turns them into plain line feeds.
            '\r' => out.push_str("&#xD;"),
            '\n' => out.push_str("&#xA;"),
            '\t' => out.push_str("&#x9;"),
            _ => out.push(c),
        }
    }
}
