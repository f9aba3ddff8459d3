//! Which range to cut in two for a request that has nothing to do, and where.

use super::{Next, Planner, Range, StartFrom, discovery::Known, starts};

/// Fewer pages than that are not worth another range
const WORTH_A_CUT: f64 = 1.0;

/// Of so many cuts one may have nothing behind it, for names to be expected where there may be none
const LUCK: usize = 4;

/// How many marks are compared for where to cut
const CANDIDATES: usize = 64;

/// What a range has had and has left, as parts of all names and in pages
#[derive(Debug)]
pub(super) struct Outlook {
    had: f64,
    ahead: f64,
    pages: f64,
    /// In pages, what all names would be if they were as dense as the last ones
    density: f64,
    /// For when this was so
    names: u64,
    end: Option<String>,
    knowledge: u64,
}

/// Where a name is in the tree of folders as far as it is known
struct Place {
    /// The deepest folder on its way that can have more than is known
    dir: String,
    /// From 0 to 1, if all folders of a folder are alike
    value: f64,
    /// What of that is before this folder
    base: f64,
    /// What of that this folder is
    weight: f64,
}

impl Planner {
    /// Cuts the shards where an earlier listing says that the parts are even
    pub(super) fn cut_as_told(&mut self) {
        let shards = self.ranges.len().max(1);
        for index in (0..self.ranges.len()).rev() {
            let marks = self.marks_inside(index);
            let parts = (self.settings.in_flight / shards).clamp(1, marks.len() + 1);
            for part in (1..parts).rev() {
                let at = part * (marks.len() + 1) / parts;
                let mark = at.checked_sub(1).and_then(|at| self.marks.get(marks.start + at));
                if let Some(mark) = mark.cloned().filter(|mark| self.can_cut_at(index, mark)) {
                    self.cut(index, mark);
                }
            }
        }
    }

    /// The marks between where a range is and its end
    fn marks_inside(&self, index: usize) -> std::ops::Range<usize> {
        let Some(range) = self.ranges.get(index) else { return 0..0 };
        let at = range.at(self.order).max(range.prefix.as_str());
        let from = self.marks.partition_point(|mark| mark.as_str() <= at);
        let behind = self.marks.get(from..).unwrap_or_default();
        let count = behind.partition_point(|mark| match &range.end {
            Some(end) => mark < end,
            None => mark.starts_with(&range.prefix),
        });
        from..from + count
    }

    /// How many marks a range has passed
    fn marks_passed(&self, range: &Range) -> f64 {
        let to = |name: &str| self.marks.partition_point(|mark| mark.as_str() <= name);
        to(range.at(self.order)).saturating_sub(to(&range.start)) as f64
    }

    /// Where a name is
    fn place(&self, root: &str, name: &str) -> Place {
        let mut place = Place { dir: root.to_owned(), value: 0.0, base: 0.0, weight: 1.0 };
        while let Some(folders) = self.levels.folders(&place.dir) {
            let passed = folders.partition_point(|folder| folder.as_str() <= name);
            let here = passed.checked_sub(1).and_then(|at| folders.get(at));
            let part = place.weight / folders.len() as f64;
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

    /// Start, place and end of a range
    fn places(&self, range: &Range) -> (Place, Place, f64) {
        let place = |name: &str| self.place(&range.root, name);
        let end = range.end.as_deref().map_or(1.0, |end| place(end).value);
        (place(&range.start), place(range.at(self.order)), end)
    }

    /// What part of all names a range has listed
    pub(super) fn covered_by(&self, range: &Range) -> f64 {
        let (start, at, _) = self.places(range);
        (at.value - start.value).max(0.0)
    }

    /// Looks again at the ranges of which something has changed
    fn look_again(&mut self) {
        for index in 0..self.ranges.len() {
            let is_known = |range: &Range| {
                range.has_ended()
                    || range.outlook.as_ref().is_some_and(|outlook| {
                        outlook.names == range.names
                            && outlook.knowledge == self.knowledge
                            && outlook.end == range.end
                    })
            };
            if !self.ranges.get(index).is_none_or(is_known) {
                let outlook = self.outlook(index);
                if let Some(range) = self.ranges.get_mut(index) {
                    range.outlook = outlook;
                }
            }
        }
    }

    /// What a range has had and has left
    fn outlook(&self, index: usize) -> Option<Outlook> {
        let range = self.ranges.get(index)?;
        let mut outlook = Outlook {
            names: range.names,
            end: range.end.clone(),
            knowledge: self.knowledge,
            had: 0.0,
            ahead: 0.0,
            pages: 0.0,
            density: 0.0,
        };
        let size = self.page_size();
        let pages = range.names as f64 / size;
        if self.has_known_cuts {
            // Each mark stands for as much as any other.
            outlook.had = self.marks_passed(range) + 0.5;
            outlook.ahead = self.marks_inside(index).len() as f64 + 0.5;
            outlook.pages = pages * outlook.ahead / outlook.had;
            return Some(outlook);
        }
        let (start, at, end) = self.places(range);
        outlook.had = (at.value - start.value).max(0.0);
        outlook.ahead = (end - at.value).max(0.0);
        let before = range.before.as_deref().unwrap_or(&range.start);
        let recent = at.value - self.place(&range.root, before).value;
        outlook.density = range.recent as f64 / size / recent.max(1e-9);
        if range.names > 0 && self.is_open(index, &at).is_some() {
            // Of a number of which the end is not known nothing tells, but that it may well go on for
            // longer than it has.
            let to = (at.value - at.base).max(1e-9);
            let from = (start.value - at.base).clamp(0.0, to);
            // Of folders that count, those are what it has listed; of files, those of the folder.
            let rest = range.at(self.order).strip_prefix(&at.dir).unwrap_or_default();
            let here = match rest.contains('/') {
                true => pages * (to - from) / outlook.had.max(1e-9),
                false => range.in_folder.min(range.names) as f64 / size,
            };
            outlook.pages = 2.0 * here * to / (to - from).max(1e-9) + 1.0;
            return Some(outlook);
        }
        let even = pages / outlook.had.max(1e-9) * outlook.ahead;
        // Names are denser here than elsewhere, where the last page has brought it less far. That
        // may go on for as long as it has.
        let dense = outlook.density * outlook.ahead;
        outlook.pages = even.max(dense.min(pages));
        Some(outlook)
    }

    /// The ranges that may be worth a cut, and about how many pages each has left beyond the one on
    /// its way
    fn worth_a_cut(&mut self) -> Vec<(usize, f64)> {
        self.look_again();
        let all = self.names as f64 / self.page_size();
        let begun = self.ranges.iter().filter(|range| range.names > 0 && !range.has_ended());
        let had = begun.filter_map(|range| Some(range.outlook.as_ref()?.had)).sum::<f64>();
        let density = all / (had + self.covered).max(1e-9);
        let is_lucky = self.empty_splits.saturating_mul(LUCK)
            <= self
                .full_splits
                .saturating_add(self.empty_splits)
                .saturating_add(self.settings.in_flight);
        let mut before: Option<&Range> = None;
        let mut left = Vec::new();
        for (index, range) in self.ranges.iter().enumerate() {
            let near =
                before.filter(|before| is_lucky && run(before.at(self.order)) == run(&range.start));
            if range.names > 0 {
                before = Some(range);
            }
            // What was missed once is listed in one go.
            let Some(outlook) =
                range.outlook.as_ref().filter(|_| !range.has_ended() && !range.is_mend)
            else {
                continue;
            };
            let pages = if range.names > 0 {
                outlook.pages
            } else {
                // A number goes on as dense as it has begun, wherever names are rarer.
                let near = near.and_then(|near| Some(near.outlook.as_ref()?.density));
                outlook.ahead * near.unwrap_or_default().max(density)
            };
            let pages = pages - f64::from(u8::from(range.is_busy));
            if pages >= WORTH_A_CUT {
                left.push((index, pages));
            }
        }
        if !self.settings.is_ascending {
            left.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        }
        left
    }

    /// Where the number in the last name of a range would get another digit, if that is of the range
    /// and nothing is known between
    fn is_open(&self, index: usize, at: &Place) -> Option<String> {
        let range = self.ranges.get(index).filter(|_| self.marks_inside(index).is_empty())?;
        let carry = self.keyspace.carry(&at.dir, range.at(self.order))?;
        let is_inside = carry.as_str() > range.at(self.order);
        (is_inside && range.end.as_ref().is_none_or(|end| carry < *end)).then_some(carry)
    }

    /// Whether another request that brings no page of its own can be afforded
    ///
    /// What parallelism costs is held to a few requests for each that may be under way, and grows
    /// with the logarithm of the listing: at a hundred pages for each it is a twelfth.
    fn can_afford(&self) -> bool {
        let in_flight = self.settings.in_flight as f64;
        let pages = self.names as f64 / self.page_size();
        let spent = self.tickets as f64 - self.jobs.len() as f64 - pages;
        spent < in_flight * (2.0 + (1.0 + pages / in_flight).log2())
    }

    /// Makes a range out of what is left of another, or pending for what would help to
    pub(super) fn split(&mut self) -> Option<usize> {
        if self.settings.in_flight == 1 || self.starts == StartFrom::Unknown || !self.can_afford() {
            return None;
        }
        for (index, pages) in self.worth_a_cut() {
            // In the middle; where the first range goes first, behind what keeps it busy for a little.
            let part =
                if self.settings.is_ascending { (WORTH_A_CUT / pages).min(0.5) } else { 0.5 };
            if self.starts == StartFrom::Supported
                && let Some(mark) = self.mark_at(index, part)
                && self.can_cut_at(index, &mark)
            {
                return Some(self.cut(index, mark));
            }
            let Some(range) = self.ranges.get(index) else { continue };
            let place = self.place(&range.root, range.at(self.order));
            // By prefixes a range is listed folder by folder, from the top.
            let dir = match self.starts {
                StartFrom::Supported => &place.dir,
                _ => &range.within,
            };
            let rest = range.at(self.order).strip_prefix(dir).unwrap_or_default();
            match self.levels.known(dir) {
                Known::Nothing if rest.contains('/') => {
                    let wish = self.levels.wish(&range.root.clone(), &dir.clone());
                    self.pending.push_back(wish);
                    return None;
                }
                Known::Soon => {}
                _ if self.starts == StartFrom::Supported => {
                    if let Some(cut) = self.guess(index, &place, part)
                        && self.can_cut_at(index, &cut)
                    {
                        return Some(self.cut(index, cut));
                    }
                }
                _ => {}
            }
        }
        self.look_ahead();
        None
    }

    /// The mark at about this part of what a range has left
    fn mark_at(&self, index: usize, part: f64) -> Option<String> {
        let marks = self.marks.get(self.marks_inside(index)).filter(|marks| !marks.is_empty())?;
        if self.has_known_cuts {
            return marks.get((marks.len() as f64 * part) as usize).cloned();
        }
        let range = self.ranges.get(index)?;
        let (_, at, end) = self.places(range);
        let target = at.value + (end - at.value) * part;
        let far = |mark: &&String| (self.place(&range.root, mark).value - target).abs();
        let some = marks.iter().step_by(marks.len().div_ceil(CANDIDATES));
        some.min_by(|a, b| far(a).total_cmp(&far(b))).cloned()
    }

    /// A name in a folder, about this part of the way to the end of a range
    fn guess(&self, index: usize, place: &Place, part: f64) -> Option<String> {
        let range = self.ranges.get(index)?;
        let end = range.end.as_deref().filter(|end| end.starts_with(&place.dir));
        let cut = self.is_open(index, place);
        let cut =
            cut.or_else(|| self.keyspace.between(&place.dir, range.at(self.order), end, part))?;
        let is_inside =
            cut.as_str() > range.at(self.order) && range.end.as_ref().is_none_or(|end| cut < *end);
        is_inside.then_some(cut)
    }

    /// Wishes to look at the folders of what has only been asked for
    fn look_ahead(&mut self) {
        let is_new = |range: &&Range| {
            let is_asked = range.names == 0 && range.is_busy && range.next == Next::First;
            let dir = &range.start;
            let is_folder = dir.ends_with('/') || (!dir.is_empty() && range.prefix == *dir);
            is_asked
                && is_folder
                && self.levels.known(dir) == Known::Nothing
                && !self.levels.is_leaf(dir)
        };
        if let Some(range) = self.ranges.iter().find(is_new) {
            let (root, dir) = (range.root.clone(), range.start.clone());
            let wish = self.levels.wish(&root, &dir);
            self.pending.push_back(wish);
        }
    }

    /// Whether a name is between where a range is and its end, and the service can start from it
    fn can_cut_at(&self, index: usize, name: &str) -> bool {
        let order = self.order;
        self.ranges.get(index).is_some_and(|range| {
            starts::is_safe(&range.prefix, name)
                && order.compare(range.at(self.order), name).is_lt()
                && range.end.as_deref().is_none_or(|end| order.compare(name, end).is_lt())
        })
    }

    /// Cuts a range in two; the place of the second
    fn cut(&mut self, index: usize, cut: String) -> usize {
        let Some(range) = self.ranges.get_mut(index) else { return index };
        let end = range.end.replace(cut.clone());
        let (root, prefix) = (range.root.clone(), range.prefix.clone());
        let mut new = self.range(&root, &prefix, &cut, end);
        new.is_cut = true;
        self.ranges.insert(index + 1, new);
        index + 1
    }
}

/// What comes before the number in the last part of a name
fn run(name: &str) -> &str {
    let folder = name.rfind('/').map_or(0, |slash| slash + 1);
    let number = name.get(folder..).and_then(|rest| rest.find(|c: char| c.is_ascii_digit()));
    name.get(..folder + number.unwrap_or_default()).unwrap_or_default()
}
