//! Runs that remember.

mod block;
mod disk;
mod job;
mod journal;
mod ledger;
mod left;
mod manifest;
mod merge;
mod row;
mod status;

#[cfg(feature = "testing")]
pub(crate) use self::disk::{Disk, Folder};
pub use self::{
    job::{Ending, Handle, Job, Summary},
    journal::Counts,
    manifest::{Manifest, Rows},
    row::{Gone, Row},
    status::{Phase, Status},
};
