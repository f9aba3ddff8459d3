//! What a filter may take of memory and of time, over all of its patterns together.
//!
//! A filter is typed by a customer, so each limit is checked before what it limits is made.

use regex_syntax::hir::{Class, Hir, HirKind};

/// How many patterns the four lists of a filter may have together
pub(super) const MOST_PATTERNS: usize = 100;

/// How many characters a pattern may have
pub(super) const LONGEST: usize = 1000;

/// How many bytes all patterns may have together
pub(super) const MOST_TEXT: usize = 16 << 10;

/// How many extensions `formats` may have
pub(super) const MOST_FORMATS: usize = 100;

/// How many characters an extension may have
pub(super) const LONGEST_FORMAT: usize = 64;

/// How many characters, wildcards and classes all globs may have with their braces expanded
pub(super) const MOST_TOKENS: usize = 10_000;

/// How many parts all expressions may have with their repetitions written out
///
/// A part is a byte of a literal or a range of a class, so `\w` has about 770.
pub(super) const MOST_PARTS: u64 = 50_000;

/// How many bytes of memory the tables of all patterns may take, and how much work making them may be
pub(super) const MOST_TABLES: usize = 2 << 20;

/// How many bytes the table of one list, or of one pattern, may take
pub(super) const MOST_TABLE: usize = 512 << 10;

/// How many states all patterns without a table may have
///
/// Each byte of a name costs up to 10 ns for each of them, where a table costs 1 ns. A name of 1,024
/// characters has up to 4,096 bytes, which must take less than 10 ms.
pub(super) const MOST_STATES: usize = 240;

/// How many problems of a filter an error lists
pub(super) const MOST_PROBLEMS: usize = 20;

/// What of the limits is left
#[derive(Debug)]
pub(super) struct Budget {
    tokens: usize,
    parts: u64,
    tables: usize,
    states: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { tokens: MOST_TOKENS, parts: MOST_PARTS, tables: MOST_TABLES, states: MOST_STATES }
    }
}

impl Budget {
    /// Takes tokens of a glob; false if there are not as many left
    pub(super) fn take_tokens(&mut self, count: usize) -> bool {
        take(&mut self.tokens, count)
    }

    /// Takes the parts of an expression; false if there are not as many left
    pub(super) fn take_parts(&mut self, expression: &Hir) -> bool {
        let left = self.parts.checked_sub(parts(expression));
        self.parts = left.unwrap_or_default();
        left.is_some()
    }

    /// Whether reading more patterns is pointless
    pub(super) fn is_spent(&self) -> bool {
        self.tokens == 0 || self.parts == 0
    }

    /// How many bytes the next table may take
    pub(super) fn table(&self) -> usize {
        self.tables.min(MOST_TABLE)
    }

    /// Takes the bytes of a table, or of an attempt at one
    pub(super) fn take_table(&mut self, bytes: usize) {
        self.tables = self.tables.saturating_sub(bytes);
    }

    /// Takes states of patterns without a table; false if there are not as many left
    pub(super) fn take_states(&mut self, count: usize) -> bool {
        take(&mut self.states, count)
    }
}

fn take(left: &mut usize, count: usize) -> bool {
    let rest = left.checked_sub(count);
    *left = rest.unwrap_or_default();
    rest.is_some()
}

/// How many parts an expression has
///
/// Recursion ends where the parser's limit for nesting ended it.
fn parts(expression: &Hir) -> u64 {
    let sum = |list: &[Hir]| list.iter().map(parts).fold(1, u64::saturating_add);
    match expression.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(Class::Unicode(class)) => class.ranges().len() as u64,
        HirKind::Class(Class::Bytes(_)) => 1,
        HirKind::Repetition(repetition) => {
            let times = u64::from(repetition.max.unwrap_or(repetition.min).max(1));
            parts(&repetition.sub).saturating_add(1).saturating_mul(times)
        }
        HirKind::Capture(capture) => parts(&capture.sub),
        HirKind::Concat(list) | HirKind::Alternation(list) => sum(list),
    }
}
