//! FNV-1a hashes, which are the same in every process and on every machine.
//!
//! They identify stored results. Names, which may be chosen by an attacker, are hashed in
//! `name_fingerprint` instead, under a secret key.

/// An FNV-1a hash of 64 bits over length-prefixed texts.
///
/// Source: Fowler, Noll, Vo and Eastlake, "The FNV Non-Cryptographic Hash Algorithm".
#[derive(Clone, Debug)]
pub(crate) struct Fnv(u64);

impl Default for Fnv {
    /// The offset basis that FNV defines for 64 bits.
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    /// Adds bytes.
    pub(crate) fn bytes(&mut self, bytes: impl IntoIterator<Item = u8>) {
        for byte in bytes {
            // The prime that FNV defines for 64 bits.
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }

    /// Adds a text with its length, so that two texts never hash like one.
    pub(crate) fn text(&mut self, text: &str) {
        self.bytes((text.len() as u64).to_le_bytes());
        self.bytes(text.bytes());
    }

    /// Adds a set of texts: order and repetitions make no difference.
    pub(crate) fn list<'a>(&mut self, texts: impl Iterator<Item = &'a str>) {
        let mut texts: Vec<_> = texts.collect();
        texts.sort_unstable();
        texts.dedup();
        self.bytes((texts.len() as u64).to_le_bytes());
        texts.into_iter().for_each(|text| self.text(text));
    }

    /// Returns the hash of everything added so far.
    pub(crate) fn finish(&self) -> u64 {
        self.0
    }
}
