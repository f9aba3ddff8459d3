//! Causes of failure: how long each may take to pass, and how it is stored.
//!
//! `table` has the causes, one row each. A row is data: code, layer, step, whether waiting helps, what
//! is wrong, and what to do. What follows from a row, or is the same for all rows, is here.

pub use self::table::Cause;
use super::class::{PropagationTime, Retry, WizardStep};

/// Makes the enum and its accessors from the rows of `table`, so that no cause can lack a text.
///
/// The names of the layers, steps and retry classes resolve in `table`, which imports them.
macro_rules! causes {
    ($($variant:ident $code:literal $layer:ident $step:ident $retry:ident, $what:literal, $remedy:literal;)+) => {
        $crate::coded::coded_enum! {
            /// A cause of failure.
            ///
            /// The codes are stable; the texts may change. Sources: Microsoft Learn, "Common REST API
            /// error codes", "Blob Storage error codes", "Microsoft Entra authentication and authorization
            /// error codes", "Troubleshoot Azure RBAC" and "Troubleshoot role assignment conditions". The
            /// sources of single groups are named in the table.
            ///
            /// ```
            /// use azure_asset_sync::probe::{Cause, Layer, Retry};
            ///
            /// let cause = Cause::CorsMissing;
            /// assert_eq!((cause.layer(), cause.retry()), (Layer::Cors, Retry::Propagating));
            /// println!("{cause}: {}; {}", cause.what(), cause.remedy());
            /// assert!(Cause::ALL.iter().all(|cause| !cause.remedy().is_empty()));
            /// let newer: Cause = serde_json::from_str(r#""a_cause_of_2030""#)?;
            /// assert_eq!(newer, Cause::Other, "a rollback reads what a newer version stored");
            /// # Ok::<(), serde_json::Error>(())
            /// ```
            pub enum Cause by as_str {
                $(#[doc = concat!("Cause: ", $what, ".")] $variant = $code,)+
            }
        }

        impl Cause {
            /// Returns the layer in which the cause shows.
            pub fn layer(self) -> Layer {
                match self { $(Self::$variant => Layer::$layer,)+ Self::Other => Layer::Other }
            }

            /// Returns the step of the wizard in which the cause shows.
            pub fn step(self) -> WizardStep {
                match self { $(Self::$variant => WizardStep::$step,)+ Self::Other => WizardStep::Confirm }
            }

            /// Returns whether waiting helps.
            pub fn retry(self) -> Retry {
                match self { $(Self::$variant => Retry::$retry,)+ Self::Other => Retry::Never }
            }

            /// Returns the problem, as a clause for people.
            pub fn what(self) -> &'static str {
                match self { $(Self::$variant => $what,)+ Self::Other => "a cause of a newer version" }
            }

            /// Returns what to do, as a clause for people.
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)+ Self::Other => "read the evidence, or test the connection again" }
            }
        }
    };
}

// After the macro, whose scope is the text below it.
mod table;

impl Cause {
    /// Returns how long the cause may take to pass, if it is one that
    /// [propagates](Retry::Propagating).
    pub fn propagation_time(self) -> Option<PropagationTime> {
        match (self.retry(), self) {
            (Retry::Never | Retry::Transient, _) => None,
            (_, Self::ServicePrincipalMissing | Self::PrincipalNotReplicated) => {
                Some(PropagationTime::PRINCIPAL)
            }
            (_, Self::CorsMissing | Self::FederationMissing) => Some(PropagationTime::RULES),
            _ => Some(PropagationTime::ROLE),
        }
    }

    /// Returns the step of the wizard that the customer must do again.
    ///
    /// Many causes show in the step that tests the connection, but are corrected in an earlier step.
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

    /// Returns whether the cause is inferred from some requests that were allowed and others that
    /// were not.
    ///
    /// While an assignment propagates, two front ends that disagree look the same as these causes.
    pub(super) fn is_mixed(self) -> bool {
        matches!(
            self,
            Self::ListNotCovered
                | Self::ReadNotCovered
                | Self::KeyOutOfScope
                | Self::ManagementRoleOnly
        )
    }
}
