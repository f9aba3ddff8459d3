//! Requests as conditions see them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::{Attribute, Source, Value};

/// A request as a condition sees it: an action, and attributes with one value or several
///
/// In JSON the paths of attributes are in the letter case by which they are found: lower case, but for
/// the keys of tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    action: String,
    #[serde(default)]
    suboperations: Vec<String>,
    #[serde(default)]
    principal: Attributes,
    #[serde(default)]
    request: Attributes,
    #[serde(default)]
    resource: Attributes,
    #[serde(default)]
    environment: Attributes,
}

impl Request {
    /// A request for this action, without attributes
    pub fn new(action: impl Into<String>) -> Self {
        Self { action: action.into(), ..Self::default() }
    }

    /// Adds a suboperation, such as `Blob.List`
    #[must_use]
    pub fn suboperation(mut self, name: impl Into<String>) -> Self {
        self.suboperations.push(name.into());
        self
    }

    /// Adds an attribute of the resource
    #[must_use]
    pub fn resource(self, path: &str, value: impl Into<Values>) -> Self {
        self.attribute(Source::Resource, path, value)
    }

    /// Adds an attribute of the request
    #[must_use]
    pub fn request(self, path: &str, value: impl Into<Values>) -> Self {
        self.attribute(Source::Request, path, value)
    }

    /// Adds an attribute
    #[must_use]
    pub fn attribute(mut self, source: Source, path: &str, value: impl Into<Values>) -> Self {
        self.attributes(source).0.insert(Attribute::key_of(path), value.into());
        self
    }

    /// Sets the values of an attribute, or takes it out
    pub(super) fn set(&mut self, attribute: &Attribute, values: Option<Vec<Value>>) {
        let attributes = self.attributes(attribute.source());
        match values {
            Some(values) => attributes.0.insert(attribute.key().to_owned(), Values(values)),
            None => attributes.0.remove(attribute.key()),
        };
    }

    fn attributes(&mut self, source: Source) -> &mut Attributes {
        match source {
            Source::Principal => &mut self.principal,
            Source::Request => &mut self.request,
            Source::Resource => &mut self.resource,
            Source::Environment => &mut self.environment,
        }
    }

    /// The action
    pub fn action(&self) -> &str {
        &self.action
    }

    /// The suboperations
    pub fn suboperations(&self) -> &[String] {
        &self.suboperations
    }

    /// The values of an attribute; `None` where the request has it not
    pub(super) fn values(&self, attribute: &Attribute) -> Option<&[Value]> {
        let attributes = match attribute.source() {
            Source::Principal => &self.principal,
            Source::Request => &self.request,
            Source::Resource => &self.resource,
            Source::Environment => &self.environment,
        };
        attributes.0.get(attribute.key()).map(|values| values.0.as_slice())
    }
}

/// One value, or several
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "OneOrMany")]
pub struct Values(Vec<Value>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(Value),
    Many(Vec<Value>),
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [value] => value.serialize(serializer),
            values => values.serialize(serializer),
        }
    }
}

impl From<OneOrMany> for Values {
    fn from(values: OneOrMany) -> Self {
        match values {
            OneOrMany::One(value) => Self(vec![value]),
            OneOrMany::Many(values) => Self(values),
        }
    }
}

impl<V: Into<Value>> From<V> for Values {
    fn from(value: V) -> Self {
        Self(vec![value.into()])
    }
}

impl<V: Into<Value>> FromIterator<V> for Values {
    fn from_iter<I: IntoIterator<Item = V>>(values: I) -> Self {
        Self(values.into_iter().map(Into::into).collect())
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, Values>")]
struct Attributes(BTreeMap<String, Values>);

impl From<BTreeMap<String, Values>> for Attributes {
    fn from(given: BTreeMap<String, Values>) -> Self {
        Self(given.into_iter().map(|(path, values)| (Attribute::key_of(&path), values)).collect())
    }
}
