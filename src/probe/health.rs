use std::{
    fmt,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use super::{Cause, Check, Checked, Diagnosis, Outcome, Privileges, Retry};
use crate::name::{AccountName, ContainerName, Prefix};

/// Whether a scan can start, and if not, whether waiting helps
///
/// Deliberately complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outlook {
    /// Everything that was asked for works
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

    pub(super) fn is_public(&self) -> bool {
        self.warnings().any(|diagnosis| diagnosis.cause == Cause::PublicContainer)
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
        let verdict = match diagnosis.retry() {
            Retry::Never => "stop",
            Retry::Transient | Retry::Propagating => "wait",
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

/// What has changed since an earlier probe
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Drift {
    /// The container could be listed or read, and can no longer, for want of a role
    RoleGone,
    /// Another thing that worked does no longer
    Broken(Check),
    /// What did not work does now
    Mended(Check),
    /// The principal can do more than it could
    Broadened(Check),
    /// The principal can do less of what it does not need
    Narrowed(Check),
    /// Containers are reachable that the condition kept apart
    ConditionLost,
    /// Browsers may no longer play videos
    CorsLost,
    /// Anybody can list the container now
    ContainerPublic,
    /// Not everybody can list the container any longer
    ContainerPrivate,
    /// The account belongs to another tenant
    TenantChanged,
    /// Another principal signs in
    PrincipalChanged,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RoleGone => f.write_str("the role assignment is gone, or no longer allows this"),
            Self::Broken(check) => write!(f, "broken: {}", check.opposite()),
            Self::Mended(check) => write!(f, "mended: {}", check.title()),
            Self::Broadened(check) => write!(f, "broader: {}", check.opposite()),
            Self::Narrowed(check) => write!(f, "narrower than before, now so: {}", check.title()),
            Self::ConditionLost => {
                f.write_str("the condition is gone, or another assignment defeats it")
            }
            Self::CorsLost => {
                f.write_str("browsers may no longer play videos: the CORS rule is gone")
            }
            Self::ContainerPublic => f.write_str("the container has become public"),
            Self::ContainerPrivate => f.write_str("the container is no longer public"),
            Self::TenantChanged => f.write_str("the account has moved to another tenant"),
            Self::PrincipalChanged => f.write_str("another principal signs in"),
        }
    }
}

impl Health {
    /// What has changed since an earlier probe of the connection
    ///
    /// Only what both probes looked at is compared.
    pub fn drift(&self, since: &Self) -> Vec<Drift> {
        let mut drift = Vec::new();
        let broken = |check| since.passed(check) && self.failed(check);
        let role = |checked: &Checked| {
            checked.diagnosis.as_ref().is_some_and(|diagnosis| {
                matches!(
                    diagnosis.cause,
                    Cause::AccessMissing
                        | Cause::ConditionMismatch
                        | Cause::ListNotCovered
                        | Cause::ReadNotCovered
                        | Cause::ManagementRoleOnly
                )
            })
        };
        for check in [Check::List, Check::Read] {
            if broken(check) && self.check(check).is_some_and(role) {
                if !drift.contains(&Drift::RoleGone) {
                    drift.push(Drift::RoleGone);
                }
            } else if broken(check) {
                drift.push(Drift::Broken(check));
            }
        }
        for check in [Check::Dns, Check::Challenge, Check::Token, Check::DelegationKey] {
            if broken(check) {
                drift.push(Drift::Broken(check));
            }
        }
        if broken(Check::Preflight) || broken(Check::BrowserRead) {
            drift.push(Drift::CorsLost);
        }
        for &check in Check::ALL {
            if since.failed(check) && self.passed(check) {
                drift.push(Drift::Mended(check));
            }
        }
        let wide = |health: &Self, check: Check| {
            health.privileges.as_ref().map(|seen| seen.wider.contains(&check))
        };
        let others = [Check::OtherList, Check::OtherRead];
        let change = |check| (wide(since, check), wide(self, check));
        if others.into_iter().any(|check| change(check) == (Some(false), Some(true))) {
            drift.push(Drift::ConditionLost);
        }
        for check in
            [Check::OtherList, Check::OtherRead, Check::OutsidePrefix, Check::ListContainers]
        {
            // What was not looked at, or not told, is no change.
            let known = |health: &Self| {
                health.privileges.as_ref().is_some_and(|seen| !seen.unknown.contains(&check))
            };
            match change(check) {
                _ if !known(self) || !known(since) => {}
                (Some(false), Some(true)) => drift.push(Drift::Broadened(check)),
                (Some(true), Some(false)) => drift.push(Drift::Narrowed(check)),
                _ => {}
            }
        }
        match (since.is_public(), self.is_public()) {
            (false, true) if since.passed(Check::Challenge) => drift.push(Drift::ContainerPublic),
            (true, false) if self.passed(Check::Challenge) => drift.push(Drift::ContainerPrivate),
            _ => {}
        }
        let changed = |before: &Option<String>, now: &Option<String>| matches!((before, now), (Some(before), Some(now)) if !before.eq_ignore_ascii_case(now));
        if changed(&since.tenant, &self.tenant) {
            drift.push(Drift::TenantChanged);
        }
        if changed(&since.object_id, &self.object_id) {
            drift.push(Drift::PrincipalChanged);
        }
        drift
    }
}

/// How many minutes and seconds, as people say it
pub(super) fn minutes(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}
