//! Describes conditions and decisions in plain words.
//!
//! The explanation recognises the documented shape of a condition, clauses of `!(guard) OR limits` joined
//! by `AND`, and groups the limits by the actions of the guard. Other shapes are described part by part.

//!
//! ```text
//! to read a blob:
//!   - the container's name is `training`
//!   - the blob's name begins with `hall-3/`
//! all other actions of the role are not limited
//! ```
use std::fmt::Write as _;

use super::{
    Attribute, Expr, ExprKind, Operand, Operator, Quantifier, Request, Value, ValueType,
    catalog::{ACTIONS, Action, Known, TAG_MARK},
    error::quoted,
    eval::evaluate,
    operator::Relation,
};

/// Describes a condition, with a line for each clause and each limit.
///
/// The last line says whether other actions are limited, which readers of conditions often get wrong.
pub(super) fn explain(root: &Expr) -> String {
    let clauses = match &root.kind {
        ExprKind::And(parts) => parts.as_slice(),
        _ => std::slice::from_ref(root),
    };
    let mut text = String::new();
    let mut all_guarded = true;
    for clause in clauses {
        // Writing to a `String` cannot fail.
        if let Some((named, body)) = guarded(clause) {
            let actions = actions(&named);
            let words = if actions.is_empty() {
                // No documented action: it belongs to another service or to the preview, or is misspelled.
                let named: Vec<_> = named.iter().map(|part| in_words(part)).collect();
                format!("if {}", named.join(", or "))
            } else {
                format!("to {}", actions.join(", or to "))
            };
            let _ = writeln!(text, "{words}:");
            limits(&mut text, &body, 1);
        } else {
            // Each clause must be true, so a clause without a guard limits every action.
            all_guarded = false;
            let _ = writeln!(text, "for every action of the role:");
            limits(&mut text, &[clause], 1);
        }
    }
    if all_guarded {
        text.push_str("all other actions of the role are not limited\n");
    }
    text
}

/// Splits a clause `!(guard) OR limits` into the expressions of the guard and the limits.
///
/// A guard may be one negation or several joined by `AND`: `!(a) AND !(b)` is "neither a nor b".
///
/// Returns `None` if the clause does not begin with a negated guard.
fn guarded(clause: &Expr) -> Option<(Vec<&Expr>, Vec<&Expr>)> {
    let (guard, body) = match &clause.kind {
        ExprKind::Or(parts) => {
            let (guard, body) = parts.split_first()?;
            (guard, body.iter().collect())
        }
        // A guard without limits denies everything that it matches.
        _ => (clause, Vec::new()),
    };
    let nots = match &guard.kind {
        ExprKind::And(parts) => parts.as_slice(),
        _ => std::slice::from_ref(guard),
    };
    let named: Vec<&Expr> = nots
        .iter()
        .map(|part| match &part.kind {
            ExprKind::Not(named) if is_about_actions(named) => Some(named.as_ref()),
            _ => None,
        })
        .collect::<Option<_>>()?;
    Some((named, body))
}

/// Returns the titles of the actions that the guard matches.
///
/// The guard is evaluated for each documented action, so wildcards and suboperations need no special
/// treatment.
fn actions(named: &[&Expr]) -> Vec<&'static str> {
    // A documented action is named by the guard if the guard is true for a request with that action and
    // suboperation and without attributes.
    let about = |action: &&Action| {
        let request = Request::new(action.name);
        let request = match action.suboperation {
            Some(name) => request.suboperation(name),
            None => request,
        };
        named.iter().any(|named| evaluate(named, &request) == Some(true))
    };
    ACTIONS.iter().filter(about).map(|action| action.title).collect()
}

/// Describes a part of a guard.
fn in_words(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::And(parts) => parts.iter().map(in_words).collect::<Vec<_>>().join(" and "),
        ExprKind::Not(part) => format!("it is not true that {}", in_words(part)),
        _ => sentence(expr, usize::MAX),
    }
}

/// Returns whether an expression selects actions, possibly with suboperations.
///
/// For example `ActionMatches{…} AND NOT SubOperationMatches{'Blob.List'}`. An expression with a comparison
/// of another attribute is a limit, not a guard.
fn is_about_actions(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::ActionMatches(_) => true,
        ExprKind::And(parts) => {
            parts.iter().any(is_about_actions)
                && parts.iter().all(|part| {
                    is_about_actions(part)
                        || is_suboperation(part)
                        || matches!(&part.kind, ExprKind::Not(part) if is_suboperation(part))
                })
        }
        _ => false,
    }
}

/// Returns whether an expression tests the suboperation, also in the spelling of the preview.
fn is_suboperation(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::SubOperationMatches(_))
        || expr.attributes().any(|a| Known::of(a.path()) == Some(Known::SubOperation))
}

/// Writes the limits of a clause. At least one limit must be fulfilled.
///
/// A clause without limits denies everything that its guard matches.
fn limits(text: &mut String, body: &[&Expr], level: usize) {
    match body {
        [] => line(text, level, "never"),
        [one] => limit(text, one, level),
        several => {
            line(text, level, "one of these is enough:");
            several.iter().for_each(|part| limit(text, part, level + 1));
        }
    }
}

/// Writes one limit, with its parts one level deeper.
///
/// Levels are the indentation of the list. The nesting is bounded by the parser's limit.
fn limit(text: &mut String, expr: &Expr, level: usize) {
    match &expr.kind {
        // At the top level the parts of an `AND` are separate limits, and need no heading.
        ExprKind::And(parts) if level == 1 => {
            parts.iter().for_each(|part| limit(text, part, level));
        }
        ExprKind::And(parts) => {
            line(text, level, "all of these together:");
            parts.iter().for_each(|part| limit(text, part, level + 1));
        }
        ExprKind::Or(parts) => limits(text, &parts.iter().collect::<Vec<_>>(), level),
        ExprKind::Not(part)
            if matches!(part.kind, ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Not(_)) =>
        {
            line(text, level, "not:");
            limit(text, part, level + 1);
        }
        ExprKind::Not(part) => {
            line(text, level, &format!("it is not true that {}", sentence(part, usize::MAX)))
        }
        _ => line(text, level, &sentence(expr, usize::MAX)),
    }
}

/// Writes one line of the list.
fn line(text: &mut String, level: usize, words: &str) {
    let _ = writeln!(text, "{:1$}- {words}", "", level * 2);
}

/// Describes an expression without parts, with at most `most` values of a list.
fn sentence(expr: &Expr, most: usize) -> String {
    let list =
        |texts: &[String]| texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(" or ");
    match &expr.kind {
        ExprKind::ActionMatches(patterns) => format!("the action is {}", list(patterns)),
        ExprKind::SubOperationMatches(names) => format!("the suboperation is {}", list(names)),
        ExprKind::Exists(attribute) => format!("{} is given", title(attribute)),
        ExprKind::Compare { left, operator, right } => comparison(left, *operator, right, most),
        // Expressions with parts are written by `limit`.
        ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Not(_) => String::new(),
    }
}

/// Describes a comparison, for example "the blob's name begins with `hall-3/`".
///
/// Truth values are described by the attribute's own wording, for example "it is the current version".
/// Quantifiers become "one of", "each of" and "each value of".
fn comparison(left: &Operand, operator: Operator, right: &Operand, most: usize) -> String {
    let base = operator.base();
    // A truth value reads better as a statement than as a comparison with `true`.
    if base.value_type() == ValueType::Bool
        && let (Some(attribute), [value]) = (left.attribute(), right.values())
        && Known::of(attribute.path()).is_some()
    {
        let holds = (value == &Value::Bool(true)) != base.is_negative();
        let opposite = Known::of(attribute.path()).and_then(Known::opposite);
        return match opposite {
            Some(opposite) if !holds => opposite.to_owned(),
            _ if holds => title(attribute),
            _ => format!("it is not true that {}", title(attribute)),
        };
    }
    // GUIDs always ignore letter case, which is not worth saying.
    let any_case = if base.ignores_case() && base.value_type() == ValueType::String {
        ", in any letter case"
    } else {
        ""
    };
    let none = base.is_negative();
    let is = match base.relation() {
        Relation::Equals if none && operator.quantifier().is_none() => "is not",
        Relation::Equals => "is",
        Relation::StartsWith if none => "does not begin with",
        Relation::StartsWith => "begins with",
        Relation::Like if none && operator.quantifier().is_none() => "does not match the pattern",
        Relation::Like => "matches the pattern",
        Relation::Greater => "is greater than",
        Relation::GreaterOrEqual => "is at least",
        Relation::Less => "is less than",
        Relation::LessOrEqual => "is at most",
    };
    let is = match (base.value_type(), base.relation()) {
        (ValueType::DateTime, Relation::Greater) => "is after",
        (ValueType::DateTime, Relation::Less) => "is before",
        _ => is,
    };
    let (left, right) = (side(left, most), side(right, most));
    match operator.quantifier() {
        None => format!("{left} {is} {right}{any_case}"),
        Some(quantifier) => {
            let some = match quantifier {
                Quantifier::AnyAny | Quantifier::AnyAll => "",
                Quantifier::AllAny | Quantifier::AllAll => "each value of ",
            };
            let of = match quantifier {
                Quantifier::AnyAny | Quantifier::AllAny if none => "something other than one of",
                Quantifier::AnyAny | Quantifier::AllAny => "one of",
                Quantifier::AnyAll | Quantifier::AllAll if none => "none of",
                Quantifier::AnyAll | Quantifier::AllAll => "each of",
            };
            format!("{some}{left} {is} {of} {right}{any_case}")
        }
    }
}

/// Describes one side of a comparison, with at most `most` values.
///
/// Values are quoted and escaped, because a condition may come from somebody else.
fn side(operand: &Operand, most: usize) -> String {
    match operand.attribute() {
        Some(attribute) => title(attribute),
        None => {
            let shown = operand.values().iter().take(most);
            let mut values: Vec<_> = shown
                .map(|value| quoted(&value.text().map_or_else(|| value.to_string(), str::to_owned)))
                .collect();
            if let Some(more) = operand.values().len().checked_sub(most).filter(|more| *more > 0) {
                values.push(format!("{more} more"));
            }
            // An empty list reads better as a word.
            if values.is_empty() { "nothing".to_owned() } else { values.join(", ") }
        }
    }
}

/// Returns the name of an attribute for people, with its key if it has one.
///
/// An unknown attribute is shown as in the condition.
pub(super) fn title(attribute: &Attribute) -> String {
    let path = attribute.path();
    let Some(known) = Known::of(path) else { return quoted(&attribute.to_string()) };
    match path.get(known.path().len()..) {
        Some(key) if !key.is_empty() => {
            format!("{} {}", known.title(), quoted(key.trim_end_matches(TAG_MARK)))
        }
        _ => known.title().to_owned(),
    }
}

/// Describes the parts of a condition that decide about a request.
///
/// For a request that lacks an attribute, the description names that attribute instead of the comparison,
/// because it is the reason for the decision.
pub(super) fn reason(root: &Expr, request: &Request) -> String {
    /// The most values of a list, and the most parts, that are shown. The rest is counted.
    const MOST: usize = 8;
    let mut parts = Vec::new();
    decisive(root, request, &mut parts);
    let compared: Vec<_> = parts
        .iter()
        .filter(|(part, _)| matches!(part.kind, ExprKind::Compare { .. } | ExprKind::Exists(_)))
        .collect();
    let mut words: Vec<String> = Vec::new();
    let more = compared.len().saturating_sub(MOST);
    for (part, truth) in compared.into_iter().take(MOST) {
        let missing = part.attributes().find(|attribute| request.values(attribute).is_none());
        let said = match (truth, missing) {
            (None, Some(attribute)) => format!("the request does not have {}", title(attribute)),
            (None, None) => format!("cannot be decided: {}", sentence(part, MOST)),
            (Some(true), _) => sentence(part, MOST),
            (Some(false), _) => format!("not true: {}", sentence(part, MOST)),
        };
        // Repetitions, for example a container in two clauses, are said once.
        if !words.contains(&said) {
            words.push(said);
        }
    }
    if more > 0 {
        words.push(format!("and {more} more"));
    }
    match (words.is_empty(), evaluate(root, request)) {
        (true, Some(true)) => "no clause limits the request".to_owned(),
        (true, _) => "the condition limits the action and never allows it".to_owned(),
        (false, _) => words.join("; "),
    }
}

/// Collects the comparisons that make an expression evaluate to its result.
///
/// Tests of the action are collected too. The caller leaves them out, because the reader knows the action.
fn decisive<'a>(expr: &'a Expr, request: &Request, found: &mut Vec<(&'a Expr, Option<bool>)>) {
    let truth = evaluate(expr, request);
    let (parts, deciding) = match &expr.kind {
        ExprKind::And(parts) => (parts, Some(true)),
        ExprKind::Or(parts) => (parts, Some(false)),
        // A negation has the opposite result for the same reason.
        ExprKind::Not(part) => return decisive(part, request, found),
        _ => return found.push((expr, truth)),
    };
    // If all parts had to agree, all of them decide. Otherwise the first part with the result decides.
    if truth == deciding {
        parts.iter().for_each(|part| decisive(part, request, found));
    } else if let Some(part) = parts.iter().find(|part| evaluate(part, request) == truth) {
        decisive(part, request, found);
    }
}
