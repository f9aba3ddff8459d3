//! The error for one pattern of a filter, and its text for the person who typed the pattern.
//!
//! The text has the field, the pattern, the position and the remedy, for example: "include `a/{b`, character
//! 3: `{` has no `}` after it; `\{` is the brace itself".

use super::limits::LONGEST;
use crate::name::{may_be_secret, one_line, printable};

/// A problem with a pattern, and the position of the character that shows it, counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PatternError {
    pub(super) place: usize,
    pub(super) what: String,
}

impl PatternError {
    /// Makes an error for the character at `place`.
    pub(super) fn new(place: usize, what: impl Into<String>) -> Self {
        Self { place, what: what.into() }
    }

    /// Returns the problem in one line, with the field and the pattern.
    ///
    /// The pattern is shown in full up to 80 characters, unless it looks like a secret, for example a URL
    /// with a shared access signature.
    pub(super) fn describe(&self, field: &str, pattern: &str) -> String {
        let Self { place, what } = self;
        // `printable` hides everything after a `?`, which is common in patterns, so it is only used for
        // secrets. Text beyond the limit for patterns is not read.
        let pattern: String = pattern.chars().take(LONGEST + 1).collect();
        let has_secret = may_be_secret(&pattern);
        let shown: String = match has_secret {
            true => printable(&pattern),
            false => one_line(&pattern.chars().take(80).collect::<String>()),
        };
        let dots = if !has_secret && pattern.chars().count() > 80 { "…" } else { "" };
        format!("{field} `{shown}{dots}`, character {place}: {what}")
    }
}
