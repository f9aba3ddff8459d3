//! Matches texts against patterns with the wildcards `*` and `?`.
//!
//! `*` matches any number of characters, `/` included, and `?` exactly one. Azure has both in
//! conditions (`StringLike`), and only `*` in actions of conditions and role definitions. A match covers the
//! whole text and takes bounded time: short inputs go through a backtracking matcher, long ones through
//! [`PatternSet`], whose time is linear in the text for each 64 characters of the pattern.
//!
//! Two matchers are different problems and stay where they are: the globs of `validate::filter` (`*`
//! stops at `/`, and there are braces and classes), and the prefix trees of `condition::prove`, which
//! search for a text instead of checking one.

use std::collections::HashMap;

/// The largest product of lengths for which backtracking is faster than building a [`PatternSet`].
///
/// Backtracking takes at most this many steps, which is tens of microseconds.
const BACKTRACKING_LIMIT: usize = 1 << 14;

/// One element of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// This character.
    Exact(char),
    /// `?`: any one character.
    One,
    /// `*`: any number of characters.
    Many,
}

impl Part {
    fn matches(self, c: char) -> bool {
        match self {
            Self::Exact(expected) => expected == c,
            Self::One => true,
            Self::Many => false,
        }
    }
}

/// Splits a pattern into its parts; `\*` and `\?` are the characters themselves.
pub(crate) fn parse(pattern: impl Iterator<Item = char>) -> Vec<Part> {
    let mut chars = pattern.peekable();
    let mut parts = Vec::new();
    while let Some(c) = chars.next() {
        parts.push(match c {
            '*' => Part::Many,
            '?' => Part::One,
            '\\' => Part::Exact(chars.next_if(|c| matches!(c, '*' | '?')).unwrap_or('\\')),
            c => Part::Exact(c),
        });
    }
    parts
}

/// Returns whether a pattern matches the whole text.
pub(crate) fn matches(pattern: &[Part], text: impl Iterator<Item = char>) -> bool {
    let text: Vec<char> = text.collect();
    if text.len() * pattern.len() > BACKTRACKING_LIMIT {
        return matches_in_linear_time(pattern, text.into_iter());
    }
    backtrack(pattern, &text, |part| *part == Part::Many, |part, c| part.matches(*c))
}

/// Returns whether a pattern matches the whole text; ASCII letters match in either case.
///
/// Only `*` is a wildcard here. Nothing is allocated for short texts, because this decides for each
/// request whether a role has its action.
pub(crate) fn star_matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    // Most actions of conditions and roles have no wildcard, and a comparison is faster than a match.
    if !pattern.contains(&b'*') {
        return pattern.eq_ignore_ascii_case(text);
    }
    if text.len() * pattern.len() > BACKTRACKING_LIMIT {
        let part = |byte: &u8| match byte {
            b'*' => Part::Many,
            byte => Part::Exact(byte.to_ascii_lowercase().into()),
        };
        let parts: Vec<Part> = pattern.iter().map(part).collect();
        let text = text.iter().map(|byte| char::from(byte.to_ascii_lowercase()));
        return matches_in_linear_time(&parts, text);
    }
    backtrack(pattern, text, |byte| *byte == b'*', |byte, other| byte.eq_ignore_ascii_case(other))
}

/// Returns a text that the pattern matches, with `x` for each wildcard.
pub(crate) fn example(pattern: &str) -> String {
    let parts = parse(pattern.chars()).into_iter();
    parts.map(|part| if let Part::Exact(c) = part { c } else { 'x' }).collect()
}

/// Matches greedily: on a mismatch, the last `*` takes one more element of the text.
///
/// Only the last `*` has to be reconsidered, because an earlier one already ends at the first place where
/// the parts between the two match. The time is at most the product of the lengths.
fn backtrack<P, T>(
    pattern: &[P],
    text: &[T],
    is_many: impl Fn(&P) -> bool,
    matches_one: impl Fn(&P, &T) -> bool,
) -> bool {
    let (mut t, mut p) = (0, 0);
    // The place of the last `*` in the pattern, and of the first element of the text after it.
    let mut star: Option<(usize, usize)> = None;
    while let Some(element) = text.get(t) {
        match pattern.get(p) {
            Some(part) if is_many(part) => {
                star = Some((p, t));
                p += 1;
            }
            Some(part) if matches_one(part, element) => (t, p) = (t + 1, p + 1),
            _ => {
                let Some((at, covered)) = star else { return false };
                star = Some((at, covered + 1));
                (t, p) = (covered + 1, at + 1);
            }
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(is_many)
}

fn matches_in_linear_time(pattern: &[Part], text: impl Iterator<Item = char>) -> bool {
    let mut patterns = PatternSet::default();
    let end = patterns.add(pattern);
    let mut state = patterns.start().to_vec();
    text.for_each(|c| patterns.step(&mut state, c));
    is_set(&state, end)
}

/// A nondeterministic automaton for several patterns, simulated with one bit per state.
///
/// Bit *n* of a pattern is set if its first *n* characters and single wildcards match the text read so
/// far. Each pattern starts in a word of its own, with at least one bit to spare, so no bit is carried
/// from one pattern to the next.
#[derive(Default)]
pub(crate) struct PatternSet {
    /// Each part that is no `*`, with the bit that must be set before the part is read.
    singles: Vec<(usize, Part)>,
    /// The bits that stay set whatever is read, because a `*` comes next.
    stars: Vec<u64>,
    start: Vec<u64>,
    /// For each character read so far, the bits whose next part matches it.
    masks: HashMap<char, Vec<u64>>,
}

impl PatternSet {
    /// Adds a pattern and returns the bit that is set once the pattern matches.
    pub(crate) fn add(&mut self, pattern: &[Part]) -> usize {
        let first = self.stars.len() * 64;
        let count = pattern.iter().filter(|part| **part != Part::Many).count();
        let words = self.stars.len() + count / 64 + 1;
        self.stars.resize(words, 0);
        self.start.resize(words, 0);
        set(&mut self.start, first);
        let mut bit = first;
        for part in pattern {
            if *part == Part::Many {
                set(&mut self.stars, bit);
            } else {
                self.singles.push((bit, *part));
                bit += 1;
            }
        }
        bit
    }

    /// The number of words of a state.
    pub(crate) fn words(&self) -> usize {
        self.stars.len()
    }

    /// The state before any text was read.
    pub(crate) fn start(&self) -> &[u64] {
        &self.start
    }

    /// Advances a state by one character. All patterns must have been added before.
    pub(crate) fn step(&mut self, state: &mut [u64], c: char) {
        if state.is_empty() {
            return;
        }
        let (singles, words) = (&self.singles, self.stars.len());
        let mask = self.masks.entry(c).or_insert_with(|| {
            let mut mask = vec![0; words];
            let matching = singles.iter().filter(|(_, part)| part.matches(c));
            matching.for_each(|(bit, _)| set(&mut mask, *bit));
            mask
        });
        let mut carry = 0;
        for ((word, mask), stars) in state.iter_mut().zip(mask).zip(&self.stars) {
            let matched = *word & *mask;
            *word = matched << 1 | carry | *word & stars;
            carry = matched >> 63;
        }
    }
}

/// Returns whether a bit of a state is set.
pub(crate) fn is_set(bits: &[u64], at: usize) -> bool {
    bits.get(at / 64).copied().unwrap_or_default() >> (at % 64) & 1 == 1
}

fn set(bits: &mut [u64], at: usize) {
    if let Some(word) = bits.get_mut(at / 64) {
        *word |= 1 << (at % 64);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, without regard to speed.
    fn model(pattern: &[Part], text: &[char]) -> bool {
        match (pattern, text) {
            ([], text) => text.is_empty(),
            ([Part::Many, rest @ ..], text) => (0..=text.len()).any(|n| model(rest, &text[n..])),
            ([part, rest @ ..], [c, text @ ..]) => part.matches(*c) && model(rest, text),
            (_, []) => false,
        }
    }

    #[test]
    fn backslash_escapes_only_wildcards() {
        for (pattern, text) in [(r"a\*b", "a*b"), (r"\?", "?"), (r"a\b", r"a\b"), (r"a\", r"a\")] {
            assert!(matches(&parse(pattern.chars()), text.chars()), "{pattern} {text}");
            assert!(!matches(&parse(pattern.chars()), "axb".chars()), "{pattern}");
        }
        assert_eq!(example(r"a/*/\*?"), "a/x/*x");
    }

    #[test]
    fn a_star_pattern_ignores_ascii_case_and_takes_question_marks_literally() {
        assert!(star_matches("*/Read", "a/b/READ") && star_matches("a?", "A?"));
        assert!(!star_matches("a?", "ab") && !star_matches("\u{e9}*", "\u{c9}x"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        #[test]
        fn both_matchers_agree_with_the_model(text in "[ab*]{0,12}", pattern in r"[ab*?\\]{0,8}") {
            let (parts, chars) = (parse(pattern.chars()), text.chars().collect::<Vec<_>>());
            let expected = model(&parts, &chars);
            prop_assert_eq!(matches(&parts, text.chars()), expected);
            prop_assert_eq!(matches_in_linear_time(&parts, text.chars()), expected);
            prop_assert!(model(&parts, &example(&pattern).chars().collect::<Vec<_>>()));
        }

        #[test]
        fn star_patterns_agree_with_the_model(text in "[abAB]{0,12}", pattern in "[abAB*]{0,8}") {
            let parts = parse(pattern.to_lowercase().chars());
            let chars: Vec<char> = text.to_lowercase().chars().collect();
            prop_assert_eq!(star_matches(&pattern, &text), model(&parts, &chars));
        }

        #[test]
        fn a_common_prefix_of_any_length_changes_nothing(
            text in "[ab]{0,12}",
            pattern in "[ab*?]{0,8}",
            times in 0_usize..200,
        ) {
            // A long prefix on both sides exceeds the limit for backtracking.
            let prefix = "ab".repeat(times);
            let (long_text, long_pattern) = (format!("{prefix}{text}"), format!("{prefix}{pattern}"));
            let expected = matches(&parse(pattern.chars()), text.chars());
            prop_assert_eq!(matches(&parse(long_pattern.chars()), long_text.chars()), expected);
            if !pattern.contains('?') {
                prop_assert_eq!(star_matches(&long_pattern, &long_text), expected);
            }
        }
    }
}
