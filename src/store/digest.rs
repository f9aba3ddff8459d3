use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Serialize, Serializer};

/// The MD5 of a blob's content; base64 in text, as Azure writes it
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentMd5([u8; 16]);

/// The value of each digit of base64, and all bits for what is none
#[cfg(feature = "azure")]
#[expect(clippy::indexing_slicing, reason = "computed at compile time")]
const BASE64: [u32; 256] = {
    let mut values = [u32::MAX; 256];
    let mut value = 0;
    while value < 26 {
        values[b'A' as usize + value] = value as u32;
        values[b'a' as usize + value] = value as u32 + 26;
        if value < 10 {
            values[b'0' as usize + value] = value as u32 + 52;
        }
        value += 1;
    }
    values[b'+' as usize] = 62;
    values[b'/' as usize] = 63;
    values
};

impl ContentMd5 {
    /// The digest
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    #[cfg(feature = "azure")]
    pub(crate) fn from_base64(text: &[u8]) -> Option<Self> {
        let mut digest = None;
        Self::put_base64(&mut digest, text)?;
        digest
    }

    /// Sets a place to the digest in a text, or to `None` where there is none, and then returns `None`
    ///
    /// Into the place at once: a copy made right behind small writes would have to wait for them.
    #[cfg(feature = "azure")]
    #[inline]
    pub(crate) fn put_base64(place: &mut Option<Self>, text: &[u8]) -> Option<()> {
        let Self(digest) = place.insert(Self([0; 16]));
        let read = Self::read_base64(digest, text);
        if read.is_none() {
            *place = None;
        }
        read
    }

    #[cfg(feature = "azure")]
    #[inline]
    fn read_base64(digest: &mut [u8; 16], text: &[u8]) -> Option<()> {
        let (threes, last) = digest.as_chunks_mut::<3>();
        let (fours, rest) = text.as_chunks::<4>();
        let ([fours @ .., [a, b, b'=', b'=']], [last], []) = (fours, last, rest) else {
            return None;
        };
        if fours.len() != threes.len() {
            return None;
        }
        let value = |digit: &u8| BASE64.get(usize::from(*digit)).copied().unwrap_or(u32::MAX);
        let number =
            |four: &[u8; 4]| four.iter().fold(0, |number, digit| number << 6 | value(digit));
        let mut all = number(&[b'A', b'A', *a, *b]);
        if all & 0xf != 0 {
            return None;
        }
        *last = (all >> 4) as u8;
        for (three, four) in threes.iter_mut().zip(fours) {
            let number = number(four);
            let [_, bytes @ ..] = number.to_be_bytes();
            (*three, all) = (bytes, all | number);
        }
        // What is no digit has set the bits above.
        (all < 1 << 24).then_some(())
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
