//! Syncs: runs that remember what they have seen, report what has changed, and resume after a crash.
//!
//! A [`Job`] is a scan with a state, in a folder or in any other [`StateStore`]. It reports to its sink which blobs are new,
//! changed, restored or removed, and does not report blobs that have stayed the same. A
//! [`Preview`](crate::Preview) shows beforehand what a run would find.
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
//! let mut changes = Vec::new();
//! let sink = callback(|change| {
//!     changes.push(format!("{change:?}"));
//!     Ok(())
//! });
//! let summary = job(container(&["a.jpg", "b.jpg", "c.jpg", "e.jpg"])).run(sink).await?;
//! assert_eq!((summary.counts.added, summary.counts.removed), (1, 1));
//! assert_eq!((summary.counts.unchanged, changes.len()), (3, 2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # Guarantees
//! - A blob that exists unchanged throughout a run is in the manifest of that run, and is reported
//!   once. A blob that changes while it is listed is reported in this run or in the next.
//! - What a sink has made durable is remembered. After a crash of the process or the machine, at any
//!   point, the next run resumes from the last commit, and at most one batch is reported again. A blob of
//!   that batch that is gone when the run resumes is reported as removed.
//! - Nothing is reported as removed before everything is listed: removals come last. If more assets are
//!   missing than [`Job::max_removals`] allows, removals are withheld. An asset that the
//!   [`Filter`](crate::validate::Filter) leaves out now is listed and not missing: it is reported as
//!   removed and rejected at once, and is never withheld.
//! - Rules may change between runs. If they change while a run is interrupted, the run lists again what
//!   it had judged by the former rules. If its sink was given removals already, the run ends under the
//!   former rules, which [`Manifest::rules`] then returns, and the next run judges by the new ones.
//! - A [`Manifest`] is always that of a run that has listed everything. A run that fails, or is
//!   cancelled, dropped or killed, leaves the manifest of the last complete run as it is. If there is
//!   none, [`Manifest::open`] returns `None`, so that there is nothing to export. What the
//!   failed run has given its sink is remembered separately, and [`interrupted`] returns whether there is
//!   such a run.
//! - Names may come in any order. An order that this crate knows costs at most a second listing, when
//!   it is seen first. A listing in no order takes one request at a time and a sort on disk. A
//!   state remembers the order for the next run. If a service changes its order while a run is
//!   interrupted, for example because an account gets a hierarchical namespace, the resumed run can miss
//!   names that have moved before the name at which it resumes. The run after it reports them.
//! - An entry whose name cannot be read could be any blob of its page, so no blob there is taken for
//!   missing. Entries without a name are reported in each run, and once more if a run lists again.
//!
//! A batch is delivered in three steps: its rows and a record of the journal are made durable, the sink
//! takes the batch and flushes it, and a second record makes the batch final.
//!
//! # Control
//! [`Job::start`] runs a job in a task of its own and returns a [`Handle`], with which any number of callers
//! [watch](Handle::watch), [pause](Handle::pause), [cancel](Handle::cancel) and [await](Handle::wait) the
//! run. How it has ended is an [`Outcome`]. A cancelled run ends within a second, whatever it waits for: it
//! drops its requests and delays, and completes what takes less than 0.7 s of a batch. [`Jobs`] keeps runs by
//! an id.
//!
//! # Changes
//! A blob has changed if it has another ETag (without ETags: another size or time), another verdict,
//! another access tier, or another MD5. The access tier changes without a new ETag, also when an
//! archived blob is rehydrated. The MD5 is compared for services that do not keep Azure's rules for
//! ETags. Other properties that can change under the same ETag are not part of
//! a [`Blob`](crate::Blob) and are not a change: leases, tags, immutability policies and legal holds, the
//! retention of deleted blobs, the time of the last access, and whether a tier is inferred. Findings
//! are given with an asset when it changes, and are not a change of their own.
//!
//! # State
//! [`Job::new`] keeps its state in a folder, and [`Job::with_state`] in any [`StateStore`]: with the feature
//! `object-store` in Azure Blob Storage, S3 or Google Cloud Storage, so that replicas without a disk
//! resume each other's runs. The files are the same everywhere:
//!
//! - `manifest.jsonl.zst`: the last complete run, replaced in one step when the next run has ended. Frames
//!   of Zstandard (RFC 8878) with about 2,500 [`Row`]s each, one JSON object per line, by ascending
//!   name. Its index is in frames that decompressors skip, so every tool that reads compressed JSON
//!   Lines reads the file, for example `zstdcat`.
//! - `run.journal` and `run.jsonl.zst`: a run that has not ended: a record for each commit, and rows.
//! - `run.base`: the results of a run that has to list again because names came in another order.
//! - `run.sort` and `run.sort-2`: temporary files of a sort.
//! - `lock`: locked while a run is under way. Only a folder has this file.
//!
//! The manifest and the journal name the version of their format. Another version is refused and left
//! as it is.
//!
//! # Time and memory
//! The index has the first and the last name of each block of 2,500 rows, and a fingerprint of what the
//! listing had there (XXH3, 128 bits). A run reads a block only if the fingerprint differs: over an
//! unchanged container it reads the index, and leaves the manifest as it is.
//!
//! In memory are the pages of the scan, the verdicts of blocks that are listed in part (a few thousand
//! for each request in flight), and the block index: about 230 bytes for a block, so about 1 MB for
//! ten million rows, and as much again if most blocks have changed. A page that covers
//! many blocks, for example after a folder was deleted, is compared in bounded parts. A sort takes
//! 4 MiB, and 128 KiB for each of up to 16 sorted runs; the disk needs room for all entries of the listing
//! twice, compressed.
//!
//! # Reading a manifest with other tools
//! Each line has the same keys with the same types. An absent text is `""`; `gone_run` is 0 unless the
//! blob is missing, or is not an asset any more. Readers that guess types change values, so these calls
//! name the types.
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
mod block_list;
mod control;
mod counts;
mod fingerprint;
mod footer;
mod format;
mod handle;
mod index;
mod job;
mod jobs;
mod journal;
mod limits;
mod manifest;
mod manifest_writer;
mod merge;
#[cfg(feature = "object-store")]
mod object_state;
mod outcome;
mod row;
mod row_json;
mod run;
mod sort;
mod spill;
mod state;
mod state_folder;
mod state_store;
mod status;
mod status_watch;
mod summary;
mod summary_json;
mod worker;

#[cfg(feature = "object-store")]
#[cfg_attr(docsrs, doc(cfg(feature = "object-store")))]
pub use self::object_state::ObjectStoreState;
pub use self::{
    counts::Counts,
    handle::Handle,
    job::Job,
    jobs::Jobs,
    journal::{interrupted, interrupted_in},
    manifest::{Manifest, Rows},
    outcome::Outcome,
    row::{RemovedIn, Row},
    state_folder::StateFolder,
    state_store::{StateFiles, StateStore},
    status::{Phase, Status},
    status_watch::StatusWatch,
    summary::{Ending, Summary},
};
