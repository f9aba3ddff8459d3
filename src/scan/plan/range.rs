//! One range of names, listed page by page.

use std::collections::VecDeque;

use super::{
    Batch, Coverage,
    cycle::{MarkerCycle, repeated_marker},
    split::Outlook,
    starts,
};
use crate::{
    error::Error,
    scan::{
        Shard,
        interval::{Bound, NameRange},
    },
    store::{Blob, Malformed, Marker, NameOrder, Orders, Page},
};

/// How many names before the start of a range may come at page borders, one after the other
pub(super) const STRAYS: usize = 64;

/// How many blobs at the end of a page may come again on the next
const TAIL: usize = 64;

/// What a range asks for next
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Its first page
    First,
    /// The page behind this marker
    After(Marker),
    /// Nothing: the listing gave a name behind the range, or ended
    Ended,
}

/// The names from a start to before an end, below one prefix
#[derive(Debug)]
pub(super) struct Range {
    pub(super) id: u32,
    /// The prefix of the shard that it is of
    pub(super) root: String,
    /// What the requests ask for: the root, or more where folders are listed one by one
    pub(super) prefix: String,
    /// A folder that has all of the range that is not received yet
    pub(super) within: String,
    /// Inclusive
    pub(super) start: String,
    /// Exclusive: where an earlier run left off
    pub(super) after: Option<String>,
    /// Exclusive
    pub(super) end: Option<String>,
    pub(super) next: Next,
    /// Whether a page is on its way
    pub(super) is_busy: bool,
    /// How the last page was asked for
    pub(super) asked: Next,
    /// The first name that was received
    pub(super) first: Option<String>,
    /// The last name that was received
    pub(super) last: Option<String>,
    /// The first name behind the end, where the listing came to it
    pub(super) past: Option<String>,
    pub(super) names: u64,
    /// How many of them are in the folder of the last one
    pub(super) in_folder: u64,
    /// How many were on the last page that had any, and the last name before that
    pub(super) recent: u64,
    pub(super) before: Option<String>,
    /// What it may have left, where somebody has looked
    pub(super) outlook: Option<Outlook>,
    /// Whether its start is a cut that this run has made by name
    pub(super) is_cut: bool,
    /// Whether the border to the next range was looked at
    pub(super) is_joined: bool,
    /// The number of the check that must find out about the border
    pub(super) checking: Option<u64>,
    /// Whether it lists what fell between two ranges
    pub(super) is_mend: bool,
    /// Pages that wait for those of earlier ranges
    pub(super) held: VecDeque<Batch>,
    /// Whether it lists again what it has, up to its last name
    pub(super) resumes: bool,
    /// In no known order: the last name that is done with, and that the listing must come to first
    pub(super) awaited: Option<String>,
    /// Whether the listing has come to it
    pub(super) is_found: bool,
    /// Whether that name is not done with
    pub(super) begins_at_awaited: bool,
    /// In no known order: the name before which it ends
    pub(super) until: Option<String>,
    /// In no known order: behind which name the listing goes on
    pub(super) position: Option<String>,
    /// Whether the last page had names of it
    pub(super) has_recent: bool,
    /// How many names from before its start were the last to come, and the last one
    pub(super) stray: Option<(usize, String)>,
    pub(super) tail: Vec<Blob>,
    /// The last names that came before the start of the range
    pub(super) skipped: Vec<String>,
    seen: MarkerCycle,
}

impl Range {
    pub(super) fn new(id: u32, root: &str, prefix: &str, start: &str, end: Option<String>) -> Self {
        Self {
            id,
            root: root.to_owned(),
            prefix: prefix.to_owned(),
            within: prefix.to_owned(),
            start: start.to_owned(),
            after: None,
            end,
            next: Next::First,
            is_busy: false,
            asked: Next::First,
            first: None,
            last: None,
            past: None,
            names: 0,
            in_folder: 0,
            recent: 0,
            outlook: None,
            before: None,
            is_cut: false,
            is_joined: false,
            checking: None,
            is_mend: false,
            held: VecDeque::new(),
            resumes: false,
            awaited: None,
            is_found: false,
            has_recent: false,
            begins_at_awaited: false,
            until: None,
            position: None,
            stray: None,
            tail: Vec::new(),
            skipped: Vec::new(),
            seen: MarkerCycle::default(),
        }
    }

    /// Whether it was made for a shard, and begins where that does
    pub(super) fn is_all_of(&self, shard: &Shard) -> bool {
        !self.is_cut
            && self.root == shard.prefix
            && self.prefix == shard.prefix
            && self.start == shard.start.as_deref().unwrap_or_default()
            && self.after == shard.after
    }

    /// The name that its first page should start from; `None` if that is the start of the prefix
    pub(super) fn from(&self, order: NameOrder) -> Option<&str> {
        let start = self.begin(order);
        let is_in_prefix = order.compare(start, &self.prefix).is_gt();
        (is_in_prefix && !self.prefix.starts_with(start)).then_some(start)
    }

    /// The same, if the service can start from it
    ///
    /// Otherwise the range is listed from the start of its prefix. Another name to start from would
    /// come before this one only if the order is the true one, which nothing has shown yet.
    pub(super) fn request_from(&self, order: NameOrder) -> Option<String> {
        let from = self.from(order).filter(|from| starts::is_safe(&self.prefix, from));
        from.map(str::to_owned)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.next == Next::Ended
    }

    /// Where it is: the last name received, or its start
    pub(super) fn at(&self, order: NameOrder) -> &str {
        self.last.as_deref().unwrap_or(self.begin(order))
    }

    /// Where it begins in an order
    pub(super) fn beginning(&self, order: NameOrder) -> &str {
        let names = [self.prefix.as_str(), &self.start, self.after.as_deref().unwrap_or_default()];
        names.into_iter().max_by(|a, b| order.compare(a, b)).unwrap_or_default()
    }

    /// The greater of its two lower bounds
    pub(super) fn begin(&self, order: NameOrder) -> &str {
        match &self.after {
            Some(after) if order.compare(after, &self.start).is_ge() => after,
            _ => &self.start,
        }
    }

    /// Whether a name is of it
    pub(super) fn has(&self, name: &str, order: NameOrder) -> bool {
        self.is_behind_start(name, order) && self.is_before_end(name, order)
    }

    fn is_behind_start(&self, name: &str, order: NameOrder) -> bool {
        order.compare(name, &self.start).is_ge()
            && self.after.as_deref().is_none_or(|after| order.compare(name, after).is_gt())
    }

    fn is_before_end(&self, name: &str, order: NameOrder) -> bool {
        self.end.as_deref().is_none_or(|end| order.compare(name, end).is_lt())
    }

    /// Takes its next page: what of it is of the range
    ///
    /// `is_strict` says that names must ascend, since all that follows relies on it; `has_copies`,
    /// that the last name may have more entries on the next page; `repeats`, that some entries come
    /// twice. `orders` are the orders that are possible, and `strays` limits how many names from before
    /// the start may come again.
    pub(super) fn take(
        &mut self,
        mut page: Page,
        order: NameOrder,
        is_strict: bool,
        has_copies: bool,
        repeats: bool,
        (orders, strays): (Orders, usize),
    ) -> Result<Batch, Fault> {
        self.is_busy = false;
        let is_first = self.asked == Next::First;
        let mut skip = 0;
        if self.resumes
            && let Some(last) = &self.last
        {
            // Of the last name there may be copies that did not come yet.
            skip = page.blobs.partition_point(|blob| order.compare(&blob.name, last).is_lt());
            self.resumes = skip == page.blobs.len();
        }
        let repeated =
            self.repeated(page.blobs.get(skip..).unwrap_or_default(), order, orders, strays);
        self.stray = match (repeated.strays, page.blobs.last()) {
            (0, _) => None,
            (strays, Some(last)) => Some((strays, last.name.clone())),
            (_, None) => self.stray.take(),
        };
        skip += repeated.count;
        self.drop_copies(&mut page.blobs, skip);
        if is_strict {
            page.blobs.drain(..skip);
            page.malformed.retain_mut(|entry| match entry.at.checked_sub(skip) {
                Some(at) => {
                    entry.at = at;
                    true
                }
                None => false,
            });
            skip = 0;
            if repeats {
                page.blobs.dedup_by(|b, a| is_same(a, b));
            }
            skip += page.blobs.partition_point(|blob| {
                !self.is_behind_start(&blob.name, order)
                    || !blob.name.starts_with(&self.prefix)
                        && order.compare(&blob.name, &self.prefix).is_lt()
            });
            let end = skip
                + page.blobs.get(skip..).unwrap_or_default().partition_point(|blob| {
                    self.is_before_end(&blob.name, order) && blob.name.starts_with(&self.prefix)
                });
            self.skip(page.blobs.get(..skip).unwrap_or_default(), is_first);
            self.past = page.blobs.get(end).map(|blob| blob.name.clone());
            let (is_cut, is_past) = (self.is_cut && is_first, self.past.is_some());
            page.malformed.retain(|entry| self.keeps(entry, skip, end, is_cut, is_past, order));
            page.blobs.truncate(end);
        }
        page.blobs.drain(..skip);
        if page.blobs.len() < page.blobs.capacity() / 2 {
            // What is left of a page takes the room of that, and not of a page.
            page.blobs.shrink_to_fit();
        }
        let behind = |last: &String| match has_copies {
            true => Bound::Before(last.clone()),
            false => Bound::After(last.clone()),
        };
        let from = match (&self.last, &self.first, page.blobs.first()) {
            (Some(last), ..) => behind(last),
            (None, None, Some(blob)) if self.is_cut => Bound::Before(blob.name.clone()),
            _ => match &self.after {
                Some(after) if order.compare(after, &self.start).is_ge() => {
                    Bound::After(after.clone())
                }
                _ => Bound::Before(self.start.clone()),
            },
        };
        if let (None, Some(blob)) = (&self.first, page.blobs.first()) {
            self.first = Some(blob.name.clone());
        }
        self.has_recent = !page.blobs.is_empty();
        self.note(&page.blobs);
        self.go_on(page.next)?;
        let to = match (&self.next, &self.past, &self.last) {
            // Nothing that it could vouch for: the range before it must come as far.
            (Next::Ended, ..) if self.is_cut && self.first.is_none() => from.clone(),
            (Next::Ended, Some(past), _) => Bound::Before(past.clone()),
            (Next::Ended, None, _) if self.prefix == self.root => Bound::End,
            (Next::Ended, None, _) => self.end.clone().map_or(Bound::End, Bound::Before),
            (_, _, Some(last)) => behind(last),
            (_, _, None) => from.clone(),
        };
        Ok(Batch {
            blobs: page.blobs,
            malformed: page.malformed,
            pages: 1,
            coverage: Coverage::new(&self.root, NameRange::new(from, to), order),
            remaining: None,
        })
    }

    /// Takes note of the blobs of a page, which are not of any page before
    pub(super) fn note(&mut self, blobs: &[Blob]) {
        self.names += blobs.len() as u64;
        let Some(blob) = blobs.last() else { return };
        let folder = folder_of(&blob.name);
        let is_here = |blob: &Blob| folder_of(&blob.name) == folder;
        let goes_on = self.last.as_deref().is_some_and(|last| folder_of(last) == folder);
        let here = blobs.len() - blobs.partition_point(|blob| !is_here(blob));
        // What is before the page counts where all of the page is there too.
        let before = if goes_on { self.in_folder } else { 0 };
        self.in_folder = here as u64 + before;
        self.recent = blobs.len() as u64;
        self.before = self.last.replace(blob.name.clone());
        self.keep_tail(blobs);
    }

    /// Remembers blobs that may come again on the next page
    fn keep_tail(&mut self, blobs: &[Blob]) {
        let start = blobs.len().saturating_sub(TAIL);
        self.tail.extend_from_slice(blobs.get(start..).unwrap_or_default());
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
    }

    /// Goes on where a page says
    pub(super) fn go_on(&mut self, next: Option<Marker>) -> Result<(), Fault> {
        self.next = match next {
            Some(_) if self.past.is_some() => Next::Ended,
            Some(marker) if self.seen.before(&marker) => {
                return Err(Fault::Error(repeated_marker()));
            }
            Some(marker) => Next::After(marker),
            None => Next::Ended,
        };
        Ok(())
    }

    /// What is left of it, once what it does not hold is handed out
    pub(super) fn left(&self, order: NameOrder, has_copies: bool) -> Option<Shard> {
        let end = self.end.clone();
        let whole =
            Shard { prefix: self.root.clone(), end, order: Some(order), ..Shard::default() };
        let from = self.held.front().map(|batch| batch.coverage.names().from());
        Some(match (from, &self.last) {
            (Some(Bound::Before(name)), _) => Shard { start: Some(name.clone()), ..whole },
            (Some(Bound::After(name)), _) => Shard { after: Some(name.clone()), ..whole },
            (Some(Bound::End), _) => return None,
            (None, _) if self.has_ended() => return None,
            (None, Some(last)) if has_copies => Shard { start: Some(last.clone()), ..whole },
            (None, Some(last)) => Shard { after: Some(last.clone()), ..whole },
            (None, None) => {
                let start = Some(self.start.clone()).filter(|start| !start.is_empty());
                Shard { start, after: self.after.clone(), ..whole }
            }
        })
    }

    /// Takes note of blobs at the start of a page that come before the start of the range
    fn skip(&mut self, blobs: &[Blob], is_first: bool) {
        if is_first {
            self.skipped.clear();
        }
        let names = blobs.iter().map(|blob| blob.name.clone());
        self.skipped.extend(names.skip(blobs.len().saturating_sub(TAIL)));
        self.skipped.drain(..self.skipped.len().saturating_sub(TAIL));
    }

    /// Whether an entry that cannot be read is of this range: by its name, or by its place
    fn keeps(
        &self,
        entry: &Malformed,
        skip: usize,
        end: usize,
        is_cut: bool,
        is_past: bool,
        order: NameOrder,
    ) -> bool {
        match &entry.name {
            Some(name) => name.starts_with(&self.prefix) && self.has(name, order),
            // What stands on a border is of the range before it.
            None => {
                (entry.at > skip || (entry.at == skip && !is_cut)) && (entry.at <= end || !is_past)
            }
        }
    }

    /// Keeps a page until its turn comes
    ///
    /// One without blobs is added to the one before, so that it takes no room that the first range
    /// could need.
    pub(super) fn hold(&mut self, batch: Batch) {
        match self.held.back_mut() {
            Some(last) if batch.is_empty() => {
                last.absorb_empty(batch);
            }
            _ => self.held.push_back(batch),
        }
    }

    /// Forgets which markers came, since they may come again
    pub(super) fn restart_markers(&mut self) {
        self.seen = MarkerCycle::default();
    }

    /// Lists its last page again, and goes on from there
    pub(super) fn reopen(&mut self, end: Option<String>) {
        self.next = self.asked.clone();
        self.end = end;
        self.past = None;
        self.is_joined = false;
        self.checking = None;
        self.resumes = true;
        self.seen = MarkerCycle::default();
    }
}

/// A name up to its last slash
fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Whether two entries are one blob, snapshot or version
pub(super) fn is_same(a: &Blob, b: &Blob) -> bool {
    a.name == b.name && a.snapshot == b.snapshot && a.version_id == b.version_id
}

/// Why a page cannot be taken
#[derive(Debug)]
pub(super) enum Fault {
    /// Whatever follows, the listing cannot be right
    Error(Error),
    /// The service listed the first name before the second, and they do not ascend
    Disorder { first: String, second: String },
}
