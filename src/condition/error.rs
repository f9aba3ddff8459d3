use std::fmt;

use super::Span;
use crate::name::printable;

/// Text that is no condition: where, what, and what was expected
///
/// [`Display`](fmt::Display) is one line; [`caret`](Self::caret) shows the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    message: String,
    span: Span,
    line: usize,
    column: usize,
    excerpt: String,
    /// How many characters of the excerpt stand before the place
    before: usize,
}

impl ParseError {
    pub(super) fn new(text: &str, span: Span, message: impl Into<String>) -> Self {
        /// Of the line, at most so many characters to each side of the place
        const AROUND: usize = 40;
        let (before, after) = text.split_at_checked(span.start).unwrap_or((text, ""));
        let line_before = before.rsplit('\n').next().unwrap_or_default();
        let line_after = after.split('\n').next().unwrap_or_default();
        let column = line_before.chars().count() + 1;
        let shown: String = line_before.chars().skip(column.saturating_sub(AROUND + 1)).collect();
        let clean = |c: char| if c.is_control() { ' ' } else { c };
        let excerpt = shown.chars().chain(line_after.chars().take(AROUND)).map(clean).collect();
        Self {
            message: message.into(),
            span,
            line: before.matches('\n').count() + 1,
            column,
            before: shown.chars().count(),
            excerpt,
        }
    }

    /// What is wrong, and what was expected, without the place
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The bytes of the text that are wrong
    pub fn span(&self) -> Span {
        self.span
    }

    /// The line, counted from 1
    pub fn line(&self) -> usize {
        self.line
    }

    /// The character of the line, counted from 1
    pub fn column(&self) -> usize {
        self.column
    }

    /// Two lines: the text around the place, and a caret below it
    pub fn caret(&self) -> String {
        format!("{}\n{}^", self.excerpt, " ".repeat(self.before))
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for ParseError {}

/// A word of the text, as it is shown in a message
pub(super) fn quoted(word: &str) -> String {
    format!("`{}`", printable(word))
}
