//! The on-disk format of a state folder: files, records, checksums, order of writes and recovery.
//!
//! This header is the specification. The constants and the few helpers below are what every file of
//! the format shares; the readers and writers are named in each section.
//!
//! # Files
//! All files live in one flat folder, which one run at a time locks.
//!
//! | file | content | written |
//! | --- | --- | --- |
//! | `lock` | empty; locked while a run uses the folder | created once, never removed |
//! | `manifest.jsonl.zst` | the last complete run | replaced by a rename |
//! | `manifest.new` | a manifest that is being written | renamed when complete |
//! | `run.journal` | the run under way: a begin record, then a record for each commit | appended, synced for each record |
//! | `run.jsonl.zst` | the blocks of rows that the journal names | appended, synced before the record that names them |
//! | `run.base` | the results of a run that had to list again, in the format of a manifest | replaced by a rename |
//! | `run.sort`, `run.sort-2` | sorted runs of an external merge sort | never synced, never read by another run |
//!
//! Earlier builds also wrote `run.index`, a part of the block index that did not stay in memory. No
//! run reads it, and the next run removes it.
//!
//! # Manifest (`manifest.rs`, `manifest_writer.rs`, `footer.rs`, `index.rs`, `block.rs`)
//! A sequence of Zstandard frames (RFC 8878), so that `zstdcat` prints all rows:
//!
//! 1. *Block frames*: about 2,500 rows each (always fewer than 5,000), as JSON Lines in
//!    ascending order of names, compressed at level 3 with a content checksum.
//! 2. *Index frames*: after every 16 blocks, and after the last block, a skippable frame that describes
//!    the blocks since the previous index frame. Its content is a JSON array of block descriptions.
//! 3. *Footer*: one skippable frame at the end. Its content is a JSON object, then 32 bytes: the
//!    offset, the length and the XXH3-64 of the JSON object as little-endian `u64`, and the eight bytes
//!    `AASYNC\r\n`.
//!
//! A skippable frame starts with the bytes `5a 2a 4d 18` and the length of its content as
//! a little-endian `u32`.
//!
//! A block description has the keys `first` and `last` (names), `offset` and `length` (of the frame),
//! `text` (bytes of the rows before compression), `frame` (XXH3-64 of the compressed frame), `rows`,
//! `listed`, `assets`, `errors` (listed rows that could not be processed), `missing`, `oldest_gone`,
//! `newest_gone` (counts and run numbers; the last four are absent if 0), and `print`, 32 hexadecimal digits: the XXH3-128 fingerprint of what the listing
//! had, which `fingerprint.rs` defines.
//!
//! The footer has the keys `format`, `run`, `number`, `at`, `prefix`, `source` (absent if unknown),
//! `order`, `expected` (absent if it is `order`), `rules`, `told` (removals of runs up to this number
//! were reported), `nameless`, `sums` (`listed`, `assets`, `errors`, `missing`, `newest_gone`), `partial`
//! (only in `run.base`: `base`, `pass`, `batches`, `counts`, `nameless`) and `leaves`: for each index frame
//! `last` (name), `end` (number of blocks up to its end), `offset`, `length` and `frame` (XXH3-64).
//!
//! A row is a JSON object with the thirteen keys of [`Row`](super::Row), which `row_json.rs` writes.
//!
//! # Journal (`journal/`)
//! Lines of text. Each line is the XXH3-64 of its JSON as 16 hexadecimal digits, a space, the JSON and
//! a line feed. The first line is the *begin* record: `format`, `run`, `number`, `at`, `prefix`,
//! `source`, `rules`, `base` (the run whose manifest this run started from) and `pass` (how many
//! times it has begun to list again). The other lines have one of three kinds:
//!
//! | record | flag | meaning |
//! | --- | --- | --- |
//! | prepare | `"is_open":true` | a sink is about to receive a batch with these rows |
//! | commit | none | everything since the last commit is final, with the prepared record before it |
//! | abort | `"voids":true` | the prepared record before it never became final; a sink may know its rows |
//!
//! Each has the progress of the run: `batches`, `order`, `rows` (the size of `run.jsonl.zst`),
//! `is_listed`, `told` (removed rows that were reported), `counts`, `nameless`, and `relist` (the
//! order in which the run must list again). Prepare and commit also have what was decided since the
//! record before: `kept` (ranges of blocks of the base that stay), `new` (descriptions of blocks in
//! `run.jsonl.zst`) and `done` (ranges of names that need not be listed again).
//!
//! # Order of writes (`state/mod.rs`, `run.rs`)
//! For a batch of changes:
//!
//! 1. Append the new blocks to `run.jsonl.zst`; sync it.
//! 2. Append a prepare record; sync the journal.
//! 3. Give the sink the batch, and let the sink flush.
//! 4. Append a commit record; sync the journal.
//!
//! Pages without a change need steps 1 and 4 only, once for up to 64 pages. Removals come last and
//! need steps 3 and 4 only: their rows are durable already.
//!
//! To end a run: write `manifest.new`, sync it, rename it to `manifest.jsonl.zst`, sync the folder;
//! then remove `run.journal` first, because the other files of the run mean nothing without it, and
//! `run.base` last.
//!
//! To list again: append a commit with `relist`; write `manifest.new`, rename it to `run.base`; remove
//! the journal and its rows; begin a journal with the next `pass`.
//!
//! # Recovery (`state/recovery.rs`, `state/replay.rs`)
//! What the next run finds after a crash, and what it does:
//!
//! | crash | what is found | recovery |
//! | --- | --- | --- |
//! | before the begin record is durable | a journal without a valid first line | removes the journal and begins a run |
//! | in steps 1 and 2 | rows or half a record after the last valid record | truncates both files to the last valid record |
//! | between steps 2 and 4 | a prepare record at the end | appends an abort record; the rows of the prepared batch are *in doubt*, so each blob of that batch is reported again when it is listed, and reported as removed if it is gone |
//! | in step 4 | half a commit record | as above |
//! | after step 4 | a commit record at the end | resumes with the names that are not `done` |
//! | while removals are reported | a commit record with `is_listed` and `told` | skips the first `told` removed rows |
//! | while `manifest.new` is written | the journal, and a part of a manifest | removes `manifest.new`; resumes |
//! | after the rename of the manifest | a manifest and a journal of the same run | removes the files of that run, and begins the next run |
//! | while `run.base` is written | a last record with `relist` | writes `run.base` again |
//! | after the rename to `run.base` | `run.base`, and a journal of the pass before or none | removes that journal and begins the pass |
//!
//! An invalid line with a valid line after it, a checksum that differs, a length above the limits in
//! `limits.rs`, or a file that belongs to another run is damage: the run fails with
//! [`StateInvalid`](ErrorKind::StateInvalid) and removes nothing that a run needs.

use serde::Deserialize;

use crate::error::{Error, ErrorKind};

/// The version of the format, of manifests and of journals. Other versions are refused.
pub(super) const FORMAT: u32 = 3;

/// The manifest of the last complete run.
pub(super) const MANIFEST: &str = "manifest.jsonl.zst";

/// A manifest that is being written.
pub(super) const MANIFEST_NEW: &str = "manifest.new";

/// The results of a run that has to list all names again.
pub(super) const BASE: &str = "run.base";

/// The journal of a run under way.
pub(super) const JOURNAL: &str = "run.journal";

/// The blocks of rows that the journal names.
pub(super) const ROWS: &str = "run.jsonl.zst";

/// A file of earlier builds, which no run reads.
pub(super) const OLD_INDEX: &str = "run.index";

/// The two files that sorted runs are merged from and to, in turn.
pub(super) const SORT: [&str; 2] = ["run.sort", "run.sort-2"];

/// The magic number of a frame that decompressors skip (RFC 8878, section 3.1.2).
const SKIPPABLE: [u8; 4] = 0x184d_2a5a_u32.to_le_bytes();

/// The length in bytes of the header of a skippable frame: magic number and content length.
pub(super) const SKIPPABLE_HEADER: usize = SKIPPABLE.len() + size_of::<u32>();

/// Returns a frame that decompressors skip.
///
/// # Errors
/// [`TooLarge`](ErrorKind::TooLarge) if the content is over 4 GiB.
pub(super) fn skippable_frame(content: &[u8]) -> Result<Vec<u8>, Error> {
    // A skippable frame has 32 bits for its length.
    let length = u32::try_from(content.len())
        .map_err(|_| Error::new(ErrorKind::TooLarge, "the index of the manifest is over 4 GiB"))?;
    Ok([&SKIPPABLE, &length.to_le_bytes()[..], content].concat())
}

/// Checks that a JSON object names the version of the format that this crate reads.
///
/// Runs before the object is read as a whole, because another version may have other keys.
pub(super) fn check_format(json: &[u8]) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    match serde_json::from_slice(json) {
        // A new format needs a new number here, and a reader for states of the old one.
        Ok(Version { format: FORMAT }) => Ok(()),
        Ok(Version { format }) => {
            let age = if format > FORMAT { "a newer" } else { "an older" };
            Err(Error::new(
                ErrorKind::StateInvalid,
                format!(
                    "the state has format {format}, written by {age} version of this crate, and this version reads format {FORMAT} only; use that version, or start with a new state folder",
                ),
            ))
        }
        Err(error) => Err(damaged(format_args!("it names no format version: {error}"))),
    }
}

/// The error of a state that is not what a run has written.
pub(super) fn damaged(what: impl std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::StateInvalid,
        format!(
            "the state is damaged: {what}; restore it, or move it away to start with a new state"
        ),
    )
}
