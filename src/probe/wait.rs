//! Waiting for a change to take effect.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use futures::{
    Stream, StreamExt as _,
    stream::{self, BoxStream, FusedStream},
};
use serde::{Deserialize, Serialize};

use super::{
    Cause, Checked, Confidence, Diagnosis, Health, Plan, Retry, Spread,
    health::minutes,
    round::{Finished, Round},
};
use crate::{backoff::Backoff, clock::Clock as _};

/// The longest that a service's `Retry-After` is followed
const MOST_RETRY_AFTER: Duration = Duration::from_secs(120);

/// The time between two successes in a row
const CONFIRM: Duration = Duration::from_secs(2);

/// How long to wait, and what for
///
/// Two clocks rule: the caller's deadline, and the time since the grant, after which a missing
/// permission is no longer a matter of patience.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Patience {
    deadline: Duration,
    granted: Option<SystemTime>,
    successes: u32,
    backoff: Backoff,
}

impl Patience {
    /// Waits at most so long; the last pass begins no later than that
    ///
    /// Azure documents 10 minutes for a role assignment.
    pub fn new(deadline: Duration) -> Self {
        Self {
            deadline,
            granted: None,
            successes: 6,
            backoff: Backoff::new(Duration::from_secs(4), Duration::from_secs(30)),
        }
    }

    /// When the customer applied the grant; without it, when the wait began
    pub fn granted(mut self, at: SystemTime) -> Self {
        self.granted = Some(at);
        self
    }

    /// How many successes in a row make a connection; 6 by default, at least 1
    ///
    /// Front ends learn of an assignment one after the other, so one success proves little. After
    /// the longest time that an assignment takes, one is enough, unless another pass failed.
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
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A check was made
    Checked(Checked),
    /// A pass is over, and another follows
    Again(Again),
    /// It is over; the last event
    Ended(Box<Ended>),
}

/// A pass is over, and another follows
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Again {
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

impl fmt::Display for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt {}: ", self.attempt)?;
        match &self.diagnosis {
            Some(diagnosis) => write!(f, "{} [{}]", diagnosis.cause.what(), diagnosis.cause)?,
            None => write!(f, "works, {} of {} times in a row", self.successes, self.needed)?,
        }
        write!(f, "; {}", self.tier.title())?;
        write!(f, "; next try in {:.1} s, {} left", self.next_in.as_secs_f64(), minutes(self.left))
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
    fn of(age: Duration, spread: Spread) -> Self {
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
pub struct Ended {
    /// Why it ended
    pub why: Why,
    /// What the last pass found
    pub health: Health,
    /// How many passes there were
    pub attempts: u32,
    /// How long it took; in JSON in milliseconds
    #[serde(rename = "elapsed_ms", with = "super::check::millis")]
    pub elapsed: Duration,
}

impl Ended {
    /// Whether the connection works, and is sure to
    pub fn is_connected(&self) -> bool {
        self.why == Why::Connected
    }
}

/// Why a wait ended
///
/// Deliberately complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It worked, as often in a row as was asked for
    Connected,
    /// What is wrong does not heal by itself
    Permanent,
    /// The deadline passed, and it may yet heal
    Deadline,
}

/// The passes of a probe, as a stream of events; the last is [`Event::Ended`]
///
/// Made by [`Probe::wait`](super::Probe::wait). Dropping it cancels whatever goes on, at once.
pub struct Wait {
    events: stream::Fuse<BoxStream<'static, Event>>,
}

impl Wait {
    pub(super) fn new(plan: Arc<Plan>, patience: Patience) -> Self {
        let course = Course::new(&plan, patience);
        let state = State { round: Some(Round::first(Arc::clone(&plan))), plan, course };
        let events = stream::unfold(Some(state), |state| async move { state?.next().await });
        Self { events: events.boxed().fuse() }
    }

    /// Waits for the end, without looking at the events
    pub async fn ended(mut self) -> Option<Ended> {
        while let Some(event) = self.next().await {
            if let Event::Ended(ended) = event {
                return Some(*ended);
            }
        }
        None
    }
}

impl Stream for Wait {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
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

struct State {
    plan: Arc<Plan>,
    course: Course,
    /// The pass that goes on; `None` never outlasts a call
    round: Option<Round>,
}

impl State {
    async fn next(mut self) -> Option<(Event, Option<Self>)> {
        if let Some(pause) = self.course.pause.take() {
            self.plan.clock.sleep(pause).await;
        }
        let mut round = self.round.take()?;
        if let Some(checked) = round.step().await {
            self.round = Some(round);
            return Some((Event::Checked(checked), Some(self)));
        }
        let finished = round.finish();
        let clock = &self.plan.clock;
        let decision = self.course.after(clock.elapsed(), &finished);
        match decision {
            Decision::Again(again) => {
                self.course.pause = Some(again.next_in);
                let plan = Arc::clone(&self.plan);
                self.round = Some(match again.diagnosis {
                    None => Round::confirm(plan, finished),
                    Some(_) => Round::again(plan, finished),
                });
                Some((Event::Again(again), Some(self)))
            }
            Decision::Ended(why) => {
                let ended = Ended {
                    why,
                    health: finished.health,
                    attempts: self.course.attempts,
                    elapsed: self.course.elapsed(clock.elapsed()),
                };
                Some((Event::Ended(Box::new(ended)), None))
            }
        }
    }
}

enum Decision {
    Again(Again),
    Ended(Why),
}

/// Decides after each pass; knows times and causes, and asks nobody
struct Course {
    patience: Patience,
    /// When the wait began, by the clock's own count
    start: Duration,
    /// How old the grant was then
    age_at_start: Duration,
    attempts: u32,
    successes: u32,
    has_failed: bool,
    has_succeeded: bool,
    /// A cause of which some requests are proof and others not, and how often in a row it was seen
    mixed: (Option<Cause>, u32),
    delays: Box<dyn Iterator<Item = Duration> + Send>,
    pause: Option<Duration>,
}

impl Course {
    fn new(plan: &Plan, patience: Patience) -> Self {
        let now = plan.clock.time();
        // A grant of the future has just been given.
        let age = patience.granted.and_then(|at| now.duration_since(at).ok()).unwrap_or_default();
        Self {
            start: plan.clock.elapsed(),
            age_at_start: age,
            attempts: 0,
            successes: 0,
            has_failed: false,
            has_succeeded: false,
            mixed: (None, 0),
            delays: Box::new(patience.backoff.delays(fastrand::f64)),
            pause: None,
            patience,
        }
    }

    fn elapsed(&self, now: Duration) -> Duration {
        now.saturating_sub(self.start)
    }

    fn after(&mut self, now: Duration, finished: &Finished) -> Decision {
        self.attempts += 1;
        let elapsed = self.elapsed(now);
        let age = self.age_at_start.saturating_add(elapsed);
        let left = self.patience.deadline.saturating_sub(elapsed);
        let needed = match self.has_failed || age < Spread::ROLE.worst {
            true => self.patience.successes,
            false => 1,
        };
        let diagnosis = finished.health.diagnosis.clone();
        let next_in = match &diagnosis {
            None => {
                self.successes += 1;
                self.has_succeeded = true;
                if self.successes >= needed {
                    return Decision::Ended(Why::Connected);
                }
                CONFIRM
            }
            Some(diagnosis) => {
                if self.successes > 0 {
                    // It has begun to work, so it will soon.
                    self.delays = Box::new(self.patience.backoff.delays(fastrand::f64));
                }
                self.successes = 0;
                self.has_failed = true;
                if !can_heal(diagnosis.cause, age) {
                    return Decision::Ended(Why::Permanent);
                }
                let asked = finished.facts.retry_after.unwrap_or_default().min(MOST_RETRY_AFTER);
                self.delays.next().unwrap_or_default().max(asked)
            }
        };
        if left.is_zero() {
            return Decision::Ended(Why::Deadline);
        }
        let diagnosis = diagnosis.map(|diagnosis| self.for_now(diagnosis));
        let spread = diagnosis.as_ref().and_then(|diagnosis| diagnosis.cause.spread());
        Decision::Again(Again {
            attempt: self.attempts,
            diagnosis,
            successes: self.successes,
            needed,
            // One last pass at the deadline.
            next_in: next_in.min(left),
            left,
            tier: Tier::of(age, spread.unwrap_or(Spread::ROLE)),
        })
    }
}

impl Course {
    /// What to tell while it goes on: front ends that differ look like a condition that is wrong
    fn for_now(&mut self, diagnosis: Diagnosis) -> Diagnosis {
        /// A condition that is wrong shows in each pass
        const SURE: u32 = 3;
        let cause = diagnosis.cause;
        let seen = if self.mixed.0 == Some(cause) { self.mixed.1 + 1 } else { 1 };
        self.mixed = (is_mixed(cause).then_some(cause), seen);
        let partly = match cause {
            Cause::AccessMissing => self.has_succeeded,
            _ => is_mixed(cause) && (seen < SURE || self.has_succeeded),
        };
        if !partly {
            return diagnosis;
        }
        let confidence = Confidence::Likely;
        Diagnosis { cause: Cause::PartlyInEffect, confidence, command: None, ..diagnosis }
    }
}

/// Whether some requests were allowed and others not
fn is_mixed(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::ListNotCovered
            | Cause::ReadNotCovered
            | Cause::KeyOutOfScope
            | Cause::ManagementRoleOnly
    )
}

/// Whether a cause can pass by itself, when the grant is so old
fn can_heal(cause: Cause, age: Duration) -> bool {
    match (cause.retry(), cause.spread()) {
        (Retry::Transient, _) => true,
        (_, Some(spread)) => age < spread.worst,
        // Some requests are allowed and others not: as long as front ends may differ, that is also
        // what two of them say of one assignment.
        _ => is_mixed(cause) && age < Spread::ROLE.worst,
    }
}
