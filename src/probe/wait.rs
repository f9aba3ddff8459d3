//! Waiting for a change to take effect.

use std::{
    collections::BTreeMap,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::{
    Stream, StreamExt as _,
    stream::{self, BoxStream, FusedStream},
};
use serde::{Deserialize, Serialize};

use super::{
    Cause, Checked, Confidence, Diagnosis, Health, Outlook, Plan, PropagationTime, Retry,
    health::in_minutes,
    infer::{can_resolve, is_mixed},
    pass::{Finished, Pass},
};
use crate::{backoff::Backoff, clock::Clock as _};

/// The longest that a service's `Retry-After` is followed
const MOST_RETRY_AFTER: Duration = Duration::from_secs(120);

/// The time between two successes in a row
const CONFIRM_INTERVAL: Duration = Duration::from_secs(1);

/// What is seen in so many passes in a row is no passing state of front ends
const STEADY_PASSES: u32 = 3;

/// How long to wait, and what for
///
/// Two clocks rule: this deadline, and the time since the grant
/// ([`Probe::granted`](super::Probe::granted)), after which a missing permission is no longer a
/// matter of patience.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct WaitOptions {
    deadline: Duration,
    successes: u32,
    backoff: Backoff,
}

impl WaitOptions {
    /// Waits at most so long; the last pass begins no later than that
    ///
    /// Azure documents 10 minutes for a role assignment.
    pub fn new(deadline: Duration) -> Self {
        Self {
            deadline,
            successes: 20,
            backoff: Backoff::new(Duration::from_secs(4), Duration::from_secs(30)),
        }
    }

    /// How many successes in a row make a connection; 20 by default, a second apart, at least 1
    ///
    /// A failure that passes by itself, such as a throttled request, does not break the row.
    /// Front ends learn of an assignment one after the other, so one success proves little. Each
    /// list goes over a connection of its own, which leads to any of them: where one of `n` has not
    /// learned of it yet, a row of `k` misses that with a chance of `(1 - 1/n)^k`. Once a row was
    /// broken it takes twice as many, and three times the longest that was broken. After the
    /// longest time that an assignment takes, one is enough, unless another pass failed.
    pub fn successes(mut self, successes: u32) -> Self {
        self.successes = successes.max(1);
        self
    }

    /// How long to wait between passes that fail; by default from 4 up to 30 seconds
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }
}

/// Something that happens while waiting
///
/// In JSON an object with its name in `event`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum WaitEvent {
    /// A check was made
    Checked(Checked),
    /// A pass is over, and another follows
    Retrying(Retrying),
    /// It is over; the last event
    Ended(Box<WaitOutcome>),
}

/// A pass is over, and another follows
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Retrying {
    /// The number of the pass, from 1
    pub attempt: u32,
    /// What is wrong; `None` where it succeeded, and is tried again to be sure
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<Diagnosis>,
    /// How many passes in a row have succeeded
    pub successes: u32,
    /// How many must
    pub needed: u32,
    /// When the next pass begins, from now; in JSON in milliseconds
    #[serde(rename = "next_in_ms", with = "super::check::millis")]
    pub next_in: Duration,
    /// How much time the deadline leaves; in JSON in milliseconds
    #[serde(rename = "left_ms", with = "super::check::millis")]
    pub left: Duration,
    /// How long the grant has had to take effect, as such things go
    pub tier: Tier,
}

impl fmt::Display for Retrying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt {}: ", self.attempt)?;
        match &self.diagnosis {
            Some(diagnosis) => write!(f, "{} [{}]", diagnosis.cause.what(), diagnosis.cause)?,
            None => write!(f, "works, {} of {} times in a row", self.successes, self.needed)?,
        }
        write!(f, "; {}", self.tier.title())?;
        write!(
            f,
            "; next try in {:.1} s, {} left",
            self.next_in.as_secs_f64(),
            in_minutes(self.left)
        )
    }
}

/// How long a grant has had to take effect, against what is usual
///
/// Deliberately complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Within the usual time
    Usual,
    /// Longer than usual, within what is documented
    Documented,
    /// Longer than documented, within the worst that was seen
    Worst,
    /// Longer than that: it will not take effect any more
    Beyond,
}

impl Tier {
    fn of(age: Duration, spread: PropagationTime) -> Self {
        match age {
            age if age < spread.usual => Self::Usual,
            age if age < spread.documented => Self::Documented,
            age if age < spread.worst => Self::Worst,
            _ => Self::Beyond,
        }
    }

    /// What it means, in words
    pub fn title(self) -> &'static str {
        match self {
            Self::Usual => "this is within the usual time",
            Self::Documented => "this takes longer than usual",
            Self::Worst => "this takes longer than documented",
            Self::Beyond => "a change would have taken effect by now",
        }
    }
}

/// How a wait ended
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WaitOutcome {
    /// Why it ended
    pub reason: EndReason,
    /// What the last pass found
    pub health: Health,
    /// How many passes there were
    pub attempts: u32,
    /// How long it took; in JSON in milliseconds
    #[serde(rename = "elapsed_ms", with = "super::check::millis")]
    pub elapsed: Duration,
}

impl WaitOutcome {
    /// Whether the connection works, and is sure to
    pub fn is_connected(&self) -> bool {
        self.reason == EndReason::Connected
    }
}

/// Why a wait ended
///
/// Deliberately complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// It worked, as often in a row as was asked for
    Connected,
    /// What is wrong does not heal by itself
    Permanent,
    /// The deadline passed, and it may yet heal
    Deadline,
    /// The deadline passed while it worked, and before that was sure to last
    Unconfirmed,
}

/// The passes of a probe, as a stream of events; the last is [`WaitEvent::Ended`]
///
/// Made by [`Probe::wait`](super::Probe::wait). Dropping it cancels whatever goes on, at once.
pub struct Wait {
    events: stream::Fuse<BoxStream<'static, WaitEvent>>,
}

impl Wait {
    pub(super) fn new(plan: Arc<Plan>, options: WaitOptions) -> Self {
        let events = stream::unfold(Stage::Planned(plan, options), |stage| async move {
            let state = match stage {
                // The time runs from the first poll on.
                Stage::Planned(plan, options) => State::new(plan, options),
                Stage::Running(state) => *state,
                Stage::Over => return None,
            };
            Some(state.next().await)
        });
        Self { events: events.boxed().fuse() }
    }

    /// Waits for the end, without looking at the events; `None` where the end was seen before
    pub async fn ended(mut self) -> Option<WaitOutcome> {
        while let Some(event) = self.next().await {
            if let WaitEvent::Ended(ended) = event {
                return Some(*ended);
            }
        }
        None
    }
}

impl Stream for Wait {
    type Item = WaitEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<WaitEvent>> {
        self.events.poll_next_unpin(cx)
    }
}

impl FusedStream for Wait {
    fn is_terminated(&self) -> bool {
        self.events.is_terminated()
    }
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").finish_non_exhaustive()
    }
}

enum Stage {
    Planned(Arc<Plan>, WaitOptions),
    Running(Box<State>),
    Over,
}

struct State {
    plan: Arc<Plan>,
    schedule: Schedule,
    /// The pass that goes on
    pass: Pass,
}

impl State {
    fn new(plan: Arc<Plan>, options: WaitOptions) -> Self {
        let schedule = Schedule::new(plan.clock.elapsed(), options);
        Self { pass: Pass::first(Arc::clone(&plan)), plan, schedule }
    }

    async fn next(mut self) -> (WaitEvent, Stage) {
        if let Some(pause) = self.schedule.pause.take() {
            self.plan.clock.sleep(pause).await;
        }
        if let Some(checked) = self.pass.step().await {
            return (WaitEvent::Checked(checked), Stage::Running(Box::new(self)));
        }
        let Self { plan, mut schedule, pass } = self;
        let mut finished = pass.finish();
        let now = plan.clock.elapsed();
        let age = plan.granted.map_or_else(|| schedule.elapsed(now), |_| plan.age());
        match schedule.after(now, age, &finished) {
            Decision::Retrying(again) => {
                schedule.pause = Some(again.next_in);
                let pass = match again.diagnosis {
                    // The last pass is whole: what else is wanted has had time to change.
                    None if again.successes + 1 < again.needed => {
                        Pass::confirm(Arc::clone(&plan), finished)
                    }
                    _ => Pass::again(Arc::clone(&plan), finished),
                };
                (
                    WaitEvent::Retrying(again),
                    Stage::Running(Box::new(Self { plan, schedule, pass })),
                )
            }
            Decision::Ended(reason) => {
                finished.health.outlook = match reason {
                    EndReason::Connected | EndReason::Unconfirmed => Outlook::Ready,
                    EndReason::Permanent => Outlook::Stop,
                    EndReason::Deadline => Outlook::Wait,
                };
                let (attempts, elapsed) = (schedule.attempts, schedule.elapsed(now));
                let ended = WaitOutcome { reason, health: finished.health, attempts, elapsed };
                (WaitEvent::Ended(Box::new(ended)), Stage::Over)
            }
        }
    }
}

enum Decision {
    Retrying(Retrying),
    Ended(EndReason),
}

/// Decides after each pass; knows times and causes, and asks nobody
struct Schedule {
    options: WaitOptions,
    /// When the wait began, by the clock's own count
    start: Duration,
    attempts: u32,
    successes: u32,
    has_failed: bool,
    has_succeeded: bool,
    /// The longest row of successes that a failure ended
    broken: u32,
    /// The last cause, and in how many passes in a row it was seen
    last: (Option<Cause>, u32),
    /// When each cause was first seen, since the start
    first: BTreeMap<Cause, Duration>,
    delays: Box<dyn Iterator<Item = Duration> + Send>,
    pause: Option<Duration>,
}

impl Schedule {
    fn new(start: Duration, options: WaitOptions) -> Self {
        Self {
            start,
            attempts: 0,
            successes: 0,
            has_failed: false,
            has_succeeded: false,
            broken: 0,
            last: (None, 0),
            first: BTreeMap::new(),
            delays: Box::new(options.backoff.delays(fastrand::f64)),
            pause: None,
            options,
        }
    }

    fn elapsed(&self, now: Duration) -> Duration {
        now.saturating_sub(self.start)
    }

    /// What follows a pass; `age` is that of the grant
    fn after(&mut self, now: Duration, age: Duration, finished: &Finished) -> Decision {
        self.attempts += 1;
        let elapsed = self.elapsed(now);
        let left = self.options.deadline.saturating_sub(elapsed);
        let needed = self.needed(age);
        let diagnosis = finished.health.diagnosis.clone();
        let cause = diagnosis.as_ref().map(|diagnosis| diagnosis.cause);
        self.last = (cause, if self.last.0 == cause { self.last.1 + 1 } else { 1 });
        let mut waited = age;
        let next_in = match cause {
            None => {
                self.successes += 1;
                self.has_succeeded = true;
                if self.successes >= needed {
                    return Decision::Ended(EndReason::Connected);
                }
                CONFIRM_INTERVAL
            }
            Some(cause) => {
                if self.successes > 0 {
                    // It has begun to work, so it will soon.
                    self.delays = Box::new(self.options.backoff.delays(fastrand::f64));
                }
                // A request that was throttled, or lost, says nothing of what is allowed.
                if cause.retry() != Retry::Transient {
                    self.broken = self.broken.max(self.successes);
                    self.successes = 0;
                }
                self.has_failed = true;
                let first = *self.first.entry(cause).or_insert(elapsed);
                // Only a role is waited for since the grant: a rule for browsers may come later.
                if cause.spread().is_some_and(|spread| spread != PropagationTime::ROLE) {
                    waited = elapsed.saturating_sub(first);
                }
                if !self.may_resolve(cause, waited) {
                    return Decision::Ended(EndReason::Permanent);
                }
                let asked = finished.facts.retry_after.unwrap_or_default().min(MOST_RETRY_AFTER);
                self.delays.next().unwrap_or_default().max(asked)
            }
        };
        if left.is_zero() {
            return Decision::Ended(if cause.is_none() {
                EndReason::Unconfirmed
            } else {
                EndReason::Deadline
            });
        }
        let spread = cause.and_then(Cause::spread).unwrap_or(PropagationTime::ROLE);
        Decision::Retrying(Retrying {
            attempt: self.attempts,
            diagnosis: diagnosis.map(|diagnosis| self.for_now(diagnosis)),
            successes: self.successes,
            needed: self.needed(age),
            // One last pass at the deadline.
            next_in: next_in.min(left),
            left,
            tier: Tier::of(waited, spread),
        })
    }

    /// How many successes in a row are enough, for a grant of this age
    fn needed(&self, age: Duration) -> u32 {
        let asked = self.options.successes;
        match self.broken {
            0 if !self.has_failed && age >= PropagationTime::ROLE.worst => 1,
            0 => asked,
            // Front ends differ, and a row as long as the last one may miss the same one again.
            broken => asked.saturating_mul(2).max(broken.saturating_mul(3)),
        }
    }

    fn may_resolve(&self, cause: Cause, waited: Duration) -> bool {
        match cause {
            // Each pass after a refusal has a new token.
            Cause::TokenExpired => self.last.1 < 2,
            // These are inferred, and one answer that fails by chance is enough to.
            Cause::PrivateEndpoint | Cause::ClockSkew => self.last.1 < STEADY_PASSES,
            _ => can_resolve(cause, waited),
        }
    }

    /// What to tell while it goes on: front ends that differ look like a condition that is wrong
    fn for_now(&self, diagnosis: Diagnosis) -> Diagnosis {
        let partly = match diagnosis.cause {
            Cause::AccessMissing => self.has_succeeded,
            cause => is_mixed(cause) && (self.last.1 < STEADY_PASSES || self.has_succeeded),
        };
        if !partly {
            return diagnosis;
        }
        let confidence = Confidence::Likely;
        Diagnosis { cause: Cause::PartlyInEffect, confidence, command: None, ..diagnosis }
    }
}
