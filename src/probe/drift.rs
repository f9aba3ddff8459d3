//! The changes between two probes of one connection.
//!
//! Works on stored values only. A check counts if both probes made it and both got a clear answer, so
//! that an outage between two probes is not reported as a change of rights. Whether a change lasts is
//! decided by `drift_watch`.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::{
    cause::Cause,
    check::{Check, Outcome},
    class::Retry,
    health::Health,
};

/// One change since an earlier probe.
///
/// [`Drift::between`] returns the changes between two healths, and [`DriftWatch`](super::DriftWatch)
/// those that last. In JSON: an object whose field `drift` has the [stable name](Self::as_str), with the
/// check in the field `check` if there is one. A name of a newer version is read as
/// [`Other`](Self::Other).
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
/// assert_eq!(Drift::between(&earlier, &now), []);
/// let other = Probe::of_store(&archive, MemoryStore::new()).run().await;
/// assert_eq!(Drift::between(&earlier, &other), [Drift::AnotherContainer]);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "Stored", from = "Earlier")]
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
    /// A change that this version of the crate does not know, read from a stored value.
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
            Self::Other => "a change of a newer version",
        })
    }
}

impl Drift {
    /// Returns what changed from one probe to a later one of the same connection.
    ///
    /// Compares only what both probes checked with a clear answer: a check that was skipped, or that
    /// failed for a [transient](Retry::Transient) cause such as throttling, shows no change. Returns an
    /// empty list if nothing changed. See [`Drift`] for an example.
    ///
    /// One later probe is no proof: see [`DriftWatch`](super::DriftWatch).
    pub fn between(before: &Health, after: &Health) -> Vec<Self> {
        if (&before.account, &before.container) != (&after.account, &after.container) {
            return vec![Self::AnotherContainer];
        }
        let mut drift = Vec::new();
        for &check in Check::ALL {
            // List and read often lose their role together: that is one change, not two.
            if let Some(change) = change(before, after, check)
                && !drift.contains(&change)
            {
                drift.push(change);
            }
        }
        // A condition limits both, so either one shows that it no longer does.
        let others = OTHERS.map(Self::Broadened);
        let wider: Vec<_> =
            Check::ALL.iter().filter_map(|&check| wider(before, after, check)).collect();
        if wider.iter().any(|change| others.contains(change)) {
            drift.push(Self::ConditionLost);
        }
        drift.extend(wider);
        match (before.public, after.public) {
            (Some(false), Some(true)) => drift.push(Self::ContainerPublic),
            (Some(true), Some(false)) => drift.push(Self::ContainerPrivate),
            _ => {}
        }
        if is_same(&before.tenant, &after.tenant) == Some(false) {
            drift.push(Self::TenantChanged);
        }
        if is_same(&before.object_id, &after.object_id) == Some(false) {
            drift.push(Self::PrincipalChanged);
        }
        drift
    }

    /// Returns the stable name without the check, for example `broken`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AnotherContainer => "another_container",
            Self::RoleGone => "role_gone",
            Self::Broken(_) => "broken",
            Self::Mended(_) => "mended",
            Self::Broadened(_) => "broadened",
            Self::Narrowed(_) => "narrowed",
            Self::ConditionLost => "condition_lost",
            Self::CorsLost => "cors_lost",
            Self::ContainerPublic => "container_public",
            Self::ContainerPrivate => "container_private",
            Self::TenantChanged => "tenant_changed",
            Self::PrincipalChanged => "principal_changed",
            Self::Other => "other",
        }
    }

    /// Returns the check that the change is about, if it is about one.
    pub fn check(self) -> Option<Check> {
        match self {
            Self::Broken(check)
            | Self::Mended(check)
            | Self::Broadened(check)
            | Self::Narrowed(check) => Some(check),
            _ => None,
        }
    }

    /// Returns whether the connection is worse than before: access was lost, became wider, or belongs
    /// to somebody else.
    ///
    /// Repaired access, narrower access and a container that is no longer public are improvements.
    pub fn is_worse(self) -> bool {
        match self {
            Self::Mended(_) | Self::Narrowed(_) | Self::ContainerPrivate => false,
            // A change that is not understood must not stop anything.
            Self::Other => false,
            _ => true,
        }
    }

    /// Returns whether the connection must be tested again before its next sync.
    ///
    /// True for every change that [is worse](Self::is_worse), except for view links and CORS, which a
    /// sync does not need.
    ///
    /// ```
    /// use azure_asset_sync::probe::{Check, Drift};
    ///
    /// assert!(Drift::RoleGone.needs_test() && Drift::ContainerPublic.needs_test());
    /// assert!(Drift::CorsLost.is_worse() && !Drift::CorsLost.needs_test());
    /// assert!(!Drift::Broken(Check::DelegationKey).needs_test());
    /// ```
    pub fn needs_test(self) -> bool {
        match self {
            Self::CorsLost => false,
            Self::Broken(check) => check.is_required(),
            _ => self.is_worse(),
        }
    }

    /// Returns whether a later probe shows that this change has not happened, or was undone.
    ///
    /// False without a clear answer, for example if the check was skipped.
    pub(super) fn is_refuted(self, before: &Health, after: &Health) -> bool {
        let pass = |checks: &[Check]| {
            let mut relevant = checks.iter().filter(|&&check| before.passed(check)).peekable();
            relevant.peek().is_some() && relevant.all(|&check| after.passed(check))
        };
        if Self::between(before, after).contains(&self) {
            return false;
        }
        match self {
            Self::AnotherContainer => true,
            Self::RoleGone => pass(&[Check::List, Check::Read]),
            Self::CorsLost => pass(&[Check::Preflight, Check::BrowserRead]),
            Self::Broken(check) => after.passed(check),
            Self::Mended(check) => is_clear_failure(after, check),
            Self::Broadened(check) => allows_more(after, check) == Some(false),
            Self::Narrowed(check) => allows_more(after, check) == Some(true),
            Self::ConditionLost => OTHERS.iter().all(|&c| allows_more(after, c) == Some(false)),
            Self::ContainerPublic => after.public == Some(false),
            Self::ContainerPrivate => after.public == Some(true),
            Self::TenantChanged => is_same(&before.tenant, &after.tenant) == Some(true),
            Self::PrincipalChanged => is_same(&before.object_id, &after.object_id) == Some(true),
            Self::Other => true,
        }
    }
}

/// The checks that show access to other containers.
const OTHERS: [Check; 2] = [Check::OtherList, Check::OtherRead];

/// Returns the cause of the diagnosis of a check.
fn cause(health: &Health, check: Check) -> Option<Cause> {
    health.check(check)?.diagnosis.as_ref().map(|diagnosis| diagnosis.cause)
}

/// Returns whether a check failed for a cause that does not pass by itself.
fn is_clear_failure(health: &Health, check: Check) -> bool {
    let is_clear = |cause: Cause| match cause {
        // Both are inferred from one failed answer, and are about this machine and its network.
        Cause::PrivateEndpoint | Cause::ClockSkew => false,
        // Nobody knows whether it passes.
        Cause::Unknown | Cause::Other => false,
        cause => cause.retry() != Retry::Transient,
    };
    health.failed(check) && cause(health, check).is_some_and(is_clear)
}

/// Returns the change of a check that the connection needs.
fn change(before: &Health, after: &Health, check: Check) -> Option<Drift> {
    let now = cause(after, check);
    if before.passed(check) && is_clear_failure(after, check) {
        return Some(match now {
            // The causes that a missing role, or a changed condition, can have.
            Some(
                Cause::AccessMissing
                | Cause::ConditionMismatch
                | Cause::ListNotCovered
                | Cause::ReadNotCovered
                | Cause::ManagementRoleOnly,
            ) if check.is_required() => Drift::RoleGone,
            Some(Cause::CorsMissing) if !check.is_required() => Drift::CorsLost,
            _ => Drift::Broken(check),
        });
    }
    if is_clear_failure(before, check) && after.passed(check) {
        return Some(Drift::Mended(check));
    }
    // A rule that hides the headers for seeking is only a warning, but it is a loss nevertheless.
    let was_complete = before.check(check).is_some_and(|seen| seen.outcome == Outcome::Passed);
    (was_complete && now == Some(Cause::CorsIncomplete)).then_some(Drift::CorsLost)
}

/// Returns the change of something that the principal can do without needing it.
fn wider(before: &Health, after: &Health, check: Check) -> Option<Drift> {
    // With another prefix, "outside the prefix" means other names, so the two are not comparable.
    if check == Check::OutsidePrefix && before.prefix != after.prefix {
        return None;
    }
    match (allows_more(before, check)?, allows_more(after, check)?) {
        (false, true) => Some(Drift::Broadened(check)),
        (true, false) => Some(Drift::Narrowed(check)),
        _ => None,
    }
}

/// Returns whether a check showed more access than needed, or `None` without a clear answer.
fn allows_more(health: &Health, check: Check) -> Option<bool> {
    let privileges = health.privileges.as_ref()?;
    let was_made = health.check(check).is_some_and(|seen| seen.outcome != Outcome::Skipped);
    (was_made && !privileges.unknown.contains(&check)).then(|| privileges.wider.contains(&check))
}

/// Returns whether two IDs are the same, or `None` if one of them is not known.
///
/// Azure writes GUIDs in either letter case.
fn is_same(before: &Option<String>, after: &Option<String>) -> Option<bool> {
    Some(before.as_deref()?.eq_ignore_ascii_case(after.as_deref()?))
}

/// The JSON form of a change.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename = "Drift")]
struct Stored {
    drift: Cow<'static, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    check: Option<Check>,
}

impl From<Drift> for Stored {
    fn from(drift: Drift) -> Self {
        Self { drift: drift.as_str().into(), check: drift.check() }
    }
}

impl From<Stored> for Drift {
    fn from(stored: Stored) -> Self {
        match (&*stored.drift, stored.check) {
            ("another_container", _) => Self::AnotherContainer,
            ("role_gone", _) => Self::RoleGone,
            ("broken", Some(check)) => Self::Broken(check),
            ("mended", Some(check)) => Self::Mended(check),
            ("broadened", Some(check)) => Self::Broadened(check),
            ("narrowed", Some(check)) => Self::Narrowed(check),
            ("condition_lost", _) => Self::ConditionLost,
            ("cors_lost", _) => Self::CorsLost,
            ("container_public", _) => Self::ContainerPublic,
            ("container_private", _) => Self::ContainerPrivate,
            ("tenant_changed", _) => Self::TenantChanged,
            ("principal_changed", _) => Self::PrincipalChanged,
            _ => Self::Other,
        }
    }
}

/// A change as it is read. Earlier versions wrote a name, or an object with the name as its only key.
#[derive(Deserialize)]
#[serde(untagged)]
enum Earlier {
    Object(Stored),
    Name(String),
    Pair(BTreeMap<String, serde_json::Value>),
}

impl From<Earlier> for Drift {
    fn from(read: Earlier) -> Self {
        match read {
            Earlier::Object(stored) => stored.into(),
            Earlier::Name(name) => Stored { drift: name.into(), check: None }.into(),
            Earlier::Pair(pair) => {
                // Fields of later versions, whose values are no checks, are ignored.
                let check = |(name, value)| Some((name, serde_json::from_value(value).ok()?));
                match pair.into_iter().find_map(check) {
                    Some((name, check)) => Stored { drift: name.into(), check: Some(check) }.into(),
                    None => Self::Other,
                }
            }
        }
    }
}

crate::schema::schema_as!(Drift, Stored);
