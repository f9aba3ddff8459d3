//! The orders in which services list names, and which of them a listing can have.
//!
//! Every order compares two names by the first byte in which they differ. So the two bytes at that
//! position are enough to know how each order compares the names, and a scan checks all orders at
//! once.

use std::{cmp::Ordering, fmt};

use serde::{Deserialize, Serialize};

/// The order in which the names of a listing ascend.
///
/// The same four names in each order. U+FF5E is below U+1F600 as a code point, but above its first
/// UTF-16 code unit:
///
/// | order | names |
/// | --- | --- |
/// | `Bytes` | `a-2`, `a/b`, `a/\u{ff5e}`, `a/\u{1f600}` |
/// | `Utf16` | `a-2`, `a/b`, `a/\u{1f600}`, `a/\u{ff5e}` |
/// | `Segments` | `a/b`, `a/\u{ff5e}`, `a/\u{1f600}`, `a-2` |
/// | `SegmentsUtf16` | `a/b`, `a/\u{1f600}`, `a/\u{ff5e}`, `a-2` |
///
/// ```
/// use azure_asset_sync::store::NameOrder;
///
/// // `-` comes before `/`, but a folder comes before its neighbors if names are compared by segments.
/// assert!(NameOrder::Bytes.compare("a-2", "a/b").is_lt());
/// assert!(NameOrder::Segments.compare("a-2", "a/b").is_gt());
/// ```
#[doc(alias = "sort order")]
#[doc(alias = "collation")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NameOrder {
    /// Byte by byte in UTF-8, which is the order of code points.
    #[default]
    Bytes,
    /// By UTF-16 code units.
    ///
    /// Accounts without a hierarchical namespace list names in this order. It differs from
    /// [`Bytes`](Self::Bytes) only if a character from U+E000 to U+FFFF is compared with one above
    /// U+FFFF: the latter comes first, because it begins with a surrogate.
    Utf16,
    /// By path segments: like [`Bytes`](Self::Bytes), but `/` comes before all other characters.
    ///
    /// Accounts with a hierarchical namespace list all names in `folder/` before the neighbor
    /// `folder-2`, although `-` comes before `/`.
    Segments,
    /// By path segments, each of them compared like [`Utf16`](Self::Utf16).
    SegmentsUtf16,
    /// No order that this crate knows.
    ///
    /// [`compare`](Self::compare) compares such names like [`Bytes`](Self::Bytes).
    Unsorted,
}

impl NameOrder {
    /// Returns the word for spans, which is also the text in JSON.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Utf16 => "utf16",
            Self::Segments => "segments",
            Self::SegmentsUtf16 => "segments_utf16",
            Self::Unsorted => "unsorted",
        }
    }

    /// All orders except [`Unsorted`](Self::Unsorted), the most likely first.
    pub(crate) const KNOWN: [Self; 4] =
        [Self::Bytes, Self::Utf16, Self::Segments, Self::SegmentsUtf16];

    /// Returns whether names are compared by path segments.
    pub(crate) fn is_by_segments(self) -> bool {
        matches!(self, Self::Segments | Self::SegmentsUtf16)
    }

    /// Compares two names.
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

/// Returns the rank of a byte in the order by UTF-16 code units.
///
/// In UTF-8 a character from U+E000 to U+FFFF begins with 0xEE or 0xEF, and a character above
/// U+FFFF with 0xF0 to 0xF4. No other byte is that large, so it is enough to move the former above
/// the latter.
fn unit(byte: u8) -> u8 {
    if matches!(byte, 0xEE | 0xEF) { byte | 0xF0 } else { byte }
}

/// Returns the rank of a byte in the order by path segments: `/` comes first, and the bytes below
/// it move up.
fn segment(byte: u8) -> u8 {
    match byte {
        b'/' => 0,
        0..b'/' => byte + 1,
        _ => byte,
    }
}

/// Compares two names by the ranks of the first bytes in which they differ.
#[inline]
fn compare_by(a: &str, b: &str, rank: impl Fn(u8) -> u8) -> Ordering {
    match first_difference(a.as_bytes(), b.as_bytes()) {
        Some((a, b)) => rank(a).cmp(&rank(b)),
        // One name is a prefix of the other one.
        None => a.len().cmp(&b.len()),
    }
}

/// Returns the first two bytes in which two texts differ, or `None` if one is a prefix of the
/// other.
#[inline]
fn first_difference(a: &[u8], b: &[u8]) -> Option<(u8, u8)> {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    // Eight bytes at a time: names of a folder differ only near their ends.
    let mut count = 0;
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (u64::from_le_bytes(*a), u64::from_le_bytes(*b));
        if a != b {
            // The first byte of the text is the lowest byte of the word.
            // Rounded down to the start of the byte.
            let shift = (a ^ b).trailing_zeros() & !7;
            return Some(((a >> shift) as u8, (b >> shift) as u8));
        }
        count += 1;
    }
    // The shorter text has less than a word left, and the longer one may have further words.
    let a = a.get(count).map_or(a_rest, |chunk| chunk);
    let b = b.get(count).map_or(b_rest, |chunk| chunk);
    a.iter().zip(b).find(|(a, b)| a != b).map(|(a, b)| (*a, *b))
}

/// A set of orders, which never contains [`NameOrder::Unsorted`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Orders(u8);

impl Orders {
    /// All orders.
    pub(crate) const ALL: Self = Self(0b1111);

    /// The empty set.
    pub(crate) const NONE: Self = Self(0);

    /// Returns the orders in which the first name comes before the second, or `None` if they are
    /// equal.
    #[inline]
    pub(crate) fn that_have(a: &str, b: &str) -> Option<Self> {
        let all_if = |is_so: bool| Some(if is_so { Self::ALL } else { Self(0) });
        let Some((x, y)) = first_difference(a.as_bytes(), b.as_bytes()) else {
            return if a.len() == b.len() { None } else { all_if(a.len() < b.len()) };
        };
        // All orders agree on bytes from `0` to 0xED, and nearly all names differ in such bytes.
        if (b'0'..0xEE).contains(&x) && (b'0'..0xEE).contains(&y) {
            return all_if(x < y);
        }
        Some(Self::by(x, y))
    }

    /// Returns the orders in which one byte comes before another.
    // Cold: most names differ in bytes on which all orders agree.
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

    /// Returns the bit of an order in the set.
    fn bit(order: NameOrder) -> u8 {
        match order {
            NameOrder::Bytes => 1,
            NameOrder::Utf16 => 2,
            NameOrder::Segments => 4,
            NameOrder::SegmentsUtf16 => 8,
            NameOrder::Unsorted => 0,
        }
    }

    /// Returns the intersection of two sets.
    #[inline]
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns whether the set contains an order.
    pub(crate) fn has(self, order: NameOrder) -> bool {
        self.0 & Self::bit(order) != 0
    }

    /// Returns the most likely order of the set, after another order has turned out to be wrong;
    /// `Unsorted` if the set is empty.
    ///
    /// Prefers an order that also compares by path segments, or also does not: `wrong` was likely
    /// right about that, because the kind of the account decides it.
    pub(crate) fn instead_of(self, wrong: NameOrder) -> NameOrder {
        // Known orders only, because `Unsorted` has no bit.
        let is_alike = |order: &NameOrder| order.is_by_segments() == wrong.is_by_segments();
        let (alike, others): (Vec<_>, Vec<_>) = NameOrder::KNOWN.into_iter().partition(is_alike);
        let mut orders = alike.into_iter().chain(others);
        orders.find(|order| self.has(*order)).unwrap_or(NameOrder::Unsorted)
    }
}

/// Lists the orders of the set.
impl fmt::Debug for Orders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(NameOrder::KNOWN.iter().filter(|o| self.has(**o))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Generates a name of characters whose order differs between the encodings.
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

    /// Compares by the definition of each order, in characters and code units instead of bytes.
    fn by_definition(order: NameOrder, a: &str, b: &str) -> Ordering {
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

    /// The comparisons by bytes, and the sets of orders, agree with the definitions for random
    /// names of characters at the limits of the encodings.
    #[test]
    fn each_order_compares_by_its_definition() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..200_000 {
            let shared = word(&mut random);
            let (a, b) = (word(&mut random), word(&mut random));
            let (a, b) = (format!("{shared}{a}"), format!("{shared}{b}"));
            let have = Orders::that_have(&a, &b);
            for order in NameOrder::KNOWN {
                let want = by_definition(order, &a, &b);
                assert_eq!(order.compare(&a, &b), want, "{order:?} {a:?} {b:?}");
                let is_less = have.map(|have| have.has(order));
                assert_eq!(is_less, (a != b).then_some(want.is_lt()), "{order:?} {a:?} {b:?}");
            }
        }
    }
}
