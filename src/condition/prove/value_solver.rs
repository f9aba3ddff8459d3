//! Decides whether a single value fulfils a list of requirements.
//!
//! Likely values are tried first, because most requirements are fulfilled by a value that the condition
//! names. The expensive automaton for text is only built if none of them fits.
//!
//! For example, `StringLike 'a*'` and `StringNotEquals 'ax'`: the candidate `ax` for the pattern fails, the
//! candidate `axx` fulfils both, and no automaton is needed.

use std::collections::HashSet;

use super::{
    budget::Budget,
    family::{Domain, Texts},
    predicate::{Predicate, Truths, ValueRequirement},
    text_solver::{self, TextAnswer},
};
use crate::condition::{
    Base, Value, ValueType,
    operator::Relation,
    value::{guid, ticks, time},
};
use crate::wildcard;

/// The answer for one value.
#[derive(Debug)]
pub(super) enum ValueAnswer {
    Value(Value),
    None,
    Unproved,
}

/// The most fixed values of each requirement that are tried before the automaton is built.
const FEW: usize = 16;

/// Finds a value of the domain that fulfils all requirements, or proves that there is none.
///
/// `usual` is a typical value of the attribute and is tried first.
pub(super) fn solve(
    domain: &Domain,
    usual: &Value,
    needs: &[ValueRequirement<'_>],
    budget: &mut Budget,
) -> ValueAnswer {
    let any = Texts::default();
    let (texts, only_text) = match domain {
        Domain::Text(texts) => (texts, true),
        Domain::Absent | Domain::Present | Domain::Any => (&any, false),
    };
    let cost: usize = 1 + needs.iter().map(|need| need.predicate.values.len() + 1).sum::<usize>();
    let is_met = |value: &Value, budget: &mut Budget| {
        // A value that the budget does not allow to evaluate counts as failed. The check of the budget
        // below keeps that from counting as a proof.
        budget.spend(cost) && needs.iter().all(|need| need.is_met(value))
    };
    // INVARIANT: comparisons of numbers change their result only at the numbers that the condition names,
    // so these and their neighbours represent all numbers. Other comparisons are undecided for every
    // number.
    let truths = [true, false].map(Value::Bool);
    let others = truths.into_iter().chain(integers(needs).into_iter().map(Value::Integer));
    let others: Vec<Value> = others.filter(|_| !only_text).collect();
    let is_typed =
        needs.iter().any(|need| matches!(need.value_type(), ValueType::Bool | ValueType::Integer));
    let texts_first =
        candidates(texts, needs).into_iter().filter(|text| texts.contains(text)).map(Value::Text);
    let usual = std::iter::once(usual.clone()).filter(|_| !only_text);
    // A typed comparison is more likely to be fulfilled by a value of its type, so those come first.
    let all: Vec<Value> = match is_typed {
        true => usual.chain(others).chain(texts_first).collect(),
        false => usual.chain(texts_first).chain(others).collect(),
    };
    for value in all {
        if is_met(&value, budget) {
            return ValueAnswer::Value(value);
        }
    }
    // Candidates that were not evaluated prove nothing.
    if !budget.spend(1) {
        return ValueAnswer::Unproved;
    }
    no_text(texts, needs, budget)
}

/// Finds a text that was not among the candidates, or proves that there is none.
///
/// Comparisons of numbers, times, GUIDs and truth values are checked first, each type on its own. The
/// automaton then decides about the comparisons of text. A text that it finds must also fulfil the
/// others, which is tested.
fn no_text(texts: &Texts, needs: &[ValueRequirement<'_>], budget: &mut Budget) -> ValueAnswer {
    // INVARIANT: each type of comparison is solved on its own. If one type cannot be fulfilled, no text
    // fulfils all requirements. If each type can be, that does not prove that one text fulfils them all.
    let mut types: Vec<ValueType> = Vec::new();
    for need in needs {
        if !types.contains(&need.value_type()) {
            types.push(need.value_type());
        }
    }
    for value_type in types.iter().copied().filter(|other| *other != ValueType::String) {
        let own: Vec<ValueRequirement<'_>> =
            needs.iter().filter(|need| need.value_type() == value_type).copied().collect();
        let cost: usize = own.iter().map(|need| need.predicate.values.len() + 1).sum();
        let mut met = false;
        // The texts of `of_type` represent all texts of the type; "x" represents all other texts.
        for text in ["x".to_owned()].into_iter().chain(of_type(value_type, &own)) {
            if !budget.spend(cost) {
                return ValueAnswer::Unproved;
            }
            let value = Value::Text(text);
            met |= own.iter().all(|need| need.is_met(&value));
        }
        if !met {
            return ValueAnswer::None;
        }
    }
    // A text that must equal one of a few values was among the candidates already.
    let is_one_of_few = |need: &ValueRequirement<'_>| {
        let Predicate { base, values, is_left: _, every: _ } = need.predicate;
        need.wanted == Truths::TRUE
            && base == Base::StringEquals
            && (1..=FEW).contains(&values.len())
            && values.iter().all(|value| value.text().is_some())
    };
    if needs.iter().any(is_one_of_few) {
        return ValueAnswer::None;
    }
    let strings: Vec<ValueRequirement<'_>> =
        needs.iter().filter(|need| need.value_type() == ValueType::String).copied().collect();
    match text_solver::find(texts, &strings, budget) {
        TextAnswer::None => ValueAnswer::None,
        TextAnswer::Unproved => ValueAnswer::Unproved,
        TextAnswer::Is(text) => {
            let value = Value::Text(text);
            // The text that the automaton found must fulfil the requirements of the other types too.
            match needs.iter().all(|need| need.is_met(&value)) {
                true => ValueAnswer::Value(value),
                false => ValueAnswer::Unproved,
            }
        }
    }
}

/// Returns texts that are likely to fulfil the requirements, typical ones first.
///
/// These are the samples of the domain, texts of each compared type, the fixed texts with and without the
/// domain's start, and each of them with one more character.
fn candidates(texts: &Texts, needs: &[ValueRequirement<'_>]) -> Vec<String> {
    let mut found: Vec<String> = texts.samples().to_vec();
    let mut strings = Vec::new();
    let mut types: Vec<ValueType> = Vec::new();
    for need in needs {
        let base = need.predicate.base;
        if base.value_type() != ValueType::String {
            if !types.contains(&base.value_type()) {
                types.push(base.value_type());
            }
            continue;
        }
        let literals = need.predicate.values.iter().filter_map(Value::text).take(FEW);
        for literal in literals {
            strings.push(match base.relation() {
                Relation::Like if need.predicate.is_left => wildcard::example(literal),
                _ => literal.to_owned(),
            });
        }
    }
    for value_type in types {
        found.extend(of_type(value_type, needs));
    }
    found.extend(strings.iter().filter(|text| !text.is_empty()).cloned());
    found.push("x".to_owned());
    if let Some(start) = texts.start() {
        found.extend(strings.iter().map(|text| format!("{start}{text}")));
    }
    // A pattern or a start is often fulfilled by a text with something after it.
    let longer: Vec<String> = strings.iter().map(|text| format!("{text}x")).collect();
    found.extend(longer);
    found.push(String::new());
    // Duplicates cost evaluations, and the order must stay.
    let mut seen = HashSet::new();
    found.retain(|text| seen.insert(text.clone()));
    found
}

/// Returns the fixed values of all requirements of a type.
fn literals<'a>(
    needs: &'a [ValueRequirement<'_>],
    value_type: ValueType,
) -> impl Iterator<Item = &'a Value> {
    let of_type = move |need: &&ValueRequirement<'_>| need.value_type() == value_type;
    needs.iter().filter(of_type).flat_map(|need| need.predicate.values)
}

/// Returns numbers that represent all numbers: the fixed ones, their neighbours, and 0.
fn integers(needs: &[ValueRequirement<'_>]) -> Vec<i64> {
    let mut found = Vec::new();
    for number in literals(needs, ValueType::Integer).filter_map(Value::integer) {
        found.push(number);
        found.extend(number.checked_add(1));
        found.extend(number.checked_sub(1));
    }
    found.push(0);
    found
}

/// Returns texts that represent all texts of a type.
///
/// A comparison changes its result only at a fixed value. The fixed values, their neighbours, and one value
/// that is not fixed therefore give every possible combination of results.
fn of_type(value_type: ValueType, needs: &[ValueRequirement<'_>]) -> Vec<String> {
    match value_type {
        ValueType::String => Vec::new(),
        ValueType::Integer => integers(needs).iter().map(i64::to_string).collect(),
        ValueType::Bool => vec!["true".to_owned(), "false".to_owned()],
        ValueType::DateTime => {
            /// A day and a second, in ticks of 100 nanoseconds.
            const ROUND: [i64; 2] = [86_400 * 10_000_000, 10_000_000];
            // Round distances come first, so that examples show times that people would write. The
            // neighbours, one tick apart, complete the proof.
            let mut found = vec!["2026-01-01T00:00:00.0000000Z".to_owned()];
            let named = || {
                let texts = literals(needs, ValueType::DateTime).filter_map(Value::text);
                texts.filter_map(ticks)
            };
            for step in ROUND.into_iter().chain([0, 1]) {
                for named in named() {
                    found.extend(named.checked_sub(step).and_then(time));
                    found.extend(named.checked_add(step).and_then(time));
                }
            }
            found
        }
        ValueType::Guid => {
            let named: HashSet<u128> =
                literals(needs, ValueType::Guid).filter_map(Value::text).filter_map(guid).collect();
            // One GUID that is not named represents all that are not named.
            let free = (1..).find(|digits| !named.contains(digits));
            let mut all: Vec<u128> = named.iter().copied().collect();
            all.sort_unstable();
            all.into_iter().chain(free).map(written).collect()
        }
    }
}

/// Formats a GUID with hyphens.
fn written(digits: u128) -> String {
    let hex = format!("{digits:032x}");
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default().to_owned();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}
