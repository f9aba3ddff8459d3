//! Decides after each pass whether to go on, and when the next pass starts.
//!
//! A state machine over times and causes: it sends no request and does not sleep.

use std::{collections::BTreeMap, time::Duration};

use super::{
    super::{
        cause::Cause,
        class::{PropagationTime, Retry},
        diagnosis::{Confidence, Diagnosis},
        infer::can_resolve,
    },
    event::{EndReason, Retrying, Tier},
    options::WaitOptions,
};

/// The longest `Retry-After` of a service that is followed.
///
/// Without a limit, one wrong header would use up the whole deadline.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);

/// The time between two successes in a row.
const CONFIRM_INTERVAL: Duration = Duration::from_secs(1);

/// After this many passes in a row, a cause is no chance difference between front ends.
const STEADY_PASSES: u32 = 3;

/// The decision after a pass.
pub(super) enum Decision {
    Retrying(Retrying),
    Ended(EndReason),
}

/// Counts passes, successes and causes of one wait.
///
/// INVARIANT: `successes` is the number of successful passes since the last failure that was not
/// transient.
pub(super) struct Schedule {
    options: WaitOptions,
    /// When the wait started, in the monotonic time of the probe's clock.
    start: Duration,
    attempts: u32,
    /// How many passes in a row have succeeded.
    successes: u32,
    has_failed: bool,
    has_succeeded: bool,
    /// The longest run of successes that a failure ended.
    longest_broken_run: u32,
    /// The cause of the last pass, and how many passes in a row had this cause.
    last: (Option<Cause>, u32),
    /// When each cause was first seen, since the start.
    first_seen: BTreeMap<Cause, Duration>,
    delays: Box<dyn Iterator<Item = Duration> + Send>,
}

impl Schedule {
    /// Starts at this monotonic time.
    pub(super) fn new(start: Duration, options: WaitOptions) -> Self {
        Self {
            start,
            attempts: 0,
            successes: 0,
            has_failed: false,
            has_succeeded: false,
            longest_broken_run: 0,
            last: (None, 0),
            first_seen: BTreeMap::new(),
            delays: options.delays(),
            options,
        }
    }

    /// Returns the number of passes so far.
    pub(super) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Returns the time since the start.
    pub(super) fn elapsed(&self, now: Duration) -> Duration {
        now.saturating_sub(self.start)
    }

    /// Decides what follows a pass that ended now.
    ///
    /// `age` is the age of the grant, `diagnosis` is `None` if the pass succeeded, `optional` has the
    /// diagnoses of optional checks that failed, and `retry_after` is the longest `Retry-After` of its
    /// answers.
    pub(super) fn decide(
        &mut self,
        now: Duration,
        age: Duration,
        mut diagnosis: Option<Diagnosis>,
        optional: Vec<Diagnosis>,
        retry_after: Option<Duration>,
    ) -> Decision {
        self.attempts += 1;
        let elapsed = self.elapsed(now);
        let left = self.options.left(elapsed);
        let mut cause = diagnosis.as_ref().map(|diagnosis| diagnosis.cause);
        // Counts passes in a row, so any other cause starts again at 1.
        self.last = (cause, if self.last.0 == cause { self.last.1 + 1 } else { 1 });
        let mut waited = age;
        let next_in = match cause {
            None => {
                let needed = self.needed(age);
                self.successes += 1;
                self.has_succeeded = true;
                if self.successes < needed {
                    CONFIRM_INTERVAL
                } else {
                    // A scan can start. Whatever else is awaited does not outlast the deadline.
                    let awaited =
                        optional.into_iter().find(|found| self.awaits(found, elapsed, age));
                    let Some(awaited) = awaited.filter(|_| !left.is_zero()) else {
                        return Decision::Ended(EndReason::Connected);
                    };
                    cause = Some(awaited.cause);
                    diagnosis = Some(awaited);
                    self.delays.next().unwrap_or_default()
                }
            }
            Some(cause) => {
                self.count_failure(cause, elapsed);
                // The grant is what a role is waited for. A CORS rule or a service principal can be
                // newer than the grant, so its age counts from when it was first missed.
                let first = self.first_seen.get(&cause).copied().unwrap_or(elapsed);
                if cause.propagation_time().is_some_and(|time| time != PropagationTime::ROLE) {
                    waited = elapsed.saturating_sub(first);
                }
                if !self.may_resolve(cause, waited) {
                    return Decision::Ended(EndReason::Permanent);
                }
                let requested = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
                self.delays.next().unwrap_or_default().max(requested)
            }
        };
        // After the decision above: the last pass may still succeed or find a permanent cause.
        if left.is_zero() {
            return Decision::Ended(match cause {
                None => EndReason::Unconfirmed,
                Some(_) => EndReason::Deadline,
            });
        }
        let time = cause.and_then(Cause::propagation_time).unwrap_or(PropagationTime::ROLE);
        Decision::Retrying(Retrying {
            attempt: self.attempts,
            diagnosis: diagnosis.map(|diagnosis| self.while_propagating(diagnosis)),
            successes: self.successes,
            needed: self.needed(age),
            // The last pass starts at the deadline, not after it.
            next_in: next_in.min(left),
            left,
            tier: Tier::of(waited, time),
        })
    }

    /// Returns whether the wait goes on for an optional check, although a scan can start.
    fn awaits(&mut self, optional: &Diagnosis, elapsed: Duration, age: Duration) -> bool {
        let cause = optional.cause;
        let first = *self.first_seen.entry(cause).or_insert(elapsed);
        // As for a required check: a rule can be newer than the grant.
        let is_role = cause.propagation_time() == Some(PropagationTime::ROLE);
        let waited = if is_role { age } else { elapsed.saturating_sub(first) };
        self.options.awaits_optional() && self.may_resolve(cause, waited)
    }

    /// Counts a pass that failed.
    fn count_failure(&mut self, cause: Cause, elapsed: Duration) {
        // The assignment has started to take effect, so short delays are worthwhile again.
        if self.successes > 0 {
            self.delays = self.options.delays();
        }
        // A throttled or lost request says nothing about what is allowed.
        if cause.retry() != Retry::Transient {
            self.longest_broken_run = self.longest_broken_run.max(self.successes);
            self.successes = 0;
        }
        self.has_failed = true;
        self.first_seen.entry(cause).or_insert(elapsed);
    }

    /// Returns how many successes in a row are required, for a grant of this age.
    fn needed(&self, age: Duration) -> u32 {
        let requested = self.options.needed();
        match self.longest_broken_run {
            0 if !self.has_failed && age >= PropagationTime::ROLE.worst => 1,
            0 => requested,
            // Front ends disagree, and as many successes as last time can miss the same one again.
            run => requested.saturating_mul(2).max(run.saturating_mul(3)),
        }
    }

    /// Returns whether the cause can pass without a change.
    fn may_resolve(&self, cause: Cause, waited: Duration) -> bool {
        match cause {
            // Each pass gets a new token, so a second expired token in a row is no coincidence.
            Cause::TokenExpired => self.last.1 < 2,
            // Both are inferred, and a single answer that fails by chance is enough for that.
            Cause::PrivateEndpoint | Cause::ClockSkew => self.last.1 < STEADY_PASSES,
            _ => can_resolve(cause, waited),
        }
    }

    /// Returns the diagnosis to report while the wait goes on.
    ///
    /// Front ends that disagree look like a wrong condition. Until the cause is steady, the remedy is
    /// to wait, not to change the condition.
    fn while_propagating(&self, diagnosis: Diagnosis) -> Diagnosis {
        let is_partly = match diagnosis.cause {
            Cause::AccessMissing => self.has_succeeded,
            cause => cause.is_mixed() && (self.last.1 < STEADY_PASSES || self.has_succeeded),
        };
        if !is_partly {
            return diagnosis;
        }
        let confidence = Confidence::Likely;
        Diagnosis { cause: Cause::PartlyInEffect, confidence, command: None, ..diagnosis }
    }
}
