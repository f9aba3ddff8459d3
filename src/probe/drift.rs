//! The changes between two probes of one connection.
//!
//! Works on stored values only. A check counts if both probes made it and both got a clear answer, so
//! that an outage between two probes is not reported as a change of rights.

use std::fmt;

use super::{
    cause::Cause,
    check::{Check, Outcome},
    health::Health,
};

/// One change since an earlier probe.
///
/// [`Health::drift`] returns the changes. In JSON: an object whose field `drift` names the variant, with the
/// check in `check` if the variant has one. The names are stable.
///
/// ```
/// use azure_asset_sync::{Connection, MemoryStore, Probe, probe::Drift};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let builder = || Connection::builder("hall 3").account("contosovision");
/// let training = builder().container("training").build()?;
/// let archive = builder().container("archive").build()?;
/// let earlier = Probe::of_store(&training, MemoryStore::new()).run().await;
/// let now = Probe::of_store(&training, MemoryStore::new()).run().await;
/// assert_eq!(now.drift(&earlier), []);
/// let other = Probe::of_store(&archive, MemoryStore::new()).run().await;
/// assert_eq!(other.drift(&earlier), [Drift::AnotherContainer]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Drift {
    /// The earlier probe was of another account or container, so nothing was compared.
    AnotherContainer,
    /// The container could be listed or read, and no role allows that any more.
    RoleGone,
    /// Another check that passed fails now.
    Broken(Check),
    /// A check that failed passes now.
    Mended(Check),
    /// The principal can do something that it neither needs nor could do before.
    Broadened(Check),
    /// The principal can no longer do something that it does not need.
    Narrowed(Check),
    /// Other containers became reachable: the condition that excluded them is gone, or another role
    /// assignment allows them.
    ConditionLost,
    /// Browsers can no longer play videos, or can no longer seek in them.
    CorsLost,
    /// Anybody can list the container now.
    ContainerPublic,
    /// The container was public and no longer is.
    ContainerPrivate,
    /// The account belongs to another tenant than before.
    TenantChanged,
    /// Another principal signs in than before.
    PrincipalChanged,
    /// A change that this version of the crate does not know, read from JSON that a newer version wrote.
    Other,
}

impl fmt::Display for Drift {
    /// Writes the change as a clause, for example `broken: blobs cannot be read`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AnotherContainer => "the earlier probe was of another container",
            Self::RoleGone => {
                "access was lost: the role assignment was removed, or its condition no longer allows the container"
            }
            Self::Broken(check) => return write!(f, "broken: {}", check.opposite()),
            Self::Mended(check) => return write!(f, "works again: {}", check.title()),
            Self::Broadened(check) => return write!(f, "broader: {}", check.opposite()),
            Self::Narrowed(check) => return write!(f, "narrower: {}", check.title()),
            Self::ConditionLost => {
                "other containers became reachable: the condition was removed, or another role assignment allows them"
            }
            Self::CorsLost => "browsers may no longer play videos: the CORS rule has changed",
            Self::ContainerPublic => "the container has become public",
            Self::ContainerPrivate => "the container is no longer public",
            Self::TenantChanged => "the account has moved to another tenant",
            Self::PrincipalChanged => "another principal signs in",
            Self::Other => "a change that this version does not know",
        })
    }
}

impl Health {
    /// Returns what changed since an earlier probe of the same connection.
    ///
    /// Compares only what both probes checked with a clear answer. Returns an empty list if nothing
    /// changed. See [`Drift`] for an example.
    pub fn drift(&self, since: &Self) -> Vec<Drift> {
        if (&self.account, &self.container) != (&since.account, &since.container) {
            return vec![Drift::AnotherContainer];
        }
        let mut drift = Vec::new();
        for &check in Check::ALL {
            // List and read often lose their role together: that is one change, not two.
            if let Some(change) = self.change(since, check)
                && !drift.contains(&change)
            {
                drift.push(change);
            }
        }
        // A condition limits both, so either one shows that it no longer does.
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
        if differs(since.tenant.as_deref(), self.tenant.as_deref()) {
            drift.push(Drift::TenantChanged);
        }
        if differs(since.object_id.as_deref(), self.object_id.as_deref()) {
            drift.push(Drift::PrincipalChanged);
        }
        drift
    }

    /// Returns the change of a check that the connection needs.
    fn change(&self, since: &Self, check: Check) -> Option<Drift> {
        let cause = |health: &Self| health.check(check)?.diagnosis.as_ref().map(|d| d.cause);
        let now = cause(self);
        if since.passed(check) && self.failed(check) {
            // The causes that a missing role, or a changed condition, can have.
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
        // A rule that hides the headers for seeking is only a warning, but it is a loss nevertheless.
        let was_complete = since.check(check).is_some_and(|seen| seen.outcome == Outcome::Passed);
        (was_complete && now == Some(Cause::CorsIncomplete)).then_some(Drift::CorsLost)
    }

    /// Returns the change of something that the principal can do without needing it.
    fn wider(&self, since: &Self, check: Check) -> Option<Drift> {
        // With another prefix, "outside the prefix" means other names, so the two are not comparable.
        if check == Check::OutsidePrefix && self.prefix != since.prefix {
            return None;
        }
        match (since.allows_more(check)?, self.allows_more(check)?) {
            (false, true) => Some(Drift::Broadened(check)),
            (true, false) => Some(Drift::Narrowed(check)),
            _ => None,
        }
    }

    /// Returns whether a check showed more access than needed, or `None` without a clear answer.
    fn allows_more(&self, check: Check) -> Option<bool> {
        let privileges = self.privileges.as_ref()?;
        let was_made = self.check(check).is_some_and(|seen| seen.outcome != Outcome::Skipped);
        (was_made && !privileges.unknown.contains(&check))
            .then(|| privileges.wider.contains(&check))
    }
}

/// Returns whether two known IDs differ. Azure writes GUIDs in either letter case.
fn differs(before: Option<&str>, now: Option<&str>) -> bool {
    matches!((before, now), (Some(before), Some(now)) if !before.eq_ignore_ascii_case(now))
}
