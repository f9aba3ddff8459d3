//! The blocks of a manifest that is to be made: those that stay, and new ones.

use std::collections::BTreeMap;

use super::{
    block::{Block, damaged},
    disk::Disk,
    index::{Blocks, Known, Sizes, append_leaf},
    journal,
    manifest::FILE,
};
use crate::{error::Error, store::NameOrder};

/// Where new blocks are put aside: made anew from the journal, and never made durable
pub(super) const ASIDE: &str = "run.index";

/// Places of blocks, in ranges that do not touch
#[derive(Debug, Default)]
pub(super) struct Places(BTreeMap<usize, usize>);

impl Places {
    /// Adds those from one place up to another; nothing where it has one of them
    #[must_use]
    pub(super) fn add(&mut self, start: usize, end: usize) -> bool {
        let pair = |(start, end): (&usize, &usize)| (*start, *end);
        let before = self.0.range(..=start).next_back().map(pair);
        let behind = self.0.range(start..).next().map(pair);
        if start >= end
            || before.is_some_and(|(_, before)| before > start)
            || behind.is_some_and(|(behind, _)| behind < end)
        {
            return false;
        }
        let start = before.filter(|(_, end)| *end == start).map_or(start, |(start, _)| start);
        let touching = behind.filter(|(start, _)| *start == end);
        let end = touching.map_or(end, |(_, end)| end);
        if let Some((behind, _)) = touching {
            self.0.remove(&behind);
        }
        self.0.insert(start, end);
        true
    }

    /// The first place that is not before one
    fn from(&self, place: usize) -> Option<usize> {
        let around = self.0.range(..=place).next_back().filter(|(_, end)| **end > place);
        around.map(|_| place).or_else(|| self.0.range(place..).next().map(|(start, _)| *start))
    }

    fn len(&self) -> usize {
        self.0.iter().map(|(start, end)| end - start).sum()
    }

    pub(super) fn ranges(&self) -> Vec<(usize, usize)> {
        self.0.iter().map(|(start, end)| (*start, *end)).collect()
    }
}

/// The blocks of the new manifest
#[derive(Debug)]
pub(super) struct Entries {
    sizes: Sizes,
    /// Those of the manifest that stay
    kept: Places,
    /// New ones
    new: Vec<Block>,
    /// New ones that were put aside, of each time those that ascend
    aside: Vec<Blocks>,
    /// The size of that file
    size: u64,
}

impl Entries {
    pub(super) fn new(sizes: Sizes) -> Self {
        Self { sizes, kept: Places::default(), new: Vec::new(), aside: Vec::new(), size: 0 }
    }

    /// Keeps blocks of the manifest, from a place up to another
    pub(super) fn keep(&mut self, start: usize, end: usize, old: &Blocks) -> Result<(), Error> {
        match end <= old.len() && self.kept.add(start, end) {
            true => Ok(()),
            false => Err(damaged("a block of the manifest is missing, or is kept twice")),
        }
    }

    /// Adds new blocks
    ///
    /// They are put aside once there are many, and it is known how names ascend.
    pub(super) fn add(
        &mut self,
        blocks: Vec<Block>,
        order: Option<NameOrder>,
        disk: &mut dyn Disk,
    ) -> Result<(), Error> {
        for block in blocks {
            self.new.push(block);
            let Some(order) = order.filter(|_| self.new.len() >= self.sizes.new) else { continue };
            self.sort(order);
            let mut leaves = Vec::new();
            for blocks in self.new.chunks(self.sizes.leaf.max(1)) {
                append_leaf(disk, ASIDE, &mut self.size, &mut leaves, blocks)?;
            }
            self.new.clear();
            self.aside.push(Blocks::new(ASIDE, leaves, 1));
        }
        Ok(())
    }

    fn sort(&mut self, order: NameOrder) {
        self.new.sort_by(|a, b| order.compare(&a.first, &b.first));
    }

    /// Whether they are the blocks of the run before, and no others
    pub(super) fn are(&self, old: &Blocks) -> bool {
        self.new.is_empty() && self.aside.is_empty() && self.kept.len() == old.len()
    }

    /// All of them by ascending name; none may be added meanwhile
    pub(super) fn walk(&mut self, order: NameOrder) -> Walk {
        self.sort(order);
        let kept_and_new = [Source::Kept, Source::New];
        let aside = (0..self.aside.len()).map(Source::Aside);
        let heads = kept_and_new.into_iter().chain(aside);
        let heads = heads.map(|source| Head { source, next: Some(0), block: None }).collect();
        Walk { order, heads, last: None }
    }
}

/// The blocks of a new manifest, one after the other
#[derive(Debug)]
pub(super) struct Walk {
    order: NameOrder,
    heads: Vec<Head>,
    /// The last name of the block before
    last: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug)]
enum Source {
    Kept,
    New,
    Aside(usize),
}

/// The first block of those that ascend and are left
#[derive(Debug)]
struct Head {
    source: Source,
    block: Option<Block>,
    /// The place to look at for the one behind it, unless there is none
    next: Option<usize>,
}

impl Head {
    fn fill(&mut self, entries: &mut Entries, old: &mut Known<'_>) -> Result<(), Error> {
        let Some(next) = self.next.filter(|_| self.block.is_none()) else { return Ok(()) };
        let (place, block) = match self.source {
            Source::Kept => match entries.kept.from(next) {
                Some(place) => (place, old.block(place)?),
                None => (next, None),
            },
            Source::New => (next, entries.new.get(next).cloned()),
            Source::Aside(number) => {
                let blocks = entries.aside.get_mut(number);
                (next, blocks.map(|blocks| blocks.get(old.disk, next)).transpose()?.flatten())
            }
        };
        self.next = block.is_some().then_some(place + 1);
        self.block = block;
        Ok(())
    }
}

impl Walk {
    /// The next block, and the file in which its rows are
    pub(super) fn next(
        &mut self,
        entries: &mut Entries,
        old: &mut Known<'_>,
    ) -> Result<Option<(Block, &'static str)>, Error> {
        for head in &mut self.heads {
            head.fill(entries, old)?;
        }
        let order = self.order;
        fn name(head: &Head) -> &str {
            head.block.as_ref().map_or("", |block| &block.first)
        }
        let first = self.heads.iter_mut().filter(|head| head.block.is_some());
        let first = first.min_by(|a, b| order.compare(name(a), name(b)));
        let Some((source, block)) = first.and_then(|head| Some((head.source, head.block.take()?)))
        else {
            return Ok(None);
        };
        let last = self.last.replace(block.last.clone());
        if last.is_some_and(|last| order.compare(&last, &block.first).is_ge()) {
            return Err(damaged("blocks of the run overlap"));
        }
        let file = match source {
            Source::Kept => FILE,
            Source::New | Source::Aside(_) => journal::ROWS,
        };
        Ok(Some((block, file)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn places_in_ranges_are_a_set_of_places() {
        for seed in 0..200 {
            let mut random = fastrand::Rng::with_seed(seed);
            let (mut places, mut set) = (Places::default(), BTreeSet::new());
            for _ in 0..30 {
                let start = random.usize(..40);
                let end = start + random.usize(..6);
                let is_new = start < end && (start..end).all(|place| !set.contains(&place));
                assert_eq!(places.add(start, end), is_new, "SEED={seed}");
                if is_new {
                    set.extend(start..end);
                }
                assert_eq!(places.len(), set.len(), "SEED={seed}");
                for place in 0..50 {
                    let next = set.range(place..).next().copied();
                    assert_eq!(places.from(place), next, "SEED={seed}");
                }
                let ranges = places.ranges();
                assert!(ranges.is_sorted_by(|a, b| a.1 < b.0), "SEED={seed}: {ranges:?}");
            }
        }
    }
}
