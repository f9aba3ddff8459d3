//! The consequences of a page: changes for a sink, new rows, and blocks that stay.

use super::rows::merge_row;
use crate::{
    scan::Bound,
    sink::Change,
    store::NameOrder,
    sync::{
        limits::MOST_BUFFERED,
        row::{Row, RunContext},
    },
    validate::Verdict,
};

/// The consequences of a page, or of a bounded part of a page.
#[derive(Debug, Default)]
pub(in crate::sync) struct Step {
    /// The changes for the sink.
    pub(in crate::sync) changes: Vec<Change>,
    /// The blocks of the base that stay as they are, by their position.
    pub(in crate::sync) kept: Vec<usize>,
    /// New rows, in sequences without a name of other blocks in between.
    pub(in crate::sync) rows: Vec<Vec<Row>>,
    /// The ranges of names that are decided, and need not be listed again.
    pub(in crate::sync) done: Vec<(Bound, Bound)>,
    /// How many blobs have not changed.
    pub(in crate::sync) unchanged: u64,
    /// How many entries have no readable name.
    pub(in crate::sync) nameless: u64,
    /// The most bytes that the rows can have as JSON.
    text: u64,
}

impl Step {
    /// Returns whether the step has so many rows that it should be committed before it continues.
    ///
    /// Checked between blocks, so a step exceeds the limits by one block at most.
    pub(super) fn is_full(&self, rows: usize) -> bool {
        self.text > MOST_BUFFERED || self.rows.iter().map(Vec::len).sum::<usize>() > rows
    }

    /// Begins a new sequence of rows, because names of other blocks may come in between.
    pub(super) fn end_sequence(&mut self) {
        if self.rows.last().is_some_and(|rows| !rows.is_empty()) {
            self.rows.push(Vec::new());
        }
    }

    /// Removes empty sequences of rows.
    pub(super) fn drop_empty_sequences(&mut self) {
        self.rows.retain(|rows| !rows.is_empty());
    }

    /// Compares one row with one verdict, and counts the result.
    fn merge(&mut self, old: Option<Row>, new: Option<Verdict>, run: &RunContext) {
        // Compared by count, because `merge_row` adds at most a few changes and never removes one.
        let (is_listed, before) = (new.is_some(), self.changes.len());
        let row = merge_row(old, new, run, &mut self.changes);
        // A removal that is reported later is a change, although a sink receives nothing now.
        let is_pending = row.as_ref().is_some_and(|row| row.removed.is_some());
        let is_same = self.changes.len() == before;
        self.unchanged += u64::from(is_listed && is_same && !is_pending);
        row.into_iter().for_each(|row| self.push(row));
    }

    /// Adds a row to the current sequence.
    fn push(&mut self, row: Row) {
        self.text += row.most_text();
        match self.rows.last_mut() {
            Some(rows) => rows.push(row),
            None => self.rows.push(vec![row]),
        }
    }

    /// Compares the rows of a range of names with what the listing has there.
    ///
    /// Both ascend. If the range is ambiguous, an entry without a readable name may be any of its
    /// blobs, so that no blob of it is taken for missing.
    pub(super) fn compare(
        &mut self,
        old: Vec<Row>,
        new: Vec<Verdict>,
        is_ambiguous: bool,
        order: NameOrder,
        run: &RunContext,
    ) {
        let mut new = new.into_iter().peekable();
        for row in old {
            let is_before = |verdict: &Verdict| {
                verdict.name().is_some_and(|name| order.compare(name, &row.name).is_lt())
            };
            // Blobs before this row are new.
            while let Some(verdict) = new.next_if(is_before) {
                self.merge(None, Some(verdict), run);
            }
            match new.next_if(|verdict| verdict.name() == Some(&row.name)) {
                // Not missing for sure: the row stays, without the mark of a removal.
                None if is_ambiguous => self.push(row.not_missing(run.reported_through)),
                verdict => self.merge(Some(row), verdict, run),
            }
        }
        new.for_each(|verdict| self.merge(None, Some(verdict), run));
    }
}
