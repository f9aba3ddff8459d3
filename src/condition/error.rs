//! Errors of the parser, with the place and what was expected.

use std::fmt;

use super::{Rule, Span};

/// Text that is no condition: where, what, and what was expected
///
/// [`Display`](fmt::Display) is one line; [`caret`](Self::caret) shows the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    rule: Rule,
    message: String,
    span: Span,
    line: usize,
    column: usize,
    excerpt: String,
    /// How many characters of the excerpt stand before the place
    before: usize,
    /// What to write in the place of the span, where that is certain
    fix: Option<String>,
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
            rule: Rule::Syntax,
            message: message.into(),
            span,
            fix: None,
            line: before.matches('\n').count() + 1,
            column,
            before: shown.chars().count(),
            excerpt,
        }
    }

    pub(super) fn of(mut self, rule: Rule) -> Self {
        self.rule = rule;
        self
    }

    pub(super) fn fixed_by(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    pub(super) fn fix(&self) -> Option<&str> {
        self.fix.as_deref()
    }

    /// The kind of mistake
    pub fn rule(&self) -> Rule {
        self.rule
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

/// Something of the text, as it is shown in a message: on one line, and not without end
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut shown = String::from("`");
    for (n, c) in text.chars().enumerate() {
        if n == LONGEST {
            shown.push('…');
            break;
        }
        match c {
            '\'' | '"' | '\\' => shown.push(c),
            '`' => shown.extend(c.escape_unicode()),
            c => shown.extend(c.escape_debug()),
        }
    }
    shown.push('`');
    shown
}
