//! Which range to cut in two for a request that has nothing to do, and where.

use super::{Next, Planner, Range, Starts, Wish};

/// Fewer pages than that are not worth another range
const WORTH_A_CUT: f64 = 2.0;

/// Fewer pages than that are not worth a look at their folders
const WORTH_A_LOOK: f64 = 4.0;

impl Planner {
    /// Cuts the shards where an earlier listing says that the parts are even
    pub(super) fn cut_as_told(&mut self) {
        for index in (0..self.ranges.len()).rev() {
            let marks = self.marks_inside(index);
            let parts =
                (self.settings.in_flight / self.ranges.len().max(1)).clamp(1, marks.len() + 1);
            for part in (1..parts).rev() {
                let at = part * (marks.len() + 1) / parts;
                let mark = at.checked_sub(1).and_then(|at| self.marks.get(marks.start + at));
                if let Some(mark) = mark.cloned() {
                    self.cut(index, mark);
                }
            }
        }
    }

    /// The marks between where a range is and its end
    fn marks_inside(&self, index: usize) -> std::ops::Range<usize> {
        let Some(range) = self.ranges.get(index) else { return 0..0 };
        let at = range.at();
        let from =
            self.marks.partition_point(|mark| mark.as_str() <= at.max(range.prefix.as_str()));
        let to = match &range.end {
            Some(end) => self.marks.partition_point(|mark| mark < end),
            None => {
                from + self
                    .marks
                    .get(from..)
                    .unwrap_or_default()
                    .partition_point(|mark| mark.starts_with(&range.prefix))
            }
        };
        from..to.max(from)
    }

    /// How many marks a range has passed
    fn marks_passed(&self, range: &Range) -> usize {
        let from = self.marks.partition_point(|mark| mark.as_str() <= range.start.as_str());
        self.marks.partition_point(|mark| mark.as_str() <= range.at()).saturating_sub(from)
    }

    /// About how many pages a range has left beyond the one on its way; `None` where nothing tells
    fn left(&self, index: usize) -> Option<f64> {
        // What was missed once is listed in one go.
        let range = self.ranges.get(index).filter(|range| !range.has_ended() && !range.is_mend)?;
        let pages = range.names as f64 / self.page_size();
        let (ahead, passed) =
            (self.marks_inside(index).len() as f64, self.marks_passed(range) as f64);
        let left = if range.names == 0 {
            if ahead == 0.0 {
                return None;
            }
            let marks: usize = self.ranges.iter().map(|range| self.marks_passed(range)).sum();
            ahead * self.names as f64 / self.page_size() / (marks as f64 + self.ranges.len() as f64)
        } else if ahead + passed > 0.0 {
            pages * (ahead + 0.5) / (passed + 0.5)
        } else {
            let part = self.space.part(&range.start, range.at(), range.end.as_deref());
            pages * (1.0 - part) / part.max(0.01)
        };
        Some(left - f64::from(u8::from(range.is_busy)))
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

    /// Makes a range out of what is left of another, or wishes for what would help to
    pub(super) fn split(&mut self) -> Option<usize> {
        if self.settings.in_flight == 1 || self.starts == Starts::Unknown || !self.can_afford() {
            return None;
        }
        let mut left: Vec<(usize, f64)> =
            (0..self.ranges.len()).filter_map(|index| Some((index, self.left(index)?))).collect();
        left.retain(|(_, pages)| *pages >= WORTH_A_CUT);
        if !self.settings.is_ascending {
            left.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        }
        for (index, pages) in left {
            let marks = self.marks_inside(index);
            if self.starts == Starts::Kept && !marks.is_empty() {
                // In the middle; where the first range goes first, what keeps it busy for a little.
                let part = if self.settings.is_ascending { WORTH_A_CUT / pages } else { 0.5 };
                let at = marks.start + (marks.len() as f64 * part.min(0.5)) as usize;
                let mark = self.marks.get(at).cloned()?;
                return Some(self.cut(index, mark));
            }
            let is_large = pages >= WORTH_A_LOOK || self.starts == Starts::LeftAside;
            if is_large && let Some(wish) = self.level_of(index) {
                self.wishes.push_back(wish);
                return None;
            }
            if self.starts == Starts::Kept
                && let Some(range) = self.ranges.get(index)
                && let floor = range.root.chars().count()
                && let Some(cut) = self.space.between(range.at(), range.end.as_deref(), floor)
                && range.end.as_ref().is_none_or(|end| cut < *end)
                && cut.as_str() > range.at()
            {
                return Some(self.cut(index, cut));
            }
        }
        // Of what has only been asked for, the folders can be looked at meanwhile.
        let is_new = |range: &Range| range.names == 0 && range.is_busy && range.next == Next::First;
        let news: Vec<_> = (0..self.ranges.len())
            .filter(|index| self.ranges.get(*index).is_some_and(is_new))
            .collect();
        let wish = news.into_iter().find_map(|index| self.level_of(index));
        self.wishes.extend(wish);
        None
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

    /// The highest folder on the way of a range that was not looked at
    fn level_of(&mut self, index: usize) -> Option<Wish> {
        let range = self.ranges.get(index)?;
        let (root, at) = (range.root.clone(), range.at().to_owned());
        let levels = self.levels.on_the_way(&root, &at, range.names == 0);
        let level = levels.into_iter().find(|level| !self.levels.has(level))?;
        Some(self.levels.wish(&root, &level))
    }
}
