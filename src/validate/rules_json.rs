//! Rules and formats in JSON, as people write them: what differs from the defaults, checked as a whole.
//!
//! Everything here is typed in, so unknown fields, kinds, reasons and actions are refused, and everything
//! that a customer controls is bounded.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{Action, Filter, Format, Kind, MAX_SIZE, Reason, Rules, format::Formats};
use crate::{coded::strict, name::printable};

/// The most formats that rules may add or refuse, and the most aliases of a format.
const MOST_FORMATS: usize = 1000;

/// The most characters of an extension.
const LONGEST_EXTENSION: usize = 64;

/// The most characters of a media type: RFC 6838 allows 127 for each half.
const LONGEST_MEDIA_TYPE: usize = 255;

/// The most problems that an error lists.
const MOST_PROBLEMS: usize = 20;

/// A format as it is written.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename = "Format")]
struct FormatForm {
    /// The extension, without the dot.
    extension: String,
    /// Image or video.
    #[serde(deserialize_with = "strict::one")]
    kind: Kind,
    /// The media type that assets of this format get.
    media_type: String,
    /// Other stored Content-Types that are accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<String>,
}

impl From<&Format> for FormatForm {
    fn from(format: &Format) -> Self {
        Self {
            extension: format.extension().to_owned(),
            kind: format.kind(),
            media_type: format.media_type().to_string(),
            aliases: format.aliases().map(str::to_owned).collect(),
        }
    }
}

impl FormatForm {
    /// Makes the format, or adds its fault to the problems.
    fn check(self, problems: &mut Vec<String>) -> Format {
        check_extension(&self.extension, problems);
        if self.aliases.len() > MOST_FORMATS {
            problems.push(format!("a format has more than {MOST_FORMATS} aliases"));
        }
        for media_type in
            std::iter::once(&self.media_type).chain(self.aliases.iter().take(MOST_FORMATS))
        {
            check_media_type(media_type, problems);
        }
        let format = Format::new(&self.extension, self.kind, &self.media_type);
        self.aliases.iter().take(MOST_FORMATS).fold(format, |format, alias| format.alias(alias))
    }
}

/// Checks that a text can be the extension of a name.
fn check_extension(extension: &str, problems: &mut Vec<String>) {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '.' | '/');
    let is_long = extension.chars().nth(LONGEST_EXTENSION).is_some();
    if extension.is_empty() || is_long || extension.contains(is_odd) {
        problems.push(format!(
            "extension `{}`: it must be the text after the last dot of a name, such as `jpg`, of at most {LONGEST_EXTENSION} characters",
            printable(extension)
        ));
    }
}

/// Checks that a text has the form of a media type without parameters.
fn check_media_type(text: &str, problems: &mut Vec<String>) {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b);
    let is_half = |half: &str| !half.is_empty() && half.bytes().all(is_plain);
    let is_media_type =
        text.split_once('/').is_some_and(|(kind, subtype)| is_half(kind) && is_half(subtype));
    if text.len() > LONGEST_MEDIA_TYPE || !is_media_type {
        problems.push(format!(
            "media type `{}`: it must have the form `image/png`, without parameters",
            printable(text)
        ));
    }
}

impl Serialize for Format {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        FormatForm::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut problems = Vec::new();
        let format = FormatForm::deserialize(deserializer)?.check(&mut problems);
        match problems.is_empty() {
            true => Ok(format),
            false => Err(D::Error::custom(listed("format", problems))),
        }
    }
}

/// Rules as they are written.
#[derive(Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename = "Rules")]
struct RulesForm {
    /// Formats to accept beside the default ones, or instead of those with the same extension.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    accept: Vec<FormatForm>,
    /// Extensions of default formats that are not accepted.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    refuse: BTreeSet<String>,
    /// The largest accepted sizes in bytes.
    #[serde(skip_serializing_if = "MaxSize::is_default")]
    max_size: MaxSize,
    /// The action for each reason that does not have the default one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "actions")]
    on: BTreeMap<Reason, Action>,
    /// Selects blobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<Filter>,
}

/// The largest accepted size in bytes of each kind; a kind that is left out has the default.
#[derive(Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
struct MaxSize {
    /// The largest image.
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<u64>,
    /// The largest video.
    #[serde(skip_serializing_if = "Option::is_none")]
    video: Option<u64>,
}

impl MaxSize {
    fn is_default(&self) -> bool {
        self.image.is_none() && self.video.is_none()
    }
}

/// Reads actions by reason, both strictly.
fn actions<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Reason, Action>, D::Error> {
    let actions = BTreeMap::<String, Action>::deserialize(deserializer)?;
    let reason =
        |(code, action): (String, Action)| Ok((code.parse().map_err(D::Error::custom)?, action));
    actions.into_iter().map(reason).collect()
}

impl From<&Rules> for RulesForm {
    fn from(rules: &Rules) -> Self {
        let (default, formats) = (Rules::default(), Formats::default());
        let accept = rules.formats().iter().filter(|format| !formats.all().contains(format));
        let is_refused = |known: &&Format| {
            rules.formats().iter().all(|format| format.extension() != known.extension())
        };
        let refuse = formats.all().iter().filter(is_refused);
        let differs = |reason: &&Reason| rules.action(**reason) != default.action(**reason);
        let ([image, video], [default_image, default_video]) = (rules.limits(), default.limits());
        Self {
            accept: accept.map(FormatForm::from).collect(),
            refuse: refuse.map(|format| format.extension().to_owned()).collect(),
            max_size: MaxSize {
                image: (image != default_image).then_some(image),
                video: (video != default_video).then_some(video),
            },
            on: Reason::ALL.iter().filter(differs).map(|&on| (on, rules.action(on))).collect(),
            filter: rules.active_filter().cloned(),
        }
    }
}

impl RulesForm {
    /// Makes the rules, or returns everything that is wrong with them.
    fn build(self) -> Result<Rules, String> {
        let mut problems = Vec::new();
        let mut rules = Rules::default();
        for (field, count) in [("accept", self.accept.len()), ("refuse", self.refuse.len())] {
            if count > MOST_FORMATS {
                problems.push(format!("{field} has {count} entries; the limit is {MOST_FORMATS}"));
            }
        }
        let mut extensions = BTreeSet::new();
        for form in self.accept.into_iter().take(MOST_FORMATS) {
            let format = form.check(&mut problems);
            if !extensions.insert(format.extension().to_owned()) {
                let extension = printable(format.extension());
                problems.push(format!("accept has the extension `{extension}` twice"));
            }
            rules = rules.accept(format);
        }
        for extension in self.refuse.iter().take(MOST_FORMATS) {
            check_extension(extension, &mut problems);
            if extensions.contains(&extension.to_ascii_lowercase()) {
                let extension = printable(extension);
                problems.push(format!("the extension `{extension}` is in both accept and refuse"));
            }
            rules = rules.refuse(extension);
        }
        for (kind, bytes) in
            [(Kind::Image, self.max_size.image), (Kind::Video, self.max_size.video)]
        {
            let Some(bytes) = bytes else { continue };
            if bytes > MAX_SIZE {
                problems.push(format!(
                    "max_size.{kind} is {bytes}; the limit is {MAX_SIZE} bytes (8 PiB)"
                ));
            }
            rules = rules.max_size(kind, bytes);
        }
        rules = self.on.into_iter().fold(rules, |rules, (reason, action)| rules.on(reason, action));
        if let Some(filter) = self.filter {
            rules = rules.filter(filter);
        }
        match problems.is_empty() {
            true => Ok(rules),
            false => Err(listed("rules", problems)),
        }
    }
}

/// Lists problems in one line; the rest is only counted.
fn listed(what: &str, mut problems: Vec<String>) -> String {
    let more = problems.len().saturating_sub(MOST_PROBLEMS);
    problems.truncate(MOST_PROBLEMS);
    if more > 0 {
        problems.push(format!("and {more} more"));
    }
    format!("{what}: {}", problems.join("; "))
}

impl Serialize for Rules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RulesForm::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        RulesForm::deserialize(deserializer)?.build().map_err(D::Error::custom)
    }
}

crate::schema::schema_as!(Format, FormatForm);
crate::schema::schema_as!(Rules, RulesForm);
