//! Determines which comparisons can change the decision about requests of an action.
//!
//! A comparison in a clause for writing does not affect reads. One pass finds the answer for all
//! comparisons of a condition, because a condition may have hundreds.
//!
//! For example, in `(!(ActionMatches{'…/read'}) OR a) AND (!(ActionMatches{'…/write'}) OR b)` the comparison
//! `a` affects reads and `b` affects writes. For a read, the second clause is true whatever `b` is.

use std::collections::HashSet;

use crate::condition::{
    Expr, ExprKind, Request,
    catalog::{Action, Known},
    eval::{Possible, leaf, possible},
};

/// The comparisons of one condition that affect an action, by their addresses in the tree.
///
/// Addresses identify expressions here, because equal expressions may occur in several clauses.
pub(super) struct Influences(HashSet<*const Expr>);

impl Influences {
    /// Finds the comparisons that affect requests of an action, whatever attributes these have.
    pub(super) fn on(root: &Expr, action: &Action) -> Self {
        let request = Request::new(action.name);
        let request = match action.suboperation {
            Some(name) => request.suboperation(name),
            None => request,
        };
        let mut found = HashSet::new();
        visit(root, &request, &|outcome| outcome, &mut found);
        Self(found)
    }

    /// Returns whether an expression of the condition is one of them.
    pub(super) fn has(&self, part: &Expr) -> bool {
        self.0.contains(&std::ptr::from_ref(part))
    }
}

/// Returns the possible results of a comparison. Only the tests of the action are known.
fn open(expr: &Expr, request: &Request) -> Possible {
    let is_known = match &expr.kind {
        ExprKind::ActionMatches(_) | ExprKind::SubOperationMatches(_) => true,
        _ => expr.attributes().any(|a| Known::of(a.path()) == Some(Known::SubOperation)),
    };
    // A comparison can be anything: its attributes may have any value, or be missing.
    if is_known { Possible::just(leaf(expr, request)) } else { Possible::EITHER }
}

/// Visits an expression; `whole` maps the possible results of this expression to those of the condition.
///
/// A comparison affects the action if its truth changes the possible results of the whole.
///
/// The closure is composed on the way down, so that each comparison is tried once with each result.
fn visit(
    expr: &Expr,
    request: &Request,
    whole: &dyn Fn(Possible) -> Possible,
    found: &mut HashSet<*const Expr>,
) {
    let parts = match &expr.kind {
        ExprKind::And(parts) | ExprKind::Or(parts) => parts,
        ExprKind::Not(part) => {
            let not = |inner: Possible| whole(Possible { yes: inner.no, no: inner.yes });
            return visit(part, request, &not, found);
        }
        _ => {
            let [yes, no] = [true, false].map(|truth| whole(Possible::just(Some(truth))));
            if yes != no {
                found.insert(std::ptr::from_ref(expr));
            }
            return;
        }
    };
    let each: Vec<_> =
        parts.iter().map(|part| possible(part, &|expr| open(expr, request))).collect();
    let (can, cannot) =
        (each.iter().filter(|p| p.yes).count(), each.iter().filter(|p| p.no).count());
    let is_all = matches!(expr.kind, ExprKind::And(_));
    for (part, own) in parts.iter().zip(&each) {
        // The counts without this part: an `AND` with this part can be true only if all others can.
        let (can, cannot) = (can - usize::from(own.yes), cannot - usize::from(own.no));
        let others = parts.len() - 1;
        let joined = |inner: Possible| {
            whole(match is_all {
                true => Possible { yes: can == others && inner.yes, no: cannot > 0 || inner.no },
                false => Possible { yes: can > 0 || inner.yes, no: cannot == others && inner.no },
            })
        };
        visit(part, request, &joined, found);
    }
}
