//! Writes `run.base`: everything that a run knows, sorted in another order.
//!
//! A run must list again if the listing turns out to be in another order than was assumed, or if the
//! rules have changed since an interrupted run. What sinks were given until then must neither be lost
//! nor be taken for a complete listing. So it goes into a file of its own, from which the next pass
//! of the run starts. The manifest of the last complete run stays.
//!
//! A commit record states first that the run must list again, so that a run that is killed meanwhile
//! starts this again. Each step reads or writes one block, or sorts a bounded part.

use crate::{
    error::Error,
    scan::Bound,
    store::NameOrder,
    sync::{
        block::Packer,
        block_list::{BlockList, BlockSequence},
        footer::Identity,
        format::BASE,
        index::BlockIndex,
        limits::MOST_TEXT,
        manifest_writer::ManifestWriter,
        merge::{Merge, keep_in_doubt},
        row::Row,
        sort::{Limits, Merging, Record, Sorted, Sorter},
        state_store::StateFiles,
    },
};

/// The results of a run that has to list again.
pub(super) struct Known<'a> {
    pub(super) disk: &'a mut dyn StateFiles,
    pub(super) blocks: &'a BlockList,
    pub(super) base: &'a BlockIndex,
    /// The merge of the pass that ends, with the ranges that it has not decided.
    pub(super) merge: &'a Merge,
    pub(super) packer: &'a mut Packer,
    pub(super) rows_per_block: usize,
    pub(super) blocks_per_frame: usize,
}

/// A `run.base` that is being written.
///
/// A state machine with four stages, so that the caller can pause or cancel between two steps.
pub(super) struct Relisting {
    /// How the footer of `run.base` will describe the run.
    identity: Identity,
    /// The current stage.
    stage: Stage,
}

enum Stage {
    /// Collects the rows of names about which this pass has decided.
    Decided { sorter: Sorter, sequence: BlockSequence },
    /// Collects the rows of all other names, from a block on.
    Undecided { sorter: Sorter, names: Undecided, next: usize },
    /// Sorts the rows.
    Sorting(Merging),
    /// Writes them block by block.
    Writing { sorted: Sorted, next: Option<Record>, writer: ManifestWriter },
}

/// The names about which this pass has not decided.
struct Undecided {
    /// The order of the pass that ends.
    order: NameOrder,
    /// By ascending name.
    ranges: Vec<(Bound, Bound)>,
    /// Whether each of the rows in doubt was collected together with a row of the base.
    collected: Vec<bool>,
}

impl Undecided {
    /// Returns whether a name is in one of the ranges.
    fn contains(&self, name: &str) -> bool {
        // The only range that can have the name is the last one that starts before it.
        let end = self.ranges.partition_point(|(from, _)| from.is_before(name, self.order));
        let last = end.checked_sub(1).and_then(|last| self.ranges.get(last));
        last.is_some_and(|(_, to)| !to.is_before(name, self.order))
    }

    /// Returns whether one of the ranges has names between two bounds.
    fn overlaps(&self, from: &Bound, to: &Bound) -> bool {
        let is_before = |start: &Bound| start.compare(to, self.order).is_lt();
        let end = self.ranges.partition_point(|(start, _)| is_before(start));
        let last = end.checked_sub(1).and_then(|last| self.ranges.get(last));
        last.is_some_and(|(_, end)| from.compare(end, self.order).is_lt())
    }
}

impl Relisting {
    /// Begins with the blocks that this pass has decided, where `identity` describes the result.
    pub(super) fn begin(
        disk: &mut dyn StateFiles,
        identity: Identity,
        limits: Limits,
        sequence: BlockSequence,
    ) -> Result<Self, Error> {
        let sorter = Sorter::new(identity.order.unwrap_or_default(), limits, disk)?;
        Ok(Self { identity, stage: Stage::Decided { sorter, sequence } })
    }

    /// Does a bounded part. Returns `None` when `run.base` is durable.
    ///
    /// # Errors
    ///
    /// Fails if a block is damaged, or if the disk fails. The run must then be opened again, which
    /// begins this again.
    pub(super) fn step(self, mut known: Known<'_>) -> Result<Option<Self>, Error> {
        let Self { identity, stage } = self;
        let stage = match stage {
            Stage::Decided { sorter, sequence } => {
                Some(collect_decided(&mut known, sorter, sequence)?)
            }
            Stage::Undecided { sorter, names, next } => {
                let reported_through = identity.reported_through;
                Some(collect_undecided(&mut known, sorter, names, next, reported_through)?)
            }
            Stage::Sorting(merging) => Some(sort(&mut known, merging, &identity)?),
            Stage::Writing { sorted, next, writer } => {
                write_block(&mut known, sorted, next, writer)?
            }
        };
        Ok(stage.map(|stage| Self { identity, stage }))
    }
}

/// Collects the rows of one block that this pass has decided, or goes on to the next stage.
fn collect_decided(
    known: &mut Known<'_>,
    mut sorter: Sorter,
    mut sequence: BlockSequence,
) -> Result<Stage, Error> {
    if let Some((block, file)) = sequence.next(known.blocks, known.base) {
        for row in block.read_rows(known.disk, file)? {
            push(&mut sorter, known.disk, &row)?;
        }
        return Ok(Stage::Decided { sorter, sequence });
    }
    // Computed once: nothing is decided while this runs.
    let names = Undecided {
        order: known.merge.order().unwrap_or_default(),
        ranges: known.merge.undecided(),
        collected: vec![false; known.merge.in_doubt().len()],
    };
    Ok(Stage::Undecided { sorter, names, next: 0 })
}

/// Collects the undecided rows of a block of the base, with what a sink may know instead.
fn collect_undecided(
    known: &mut Known<'_>,
    mut sorter: Sorter,
    mut names: Undecided,
    next: usize,
    reported_through: u64,
) -> Result<Stage, Error> {
    let (order, in_doubt) = (names.order, known.merge.in_doubt());
    let Some(block) = known.base.get(next) else {
        // Rows in doubt of names that the base does not have.
        for (row, is_collected) in in_doubt.iter().zip(&names.collected) {
            if !is_collected && names.contains(&row.name) {
                push(&mut sorter, known.disk, &keep_in_doubt(None, row, reported_through))?;
            }
        }
        return sorter.finish(known.disk).map(Stage::Sorting);
    };
    // Most blocks are either decided or undecided as a whole, and decided ones need not be read.
    let rows = match names.overlaps(&block.from(), &block.to()) {
        true => block.read_rows(known.disk, known.base.file())?,
        false => Vec::new(),
    };
    for mut row in rows {
        if !names.contains(&row.name) {
            continue;
        }
        let place = in_doubt.binary_search_by(|other| order.compare(&other.name, &row.name));
        if let Ok(place) = place
            && let (Some(other), Some(is_collected)) =
                (in_doubt.get(place), names.collected.get_mut(place))
        {
            *is_collected = true;
            row = keep_in_doubt(Some(row), other, reported_through);
        }
        push(&mut sorter, known.disk, &row)?;
    }
    Ok(Stage::Undecided { sorter, names, next: next + 1 })
}

/// Merges a bounded part of the sorted runs, or begins to write.
fn sort(known: &mut Known<'_>, mut merging: Merging, identity: &Identity) -> Result<Stage, Error> {
    if merging.step(known.disk)? {
        return Ok(Stage::Sorting(merging));
    }
    let mut sorted = merging.finish(known.disk)?;
    // Not before: the merge needs the room on the disk.
    let writer = ManifestWriter::begin(known.disk, identity.clone(), known.blocks_per_frame)?;
    let next = sorted.next(known.disk)?;
    Ok(Stage::Writing { sorted, next, writer })
}

/// Writes one block. Returns `None` after the last one, when the file is complete.
fn write_block(
    known: &mut Known<'_>,
    mut sorted: Sorted,
    mut next: Option<Record>,
    mut writer: ManifestWriter,
) -> Result<Option<Stage>, Error> {
    let (mut rows, mut text): (Vec<Row>, _) = (Vec::new(), 0);
    while let Some(record) = &next {
        // With the line feed.
        let length = record.content.len() as u64 + 1;
        // At least one row for each block, even if its text is above the limit.
        let is_full = rows.len() >= known.rows_per_block.max(1) || text + length > MOST_TEXT;
        if is_full && !rows.is_empty() {
            break;
        }
        text += length;
        let row = serde_json::from_slice(&record.content);
        rows.push(row.map_err(|error| failed(error.into()))?);
        next = sorted.next(known.disk)?;
    }
    if rows.is_empty() {
        writer.finish(known.disk, BASE)?;
        return Ok(None);
    }
    let (frame, block) = known.packer.pack(&rows, writer.offset(), writer.reported_through())?;
    writer.add(known.disk, &frame, block)?;
    Ok(Some(Stage::Writing { sorted, next, writer }))
}

/// Adds a row to the sort, as JSON. Blocks cannot be copied, because rows change their neighbours.
fn push(sorter: &mut Sorter, disk: &mut dyn StateFiles, row: &Row) -> Result<(), Error> {
    let content = serde_json::to_vec(row).map_err(|error| failed(error.into()))?;
    sorter.push(disk, Some(&row.name), &content)
}

fn failed(error: std::io::Error) -> Error {
    Error::state("sort the rows of a run", error)
}
