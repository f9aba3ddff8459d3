//! Families of requests: fixed attributes, and the possible values of the open ones.

use std::collections::BTreeMap;

use super::predicate::{Predicate, Truths, ValueRequirement};
use crate::condition::{
    Attribute, Base, Request, Source, Value,
    catalog::{ACTIONS, Action, Known},
};

/// A time in the format of Azure's services.
pub(super) const USUAL_TIME: &str = "2026-01-01T00:00:00.0000000Z";

/// All requests that have the action and some attributes in common.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    /// The action, the suboperations and the attributes that all requests have.
    fixed: Request,
    /// The suboperations again, as values for comparisons in the spelling of the preview.
    suboperations: Vec<Value>,
    /// The open attributes with limited values, by source and [`Attribute::key_of`] the path.
    open: BTreeMap<(Source, String), Domain>,
    /// The documented action. It determines which attributes a request can have.
    action: Option<&'static Action>,
}

/// The possible values of an open attribute.
#[derive(Clone, Debug)]
pub(crate) enum Domain {
    /// The attribute is always absent.
    Absent,
    /// The attribute is present, with any values.
    Present,
    /// The attribute has any values, or is absent.
    Any,
    /// The attribute is one text of these.
    Text(Texts),
}

impl Domain {
    /// Returns whether an attribute may have these values; `None` means absent.
    pub(super) fn contains(&self, given: Option<&[Value]>) -> bool {
        match (self, given) {
            (Self::Any, _) | (Self::Absent, None) | (Self::Present, Some(_)) => true,
            (Self::Absent, Some(_)) | (Self::Present, None) => false,
            (Self::Text(texts), None) => texts.optional,
            (Self::Text(texts), Some([Value::Text(text)])) => texts.contains(text),
            // A list of several texts, or another type, is not allowed for an attribute with texts.
            (Self::Text(_), Some(_)) => false,
        }
    }
}

/// The possible texts of an open attribute, for example the valid blob names below a prefix.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts {
    /// Whether the attribute may be absent.
    optional: bool,
    /// The start of each text: no or one value.
    start: Vec<Value>,
    /// A start that no text has: no or one value.
    other_start: Vec<Value>,
    /// Texts that are excluded.
    excluded: Vec<Value>,
    /// The allowed characters; all if empty.
    characters: &'static str,
    /// Typical texts. The first one is used wherever any text will do.
    samples: Vec<String>,
}

impl Texts {
    /// Allows any text. The search tries `samples` first, so that examples look familiar.
    pub(crate) fn like(samples: &[&str]) -> Self {
        let samples = samples.iter().map(|sample| (*sample).to_owned()).collect();
        Self { samples, ..Self::default() }
    }

    /// Allows the attribute to be absent.
    pub(crate) fn or_absent(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Allows only texts with this start.
    pub(crate) fn beginning_with(mut self, start: &str) -> Self {
        self.start = vec![start.into()];
        self
    }

    /// Allows only texts without this start.
    pub(crate) fn not_beginning_with(mut self, start: &str) -> Self {
        self.other_start = vec![start.into()];
        self
    }

    /// Excludes these texts.
    pub(crate) fn none_of(mut self, texts: impl Iterator<Item = String>) -> Self {
        self.excluded.extend(texts.map(Value::from));
        self
    }

    /// Allows only texts of these characters.
    pub(crate) fn of_characters(mut self, characters: &'static str) -> Self {
        self.characters = characters;
        self
    }

    /// Returns whether the attribute may be absent.
    pub(super) fn is_optional(&self) -> bool {
        self.optional
    }

    /// Returns the typical texts.
    pub(super) fn samples(&self) -> &[String] {
        &self.samples
    }

    /// Returns the start of each text.
    pub(super) fn start(&self) -> Option<&str> {
        self.start.first().and_then(Value::text)
    }

    /// Returns the allowed characters; all if empty.
    pub(super) fn characters(&self) -> &'static str {
        self.characters
    }

    /// Returns the limits on the texts as comparisons, for the automaton. The characters are not included.
    pub(super) fn constraints(&self) -> impl Iterator<Item = ValueRequirement<'_>> {
        let need = |base, values, wanted| ValueRequirement {
            predicate: Predicate { base, values, is_left: true, every: false },
            wanted,
        };
        [
            need(Base::StringStartsWith, &*self.start, Truths::TRUE),
            need(Base::StringStartsWith, &*self.other_start, Truths::FALSE),
            need(Base::StringEquals, &*self.excluded, Truths::FALSE),
        ]
        .into_iter()
        .filter(|need| !need.predicate.values.is_empty())
    }

    /// Returns whether a text is allowed.
    pub(super) fn contains(&self, text: &str) -> bool {
        let begins = |starts: &[Value]| {
            starts.iter().filter_map(Value::text).any(|start| text.starts_with(start))
        };
        (self.start.is_empty() || begins(&self.start))
            && !begins(&self.other_start)
            && !self.excluded.iter().any(|excluded| excluded.text() == Some(text))
            && (self.characters.is_empty() || text.chars().all(|c| self.characters.contains(c)))
    }
}

impl Family {
    /// Makes the family of requests with the same action, suboperations and attributes as `fixed`.
    ///
    /// Other attributes are open, except for documented attributes that the action does not have: these
    /// are absent. Source: Microsoft Learn, "Actions and attributes for Azure role assignment conditions
    /// for Azure Blob Storage".
    pub(crate) fn of(fixed: Request) -> Self {
        // The first documented row with the action and, if the row has one, its suboperation.
        let action = ACTIONS.iter().find(|action| {
            action.name.eq_ignore_ascii_case(fixed.action())
                && match action.suboperation {
                    Some(name) => fixed.suboperations().iter().any(|given| given == name),
                    None => true,
                }
        });
        // The suboperation in the spelling of the preview is an attribute with these values.
        let suboperations = fixed.suboperations().iter().map(|name| name.as_str().into()).collect();
        Self { fixed, suboperations, open: BTreeMap::new(), action }
    }

    /// Returns the action of all requests.
    pub(crate) fn action(&self) -> &str {
        self.fixed.action()
    }

    /// Limits the values of an open attribute.
    pub(crate) fn open(mut self, source: Source, path: &str, domain: Domain) -> Self {
        self.open.insert((source, Attribute::key_of(path)), domain);
        self
    }

    /// Returns the request that has only what all requests of the family have.
    pub(super) fn fixed(&self) -> &Request {
        &self.fixed
    }

    /// Returns the suboperations as values.
    pub(super) fn suboperations(&self) -> &[Value] {
        &self.suboperations
    }

    /// Returns a typical request of the family for explanations.
    pub(crate) fn sample(&self) -> Request {
        let mut request = self.fixed.clone();
        for ((source, path), domain) in &self.open {
            let sample = match domain {
                Domain::Text(texts) => {
                    texts.samples.first().map(|sample| Value::from(sample.as_str()))
                }
                // Present with any value is shown as a time, which is what such attributes usually have.
                Domain::Present => Some(Value::from(USUAL_TIME)),
                // An attribute that may be absent is absent in the typical request.
                Domain::Absent | Domain::Any => None,
            };
            if let Some(sample) = sample {
                request = request.attribute(*source, path, sample);
            }
        }
        request
    }

    /// Returns the possible values of an attribute that is not fixed.
    pub(super) fn domain(&self, attribute: &Attribute) -> &Domain {
        let key = (attribute.source(), attribute.key().to_owned());
        // A limit that the caller set counts more than the documentation.
        if let Some(domain) = self.open.get(&key) {
            return domain;
        }
        let lacks = |action: &Action| {
            Known::of(attribute.path()).is_some_and(|known| !action.has(attribute.source(), known))
        };
        if self.action.is_some_and(lacks) { &Domain::Absent } else { &Domain::Any }
    }
}
