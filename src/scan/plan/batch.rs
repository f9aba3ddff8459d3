//! What a page has for the consumer, and for which names it vouches.

#[cfg(feature = "sync")]
use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::{
    scan::Shard,
    store::{Blob, Malformed, NameOrder},
};

/// A place between names
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cut {
    /// Before this name
    At(String),
    /// Behind this name
    Behind(String),
    /// Behind all names
    End,
}

#[cfg(feature = "sync")]
impl Cut {
    /// Which of two places comes first
    pub(crate) fn compare(&self, other: &Self, order: NameOrder) -> Ordering {
        match (self.name(), other.name()) {
            (Some((a, is_behind)), Some((b, is_b_behind))) => {
                order.compare(a, b).then(is_behind.cmp(&is_b_behind))
            }
            (a, b) => a.is_none().cmp(&b.is_none()),
        }
    }

    /// Whether a name is behind this place
    pub(crate) fn is_before(&self, name: &str, order: NameOrder) -> bool {
        match self {
            Self::At(at) => order.compare(at, name).is_le(),
            Self::Behind(behind) => order.compare(behind, name).is_lt(),
            Self::End => false,
        }
    }

    fn name(&self) -> Option<(&str, bool)> {
        match self {
            Self::At(name) => Some((name, false)),
            Self::Behind(name) => Some((name, true)),
            Self::End => None,
        }
    }
}

/// The names from one place to another
#[derive(Clone, Debug)]
pub(crate) struct Covers {
    /// The prefix of the shard
    pub(in crate::scan) root: String,
    pub(crate) from: Cut,
    pub(crate) to: Cut,
    pub(crate) order: NameOrder,
}

impl Covers {
    /// The part before a place
    pub(in crate::scan) fn until(&self, to: Cut) -> Self {
        Self { to, ..self.clone() }
    }

    /// Takes these names from shards
    pub(in crate::scan) fn take_from(&self, shards: &mut Vec<Shard>) {
        if self.order == NameOrder::Unsorted {
            return self.take_from_first(shards);
        }
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

    /// In no known order shards are listed one after the other, each from its start
    fn take_from_first(&self, shards: &mut Vec<Shard>) {
        match &self.to {
            Cut::At(_) => {}
            Cut::Behind(name) => {
                if let Some(first) = shards.first_mut() {
                    *first = first.behind(name.clone());
                }
            }
            Cut::End => drop(shards.drain(..shards.len().min(1))),
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
    /// What is left once all batches before are handed out, if that must be said anew; this one has
    /// no blobs then
    pub(in crate::scan) left: Option<Vec<Shard>>,
}

impl Batch {
    /// Returns a batch without blobs that replaces the shards still to be listed
    pub(in crate::scan) fn that_leaves(left: Vec<Shard>, order: NameOrder) -> Self {
        let covers = Covers { root: String::new(), from: Cut::End, to: Cut::End, order };
        let (blobs, malformed) = (Vec::new(), Vec::new());
        Self { blobs, malformed, pages: 0, covers, left: Some(left) }
    }

    pub(in crate::scan) fn is_empty(&self) -> bool {
        self.blobs.is_empty() && self.malformed.is_empty()
    }
}
