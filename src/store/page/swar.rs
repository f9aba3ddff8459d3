//! Text eight bytes at a time: arithmetic on a word stands in for a loop over its bytes.
//!
//! SWAR is short for "SIMD within a register". These functions are the inner loops of the scanner,
//! of its templates and of the dates. They assume nothing about the text, and never read beyond its
//! end: a loop over bytes, or the caller's slower way, finishes what does not fill a word.

/// The highest bit of each byte.
pub(super) const HIGHEST: u64 = each(0x80);

/// Returns a word with the same byte eight times.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Marks each byte above 9 by its highest bit.
///
/// Exact up to and including the first such byte. Adding can carry from a marked byte into the next
/// one, so later marks may be wrong.
#[inline]
pub(super) fn above_nine(word: u64) -> u64 {
    (word | word.wrapping_add(each(0x80 - 10))) & HIGHEST
}

/// Returns the text before the next `<`, and whether the text is plain, or `None` if there is no
/// `<`.
///
/// Plain text is ASCII above `&`: it has no entity and no line end, so each byte means itself.
/// `false` does not prove the opposite, because the last bytes of the text are not examined.
#[inline]
pub(super) fn before_tag(rest: &[u8]) -> Option<(&[u8], bool)> {
    let (words, last) = rest.as_chunks();
    let mut odd = 0;
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // Marks each byte that is not plain. The subtraction can borrow from a byte that follows a
        // marked one, which marks too much, never too little.
        let marks = word | word.wrapping_sub(each(b'&' + 1));
        // A byte that equals `<` becomes zero, and the lowest zero byte is marked exactly.
        let others = word ^ each(b'<');
        let ends = others.wrapping_sub(each(1)) & !others & HIGHEST;
        if ends != 0 {
            // Only marks below the first `<` count.
            odd |= marks & (ends & ends.wrapping_neg()).wrapping_sub(1);
            let length = index * 8 + ends.trailing_zeros() as usize / 8;
            return Some((rest.get(..length)?, odd & HIGHEST == 0));
        }
        odd |= marks;
    }
    let length = words.len() * 8 + last.iter().position(|byte| *byte == b'<')?;
    Some((rest.get(..length)?, false))
}

/// Returns the text without this start, or `None` if the text does not begin with it.
///
/// Faster than `strip_prefix` for a start of at most 64 bytes: `strip_prefix` calls `memcmp`, which
/// first branches on the length. Two loads of a fixed size that may overlap cover the same bytes.
#[inline(always)]
pub(super) fn strip_start<'a>(text: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = text.split_at_checked(start.len())?;
    let is_same = match start.len() {
        // Shorter starts do not occur in templates often enough to matter.
        8..=16 => same_ends::<8>(head, start),
        17..=32 => same_ends::<16>(head, start),
        33..=64 => same_ends::<32>(head, start),
        _ => head == start,
    };
    if is_same { Some(rest) } else { None }
}

/// Returns whether two texts have the same first `N` and the same last `N` bytes.
///
/// For texts of the same length, up to twice `N`, that is equality.
#[inline(always)]
fn same_ends<const N: usize>(a: &[u8], b: &[u8]) -> bool {
    a.first_chunk::<N>() == b.first_chunk() && a.last_chunk::<N>() == b.last_chunk()
}

/// Returns whether a text has a byte that XML does not take literally: `&` or a carriage return.
pub(super) fn has_markup(content: &[u8]) -> bool {
    let is_markup = |byte: &u8| matches!(byte, b'&' | b'\r');
    let Some(last) = content.last_chunk::<8>() else { return content.iter().any(is_markup) };
    let (words, _) = content.as_chunks();
    // Most texts have no byte that low at all, so one pass over words settles them.
    let low = words.iter().chain([last]).fold(0, |low, word| {
        let word = u64::from_le_bytes(*word);
        low | word.wrapping_sub(each(b'&' + 1)) & !word & HIGHEST
    });
    low != 0 && content.iter().any(is_markup)
}

/// Returns the number that a text begins with, and how many digits it has.
///
/// Returns `None` for no digit, for more than 15 digits (which might overflow), and near the end of
/// the text, where more digits may still arrive.
#[inline]
pub(super) fn leading_digits(text: &[u8]) -> Option<(u64, usize)> {
    const WORD: usize = 8;
    let (number, length) = digits_of_word(*text.first_chunk()?);
    if length < WORD {
        return (length > 0).then_some((number, length));
    }
    let (more, length) = digits_of_word(*text.get(WORD..)?.first_chunk()?);
    // The digits of the first word move up by as many places as the second word has digits.
    let shift = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];
    Some((number * shift.get(length)? + more, WORD + length))
}

/// Returns the number that eight bytes begin with, and how many digits it has.
#[inline]
fn digits_of_word(text: [u8; 8]) -> (u64, usize) {
    // Each digit becomes its value, and every other byte a value above 9.
    let values = u64::from_le_bytes(text) ^ each(b'0');
    let length = above_nine(values).trailing_zeros() as usize / 8;
    // Shifts out what follows the digits, so that leading zeros fill the word up to eight digits.
    // Then neighbours are combined in three steps: digits to tens, tens to hundreds, and so on.
    let ones = values.checked_shl(64 - 8 * length as u32).unwrap_or(0);
    let tens = ones.wrapping_mul(10).wrapping_add(ones >> 8) & 0x00ff_00ff_00ff_00ff;
    let hundreds = tens.wrapping_mul(100).wrapping_add(tens >> 16) & 0x0000_ffff_0000_ffff;
    (hundreds.wrapping_mul(10_000).wrapping_add(hundreds >> 32) & 0xffff_ffff, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All lengths up to 99, so that each branch by length is taken, and a change of any bit is
    /// seen.
    #[test]
    fn strip_start_equals_strip_prefix() {
        let mut rng = fastrand::Rng::with_seed(1);
        for length in 0..100 {
            let text: Vec<u8> = (0..length + 2).map(|_| rng.u8(..)).collect();
            let start = &text[..length];
            assert_eq!(strip_start(&text, start), text.strip_prefix(start));
            assert_eq!(
                (strip_start(start, start), strip_start(start, &text)),
                (Some(&[][..]), None)
            );
            for at in 0..length {
                let mut other = start.to_vec();
                other[at] ^= 1 << rng.u8(..8);
                assert_eq!(strip_start(&text, &other), None, "{at} of {length}");
            }
        }
    }

    #[test]
    fn text_before_a_tag_ends_at_the_first_tag_and_is_plain_without_marks() {
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
            // In the last bytes of the text the answer is "not plain" without a look at them.
            let is_seen = before.len() / 8 < text.len() / 8;
            assert_eq!(is_plain, all && is_seen, "{text:x?}");
        }
    }

    /// All lengths that fit, followed by bytes close to the digits and by the lowest and highest
    /// ones.
    #[test]
    fn leading_digits_are_the_number_a_text_begins_with() {
        let mut rng = fastrand::Rng::with_seed(4);
        for next in ["<", "/", ":", "0", "\u{0}", "\u{7f}", "\u{ff}"] {
            for length in 0..16 {
                for _ in 0..1000 {
                    let number: String = (0..length).map(|_| rng.digit(10)).collect();
                    let text = format!("{number}{next}{}", rng.char(..)).into_bytes();
                    let text = [text.as_slice(), b"</Content-Length>"].concat();
                    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(0);
                    let known = str::from_utf8(&text[..end]).unwrap().parse().ok();
                    let known = known.filter(|_| end < 16).map(|number: u64| (number, end));
                    assert_eq!(
                        leading_digits(&text),
                        known,
                        "{:?}",
                        String::from_utf8_lossy(&text)
                    );
                }
            }
        }
        // Digits at the end of the text may continue in the next piece.
        for length in 0..8 {
            assert_eq!(leading_digits(&b"12345678"[..length]), None);
            assert_eq!(leading_digits(&b"1234567812345678"[..8 + length]), None);
        }
    }
}
