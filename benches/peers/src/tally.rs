//! A short summary of a listing, for the comparison of clients.

use serde::{Deserialize, Serialize};

/// A summary of a listing. Two clients with the same summary have listed the same blobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// The number of blobs.
    pub blobs: u64,
    /// The sum of their sizes, in bytes.
    pub bytes: u64,
    /// The sum of the lengths of their names, in bytes.
    pub name_bytes: u64,
    /// The sum of a hash of each name and size, so that the order does not matter.
    pub hash: u64,
}

impl Tally {
    /// Adds a blob.
    pub fn add(&mut self, name: &str, size: u64) {
        self.blobs += 1;
        self.bytes = self.bytes.wrapping_add(size);
        self.name_bytes += name.len() as u64;
        self.hash = self.hash.wrapping_add(hash(name.as_bytes(), size));
    }
}

/// Hashes a name and a size, 16 bytes at a time. Every client pays for this, so it must be cheap.
fn hash(name: &[u8], size: u64) -> u64 {
    let (pairs, rest) = name.as_chunks::<16>();
    // The last 16 bytes overlap the previous pair. A name of fewer than 16 bytes has no pair.
    let short = || rest.iter().fold(0, |word, byte| word << 8 | u128::from(*byte));
    let last = name.last_chunk().map_or_else(short, |last| u128::from_le_bytes(*last));
    // Mixes each pair independently, so that the processor can work on several at a time.
    let mut hash = mix(u128::from(size) << 64 | name.len() as u128).rotate_left(32) ^ mix(last);
    let mut place = 0_u128;
    for pair in pairs {
        place = place.wrapping_add(0xd6e8_feb8_6659_fd93);
        hash = hash.wrapping_add(mix(place ^ u128::from_le_bytes(*pair)));
    }
    hash
}

/// Multiplies two words and folds both halves of the product.
fn mix(pair: u128) -> u64 {
    let [one, other] =
        [pair as u64 ^ 0x2545_f491_4f6c_dd1d, (pair >> 64) as u64 ^ 0x9e37_79b9_7f4a_7c15];
    let product = u128::from(one) * u128::from(other);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_does_not_matter_and_everything_else_does() {
        let tally = |blobs: &[(&str, u64)]| {
            let mut tally = Tally::default();
            blobs.iter().for_each(|(name, size)| tally.add(name, *size));
            tally
        };
        let one = tally(&[("a/000001.jpg", 10), ("b/000002.jpg", 20)]);
        assert_eq!(one, tally(&[("b/000002.jpg", 20), ("a/000001.jpg", 10)]));
        assert_ne!(one.hash, tally(&[("b/000002.jpg", 10), ("a/000001.jpg", 20)]).hash);
        assert_ne!(one.hash, tally(&[("a/000002.jpg", 10), ("b/000001.jpg", 20)]).hash);
    }
}
