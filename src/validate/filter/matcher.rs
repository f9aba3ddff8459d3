//! Matches names against one list of patterns, in time linear in the length of the name.
//!
//! A list is compiled to one table (a deterministic automaton) if that is small. Otherwise each pattern gets
//! a table of its own. Patterns whose table would be large are simulated state by state, which is slow, so
//! the number of their states is limited.

use std::sync::Arc;

use regex::bytes::{RegexSet, RegexSetBuilder};
use regex_automata::{
    Anchored, Input, MatchKind, PatternSet,
    dfa::{Automaton as _, StartKind, dense},
    nfa::thompson::{self, NFA, WhichCaptures},
    util::syntax,
};

use super::limits::{Budget, MOST_STATES};

/// The deepest nesting of groups, repetitions and classes.
pub(super) const DEEPEST: u32 = 64;

/// The syntax of the patterns of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// Globs, translated to expressions over bytes that match a whole name.
    Glob,
    /// Regular expressions, which may match anywhere in a name.
    Regex,
}

/// The compiled patterns of a list. Clones share the automata.
///
/// Matching takes time linear in the name, whatever the patterns: the simulation has a bounded number of
/// states for each byte.
#[derive(Clone, Debug)]
pub(super) struct Matcher(Arc<Engines>);

/// The automata of a list.
///
/// Either one table for the whole list, or a table or simulation for each pattern.
#[derive(Debug)]
struct Engines {
    tables: Vec<Table>,
    /// The patterns without a table, and the position in the list of each.
    simulated: Option<(RegexSet, Vec<usize>)>,
    /// The most nanoseconds for each byte of a name.
    cost: usize,
}

/// A deterministic automaton for one or more patterns.
#[derive(Debug)]
struct Table {
    dfa: dense::DFA<Vec<u32>>,
    anchored: Anchored,
    /// The position in the list of the automaton's first pattern.
    first: usize,
}

/// The error for a list that exceeds the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooComplex;

/// Settings for reading and compiling the expressions of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compiler {
    pub(super) syntax: Syntax,
    pub(super) ignore_case: bool,
}

impl Compiler {
    /// Returns the settings of the expression parser.
    pub(super) fn config(self) -> syntax::Config {
        syntax::Config::new()
            .case_insensitive(self.ignore_case)
            // Globs are expressions over bytes that only match whole characters.
            .utf8(self.syntax == Syntax::Regex)
            .nest_limit(DEEPEST)
    }

    /// Compiles a list within the limits.
    ///
    /// # Errors
    /// [`TooComplex`] if the patterns without a table have too many states.
    pub(super) fn compile(
        self,
        regexes: &[String],
        budget: &mut Budget,
    ) -> Result<Matcher, TooComplex> {
        let mut engines = Engines { tables: Vec::new(), simulated: None, cost: 0 };
        // One pass over the name for the whole list, if the combined table is small enough.
        if let Some(table) = self.table(regexes, 0, budget) {
            engines.tables.push(table);
        } else {
            let (mut slow, mut places) = (Vec::new(), Vec::new());
            for (place, regex) in regexes.iter().enumerate() {
                let one = std::slice::from_ref(regex);
                // A list with one pattern was tried already.
                let table = if regexes.len() > 1 { self.table(one, place, budget) } else { None };
                match table {
                    Some(table) => engines.tables.push(table),
                    None => {
                        let states = self.states(one)?;
                        engines.cost += 10 * states;
                        if !budget.take_states(states) {
                            return Err(TooComplex);
                        }
                        slow.push(regex.as_str());
                        places.push(place);
                    }
                }
            }
            engines.simulated = match slow.is_empty() {
                true => None,
                false => Some((self.simulation(&slow)?, places)),
            };
        }
        engines.cost += engines.tables.len();
        Ok(Matcher(Arc::new(engines)))
    }

    /// Makes one automaton for all of these patterns, or returns `None` if it would be large.
    fn table(self, regexes: &[String], first: usize, budget: &mut Budget) -> Option<Table> {
        let most = budget.table();
        let (kind, anchored) = match self.syntax {
            Syntax::Glob => (StartKind::Anchored, Anchored::Yes),
            Syntax::Regex => (StartKind::Unanchored, Anchored::No),
        };
        let config = dense::Config::new()
            // Finding one match is enough for `matches`, and all matches are needed for the first one.
            .match_kind(MatchKind::All)
            .start_kind(kind)
            // Acceleration helps long inputs, and names are short.
            .accelerate(false)
            .dfa_size_limit(Some(most))
            .determinize_size_limit(Some(most));
        let dfa = dense::Builder::new()
            .configure(config)
            .syntax(self.config())
            .thompson(Self::nfa(most))
            .build_many(regexes);
        // A failed attempt has done as much work as the limit allows.
        budget.take_table(dfa.as_ref().map_or(most, dense::DFA::memory_usage));
        Some(Table { dfa: dfa.ok()?, anchored, first })
    }

    /// Returns the settings of the nondeterministic automaton, of at most this many bytes.
    fn nfa(most: usize) -> thompson::Config {
        thompson::Config::new()
            .nfa_size_limit(Some(most))
            .utf8(false)
            .which_captures(WhichCaptures::None)
    }

    /// Returns the number of states of a pattern's simulation.
    fn states(self, regex: &[String]) -> Result<usize, TooComplex> {
        let nfa = NFA::compiler()
            .syntax(self.config())
            // A state takes at least 24 bytes, so 256 bytes for each state leave room.
            .configure(Self::nfa(MOST_STATES * 256))
            .build_many(regex);
        nfa.map(|nfa| nfa.states().len()).map_err(|_| TooComplex)
    }

    /// Makes the simulation of the patterns without a table.
    ///
    /// `RegexSet` simulates with bounded memory and matches all patterns in one pass.
    fn simulation(self, regexes: &[&str]) -> Result<RegexSet, TooComplex> {
        // The regex crate searches anywhere, so globs get an anchor at the start.
        let anchor = if self.syntax == Syntax::Glob { r"\A" } else { "" };
        let anchored = regexes.iter().map(|regex| format!("{anchor}(?:{regex})"));
        RegexSetBuilder::new(anchored)
            .case_insensitive(self.ignore_case)
            .nest_limit(DEEPEST + 1)
            .size_limit(MOST_STATES * 1024)
            .dfa_size_limit(MOST_STATES * 1024)
            .build()
            .map_err(|_| TooComplex)
    }
}

impl Matcher {
    /// Returns whether one of the patterns matches.
    pub(super) fn matches(&self, name: &str) -> bool {
        self.0.tables.iter().any(|table| table.matches(name))
            || self.0.simulated.as_ref().is_some_and(|(set, _)| set.is_match(name.as_bytes()))
    }

    /// Returns the position in the list of the first pattern that matches.
    pub(super) fn first_match(&self, name: &str) -> Option<usize> {
        let by_table = self.0.tables.iter().filter_map(|table| table.first_match(name)).min();
        let simulated = self.0.simulated.as_ref().and_then(|(set, places)| {
            let at = set.matches(name.as_bytes()).iter().next()?;
            places.get(at).copied()
        });
        by_table.into_iter().chain(simulated).min()
    }

    /// Returns the most nanoseconds for each byte of a name.
    pub(super) fn cost(&self) -> usize {
        self.0.cost
    }
}

impl Table {
    /// Prepares a search over a name.
    fn input<'a>(&self, name: &'a str) -> Input<'a> {
        Input::new(name.as_bytes()).anchored(self.anchored)
    }

    /// Returns whether one of the automaton's patterns matches.
    ///
    // A search only fails for a byte that stops it, or for an anchor mode that the table was not built for.
    // The table has no such bytes and is used with its own mode, so an error cannot occur.
    fn matches(&self, name: &str) -> bool {
        matches!(self.dfa.try_search_fwd(&self.input(name).earliest(true)), Ok(Some(_)))
    }

    /// Returns the position in the list of the first pattern that matches.
    fn first_match(&self, name: &str) -> Option<usize> {
        // Most names match nothing, so the search for the first pattern is only made after a match.
        if !self.matches(name) {
            return None;
        }
        let mut all = PatternSet::new(self.dfa.pattern_len());
        let found = self.dfa.try_which_overlapping_matches(&self.input(name), &mut all);
        found.ok().and_then(|()| all.iter().next()).map(|id| self.first + id.as_usize())
    }
}
