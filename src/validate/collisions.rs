use super::{
    Finding, fixed_findings as fixed,
    name_fingerprint::{NameFingerprint, NameHasher},
};

/// How many names are remembered, twice each: a list takes 7 MiB then and a set 10, and both while the
/// one becomes the other
const MAX_NAMES: usize = 917_504;

/// How many fingerprints go into one part of a list, and at once into a set
const PART: usize = 4096;
const AT_ONCE: usize = 64;

/// Finds names that are the same but for letter case, or but for the folder
///
/// Remembers a 64-bit fingerprint of each name under a key of its own, so that nobody can choose
/// names that collide by design: with a million names the odds of one false finding are one to ten
/// million.
#[derive(Default)]
pub(crate) struct Collisions {
    hasher: NameHasher,
    folded: Remembered,
    base: Remembered,
    /// Room for the fingerprints of one call, and for what was found
    room: Vec<NameFingerprint>,
    checks: Vec<CollisionCheck>,
}

/// The fingerprints of what was seen
enum Remembered {
    /// In any order, as long as no two can be the same: of names in lower case those that all are in
    /// lower case themselves, and of names without their folder those of one folder. To look each up in
    /// a set would take several times as long.
    List { parts: Vec<Vec<u64>>, len: usize },
    /// Once two may be the same
    Set(Set),
}

/// What is known of a name
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CollisionCheck {
    /// Whether it was there in another letter case, and in another folder
    Compared { case: bool, base: bool },
    /// Nothing, since there were too many names to remember
    Forgotten,
}

impl CollisionCheck {
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
    /// Takes note of the names of some assets, and tells of each what was there before it
    ///
    /// Many at once, so that the processor fetches the memory for one while it waits for that of
    /// another: each name has its place in a set at random, which is larger than a cache. No name may
    /// come twice, which a scan sees to.
    pub(crate) fn check<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> &[CollisionCheck] {
        let Self { hasher, folded, base, room, checks } = self;
        checks.clear();
        if folded.len().max(base.len()) >= MAX_NAMES {
            checks.extend(names.map(|_| CollisionCheck::Forgotten));
            return checks;
        }
        room.clear();
        room.extend(names.map(|name| hasher.of(name)));
        if room.iter().any(|print| !print.is_lower) {
            folded.look_up();
        }
        if room.iter().any(|print| !print.is_in_first_folder) {
            base.look_up();
        }
        // Of those for which there is no room nothing is known.
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
    fn len(&self) -> usize {
        match self {
            Self::List { len, .. } => *len,
            Self::Set(set) => set.len,
        }
    }

    /// Adds some, and tells of each by its number whether it was there
    fn add(
        &mut self,
        mut prints: impl Iterator<Item = u64> + Clone,
        mut tell: impl FnMut(usize, bool),
    ) {
        match self {
            Self::List { parts, len } => loop {
                let Some(part) = parts.last_mut().filter(|part| part.len() < PART) else {
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

    /// From now on two may be the same
    #[inline(never)]
    fn look_up(&mut self) {
        if let Self::List { parts, len } = self {
            let mut set = Set::for_more_than(*len);
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

/// A set of fingerprints: open addressing by buckets, at most seven slots of eight taken
struct Set {
    /// A fingerprint is looked for in the one at its share of all numbers first: the order is that of
    /// the fingerprints, so that growing goes through memory once
    buckets: Vec<Bucket>,
    len: usize,
}

/// A line of the cache, filled from the front; 0 is free
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Bucket([u64; WIDTH]);

const WIDTH: usize = 8;

/// How many buckets a set has at first
const FIRST: usize = 76;

/// In few steps, since memory that was not used before costs more than what is done in it, and yet not
/// to much more than is needed. The last one leads to 10 MiB, of which all names that are remembered take
/// seven slots of ten; with more, many a bucket would be full.
const GROWTH: usize = 3;

impl Default for Set {
    fn default() -> Self {
        Self::with_buckets(FIRST)
    }
}

impl Set {
    fn with_buckets(buckets: usize) -> Self {
        Self { buckets: vec![Bucket::default(); buckets], len: 0 }
    }

    /// With room for so many and one more
    fn for_more_than(len: usize) -> Self {
        let mut buckets = FIRST;
        while len >= buckets * (WIDTH - 1) {
            buckets *= GROWTH;
        }
        Self::with_buckets(buckets)
    }

    /// Where to look first
    #[inline]
    fn place(&self, print: u64) -> usize {
        ((u128::from(print) * self.buckets.len() as u128) >> 64) as usize
    }

    /// Lets the processor fetch the memory for some
    #[inline]
    fn fetch(&self, prints: impl Iterator<Item = u64>) {
        let first = |print| self.buckets.get(self.place(print)).map_or(0, |bucket| bucket.0[0]);
        // Nothing depends on what is read here, so no branch keeps it from reading on.
        std::hint::black_box(prints.fold(0, |all, print| all ^ first(print)));
    }

    /// Whether it was not there
    #[inline]
    fn insert(&mut self, print: u64) -> bool {
        if self.len == self.buckets.len() * (WIDTH - 1) {
            self.grow();
        }
        let print = print.max(1);
        let mut place = self.place(print);
        while let Some(Bucket(slots)) = self.buckets.get_mut(place) {
            // All slots are looked at: where a search ends is a guess that is often wrong.
            let is_there = slots.iter().fold(false, |is, slot| is | (*slot == print));
            let taken = slots.iter().filter(|slot| **slot != 0).count();
            if is_there | (taken < WIDTH) {
                // Free, or else nothing is added to it.
                if let Some(slot) = slots.get_mut(taken % WIDTH) {
                    *slot |= if is_there { 0 } else { print };
                }
                self.len += usize::from(!is_there);
                return !is_there;
            }
            place = (place + 1) % self.buckets.len();
        }
        // Not reached: an eighth of the slots is free, and each place is one of a bucket.
        true
    }

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
    fn a_set_holds_what_was_put_into_it_however_much_it_has_grown() {
        let mut rng = fastrand::Rng::with_seed(8);
        let (mut set, mut known) = (Set::default(), HashSet::new());
        for n in 0..60_000_u64 {
            // Many that begin alike, so that buckets are full and the last leads to the first.
            let print = [rng.u64(1..), u64::MAX - rng.u64(..300), rng.u64(1..40_000)];
            let print = print[(n % 3) as usize];
            assert_eq!(set.insert(print), known.insert(print));
            assert_eq!(set.len, known.len());
        }
    }

    #[test]
    fn a_set_has_room_for_all_names_that_are_remembered() {
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
    fn a_list_that_is_full_does_not_become_a_set() {
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
    fn names_are_compared_from_the_first_on_once_two_may_be_the_same() {
        for (other, at) in [0, 1, 100, PART, 3 * PART, 3 * PART + 1].into_iter().enumerate() {
            let mut collisions = Collisions::default();
            let names: Vec<_> = (0..3 * PART + 2).map(|n| format!("a/{n}\u{e9}.jpg")).collect();
            let mut see = |name: &str| match collisions.check([name].into_iter()) {
                [CollisionCheck::Compared { case, base }] => (*case, *base),
                other => panic!("{other:?}"),
            };
            for (n, name) in names.iter().enumerate() {
                if n == at {
                    // Not in lower case, or in another folder.
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
