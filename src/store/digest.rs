//! [`ContentMd5`], and a fast way to read it from base64.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Serialize, Serializer};

/// The MD5 of a blob's content. Its text is base64, as Azure writes it.
///
/// Use it to compare content, and not to authenticate it: MD5 is broken, and whoever uploads a blob
/// sets it.
///
/// ```
/// use azure_asset_sync::store::ContentMd5;
///
/// let digest = ContentMd5::from([0; 16]);
/// assert_eq!(digest.to_string(), "AAAAAAAAAAAAAAAAAAAAAA==");
/// assert_eq!(digest.as_bytes(), &[0; 16]);
/// ```
#[doc(alias = "checksum")]
#[doc(alias = "hash")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentMd5([u8; 16]);

/// The contribution of each base64 digit to three bytes, by its position among four digits.
///
/// The first of the three bytes is the lowest of the word. The highest byte of the word is zero, or
/// all bits for a character that is no digit, so that one test finds any of those.
#[cfg(feature = "azure")]
#[expect(clippy::indexing_slicing, reason = "computed at compile time")]
static BASE64: [[u32; 256]; 4] = {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut gives = [[0xff << 24; 256]; 4];
    let mut place = 0;
    while place < gives.len() {
        let mut value = 0;
        while value < digits.len() {
            let number = (value as u32) << (18 - 6 * place);
            gives[place][digits[value] as usize] = number.swap_bytes() >> 8;
            value += 1;
        }
        place += 1;
    }
    gives
};

impl ContentMd5 {
    /// Returns the digest.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads a digest from base64, with padding and without blanks; returns `None` for anything
    /// else.
    // Tables without branches, because nearly every blob of a listing has a digest.
    #[cfg(feature = "azure")]
    #[inline]
    pub(super) fn from_base64(text: &[u8]) -> Option<Self> {
        let (fours, rest) = text.as_chunks::<4>();
        let ([fours @ .., [a, b, b'=', b'=']], []) = (fours, rest) else { return None };
        let fours: &[[u8; 4]; 5] = fours.try_into().ok()?;
        let look_up = |table: &[u32; 256], digit: &u8| table.get(usize::from(*digit)).copied();
        let bytes = |four: &[u8; 4]| {
            let digits = BASE64.iter().zip(four);
            let or = |bytes, (table, digit)| bytes | look_up(table, digit).unwrap_or(u32::MAX);
            digits.fold(0, or)
        };
        // 22 digits: five groups of four, which are 15 bytes, and two for the last byte. Of the
        // very last digit only the upper two bits belong to the digest; the others must be zero.
        let last = bytes(&[b'A', b'A', *a, *b]);
        let mut all = last | (last & 0xf << 16) << 8;
        let mut digest = u128::from(last >> 8 << 4 & 0xf0 | last >> 20) << 120;
        for (at, four) in fours.iter().enumerate() {
            let bytes = bytes(four);
            all |= bytes;
            digest |= u128::from(bytes) << (24 * at);
        }
        // One test for all digits, instead of a branch for each.
        (all >> 24 == 0).then(|| Self(digest.to_le_bytes()))
    }
}

impl From<[u8; 16]> for ContentMd5 {
    fn from(digest: [u8; 16]) -> Self {
        Self(digest)
    }
}

impl fmt::Display for ContentMd5 {
    /// Writes the digest in base64.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for ContentMd5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentMd5({self})")
    }
}

impl Serialize for ContentMd5 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(all(test, feature = "azure"))]
mod tests {
    use super::*;

    /// All lengths up to 39 bytes, and every byte value at every position of a digest.
    #[test]
    fn from_base64_accepts_what_a_base64_library_accepts() {
        let mut rng = fastrand::Rng::with_seed(3);
        for length in 0..40 {
            let bytes: Vec<u8> = (0..length).map(|_| rng.u8(..)).collect();
            let digest = ContentMd5::from_base64(STANDARD.encode(&bytes).as_bytes());
            assert_eq!(
                digest.map(|digest| digest.as_bytes().to_vec()),
                (length == 16).then_some(bytes)
            );
        }
        let good = STANDARD.encode([0xa5; 16]).into_bytes();
        for at in 0..good.len() {
            for byte in 0..=u8::MAX {
                let mut text = good.clone();
                text[at] = byte;
                let known = STANDARD.decode(&text).ok().and_then(|bytes| bytes.try_into().ok());
                assert_eq!(ContentMd5::from_base64(&text), known.map(ContentMd5), "{at} {byte}");
            }
        }
    }
}
