//! The meaning of an error for a connection: the cause, how certain it is, and what to do.
//!
//! A [`Diagnosis`] is a value, not an error. It follows from a code or a kind by the tables in `code`
//! and `cause`, and never quotes the message of a service.

use std::{cmp::Ordering, fmt};

use serde::{Deserialize, Serialize};

use super::{
    cause::Cause,
    check::Check,
    class::{Layer, Retry, WizardStep},
    code::{self, Basis},
    evidence::Evidence,
};
use crate::{
    connection::Connection,
    error::Error,
    grant::{Form, Grant, Step},
    name::{Field, InvalidName},
};

/// How certain a diagnosis is.
///
/// The order is that of certainty.
///
/// Show a [`Possible`](Self::Possible) cause as a suggestion: the answer fits it, but fits others
/// too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = crate::coded::open))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Confidence {
    /// The answer has several possible causes, and this is the most frequent one.
    Possible,
    /// Several answers together point to the cause.
    Likely,
    /// The answer names the cause.
    Certain,
    /// A value that this version of the crate does not know, read from JSON that a newer version wrote.
    ///
    /// The least certain of all.
    #[serde(other)]
    Other,
}

impl Confidence {
    /// Returns the place in the order of certainty.
    fn rank(self) -> u8 {
        match self {
            Self::Other => 0,
            Self::Possible => 1,
            Self::Likely => 2,
            Self::Certain => 3,
        }
    }
}

impl Ord for Confidence {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Confidence {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The cause of a failure, the wizard step to repeat, and the remedy.
///
/// In JSON, what follows from the cause (layer, steps, texts) is written out for readers of other
/// languages, and ignored when a diagnosis is read back.
///
/// ```
/// use azure_asset_sync::{Error, probe::{Cause, Diagnosis, Retry, WizardStep}};
///
/// let error = Error::from_response(403, Some("AuthorizationFailure"));
/// let diagnosis = Diagnosis::of(&error);
/// assert_eq!(diagnosis.cause, Cause::Firewall);
/// assert_eq!(diagnosis.retry(), Retry::Never);
/// assert_eq!(diagnosis.step(), WizardStep::Confirm);
///
/// let stored = serde_json::to_string(&diagnosis)?;
/// assert_eq!(serde_json::from_str::<Diagnosis>(&stored)?, diagnosis);
/// println!("{diagnosis}");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Stored", from = "Stored")]
#[non_exhaustive]
pub struct Diagnosis {
    /// The cause of the failure.
    pub cause: Cause,
    /// How certain the cause is.
    pub confidence: Confidence,
    /// The command to run, if a command is the remedy.
    pub command: Option<String>,
    /// The answer that the diagnosis was made from.
    pub evidence: Evidence,
}

impl Diagnosis {
    /// Returns the diagnosis of an error that a store returned.
    ///
    /// An error of the sign-in is diagnosed as such; every other error as one of a list.
    pub fn of(error: &Error) -> Self {
        Self::at(if error.is_in_sign_in() { Check::Token } else { Check::List }, error)
    }

    /// Returns the diagnosis of an error that a check encountered.
    ///
    /// The check matters because one code has several meanings: a missing permission for a list is a
    /// missing role, but for a delegation key it is a role on the container instead of the account.
    pub fn at(check: Check, error: &Error) -> Self {
        let (cause, basis) = code::of_error(error, check);
        let confidence = match (cause, basis) {
            // The service gives one code for a missing role, a condition and a deny assignment.
            (Cause::AccessMissing, _) | (_, Basis::Kind) => Confidence::Possible,
            (_, Basis::Code) => Confidence::Certain,
        };
        Self::new(cause, confidence, Evidence::of_error(error, Default::default()))
    }

    /// Returns the diagnosis of a message that a customer pastes, for example from the portal, from
    /// `az` or from a log.
    ///
    /// Returns `None` if the text has no known code and no known sentence.
    ///
    /// The confidence is [`Likely`](Confidence::Likely): a pasted text can be about another request.
    ///
    /// ```
    /// use azure_asset_sync::probe::{Cause, Diagnosis};
    ///
    /// let text = "(RoleAssignmentExists) The role assignment already exists.";
    /// assert_eq!(Diagnosis::of_text(text).map(|d| d.cause), Some(Cause::AssignmentExists));
    /// ```
    pub fn of_text(text: &str) -> Option<Self> {
        let (cause, code) = code::in_text(text)?;
        // The action tells an administrator which permission is missing.
        let action = code::refused_action(text).map(str::to_owned);
        let evidence = Evidence { code: Some(code), action, ..Evidence::default() };
        Some(Self::new(cause, Confidence::Likely, evidence))
    }

    /// Returns a diagnosis without a command.
    pub(super) fn new(cause: Cause, confidence: Confidence, evidence: Evidence) -> Self {
        Self { cause, confidence, command: None, evidence }
    }

    /// Adds the command of the remedy, from the grant that the customer applies.
    ///
    /// Changes nothing if no step of the grant is the remedy, or if the form cannot express the grant.
    #[must_use]
    pub fn with_grant(mut self, grant: &Grant, form: Form) -> Self {
        // The step of the grant that corrects the cause; all other causes need no command of the
        // grant.
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
        // Not every form can express every grant. The remedy in words is then all there is.
        let pack = grant.pack(form).ok();
        let command = pack.and_then(|pack| pack.step(step).map(|text| text.trim().to_owned()));
        // A command that was there before stays if this form has none.
        self.command = command.or(self.command);
        self
    }

    /// Adds the command of the remedy if connection and principal are enough to write it.
    ///
    /// A grant, if there is one, can replace the command by its own.
    pub(super) fn with_names(mut self, connection: &Connection, object_id: Option<&str>) -> Self {
        self.command = match (self.cause, object_id) {
            // The portal shows the same endpoint, but a command can be pasted.
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

    /// Returns the layer in which the cause shows.
    pub fn layer(&self) -> Layer {
        self.cause.layer()
    }

    /// Returns the step of the wizard in which the cause shows.
    pub fn step(&self) -> WizardStep {
        self.cause.step()
    }

    /// Returns the step of the wizard that the customer must do again.
    pub fn redo(&self) -> WizardStep {
        self.cause.redo()
    }

    /// Returns whether waiting helps.
    pub fn retry(&self) -> Retry {
        self.cause.retry()
    }

    /// Returns what to do, as a clause for people.
    pub fn remedy(&self) -> &'static str {
        self.cause.remedy()
    }
}

impl From<&InvalidName> for Diagnosis {
    /// Returns the diagnosis of a form field that was refused, so that a user interface can show it
    /// like the diagnosis of a failed request.
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
    /// Writes the problem and the remedy, without the command.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.cause.what(), self.remedy())
    }
}

/// The JSON form of a diagnosis.
///
/// Fields with `skip_deserializing` follow from the cause. They are written for readers and not read
/// back, because a newer version may describe the same cause in other words.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename = "Diagnosis")]
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

crate::schema::schema_as!(Diagnosis, Stored);
