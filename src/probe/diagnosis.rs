//! What an error means for a connection: a value, not an error.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    Cause, Check, Evidence, Layer, Retry, WizardStep,
    code::{self, By},
};
use crate::{
    connection::Connection,
    error::Error,
    grant::{Form, Grant, Step},
    name::{Field, InvalidName},
};

/// How sure a diagnosis is
///
/// Deliberately complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The answer leaves other causes open, and this is the most frequent
    Possible,
    /// Several answers together point to it
    Likely,
    /// The answer says it
    Certain,
}

/// What is wrong, which step of the wizard it belongs to, and what to do
///
/// ```
/// use azure_asset_sync::{Error, probe::{Cause, Diagnosis, Retry, WizardStep}};
///
/// let error = Error::from_response(403, Some("AuthorizationFailure"));
/// let diagnosis = Diagnosis::of(&error);
/// assert_eq!(diagnosis.cause, Cause::Firewall);
/// assert_eq!(diagnosis.retry(), Retry::Never);
/// assert_eq!(diagnosis.step(), WizardStep::Confirm);
/// println!("{diagnosis}");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Stored", from = "Stored")]
#[non_exhaustive]
pub struct Diagnosis {
    /// What is wrong
    pub cause: Cause,
    /// How sure that is
    pub confidence: Confidence,
    /// What to run, word for word, where a command is the remedy
    pub command: Option<String>,
    /// What it follows from
    pub evidence: Evidence,
}

impl Diagnosis {
    /// What an error means that came from a store
    pub fn of(error: &Error) -> Self {
        Self::at(if error.is_in_sign_in() { Check::Token } else { Check::List }, error)
    }

    /// What an error means that a check came upon
    pub fn at(check: Check, error: &Error) -> Self {
        let (cause, by) = code::of_error(error, check);
        let confidence = match (cause, by) {
            // The service does not say which of the reasons it is.
            (Cause::AccessMissing, _) | (_, By::Kind) => Confidence::Possible,
            (_, By::Code) => Confidence::Certain,
        };
        Self::new(cause, confidence, Evidence::of_error(error, Default::default()))
    }

    /// What a message means that a customer pastes: of the portal, of `az`, of a log
    ///
    /// `None` where it has neither a known code nor a known sentence.
    ///
    /// ```
    /// use azure_asset_sync::probe::{Cause, Diagnosis};
    ///
    /// let text = "(RoleAssignmentExists) The role assignment already exists.";
    /// assert_eq!(Diagnosis::of_text(text).map(|d| d.cause), Some(Cause::AssignmentExists));
    /// ```
    pub fn of_text(text: &str) -> Option<Self> {
        let (cause, code) = code::in_text(text)?;
        let action = code::refused_action(text).map(str::to_owned);
        let evidence = Evidence { code: Some(code), action, ..Evidence::default() };
        Some(Self::new(cause, Confidence::Likely, evidence))
    }

    pub(super) fn new(cause: Cause, confidence: Confidence, evidence: Evidence) -> Self {
        Self { cause, confidence, command: None, evidence }
    }

    /// Adds the command that mends it, from the grant that the customer applies
    #[must_use]
    pub fn with_grant(mut self, grant: &Grant, form: Form) -> Self {
        let step = match self.cause {
            Cause::ServicePrincipalMissing => Step::Principal,
            Cause::AccessMissing
            | Cause::JustAssigned
            | Cause::ManagementRoleOnly
            | Cause::KeyOutOfScope
            | Cause::WrongPrincipal
            | Cause::ApplicationIdAsObjectId
            | Cause::PrincipalNotReplicated => Step::Apply,
            Cause::ConditionMismatch
            | Cause::ListNotCovered
            | Cause::ReadNotCovered
            | Cause::AssignmentExists
            | Cause::ConditionInvalid
            | Cause::ConditionMangled => Step::Update,
            Cause::CorsMissing | Cause::CorsIncomplete => Step::Cors,
            _ => return self,
        };
        // A form without a spelling for a value has no command, and the sentence stands.
        let pack = grant.pack(form).ok();
        let command = pack.and_then(|pack| pack.step(step).map(|text| text.trim().to_owned()));
        self.command = command.or(self.command);
        self
    }

    /// Adds the command that needs no more than the connection and the principal
    pub(super) fn with_names(mut self, connection: &Connection, object_id: Option<&str>) -> Self {
        self.command = match (self.cause, object_id) {
            (Cause::AccountNotFound, _) => Some(format!(
                "az storage account show --name {} --query primaryEndpoints.blob --output tsv",
                connection.account()
            )),
            (Cause::BroadAccess, Some(id)) => Some(format!(
                "az role assignment list --assignee {id} --all --include-inherited --output table"
            )),
            _ => return self,
        };
        self
    }

    /// Where it shows
    pub fn layer(&self) -> Layer {
        self.cause.layer()
    }

    /// The step of the wizard in which it shows
    pub fn step(&self) -> WizardStep {
        self.cause.step()
    }

    /// The step of the wizard that must be done again
    pub fn redo(&self) -> WizardStep {
        self.cause.redo()
    }

    /// Whether waiting helps
    pub fn retry(&self) -> Retry {
        self.cause.retry()
    }

    /// What to do, in a sentence
    pub fn remedy(&self) -> &'static str {
        self.cause.remedy()
    }
}

impl From<&InvalidName> for Diagnosis {
    /// What a refused field of a form means, in the same words as a failed request
    fn from(problem: &InvalidName) -> Self {
        let cause = match problem.field() {
            Field::Account => Cause::InvalidAccountName,
            Field::Container => Cause::InvalidContainerName,
            Field::Tenant => Cause::InvalidTenant,
            _ => Cause::Misconfigured,
        };
        Self::new(cause, Confidence::Certain, Evidence::default())
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.cause.what(), self.remedy())
    }
}

/// A diagnosis as machines and saved reports see it: what follows from the cause is spelled out
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    cause: Cause,
    confidence: Confidence,
    #[serde(default, skip_deserializing)]
    layer: Option<Layer>,
    #[serde(default, skip_deserializing)]
    step: u8,
    #[serde(default, skip_deserializing)]
    redo: u8,
    #[serde(default, skip_deserializing)]
    retry: Option<Retry>,
    #[serde(default, skip_deserializing)]
    what: &'static str,
    #[serde(default, skip_deserializing)]
    remedy: &'static str,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    #[serde(default)]
    evidence: Evidence,
}

impl From<Diagnosis> for Stored {
    fn from(diagnosis: Diagnosis) -> Self {
        let Diagnosis { cause, confidence, command, evidence } = diagnosis;
        Self {
            cause,
            confidence,
            layer: Some(cause.layer()),
            step: cause.step().number(),
            redo: cause.redo().number(),
            retry: Some(cause.retry()),
            what: cause.what(),
            remedy: cause.remedy(),
            command,
            evidence,
        }
    }
}

impl From<Stored> for Diagnosis {
    fn from(stored: Stored) -> Self {
        let Stored { cause, confidence, command, evidence, .. } = stored;
        Self { cause, confidence, command, evidence }
    }
}
