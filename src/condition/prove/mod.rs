//! Proofs about a family of requests: whether a condition allows some of them, or denies some.
//!
//! A [`Family`] fixes some attributes of a request and leaves the others open. A search looks for
//! values of the open attributes that make a condition true, or not true. It ends in one of three
//! ways: an example, a proof that there is none, or neither, because the bound on its work was reached
//! or because the condition compares attributes in a way that it does not decide.
//!
//! Why "there is none" is a proof:
//!
//! 1. `goals` turns "the condition is true" into requirements for its comparisons, and tries every way to
//!    grant them. Kleene's logic is monotonic: a comparison without a requirement cannot undo the others.
//! 2. `variable` decides whether one open attribute can grant all requirements for its comparisons: it is
//!    absent, has one value, or has another number of values. These are all the cases.
//! 3. `element` decides whether a value exists. Truth values, numbers, times and GUIDs change sides only
//!    at the values that the condition names, so those and their neighbours stand for all. For text,
//!    `text` walks an automaton that reads any text for all comparisons at once.
//! 4. Attributes are decided apart from each other. A comparison of two open attributes is assumed to
//!    come out as wished, which can only add examples. An example is therefore always evaluated, and one
//!    that fails counts as "not proved", never as "none".
//!
//! Open attributes may be absent, and may have any number of values of any type, whatever their
//! documentation says. So a proof holds for a service that sends texts for truth values too.

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

/// Looks for a request of the family that the condition allows
pub(crate) fn allowed(condition: &Condition, family: &Family, budget: &mut Budget) -> Found {
    search::search(&[condition], family, true, budget)
}

/// Looks for a request of the family that none of the conditions allows
pub(crate) fn denied(conditions: &[&Condition], family: &Family, budget: &mut Budget) -> Found {
    search::search(conditions, family, false, budget)
}
