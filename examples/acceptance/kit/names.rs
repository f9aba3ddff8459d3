//! Pseudonyms for names that keep the order of the names.
//!
//! Two names are ordered by the first character in which they differ. So each character is replaced
//! by another one of its class, depending on the text before it, and characters after the same text
//! keep their order. No order of names splits a class: digits, small and capital letters, and four
//! ranges beyond ASCII. Characters without a class are kept: punctuation, spaces, control
//! characters, marks and modifiers.
//!
//! A recording reveals the lengths of names, their segments, and the share of each class. If names
//! use every letter at one position, it also reveals that position.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

/// Ranges of characters that are replaced by others of the same range.
const CLASSES: [(char, char); 7] = [
    ('0', '9'),
    ('A', 'Z'),
    ('a', 'z'),
    ('\u{a1}', '\u{7ff}'),
    ('\u{800}', '\u{d7ff}'),
    ('\u{e000}', '\u{fffd}'),
    ('\u{10000}', '\u{10ffff}'),
];

/// The pseudonyms of all names of a recording.
pub struct Pseudonyms {
    names: BTreeMap<String, String>,
}

impl Pseudonyms {
    /// Chooses the pseudonyms of these names.
    pub fn of(names: BTreeSet<String>) -> Self {
        let letters: Vec<Vec<char>> = names.iter().map(|name| name.chars().collect()).collect();
        let mut replaced: Vec<String> = vec![String::new(); letters.len()];
        let fixed = Fixed::new();
        // Ranges of names that begin with the same text, and the length of that text.
        let mut runs = vec![(0, letters.len(), 0)];
        while let Some((start, end, depth)) = runs.pop() {
            let mut groups: Vec<(char, usize, usize)> = Vec::new();
            for (at, name) in letters.iter().enumerate().take(end).skip(start) {
                let Some(&letter) = name.get(depth) else { continue };
                match groups.last_mut() {
                    Some((known, _, end)) if *known == letter => *end = at + 1,
                    _ => groups.push((letter, at, at + 1)),
                }
            }
            let siblings: Vec<char> = groups.iter().map(|(letter, ..)| *letter).collect();
            for ((_, start, end), new) in groups.into_iter().zip(fixed.replace(&siblings)) {
                replaced[start..end].iter_mut().for_each(|name| name.push(new));
                runs.push((start, end, depth + 1));
            }
        }
        Self { names: names.into_iter().zip(replaced).collect() }
    }

    /// Returns the pseudonym of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.names.get(name).map(String::as_str)
    }
}

/// Finds the characters that are kept.
struct Fixed(Regex);

impl Fixed {
    fn new() -> Self {
        // The pattern is constant and valid. Marks and modifiers are kept, because listings that
        // start at them are one of the checks.
        Self(Regex::new(r"[\p{Mn}\p{Me}\p{Cf}\p{Lm}\p{Sk}\p{Cc}\p{Zs}\p{Zl}\p{Zp}]").unwrap())
    }

    /// Returns the class of a character, or `None` if it is kept.
    fn class(&self, c: char) -> Option<usize> {
        let is_no_character =
            u32::from(c) & 0xfffe == 0xfffe || ('\u{fdd0}'..='\u{fdef}').contains(&c);
        if is_no_character || self.0.is_match(c.encode_utf8(&mut [0; 4])) {
            return None;
        }
        CLASSES.iter().position(|(first, last)| (*first..=*last).contains(&c))
    }

    /// Replaces characters that follow the same text. They ascend, and the new ones ascend too.
    fn replace(&self, siblings: &[char]) -> Vec<char> {
        let mut new = Vec::with_capacity(siblings.len());
        while let Some(&first) = siblings.get(new.len()) {
            let start = new.len();
            let Some(class) = self.class(first) else {
                new.push(first);
                continue;
            };
            let run: Vec<char> = siblings[start..]
                .iter()
                .copied()
                .take_while(|c| self.class(*c) == Some(class))
                .collect();
            // The new characters must sort between the neighbors that are kept.
            let (mut low, mut high) = CLASSES[class];
            if let Some(&before) = start.checked_sub(1).and_then(|at| siblings.get(at)) {
                low = low.max(after(before));
            }
            if let Some(&next) = siblings.get(start + run.len()) {
                high = high.min(before(next));
            }
            new.extend(self.choose(&run, low, high, class));
        }
        new
    }

    /// Chooses as many characters of a range, in ascending order. Returns the old ones if the range
    /// has no others.
    fn choose(&self, run: &[char], low: char, high: char, class: usize) -> Vec<char> {
        let mut best = run.to_vec();
        let same = |chosen: &[char]| chosen.iter().zip(run).filter(|(a, b)| a == b).count();
        for _ in 0..8 {
            let mut chosen = BTreeSet::new();
            for _ in 0..64 * run.len() {
                if chosen.len() == run.len() {
                    break;
                }
                let c = fastrand::char(low..=high);
                if self.class(c) == Some(class) {
                    chosen.insert(c);
                }
            }
            let chosen: Vec<char> = chosen.into_iter().collect();
            if chosen.len() == run.len() && same(&chosen) < same(&best) {
                best = chosen;
            }
        }
        best
    }
}

/// Returns the next character.
fn after(c: char) -> char {
    (c..=char::MAX).nth(1).unwrap_or(c)
}

/// Returns the previous character.
fn before(c: char) -> char {
    ('\0'..=c).rev().nth(1).unwrap_or(c)
}
