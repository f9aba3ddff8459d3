//! The rule that compares listings with reads: can a reader list names that it cannot read?
//!
//! The rule evaluates the condition for sample requests, so it does not depend on how the condition is
//! written. The samples are all containers, paths and prefixes that the condition names, and some that it
//! does not name. Attributes other than these are open, and count for the reader.
//!
//! The most frequent mistake of this kind is a condition with one clause for `blobs/read` that compares the
//! path. Listings have no path, so the comparison is undecided and every listing is denied. The second is
//! a clause that excludes listings with `NOT SubOperationMatches{'Blob.List'}` without a second clause for
//! them: every name in the account can then be listed.

use super::{
    LintFinding, Severity,
    context::{Context, anywhere},
    influence::Influences,
};
use crate::condition::{
    Attribute, Base, Expr, ExprKind, Layout, Operand, OperandKind, Request, Rule, Source, Span,
    Value,
    catalog::{
        ACTIONS, Action, BLOB_LIST, BLOB_PATH, BLOB_PREFIX, BLOB_READ, CONTAINER_NAME, Known,
    },
    error::quoted,
    eval::{Possible, leaf, possible},
    operator::Relation,
    parser, print,
};
use crate::wildcard::{self, star_matches};

/// The most comparisons of values that all sample requests may take together.
///
/// This bounds the time. A text of 8 KB with both many containers and many paths
/// exceeds the limit and is not checked by this rule.
const MOST: usize = 400_000;

/// The most characters of a blob's name.
const LONGEST_NAME: usize = 1024;

/// A container that no condition names.
const UNNAMED: &str = "zz-not-named-in-any-condition";

/// Reports a condition that denies all listings, or that lists what cannot be read.
///
/// The finding has the repaired condition, if there is one that the sample requests confirm.
pub(super) fn check(context: &Context<'_>, found: &mut Vec<LintFinding>) {
    let Some(span) = concerns_blobs(context.root) else { return };
    let Some(outcome) = outcome(context.root) else { return };
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
                None => "and no read is allowed either".to_owned(),
            };
            let message = format!(
                "no listing of blobs is allowed, in any container and with any prefix, {reads}. A service that lists gets 403. Listings have no blob path; limit them by the prefix that they ask for, in a clause of their own"
            );
            (Rule::ListAlwaysDenied, Severity::Warning, message)
        }
        Outcome::Open { container, whole: true } => {
            let container = shown(container);
            let message = format!(
                "all names in {container} can be listed although no blob in it can be read: no part of the condition limits Blob.List as reads are limited"
            );
            (Rule::ListUnconstrained, Severity::Warning, message)
        }
        Outcome::Open { container, whole: false } => {
            let container = shown(container);
            let limited = limits_lists(context.root);
            let severity = if limited { Severity::Note } else { Severity::Warning };
            let message = format!(
                "all names in {container} can be listed, including those of blobs that cannot be read"
            );
            (Rule::ListUnconstrained, severity, message)
        }
    };
    // A repaired text is only offered if the sample requests confirm it.
    let repair = repair(context.root);
    found.push(LintFinding { rule, severity, span, message, repair });
}

/// Returns the place at which the condition limits blobs, or `None` if it is about something else.
///
/// That is the first guard that matches reads. A condition without any guard counts if it compares an
/// attribute of the blob service.
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
    // A condition without `ActionMatches` limits every action that the role has.
    let any_action = !anywhere(root, |kind| matches!(kind, ExprKind::ActionMatches(_)));
    guard.or_else(|| (blobs && any_action).then_some(root.span))
}

/// Returns whether any comparison affects listings.
///
/// If none does, the author did not think of listings, and the finding is a warning. Otherwise the
/// difference may be intended, and the finding is a note.
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

/// The result of the sample requests.
///
/// Several problems may exist at once. The most serious one is reported: all listings denied, then a
/// container whose names are all visible although nothing in it can be read.
enum Outcome {
    /// Everything that can be listed can be read.
    AsRead,
    /// Nothing can be listed; `reads` is a container and a blob that can be read.
    Denied { reads: Option<(String, String)> },
    /// Everything in this container can be listed, but not read: nothing of it (`whole`), or some of it.
    Open { container: String, whole: bool },
}

/// Evaluates the sample requests; `None` if there are too many.
///
/// For each container the samples are reads of every path, listings with every prefix, a listing with an
/// empty prefix and one without a prefix.
fn outcome(root: &Expr) -> Option<Outcome> {
    // The default samples exist in every condition, and the condition's own values are added.
    let containers = candidates(root, Known::Container, &[UNNAMED]);
    let mut paths = candidates(root, Known::Path, &["zz-not-named/none.jpg", "none.jpg"]);
    let prefixes = candidates(root, Known::Prefix, &["", "zz-not-named/"]);
    paths.extend(prefixes.iter().map(|prefix| format!("{prefix}x.jpg")));
    // The number of comparisons for one request, to estimate the work of all of them.
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
        // A listing without a prefix and one with an empty prefix both list everything.
        let everything = can_list(None) || can_list(Some(""));
        // The listing may be denied in this container and allowed in another one.
        listable = listable || everything || prefixes.iter().any(|prefix| can_list(Some(prefix)));
        let whole = first.is_none();
        let hidden = whole || !paths.iter().all(|path| can_read(&path));
        // A container in which nothing can be read is the clearer example, so it replaces another one.
        if everything && hidden && (open.is_none() || whole && !matches!(open, Some((_, true)))) {
            open = Some((container.clone(), whole));
        }
    }
    Some(match open {
        _ if !listable => Outcome::Denied { reads: readable },
        // If nothing at all can be read, the condition is meant for listings only.
        Some((container, whole)) if readable.is_some() => Outcome::Open { container, whole },
        _ => Outcome::AsRead,
    })
}

/// Returns sample values for an attribute: those that the condition compares it with, and `others`.
///
/// A comparison changes its result only at such values, so they show every difference between reads and
/// listings that equality and starts can make.
fn candidates(root: &Expr, known: Known, others: &[&str]) -> Vec<String> {
    let mut found: Vec<String> = others.iter().map(|&other| other.to_owned()).collect();
    root.walk(&mut |expr| {
        let ExprKind::Compare { left, operator, right } = &expr.kind else { return };
        if !expr.attributes().any(|attribute| Known::of(attribute.path()) == Some(known)) {
            return;
        }
        for value in left.values().iter().chain(right.values()).filter_map(Value::text) {
            // For a pattern, one text that it matches is a sample. For a start, the start itself and a name
            // below it are samples.
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
    // Values that the condition does not name come first, because they make the clearest examples.
    found.sort_by_key(|value| !others.contains(&value.as_str()));
    found
}

/// A sample read of a blob.
fn read(container: &str, path: &str) -> Request {
    Request::new(BLOB_READ).resource(CONTAINER_NAME, container).resource(BLOB_PATH, path)
}

/// A sample listing of a container.
fn list(container: &str, prefix: Option<&str>) -> Request {
    let list = Request::new(BLOB_READ).suboperation(BLOB_LIST).resource(CONTAINER_NAME, container);
    match prefix {
        Some(prefix) => list.request(BLOB_PREFIX, prefix),
        None => list,
    }
}

/// Returns whether the condition can allow the request, for some values of its other attributes.
///
/// For example, a condition on an index tag can allow a read, because the blob may have that tag. It can
/// never allow a listing, because listings have no tags.
fn can(root: &Expr, request: &Request) -> bool {
    let suboperation = request.suboperations().first().map(String::as_str);
    let action = ACTIONS
        .iter()
        .find(|action| action.name == BLOB_READ && action.suboperation == suboperation);
    // Attributes that the samples set are known; others that the action has may have any value.
    let open = |attribute: &Attribute| {
        let Some(known) = Known::of(attribute.path()) else { return false };
        !matches!(known, Known::Container | Known::Path | Known::Prefix | Known::SubOperation)
            && action.is_some_and(|action: &Action| action.has(attribute.source(), known))
    };
    possible(root, &|expr| {
        // A missing attribute makes the comparison undecided, even if the other side is open.
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

/// Returns the condition with an additional clause that limits listings as reads are limited.
///
/// Returns `None` unless the sample requests confirm that the repaired condition is right.
///
/// The steps: find the one clause for reads, translate its limits to listings, exclude listings from the
/// guards for reads, add the new clause, and check the result.
fn repair(root: &Expr) -> Option<String> {
    let clauses = match &root.kind {
        ExprKind::And(parts) => parts.as_slice(),
        _ => std::slice::from_ref(root),
    };
    let bodies: Vec<&[Expr]> = clauses.iter().filter_map(body_for_reads).collect();
    // More than one clause for reads leaves open which of them the new clause should follow.
    let [body] = bodies.as_slice() else { return None };
    // A body with several parts is an `OR` of limits.
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

/// Makes an expression that has no place in a text.
fn made(kind: ExprKind) -> Expr {
    Expr { kind, span: Span::default(), in_parentheses: false }
}

/// Returns the limits of a clause `!(guard) OR limits` for reads, if the guard matches reads and is not
/// about listings.
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

/// Returns the expression with each guard for reads narrowed to reads that are not listings.
///
/// `!(ActionMatches{'…/read'})` becomes `!(ActionMatches{'…/read'} AND NOT
/// SubOperationMatches{'Blob.List'})`. Other parts stay as they are.
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

/// Translates a limit of reads to listings.
///
/// Returns `None` if there is no equivalent, and `Some(None)` if the limit does not apply to listings. A
/// comparison of the blob's path with a start becomes one of the listing's prefix.
#[expect(clippy::option_option, reason = "no equivalent, no limit and a limit are three cases")]
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
