//! Families of requests: what they have in common, and which values their open attributes may have.

use std::collections::BTreeMap;

use super::predicate::{Predicate, Truths, ValueRequirement};
use crate::condition::{
    Attribute, Base, Request, Source, Value,
    catalog::{ACTIONS, Action, Known},
};

/// A time as services write it
pub(super) const USUAL_TIME: &str = "2026-01-01T00:00:00.0000000Z";

/// Requests that have the action and some attributes in common
#[derive(Clone, Debug)]
pub(crate) struct Family {
    /// What all of them have
    fixed: Request,
    /// The suboperations again, as values
    suboperations: Vec<Value>,
    open: BTreeMap<(Source, String), Domain>,
    action: Option<&'static Action>,
}

/// Which values an open attribute may have
#[derive(Clone, Debug)]
pub(crate) enum Domain {
    /// It is never there
    Absent,
    /// It is there, with any values
    Present,
    /// Any values, or none
    Any,
    /// One text
    Text(Texts),
}

impl Domain {
    /// Whether an attribute may have these values
    pub(super) fn contains(&self, given: Option<&[Value]>) -> bool {
        match (self, given) {
            (Self::Any, _) | (Self::Absent, None) | (Self::Present, Some(_)) => true,
            (Self::Absent, Some(_)) | (Self::Present, None) => false,
            (Self::Text(texts), None) => texts.optional,
            (Self::Text(texts), Some([Value::Text(text)])) => texts.contains(text),
            (Self::Text(_), Some(_)) => false,
        }
    }
}

/// The texts that an open attribute may have
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts {
    /// Whether the attribute may be absent
    optional: bool,
    /// What each of them begins with; nothing or one value
    start: Vec<Value>,
    /// What none of them begins with; nothing or one value
    other_start: Vec<Value>,
    /// What none of them is
    excluded: Vec<Value>,
    /// The characters that they consist of; any if empty
    characters: &'static str,
    /// Members that people recognise; the first one stands for all where nothing else is asked
    samples: Vec<String>,
}

impl Texts {
    /// Any text; `samples` are tried first
    pub(crate) fn like(samples: &[&str]) -> Self {
        let samples = samples.iter().map(|sample| (*sample).to_owned()).collect();
        Self { samples, ..Self::default() }
    }

    /// Or no text at all
    pub(crate) fn or_absent(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Only texts that begin with this
    pub(crate) fn beginning_with(mut self, start: &str) -> Self {
        self.start = vec![start.into()];
        self
    }

    /// Only texts that do not begin with this
    pub(crate) fn not_beginning_with(mut self, start: &str) -> Self {
        self.other_start = vec![start.into()];
        self
    }

    /// None of these texts
    pub(crate) fn none_of(mut self, texts: impl Iterator<Item = String>) -> Self {
        self.excluded.extend(texts.map(Value::from));
        self
    }

    /// Only texts of these characters
    pub(crate) fn of_characters(mut self, characters: &'static str) -> Self {
        self.characters = characters;
        self
    }

    /// Whether the attribute may be absent
    pub(super) fn is_optional(&self) -> bool {
        self.optional
    }

    /// The members that people recognise
    pub(super) fn samples(&self) -> &[String] {
        &self.samples
    }

    /// What each of them begins with
    pub(super) fn start(&self) -> Option<&str> {
        self.start.first().and_then(Value::text)
    }

    /// The characters that they consist of; any if empty
    pub(super) fn characters(&self) -> &'static str {
        self.characters
    }

    /// The comparisons that each of them fulfils, or fails
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

    /// Whether a text is one that an attribute may have
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
    /// All requests that have what this request has; its absent attributes are open
    ///
    /// Documented attributes that the action does not have are absent. Source: Microsoft Learn, "Actions
    /// and attributes for Azure role assignment conditions for Azure Blob Storage".
    pub(crate) fn of(fixed: Request) -> Self {
        let action = ACTIONS.iter().find(|action| {
            action.name.eq_ignore_ascii_case(fixed.action())
                && match action.suboperation {
                    Some(name) => fixed.suboperations().iter().any(|given| given == name),
                    None => true,
                }
        });
        let suboperations = fixed.suboperations().iter().map(|name| name.as_str().into()).collect();
        Self { fixed, suboperations, open: BTreeMap::new(), action }
    }

    /// The action of all of them
    pub(crate) fn action(&self) -> &str {
        self.fixed.action()
    }

    /// Limits an open attribute
    pub(crate) fn open(mut self, source: Source, path: &str, domain: Domain) -> Self {
        self.open.insert((source, Attribute::key_of(path)), domain);
        self
    }

    /// What all of them have
    pub(super) fn fixed(&self) -> &Request {
        &self.fixed
    }

    /// The suboperations of all of them, as values
    pub(super) fn suboperations(&self) -> &[Value] {
        &self.suboperations
    }

    /// A member that stands for all of them in explanations
    pub(crate) fn sample(&self) -> Request {
        let mut request = self.fixed.clone();
        for ((source, path), domain) in &self.open {
            let sample = match domain {
                Domain::Text(texts) => {
                    texts.samples.first().map(|sample| Value::from(sample.as_str()))
                }
                Domain::Present => Some(Value::from(USUAL_TIME)),
                Domain::Absent | Domain::Any => None,
            };
            if let Some(sample) = sample {
                request = request.attribute(*source, path, sample);
            }
        }
        request
    }

    /// What an attribute may be; only for those that are not fixed
    pub(super) fn domain(&self, attribute: &Attribute) -> &Domain {
        let key = (attribute.source(), attribute.key().to_owned());
        if let Some(domain) = self.open.get(&key) {
            return domain;
        }
        let lacks = |action: &Action| {
            Known::of(attribute.path()).is_some_and(|known| !action.has(attribute.source(), known))
        };
        if self.action.is_some_and(lacks) { &Domain::Absent } else { &Domain::Any }
    }
}
