use crate::{
    scan::Shard,
    store::{Blob, Malformed, NameOrder},
};

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

/// The names from one place to another
#[derive(Clone, Debug)]
pub(in crate::scan) struct Covers {
    /// The prefix of the shard
    pub(super) root: String,
    pub(super) from: Cut,
    pub(super) to: Cut,
    pub(super) order: NameOrder,
}

impl Covers {
    /// The part before a place
    pub(in crate::scan) fn until(&self, to: Cut) -> Self {
        Self { to, ..self.clone() }
    }

    /// Takes these names from shards
    pub(in crate::scan) fn take_from(&self, shards: &mut Vec<Shard>) {
        let mut index = 0;
        while let Some(shard) = shards.get(index) {
            // Of many shards a page is of one or two: the others are not touched.
            if shard.prefix != self.root || shard.is_apart(&self.from, &self.to, self.order) {
                index += 1;
                continue;
            }
            let left = shard.without(&self.from, &self.to, self.order);
            let count = left.len();
            shards.splice(index..=index, left);
            index += count;
        }
    }
}

/// A page of a range
#[derive(Debug)]
pub(in crate::scan) struct Batch {
    pub(in crate::scan) blobs: Vec<Blob>,
    pub(in crate::scan) malformed: Vec<Malformed>,
    /// How many pages of the listing it was
    pub(in crate::scan) pages: u64,
    /// All that the listing has there is in this batch, or was before
    pub(in crate::scan) covers: Covers,
}

impl Batch {
    pub(in crate::scan) fn is_empty(&self) -> bool {
        self.blobs.is_empty() && self.malformed.is_empty()
    }
}
