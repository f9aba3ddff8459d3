//! Intervals of blob names: bounds between names, ranges from one bound to another, and sets of
//! ranges.
//!
//! Scans, shards and jobs all divide the names of a container into ranges; the arithmetic exists only
//! here. Every operation takes the [`NameOrder`] of the listing, because the same two bounds enclose
//! different names in different orders. Nothing here knows about prefixes: a name may lie between two
//! bounds without having the prefix of the listing.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::store::NameOrder;

/// A position between two names.
///
/// `S` is `String` for a bound that is kept and `&str` for one that is only compared. The serialized
/// form is part of the journal of a job, so the words `at` and `behind` must not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound<S = String> {
    /// Immediately before this name.
    #[serde(rename = "at")]
    Before(S),
    /// Immediately after this name.
    #[serde(rename = "behind")]
    After(S),
    /// After all names.
    End,
}

impl<S: AsRef<str>> Bound<S> {
    /// Compares the positions of two bounds.
    ///
    /// `After("a")` comes before `Before("b")` if `a` comes before `b`, even if no name can lie between
    /// the two.
    pub(crate) fn compare<T: AsRef<str>>(&self, other: &Bound<T>, order: NameOrder) -> Ordering {
        match (self.place(), other.place()) {
            (Some((a, is_after)), Some((b, is_other_after))) => {
                order.compare(a, b).then(is_after.cmp(&is_other_after))
            }
            (a, b) => a.is_none().cmp(&b.is_none()),
        }
    }

    /// Returns whether the name comes after this bound.
    pub(crate) fn is_before(&self, name: &str, order: NameOrder) -> bool {
        match self {
            Self::Before(next) => order.compare(next.as_ref(), name).is_le(),
            Self::After(previous) => order.compare(previous.as_ref(), name).is_lt(),
            Self::End => false,
        }
    }

    /// Returns the name that the bound touches, or `None` for the end.
    pub(super) fn name(&self) -> Option<&str> {
        self.place().map(|(name, _)| name)
    }

    /// Returns the name that the bound touches, and whether the bound comes after that name.
    fn place(&self) -> Option<(&str, bool)> {
        match self {
            Self::Before(name) => Some((name.as_ref(), false)),
            Self::After(name) => Some((name.as_ref(), true)),
            Self::End => None,
        }
    }
}

/// The names between two bounds.
///
/// A range may be empty: its bounds may be equal, or in descending order. A page without blobs, for
/// example, covers the empty range at the position of the listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameRange {
    from: Bound,
    to: Bound,
}

impl NameRange {
    pub(crate) fn new(from: Bound, to: Bound) -> Self {
        Self { from, to }
    }

    /// Returns the range from a prefix, seen as a name, to the end.
    pub(crate) fn starting_at(prefix: &str) -> Self {
        Self::new(Bound::Before(prefix.to_owned()), Bound::End)
    }

    /// Returns the lower bound.
    pub(crate) fn from(&self) -> &Bound {
        &self.from
    }

    /// Returns the upper bound.
    pub(crate) fn to(&self) -> &Bound {
        &self.to
    }

    /// Returns the lower and the upper bound.
    pub(crate) fn into_bounds(self) -> (Bound, Bound) {
        (self.from, self.to)
    }

    /// Returns the range with another upper bound.
    pub(super) fn until(&self, to: Bound) -> Self {
        Self::new(self.from.clone(), to)
    }

    /// Moves the upper bound.
    pub(super) fn extend_to(&mut self, to: Bound) {
        self.to = to;
    }

    /// Returns whether the bounds enclose nothing in this order.
    pub(crate) fn is_empty(&self, order: NameOrder) -> bool {
        self.from.compare(&self.to, order).is_ge()
    }

    /// Returns the part that both ranges have, or `None` if they have none.
    fn intersection(&self, other: &Self, order: NameOrder) -> Option<Self> {
        let both = Self::new(
            greater(&self.from, &other.from, order).clone(),
            lesser(&self.to, &other.to, order).clone(),
        );
        (!both.is_empty(order)).then_some(both)
    }

    /// Returns the parts of this range before and after another one, without the empty ones.
    fn difference(&self, other: &Self, order: NameOrder) -> impl Iterator<Item = Self> {
        let low = self.until(lesser(&self.to, &other.from, order).clone());
        let high = Self::new(greater(&self.from, &other.to, order).clone(), self.to.clone());
        [low, high].into_iter().filter(move |part| !part.is_empty(order))
    }
}

fn lesser<'a>(a: &'a Bound, b: &'a Bound, order: NameOrder) -> &'a Bound {
    if b.compare(a, order).is_lt() { b } else { a }
}

fn greater<'a>(a: &'a Bound, b: &'a Bound, order: NameOrder) -> &'a Bound {
    if b.compare(a, order).is_gt() { b } else { a }
}

/// Returns the lesser of a name and an optional upper bound.
pub(super) fn lesser_name(bound: Option<&str>, name: &str, order: NameOrder) -> String {
    bound.filter(|bound| order.compare(bound, name).is_lt()).unwrap_or(name).to_owned()
}

/// Returns the greater of a name and an optional lower bound.
pub(super) fn greater_name(bound: Option<&str>, name: &str, order: NameOrder) -> String {
    bound.filter(|bound| order.compare(bound, name).is_gt()).unwrap_or(name).to_owned()
}

/// Ranges of names that ascend and do not overlap.
///
/// A job keeps the names that it has yet to list in such a set.
#[derive(Clone, Debug)]
pub(crate) struct RangeSet {
    // INVARIANT: ascending in the order that all methods are called with, disjoint and never empty.
    ranges: Vec<NameRange>,
}

impl RangeSet {
    /// Returns the set of all names with a prefix.
    pub(crate) fn all(prefix: &str) -> Self {
        Self { ranges: vec![NameRange::starting_at(prefix)] }
    }

    /// Returns the ranges in ascending order.
    pub(crate) fn ranges(&self) -> &[NameRange] {
        &self.ranges
    }

    /// Returns the ranges of names with the prefix that are not in the set.
    pub(crate) fn complement(&self, prefix: &str, order: NameOrder) -> Vec<NameRange> {
        let mut from = Bound::Before(prefix.to_owned());
        let mut others = Vec::new();
        for range in &self.ranges {
            let to = range.from.clone();
            others.push(NameRange::new(std::mem::replace(&mut from, range.to.clone()), to));
        }
        others.push(NameRange::new(from, Bound::End));
        others.retain(|range| !range.is_empty(order));
        others
    }

    /// Removes a range and returns the parts of it that were in the set, in ascending order.
    pub(crate) fn remove(&mut self, range: &NameRange, order: NameOrder) -> Vec<NameRange> {
        let mut removed = Vec::new();
        for known in std::mem::take(&mut self.ranges) {
            match known.intersection(range, order) {
                Some(part) => {
                    // INVARIANT: the difference is ascending, disjoint and without empty ranges.
                    self.ranges.extend(known.difference(range, order));
                    removed.push(part);
                }
                None => self.ranges.push(known),
            }
        }
        removed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ORDERS: [NameOrder; 4] = NameOrder::KNOWN;

    fn name() -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(vec!['-', '/', 'a', '\u{e000}', '😀']), 0..3)
            .prop_map(|letters| letters.into_iter().collect())
    }

    fn bound() -> impl Strategy<Value = Bound> {
        prop_oneof![name().prop_map(Bound::Before), name().prop_map(Bound::After), Just(Bound::End)]
    }

    fn range() -> impl Strategy<Value = NameRange> {
        (bound(), bound()).prop_map(|(from, to)| NameRange::new(from, to))
    }

    fn has(range: &NameRange, name: &str, order: NameOrder) -> bool {
        range.from().is_before(name, order) && !range.to().is_before(name, order)
    }

    fn any_has(ranges: &[NameRange], name: &str, order: NameOrder) -> bool {
        ranges.iter().any(|range| has(range, name, order))
    }

    proptest! {
        #[test]
        fn a_bound_is_before_a_name_exactly_if_it_is_not_after_the_bound_before_it(
            bound in bound(),
            name in name(),
        ) {
            for order in ORDERS {
                let is_before = bound.compare(&Bound::Before(name.as_str()), order).is_le();
                prop_assert_eq!(bound.is_before(&name, order), is_before);
            }
        }

        #[test]
        fn a_set_has_a_name_until_a_range_with_that_name_is_removed(
            ranges in prop::collection::vec(range(), 0..5),
            name in name(),
        ) {
            for order in ORDERS {
                let mut set = RangeSet::all("");
                let mut is_in_set = true;
                for range in &ranges {
                    let removed = set.remove(range, order);
                    let was_removed = is_in_set && has(range, &name, order);
                    prop_assert_eq!(any_has(&removed, &name, order), was_removed);
                    is_in_set &= !was_removed;
                    prop_assert_eq!(any_has(set.ranges(), &name, order), is_in_set);
                }
                prop_assert_eq!(any_has(&set.complement("", order), &name, order), !is_in_set);
                prop_assert!(set.ranges().iter().all(|range| !range.is_empty(order)));
                let neighbors = set.ranges().iter().zip(set.ranges().iter().skip(1));
                for (low, high) in neighbors {
                    prop_assert!(low.to().compare(high.from(), order).is_le());
                }
            }
        }
    }

    #[test]
    fn bounds_keep_their_serialized_form() {
        let bounds = [Bound::Before("a".to_owned()), Bound::After("b".to_owned()), Bound::End];
        let json = r#"[{"at":"a"},{"behind":"b"},"end"]"#;
        assert_eq!(serde_json::to_string(&bounds).unwrap(), json);
        assert_eq!(serde_json::from_str::<Vec<Bound>>(json).unwrap(), bounds);
    }
}
