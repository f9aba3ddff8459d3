//! The permissions of the principal beyond its needs, as the answers of a pass show it.
//!
//! The role assignments themselves cannot be read with the rights of a blob reader, so their shape is
//! inferred from requests that should be refused.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{check::Check, facts::Allowed};

/// The shape of the grant that the answers show.
///
/// Compare with [`Shape`](crate::grant::Shape), which says what a grant intends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = crate::coded::open))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SeenShape {
    /// A reading role on the account, limited to the container by a condition.
    AccountWithCondition,
    /// A reading role on the container only, or a custom role that has only data actions.
    Container,
    /// A reading role on the container, and a role on the account that can obtain user delegation
    /// keys.
    ContainerAndDelegator,
    /// A reading role on the account or above, without a condition that limits the container.
    AccountUnlimited,
    /// The answers fit no shape, or some of them are missing. In JSON, the shape of a newer version is read
    /// as this.
    #[serde(other)]
    Undetermined,
}

impl SeenShape {
    /// Returns a description for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::AccountWithCondition => "a reading role on the account, with a condition",
            Self::Container => {
                "a reading role on the container, or a custom role with data actions only"
            }
            Self::ContainerAndDelegator => {
                "a reading role on the container, and Storage Blob Delegator on the account"
            }
            Self::AccountUnlimited => {
                "a reading role on the whole account, not limited to the container"
            }
            Self::Undetermined => "undetermined",
        }
    }
}

/// The permissions of a principal beyond its needs.
///
/// [`Probe::least_privilege`](super::Probe::least_privilege) requests it.
///
/// ```
/// use azure_asset_sync::{Health, probe::SeenShape};
///
/// fn is_too_wide(health: &Health) -> bool {
///     let Some(privileges) = &health.privileges else { return false };
///     privileges.shape == SeenShape::AccountUnlimited || !privileges.wider.is_empty()
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Privileges {
    /// The shape of the grant.
    pub shape: SeenShape,
    /// The checks whose requests were allowed although a scan does not need them.
    pub wider: Vec<Check>,
    /// The checks whose answers neither allow nor deny the request.
    pub unknown: Vec<Check>,
}

impl Privileges {
    /// Infers the privileges from what was allowed.
    ///
    /// Without a prefix there are no names outside the prefix, so that check does not count.
    pub(super) fn of(allowed: &Allowed, has_prefix: bool) -> Self {
        let mut checks = vec![Check::OtherList, Check::OtherRead, Check::ListContainers];
        if has_prefix {
            // In the order of `Check::ALL`.
            checks.insert(2, Check::OutsidePrefix);
        }
        let with = |wanted: Option<bool>| {
            checks.iter().copied().filter(|check| allowed.get(*check) == wanted).collect()
        };
        let mut unknown: Vec<_> = with(None);
        // A key is never wider than needed, but without its answer the shape cannot be inferred.
        if allowed.get(Check::DelegationKey).is_none() {
            unknown.push(Check::DelegationKey);
        }
        Self { shape: shape(allowed), wider: with(Some(true)), unknown }
    }
}

/// Infers the shape of the grant from what was allowed.
///
/// Two of the answers are about the account (container names and keys), and two about other
/// containers. No answer about the role assignments themselves is needed.
fn shape(allowed: &Allowed) -> SeenShape {
    let is_allowed = |check| allowed.get(check) == Some(true);
    let elsewhere = match (allowed.get(Check::OtherList), allowed.get(Check::OtherRead)) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    };
    let reads = is_allowed(Check::List) || is_allowed(Check::Read);
    let (containers, key) = (allowed.get(Check::ListContainers), allowed.get(Check::DelegationKey));
    match (reads, elsewhere, containers, key) {
        (_, Some(true), _, _) => SeenShape::AccountUnlimited,
        // Container names and keys belong to the account, so they show where the role is assigned.
        (true, Some(false), Some(true), Some(true)) => SeenShape::AccountWithCondition,
        (true, Some(false), Some(false), Some(true)) => SeenShape::ContainerAndDelegator,
        (true, Some(false), Some(false), Some(false)) => SeenShape::Container,
        _ => SeenShape::Undetermined,
    }
}

impl fmt::Display for Privileges {
    /// Writes the shape, then one line for each check that is wider than needed or undetermined.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "grant: {}", self.shape.title())?;
        for check in &self.wider {
            write!(f, "\nwider than needed: {}", check.opposite())?;
        }
        for check in &self.unknown {
            write!(f, "\nundetermined: whether {}", check.title())?;
        }
        Ok(())
    }
}
