//! Proofs about a family of requests: whether a condition allows some of them, or denies some.
//!
//! A [`Family`] fixes some attributes of a request and leaves the others open. A search looks for
//! values of the open attributes that make a condition true, or not true. It ends in one of three
//! ways: an example, a proof that there is none, or neither, because the bound on its work was reached
//! or because the condition compares attributes in a way that it does not decide.
//!
//! Why "there is none" is a proof:
//!
//! 1. `goals` turns "the condition is true" into wishes for its comparisons, and tries every way to
//!    grant them. Kleene's logic is monotonic: a comparison without a wish cannot undo the others.
//! 2. `variable` decides whether one open attribute can grant all wishes for its comparisons: it is
//!    absent, has one value, or has another number of values. These are all the cases.
//! 3. `element` decides whether a value exists. Truth values, numbers, times and GUIDs change sides only
//!    at the values that the condition names, so those and their neighbours stand for all. For text,
//!    `text` walks an automaton that reads any text for all comparisons at once.
//! 4. Attributes are decided apart from each other. A comparison of two open attributes is assumed to
//!    come out as wished, which can only add examples. An example is therefore always evaluated, and one
//!    that fails counts as "not proved", never as "none".
//!
//! Open attributes may be absent, and may have any number of values of any type, whatever their
//! documentation says. So a proof holds for a service that sends texts for truth values too.

mod classes;
mod compile;
mod element;
mod goals;
mod letters;
mod text;
mod variable;
mod words;

use std::collections::BTreeMap;

use super::{
    Attribute, Condition, Request, Source, Value,
    catalog::{ACTIONS, Action, Known},
};

pub(crate) use self::classes::{containers, same};

/// A time as services write it
const USUAL_TIME: &str = "2026-01-01T00:00:00.0000000Z";

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
    fn domain(&self, attribute: &Attribute) -> &Domain {
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

/// How much work searches may do, so that no condition takes long
#[derive(Debug)]
pub(crate) struct Budget {
    left: u64,
}

impl Budget {
    pub(crate) fn new(steps: u64) -> Self {
        Self { left: steps }
    }

    /// Takes at most so many steps out of the budget, as one of its own
    pub(crate) fn share(&mut self, steps: u64) -> Self {
        let share = steps.min(self.left);
        self.left -= share;
        Self { left: share }
    }

    /// Puts back what a share did not use
    pub(crate) fn put_back(&mut self, share: &Self) {
        self.left += share.left;
    }

    /// Whether the budget still had so many steps
    fn spend(&mut self, steps: usize) -> bool {
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        let enough = steps <= self.left;
        self.left = self.left.saturating_sub(steps);
        enough
    }
}

/// How a search ended
#[derive(Debug)]
pub(crate) enum Found {
    /// No request of the family is so
    None,
    /// This one is
    Example(Example),
    /// Neither was proved
    Unproved,
}

/// A request of a family, and the attributes that make it what was looked for
#[derive(Clone, Debug)]
pub(crate) struct Example {
    pub(crate) request: Request,
    pub(crate) because: Vec<Attribute>,
}

/// Looks for a request of the family that the condition allows
pub(crate) fn allowed(condition: &Condition, family: &Family, budget: &mut Budget) -> Found {
    goals::search(&[condition], family, true, budget)
}

/// Looks for a request of the family that none of the conditions allows
pub(crate) fn denied(conditions: &[&Condition], family: &Family, budget: &mut Budget) -> Found {
    goals::search(conditions, family, false, budget)
}
