//! What of a container is wanted: by name, size, date, kind and extension.

mod builder;
mod foreign_syntax;
mod glob;
mod limits;
mod matcher;
mod pattern_error;
mod patterns;

use std::{borrow::Cow, time::SystemTime};

use serde::{Deserialize, Serialize, Serializer};

pub use self::builder::FilterBuilder;
use self::patterns::{Patterns, Set};
use super::{Finding, Kind, Reason, fixed_findings as fixed, fnv::Fnv};
use crate::{
    error::Error,
    name::{Prefix, one_line},
    store::Blob,
};

/// Which blobs are wanted at all; a part of [`Rules`](super::Rules)
///
/// What it leaves out is rejected for [`Reason::Filtered`], before any other rule looks at it, and
/// takes no part in collisions. A blob is wanted where every part that is set says so. Its JSON form
/// is that of [`FilterBuilder`], so that it can be stored with a connection.
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
    /// In lower case
    formats: Vec<Box<str>>,
    typed: FilterBuilder,
}

impl Filter {
    /// Starts a filter that leaves nothing out
    pub fn builder() -> FilterBuilder {
        FilterBuilder::default()
    }

    /// The filter as it was typed, to be changed
    pub fn to_builder(&self) -> FilterBuilder {
        self.typed.clone()
    }

    /// Whether it leaves nothing out
    pub fn is_empty(&self) -> bool {
        self.typed
            == FilterBuilder { ignore_case: self.typed.ignore_case, ..FilterBuilder::default() }
    }

    /// What all names begin with that its included globs match; empty where they may begin otherwise
    ///
    /// A scan with this prefix lists less: for `hall-3/**/*.jpg` what is below `hall-3/`. That is
    /// for the caller to decide, since of what is not listed there is no verdict. A prefix that a
    /// connection has already is joined with it by [`narrow`](Self::narrow).
    pub fn prefix(&self) -> Prefix {
        let literal = self.patterns.include.as_ref().map_or("", Set::literal);
        // What is no prefix to a connection, as one with a `*`, begins with one that is.
        let starts = literal.char_indices().map(|(at, c)| at + c.len_utf8()).rev();
        let mut starts = starts.filter_map(|end| Prefix::try_from(literal.get(..end)?).ok());
        starts.next().unwrap_or_default()
    }

    /// The longer one of this prefix and the filter's own; `None` where no name can have both
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

    /// Why a blob is left out; `kind` is asked where the filter is about kinds
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
        // From what costs little to what costs more.
        if min_size.is_some_and(|min| blob.size < min) {
            return borrowed(&fixed::SMALLER);
        }
        if max_size.is_some_and(|max| blob.size > max) {
            return borrowed(&fixed::LARGER);
        }
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

    fn look_at_name(&self, name: &str) -> Option<Cow<'static, Finding>> {
        let Patterns { include, exclude, include_regex, exclude_regex } = &self.patterns;
        let is_left_out = |set: &Option<Set>| set.as_ref().is_some_and(|set| !set.matches(name));
        let matched = |set: &Option<Set>| set.as_ref()?.first_match(name);
        let excluded = |what: &str, pattern: Option<&String>| {
            let shown = pattern.map(|pattern| one_line(pattern));
            let detail =
                format!("the filter's {what} `{}` matches its name", shown.unwrap_or_default());
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

    /// How many nanoseconds a byte of a blob's name takes at most
    pub(super) fn cost(&self) -> usize {
        // Extensions are compared one by one.
        self.patterns.cost() + self.formats.len() / 8
    }

    /// Adds all that decides to a fingerprint
    pub(super) fn write(&self, print: &mut Fnv) {
        let typed = &self.typed;
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
    /// Leaves nothing out
    fn default() -> Self {
        let patterns =
            Patterns { include: None, exclude: None, include_regex: None, exclude_regex: None };
        Self { patterns, formats: Vec::new(), typed: FilterBuilder::default() }
    }
}

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

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.typed.serialize(serializer)
    }
}
