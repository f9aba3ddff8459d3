//! The values that a condition compares, and how two of them compare.
//!
//! Values are compared by the operator's type, not by their own: a request has times and GUIDs as text,
//! and services may send numbers and truth values as text too.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::{Base, ValueType, operator::Relation};
use crate::{name::is_guid, wildcard};

/// A value of a condition or of an attribute.
///
/// In JSON a string, a whole number, `true` or `false`. A point in time is text. A GUID is text in a
/// request and stands without quotes in a condition.
///
/// ```
/// use azure_asset_sync::condition::Value;
///
/// assert_eq!(Value::from("a").to_string(), "'a'");
/// assert_eq!(serde_json::from_str::<Value>("true")?, Value::from(true));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
#[non_exhaustive]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Text. In a pattern of `StringLike`, `\*` and `\?` are the characters themselves.
    Text(String),
    /// A GUID without quotes, as written.
    #[serde(skip_deserializing)]
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
    /// Returns the text of a text or a GUID.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Guid(text) => Some(text),
            Self::Bool(_) | Self::Integer(_) => None,
        }
    }

    /// Returns the truth value, which may be given as text in any letter case.
    ///
    /// Services may send attributes as text, for example `isCurrentVersion` as `true`.
    pub(super) fn boolean(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Self::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// Returns the number, which may be given as text.
    pub(super) fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }
}

/// Compares two values; `None` if one of them is not of the operator's type.
///
/// Negated operators give the opposite result, not the opposite of "undecided": a number is neither
/// `StringEquals` nor `StringNotEquals` to a text.
pub(super) fn compare(base: Base, left: &Value, right: &Value) -> Option<bool> {
    let relation = base.relation();
    let holds = match base.value_type() {
        ValueType::String => {
            let (left, right) = (left.text()?, right.text()?);
            match (relation, base.ignores_case()) {
                (Relation::StartsWith, false) => left.starts_with(right),
                (Relation::StartsWith, true) => {
                    // Folding may change the number of bytes, so the texts are compared character by character.
                    let mut left = folded(left);
                    folded(right).all(|c| left.next() == Some(c))
                }
                (Relation::Like, false) => {
                    wildcard::matches(&wildcard::parse(right.chars()), left.chars())
                }
                // A pattern is folded before it is parsed. Folding changes no wildcard and no backslash.
                (Relation::Like, true) => {
                    wildcard::matches(&wildcard::parse(folded(right)), folded(left))
                }
                (_, false) => left == right,
                (_, true) => folded(left).eq(folded(right)),
            }
        }
        ValueType::Guid => guid(left.text()?)? == guid(right.text()?)?,
        ValueType::Bool => left.boolean()? == right.boolean()?,
        ValueType::Integer => holds(relation, left.integer()?.cmp(&right.integer()?)),
        ValueType::DateTime => holds(relation, ticks(left.text()?)?.cmp(&ticks(right.text()?)?)),
    };
    // The negation is applied to the decided result only: an undecided comparison stays undecided.
    Some(holds != base.is_negative())
}

/// Returns whether an order of two numbers fulfils a relation.
fn holds(relation: Relation, order: Ordering) -> bool {
    match relation {
        Relation::Greater => order.is_gt(),
        Relation::GreaterOrEqual => order.is_ge(),
        Relation::Less => order.is_lt(),
        Relation::LessOrEqual => order.is_le(),
        Relation::Equals | Relation::StartsWith | Relation::Like => order.is_eq(),
    }
}

/// Returns the characters in lower case, which is how comparisons ignore letter case.
pub(super) fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

/// Parses a GUID with or without hyphens, because conditions in Microsoft's documentation use both.
pub(super) fn guid(text: &str) -> Option<u128> {
    let plain = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    // Hyphens are no hexadecimal digits, so both forms give the same number.
    let digits = text.chars().filter_map(|c| c.to_digit(16));
    (plain || is_guid(text)).then(|| digits.fold(0, |all, digit| all << 4 | u128::from(digit)))
}

/// Parses `yyyy-mm-ddThh:mm:ss.fffffffZ` as 100-nanosecond ticks since year 0.
///
/// Only this form is accepted, with the time in UTC. Other forms of RFC 3339 are undecided, because Azure
/// documents only this one.
///
/// The fraction has 0 to 7 digits. The result only serves comparisons, so its origin is arbitrary.
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
    // INVARIANT: every part is checked before it is used, so the sum below cannot overflow.
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
    // Pads the fraction to seven digits, which are ticks of 100 nanoseconds.
    let fraction: i64 = format!("{fraction:0<7}").parse().ok()?;
    let days = before_year(year) + (1..month).map(|m| days(year, m)).sum::<i64>() + day;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 10_000_000 + fraction)
}

/// Formats a point in time from its [`ticks`]; `None` outside the years 1 to 9999.
///
/// The proofs use this to make neighbours of the times in a condition.
pub(super) fn time(ticks: i64) -> Option<String> {
    const SECOND: i64 = 10_000_000;
    let (seconds, fraction) = (ticks.div_euclid(SECOND), ticks.rem_euclid(SECOND));
    let (minutes, second) = (seconds.div_euclid(60), seconds.rem_euclid(60));
    let (hours, minute) = (minutes.div_euclid(60), minutes.rem_euclid(60));
    let (mut day, hour) = (hours.div_euclid(24), hours.rem_euclid(24));
    // This guess is never too late, because no year has more than 366 days, and at most 28 years too
    // early for the years that can be written. The loop corrects it.
    let mut year = day.div_euclid(366).max(1);
    while year < 10_000 && day > before_year(year + 1) {
        year += 1;
    }
    day -= before_year(year);
    let mut month = 1;
    while month < 12 && day > days(year, month) {
        day -= days(year, month);
        month += 1;
    }
    let is_written = (1..10_000).contains(&year) && (1..=days(year, month)).contains(&day);
    is_written.then(|| {
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:07}Z")
    })
}

/// Returns the number of days before 1 January of a year, counted as in [`ticks`].
fn before_year(year: i64) -> i64 {
    let before = year.saturating_sub(1);
    year * 365 + before / 4 - before / 100 + before / 400
}

/// Returns the number of days in a month.
fn days(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ticks, time};

    #[test]
    fn formatted_times_parse_to_the_same_ticks() {
        let ends = ["0001-01-01T00:00:00.0000000Z", "9999-12-31T23:59:59.9999999Z"];
        let [first, last] = ends.map(|end| ticks(end).unwrap());
        for end in ends {
            assert_eq!(time(ticks(end).unwrap()).as_deref(), Some(end));
        }
        assert_eq!((time(first - 1), time(last + 1)), (None, None));
        assert_eq!((time(i64::MIN), time(i64::MAX)), (None, None));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        #[test]
        fn any_ticks_survive_formatting_and_parsing(at in 315_360_000_000_000_i64..3_155_000_000_000_000_000) {
            if let Some(text) = time(at) {
                prop_assert_eq!(ticks(&text), Some(at));
            } else {
                prop_assert!(at < ticks("0001-01-01T00:00:00Z").unwrap() || at > ticks("9999-12-31T23:59:59.9999999Z").unwrap());
            }
        }
    }
}
