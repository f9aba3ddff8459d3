//! Tells drift from an outage: a change counts once it was seen twice, apart in time.
//!
//! Works on stored values only, and is one itself: the times are those of the healths, so nothing here
//! reads a clock.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{class::PropagationTime, drift::Drift, health::Health};

/// Watches a connection that works, and confirms a change for the worse once two probes have found it,
/// apart in time.
///
/// A service stores one watch beside each connection, and gives it the [`Health`] of every later probe.
/// One bad answer proves nothing: a front end can be wrong, and a customer who replaces a role
/// assignment has none for some minutes. So a finding is first only [suspected](Self::suspected). It is
/// [confirmed](Self::confirmed) if a probe at least [`CONFIRM_AFTER`](Self::CONFIRM_AFTER) later finds
/// it again, and dropped if a probe shows the opposite. Throttling, network failures, a token endpoint
/// that does not answer, and checks that this version does not know are no findings, and neither confirm
/// nor drop one.
///
/// [`Event::of_drift`](crate::lifecycle::Event::of_drift) returns the event for a watch.
///
/// ```
/// use std::time::Duration;
///
/// use azure_asset_sync::{
///     Connection, MemoryStore, Probe,
///     lifecycle::Event,
///     probe::{Drift, DriftWatch},
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let connection = Connection::builder("hall 3").account("contosovision").container("training").build()?;
/// let mut health = Probe::of_store(&connection, MemoryStore::new()).run().await;
/// # health.public = Some(false);
/// let mut watch = DriftWatch::new(health.clone()); // when the test of the connection has passed
///
/// // An hour later, somebody has made the container public.
/// health.at += Duration::from_secs(3600);
/// health.public = Some(true);
/// watch.observe(&health);
/// assert_eq!(watch.suspected().count(), 1);
/// assert_eq!(Event::of_drift(&watch), None);
///
/// // It still is at the next check.
/// health.at += Duration::from_secs(3600);
/// watch.observe(&health);
/// assert!(watch.confirmed().eq([Drift::ContainerPublic]));
/// assert_eq!(Event::of_drift(&watch), Some(Event::DriftFound));
///
/// let stored = serde_json::to_string(&watch)?;
/// assert_eq!(serde_json::from_str::<DriftWatch>(&stored)?, watch);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[must_use]
pub struct DriftWatch {
    baseline: Health,
    #[serde(default = "default_confirm_after", with = "crate::iso::duration")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::iso::schema::Iso8601"))]
    confirm_after: Duration,
    #[serde(default)]
    findings: Vec<Suspicion>,
}

/// A change for the worse that a probe has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Suspicion {
    /// The change.
    pub drift: Drift,
    /// The time of the first probe that found it.
    #[serde(with = "crate::iso::time")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::iso::schema::Time"))]
    pub since: SystemTime,
    /// Whether a later probe has found it again, so that it is no chance.
    pub is_confirmed: bool,
}

fn default_confirm_after() -> Duration {
    DriftWatch::CONFIRM_AFTER
}

impl DriftWatch {
    /// The least time between the two probes that confirm a finding, unless
    /// [`confirm_after`](Self::confirm_after) sets another one: 10 min.
    ///
    /// The time that Microsoft documents for a role assignment to take effect
    /// ([`PropagationTime::ROLE`]). A customer who replaces a role assignment is without access for at
    /// most this time.
    pub const CONFIRM_AFTER: Duration = PropagationTime::ROLE.documented;

    /// Watches for changes since this health, which should be that of the test that connected.
    pub fn new(baseline: Health) -> Self {
        Self { baseline, confirm_after: Self::CONFIRM_AFTER, findings: Vec::new() }
    }

    /// Sets the least time between the two probes that confirm a finding.
    ///
    /// With zero, any later probe confirms it.
    pub fn confirm_after(mut self, time: Duration) -> Self {
        self.confirm_after = time;
        self
    }

    /// Returns the health that later ones are compared with.
    pub fn baseline(&self) -> &Health {
        &self.baseline
    }

    /// Compares the health of a later probe with the first one, and remembers what it shows.
    ///
    /// The time is that of the probe, [`Health::at`]. Healths may come in any order, for example from
    /// several replicas.
    pub fn observe(&mut self, health: &Health) {
        let Self { baseline, confirm_after, findings } = self;
        findings.retain(|finding| !finding.drift.is_refuted(baseline, health));
        for drift in Drift::between(baseline, health) {
            if !drift.is_worse() {
                continue;
            }
            match findings.iter_mut().find(|finding| finding.drift == drift) {
                Some(finding) => finding.see_again(health.at, *confirm_after),
                None => {
                    findings.push(Suspicion { drift, since: health.at, is_confirmed: false });
                }
            }
        }
    }

    /// Returns the changes for the worse that two probes have found, apart in time, and that no later
    /// probe has refuted.
    pub fn confirmed(&self) -> impl Iterator<Item = Drift> {
        self.findings.iter().filter(|finding| finding.is_confirmed).map(|finding| finding.drift)
    }

    /// Returns the findings that are not confirmed yet.
    pub fn suspected(&self) -> impl Iterator<Item = &Suspicion> {
        self.findings.iter().filter(|finding| !finding.is_confirmed)
    }
}

impl Suspicion {
    /// Takes the time of another probe that has found the same.
    fn see_again(&mut self, at: SystemTime, confirm_after: Duration) {
        match at.duration_since(self.since) {
            // The same health twice is no second finding, whatever time is required.
            Ok(later) => self.is_confirmed |= !later.is_zero() && later >= confirm_after,
            // The clocks of replicas differ. The earlier time counts, so that a clock that was ahead once
            // does not hide a finding for long.
            Err(_) => self.since = at,
        }
    }
}
