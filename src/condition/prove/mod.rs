//! Proves statements about all requests of a family: a condition allows none of them, or denies none.
//!
//! A [`Family`] fixes some attributes of a request and leaves the others open. A search looks for values
//! of the open attributes that make a condition true, or not true. The search ends with an example, with
//! a proof that there is none, or undecided. It is undecided if the [`Budget`] was used up, or if the
//! condition compares attributes in a way that the solvers do not cover.
//!
//! For example, the family "reads of blobs outside of `hall-3/`" and a condition that limits reads to
//! `hall-3/`: the search finds no request that is allowed, so the limit holds for every blob name.
//!
//! Why the answer "none" is a proof:
//!
//! 1. `search` turns "the condition is true" into requirements for its comparisons, and tries every
//!    combination that makes it true. Kleene's logic is monotonic: a comparison without a requirement
//!    cannot undo the others.
//! 2. `attribute_solver` decides whether one open attribute can fulfil all requirements for its
//!    comparisons. The attribute is absent, has one value, or has another number of values. These are
//!    all cases.
//! 3. `value_solver` decides whether a value exists. Comparisons of truth values, numbers, times and
//!    GUIDs change their result only at the values that the condition names, so these values and their
//!    neighbours represent all others. For text, `text_solver` explores an automaton that reads a text
//!    for all comparisons at once.
//! 4. Attributes are solved independently. A comparison of two open attributes is assumed to have the
//!    required result, which can only add examples. Every example is therefore evaluated, and one that
//!    fails counts as undecided, never as "none".
//!
//! Open attributes may be absent and may have any number of values of any type, whatever their
//! documentation says. A proof therefore also holds for a service that sends truth values as text.

mod attribute_solver;
mod budget;
mod container_groups;
mod example;
mod family;
mod predicate;
mod prefix_tree;
mod problem;
mod search;
mod text_solver;
mod value_solver;

pub(crate) use self::{
    budget::Budget,
    container_groups::{containers, indistinguishable},
    example::{Example, Found},
    family::{Domain, Family, Texts},
};
use super::Condition;

/// Searches for a request of the family that the condition allows.
pub(crate) fn allowed(condition: &Condition, family: &Family, budget: &mut Budget) -> Found {
    search::search(&[condition], family, true, budget)
}

/// Searches for a request of the family that none of the conditions allows.
///
/// The conditions are those of several role assignments. A request is allowed if one of them allows it.
pub(crate) fn denied(conditions: &[&Condition], family: &Family, budget: &mut Budget) -> Found {
    search::search(conditions, family, false, budget)
}
