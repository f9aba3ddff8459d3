use super::{Finding, findings::known, fingerprint::Prints};

/// How many names are remembered; the two sets take 16 MiB then
const MAX_NAMES: usize = MAX_SLOTS / 8 * 7;
const MAX_SLOTS: usize = 1 << 20;

/// Finds names that are the same but for letter case, or but for the folder
///
/// Remembers a 64-bit fingerprint of each name under a key of its own, so that nobody can choose
/// names that collide by design: with a million names the odds of one false finding are one to ten
/// million.
#[derive(Default)]
pub(crate) struct Collisions {
    of: Prints,
    folded: Set,
    base: Set,
    /// Room for the fingerprints of one call, and for what was found
    prints: Vec<(u64, u64)>,
    seen: Vec<Seen>,
}

/// What is known of a name
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Whether it was there in another letter case, and in another folder
    Compared { case: bool, base: bool },
    /// Nothing, since there were too many names to remember
    Nothing,
}

impl Seen {
    #[inline]
    pub(crate) fn findings(self) -> impl Iterator<Item = &'static Finding> {
        let (case, base) = match self {
            Self::Compared { case, base } => (case, base),
            Self::Nothing => (false, false),
        };
        case.then_some(&known::CASE).into_iter().chain(base.then_some(&known::BASE))
    }
}

impl Collisions {
    /// Takes note of the names of some assets, and tells of each what was there before it
    ///
    /// Many at once, so that the processor fetches the memory for one while it waits for that of
    /// another: each name has its place in two sets at random, both larger than a cache.
    pub(crate) fn see<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> &[Seen] {
        let Self { of, folded, base, prints, seen } = self;
        prints.clear();
        prints.extend(names.map(|name| of.of(name)));
        // Nothing depends on what is read here, so no branch keeps the processor from reading on.
        let touched =
            prints.iter().fold(0, |all, print| all ^ folded.at(print.0) ^ base.at(print.1));
        std::hint::black_box(touched);
        seen.clear();
        seen.extend(prints.iter().map(|print| {
            if folded.len.max(base.len) >= MAX_NAMES {
                return Seen::Nothing;
            }
            Seen::Compared { case: !folded.insert(print.0), base: !base.insert(print.1) }
        }));
        seen
    }
}

/// A set of fingerprints: open addressing by buckets, at most seven slots of eight taken
struct Set {
    /// As many as a power of two
    buckets: Vec<Bucket>,
    /// Of a fingerprint, the bits below those that say where to look first: in their order, so that
    /// growing goes through memory once
    below: u32,
    len: usize,
    most: usize,
}

/// A line of the cache, filled from the front; 0 is free
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Bucket([u64; WIDTH]);

const WIDTH: usize = 8;

/// From the first size, a power of it leads to `MAX_SLOTS`
const GROWTH: usize = 4;

impl Default for Set {
    fn default() -> Self {
        Self::with_buckets(1 << 7)
    }
}

impl Set {
    fn with_buckets(buckets: usize) -> Self {
        Self {
            buckets: vec![Bucket::default(); buckets],
            below: u64::BITS - buckets.ilog2(),
            len: 0,
            most: buckets * WIDTH / 8 * 7,
        }
    }

    /// What is in the first slot for a fingerprint
    fn at(&self, print: u64) -> u64 {
        self.buckets.get((print >> self.below) as usize).map_or(0, |Bucket([first, ..])| *first)
    }

    /// Whether it was not there
    #[inline]
    fn insert(&mut self, print: u64) -> bool {
        if self.len == self.most {
            self.grow();
        }
        let print = print.max(1);
        let mut place = (print >> self.below) as usize;
        let last = self.buckets.len() - 1;
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
            place = (place + 1) & last;
        }
        // Not reached: an eighth of the slots is free, and each place is one of a bucket.
        true
    }

    /// In few steps: memory that was not used before costs more than what is done in it
    #[cold]
    fn grow(&mut self) {
        let mut larger = Self::with_buckets(self.buckets.len() * GROWTH);
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
}
