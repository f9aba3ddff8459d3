//! The error for a grant that cannot be built: all problems at once.

use std::fmt;

use serde::Serialize;

use crate::name::InvalidName;

/// All problems of a grant, in one line. In JSON: an object with the list `problems`.
///
/// ```
/// use azure_asset_sync::{Connection, grant::Grant, name::Field};
///
/// let connection =
///     Connection::builder("hall 3").account("contosovision").container("training").build()?;
/// let invalid = Grant::builder(&connection).origin("app.contoso.com").build().unwrap_err();
/// let fields: Vec<_> = invalid.problems().iter().map(|problem| problem.field()).collect();
/// let missing = [Field::Subscription, Field::Application, Field::ResourceGroup];
/// assert_eq!(fields, [&missing[..], &[Field::Origin]].concat());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InvalidGrant {
    problems: Vec<InvalidName>,
}

impl InvalidGrant {
    /// Creates the error. There is at least one problem.
    pub(super) fn new(problems: Vec<InvalidName>) -> Self {
        Self { problems }
    }

    /// Returns the problems, at least one.
    pub fn problems(&self) -> &[InvalidName] {
        &self.problems
    }
}

impl From<InvalidName> for InvalidGrant {
    fn from(problem: InvalidName) -> Self {
        Self { problems: vec![problem] }
    }
}

impl fmt::Display for InvalidGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In one line, because it is shown in logs as well as on pages.
        for (n, problem) in self.problems.iter().enumerate() {
            if n > 0 {
                f.write_str("; ")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidGrant {}
