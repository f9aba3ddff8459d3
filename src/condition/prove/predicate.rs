//! Comparisons of one value with fixed values, and the results that a search needs from them.

use crate::condition::{
    Base, Value, ValueType,
    eval::{self, Truth},
    value::compare,
};

/// Some of false, undecided and true
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Truths(u8);

impl Truths {
    pub(super) const FALSE: Self = Self(1);
    pub(super) const UNDECIDED: Self = Self(2);
    pub(super) const TRUE: Self = Self(4);
    pub(super) const NOT_TRUE: Self = Self(3);
    pub(super) const NOT_FALSE: Self = Self(6);
    pub(super) const ANY: Self = Self(7);

    pub(super) fn of(truth: Truth) -> Self {
        match truth {
            Some(false) => Self::FALSE,
            None => Self::UNDECIDED,
            Some(true) => Self::TRUE,
        }
    }

    pub(super) fn has(self, truth: Truth) -> bool {
        self.0 & Self::of(truth).0 != 0
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The truths of which these are the negations
    pub(super) fn negated(self) -> Self {
        Self(self.0 & 2 | self.0 >> 2 | (self.0 & 1) << 2)
    }
}

/// A question about one value of an attribute: how it compares with fixed values
#[derive(Clone, Copy, Debug)]
pub(super) struct Predicate<'a> {
    pub(super) base: Base,
    pub(super) values: &'a [Value],
    /// The attribute stands to the left of the operator
    pub(super) is_left: bool,
    /// All of the values must agree; one is enough if not set
    pub(super) every: bool,
}

impl Predicate<'_> {
    pub(super) fn truth(&self, value: &Value) -> Truth {
        let each = self.values.iter().map(|fixed| match self.is_left {
            true => compare(self.base, value, fixed),
            false => compare(self.base, fixed, value),
        });
        if self.every { eval::all(each) } else { eval::any(each) }
    }
}

/// A question about a value, and what the answer must be
#[derive(Clone, Copy, Debug)]
pub(super) struct ValueRequirement<'a> {
    pub(super) predicate: Predicate<'a>,
    pub(super) wanted: Truths,
}

impl ValueRequirement<'_> {
    pub(super) fn is_met(&self, value: &Value) -> bool {
        self.wanted.has(self.predicate.truth(value))
    }

    pub(super) fn value_type(&self) -> ValueType {
        self.predicate.base.value_type()
    }
}
