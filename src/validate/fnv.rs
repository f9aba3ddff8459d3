//! FNV-1a hashes, which are the same in every process and on every machine.

/// FNV-1a of 64 bits, over texts with their lengths
///
/// Source: Fowler, Noll, Vo and Eastlake, "The FNV Non-Cryptographic Hash Algorithm".
#[derive(Clone, Debug)]
pub(crate) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    pub(crate) fn bytes(&mut self, bytes: impl IntoIterator<Item = u8>) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }

    /// A text, of which it is told where it ends
    pub(crate) fn text(&mut self, text: &str) {
        self.bytes((text.len() as u64).to_le_bytes());
        self.bytes(text.bytes());
    }

    /// Texts in any order, each as often as one likes
    pub(crate) fn list<'a>(&mut self, texts: impl Iterator<Item = &'a str>) {
        let mut texts: Vec<_> = texts.collect();
        texts.sort_unstable();
        texts.dedup();
        self.bytes((texts.len() as u64).to_le_bytes());
        texts.into_iter().for_each(|text| self.text(text));
    }

    pub(crate) fn finish(&self) -> u64 {
        self.0
    }
}
