//! What the rules look at, and how they report.

use super::{Lint, LintFinding, Severity, influence::Influences};
use crate::condition::{Expr, ExprKind, Rule, Span, error::quoted};

/// What the rules look at
pub(super) struct Context<'a> {
    pub(super) lint: &'a Lint,
    pub(super) text: &'a str,
    pub(super) root: &'a Expr,
}

impl Context<'_> {
    /// The text with another in the place of a span
    pub(super) fn spliced(&self, span: Span, with: &str) -> String {
        let before = self.text.get(..span.start).unwrap_or_default();
        let after = self.text.get(span.end..).unwrap_or_default();
        format!("{before}{with}{after}")
    }
}

pub(super) struct PartRules<'a, 'f> {
    pub(super) context: &'a Context<'a>,
    pub(super) found: &'f mut Vec<LintFinding>,
    /// For each of [`ACTIONS`], what has an influence on it
    pub(super) influences: Vec<Influences>,
    /// The names that containers are compared with
    pub(super) containers: Vec<String>,
}

impl PartRules<'_, '_> {
    pub(super) fn report(
        &mut self,
        rule: Rule,
        severity: Severity,
        span: Span,
        message: impl Into<String>,
        repair: Option<String>,
    ) {
        self.found.push(LintFinding { rule, severity, span, message: message.into(), repair });
    }

    pub(super) fn placeholder(&mut self, span: Span, text: &str) {
        let text = quoted(text);
        let message = format!("a placeholder was left in {text}; put the name in its place");
        self.report(Rule::Placeholder, Severity::Error, span, message, None);
    }
}

/// Whether something stands anywhere in an expression
pub(super) fn anywhere(root: &Expr, is: impl Fn(&ExprKind) -> bool) -> bool {
    let mut found = false;
    root.walk(&mut |expr| found |= is(&expr.kind));
    found
}
