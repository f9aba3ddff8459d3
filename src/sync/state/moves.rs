//! Finds out that a removed asset was moved: an added asset has the same content.

use std::collections::HashMap;

use crate::{store::ContentMd5, sync::row::Row, validate::Asset};

/// How many added assets are remembered. Later ones are reported as added and removed only.
const MOST: usize = 1 << 16;

/// The names of added assets, by the MD5 and the size of their content.
///
/// Without an MD5 in the listing, as for large uploads in blocks, no move is found.
#[derive(Default)]
pub(super) struct Moves(HashMap<(ContentMd5, u64), String>);

impl Moves {
    /// Remembers an asset that was added.
    pub(super) fn add(&mut self, asset: &Asset) {
        if let Some(md5) = asset.blob.content_md5
            && self.0.len() < MOST
        {
            // If several added assets have the same content, the last one is the target.
            self.0.insert((md5, asset.blob.size), asset.blob.name.clone());
        }
    }

    /// Returns the name of an added asset with the content of a removed row.
    pub(super) fn target(&self, row: &Row) -> Option<&String> {
        // The size is compared as well, because an MD5 alone can be forged.
        row.content_md5.and_then(|md5| self.0.get(&(md5, row.size)))
    }
}
