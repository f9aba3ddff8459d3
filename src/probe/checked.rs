//! A check together with its result.
//!
//! A value that services store and show; `checks` makes it, `infer` refines its diagnosis.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    check::{Check, Outcome},
    diagnosis::Diagnosis,
    evidence::Evidence,
};

/// The result of one check.
///
/// A check that passed can still carry a diagnosis: see [`Outcome::Warned`].
///
/// ```
/// use azure_asset_sync::{Health, probe::Outcome};
///
/// fn failures(health: &Health) -> Vec<String> {
///     let failed = health.checks.iter().filter(|checked| checked.outcome == Outcome::Failed);
///     failed.map(|checked| checked.to_string()).collect()
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Checked {
    /// The check.
    pub check: Check,
    /// How the check ended.
    pub outcome: Outcome,
    /// A remark for people, or an empty string. It names the reason if the check was skipped.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// The evidence of the answer.
    #[serde(default)]
    pub evidence: Evidence,
    /// The cause and the remedy, if the check failed or warned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<Diagnosis>,
}

impl Checked {
    /// Returns a result without evidence and without a diagnosis.
    pub(super) fn new(check: Check, outcome: Outcome, note: impl Into<String>) -> Self {
        Self { check, outcome, note: note.into(), evidence: Evidence::default(), diagnosis: None }
    }

    /// Replaces the evidence.
    pub(super) fn with(mut self, evidence: Evidence) -> Self {
        self.evidence = evidence;
        self
    }

    /// Replaces the diagnosis.
    pub(super) fn because(mut self, diagnosis: Diagnosis) -> Self {
        self.diagnosis = Some(diagnosis);
        self
    }
}

impl fmt::Display for Checked {
    /// Writes one line: a mark, the title of the check, the note and the evidence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.outcome {
            Outcome::Passed => "ok  ",
            Outcome::Warned => "note",
            Outcome::Failed => "FAIL",
            Outcome::Skipped => "-   ",
            Outcome::Other => "?   ",
        };
        // The longest title has 36 characters, so the notes of all lines start in one column.
        write!(f, "{mark}  {:36}", self.check.title())?;
        let evidence = self.evidence.to_string();
        match (self.note.is_empty(), evidence.is_empty()) {
            (true, true) => Ok(()),
            (false, true) => write!(f, "  {}", self.note),
            (true, false) => write!(f, "  {evidence}"),
            (false, false) => write!(f, "  {} ({evidence})", self.note),
        }
    }
}
