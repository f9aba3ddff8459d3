//! The folders of a container, as far as the scan has looked at them.
//!
//! A folder is everything with a common prefix that ends with a slash. The scan lists the levels of
//! this tree with a delimiter, to find names at which a range can be split.
//!
//! A [`Level`] is the list of one folder, page by page. The [`FolderTree`] remembers what levels have
//! shown, and is only used for estimates. If the store cannot start from a name, the level itself is used
//! to [divide a range](super::partition), which is why it can keep its blobs.

use std::collections::{HashMap, HashSet};

use super::{range::is_same, settings::Settings};
use crate::{
    store::{Blob, ListRequest, Marker, NameOrder, Orders, Page},
    unicode,
};

/// A level with more pages than this is not listed to its end.
const MAX_PAGES: u32 = 4;

/// The most folders whose contents are remembered.
const MAX_FOLDERS: usize = 2_000;

/// The direct contents of a folder, listed page by page.
#[derive(Debug, Default)]
pub(super) struct Level {
    /// The prefix of the shard.
    root: String,
    /// The folder that is listed.
    dir: String,
    /// The folders received so far.
    folders: Vec<String>,
    /// The blobs received so far, if they are kept.
    blobs: Vec<Blob>,
    /// Where the next page begins.
    marker: Option<Marker>,
    /// The number of pages received.
    pages: u32,
    /// Whether all pages were received.
    is_complete: bool,
    /// The orders that were possible when the level could not be used because they disagreed about its
    /// names.
    disputed: Option<Orders>,
}

/// The result of a page of a level.
pub(super) enum LevelPage {
    /// The store ignores the delimiter, or has entries that only a plain listing shows.
    Useless,
    /// More pages must be listed.
    Incomplete,
    /// The level is complete, or is not listed any further.
    Done,
}

impl Level {
    /// Returns the prefix of the shard.
    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// Returns the folder that is listed.
    pub(super) fn dir(&self) -> &str {
        &self.dir
    }

    /// Returns the folders in that folder, each with a slash at its end.
    pub(super) fn folders(&self) -> &[String] {
        &self.folders
    }

    /// Returns the blobs directly in that folder.
    pub(super) fn blobs(&self) -> &[Blob] {
        &self.blobs
    }

    /// Returns whether all pages were received.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Returns the blobs directly in that folder.
    pub(super) fn into_blobs(self) -> Vec<Blob> {
        self.blobs
    }

    /// Returns the request for the next page.
    pub(super) fn request(&self, settings: &Settings) -> ListRequest {
        let mut request = settings.request(&self.dir);
        request.delimiter = Some("/".to_owned());
        request.marker.clone_from(&self.marker);
        request
    }

    /// Adds a page. Blobs are kept if `keeps_blobs` says that ranges will be listed folder by folder,
    /// which needs all pages.
    pub(super) fn take(&mut self, page: Page, keeps_blobs: bool) -> LevelPage {
        self.pages += 1;
        let is_deeper =
            |blob: &Blob| blob.name.strip_prefix(&self.dir).is_none_or(|rest| rest.contains('/'));
        // A folder outside the requested one would lead nowhere, or in a circle.
        let is_elsewhere =
            |folder: &String| folder.strip_prefix(&self.dir).is_none_or(str::is_empty);
        if page.blobs.iter().any(is_deeper)
            || page.prefixes.iter().any(is_elsewhere)
            || !page.malformed.is_empty()
        {
            return LevelPage::Useless;
        }
        self.folders.extend(page.prefixes);
        if keeps_blobs {
            self.blobs.extend(page.blobs);
        }
        self.is_complete = page.next.is_none();
        self.marker = page.next;
        // Marks do not need all folders; a division does.
        match !self.is_complete && self.pages < MAX_PAGES && keeps_blobs {
            true => LevelPage::Incomplete,
            false => LevelPage::Done,
        }
    }

    /// Returns whether names of one folder may come among those of another.
    ///
    /// A service that lists a tree lists each folder in one piece. Other services may ignore case,
    /// Unicode form, punctuation or leading zeros.
    pub(super) fn may_interleave(&self) -> bool {
        let mut keys = HashMap::new();
        self.folders.iter().any(|folder| {
            let mut key = String::with_capacity(folder.len());
            for c in unicode::folded(folder).filter(|c| c.is_alphanumeric()) {
                // `img-7` and `img-007` are the same number.
                let is_leading_zero =
                    c == '0' && !key.ends_with(|last: char| last.is_ascii_digit());
                if !is_leading_zero {
                    key.push(c);
                }
            }
            keys.insert(key, folder).is_some_and(|known| known != folder)
        })
    }

    /// Returns whether the level was not usable with these possible orders.
    pub(super) fn is_disputed(&self, possible: Orders) -> bool {
        self.disputed == Some(possible)
    }

    /// Records that these possible orders disagree about the names.
    pub(super) fn dispute(&mut self, possible: Orders) {
        self.disputed = Some(possible);
    }

    /// Returns whether the store gave the folders in this order. A store that does not may list names
    /// in another order, too.
    pub(super) fn is_sorted(&self, order: NameOrder) -> bool {
        self.folders.is_sorted_by(|a, b| order.compare(a, b).is_le())
    }

    /// Sorts the level and drops what a page border has repeated.
    pub(super) fn normalize(&mut self, order: NameOrder) {
        self.folders.sort_by(|a, b| order.compare(a, b));
        self.folders.dedup();
        self.blobs.sort_by(|a, b| order.compare(&a.name, &b.name));
        let mut blobs: Vec<Blob> = Vec::with_capacity(self.blobs.len());
        for blob in std::mem::take(&mut self.blobs) {
            // Repeated copies of a name need not be adjacent.
            let mut copies = blobs.iter().rev().take_while(|known| known.name == blob.name);
            if !copies.any(|known| is_same(known, &blob)) {
                blobs.push(blob);
            }
        }
        self.blobs = blobs;
    }
}

/// The knowledge about the folders in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Nothing,
    /// The folder is being listed.
    Soon,
    /// Some folders are known, or the store cannot tell.
    Some,
    All,
}

/// The folders that were listed, and the folders in each of them.
#[derive(Debug, Default)]
pub(super) struct FolderTree {
    known: HashMap<String, (Known, Vec<String>)>,
    /// The depths at which a folder without folders was found.
    leaf_depths: HashSet<usize>,
}

/// Returns how deep a folder is in the tree.
fn depth(dir: &str) -> usize {
    dir.matches('/').count()
}

impl FolderTree {
    /// Returns what is known about the folders in a folder.
    pub(super) fn known(&self, dir: &str) -> Known {
        self.known.get(dir).map_or(Known::Nothing, |(known, _)| *known)
    }

    /// Returns the folders in a folder, or `None` if they are not all known.
    pub(super) fn folders(&self, dir: &str) -> Option<&[String]> {
        let (known, folders) = self.known.get(dir)?;
        (*known == Known::All).then_some(folders)
    }

    /// Returns whether another folder at the same depth had no folders, so that this one probably has none
    /// either.
    pub(super) fn is_leaf(&self, dir: &str) -> bool {
        self.leaf_depths.contains(&depth(dir))
    }

    /// Records which folders a folder contains.
    ///
    /// Once too many folders are remembered, the contents of others are not kept.
    pub(super) fn set(&mut self, dir: &str, known: Known, folders: &[String]) {
        if known == Known::All && folders.is_empty() {
            self.leaf_depths.insert(depth(dir));
        }
        let folders = if self.known.len() < MAX_FOLDERS { folders } else { &[] };
        // A folder without known folders must not be treated as if all of its folders were listed.
        let known = if folders.is_empty() && known == Known::All { Known::Some } else { known };
        self.known.insert(dir.to_owned(), (known, folders.to_vec()));
    }

    /// Returns a level to list, and records that the folder is being listed.
    pub(super) fn begin(&mut self, root: &str, dir: &str) -> Level {
        self.set(dir, Known::Soon, &[]);
        Level { root: root.to_owned(), dir: dir.to_owned(), ..Level::default() }
    }
}
