use super::{Finding, findings::known, fingerprint::Key};

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
    key: Key,
    folded: Set,
    base: Set,
    /// Room for a name in lower case
    text: String,
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
        let Self { key, folded, base, text, prints, seen } = self;
        prints.clear();
        prints.extend(names.map(|name| {
            let base = name.bytes().rposition(|b| b == b'/').map_or(0, |slash| slash + 1);
            (key.folded(name, text), key.exact(name.get(base..).unwrap_or_default()))
        }));
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

/// A set of fingerprints: open addressing, at most seven slots of eight taken
struct Set {
    /// As many as a power of two; 0 is free
    slots: Vec<u64>,
    /// Of a fingerprint, the bits below those that say where to look first: in their order, so that
    /// growing goes through memory once
    below: u32,
    len: usize,
    most: usize,
}

impl Default for Set {
    fn default() -> Self {
        Self::with_slots(1 << 10)
    }
}

impl Set {
    fn with_slots(slots: usize) -> Self {
        Self {
            slots: vec![0; slots],
            below: u64::BITS - slots.ilog2(),
            len: 0,
            most: slots / 8 * 7,
        }
    }

    /// What is in the first slot for a fingerprint
    fn at(&self, print: u64) -> u64 {
        self.slots.get((print >> self.below) as usize).copied().unwrap_or(0)
    }

    /// Whether it was not there
    fn insert(&mut self, print: u64) -> bool {
        if self.len == self.most {
            self.grow();
        }
        let print = print.max(1);
        let mut place = (print >> self.below) as usize;
        while let Some(slot) = self.slots.get_mut(place) {
            if *slot == print {
                return false;
            }
            if *slot == 0 {
                *slot = print;
                break;
            }
            place = (place + 1) & (self.slots.len() - 1);
        }
        self.len += 1;
        true
    }

    #[cold]
    fn grow(&mut self) {
        let mut larger = Self::with_slots(self.slots.len() * 2);
        for &print in self.slots.iter().filter(|&&print| print != 0) {
            larger.insert(print);
        }
        *self = larger;
    }
}
