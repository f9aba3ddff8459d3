//! Applies the rules that look at one part of a condition at a time, and the rules about comparisons.
//!
//! `check` visits the tree once. The methods of [`PartRules`] are in this file for logic and comparisons,
//! and in `actions`, `attributes` and `values` for the others.

use super::{
    LintFinding, Severity,
    context::{Context, PartRules, anywhere},
    influence::Influences,
    values::containers,
};
use crate::condition::{
    Attribute, Base, Expr, ExprKind, Operand, Operator, Quantifier, Rule, Span, Value, ValueType,
    catalog::{ACTIONS, Holds, Known},
    error::quoted,
    operator::Relation,
};

/// Visits each part of the condition once and adds the findings.
///
/// The influences on each action are computed first, because many rules need it for many parts.
pub(super) fn check(context: &Context<'_>, found: &mut Vec<LintFinding>) {
    let influences = ACTIONS.iter().map(|action| Influences::on(context.root, action)).collect();
    let containers = containers(context.root);
    let mut rules = PartRules { context, found, influences, containers };
    // bash is the usual shell for the Azure CLI, also in the cloud shell.
    if let Some(at) = shell_history(context.text) {
        let message = "an interactive bash replaces `!` between double quotes (\"event not found\"); \
            pass the condition in a file or in single quotes";
        let span = Span { start: at, end: at + 1 };
        rules.report(Rule::ShellBang, Severity::Note, span, message, None);
    }
    context.root.walk(&mut |expr| match &expr.kind {
        ExprKind::And(within) | ExprKind::Or(within) => rules.mixed_logic(expr, within),
        ExprKind::ActionMatches(patterns) => rules.action(expr.span, patterns),
        ExprKind::SubOperationMatches(names) => rules.suboperation(expr.span, names),
        ExprKind::Exists(attribute) => rules.attribute(expr, expr.span, attribute),
        ExprKind::Compare { left, operator, right } => {
            rules.comparison(expr, left, *operator, right);
        }
        ExprKind::Not(part) => rules.negated(part),
    });
    rules.role();
}

impl PartRules<'_, '_> {
    /// Reports an `AND` within an `OR`, or the reverse, without parentheses.
    ///
    /// The repair adds the parentheses that the parser assumed.
    fn mixed_logic(&mut self, expr: &Expr, within: &[Expr]) {
        // The parser has joined the parts by precedence; the text decides whether that was visible.
        let other = |part: &&Expr| match (&expr.kind, &part.kind) {
            (ExprKind::And(_), ExprKind::Or(_)) | (ExprKind::Or(_), ExprKind::And(_)) => {
                !part.in_parentheses
            }
            _ => false,
        };
        for part in within.iter().filter(other) {
            let inner = self.context.text.get(part.span.start..part.span.end).unwrap_or_default();
            let repair = self.context.spliced(part.span, &format!("({inner})"));
            let message = "the documentation calls AND next to OR without parentheses ambiguous; \
                this check assumes that AND binds tighter. Write the parentheses";
            self.report(Rule::MixedLogic, Severity::Warning, part.span, message, Some(repair));
        }
    }

    /// Checks the attributes and the values of a comparison against its operator and each other.
    ///
    /// An attribute may be on either side, and both sides may be attributes.
    fn comparison(&mut self, expr: &Expr, left: &Operand, operator: Operator, right: &Operand) {
        for (operand, other) in [(left, right), (right, left)] {
            // The value's own problems are reported once, with the side that has the attribute.
            let Some(attribute) = operand.attribute() else {
                self.values(operand, operator);
                continue;
            };
            self.attribute(expr, operand.span, attribute);
            let known = Known::of(attribute.path());
            for value in other.values().iter().filter_map(Value::text) {
                self.text_value(known, operator.base(), other.span, value);
            }
            let Some(known) = known else { continue };
            if !suits(known, operator) {
                let message = format!(
                    "{operator} does not work with {}; {}",
                    quoted(&attribute.to_string()),
                    suitable(known)
                );
                self.report(
                    Rule::OperatorNotForAttribute,
                    Severity::Error,
                    expr.span,
                    message,
                    None,
                );
            }
            if operator.base().is_negative() && known.is_optional() {
                self.negative_on_optional(expr, attribute);
            }
        }
        self.negated_any(expr, left, operator, right);
    }

    /// Reports a negative comparison with an attribute that requests can lack, unless the condition also
    /// tests with `Exists` whether the attribute is there.
    ///
    /// For example, `@Resource[…tags:project<$key_case_sensitive$>] StringNotEquals 'secret'`: a blob without
    /// the tag is not documented to fulfil it, although the words say so.
    fn negative_on_optional(&mut self, expr: &Expr, attribute: &Attribute) {
        let is_checked = anywhere(
            self.context.root,
            |kind| matches!(kind, ExprKind::Exists(other) if other == attribute),
        );
        if !is_checked {
            let message = format!(
                "a request can lack {0}. The documentation does not say whether this is then true; assume that it is denied. To make it clear, add `OR NOT Exists {0}` or `AND Exists {0}`",
                quoted(&attribute.to_string()).trim_matches('`')
            );
            self.report(Rule::NegativeOnOptional, Severity::Note, expr.span, message, None);
        }
    }

    /// Checks the comparisons within a `NOT`. Guards are negated too, but compare no attributes.
    fn negated(&mut self, part: &Expr) {
        let mut found = Vec::new();
        // `NOT NOT a` is no negation.
        if !matches!(part.kind, ExprKind::Not(_)) {
            part.walk(&mut |expr| {
                if let ExprKind::Compare { operator, .. } = &expr.kind
                    && !operator.base().is_negative()
                {
                    let optional = |a: &&Attribute| {
                        Known::of(a.path()).is_some_and(|known| known.is_optional())
                    };
                    found.extend(expr.attributes().filter(optional).map(|a| (expr, a)));
                }
            });
        }
        for (expr, attribute) in found {
            self.negative_on_optional(expr, attribute);
        }
    }

    /// Reports a negated comparison with a list that is true for almost every value.
    ///
    /// "Not equal to *some* of two different values" is true for any value. People mean "to *none* of them".
    fn negated_any(&mut self, expr: &Expr, left: &Operand, operator: Operator, right: &Operand) {
        if !operator.base().is_negative() {
            return;
        }
        // A single value, or equal values, make every quantifier mean the same.
        let (left, right) = (differ(left.values()), differ(right.values()));
        // The quantifier that means "none of them", for lists on either side.
        let better = match operator.quantifier() {
            Some(Quantifier::AnyAny) if right => Quantifier::AnyAll,
            Some(Quantifier::AnyAny) if left => Quantifier::AllAny,
            Some(Quantifier::AllAny) if right => Quantifier::AllAll,
            Some(Quantifier::AnyAll) if left => Quantifier::AllAll,
            _ => return,
        };
        let right = format!("{}:{}", better.as_str(), operator.base().as_str());
        let true_of = match operator.base().relation() {
            Relation::Like => "this is true for everything that does not match all of the patterns",
            _ => "this is always true, because any value differs from one of two different values",
        };
        let message = format!("{true_of}. For \"none of them\" write {right}");
        let text = self.context.text.get(expr.span.start..expr.span.end).unwrap_or_default();
        let repair = text.replacen(&operator.to_string(), &right, 1);
        let repair = Some(self.context.spliced(expr.span, &repair));
        self.report(Rule::NegatedAnyAny, Severity::Warning, expr.span, message, repair);
    }
}

/// Returns the place of the first `!` outside of text, which an interactive bash would expand.
///
/// bash expands `!word` as a command of its history, even between double quotes.
fn shell_history(text: &str) -> Option<usize> {
    let mut in_text = false;
    text.char_indices().find_map(|(at, c)| {
        // Text literals have no escapes, so every quote starts or ends one.
        in_text ^= c == '\'';
        (c == '!' && !in_text).then_some(at)
    })
}

/// Returns whether the values differ, apart from letter case.
fn differ(values: &[Value]) -> bool {
    // Values are compared as printed and without regard to case, which is how they read.
    let lower = |value: &Value| value.to_string().to_lowercase();
    values.first().is_some_and(|first| values.iter().any(|value| lower(value) != lower(first)))
}

/// Returns whether an operator fits the type of an attribute.
///
/// For a text list only operators with a quantifier work. The current time only works with "before" and
/// "after", because requests never come at exactly one tick.
fn suits(known: Known, operator: Operator) -> bool {
    let value_type = operator.base().value_type();
    match known.holds() {
        Holds::Text => value_type == ValueType::String,
        Holds::TextOrTexts => {
            matches!(value_type, ValueType::String | ValueType::Integer | ValueType::Bool)
        }
        Holds::Texts => value_type == ValueType::String && operator.quantifier().is_some(),
        Holds::Bool => value_type == ValueType::Bool,
        Holds::Guid => value_type == ValueType::Guid,
        Holds::Time if known == Known::UtcNow => {
            matches!(operator.base(), Base::DateTimeGreaterThan | Base::DateTimeLessThan)
        }
        Holds::Time => value_type == ValueType::DateTime,
    }
}

/// Returns which operators fit an attribute, for the message.
fn suitable(known: Known) -> &'static str {
    match known.holds() {
        Holds::Text | Holds::TextOrTexts => "write one of the String operators",
        Holds::Texts => {
            "write a String operator with a quantifier, such as ForAnyOfAnyValues:StringEquals"
        }
        Holds::Bool => "write BoolEquals or BoolNotEquals",
        Holds::Guid => "write GuidEquals or GuidNotEquals",
        Holds::Time if known == Known::UtcNow => {
            "write DateTimeGreaterThan or DateTimeLessThan, the only two operators for it"
        }
        Holds::Time => "write one of the DateTime operators",
    }
}
