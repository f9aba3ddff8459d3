//! Sets of truth values, and requirements for comparisons of one value with fixed values.

use crate::condition::{
    Base, Value, ValueType,
    eval::{self, Truth},
    value::compare,
};

/// A set of the truths false, undecided and true, as three bits.
///
/// A search starts with all three for each comparison, and goals remove some. An empty set is a
/// contradiction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Truths(u8);

impl Truths {
    /// Only false.
    pub(super) const FALSE: Self = Self(1);
    /// Only undecided.
    pub(super) const UNDECIDED: Self = Self(2);
    /// Only true.
    pub(super) const TRUE: Self = Self(4);
    /// False or undecided, which both mean denied.
    pub(super) const NOT_TRUE: Self = Self(3);
    /// Undecided or true.
    pub(super) const NOT_FALSE: Self = Self(6);
    /// All three.
    pub(super) const ANY: Self = Self(7);

    /// Returns the set with this truth alone.
    pub(super) fn of(truth: Truth) -> Self {
        match truth {
            Some(false) => Self::FALSE,
            None => Self::UNDECIDED,
            Some(true) => Self::TRUE,
        }
    }

    /// Returns whether the set contains a truth.
    pub(super) fn has(self, truth: Truth) -> bool {
        self.0 & Self::of(truth).0 != 0
    }

    /// Returns the intersection.
    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns whether the set is empty: the requirements contradict each other.
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns whether this is a subset of another set.
    pub(super) fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Returns the truths whose negations are in this set.
    pub(super) fn negated(self) -> Self {
        // Exchanges the bits of false and true. Undecided stays.
        Self(self.0 & 2 | self.0 >> 2 | (self.0 & 1) << 2)
    }
}

/// A comparison of one value of an attribute with fixed values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Predicate<'a> {
    pub(super) base: Base,
    pub(super) values: &'a [Value],
    /// Whether the attribute is on the left side of the operator.
    pub(super) is_left: bool,
    /// Whether all fixed values must agree; otherwise one is enough.
    pub(super) every: bool,
}

impl Predicate<'_> {
    /// Compares a value.
    pub(super) fn truth(&self, value: &Value) -> Truth {
        // The attribute's value takes the side on which the attribute stands in the condition.
        let each = self.values.iter().map(|fixed| match self.is_left {
            true => compare(self.base, value, fixed),
            false => compare(self.base, fixed, value),
        });
        // `eval::all` and `eval::any` stop early, so long lists of values cost little.
        if self.every { eval::all(each) } else { eval::any(each) }
    }
}

/// A comparison and its required results.
#[derive(Clone, Copy, Debug)]
pub(super) struct ValueRequirement<'a> {
    pub(super) predicate: Predicate<'a>,
    /// The allowed results.
    pub(super) wanted: Truths,
}

impl ValueRequirement<'_> {
    /// Returns whether a value gives one of the required results.
    pub(super) fn is_met(&self, value: &Value) -> bool {
        self.wanted.has(self.predicate.truth(value))
    }

    /// Returns the type of the values that the comparison compares.
    pub(super) fn value_type(&self) -> ValueType {
        self.predicate.base.value_type()
    }
}
