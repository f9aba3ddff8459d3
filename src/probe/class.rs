//! The classes of causes: layer, wizard step, whether waiting helps and for how long; and causes as
//! text.
//!
//! The causes themselves are rows in `cause.rs`.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize};

use super::Cause;

/// Where a cause shows
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Layer {
    /// What was typed
    Input,
    /// The name service
    Dns,
    /// The network
    Tcp,
    /// The encryption
    Tls,
    /// The sign-in, Microsoft Entra ID
    Entra,
    /// The management of resources, Azure Resource Manager, and the Azure CLI before it
    Arm,
    /// The blob service
    Storage,
    /// What browsers are allowed
    Cors,
    /// A good answer that is not what was meant
    Semantic,
}

/// The steps in which a customer connects a container
///
/// Deliberately complete: the wizard has these six.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WizardStep {
    /// 1: account, container and prefix
    BlobDetails,
    /// 2: the service principal in the customer's tenant
    ServicePrincipal,
    /// 3: the role, its scope and its condition
    AssignRole,
    /// 4: the rule for browsers
    Cors,
    /// 5: the test of the connection
    Confirm,
    /// 6: the sync
    Sync,
}

impl WizardStep {
    /// Its number, from 1
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    /// What it is about, in words
    pub fn title(self) -> &'static str {
        match self {
            Self::BlobDetails => "blob details",
            Self::ServicePrincipal => "service principal",
            Self::AssignRole => "assign the role",
            Self::Cors => "CORS",
            Self::Confirm => "confirm",
            Self::Sync => "sync",
        }
    }
}

impl fmt::Display for WizardStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number(), self.title())
    }
}

/// Whether waiting helps
///
/// Deliberately complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// No: somebody must change something
    Never,
    /// It passes by itself, soon
    Transient,
    /// What was changed has not reached every front end yet; later than that, it never will
    Propagating,
}

/// How long a change takes to reach every front end
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PropagationTime {
    /// Nearly always within this
    pub usual: Duration,
    /// The bound that the documentation names
    pub documented: Duration,
    /// The longest that was seen: later than this, the cause is another
    pub worst: Duration,
}

impl PropagationTime {
    const fn seconds(usual: u64, documented: u64, worst: u64) -> Self {
        Self {
            usual: Duration::from_secs(usual),
            documented: Duration::from_secs(documented),
            worst: Duration::from_secs(worst),
        }
    }

    /// Role assignments and conditions: 5, 10 and 30 minutes
    ///
    /// Source: Microsoft Learn, "Troubleshoot Azure RBAC" (10 minutes), "Troubleshoot role
    /// assignment conditions" (5 minutes), "Assign an Azure role for access to blob data"
    /// (30 minutes).
    pub const ROLE: Self = Self::seconds(300, 600, 1800);
    /// A service principal that was just made: 2, 5 and 60 minutes; vendors report an hour
    pub const PRINCIPAL: Self = Self::seconds(120, 300, 3600);
    /// Rules for browsers and federated credentials: 30 seconds, 1 minute and 5 minutes
    pub const RULES: Self = Self::seconds(30, 60, 300);
}

impl Cause {
    /// How long it may take to heal by itself, for those that [propagate](Retry::Propagating)
    pub fn spread(self) -> Option<PropagationTime> {
        match (self.retry(), self) {
            (Retry::Never | Retry::Transient, _) => None,
            (_, Self::ServicePrincipalMissing | Self::PrincipalNotReplicated) => {
                Some(PropagationTime::PRINCIPAL)
            }
            (_, Self::CorsMissing | Self::FederationMissing) => Some(PropagationTime::RULES),
            _ => Some(PropagationTime::ROLE),
        }
    }

    /// The step of the wizard that must be done again
    pub fn redo(self) -> WizardStep {
        match self {
            Self::AccessMissing
            | Self::ConditionMismatch
            | Self::ListNotCovered
            | Self::ReadNotCovered
            | Self::KeyOutOfScope
            | Self::ContainersOutOfScope
            | Self::ManagementRoleOnly
            | Self::JustAssigned
            | Self::BroadAccess => WizardStep::AssignRole,
            Self::ContainerNotFound | Self::ResourceNotFound | Self::EmptyListing => {
                WizardStep::BlobDetails
            }
            Self::TokenIssuer => WizardStep::ServicePrincipal,
            _ => self.step(),
        }
    }
}

impl<'de> Deserialize<'de> for Cause {
    /// A code that a later version of this crate has is [`Unknown`](Self::Unknown) to this one
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        let found = Self::ALL.iter().copied().find(|cause| cause.as_str() == code);
        Ok(found.unwrap_or(Self::Unknown))
    }
}
