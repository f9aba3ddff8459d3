//! Looks at the keyspace of names: folders, and which names come first from somewhere on.

use std::collections::{HashMap, HashSet};

use super::{
    Coverage, Job, Next, Planner, Range, StartFrom, Ticket, batch::Batch, cycle::MarkerCycle,
    gap_check::Check, keyspace, proof::Proof, range::is_same, starts,
};
use crate::{
    scan::interval::{Bound, NameRange},
    store::{Blob, ListRequest, Marker, Orders, Page},
    unicode,
};

/// A level with more pages than that is not looked at further
const PAGES: u32 = 4;

/// How many folders are kept with what is in them
const LEVELS: usize = 2_000;

/// How many marks are kept
const MARKS: usize = 20_000;

/// What would help to cut
#[derive(Debug)]
pub(super) enum PendingRequest {
    Level { level: Level, marker: Option<Marker> },
    Probe(Look),
    Check(Check),
    Proof(Proof),
}

/// Which name comes first from one on
#[derive(Debug)]
pub(super) struct Look {
    root: String,
    /// The folder that it looks into
    dir: String,
    from: String,
    /// Where an empty page goes on
    marker: Option<Marker>,
    seen: MarkerCycle,
}

/// What is directly in a folder
#[derive(Debug, Default)]
pub(super) struct Level {
    root: String,
    dir: String,
    folders: Vec<String>,
    blobs: Vec<Blob>,
    pages: u32,
    /// Whether there is nothing else in it
    is_whole: bool,
    /// Which orders were possible when it was not used, since they disagree on its names
    doubt: Option<Orders>,
}

/// What is known of the folders in a folder
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Nothing,
    /// It is being looked at
    Soon,
    /// The first ones, or what the store gives instead
    Some,
    All,
}

/// Which folders were looked at, and the folders in those of which all are known
#[derive(Debug, Default)]
pub(super) struct Levels {
    known: HashMap<String, (Known, Vec<String>)>,
    /// How deep folders were that had none in them
    leaves: HashSet<usize>,
}

fn depth(dir: &str) -> usize {
    dir.matches('/').count()
}

impl Levels {
    pub(super) fn known(&self, dir: &str) -> Known {
        self.known.get(dir).map_or(Known::Nothing, |(known, _)| *known)
    }

    /// The folders in a folder, where all are known
    pub(super) fn folders(&self, dir: &str) -> Option<&[String]> {
        let (known, folders) = self.known.get(dir)?;
        (*known == Known::All).then_some(folders)
    }

    /// Whether a folder is as deep as one that was looked at in vain
    pub(super) fn is_leaf(&self, dir: &str) -> bool {
        self.leaves.contains(&depth(dir))
    }

    fn set(&mut self, dir: &str, known: Known, folders: &[String]) {
        if known == Known::All && folders.is_empty() {
            self.leaves.insert(depth(dir));
        }
        let folders = if self.known.len() < LEVELS { folders } else { &[] };
        let known = if folders.is_empty() && known == Known::All { Known::Some } else { known };
        self.known.insert(dir.to_owned(), (known, folders.to_vec()));
    }

    pub(super) fn wish(&mut self, root: &str, dir: &str) -> PendingRequest {
        self.set(dir, Known::Soon, &[]);
        let level = Level { root: root.to_owned(), dir: dir.to_owned(), ..Level::default() };
        PendingRequest::Level { level, marker: None }
    }
}

/// What a name has in a folder, up to the next one
fn segment<'a>(dir: &str, name: &'a str) -> &'a str {
    let rest = name.strip_prefix(dir).unwrap_or_default();
    rest.split('/').next().unwrap_or_default()
}

/// Whether two folders are the same to a service that ignores case, Unicode form, punctuation or leading
/// zeros: it may list their names among each other
fn may_interleave(folders: &[String]) -> bool {
    let mut seen = HashMap::new();
    folders.iter().any(|folder| {
        let mut key = String::with_capacity(folder.len());
        for c in unicode::folded(folder).filter(|c| c.is_alphanumeric()) {
            let is_leading_zero = c == '0' && !key.ends_with(|last: char| last.is_ascii_digit());
            if !is_leading_zero {
                key.push(c);
            }
        }
        seen.insert(key, folder).is_some_and(|known| known != folder)
    })
}

impl Planner {
    /// What to look at once the first page of a shard shows that there is more
    pub(super) fn wish(&mut self, root: &str, first: &str, last: &str) {
        if self.levels.known(root) != Known::Nothing || self.has_known_cuts {
            return;
        }
        let rest = last.strip_prefix(root).unwrap_or_default();
        let dirs = rest.match_indices('/').filter_map(|(at, _)| rest.get(..=at));
        let dirs = dirs.map(|dir| format!("{root}{dir}"));
        let mut levels: Vec<_> = std::iter::once(root.to_owned()).chain(dirs).collect();
        // The folder that it is in has files.
        levels.pop();
        if levels.is_empty() {
            self.levels.set(root, Known::Some, &[]);
            return self.probe(root, root, first, last);
        }
        // Whether the store begins where it is asked to must be known first.
        if self.starts == StartFrom::Unknown {
            self.look(root, last, last.to_owned());
        }
        let most = self.settings.in_flight.saturating_sub(2).max(1);
        for level in levels.iter().take(most) {
            let wish = self.levels.wish(root, level);
            self.pending.push_back(wish);
        }
    }

    fn look(&mut self, root: &str, dir: &str, from: String) {
        if !starts::is_safe(root, &from) {
            return;
        }
        let (root, dir) = (root.to_owned(), dir.to_owned());
        let look = Look { root, dir, from, marker: None, seen: MarkerCycle::default() };
        self.pending.push_back(PendingRequest::Probe(look));
    }

    /// Asks what there is behind a page of names in a folder
    fn probe(&mut self, root: &str, dir: &str, first: &str, last: &str) {
        if self.starts == StartFrom::Ignored {
            return;
        }
        let most = self.settings.in_flight - 1;
        for probe in keyspace::spread(segment(dir, first), segment(dir, last), most) {
            self.look(root, dir, format!("{dir}{probe}"));
        }
    }

    /// Asks how far a number goes that a look has found, where nothing was known to be
    fn climb(&mut self, look: &Look, name: &str) {
        // Another look that shares more than the folder with a name was for the same.
        let is_blind = look.from.strip_prefix(&look.dir).is_some_and(|it| it.chars().count() == 1);
        if !is_blind
            || !name.starts_with(&look.dir)
            || self.marks.binary_search_by(|mark| mark.as_str().cmp(name)).is_ok()
        {
            return;
        }
        for step in keyspace::steps(segment(&look.dir, name), self.page_size()) {
            self.look(&look.root, &look.dir, format!("{}{step}", look.dir));
        }
    }

    pub(super) fn ask(&mut self, wish: PendingRequest) -> Ticket {
        match wish {
            PendingRequest::Level { level, marker } => {
                let mut request = self.request(&level.dir);
                request.delimiter = Some("/".to_owned());
                request.marker = marker;
                self.ticket(Job::Survey(level), request)
            }
            PendingRequest::Probe(look) => {
                let mut request = ListRequest::new(&look.root);
                request.marker.clone_from(&look.marker);
                request.start_from = Some(look.from.clone()).filter(|_| look.marker.is_none());
                request.max_results = std::num::NonZeroU16::new(1);
                self.ticket(Job::Probe(look), request)
            }
            PendingRequest::Check(check) => {
                let request = check.request.clone();
                self.ticket(Job::Check(check), request)
            }
            PendingRequest::Proof(proof) => {
                let request = proof.request(self.request(proof.prefix()));
                self.ticket(Job::Proof(proof), request)
            }
        }
    }

    pub(super) fn take_probe(&mut self, mut look: Look, page: &Page) {
        match page.blobs.first() {
            Some(first) if self.order.compare(&first.name, &look.from).is_lt() => {
                self.ignore_start_from();
            }
            Some(first) => {
                if self.starts == StartFrom::Unknown {
                    self.starts = StartFrom::Supported;
                }
                self.keyspace.see([first.name.as_str()]);
                self.climb(&look, &first.name);
                self.mark(std::iter::once(first.name.clone()));
            }
            None if self.starts == StartFrom::Unknown => match &page.next {
                // A page may be empty and not be the last.
                Some(next) if !look.seen.before(next) => {
                    look.marker = Some(next.clone());
                    self.pending.push_front(PendingRequest::Probe(look));
                }
                Some(_) => {}
                // The store has names before this one, and did not give them.
                None => self.starts = StartFrom::Supported,
            },
            None => {}
        }
    }

    pub(super) fn take_level(&mut self, mut level: Level, page: Page) {
        level.pages += 1;
        let is_flat =
            |blob: &Blob| blob.name.strip_prefix(&level.dir).is_none_or(|rest| rest.contains('/'));
        // A folder that is not in the one asked for would lead nowhere, or in a circle.
        let is_elsewhere =
            |folder: &String| folder.strip_prefix(&level.dir).is_none_or(str::is_empty);
        // A store that leaves the delimiter aside; or an entry that only a plain listing tells of.
        if page.blobs.iter().any(is_flat)
            || page.prefixes.iter().any(is_elsewhere)
            || !page.malformed.is_empty()
        {
            self.levels.set(&level.dir, Known::Some, &[]);
            return;
        }
        level.folders.extend(page.prefixes);
        if self.starts != StartFrom::Supported {
            level.blobs.extend(page.blobs);
        }
        level.is_whole = page.next.is_none();
        if page.next.is_some() && level.pages < PAGES && self.starts != StartFrom::Supported {
            self.pending.push_front(PendingRequest::Level { level, marker: page.next });
            return;
        }
        let known = if level.is_whole { Known::All } else { Known::Some };
        self.levels.set(&level.dir, known, &level.folders);
        if let (Known::Some, Some(first), Some(last)) =
            (known, level.folders.first(), level.folders.last())
        {
            self.probe(&level.root, &level.dir, first, last);
        }
        self.kept.push(level);
    }

    /// Uses what was seen, once it is known how
    pub(super) fn use_levels(&mut self) {
        if self.starts == StartFrom::Unknown || !self.is_proven() {
            return;
        }
        let mut levels = std::mem::take(&mut self.kept);
        levels.sort_by_key(|level| level.dir.len());
        for level in levels {
            match self.starts {
                StartFrom::Supported => self.mark(level.folders),
                _ => {
                    self.mark(level.folders.iter().cloned());
                    self.list_by_folder(level);
                }
            }
        }
    }

    fn mark(&mut self, names: impl IntoIterator<Item = String>) {
        self.knowledge += 1;
        self.marks.extend(names);
        self.marks.sort_unstable();
        self.marks.dedup();
        if self.marks.len() > MARKS {
            let mut keep = false;
            self.marks.retain(|_| {
                keep = !keep;
                keep
            });
        }
    }

    /// Whether all orders that explain the names so far agree on a level's place in a range
    fn agree_on(&self, level: &Level, range: &Range) -> bool {
        let order = self.order;
        let folders = level.folders.iter().map(String::as_str);
        let blobs = level.blobs.iter().map(|blob| blob.name.as_str());
        let bounds = [Some(range.at(self.order)), Some(range.start.as_str()), range.end.as_deref()];
        let mut names: Vec<_> = folders.chain(blobs).chain(bounds.into_iter().flatten()).collect();
        names.sort_by(|a, b| order.compare(a, b));
        names.iter().zip(names.iter().skip(1)).all(|(a, b)| {
            let have = Orders::that_have(a, b).unwrap_or(Orders::ALL);
            have.and(self.orders) == self.orders
        })
    }

    /// Whether a range has had all blobs of a level that are before a name, as far as is remembered
    ///
    /// If not, the listing is in another order, and they may still come.
    fn has_passed(&self, blobs: &[Blob], range: &Range, floor: &str) -> bool {
        let order = self.order;
        let names = blobs.iter().map(|blob| blob.name.as_str());
        let before = names.filter(|name| order.compare(name, floor).is_le());
        let mut before: HashSet<_> = before.filter(|name| range.has(name, order)).collect();
        if before.is_empty() || !self.handed.is_complete() {
            return true;
        }
        for name in range.held.iter().flat_map(|batch| &batch.blobs).map(|blob| &blob.name) {
            before.remove(name.as_str());
        }
        for name in self.handed.names() {
            before.remove(name);
        }
        before.is_empty()
    }

    /// Lists what a level has behind the folder that a range is in: the folders by their prefixes,
    /// and the blobs are here already
    fn list_by_folder(&mut self, mut level: Level) {
        // A service that lists a tree lists each folder in one piece. Another one may continue a folder
        // after the next one, for example if it ignores case or punctuation.
        let is_in_pieces = !self.order.is_by_segments() && may_interleave(&level.folders);
        if is_in_pieces || level.doubt == Some(self.orders) {
            self.kept.push(level);
            return;
        }
        let order = self.order;
        // Where the service rolls names up in another order, it lists them in another one, too.
        if !level.folders.is_sorted_by(|a, b| order.compare(a, b).is_le()) {
            return;
        }
        // What a border between pages has repeated goes.
        level.folders.sort_by(|a, b| order.compare(a, b));
        level.folders.dedup();
        level.blobs.sort_by(|a, b| order.compare(&a.name, &b.name));
        let mut blobs: Vec<Blob> = Vec::with_capacity(level.blobs.len());
        for blob in level.blobs {
            // Copies of a name that come again need not stand side by side.
            let mut copies = blobs.iter().rev().take_while(|known| known.name == blob.name);
            if !copies.any(|known| is_same(known, &blob)) {
                blobs.push(blob);
            }
        }
        level.blobs = blobs;
        let Some(index) = self.ranges.iter().position(|range| {
            // The level must have all that the range still has to come to.
            let has_all = level.is_whole && range.within.starts_with(&level.dir);
            let last = level.folders.last().filter(|last| range.has(last, order));
            let has_more =
                last.is_some_and(|last| order.compare(last, range.at(self.order)).is_gt());
            range.root == level.root && has_all && has_more && !range.has_ended() && !range.is_mend
        }) else {
            return;
        };
        let Some(range) = self.ranges.get(index) else { return };
        if !self.agree_on(&level, range) {
            level.doubt = Some(self.orders);
            self.kept.push(level);
            return;
        }
        let at = range.at(self.order).to_owned();
        let (passed, mut folders): (Vec<_>, Vec<_>) =
            level.folders.into_iter().partition(|folder| order.compare(folder, &at).is_le());
        folders.retain(|folder| range.has(folder, order));
        // The folder that it is in stays with it. Of a range that has nothing yet the first page is
        // on its way, and begins with the first one.
        let here = match range.names {
            0 => Some(folders.remove(0)),
            _ => passed.last().filter(|folder| at.starts_with(folder.as_str())).cloned(),
        };
        let inside = passed.iter().filter(|folder| range.has(folder, order)).count() as f64;
        let pages = (range.names as f64 / self.page_size()).max(1.0);
        let most = folders.len().div_ceil(self.settings.in_flight.saturating_mul(2));
        let floor = here.as_ref().filter(|_| range.names == 0).unwrap_or(&at);
        if !self.has_passed(&level.blobs, range, floor) {
            return;
        }
        let blocks =
            blocks(&folders, &level.dir, floor, most.max((inside / pages) as usize).max(1));
        if blocks.is_empty() {
            return;
        }
        self.has_folders = true;
        let Some(range) = self.ranges.get(index) else { return };
        let root = range.root.clone();
        let old_end = range.end.clone();
        let mut items: Vec<(String, Vec<Blob>)> =
            blocks.iter().map(|block| (block.clone(), Vec::new())).collect();
        for blob in level.blobs {
            let is_listed = blocks.iter().any(|block| blob.name.starts_with(block.as_str()));
            let is_ahead = order.compare(&blob.name, floor).is_gt();
            if is_ahead && range.has(&blob.name, order) && !is_listed {
                items.push((blob.name.clone(), vec![blob]));
            }
        }
        items.sort_by(|(a, _), (b, _)| order.compare(a, b));
        // Blobs that stand side by side are one page.
        items.dedup_by(|(_, next), (_, blobs)| {
            let join = !next.is_empty() && !blobs.is_empty();
            if join {
                blobs.append(next);
            }
            join
        });
        if let Some(range) = self.ranges.get_mut(index) {
            range.end = items.first().map(|(start, _)| start.clone());
            range.within = here.unwrap_or(level.dir);
        }
        let starts: Vec<_> = items.iter().skip(1).map(|(start, _)| Some(start.clone())).collect();
        let ends = starts.into_iter().chain([old_end]);
        for (at, ((start, blobs), end)) in (index + 1..).zip(items.into_iter().zip(ends)) {
            let mut range = self.range(&root, &start, &start, end.clone());
            if !blobs.is_empty() {
                range.next = Next::Ended;
                range.is_joined = true;
                range.first = blobs.first().map(|blob| blob.name.clone());
                range.last = blobs.last().map(|blob| blob.name.clone());
                range.names = blobs.len() as u64;
                self.names += range.names;
                let to = end.map_or(Bound::End, Bound::Before);
                let names = NameRange::new(Bound::Before(start), to);
                let batch = Batch::new(blobs, Vec::new(), 0, Coverage::new(&root, names, order));
                match self.settings.is_ascending {
                    true => range.hold(batch),
                    false => self.give(batch),
                }
            }
            self.ranges.insert(at, range);
        }
    }
}

/// Prefixes that together have all these folders, at most so many folders each, and none of what
/// comes before them
fn blocks(folders: &[String], dir: &str, before: &str, most: usize) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut before = before;
    let mut rest = folders;
    while let Some(folder) = rest.first() {
        let shared: usize = folder
            .chars()
            .zip(before.chars())
            .take_while(|(a, b)| a == b)
            .map(|(c, _)| c.len_utf8())
            .sum();
        let ends = folder.char_indices().map(|(at, c)| at + c.len_utf8());
        let run = |block: &str| rest.partition_point(|folder| folder.starts_with(block));
        let block = ends
            .filter(|end| *end > shared.max(dir.len()))
            .filter_map(|end| folder.get(..end))
            .find(|block| run(block) <= most)
            .unwrap_or(folder);
        let (taken, others) = rest.split_at(run(block).max(1));
        let block = if let [one] = taken { one } else { block };
        blocks.push(block.to_owned());
        before = taken.last().map_or(before, String::as_str);
        rest = others;
    }
    blocks
}
