//! Chooses which range to split for a request that has nothing to do, and where.
//!
//! The choice balances work and nothing else: any name between the position of a range and its end is a
//! valid place to split. Estimates are in pages, and in shares of all names from 0 to 1.
//!
//! The range with the most pages left is split in the middle of what it has left. Its pages left are
//! estimated from its density so far: if a range has listed 3 pages and 10 % of all names, and has 40 %
//! left, then about 12 pages. Numbered names are special, since nothing shows how far they go: they are
//! assumed to continue for as long as they have lasted.
//!
//! A split that turns out empty costs a request. So the number of requests beyond one for each page is
//! limited, and a scan with many empty splits stops expecting names where it has seen none.

use std::collections::HashMap;

use super::{
    discovery::{Discovery, Place},
    folders::Known,
    range::Range,
    settings::Settings,
    start_from::StartFrom,
};
use crate::store::NameOrder;

/// Ranges with fewer pages left are not worth a split.
const MIN_PAGES: f64 = 1.0;

/// If more than one split in this many was empty, names are no longer expected where there may be none.
const EMPTY_SPLITS: usize = 4;

/// The most marks that are compared for where to split.
const MAX_CANDIDATES: usize = 64;

/// The smallest share of names that is used as a divisor.
const SMALLEST: f64 = 1e-9;

/// The basis of a choice: a snapshot of the other owners.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    /// The ranges, ascending.
    pub(super) ranges: &'a [Range],
    /// Where names are expected.
    pub(super) discovery: &'a Discovery,
    pub(super) order: NameOrder,
    pub(super) start_from: StartFrom,
    pub(super) settings: &'a Settings,
    /// The number of names received.
    pub(super) names: u64,
    /// The number of requests that were answered, and of checks that ranges have waited for.
    pub(super) spent: f64,
}

/// The use of a request slot that has nothing to do.
pub(super) enum Choice {
    /// Split the range at this index.
    Split {
        index: usize,
        name: String,
    },
    /// List the folders of this folder, which would help to split.
    ListFolders {
        root: String,
        dir: String,
    },
    Nothing,
}

/// The received and the remaining part of a range.
#[derive(Debug)]
struct Outlook {
    /// The share of names that the range has received.
    had: f64,
    /// The share of names that remain.
    ahead: f64,
    /// The pages that remain.
    pages: f64,
    /// The pages of all names if they were as dense as those on the last page.
    density: f64,
    /// The inputs of the estimate, which is stale once one of these changes.
    names: u64,
    end: Option<String>,
    revision: u64,
}

/// Chooses splits, and remembers how the earlier ones turned out.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    /// The share of names that ended ranges have received, as far as it is known.
    covered: f64,
    /// The number of splits with names after them.
    full_splits: usize,
    /// The number of splits without.
    empty_splits: usize,
    /// The outlook of each range, by its ID.
    outlooks: HashMap<u32, Outlook>,
}

impl Splitter {
    /// Records whether the first page after a split was empty.
    pub(super) fn note_split(&mut self, is_empty: bool) {
        match is_empty {
            true => self.empty_splits += 1,
            false => self.full_splits += 1,
        }
    }

    /// Records that a range has ended.
    pub(super) fn note_end(&mut self, range: &Range, discovery: &Discovery, order: NameOrder) {
        let (start, at, _) = discovery.places(range, order);
        self.covered += (at.value - start.value).max(0.0);
    }

    /// Chooses what to do for another request.
    ///
    /// The name of a split lies between the position and the end of its range, and the service can start
    /// from that name.
    pub(super) fn choose(&mut self, view: &View<'_>) -> Choice {
        if view.settings.in_flight == 1
            || view.start_from == StartFrom::Unknown
            || !view.can_afford_request()
        {
            return Choice::Nothing;
        }
        // Most pages first, or the first range first if pages are handed out in order.
        for (index, pages) in self.worth_a_split(view) {
            let Some(range) = view.ranges.get(index) else { continue };
            // In the middle. If pages are handed out in order, the first range is split after the page
            // that it has under way, so that its turn ends soon.
            let part = if view.settings.is_ascending { (MIN_PAGES / pages).min(0.5) } else { 0.5 };
            let can_split = |name: &String| range.can_split_at(name, view.order);
            let starts = view.start_from == StartFrom::Supported;
            if starts && let Some(name) = view.mark_at(range, part).filter(can_split) {
                return Choice::Split { index, name };
            }
            let place = view.discovery.place(range.root(), range.position(view.order));
            // With prefixes alone a range is listed folder by folder, from the top of the tree.
            let dir = if starts { place.dir.as_str() } else { range.within() };
            let rest = range.position(view.order).strip_prefix(dir).unwrap_or_default();
            match view.discovery.folders().known(dir) {
                Known::Nothing if rest.contains('/') => {
                    return Choice::ListFolders {
                        root: range.root().to_owned(),
                        dir: dir.to_owned(),
                    };
                }
                // What is being listed will tell soon; a guess now could cost a request for nothing.
                Known::Soon => {}
                _ if starts => {
                    if let Some(name) = view.guess(range, &place, part).filter(can_split) {
                        return Choice::Split { index, name };
                    }
                }
                _ => {}
            }
        }
        view.look_ahead()
    }

    /// Returns the ranges that may be worth a split, and about how many pages each has left after the
    /// one under way.
    fn worth_a_split(&mut self, view: &View<'_>) -> Vec<(usize, f64)> {
        self.update_outlooks(view);
        let all = view.names as f64 / view.settings.blobs_per_page();
        let begun = view.ranges.iter().filter(|range| range.names() > 0 && !range.has_ended());
        let had = begun.filter_map(|range| Some(self.outlooks.get(&range.id())?.had)).sum::<f64>();
        // A range about which nothing is known is assumed to be as dense as all others.
        let density = all / (had + self.covered).max(SMALLEST);
        let is_lucky = self.empty_splits.saturating_mul(EMPTY_SPLITS)
            <= self
                .full_splits
                .saturating_add(self.empty_splits)
                .saturating_add(view.settings.in_flight);
        let mut before: Option<&Range> = None;
        let mut left = Vec::new();
        for (index, range) in view.ranges.iter().enumerate() {
            // Names of the same numbered run are probably as dense.
            let is_near = |near: &&Range| run(near.position(view.order)) == run(range.start());
            let near = before.filter(|near| is_lucky && is_near(near));
            if range.names() > 0 {
                before = Some(range);
            }
            // A gap is listed by one range, since it is small.
            let is_open = !range.has_ended() && !range.fills_gap();
            let Some(outlook) = self.outlooks.get(&range.id()).filter(|_| is_open) else {
                continue;
            };
            let pages = if range.names() > 0 {
                outlook.pages
            } else {
                // A run of numbered names continues as densely as it has begun, even if names are
                // less dense elsewhere.
                let near = near.and_then(|near| Some(self.outlooks.get(&near.id())?.density));
                outlook.ahead * near.unwrap_or_default().max(density)
            };
            // The page under way will be received in any case.
            let pages = pages - f64::from(u8::from(range.is_busy()));
            if pages >= MIN_PAGES {
                left.push((index, pages));
            }
        }
        if !view.settings.is_ascending {
            left.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        }
        left
    }

    /// Updates the outlooks of the ranges about which something has changed.
    fn update_outlooks(&mut self, view: &View<'_>) {
        // Outlooks of ranges that are gone are dropped now and then.
        if self.outlooks.len() > 2 * view.ranges.len() + 64 {
            let ids: Vec<_> = view.ranges.iter().map(Range::id).collect();
            self.outlooks.retain(|id, _| ids.contains(id));
        }
        for range in view.ranges.iter().filter(|range| !range.has_ended()) {
            let is_current = self.outlooks.get(&range.id()).is_some_and(|outlook| {
                outlook.names == range.names()
                    && outlook.revision == view.discovery.revision()
                    && outlook.end.as_deref() == range.end()
            });
            if !is_current {
                self.outlooks.insert(range.id(), view.outlook(range));
            }
        }
    }
}

impl View<'_> {
    /// Returns whether another request that brings no page of its own can be afforded.
    ///
    /// Parallelism may cost a few requests for each one that may be under way, and that number grows
    /// with the logarithm of the listing: at a hundred pages for each it is a twelfth of the pages.
    fn can_afford_request(&self) -> bool {
        let in_flight = self.settings.in_flight as f64;
        let pages = self.names as f64 / self.settings.blobs_per_page();
        self.spent - pages < in_flight * (2.0 + (1.0 + pages / in_flight).log2())
    }

    /// Estimates the received and the remaining part of a range.
    ///
    /// For a range without names, only the share left is known; the pages follow from other ranges.
    fn outlook(&self, range: &Range) -> Outlook {
        let mut outlook = Outlook {
            names: range.names(),
            end: range.end().map(str::to_owned),
            revision: self.discovery.revision(),
            had: 0.0,
            ahead: 0.0,
            pages: 0.0,
            density: 0.0,
        };
        let size = self.settings.blobs_per_page();
        let pages = range.names() as f64 / size;
        if self.discovery.has_known_cuts() {
            // There are about as many names between any two marks.
            outlook.had = self.discovery.marks_passed(range, self.order) + 0.5;
            outlook.ahead = self.discovery.marks_inside(range, self.order).len() as f64 + 0.5;
            outlook.pages = pages * outlook.ahead / outlook.had;
            return outlook;
        }
        let (start, at, end) = self.discovery.places(range, self.order);
        outlook.had = (at.value - start.value).max(0.0);
        outlook.ahead = (end - at.value).max(0.0);
        let density = range.density();
        // The share that the last page has covered.
        let before = density.before_recent.as_deref().unwrap_or(range.start());
        let recent = at.value - self.discovery.place(range.root(), before).value;
        outlook.density = density.recent as f64 / size / recent.max(SMALLEST);
        if range.names() > 0 && self.next_digit(range, &at).is_some() {
            // Nothing tells how far a number goes whose end is unknown, except that it may well continue
            // for longer than it has.
            let to = (at.value - at.base).max(SMALLEST);
            let from = (start.value - at.base).clamp(0.0, to);
            // If folders are numbered, their names are those of the range; if files are, those of the
            // folder.
            let rest = range.position(self.order).strip_prefix(&at.dir).unwrap_or_default();
            let here = match rest.contains('/') {
                true => pages * (to - from) / outlook.had.max(SMALLEST),
                false => density.in_folder.min(density.names) as f64 / size,
            };
            outlook.pages = 2.0 * here * to / (to - from).max(SMALLEST) + 1.0;
            return outlook;
        }
        let even = pages / outlook.had.max(SMALLEST) * outlook.ahead;
        // If the last page has covered a smaller share than the earlier ones, names are denser here. That
        // may continue for as long as it has lasted.
        let dense = outlook.density * outlook.ahead;
        outlook.pages = even.max(dense.min(pages));
        outlook
    }

    /// Returns where the number in the last name of a range gets another digit, if that lies in the
    /// range and nothing is known between.
    fn next_digit(&self, range: &Range, at: &Place) -> Option<String> {
        if !self.discovery.marks_inside(range, self.order).is_empty() {
            return None;
        }
        let carry = self.discovery.keyspace().carry(&at.dir, range.position(self.order))?;
        let is_inside = carry.as_str() > range.position(self.order);
        (is_inside && range.end().is_none_or(|end| carry.as_str() < end)).then_some(carry)
    }

    /// Returns the mark at about this part of what a range has left.
    ///
    /// Known cuts are even, so they are chosen by their number; other marks by their estimated position.
    fn mark_at(&self, range: &Range, part: f64) -> Option<String> {
        let marks = self.discovery.marks_inside(range, self.order);
        if self.discovery.has_known_cuts() {
            return marks.get((marks.len() as f64 * part) as usize).cloned();
        }
        let first = marks.first()?;
        let (_, at, end) = self.discovery.places(range, self.order);
        let target = at.value + (end - at.value) * part;
        let distance =
            |mark: &String| (self.discovery.place(range.root(), mark).value - target).abs();
        let some = marks.iter().step_by(marks.len().div_ceil(MAX_CANDIDATES));
        let nearest = some.min_by(|a, b| distance(a).total_cmp(&distance(b)));
        Some(nearest.unwrap_or(first).clone())
    }

    /// Guesses a name in a folder, about this part of the way to the end of a range.
    ///
    /// If a number can get another digit, that is the best guess: most numbers have the same length.
    fn guess(&self, range: &Range, place: &Place, part: f64) -> Option<String> {
        let position = range.position(self.order);
        let end = range.end().filter(|end| end.starts_with(&place.dir));
        let keyspace = self.discovery.keyspace();
        let name = self
            .next_digit(range, place)
            .or_else(|| keyspace.between(&place.dir, position, end, part))?;
        let is_inside =
            name.as_str() > position && range.end().is_none_or(|end| name.as_str() < end);
        is_inside.then_some(name)
    }

    /// Chooses to list the folders of a range whose first page is under way.
    ///
    /// There is nothing to split then, but the range may turn out to be large.
    fn look_ahead(&self) -> Choice {
        let folders = self.discovery.folders();
        let is_new = |range: &&Range| {
            let is_requested = range.names() == 0 && range.is_busy() && !range.has_begun();
            let dir = range.start();
            let is_folder = dir.ends_with('/') || (!dir.is_empty() && range.prefix() == dir);
            is_requested
                && is_folder
                && folders.known(dir) == Known::Nothing
                && !folders.is_leaf(dir)
        };
        match self.ranges.iter().find(is_new) {
            Some(range) => {
                Choice::ListFolders { root: range.root().to_owned(), dir: range.start().to_owned() }
            }
            None => Choice::Nothing,
        }
    }
}

/// Returns a name up to the number in its last segment.
///
/// Two names of the same numbered run have the same result, for example `a/img-` for `a/img-1.jpg`.
fn run(name: &str) -> &str {
    let folder = name.rfind('/').map_or(0, |slash| slash + 1);
    let number = name.get(folder..).and_then(|rest| rest.find(|c: char| c.is_ascii_digit()));
    name.get(..folder + number.unwrap_or_default()).unwrap_or_default()
}
