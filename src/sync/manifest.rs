//! What the last complete run knew: the file, its index, and how others read it.
//!
//! Only a run that has listed everything writes a manifest. It takes the place of the one before by a
//! rename.

use std::{fmt, path::Path, time::SystemTime};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    block::{Block, damaged, unpack},
    disk::{Disk, StateFolder},
    index::{Blocks, HEAD, Leaf, append_leaf, skipped},
    journal::Counts,
    limits,
    row::{Row, time},
};
use crate::{
    error::{Error, ErrorKind},
    sink::{Batch, Change, RunId, Sink},
    store::NameOrder,
};

/// The name of the file
pub(super) const FILE: &str = "manifest.jsonl.zst";

/// What a run knows that must list all names again, because they came in another order
pub(super) const PARTIAL: &str = "run.base";

/// One that is not whole yet
pub(super) const NEW: &str = "manifest.new";

/// The version of the format, of manifests and of what is kept of a run under way
pub(super) const FORMAT: u32 = 3;

/// How many assets a sink is given at once
const BATCH: usize = 1000;

/// The last bytes of a manifest
const END: [u8; 8] = *b"AASYNC\r\n";

/// Offset, length and XXH3 of what a manifest says of itself, and [`END`]
const FOOTER: usize = 32;

/// What a manifest says of itself, and where the index of its blocks is
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Index {
    pub(super) format: u32,
    pub(super) run: RunId,
    pub(super) number: u64,
    #[serde(with = "time")]
    pub(super) at: SystemTime,
    pub(super) prefix: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
    /// The order of its rows, which is that of the listing
    pub(super) order: Option<NameOrder>,
    /// The order to expect of the next listing, if it is another one
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expected: Option<NameOrder>,
    /// The fingerprint of the rules
    pub(super) rules: u64,
    /// Removals of runs up to this number were told
    pub(super) told: u64,
    /// How many entries of the listing had no readable name
    #[serde(default)]
    pub(super) nameless: u64,
    pub(super) sums: Sums,
    /// Only in [`PARTIAL`]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) partial: Option<Partial>,
    pub(super) leaves: Vec<Leaf>,
}

/// What a run carries from one pass over its listing to the next
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Partial {
    /// The run whose manifest it goes out from
    pub(super) base: Option<RunId>,
    /// The number of the next pass: the first is 0
    pub(super) pass: u64,
    /// How many batches the sink has
    pub(super) batches: u64,
    pub(super) counts: Counts,
    /// How many entries without a readable name are in these counts
    pub(super) nameless: u64,
}

impl Partial {
    /// How many blobs the sink was given: the next pass finds them as they were
    pub(super) fn reported(&self) -> u64 {
        let Counts { added, changed, restored, rejected, .. } = self.counts;
        (added + changed + restored + rejected).saturating_sub(self.nameless)
    }
}

/// What is known of all blocks without reading what describes each
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Sums {
    /// How many blobs the listing had
    pub(super) listed: u64,
    /// How many of them are assets
    pub(super) assets: u64,
    /// How many assets are removed without a sink being told
    pub(super) missing: u64,
    /// The last run that found rows removed; 0 where none is
    #[serde(rename = "newest_gone")]
    pub(super) newest_removed: u64,
}

impl Index {
    /// How many assets a sink has, as far as it was told
    pub(super) fn held(&self) -> u64 {
        self.sums.assets + self.sums.missing
    }

    /// What comes behind all else, which ends at this offset
    pub(super) fn frame(&self, offset: u64) -> Result<Vec<u8>, Error> {
        let mut content = serde_json::to_vec(self)
            .map_err(|error| Error::state("write an index", error.into()))?;
        limits::writable("the index", content.len(), limits::MOST_INDEX)?;
        let footer = [offset + HEAD as u64, content.len() as u64, xxh3_64(&content)];
        content.extend(footer.map(u64::to_le_bytes).as_flattened());
        content.extend(END);
        skipped(&content)
    }

    /// The index of the manifest, where there is one
    pub(super) fn read(disk: &mut dyn Disk) -> Result<Option<Self>, Error> {
        match Self::of(disk, FILE)? {
            Some(Self { partial: Some(_), .. }) => {
                Err(damaged("the manifest is of a run that has not ended"))
            }
            index => Ok(index),
        }
    }

    /// What a run has left that must list again
    pub(super) fn unfinished(disk: &mut dyn Disk) -> Result<Option<Self>, Error> {
        Self::of(disk, PARTIAL)
    }

    fn of(disk: &mut dyn Disk, file: &str) -> Result<Option<Self>, Error> {
        let failed = |error| Error::state("read the manifest", error);
        let Some(size) = disk.size(file).map_err(failed)? else { return Ok(None) };
        let short = || damaged("the manifest breaks off");
        let at = size.checked_sub(FOOTER as u64).ok_or_else(short)?;
        let footer = disk.read(file, at, FOOTER).map_err(failed)?;
        let (numbers, _) = footer.as_chunks::<8>();
        let [start, length, print, end] = *numbers else { return Err(short()) };
        let [start, length, print] = [start, length, print].map(u64::from_le_bytes);
        if end != END || start.checked_add(length) != Some(at) {
            return Err(short());
        }
        let length = limits::length("the manifest's index", length, limits::MOST_INDEX)?;
        let index = disk.read(file, start, length).map_err(failed)?;
        if xxh3_64(&index) != print {
            return Err(damaged("the manifest's index has other bytes than were written"));
        }
        check_format(&index)?;
        let index = serde_json::from_slice(&index)
            .map_err(|error| damaged(format_args!("the manifest's index: {error}")))?;
        limits::check_index(&index)?;
        Ok(Some(index))
    }
}

/// A manifest that is being written, of which only the index is in memory
pub(super) struct ManifestWriter {
    pub(super) index: Index,
    /// How many bytes there are
    pub(super) size: u64,
    /// How many blocks a leaf describes
    pub(super) leaf: usize,
    /// Those of the next leaf
    pub(super) blocks: Vec<Block>,
}

impl ManifestWriter {
    /// Adds a block, which begins where the file ends
    pub(super) fn add(
        &mut self,
        disk: &mut dyn Disk,
        frame: &[u8],
        block: Block,
    ) -> Result<(), Error> {
        disk.append(NEW, frame).map_err(failed)?;
        self.size += block.length;
        let sums = &mut self.index.sums;
        sums.listed += block.listed;
        sums.assets += block.assets;
        sums.missing += block.missing(self.index.told);
        sums.newest_removed = sums.newest_removed.max(block.newest_removed);
        self.blocks.push(block);
        if self.blocks.len() >= self.leaf { self.end_leaf(disk) } else { Ok(()) }
    }

    /// Describes the blocks behind the last leaf
    fn end_leaf(&mut self, disk: &mut dyn Disk) -> Result<(), Error> {
        append_leaf(disk, NEW, &mut self.size, &mut self.index.leaves, &self.blocks)?;
        self.blocks.clear();
        Ok(())
    }

    /// Makes it durable, and puts it in the place of the one before
    pub(super) fn end(mut self, disk: &mut dyn Disk, file: &str) -> Result<(), Error> {
        self.end_leaf(disk)?;
        let frame = self.index.frame(self.size)?;
        disk.append(NEW, &frame).map_err(failed)?;
        disk.sync(NEW).map_err(failed)?;
        disk.rename(NEW, file).map_err(failed)
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::state("write the manifest", error)
}

/// That JSON is of a version of the format that is known
pub(super) fn check_format(json: &[u8]) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    match serde_json::from_slice(json) {
        Ok(Version { format: FORMAT }) => Ok(()),
        Ok(Version { format }) => {
            let what = if format > FORMAT { "a newer" } else { "an older" };
            Err(Error::new(
                ErrorKind::StateInvalid,
                format!(
                    "the state has format {format}, of {what} version of this crate, which knows format {FORMAT} alone; use that version, or begin with a new state",
                ),
            ))
        }
        Err(error) => Err(damaged(format_args!("no version of its format: {error}"))),
    }
}

/// What the last complete run knew of each blob, by ascending name
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
pub struct Manifest {
    disk: Box<dyn Disk>,
    index: Index,
}

impl Manifest {
    /// The manifest in a state folder; `None` before the first run that has listed all
    ///
    /// It is of the last run that was complete, whatever has happened to later ones: one that failed,
    /// was cancelled or killed leaves it as it is, and the next run that ends puts a new one in its
    /// place. [`interrupted`](super::interrupted) tells whether a later run waits to go on. May be read
    /// while a run is under way.
    ///
    /// # Errors
    /// [`State`](ErrorKind::State) where it cannot be read,
    /// [`StateInvalid`](ErrorKind::StateInvalid) where it is damaged or of another version.
    pub fn open(folder: impl AsRef<Path>) -> Result<Option<Self>, Error> {
        Self::on(Box::new(StateFolder::to_read(folder.as_ref())))
    }

    pub(crate) fn on(mut disk: Box<dyn Disk>) -> Result<Option<Self>, Error> {
        let index = Index::read(&mut *disk)?;
        Ok(index.map(|index| Self { disk, index }))
    }

    /// The run that has written it
    pub fn run(&self) -> RunId {
        self.index.run
    }

    /// Its number: 1 is the first run with this state
    pub fn number(&self) -> u64 {
        self.index.number
    }

    /// When that run began
    pub fn at(&self) -> SystemTime {
        self.index.at
    }

    /// The fingerprint of the rules that its verdicts are of, as [`Rules::fingerprint`] gives it
    ///
    /// [`Rules::fingerprint`]: crate::Rules::fingerprint
    pub fn rules(&self) -> u64 {
        self.index.rules
    }

    /// How many blobs the listing had
    pub fn listed(&self) -> u64 {
        self.index.sums.listed
    }

    /// How many of them are assets
    pub fn assets(&self) -> u64 {
        self.index.sums.assets
    }

    /// How many more assets sinks still have, although the listing no longer had them
    ///
    /// 0 unless the run ended as [`Ending::RemovalsWithheld`](super::Ending::RemovalsWithheld). They
    /// are neither in [`assets`](Self::assets) nor in what [`export`](Self::export) writes: a file
    /// that must not lose them is best left as it is while this is not 0.
    pub fn withheld(&self) -> u64 {
        self.index.sums.missing
    }

    /// How many entries of the listing had no readable name
    ///
    /// Each could be any blob of its page. So a job takes no blob there for missing: if this is not 0,
    /// rows of blobs that are removed may be among those that count as listed.
    pub fn nameless(&self) -> u64 {
        self.index.nameless
    }

    /// Writes the assets that the listing had into a sink, as if each was added: for files that are
    /// made as a whole
    ///
    /// Of each asset it has what a [`Row`] has. The number of assets. Cancelled by dropping the
    /// future; the sink is then not finished. Reading a block of rows blocks the calling task.
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
    /// The first error of the state or of the sink, which is then not finished.
    pub async fn export(self, mut sink: impl Sink) -> Result<u64, Error> {
        let (run, mut count, mut changes) = (self.run(), 0, Vec::new());
        let mut assets = self.rows().filter_map(|row| row.map(Row::into_asset).transpose());
        for sequence in 0.. {
            for asset in assets.by_ref().take(BATCH) {
                changes.push(Change::Added(asset?));
            }
            if changes.is_empty() {
                break;
            }
            count += changes.len() as u64;
            sink.accept(Batch::new(&run, sequence, &changes)).await?;
            changes.clear();
        }
        sink.flush().await?;
        sink.finish().await?;
        Ok(count)
    }

    /// All rows, also of what is removed, by ascending name
    ///
    /// Some thousand are in memory at a time. It ends after an error.
    pub fn rows(self) -> Rows {
        let blocks = Blocks::new(FILE, self.index.leaves, 1);
        Rows { disk: self.disk, blocks, next: 0, rows: Vec::new().into_iter() }
    }
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manifest")
            .field("run", &self.index.run)
            .field("number", &self.index.number)
            .field("listed", &self.listed())
            .finish_non_exhaustive()
    }
}

/// The rows of a manifest; made by [`Manifest::rows`]
#[derive(Debug)]
pub struct Rows {
    disk: Box<dyn Disk>,
    blocks: Blocks,
    next: usize,
    rows: std::vec::IntoIter<Row>,
}

impl Iterator for Rows {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.rows.next() {
                return Some(Ok(row));
            }
            let block = self.blocks.get(&mut *self.disk, self.next).transpose()?;
            match block.and_then(|block| read_block(&mut *self.disk, FILE, &block)) {
                Ok(rows) => self.rows = rows.into_iter(),
                Err(error) => {
                    self.next = self.blocks.len();
                    return Some(Err(error));
                }
            }
            self.next += 1;
        }
    }
}

/// So many bytes of a file, which were written
pub(super) fn read_bytes(
    disk: &mut dyn Disk,
    file: &str,
    offset: u64,
    length: usize,
) -> Result<Vec<u8>, Error> {
    disk.read(file, offset, length).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => damaged(format_args!("`{file}` breaks off")),
        _ => Error::state("read a part of the state", error),
    })
}

/// The bytes of a block
pub(super) fn read_frame(disk: &mut dyn Disk, file: &str, block: &Block) -> Result<Vec<u8>, Error> {
    limits::check_block(block)?;
    let length = limits::length("a block", block.length, limits::MOST_FRAME)?;
    let frame = read_bytes(disk, file, block.offset, length)?;
    block.check(&frame)?;
    Ok(frame)
}

/// The rows of a block
pub(super) fn read_block(
    disk: &mut dyn Disk,
    file: &str,
    block: &Block,
) -> Result<Vec<Row>, Error> {
    unpack(&read_frame(disk, file, block)?, block)
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

    fn index(format: u32) -> Index {
        Index {
            format,
            run: RunId::random(),
            number: 7,
            at: SystemTime::UNIX_EPOCH,
            prefix: "a/".into(),
            source: None,
            order: None,
            expected: None,
            rules: 0,
            told: 3,
            nameless: 0,
            sums: Sums::default(),
            partial: None,
            leaves: Vec::new(),
        }
    }

    #[test]
    fn other_versions_of_the_format_are_named_and_left_alone() {
        for (format, want) in [(FORMAT, None), (0, Some("an older")), (99, Some("a newer"))] {
            let mut disk = TestDisk::new(1);
            disk.append(FILE, &index(format).frame(0).unwrap()).unwrap();
            match (Index::read(&mut disk), want) {
                (Ok(Some(read)), None) => assert_eq!((read.number, read.told), (7, 3)),
                (Err(error), Some(want)) => {
                    assert_eq!(error.kind(), ErrorKind::StateInvalid);
                    assert!(error.to_string().contains(want), "{error}");
                }
                other => panic!("{format}: {other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn whoever_reads_frames_of_zstandard_reads_the_rows() {
        let disk = TestDisk::new(3);
        let names: Vec<String> = (0..20).map(|n| format!("{n:02}.jpg")).collect();
        let store: MemoryStore = names.iter().map(|name| Blob::new(name, 1)).collect();
        disk.job(Scan::new(store, &Prefix::default())).run(()).await.unwrap();
        let mut file = Vec::new();
        disk.damage(FILE, |bytes| file.clone_from(bytes));
        let text = String::from_utf8(zstd::decode_all(file.as_slice()).unwrap()).unwrap();
        let rows = text.lines().map(|line| serde_json::from_str::<Row>(line).unwrap().name);
        assert_eq!(rows.collect::<Vec<_>>(), names);
    }
}
