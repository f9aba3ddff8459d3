//! The error for a filter that cannot be built: all problems at once, by field.

use std::fmt;

use serde::Serialize;

use super::limits::MOST_PROBLEMS;

/// All problems of a filter, in one line. The source of the error of
/// [`FilterBuilder::build`](super::FilterBuilder::build).
///
/// In JSON: an object with the list `problems`, for a form on a web page.
///
/// ```
/// use std::error::Error as _;
///
/// use azure_asset_sync::validate::{Filter, InvalidFilter};
///
/// let error = Filter::builder().include("a\\b").min_size(9).max_size(1).build().unwrap_err();
/// let invalid = error.source().and_then(|source| source.downcast_ref::<InvalidFilter>());
/// let fields: Vec<_> = invalid.into_iter().flat_map(|it| it.problems()).map(|it| it.field()).collect();
/// assert_eq!(fields, ["include", "min_size"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InvalidFilter {
    problems: Vec<FilterProblem>,
    /// The number of problems that are only counted.
    #[serde(skip_serializing_if = "is_zero")]
    more: usize,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// A problem of one field of a filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FilterProblem {
    field: &'static str,
    message: String,
}

impl InvalidFilter {
    /// Creates the error. Twenty problems are enough for one look at a form; the rest is only counted.
    pub(super) fn new(mut problems: Vec<FilterProblem>) -> Self {
        let more = problems.len().saturating_sub(MOST_PROBLEMS);
        problems.truncate(MOST_PROBLEMS);
        Self { problems, more }
    }

    /// Returns the problems, at most 20.
    pub fn problems(&self) -> &[FilterProblem] {
        &self.problems
    }
}

impl FilterProblem {
    pub(super) fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self { field, message: message.into() }
    }

    /// Returns the name of the field in JSON, for example `include`.
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// Returns the problem and what to write instead, for people.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for InvalidFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{}", if n == 0 { "filter: " } else { "; " }, problem.message)?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl std::error::Error for InvalidFilter {}
