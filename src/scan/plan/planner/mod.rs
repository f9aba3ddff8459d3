//! The planner: which request to send next, and what each answer means.
//!
//! The planner coordinates the owners of the parts: the [partition](super::partition) has the ranges,
//! [discovery](super::discovery) knows where they can be split, [requests](super::requests) keeps what
//! is under way, and the [outbox](super::outbox) holds the pages for the consumer. Answers may arrive in
//! any order.
//!
//! The caller alternates between [`next`](Planner::next), which returns a request to send, and
//! [`take`](Planner::take) or [`failed`](Planner::failed), which accept the answer. After each answer,
//! [`output`](Planner::output) returns the pages that are ready. A page of a range is the main kind of
//! request. All others are optional except for gap checks and order proofs, without which the listing
//! would not be proven complete.
//!
//! [`page`] has the meaning of a page, and [`disorder`] what follows from names that do not ascend.

mod disorder;
mod page;

use super::{
    batch::Batch,
    discovery::Discovery,
    fault::Fault,
    order_state::OrderState,
    outbox::Outbox,
    partition::{Division, Partition},
    range::Range,
    requests::{Job, PendingRequest, Requests, Ticket},
    settings::Settings,
    split::{Choice, Splitter, View},
    start_from::StartFrom,
};
use crate::{
    error::Error,
    observe,
    scan::shard::{Shard, order_of},
    store::{NameOrder, Page},
};

/// Decides which pages of a listing to request, and proves that they are all of it.
#[derive(Debug)]
pub(in crate::scan) struct Planner {
    settings: Settings,
    order: OrderState,
    start_from: StartFrom,
    partition: Partition,
    discovery: Discovery,
    splitter: Splitter,
    requests: Requests,
    outbox: Outbox,
    /// Pages that have arrived before names have shown that they have an order.
    early: Vec<(u64, Page)>,
    /// The number of names received.
    names: u64,
}

impl Planner {
    /// Starts a listing of these shards; `cuts` are names that divide it evenly, if they are known from
    /// an earlier listing.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the shards overlap in every order.
    pub(in crate::scan) fn new(
        shards: Vec<Shard>,
        cuts: Vec<String>,
        settings: Settings,
    ) -> Result<Self, Error> {
        let order = match settings.assumed {
            Some(order) => order,
            None => order_of(&shards)?,
        };
        // A shard of an earlier scan knows the order, which overrules what pages state.
        let is_fixed = settings.assumed.is_some() || shards.iter().any(|s| s.order.is_some());
        let is_whole_prefix = matches!(shards.as_slice(), [shard] if shard.is_whole_prefix());
        // Only a plain loop over one prefix can do without an order.
        let is_strict =
            settings.in_flight > 1 || settings.is_ascending || settings.insists || !is_whole_prefix;
        let has_copies = settings.lists_copies();
        let mut planner = Self {
            order: OrderState::new(order, is_fixed, is_strict, settings.insists, has_copies),
            start_from: match order {
                NameOrder::Bytes | NameOrder::Utf16 => StartFrom::Unknown,
                // How accounts with other orders compare a start is not documented. A prefix works.
                _ => StartFrom::Ignored,
            },
            partition: Partition::new(shards, order),
            discovery: Discovery::new(cuts, settings.in_flight),
            splitter: Splitter::default(),
            requests: Requests::default(),
            outbox: Outbox::new(),
            early: Vec::new(),
            names: 0,
            settings,
        };
        if planner.order.is_unsorted() {
            planner.list_unsorted();
        } else {
            planner.partition.add_shards();
            planner.split_at_known_cuts();
        }
        Ok(planner)
    }

    /// Splits the shards where an earlier listing says that the parts are even.
    fn split_at_known_cuts(&mut self) {
        let order = self.order.current();
        let count = self.partition.ranges().len();
        let parts = self.settings.in_flight / count.max(1);
        for index in (0..count).rev() {
            let range = self.partition.get(index);
            let cuts = range.map(|range| self.discovery.known_cuts(range, parts, order));
            // From the last cut on, so that the index of the first part stays the same.
            for cut in cuts.into_iter().flatten().rev() {
                if self.partition.get(index).is_some_and(|range| range.can_split_at(&cut, order)) {
                    self.partition.split(index, cut);
                }
            }
        }
    }

    /// Returns the next request, if there is one to send.
    ///
    /// `is_last` says that there is room for one page only. If the pages of other ranges wait for those
    /// of the first one, only that range gets the room.
    pub(in crate::scan) fn next(&mut self, is_last: bool) -> Option<Ticket> {
        // In no known order a page follows from the one before, whatever shard it belongs to.
        if self.order.is_unsorted() && self.requests.is_any_under_way() {
            return None;
        }
        // Pages of other ranges wait for the proof, so nothing is more urgent.
        if self.requests.is_proof_next() {
            return self.requests.send_pending(&self.settings);
        }
        if is_last
            && (self.settings.is_ascending || !self.order.is_proven())
            && let Some(first) = self.partition.first_open()
        {
            let is_ready = self.partition.get(first).is_some_and(Range::is_ready);
            return if is_ready { self.request_page(first) } else { None };
        }
        if let Some(index) = self.partition.next_ready(self.settings.is_ascending) {
            return self.request_page(index);
        }
        // Only requests that have no page to fetch look for ways to split.
        if let Some(ticket) = self.requests.send_pending(&self.settings) {
            return Some(ticket);
        }
        match self.split() {
            Some(index) => self.request_page(index),
            // The attempt to split may have requested something else.
            None => self.requests.send_pending(&self.settings),
        }
    }

    /// Splits a range, or requests what would help to; returns the index of the new range.
    ///
    /// Called only if no open range is without a request.
    fn split(&mut self) -> Option<usize> {
        let view = View {
            ranges: self.partition.ranges(),
            discovery: &self.discovery,
            order: self.order.current(),
            start_from: self.start_from,
            settings: &self.settings,
            names: self.names,
            spent: self.requests.spent(),
        };
        match self.splitter.choose(&view) {
            Choice::Split { index, name } => {
                let index = self.partition.split(index, name);
                observe::split(self.partition.ranges().len());
                Some(index)
            }
            Choice::ListFolders { root, dir } => {
                let level = self.discovery.begin_level(&root, &dir);
                self.requests.push_last(PendingRequest::Level(level));
                None
            }
            Choice::Nothing => None,
        }
    }

    /// Requests the next page of a range.
    fn request_page(&mut self, index: usize) -> Option<Ticket> {
        self.partition.begin_request(index, self.start_from);
        let range = self.partition.get(index)?;
        let request = range.request(&self.settings, self.order.current(), self.start_from);
        let job = Job::Page { range: range.id(), has_start: request.start_from.is_some() };
        Some(self.requests.send(job, request))
    }

    /// Takes the answer to a request.
    ///
    /// # Errors
    /// If the listing cannot be right, whatever follows: [`ErrorKind::OutOfOrder`],
    /// [`ErrorKind::RepeatedMarker`] or [`ErrorKind::Config`].
    ///
    /// [`ErrorKind::OutOfOrder`]: crate::ErrorKind::OutOfOrder
    /// [`ErrorKind::RepeatedMarker`]: crate::ErrorKind::RepeatedMarker
    /// [`ErrorKind::Config`]: crate::ErrorKind::Config
    pub(in crate::scan) fn take(&mut self, ticket: u64, page: Page) -> Result<(), Error> {
        // Once a name was received, names are the better evidence.
        if self.order.may_become(page.order)
            && self.names == 0
            && self.partition.check_disjoint(page.order).is_ok()
        {
            self.begin_with(page.order);
        }
        self.take_answer(ticket, page)?;
        self.take_early()
    }

    /// Relies on the order that the first page states, which is another one than was assumed when the
    /// ranges were made.
    fn begin_with(&mut self, order: NameOrder) {
        let is_sorted = self.partition.is_sorted(order);
        self.order.begin_with(order);
        if is_sorted && !order.is_by_segments() {
            return;
        }
        // How such accounts compare a start is not documented. A prefix works.
        self.start_from = StartFrom::Ignored;
        self.requests.drop_looks();
        self.discovery.forget_folders();
        self.partition.restart(order);
    }

    /// Takes the answers whose turn it is now. Each may make others possible.
    fn take_early(&mut self) -> Result<(), Error> {
        while let Some(at) = self.early.iter().position(|(ticket, _)| !self.is_early(*ticket)) {
            let (ticket, page) = self.early.remove(at);
            self.take_answer(ticket, page)?;
        }
        Ok(())
    }

    /// Returns whether an answer must wait until the names of the first range have shown that they have
    /// an order.
    fn is_early(&self, ticket: u64) -> bool {
        let Some(Job::Page { range, .. }) = self.requests.job(ticket) else { return false };
        let index = self.partition.index_of(*range);
        index.is_some_and(|index| !self.partition.may_take(index, &self.order))
    }

    /// Returns whether names have shown that they have an order, or no order is relied on.
    pub(in crate::scan) fn is_proven(&self) -> bool {
        self.order.is_proven()
    }

    /// Takes an answer whose turn it is, and keeps others until then.
    fn take_answer(&mut self, ticket: u64, page: Page) -> Result<(), Error> {
        // INVARIANT: an early page keeps its job, so its range stays busy and requests nothing else.
        if self.is_early(ticket) {
            self.early.push((ticket, page));
            return Ok(());
        }
        let taken = match self.requests.finish(ticket) {
            Some(Job::Page { range, has_start }) => self.take_page(range, has_start, page),
            Some(Job::Other(request)) => self.take_other(*request, page),
            None => Ok(()),
        };
        match taken {
            Ok(()) => {}
            Err(Fault::Disorder { first, second }) => self.contradicted(&first, &second)?,
            Err(Fault::Error(error)) => return Err(error),
        }
        self.settle();
        Ok(())
    }

    /// Takes an answer that is not a page of a range.
    fn take_other(&mut self, request: PendingRequest, page: Page) -> Result<(), Fault> {
        let (settings, requests) = (&self.settings, &mut self.requests);
        match request {
            PendingRequest::Level(level) => {
                self.discovery.take_level(level, page, self.start_from, settings, requests);
            }
            PendingRequest::Look(look) => {
                let known = (self.order.current(), self.start_from);
                match self.discovery.take_look(look, &page, known, settings, requests) {
                    StartFrom::Ignored => self.ignore_start_from(),
                    start_from => self.start_from = start_from,
                }
            }
            PendingRequest::GapCheck(check) => {
                let (range, number) = (check.range(), check.number());
                // The range may have been reopened or removed since the check was requested.
                if self.partition.awaiting(range, number).is_none() {
                    return Ok(());
                }
                match check.take(&page, &self.order, settings)? {
                    Some(check) => requests.push_first(PendingRequest::GapCheck(check)),
                    None => {
                        self.partition.awaiting(range, number).into_iter().for_each(Range::join)
                    }
                }
            }
            PendingRequest::OrderProof(proof) => {
                let (range, number) = (proof.range(), proof.number());
                match proof.take(&page, self.partition.by_id(range), &mut self.order)? {
                    Some(proof) => requests.push_first(PendingRequest::OrderProof(proof)),
                    None => {
                        let waiting = self.partition.awaiting(range, number);
                        waiting.into_iter().for_each(Range::forget_check);
                    }
                }
            }
        }
        Ok(())
    }

    /// Records that a request has failed for good, or was refused as malformed; returns whether the
    /// listing can continue without the answer.
    ///
    /// # Errors
    /// Those of [`take`](Self::take).
    pub(in crate::scan) fn failed(&mut self, ticket: u64, is_refusal: bool) -> Result<bool, Error> {
        let continues = self.can_do_without(ticket, is_refusal);
        self.settle();
        self.take_early()?;
        Ok(continues)
    }

    /// Ends a request that has failed; returns whether the listing can continue.
    fn can_do_without(&mut self, ticket: u64, is_refusal: bool) -> bool {
        match self.requests.job(ticket) {
            None => true,
            Some(Job::Page { range, has_start }) => {
                let (id, has_start) = (*range, *has_start);
                self.can_do_without_page(ticket, id, is_refusal && has_start)
            }
            Some(Job::Other(request)) => match **request {
                PendingRequest::Look(_) => {
                    self.requests.finish(ticket);
                    if is_refusal || self.start_from == StartFrom::Unknown {
                        self.ignore_start_from();
                    }
                    true
                }
                // If the store has a problem that matters, pages will fail as well.
                PendingRequest::Level(_) => self.requests.finish(ticket).is_some(),
                PendingRequest::GapCheck(_) | PendingRequest::OrderProof(_) => false,
            },
        }
    }

    /// Returns whether the listing can continue without a page. `is_start_refused` says that the store
    /// may have refused the name to start from.
    fn can_do_without_page(&mut self, ticket: u64, id: u32, is_start_refused: bool) -> bool {
        if let Some(index) = self.partition.index_of(id) {
            if !is_start_refused {
                return false;
            }
            self.drop_page(index, id);
        }
        self.requests.finish(ticket);
        true
    }

    /// Lists a range from the start of its prefix, because the store does not start where it should.
    ///
    /// Its names become part of the range before, unless that has another prefix or shard.
    fn drop_page(&mut self, index: usize, id: u32) {
        if let Some(range) = self.partition.get_mut(index) {
            range.cancel_request();
        }
        self.ignore_start_from();
        if let Some(index) = self.partition.index_of(id) {
            self.partition.merge_into_previous(index);
        }
    }

    /// Uses only prefixes from now on, because the store does not start where it should.
    ///
    /// Ranges that have begun are right, since each has begun with the name that it has received first.
    /// Those that have not begun are merged into the ones before.
    fn ignore_start_from(&mut self) {
        if self.start_from != StartFrom::Ignored {
            self.start_from = StartFrom::Ignored;
            self.requests.drop_looks();
            self.partition.merge_unstarted(self.order.current());
        }
    }

    /// Draws the conclusions from an answer: divides ranges, joins them, and hands out what is ready.
    ///
    /// Must follow every change to a range, or the listing could stop before its end.
    fn settle(&mut self) {
        self.use_levels();
        self.partition.join(&self.order, self.start_from, &self.settings, &mut self.requests);
        // Ranges that were joined just now may be finished.
        let (batches, finished) = self.partition.take_finished();
        batches.into_iter().for_each(|batch| self.outbox.give(batch, &self.order));
        if self.order.needs_memory() && !self.settings.is_ascending {
            finished.iter().for_each(|range| self.outbox.note_range(range));
        }
    }

    /// Uses the levels that were listed, once it is known how.
    ///
    /// If the store can start from names, folders are marks. Otherwise ranges are divided by folders.
    fn use_levels(&mut self) {
        if self.start_from == StartFrom::Unknown || !self.order.is_proven() {
            return;
        }
        for level in self.discovery.take_waiting() {
            // Folders are good names to split at. Without `start_from` they are prefixes to list.
            self.discovery.mark(level.folders().iter().cloned());
            if self.start_from == StartFrom::Supported {
                continue;
            }
            let (order, outbox) = (&self.order, &self.outbox);
            match self.partition.divide_by_folder(level, order, outbox, &self.settings) {
                Division::Postponed(level) => self.discovery.postpone(level),
                Division::Useless => {}
                Division::Divided { names, batches } => {
                    self.names += names;
                    batches.into_iter().for_each(|batch| self.outbox.give(batch, &self.order));
                }
            }
        }
    }

    /// Returns whether everything was received and handed out.
    ///
    /// Requests that only look for ways to split may still be under way; their answers do not matter.
    pub(in crate::scan) fn is_done(&self) -> bool {
        self.partition.is_empty() && self.outbox.is_empty() && !self.requests.has_gap_check()
    }

    /// Returns the next page for the consumer.
    pub(in crate::scan) fn output(&mut self) -> Option<Batch> {
        self.outbox.pop()
    }

    /// Returns how many pages with entries wait here, which counts against the memory of the scan.
    pub(in crate::scan) fn held(&self) -> usize {
        let waiting = self.outbox.batches().chain(self.partition.held());
        waiting.filter(|batch| !batch.is_empty()).count() + self.early.len()
    }

    /// Returns the order that explains all names, after names have ended a listing that insists on its
    /// order.
    pub(in crate::scan) fn explanation(&self) -> Option<NameOrder> {
        self.order.explanation()
    }
}
