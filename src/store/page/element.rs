//! Elements without children, as Azure writes them.

use std::borrow::Cow;

use memchr::memchr;

use super::scanner::Stop;

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

/// Whether these can be the bytes of a name without a namespace, in ASCII
///
/// For names that are not compared with known ones.
pub(super) fn is_name(name: &[u8]) -> bool {
    let first = name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    first && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// A byte eight times
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// What stands before the next `<`, and whether that is plain: ASCII above `&`, so that no byte of it
/// means something else than is written; what is not plain may mean that, and may not
#[inline]
pub(super) fn before_tag(rest: &[u8]) -> Option<(&[u8], bool)> {
    const HIGHEST: u64 = each(0x80);
    let (words, last) = rest.as_chunks();
    let mut odd = 0;
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // The highest bit of each byte that is not plain; of those above one, perhaps of others.
        let marks = word | word.wrapping_sub(each(b'&' + 1));
        let others = word ^ each(b'<');
        // The same of each that is `<`.
        let ends = others.wrapping_sub(each(1)) & !others & HIGHEST;
        if ends != 0 {
            odd |= marks & (ends & ends.wrapping_neg()).wrapping_sub(1);
            let length = index * 8 + ends.trailing_zeros() as usize / 8;
            return Some((rest.get(..length)?, odd & HIGHEST == 0));
        }
        odd |= marks;
    }
    let length = words.len() * 8 + last.iter().position(|byte| *byte == b'<')?;
    Some((rest.get(..length)?, false))
}

/// What is behind these bytes, where a text begins with them; faster than `strip_prefix` where they are
/// few, since that calls a function which has to find out first how many they are
#[inline(always)]
pub(super) fn after<'a>(text: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = text.split_at_checked(start.len())?;
    let is_same = match start.len() {
        8..=16 => ends::<8>(head, start),
        17..=32 => ends::<16>(head, start),
        33..=64 => ends::<32>(head, start),
        _ => head == start,
    };
    if is_same { Some(rest) } else { None }
}

/// Whether two texts have the same first and the same last bytes: all of them, up to twice `N`
#[inline(always)]
fn ends<const N: usize>(a: &[u8], b: &[u8]) -> bool {
    a.first_chunk::<N>() == b.first_chunk() && a.last_chunk::<N>() == b.last_chunk()
}

/// Whether a text means something else than is written: an entity, or a line end of another form
pub(super) fn is_marked(content: &[u8]) -> bool {
    let is_mark = |byte: &u8| matches!(byte, b'&' | b'\r');
    let Some(last) = content.last_chunk::<8>() else { return content.iter().any(is_mark) };
    let (words, _) = content.as_chunks();
    // Most texts have no byte as low as these at all.
    let low = words.iter().chain([last]).fold(0, |low, word| {
        let word = u64::from_le_bytes(*word);
        low | word.wrapping_sub(each(b'&' + 1)) & !word & each(0x80)
    });
    low != 0 && content.iter().any(is_mark)
}

/// What stands in an element without children, as it is written, and the place behind its end
pub(super) fn content<'a>(
    text: &'a [u8],
    at: usize,
    name: &[u8],
) -> Result<(&'a [u8], usize), Stop> {
    let inner = text.get(at..).unwrap_or_default();
    let Some(length) = memchr(b'<', inner) else { return Err(Stop::NeedMore) };
    let (content, close) = inner.split_at(length);
    let whole = name.len() + 3;
    let Some(close) = close.get(..whole) else { return Err(Stop::NeedMore) };
    let closes = close.starts_with(b"</")
        && close.ends_with(b">")
        && close.get(2..2 + name.len()) == Some(name);
    if closes { Ok((content, at + length + whole)) } else { Err(Stop::Fallback) }
}

/// The same for an element of which the start is read, and which may be empty
pub(super) fn leaf<'a>(text: &'a [u8], open: Open<'_>) -> Result<(&'a [u8], usize), Stop> {
    if open.empty { Ok((b"", open.end)) } else { content(text, open.end, open.name) }
}

/// The text that is meant: entities resolved
#[inline]
pub(super) fn resolved(content: &[u8]) -> Result<Cow<'_, str>, Stop> {
    let text = str::from_utf8(content).map_err(|_| Stop::Fallback)?;
    if is_marked(content) { unmarked(text).map(Cow::Owned) } else { Ok(Cow::Borrowed(text)) }
}

fn unmarked(text: &str) -> Result<String, Stop> {
    // Line ends are normalised by whoever knows how.
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
            _ => reference(entity).ok_or(Stop::Fallback)?,
        });
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
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

#[cfg(test)]
mod tests {
    use super::{after, before_tag};

    #[test]
    fn what_is_after_is_what_is_left_without_a_prefix() {
        let mut rng = fastrand::Rng::with_seed(1);
        for length in 0..100 {
            let text: Vec<u8> = (0..length + 2).map(|_| rng.u8(..)).collect();
            let start = &text[..length];
            assert_eq!(after(&text, start), text.strip_prefix(start));
            assert_eq!((after(start, start), after(start, &text)), (Some(&[][..]), None));
            for at in 0..length {
                let mut other = start.to_vec();
                other[at] ^= 1 << rng.u8(..8);
                assert_eq!(after(&text, &other), None, "{at} of {length}");
            }
        }
    }

    #[test]
    fn what_is_before_a_tag_ends_at_the_first_and_is_plain_without_marks() {
        let mut rng = fastrand::Rng::with_seed(2);
        for _ in 0..100_000 {
            let mut text = vec![b'a'; rng.usize(0..40)];
            for _ in 0..rng.usize(0..4) {
                if let Some(byte) = rng.choice(text.iter_mut()) {
                    *byte = *rng.choice(b"<<<;=&'\r % ~\x7f\x80\xbc\xff").unwrap_or(&0);
                }
            }
            let before = text.iter().position(|byte| *byte == b'<').map(|end| &text[..end]);
            let found = before_tag(&text);
            assert_eq!(found.map(|(found, _)| found), before, "{text:x?}");
            let Some((before, is_plain)) = found else { continue };
            let all = before.iter().all(|byte| (b'\''..=0x7f).contains(byte));
            // Near the end of what has arrived it says no without a look.
            let is_seen = before.len() / 8 < text.len() / 8;
            assert_eq!(is_plain, all && is_seen, "{text:x?}");
        }
    }
}
