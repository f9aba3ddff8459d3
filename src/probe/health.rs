//! The result of a probe.
//!
//! A [`Health`] is a value without secrets: services store it, compare it with a later one
//! (see `drift`) and show it to the customer.

use std::{fmt, time::SystemTime};

use serde::{Deserialize, Serialize};

use super::{
    check::{Check, Outcome},
    checked::Checked,
    diagnosis::Diagnosis,
    privilege::Privileges,
};
use crate::name::{AccountName, ContainerName, Prefix};

/// Whether a scan can start, and if not, whether waiting helps.
///
/// Follows from the [required](Check::is_required) checks alone. View links and CORS that do not work
/// are in [`Health::optional_failures`].
///
/// A probe returns one of the first three. [`Other`](Self::Other) is read from JSON only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = crate::coded::open))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outlook {
    /// Everything that a scan needs works. A check that the store cannot make is a warning.
    Ready,
    /// Something that a scan needs fails, but can start to work without a change, for example because
    /// a role assignment has not propagated yet.
    Wait,
    /// Something that a scan needs fails until somebody changes it.
    Stop,
    /// An outlook that this version of the crate does not know, read from JSON that a newer version wrote.
    #[serde(other)]
    Other,
}

impl Outlook {
    /// Returns the word for spans and metrics.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Wait => "wait",
            Self::Stop => "stop",
            // Only values that were read have it, and those are not emitted.
            Self::Other => "other",
        }
    }
}

/// The result of a probe: the checks, and what follows from them.
///
/// Has no secret, so it can be stored as JSON. [`Drift::between`](super::Drift::between) compares two of
/// them, and a [`DriftWatch`](super::DriftWatch) tells drift from an outage.
///
/// ```
/// use azure_asset_sync::{Connection, MemoryStore, Probe, probe::{Check, Outcome}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let connection = Connection::builder("hall 3").account("contosovision").container("training").build()?;
/// let health = Probe::of_store(&connection, MemoryStore::new()).run().await;
/// assert!(health.is_ready());
/// let list = health.check(Check::List).ok_or("the list was not checked")?;
/// assert_eq!(list.outcome, Outcome::Warned, "there are no blobs");
/// let stored = serde_json::to_string(&health)?;
/// assert_eq!(serde_json::from_str::<azure_asset_sync::Health>(&stored)?, health);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Health {
    /// The storage account.
    pub account: AccountName,
    /// The container.
    pub container: ContainerName,
    /// The prefix.
    pub prefix: Prefix,
    /// When the probe ended, by its own clock. In JSON: RFC 3339.
    #[serde(with = "crate::iso::time")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::iso::schema::Time"))]
    pub at: SystemTime,
    /// Whether a scan can start.
    pub outlook: Outlook,
    /// Why a scan cannot start: the diagnosis of the first [required](Check::is_required) check that
    /// failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<Diagnosis>,
    /// The checks, in the order of [`Check::ALL`].
    pub checks: Vec<Checked>,
    /// The tenant that the account belongs to, from its challenge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The object ID of the principal that signed in. Roles are assigned to this ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_id: Option<String>,
    /// Whether anybody may list the container; `None` if the account did not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<bool>,
    /// The permissions of the principal beyond its needs, if
    /// [`Probe::least_privilege`](super::Probe::least_privilege) was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privileges: Option<Privileges>,
}

impl Health {
    /// Returns whether a scan can start.
    ///
    /// View links and CORS may fail nevertheless: see [`optional_failures`](Self::optional_failures).
    pub fn is_ready(&self) -> bool {
        self.outlook == Outlook::Ready
    }

    /// Returns the result of a check, or `None` if the probe does not include the check.
    pub fn check(&self, check: Check) -> Option<&Checked> {
        self.checks.iter().find(|checked| checked.check == check)
    }

    /// Returns the results of the checks that a scan needs to pass.
    pub fn required(&self) -> impl Iterator<Item = &Checked> {
        self.checks.iter().filter(|checked| checked.check.is_required())
    }

    /// Returns the results of the other checks: view links, CORS and least privilege.
    pub fn optional(&self) -> impl Iterator<Item = &Checked> {
        self.checks.iter().filter(|checked| !checked.check.is_required())
    }

    /// Returns the optional checks that failed: what does not work although a scan does.
    ///
    /// ```
    /// use azure_asset_sync::Health;
    ///
    /// fn show(health: &Health) {
    ///     if health.is_ready() {
    ///         println!("the sync can start");
    ///     }
    ///     for failed in health.optional_failures() {
    ///         println!("{}", failed.check.opposite()); // for example "view links cannot be created"
    ///     }
    /// }
    /// ```
    pub fn optional_failures(&self) -> impl Iterator<Item = &Checked> {
        self.optional().filter(|checked| checked.outcome == Outcome::Failed)
    }

    /// Returns the diagnoses of checks that passed with a warning, for example because access is
    /// wider than needed.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnosis> {
        let warned = self.checks.iter().filter(|checked| checked.outcome == Outcome::Warned);
        warned.filter_map(|checked| checked.diagnosis.as_ref())
    }

    /// Returns whether a check was made and passed, with or without a warning.
    pub(super) fn passed(&self, check: Check) -> bool {
        self.check(check)
            .is_some_and(|checked| matches!(checked.outcome, Outcome::Passed | Outcome::Warned))
    }

    /// Returns whether a check was made and failed.
    pub(super) fn failed(&self, check: Check) -> bool {
        self.check(check).is_some_and(|checked| checked.outcome == Outcome::Failed)
    }
}

impl fmt::Display for Health {
    /// Writes the checks, the privileges, either `ready` or the diagnosis with its remedy, and the
    /// optional checks that failed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for checked in &self.checks {
            writeln!(f, "{checked}")?;
        }
        if let Some(privileges) = &self.privileges {
            writeln!(f, "\n{privileges}")?;
        }
        match (&self.diagnosis, self.outlook) {
            (None, _) => f.write_str("\nready: a scan can start")?,
            (Some(diagnosis), Outlook::Stop) => write_remedy(f, "stop", diagnosis)?,
            // Ready never comes with a diagnosis; "wait" is then the word that does the least harm.
            (Some(diagnosis), _) => write_remedy(f, "wait", diagnosis)?,
        }
        for failed in self.optional_failures() {
            if let Some(diagnosis) = &failed.diagnosis {
                write_remedy(f, failed.check.opposite(), diagnosis)?;
            }
        }
        Ok(())
    }
}

/// Writes a diagnosis with its step, its remedy and its command, on lines of their own.
fn write_remedy(f: &mut fmt::Formatter<'_>, what: &str, diagnosis: &Diagnosis) -> fmt::Result {
    let (cause, redo, remedy) = (diagnosis.cause, diagnosis.redo(), diagnosis.remedy());
    write!(f, "\n{what}: {} [{cause}]\nstep {redo}: {remedy}", cause.what())?;
    match &diagnosis.command {
        Some(command) => write!(f, "\n\n{command}"),
        None => Ok(()),
    }
}
