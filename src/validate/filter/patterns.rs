//! Checks the four lists of patterns and compiles each one within the limits of a filter.
//!
//! Problems are collected, so that the error of a filter names all of them. A list with a problem is not
//! compiled, because the filter is refused anyway.

use regex_syntax::{ParserBuilder, hir::Hir};

use super::{
    glob,
    invalid::FilterProblem,
    limits::{Budget, LONGEST, MOST_PARTS, MOST_STATES},
    matcher::{Compiler, DEEPEST, Matcher, Syntax},
    pattern_error::PatternError,
};

/// The compiled patterns of a filter; `None` for an empty list.
///
/// A name passes if it matches a pattern of each list of includes that is set, and no pattern of the others.
#[derive(Clone, Debug)]
pub(super) struct Patterns {
    pub(super) include: Option<Set>,
    pub(super) exclude: Option<Set>,
    pub(super) include_regex: Option<Set>,
    pub(super) exclude_regex: Option<Set>,
}

impl Patterns {
    /// Returns the most nanoseconds for each byte of a name.
    pub(super) fn cost(&self) -> usize {
        let Self { include, exclude, include_regex, exclude_regex } = self;
        let all = [include, exclude, include_regex, exclude_regex];
        all.into_iter().flatten().map(|set| set.matcher.cost()).sum()
    }
}

/// A compiled list of patterns, with the literal start that a scan may use as a prefix.
#[derive(Clone, Debug)]
pub(super) struct Set {
    matcher: Matcher,
    /// The literal start of every name that matches.
    literal: String,
}

impl Set {
    /// Returns whether one of the patterns matches.
    pub(super) fn matches(&self, name: &str) -> bool {
        self.matcher.matches(name)
    }

    /// Returns the position of the first pattern that matches.
    pub(super) fn first_match(&self, name: &str) -> Option<usize> {
        self.matcher.first_match(name)
    }

    /// Returns the literal start of every name that matches.
    pub(super) fn literal(&self) -> &str {
        &self.literal
    }
}

/// Compiles a list and adds its problems to `wrong`; `None` for an empty list and for one with problems.
///
/// The budget is shared by the four lists. Once it is used up and there is a problem, the rest of the list is
/// not read, so that a malicious filter costs little.
pub(super) fn compile(
    patterns: &[String],
    field: &'static str,
    compiler: Compiler,
    budget: &mut Budget,
    wrong: &mut Vec<FilterProblem>,
) -> Option<Set> {
    let (mut regexes, mut literals) = (Vec::new(), Vec::new());
    let found = wrong.len();
    for pattern in patterns {
        // A budget that is used up without a problem so far may be used up exactly. The next pattern then
        // decides whether there is a problem, so it must be read.
        if budget.is_spent() && !wrong.is_empty() {
            return None;
        }
        match read(pattern, compiler, budget) {
            Ok((regex, starts)) => {
                regexes.push(regex);
                literals.extend(starts);
            }
            Err(error) => {
                wrong.push(FilterProblem::new(field, error.describe(field, pattern)));
            }
        }
    }
    // Problems of this list are reported together, so a list with one is not compiled.
    if wrong.len() > found || regexes.is_empty() {
        return None;
    }
    match compiler.compile(&regexes, budget) {
        Ok(matcher) => Some(Set { matcher, literal: common(&literals, compiler.ignore_case) }),
        Err(_) => {
            wrong.push(FilterProblem::new(field, format!(
                "{field}: matching these patterns would take too long; together they need more than {MOST_STATES} states; use fewer of `*` before `?`, `[…]` or counted repetitions, and `[0-9A-Za-z_]` for `\\w`"
            )));
            None
        }
    }
}

/// Returns the expression of a pattern and the literal starts of its alternatives.
///
/// A regular expression has no literal start, because it may match anywhere.
///
/// # Errors
/// A pattern that is empty, too long, wrong, or larger than the rest of the budget.
fn read(
    pattern: &str,
    compiler: Compiler,
    budget: &mut Budget,
) -> Result<(String, Vec<String>), PatternError> {
    check_length(pattern)?;
    let (regex, literals) = match compiler.syntax {
        Syntax::Regex => (pattern.to_owned(), vec![String::new()]),
        Syntax::Glob => {
            let plains = glob::parse(pattern, budget)?;
            let (regexes, literals): (Vec<_>, Vec<_>) =
                plains.into_iter().map(|plain| (plain.regex, plain.literal)).unzip();
            // All globs of an entry become one expression, so positions count typed entries.
            (format!(r"(?:{})\z", regexes.join("|")), literals)
        }
    };
    let expression = parse(&regex, compiler)?;
    if budget.take_parts(&expression) {
        return Ok((regex, literals));
    }
    let what = format!(
        "with repetitions written out, the filter's patterns have more than {MOST_PARTS} parts; use smaller counts of repetitions and smaller classes"
    );
    Err(PatternError::new(1, what))
}

/// Checks the length of a pattern in characters.
///
/// An empty pattern is an error, because it would match nothing as a glob and everything as an expression.
fn check_length(pattern: &str) -> Result<(), PatternError> {
    // A character has at most four bytes, so a very long text need not be counted.
    match if pattern.len() > 4 * LONGEST { pattern.len() / 4 } else { pattern.chars().count() } {
        0 => Err(PatternError::new(1, "it is empty; leave it out, or write `**` for all names")),
        1..=LONGEST => Ok(()),
        length => Err(PatternError::new(
            LONGEST + 1,
            format!("it has {length} characters or more; the limit is {LONGEST}"),
        )),
    }
}

/// Parses an expression, to find syntax errors with their position and to count its parts.
///
/// # Errors
/// The parser's message, with the position in characters and a link to the documented syntax.
fn parse(regex: &str, compiler: Compiler) -> Result<Hir, PatternError> {
    // The position is in characters, as people count, and the parser counts bytes.
    let error_at = |at: usize, what: String| {
        let place = regex.get(..at).map_or(1, |before| before.chars().count() + 1);
        PatternError::new(place, format!("{what}; see https://docs.rs/regex/latest/regex/#syntax"))
    };
    let parsed = ParserBuilder::new()
        .nest_limit(DEEPEST)
        .case_insensitive(compiler.ignore_case)
        .utf8(compiler.syntax == Syntax::Regex)
        .build()
        .parse(regex);
    parsed.map_err(|error| match error {
        regex_syntax::Error::Parse(error) => {
            error_at(error.span().start.offset, error.kind().to_string())
        }
        regex_syntax::Error::Translate(error) => {
            error_at(error.span().start.offset, error.kind().to_string())
        }
        error => error_at(0, error.to_string().lines().last().unwrap_or_default().to_owned()),
    })
}

/// Returns the longest common start of some texts; with `ignore_case`, only up to the first letter.
///
/// A scan may use the result as a prefix, and prefixes are case-sensitive.
fn common(texts: &[String], ignore_case: bool) -> String {
    let Some((first, rest)) = texts.split_first() else { return String::new() };
    // Beyond ASCII even characters that are no letters can have two cases.
    let has_case = |c: char| !c.is_ascii() || c.is_ascii_alphabetic();
    let mut end = first.find(|c| ignore_case && has_case(c)).unwrap_or(first.len());
    for text in rest {
        let start = first.get(..end).unwrap_or_default();
        let same = start.chars().zip(text.chars()).take_while(|(a, b)| a == b);
        end = same.map(|(c, _)| c.len_utf8()).sum();
    }
    first.get(..end).unwrap_or_default().to_owned()
}
