//! Decides whether a text fulfils a list of requirements, by an automaton over all fixed texts at once.
//!
//! A state of the automaton records how much of every fixed text and of every pattern the text has
//! matched so far. A breadth-first search visits the states, so the first text found is a shortest one.
//!
//! The search proves that there is no text, for two reasons. Characters that occur in no fixed text and no
//! pattern all lead to the same state, so one of them represents all. And the number of states is finite:
//! once all reachable states were visited, no longer text can reach another one.

use std::collections::{BTreeSet, HashSet};

use super::{
    budget::Budget,
    family::Texts,
    predicate::{Truths, ValueRequirement},
    prefix_tree::{Place, PrefixTree, with_unfolded},
};
use crate::condition::{Value, eval::Truth, operator::Relation, value::folded};
use crate::wildcard::{self, Part, PatternSet, is_set};

/// The answer for one text.
#[derive(Debug)]
pub(super) enum TextAnswer {
    Is(String),
    None,
    Unproved,
}

/// A requirement in terms of the automaton.
struct Test {
    wanted: Truths,
    every: bool,
    is_negative: bool,
    /// Whether some fixed value is no text. The comparison with that value is undecided.
    has_other: bool,
    relation: Fits,
}

/// The relation of a text to the fixed texts of a requirement.
///
/// `is_folded` selects the automaton's part in lower case. A node or a bit identifies a fixed text.
enum Fits {
    /// The text equals the fixed text that ends at one of these nodes.
    Equals { is_folded: bool, ends: HashSet<usize> },
    /// The text begins with the fixed text.
    StartsWith { is_folded: bool, ends: Vec<usize> },
    /// The fixed text begins with the text.
    IsPrefixOf { is_folded: bool, ends: Vec<usize> },
    /// The fixed text is a pattern, and this bit is set if the pattern matches.
    Patterns { is_folded: bool, ends: Vec<usize> },
}

/// The automaton: prefix trees and pattern sets, once exact and once in lower case.
struct Automaton {
    exact: PrefixTree,
    folded: PrefixTree,
    /// The patterns that compare exactly, and those that ignore letter case.
    patterns: [PatternSet; 2],
    tests: Vec<Test>,
    /// The characters of exact texts and patterns, and of folded ones.
    letters: [BTreeSet<char>; 2],
    /// Whether the text must stay within the exact tree, and within the folded tree.
    ///
    /// This holds if some requirement needs the text to equal or to begin a fixed text. It cuts the search
    /// to the characters of the tree.
    keeps: [bool; 2],
}

/// The positions in the two trees, then the bits of the two pattern sets.
type State = Box<[u64]>;

/// The number of words of a state before the bits of the patterns.
const PLACES: usize = 2;

/// Finds a text that fulfils all requirements, or proves that there is none.
///
/// `texts` limits the texts themselves: start, excluded texts and characters. Requirements about other
/// types than text are not covered and must be checked by the caller.
pub(super) fn find(
    texts: &Texts,
    needs: &[ValueRequirement<'_>],
    budget: &mut Budget,
) -> TextAnswer {
    let mut automaton = Automaton {
        exact: PrefixTree::new(),
        folded: PrefixTree::new(),
        patterns: [PatternSet::default(), PatternSet::default()],
        tests: Vec::new(),
        letters: [BTreeSet::new(), BTreeSet::new()],
        keeps: [false; 2],
    };
    // The size of the fixed texts is paid first, because building the trees takes that long.
    let size = |need: &ValueRequirement<'_>| -> usize {
        need.predicate.values.iter().filter_map(Value::text).map(str::len).sum()
    };
    if !budget.spend(1 + needs.iter().map(size).sum::<usize>()) {
        return TextAnswer::Unproved;
    }
    for constraint in texts.constraints() {
        automaton.add(&constraint);
    }
    let mut all_decided = true;
    for need in needs {
        all_decided &= automaton.add(need);
    }
    automaton.exact.number();
    automaton.folded.number();
    match automaton.walk(texts.characters(), budget) {
        // A requirement that the automaton does not cover can only exclude texts. "None" is therefore
        // still a proof, and a text that was found must be checked.
        TextAnswer::Is(text) if all_decided => TextAnswer::Is(text),
        TextAnswer::Is(text) => {
            let value = Value::Text(text.clone());
            let met = needs.iter().all(|need| need.wanted.has(need.predicate.truth(&value)));
            if met { TextAnswer::Is(text) } else { TextAnswer::Unproved }
        }
        other => other,
    }
}

impl Automaton {
    /// Adds a requirement; returns whether the automaton covers it.
    ///
    /// Fixed texts go to the tree of their letter case, and patterns to the set of theirs.
    fn add(&mut self, need: &ValueRequirement<'_>) -> bool {
        let predicate = &need.predicate;
        let base = predicate.base;
        let is_folded = base.ignores_case();
        let literals: Vec<&str> = predicate.values.iter().filter_map(Value::text).collect();
        let relation = match (base.relation(), predicate.is_left) {
            // The searched text as the pattern for a fixed text is not covered.
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
                    // The starts that are tested for must survive when a text leaves the tree.
                    for end in &ends {
                        if let Some(is_start) = tree.is_start.get_mut(*end) {
                            *is_start = true;
                        }
                    }
                    Fits::StartsWith { is_folded, ends }
                } else {
                    Fits::IsPrefixOf { is_folded, ends }
                }
            }
            _ => {
                let ends = self.ends(&literals, is_folded).into_iter().collect();
                Fits::Equals { is_folded, ends }
            }
        };
        // A requirement for equality, or for being the start of a fixed text, keeps the text on the tree.
        if need.wanted == Truths::TRUE
            && !base.is_negative()
            && matches!(relation, Fits::Equals { .. } | Fits::IsPrefixOf { .. })
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

    /// Adds fixed texts to a tree and returns their last nodes.
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

    /// Adds a pattern and returns the bit that is set once it matches.
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

    /// Returns characters that represent all characters.
    ///
    /// These are the characters of all fixed texts and patterns, in every letter case that folds to them, and
    /// one character that occurs nowhere. A readable one is preferred, because examples are shown to people.
    fn alphabet(&self, characters: &str) -> Vec<char> {
        if !characters.is_empty() {
            return characters.chars().collect();
        }
        let [exact, any_case] = &self.letters;
        let mut known: BTreeSet<char> = exact.clone();
        known.extend(with_unfolded(any_case));
        // The only character that is two characters in lower case: each of them can match a `?`.
        known.insert('\u{130}');
        let usual = ('a'..='z').chain('0'..='9').chain('\u{4e00}'..='\u{9fff}');
        // INVARIANT: a character that is none of these, in any letter case, equals no fixed character.
        // All such characters lead from one state to the same next state, so one of them is enough.
        let other = ['x'].into_iter().chain(usual).find(|c| !known.contains(c));
        other.into_iter().chain(known.iter().copied()).collect()
    }

    /// Returns the state of the empty text.
    fn start(&self) -> State {
        let [exact, any_case] = &self.patterns;
        [&[0; PLACES][..], exact.start(), any_case.start()].concat().into_boxed_slice()
    }

    /// Returns the state after one more character.
    ///
    /// A character in lower case may be two characters, so the folded parts may take two steps.
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

    /// Returns whether the text of a state fulfils all requirements.
    ///
    /// The answer depends on the state alone, not on the text that led to it. That makes merging equal states
    /// sound.
    fn is_needed(&self, state: &State) -> bool {
        self.tests.iter().all(|test| test.wanted.has(self.truth(test, state)))
    }

    /// Evaluates one comparison for the text of a state.
    ///
    /// The relation gives two answers, "holds for some fixed text" and "fails for some". Both are known from
    /// the position in a tree without looking at every text.
    fn truth(&self, test: &Test, state: &State) -> Truth {
        let place = |is_folded: bool| {
            let [exact, any_case] = places(state);
            if is_folded { (&self.folded, any_case) } else { (&self.exact, exact) }
        };
        // Whether the relation holds for some fixed text, and whether it fails for some.
        let (some, not_some) = match &test.relation {
            Fits::Equals { is_folded, ends } => {
                let (_, place) = place(*is_folded);
                let fits = !place.is_off && ends.contains(&place.node);
                (fits, ends.len() > usize::from(fits))
            }
            Fits::StartsWith { is_folded, ends } => {
                let (tree, place) = place(*is_folded);
                either(ends.iter().map(|end| tree.is_below(place.node, *end)))
            }
            Fits::IsPrefixOf { is_folded, ends } => {
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
        // Negation exchanges the two answers. Then the quantifier of the fixed values decides, where an
        // undecided comparison counts unless the others decide alone.
        let (some, not_some) = if test.is_negative { (not_some, some) } else { (some, not_some) };
        match (test.every, some, not_some, test.has_other) {
            (false, true, ..) => Some(true),
            (true, _, true, _) => Some(false),
            (_, _, _, true) => None,
            (every, ..) => Some(every),
        }
    }

    /// Visits the states in breadth-first order until one fulfils all requirements.
    ///
    /// The budget pays for each step by the size of a state, and for each new state by the number of
    /// comparisons. "None" is only returned after all reachable states were visited.
    fn walk(&mut self, characters: &str, budget: &mut Budget) -> TextAnswer {
        let alphabet = self.alphabet(characters);
        let tests = |test: &Test| match &test.relation {
            Fits::Equals { .. } => 1,
            Fits::StartsWith { ends, .. }
            | Fits::IsPrefixOf { ends, .. }
            | Fits::Patterns { ends, .. } => ends.len(),
        };
        let cost_of_test: usize = 1 + self.tests.iter().map(tests).sum::<usize>() / 4;
        let cost_of_step = 4 + self.patterns.iter().map(|all| all.words()).sum::<usize>();
        let start = self.start();
        // The empty text is not reached by a step, so it is tested first.
        if self.is_needed(&start) {
            return TextAnswer::Is(String::new());
        }
        let mut seen = HashSet::from([start.clone()]);
        // Each state that was reached, the number of the state before it, and the character between them.
        let mut reached: Vec<(State, usize, char)> = vec![(start, 0, ' ')];
        let mut at = 0;
        while let Some((state, ..)) = reached.get(at).cloned() {
            // A text that must stay within a tree can only go on with the characters of the tree.
            let [exact, any_case] = places(&state);
            let ways = match self.keeps {
                [true, _] => Some(self.exact.next_chars(exact.node)),
                [_, true] => Some(with_unfolded(&self.folded.next_chars(any_case.node))),
                _ => None,
            };
            let allowed = |c: &char| characters.is_empty() || characters.contains(*c);
            let ways = ways.map(|ways| ways.into_iter().filter(allowed).collect::<Vec<_>>());
            for c in ways.as_ref().unwrap_or(&alphabet) {
                if !budget.spend(cost_of_step) {
                    return TextAnswer::Unproved;
                }
                let next = self.step(&state, *c);
                let strays =
                    places(&next).iter().zip(self.keeps).any(|(p, keeps)| keeps && p.is_off);
                if strays || !seen.insert(next.clone()) {
                    continue;
                }
                if !budget.spend(cost_of_test) {
                    return TextAnswer::Unproved;
                }
                let is_needed = self.is_needed(&next);
                reached.push((next, at, *c));
                if is_needed {
                    return TextAnswer::Is(spelled(&reached));
                }
            }
            at += 1;
        }
        TextAnswer::None
    }
}

/// Unpacks the positions in the two trees.
fn places(state: &State) -> [Place; PLACES] {
    let place = |word: Option<&u64>| {
        let word = word.copied().unwrap_or_default();
        Place { node: (word >> 1) as usize, is_off: word & 1 == 1 }
    };
    [place(state.first()), place(state.get(1))]
}

/// Returns whether some are true, and whether some are false.
fn either(truths: impl Iterator<Item = bool>) -> (bool, bool) {
    truths.fold((false, false), |(some, not_some), truth| (some || truth, not_some || !truth))
}

/// Returns the characters that led to the last state, by following the chain of predecessors.
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
