//! The result of one rule of a suite.

/// One rule of a contract, and whether an implementation keeps it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Case {
    /// The name of the rule, as a sentence with underscores.
    pub name: &'static str,
    /// How the rule is broken, if it is.
    pub outcome: Result<(), String>,
}

/// The result of checking a rule: how it is broken, if it is.
pub(super) type Outcome = Result<(), String>;

impl Case {
    /// Records the result of a rule.
    pub(super) fn new(name: &'static str, outcome: Outcome) -> Self {
        Self { name, outcome }
    }
}

/// Fails with a description if a condition does not hold.
pub(super) fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(otherwise()) }
}
