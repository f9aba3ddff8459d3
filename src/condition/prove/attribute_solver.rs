//! Decides whether one open attribute can have values that fulfil the requirements for all of its
//! comparisons.
//!
//! There are three cases: absent (every comparison is undecided), one value (solved by `value_solver`), and
//! several values, where quantifiers say how many of them must agree.

use super::{
    budget::Budget,
    family::Domain,
    predicate::{Predicate, Truths, ValueRequirement},
    value_solver::{self, ValueAnswer},
};
use crate::condition::{
    Operator, Quantifier, Value,
    eval::{self, Truth},
};

/// The values of an attribute; `None` if it is absent.
pub(super) type Given = Option<Vec<Value>>;

/// The answer for one attribute.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// The attribute with these values fulfils the requirements.
    Yes(Given),
    /// Proved: no values do.
    No,
    Unproved,
}

/// A comparison of the attribute with fixed values, and its required results.
#[derive(Clone, Copy, Debug)]
pub(super) struct Requirement<'a> {
    pub(super) operator: Operator,
    pub(super) predicate: Predicate<'a>,
    pub(super) wanted: Truths,
}

/// Evaluates a comparison for values of the attribute.
pub(super) fn truth(
    operator: Operator,
    predicate: &Predicate<'_>,
    given: Option<&[Value]>,
) -> Truth {
    let given = given?;
    match predicate.is_left {
        true => eval::comparison(operator, given, predicate.values),
        false => eval::comparison(operator, predicate.values, given),
    }
}

/// Finds values that fulfil the requirements, or proves that there are none.
///
/// One value is tried first, because it makes the most readable example. Values that were found for
/// several are evaluated before they count.
///
/// `present` is whether the attribute must be present or absent, if an `Exists` decides that.
pub(super) fn solve(
    domain: &Domain,
    usual: &Value,
    requirements: &[Requirement<'_>],
    present: Option<bool>,
    budget: &mut Budget,
) -> Answer {
    // INVARIANT: absent, one value, and no or several values are all cases.
    let (may_be_absent, may_be_several) = match domain {
        Domain::Absent => (true, false),
        Domain::Present => (false, true),
        Domain::Any => (true, true),
        Domain::Text(texts) => (texts.is_optional(), false),
    };
    let mut unproved = false;
    if present != Some(false) && !matches!(domain, Domain::Absent) {
        match one(domain, usual, requirements, budget) {
            ValueAnswer::Value(value) => return Answer::Yes(Some(vec![value])),
            ValueAnswer::None => {}
            ValueAnswer::Unproved => unproved = true,
        }
    }
    if present != Some(true)
        && may_be_absent
        && requirements.iter().all(|requirement| requirement.wanted.has(None))
    {
        return Answer::Yes(None);
    }
    if present != Some(false) && may_be_several {
        match several(domain, usual, requirements, budget) {
            Answer::No => {}
            Answer::Unproved => unproved = true,
            Answer::Yes(given) => {
                let all = |requirement: &Requirement<'_>| {
                    requirement.wanted.has(truth(
                        requirement.operator,
                        &requirement.predicate,
                        given.as_deref(),
                    ))
                };
                if requirements.iter().all(all) {
                    return Answer::Yes(given);
                }
                unproved = true;
            }
        }
    }
    if unproved { Answer::Unproved } else { Answer::No }
}

/// Solves for exactly one value.
fn one(
    domain: &Domain,
    usual: &Value,
    requirements: &[Requirement<'_>],
    budget: &mut Budget,
) -> ValueAnswer {
    let needs: Vec<ValueRequirement<'_>> = requirements
        .iter()
        .map(|requirement| ValueRequirement {
            predicate: requirement.predicate,
            wanted: requirement.wanted,
        })
        .collect();
    value_solver::solve(domain, usual, &needs, budget)
}

/// Requirements for a list of values: some hold for each value, others for at least one value.
///
/// A list exists if and only if, for each requirement about some value, there is a value that fulfils it
/// together with all requirements about each value.
#[derive(Clone, Default)]
struct Lists<'a> {
    each: Vec<ValueRequirement<'a>>,
    some: Vec<ValueRequirement<'a>>,
}

/// Solves for no value, or for two and more.
///
/// Each quantified comparison becomes requirements for each value or for some value. A comparison that
/// asks about the fixed values one by one has alternatives, and each combination of them is tried.
fn several(
    domain: &Domain,
    usual: &Value,
    requirements: &[Requirement<'_>],
    budget: &mut Budget,
) -> Answer {
    /// The most combinations of alternatives. The answer is undecided beyond.
    const MOST_WAYS: usize = 64;
    let mut ways = vec![Lists::default()];
    for requirement in requirements {
        let Some(quantifier) = requirement.operator.quantifier() else {
            // A comparison without a quantifier is undecided for several values.
            if requirement.wanted.has(None) {
                continue;
            }
            return Answer::No;
        };
        // Whether one value is enough for the comparison, or all values must agree.
        let is_any = match (requirement.predicate.is_left, quantifier) {
            (true, Quantifier::AnyAny | Quantifier::AnyAll)
            | (false, Quantifier::AnyAny | Quantifier::AllAny) => true,
            (true, Quantifier::AllAny | Quantifier::AllAll)
            | (false, Quantifier::AnyAll | Quantifier::AllAll) => false,
        };
        // With the attribute on the right side, these two quantifiers ask about the fixed values one by
        // one.
        let is_split = !requirement.predicate.is_left
            && matches!(quantifier, Quantifier::AllAny | Quantifier::AnyAll);
        if !is_split {
            ways.iter_mut()
                .for_each(|way| way.add(is_any, requirement.predicate, requirement.wanted));
            continue;
        }
        ways = split(ways, requirement, quantifier, is_any);
        if ways.len() > MOST_WAYS {
            return Answer::Unproved;
        }
    }
    let mut unproved = false;
    for way in &ways {
        match way.solve(domain, usual, budget) {
            Answer::No => {}
            Answer::Unproved => unproved = true,
            yes @ Answer::Yes(_) => return yes,
        }
    }
    if unproved { Answer::Unproved } else { Answer::No }
}

/// Adds a requirement that asks about the fixed values one by one to each combination.
///
/// "Each fixed value" adds one requirement for every fixed value. "Some fixed value" makes one combination
/// for every fixed value.
fn split<'a>(
    mut ways: Vec<Lists<'a>>,
    requirement: &Requirement<'a>,
    quantifier: Quantifier,
    is_any: bool,
) -> Vec<Lists<'a>> {
    // `AllAny`: each fixed value agrees with some value. `AnyAll`: some fixed value agrees with all.
    let all_fixed = quantifier == Quantifier::AllAny;
    let each = match all_fixed {
        true => requirement.wanted.is_within(Truths::NOT_FALSE),
        false => requirement.wanted.is_within(Truths::NOT_TRUE),
    };
    let parts: Vec<Predicate<'_>> = requirement
        .predicate
        .values
        .chunks(1)
        .map(|values| Predicate { values, every: false, ..requirement.predicate })
        .collect();
    // "Only undecided" requires that none decides the result, and that one is undecided.
    let split = requirement.wanted == Truths::UNDECIDED;
    let wanted_each = match (split, all_fixed) {
        (false, _) => requirement.wanted,
        (true, true) => Truths::NOT_FALSE,
        (true, false) => Truths::NOT_TRUE,
    };
    if each {
        for way in &mut ways {
            parts.iter().for_each(|part| way.add(is_any, *part, wanted_each));
        }
    }
    if !each || split {
        let mut more = Vec::new();
        for way in &ways {
            for part in &parts {
                let mut way = way.clone();
                way.add(is_any, *part, requirement.wanted);
                more.push(way);
            }
        }
        ways = more;
    }
    ways
}

impl<'a> Lists<'a> {
    /// Adds the requirement that the comparison with some value (`is_any`), or with all values, has a
    /// result.
    ///
    /// "True for some value" needs one such value. If that must not be true, no value may be true, which is a
    /// requirement for each value. For all values it is the other way round.
    fn add(&mut self, is_any: bool, predicate: Predicate<'a>, wanted: Truths) {
        let need = |wanted| ValueRequirement { predicate, wanted };
        match (is_any, wanted) {
            (true, Truths::UNDECIDED) => {
                self.each.push(need(Truths::NOT_TRUE));
                self.some.push(need(wanted));
            }
            (false, Truths::UNDECIDED) => {
                self.each.push(need(Truths::NOT_FALSE));
                self.some.push(need(wanted));
            }
            (true, wanted) if wanted.is_within(Truths::NOT_FALSE) => self.some.push(need(wanted)),
            (false, wanted) if wanted.is_within(Truths::NOT_TRUE) => self.some.push(need(wanted)),
            (_, wanted) => self.each.push(need(wanted)),
        }
    }

    /// Finds a list: one value for each requirement about some value.
    ///
    /// Each of these values must also fulfil the requirements about each value.
    fn solve(&self, domain: &Domain, usual: &Value, budget: &mut Budget) -> Answer {
        let mut values: Vec<Value> = Vec::new();
        for some in &self.some {
            let needs: Vec<_> = self.each.iter().chain([some]).copied().collect();
            match value_solver::solve(domain, usual, &needs, budget) {
                ValueAnswer::Value(value) => values.push(value),
                ValueAnswer::None => return Answer::No,
                ValueAnswer::Unproved => return Answer::Unproved,
            }
        }
        // A list of one value is compared differently. The same value twice makes it a list.
        if let [value] = values.as_slice() {
            values.push(value.clone());
        }
        Answer::Yes(Given::Some(values))
    }
}
