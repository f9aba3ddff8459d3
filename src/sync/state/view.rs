//! How a run stands, for the caller and for the status that others see.

use crate::{sink::RunId, store::NameOrder, sync::counts::Counts};

/// How a run stands, as the caller needs it between two steps.
#[derive(Clone, Copy, Debug)]
pub(in crate::sync) struct View {
    /// The id of the run.
    pub(in crate::sync) run: RunId,
    /// The number of the run, from 1.
    pub(in crate::sync) number: u64,
    /// Whether the run was interrupted before.
    pub(in crate::sync) is_resumed: bool,
    /// Whether everything is listed.
    pub(in crate::sync) is_listed: bool,
    /// Whether more follows from the page that was taken.
    pub(in crate::sync) has_more: bool,
    /// Whether a commit is due before the next page.
    pub(in crate::sync) is_due: bool,
    /// How many batches were committed, which is the sequence number of the next one.
    pub(in crate::sync) batches: u64,
    /// The counts of the changes that were reported, also before an interruption.
    pub(in crate::sync) counts: Counts,
    /// How many entries of the listing had no readable name.
    pub(in crate::sync) nameless: u64,
    /// How many blobs the listing of the last complete run had.
    pub(in crate::sync) expected: Option<u64>,
    /// The order in which names ascend, if it is known.
    pub(in crate::sync) order: Option<NameOrder>,
    /// The order to expect of the listing, if it is not the order of the base.
    pub(in crate::sync) other_order: Option<NameOrder>,
    /// The order in which the run must list again, if it must.
    pub(in crate::sync) relist: Option<NameOrder>,
}
