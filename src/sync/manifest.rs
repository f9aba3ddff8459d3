//! Reads the manifest of the last complete run, for callers.
//!
//! Only a run that has listed everything writes a manifest, and it replaces the one before in one
//! step. So a manifest can be read at any time, also while a run is under way.

use std::{
    fmt, io,
    path::Path,
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use tokio::task::{JoinError, spawn_blocking};

use super::{
    block::Block,
    footer::Footer,
    format::MANIFEST,
    index::IndexFrame,
    row::Row,
    state_folder::StateFolder,
    state_store::{StateFiles, StateStore},
};
use crate::{
    error::Error,
    sink::{Batch, Change, RunId, Sink},
};

/// How many assets an export gives a sink at once.
const BATCH: usize = 1000;

/// The last complete run: a row for each blob, by ascending name.
///
/// ```
/// use azure_asset_sync::{Blob, MemoryStore, Prefix, Scan, sync::{Job, Manifest}};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let folder = tempfile::tempdir()?;
/// let store = MemoryStore::from_iter([Blob::new("a.jpg", 10), Blob::new("notes.txt", 20)]);
/// Job::new(Scan::new(store, &Prefix::default()), folder.path()).run(()).await?;
/// let manifest = Manifest::open(folder.path())?.expect("a run has ended");
/// assert_eq!(manifest.listed(), 2);
/// for row in manifest.rows() {
///     println!("{}", row?.name);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[doc(alias = "snapshot")]
#[doc(alias = "inventory")]
pub struct Manifest {
    /// Never locked: files need not be shared between threads, and a manifest may be.
    disk: Mutex<Box<dyn StateFiles>>,
    footer: Footer,
}

impl Manifest {
    /// Opens the manifest in a state folder, or returns `None` before the first complete run.
    ///
    /// The manifest is always that of the last complete run: a later run that failed or was cancelled
    /// or killed leaves it as it is. [`interrupted`](super::interrupted) returns whether there is such
    /// a run. The manifest may be read while a run is under way.
    ///
    /// # Errors
    /// [`State`](crate::ErrorKind::State) if the manifest cannot be read,
    /// [`StateInvalid`](crate::ErrorKind::StateInvalid) if it is damaged or has another format version.
    pub fn open(folder: impl AsRef<Path>) -> Result<Option<Self>, Error> {
        Self::read(&StateFolder::new(folder))
    }

    /// Opens the manifest in any store, as [`open`](Self::open) does in a folder.
    ///
    /// Dropping the future has no effect on the state.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_in(state: impl StateStore + 'static) -> Result<Option<Self>, Error> {
        spawn_blocking(move || Self::read(&state)).await.unwrap_or_else(|error| Err(stopped(error)))
    }

    /// Opens the manifest. Blocks.
    pub(crate) fn read(state: &dyn StateStore) -> Result<Option<Self>, Error> {
        let mut disk = state.open_to_read()?;
        let footer = Footer::read_manifest(&mut *disk)?;
        Ok(footer.map(|footer| Self { disk: Mutex::new(disk), footer }))
    }

    /// Returns the id of the run that has written the manifest.
    pub fn run(&self) -> RunId {
        self.footer.run
    }

    /// Returns the number of that run. The first run with a state has the number 1.
    pub fn number(&self) -> u64 {
        self.footer.number
    }

    /// Returns when that run began.
    pub fn at(&self) -> SystemTime {
        self.footer.at
    }

    /// Returns the [fingerprint](crate::Rules::fingerprint) of the rules that gave the verdicts.
    pub fn rules(&self) -> u64 {
        self.footer.rules
    }

    /// Returns how many blobs the listing had.
    pub fn listed(&self) -> u64 {
        self.footer.totals().listed
    }

    /// Returns how many of the listed blobs are assets.
    pub fn assets(&self) -> u64 {
        self.footer.totals().assets
    }

    /// Returns how many more assets sinks still have, although the listing no longer had them.
    ///
    /// This is 0 unless the run ended as
    /// [`Ending::RemovalsWithheld`](super::Ending::RemovalsWithheld). These assets are neither in
    /// [`assets`](Self::assets) nor in what [`export`](Self::export) writes. Do not replace a file
    /// that must keep them while this is not 0.
    pub fn withheld(&self) -> u64 {
        self.footer.totals().missing
    }

    /// Returns how many entries of the listing had no readable name.
    ///
    /// Each of them could be any blob of its page, so a job treats no blob there as missing: if this
    /// is not 0, rows of removed blobs may be among those that count as listed.
    pub fn nameless(&self) -> u64 {
        self.footer.nameless
    }

    /// Writes all assets into a sink as if each was added, and returns their number.
    ///
    /// For sinks that replace their output, such as a CSV file. Each asset has the properties that a
    /// [`Row`] has. Rows are read on the threads of the runtime that may block.
    ///
    /// Dropping the future cancels the export; the sink is then not finished.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), azure_asset_sync::Error> {
    /// use azure_asset_sync::{sink::Csv, sync::Manifest};
    ///
    /// if let Some(manifest) = Manifest::open("state")? {
    ///     manifest.export(Csv::assets("assets.csv")?).await?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Returns the first error of the state or of the sink. The sink is then not finished.
    pub async fn export(self, mut sink: impl Sink) -> Result<u64, Error> {
        let (run, mut count, mut rows) = (self.run(), 0, self.rows());
        // Batches are numbered from 0, as in a run: each export is a delivery of its own.
        for sequence in 0.. {
            // The rows move to a thread that may block, and back.
            let read = move || (next_assets(&mut rows), rows);
            let (changes, rest) = spawn_blocking(read).await.map_err(stopped)?;
            let changes = changes?;
            rows = rest;
            if changes.is_empty() {
                break;
            }
            count += changes.len() as u64;
            sink.accept(Batch::new(&run, sequence, &changes)).await?;
        }
        sink.flush().await?;
        sink.finish().await?;
        Ok(count)
    }

    /// Returns an iterator over all rows by ascending name, with those of removed blobs.
    ///
    /// Some thousand rows are in memory at a time. The iterator ends after an error. It reads a block of
    /// rows at a time, and blocks meanwhile: iterate over a store that waits for a network in
    /// [`spawn_blocking`](tokio::task::spawn_blocking).
    pub fn rows(self) -> Rows {
        Rows {
            disk: self.disk,
            frames: self.footer.into_index().into_iter(),
            position: 0,
            blocks: Vec::new().into_iter(),
            rows: Vec::new().into_iter(),
        }
    }
}

/// Returns the next assets, each as added, or none after the last one.
fn next_assets(rows: &mut Rows) -> Result<Vec<Change>, Error> {
    let assets = rows.filter_map(|row| row.map(Row::into_asset).transpose());
    assets.take(BATCH).map(|asset| asset.map(Change::Added)).collect()
}

/// The error if reading has panicked, or if the runtime shuts down.
fn stopped(error: JoinError) -> Error {
    Error::state("read the manifest", io::Error::other(error))
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manifest")
            .field("run", &self.footer.run)
            .field("number", &self.footer.number)
            .field("listed", &self.listed())
            .finish_non_exhaustive()
    }
}

/// An iterator over the rows of a manifest, made by [`Manifest::rows`].
///
/// Reads one index frame and one block at a time, so that its memory does not grow with the manifest.
#[derive(Debug)]
pub struct Rows {
    /// Never locked, as in [`Manifest`].
    disk: Mutex<Box<dyn StateFiles>>,
    frames: std::vec::IntoIter<IndexFrame>,
    /// How many blocks the index frames before have.
    position: usize,
    blocks: std::vec::IntoIter<Block>,
    rows: std::vec::IntoIter<Row>,
}

impl Rows {
    /// Reads the next block, or the next index frame; returns whether there is more to read.
    fn fill(&mut self) -> Result<bool, Error> {
        let disk = &mut **self.disk.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(block) = self.blocks.next() {
            self.rows = block.read_rows(disk, MANIFEST)?.into_iter();
            return Ok(true);
        }
        let Some(frame) = self.frames.next() else { return Ok(false) };
        self.blocks = frame.read(disk, MANIFEST, self.position)?.into_iter();
        self.position = frame.end();
        Ok(true)
    }
}

impl Iterator for Rows {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.rows.next() {
                return Some(Ok(row));
            }
            match self.fill() {
                // An index frame or a block was read. The next round takes its rows.
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    // What comes after a damaged part would look like a complete manifest.
                    self.frames = Vec::new().into_iter();
                    self.blocks = Vec::new().into_iter();
                    return Some(Err(error));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        name::Prefix,
        scan::Scan,
        store::{Blob, MemoryStore},
        testing::TestDisk,
    };

    #[tokio::test]
    async fn any_zstandard_reader_reads_the_rows() {
        let disk = TestDisk::new(3);
        let names: Vec<String> = (0..20).map(|n| format!("{n:02}.jpg")).collect();
        let store: MemoryStore = names.iter().map(|name| Blob::new(name, 1)).collect();
        disk.job(Scan::new(store, &Prefix::default())).run(()).await.unwrap();
        let mut file = Vec::new();
        disk.damage(MANIFEST, |bytes| file.clone_from(bytes));
        let text = String::from_utf8(zstd::decode_all(file.as_slice()).unwrap()).unwrap();
        let rows = text.lines().map(|line| serde_json::from_str::<Row>(line).unwrap().name);
        assert_eq!(rows.collect::<Vec<_>>(), names);
    }
}
