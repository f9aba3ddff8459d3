use crate::store::{Blob, Malformed, NameOrder};

/// A place between names
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::scan) enum Cut {
    /// Before this name
    At(String),
    /// Behind this name
    Behind(String),
    /// Behind all names
    End,
}

/// A page of a range, and which names it stands for
#[derive(Debug)]
pub(in crate::scan) struct Batch {
    pub(in crate::scan) blobs: Vec<Blob>,
    pub(in crate::scan) malformed: Vec<Malformed>,
    /// How many pages of the listing it was
    pub(in crate::scan) pages: u64,
    /// The prefix of the shard
    pub(in crate::scan) root: String,
    /// All that the listing has from here to there is in this batch, or was before
    pub(in crate::scan) covers: (Cut, Cut),
    pub(in crate::scan) order: NameOrder,
}

impl Batch {
    pub(in crate::scan) fn is_empty(&self) -> bool {
        self.blobs.is_empty() && self.malformed.is_empty()
    }
}
