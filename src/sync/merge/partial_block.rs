//! A partly listed block: its verdicts are buffered until the rest is listed.
//!
//! A block that was listed completely is compared by its fingerprint, without reading its rows. If too
//! many verdicts would have to be buffered, the rows are read and compared part by part.

use super::{in_doubt::with_doubt, step::Step};
use crate::{
    scan::Bound,
    store::NameOrder,
    sync::{
        block::Block,
        fingerprint::Fingerprint,
        limits::MOST_BUFFERED,
        row::{Row, RunContext},
    },
    validate::Verdict,
};

/// A range of names, and what the listing has there.
pub(super) struct Part {
    /// The lower bound.
    pub(super) from: Bound,
    /// The upper bound.
    pub(super) to: Bound,
    /// The verdicts by ascending name, one for each name.
    pub(super) verdicts: Vec<Verdict>,
    /// The most bytes that the rows of the verdicts can have, as far as they were counted.
    pub(super) text: u64,
    /// Whether an entry without a readable name may be in the range.
    pub(super) is_ambiguous: bool,
    /// Whether the range is decided already, so that the verdicts are gone.
    pub(super) is_done: bool,
}

impl Part {
    /// Returns a range that was decided before the run was interrupted.
    pub(super) fn decided(from: Bound, to: Bound) -> Self {
        Self { from, to, verdicts: Vec::new(), text: 0, is_ambiguous: false, is_done: true }
    }

    /// Returns a range that was listed and is not decided yet.
    pub(super) fn listed(
        from: Bound,
        to: Bound,
        verdicts: Vec<Verdict>,
        is_ambiguous: bool,
    ) -> Self {
        Self { from, to, verdicts, text: 0, is_ambiguous, is_done: false }
    }
}

/// A partly listed block.
/// INVARIANT: the parts are sorted and do not overlap. Each name of the block is in at most one
/// part, so that it is decided once.
#[derive(Default)]
pub(super) struct PartialBlock {
    /// By ascending name. They touch at their ends at most.
    parts: Vec<Part>,
    /// The rows that no part covers yet, once the block is compared row by row.
    rows: Option<Vec<Row>>,
}

impl PartialBlock {
    /// Adds a part that overlaps none of the others, and joins parts that touch and are alike.
    pub(super) fn add(&mut self, part: Part, order: NameOrder) {
        let place =
            self.parts.partition_point(|other| other.from.compare(&part.from, order).is_lt());
        self.parts.insert(place, part);
        self.parts.dedup_by(|b, a| {
            let is_alike = a.is_done == b.is_done && a.is_ambiguous == b.is_ambiguous;
            let joins = a.to == b.from && is_alike;
            if joins {
                a.to = b.to.clone();
                a.text += b.text;
                a.verdicts.append(&mut b.verdicts);
            }
            joins
        });
    }

    /// Returns the ranges that are listed and not decided.
    pub(super) fn undecided(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| !part.is_done)
    }

    /// Returns whether the parts cover the block.
    pub(super) fn is_complete(&self, block: &Block) -> bool {
        let (Some(first), Some(last)) = (self.parts.first(), self.parts.last()) else {
            return false;
        };
        // Bounds are compared for equality: the scan cuts neighbours at the same bound.
        let is_joined =
            self.parts.iter().zip(self.parts.iter().skip(1)).all(|(a, b)| a.to == b.from);
        first.from == block.from() && last.to == block.to() && is_joined
    }

    /// Returns whether the verdicts may stay in memory until the rest of the block is listed.
    pub(super) fn can_wait(&self, most: usize) -> bool {
        let text: u64 = self.parts.iter().map(|part| part.text).sum();
        !self.has_rows() && self.count() <= most && text <= MOST_BUFFERED
    }

    /// Returns whether the block is compared row by row, because a part of it was decided before.
    pub(super) fn has_rows(&self) -> bool {
        self.rows.is_some()
    }

    /// Sets the rows that are still to be compared.
    pub(super) fn set_rows(&mut self, rows: Vec<Row>) {
        self.rows = Some(rows);
    }

    /// Returns the rows that are still to be compared, if they were read before.
    pub(super) fn take_rows(&mut self) -> Option<Vec<Row>> {
        self.rows.take()
    }

    /// Returns how many verdicts are buffered.
    fn count(&self) -> usize {
        self.parts.iter().map(|part| part.verdicts.len()).sum()
    }

    /// Returns whether a completely listed block has not changed, so that it stays as it is.
    pub(super) fn is_unchanged(&self, block: &Block, run: &RunContext) -> bool {
        // Rows of blobs that were removed long ago are dropped, so the block must be written again.
        let has_expired = block.oldest_removed > 0 && run.has_expired(block.oldest_removed);
        // An entry without a readable name may be a blob that the run before found missing.
        let may_be_back = block.newest_removed > run.reported_through
            && self.parts.iter().any(|part| part.is_ambiguous);
        if self.count() as u64 != block.listed || has_expired || may_be_back {
            return false;
        }
        // Last, because it costs the most.
        let mut fingerprint = Fingerprint::default();
        let verdicts = self.parts.iter().flat_map(|part| &part.verdicts);
        verdicts.for_each(|verdict| fingerprint.add(verdict));
        block.has_fingerprint(block.listed, fingerprint.finish())
    }

    /// Compares the verdicts with `rows`, and keeps the rows that no part covers yet.
    /// Each part is compared only once; a part that is decided stays to mark its range.
    pub(super) fn compare(
        &mut self,
        step: &mut Step,
        rows: Vec<Row>,
        in_doubt: &[Row],
        order: NameOrder,
        run: &RunContext,
    ) {
        let mut uncovered = Vec::new();
        let mut rows = rows.into_iter().peekable();
        for part in &mut self.parts {
            let is_after = |bound: &Bound, row: &Row| bound.is_before(&row.name, order);
            uncovered.extend(std::iter::from_fn(|| rows.next_if(|row| !is_after(&part.from, row))));
            let old = std::iter::from_fn(|| rows.next_if(|row| !is_after(&part.to, row)));
            let old: Vec<_> = old.collect();
            // Rows between two parts may be written later, so these parts are separate sequences.
            step.end_sequence();
            if !std::mem::replace(&mut part.is_done, true) {
                step.done.push((part.from.clone(), part.to.clone()));
                let new = std::mem::take(&mut part.verdicts);
                let in_doubt = rows_between(in_doubt, &part.from, &part.to, order);
                let old = with_doubt(old, in_doubt, &new, part.is_ambiguous, order, run);
                step.compare(old, new, part.is_ambiguous, order, run);
            }
        }
        uncovered.extend(rows);
        self.rows = Some(uncovered);
    }
}

/// Returns the rows between two bounds.
///
/// The rows must ascend in this order.
pub(super) fn rows_between<'a>(
    rows: &'a [Row],
    from: &Bound,
    to: &Bound,
    order: NameOrder,
) -> &'a [Row] {
    let place = |bound: &Bound| rows.partition_point(|row| !bound.is_before(&row.name, order));
    rows.get(place(from)..place(to)).unwrap_or_default()
}
