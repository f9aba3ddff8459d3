//! Lists of patterns, each as one automaton.

use regex::{RegexSet, RegexSetBuilder};
use regex_syntax::ParserBuilder;

use super::{
    builder::told,
    glob::{self, Wrong},
};

/// How many patterns a list may have
const MOST: usize = 100;

/// How many characters a pattern may have
const LONGEST: usize = 1000;

/// How many bytes a list may compile to, and how many more matching may cache
const MOST_BYTES: usize = 4 << 20;

/// How deep groups and the like may stand in each other
const DEEPEST: u32 = 64;

/// The patterns of a filter; an empty list is `None`
#[derive(Clone, Debug)]
pub(super) struct Patterns {
    pub(super) include: Option<Set>,
    pub(super) exclude: Option<Set>,
    pub(super) include_regex: Option<Set>,
    pub(super) exclude_regex: Option<Set>,
}

/// How a pattern is written
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    Glob,
    Regex,
}

/// Patterns of which one matches, or none
#[derive(Clone, Debug)]
pub(super) struct Set {
    set: RegexSet,
    /// For each expression of the set the number of the pattern that it is of
    sources: Vec<usize>,
    /// What a name that is matched begins with
    literal: String,
}

impl Set {
    pub(super) fn matches(&self, name: &str) -> bool {
        self.set.is_match(name)
    }

    /// The number of the first pattern that matches
    pub(super) fn first_match(&self, name: &str) -> Option<usize> {
        if !self.matches(name) {
            return None;
        }
        self.set.matches(name).iter().next().and_then(|at| self.sources.get(at).copied())
    }

    pub(super) fn literal(&self) -> &str {
        &self.literal
    }
}

/// Compiles a list; `None` where it is empty or wrong
pub(super) fn compile(
    patterns: &[String],
    field: &str,
    syntax: Syntax,
    ignore_case: bool,
    wrong: &mut Vec<String>,
) -> Option<Set> {
    if patterns.len() > MOST {
        wrong.push(format!("{field}: it has {} patterns, and {MOST} are the most", patterns.len()));
        return None;
    }
    let (mut regexes, mut sources, mut literals) = (Vec::new(), Vec::new(), Vec::new());
    let found = wrong.len();
    for (source, pattern) in patterns.iter().enumerate() {
        let parsed = check_length(pattern).and_then(|()| match syntax {
            Syntax::Glob => glob::parse(pattern),
            Syntax::Regex => check_regex(pattern)
                .map(|()| vec![glob::Plain { regex: pattern.clone(), literal: String::new() }]),
        });
        match parsed {
            Ok(plains) => {
                for plain in plains {
                    regexes.push(plain.regex);
                    literals.push(plain.literal);
                    sources.push(source);
                }
            }
            Err(what) => wrong.push(told(field, pattern, what)),
        }
    }
    if wrong.len() > found || regexes.is_empty() {
        return None;
    }
    let set = RegexSetBuilder::new(regexes)
        .case_insensitive(ignore_case)
        // A name may have a line break, which a glob does not mind.
        .dot_matches_new_line(syntax == Syntax::Glob)
        .size_limit(MOST_BYTES)
        .dfa_size_limit(MOST_BYTES)
        .nest_limit(DEEPEST)
        .build();
    match set {
        Ok(set) => Some(Set { set, sources, literal: common(&literals, ignore_case) }),
        Err(_) => {
            wrong.push(format!(
                "{field}: together they compile to more than {} MiB; take fewer or shorter patterns, and smaller counts of repetitions",
                MOST_BYTES >> 20
            ));
            None
        }
    }
}

fn check_length(pattern: &str) -> Result<(), Wrong> {
    match pattern.chars().count() {
        0 => Err(Wrong::new(1, "it is empty; leave it out, or write `**` for all names")),
        1..=LONGEST => Ok(()),
        length => Err(Wrong::new(
            LONGEST + 1,
            format!("it has {length} characters, and {LONGEST} are the most"),
        )),
    }
}

fn check_regex(pattern: &str) -> Result<(), Wrong> {
    let told = |at: usize, what: String| {
        let place = pattern.get(..at).map_or(1, |before| before.chars().count() + 1);
        Wrong::new(place, format!("{what}; see https://docs.rs/regex/latest/regex/#syntax"))
    };
    match ParserBuilder::new().nest_limit(DEEPEST).build().parse(pattern) {
        Ok(_) => Ok(()),
        Err(regex_syntax::Error::Parse(error)) => {
            Err(told(error.span().start.offset, error.kind().to_string()))
        }
        Err(regex_syntax::Error::Translate(error)) => {
            Err(told(error.span().start.offset, error.kind().to_string()))
        }
        Err(error) => Err(told(0, error.to_string().lines().last().unwrap_or_default().to_owned())),
    }
}

/// What all of some texts begin with, in every letter case where that is wanted
fn common(texts: &[String], ignore_case: bool) -> String {
    let Some((first, rest)) = texts.split_first() else { return String::new() };
    // Beyond ASCII even what is no letter may have two cases.
    let has_case = |c: char| !c.is_ascii() || c.is_ascii_alphabetic();
    first
        .chars()
        .enumerate()
        .take_while(|&(n, c)| {
            !(ignore_case && has_case(c)) && rest.iter().all(|text| text.chars().nth(n) == Some(c))
        })
        .map(|(_, c)| c)
        .collect()
}
