//! Whether there is a text that compares with fixed texts as needed: an automaton over all of them.
//!
//! A state says how far a text has come in every fixed text and in every pattern. Characters that none
//! of these has are alike, so one of them stands for all. Equal states have equal futures: when all
//! states were seen and none of them is as needed, there is no such text.

use std::collections::{BTreeSet, HashSet};

use super::{
    Budget, Texts,
    compile::{Predicate, Truths},
    element::Need,
    letters::{Place, Tree, with_unfolded},
};
use crate::condition::{Base, Value, eval::Truth, operator::Relation, value::folded};
use crate::wildcard::{self, Part, PatternSet, is_set};

#[derive(Debug)]
pub(super) enum Text {
    Is(String),
    None,
    Unproved,
}

/// A need, in terms of the automaton
struct Test {
    wanted: Truths,
    every: bool,
    is_negative: bool,
    /// Some fixed value is no text: compared with it, nothing is decided
    has_other: bool,
    relation: Fits,
}

/// Which of the fixed texts a text fits
enum Fits {
    /// Those that end at one of these nodes
    Equals { is_folded: bool, ends: HashSet<usize> },
    /// Those that it begins with
    Begins { is_folded: bool, ends: Vec<usize> },
    /// Those that begin with it
    BeginsThem { is_folded: bool, ends: Vec<usize> },
    /// Patterns, by the bits that say so
    Patterns { is_folded: bool, ends: Vec<usize> },
}

struct Automaton {
    exact: Tree,
    folded: Tree,
    /// The patterns that compare exactly, and those that ignore letter case
    patterns: [PatternSet; 2],
    tests: Vec<Test>,
    /// Letters of the exact tree, and of the folded one
    letters: [BTreeSet<char>; 2],
    /// A text must stay on these trees
    keeps: [bool; 2],
}

/// The places in the two trees, and the bits of the patterns
type State = Box<[u64]>;

/// The words of a state before those of the patterns
const PLACES: usize = 2;

pub(super) fn find(texts: &Texts, needs: &[Need<'_>], budget: &mut Budget) -> Text {
    let mut automaton = Automaton {
        exact: Tree::new(),
        folded: Tree::new(),
        patterns: [PatternSet::default(), PatternSet::default()],
        tests: Vec::new(),
        letters: [BTreeSet::new(), BTreeSet::new()],
        keeps: [false; 2],
    };
    let size = |need: &Need<'_>| -> usize {
        need.predicate.values.iter().filter_map(Value::text).map(str::len).sum()
    };
    if !budget.spend(1 + needs.iter().map(size).sum::<usize>()) {
        return Text::Unproved;
    }
    let own = |base, values, wanted| Need {
        predicate: Predicate { base, values, is_left: true, every: false },
        wanted,
    };
    if !texts.start.is_empty() {
        automaton.add(&own(Base::StringStartsWith, &texts.start, Truths::TRUE));
    }
    if !texts.other_start.is_empty() {
        automaton.add(&own(Base::StringStartsWith, &texts.other_start, Truths::FALSE));
    }
    if !texts.excluded.is_empty() {
        automaton.add(&own(Base::StringEquals, &texts.excluded, Truths::FALSE));
    }
    let mut all_decided = true;
    for need in needs {
        all_decided &= automaton.add(need);
    }
    automaton.exact.number();
    automaton.folded.number();
    match automaton.walk(texts.characters, budget) {
        // What was not taken in can only exclude texts.
        Text::Is(text) if all_decided => Text::Is(text),
        Text::Is(text) => {
            let value = Value::Text(text.clone());
            let met = needs.iter().all(|need| need.wanted.has(need.predicate.truth(&value)));
            if met { Text::Is(text) } else { Text::Unproved }
        }
        other => other,
    }
}

impl Automaton {
    /// Takes a need in; whether it could be
    fn add(&mut self, need: &Need<'_>) -> bool {
        let predicate = &need.predicate;
        let base = predicate.base;
        let is_folded = base.ignores_case();
        let literals: Vec<&str> = predicate.values.iter().filter_map(Value::text).collect();
        let relation = match (base.relation(), predicate.is_left) {
            // A text as the pattern of a fixed text: not taken in.
            (Relation::Like, false) if !literals.is_empty() => return false,
            (Relation::Like, _) => {
                let ends =
                    literals.iter().map(|literal| self.pattern(literal, is_folded)).collect();
                Fits::Patterns { is_folded, ends }
            }
            (Relation::StartsWith, is_left) => {
                let ends = self.ends(&literals, is_folded);
                if is_left {
                    let tree = if is_folded { &mut self.folded } else { &mut self.exact };
                    for end in &ends {
                        if let Some(is_start) = tree.is_start.get_mut(*end) {
                            *is_start = true;
                        }
                    }
                    Fits::Begins { is_folded, ends }
                } else {
                    Fits::BeginsThem { is_folded, ends }
                }
            }
            _ => {
                let ends = self.ends(&literals, is_folded).into_iter().collect();
                Fits::Equals { is_folded, ends }
            }
        };
        if need.wanted == Truths::TRUE
            && !base.is_negative()
            && matches!(relation, Fits::Equals { .. } | Fits::BeginsThem { .. })
            && let Some(keeps) = self.keeps.get_mut(usize::from(is_folded))
        {
            *keeps = true;
        }
        self.tests.push(Test {
            wanted: need.wanted,
            every: predicate.every,
            is_negative: base.is_negative(),
            has_other: literals.len() < predicate.values.len(),
            relation,
        });
        true
    }

    fn ends(&mut self, literals: &[&str], is_folded: bool) -> Vec<usize> {
        let [exact, any_case] = &mut self.letters;
        let ends = literals.iter().map(|literal| match is_folded {
            true => {
                any_case.extend(folded(literal));
                self.folded.add(folded(literal))
            }
            false => {
                exact.extend(literal.chars());
                self.exact.add(literal.chars())
            }
        });
        ends.collect()
    }

    fn pattern(&mut self, literal: &str, is_folded: bool) -> usize {
        let parts = match is_folded {
            true => wildcard::parse(folded(literal)),
            false => wildcard::parse(literal.chars()),
        };
        let letters = parts.iter().filter_map(|part| match part {
            Part::Exact(c) => Some(*c),
            Part::One | Part::Many => None,
        });
        let [exact, any_case] = &mut self.letters;
        if is_folded {
            any_case.extend(letters)
        } else {
            exact.extend(letters)
        }
        let [exact, any_case] = &mut self.patterns;
        if is_folded { any_case.add(&parts) } else { exact.add(&parts) }
    }

    /// The characters that stand for all
    fn alphabet(&self, characters: &str) -> Vec<char> {
        if !characters.is_empty() {
            return characters.chars().collect();
        }
        let [exact, any_case] = &self.letters;
        let mut known: BTreeSet<char> = exact.clone();
        known.extend(with_unfolded(any_case));
        // The one character that is two in lower case: each of them can fit a `?`.
        known.insert('\u{130}');
        let usual = ('a'..='z').chain('0'..='9').chain('\u{4e00}'..='\u{9fff}');
        // INVARIANT: a character that is none of these, in any letter case, fits no fixed character.
        // All such characters lead from one state to the same state.
        let other = ['x'].into_iter().chain(usual).find(|c| !known.contains(c));
        other.into_iter().chain(known.iter().copied()).collect()
    }

    fn start(&self) -> State {
        let [exact, any_case] = &self.patterns;
        [&[0; PLACES][..], exact.start(), any_case.start()].concat().into_boxed_slice()
    }

    fn step(&mut self, state: &State, c: char) -> State {
        let mut next = state.clone();
        let [exact, any_case] = places(state);
        let exact = self.exact.step(exact, c);
        let any_case = c.to_lowercase().fold(any_case, |place, c| self.folded.step(place, c));
        let [exact_patterns, folded_patterns] = &mut self.patterns;
        let (places, bits) = next.split_at_mut(PLACES);
        for (word, place) in places.iter_mut().zip([exact, any_case]) {
            *word = (place.node as u64) << 1 | u64::from(place.is_off);
        }
        let (exact_bits, folded_bits) = bits.split_at_mut(exact_patterns.words());
        exact_patterns.step(exact_bits, c);
        c.to_lowercase().for_each(|c| folded_patterns.step(folded_bits, c));
        next
    }

    fn is_needed(&self, state: &State) -> bool {
        self.tests.iter().all(|test| test.wanted.has(self.truth(test, state)))
    }

    fn truth(&self, test: &Test, state: &State) -> Truth {
        let place = |is_folded: bool| {
            let [exact, any_case] = places(state);
            if is_folded { (&self.folded, any_case) } else { (&self.exact, exact) }
        };
        // Whether it fits some, and whether it does not fit some.
        let (some, not_some) = match &test.relation {
            Fits::Equals { is_folded, ends } => {
                let (_, place) = place(*is_folded);
                let fits = !place.is_off && ends.contains(&place.node);
                (fits, ends.len() > usize::from(fits))
            }
            Fits::Begins { is_folded, ends } => {
                let (tree, place) = place(*is_folded);
                either(ends.iter().map(|end| tree.is_below(place.node, *end)))
            }
            Fits::BeginsThem { is_folded, ends } => {
                let (tree, place) = place(*is_folded);
                either(ends.iter().map(|end| !place.is_off && tree.is_below(*end, place.node)))
            }
            Fits::Patterns { is_folded, ends } => {
                let [exact, _] = &self.patterns;
                let bits = state.get(PLACES..).unwrap_or_default();
                let first = if *is_folded { exact.words() * 64 } else { 0 };
                either(ends.iter().map(|end| is_set(bits, first + end)))
            }
        };
        let (some, not_some) = if test.is_negative { (not_some, some) } else { (some, not_some) };
        match (test.every, some, not_some, test.has_other) {
            (false, true, ..) => Some(true),
            (true, _, true, _) => Some(false),
            (_, _, _, true) => None,
            (every, ..) => Some(every),
        }
    }

    /// The shortest text that is as needed
    fn walk(&mut self, characters: &str, budget: &mut Budget) -> Text {
        let alphabet = self.alphabet(characters);
        let tests = |test: &Test| match &test.relation {
            Fits::Equals { .. } => 1,
            Fits::Begins { ends, .. }
            | Fits::BeginsThem { ends, .. }
            | Fits::Patterns { ends, .. } => ends.len(),
        };
        let cost_of_test: usize = 1 + self.tests.iter().map(tests).sum::<usize>() / 4;
        let cost_of_step = 4 + self.patterns.iter().map(|all| all.words()).sum::<usize>();
        let start = self.start();
        if self.is_needed(&start) {
            return Text::Is(String::new());
        }
        let mut seen = HashSet::from([start.clone()]);
        // Each state that was reached, from which one, and by which character.
        let mut reached: Vec<(State, usize, char)> = vec![(start, 0, ' ')];
        let mut at = 0;
        while let Some((state, ..)) = reached.get(at).cloned() {
            // A text that must stay on a tree goes on as the tree does.
            let [exact, any_case] = places(&state);
            let ways = match self.keeps {
                [true, _] => Some(self.exact.ways(exact.node)),
                [_, true] => Some(with_unfolded(&self.folded.ways(any_case.node))),
                _ => None,
            };
            let allowed = |c: &char| characters.is_empty() || characters.contains(*c);
            let ways = ways.map(|ways| ways.into_iter().filter(allowed).collect::<Vec<_>>());
            for c in ways.as_ref().unwrap_or(&alphabet) {
                if !budget.spend(cost_of_step) {
                    return Text::Unproved;
                }
                let next = self.step(&state, *c);
                let strays =
                    places(&next).iter().zip(self.keeps).any(|(p, keeps)| keeps && p.is_off);
                if strays || !seen.insert(next.clone()) {
                    continue;
                }
                if !budget.spend(cost_of_test) {
                    return Text::Unproved;
                }
                let is_needed = self.is_needed(&next);
                reached.push((next, at, *c));
                if is_needed {
                    return Text::Is(spelled(&reached));
                }
            }
            at += 1;
        }
        Text::None
    }
}

fn places(state: &State) -> [Place; PLACES] {
    let place = |word: Option<&u64>| {
        let word = word.copied().unwrap_or_default();
        Place { node: (word >> 1) as usize, is_off: word & 1 == 1 }
    };
    [place(state.first()), place(state.get(1))]
}

/// Whether some are true, and whether some are false
fn either(truths: impl Iterator<Item = bool>) -> (bool, bool) {
    truths.fold((false, false), |(some, not_some), truth| (some || truth, not_some || !truth))
}

/// The characters that led to the last state
fn spelled(reached: &[(State, usize, char)]) -> String {
    let mut text = Vec::new();
    let mut at = reached.len().saturating_sub(1);
    while at > 0
        && let Some((_, before, c)) = reached.get(at)
    {
        text.push(*c);
        at = *before;
    }
    text.into_iter().rev().collect()
}
