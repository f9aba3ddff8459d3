//! Whether one open attribute can have values with which all of its comparisons come out as wished.

use super::{
    Budget, Domain, Texts,
    compile::{Predicate, Truths},
    element::{self, Element, Need},
    goals::{Answer, Given},
};
use crate::condition::{
    Operator, Quantifier, Value,
    eval::{self, Truth},
};

/// A comparison with fixed values, and what it must come to
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    pub(super) operator: Operator,
    pub(super) predicate: Predicate<'a>,
    pub(super) wanted: Truths,
}

/// What a comparison comes to for these values of the attribute
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

/// Whether an attribute may have these values
pub(super) fn is_member(domain: &Domain, given: Option<&[Value]>) -> bool {
    match (domain, given) {
        (Domain::Any, _) | (Domain::Absent, None) | (Domain::Present, Some(_)) => true,
        (Domain::Absent, Some(_)) | (Domain::Present, None) => false,
        (Domain::Text(texts), None) => texts.optional,
        (Domain::Text(texts), Some([Value::Text(text)])) => is_text(texts, text),
        (Domain::Text(_), Some(_)) => false,
    }
}

/// Whether a text is one that an attribute may have
pub(super) fn is_text(texts: &Texts, text: &str) -> bool {
    let begins = |starts: &[Value]| {
        starts.iter().filter_map(Value::text).any(|start| text.starts_with(start))
    };
    (texts.start.is_empty() || begins(&texts.start))
        && !begins(&texts.other_start)
        && !texts.excluded.iter().any(|excluded| excluded.text() == Some(text))
        && (texts.characters.is_empty() || text.chars().all(|c| texts.characters.contains(c)))
}

pub(super) fn solve(
    domain: &Domain,
    usual: &Value,
    wishes: &[Wish<'_>],
    present: Option<bool>,
    budget: &mut Budget,
) -> Answer {
    // INVARIANT: absent, one value, and no or several values are all the cases there are.
    let (may_be_absent, may_be_several) = match domain {
        Domain::Absent => (true, false),
        Domain::Present => (false, true),
        Domain::Any => (true, true),
        Domain::Text(texts) => (texts.optional, false),
    };
    let mut unproved = false;
    if present != Some(false) && !matches!(domain, Domain::Absent) {
        match one(domain, usual, wishes, budget) {
            Element::Value(value) => return Answer::Yes(Some(vec![value])),
            Element::None => {}
            Element::Unproved => unproved = true,
        }
    }
    if present != Some(true) && may_be_absent && wishes.iter().all(|wish| wish.wanted.has(None)) {
        return Answer::Yes(None);
    }
    if present != Some(false) && may_be_several {
        match several(domain, usual, wishes, budget) {
            Answer::No => {}
            Answer::Unproved => unproved = true,
            Answer::Yes(given) => {
                let all = |wish: &Wish<'_>| {
                    wish.wanted.has(truth(wish.operator, &wish.predicate, given.as_deref()))
                };
                if wishes.iter().all(all) {
                    return Answer::Yes(given);
                }
                unproved = true;
            }
        }
    }
    if unproved { Answer::Unproved } else { Answer::No }
}

fn one(domain: &Domain, usual: &Value, wishes: &[Wish<'_>], budget: &mut Budget) -> Element {
    let needs: Vec<Need<'_>> =
        wishes.iter().map(|wish| Need { predicate: wish.predicate, wanted: wish.wanted }).collect();
    element::solve(domain, usual, &needs, budget)
}

/// What a list of values must be: each of them so, and for each of these one that is so
#[derive(Clone, Default)]
struct Lists<'a> {
    each: Vec<Need<'a>>,
    some: Vec<Need<'a>>,
}

/// No value, or two and more
fn several(domain: &Domain, usual: &Value, wishes: &[Wish<'_>], budget: &mut Budget) -> Answer {
    /// More ways to grant the wishes than this are not tried
    const MOST_WAYS: usize = 64;
    let mut ways = vec![Lists::default()];
    for wish in wishes {
        let Some(quantifier) = wish.operator.quantifier() else {
            // A comparison of single values is undecided for several.
            if wish.wanted.has(None) {
                continue;
            }
            return Answer::No;
        };
        let is_any = match (wish.predicate.is_left, quantifier) {
            (true, Quantifier::AnyAny | Quantifier::AnyAll)
            | (false, Quantifier::AnyAny | Quantifier::AllAny) => true,
            (true, Quantifier::AllAny | Quantifier::AllAll)
            | (false, Quantifier::AnyAll | Quantifier::AllAll) => false,
        };
        // With the attribute on the right, these two ask about the fixed values one by one.
        let is_split = !wish.predicate.is_left
            && matches!(quantifier, Quantifier::AllAny | Quantifier::AnyAll);
        if !is_split {
            ways.iter_mut().for_each(|way| way.add(is_any, wish.predicate, wish.wanted));
            continue;
        }
        // `AllAny`: all fixed values agree with some value; `AnyAll`: some fixed value with all.
        let all_fixed = quantifier == Quantifier::AllAny;
        let each = match all_fixed {
            true => wish.wanted.is_within(Truths::NOT_FALSE),
            false => wish.wanted.is_within(Truths::NOT_TRUE),
        };
        let parts: Vec<Predicate<'_>> = wish
            .predicate
            .values
            .chunks(1)
            .map(|values| Predicate { values, every: false, ..wish.predicate })
            .collect();
        // "Undecided" alone is a wish for all of them and for one of them.
        let split = wish.wanted == Truths::UNDECIDED;
        let wanted_each = match (split, all_fixed) {
            (false, _) => wish.wanted,
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
                    way.add(is_any, *part, wish.wanted);
                    more.push(way);
                }
            }
            ways = more;
        }
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

impl<'a> Lists<'a> {
    /// That any, or that all, of the values come to this
    fn add(&mut self, is_any: bool, predicate: Predicate<'a>, wanted: Truths) {
        let need = |wanted| Need { predicate, wanted };
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

    fn solve(&self, domain: &Domain, usual: &Value, budget: &mut Budget) -> Answer {
        let mut values: Vec<Value> = Vec::new();
        for some in &self.some {
            let needs: Vec<_> = self.each.iter().chain([some]).copied().collect();
            match element::solve(domain, usual, &needs, budget) {
                Element::Value(value) => values.push(value),
                Element::None => return Answer::No,
                Element::Unproved => return Answer::Unproved,
            }
        }
        // One value is another case: a second one that is the same makes it this one.
        if let [value] = values.as_slice() {
            values.push(value.clone());
        }
        Answer::Yes(Given::Some(values))
    }
}
