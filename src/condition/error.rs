//! The parser's error, with the place in the text and what was expected there.

use std::fmt;

use serde::Serialize;

use super::{Rule, Span};

/// The error for text that is not a condition: the place, the problem, and what was expected.
///
/// [`Display`](fmt::Display) is one line. [`caret`](Self::caret) shows the place in the text.
///
/// ```
/// use azure_asset_sync::condition::{Condition, Rule};
///
/// let error = "ActionMatches{'a'} and NOT ActionMatches{'b'}".parse::<Condition>().unwrap_err();
/// assert_eq!(error.rule(), Rule::LetterCase);
/// assert_eq!(error.to_string(), "line 1, column 20: letter case matters here; write `AND`");
/// assert_eq!(error.caret().lines().nth(1).map(str::len), Some(20));
/// ```
///
/// In JSON: `rule`, `message`, `span`, `line`, `column`, and `fix` if there is one, for an editor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ParseError {
    rule: Rule,
    message: String,
    span: Span,
    line: usize,
    column: usize,
    #[serde(skip)]
    excerpt: String,
    /// The number of characters of the excerpt before the place.
    #[serde(skip)]
    before: usize,
    /// The text to write instead of the span, if there is exactly one correction.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl ParseError {
    /// Makes an error of [`Rule::Syntax`] for a span of the text.
    pub(super) fn new(text: &str, span: Span, message: impl Into<String>) -> Self {
        /// The most characters of the line that the excerpt shows on each side of the place.
        const AROUND: usize = 40;
        let (before, after) = text.split_at_checked(span.start).unwrap_or((text, ""));
        let line_before = before.rsplit('\n').next().unwrap_or_default();
        let line_after = after.split('\n').next().unwrap_or_default();
        // Columns count characters, as editors do. Spans count bytes.
        let column = line_before.chars().count() + 1;
        // The excerpt is cut on both sides, so that a long condition on one line stays readable.
        let shown: String = line_before.chars().skip(column.saturating_sub(AROUND + 1)).collect();
        // Control characters would break the line of the excerpt or the place of the caret.
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

    /// Sets the kind of mistake.
    pub(super) fn of(mut self, rule: Rule) -> Self {
        self.rule = rule;
        self
    }

    /// Sets the correction: replacing the span by `fix` repairs this mistake.
    pub(super) fn fixed_by(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    pub(super) fn fix(&self) -> Option<&str> {
        self.fix.as_deref()
    }

    /// Returns the kind of mistake.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// Returns the problem and what was expected instead, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the bytes of the text that are wrong.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Returns the line, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Returns the character within the line, counted from 1.
    pub fn column(&self) -> usize {
        self.column
    }

    /// Returns two lines for a terminal: the text around the place, and a caret below it.
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

/// Quotes a part of the text for a message: on one line and at most 200 characters.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut shown = String::from("`");
    for (n, c) in text.chars().enumerate() {
        if n == LONGEST {
            shown.push('…');
            break;
        }
        match c {
            // A backtick would end the quoted text for the reader, so it is escaped like a control
            // character. Quotes and backslashes are common in conditions and stay readable.
            '\'' | '"' | '\\' => shown.push(c),
            '`' => shown.extend(c.escape_unicode()),
            c => shown.extend(c.escape_debug()),
        }
    }
    shown.push('`');
    shown
}
