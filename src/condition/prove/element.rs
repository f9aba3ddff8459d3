//! Whether there is a value that compares with fixed values as needed.

use std::collections::HashSet;

use super::{
    Budget, Domain, Texts,
    compile::{Predicate, Truths},
    text::{self, Text},
    variable::is_text,
};
use crate::condition::{
    Base, Value, ValueType,
    operator::Relation,
    value::{guid, ticks, time},
};
use crate::wildcard;

/// A question about a value, and what the answer must be
#[derive(Clone, Copy, Debug)]
pub(super) struct Need<'a> {
    pub(super) predicate: Predicate<'a>,
    pub(super) wanted: Truths,
}

impl Need<'_> {
    fn is_met(&self, value: &Value) -> bool {
        self.wanted.has(self.predicate.truth(value))
    }

    fn value_type(&self) -> ValueType {
        self.predicate.base.value_type()
    }
}

#[derive(Debug)]
pub(super) enum Element {
    Value(Value),
    None,
    Unproved,
}

/// How many values of a condition are tried for each need before the automaton is built
const FEW: usize = 16;

/// `usual` is a value that people expect of the attribute; it is tried first
pub(super) fn solve(
    domain: &Domain,
    usual: &Value,
    needs: &[Need<'_>],
    budget: &mut Budget,
) -> Element {
    let any = Texts::default();
    let (texts, only_text) = match domain {
        Domain::Text(texts) => (texts, true),
        Domain::Absent | Domain::Present | Domain::Any => (&any, false),
    };
    let cost: usize = 1 + needs.iter().map(|need| need.predicate.values.len() + 1).sum::<usize>();
    let is_met = |value: &Value, budget: &mut Budget| {
        // What was not evaluated is not met; the budget tells that nothing is proved then.
        budget.spend(cost) && needs.iter().all(|need| need.is_met(value))
    };
    // INVARIANT: numbers change sides at the numbers of the condition only, so those and their
    // neighbours stand for all numbers. Other comparisons are undecided for every number.
    let truths = [true, false].map(Value::Bool);
    let others = truths.into_iter().chain(integers(needs).into_iter().map(Value::Integer));
    let others: Vec<Value> = others.filter(|_| !only_text).collect();
    let is_typed =
        needs.iter().any(|need| matches!(need.value_type(), ValueType::Bool | ValueType::Integer));
    let texts_first =
        candidates(texts, needs).into_iter().filter(|text| is_text(texts, text)).map(Value::Text);
    let usual = std::iter::once(usual.clone()).filter(|_| !only_text);
    let all: Vec<Value> = match is_typed {
        true => usual.chain(others).chain(texts_first).collect(),
        false => usual.chain(texts_first).chain(others).collect(),
    };
    for value in all {
        if is_met(&value, budget) {
            return Element::Value(value);
        }
    }
    // Candidates that were not evaluated prove nothing.
    if !budget.spend(1) {
        return Element::Unproved;
    }
    no_text(texts, needs, budget)
}

/// A text that was not among the candidates, or the proof that there is none
fn no_text(texts: &Texts, needs: &[Need<'_>], budget: &mut Budget) -> Element {
    // INVARIANT: each type of comparison is decided alone. If one of them cannot be met, no text meets
    // all; if each can be met, one text need not meet them together.
    let mut types: Vec<ValueType> = Vec::new();
    for need in needs {
        if !types.contains(&need.value_type()) {
            types.push(need.value_type());
        }
    }
    for value_type in types.iter().copied().filter(|other| *other != ValueType::String) {
        let own: Vec<Need<'_>> =
            needs.iter().filter(|need| need.value_type() == value_type).copied().collect();
        let cost: usize = own.iter().map(|need| need.predicate.values.len() + 1).sum();
        let mut met = false;
        // These stand for all texts of the type, and the first for texts that are not of the type.
        for text in ["x".to_owned()].into_iter().chain(of_type(value_type, &own)) {
            if !budget.spend(cost) {
                return Element::Unproved;
            }
            let value = Value::Text(text);
            met |= own.iter().all(|need| need.is_met(&value));
        }
        if !met {
            return Element::None;
        }
    }
    // A text that must be one of a few was one of the candidates.
    let is_one_of_few = |need: &Need<'_>| {
        let Predicate { base, values, is_left: _, every: _ } = need.predicate;
        need.wanted == Truths::TRUE
            && base == Base::StringEquals
            && (1..=FEW).contains(&values.len())
            && values.iter().all(|value| value.text().is_some())
    };
    if needs.iter().any(is_one_of_few) {
        return Element::None;
    }
    let strings: Vec<Need<'_>> =
        needs.iter().filter(|need| need.value_type() == ValueType::String).copied().collect();
    match text::find(texts, &strings, budget) {
        Text::None => Element::None,
        Text::Unproved => Element::Unproved,
        Text::Is(text) => {
            let value = Value::Text(text);
            match needs.iter().all(|need| need.is_met(&value)) {
                true => Element::Value(value),
                false => Element::Unproved,
            }
        }
    }
}

/// Texts that are likely to be what is needed, those that people recognise first
fn candidates(texts: &Texts, needs: &[Need<'_>]) -> Vec<String> {
    let mut found: Vec<String> = texts.samples.clone();
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
    for start in texts.start.iter().filter_map(Value::text) {
        found.extend(strings.iter().map(|text| format!("{start}{text}")));
    }
    let longer: Vec<String> = strings.iter().map(|text| format!("{text}x")).collect();
    found.extend(longer);
    found.push(String::new());
    let mut seen = HashSet::new();
    found.retain(|text| seen.insert(text.clone()));
    found
}

fn literals<'a>(needs: &'a [Need<'_>], value_type: ValueType) -> impl Iterator<Item = &'a Value> {
    let of_type = move |need: &&Need<'_>| need.value_type() == value_type;
    needs.iter().filter(of_type).flat_map(|need| need.predicate.values)
}

/// Numbers that stand for all numbers
fn integers(needs: &[Need<'_>]) -> Vec<i64> {
    let mut found = Vec::new();
    for number in literals(needs, ValueType::Integer).filter_map(Value::integer) {
        found.push(number);
        found.extend(number.checked_add(1));
        found.extend(number.checked_sub(1));
    }
    found.push(0);
    found
}

/// Texts of a type that stand for all texts of the type
fn of_type(value_type: ValueType, needs: &[Need<'_>]) -> Vec<String> {
    match value_type {
        ValueType::String => Vec::new(),
        ValueType::Integer => integers(needs).iter().map(i64::to_string).collect(),
        ValueType::Bool => vec!["true".to_owned(), "false".to_owned()],
        ValueType::DateTime => {
            /// A second and a day, in steps of 100 nanoseconds
            const ROUND: [i64; 2] = [86_400 * 10_000_000, 10_000_000];
            // Times that people would write first.
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
            // One that is not named: among so many, one is free.
            let free = (1..).find(|digits| !named.contains(digits));
            let mut all: Vec<u128> = named.iter().copied().collect();
            all.sort_unstable();
            all.into_iter().chain(free).map(written).collect()
        }
    }
}

/// A GUID as it is written
fn written(digits: u128) -> String {
    let hex = format!("{digits:032x}");
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default().to_owned();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}
