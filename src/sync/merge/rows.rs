//! Compares one row with one entry of a listing: which row stays, and which changes a sink receives.

use crate::{
    sink::Change,
    sync::row::{Reported, Row, RunContext},
    validate::{Reason, Verdict},
};

/// Returns the row that stays after a run, and adds the changes that a sink receives at once.
///
/// `old` is the row of the base, if there is one, and `new` the verdict on the blob of the same name,
/// if the listing has it. A removal is not among the changes: the row is marked as removed, and removals
/// are reported after everything is listed. The exception is a blob that the filter leaves out now: it
/// is listed, so its removal needs no proof and no limit.
///
/// The table is by what the sink was last given, and by what the listing has: an asset or a
/// rejection. Anything else would report a change relative to rows that the sink does not have.
pub(super) fn merge_row(
    old: Option<Row>,
    new: Option<Verdict>,
    run: &RunContext,
    changes: &mut Vec<Change>,
) -> Option<Row> {
    let Some(verdict) = new else { return old.and_then(|old| mark_missing(old, run)) };
    let Some(mut row) = Row::of(&verdict) else {
        // Without a name nothing can be remembered of the entry.
        changes.push(verdict.into());
        return old;
    };
    let Some(old) = old else {
        changes.push(verdict.into());
        return Some(row);
    };
    let change = match (old.last_reported(run.reported_through), verdict) {
        (Reported::Asset, Verdict::Accept(asset)) => {
            // A row with a reason was rejected in between without a report, so it has changed.
            let is_same = old.reason.is_none() && old.is_same(&row);
            (!is_same).then_some(Change::Changed(asset))
        }
        (Reported::Asset, Verdict::Reject(rejection)) if row.reason == Some(Reason::Filtered) => {
            changes.push(old.removal(None));
            row.kind = old.kind;
            Some(Change::Rejected(rejection))
        }
        (Reported::Asset, Verdict::Reject(_)) => {
            // Removed as an asset: reported with the other removals.
            row.kind = old.kind;
            row.removed = old.removed.or_else(|| Some(run.removed_now()));
            None
        }
        (Reported::Rejection, Verdict::Reject(rejection)) => {
            let is_same = (row.version(), row.reason) == (old.version(), old.reason);
            let is_same = is_same && !old.in_doubt;
            // The kind says that the blob was an asset before, so that it can be restored.
            (row.kind, row.removed) = (old.kind, old.removed.filter(|_| old.kind.is_some()));
            (!is_same).then_some(Change::Rejected(rejection))
        }
        (Reported::Removed | Reported::Rejection, Verdict::Accept(asset)) => {
            Some(if old.kind.is_some() { Change::Restored(asset) } else { Change::Added(asset) })
        }
        (Reported::Removed, Verdict::Reject(rejection)) => Some(Change::Rejected(rejection)),
    };
    changes.extend(change);
    Some(row)
}

/// Returns the row of a blob that the listing does not have, or `None` if the row has expired.
///
/// The removal is reported after everything is listed, or withheld.
fn mark_missing(mut old: Row, run: &RunContext) -> Option<Row> {
    match old.last_reported(run.reported_through) {
        Reported::Removed => {
            return Some(old)
                .filter(|old| !old.removed.is_some_and(|removed| run.has_expired(removed.run)));
        }
        Reported::Asset => {
            old.removed = old.removed.or_else(|| Some(run.removed_now()));
            (old.reason, old.detail) = (None, None);
        }
        Reported::Rejection => {
            // With a kind, `removed` dates the end of the asset and not that of the blob.
            let removed = old.removed.filter(|_| old.kind.is_none());
            old.removed = removed.or_else(|| Some(run.removed_now()));
            old.kind = None;
        }
    }
    Some(old)
}
