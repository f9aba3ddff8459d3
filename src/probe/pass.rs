//! One pass over the checks, one check at a time.
//!
//! A [`Pass`] decides which checks run and in which order; `checks` makes them, `infer` interprets
//! them. A wait continues a pass with another one that repeats only what can have changed.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::{
    check::{Check, Outcome},
    checked::Checked,
    checks::Checks,
    facts::Facts,
    health::Health,
    infer,
    plan::Plan,
};
use crate::observe;

/// A pass in progress.
pub(super) struct Pass {
    plan: Arc<Plan>,
    todo: VecDeque<Check>,
    done: Vec<Checked>,
    checks: Checks,
    /// Whether this pass repeats one that failed.
    is_retry: bool,
}

/// A pass that has ended.
pub(super) struct Finished {
    health: Health,
    facts: Facts,
}

impl Finished {
    pub(super) fn health(&self) -> &Health {
        &self.health
    }

    pub(super) fn into_health(self) -> Health {
        self.health
    }

    /// Returns the longest `Retry-After` of the answers.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.facts.retry_after()
    }
}

impl Pass {
    /// Starts a pass over all checks.
    pub(super) fn first(plan: Arc<Plan>) -> Self {
        let mut todo = vec![Check::Names, Check::Dns, Check::Challenge];
        todo.extend(after_network(&plan));
        Self::over(plan, todo, Vec::new(), Facts::default())
    }

    /// Starts a pass over the checks whose answer can have changed since an earlier pass.
    ///
    /// The facts about the network are kept, and everything about access is observed again.
    pub(super) fn again(plan: Arc<Plan>, before: Finished) -> Self {
        // The account was not reached, so even its network may be different now.
        if before.health.failed(Check::Challenge) {
            return Self::first(plan);
        }
        let mut todo = after_network(&plan);
        // CORS rules do not depend on the role, so a preflight that passed still passes.
        todo.retain(|&check| check != Check::Preflight || !before.health.passed(check));
        let is_retry = !before.health.is_ready();
        let done = except(before.health, &todo);
        let facts = before.facts.for_next_pass();
        Self { is_retry, ..Self::over(plan, todo, done, facts) }
    }

    /// Starts a pass that repeats only the list of a pass that succeeded.
    ///
    /// One request over a connection of its own, because connections lead to different front ends.
    pub(super) fn confirm(plan: Arc<Plan>, before: Finished) -> Self {
        // All other results are kept: a confirmation asks only whether access works everywhere.
        let seen = before.health.check(Check::List).cloned();
        let todo = vec![Check::List];
        let done = except(before.health, &todo);
        let checks = Checks::confirming(Arc::clone(&plan), before.facts, seen);
        Self { plan, todo: todo.into(), done, checks, is_retry: false }
    }

    /// `done` has the results of an earlier pass, for checks that are not repeated.
    fn over(plan: Arc<Plan>, todo: Vec<Check>, done: Vec<Checked>, facts: Facts) -> Self {
        let checks = Checks::new(Arc::clone(&plan), facts);
        Self { plan, todo: todo.into(), done, checks, is_retry: false }
    }

    /// Makes the next check, or returns `None` after the last one.
    ///
    /// The result already includes what the facts so far explain. [`finish`](Self::finish) refines
    /// it once more.
    pub(super) async fn step(&mut self) -> Option<Checked> {
        let check = self.todo.pop_front()?;
        let checked = match self.checks.blocked(check) {
            Some(skipped) => skipped,
            // Whether access is too wide matters only once the access that is needed works.
            None if self.is_retry && is_excess(check) && !self.checks.can_list() => {
                let note = "not checked again until the container can be listed";
                Checked::new(check, Outcome::Skipped, note)
            }
            None => self.checks.make(check).await,
        };
        let checked = infer::checked(&self.plan, checked, self.checks.facts());
        let cause = checked.diagnosis.as_ref().map(|diagnosis| diagnosis.cause.as_str());
        observe::checked(checked.check.as_str(), checked.outcome.code(), cause);
        self.done.push(checked.clone());
        Some(checked)
    }

    /// Ends the pass and infers the health from the checks that were made.
    pub(super) fn finish(self) -> Finished {
        let mut facts = self.checks.into_facts();
        facts.end_pass();
        Finished { health: infer::health(&self.plan, self.done, &facts), facts }
    }
}

/// Returns the results of an earlier pass, except those of checks that are repeated.
fn except(health: Health, repeated: &[Check]) -> Vec<Checked> {
    health.checks.into_iter().filter(|done| !repeated.contains(&done.check)).collect()
}

/// Returns the checks that need an account that answers.
fn after_network(plan: &Plan) -> Vec<Check> {
    let mut todo = vec![Check::Token, Check::List, Check::Read];
    // A user delegation key also shows whether the role is on the account or on the container.
    if plan.view_links() || plan.least_privilege() {
        todo.push(Check::DelegationKey);
    }
    if plan.origin().is_some() {
        todo.extend([Check::Preflight, Check::BrowserRead]);
    }
    if plan.least_privilege() {
        // After the checks that are needed, because their answers decide whether these are made.
        todo.extend([Check::OtherList, Check::OtherRead]);
        if !plan.connection().prefix().is_empty() {
            todo.push(Check::OutsidePrefix);
        }
        todo.push(Check::ListContainers);
    }
    todo
}

/// Returns whether a check looks for access to blobs that the connection does not need.
fn is_excess(check: Check) -> bool {
    matches!(check, Check::OtherList | Check::OtherRead | Check::OutsidePrefix)
}
