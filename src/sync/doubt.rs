//! Rows that an interrupted batch left in doubt: the sink may know them, or the rows before them.

use super::row::{Reported, Row, Run};
use crate::{store::NameOrder, validate::Verdict};

/// What is known for sure, but for what a sink may know of a blob
///
/// Where the blob is removed, or no asset any more, the sink is told so. Where it is there, the sink is
/// told of it once more, however much it is as it was known. Where the entry may be one without a name,
/// what is known for sure stays.
pub(super) fn with_doubt(
    old: Vec<Row>,
    in_doubt: &[Row],
    new: &[Verdict],
    is_ambiguous: bool,
    order: NameOrder,
    run: &Run,
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
        let is_asset = row.last_reported(run.told) == Reported::Asset;
        rows.extend(match listed.ok().and_then(|place| new.get(place)) {
            None if is_ambiguous => Some(keep_in_doubt(known, row, run.told)),
            // A sink may know the one or the other. It stays in doubt: the listing may have been in another
            // order than was assumed, or its removal may be withheld, and then the blob is there again.
            None => Some(match known {
                Some(known) if is_asset_for_sure(&known, row, run.told) => {
                    Row { in_doubt: true, ..known }
                }
                _ => Row { in_doubt: true, ..row.clone() },
            }),
            Some(Verdict::Reject(_)) if is_asset => Some(row.clone()),
            // The batch had nothing of it.
            Some(_) if known.as_ref().is_some_and(|known| known.tells_as(row)) => known,
            Some(_) => known.map(|known| Row { in_doubt: true, ..known }),
        });
    }
    rows.extend(old);
    rows
}

/// The row of a blob of which nothing was listed, and of which a sink may know another row
pub(super) fn keep_in_doubt(known: Option<Row>, row: &Row, removals: u64) -> Row {
    match known {
        Some(known) if known.tells_as(row) => known,
        // It may have been missing only because the run was interrupted.
        Some(known) if row.removed.is_some() || is_asset_for_sure(&known, row, removals) => {
            Row { in_doubt: true, ..known }
        }
        _ => Row { in_doubt: true, ..row.clone() },
    }
}

/// Whether a sink certainly had an asset, which a batch in doubt may have removed
fn is_asset_for_sure(known: &Row, row: &Row, removals: u64) -> bool {
    known.last_reported(removals) == Reported::Asset
        && row.last_reported(removals) != Reported::Asset
}
