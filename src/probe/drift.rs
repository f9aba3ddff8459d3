use std::fmt;

use serde::Serialize;

use super::{Cause, Check, Health, Outcome};

/// What has changed since an earlier probe
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Drift {
    /// The earlier probe was of another account or container, so nothing can be compared
    AnotherContainer,
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
    /// Browsers may no longer play videos, or seek in them
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
        f.write_str(match self {
            Self::AnotherContainer => "the earlier probe was of another container",
            Self::RoleGone => "the role assignment is gone, or no longer allows this",
            Self::Broken(check) => return write!(f, "broken: {}", check.opposite()),
            Self::Mended(check) => return write!(f, "mended: {}", check.title()),
            Self::Broadened(check) => return write!(f, "broader: {}", check.opposite()),
            Self::Narrowed(check) => return write!(f, "narrower: {}", check.title()),
            Self::ConditionLost => "the condition is gone, or another assignment defeats it",
            Self::CorsLost => "browsers may no longer play videos: the CORS rule has changed",
            Self::ContainerPublic => "the container has become public",
            Self::ContainerPrivate => "the container is no longer public",
            Self::TenantChanged => "the account has moved to another tenant",
            Self::PrincipalChanged => "another principal signs in",
        })
    }
}

impl Health {
    /// What has changed since an earlier probe of the connection
    ///
    /// Only what both probes looked at, and were told, is compared.
    pub fn drift(&self, since: &Self) -> Vec<Drift> {
        if (&self.account, &self.container) != (&since.account, &since.container) {
            return vec![Drift::AnotherContainer];
        }
        let mut drift = Vec::new();
        for &check in Check::ALL {
            if let Some(change) = self.change(since, check)
                && !drift.contains(&change)
            {
                drift.push(change);
            }
        }
        let others = [Check::OtherList, Check::OtherRead].map(Drift::Broadened);
        let wider: Vec<_> = Check::ALL.iter().filter_map(|&c| self.wider(since, c)).collect();
        if wider.iter().any(|change| others.contains(change)) {
            drift.push(Drift::ConditionLost);
        }
        drift.extend(wider);
        match (since.public, self.public) {
            (Some(false), Some(true)) => drift.push(Drift::ContainerPublic),
            (Some(true), Some(false)) => drift.push(Drift::ContainerPrivate),
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

    /// Whether a check that worked fails, or the reverse
    fn change(&self, since: &Self, check: Check) -> Option<Drift> {
        let cause = |health: &Self| health.check(check)?.diagnosis.as_ref().map(|d| d.cause);
        let now = cause(self);
        if since.passed(check) && self.failed(check) {
            return Some(match now {
                Some(
                    Cause::AccessMissing
                    | Cause::ConditionMismatch
                    | Cause::ListNotCovered
                    | Cause::ReadNotCovered
                    | Cause::ManagementRoleOnly,
                ) => Drift::RoleGone,
                Some(Cause::CorsMissing) => Drift::CorsLost,
                _ => Drift::Broken(check),
            });
        }
        if since.failed(check) && self.passed(check) {
            return Some(Drift::Mended(check));
        }
        let whole = since.check(check).is_some_and(|seen| seen.outcome == Outcome::Passed);
        (whole && now == Some(Cause::CorsIncomplete)).then_some(Drift::CorsLost)
    }

    /// Whether what is not needed is allowed now and was not, or the reverse
    fn wider(&self, since: &Self, check: Check) -> Option<Drift> {
        // Another prefix has another outside.
        if check == Check::OutsidePrefix && self.prefix != since.prefix {
            return None;
        }
        let wide = |health: &Self| {
            let seen = health.privileges.as_ref()?;
            // What could not be told is no change, nor is what was not asked.
            let asked = health.check(check).is_some_and(|seen| seen.outcome != Outcome::Skipped);
            (asked && !seen.unknown.contains(&check)).then(|| seen.wider.contains(&check))
        };
        match (wide(since)?, wide(self)?) {
            (false, true) => Some(Drift::Broadened(check)),
            (true, false) => Some(Drift::Narrowed(check)),
            _ => None,
        }
    }
}
