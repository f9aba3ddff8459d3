//! Removes the files of a run when nothing needs them any more.

use crate::{
    error::Error,
    sync::{
        format::{BASE, JOURNAL, MANIFEST_NEW, OLD_INDEX, ROWS},
        sort,
        state_store::StateFiles,
    },
};

/// Removes the files of a run that has ended.
///
/// The base goes last. A crash in between leaves files that the next run recognizes by their run.
pub(super) fn clear_run(disk: &mut dyn StateFiles) -> Result<(), Error> {
    clear_pass(disk)?;
    disk.remove(BASE).map_err(failed)
}

/// Removes the files of one pass over the listing.
pub(super) fn clear_pass(disk: &mut dyn StateFiles) -> Result<(), Error> {
    // INVARIANT: the journal goes first. Without it the other files mean nothing, whereas a journal
    // without its rows would look like a damaged state.
    [JOURNAL, ROWS].into_iter().try_for_each(|name| disk.remove(name)).map_err(failed)?;
    clear_temporary(disk)
}

/// Removes files that no later run reads.
///
/// Among them `run.index`, which only earlier builds wrote.
pub(super) fn clear_temporary(disk: &mut dyn StateFiles) -> Result<(), Error> {
    [OLD_INDEX, MANIFEST_NEW].into_iter().try_for_each(|name| disk.remove(name)).map_err(failed)?;
    sort::remove(disk)
}

fn failed(error: std::io::Error) -> Error {
    Error::state("remove files of a run that are no longer needed", error)
}
