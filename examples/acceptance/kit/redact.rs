//! Removes everything from a response that identifies its account.
//!
//! Nothing is kept because it looks harmless. A text is kept only if it is a word of the service
//! that is listed here. Every other text is replaced by one of the same shape.

use std::collections::BTreeSet;

use azure_asset_sync::store::{azure::RawAnswer, inspect::Challenge};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{listing::CUSTOMER_ELEMENTS, markup::rewrite, names::Pseudonyms, words::is_word};

/// Replace times and tenants.
const DATE: &str = "Thu, 01 Jan 2026 00:00:00 GMT";
const TENANT: &str = "99999999-9999-4999-8999-999999999999";

/// Values of elements and headers that the service defines.
const WORDS: &[&str] = &[
    "AppendBlob",
    "Archive",
    "BlockBlob",
    "Cold",
    "Cool",
    "Hot",
    "PageBlob",
    "Premium",
    "aborted",
    "application/octet-stream",
    "application/vnd.apache.arrow.stream",
    "application/xml",
    "available",
    "breaking",
    "broken",
    "bytes",
    "chunked",
    "directory",
    "failed",
    "false",
    "file",
    "fixed",
    "image/jpeg",
    "image/png",
    "infinite",
    "leased",
    "locked",
    "pending",
    "rehydrate-pending-to-cool",
    "rehydrate-pending-to-hot",
    "success",
    "text/plain",
    "true",
    "unlocked",
    "video/mp4",
    "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0",
    "2026-04-06",
    "Microsoft-HTTPAPI/2.0",
];

/// Words of messages that are not plain words, and the names of parameters and headers.
const PROSE: &[&str] = &[
    "CORS",
    "If-Match",
    "MAC",
    "Range",
    "URI",
    "XML",
    "comp",
    "delimiter",
    "endBefore",
    "header(s)",
    "include",
    "marker",
    "maxresults",
    "prefix",
    "restype",
    "startFrom",
    "www-authenticate",
    "x-ms-date",
    "x-ms-range",
    "x-ms-version",
];

/// The headers that a recording keeps.
const HEADERS: &[&str] = &[
    "accept-ranges",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "etag",
    "last-modified",
    "retry-after",
    "server",
    "transfer-encoding",
    "www-authenticate",
    "x-ms-access-tier",
    "x-ms-blob-type",
    "x-ms-error-code",
    "x-ms-lease-state",
    "x-ms-lease-status",
    "x-ms-request-id",
    "x-ms-server-encrypted",
    "x-ms-version",
];

/// Returns a text of the same shape: digits and letters are replaced, everything else is kept.
///
/// Each character beyond ASCII becomes `é`, `字` or `𠮷`, depending on its length in UTF-8.
pub fn shape(text: &str) -> String {
    let letter = |c: char| match c {
        '0'..='9' => fastrand::char('0'..='9'),
        'a'..='f' => fastrand::char('a'..='f'),
        'A'..='F' => fastrand::char('A'..='F'),
        'g'..='z' => fastrand::char('g'..='z'),
        'G'..='Z' => fastrand::char('G'..='Z'),
        c if c.is_ascii() => c,
        c => match c.len_utf8() {
            2 => '\u{e9}',
            3 => '\u{5b57}',
            _ => '\u{20bb7}',
        },
    };
    // Tries again if the result equals the input by chance, which is likely for short texts.
    for _ in 0..20 {
        let new: String = text.chars().map(letter).collect();
        if new != text {
            return new;
        }
    }
    text.chars().map(letter).collect()
}

/// Keeps a text that the service defines, and replaces any other.
fn known_or_shape(text: &str) -> String {
    if WORDS.contains(&text) { text.to_owned() } else { shape(text) }
}

/// Replaces a number by one with as many digits.
fn number(text: &str) -> String {
    let shaped = shape(text);
    match shaped.strip_prefix('0') {
        Some(rest) if !text.starts_with('0') => format!("1{rest}"),
        _ => shaped,
    }
}

/// Prefixes that a value keeps.
const STARTS: &[&str] = &["0x", "\"0x"];

/// Replaces an ETag, a marker or a time, and keeps its form.
fn formed(text: &str) -> String {
    if let Some(start) = STARTS.iter().find(|start| text.starts_with(**start)) {
        return format!("{start}{}", shape(&text[start.len()..]));
    }
    // A marker contains the length of the rest, which does not change.
    if let Some((length, rest)) = text.strip_prefix("2!").and_then(|rest| rest.split_once('!'))
        && length.bytes().all(|b| b.is_ascii_digit())
    {
        return format!("2!{length}!{}", shape(rest));
    }
    let is_time = |b: u8| b.is_ascii_digit() || b"-:.TZ".contains(&b);
    if text.bytes().all(is_time) {
        return text.split_inclusive(['T', 'Z']).map(time_part).collect();
    }
    shape(text)
}

/// Replaces the digits of a part of a time, and keeps the letter at its end.
fn time_part(part: &str) -> String {
    let digits = part.trim_end_matches(['T', 'Z']);
    shape(digits) + &part[digits.len()..]
}

/// Redacts the responses of one run, in which a name has the same pseudonym everywhere.
pub struct Redactor {
    names: Pseudonyms,
    /// Words that no text may keep: parts of names, and of the account and the container.
    private: BTreeSet<String>,
}

impl Redactor {
    /// Creates a redactor for these pages. No word of a text in `private` may be kept.
    pub fn new<'a>(pages: impl Iterator<Item = &'a str>, private: &[&str]) -> Self {
        let mut names = BTreeSet::new();
        for page in pages {
            let harvest = |path: &[&str], is_encoded: bool, text: &str| {
                if is_name(path) {
                    names.extend(decoded(text, is_encoded));
                }
                Some(text.to_owned())
            };
            // A page with an unknown form is left out later, so its names do not matter.
            let _ = rewrite(page, harvest);
        }
        let words = names.iter().map(String::as_str).chain(private.iter().copied());
        let words = words.flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
        let private = words.filter(|word| word.len() > 2).map(str::to_lowercase).collect();
        Self { names: Pseudonyms::of(names), private }
    }

    /// Redacts the body of a listing; `None` if its form is unknown.
    pub fn page(&self, xml: &str) -> Option<String> {
        rewrite(xml, |path, is_encoded, text| {
            if is_name(path) {
                let new = self.names.get(&decoded(text, is_encoded)?)?;
                return Some(if is_encoded { encoded(new) } else { new.to_owned() });
            }
            if path.iter().any(|tag| CUSTOMER_ELEMENTS.contains(tag)) {
                return Some(shape(text));
            }
            Some(match *path.last()? {
                "Creation-Time"
                | "Last-Modified"
                | "AccessTierChangeTime"
                | "LastAccessTime"
                | "CopyCompletionTime"
                | "Expiry-Time"
                | "DeletedTime" => DATE.to_owned(),
                "Content-Length" | "TagCount" => number(text),
                // The kit has chosen this number itself.
                "MaxResults" if text.parse::<u16>().is_ok() => text.to_owned(),
                "Etag" | "Marker" | "NextMarker" | "VersionId" | "Snapshot" => formed(text),
                "Content-MD5" => md5(text),
                "Delimiter" if text == "/" => text.to_owned(),
                _ => known_or_shape(text),
            })
        })
    }

    /// Redacts the body of a refusal; `None` if its form is unknown.
    pub fn refusal(&self, body: &str) -> Option<String> {
        if body.is_empty() {
            return Some(String::new());
        }
        rewrite(body, |path, _, text| {
            Some(match *path.last()? {
                "Code" if self.is_code(text) => text.to_owned(),
                "Message" | "AuthenticationErrorDetail" => self.prose(text),
                "QueryParameterName" | "HeaderName" | "Reason" => self.prose(text),
                _ => shape(text),
            })
        })
    }

    /// Returns whether a text is a code of the service and not a word of the account.
    fn is_code(&self, text: &str) -> bool {
        is_code(text) && !self.private.contains(&text.to_lowercase())
    }

    /// Redacts a sentence: words of the service are kept unless they are private.
    fn prose(&self, text: &str) -> String {
        let word = |word: &str| {
            if PROSE.contains(&word) && !self.private.contains(&word.to_lowercase()) {
                return word.to_owned();
            }
            // The last two lines of each message.
            for label in ["RequestId:", "Time:"] {
                if let Some(rest) = word.strip_prefix(label) {
                    return format!("{label}{}", formed(rest));
                }
            }
            let letters = word.trim_end_matches(['.', ',', ':', ';']);
            match is_word(letters) && !self.private.contains(&letters.to_lowercase()) {
                true => word.to_owned(),
                false => shape(word),
            }
        };
        let lines = text.split('\n');
        let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
        lines.map(line).collect::<Vec<_>>().join("\n")
    }

    /// Redacts the headers that are kept.
    pub fn headers(&self, answer: &RawAnswer) -> Vec<(String, String)> {
        let kept = answer.headers.iter().filter(|(name, _)| HEADERS.contains(&name.as_str()));
        kept.filter_map(|(name, value)| Some((name.clone(), self.header(name, value)?))).collect()
    }

    /// Redacts the value of a header; `None` if it must not be kept.
    fn header(&self, name: &str, value: &str) -> Option<String> {
        Some(match name {
            "date" | "last-modified" => DATE.to_owned(),
            "x-ms-error-code" => self.is_code(value).then(|| value.to_owned())?,
            "x-ms-version" if is_version(value) => value.to_owned(),
            "etag" => formed(value),
            "x-ms-request-id" => match value.strip_suffix("000000") {
                Some(start) => format!("{}000000", shape(start)),
                None => shape(value),
            },
            "content-length" => value.to_owned(),
            // The kit reads only the first byte, or a range that does not exist.
            "content-range" => match value.split_once('/')? {
                ("bytes 0-0", size) => format!("bytes 0-0/{}", number(size)),
                ("bytes *", size) => format!("bytes */{}", number(size)),
                _ => return None,
            },
            "retry-after" => value.parse::<u32>().ok()?.to_string(),
            "www-authenticate" => challenge(value)?,
            "access-control-allow-origin" if value == "*" => "*".to_owned(),
            "access-control-expose-headers" => {
                let names = value.split(',').map(str::trim);
                let standard = |name: &&str| HEADERS.iter().any(|k| k.eq_ignore_ascii_case(name));
                names.filter(standard).collect::<Vec<_>>().join(",")
            }
            _ => known_or_shape(value),
        })
    }
}

/// Returns the usual challenge for the tenant of recordings.
fn challenge(value: &str) -> Option<String> {
    let Challenge { host, .. } = Challenge::parse(value)?;
    Some(format!(
        "Bearer authorization_uri=https://{host}/{TENANT}/oauth2/authorize resource_id=https://storage.azure.com"
    ))
}

/// Returns whether a text has the form of a code of the service: capitalized words without spaces.
fn is_code(text: &str) -> bool {
    let capitals = text.bytes().filter(u8::is_ascii_uppercase).count();
    let letters = text.bytes().filter(u8::is_ascii_lowercase).count();
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.bytes().all(|b| b.is_ascii_alphabetic())
        && capitals >= 2
        && letters >= 2 * capitals
}

/// Returns whether a text is a service version: a date.
fn is_version(text: &str) -> bool {
    let is_digit = |(at, b): (usize, u8)| {
        if matches!(at, 4 | 7) { b == b'-' } else { b.is_ascii_digit() }
    };
    text.len() == 10 && text.bytes().enumerate().all(is_digit)
}

/// Replaces a digest.
fn md5(text: &str) -> String {
    match STANDARD.decode(text) {
        Ok(bytes) => {
            let random: Vec<u8> = bytes.iter().map(|_| fastrand::u8(..)).collect();
            STANDARD.encode(random)
        }
        Err(_) => shape(text),
    }
}

/// Returns whether a path of elements is that of a name.
fn is_name(path: &[&str]) -> bool {
    matches!(path, ["EnumerationResults", "Blobs", "Blob" | "BlobPrefix", "Name"])
        || matches!(path, ["EnumerationResults", "Prefix"])
}

/// The bytes that `Encoded="true"` encodes.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Decodes a name.
fn decoded(text: &str, is_encoded: bool) -> Option<String> {
    match is_encoded {
        true => percent_decode_str(text).decode_utf8().ok().map(Into::into),
        false => Some(text.to_owned()),
    }
}

/// Encodes a name.
fn encoded(name: &str) -> String {
    utf8_percent_encode(name, ENCODED).to_string()
}
