//! One range of names, listed page by page.
//!
//! A range belongs to one shard and sends requests with one prefix. It knows its bounds, how far the
//! listing has come, and the pages that wait for their turn. It may assume that the answers to its
//! requests arrive in order, since it never has more than one under way. Where the range meets its
//! neighbors is the concern of the [partition](super::partition).
//!
//! The life of a range:
//!
//! 1. It is new: the first request starts from its lower bound, or from its prefix if the store cannot
//!    start from that name.
//! 2. It is open: `page` takes each answer in a known order, `unsorted` in no known order. `repeats`
//!    finds entries that a page border repeats, and checks that names ascend.
//! 3. It has ended: the listing has reached a name after the upper bound, or its end.
//! 4. It is joined: nothing can lie between this range and the next. Then it is finished, and the
//!    partition removes it once its pages are handed out.
//!
//! A range can be reopened after it has ended if the next range began too late.

mod bounds;
mod overlap;
mod page;
mod repeats;
mod unsorted;
mod unsorted_state;

use std::collections::VecDeque;

pub(super) use self::overlap::is_same;
use self::{overlap::Overlap, unsorted_state::UnsortedState};
use super::{batch::Batch, cycle::MarkerCycle, settings::Settings, start_from::StartFrom};
use crate::{
    scan::{Shard, interval::Bound},
    store::{Blob, ListRequest, Marker, NameOrder, Orders},
};

/// The most names from before the start of a range that may come in sequence at a page border.
pub(super) const MAX_STRAYS: usize = 64;

/// How the pages of a listing are read, which is the same for all ranges.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListingMode {
    /// The order that the scan relies on.
    pub(super) order: NameOrder,
    /// The orders that explain all names so far.
    pub(super) possible: Orders,
    /// Whether names must ascend, because everything else relies on it.
    pub(super) is_strict: bool,
    /// Whether one name can have several entries, so that the last name of a page may continue on the
    /// next.
    pub(super) has_copies: bool,
    /// The most names from before the start of a range that may come again.
    pub(super) max_strays: usize,
}

/// The page that a range requests next.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Next {
    /// The first page.
    First,
    /// The page after this marker.
    After(Marker),
    /// None: the listing has reached a name after the range, or its end.
    Ended,
}

/// The names from a start to before an end, listed with one prefix.
#[derive(Debug)]
pub(super) struct Range {
    id: u32,
    /// The prefix of the shard.
    root: String,
    /// The prefix of the requests: the root, or a longer one if folders are listed one by one.
    prefix: String,
    /// A folder that contains all names of the range that are not received yet.
    within: String,
    /// The lower bound, inclusive.
    start: String,
    /// A second lower bound, exclusive: the last name that an earlier scan has finished.
    after: Option<String>,
    /// The upper bound, exclusive.
    end: Option<String>,
    next: Next,
    /// Whether a request is under way.
    is_busy: bool,
    /// The page that was requested last.
    requested: Next,
    /// The first name received.
    first: Option<String>,
    /// The last name received.
    last: Option<String>,
    /// The first name after the end, if the listing has reached one.
    past: Option<String>,
    density: Density,
    /// Whether this run has split another range at the start of this one.
    is_split: bool,
    /// Whether nothing can lie between this range and the next.
    is_joined: bool,
    /// The number of the gap check or order proof that the range waits for.
    awaited_check: Option<u64>,
    /// Whether the range lists what was missing between two others.
    fills_gap: bool,
    /// Pages that wait for those of earlier ranges.
    held: VecDeque<Batch>,
    /// Whether the next page lists names again, up to the last one received.
    is_relisting: bool,
    /// Whether the last page had names of the range.
    has_recent: bool,
    overlap: Overlap,
    unsorted: UnsortedState,
    markers: MarkerCycle,
}

/// How densely the names of a range lie, for estimates of what it has left.
#[derive(Clone, Debug, Default)]
pub(super) struct Density {
    /// Names received.
    pub(super) names: u64,
    /// Names received that are in the folder of the last one.
    pub(super) in_folder: u64,
    /// Names on the last page that had any.
    pub(super) recent: u64,
    /// The last name before that page.
    pub(super) before_recent: Option<String>,
}

impl Range {
    /// Returns a range of names with a prefix, from a start on, without any request yet.
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
            requested: Next::First,
            first: None,
            last: None,
            past: None,
            density: Density::default(),
            is_split: false,
            is_joined: false,
            awaited_check: None,
            fills_gap: false,
            held: VecDeque::new(),
            is_relisting: false,
            has_recent: false,
            overlap: Overlap::default(),
            unsorted: UnsortedState::default(),
            markers: MarkerCycle::default(),
        }
    }

    /// Returns a range for all of a shard.
    pub(super) fn of_shard(id: u32, shard: &Shard) -> Self {
        let start = shard.start.as_deref().unwrap_or_default();
        let after = shard.after.clone();
        Self { after, ..Self::new(id, &shard.prefix, &shard.prefix, start, shard.end.clone()) }
    }

    /// Returns a range whose blobs are received already.
    pub(super) fn received(id: u32, root: &str, blobs: &[Blob], end: Option<String>) -> Self {
        let [first, last] = [blobs.first(), blobs.last()].map(|b| b.map(|blob| blob.name.clone()));
        let start = first.clone().unwrap_or_default();
        Self {
            first,
            last,
            next: Next::Ended,
            // The level that had the blobs is complete, so nothing lies between them and the next range.
            is_joined: true,
            density: Density { names: blobs.len() as u64, ..Density::default() },
            ..Self::new(id, root, &start, &start, end)
        }
    }

    /// Splits the range at a name and returns the second part.
    pub(super) fn split_at(&mut self, id: u32, name: String) -> Self {
        let end = self.end.replace(name.clone());
        let mut second = Self::new(id, &self.root, &self.prefix, &name, end);
        // Its names are trusted only once the first part has ended with the first of them.
        second.is_split = true;
        second
    }

    /// Returns the ID, which no other range of the listing ever has.
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Returns the prefix of the shard.
    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// Returns the prefix of the requests, which is the root or longer.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns a folder that contains all names of the range that are not received yet.
    pub(super) fn within(&self) -> &str {
        &self.within
    }

    /// Returns the inclusive lower bound.
    ///
    /// If an earlier scan has finished a part of the range, names begin after that part instead.
    pub(super) fn start(&self) -> &str {
        &self.start
    }

    /// Returns the exclusive upper bound, or `None` for the end of the prefix.
    pub(super) fn end(&self) -> Option<&str> {
        self.end.as_deref()
    }

    /// Returns the first name received.
    pub(super) fn first(&self) -> Option<&str> {
        self.first.as_deref()
    }

    /// Returns the last name received.
    pub(super) fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// Returns the first name that the listing has after the range, if it has reached one.
    pub(super) fn past(&self) -> Option<&str> {
        self.past.as_deref()
    }

    /// Returns how densely the names received lie.
    pub(super) fn density(&self) -> &Density {
        &self.density
    }

    /// Returns how many names were received.
    pub(super) fn names(&self) -> u64 {
        self.density.names
    }

    /// Returns whether no page is left to request.
    pub(super) fn has_ended(&self) -> bool {
        self.next == Next::Ended
    }

    /// Returns whether a request is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// Returns whether the next page can be requested.
    pub(super) fn is_ready(&self) -> bool {
        !self.is_busy && !self.has_ended()
    }

    /// Returns whether the first page was received.
    pub(super) fn has_begun(&self) -> bool {
        self.next != Next::First
    }

    /// Returns whether the range lists what was missing between two others.
    pub(super) fn fills_gap(&self) -> bool {
        self.fills_gap
    }

    /// Returns whether nothing can lie between this range and the next.
    pub(super) fn is_joined(&self) -> bool {
        self.is_joined
    }

    /// Returns whether this run has split another range at the start of this one.
    pub(super) fn is_split(&self) -> bool {
        self.is_split
    }

    /// Returns whether the range starts at a split and has received no name.
    ///
    /// Such a range proves nothing: a store that starts too late looks the same. The range before it must
    /// list as far as the end of this one.
    pub(super) fn is_empty_range(&self) -> bool {
        self.is_split && self.first.is_none()
    }

    /// Returns whether the last request was for the first page.
    pub(super) fn requested_first(&self) -> bool {
        self.requested == Next::First
    }

    /// Marks the next page as requested.
    pub(super) fn begin_request(&mut self, start_from: StartFrom) {
        // Listed from its prefix on, the range proves what lies between its start and its first name.
        self.is_split &= self.has_begun() || start_from != StartFrom::Ignored;
        self.is_busy = true;
        self.requested = self.next.clone();
    }

    /// Marks that no request is under way; the answer to the last one is ignored.
    pub(super) fn cancel_request(&mut self) {
        self.is_busy = false;
    }

    /// Returns the request for the page that was requested last.
    ///
    /// The same page can be requested again by a gap check, so the request is made from the recorded
    /// position and not from the current one.
    pub(super) fn request(
        &self,
        settings: &Settings,
        order: NameOrder,
        start_from: StartFrom,
    ) -> ListRequest {
        let mut request = settings.request(&self.prefix);
        match &self.requested {
            Next::After(marker) => request.marker = Some(marker.clone()),
            _ if start_from == StartFrom::Ignored => {}
            _ => request.start_from = self.requested_start(order).map(str::to_owned),
        }
        request
    }

    /// Moves the lower bound.
    pub(super) fn start_at(&mut self, start: String) {
        self.start = start;
    }

    /// Moves the upper bound, so that what follows the range must be looked at again.
    pub(super) fn end_at(&mut self, end: Option<String>) {
        self.end = end;
        self.is_joined = false;
    }

    /// Moves the upper bound of a range that has not ended; the names left are all in a folder.
    pub(super) fn narrow(&mut self, end: Option<String>, within: String) {
        self.end = end;
        self.within = within;
    }

    /// Makes the range list all of a shard.
    pub(super) fn cover_shard(&mut self, shard: &Shard) {
        self.after.clone_from(&shard.after);
        self.within.clone_from(&self.prefix);
        self.end.clone_from(&shard.end);
    }

    /// Records that nothing can lie between this range and the next.
    pub(super) fn join(&mut self) {
        self.is_joined = true;
        self.awaited_check = None;
    }

    /// Records that the listing must be looked at once more before the range counts as joined.
    pub(super) fn unjoin(&mut self) {
        self.is_joined = false;
    }

    /// Makes the range wait for a gap check or an order proof with this number.
    pub(super) fn await_check(&mut self, number: u64) {
        self.awaited_check = Some(number);
    }

    /// Returns whether the range waits for a gap check or an order proof.
    pub(super) fn is_awaiting_check(&self) -> bool {
        self.awaited_check.is_some()
    }

    /// Returns whether the range with this ID waits for the check with this number.
    pub(super) fn is_awaiting(&self, id: u32, number: u64) -> bool {
        self.id == id && self.awaited_check == Some(number)
    }

    /// Stops waiting for a check, because it has succeeded or has lost its meaning.
    pub(super) fn forget_check(&mut self) {
        self.awaited_check = None;
    }

    /// Lists the last page again and continues from there to another end.
    ///
    /// The marker after that page is gone, because the range had no use for it. So names that were
    /// received are listed again, and dropped.
    pub(super) fn reopen(&mut self, end: Option<String>) {
        self.next = self.requested.clone();
        self.end = end;
        self.past = None;
        self.is_joined = false;
        self.awaited_check = None;
        self.is_relisting = true;
        // The markers of the pages to come have been received before, which is no cycle.
        self.markers = MarkerCycle::default();
    }

    /// Lists the last page again, because the next range began too late.
    pub(super) fn fill_gap_up_to(&mut self, end: Option<String>) {
        self.reopen(end);
        self.fills_gap = true;
    }

    /// Returns whether the range has ended too early: the first name after it lies before its end.
    pub(super) fn has_more_after_end(&self, order: NameOrder) -> bool {
        let has_more = |past: &String| self.has(past, order) && past.starts_with(&self.prefix);
        self.has_ended() && self.past.as_ref().is_some_and(has_more)
    }

    /// Keeps a page until its turn comes, which is when all earlier ranges are finished.
    ///
    /// A page without entries is added to the page before, so that it takes no room that the first
    /// range could need.
    pub(super) fn hold(&mut self, batch: Batch) {
        match self.held.back_mut() {
            Some(last) if batch.is_empty() => last.absorb_empty(batch),
            _ => self.held.push_back(batch),
        }
    }

    /// Returns the pages that wait for their turn.
    pub(super) fn held(&self) -> impl Iterator<Item = &Batch> {
        self.held.iter()
    }

    /// Returns the pages that wait, because it is their turn.
    pub(super) fn take_held(&mut self) -> VecDeque<Batch> {
        std::mem::take(&mut self.held)
    }

    /// Returns whether the range is finished: it has ended, it is joined, and no page waits.
    pub(super) fn is_finished(&self) -> bool {
        self.has_ended() && self.is_joined && self.held.is_empty()
    }

    /// Returns the part that remains once everything but the held pages is handed out.
    ///
    /// `None` means that nothing remains. The names after the last one received remain even if the range
    /// will turn out to have none of them.
    pub(super) fn remaining(&self, order: NameOrder, has_copies: bool) -> Option<Shard> {
        let (prefix, end) = (self.root.clone(), self.end.clone());
        let all = Shard { prefix, end, order: Some(order), ..Shard::default() };
        let from = self.held.front().map(|batch| batch.coverage.names().from());
        Some(match (from, &self.last) {
            (Some(Bound::Before(name)), _) => Shard { start: Some(name.clone()), ..all },
            (Some(Bound::After(name)), _) => Shard { after: Some(name.clone()), ..all },
            (Some(Bound::End), _) => return None,
            (None, _) if self.has_ended() => return None,
            // More entries of the last name may follow, so the name is listed again.
            (None, Some(last)) if has_copies => Shard { start: Some(last.clone()), ..all },
            (None, Some(last)) => Shard { after: Some(last.clone()), ..all },
            (None, None) => {
                let start = Some(self.start.clone()).filter(|start| !start.is_empty());
                Shard { start, after: self.after.clone(), ..all }
            }
        })
    }
}
