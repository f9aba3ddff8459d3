//! The journal of a run under way: a checksummed line for each record.
//!
//! A record is durable when [`append`] returns. A later record must not reach the disk before an
//! earlier one, so each record is synced on its own.

mod reader;
mod record;

use std::path::Path;

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

pub(super) use self::{
    reader::Journal,
    record::{Begin, Delta, Progress, Record},
};
use super::{
    disk::Disk,
    footer::Footer,
    format::JOURNAL,
    limits::{self, MOST_LINE},
    state_folder::StateFolder,
};
use crate::{error::Error, sink::RunId};

/// Appends the begin record, which must be the first.
pub(super) fn append_begin(disk: &mut dyn Disk, begin: &Begin) -> Result<(), Error> {
    append_line(disk, begin)
}

/// Appends a record, and makes it durable.
pub(super) fn append(disk: &mut dyn Disk, record: &Record) -> Result<(), Error> {
    append_line(disk, record)
}

/// # Errors
///
/// [`TooLarge`](crate::ErrorKind::TooLarge) if the line is longer than a reader accepts.
fn append_line(disk: &mut dyn Disk, value: &impl Serialize) -> Result<(), Error> {
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
    let mut disk = StateFolder::open_to_read(folder.as_ref());
    let failed = |error| Error::state("read the journal of the run", error);
    if disk.size(JOURNAL).map_err(failed)?.is_some() {
        return Ok(reader::read_begin(&mut disk)?.map(|begin| begin.run));
    }
    // Between two passes of a run there is no journal, only the base of the next pass.
    let Some(Footer { run, .. }) = Footer::read_base(&mut disk)? else { return Ok(None) };
    let complete = Footer::read_manifest(&mut disk)?.map(|manifest| manifest.run);
    Ok(Some(run).filter(|run| Some(*run) != complete))
}
