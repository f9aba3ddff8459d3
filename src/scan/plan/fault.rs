//! The reasons why the planner cannot take an answer.
//!
//! Owners return a [`Fault`]; the planner decides whether the scan continues.

use crate::error::Error;

/// The reason why an answer cannot be taken.
#[derive(Debug)]
pub(super) enum Fault {
    /// The listing cannot be right, whatever follows.
    Error(Error),
    /// The service listed the first name before the second, and they do not ascend in the order that the
    /// scan relies on. The scan may continue in another order.
    Disorder { first: String, second: String },
}

impl Fault {
    /// Returns the fault of two names that do not ascend.
    pub(super) fn disorder(first: &str, second: &str) -> Self {
        Self::Disorder { first: first.to_owned(), second: second.to_owned() }
    }
}
