//! The orders in which services list names, and which of them a listing can have.
//!
//! All of them compare two names by the first byte in which these differ, so that one look at that
//! byte says how each order has them.

use std::{cmp::Ordering, fmt};

use serde::{Deserialize, Serialize};

/// The order in which the names of a listing ascend
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NameOrder {
    /// Byte by byte in UTF-8, which is the order of code points
    #[default]
    Bytes,
    /// By UTF-16 code units
    ///
    /// Accounts without a hierarchical namespace list names in this order. It differs from
    /// [`Bytes`](Self::Bytes) only if a character from U+E000 to U+FFFF meets one above U+FFFF: the
    /// latter comes first, because it begins with a surrogate.
    Utf16,
    /// By path segments: as [`Bytes`](Self::Bytes), but `/` comes before all other characters
    ///
    /// Accounts with a hierarchical namespace list a folder with all that is in it before its
    /// neighbour `folder-2`, though `-` comes before `/`.
    Segments,
    /// By path segments, each compared as [`Utf16`](Self::Utf16)
    SegmentsUtf16,
    /// No order that this crate knows: names come as the service lists them
    ///
    /// [`compare`](Self::compare) sorts such names as [`Bytes`](Self::Bytes).
    Unsorted,
}

impl NameOrder {
    /// All but [`Unsorted`](Self::Unsorted), the likeliest first
    pub(crate) const KNOWN: [Self; 4] =
        [Self::Bytes, Self::Utf16, Self::Segments, Self::SegmentsUtf16];

    /// Whether it is an order by path segments
    pub(crate) fn is_by_segments(self) -> bool {
        matches!(self, Self::Segments | Self::SegmentsUtf16)
    }

    /// Compares two names
    #[inline]
    pub fn compare(self, a: &str, b: &str) -> Ordering {
        match self {
            Self::Bytes | Self::Unsorted => a.cmp(b),
            Self::Utf16 => compare_by(a, b, unit),
            Self::Segments => compare_by(a, b, segment),
            Self::SegmentsUtf16 => compare_by(a, b, |byte| unit(segment(byte))),
        }
    }
}

/// In UTF-8 a character from U+E000 to U+FFFF begins with 0xEE or 0xEF, and one above U+FFFF with
/// 0xF0 to 0xF4. No other byte of a character is that large.
fn unit(byte: u8) -> u8 {
    if matches!(byte, 0xEE | 0xEF) { byte | 0xF0 } else { byte }
}

/// `/` comes first, and the bytes before it move up by one
fn segment(byte: u8) -> u8 {
    match byte {
        b'/' => 0,
        0..b'/' => byte + 1,
        _ => byte,
    }
}

#[inline]
fn compare_by(a: &str, b: &str, rank: impl Fn(u8) -> u8) -> Ordering {
    match first_difference(a.as_bytes(), b.as_bytes()) {
        Some((a, b)) => rank(a).cmp(&rank(b)),
        // One of them begins with the other.
        None => a.len().cmp(&b.len()),
    }
}

/// The first bytes in which two texts differ; `None` if one begins with the other
#[inline]
fn first_difference(a: &[u8], b: &[u8]) -> Option<(u8, u8)> {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut count = 0;
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (u64::from_le_bytes(*a), u64::from_le_bytes(*b));
        if a != b {
            // The lowest byte is the first.
            let shift = (a ^ b).trailing_zeros() & !7;
            return Some(((a >> shift) as u8, (b >> shift) as u8));
        }
        count += 1;
    }
    // The shorter text has less than a chunk left; the longer one may have chunks.
    let a = a.get(count).map_or(a_rest, |chunk| chunk);
    let b = b.get(count).map_or(b_rest, |chunk| chunk);
    a.iter().zip(b).find(|(a, b)| a != b).map(|(a, b)| (*a, *b))
}

/// Some of the orders that this crate knows, [`NameOrder::Unsorted`] apart
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Orders(u8);

impl Orders {
    /// Every order
    pub(crate) const ALL: Self = Self(0b1111);

    /// No order
    pub(crate) const NONE: Self = Self(0);

    /// The orders in which the first name comes before the second; `None` if they are equal
    #[inline]
    pub(crate) fn that_have(a: &str, b: &str) -> Option<Self> {
        let all_if = |is_so: bool| Some(if is_so { Self::ALL } else { Self(0) });
        let Some((x, y)) = first_difference(a.as_bytes(), b.as_bytes()) else {
            return if a.len() == b.len() { None } else { all_if(a.len() < b.len()) };
        };
        // Bytes from `0` to 0xED have one place in all orders.
        if (b'0'..0xEE).contains(&x) && (b'0'..0xEE).contains(&y) {
            return all_if(x < y);
        }
        Some(Self::by(x, y))
    }

    /// The orders in which one byte comes before another
    #[cold]
    fn by(x: u8, y: u8) -> Self {
        let bit = |order: NameOrder, is_so: bool| if is_so { Self::bit(order) } else { 0 };
        Self(
            bit(NameOrder::Bytes, x < y)
                | bit(NameOrder::Utf16, unit(x) < unit(y))
                | bit(NameOrder::Segments, segment(x) < segment(y))
                | bit(NameOrder::SegmentsUtf16, unit(segment(x)) < unit(segment(y))),
        )
    }

    fn bit(order: NameOrder) -> u8 {
        match order {
            NameOrder::Bytes => 1,
            NameOrder::Utf16 => 2,
            NameOrder::Segments => 4,
            NameOrder::SegmentsUtf16 => 8,
            NameOrder::Unsorted => 0,
        }
    }

    /// Those that are in both
    #[inline]
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) fn has(self, order: NameOrder) -> bool {
        self.0 & Self::bit(order) != 0
    }

    /// The likeliest of them in place of an order that has turned out wrong; `Unsorted` if there is
    /// none
    pub(crate) fn instead_of(self, wrong: NameOrder) -> NameOrder {
        let is_alike = |order: &NameOrder| order.is_by_segments() == wrong.is_by_segments();
        let (alike, others): (Vec<_>, Vec<_>) = NameOrder::KNOWN.into_iter().partition(is_alike);
        let mut orders = alike.into_iter().chain(others);
        orders.find(|order| self.has(*order)).unwrap_or(NameOrder::Unsorted)
    }
}

impl fmt::Debug for Orders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(NameOrder::KNOWN.iter().filter(|o| self.has(**o))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(random: &mut fastrand::Rng) -> String {
        let letters = [
            '\0',
            ' ',
            '-',
            '/',
            '0',
            'a',
            'b',
            'é',
            '\u{d7ff}',
            '\u{e000}',
            '\u{ff5e}',
            '\u{ffff}',
            '\u{10000}',
            '\u{1f600}',
            '\u{10ffff}',
        ];
        (0..random.usize(0..20)).filter_map(|_| random.choice(&letters[..])).collect()
    }

    /// As the orders are defined, without a look at bytes
    fn plainly(order: NameOrder, a: &str, b: &str) -> Ordering {
        let segments = |name: &str| -> Vec<u32> {
            name.chars().map(|c| if c == '/' { 0 } else { u32::from(c) + 1 }).collect()
        };
        let both = |name: &str| -> Vec<u32> {
            let units = name.encode_utf16();
            units.map(|unit| if unit == 0x2f { 0 } else { u32::from(unit) + 1 }).collect()
        };
        match order {
            NameOrder::Bytes | NameOrder::Unsorted => a.cmp(b),
            NameOrder::Utf16 => a.encode_utf16().cmp(b.encode_utf16()),
            NameOrder::Segments => segments(a).cmp(&segments(b)),
            NameOrder::SegmentsUtf16 => both(a).cmp(&both(b)),
        }
    }

    #[test]
    fn each_order_is_as_it_is_defined() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..200_000 {
            let shared = word(&mut random);
            let (a, b) = (word(&mut random), word(&mut random));
            let (a, b) = (format!("{shared}{a}"), format!("{shared}{b}"));
            let have = Orders::that_have(&a, &b);
            for order in NameOrder::KNOWN {
                let want = plainly(order, &a, &b);
                assert_eq!(order.compare(&a, &b), want, "{order:?} {a:?} {b:?}");
                let is_less = have.map(|have| have.has(order));
                assert_eq!(is_less, (a != b).then_some(want.is_lt()), "{order:?} {a:?} {b:?}");
            }
        }
    }
}
