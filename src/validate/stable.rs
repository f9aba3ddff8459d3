//! Fingerprints that are the same in every process and on every machine.

use super::{Reason, Rules};

/// Counts up when the same rules judge another way than they did in the release before
const REVISION: &str = "1";

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

impl Rules {
    /// A number that tells these rules from others, to be stored with what they judged
    ///
    /// Rules that are set alike have the same, in every process and on every platform, and so have
    /// lists of patterns in another order. Any other format, limit, action or filter has another
    /// one, as has a release of this crate that judges otherwise. It is FNV-1a of 64 bits, and not
    /// cryptographic: it shows a change, and is no proof against somebody who wants to hide one.
    ///
    /// ```
    /// use azure_asset_sync::{Kind, Rules};
    ///
    /// let judged_by = Rules::default().fingerprint();
    /// assert_eq!(Rules::default().fingerprint(), judged_by);
    /// assert_ne!(Rules::default().max_size(Kind::Image, 1 << 20).fingerprint(), judged_by);
    /// ```
    pub fn fingerprint(&self) -> u64 {
        let mut print = Fnv::default();
        print.text(REVISION);
        for &reason in Reason::ALL {
            print.text(reason.as_str());
            print.text(self.action(reason).as_str());
        }
        for bytes in self.limits() {
            print.text(&bytes.to_string());
        }
        print.text(&self.formats().len().to_string());
        for format in self.formats() {
            print.text(format.extension());
            print.text(format.kind().as_str());
            print.text(format.media_type().as_str());
            print.list(format.aliases());
        }
        if let Some(filter) = self.active_filter() {
            filter.write(&mut print);
        }
        print.finish()
    }
}
