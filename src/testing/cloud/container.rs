//! A container: its blobs in the order in which the account lists them.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    ops::Bound,
};

use super::Seed;
use crate::store::NameOrder;

/// The blobs of a container
///
/// INVARIANT: each blob is filed under `key` of its name. Ranks compare byte by byte as the names
/// do in the container's order, so that a page is a range of the map.
#[derive(Clone, Debug)]
pub(super) struct Container {
    order: NameOrder,
    blobs: BTreeMap<Vec<u8>, Seed>,
}

impl Container {
    pub(super) fn new(order: NameOrder) -> Self {
        Self { order, blobs: BTreeMap::new() }
    }

    pub(super) fn of(order: NameOrder, seeds: impl IntoIterator<Item = Seed>) -> Self {
        let mut container = Self::new(order);
        seeds.into_iter().for_each(|seed| container.insert(seed));
        container
    }

    pub(super) fn order(&self) -> NameOrder {
        self.order
    }

    pub(super) fn is_hierarchical(&self) -> bool {
        matches!(self.order, NameOrder::Segments | NameOrder::SegmentsUtf16)
    }

    /// Puts a blob, in the place of one of the same name; in a hierarchical namespace its directories
    /// too
    pub(super) fn insert(&mut self, seed: Seed) {
        if self.is_hierarchical() {
            let ends = seed.name().match_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
            for directory in ends.filter_map(|end| seed.name().get(..end)) {
                let key = self.sort_key(directory);
                self.blobs.entry(key).or_insert_with(|| seed.parent_directory(directory));
            }
        }
        self.blobs.insert(self.sort_key(seed.name()), seed);
    }

    pub(super) fn get(&self, name: &str) -> Option<&Seed> {
        self.blobs.get(&self.sort_key(name))
    }

    /// The blobs from this key on
    pub(super) fn from(&self, key: Vec<u8>) -> impl Iterator<Item = &Seed> {
        self.blobs.range::<Vec<u8>, _>((Bound::Included(key), Bound::Unbounded)).map(|(_, b)| b)
    }

    /// What a name is filed under
    pub(super) fn sort_key(&self, name: &str) -> Vec<u8> {
        // The bytes are those of `NameOrder::compare`: no name has a NUL, and no byte of a name is
        // above 0xF4.
        let unit = |byte: u8| if matches!(byte, 0xEE | 0xEF) { byte | 0xF0 } else { byte };
        let segment = |byte: u8| if byte == b'/' { 0 } else { byte };
        let bytes = name.bytes();
        match self.order {
            NameOrder::Bytes => bytes.collect(),
            NameOrder::Utf16 => bytes.map(unit).collect(),
            NameOrder::Segments => bytes.map(segment).collect(),
            NameOrder::SegmentsUtf16 => bytes.map(segment).map(unit).collect(),
            NameOrder::Unsorted => {
                let mut hasher = DefaultHasher::new();
                name.hash(&mut hasher);
                hasher.finish().to_be_bytes().into_iter().chain(bytes).collect()
            }
        }
    }
}
