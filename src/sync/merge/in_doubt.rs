//! Rows in doubt: rows of a batch that was prepared and not committed.
//!
//! A sink may have the rows of such a batch or what it had before. Both are possible, so the blobs
//! of the batch are reported again when they are listed, and reported as removed if they are gone.

use crate::{
    store::NameOrder,
    sync::row::{Reported, Row, RunContext},
    validate::Verdict,
};

/// The rows in doubt of an interrupted run, by ascending name.
pub(in crate::sync) struct InDoubt(Vec<Row>);

impl InDoubt {
    /// Sorts the rows of prepared batches, oldest batch first, and keeps one row of each name.
    ///
    /// A sink may have received any of these batches, so it may have any of the rows of a name. If they
    /// differ, the row that stays is marked as in doubt, so that it equals no row of the base. It is
    /// the last row, or the last one that is an asset, because a sink that may have an asset must be
    /// given its removal.
    pub(super) fn new(mut rows: Vec<Row>, order: NameOrder, reported_through: u64) -> Self {
        // The later of two rows comes first, because the sort is stable.
        rows.reverse();
        rows.sort_by(|a, b| order.compare(&a.name, &b.name));
        let is_asset = |row: &Row| row.last_reported(reported_through) == Reported::Asset;
        rows.dedup_by(|earlier, kept| {
            if earlier.name != kept.name {
                return false;
            }
            if !earlier.is_equivalent(kept) {
                if is_asset(earlier) && !is_asset(kept) {
                    std::mem::swap(earlier, kept);
                }
                kept.in_doubt = true;
            }
            true
        });
        Self(rows)
    }

    /// Returns the rows by ascending name.
    pub(in crate::sync) fn rows(&self) -> &[Row] {
        &self.0
    }
}

/// Replaces rows of the base by what a sink may know instead.
///
/// The result is compared with the listing `new` of the same range. It leads to these reports: a blob
/// that is gone, or not an asset any more, is reported as such. A blob that is there is reported again,
/// even if it has not changed. In an ambiguous range the known row stays.
pub(super) fn with_doubt(
    old: Vec<Row>,
    in_doubt: &[Row],
    new: &[Verdict],
    is_ambiguous: bool,
    order: NameOrder,
    run: &RunContext,
) -> Vec<Row> {
    if in_doubt.is_empty() {
        return old;
    }
    let mut rows = Vec::with_capacity(old.len() + in_doubt.len());
    let mut old = old.into_iter().peekable();
    for row in in_doubt {
        rows.extend(std::iter::from_fn(|| {
            old.next_if(|old| order.compare(&old.name, &row.name).is_lt())
        }));
        let known = old.next_if(|old| old.name == row.name);
        let listed = new.binary_search_by(|verdict| {
            order.compare(verdict.name().unwrap_or_default(), &row.name)
        });
        let verdict = listed.ok().and_then(|place| new.get(place));
        rows.extend(choose_row(known, row, verdict, is_ambiguous, run));
    }
    rows.extend(old);
    rows
}

/// Returns the row to compare a verdict with, if a sink may have either of two rows.
///
/// `known` is the row of the base, `row` the row in doubt, and `verdict` what the listing has.
fn choose_row(
    known: Option<Row>,
    row: &Row,
    verdict: Option<&Verdict>,
    is_ambiguous: bool,
    run: &RunContext,
) -> Option<Row> {
    let is_asset = row.last_reported(run.reported_through) == Reported::Asset;
    match verdict {
        None if is_ambiguous => Some(keep_in_doubt(known, row, run.reported_through)),
        // Stays in doubt even when its removal is reported: the removal may be withheld, or the
        // listing may turn out to be in another order, and then the blob comes back.
        None => Some(match known {
            Some(known) if was_asset_for_sure(&known, row, run.reported_through) => {
                Row { in_doubt: true, ..known }
            }
            _ => Row { in_doubt: true, ..row.clone() },
        }),
        // The sink may have the asset, so it is removed; without it the sink ignores the removal.
        Some(Verdict::Reject(_)) if is_asset => Some(row.clone()),
        // The batch had no change of this blob, so the sink has what it had before.
        Some(_) if known.as_ref().is_some_and(|known| known.is_equivalent(row)) => known,
        // In doubt, so that the blob counts as changed whatever the sink has.
        Some(_) => known.map(|known| Row { in_doubt: true, ..known }),
    }
}

/// Returns the row of a blob that no page has listed yet, if a sink may have another row.
///
/// For rows that go into `run.base` or into an ambiguous range: nothing is decided about the blob.
pub(in crate::sync) fn keep_in_doubt(known: Option<Row>, row: &Row, reported_through: u64) -> Row {
    match known {
        Some(known) if known.is_equivalent(row) => known,
        // The removal may be there only because the run was interrupted.
        Some(known)
            if row.removed.is_some() || was_asset_for_sure(&known, row, reported_through) =>
        {
            Row { in_doubt: true, ..known }
        }
        _ => Row { in_doubt: true, ..row.clone() },
    }
}

/// Returns whether a sink certainly had an asset, which the batch in doubt may have removed.
///
/// Such a removal must be reported: the sink has had the asset in either case.
fn was_asset_for_sure(known: &Row, row: &Row, reported_through: u64) -> bool {
    known.last_reported(reported_through) == Reported::Asset
        && row.last_reported(reported_through) != Reported::Asset
}
