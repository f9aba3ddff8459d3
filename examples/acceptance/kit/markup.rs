//! Rewrites the texts of XML documents of the service.
//!
//! This is not a general XML parser. A document whose form differs from that of the service is
//! refused, and so is not recorded.

use super::{
    listing::{CUSTOMER_ELEMENTS, ELEMENTS},
    redact::shape,
};

/// Replace the account and the container.
const ENDPOINT: &str = "https://account.blob.core.windows.net/";
const CONTAINER: &str = "container";

/// Rewrites the texts of a document, and keeps its markup byte for byte.
///
/// `text` gets the path of elements, whether the last one is `Encoded`, and its text. Elements that
/// the customer named get other names of the same length. Returns `None` for a document that the
/// service does not send: with comments, CDATA sections, own entities or unknown attributes.
pub fn rewrite(
    xml: &str,
    mut text: impl FnMut(&[&str], bool, &str) -> Option<String>,
) -> Option<String> {
    let mut out = String::with_capacity(xml.len());
    let (mut path, mut is_encoded): (Vec<&str>, bool) = (Vec::new(), false);
    let mut renamed: Vec<String> = Vec::new();
    let mut rest = xml;
    while let Some((before, markup)) = rest.split_once('<') {
        if !before.is_empty() && before != "\u{feff}" {
            out += &escaped(&text(&path, is_encoded, &unescaped(before)?)?);
        } else {
            out += before;
        }
        let (tag, after) = markup.split_once('>')?;
        rest = after;
        if tag.starts_with("?xml ") {
            out += "<?xml version=\"1.0\" encoding=\"utf-8\"?>";
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            (path.pop()? == name).then_some(())?;
            out += &format!("</{}>", renamed.pop()?);
            continue;
        }
        let (tag, is_closed) = match tag.strip_suffix('/') {
            Some(tag) => (tag.trim_end(), true),
            None => (tag, false),
        };
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let is_word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        let is_customer_text = path.iter().any(|above| CUSTOMER_ELEMENTS.contains(above));
        let new = match name {
            "" => return None,
            _ if is_customer_text => shape(&name.replace(|c: char| !c.is_ascii(), "x")),
            _ if !name.bytes().all(is_word) || name.len() > 64 => return None,
            _ if is_known(name) => name.to_owned(),
            _ => shape(name),
        };
        let attributes = match (name, attributes.trim()) {
            (_, "") => String::new(),
            ("EnumerationResults", _) => {
                format!(" ServiceEndpoint=\"{ENDPOINT}\" ContainerName=\"{CONTAINER}\"")
            }
            ("Name" | "Prefix", "Encoded=\"true\"") => " Encoded=\"true\"".to_owned(),
            _ => return None,
        };
        is_encoded = attributes.contains("Encoded");
        out += &format!("<{new}{attributes}{}>", if is_closed { " /" } else { "" });
        if !is_closed {
            path.push(name);
            renamed.push(new);
        }
    }
    (path.is_empty() && rest.trim().is_empty()).then_some(out)
}

/// Returns whether the service has an element with this name.
fn is_known(name: &str) -> bool {
    const OTHERS: &[&str] = &[
        "AuthenticationErrorDetail",
        "Blob",
        "BlobPrefix",
        "Blobs",
        "Code",
        "Delimiter",
        "EnumerationResults",
        "Error",
        "HeaderName",
        "HeaderValue",
        "Key",
        "Marker",
        "MaxResults",
        "Message",
        "NextMarker",
        "Prefix",
        "QueryParameterName",
        "QueryParameterValue",
        "Reason",
        "Tag",
        "TagSet",
        "Value",
    ];
    ELEMENTS.contains(&name) || OTHERS.contains(&name)
}

/// Resolves the references of a text; `None` if one is unknown.
fn unescaped(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut parts = text.split('&');
    out += parts.next()?;
    for part in parts {
        let (reference, rest) = part.split_once(';')?;
        out.push(match reference {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            number => {
                let number = number.strip_prefix('#')?;
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => number.parse().ok()?,
                };
                char::from_u32(code)?
            }
        });
        out += rest;
    }
    Some(out)
}

/// Escapes a text.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '\r' => out += "&#xD;",
            c => out.push(c),
        }
    }
    out
}
