//! Which page to ask for next, and what a page means. Nothing here does I/O or tells the time.
//!
//! A listing gives each page only after the one before, so that it is fast only in parts: ranges of
//! names that are listed side by side. Where to cut is a guess; that nothing is lost or doubled is
//! not:
//!
//! - Ranges are made by cutting one in two, behind what was received of it. What a page has beyond
//!   the range's end is left to the next range.
//! - A range ends with the first name behind it. The next range must begin with that very name, or
//!   the store has not begun where it was asked to. What lies between is then listed again.
//! - A store that ignores `start_from` shows it by a name before the start. If it lists by path
//!   segments, its folders are then listed by prefix; otherwise one page follows the other.
//! - Names show in which order the store lists them, whatever its pages state: `disorder`.

mod answers;
mod batch;
mod cycle;
mod discovery;
mod disorder;
mod gap_check;
mod handed;
mod keyspace;
mod proof;
mod range;
mod repeats;
mod split;
mod starts;
mod unsorted;

use std::collections::{HashMap, VecDeque};

pub(super) use self::batch::Batch;
pub(crate) use self::batch::Coverage;
use self::{
    discovery::{Level, Levels, Look, PendingRequest},
    gap_check::Check,
    handed::{Handed, Skipped},
    keyspace::Keyspace,
    proof::Proof,
    range::{Next, Range},
};
use super::{Shard, shard::order_of};
use crate::{
    error::Error,
    store::{Include, ListRequest, MAX_PAGE, NameOrder, Orders, Page},
};

/// How to list
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// How many requests may be under way, at least 1
    pub(super) in_flight: usize,
    /// Whether names must come out in ascending order
    pub(super) is_ascending: bool,
    pub(super) page_size: Option<std::num::NonZeroU16>,
    pub(super) include: Vec<Include>,
    /// The order to begin with, whatever pages state
    pub(super) assumed: Option<NameOrder>,
    /// Whether names that contradict the order end the listing
    pub(super) insists: bool,
}

/// What is known of `start_from`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StartFrom {
    Unknown,
    Supported,
    Ignored,
}

/// What a request is for
#[derive(Debug)]
enum Job {
    Page {
        range: u32,
        has_start: bool,
    },
    Survey(Level),
    /// Which name comes first from this one on
    Probe(Look),
    Check(Check),
    Proof(Proof),
}

/// A request to send, under a number to tell its answer by
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) id: u64,
    pub(super) request: ListRequest,
}

/// All ranges of a listing
#[derive(Debug)]
pub(super) struct Planner {
    settings: Settings,
    /// Whether names must ascend
    is_strict: bool,
    order: NameOrder,
    /// The orders in which all names so far ascend
    orders: Orders,
    /// Once names have contradicted an order that the scan insists on: one that they do not
    /// contradict, if there is any
    explanation: Option<NameOrder>,
    starts: StartFrom,
    shards: Vec<Shard>,
    /// By name
    ranges: Vec<Range>,
    ids: u32,
    tickets: u64,
    jobs: HashMap<u64, Job>,
    /// Names received
    names: u64,
    /// Names handed out
    given: u64,
    /// Names that were seen to ascend
    checked: u64,
    handed: Handed,
    /// What a listing in no known order must leave out
    skipped: Skipped,
    /// Whether ranges were made of folders
    has_folders: bool,
    /// What part of all names ended ranges have had, as far as is known
    covered: f64,
    /// How many cuts have had names behind them
    full_splits: usize,
    /// How many had none
    empty_splits: usize,
    /// Whether the marks are those of an earlier listing
    has_known_cuts: bool,
    keyspace: Keyspace,
    /// Rises with what is known of folders
    knowledge: u64,
    /// Names to cut at, ascending: folders, cuts of an earlier listing, what probes have met
    marks: Vec<String>,
    levels: Levels,
    pending: VecDeque<PendingRequest>,
    /// Levels that wait until it is known how to use them
    kept: Vec<Level>,
    /// Pages that have come before names have shown that they have an order
    early: Vec<(u64, Page)>,
    out: VecDeque<Batch>,
}

impl Planner {
    /// The shards must be disjoint; `cuts` are names that an earlier listing divides evenly
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the shards are not disjoint in any order.
    pub(super) fn new(
        mut shards: Vec<Shard>,
        mut cuts: Vec<String>,
        mut settings: Settings,
    ) -> Result<Self, Error> {
        let order = match settings.assumed {
            Some(order) => order,
            None => order_of(&shards)?,
        };
        settings.assumed = settings.assumed.or(shards.iter().find_map(|shard| shard.order));
        shards.sort_by(|a, b| order.compare(a.first(order), b.first(order)));
        cuts.sort_unstable();
        cuts.dedup();
        let is_whole = matches!(shards.as_slice(), [shard] if shard.is_whole_prefix());
        let mut planner = Self {
            is_strict: order != NameOrder::Unsorted
                && (settings.in_flight > 1
                    || settings.is_ascending
                    || settings.insists
                    || !is_whole),
            has_known_cuts: cuts.len() >= settings.in_flight,
            settings,
            order,
            orders: Orders::ALL,
            explanation: None,
            starts: match order {
                NameOrder::Bytes | NameOrder::Utf16 => StartFrom::Unknown,
                // How such accounts compare a start is not documented; a prefix is a prefix.
                _ => StartFrom::Ignored,
            },
            shards,
            ranges: Vec::new(),
            ids: 0,
            tickets: 0,
            jobs: HashMap::new(),
            names: 0,
            given: 0,
            checked: 0,
            handed: Handed::new(),
            skipped: Skipped::default(),
            has_folders: false,
            covered: 0.0,
            full_splits: 0,
            empty_splits: 0,
            keyspace: Keyspace::default(),
            knowledge: 0,
            marks: cuts,
            levels: Levels::default(),
            pending: VecDeque::new(),
            kept: Vec::new(),
            early: Vec::new(),
            out: VecDeque::new(),
        };
        if order == NameOrder::Unsorted {
            planner.list_unsorted();
            return Ok(planner);
        }
        for shard in planner.shards.clone() {
            let start = shard.start.as_deref().unwrap_or_default();
            let mut range = planner.range(&shard.prefix, &shard.prefix, start, shard.end);
            range.after = shard.after;
            planner.ranges.push(range);
        }
        planner.cut_as_told();
        Ok(planner)
    }

    /// Whether more than one entry of a name may come
    fn has_copies(&self) -> bool {
        Self::lists_copies(&self.settings)
    }

    fn lists_copies(settings: &Settings) -> bool {
        let is_copy = |what: &Include| matches!(what, Include::Snapshots | Include::Versions);
        settings.include.iter().any(is_copy)
    }

    fn range(&mut self, root: &str, prefix: &str, start: &str, end: Option<String>) -> Range {
        self.ids += 1;
        Range::new(self.ids, root, prefix, start, end)
    }

    fn position(&self, id: u32) -> Option<usize> {
        self.ranges.iter().position(|range| range.id == id)
    }

    fn page_size(&self) -> f64 {
        f64::from(self.settings.page_size.map_or(MAX_PAGE, |size| size.get().min(MAX_PAGE)))
    }

    /// The next request, if there is one to send
    ///
    /// `is_last` says that there is room for one page alone. If pages of other ranges wait for those
    /// of the first one, only that range gets it.
    pub(super) fn next(&mut self, is_last: bool) -> Option<Ticket> {
        let is_ready = |range: &Range| !range.is_busy && !range.has_ended();
        if self.order == NameOrder::Unsorted && !self.jobs.is_empty() {
            return None;
        }
        if matches!(self.pending.front(), Some(PendingRequest::Proof(_))) {
            return self.pending.pop_front().map(|wish| self.ask(wish));
        }
        if is_last
            && (self.settings.is_ascending || !self.is_proven())
            && let Some(first) = self.ranges.iter().position(|range| !range.has_ended())
        {
            let is_ready = self.ranges.get(first).is_some_and(is_ready);
            return is_ready.then(|| self.ask_for_page(first));
        }
        // What has begun goes on first: it is nearer to its end, and its marker does not last.
        let begun = |range: &Range| is_ready(range) && range.next != Next::First;
        let next = match self.settings.is_ascending {
            true => self.ranges.iter().position(is_ready),
            false => self.ranges.iter().position(begun).or(self.ranges.iter().position(is_ready)),
        };
        if let Some(index) = next {
            return Some(self.ask_for_page(index));
        }
        if let Some(wish) = self.pending.pop_front() {
            return Some(self.ask(wish));
        }
        if let Some(index) = self.split() {
            return Some(self.ask_for_page(index));
        }
        self.pending.pop_front().map(|wish| self.ask(wish))
    }

    fn request(&self, prefix: &str) -> ListRequest {
        let mut request = ListRequest::new(prefix);
        request.max_results = self.settings.page_size;
        request.include.clone_from(&self.settings.include);
        request
    }

    fn ticket(&mut self, job: Job, request: ListRequest) -> Ticket {
        self.tickets += 1;
        self.jobs.insert(self.tickets, job);
        Ticket { id: self.tickets, request }
    }

    #[expect(clippy::indexing_slicing, reason = "the caller has just found the range there")]
    fn ask_for_page(&mut self, index: usize) -> Ticket {
        let range = &mut self.ranges[index];
        // Listed from its prefix on, it vouches for all from its start on.
        range.is_cut &= range.next != Next::First || self.starts != StartFrom::Ignored;
        range.is_busy = true;
        range.asked = range.next.clone();
        let id = range.id;
        let request = self.page_of(index);
        let has_start = request.start_from.is_some();
        self.ticket(Job::Page { range: id, has_start }, request)
    }

    /// The request for the page that a range has last asked for
    #[expect(clippy::indexing_slicing, reason = "the caller has just found the range there")]
    fn page_of(&self, index: usize) -> ListRequest {
        let range = &self.ranges[index];
        let mut request = self.request(&range.prefix);
        match &range.asked {
            Next::After(marker) => request.marker = Some(marker.clone()),
            _ if self.starts == StartFrom::Ignored => {}
            _ => request.start_from = range.request_from(self.order),
        }
        request
    }

    /// The first page states another order than was thought when ranges were cut
    fn begin_with(&mut self, order: NameOrder) {
        let starts = self.ranges.iter().map(|range| range.beginning(order));
        let is_sorted = starts.is_sorted_by(|a, b| order.compare(a, b).is_le());
        self.order = order;
        if is_sorted && !order.is_by_segments() {
            return;
        }
        // How such accounts compare a start is not documented; a prefix is a prefix.
        self.starts = StartFrom::Ignored;
        self.pending.retain(|wish| !matches!(wish, PendingRequest::Probe(_)));
        self.levels = Levels::default();
        self.shards.sort_by(|a, b| order.compare(a.first(order), b.first(order)));
        // Nothing was received yet, and an answer to a range that is gone is nothing.
        let mut before = std::mem::take(&mut self.ranges);
        for shard in self.shards.clone() {
            let at = before.iter().position(|range| range.is_all_of(&shard));
            let known = at.map(|at| before.swap_remove(at));
            let mut range = match known.filter(|range| range.from(order).is_none()) {
                Some(range) => range,
                // One that is not here is over, or was given back to the one before it.
                None => {
                    let start = shard.start.as_deref().unwrap_or_default();
                    self.range(&shard.prefix, &shard.prefix, start, None)
                }
            };
            range.after.clone_from(&shard.after);
            range.within.clone_from(&range.prefix);
            range.end = shard.end;
            self.ranges.push(range);
        }
    }

    /// The order that explains all names received, once others have ended a listing that insists on
    /// its order
    pub(super) fn explanation(&self) -> Option<NameOrder> {
        self.explanation
    }

    /// Draws what follows from an answer
    fn settle(&mut self) {
        self.use_levels();
        self.join();
        self.hand_out();
    }

    /// Hands out a page
    fn give(&mut self, batch: Batch) {
        self.given += batch.blobs.len() as u64;
        // A plain loop goes on from where it is, and a scan that insists on its order ends.
        if self.is_strict && !self.settings.insists {
            self.handed.note(&batch.blobs);
        }
        self.out.push_back(batch);
    }

    /// Whether all was received and handed out
    pub(super) fn is_done(&self) -> bool {
        let is_checked = !self.pending.iter().any(|wish| matches!(wish, PendingRequest::Check(_)))
            && !self.jobs.values().any(|job| matches!(job, Job::Check(_)));
        self.ranges.is_empty() && self.out.is_empty() && is_checked
    }

    /// The next page for the consumer
    pub(super) fn output(&mut self) -> Option<Batch> {
        self.out.pop_front()
    }

    /// How many pages with blobs wait here
    pub(super) fn held(&self) -> usize {
        let waiting = self.ranges.iter().flat_map(|range| &range.held);
        let waiting = self.out.iter().chain(waiting).filter(|batch| !batch.is_empty());
        waiting.count() + self.early.len()
    }

    /// Lets go of what is done with, and of pages whose turn it is
    fn hand_out(&mut self) {
        while let Some(range) = self.ranges.first_mut() {
            let held = std::mem::take(&mut range.held);
            let is_over = range.has_ended() && range.is_joined;
            held.into_iter().for_each(|batch| self.give(batch));
            if !is_over {
                break;
            }
            let range = self.ranges.remove(0);
            self.note_end(&range);
        }
        // The border before a range is looked at from that side.
        let mut before = true;
        let is_over = |range: &mut Range| {
            let is_over = range.has_ended() && range.is_joined && range.held.is_empty() && before;
            // Across one without names it is looked at what comes behind.
            before = range.is_joined && (before || range.first.is_some());
            is_over
        };
        let over: Vec<_> = self.ranges.extract_if(.., is_over).collect();
        over.iter().for_each(|range| self.note_end(range));
    }

    /// Takes note of what a range has had that is done with
    fn note_end(&mut self, range: &Range) {
        if self.is_strict && !self.settings.is_ascending && !self.settings.insists {
            self.handed.note_range(range);
        }
    }
}
