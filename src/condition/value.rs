use std::cmp::Ordering;

use serde::Deserialize;

use super::{Base, ValueType, operator::Relation};
use crate::name::is_guid;

/// A value of a condition or of an attribute
///
/// In JSON a text, a whole number, or `true` and `false`. A point in time is a text; a GUID is one
/// in a request, and stands bare in a condition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Value {
    /// `true` or `false`
    Bool(bool),
    /// A whole number
    Integer(i64),
    /// Text; the patterns of `StringLike` have `\*` and `\?` for the characters themselves
    Text(String),
    /// A GUID that stands bare, as written
    #[serde(skip)]
    Guid(String),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl Value {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Guid(text) => Some(text),
            Self::Bool(_) | Self::Integer(_) => None,
        }
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Self::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    pub(super) fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }
}

/// Whether a comparison holds; `None` where the values are not of the operator's type
pub(super) fn compare(base: Base, left: &Value, right: &Value) -> Option<bool> {
    let relation = base.relation();
    let holds = match base.value_type() {
        ValueType::String => {
            let (left, right) = (left.text()?, right.text()?);
            match (relation, base.ignores_case()) {
                (Relation::StartsWith, false) => left.starts_with(right),
                (Relation::StartsWith, true) => {
                    let mut left = folded(left);
                    folded(right).all(|c| left.next() == Some(c))
                }
                (Relation::Like, false) => like(left.chars(), &pattern(right.chars())),
                (Relation::Like, true) => like(folded(left), &pattern(folded(right))),
                (_, false) => left == right,
                (_, true) => folded(left).eq(folded(right)),
            }
        }
        ValueType::Guid => guid(left.text()?)? == guid(right.text()?)?,
        ValueType::Bool => left.boolean()? == right.boolean()?,
        ValueType::Integer => holds(relation, left.integer()?.cmp(&right.integer()?)),
        ValueType::DateTime => holds(relation, ticks(left.text()?)?.cmp(&ticks(right.text()?)?)),
    };
    Some(holds != base.is_negative())
}

fn holds(relation: Relation, order: Ordering) -> bool {
    match relation {
        Relation::Greater => order.is_gt(),
        Relation::GreaterOrEqual => order.is_ge(),
        Relation::Less => order.is_lt(),
        Relation::LessOrEqual => order.is_le(),
        Relation::Equals | Relation::StartsWith | Relation::Like => order.is_eq(),
    }
}

fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

/// A part of a pattern of `StringLike`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Just(char),
    One,
    Many,
}

fn pattern(chars: impl Iterator<Item = char>) -> Vec<Part> {
    let mut chars = chars.peekable();
    let mut parts = Vec::new();
    while let Some(c) = chars.next() {
        parts.push(match c {
            '*' => Part::Many,
            '?' => Part::One,
            '\\' => Part::Just(chars.next_if(|c| matches!(c, '*' | '?')).unwrap_or('\\')),
            c => Part::Just(c),
        });
    }
    parts
}

/// A text that fits a pattern of `StringLike`
pub(super) fn fitting(text: &str) -> String {
    let shown = pattern(text.chars()).into_iter().map(|part| match part {
        Part::Just(c) => c,
        Part::One | Part::Many => 'x',
    });
    shown.collect()
}

/// Whether the whole text fits the pattern; in time of at most their product
fn like(text: impl Iterator<Item = char>, pattern: &[Part]) -> bool {
    let text: Vec<char> = text.collect();
    let (mut t, mut p) = (0, 0);
    // Where the last `*` stands, and how much of the text it covers so far.
    let mut star: Option<(usize, usize)> = None;
    while let Some(c) = text.get(t) {
        match pattern.get(p) {
            Some(Part::Many) => {
                star = Some((p, t));
                p += 1;
            }
            Some(Part::One) => (t, p) = (t + 1, p + 1),
            Some(Part::Just(expected)) if expected == c => (t, p) = (t + 1, p + 1),
            _ => {
                let Some((at, covered)) = star else { return false };
                star = Some((at, covered + 1));
                (t, p) = (covered + 1, at + 1);
            }
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|part| *part == Part::Many)
}

/// Whether an action fits a pattern in which `*` stands for anything, in any letter case
///
/// Byte by byte and without a copy: actions are ASCII, and each request is asked about one.
pub(super) fn action_matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.as_bytes(), action.as_bytes());
    let (mut a, mut p) = (0, 0);
    // As in `like`.
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = action.get(a) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, a));
                p += 1;
            }
            Some(expected) if expected.eq_ignore_ascii_case(byte) => (a, p) = (a + 1, p + 1),
            _ => {
                let Some((at, covered)) = star else { return false };
                star = Some((at, covered + 1));
                (a, p) = (covered + 1, at + 1);
            }
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

/// The digits of a GUID, with its hyphens or without: conditions of Microsoft's own roles have both
pub(super) fn guid(text: &str) -> Option<u128> {
    let plain = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digits = text.chars().filter_map(|c| c.to_digit(16));
    (plain || is_guid(text)).then(|| digits.fold(0, |all, digit| all << 4 | u128::from(digit)))
}

/// The 100-nanosecond steps since year 0 of `yyyy-mm-ddThh:mm:ss.fffffffZ`, 0 to 7 digits of them
pub(super) fn ticks(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let number = |text: &str, digits: usize| -> Option<i64> {
        let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| text.parse().ok()).flatten()
    };
    let mut date = date.split('-');
    let (year, month, day) =
        (number(date.next()?, 4)?, number(date.next()?, 2)?, number(date.next()?, 2)?);
    let mut time = time.split(':');
    let (hour, minute, second) =
        (number(time.next()?, 2)?, number(time.next()?, 2)?, number(time.next()?, 2)?);
    let valid = year > 0
        && date.next().is_none()
        && time.next().is_none()
        && (1..=12).contains(&month)
        && (1..=days(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
        && fraction.len() <= 7
        && fraction.bytes().all(|b| b.is_ascii_digit());
    if !valid {
        return None;
    }
    let fraction: i64 = format!("{fraction:0<7}").parse().ok()?;
    let before = year.saturating_sub(1);
    let leap_days = before / 4 - before / 100 + before / 400;
    let days = year * 365 + leap_days + (1..month).map(|m| days(year, m)).sum::<i64>() + day;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 10_000_000 + fraction)
}

fn days(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}
