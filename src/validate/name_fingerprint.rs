//! Fingerprints of names in lower case and of names without their folder.
//!
//! Hashing is on the hot path of every scan, so ASCII names are folded and hashed eight bytes at a time.

use std::hash::{BuildHasher as _, RandomState};

use crate::unicode::folded;

/// The most words of eight bytes that are hashed by products. Longer texts are rare and use SipHash.
const WORDS: usize = 64;
/// The most bytes that are hashed by products.
const LONGEST: usize = 8 * WORDS;

/// Makes fingerprints of names under a secret key, which is random for each instance.
///
/// The hash is multilinear: the upper 64 bits of the sum of word `i` times the random 128-bit key `i`. For any two different texts of up to 512 bytes, chosen by somebody who does not know the
/// key, the probability of equal fingerprints is proven to be at most 2^-64 (Lemire and Kaser, "Strongly
/// universal string hashing is fast", The Computer Journal 57, 2014). The proof matters because rules may
/// reject blobs that collide. SipHash is slower, and other fast hashes have no such proof.
///
/// The fingerprint of the folder enters the hash of a name as one more word, so the probability for names
/// is at most 2^-63. The folder is nearly always that of the previous name, and is then not read again.
pub(super) struct NameHasher {
    key: Key,
    folder: Folder,
    /// A text in lower case, kept for its allocation.
    lower: String,
}

/// The folder of the previous name.
#[derive(Default)]
struct Folder {
    /// How often the folder has changed; 0 before the first name.
    number: u64,
    name: String,
    /// The fingerprint of the folder in lower case.
    print: u64,
    is_lower: bool,
}

/// The random numbers of the hash: one for each word, and some for the parts that are not words.
struct Key {
    words: [u128; WORDS],
    last: u128,
    length: u128,
    start: u128,
    /// Added to the sum of a folder, so that a folder never hashes like a name.
    folders: u128,
    /// Multiplied with the fingerprint of a folder.
    folder: u128,
    long: RandomState,
}

impl Default for NameHasher {
    fn default() -> Self {
        let long = RandomState::new();
        // SipHash with a random key serves as the generator of the 128-bit keys.
        let mut numbers = (0_u64..).map(|n| u128::from(long.hash_one(n)));
        let mut key = || numbers.next().unwrap_or(0) << 64 | numbers.next().unwrap_or(0);
        let words = std::array::from_fn(|_| key());
        let [last, length, start, folders, folder] = std::array::from_fn(|_| key());
        let key = Key { words, last, length, start, folders, folder, long };
        Self { key, folder: Folder::default(), lower: String::new() }
    }
}

impl Folder {
    /// Returns whether this is the folder of the previous name.
    #[inline]
    fn is(&self, name: &str) -> bool {
        // Two empty texts are not passed to memcmp: the pointer of an empty `String` is dangling, and
        // glibc's memcmp for AVX-512 then stalls for about a hundred cycles.
        let is_same = self.name.len() == name.len() && (name.is_empty() || self.name == name);
        is_same && self.number > 0
    }
}

/// The fingerprints of a name.
///
/// Two names collide by letter case if `folded` is equal, and by folder if `base` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NameFingerprint {
    /// The fingerprint of the name in lower case and in NFC.
    pub(super) folded: u64,
    /// The fingerprint of the text after the last slash, unchanged.
    pub(super) base: u64,
    /// Whether the name itself is in lower case and in NFC.
    pub(super) is_lower: bool,
    /// Whether this name and all earlier ones are in the same folder.
    pub(super) is_in_first_folder: bool,
}

impl NameHasher {
    /// Returns the fingerprints of a name.
    pub(super) fn of(&mut self, name: &str) -> NameFingerprint {
        let base = last_slash(name.as_bytes()).map_or(0, |slash| slash + 1);
        // The position after a slash is always a character boundary.
        let (folder, base) = name.split_at_checked(base).unwrap_or_default();
        if !self.folder.is(folder) {
            self.enter(folder);
        }
        // A text that is too long for the key is hashed as a whole, so its letter case is unknown here.
        let mut other = u64::from(base.len() > LONGEST);
        let exact = self.key.sum(base, |word| {
            // A high bit means a byte beyond ASCII, a difference means a capital letter.
            other |= word & each(0x80) | lower_case(word) ^ word;
            word
        });
        let (folded, is_lower) = match other {
            0 => (exact, true),
            _ => self.key.folded(base, &mut self.lower),
        };
        let folder = self.key.folder.wrapping_mul(u128::from(self.folder.print));
        NameFingerprint {
            folded: print(folded.wrapping_add(folder)),
            base: print(exact),
            is_lower: is_lower && self.folder.is_lower,
            is_in_first_folder: self.folder.number == 1,
        }
    }

    /// Hashes a new folder and makes it the current one.
    ///
    /// Not inlined, because listings are sorted and the folder rarely changes.
    #[inline(never)]
    fn enter(&mut self, folder: &str) {
        self.folder.number += 1;
        self.folder.name.clear();
        self.folder.name.push_str(folder);
        let (sum, is_lower) = self.key.folded(folder, &mut self.lower);
        let sum = sum.wrapping_add(self.key.folders);
        (self.folder.print, self.folder.is_lower) = (print(sum), is_lower);
    }
}

impl Key {
    /// Returns the sum of a text in lower case and NFC, and whether the text itself is in that form.
    ///
    /// `lower` is a buffer for texts beyond ASCII.
    fn folded(&self, text: &str, lower: &mut String) -> (u128, bool) {
        // ASCII texts are folded word by word. Others need Unicode's tables.
        if text.len() <= LONGEST {
            let (mut beyond_ascii, mut upper) = (0, 0);
            let sum = self.sum(text, |word| {
                beyond_ascii |= word & each(0x80);
                let lower = lower_case(word);
                upper |= lower ^ word;
                lower
            });
            if beyond_ascii == 0 {
                return (sum, upper == 0);
            }
        }
        lower.clear();
        lower.extend(folded(text));
        (self.sum(lower, |word| word), lower == text)
    }

    /// Returns the sum of a text after `change` was applied to each word.
    ///
    /// `change` also sees every word, so that one pass both hashes and classifies a text.
    #[inline]
    fn sum(&self, text: &str, mut change: impl FnMut(u64) -> u64) -> u128 {
        let mut word = |bytes: &[u8; 8]| u128::from(change(u64::from_le_bytes(*bytes)));
        let mut sum = self.start.wrapping_add(self.length.wrapping_mul(text.len() as u128));
        let bytes = text.as_bytes();
        // The last word overlaps the one before it, or equals it. Together with the length the words
        // determine the text, so different texts have different words or lengths.
        let last = match bytes.last_chunk() {
            _ if bytes.len() > LONGEST => change(self.long.hash_one(text)).into(),
            Some(last) => {
                let (words, _) = bytes.as_chunks::<8>();
                for (key, bytes) in self.words.iter().zip(words) {
                    sum = sum.wrapping_add(key.wrapping_mul(word(bytes)));
                }
                word(last)
            }
            // A text of less than eight bytes is one word of its bytes.
            None => change(bytes.iter().fold(0, |word, &b| word << 8 | u64::from(b))).into(),
        };
        sum.wrapping_add(self.last.wrapping_mul(last))
    }
}

/// Returns the fingerprint of a sum: its upper half, scattered.
fn print(sum: u128) -> u64 {
    scatter((sum >> 64) as u64)
}

/// Spreads numbers that are at even distances, as the sums of numbered names are. The mapping is
/// one-to-one.
fn scatter(number: u64) -> u64 {
    (number ^ number >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Returns the position of the last slash, searching eight bytes at a time from the end.
fn last_slash(name: &[u8]) -> Option<usize> {
    let (rest, words) = name.as_rchunks::<8>();
    for (index, word) in words.iter().rev().enumerate() {
        // Sets the highest bit of each byte that is a slash.
        let others = u64::from_le_bytes(*word) ^ each(b'/');
        let slashes = !(((others & each(0x7f)) + each(0x7f)) | others) & each(0x80);
        if slashes != 0 {
            return Some(name.len() - 8 * index - 1 - slashes.leading_zeros() as usize / 8);
        }
    }
    rest.iter().rposition(|byte| *byte == b'/')
}

/// Converts `A` to `Z` in eight bytes of ASCII to lower case, with arithmetic on all bytes at once.
fn lower_case(word: u64) -> u64 {
    // Adding 0x80 - 'A' sets the high bit for bytes from `A`, and 0x7f - 'Z' for bytes beyond `Z`.
    let from_a = word.wrapping_add(each(0x80 - b'A'));
    let beyond_z = word.wrapping_add(each(0x7f - b'Z'));
    word | (from_a & !beyond_z & each(0x80)) >> 2
}

/// Repeats a byte eight times.
const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn fingerprints_are_equal_for_equal_folded_names(
            a in "[ -~]{0,20}",
            b in "[@AZ\\[`az/{e\u{301}\u{0}\u{e9}\u{c9}\u{212a}k]{0,20}",
            times in prop::sample::select(vec![1, 3, 60]),
        ) {
            let mut hasher = NameHasher::default();
            let names = [
                a.repeat(times),
                b.repeat(times),
                format!("{a}{b}"),
                format!("{b}/{a}"),
                format!("{}/{b}", a.repeat(times)),
            ];
            let lower = |name: &str| folded(name).collect::<String>();
            for name in names.iter().flat_map(|name| [name.clone(), lower(name)]) {
                let base = name.rsplit_once('/').map_or(&*name, |(_, base)| base);
                let print = hasher.of(&name);
                prop_assert_eq!(print.is_lower, lower(&name) == name);
                prop_assert_eq!(print.folded, hasher.of(&lower(&name)).folded);
                prop_assert_eq!(print.base, hasher.of(base).base);
                prop_assert_eq!(hasher.of(&lower(base)).base == print.base, lower(base) == base);
                let is_base = lower(base) == lower(&name);
                prop_assert_eq!(hasher.of(base).folded == print.folded, is_base);
                for other in [format!("{name}\0"), format!("\0{name}"), format!("{name}/")] {
                    prop_assert_ne!(hasher.of(&other).folded, print.folded);
                }
                prop_assert_ne!(NameHasher::default().of(&name).folded, print.folded);
            }
        }
    }

    #[test]
    fn every_byte_affects_the_fingerprint() {
        let mut hasher = NameHasher::default();
        for length in [1, 7, 8, 9, 15, 16, 17, 511, 512, 513, 600] {
            for whole in ["a".repeat(length), format!("{}/a", "a".repeat(length))] {
                let mut seen = std::collections::HashSet::from([hasher.of(&whole).folded]);
                for place in 0..length {
                    let mut other = whole.clone();
                    other.replace_range(place..=place, "b");
                    assert!(seen.insert(hasher.of(&other).folded), "{place} of {length}");
                    other.replace_range(place..=place, "B");
                    assert!(!seen.insert(hasher.of(&other).folded), "{place} of {length}");
                }
            }
        }
    }
}
