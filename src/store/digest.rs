use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Serialize, Serializer};

/// The MD5 of a blob's content; base64 in text, as Azure writes it
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentMd5([u8; 16]);

/// What each digit of base64 gives to the three bytes of four digits, by its place among these; the
/// first byte is the lowest, and the highest is all bits for what is no digit
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
    /// The digest
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    #[cfg(feature = "azure")]
    #[inline]
    pub(crate) fn from_base64(text: &[u8]) -> Option<Self> {
        let (fours, rest) = text.as_chunks::<4>();
        let ([fours @ .., [a, b, b'=', b'=']], []) = (fours, rest) else { return None };
        let fours: &[[u8; 4]; 5] = fours.try_into().ok()?;
        let gives = |gives: &[u32; 256], digit: &u8| gives.get(usize::from(*digit)).copied();
        let bytes = |four: &[u8; 4]| {
            let digits = BASE64.iter().zip(four);
            digits.fold(0, |bytes, (table, digit)| bytes | gives(table, digit).unwrap_or(u32::MAX))
        };
        // Of the last digit's six bits four are of another byte, and zeros.
        let last = bytes(&[b'A', b'A', *a, *b]);
        let mut all = last | (last & 0xf << 16) << 8;
        let mut digest = u128::from(last >> 8 << 4 & 0xf0 | last >> 20) << 120;
        for (at, four) in fours.iter().enumerate() {
            let bytes = bytes(four);
            all |= bytes;
            digest |= u128::from(bytes) << (24 * at);
        }
        (all >> 24 == 0).then(|| Self(digest.to_le_bytes()))
    }
}

impl From<[u8; 16]> for ContentMd5 {
    fn from(digest: [u8; 16]) -> Self {
        Self(digest)
    }
}

impl fmt::Display for ContentMd5 {
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

    #[test]
    fn only_the_text_of_sixteen_bytes_is_a_digest() {
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
