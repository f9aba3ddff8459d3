//! Runs that remember: what has changed since the one before, and where an interrupted one goes on.
//!
//! A [`Preview`] tells beforehand what a run would find.
//!
//! A [`Job`] is a scan with a state. It tells its sink of what is new, changed, back or gone, and
//! nothing of what is as it was.
//!
//! ```
//! use azure_asset_sync::{Blob, MemoryStore, Prefix, Scan, sink::callback, sync::Job};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! # let folder = tempfile::tempdir()?;
//! # let state = folder.path();
//! let container = |names: &[&str]| -> MemoryStore {
//!     names.iter().map(|name| Blob::new(*name, 10)).collect()
//! };
//! let job = |store| Job::new(Scan::new(store, &Prefix::default()), state);
//! job(container(&["a.jpg", "b.jpg", "c.jpg", "d.jpg"])).run(()).await?;
//!
//! let mut told = Vec::new();
//! let sink = callback(|change| {
//!     told.push(format!("{change:?}"));
//!     Ok(())
//! });
//! let summary = job(container(&["a.jpg", "b.jpg", "c.jpg", "e.jpg"])).run(sink).await?;
//! assert_eq!((summary.counts.added, summary.counts.removed), (1, 1));
//! assert_eq!((summary.counts.unchanged, told.len()), (3, 2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # What is promised
//! - A blob that exists unchanged throughout a run is in its manifest, and was told of once. What
//!   changes while it is listed is told of in this run or in the next.
//! - What a sink has taken and made durable is remembered. After a crash, at any point and of the
//!   machine as well, the next run goes on where the last commit was: at most one batch comes again.
//!   What was in that batch and is gone when the run goes on is told as removed.
//! - Nothing is told as removed unless all was listed: removals come last. More than
//!   [`Job::max_removals`] are withheld. An asset that the [`Filter`](crate::validate::Filter) leaves out
//!   now is listed, not missing: it is reported as removed and rejected at once, and is never withheld.
//! - Rules may change between runs. If they change while a run is interrupted, the run lists again what
//!   it had judged by the former rules. If its sink was given removals already, it ends under the former
//!   rules, which [`Manifest::rules`] then states, and the next run judges by the new ones.
//! - A [`Manifest`] is of a run that has listed all. A run that fails, is cancelled, dropped or killed
//!   leaves the manifest of the last complete run as it is. If there is none,
//!   [`Manifest::open`] returns `None`, so that there is nothing to export. What the failed run has
//!   given its sink is remembered apart from it, and [`interrupted`] tells that there is such a run.
//! - Names may come in any order. An order that this crate knows costs at most a second listing, when
//!   it is met first; no order at all costs one request at a time, and a sort on the disk. A state
//!   remembers the order for the next run.
//! - An entry whose name cannot be read could be any of its page, so that nothing there is taken for
//!   missing. Entries without a name are reported in each run, and once more if a
//!   run lists again.
//!
//! The hand-off of a batch: its rows and a line of the journal are made durable; the sink takes the
//! batch and flushes it; another line makes it final.
//!
//! # What is a change
//! Another ETag, or without ETags another size or time; another verdict; another access tier, which
//! changes without a new ETag, as does the state of an archived blob that is rehydrated: its tier
//! then changes. An MD5 is compared too, for services that are not Azure. What else can change under
//! the same ETag is not part of a [`Blob`](crate::Blob), and no change: leases, tags, immutability
//! policies and legal holds, the days that a deleted blob is kept, the time of the last access, and
//! whether and since when a tier is inferred. Findings are given with an asset when it changes, and
//! are no change of their own.
//!
//! # What is in a state folder
//! - `manifest.jsonl.zst`: the last complete run, replaced in one step when the next has ended. Frames
//!   of Zstandard (RFC 8878) with some thousand [`Row`]s each, one JSON object a line, by ascending
//!   name. Between them and behind them are frames that decompressors skip, with the index. So any
//!   tool that reads compressed JSON Lines reads it, such as `zstdcat`; see below.
//! - `run.journal` and `run.jsonl.zst`: a run that has not ended, a line for each commit, and rows.
//!   `run.index`: what of its index is not in memory, made anew from the journal where it goes on.
//! - `run.base`: what a run knows that has begun to list again because names came in another order.
//! - `run.sort` and `run.sort-2`: names that a run sorts; they are of no use to another one.
//! - `lock`: held while a run is under way.
//!
//! The index tells of each block of rows its first and last name, and a fingerprint of what the
//! listing had there (XXH3, 128 bits). A run reads a block only where the fingerprint differs: over a
//! container that has not changed it reads the index, and leaves the manifest as it is.
//!
//! The index has two levels. A leaf tells of 16 blocks, and stands behind their rows; at the end of
//! the manifest is a list of the leaves, with the sums of all of them.
//!
//! In memory are the pages that a scan has, what is listed of blocks of which a part is to come (of
//! some thousand blobs for each request in flight), a few leaves, and the list: about 100 bytes for
//! 40,000 rows. Of the run's own blocks a leaf for each range that is listed at a time is; what is more
//! waits in `run.index`. A page that covers many blocks, as where a folder is gone, is compared a few of
//! them at a time. So a run over ten million blobs takes as much as one over ten thousand, within 5 %.
//! To sort names takes 4 MiB for those at hand, and for each of up to 16 sorted runs 128 KiB; the disk
//! needs room for all entries of the listing twice, compressed.
//!
//! Both files name the version of their format. Another version is refused and left as it is.
//!
//! # How other tools read a manifest
//! Each line has the same keys with the same types. An absent text is `""`; `gone_run` is 0 unless the
//! blob is missing, or is no asset any more. Readers that guess types change values, so these calls
//! name them.
//!
//! ```python
//! import duckdb
//! table = duckdb.sql("""
//!     SELECT * FROM read_json('manifest.jsonl.zst', format = 'newline_delimited', columns = {
//!         name: 'VARCHAR', size: 'BIGINT', etag: 'VARCHAR', last_modified: 'VARCHAR',
//!         content_md5: 'VARCHAR', access_tier: 'VARCHAR', kind: 'VARCHAR', media_type: 'VARCHAR',
//!         reason: 'VARCHAR', detail: 'VARCHAR', gone_run: 'BIGINT', gone_at: 'VARCHAR',
//!         in_doubt: 'BOOLEAN'})
//! """)
//! ```
//!
//! ```python
//! import pandas
//! table = pandas.read_json("manifest.jsonl.zst", lines=True, dtype=False, convert_dates=False)
//! ```

mod block;
mod desk;
mod disk;
mod doubt;
mod entries;
mod handle;
mod held;
mod index;
mod job;
mod jobs;
mod journal;
mod ledger;
mod limits;
mod line;
mod manifest;
mod merge;
mod preview;
mod row;
mod sort;
mod spill;
mod status;
mod summary;

#[cfg(feature = "testing")]
pub(crate) use self::disk::{Disk, StateFolder};
pub use self::{
    handle::Handle,
    job::Job,
    jobs::Jobs,
    journal::{Counts, interrupted},
    manifest::{Manifest, Rows},
    preview::{
        Bound, Collision, Estimate, Folder, Folders, Nearest, Preview, PreviewReport, SizeBucket,
        Sizes, Total,
    },
    row::{RemovedIn, Row},
    status::{Phase, Status},
    summary::{Ending, Summary},
};
