//! One pass over the checks, a check at a time.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::timeout;

use super::{
    Check, Checked, Diagnosis, Evidence, Health, Outcome, Plan, Subject, checks::unanswered, infer,
    privilege::Allowed,
};
use crate::{
    error::{Error, ErrorKind},
    store::{
        Answer, Blob, Inspect, Question, Store,
        inspect::{Challenge, Identity},
    },
};

/// Clocks that differ by less are no cause: tokens and signatures leave that much room
///
/// Source: Microsoft Learn, "Configurable token lifetimes" (five minutes of tolerance).
const TOLERATED_SKEW: Duration = Duration::from_secs(300);

/// What the answers told, beside passed and failed
#[derive(Clone, Default)]
pub(super) struct Facts {
    pub(super) allowed: Allowed,
    /// What any pass of the wait was allowed, once the container could be listed
    pub(super) ever_allowed: Allowed,
    pub(super) identity: Option<Identity>,
    pub(super) challenge: Option<Challenge>,
    /// Whether the account belongs to another tenant than the connection names
    pub(super) other_tenant: bool,
    /// Whether anybody may list the container; `None` where the account did not tell
    pub(super) public: Option<bool>,
    /// Whether this machine's clock is off by more than is tolerated
    pub(super) skewed: bool,
    /// Whether all addresses of the host are private ones
    pub(super) private: bool,
    /// How long the services asked to wait
    pub(super) retry_after: Option<Duration>,
    /// A blob to read, where the list had one that can be
    pub(super) blob: Option<Blob>,
    /// Whether the store can read as a browser does
    pub(super) asked_as_browser: bool,
    /// What the read told a browser
    pub(super) browser: Option<Answer>,
}

pub(super) struct Pass {
    pub(super) plan: Arc<Plan>,
    todo: VecDeque<Check>,
    done: Vec<Checked>,
    pub(super) facts: Facts,
    pub(super) block: Block,
    /// Whether a pass that failed was made before it
    again: bool,
    /// The list of the pass that this one confirms
    pub(super) confirms: Option<Checked>,
}

/// What of the rest cannot be asked, and why
pub(super) enum Block {
    Nothing,
    /// What needs the credential
    Credential(&'static str),
    Everything(&'static str),
}

/// A pass that is over
pub(super) struct Finished {
    pub(super) health: Health,
    pub(super) facts: Facts,
}

impl Pass {
    /// A pass over everything
    pub(super) fn first(plan: Arc<Plan>) -> Self {
        let mut todo = vec![Check::Names, Check::Dns, Check::Challenge];
        todo.extend(after_network(&plan));
        Self::over(plan, todo, Vec::new(), Facts::default())
    }

    /// A pass over what can have changed since one that failed
    pub(super) fn again(plan: Arc<Plan>, before: Finished) -> Self {
        if before.health.failed(Check::Challenge) {
            return Self::first(plan);
        }
        let mut todo = after_network(&plan);
        // The rule for browsers is none of the role's.
        todo.retain(|&check| check != Check::Preflight || !before.health.passed(check));
        let again = !before.health.is_ready();
        Self { again, ..Self::resume(plan, todo, before) }
    }

    /// A pass over the list alone, since one that was good
    pub(super) fn confirm(plan: Arc<Plan>, before: Finished) -> Self {
        let confirms = before.health.check(Check::List).cloned();
        let done = before.health.checks.into_iter().filter(|done| done.check != Check::List);
        let done = done.collect();
        let facts = before.facts;
        Self { confirms, ..Self::over(plan, vec![Check::List], done, facts) }
    }

    /// A pass over some checks, with what an earlier one told of the others
    fn resume(plan: Arc<Plan>, todo: Vec<Check>, before: Finished) -> Self {
        let facts = Facts {
            ever_allowed: before.facts.ever_allowed,
            challenge: before.facts.challenge,
            other_tenant: before.facts.other_tenant,
            public: before.facts.public,
            skewed: before.facts.skewed,
            private: before.facts.private,
            ..Facts::default()
        };
        let done = before.health.checks.into_iter().filter(|done| !todo.contains(&done.check));
        let done = done.collect();
        Self::over(plan, todo, done, facts)
    }

    fn over(plan: Arc<Plan>, todo: Vec<Check>, done: Vec<Checked>, facts: Facts) -> Self {
        let (again, confirms, block) = (false, None, Block::Nothing);
        Self { plan, todo: todo.into(), done, facts, block, again, confirms }
    }

    /// Makes the next check; `None` once all are made
    pub(super) async fn step(&mut self) -> Option<Checked> {
        let check = self.todo.pop_front()?;
        let checked = match self.block {
            Block::Everything(why) => Checked::new(check, Outcome::Skipped, why),
            Block::Credential(why) if needs_credential(check) => {
                Checked::new(check, Outcome::Skipped, why)
            }
            // What a role must not allow is asked again once it allows what it must.
            Block::Nothing
                if self.again
                    && self.facts.allowed.list != Some(true)
                    && matches!(
                        check,
                        Check::OtherList | Check::OtherRead | Check::OutsidePrefix
                    ) =>
            {
                Checked::new(check, Outcome::Skipped, "not before the container can be listed")
            }
            _ => self.make(check).await,
        };
        let checked = infer::checked(&self.plan, checked, &self.facts);
        self.done.push(checked.clone());
        Some(checked)
    }

    /// What follows from the checks that were made
    pub(super) fn finish(self) -> Finished {
        let Self { plan, done, mut facts, .. } = self;
        if facts.allowed.list == Some(true) {
            facts.ever_allowed = facts.ever_allowed.or(facts.allowed);
        }
        Finished { health: infer::health(&plan, done, &facts), facts }
    }

    async fn make(&mut self, check: Check) -> Checked {
        match check {
            Check::Names => self.names(),
            Check::Dns => self.dns().await,
            Check::Challenge => self.challenge().await,
            Check::Token => self.token().await,
            Check::List => self.list().await,
            Check::Read => self.read().await,
            Check::DelegationKey => self.delegation_key().await,
            Check::Preflight => self.preflight().await,
            Check::BrowserRead => self.browser_read(),
            Check::OtherList | Check::OtherRead | Check::OutsidePrefix | Check::ListContainers => {
                self.least_privilege(check).await
            }
            Check::Unknown => unanswered(check),
        }
    }

    pub(super) fn diagnose(
        &mut self,
        check: Check,
        error: &Error,
        evidence: &Evidence,
    ) -> Diagnosis {
        self.facts.retry_after = self.facts.retry_after.max(error.retry_after());
        if let Some(served) = error.served_at() {
            self.facts.skewed = self.skew(served).is_some();
        }
        Diagnosis { evidence: evidence.clone(), ..Diagnosis::at(check, error) }
    }

    pub(super) fn failed(&mut self, check: Check, error: &Error, evidence: Evidence) -> Checked {
        let diagnosis = self.diagnose(check, error, &evidence);
        Checked::new(check, Outcome::Failed, diagnosis.cause.what())
            .with(evidence)
            .because(diagnosis)
    }

    pub(super) async fn ask(&self, question: Question) -> (Result<Answer, Error>, Evidence) {
        let Subject::Inspected(store) = &self.plan.store else {
            return (Ok(Answer::unknown()), Evidence::default());
        };
        let start = self.plan.clock.elapsed();
        let result = self.within(store.inspect(question)).await;
        let took = self.since(start);
        let evidence = match &result {
            Ok(answer) => Evidence::of_answer(answer, took),
            Err(error) => Evidence::of_error(error, took),
        };
        (result, evidence)
    }

    pub(super) async fn within<T>(
        &self,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        timeout(self.plan.request_timeout, request).await.unwrap_or_else(|_| {
            let what = "no answer within the time for a request; check the network";
            Err(Error::new(ErrorKind::Timeout, what))
        })
    }

    pub(super) fn since(&self, start: Duration) -> Duration {
        self.plan.clock.elapsed().saturating_sub(start)
    }

    /// By how much the clocks differ, where that is more than is tolerated
    pub(super) fn skew(&self, served: SystemTime) -> Option<Duration> {
        let now = self.plan.clock.time();
        let off = now.duration_since(served).unwrap_or_else(|behind| behind.duration());
        (off > TOLERATED_SKEW).then_some(off)
    }
}

/// The checks that need more than an account that answers
fn after_network(plan: &Plan) -> Vec<Check> {
    let mut todo = vec![Check::Token, Check::List, Check::Read];
    if plan.view_links || plan.least_privilege {
        todo.push(Check::DelegationKey);
    }
    if plan.origin.is_some() {
        todo.extend([Check::Preflight, Check::BrowserRead]);
    }
    if plan.least_privilege {
        todo.extend([Check::OtherList, Check::OtherRead]);
        if !plan.connection.prefix().is_empty() {
            todo.push(Check::OutsidePrefix);
        }
        todo.push(Check::ListContainers);
    }
    todo
}

fn needs_credential(check: Check) -> bool {
    !matches!(check, Check::Preflight | Check::Names | Check::Dns | Check::Challenge)
}

impl Subject {
    pub(super) fn store(&self) -> &dyn Store {
        match self {
            Self::Plain(store) => store,
            Self::Inspected(store) => store,
        }
    }
}
