use std::fmt;

use serde::{Deserialize, Serialize};

use super::Check;

/// The shape of the grant that the answers show
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SeenShape {
    /// A reading role on the account, limited to the container by its condition
    AccountWithCondition,
    /// A reading role on the container alone, or one that has data actions and no others
    Container,
    /// A reading role on the container, and one that makes keys for view links on the account
    ContainerAndDelegator,
    /// A reading role on the account or above, limited by nothing
    AccountUnlimited,
    /// The answers do not tell
    #[serde(other)]
    Undetermined,
}

impl SeenShape {
    /// What it is, in words
    pub fn title(self) -> &'static str {
        match self {
            Self::AccountWithCondition => "a reading role on the account, with a condition",
            Self::Container => "a reading role on the container, or one with data actions alone",
            Self::ContainerAndDelegator => {
                "a reading role on the container, and a delegating one on the account"
            }
            Self::AccountUnlimited => "a reading role on the whole account, limited by nothing",
            Self::Undetermined => "not to be told from the answers",
        }
    }
}

/// What a principal may do, beside what it needs: shown by requests that should be refused
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Privileges {
    /// The shape of the grant
    pub shape: SeenShape,
    /// What is allowed and not needed
    pub wider: Vec<Check>,
    /// What could not be told, since its answer was neither yes nor no
    pub unknown: Vec<Check>,
}

/// Whether a request was allowed; `None` where it was not made, or its answer tells neither
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Allowed {
    pub(super) list: Option<bool>,
    pub(super) read: Option<bool>,
    pub(super) key: Option<bool>,
    pub(super) other_list: Option<bool>,
    pub(super) other_read: Option<bool>,
    pub(super) outside_prefix: Option<bool>,
    pub(super) containers: Option<bool>,
}

impl Allowed {
    pub(super) fn privileges(self, has_prefix: bool) -> Privileges {
        let mut rows = vec![
            (Check::OtherList, self.other_list),
            (Check::OtherRead, self.other_read),
            (Check::ListContainers, self.containers),
        ];
        // A key is no more than is needed, but what it tells is missed where nobody knows.
        let no_key = self.key.is_none().then_some(Check::DelegationKey);
        if has_prefix {
            rows.insert(2, (Check::OutsidePrefix, self.outside_prefix));
        }
        let which = |wanted: Option<bool>| {
            rows.iter().filter(|(_, allowed)| *allowed == wanted).map(|(check, _)| *check).collect()
        };
        let elsewhere = match (self.other_list, self.other_read) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        };
        let reads = self.list == Some(true) || self.read == Some(true);
        let shape = match (reads, elsewhere, self.containers, self.key) {
            (_, Some(true), _, _) => SeenShape::AccountUnlimited,
            (true, Some(false), Some(true), Some(true)) => SeenShape::AccountWithCondition,
            (true, Some(false), Some(false), Some(true)) => SeenShape::ContainerAndDelegator,
            (true, Some(false), Some(false), Some(false)) => SeenShape::Container,
            _ => SeenShape::Undetermined,
        };
        let mut unknown: Vec<_> = which(None);
        unknown.extend(no_key);
        Privileges { shape, wider: which(Some(true)), unknown }
    }

    /// What either pass was allowed: a front end that refuses has not learned of it yet
    pub(super) fn or(self, other: Self) -> Self {
        let or = |a: Option<bool>, b: Option<bool>| match (a, b) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (a, b) => a.or(b),
        };
        Self {
            list: or(self.list, other.list),
            read: or(self.read, other.read),
            key: or(self.key, other.key),
            other_list: or(self.other_list, other.other_list),
            other_read: or(self.other_read, other.other_read),
            outside_prefix: or(self.outside_prefix, other.outside_prefix),
            containers: or(self.containers, other.containers),
        }
    }
}

impl fmt::Display for Privileges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "grant: {}", self.shape.title())?;
        for check in &self.wider {
            write!(f, "\nwider than needed: {}", check.opposite())?;
        }
        for check in &self.unknown {
            write!(f, "\nnot to be told: whether {}", check.title())?;
        }
        Ok(())
    }
}
