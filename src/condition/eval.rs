//! Evaluation of a condition for one request, in Kleene's three-valued logic.

use std::borrow::Cow;

use super::{
    Attribute, Expr, ExprKind, Operand, OperandKind, Operator, Quantifier, Request, Source, Span,
    Value, value::compare,
};
use crate::wildcard::star_matches;

/// True, false, or `None` for what cannot be decided
pub(super) type Truth = Option<bool>;

pub(super) fn evaluate(expr: &Expr, request: &Request) -> Truth {
    match &expr.kind {
        ExprKind::And(parts) => all(parts.iter().map(|part| evaluate(part, request))),
        ExprKind::Or(parts) => any(parts.iter().map(|part| evaluate(part, request))),
        ExprKind::Not(part) => evaluate(part, request).map(|truth| !truth),
        _ => leaf(expr, request),
    }
}

/// False if one is, true if all are
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

/// True if one is, false if none is
pub(super) fn any(truths: impl Iterator<Item = Truth>) -> Truth {
    all(truths.map(|truth| truth.map(|truth| !truth))).map(|truth| !truth)
}

pub(super) fn leaf(expr: &Expr, request: &Request) -> Truth {
    match &expr.kind {
        ExprKind::ActionMatches(patterns) => {
            Some(patterns.iter().any(|pattern| star_matches(pattern, request.action())))
        }
        ExprKind::SubOperationMatches(names) => Some(names.iter().any(|name| {
            request.suboperations().iter().any(|given| given.eq_ignore_ascii_case(name))
        })),
        ExprKind::Exists(attribute) => Some(values(attribute, request).is_some()),
        ExprKind::Compare { left, operator, right } => {
            comparison(*operator, &operand(left, request)?, &operand(right, request)?)
        }
        ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Not(_) => None,
    }
}

/// The spelling of suboperations in the preview of 2021
const LEGACY_SUBOPERATION: &str = "subOperation";

/// Whether an attribute is the preview's spelling of the suboperations
pub(super) fn is_suboperation(attribute: &Attribute) -> bool {
    attribute.source() == Source::Request
        && attribute.path().eq_ignore_ascii_case(LEGACY_SUBOPERATION)
}

fn values<'a>(attribute: &Attribute, request: &'a Request) -> Option<Cow<'a, [Value]>> {
    if is_suboperation(attribute) {
        let names = request.suboperations().iter().map(|name| name.as_str().into());
        return Some(names.collect::<Vec<Value>>().into());
    }
    request.values(attribute).map(Cow::Borrowed)
}

fn operand<'a>(operand: &'a Operand, request: &'a Request) -> Option<Cow<'a, [Value]>> {
    match &operand.kind {
        OperandKind::Attribute(attribute) => values(attribute, request),
        OperandKind::Value(value) => Some(std::slice::from_ref(value).into()),
        OperandKind::List(values) => Some(values.as_slice().into()),
    }
}

pub(super) fn comparison(operator: Operator, left: &[Value], right: &[Value]) -> Truth {
    let base = operator.base();
    let Some(quantifier) = operator.quantifier() else {
        // Without a quantifier each side is one value; of several, which one is not said.
        return match (left, right) {
            ([left], [right]) => compare(base, left, right),
            _ => None,
        };
    };
    let with = |left| right.iter().map(move |right| compare(base, left, right));
    match quantifier {
        Quantifier::AnyAny => any(left.iter().map(|left| any(with(left)))),
        Quantifier::AllAny => all(left.iter().map(|left| any(with(left)))),
        Quantifier::AnyAll => any(left.iter().map(|left| all(with(left)))),
        Quantifier::AllAll => all(left.iter().map(|left| all(with(left)))),
    }
}

/// What an expression can come to, where something about the request is left open
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Possible {
    /// It can be true
    pub(super) yes: bool,
    /// It can be false
    pub(super) no: bool,
}

impl Possible {
    pub(super) const EITHER: Self = Self { yes: true, no: true };

    pub(super) fn just(truth: Truth) -> Self {
        Self { yes: truth == Some(true), no: truth == Some(false) }
    }
}

/// What an expression can come to, given what its simple expressions can come to
///
/// Never less than is possible; more, where one open attribute stands in several places.
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

/// What a condition comes to for a request, part by part
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Trace {
    /// The parts, each before the parts within it
    pub steps: Vec<TraceStep>,
}

/// What one part of a condition comes to
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceStep {
    /// Where the part stands in the text that was parsed
    pub span: Span,
    /// How deep it is in the condition
    pub depth: usize,
    /// True, false, or `None` where the request does not tell
    pub truth: Option<bool>,
    /// The attributes that the request has not, of those that decide this part
    pub missing: Vec<Attribute>,
}

impl Trace {
    /// Whether the request is let through
    pub fn allowed(&self) -> bool {
        self.steps.first().is_some_and(|step| step.truth == Some(true))
    }
}

pub(super) fn trace(expr: &Expr, request: &Request) -> Trace {
    let mut trace = Trace { steps: Vec::new() };
    record(expr, request, 0, &mut trace.steps);
    trace
}

fn record(expr: &Expr, request: &Request, depth: usize, steps: &mut Vec<TraceStep>) -> Truth {
    let at = steps.len();
    steps.push(TraceStep { span: expr.span, depth, truth: None, missing: Vec::new() });
    let truth = match &expr.kind {
        // Every part is recorded, also where an earlier one has decided.
        ExprKind::And(parts) => all(inner(parts, request, depth, steps).into_iter()),
        ExprKind::Or(parts) => any(inner(parts, request, depth, steps).into_iter()),
        ExprKind::Not(part) => record(part, request, depth + 1, steps).map(|truth| !truth),
        _ => leaf(expr, request),
    };
    if let Some(step) = steps.get_mut(at) {
        step.truth = truth;
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

fn inner(
    parts: &[Expr],
    request: &Request,
    depth: usize,
    steps: &mut Vec<TraceStep>,
) -> Vec<Truth> {
    parts.iter().map(|part| record(part, request, depth + 1, steps)).collect()
}
