//! Evaluates a condition for one request, in Kleene's three-valued logic.
//!
//! A comparison is undecided if the request lacks an attribute or has a value of another type. Azure
//! documents neither case; undecided counts as denied, which is the safe side.

use std::borrow::Cow;

use super::{
    Attribute, Expr, ExprKind, Operand, OperandKind, Operator, Quantifier, Request, Source, Span,
    Value, value::compare,
};
use crate::wildcard::star_matches;

/// True, false, or `None` for undecided.
pub(super) type Truth = Option<bool>;

/// Evaluates an expression.
pub(super) fn evaluate(expr: &Expr, request: &Request) -> Truth {
    match &expr.kind {
        ExprKind::And(parts) => all(parts.iter().map(|part| evaluate(part, request))),
        ExprKind::Or(parts) => any(parts.iter().map(|part| evaluate(part, request))),
        ExprKind::Not(part) => evaluate(part, request).map(|truth| !truth),
        _ => leaf(expr, request),
    }
}

/// Combines truths as `AND` does: false if one is false, true if all are true.
pub(super) fn all(truths: impl Iterator<Item = Truth>) -> Truth {
    let mut result = Some(true);
    for truth in truths {
        match truth {
            Some(true) => {}
            Some(false) => return Some(false),
            None => result = None,
        }
    }
    result
}

/// Combines truths as `OR` does: true if one is true, false if all are false.
pub(super) fn any(truths: impl Iterator<Item = Truth>) -> Truth {
    // De Morgan: `a OR b` is `NOT (NOT a AND NOT b)`, also in three-valued logic.
    all(truths.map(|truth| truth.map(|truth| !truth))).map(|truth| !truth)
}

/// Evaluates an expression that has no parts; undecided for one that has.
pub(super) fn leaf(expr: &Expr, request: &Request) -> Truth {
    match &expr.kind {
        ExprKind::ActionMatches(patterns) => {
            Some(patterns.iter().any(|pattern| star_matches(pattern, request.action())))
        }
        // Suboperations are names, so letter case makes no difference.
        ExprKind::SubOperationMatches(names) => Some(names.iter().any(|name| {
            request.suboperations().iter().any(|given| given.eq_ignore_ascii_case(name))
        })),
        ExprKind::Exists(attribute) => Some(values(attribute, request).is_some()),
        ExprKind::Compare { left, operator, right } => {
            comparison(*operator, &operand(left, request)?, &operand(right, request)?)
        }
        // Parts are evaluated by the callers. Reaching one here decides nothing, which is safe.
        ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Not(_) => None,
    }
}

/// The path of the suboperation attribute in the preview of 2021.
const LEGACY_SUBOPERATION: &str = "subOperation";

/// Returns whether an attribute is the suboperation in the spelling of the preview of 2021.
pub(super) fn is_suboperation(attribute: &Attribute) -> bool {
    attribute.source() == Source::Request
        && attribute.path().eq_ignore_ascii_case(LEGACY_SUBOPERATION)
}

/// Returns the values of an attribute, or `None` if the request does not have it.
fn values<'a>(attribute: &Attribute, request: &'a Request) -> Option<Cow<'a, [Value]>> {
    if is_suboperation(attribute) {
        let names = request.suboperations().iter().map(|name| name.as_str().into());
        return Some(names.collect::<Vec<Value>>().into());
    }
    request.values(attribute).map(Cow::Borrowed)
}

/// Returns the values of one side of a comparison, or `None` for an attribute that is missing.
fn operand<'a>(operand: &'a Operand, request: &'a Request) -> Option<Cow<'a, [Value]>> {
    match &operand.kind {
        OperandKind::Attribute(attribute) => values(attribute, request),
        OperandKind::Value(value) => Some(std::slice::from_ref(value).into()),
        OperandKind::List(values) => Some(values.as_slice().into()),
    }
}

/// Compares two lists of values as the operator's quantifier says.
pub(super) fn comparison(operator: Operator, left: &[Value], right: &[Value]) -> Truth {
    let base = operator.base();
    let Some(quantifier) = operator.quantifier() else {
        // Without a quantifier each side must be one value. The documentation does not say which of
        // several values would count.
        return match (left, right) {
            ([left], [right]) => compare(base, left, right),
            _ => None,
        };
    };
    let with = |left| right.iter().map(move |right| compare(base, left, right));
    // `AnyAll` is true if one left value agrees with every right value, and so on for the others.
    match quantifier {
        Quantifier::AnyAny => any(left.iter().map(|left| any(with(left)))),
        Quantifier::AllAny => all(left.iter().map(|left| any(with(left)))),
        Quantifier::AnyAll => any(left.iter().map(|left| all(with(left)))),
        Quantifier::AllAll => all(left.iter().map(|left| all(with(left)))),
    }
}

/// The possible results of an expression if some attributes of the request are unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Possible {
    /// Whether the expression can be true.
    pub(super) yes: bool,
    /// Whether the expression can be false.
    pub(super) no: bool,
}

impl Possible {
    /// Both results are possible.
    pub(super) const EITHER: Self = Self { yes: true, no: true };

    /// Only this result is possible; undecided is neither true nor false.
    pub(super) fn just(truth: Truth) -> Self {
        Self { yes: truth == Some(true), no: truth == Some(false) }
    }
}

/// Returns the possible results of an expression, given those of its comparisons.
///
/// The answer includes every result that is possible. It may include more if one unknown attribute
/// occurs in several comparisons, because each comparison is treated as independent.
pub(super) fn possible(expr: &Expr, leaf: &dyn Fn(&Expr) -> Possible) -> Possible {
    match &expr.kind {
        ExprKind::And(parts) => parts.iter().map(|part| possible(part, leaf)).fold(
            Possible { yes: true, no: false },
            |all, part| Possible { yes: all.yes && part.yes, no: all.no || part.no },
        ),
        ExprKind::Or(parts) => parts.iter().map(|part| possible(part, leaf)).fold(
            Possible { yes: false, no: true },
            |any, part| Possible { yes: any.yes || part.yes, no: any.no && part.no },
        ),
        ExprKind::Not(part) => {
            let part = possible(part, leaf);
            Possible { yes: part.no, no: part.yes }
        }
        _ => leaf(expr),
    }
}

/// The results of all parts of a condition for one request.
///
/// [`Condition::trace`](super::Condition::trace) returns it.
///
/// ```
/// use azure_asset_sync::condition::{Condition, Request};
///
/// let condition: Condition = "@Request[a] StringEquals 'x' OR ActionMatches{'*/read'}".parse()?;
/// let trace = condition.trace(&Request::new("blobs/read"));
/// assert!(trace.allowed());
/// let missing: Vec<_> = trace.steps.iter().flat_map(|step| &step.missing).collect();
/// assert_eq!(missing.len(), 1);
/// # Ok::<(), azure_asset_sync::condition::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Trace {
    /// One step for each part, parents before their parts.
    pub steps: Vec<TraceStep>,
}

/// The result of one part of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceStep {
    /// The part's place in the parsed text.
    pub span: Span,
    /// The nesting depth of the part; the whole condition has depth 0.
    pub depth: usize,
    /// True, false, or `None` if the request lacks an attribute that decides.
    pub truth: Option<bool>,
    /// The attributes of this comparison that the request does not have.
    pub missing: Vec<Attribute>,
}

impl Trace {
    /// Returns whether the condition allows the request.
    pub fn allowed(&self) -> bool {
        self.steps.first().is_some_and(|step| step.truth == Some(true))
    }
}

/// Evaluates an expression and records the result of each part.
pub(super) fn trace(expr: &Expr, request: &Request) -> Trace {
    let mut trace = Trace { steps: Vec::new() };
    record(expr, request, 0, &mut trace.steps);
    trace
}

/// Appends the steps of an expression and returns its result.
fn record(expr: &Expr, request: &Request, depth: usize, steps: &mut Vec<TraceStep>) -> Truth {
    // INVARIANT: a step is pushed before the steps of its parts, so parents come first.
    let at = steps.len();
    steps.push(TraceStep { span: expr.span, depth, truth: None, missing: Vec::new() });
    let truth = match &expr.kind {
        // Every part is recorded, even if an earlier one has decided the result.
        ExprKind::And(parts) => all(inner(parts, request, depth, steps).into_iter()),
        ExprKind::Or(parts) => any(inner(parts, request, depth, steps).into_iter()),
        ExprKind::Not(part) => record(part, request, depth + 1, steps).map(|truth| !truth),
        _ => leaf(expr, request),
    };
    if let Some(step) = steps.get_mut(at) {
        step.truth = truth;
        // Only comparisons have missing attributes. For `Exists` a missing one is an answer.
        if let ExprKind::Compare { left, right, .. } = &expr.kind {
            let missing = [left, right].into_iter().filter_map(|operand| match &operand.kind {
                OperandKind::Attribute(a) if values(a, request).is_none() => Some(a.clone()),
                _ => None,
            });
            step.missing = missing.collect();
        }
    }
    truth
}

/// Appends the steps of the parts of an `AND` or `OR`.
fn inner(
    parts: &[Expr],
    request: &Request,
    depth: usize,
    steps: &mut Vec<TraceStep>,
) -> Vec<Truth> {
    parts.iter().map(|part| record(part, request, depth + 1, steps)).collect()
}
