//! Finds names at which ranges can be split: it samples names, lists folders, and looks at single names.
//!
//! Everything here is a guess. A wrong guess costs a request or some balance, never a name, so nothing
//! in this file needs to be right for the listing to be complete.
//!
//! How a scan with several requests in flight finds its parts:
//!
//! 1. The first page of a shard shows whether names are in folders. If so, the levels above the first
//!    name are listed with a delimiter, and each folder becomes a mark, which is a name to split at.
//! 2. If names are in one folder, or a folder has too many folders for a few pages, single names are
//!    looked at: what follows the digits and letters of the names on the page. Each name found is a mark.
//! 3. Samples of all pages show which characters names have, so that [`Keyspace`] can guess names between
//!    two marks.
//!
//! If the caller knows names that divide the container evenly, they are the marks, and none of this is
//! needed.

use std::ops;

use super::{
    folders::{FolderTree, Known, Level, LevelPage},
    keyspace::{self, Keyspace},
    look::Look,
    range::Range,
    requests::{PendingRequest, Requests},
    settings::Settings,
    start_from::StartFrom,
};
use crate::store::{NameOrder, Page};

/// The most marks that are kept.
const MAX_MARKS: usize = 20_000;

/// The known facts about the distribution of names.
#[derive(Debug, Default)]
pub(super) struct Discovery {
    /// Whether the marks are the cuts of an earlier listing.
    has_known_cuts: bool,
    keyspace: Keyspace,
    /// Increases whenever marks are added; estimates made before are stale then.
    revision: u64,
    /// Names to split at, ascending byte by byte: folders, cuts of an earlier listing, and names that
    /// looks have found.
    marks: Vec<String>,
    folders: FolderTree,
    /// Levels that wait until it is known how to use them.
    waiting: Vec<Level>,
}

/// The position of a name in the tree of folders, as far as it is known.
pub(super) struct Place {
    /// The deepest folder on the way to the name that can contain more than is known.
    pub(super) dir: String,
    /// The position from 0 to 1, if all folders of a folder are alike.
    pub(super) value: f64,
    /// The position of `dir`.
    pub(super) base: f64,
    /// The share of all names that is in `dir`.
    weight: f64,
}

impl Discovery {
    /// Starts with the cuts that an earlier listing has found, if there are enough of them.
    pub(super) fn new(mut cuts: Vec<String>, in_flight: usize) -> Self {
        cuts.sort_unstable();
        cuts.dedup();
        Self { has_known_cuts: cuts.len() >= in_flight, marks: cuts, ..Self::default() }
    }

    /// Returns whether the marks are the cuts of an earlier listing, which are about even.
    pub(super) fn has_known_cuts(&self) -> bool {
        self.has_known_cuts
    }

    /// Returns a number that increases whenever estimates become stale.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns the estimate of the distribution of names.
    pub(super) fn keyspace(&self) -> &Keyspace {
        &self.keyspace
    }

    /// Returns the known folders.
    pub(super) fn folders(&self) -> &FolderTree {
        &self.folders
    }

    /// Returns a level to list, and records that the folder is being listed.
    pub(super) fn begin_level(&mut self, root: &str, dir: &str) -> Level {
        self.folders.begin(root, dir)
    }

    /// Records some of the names of a page.
    pub(super) fn sample<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        self.keyspace.add(names);
    }

    /// Requests what helps to split a shard, once its first page shows that there is more.
    ///
    /// `first` and `last` are the names at the ends of that page. Has an effect once for each shard.
    pub(super) fn explore(
        &mut self,
        root: &str,
        (first, last): (&str, &str),
        start_from: StartFrom,
        settings: &Settings,
        requests: &mut Requests,
    ) {
        if self.folders.known(root) != Known::Nothing || self.has_known_cuts {
            return;
        }
        let rest = last.strip_prefix(root).unwrap_or_default();
        let dirs = rest.match_indices('/').filter_map(|(at, _)| rest.get(..=at));
        let dirs = dirs.map(|dir| format!("{root}{dir}"));
        let mut levels: Vec<_> = std::iter::once(root.to_owned()).chain(dirs).collect();
        // The folder of the last name contains files, so listing its level would not help.
        levels.pop();
        if levels.is_empty() {
            self.folders.set(root, Known::Some, &[]);
            return probe((root, root), (first, last), start_from, settings, requests);
        }
        // Whether the store starts where it should must be known before a level can be used.
        if start_from == StartFrom::Unknown {
            look(root, last, last.to_owned(), requests);
        }
        // The shard itself and the look take two requests.
        let most = settings.in_flight.saturating_sub(2).max(1);
        for level in levels.iter().take(most) {
            requests.push_last(PendingRequest::Level(self.folders.begin(root, level)));
        }
    }

    /// Takes the answer to a look; returns what this shows about `start_from`.
    ///
    /// A name before the requested one shows that the store ignores `start_from`.
    pub(super) fn take_look(
        &mut self,
        mut look: Look,
        page: &Page,
        (order, start_from): (NameOrder, StartFrom),
        settings: &Settings,
        requests: &mut Requests,
    ) -> StartFrom {
        let is_unknown = start_from == StartFrom::Unknown;
        match page.blobs.first() {
            // A name before the requested one: the listing has started elsewhere.
            Some(first) if order.compare(&first.name, look.from()).is_lt() => StartFrom::Ignored,
            Some(first) => {
                self.keyspace.add([first.name.as_str()]);
                self.climb(&look, &first.name, settings, requests);
                self.mark([first.name.clone()]);
                if is_unknown { StartFrom::Supported } else { start_from }
            }
            // The store has names before this one and did not return them.
            None if is_unknown && page.next.is_none() => StartFrom::Supported,
            None => {
                // A page may be empty without being the last.
                if is_unknown && look.advance(page) {
                    requests.push_first(PendingRequest::Look(look));
                }
                start_from
            }
        }
    }

    /// Looks how many digits a number has, if a guess has found it.
    fn climb(&self, found_by: &Look, name: &str, settings: &Settings, requests: &mut Requests) {
        // A look that shares more than the folder with the name was made by this function.
        if !found_by.is_guess()
            || !name.starts_with(found_by.dir())
            || self.marks.binary_search_by(|mark| mark.as_str().cmp(name)).is_ok()
        {
            return;
        }
        let (root, dir) = (found_by.root(), found_by.dir());
        for step in keyspace::steps(segment(dir, name), settings.blobs_per_page()) {
            look(root, dir, format!("{dir}{step}"), requests);
        }
    }

    /// Takes a page of a level.
    ///
    /// If the folders are too many for a few pages, the last of them are found by looks.
    pub(super) fn take_level(
        &mut self,
        mut level: Level,
        page: Page,
        start_from: StartFrom,
        settings: &Settings,
        requests: &mut Requests,
    ) {
        match level.take(page, start_from != StartFrom::Supported) {
            LevelPage::Useless => self.folders.set(level.dir(), Known::Some, &[]),
            LevelPage::Incomplete => requests.push_first(PendingRequest::Level(level)),
            LevelPage::Done => {
                let known = if level.is_complete() { Known::All } else { Known::Some };
                self.folders.set(level.dir(), known, level.folders());
                if let (Known::Some, [first, ..], Some(last)) =
                    (known, level.folders(), level.folders().last())
                {
                    let names = (first.as_str(), last.as_str());
                    probe((level.root(), level.dir()), names, start_from, settings, requests);
                }
                self.waiting.push(level);
            }
        }
    }

    /// Returns the levels that wait to be used, from the top of the tree.
    ///
    /// A folder higher up divides a range into larger parts, so it is used first.
    pub(super) fn take_waiting(&mut self) -> Vec<Level> {
        let mut levels = std::mem::take(&mut self.waiting);
        levels.sort_by_key(|level| level.dir().len());
        levels
    }

    /// Keeps a level that cannot be used yet.
    pub(super) fn postpone(&mut self, level: Level) {
        self.waiting.push(level);
    }

    /// Drops the levels that wait, because they mean something else in another order.
    pub(super) fn drop_waiting(&mut self) {
        self.waiting.clear();
    }

    /// Forgets all folders.
    pub(super) fn forget_folders(&mut self) {
        self.folders = FolderTree::default();
    }

    /// Forgets the names to split at.
    pub(super) fn forget_marks(&mut self) {
        self.marks.clear();
    }

    /// Adds names to split at.
    ///
    /// If there are too many marks, half of them go.
    pub(super) fn mark(&mut self, names: impl IntoIterator<Item = String>) {
        self.revision += 1;
        self.marks.extend(names);
        self.marks.sort_unstable();
        self.marks.dedup();
        if self.marks.len() > MAX_MARKS {
            // Every other mark goes, so that the rest is as evenly distributed as before.
            let mut keep = false;
            self.marks.retain(|_| {
                keep = !keep;
                keep
            });
        }
    }

    /// Returns which marks lie between the position of a range and its end.
    fn indices_inside(&self, range: &Range, order: NameOrder) -> ops::Range<usize> {
        // Marks are sorted byte by byte, which is close enough for a guess in any order.
        let at = range.position(order).max(range.prefix());
        let from = self.marks.partition_point(|mark| mark.as_str() <= at);
        let rest = self.marks.get(from..).unwrap_or_default();
        let count = rest.partition_point(|mark| match range.end() {
            Some(end) => mark.as_str() < end,
            None => mark.starts_with(range.prefix()),
        });
        from..from + count
    }

    /// Returns the marks between the position of a range and its end.
    pub(super) fn marks_inside(&self, range: &Range, order: NameOrder) -> &[String] {
        self.marks.get(self.indices_inside(range, order)).unwrap_or_default()
    }

    /// Returns how many marks a range has passed.
    pub(super) fn marks_passed(&self, range: &Range, order: NameOrder) -> f64 {
        let to = |name: &str| self.marks.partition_point(|mark| mark.as_str() <= name);
        to(range.position(order)).saturating_sub(to(range.start())) as f64
    }

    /// Returns the names that divide a range into this many parts of about the same size, or fewer if there
    /// are not enough marks.
    pub(super) fn known_cuts(&self, range: &Range, parts: usize, order: NameOrder) -> Vec<String> {
        let marks = self.marks_inside(range, order);
        let parts = parts.clamp(1, marks.len() + 1);
        let indices = (1..parts).map(|part| part * (marks.len() + 1) / parts);
        indices.filter_map(|at| at.checked_sub(1)).filter_map(|at| marks.get(at)).cloned().collect()
    }

    /// Returns the position of a name among all names of a shard.
    ///
    /// As far as folders are known, they share the space evenly. Within the last of them the position comes
    /// from samples.
    pub(super) fn place(&self, root: &str, name: &str) -> Place {
        let mut place = Place { dir: root.to_owned(), value: 0.0, base: 0.0, weight: 1.0 };
        while let Some(folders) = self.folders.folders(&place.dir) {
            let passed = folders.partition_point(|folder| folder.as_str() <= name);
            let here = passed.checked_sub(1).and_then(|at| folders.get(at));
            let part = place.weight / folders.len() as f64;
            // A name between two folders has its position between them.
            let Some(here) = here.filter(|folder| name.starts_with(folder.as_str())) else {
                place.value += part * passed as f64;
                place.weight = 0.0;
                return place;
            };
            place.value += part * (passed - 1) as f64;
            place.weight = part;
            place.dir.clone_from(here);
        }
        place.base = place.value;
        place.value += place.weight * self.keyspace.value(&place.dir, name);
        place
    }

    /// Returns the places of the start and the position of a range, and the value of its end.
    pub(super) fn places(&self, range: &Range, order: NameOrder) -> (Place, Place, f64) {
        let place = |name: &str| self.place(range.root(), name);
        let end = range.end().map_or(1.0, |end| place(end).value);
        (place(range.start()), place(range.position(order)), end)
    }
}

/// Returns the part of a name between a folder and the next slash.
fn segment<'a>(dir: &str, name: &'a str) -> &'a str {
    let rest = name.strip_prefix(dir).unwrap_or_default();
    rest.split('/').next().unwrap_or_default()
}

/// Requests a look, unless the service cannot start from that name.
fn look(root: &str, dir: &str, from: String, requests: &mut Requests) {
    if let Some(look) = Look::new(root, dir, from) {
        requests.push_last(PendingRequest::Look(look));
    }
}

/// Requests looks at what a folder has after a page of names.
fn probe(
    (root, dir): (&str, &str),
    (first, last): (&str, &str),
    start_from: StartFrom,
    settings: &Settings,
    requests: &mut Requests,
) {
    if start_from == StartFrom::Ignored {
        return;
    }
    // One request lists the folder itself meanwhile.
    let most = settings.in_flight - 1;
    for probe in keyspace::spread(segment(dir, first), segment(dir, last), most) {
        look(root, dir, format!("{dir}{probe}"), requests);
    }
}
