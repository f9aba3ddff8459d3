//! Which simple expressions have an influence on requests of an action.
//!
//! All of them are found in one pass, since a condition may have hundreds.

use std::collections::HashSet;

use crate::condition::{
    Expr, ExprKind, Request,
    catalog::{Action, Known},
    eval::{Possible, leaf, possible},
};

/// Simple expressions of one condition that have an influence on something
pub(super) struct Influences(HashSet<*const Expr>);

impl Influences {
    /// Those with an influence on requests of an action, whatever attributes these have
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

    /// Whether an expression of the condition is one of them
    pub(super) fn has(&self, part: &Expr) -> bool {
        self.0.contains(&std::ptr::from_ref(part))
    }
}

/// What a simple expression can come to: only what names the action is known
fn open(expr: &Expr, request: &Request) -> Possible {
    let is_known = match &expr.kind {
        ExprKind::ActionMatches(_) | ExprKind::SubOperationMatches(_) => true,
        _ => expr.attributes().any(|a| Known::of(a.path()) == Some(Known::SubOperation)),
    };
    if is_known { Possible::just(leaf(expr, request)) } else { Possible::EITHER }
}

/// Looks at an expression; `whole` says what the condition can come to, given what this can come to
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
        // How many of the others can be true, and how many false.
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
