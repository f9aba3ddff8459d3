//! The input of the rules, and how they report findings.
//!
//! Rules never change the text. A repair is a complete new text, so that a user can accept one of several.

use super::{Lint, LintFinding, Severity, influence::Influences};
use crate::condition::{Expr, ExprKind, Rule, Span, error::quoted};

/// The input of the rules: the facts about the assignment, the text, and the parsed condition.
pub(super) struct Context<'a> {
    pub(super) lint: &'a Lint,
    pub(super) text: &'a str,
    pub(super) root: &'a Expr,
}

impl Context<'_> {
    /// Returns the text with a span replaced, for repairs.
    pub(super) fn spliced(&self, span: Span, with: &str) -> String {
        // Spans come from the parser, so they are always within the text.
        let before = self.text.get(..span.start).unwrap_or_default();
        let after = self.text.get(span.end..).unwrap_or_default();
        format!("{before}{with}{after}")
    }
}

/// The rules that look at one part of a condition at a time. Each file of the folder adds methods.
pub(super) struct PartRules<'a, 'f> {
    pub(super) context: &'a Context<'a>,
    pub(super) found: &'f mut Vec<LintFinding>,
    /// The comparisons that affect each action of `catalog::ACTIONS`, in the same order.
    pub(super) influences: Vec<Influences>,
    /// The container names that occur in the condition, sorted.
    pub(super) containers: Vec<String>,
}

impl PartRules<'_, '_> {
    /// Adds a finding.
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

    /// Reports a placeholder in the name of an action, a suboperation or an attribute.
    pub(super) fn placeholder(&mut self, span: Span, text: &str) {
        let text = quoted(text);
        let message = format!("{text} has a placeholder; write the name instead");
        self.report(Rule::Placeholder, Severity::Error, span, message, None);
    }
}

/// Returns whether a predicate holds for any expression of the tree.
pub(super) fn anywhere(root: &Expr, is: impl Fn(&ExprKind) -> bool) -> bool {
    let mut found = false;
    root.walk(&mut |expr| found |= is(&expr.kind));
    found
}
