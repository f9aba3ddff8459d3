//! Finds names that differ only by letter case or Unicode form, and equal names in different folders.
//!
//! Only fingerprints of names are kept, so all remembered names take at most about 20 MiB. Two properties of usual
//! listings make this cheap: as long as all names are in lower case and in one folder, no two of them can
//! collide, and fingerprints are only appended to a list. The first name that breaks this turns the list
//! into a hash set.

use super::{
    Finding, fixed_findings as fixed,
    name_fingerprint::{NameFingerprint, NameHasher},
};

/// The most names that are remembered, each by two fingerprints.
///
/// At the limit a list takes 7 MiB and a set 10 MiB, and both exist while one is converted to the other.
const MAX_NAMES: usize = 917_504;

/// The number of fingerprints in one part of a list. Parts avoid copying the list when it grows.
const PART: usize = 4096;
/// The number of fingerprints of a list that are inserted into a set at once.
const AT_ONCE: usize = 64;

/// Detects collisions of the names of a scan's assets.
///
/// Fingerprints have 64 bits and a random key for each scan, so nobody can choose names that collide. With
/// a million names, the probability of one false finding is about one in ten million.
#[derive(Default)]
pub(crate) struct Collisions {
    hasher: NameHasher,
    /// Fingerprints of names in lower case.
    folded: Remembered,
    /// Fingerprints of names without their folder.
    base: Remembered,
    /// The fingerprints of one call, kept for their allocation.
    room: Vec<NameFingerprint>,
    /// The results of one call, kept for their allocation.
    checks: Vec<CollisionCheck>,
}

/// The fingerprints of the names seen so far, of one of the two kinds.
enum Remembered {
    /// A list without lookups, while no two names can collide: all names are in lower case themselves, or
    /// all names are in one folder. Looking each one up in a set would take several times as long.
    List { parts: Vec<Vec<u64>>, len: usize },
    /// A set, once two names may collide.
    Set(Set),
}

/// The result of the collision check for one name.
///
/// A scan turns it into findings, and counts the names that were not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CollisionCheck {
    /// Whether an earlier name differs only by letter case, and whether one is equal in another folder.
    Compared { case: bool, base: bool },
    /// Unknown, because there were too many names to remember.
    Forgotten,
}

impl CollisionCheck {
    /// Returns the findings that follow from the check.
    #[inline]
    pub(crate) fn findings(self) -> impl Iterator<Item = &'static Finding> {
        let (case, base) = match self {
            Self::Compared { case, base } => (case, base),
            Self::Forgotten => (false, false),
        };
        case.then_some(&fixed::CASE).into_iter().chain(base.then_some(&fixed::BASE))
    }
}

impl Collisions {
    /// Checks names against all earlier ones and remembers them.
    ///
    /// Pass many names at once: the set is larger than the processor's caches and each lookup hits a random
    /// place, so the lookups of one call overlap their waiting for memory. No name may occur twice, which
    /// the scan ensures.
    pub(crate) fn check<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> &[CollisionCheck] {
        let Self { hasher, folded, base, room, checks } = self;
        checks.clear();
        if folded.len().max(base.len()) >= MAX_NAMES {
            checks.extend(names.map(|_| CollisionCheck::Forgotten));
            return checks;
        }
        room.clear();
        room.extend(names.map(|name| hasher.of(name)));
        // Names with capital letters can collide with others in lower case.
        if room.iter().any(|print| !print.is_lower) {
            folded.look_up();
        }
        // Names in a second folder can repeat a name of the first one.
        if room.iter().any(|print| !print.is_in_first_folder) {
            base.look_up();
        }
        // Names beyond the limit are not checked.
        let known = MAX_NAMES - folded.len().max(base.len());
        let known = room.get(..known).unwrap_or(room);
        checks.resize(known.len(), CollisionCheck::Compared { case: false, base: false });
        folded.add(known.iter().map(|print| print.folded), |n, is_there| {
            if let Some(CollisionCheck::Compared { case, .. }) = checks.get_mut(n) {
                *case = is_there;
            }
        });
        base.add(known.iter().map(|print| print.base), |n, is_there| {
            if let Some(CollisionCheck::Compared { base, .. }) = checks.get_mut(n) {
                *base = is_there;
            }
        });
        checks.resize(room.len(), CollisionCheck::Forgotten);
        checks
    }
}

impl Default for Remembered {
    fn default() -> Self {
        Self::List { parts: Vec::new(), len: 0 }
    }
}

impl Remembered {
    /// The number of fingerprints.
    fn len(&self) -> usize {
        match self {
            Self::List { len, .. } => *len,
            Self::Set(set) => set.len,
        }
    }

    /// Adds fingerprints and reports for each, by its index, whether it was there already.
    ///
    /// A list reports nothing, because its fingerprints are distinct.
    fn add(
        &mut self,
        mut prints: impl Iterator<Item = u64> + Clone,
        mut tell: impl FnMut(usize, bool),
    ) {
        match self {
            Self::List { parts, len } => loop {
                // INVARIANT: fingerprints in a list are distinct, so nothing has to be reported. The
                // caller converts the list before it adds one that may not be.
                let Some(part) = parts.last_mut().filter(|part| part.len() < PART) else {
                    // A part is allocated once with its full capacity and never grows.
                    parts.push(Vec::with_capacity(PART));
                    continue;
                };
                let before = part.len();
                part.extend(prints.by_ref().take(PART - before));
                *len += part.len() - before;
                if part.len() < PART {
                    break;
                }
            },
            Self::Set(set) => {
                set.fetch(prints.clone());
                for (n, print) in prints.enumerate() {
                    tell(n, !set.insert(print));
                }
            }
        }
    }

    /// Converts a list to a set, because two names may collide from now on.
    ///
    /// Earlier names are not reported: the later name of a pair gets the finding.
    #[inline(never)]
    fn look_up(&mut self) {
        if let Self::List { parts, len } = self {
            let mut set = Set::for_more_than(*len);
            // The parts are dropped one by one, so that list and set overlap as little as possible.
            for part in std::mem::take(parts) {
                for some in part.chunks(AT_ONCE) {
                    set.fetch(some.iter().copied());
                    for print in some {
                        set.insert(*print);
                    }
                }
            }
            *self = Self::Set(set);
        }
    }
}

/// A hash set of fingerprints: open addressing by buckets, at most seven of eight slots taken.
///
/// Fingerprints are random already, so they are used as hashes directly.
struct Set {
    /// The first bucket for a fingerprint is at its proportional position among all 64-bit numbers. The
    /// buckets are therefore roughly in the order of the fingerprints, and growing reads and writes
    /// memory sequentially.
    buckets: Vec<Bucket>,
    len: usize,
}

/// A cache line of slots, filled from the front. 0 marks a free slot.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Bucket([u64; WIDTH]);

/// The slots of a bucket: 64 bytes.
const WIDTH: usize = 8;

/// The initial number of buckets.
const FIRST: usize = 76;

/// The factor of growth.
///
/// A large factor means few steps, because touching fresh memory costs more than the work done in it. The
/// last step leads to 10 MiB, in which the most names that are remembered take seven of ten slots. With
/// more, many buckets would be full.
const GROWTH: usize = 3;

impl Default for Set {
    fn default() -> Self {
        Self::with_buckets(FIRST)
    }
}

impl Set {
    /// Makes an empty set.
    fn with_buckets(buckets: usize) -> Self {
        Self { buckets: vec![Bucket::default(); buckets], len: 0 }
    }

    /// Makes an empty set with room for more than `len` fingerprints.
    fn for_more_than(len: usize) -> Self {
        let mut buckets = FIRST;
        while len >= buckets * (WIDTH - 1) {
            buckets *= GROWTH;
        }
        Self::with_buckets(buckets)
    }

    /// Returns the first bucket for a fingerprint.
    #[inline]
    fn place(&self, print: u64) -> usize {
        // Multiplying by the number of buckets maps the 64-bit range to positions without a division.
        ((u128::from(print) * self.buckets.len() as u128) >> 64) as usize
    }

    /// Loads the buckets of some fingerprints into the cache.
    #[inline]
    fn fetch(&self, prints: impl Iterator<Item = u64>) {
        let first = |print| self.buckets.get(self.place(print)).map_or(0, |bucket| bucket.0[0]);
        // No branch depends on these reads, so the processor issues them all without waiting.
        std::hint::black_box(prints.fold(0, |all, print| all ^ first(print)));
    }

    /// Inserts a fingerprint and returns whether it was new.
    #[inline]
    fn insert(&mut self, print: u64) -> bool {
        if self.len == self.buckets.len() * (WIDTH - 1) {
            self.grow();
        }
        // 0 marks free slots, so the fingerprint 0 counts as 1.
        let print = print.max(1);
        let mut place = self.place(print);
        while let Some(Bucket(slots)) = self.buckets.get_mut(place) {
            // Reading all slots is faster than stopping at a match, because the branch predictor cannot
            // know where that is.
            let is_there = slots.iter().fold(false, |is, slot| is | (*slot == print));
            let taken = slots.iter().filter(|slot| **slot != 0).count();
            if is_there | (taken < WIDTH) {
                // The slot is free, or the fingerprint is there and the slot stays as it is.
                if let Some(slot) = slots.get_mut(taken % WIDTH) {
                    *slot |= if is_there { 0 } else { print };
                }
                self.len += usize::from(!is_there);
                return !is_there;
            }
            place = (place + 1) % self.buckets.len();
        }
        // Not reached: one slot in eight is free, and each position is one of a bucket.
        true
    }

    /// Moves the fingerprints to a larger set.
    #[cold]
    fn grow(&mut self) {
        let mut larger = Self::for_more_than(self.len);
        for &print in
            self.buckets.iter().flat_map(|Bucket(slots)| slots).filter(|&&print| print != 0)
        {
            larger.insert(print);
        }
        *self = larger;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_set_keeps_all_fingerprints_while_it_grows() {
        let mut rng = fastrand::Rng::with_seed(8);
        let (mut set, mut known) = (Set::default(), HashSet::new());
        for n in 0..60_000_u64 {
            // Many fingerprints with the same start fill buckets, and the last bucket wraps to the first.
            let print = [rng.u64(1..), u64::MAX - rng.u64(..300), rng.u64(1..40_000)];
            let print = print[(n % 3) as usize];
            assert_eq!(set.insert(print), known.insert(print));
            assert_eq!(set.len, known.len());
        }
    }

    #[test]
    fn the_largest_set_has_room_for_the_most_names() {
        let mut rng = fastrand::Rng::with_seed(8);
        let (mut set, mut known) = (Set::default(), HashSet::new());
        for _ in 0..450_000 {
            let print = rng.u64(..);
            assert_eq!(set.insert(print), known.insert(print));
        }
        assert!(known.iter().all(|print| !set.insert(*print)));
        assert_eq!(set.buckets.len(), Set::for_more_than(MAX_NAMES).buckets.len());
        assert_eq!(size_of_val(&*set.buckets) >> 20, 10);
    }

    #[test]
    fn a_full_list_stays_a_list() {
        let names: Vec<_> = (0..MAX_NAMES).map(|n| n.to_string()).collect();
        let mut collisions = Collisions::default();
        for names in names.chunks(1000) {
            let seen = collisions.check(names.iter().map(String::as_str));
            assert!(
                seen.iter()
                    .all(|seen| matches!(seen, CollisionCheck::Compared { case: false, .. }))
            );
        }
        assert_eq!(
            collisions.check(["A", "b"].into_iter()),
            [CollisionCheck::Forgotten, CollisionCheck::Forgotten]
        );
        assert!(matches!(collisions.folded, Remembered::List { .. }));
    }

    #[test]
    fn a_late_conversion_to_a_set_includes_the_first_names() {
        for (other, at) in [0, 1, 100, PART, 3 * PART, 3 * PART + 1].into_iter().enumerate() {
            let mut collisions = Collisions::default();
            let names: Vec<_> = (0..3 * PART + 2).map(|n| format!("a/{n}\u{e9}.jpg")).collect();
            let mut see = |name: &str| match collisions.check([name].into_iter()) {
                [CollisionCheck::Compared { case, base }] => (*case, *base),
                other => panic!("{other:?}"),
            };
            for (n, name) in names.iter().enumerate() {
                if n == at {
                    // A name that is not in lower case, or in another folder.
                    assert_eq!(see(["a/B.jpg", "b.jpg"][other % 2]), (false, false));
                }
                assert_eq!(see(name), (false, false), "{name}");
            }
            for name in &names {
                assert_eq!(see(&name.to_uppercase()), (true, false));
                assert_eq!(see(&format!("b/{name}")), (false, true));
            }
        }
    }
}
