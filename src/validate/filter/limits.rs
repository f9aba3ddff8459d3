//! The limits on the memory and time that all patterns of a filter may take together.
//!
//! A filter is typed by a customer, so each limit is checked before the work that it limits is done.

use regex_syntax::hir::{Class, Hir, HirKind};

/// The most patterns in the four lists of a filter together.
pub(super) const MOST_PATTERNS: usize = 100;

/// The most characters of a pattern.
pub(super) const LONGEST: usize = 1000;

/// The most bytes of all patterns together.
pub(super) const MOST_TEXT: usize = 16 << 10;

/// The most extensions in `formats`.
pub(super) const MOST_FORMATS: usize = 100;

/// The most characters of an extension.
pub(super) const LONGEST_FORMAT: usize = 64;

/// The most characters, wildcards and classes of all globs with their braces expanded.
pub(super) const MOST_TOKENS: usize = 10_000;

/// The most parts of all expressions with their repetitions written out.
///
/// A part is a byte of a literal or a range of a class. For example, `\w` has about 770 parts.
pub(super) const MOST_PARTS: u64 = 50_000;

/// The most bytes of the tables of all patterns. Failed attempts count, so this also limits the work.
pub(super) const MOST_TABLES: usize = 2 << 20;

/// The most bytes of the table of one list or of one pattern.
pub(super) const MOST_TABLE: usize = 512 << 10;

/// The most states of all patterns without a table.
///
/// Each byte of a name takes up to 10 ns for each state, compared with 1 ns for a table. A name of 1,024
/// characters has up to 4,096 bytes, which must take less than 10 ms.
pub(super) const MOST_STATES: usize = 240;

/// The most problems that one error lists.
pub(super) const MOST_PROBLEMS: usize = 20;

/// The unused part of the limits while a filter is compiled.
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
    /// Takes tokens of a glob; returns false if there are not enough left.
    pub(super) fn take_tokens(&mut self, count: usize) -> bool {
        take(&mut self.tokens, count)
    }

    /// Takes the parts of an expression; returns false if there are not enough left.
    pub(super) fn take_parts(&mut self, expression: &Hir) -> bool {
        // A shortfall empties the budget, which `is_spent` reports.
        let left = self.parts.checked_sub(parts(expression));
        self.parts = left.unwrap_or_default();
        left.is_some()
    }

    /// Returns whether reading more patterns is pointless.
    pub(super) fn is_spent(&self) -> bool {
        self.tokens == 0 || self.parts == 0
    }

    /// Returns the most bytes of the next table.
    pub(super) fn table(&self) -> usize {
        self.tables.min(MOST_TABLE)
    }

    /// Takes the bytes of a table or of a failed attempt.
    pub(super) fn take_table(&mut self, bytes: usize) {
        self.tables = self.tables.saturating_sub(bytes);
    }

    /// Takes states of patterns without a table; returns false if there are not enough left.
    pub(super) fn take_states(&mut self, count: usize) -> bool {
        take(&mut self.states, count)
    }
}

/// Subtracts a count; on a shortfall nothing is left, so that all later attempts fail too.
fn take(left: &mut usize, count: usize) -> bool {
    let rest = left.checked_sub(count);
    *left = rest.unwrap_or_default();
    rest.is_some()
}

/// Returns the number of parts of an expression.
///
/// The recursion is bounded by the parser's limit on nesting.
fn parts(expression: &Hir) -> u64 {
    // Saturating arithmetic: nested repetitions multiply, and the product may exceed any integer.
    let sum = |list: &[Hir]| list.iter().map(parts).fold(1, u64::saturating_add);
    match expression.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(Class::Unicode(class)) => class.ranges().len() as u64,
        HirKind::Class(Class::Bytes(_)) => 1,
        HirKind::Repetition(repetition) => {
            // An unbounded repetition is compiled like its minimum, at least once.
            let times = u64::from(repetition.max.unwrap_or(repetition.min).max(1));
            parts(&repetition.sub).saturating_add(1).saturating_mul(times)
        }
        HirKind::Capture(capture) => parts(&capture.sub),
        HirKind::Concat(list) | HirKind::Alternation(list) => sum(list),
    }
}
