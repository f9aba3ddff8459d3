//! The classes of causes: layer, wizard step, whether waiting helps, and for how long.
//!
//! Small values without behavior. The rows that assign classes to causes are in `cause`.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// The layer in which a cause shows.
///
/// The layers are in the order in which a request passes them. A user interface can group causes by
/// layer, for example to send `Dns`, `Tcp` and `Tls` to the network team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = crate::coded::open))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Layer {
    /// The values that the user entered.
    Input,
    /// Name resolution.
    Dns,
    /// The network connection.
    Tcp,
    /// The TLS handshake.
    Tls,
    /// The sign-in to Microsoft Entra ID.
    Entra,
    /// The management of resources: Azure Resource Manager, and the Azure CLI that calls it.
    Arm,
    /// The blob service.
    Storage,
    /// Cross-origin requests by browsers.
    Cors,
    /// A successful answer that is not what the user meant, for example an empty listing.
    Semantic,
    /// A layer that this version of the crate does not know, read from JSON that a newer version wrote.
    #[serde(other)]
    Other,
}

/// A step of the wizard in which a customer connects a container.
///
/// Deliberately exhaustive: the wizard has these six steps. The order is that of the wizard.
///
/// ```
/// use azure_asset_sync::probe::{Cause, WizardStep};
///
/// assert_eq!(WizardStep::AssignRole.to_string(), "3 assign the role");
/// assert_eq!(Cause::AccessMissing.step(), WizardStep::Confirm, "where it shows");
/// assert_eq!(Cause::AccessMissing.redo(), WizardStep::AssignRole, "where to correct it");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WizardStep {
    /// Step 1: account, container and prefix.
    BlobDetails,
    /// Step 2: the service principal in the customer's tenant.
    ServicePrincipal,
    /// Step 3: the role, its scope and its condition.
    AssignRole,
    /// Step 4: the CORS rule for browsers.
    Cors,
    /// Step 5: the test of the connection.
    Confirm,
    /// Step 6: the sync.
    Sync,
}

impl WizardStep {
    /// Returns the number of the step, from 1 to 6.
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    /// Returns the heading of the step.
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
    /// Writes number and heading, for example `3 assign the role`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number(), self.title())
    }
}

/// Whether waiting helps against a cause.
///
/// Deliberately exhaustive: a caller that handles these three handles them all.
///
/// For how long to wait, see [`PropagationTime`] and
/// [`Cause::propagation_time`](super::Cause::propagation_time).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// Waiting does not help: somebody must change something.
    Never,
    /// The cause passes soon without any change, for example throttling.
    Transient,
    /// A change has not reached every front end yet. After [`PropagationTime::worst`] it never will,
    /// and the cause is another one.
    Propagating,
}

/// How long a change takes to reach every front end.
///
/// ```
/// use azure_asset_sync::probe::{Cause, PropagationTime};
///
/// assert_eq!(Cause::AccessMissing.propagation_time(), Some(PropagationTime::ROLE));
/// assert_eq!(Cause::CorsMissing.propagation_time(), Some(PropagationTime::RULES));
/// assert_eq!(Cause::Firewall.propagation_time(), None, "waiting does not help");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PropagationTime {
    /// Nearly all changes take effect within this time.
    pub usual: Duration,
    /// The limit that Microsoft's documentation names.
    pub documented: Duration,
    /// The longest time that was observed. After this time, waiting is pointless.
    pub worst: Duration,
}

impl PropagationTime {
    /// In the order usual, documented, worst.
    const fn seconds(usual: u64, documented: u64, worst: u64) -> Self {
        Self {
            usual: Duration::from_secs(usual),
            documented: Duration::from_secs(documented),
            worst: Duration::from_secs(worst),
        }
    }

    /// Role assignments and their conditions: usually 5 min, documented 10 min, at worst 30 min.
    ///
    /// Source: Microsoft Learn, "Troubleshoot Azure RBAC" (10 min), "Troubleshoot role assignment
    /// conditions" (5 min), "Assign an Azure role for access to blob data" (30 min).
    pub const ROLE: Self = Self::seconds(300, 600, 1800);
    /// A new service principal: usually 2 min, documented 5 min, at worst 60 min.
    ///
    /// Source of the worst case: reports by vendors of delays of an hour.
    pub const PRINCIPAL: Self = Self::seconds(120, 300, 3600);
    /// CORS rules and federated credentials: usually 30 s, documented 1 min, at worst 5 min.
    pub const RULES: Self = Self::seconds(30, 60, 300);
}
