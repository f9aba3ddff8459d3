use std::{
    collections::HashSet,
    hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState},
};

use super::{Finding, findings::known};

/// How many names are remembered; the two sets take about 19 MiB then
pub(super) const MAX_NAMES: usize = (1 << 20) / 8 * 7;

/// Finds names that are the same but for letter case, or but for the folder
///
/// Remembers a 64-bit fingerprint of each name under a key of its own, so that nobody can choose
/// names that collide by design: with a million names the odds of one false finding are one to ten
/// million.
#[derive(Debug, Default)]
pub(crate) struct Collisions {
    key: RandomState,
    folded: Fingerprints,
    base: Fingerprints,
    text: String,
}

type Fingerprints = HashSet<u64, BuildHasherDefault<AsIs>>;

impl Collisions {
    /// Takes note of an asset's name; `None` where no more names can be remembered
    pub(crate) fn see(&mut self, name: &str) -> Option<[Option<&'static Finding>; 2]> {
        if self.folded.len() >= MAX_NAMES {
            return None;
        }
        self.text.clear();
        if name.is_ascii() {
            self.text.push_str(name);
            self.text.make_ascii_lowercase();
        } else {
            self.text.extend(name.chars().flat_map(char::to_lowercase));
        }
        let new = self.folded.insert(self.key.hash_one(&self.text));
        let case = (!new).then_some(&known::CASE);
        let base = name.rsplit('/').next().unwrap_or(name);
        let new = self.base.insert(self.key.hash_one(base));
        let base = (!new).then_some(&known::BASE);
        Some([case, base])
    }
}

/// Fingerprints are hashes already
#[derive(Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        debug_assert!(false, "only fingerprints are hashed");
    }

    fn write_u64(&mut self, fingerprint: u64) {
        self.0 = fingerprint;
    }
}
