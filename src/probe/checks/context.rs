//! The context of every check: the plan, the facts, and how to send a request.
//!
//! A check reads the plan, asks the store through these methods, and records facts. It never sees what
//! the other checks do.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::timeout;

use super::super::{
    cause::Cause,
    check::{Check, Outcome},
    checked::Checked,
    diagnosis::{Confidence, Diagnosis},
    evidence::Evidence,
    facts::Facts,
    plan::Plan,
};
use crate::{
    error::{Error, ErrorKind},
    store::{Answer, Question},
};

/// Clocks that differ by less than this are not a cause: tokens and signatures tolerate it.
///
/// Source: Microsoft Learn, "Configurable token lifetimes" (5 min of tolerance).
const TOLERATED_SKEW: Duration = Duration::from_secs(300);

/// The later checks that a failed check makes pointless, and the note that says why.
#[derive(Clone, Copy)]
pub(super) enum Block {
    Nothing,
    /// The checks that need a credential.
    Credential(&'static str),
    Everything(&'static str),
}

/// The context of every check.
pub(super) struct Context {
    plan: Arc<Plan>,
    facts: Facts,
    block: Block,
}

impl Context {
    pub(super) fn new(plan: Arc<Plan>, facts: Facts) -> Self {
        Self { plan, facts, block: Block::Nothing }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(super) fn facts_mut(&mut self) -> &mut Facts {
        &mut self.facts
    }

    pub(super) fn into_facts(self) -> Facts {
        self.facts
    }

    pub(super) fn block(&self) -> Block {
        self.block
    }

    /// Marks later checks as pointless.
    pub(super) fn set_block(&mut self, block: Block) {
        self.block = block;
    }

    /// Asks the store a question. A store that is not an `Inspect` gives an unknown answer.
    pub(super) async fn ask(&self, question: Question) -> (Result<Answer, Error>, Evidence) {
        let Some(store) = self.plan.subject().inspect() else {
            return (Ok(Answer::unknown()), Evidence::default());
        };
        let start = self.now();
        let result = self.within(store.inspect(question)).await;
        let took = self.since(start);
        let evidence = match &result {
            Ok(answer) => Evidence::of_answer(answer, took),
            Err(error) => Evidence::of_error(error, took),
        };
        (result, evidence)
    }

    /// Awaits a request for at most the request timeout.
    pub(super) async fn within<T>(
        &self,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        // Tokio's clock, not the clock of the probe: a manual clock must not stop a real request.
        timeout(self.plan.request_timeout(), request).await.unwrap_or_else(|_| {
            let what = "the request timed out; check the network";
            Err(Error::new(ErrorKind::Timeout, what))
        })
    }

    /// Returns the monotonic time of the probe's clock.
    pub(super) fn now(&self) -> Duration {
        self.plan.clock().elapsed()
    }

    /// Returns the time since an earlier [`now`](Self::now).
    pub(super) fn since(&self, start: Duration) -> Duration {
        self.now().saturating_sub(start)
    }

    /// Returns by how much the clocks of the service and of this machine differ, if that is more than
    /// is tolerated.
    pub(super) fn skew(&self, served: SystemTime) -> Option<Duration> {
        let now = self.plan.clock().time();
        let off = now.duration_since(served).unwrap_or_else(|ahead| ahead.duration());
        (off > TOLERATED_SKEW).then_some(off)
    }

    /// Returns the diagnosis of an error, and records what the error shows beside its cause.
    pub(super) fn diagnose(
        &mut self,
        check: Check,
        error: &Error,
        evidence: &Evidence,
    ) -> Diagnosis {
        // The wait before the next pass respects the longest `Retry-After` of this pass.
        self.facts.raise_retry_after(error.retry_after());
        if let Some(served) = error.served_at() {
            let is_skewed = self.skew(served).is_some();
            self.facts.set_skewed(is_skewed);
        }
        Diagnosis { evidence: evidence.clone(), ..Diagnosis::at(check, error) }
    }

    /// Returns the result of a check that failed with an error.
    ///
    /// Does not block later checks; the check decides that.
    pub(super) fn failed(&mut self, check: Check, error: &Error, evidence: Evidence) -> Checked {
        let diagnosis = self.diagnose(check, error, &evidence);
        Checked::new(check, Outcome::Failed, diagnosis.cause.what())
            .with(evidence)
            .because(diagnosis)
    }
}

/// Returns the result of a check whose answer certainly shows the cause.
pub(super) fn certain(check: Check, outcome: Outcome, cause: Cause, evidence: Evidence) -> Checked {
    let diagnosis = Diagnosis::new(cause, Confidence::Certain, evidence.clone());
    Checked::new(check, outcome, cause.what()).with(evidence).because(diagnosis)
}

/// Returns the result of a check that the store cannot make.
pub(super) fn unsupported(check: Check) -> Checked {
    Checked::new(check, Outcome::Skipped, "not checked: this store cannot answer the question")
}

/// Returns the result of a check that the caller requested and the store cannot make.
pub(super) fn requested_but_unsupported(check: Check) -> Checked {
    certain(check, Outcome::Warned, Cause::NotProbed, Evidence::default())
}

/// Returns whether the service denied the request because a permission is missing.
///
/// Other refusals, such as a firewall, say nothing about roles.
pub(super) fn is_denied(error: &Error) -> bool {
    matches!(Diagnosis::at(Check::List, error).cause, Cause::AccessMissing)
}

/// Returns a name that no container and no blob has.
///
/// 64 random bits, so nobody can create the name in advance to mislead the probe.
pub(super) fn random_name() -> String {
    format!("azure-asset-sync-probe-{:016x}", fastrand::u64(..))
}
