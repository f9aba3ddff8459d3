//! The containers that conditions name, in groups that no condition distinguishes.
//!
//! An audit needs one proof for each group instead of one for each container.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::budget::Budget;
use crate::{
    condition::{
        Attribute, Condition, ExprKind, Operator, Quantifier, Source, Value, ValueType,
        catalog::Known,
        eval::{self, Truth},
        operator::Relation,
        value::folded,
    },
    name::ContainerName,
};

/// Returns whether an attribute is the name of the container.
fn is_container(attribute: &Attribute) -> bool {
    attribute.source() == Source::Resource && Known::of(attribute.path()) == Some(Known::Container)
}

/// Returns the containers that a condition names in comparisons for equality.
///
/// Patterns and starts are left out: they name no container.
pub(crate) fn containers(condition: &Condition) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    condition.root().walk(&mut |expr| {
        if let ExprKind::Compare { left, operator, right } = &expr.kind
            && operator.base().value_type() == ValueType::String
            && operator.base().relation() == Relation::Equals
            && expr.attributes().any(is_container)
        {
            let texts = left.values().iter().chain(right.values()).filter_map(Value::text);
            // Text that is no container name cannot be a container of the account.
            let is_name = |name: &&str| name.parse::<ContainerName>().is_ok();
            names.extend(texts.filter(is_name).map(str::to_owned));
        }
    });
    names
}

/// A comparison of the container's name with fixed values.
struct Comparison<'a> {
    operator: Operator,
    values: &'a [Value],
    is_left: bool,
    /// The fixed values as a set, for an equality with a quantifier.
    ///
    /// A lookup replaces the comparison with each value: a condition may name hundreds of containers.
    texts: Option<HashSet<String>>,
}

/// Groups containers so that requests that differ only by containers of one group get the same decision.
///
/// Returns `None` if the budget is too small, or if a condition compares the name with another attribute.
///
/// Two containers with the same results in all comparisons of the name are interchangeable in every
/// condition, because conditions see the name nowhere else.
pub(crate) fn indistinguishable<'n>(
    conditions: &[&Condition],
    names: &'n BTreeSet<String>,
    budget: &mut Budget,
) -> Option<Vec<Vec<&'n str>>> {
    let mut comparisons = Vec::new();
    let mut is_known = true;
    for condition in conditions {
        condition.root().walk(&mut |expr| {
            let ExprKind::Compare { left, operator, right } = &expr.kind else { return };
            let (values, is_left) = match (left.attribute(), right.attribute()) {
                // A comparison of two attributes depends on more than the name, so groups cannot be formed.
                (Some(left), Some(right)) => {
                    is_known &= !is_container(left) && !is_container(right);
                    return;
                }
                (Some(left), None) if is_container(left) => (right.values(), true),
                (None, Some(right)) if is_container(right) => (left.values(), false),
                _ => return,
            };
            comparisons.push(Comparison::new(*operator, values, is_left));
        });
    }
    // The cost estimate: a lookup for a set, and the length of the fixed texts otherwise.
    let of_one = |comparison: &Comparison<'_>| match comparison.texts {
        Some(_) => 2,
        None => 2 + comparison.values.iter().filter_map(Value::text).map(str::len).sum::<usize>(),
    };
    let cost = names.len() * (1 + comparisons.iter().map(of_one).sum::<usize>());
    if !is_known || !budget.spend(cost) {
        return None;
    }
    // Two containers belong to one group if every comparison has the same result for both.
    let mut groups: BTreeMap<Vec<Truth>, Vec<&str>> = BTreeMap::new();
    for name in names {
        let truths = comparisons.iter().map(|comparison| comparison.truth(name)).collect();
        groups.entry(truths).or_default().push(name);
    }
    Some(groups.into_values().collect())
}

impl<'a> Comparison<'a> {
    /// Prepares a comparison for many names.
    fn new(operator: Operator, values: &'a [Value], is_left: bool) -> Self {
        let base = operator.base();
        let is_equality =
            base.value_type() == ValueType::String && base.relation() == Relation::Equals;
        let text = |value: &Value| {
            let text = value.text()?;
            Some(if base.ignores_case() { folded(text).collect() } else { text.to_owned() })
        };
        let texts: Option<HashSet<String>> = values.iter().map(text).collect();
        // Without a quantifier, equality with several values is undecided, which a set cannot express.
        let texts = texts.filter(|_| is_equality && operator.quantifier().is_some());
        Self { operator, values, is_left, texts }
    }

    /// Compares a name.
    ///
    /// With a set, the result follows from two facts: whether the name is in the set, and whether the set has
    /// other texts.
    fn truth(&self, name: &str) -> Truth {
        let base = self.operator.base();
        if let (Some(texts), Some(quantifier)) = (&self.texts, self.operator.quantifier()) {
            let is_in = match base.ignores_case() {
                true => texts.contains(&folded(name).collect::<String>()),
                false => texts.contains(name),
            };
            // Whether the name equals some text, and whether it differs from some.
            let (some, not_some) = (is_in, texts.len() > usize::from(is_in));
            let (some, not_some) =
                if base.is_negative() { (not_some, some) } else { (some, not_some) };
            let every = match quantifier {
                Quantifier::AllAll => true,
                Quantifier::AnyAll => self.is_left,
                Quantifier::AllAny => !self.is_left,
                Quantifier::AnyAny => false,
            };
            return Some(if every { !not_some } else { some });
        }
        let name = [Value::from(name)];
        match self.is_left {
            true => eval::comparison(self.operator, &name, self.values),
            false => eval::comparison(self.operator, self.values, &name),
        }
    }
}
