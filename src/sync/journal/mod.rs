//! The journal of a run under way: a checksummed line for each record.
//!
//! A record is durable when [`append`] returns. A later record must not reach the disk before an
//! earlier one, so each record is synced on its own.

mod reader;
mod record;

use std::{io, path::Path};

use serde::Serialize;
use tokio::task::spawn_blocking;
use xxhash_rust::xxh3::xxh3_64;

pub(super) use self::{
    reader::Journal,
    record::{Begin, Delta, Progress, Record},
};
use super::{
    footer::Footer,
    format::JOURNAL,
    limits::{self, MOST_LINE},
    state_folder::StateFolder,
    state_store::{StateFiles, StateStore},
};
use crate::{error::Error, sink::RunId};

/// Appends the begin record, which must be the first.
pub(super) fn append_begin(disk: &mut dyn StateFiles, begin: &Begin) -> Result<(), Error> {
    append_line(disk, begin)
}

/// Appends a record, and makes it durable.
pub(super) fn append(disk: &mut dyn StateFiles, record: &Record) -> Result<(), Error> {
    append_line(disk, record)
}

/// # Errors
///
/// [`TooLarge`](crate::ErrorKind::TooLarge) if the line is longer than a reader accepts.
fn append_line(disk: &mut dyn StateFiles, value: &impl Serialize) -> Result<(), Error> {
    let failed = |error| Error::state("write the journal of the run", error);
    let json = serde_json::to_vec(value).map_err(|error| failed(error.into()))?;
    // The checksum comes first, so that half a line is recognized by any reader of lines.
    let mut line = format!("{:016x} ", xxh3_64(&json)).into_bytes();
    line.extend(json);
    line.push(b'\n');
    limits::writable("a line of the journal", line.len() as u64, MOST_LINE)?;
    disk.append(JOURNAL, &line).and_then(|()| disk.sync(JOURNAL)).map_err(failed)
}

/// Returns the id of the run that has not ended in a state folder, or `None` if there is none.
///
/// The next [`Job`](super::Job) with this folder resumes that run. A run that is under way has not
/// ended either, so this function may be called at any time.
///
/// The listing of such a run is in no [`Manifest`](super::Manifest), because a manifest is always that
/// of the last complete run.
///
/// # Errors
/// [`State`](crate::ErrorKind::State) if the folder cannot be read,
/// [`StateInvalid`](crate::ErrorKind::StateInvalid) if its content is damaged or has another format
/// version.
#[doc(alias = "checkpoint")]
#[doc(alias = "resume")]
pub fn interrupted(folder: impl AsRef<Path>) -> Result<Option<RunId>, Error> {
    read_interrupted(&StateFolder::new(folder))
}

/// Returns the id of the run that has not ended in any store, as [`interrupted`] does for a folder.
///
/// Dropping the future has no effect on the state.
///
/// # Errors
/// As [`interrupted`].
pub async fn interrupted_in(state: impl StateStore + 'static) -> Result<Option<RunId>, Error> {
    let read = spawn_blocking(move || read_interrupted(&state)).await;
    read.unwrap_or_else(|error| Err(failed(io::Error::other(error))))
}

/// Reads which run has not ended. Blocks.
fn read_interrupted(state: &dyn StateStore) -> Result<Option<RunId>, Error> {
    let disk = &mut *state.open_to_read()?;
    if disk.size(JOURNAL).map_err(failed)?.is_some() {
        return Ok(reader::read_begin(disk)?.map(|begin| begin.run));
    }
    // Between two passes of a run there is no journal, only the base of the next pass.
    let Some(Footer { run, .. }) = Footer::read_base(disk)? else { return Ok(None) };
    let complete = Footer::read_manifest(disk)?.map(|manifest| manifest.run);
    Ok(Some(run).filter(|run| Some(*run) != complete))
}

fn failed(error: io::Error) -> Error {
    Error::state("read the journal of the run", error)
}
