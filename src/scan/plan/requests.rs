//! The requests of a listing: those under way, by ticket number, and those that wait to be sent.
//!
//! A request for a page of a range is made when it is sent, because ranges change until then. All other
//! requests wait in a queue. Checks and the rest of an answer go first, since ranges wait for them; looks
//! and levels come last.

use std::collections::{HashMap, VecDeque};

use super::{
    folders::Level, gap_check::GapCheck, look::Look, order_proof::OrderProof, settings::Settings,
};
use crate::store::ListRequest;

/// A request to send, with the number under which its answer is taken.
#[derive(Debug)]
pub(in crate::scan) struct Ticket {
    /// The number under which the planner takes the answer.
    pub(in crate::scan) id: u64,
    /// The request, the same for each attempt.
    pub(in crate::scan) request: ListRequest,
}

/// The purpose of a request.
#[derive(Debug)]
pub(super) enum Job {
    /// The next page of a range, by its ID. `has_start` says that the request has a name to start from.
    Page { range: u32, has_start: bool },
    /// Anything else.
    Other(Box<PendingRequest>),
}

/// A request that brings no page of a range.
#[derive(Debug)]
pub(super) enum PendingRequest {
    /// The folders and blobs of one folder.
    Level(Level),
    /// The first name from some name on.
    Look(Look),
    /// Whether a name was missed between two ranges.
    GapCheck(GapCheck),
    /// Whether names ascend after the end of a range.
    OrderProof(OrderProof),
}

impl PendingRequest {
    /// Returns the request to send.
    fn request(&self, settings: &Settings) -> ListRequest {
        match self {
            Self::Level(level) => level.request(settings),
            Self::Look(look) => look.request(),
            Self::GapCheck(check) => check.request(),
            Self::OrderProof(proof) => proof.request(settings),
        }
    }
}

/// All requests of a listing.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// The last number given to a ticket or a check.
    last_number: u64,
    /// The purposes of the requests under way, by ticket.
    under_way: HashMap<u64, Job>,
    /// The requests that wait to be sent, the first one next.
    pending: VecDeque<PendingRequest>,
}

impl Requests {
    /// Returns a new number, for a ticket or for a check that a range waits for.
    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Returns a ticket for a request.
    pub(super) fn send(&mut self, job: Job, request: ListRequest) -> Ticket {
        let id = self.next_number();
        self.under_way.insert(id, job);
        Ticket { id, request }
    }

    /// Returns a ticket for the first pending request.
    pub(super) fn send_pending(&mut self, settings: &Settings) -> Option<Ticket> {
        let pending = self.pending.pop_front()?;
        let request = pending.request(settings);
        Some(self.send(Job::Other(Box::new(pending)), request))
    }

    /// Adds a request before all others.
    ///
    /// For checks that ranges wait for, and for the rest of an answer that has begun.
    pub(super) fn push_first(&mut self, pending: PendingRequest) {
        self.pending.push_front(pending);
    }

    /// Adds a request after all others.
    pub(super) fn push_last(&mut self, pending: PendingRequest) {
        self.pending.push_back(pending);
    }

    /// Returns whether the next pending request is an order proof, which everything else waits for.
    pub(super) fn is_proof_next(&self) -> bool {
        matches!(self.pending.front(), Some(PendingRequest::OrderProof(_)))
    }

    /// Returns whether a gap check is pending or under way.
    pub(super) fn has_gap_check(&self) -> bool {
        let is_check = |pending: &PendingRequest| matches!(pending, PendingRequest::GapCheck(_));
        self.pending.iter().any(is_check)
            || self.under_way.values().any(|job| matches!(job, Job::Other(job) if is_check(job)))
    }

    /// Returns whether an answer is expected.
    pub(super) fn is_any_under_way(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// Returns the purpose of a request under way, or `None` if its answer is no longer needed.
    pub(super) fn job(&self, ticket: u64) -> Option<&Job> {
        self.under_way.get(&ticket)
    }

    /// Ends a request and returns its purpose, or `None` if its answer is no longer needed.
    pub(super) fn finish(&mut self, ticket: u64) -> Option<Job> {
        self.under_way.remove(&ticket)
    }

    /// Returns how many requests were answered, including checks that ranges have waited for.
    ///
    /// The excess over the number of pages is the cost of parallelism.
    pub(super) fn spent(&self) -> f64 {
        self.last_number as f64 - self.under_way.len() as f64
    }

    /// Drops the pending looks, which need a store that supports `start_from`.
    pub(super) fn drop_looks(&mut self) {
        self.pending.retain(|pending| !matches!(pending, PendingRequest::Look(_)));
    }

    /// Drops everything except the pages under way, because the answers mean something else in another
    /// order.
    pub(super) fn keep_pages_only(&mut self) {
        self.pending.clear();
        self.under_way.retain(|_, job| matches!(job, Job::Page { .. }));
    }

    /// Drops all requests. Answers to those under way are ignored.
    pub(super) fn clear(&mut self) {
        self.pending.clear();
        self.under_way.clear();
    }
}
