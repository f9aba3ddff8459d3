//! Verdicts on a part of a block, buffered until the rest of the block is listed.
//!
//! A block that was listed completely is compared by its fingerprint, without reading its rows.

use super::{
    block::Block,
    doubt::with_doubt,
    merge::Step,
    row::{Print, Row, Run},
};
use crate::{scan::Bound, store::NameOrder, validate::Verdict};

/// A block of which a part was listed
#[derive(Default)]
pub(super) struct Held {
    pub(super) parts: Vec<Part>,
    /// Its rows, once they are compared one by one
    pub(super) rows: Option<Vec<Row>>,
}

/// An interval, and what is listed there
pub(super) struct Part {
    pub(super) from: Bound,
    pub(super) to: Bound,
    pub(super) verdicts: Vec<Verdict>,
    /// How many bytes they have as rows at most, as far as that was counted
    pub(super) text: u64,
    /// Whether an entry without a readable name may be of it
    pub(super) is_vague: bool,
    pub(super) is_done: bool,
}

impl Held {
    pub(super) fn count(&self) -> usize {
        self.parts.iter().map(|part| part.verdicts.len()).sum()
    }

    pub(super) fn text(&self) -> u64 {
        self.parts.iter().map(|part| part.text).sum()
    }

    /// Adds a part, which touches none of the others but at its ends
    pub(super) fn add(&mut self, part: Part, order: NameOrder) {
        let place =
            self.parts.partition_point(|other| other.from.compare(&part.from, order).is_lt());
        self.parts.insert(place, part);
    }

    /// Makes one of parts that touch and are alike
    pub(super) fn join(&mut self) {
        self.parts.dedup_by(|b, a| {
            let is_alike = a.is_done == b.is_done && a.is_vague == b.is_vague;
            let is_one = a.to == b.from && is_alike;
            if is_one {
                a.to = b.to.clone();
                a.text += b.text;
                a.verdicts.append(&mut b.verdicts);
            }
            is_one
        });
    }

    pub(super) fn is_whole(&self, block: &Block) -> bool {
        let (Some(first), Some(last)) = (self.parts.first(), self.parts.last()) else {
            return false;
        };
        let is_joined =
            self.parts.iter().zip(self.parts.iter().skip(1)).all(|(a, b)| a.to == b.from);
        first.from == block.from() && last.to == block.to() && is_joined
    }

    /// Whether all that is listed is as it was, and the block can stay as it is
    pub(super) fn is_as(&self, block: &Block, run: &Run) -> bool {
        if self.count() as u64 != block.listed
            || (block.oldest_gone > 0 && run.is_over(block.oldest_gone))
            // What was missing may be one of the entries that cannot be read.
            || (block.newest_gone > run.told && self.parts.iter().any(|part| part.is_vague))
        {
            return false;
        }
        let mut print = Print::default();
        self.parts.iter().flat_map(|part| &part.verdicts).for_each(|verdict| print.add(verdict));
        block.has_print(block.listed, print.finish())
    }

    /// Compares what is listed with the block's rows; gives those back that are of no part yet
    pub(super) fn compare(
        &mut self,
        step: &mut Step,
        rows: Vec<Row>,
        maybe: &[Row],
        order: NameOrder,
        run: &Run,
    ) -> Vec<Row> {
        let mut left = Vec::new();
        let mut rows = rows.into_iter().peekable();
        for part in &mut self.parts {
            let is_behind = |cut: &Bound, row: &Row| cut.is_before(&row.name, order);
            left.extend(std::iter::from_fn(|| rows.next_if(|row| !is_behind(&part.from, row))));
            let old = std::iter::from_fn(|| rows.next_if(|row| !is_behind(&part.to, row)));
            let old: Vec<_> = old.collect();
            // What comes between two parts is of another run of rows.
            step.part_rows();
            if !std::mem::replace(&mut part.is_done, true) {
                step.done.push((part.from.clone(), part.to.clone()));
                let new = std::mem::take(&mut part.verdicts);
                let maybe = between(maybe, &part.from, &part.to, order);
                let old = with_doubt(old, maybe, &new, part.is_vague, order, run);
                step.compare(old, new, part.is_vague, order, run);
            }
        }
        left.extend(rows);
        left
    }
}

/// The rows from one place to another
pub(super) fn between<'a>(
    rows: &'a [Row],
    from: &Bound,
    to: &Bound,
    order: NameOrder,
) -> &'a [Row] {
    let place = |cut: &Bound| rows.partition_point(|row| !cut.is_before(&row.name, order));
    rows.get(place(from)..place(to)).unwrap_or_default()
}
