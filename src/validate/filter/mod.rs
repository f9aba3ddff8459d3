//! Filters: select blobs by name, size, date, kind and extension.
//!
//! A filter is typed by a customer. `builder` checks and compiles it, and the error lists all problems at
//! once. Patterns become automata (`matcher`), so that no filter makes a scan slow.
//!
//! The way of a glob: `foreign_syntax` refuses what was written for another tool, `glob` translates it to an
//! expression, `patterns` checks the limits (`limits`), and `matcher` compiles the whole list.

mod builder;
mod foreign_syntax;
mod glob;
mod invalid;
mod limits;
mod matcher;
mod pattern_error;
mod patterns;

use std::{borrow::Cow, time::SystemTime};

use serde::{Deserialize, Serialize, Serializer};

use self::patterns::{Patterns, Set};
pub use self::{
    builder::FilterBuilder,
    invalid::{FilterProblem, InvalidFilter},
};
use super::{Finding, Kind, Reason, fixed_findings as fixed, fnv::Fnv};
use crate::{
    error::Error,
    name::{Prefix, one_line},
    store::Blob,
};

/// A filter that selects blobs; a part of [`Rules`](super::Rules).
///
/// A blob passes if it passes every part that is set. Other blobs are rejected with [`Reason::Filtered`]
/// before any other rule applies, and are ignored in the search for collisions. In serde a filter has the
/// form of [`FilterBuilder`], so it can be stored with a connection.
///
/// ```
/// use azure_asset_sync::{Kind, Reason, Rules, store::Blob, validate::Filter};
///
/// let filter = Filter::builder()
///     .include("hall-3/**")
///     .exclude("*-thumb.*")
///     .min_size(10_000)
///     .kind(Kind::Image)
///     .build()?;
/// let rules = Rules::default().filter(filter);
/// assert!(rules.check(Blob::new("hall-3/cam-1/0001.jpg", 40_000)).asset().is_some());
/// for name in ["hall-4/0001.jpg", "hall-3/0001-thumb.jpg", "hall-3/notes.txt"] {
///     let verdict = rules.check(Blob::new(name, 40_000));
///     assert_eq!(verdict.rejection().map(|rejection| rejection.reason), Some(Reason::Filtered));
/// }
/// # Ok::<(), azure_asset_sync::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "FilterBuilder")]
pub struct Filter {
    patterns: Patterns,
    /// The extensions in lower case.
    formats: Vec<Box<str>>,
    typed: FilterBuilder,
}

impl Filter {
    /// Starts a filter that excludes nothing.
    pub fn builder() -> FilterBuilder {
        FilterBuilder::default()
    }

    /// Returns the filter as it was typed, for changes or for a form.
    pub fn to_builder(&self) -> FilterBuilder {
        // Letter case alone excludes nothing.
        self.typed.clone()
    }

    /// Returns whether the filter excludes nothing.
    ///
    /// ```
    /// use azure_asset_sync::validate::Filter;
    ///
    /// assert!(Filter::default().is_empty());
    /// assert!(!Filter::builder().min_size(1).build()?.is_empty());
    /// # Ok::<(), azure_asset_sync::Error>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.typed
            == FilterBuilder { ignore_case: self.typed.ignore_case, ..FilterBuilder::default() }
    }

    /// Returns the longest prefix that all names matched by the included globs have; empty if there is none.
    ///
    /// A scan with this prefix lists less, for example only blobs below `hall-3/` for `hall-3/**/*.jpg`.
    /// Scans do not use it on their own, because blobs that are not listed get no verdict. Use
    /// [`narrow`](Self::narrow) to combine it with the prefix of a connection.
    pub fn prefix(&self) -> Prefix {
        let literal = self.patterns.include.as_ref().map_or("", Set::literal);
        // A literal start may be invalid as a prefix, for example with a `*`. Then a shorter one is used.
        let starts = literal.char_indices().map(|(at, c)| at + c.len_utf8()).rev();
        let mut starts = starts.filter_map(|end| Prefix::try_from(literal.get(..end)?).ok());
        starts.next().unwrap_or_default()
    }

    /// Returns the longer of `prefix` and the filter's own, or `None` if no name can have both.
    ///
    /// ```
    /// use azure_asset_sync::{Prefix, validate::Filter};
    ///
    /// let filter = Filter::builder().include("hall-3/**/*.jpg").build()?;
    /// assert_eq!(filter.narrow(&Prefix::default()), Some("hall-3/".parse()?));
    /// assert_eq!(filter.narrow(&"hall-3/cam-1/".parse()?), Some("hall-3/cam-1/".parse()?));
    /// assert_eq!(filter.narrow(&"hall-4/".parse()?), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn narrow(&self, prefix: &Prefix) -> Option<Prefix> {
        let own = self.prefix();
        match () {
            () if own.as_str().starts_with(prefix.as_str()) => Some(own),
            () if prefix.as_str().starts_with(own.as_str()) => Some(prefix.clone()),
            () => None,
        }
    }

    /// Returns why the filter excludes a blob, or `None`. `kind` is only called if the filter selects kinds.
    pub(super) fn look(
        &self,
        blob: &Blob,
        extension: Option<&str>,
        kind: impl FnOnce() -> Option<Kind>,
    ) -> Option<Cow<'static, Finding>> {
        let FilterBuilder { min_size, max_size, modified_since, modified_before, kinds, .. } =
            &self.typed;
        let modified = |is: &dyn Fn(SystemTime) -> bool| blob.last_modified.is_some_and(is);
        let is_wanted = |list: &Vec<Box<str>>| {
            let is = |extension: &str| list.iter().any(|own| own.eq_ignore_ascii_case(extension));
            list.is_empty() || extension.is_some_and(is)
        };
        let borrowed = |known: &'static Finding| Some(Cow::Borrowed(known));
        // Cheap checks come first.
        if min_size.is_some_and(|min| blob.size < min) {
            return borrowed(&fixed::SMALLER);
        }
        if max_size.is_some_and(|max| blob.size > max) {
            return borrowed(&fixed::LARGER);
        }
        // A blob without a time cannot be compared, so it is excluded.
        if (modified_since.is_some() || modified_before.is_some()) && blob.last_modified.is_none() {
            return borrowed(&fixed::UNDATED);
        }
        if modified_since.is_some_and(|since| modified(&|time| time < since)) {
            return borrowed(&fixed::OLDER);
        }
        if modified_before.is_some_and(|before| modified(&|time| time >= before)) {
            return borrowed(&fixed::NEWER);
        }
        if !is_wanted(&self.formats) {
            return borrowed(&fixed::OTHER_FORMAT);
        }
        if !kinds.is_empty() && kind().is_none_or(|kind| !kinds.contains(&kind)) {
            return borrowed(&fixed::OTHER_KIND);
        }
        self.look_at_name(&blob.name)
    }

    /// Returns why the patterns exclude a name, or `None`.
    fn look_at_name(&self, name: &str) -> Option<Cow<'static, Finding>> {
        let Patterns { include, exclude, include_regex, exclude_regex } = &self.patterns;
        let is_left_out = |set: &Option<Set>| set.as_ref().is_some_and(|set| !set.matches(name));
        let matched = |set: &Option<Set>| set.as_ref()?.first_match(name);
        let excluded = |what: &str, pattern: Option<&String>| {
            // The pattern is shown, because people have many and want to know which one it was.
            let shown = pattern.map(|pattern| one_line(pattern));
            let detail = format!(
                "the filter's {what} pattern `{}` matches its name",
                shown.unwrap_or_default()
            );
            Some(Cow::Owned(Finding { reason: Reason::Filtered, detail: detail.into() }))
        };
        if is_left_out(include) {
            return Some(Cow::Borrowed(&fixed::NOT_INCLUDED));
        }
        if is_left_out(include_regex) {
            return Some(Cow::Borrowed(&fixed::NOT_INCLUDED_BY_REGEX));
        }
        if let Some(at) = matched(exclude) {
            return excluded("exclude", self.typed.exclude.get(at));
        }
        if let Some(at) = matched(exclude_regex) {
            return excluded("exclude_regex", self.typed.exclude_regex.get(at));
        }
        None
    }

    /// Returns the most nanoseconds that the filter takes for each byte of a blob's name.
    pub(super) fn cost(&self) -> usize {
        // Extensions are compared one by one, which takes about an eighth of a nanosecond each for every
        // byte of a name.
        self.patterns.cost() + self.formats.len() / 8
    }

    /// Adds everything that affects decisions to a fingerprint.
    pub(super) fn write(&self, print: &mut Fnv) {
        let typed = &self.typed;
        // Lists are hashed as sets, because their order does not affect decisions.
        let lists = [&typed.include, &typed.exclude, &typed.include_regex, &typed.exclude_regex];
        for list in lists {
            print.list(list.iter().map(String::as_str));
        }
        print.list(self.formats.iter().map(|format| &**format));
        print.list(typed.kinds.iter().map(|kind| kind.as_str()));
        print.text(if typed.ignore_case { "ignore_case" } else { "" });
        for limit in [typed.min_size, typed.max_size] {
            print.text(&limit.map_or(String::new(), |bytes| bytes.to_string()));
        }
        for time in [typed.modified_since, typed.modified_before] {
            let text = time.map(|time| humantime::format_rfc3339_nanos(time).to_string());
            print.text(&text.unwrap_or_default());
        }
    }
}

impl Default for Filter {
    /// Excludes nothing.
    fn default() -> Self {
        let patterns =
            Patterns { include: None, exclude: None, include_regex: None, exclude_regex: None };
        Self { patterns, formats: Vec::new(), typed: FilterBuilder::default() }
    }
}

/// Filters are equal if they were typed equally, in the same order.
impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.typed == other.typed
    }
}

impl Eq for Filter {}

impl TryFrom<FilterBuilder> for Filter {
    type Error = Error;

    fn try_from(builder: FilterBuilder) -> Result<Self, Error> {
        builder.build()
    }
}

/// The form of [`FilterBuilder`].
impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.typed.serialize(serializer)
    }
}

crate::schema::schema_as!(Filter, FilterBuilder);
