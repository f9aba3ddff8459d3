//! The error for one pattern of a filter, and its text for the person who typed the pattern.

use super::limits::LONGEST;
use crate::name::{may_be_secret, one_line, printable};

/// What is wrong with a pattern, and the position of the character that shows it, from 1
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PatternError {
    pub(super) place: usize,
    pub(super) what: String,
}

impl PatternError {
    pub(super) fn new(place: usize, what: impl Into<String>) -> Self {
        Self { place, what: what.into() }
    }

    /// What is wrong with a pattern, in one line
    pub(super) fn describe(&self, field: &str, pattern: &str) -> String {
        let Self { place, what } = self;
        // A pattern may well have a `?`, after which `printable` shows nothing.
        // Nothing beyond what a pattern may have is looked at.
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
