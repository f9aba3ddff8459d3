//! Divides a range by the prefixes of folders, for stores that cannot start from a name.
//!
//! A level shows the folders and the blobs directly in a folder. What it has after the position of a
//! range can be listed side by side: the folders by their prefixes, and the blobs are known already.
//!
//! For example, a range is at `b/2.jpg`, and the level of the root has the folders `a/` to `d/` and the
//! blob `c.txt`. Then the range keeps the rest of `b/`, and `c.txt`, `c/` and `d/` become new ranges, in
//! the order of the listing. A level is used only if every possible order agrees on that.

use std::collections::HashSet;

use super::{Division, Partition};
use crate::{
    scan::{
        interval::{Bound, NameRange},
        plan::{
            batch::{Batch, Coverage},
            folders::Level,
            order_state::OrderState,
            outbox::Outbox,
            range::Range,
            settings::Settings,
        },
    },
    store::{Blob, NameOrder, Orders},
};

/// The part of a level after the position of a range.
struct Rest {
    /// The folder that the range is in, which stays with the range.
    here: Option<String>,
    /// The last name that stays with the range.
    floor: String,
    /// The folders after that.
    folders: Vec<String>,
    /// The most folders that one new range gets.
    folders_per_range: usize,
}

/// A new range: a prefix to list, or blobs that were received with the level.
struct Item {
    /// The prefix, or the name of the first blob.
    start: String,
    /// The blobs; empty for a prefix.
    blobs: Vec<Blob>,
}

impl Partition {
    /// Divides the range that a level belongs to.
    ///
    /// The level must be complete, and contain everything that the range has yet to list. Otherwise the
    /// range stays as it is, and is listed by one request after the other.
    pub(in crate::scan::plan) fn divide_by_folder(
        &mut self,
        mut level: Level,
        state: &OrderState,
        outbox: &Outbox,
        settings: &Settings,
    ) -> Division {
        let order = state.current();
        // If a folder is listed in several pieces, a range for its prefix would come too early.
        let is_in_pieces = !order.is_by_segments() && level.may_interleave();
        if is_in_pieces || level.is_disputed(state.possible()) {
            return Division::Postponed(level);
        }
        // A store that returns folders in another order than names may list names in that order, too.
        if !level.is_sorted(order) {
            return Division::Useless;
        }
        level.normalize(order);
        let found = self.ranges.iter().enumerate().find(|(_, range)| fits(&level, range, order));
        let Some((index, range)) = found else { return Division::Useless };
        if !is_order_irrelevant(&level, range, state) {
            level.dispute(state.possible());
            return Division::Postponed(level);
        }
        let rest = rest_of(&level, range, settings, order);
        if !has_passed(level.blobs(), range, &rest.floor, order, outbox) {
            return Division::Useless;
        }
        let blocks = blocks(&rest.folders, level.dir(), &rest.floor, rest.folders_per_range);
        if blocks.is_empty() {
            return Division::Useless;
        }
        self.has_folders = true;
        let dir = level.dir().to_owned();
        let items = items(blocks, level, range, &rest.floor, order);
        let names = items.iter().map(|item| item.blobs.len() as u64).sum();
        let (within, is_ascending) = (rest.here.unwrap_or(dir), settings.is_ascending);
        let batches = self.replace_rest(index, items, within, order, is_ascending);
        Division::Divided { names, batches }
    }

    /// Ends a range where the first item begins, and adds a range for each item.
    ///
    /// The blobs of the items are returned as pages, or held by their ranges if pages are handed out in
    /// ascending order.
    fn replace_rest(
        &mut self,
        index: usize,
        items: Vec<Item>,
        within: String,
        order: NameOrder,
        is_ascending: bool,
    ) -> Vec<Batch> {
        let Some(range) = self.ranges.get_mut(index) else { return Vec::new() };
        let (root, old_end) = (range.root().to_owned(), range.end().map(str::to_owned));
        // INVARIANT: each range ends where the next begins, and the last one where the old one ended.
        range.narrow(items.first().map(|item| item.start.clone()), within);
        let starts: Vec<_> = items.iter().skip(1).map(|item| Some(item.start.clone())).collect();
        let ends = starts.into_iter().chain([old_end]);
        let mut batches = Vec::new();
        for (at, (Item { start, blobs }, end)) in (index + 1..).zip(items.into_iter().zip(ends)) {
            let id = self.next_id();
            let range = match blobs.is_empty() {
                true => Range::new(id, &root, &start, &start, end),
                false => {
                    let to = end.clone().map_or(Bound::End, Bound::Before);
                    let names = NameRange::new(Bound::Before(start), to);
                    let mut range = Range::received(id, &root, &blobs, end);
                    let coverage = Coverage::new(&root, names, order);
                    let batch = Batch::new(blobs, Vec::new(), 0, coverage);
                    match is_ascending {
                        true => range.hold(batch),
                        false => batches.push(batch),
                    }
                    range
                }
            };
            self.ranges.insert(at, range);
        }
        batches
    }
}

/// Returns whether a level has everything that a range has yet to list, and folders among that.
fn fits(level: &Level, range: &Range, order: NameOrder) -> bool {
    // An incomplete level may lack folders that the range has yet to list.
    let has_all = level.is_complete() && range.within().starts_with(level.dir());
    let last = level.folders().last().filter(|last| range.has(last, order));
    let has_more = last.is_some_and(|last| order.compare(last, range.position(order)).is_gt());
    let is_same_shard = range.root() == level.root();
    is_same_shard && has_all && has_more && !range.has_ended() && !range.fills_gap()
}

/// Returns whether all possible orders agree on the place of a level's names in a range.
fn is_order_irrelevant(level: &Level, range: &Range, state: &OrderState) -> bool {
    let order = state.current();
    let folders = level.folders().iter().map(String::as_str);
    let blobs = level.blobs().iter().map(|blob| blob.name.as_str());
    // The bounds of the range must keep their places among the names as well.
    let bounds = [Some(range.position(order)), Some(range.start()), range.end()];
    let mut names: Vec<_> = folders.chain(blobs).chain(bounds.into_iter().flatten()).collect();
    names.sort_by(|a, b| order.compare(a, b));
    names.iter().zip(names.iter().skip(1)).all(|(a, b)| {
        let orders = Orders::that_have(a, b).unwrap_or(Orders::ALL);
        orders.and(state.possible()) == state.possible()
    })
}

/// Returns what a level has after the position of a range.
fn rest_of(level: &Level, range: &Range, settings: &Settings, order: NameOrder) -> Rest {
    let position = range.position(order);
    let (passed, rest): (Vec<_>, Vec<_>) =
        level.folders().iter().cloned().partition(|f| order.compare(f, position).is_le());
    let mut folders: Vec<_> = rest.into_iter().filter(|f| range.has(f, order)).collect();
    // The folder that the range is in stays with the range: its marker leads on from there. If nothing was received yet, the first page
    // is under way and begins with the first folder.
    let is_new = range.names() == 0;
    let here = match is_new {
        true if folders.is_empty() => None,
        true => Some(folders.remove(0)),
        false => passed.last().filter(|folder| position.starts_with(folder.as_str())).cloned(),
    };
    let floor = here.as_deref().filter(|_| is_new).unwrap_or(position).to_owned();
    // As many folders as a page has had so far, so that a range is worth its request.
    let inside = passed.iter().filter(|folder| range.has(folder, order)).count() as f64;
    let pages = (range.names() as f64 / settings.blobs_per_page()).max(1.0);
    // Twice as many ranges as requests, so that an uneven division does not leave requests idle.
    let even = folders.len().div_ceil(settings.in_flight.saturating_mul(2));
    let folders_per_range = even.max((inside / pages) as usize).max(1);
    Rest { here, floor, folders, folders_per_range }
}

/// Returns whether a range has received all blobs of a level up to a name, as far as is remembered.
///
/// If not, the listing is in another order, and they may still come.
fn has_passed(
    blobs: &[Blob],
    range: &Range,
    floor: &str,
    order: NameOrder,
    outbox: &Outbox,
) -> bool {
    let names = blobs.iter().map(|blob| blob.name.as_str());
    let before = names.filter(|name| order.compare(name, floor).is_le());
    let mut before: HashSet<_> = before.filter(|name| range.has(name, order)).collect();
    if before.is_empty() || !outbox.handed().is_complete() {
        return true;
    }
    // What was received is either held by the range or handed out.
    for name in range.held().flat_map(|batch| &batch.blobs).map(|blob| &blob.name) {
        before.remove(name.as_str());
    }
    for name in outbox.handed().names() {
        before.remove(name);
    }
    before.is_empty()
}

/// Returns the new ranges: these prefixes, and the blobs of a level that lie between them.
fn items(
    blocks: Vec<String>,
    level: Level,
    range: &Range,
    floor: &str,
    order: NameOrder,
) -> Vec<Item> {
    let prefixes = blocks.iter().map(|start| Item { start: start.clone(), blobs: Vec::new() });
    let mut items: Vec<_> = prefixes.collect();
    for blob in level.into_blobs() {
        // A prefix can also be the start of a blob's name: then the blob is listed with that prefix.
        let is_listed = blocks.iter().any(|block| blob.name.starts_with(block.as_str()));
        let is_ahead = order.compare(&blob.name, floor).is_gt();
        if is_ahead && range.has(&blob.name, order) && !is_listed {
            items.push(Item { start: blob.name.clone(), blobs: vec![blob] });
        }
    }
    items.sort_by(|a, b| order.compare(&a.start, &b.start));
    // Adjacent blobs become one page.
    items.dedup_by(|next, item| {
        let is_joined = !next.blobs.is_empty() && !item.blobs.is_empty();
        if is_joined {
            item.blobs.append(&mut next.blobs);
        }
        is_joined
    });
    items
}

/// Returns prefixes that together contain all these folders, at most `most` folders each, and nothing
/// that comes before the folders.
///
/// For example, `a1/`, `a2/` and `b/` become `a` and `b/` if `most` is 2 and `before` does not begin with
/// `a`.
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
        // The shortest prefix that is not one of the name before, and of few enough folders.
        let block = ends
            .filter(|end| *end > shared.max(dir.len()))
            .filter_map(|end| folder.get(..end))
            .find(|block| run(block) <= most)
            .unwrap_or(folder);
        let (taken, others) = rest.split_at(run(block).max(1));
        // A single folder is listed by its full prefix, which may save a level later.
        let block = if let [one] = taken { one } else { block };
        blocks.push(block.to_owned());
        before = taken.last().map_or(before, String::as_str);
        rest = others;
    }
    blocks
}
