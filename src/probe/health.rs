use std::{
    fmt,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use super::{Check, Checked, Diagnosis, Outcome, Privileges};
use crate::name::{AccountName, ContainerName, Prefix};

/// Whether a scan can start, and if not, whether waiting helps
///
/// Deliberately complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outlook {
    /// What was asked for works, as far as the store can tell; what it cannot is a warning
    Ready,
    /// Not yet, and it may heal by itself
    Wait,
    /// Not before somebody changes something
    Stop,
}

/// What a probe found: its checks, and what follows from them
///
/// Has no secret, and can be stored: [`drift`](Self::drift) compares it with a later one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Health {
    /// The storage account
    pub account: AccountName,
    /// The container
    pub container: ContainerName,
    /// The prefix
    pub prefix: Prefix,
    /// When it was found, by the clock of the probe; in JSON seconds since 1970
    #[serde(with = "epoch")]
    pub at: SystemTime,
    /// Whether a scan can start
    pub outlook: Outlook,
    /// Why not, where it cannot
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<Diagnosis>,
    /// The checks, in order
    pub checks: Vec<Checked>,
    /// The tenant that the account sends its callers to
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The object id of the principal that signed in: what a role is assigned to
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_id: Option<String>,
    /// Whether anybody may list the container; `None` where the account did not tell
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<bool>,
    /// What the principal may do beyond what it needs, where that was looked at
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privileges: Option<Privileges>,
}

impl Health {
    /// Whether everything that was asked for works
    pub fn is_ready(&self) -> bool {
        self.outlook == Outlook::Ready
    }

    /// A check, where it was made
    pub fn check(&self, check: Check) -> Option<&Checked> {
        self.checks.iter().find(|checked| checked.check == check)
    }

    /// What is worth knowing though it works, such as more access than is needed
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnosis> {
        let warned = self.checks.iter().filter(|checked| checked.outcome == Outcome::Warned);
        warned.filter_map(|checked| checked.diagnosis.as_ref())
    }

    pub(super) fn passed(&self, check: Check) -> bool {
        self.check(check)
            .is_some_and(|checked| matches!(checked.outcome, Outcome::Passed | Outcome::Warned))
    }

    pub(super) fn failed(&self, check: Check) -> bool {
        self.check(check).is_some_and(|checked| checked.outcome == Outcome::Failed)
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for checked in &self.checks {
            writeln!(f, "{checked}")?;
        }
        if let Some(privileges) = &self.privileges {
            writeln!(f, "\n{privileges}")?;
        }
        let Some(diagnosis) = &self.diagnosis else {
            return f.write_str("\nready: a scan can start");
        };
        let verdict = match self.outlook {
            Outlook::Stop => "stop",
            Outlook::Wait | Outlook::Ready => "wait",
        };
        write!(
            f,
            "\n{verdict}: {} [{}]\nstep {}: {}",
            diagnosis.cause.what(),
            diagnosis.cause,
            diagnosis.redo(),
            diagnosis.remedy()
        )?;
        match &diagnosis.command {
            Some(command) => write!(f, "\n\n{command}"),
            None => Ok(()),
        }
    }
}

mod epoch {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        time: &SystemTime,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        serializer.serialize_u64(since.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SystemTime, D::Error> {
        let seconds = u64::deserialize(deserializer)?;
        UNIX_EPOCH
            .checked_add(Duration::from_secs(seconds))
            .ok_or_else(|| serde::de::Error::custom("a time that is too late"))
    }
}

/// How many minutes and seconds, as people say it
pub(super) fn in_minutes(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}
