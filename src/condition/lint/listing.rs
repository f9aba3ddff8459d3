//! Whether lists are as limited as reads: shown by requests, not by how the condition is written.

use super::{Check, LintFinding, Rule, Severity, anywhere, influence::Influences, quoted};
use crate::condition::{
    Attribute, Base, Expr, ExprKind, Layout, Operand, OperandKind, Request, Source, Span, Value,
    catalog::{
        ACTIONS, Action, BLOB_LIST, BLOB_PATH, BLOB_PREFIX, BLOB_READ, CONTAINER_NAME, Known,
    },
    eval::{Possible, leaf, possible},
    operator::Relation,
    parser, print,
};
use crate::wildcard::{self, star_matches};

/// How many simple expressions and values all requests look at together, at most
///
/// No more requests are made; a text of 8 KB that names both many containers and many paths has no
/// finding here.
const MOST: usize = 400_000;

/// How many characters a blob's name may have
const LONGEST_NAME: usize = 1024;

/// A container that no condition names
const UNNAMED: &str = "zz-not-named-in-any-condition";

pub(super) fn check(check: &Check<'_>, found: &mut Vec<LintFinding>) {
    let Some(span) = concerns_blobs(check.root) else { return };
    let Some(outcome) = outcome(check.root) else { return };
    let shown = |container: String| match container.as_str() {
        UNNAMED => "a container that it does not name".to_owned(),
        name => format!("container {}", quoted(name)),
    };
    let (rule, severity, message) = match outcome {
        Outcome::AsRead => return,
        Outcome::Denied { reads } => {
            let reads = match reads {
                Some((container, path)) => {
                    let container = shown(container);
                    format!("although blob {} in {container} can be read", quoted(&path))
                }
                None => "and no read either".to_owned(),
            };
            let message = format!(
                "no list of blobs is allowed, in any container and with any prefix, {reads}: a service that lists gets 403. Lists have no blob path; limit them by the prefix that they ask for, in a clause of their own"
            );
            (Rule::ListAlwaysDenied, Severity::Warning, message)
        }
        Outcome::Open { container, whole: true } => {
            let container = shown(container);
            let message = format!(
                "all names in {container} can be listed, though no blob in it can be read: no part of the condition that limits reads limits Blob.List"
            );
            (Rule::ListUnconstrained, Severity::Warning, message)
        }
        Outcome::Open { container, whole: false } => {
            let container = shown(container);
            let limited = limits_lists(check.root);
            let severity = if limited { Severity::Note } else { Severity::Warning };
            let message = format!(
                "all names in {container} can be listed, also those of blobs that cannot be read"
            );
            (Rule::ListUnconstrained, severity, message)
        }
    };
    let repair = repair(check.root);
    found.push(LintFinding { rule, severity, span, message, repair });
}

/// Where the condition speaks of blobs, or `None` where it is about something else
fn concerns_blobs(root: &Expr) -> Option<Span> {
    let mut guard = None;
    let mut blobs = false;
    root.walk(&mut |expr| match &expr.kind {
        ExprKind::ActionMatches(patterns) => {
            if guard.is_none() && patterns.iter().any(|p| star_matches(p, BLOB_READ)) {
                guard = Some(expr.span);
            }
        }
        _ => {
            blobs |= expr.attributes().any(|attribute| {
                let path = attribute.path().to_ascii_lowercase();
                path.starts_with("microsoft.storage/storageaccounts/blobservices/")
            });
        }
    });
    // Without any action the condition is about every action that the role has.
    let any_action = !anywhere(root, |kind| matches!(kind, ExprKind::ActionMatches(_)));
    guard.or_else(|| (blobs && any_action).then_some(root.span))
}

/// Whether any comparison has an influence on lists
fn limits_lists(root: &Expr) -> bool {
    let list = ACTIONS.iter().find(|action| action.suboperation == Some(BLOB_LIST));
    let list = list.map(|list| Influences::on(root, list));
    let mut limits = false;
    root.walk(&mut |expr| {
        let compares = matches!(expr.kind, ExprKind::Compare { .. } | ExprKind::Exists(_));
        limits |= compares && list.as_ref().is_some_and(|list| list.has(expr));
    });
    limits
}

enum Outcome {
    /// What can be listed can be read
    AsRead,
    /// Nothing can be listed; something that can be read
    Denied { reads: Option<(String, String)> },
    /// Everything in this container can be listed, and nothing in it, or not everything, read
    Open { container: String, whole: bool },
}

/// What the requests of the table come to; `None` where there are too many to make
fn outcome(root: &Expr) -> Option<Outcome> {
    let containers = candidates(root, Known::Container, &[UNNAMED]);
    let mut paths = candidates(root, Known::Path, &["zz-not-named/none.jpg", "none.jpg"]);
    let prefixes = candidates(root, Known::Prefix, &["", "zz-not-named/"]);
    paths.extend(prefixes.iter().map(|prefix| format!("{prefix}x.jpg")));
    let mut size = 0;
    root.walk(&mut |expr| {
        size += match &expr.kind {
            ExprKind::Compare { left, right, .. } => {
                1 + left.values().len().max(1) * right.values().len().max(1)
            }
            ExprKind::ActionMatches(texts) | ExprKind::SubOperationMatches(texts) => texts.len(),
            _ => 1,
        };
    });
    if containers.len() * (paths.len() + prefixes.len() + 1) * size > MOST {
        return None;
    }
    let mut readable = None;
    let mut listable = false;
    let mut open = None;
    for container in &containers {
        let can_read = |path: &&String| can(root, &read(container, path));
        let can_list = |prefix| can(root, &list(container, prefix));
        let first = paths.iter().find(can_read);
        if readable.is_none() {
            readable = first.map(|path| (container.clone(), path.clone()));
        }
        let everything = can_list(None) || can_list(Some(""));
        listable = listable || everything || prefixes.iter().any(|prefix| can_list(Some(prefix)));
        let whole = first.is_none();
        let hidden = whole || !paths.iter().all(|path| can_read(&path));
        if everything && hidden && (open.is_none() || whole && !matches!(open, Some((_, true)))) {
            open = Some((container.clone(), whole));
        }
    }
    Some(match open {
        _ if !listable => Outcome::Denied { reads: readable },
        // Where nothing at all can be read, lists alone are what is meant.
        Some((container, whole)) if readable.is_some() => Outcome::Open { container, whole },
        _ => Outcome::AsRead,
    })
}

/// The values that a condition compares an attribute with, and others
fn candidates(root: &Expr, known: Known, others: &[&str]) -> Vec<String> {
    let mut found: Vec<String> = others.iter().map(|&other| other.to_owned()).collect();
    root.walk(&mut |expr| {
        let ExprKind::Compare { left, operator, right } = &expr.kind else { return };
        if !expr.attributes().any(|attribute| Known::of(attribute.path()) == Some(known)) {
            return;
        }
        for value in left.values().iter().chain(right.values()).filter_map(Value::text) {
            match operator.base().relation() {
                Relation::Like => found.push(wildcard::example(value)),
                Relation::StartsWith => {
                    found.push(value.to_owned());
                    found.push(format!("{value}x.jpg"));
                }
                _ => found.push(value.to_owned()),
            }
        }
    });
    found.retain(|value| value.chars().nth(LONGEST_NAME).is_none());
    found.sort();
    found.dedup();
    // Those that the condition does not name come first: they show most.
    found.sort_by_key(|value| !others.contains(&value.as_str()));
    found
}

fn read(container: &str, path: &str) -> Request {
    Request::new(BLOB_READ).resource(CONTAINER_NAME, container).resource(BLOB_PATH, path)
}

fn list(container: &str, prefix: Option<&str>) -> Request {
    let list = Request::new(BLOB_READ).suboperation(BLOB_LIST).resource(CONTAINER_NAME, container);
    match prefix {
        Some(prefix) => list.request(BLOB_PREFIX, prefix),
        None => list,
    }
}

/// Whether the request is let through, whatever else it has of what such requests can have
fn can(root: &Expr, request: &Request) -> bool {
    let suboperation = request.suboperations().first().map(String::as_str);
    let action = ACTIONS
        .iter()
        .find(|action| action.name == BLOB_READ && action.suboperation == suboperation);
    let open = |attribute: &Attribute| {
        let Some(known) = Known::of(attribute.path()) else { return false };
        !matches!(known, Known::Container | Known::Path | Known::Prefix | Known::SubOperation)
            && action.is_some_and(|action: &Action| action.has(attribute.source(), known))
    };
    possible(root, &|expr| {
        // An attribute that is known to be missing decides, also beside an open one.
        let missing = expr.attributes().any(|attribute| {
            !open(attribute)
                && request.values(attribute).is_none()
                && Known::of(attribute.path()) != Some(Known::SubOperation)
        });
        if !missing && expr.attributes().any(open) {
            Possible::EITHER
        } else {
            Possible::just(leaf(expr, request))
        }
    })
    .yes
}

/// The condition with a clause for lists that says the same as the clause for reads
///
/// Given only where the requests of the table then show nothing wrong.
fn repair(root: &Expr) -> Option<String> {
    let clauses = match &root.kind {
        ExprKind::And(parts) => parts.as_slice(),
        _ => std::slice::from_ref(root),
    };
    let bodies: Vec<&[Expr]> = clauses.iter().filter_map(body_for_reads).collect();
    let [body] = bodies.as_slice() else { return None };
    let limit = match body {
        [one] => for_lists(one)?,
        several => for_lists(&made(ExprKind::Or(several.to_vec())))?,
    }?;
    let guard = made(ExprKind::Not(Box::new(made(ExprKind::And(vec![
        made(ExprKind::ActionMatches(vec![BLOB_READ.to_owned()])),
        made(ExprKind::SubOperationMatches(vec![BLOB_LIST.to_owned()])),
    ])))));
    let mut all: Vec<Expr> = clauses.iter().map(without_lists).collect();
    all.push(made(ExprKind::Or(vec![guard, limit])));
    let text = print::print(&made(ExprKind::And(all)), Layout::OneLine);
    let again = parser::parse(&text).ok()?;
    match outcome(&again)? {
        Outcome::AsRead => Some(text),
        Outcome::Open { whole: false, .. } if limits_lists(&again) => Some(text),
        _ => None,
    }
}

fn made(kind: ExprKind) -> Expr {
    Expr { kind, span: Span::default(), in_parentheses: false }
}

/// What a clause `guard OR body` asks of reads
fn body_for_reads(clause: &Expr) -> Option<&[Expr]> {
    let ExprKind::Or(parts) = &clause.kind else { return None };
    let (guard, body) = parts.split_first()?;
    let reads = anywhere(
        guard,
        |kind| matches!(kind, ExprKind::ActionMatches(patterns) if patterns.iter().any(|p| star_matches(p, BLOB_READ))),
    );
    let lists = anywhere(guard, |kind| {
        match kind {
        ExprKind::And(parts) => parts.iter().any(|part| {
            matches!(&part.kind, ExprKind::SubOperationMatches(names) if names.iter().any(|n| n == BLOB_LIST))
        }),
        _ => false,
    }
    });
    (reads && !lists).then_some(body)
}

/// The same, with bare guards for reads made guards for reads that are no lists
fn without_lists(expr: &Expr) -> Expr {
    let each = |parts: &[Expr]| parts.iter().map(without_lists).collect();
    made(match &expr.kind {
        ExprKind::And(parts) => ExprKind::And(each(parts)),
        ExprKind::Or(parts) => ExprKind::Or(each(parts)),
        ExprKind::Not(part) => match &part.kind {
            ExprKind::ActionMatches(patterns)
                if patterns.iter().any(|pattern| star_matches(pattern, BLOB_READ)) =>
            {
                let list = made(ExprKind::SubOperationMatches(vec![BLOB_LIST.to_owned()]));
                let other = made(ExprKind::Not(Box::new(list)));
                let both = ExprKind::And(vec![part.as_ref().clone(), other]);
                ExprKind::Not(Box::new(made(both)))
            }
            _ => expr.kind.clone(),
        },
        kind => kind.clone(),
    })
}

/// What lists have of a limit of reads: `None` where that cannot be said, `Some(None)` where it is
/// nothing
#[expect(clippy::option_option, reason = "cannot be said, nothing, and something are three")]
fn for_lists(expr: &Expr) -> Option<Option<Expr>> {
    let list = ACTIONS.iter().find(|action| action.suboperation == Some(BLOB_LIST))?;
    match &expr.kind {
        ExprKind::And(parts) => {
            let parts = parts.iter().map(for_lists).collect::<Option<Vec<_>>>()?;
            let mut parts: Vec<_> = parts.into_iter().flatten().collect();
            Some(match parts.len() {
                0 => None,
                1 => parts.pop(),
                _ => Some(made(ExprKind::And(parts))),
            })
        }
        ExprKind::Or(parts) => {
            let parts = parts.iter().map(|part| for_lists(part)?).collect::<Option<Vec<_>>>()?;
            Some(Some(made(ExprKind::Or(parts))))
        }
        ExprKind::Compare { left, operator, right } => {
            let known = |attribute: &Attribute| Known::of(attribute.path());
            if left.attribute().and_then(known) == Some(Known::Path) {
                let starts = match operator.base() {
                    Base::StringStartsWith | Base::StringStartsWithIgnoreCase => true,
                    Base::StringLike | Base::StringLikeIgnoreCase => {
                        right.values().iter().filter_map(Value::text).all(|v| v.ends_with('*'))
                    }
                    _ => false,
                };
                let prefix = OperandKind::Attribute(Attribute::new(Source::Request, BLOB_PREFIX));
                let left = Operand { kind: prefix, span: Span::default() };
                let kind = ExprKind::Compare { left, operator: *operator, right: right.clone() };
                return starts.then(|| Some(made(kind)));
            }
            let has = expr
                .attributes()
                .all(|attribute| known(attribute).is_some_and(|k| list.has(attribute.source(), k)));
            Some(has.then(|| expr.clone()))
        }
        _ => None,
    }
}
