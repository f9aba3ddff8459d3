//! The reports of a wait: its events, and how it ended.
//!
//! Plain values in a stable JSON form, so that a service can pass them to its user interface.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::super::{
    checked::Checked, class::PropagationTime, diagnosis::Diagnosis, health::Health,
    time::in_minutes,
};

/// An event of a [`Wait`](super::Wait).
///
/// In JSON: an object whose field `event` names the variant.
///
/// ```
/// use azure_asset_sync::probe::{Tier, WaitEvent};
///
/// let json = r#"{"event": "retrying", "attempt": 2, "successes": 0, "needed": 20,
///     "next_in": "PT4S", "left": "PT9M50S", "tier": "usual"}"#;
/// let WaitEvent::Retrying(retrying) = serde_json::from_str(json)? else { panic!("another event") };
/// assert_eq!(retrying.tier, Tier::Usual);
/// assert!(retrying.to_string().starts_with("attempt 2: works, 0 of 20 times in a row"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum WaitEvent {
    /// A check was made.
    Checked(Checked),
    /// A pass has ended, and another one follows.
    Retrying(Retrying),
    /// The wait has ended. This is the last event.
    Ended(Box<WaitOutcome>),
    /// An event that this version of the crate does not know, read from JSON that a newer version wrote.
    #[serde(other)]
    Other,
}

/// The state of a wait between two passes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Retrying {
    /// The number of the pass that has ended, starting at 1.
    pub attempt: u32,
    /// The cause of the failure and the remedy, or `None` if the pass succeeded and has to be confirmed.
    ///
    /// If enough passes have succeeded, the failure is that of an optional check, which the wait
    /// [was configured](crate::probe::WaitOptions::optional_checks) to wait for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<Diagnosis>,
    /// How many passes in a row have succeeded.
    pub successes: u32,
    /// How many passes in a row must succeed.
    pub needed: u32,
    /// The delay before the next pass. In JSON: ISO 8601, for example `PT4S`.
    #[serde(alias = "next_in_ms", with = "crate::iso::duration")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::iso::schema::Iso8601"))]
    pub next_in: Duration,
    /// The time before the deadline. In JSON: ISO 8601, for example `PT4S`.
    #[serde(alias = "left_ms", with = "crate::iso::duration")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::iso::schema::Iso8601"))]
    pub left: Duration,
    /// How the time that has passed compares with how long such changes take.
    pub tier: Tier,
}

impl fmt::Display for Retrying {
    /// Writes one line, for example `attempt 2: works, 1 of 20 times in a row; …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt {}: ", self.attempt)?;
        match &self.diagnosis {
            Some(diagnosis) => write!(f, "{} [{}]", diagnosis.cause.what(), diagnosis.cause)?,
            None => write!(f, "works, {} of {} times in a row", self.successes, self.needed)?,
        }
        // Tenths of a second, because delays are drawn at random and often short.
        let (next_in, left) = (self.next_in.as_secs_f64(), in_minutes(self.left));
        write!(f, "; {}; next attempt in {next_in:.1} s, {left} left", self.tier.title())
    }
}

/// How the age of a change compares with how long such changes take.
///
/// The order is that of the time.
///
/// The times are those of [`PropagationTime`](crate::probe::PropagationTime) for the cause of the
/// last pass, or those of a role after a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = crate::coded::open))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Tier {
    /// Within the usual time.
    Usual,
    /// Longer than usual, within the documented time.
    Documented,
    /// Longer than documented, within the longest time that was observed.
    Worst,
    /// Longer than the longest time that was observed: the change will not take effect.
    Beyond,
    /// A value that this version of the crate does not know, read from JSON that a newer version wrote.
    #[serde(other)]
    Other,
}

impl Tier {
    /// Classifies an age.
    pub(super) fn of(age: Duration, time: PropagationTime) -> Self {
        match age {
            age if age < time.usual => Self::Usual,
            age if age < time.documented => Self::Documented,
            age if age < time.worst => Self::Worst,
            _ => Self::Beyond,
        }
    }

    /// Returns a clause for people, for example `this takes longer than usual`.
    pub fn title(self) -> &'static str {
        match self {
            Self::Usual => "this is within the usual time",
            Self::Documented => "this takes longer than usual",
            Self::Worst => "this takes longer than documented",
            Self::Beyond => "a change would have taken effect by now",
            Self::Other => "it is not known how long this takes",
        }
    }
}

/// How a wait ended.
///
/// The outlook of [`health`](Self::health) agrees with the reason, also if the last pass alone
/// would suggest another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct WaitOutcome {
    /// Why the wait ended.
    pub reason: EndReason,
    /// The result of the last pass.
    pub health: Health,
    /// The number of passes.
    pub attempts: u32,
    /// How long the wait took. In JSON: ISO 8601, for example `PT4S`.
    #[serde(alias = "elapsed_ms", with = "crate::iso::duration")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::iso::schema::Iso8601"))]
    pub elapsed: Duration,
}

impl WaitOutcome {
    /// Returns whether the connection works and was confirmed.
    pub fn is_connected(&self) -> bool {
        self.reason == EndReason::Connected
    }
}

/// Why a wait ended.
///
/// A wait ends with one of the first four. [`Other`](Self::Other) is read from JSON only.
///
/// Only [`Connected`](Self::Connected) means that a scan will work. After
/// [`Unconfirmed`](Self::Unconfirmed), a scan can start but may still reach a front end that
/// refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = crate::coded::open))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndReason {
    /// The required number of passes in a row succeeded.
    Connected,
    /// Something fails until somebody changes it.
    Permanent,
    /// The deadline passed while something failed that can still start to work.
    Deadline,
    /// The deadline passed after successes, but before there were enough in a row.
    Unconfirmed,
    /// A reason that this version of the crate does not know, read from JSON that a newer version wrote.
    #[serde(other)]
    Other,
}

impl EndReason {
    /// Returns the word for spans and metrics.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Permanent => "permanent",
            Self::Deadline => "deadline",
            Self::Unconfirmed => "unconfirmed",
            // Only values that were read have it, and those are not emitted.
            Self::Other => "other",
        }
    }
}
