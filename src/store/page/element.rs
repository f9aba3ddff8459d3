//! Elements without children, as Azure writes them.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::fast::Stop;

/// The start of an element
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Open<'a> {
    pub(super) name: &'a [u8],
    /// Whether it says `Encoded="true"`
    pub(super) encoded: bool,
    /// Whether it is empty: `<Name />`
    pub(super) empty: bool,
    /// The place behind it
    pub(super) end: usize,
}

/// The tag at a place, blanks before it left out; whether its name is one is not looked at
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag<'a> {
    Open(Open<'a>),
    Close { name: &'a [u8], end: usize },
}

pub(super) fn tag(text: &[u8], at: usize) -> Result<Tag<'_>, Stop> {
    let mut at = at;
    loop {
        match text.get(at) {
            None => return Err(Stop::Short),
            Some(b'<') => break,
            Some(b' ' | b'\t' | b'\r' | b'\n') => at += 1,
            Some(_) => return Err(Stop::Odd),
        }
    }
    let inner = text.get(at + 1..).unwrap_or_default();
    let Some(length) = memchr(b'>', inner) else { return Err(Stop::Short) };
    let end = at + 1 + length + 1;
    let inner = inner.get(..length).unwrap_or_default();
    match inner.first() {
        None | Some(b'!' | b'?') => Err(Stop::Odd),
        Some(b'/') => Ok(Tag::Close { name: inner.get(1..).unwrap_or_default(), end }),
        Some(_) => {
            let (inner, empty) = match inner.strip_suffix(b"/") {
                Some(inner) => (inner.trim_ascii_end(), true),
                None => (inner, false),
            };
            // Attributes end with a quote, and names do not.
            let (name, encoded) = match inner.last() {
                Some(b'"' | b'\'') => {
                    let blank = memchr(b' ', inner).ok_or(Stop::Odd)?;
                    let (name, attributes) = inner.split_at(blank);
                    match attributes.trim_ascii() {
                        b"Encoded=\"true\"" => (name, true),
                        b"Encoded=\"false\"" => (name, false),
                        _ => return Err(Stop::Odd),
                    }
                }
                _ => (inner, false),
            };
            Ok(Tag::Open(Open { name, encoded, empty, end }))
        }
    }
}

/// Whether these can be the bytes of a name without a namespace, in ASCII
///
/// For names that are not compared with known ones.
pub(super) fn is_name(name: &[u8]) -> bool {
    let first = name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    first && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// What stands in an element without children, as it is written, and the place behind its end
pub(super) fn content<'a>(
    text: &'a [u8],
    at: usize,
    name: &[u8],
) -> Result<(&'a [u8], usize), Stop> {
    let inner = text.get(at..).unwrap_or_default();
    let Some(length) = memchr(b'<', inner) else { return Err(Stop::Short) };
    let (content, close) = inner.split_at(length);
    let whole = name.len() + 3;
    let Some(close) = close.get(..whole) else { return Err(Stop::Short) };
    let closes = close.starts_with(b"</")
        && close.ends_with(b">")
        && close.get(2..2 + name.len()) == Some(name);
    if closes { Ok((content, at + length + whole)) } else { Err(Stop::Odd) }
}

/// The text that is meant: entities resolved
pub(super) fn resolved(content: &[u8]) -> Result<Cow<'_, str>, Stop> {
    match memchr2(b'&', b'\r', content) {
        None => std::str::from_utf8(content).map(Cow::Borrowed).map_err(|_| Stop::Odd),
        // Line ends are normalised by whoever knows how.
        Some(at) if content.get(at) == Some(&b'\r') => Err(Stop::Odd),
        Some(_) => {
            let text = std::str::from_utf8(content).map_err(|_| Stop::Odd)?;
            let mut out = String::with_capacity(text.len());
            let mut rest = text;
            while let Some((before, entity)) = rest.split_once('&') {
                let (entity, after) = entity.split_once(';').ok_or(Stop::Odd)?;
                out.push_str(before);
                out.push(match entity {
                    "amp" => '&',
                    "lt" => '<',
                    "gt" => '>',
                    "quot" => '"',
                    "apos" => '\'',
                    _ => reference(entity).ok_or(Stop::Odd)?,
                });
                rest = after;
            }
            if rest.contains('\r') || text.contains('\r') {
                return Err(Stop::Odd);
            }
            out.push_str(rest);
            Ok(Cow::Owned(out))
        }
    }
}

/// A character by its number
fn reference(entity: &str) -> Option<char> {
    let number = entity.strip_prefix('#')?;
    let number = match number.strip_prefix('x') {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_hexdigit()) => {
            u32::from_str_radix(digits, 16).ok()?
        }
        None if number.bytes().all(|b| b.is_ascii_digit()) => number.parse().ok()?,
        _ => return None,
    };
    char::from_u32(number).filter(|c| *c != '\0')
}
