//! The error for an environment that configures nothing, too much, or what cannot be honored.

use std::fmt;

use crate::error::{Error, ErrorKind};

/// All problems of an [`Environment`](super::Environment), in one line.
///
/// Never contains the value of a variable that is a secret. Converts into an [`Error`] of kind
/// [`Config`](ErrorKind::Config).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidEnvironment {
    problems: Vec<EnvironmentProblem>,
}

impl InvalidEnvironment {
    /// INVARIANT: the list is not empty.
    pub(super) fn new(problems: Vec<EnvironmentProblem>) -> Self {
        Self { problems }
    }

    /// Returns the problems: first those of the connection, then those of the credential.
    pub fn problems(&self) -> &[EnvironmentProblem] {
        &self.problems
    }
}

impl fmt::Display for InvalidEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            if n > 0 {
                f.write_str("; ")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidEnvironment {}

impl From<InvalidEnvironment> for Error {
    fn from(invalid: InvalidEnvironment) -> Self {
        Self::new(ErrorKind::Config, invalid.to_string())
    }
}

/// A problem of one setting of an [`Environment`](super::Environment).
///
/// Its `Display` begins with the setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentProblem {
    setting: &'static str,
    message: String,
}

impl EnvironmentProblem {
    pub(super) fn new(setting: &'static str, message: impl Into<String>) -> Self {
        Self { setting, message: message.into() }
    }

    /// Returns the name of the variable, or `name` or `address` for what was passed to
    /// [`Environment`](super::Environment).
    pub fn setting(&self) -> &'static str {
        self.setting
    }

    /// Returns the problem and its remedy, without the name of the setting.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for EnvironmentProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.message)
    }
}
