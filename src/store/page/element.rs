//! Tags and the text of elements without children, in the form in which Azure writes them.
//!
//! Offsets are counted from the start of the text that is passed in. Anything that may be legal
//! XML, but that Azure does not write, is [`Stop::Fallback`]: the XML reader decides about it, so
//! nothing here has to.

use std::borrow::Cow;

use memchr::memchr;

use super::{stop::Stop, swar::has_markup};

/// The start tag of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Open<'a> {
    /// The name as written; the caller checks it, or compares it with known names.
    pub(super) name: &'a [u8],
    /// Whether the element has the attribute `Encoded="true"`.
    pub(super) encoded: bool,
    /// Whether the element is empty: `<Name />`.
    pub(super) empty: bool,
    /// The offset after the tag.
    pub(super) end: usize,
}

/// A start tag or an end tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag<'a> {
    Open(Open<'a>),
    Close { name: &'a [u8], end: usize },
}

/// Reads the tag at an offset, and skips blanks before it.
///
/// Does not check that the name is one: callers compare it with known names, or use [`is_name`].
pub(super) fn tag(text: &[u8], at: usize) -> Result<Tag<'_>, Stop> {
    // A loop, not a search: Azure writes no blanks, so there is usually nothing to skip.
    let mut at = at;
    loop {
        match text.get(at) {
            None => return Err(Stop::NeedMore),
            Some(b'<') => break,
            Some(b' ' | b'\t' | b'\r' | b'\n') => at += 1,
            Some(_) => return Err(Stop::Fallback),
        }
    }
    let inner = text.get(at + 1..).unwrap_or_default();
    let Some(length) = memchr(b'>', inner) else { return Err(Stop::NeedMore) };
    let end = at + 1 + length + 1;
    let inner = inner.get(..length).unwrap_or_default();
    match inner.first() {
        // Comments, CDATA, processing instructions, and an empty tag.
        None | Some(b'!' | b'?') => Err(Stop::Fallback),
        Some(b'/') => Ok(Tag::Close { name: inner.get(1..).unwrap_or_default(), end }),
        Some(_) => {
            let (inner, empty) = match inner.strip_suffix(b"/") {
                Some(inner) => (inner.trim_ascii_end(), true),
                None => (inner, false),
            };
            // Attributes end with a quote, and names do not.
            let (name, encoded) = match inner.last() {
                Some(b'"' | b'\'') => {
                    let blank = memchr(b' ', inner).ok_or(Stop::Fallback)?;
                    let (name, attributes) = inner.split_at(blank);
                    // A `>` within the value of an attribute ends the tag too early here. Then the
                    // last byte is no quote, or the attribute is none of these two.
                    match attributes.trim_ascii() {
                        b"Encoded=\"true\"" => (name, true),
                        b"Encoded=\"false\"" => (name, false),
                        _ => return Err(Stop::Fallback),
                    }
                }
                _ => (inner, false),
            };
            Ok(Tag::Open(Open { name, encoded, empty, end }))
        }
    }
}

/// Returns whether these bytes are an ASCII name without a namespace.
///
/// For names that are not compared with known ones. Other legal names go to the XML reader.
pub(super) fn is_name(name: &[u8]) -> bool {
    let first = name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    first && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// Returns the text of an element without children, as written, and the offset after its end tag.
///
/// `at` is the offset after the start tag. An element with children is [`Stop::Fallback`].
pub(super) fn content<'a>(
    text: &'a [u8],
    at: usize,
    name: &[u8],
) -> Result<(&'a [u8], usize), Stop> {
    let inner = text.get(at..).unwrap_or_default();
    let Some(length) = memchr(b'<', inner) else { return Err(Stop::NeedMore) };
    let (content, close) = inner.split_at(length);
    // `</`, the name, and `>`.
    let close_length = name.len() + 3;
    // An end tag with blanks, `</Name >`, is legal, and goes to the XML reader.
    let Some(close) = close.get(..close_length) else { return Err(Stop::NeedMore) };
    let closes = close.starts_with(b"</")
        && close.ends_with(b">")
        && close.get(2..2 + name.len()) == Some(name);
    if closes { Ok((content, at + length + close_length)) } else { Err(Stop::Fallback) }
}

/// Returns the text of an element whose start tag is read, which may be empty, and the offset after
/// it.
pub(super) fn leaf<'a>(text: &'a [u8], open: Open<'_>) -> Result<(&'a [u8], usize), Stop> {
    // An empty element has no end tag to look for.
    if open.empty { Ok((b"", open.end)) } else { content(text, open.end, open.name) }
}

/// Decodes a text: checks that it is UTF-8, and resolves entities.
#[inline]
pub(super) fn resolved(content: &[u8]) -> Result<Cow<'_, str>, Stop> {
    let text = str::from_utf8(content).map_err(|_| Stop::Fallback)?;
    if has_markup(content) { unescaped(text).map(Cow::Owned) } else { Ok(Cow::Borrowed(text)) }
}

/// Resolves the entities of a text.
fn unescaped(text: &str) -> Result<String, Stop> {
    // XML normalizes line ends, which the XML reader does.
    if text.contains('\r') {
        return Err(Stop::Fallback);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, entity)) = rest.split_once('&') {
        let (entity, after) = entity.split_once(';').ok_or(Stop::Fallback)?;
        out.push_str(before);
        out.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => character_reference(entity).ok_or(Stop::Fallback)?,
        });
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// Returns the character of a reference such as `#233` or `#xE9`.
fn character_reference(entity: &str) -> Option<char> {
    let number = entity.strip_prefix('#')?;
    let number = match number.strip_prefix('x') {
        // The digits are checked because `from_str_radix` and `parse` accept a sign.
        Some(digits) if digits.bytes().all(|b| b.is_ascii_hexdigit()) => {
            u32::from_str_radix(digits, 16).ok()?
        }
        None if number.bytes().all(|b| b.is_ascii_digit()) => number.parse().ok()?,
        _ => return None,
    };
    // XML excludes U+0000, and `from_u32` excludes surrogates.
    char::from_u32(number).filter(|c| *c != '\0')
}
