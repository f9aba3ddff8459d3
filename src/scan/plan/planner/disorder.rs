//! Continues a listing whose names contradict the order that the scan relies on.
//!
//! - If all names ascend in another known order, the scan continues in that order.
//! - If they ascend in none, the scan lists one page after the other from the start, and leaves out what
//!   it has handed out before.
//! - If the scan insists on its order, as that of a job, it ends. The job then lists again.

use super::Planner;
use crate::{
    error::{Error, ErrorKind},
    observe,
    scan::plan::{partition::Continuation, start_from::StartFrom},
    store::NameOrder,
};

impl Planner {
    /// Continues in another order, because the service listed the first name before the second.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfOrder`] if the scan insists on the order, or cannot tell any more what was
    /// handed out; [`ErrorKind::Config`] if the shards overlap in the other order.
    pub(super) fn contradicted(&mut self, first: &str, second: &str) -> Result<(), Error> {
        // The two names may come from a check, which has not excluded any order yet.
        self.order.observe(first, second);
        let alternative = self.order.alternative();
        if self.order.ends_listing(alternative) {
            return Err(disorder(first, second, "run again to use another order"));
        }
        observe::order_changed(alternative.code());
        match alternative {
            NameOrder::Unsorted => self.give_up_order(first, second),
            order => self.change_to(order),
        }
    }

    /// Continues in another order, in which all names so far ascend.
    fn change_to(&mut self, order: NameOrder) -> Result<(), Error> {
        self.partition.check_disjoint(order)?;
        self.order.change_to(order);
        self.requests.keep_pages_only();
        // A level was listed in the former order; its place among the ranges is another one now.
        self.discovery.drop_waiting();
        self.partition.rearrange(order);
        let remaining = self.partition.remaining(order, self.settings.lists_copies());
        self.outbox.restate(remaining, order);
        Ok(())
    }

    /// Lists page after page from now on, because names ascend in no known order.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfOrder`] if the scan cannot tell any more what was handed out.
    fn give_up_order(&mut self, first: &str, second: &str) -> Result<(), Error> {
        self.partition.check_disjoint(NameOrder::Unsorted)?;
        let remembers_all = self.outbox.handed().is_complete();
        let (blobs, is_ascending) = (self.outbox.blobs(), self.settings.is_ascending);
        match self.partition.continuation(blobs, is_ascending, remembers_all) {
            Some(Continuation::AfterFirst) => {
                self.partition.keep_first(self.settings.lists_copies());
                self.outbox.forget_handed();
            }
            Some(Continuation::FromStart) => {
                self.outbox.skip_handed(self.partition.ranges());
                self.partition.clear();
            }
            None => {
                let advice = "names are in no known order, and too many were handed out to continue page by page; scan again without shards and with `in_flight(1)`";
                return Err(disorder(first, second, advice));
            }
        }
        // Answers to requests under way belong to ranges that no longer exist.
        self.requests.clear();
        self.discovery.drop_waiting();
        self.list_unsorted();
        Ok(())
    }

    /// Lists each shard from the start of its prefix, one page after the other, except for one that is
    /// being listed that way already.
    pub(super) fn list_unsorted(&mut self) {
        self.order.give_up();
        // In no known order, the store cannot start from a name.
        self.start_from = StartFrom::Ignored;
        // Each page follows from the one before.
        (self.settings.in_flight, self.settings.is_ascending) = (1, false);
        self.discovery.forget_marks();
        let remaining = self.partition.list_unsorted();
        self.outbox.restate(remaining, NameOrder::Unsorted);
    }
}

/// Names the two blobs that contradict the order, with advice.
#[cold]
fn disorder(first: &str, second: &str, advice: &str) -> Error {
    Error::new(
        ErrorKind::OutOfOrder,
        format!(
            "the service listed `{}` before `{}`, which contradicts the order of names; {advice}",
            first.escape_debug(),
            second.escape_debug()
        ),
    )
}
