//! The blocks of a manifest that is to be made: those that stay, and new ones.

use std::collections::BTreeMap;

use super::{
    block::{Block, damaged},
    disk::Disk,
    index::{Blocks, Known, Sizes},
    journal,
};
use crate::{error::Error, store::NameOrder};

/// Where new blocks are put spill: made anew from the journal, and never made durable
pub(super) const SPILL: &str = "run.index";

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
    new: Vec<SortedRun>,
    /// New ones that came before it was known how names ascend
    waiting: Vec<Block>,
    /// The size of the file of those that are put spill
    size: u64,
}

/// New blocks that ascend
///
/// A scan of many ranges gives as many sequences of blocks in turn. Each block goes onto the run that
/// ends nearest before it, so that there are as few runs as can be: about one for each range that is
/// listed at a time.
#[derive(Debug)]
struct SortedRun {
    /// Those that are put spill, a leaf at a time
    spill: Blocks,
    /// Those behind them, of the next leaf
    open: Vec<Block>,
    /// The last name
    last: Box<str>,
}

impl SortedRun {
    fn get(&mut self, place: usize, disk: &mut dyn Disk) -> Result<Option<Block>, Error> {
        match place.checked_sub(self.spill.len()) {
            Some(place) => Ok(self.open.get(place).cloned()),
            None => self.spill.get(disk, place),
        }
    }
}

impl Entries {
    pub(super) fn new(sizes: Sizes) -> Self {
        let (kept, new, waiting) = (Places::default(), Vec::new(), Vec::new());
        Self { sizes, kept, new, waiting, size: 0 }
    }

    /// Keeps blocks of the manifest, from a place up to another
    pub(super) fn keep(&mut self, start: usize, end: usize, old: &Blocks) -> Result<(), Error> {
        match end <= old.len() && self.kept.add(start, end) {
            true => Ok(()),
            false => Err(damaged("a block of the manifest is missing, or is kept twice")),
        }
    }

    /// Adds new blocks
    pub(super) fn add(
        &mut self,
        mut blocks: Vec<Block>,
        order: Option<NameOrder>,
        disk: &mut dyn Disk,
    ) -> Result<(), Error> {
        self.waiting.append(&mut blocks);
        let Some(order) = order else { return Ok(()) };
        std::mem::take(&mut self.waiting)
            .into_iter()
            .try_for_each(|block| self.put(block, order, disk))
    }

    /// Puts a new block onto its run
    fn put(&mut self, block: Block, order: NameOrder, disk: &mut dyn Disk) -> Result<(), Error> {
        let fits = |run: &&mut SortedRun| order.compare(&run.last, &block.first).is_lt();
        let nearest = self.new.iter_mut().filter(fits);
        let Some(run) = nearest.max_by(|a, b| order.compare(&a.last, &b.last)) else {
            let spill = Blocks::new(SPILL, Vec::new(), 1);
            self.new.push(SortedRun { spill, last: block.last.clone(), open: vec![block] });
            return Ok(());
        };
        if run.open.len() >= self.sizes.leaf.max(1) {
            run.spill.append(disk, &mut self.size, &run.open)?;
            run.open.clear();
        }
        run.last.clone_from(&block.last);
        run.open.push(block);
        Ok(())
    }

    /// Whether they are the blocks of the run before, and no others
    pub(super) fn are(&self, old: &Blocks) -> bool {
        self.new.is_empty() && self.waiting.is_empty() && self.kept.len() == old.len()
    }

    /// All of them by ascending name; none may be added meanwhile
    pub(super) fn walk(&mut self, order: NameOrder, disk: &mut dyn Disk) -> Result<Walk, Error> {
        self.add(Vec::new(), Some(order), disk)?;
        let runs = (0..self.new.len()).map(Source::SortedRun);
        let heads = [Source::Kept].into_iter().chain(runs);
        let heads = heads.map(|source| Head { source, next: Some(0), block: None }).collect();
        Ok(Walk { order, heads, last: None })
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
    SortedRun(usize),
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
            Source::SortedRun(number) => {
                let run = entries.new.get_mut(number);
                (next, run.map(|run| run.get(next, old.disk)).transpose()?.flatten())
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
            Source::Kept => old.blocks.file(),
            Source::SortedRun(_) => journal::ROWS,
        };
        Ok(Some((block, file)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        sync::{block::Packer, manifest::FILE, row::Row},
        testing::TestDisk,
    };

    fn block(number: usize) -> Block {
        let texts = [
            "etag",
            "last_modified",
            "content_md5",
            "access_tier",
            "kind",
            "media_type",
            "reason",
            "detail",
            "gone_at",
        ];
        let mut row = serde_json::json!({ "size": 1, "gone_run": 0, "in_doubt": false });
        row["name"] = format!("{number:06}").into();
        texts.iter().for_each(|text| row[*text] = "".into());
        let row = serde_json::from_value::<Row>(row).unwrap();
        Packer::new().unwrap().pack(&[row], 0, 0).unwrap().1
    }

    #[test]
    fn new_blocks_of_some_ranges_are_on_as_many_piles_and_few_of_them_in_memory() {
        let order = NameOrder::Bytes;
        for (ranges, learnt) in [(1, 0), (7, 0), (16, 40)] {
            let (mut disk, mut entries) = (TestDisk::new(1), Entries::new(Sizes::default()));
            let count = 1600 / ranges * ranges;
            // Ranges of the same length, listed side by side.
            let names = (0..count).map(|n| n % ranges * (count / ranges) + n / ranges);
            for (n, name) in names.enumerate() {
                let order = (n >= learnt).then_some(order);
                entries.add(vec![block(name)], order, &mut disk).unwrap();
            }
            assert_eq!(entries.new.len(), ranges);
            assert!(entries.waiting.is_empty());
            assert!(entries.new.iter().all(|run| run.open.len() <= entries.sizes.leaf));
            let mut old = Blocks::new(FILE, Vec::new(), 1);
            let mut walk = entries.walk(order, &mut disk).unwrap();
            let mut old = Known { disk: &mut disk, blocks: &mut old };
            for n in 0..count {
                let (found, file) = walk.next(&mut entries, &mut old).unwrap().unwrap();
                assert_eq!((found, file), (block(n), journal::ROWS));
            }
            assert_eq!(walk.next(&mut entries, &mut old).unwrap(), None);
        }
    }

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
