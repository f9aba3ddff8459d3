//! The builder of filters: raw text from Rust or JSON, and the check of the whole filter.
//!
//! All problems are reported in one error, because a customer corrects a form in one go.

use std::{
    collections::BTreeSet,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};

use super::{
    Filter,
    limits::{Budget, LONGEST_FORMAT, MOST_FORMATS, MOST_PATTERNS, MOST_PROBLEMS, MOST_TEXT},
    matcher::{Compiler, Syntax},
    patterns::{self, Patterns},
};
use crate::{
    error::{Error, ErrorKind},
    name::printable,
    validate::{Kind, MAX_SIZE},
};

/// A filter as it was typed: raw text that [`build`](Self::build) checks as a whole.
///
/// This is also the form of a filter in JSON. Every field may be missing, and unknown fields are refused.
/// Times are RFC 3339 with any offset, for example `2026-11-24T08:49:37Z`, or a date, which means midnight
/// in UTC.
///
/// ```
/// use azure_asset_sync::validate::{Filter, FilterBuilder};
///
/// let json = r#"{"include": ["hall-3/**/*.{jpg,png}"], "modified_since": "2026-11-24"}"#;
/// let typed: FilterBuilder = serde_json::from_str(json)?;
/// let filter = typed.exclude("**/thumbs/**").build()?;
/// assert_eq!(filter.prefix().as_str(), "hall-3/");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use = "a builder does nothing until it is built"]
pub struct FilterBuilder {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) include: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) exclude: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) include_regex: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) exclude_regex: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) ignore_case: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) min_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_size: Option<u64>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "serialize_time",
        deserialize_with = "deserialize_time"
    )]
    pub(super) modified_since: Option<SystemTime>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "serialize_time",
        deserialize_with = "deserialize_time"
    )]
    pub(super) modified_before: Option<SystemTime>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) kinds: BTreeSet<Kind>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) formats: Vec<String>,
}

impl FilterBuilder {
    /// Adds a glob; excludes names that none of the included globs matches.
    ///
    /// | in a glob | matches |
    /// | --- | --- |
    /// | `*` | any characters except `/` |
    /// | `?` | one character except `/` |
    /// | `[a-z]`, `[!a-z]` | one of these characters, one other character |
    /// | `{a,b}` | either alternative |
    /// | `**` between slashes | any folders, or none |
    /// | `\` before a special character | that character |
    ///
    /// A glob with a slash matches the whole name from the container's root, and `folder/` matches all names
    /// below that folder. A glob without a slash matches the part after the last slash, so `*.jpg` matches
    /// in every folder and `/*.jpg` only at the root. Letters with marks match in both Unicode forms (NFC
    /// and NFD).
    ///
    /// [`build`](Self::build) refuses globs that other tools understand differently and that would match
    /// nothing here, for example a path with `\` or `./`, a negation with `!`, a list with commas,
    /// `[[:digit:]]`, a regular expression or a URL. The message says what to write instead.
    #[doc(alias = "glob")]
    #[doc(alias = "wildcard")]
    pub fn include(mut self, glob: impl Into<String>) -> Self {
        self.include.push(glob.into());
        self
    }

    /// Adds a glob; excludes names that it matches, even if they are included.
    pub fn exclude(mut self, glob: impl Into<String>) -> Self {
        self.exclude.push(glob.into());
        self
    }

    /// Adds a regular expression; excludes names that none of the included regular expressions matches.
    ///
    /// The syntax is that of the crate [`regex`](https://docs.rs/regex/latest/regex/#syntax). A match may be
    /// anywhere in the name; use `^` and `$` to anchor it. If globs are included too, a name must match at
    /// least one glob and one regular expression.
    pub fn include_regex(mut self, regex: impl Into<String>) -> Self {
        self.include_regex.push(regex.into());
        self
    }

    /// Adds a regular expression; excludes names that it matches, even if they are included.
    pub fn exclude_regex(mut self, regex: impl Into<String>) -> Self {
        self.exclude_regex.push(regex.into());
        self
    }

    /// Makes globs and regular expressions ignore letter case. Without this, they are case-sensitive.
    pub fn ignore_case(mut self) -> Self {
        self.ignore_case = true;
        self
    }

    /// Excludes blobs of fewer bytes. In JSON: `"min_size": 10000`.
    pub fn min_size(mut self, bytes: u64) -> Self {
        self.min_size = Some(bytes);
        self
    }

    /// Excludes blobs of more bytes. In JSON: `"max_size": 268435456`.
    pub fn max_size(mut self, bytes: u64) -> Self {
        self.max_size = Some(bytes);
        self
    }

    /// Excludes blobs that were last modified before `time`, and blobs without a time in the listing.
    ///
    /// The service reports times in whole seconds. In JSON: `"modified_since": "2026-11-24"`.
    pub fn modified_since(mut self, time: SystemTime) -> Self {
        self.modified_since = Some(time);
        self
    }

    /// Excludes blobs that were last modified at `time` or later, and blobs without a time in the listing.
    pub fn modified_before(mut self, time: SystemTime) -> Self {
        self.modified_before = Some(time);
        self
    }

    /// Adds a kind; excludes blobs that are of none of the added kinds.
    ///
    /// The kind is that of the rules' format, or else the kind that the Content-Type or the extension
    /// suggests. In JSON: `"kinds": ["image"]`.
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kinds.insert(kind);
        self
    }

    /// Adds an extension, in any letter case; excludes blobs that have none of the added extensions.
    ///
    /// In JSON: `"formats": ["jpg", "png"]`.
    pub fn format(mut self, extension: impl Into<String>) -> Self {
        self.formats.push(extension.into());
        self
    }

    /// Checks the filter and compiles its patterns.
    ///
    /// A filter may come from somebody with bad intentions, so its size and the time that matching takes are
    /// limited:
    ///
    /// | limit | value |
    /// | --- | --- |
    /// | patterns in the four lists together | 100, with 16 KiB of text |
    /// | length of a pattern | 1,000 characters |
    /// | extensions in `formats` | 100, of 64 characters each |
    /// | globs that one glob with braces expands to | 256 |
    /// | all globs with their braces expanded | 10,000 characters |
    /// | all patterns with repetitions written out | 50,000 parts: bytes, or ranges of classes |
    /// | compiled patterns | 2 MiB |
    ///
    /// Matching a name of 1,024 four-byte characters takes less than 10 ms, and usual patterns take
    /// microseconds. Patterns that need many guesses are refused, for example `[ab]*a[ab]{300}c`.
    ///
    /// The method blocks the thread: for microseconds with most filters, and for 200 ms with the slowest
    /// filter that was found. Deserializing a [`Filter`] takes the same time. If the thread has other tasks,
    /// build the filters of customers in `tokio::task::spawn_blocking`.
    ///
    /// ```
    /// use azure_asset_sync::validate::Filter;
    ///
    /// let error = Filter::builder().include("hall-3\\*.jpg").min_size(9).max_size(1).build().unwrap_err();
    /// let text = error.to_string();
    /// assert!(text.contains("write `/` between folders") && text.contains("swap them"), "{text}");
    /// ```
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) with all problems at once: for each pattern the position and what to
    /// write instead, and for each limit its value.
    pub fn build(self) -> Result<Filter, Error> {
        let mut wrong = Vec::new();
        let mut patterns =
            Patterns { include: None, exclude: None, include_regex: None, exclude_regex: None };
        if self.check_counts(&mut wrong) {
            patterns = self.compile(&mut wrong);
        }
        let formats = self.formats.iter().take(MOST_FORMATS);
        let formats = formats.map(|typed| extension(typed, &mut wrong)).collect();
        if let (Some(min), Some(max)) = (self.min_size, self.max_size)
            && min > max
        {
            wrong.push(format!(
                "min_size {min} is above max_size {max}, so no blob can match; swap them"
            ));
        }
        if let Some(min) = self.min_size
            && min > MAX_SIZE
        {
            wrong.push(format!(
                "min_size {min} is above the size of any blob (190.7 TiB), so no blob can match; sizes are in bytes"
            ));
        }
        for (field, time) in
            [("modified_since", self.modified_since), ("modified_before", self.modified_before)]
        {
            if time.is_some_and(|time| !is_representable(time)) {
                wrong.push(format!("{field}: it must be in the years 1970 to 9999"));
            }
        }
        if let (Some(since), Some(before)) = (self.modified_since, self.modified_before)
            // Equal ends exclude everything too, because the upper one is exclusive.
            && since >= before
        {
            wrong.push(
                "modified_since is not before modified_before, so no blob can match; swap them"
                    .to_owned(),
            );
        }
        if !wrong.is_empty() {
            let more = wrong.len().saturating_sub(MOST_PROBLEMS);
            wrong.truncate(MOST_PROBLEMS);
            // The rest is only counted: twenty problems are enough for one look at a form.
            if more > 0 {
                wrong.push(format!("and {more} more"));
            }
            return Err(Error::new(ErrorKind::Config, format!("filter: {}", wrong.join("; "))));
        }
        Ok(Filter { patterns, formats, typed: self })
    }

    /// Checks the number of patterns and their total length; returns false if the patterns exceed a limit.
    fn check_counts(&self, wrong: &mut Vec<String>) -> bool {
        let lists = [&self.include, &self.exclude, &self.include_regex, &self.exclude_regex];
        let count: usize = lists.iter().map(|list| list.len()).sum();
        let text: usize = lists.iter().flat_map(|list| list.iter()).map(String::len).sum();
        let before = wrong.len();
        if count > MOST_PATTERNS {
            wrong.push(format!(
                "it has {count} patterns; the limit is {MOST_PATTERNS} over include, exclude, include_regex and exclude_regex together"
            ));
        }
        if text > MOST_TEXT {
            wrong.push(format!(
                "its patterns have {text} bytes together; the limit is {MOST_TEXT} (16 KiB); use fewer or shorter patterns"
            ));
        }
        // Patterns that exceed the counts are not compiled, because compiling them is the work to limit.
        let is_within = wrong.len() == before;
        if self.formats.len() > MOST_FORMATS {
            let count = self.formats.len();
            wrong.push(format!("formats has {count} extensions; the limit is {MOST_FORMATS}"));
        }
        is_within
    }

    /// Compiles the four lists within one budget.
    fn compile(&self, wrong: &mut Vec<String>) -> Patterns {
        let mut budget = Budget::default();
        let mut compile = |list: &[String], field, syntax| {
            let compiler = Compiler { syntax, ignore_case: self.ignore_case };
            patterns::compile(list, field, compiler, &mut budget, wrong)
        };
        Patterns {
            include: compile(&self.include, "include", Syntax::Glob),
            exclude: compile(&self.exclude, "exclude", Syntax::Glob),
            include_regex: compile(&self.include_regex, "include_regex", Syntax::Regex),
            exclude_regex: compile(&self.exclude_regex, "exclude_regex", Syntax::Regex),
        }
    }
}

/// Checks one extension and returns it in lower case, without the dot that people type before it.
fn extension(typed: &str, wrong: &mut Vec<String>) -> Box<str> {
    let extension = typed.strip_prefix('.').unwrap_or(typed);
    let is_long = extension.chars().nth(LONGEST_FORMAT).is_some();
    let is_odd =
        |c: char| c.is_whitespace() || c.is_control() || ".,;|/\\*?\"'`<>()[]{}".contains(c);
    if extension.is_empty() || is_long || extension.contains(is_odd) {
        // Several extensions in one entry are a frequent mistake, so each part is suggested on its own.
        let start: String = typed.chars().take(LONGEST_FORMAT).collect();
        let parts: Vec<_> = start
            .split(|c| is_odd(c) && c != '.' && c != '*' && c != '/')
            .map(|part| part.rsplit(['.', '/', '*']).next().unwrap_or_default())
            .filter(|part| !part.is_empty())
            .map(|part| format!("`{}`", printable(part)))
            .collect();
        let hint = match parts.as_slice() {
            [] => String::new(),
            [one] => format!("; did you mean {one}?"),
            several => format!("; write one entry each: {}", several.join(", ")),
        };
        let typed = printable(&start);
        wrong.push(format!(
            "formats `{typed}`: an extension is the text after the last dot of a name, such as `jpg`, of at most {LONGEST_FORMAT} characters{hint}"
        ));
        return Box::default();
    }
    extension.to_ascii_lowercase().into()
}

/// Deserializes a time or a date.
fn deserialize_time<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SystemTime>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let text = text.trim();
    let is_date = text.len() == "2026-11-24".len();
    let time = if is_date { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let time = time.parse::<jiff::Timestamp>().map_err(|_| {
        // A person may have pasted anything, so the text is made printable and its secrets are hidden.
        let text = printable(text);
        D::Error::custom(format!(
            "`{text}` is not a time; write it as 2026-11-24T08:49:37Z, 2026-11-24T09:49:37+01:00 or 2026-11-24"
        ))
    })?;
    SystemTime::try_from(time).map(Some).map_err(D::Error::custom)
}

/// Returns whether RFC 3339 can express a time, which it can for the years 1970 to 9999 here.
fn is_representable(time: SystemTime) -> bool {
    const YEAR_10000: u64 = 253_402_300_800;
    time.duration_since(UNIX_EPOCH).is_ok_and(|since| since.as_secs() < YEAR_10000)
}

/// Serializes a time with all its digits, so that a stored filter equals the original.
fn serialize_time<S: Serializer>(
    time: &Option<SystemTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) if is_representable(*time) => {
            // Times are stored as seconds with an optional fraction, which is what `humantime` writes.
            serializer.collect_str(&humantime::format_rfc3339(*time))
        }
        Some(_) => Err(S::Error::custom("a time must be in the years 1970 to 9999")),
        None => serializer.serialize_none(),
    }
}
