use std::hash::{BuildHasher as _, RandomState};

/// How many words of eight bytes have a key: what is longer is rare, and SipHash's
const WORDS: usize = 64;
const LONGEST: usize = 8 * WORDS;

/// Fingerprints of texts, under a secret key that is new each time
///
/// A sum of products, multilinear hashing: word `i` of a text times the random key `i` of 128 bits,
/// of which sum the upper 64 bits count. Of any two different texts, chosen by whoever does not
/// know the key, it is proven that they have the same fingerprint with a chance of one to 2^64 at
/// most (Lemire and Kaser, "Strongly universal string hashing is fast", The Computer Journal 57,
/// 2014). That matters where rules reject what collides. SipHash costs more, and other fast hashes
/// have no such proof.
pub(super) struct Key {
    words: [u128; WORDS],
    last: u128,
    length: u128,
    start: u128,
    long: RandomState,
}

impl Default for Key {
    fn default() -> Self {
        let long = RandomState::new();
        let mut numbers = (0_u64..).map(|n| u128::from(long.hash_one(n)));
        let mut key = || numbers.next().unwrap_or(0) << 64 | numbers.next().unwrap_or(0);
        let words = std::array::from_fn(|_| key());
        Self { words, last: key(), length: key(), start: key(), long }
    }
}

impl Key {
    /// The fingerprint of a text as it is
    pub(super) fn exact(&self, text: &str) -> u64 {
        match text.len() {
            ..=LONGEST => self.sum(text.as_bytes(), |word| word),
            _ => self.long.hash_one(text),
        }
    }

    /// The fingerprint of a text in lower case; `lower` is room for it
    pub(super) fn folded(&self, text: &str, lower: &mut String) -> u64 {
        if text.len() <= LONGEST {
            let mut beyond_ascii = 0;
            let print = self.sum(text.as_bytes(), |word| {
                beyond_ascii |= word & each(0x80);
                lower_case(word)
            });
            if beyond_ascii == 0 {
                return print;
            }
        }
        lower.clear();
        lower.extend(text.chars().flat_map(char::to_lowercase));
        self.exact(lower)
    }

    fn sum(&self, text: &[u8], mut change: impl FnMut(u64) -> u64) -> u64 {
        let mut word = |bytes: &[u8; 8]| u128::from(change(u64::from_le_bytes(*bytes)));
        let (words, _) = text.as_chunks::<8>();
        let mut sum = self.start.wrapping_add(self.length.wrapping_mul(text.len() as u128));
        for (key, bytes) in self.words.iter().zip(words) {
            sum = sum.wrapping_add(key.wrapping_mul(word(bytes)));
        }
        // The last word overlaps the one before it, or is the same: with the length that is all
        // of the text, and no two texts have the same words and length.
        let last = match text.last_chunk() {
            Some(bytes) => word(bytes),
            None => u128::from(change(text.iter().fold(0, |word, &b| word << 8 | u64::from(b)))),
        };
        sum = sum.wrapping_add(self.last.wrapping_mul(last));
        scatter((sum >> 64) as u64)
    }
}

/// Makes neighbours of numbers that are an even distance apart, as those of numbered names are;
/// different numbers stay different
fn scatter(number: u64) -> u64 {
    (number ^ number >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Eight bytes of ASCII with `A` to `Z` in lower case
fn lower_case(word: u64) -> u64 {
    let from_a = word.wrapping_add(each(0x80 - b'A'));
    let beyond_z = word.wrapping_add(each(0x7f - b'Z'));
    word | (from_a & !beyond_z & each(0x80)) >> 2
}

const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_have_the_same_fingerprint_where_they_are_the_same(
            a in "[ -~]{0,20}",
            b in "[@AZ\\[`az{\u{0}\u{e9}\u{c9}\u{212a}k]{0,20}",
            times in prop::sample::select(vec![1, 3, 60]),
        ) {
            let (key, room) = (Key::default(), &mut String::new());
            for text in [a.repeat(times), b.repeat(times), format!("{a}{b}"), format!("{b}{a}")] {
                let lower = text.chars().flat_map(char::to_lowercase).collect::<String>();
                prop_assert_eq!(key.folded(&text, room), key.exact(&lower));
                prop_assert_eq!(key.exact(&text), key.exact(&text.clone()));
                prop_assert_eq!(key.exact(&text) == key.exact(&lower), text == lower);
                let longer = format!("{text}\0");
                prop_assert_ne!(key.exact(&text), key.exact(&longer));
                prop_assert_ne!(key.exact(&text), Key::default().exact(&text));
            }
        }
    }

    #[test]
    fn each_byte_counts() {
        let key = Key::default();
        for length in [1, 7, 8, 9, 15, 16, 17, 511, 512, 513, 600] {
            let text = "a".repeat(length);
            let mut seen = std::collections::HashSet::from([key.exact(&text)]);
            for place in 0..length {
                let mut other = text.clone();
                other.replace_range(place..=place, "b");
                assert!(seen.insert(key.exact(&other)), "{place} of {length}");
            }
        }
    }
}
