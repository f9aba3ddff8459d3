//! A container: its blobs in the order in which the account lists them.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    ops::Bound,
};

use super::seed::Seed;
use crate::store::NameOrder;

/// The blobs of a container.
#[derive(Clone, Debug)]
pub(super) struct Container {
    order: NameOrder,
    // INVARIANT: each blob is stored under `sort_key` of its name. Keys compare byte by byte as the
    // names do in the container's order, so a page is a range of the map.
    blobs: BTreeMap<Vec<u8>, Seed>,
}

impl Container {
    /// Creates a container with these blobs.
    pub(super) fn new(order: NameOrder, seeds: impl IntoIterator<Item = Seed>) -> Self {
        let mut container = Self { order, blobs: BTreeMap::new() };
        seeds.into_iter().for_each(|seed| container.insert(seed));
        container
    }

    /// Returns the order in which the account lists names.
    pub(super) fn order(&self) -> NameOrder {
        self.order
    }

    /// Returns whether the account has a hierarchical namespace, in which directories are entries.
    pub(super) fn is_hierarchical(&self) -> bool {
        matches!(self.order, NameOrder::Segments | NameOrder::SegmentsUtf16)
    }

    /// Inserts a blob and replaces a blob with the same name.
    ///
    /// In a hierarchical namespace, creates the directories above the blob.
    pub(super) fn insert(&mut self, seed: Seed) {
        if self.is_hierarchical() {
            // A slash at the start has no directory before it.
            let ends = seed.name().match_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
            for directory in ends.filter_map(|end| seed.name().get(..end)) {
                // `or_insert_with`: a directory that a test has seeded keeps its properties.
                let key = self.sort_key(directory);
                self.blobs.entry(key).or_insert_with(|| seed.parent_directory(directory));
            }
        }
        self.blobs.insert(self.sort_key(seed.name()), seed);
    }

    /// Returns the blob with this name.
    pub(super) fn get(&self, name: &str) -> Option<&Seed> {
        self.blobs.get(&self.sort_key(name))
    }

    /// Returns the blobs with this sort key and later ones, in order.
    pub(super) fn starting_at(&self, key: Vec<u8>) -> impl Iterator<Item = &Seed> {
        self.blobs.range::<Vec<u8>, _>((Bound::Included(key), Bound::Unbounded)).map(|(_, b)| b)
    }

    /// Returns the key under which a name is stored.
    ///
    /// The bytes are those of `NameOrder::compare`. They are unique, because no name contains NUL,
    /// and no byte of UTF-8 is above 0xF4.
    pub(super) fn sort_key(&self, name: &str) -> Vec<u8> {
        // UTF-16 sorts U+E000 to U+FFFF, whose UTF-8 begins with 0xEE or 0xEF, after all
        // surrogates.
        let unit = |byte: u8| if matches!(byte, 0xEE | 0xEF) { byte | 0xF0 } else { byte };
        // A slash sorts before every other character, so that a folder comes before its neighbors.
        let segment = |byte: u8| if byte == b'/' { 0 } else { byte };
        let bytes = name.bytes();
        match self.order {
            NameOrder::Bytes => bytes.collect(),
            NameOrder::Utf16 => bytes.map(unit).collect(),
            NameOrder::Segments => bytes.map(segment).collect(),
            NameOrder::SegmentsUtf16 => bytes.map(segment).map(unit).collect(),
            NameOrder::Unsorted => {
                // A hash is an order that no rule explains and that is the same in every listing.
                let mut hasher = DefaultHasher::new();
                name.hash(&mut hasher);
                hasher.finish().to_be_bytes().into_iter().chain(bytes).collect()
            }
        }
    }
}
