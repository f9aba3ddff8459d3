use super::{Finding, findings::known};

/// What about a name breaks file systems, URLs or terminals further down
///
/// Source: Microsoft Learn, "Naming and referencing containers, blobs, and metadata".
pub(super) fn of(name: &str) -> Option<&'static Finding> {
    if is_plain(name.as_bytes()) { None } else { look(name) }
}

fn look(name: &str) -> Option<&'static Finding> {
    if name.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')) {
        return Some(&known::CONTROL);
    }
    if name.contains('\\') {
        return Some(&known::BACKSLASH);
    }
    let mut segments = 0;
    for segment in name.split('/') {
        segments += 1;
        match segment {
            "." | ".." => return Some(&known::DOTS),
            "" => return Some(&known::EMPTY_SEGMENT),
            _ if segment.ends_with('.') => return Some(&known::TRAILING_DOT),
            _ => {}
        }
    }
    (segments > 254).then_some(&known::SEGMENTS)
}

/// The highest bit of each byte
const HIGH: u64 = each(0x80);

/// Whether nothing is odd for sure, by eight bytes at a time: true of nearly all names
///
/// Odd segments are empty or end with a dot, so they show where a slash or the end of the name has
/// a slash, a dot or the start before it.
fn is_plain(name: &[u8]) -> bool {
    let (words, _) = name.as_chunks::<8>();
    // 255 segments that are not empty have 509 bytes. Names below 8 bytes are rare.
    let (Some(end), ..=508) = (name.last_chunk::<8>(), name.len()) else { return false };
    let mut before = 0x80;
    let mut odd = 0;
    for word in words {
        let (found, last) = oddities(u64::from_le_bytes(*word), before);
        odd |= found;
        before = last;
    }
    // The last word overlaps the one before it, or is the same.
    let (found, last) = oddities(u64::from_le_bytes(*end), 0);
    (odd | found) & HIGH == 0 && last & 0x80 == 0
}

/// The highest bit of each byte that may be odd, and of the last one if no segment may end behind it
///
/// `before` is that of the word before.
fn oddities(word: u64, before: u64) -> (u64, u64) {
    // Bytes beyond ASCII are odd here, so no sum of a byte below goes over into the next byte.
    let not = |word: u64, byte| (word ^ each(byte)).wrapping_add(each(0x7f));
    let not_control = word.wrapping_add(each(0x80 - b' '));
    let delete = word.wrapping_add(each(1));
    let slash = !not(word, b'/');
    // A dot is a slash but for its lowest bit.
    let slash_or_dot = !not(word | each(1), b'/');
    let ends_badly = slash & (slash_or_dot << 8 | before);
    let odd = word | !not_control | delete | !not(word, b'\\') | ends_badly;
    (odd, slash_or_dot >> 56)
}

const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn what_is_plain_is_not_odd_and_what_is_odd_is_not_plain(name in "[a-z~ ./\\\\\u{1}\u{7f}é]{0,40}") {
            prop_assert!(!is_plain(name.as_bytes()) || look(&name).is_none());
            if name.len() >= 8 && name.is_ascii() {
                prop_assert_eq!(is_plain(name.as_bytes()), look(&name).is_none());
            }
        }
    }

    #[test]
    fn each_byte_in_each_place_is_plain_or_odd() {
        for byte in 0..0x80_u8 {
            for place in 0..20 {
                let mut name = [b'a'; 20];
                name[place] = byte;
                let odd = look(std::str::from_utf8(&name).unwrap()).is_some();
                assert_eq!(is_plain(&name), !odd, "{byte:#x} at {place}");
            }
        }
    }

    #[test]
    fn as_many_segments_as_a_url_may_have_are_not_odd() {
        for (segments, odd) in [(254, None), (255, Some(&known::SEGMENTS))] {
            for segment in ["a", "image"] {
                assert_eq!(of(&vec![segment; segments].join("/")), odd);
            }
        }
    }
}
