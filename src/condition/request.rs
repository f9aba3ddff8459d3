//! The requests that conditions decide about.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Attribute, Source, Value};

/// A request as a condition sees it: an action, suboperations, and attributes with one or more values.
///
/// Paths of attributes are case-insensitive, except for the keys of index tags. JSON output has them in
/// lower case.
///
/// ```
/// use azure_asset_sync::condition::{Condition, Request};
///
/// let prefix = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs:prefix";
/// let list = Request::new("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read")
///     .suboperation("Blob.List")
///     .request(prefix, "hall-3/");
/// let condition: Condition =
///     format!("SubOperationMatches{{'Blob.List'}} AND @Request[{prefix}] StringLike 'hall-*'").parse()?;
/// assert!(condition.allows(&list));
/// # Ok::<(), azure_asset_sync::condition::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// Makes a request for this action, without attributes.
    pub fn new(action: impl Into<String>) -> Self {
        Self { action: action.into(), ..Self::default() }
    }

    /// Adds a suboperation, for example `Blob.List`.
    #[must_use]
    pub fn suboperation(mut self, name: impl Into<String>) -> Self {
        self.suboperations.push(name.into());
        self
    }

    /// Sets an attribute of the resource.
    #[must_use]
    pub fn resource(self, path: &str, value: impl Into<Values>) -> Self {
        self.attribute(Source::Resource, path, value)
    }

    /// Sets an attribute of the request.
    #[must_use]
    pub fn request(self, path: &str, value: impl Into<Values>) -> Self {
        self.attribute(Source::Request, path, value)
    }

    /// Sets an attribute of any source; replaces an earlier value.
    #[must_use]
    pub fn attribute(mut self, source: Source, path: &str, value: impl Into<Values>) -> Self {
        // A path in any letter case replaces the value under the same path.
        self.attributes(source).0.insert(Attribute::key_of(path), value.into());
        self
    }

    /// Sets the values of an attribute, or removes the attribute.
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

    /// Returns the action.
    pub fn action(&self) -> &str {
        &self.action
    }

    /// Returns the suboperations.
    pub fn suboperations(&self) -> &[String] {
        &self.suboperations
    }

    /// Returns the values of an attribute, or `None` if the request does not have it.
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

/// The values of an attribute: one value or a list.
///
/// In JSON a single value stands alone, and several are an array.
///
/// ```
/// use azure_asset_sync::condition::{Request, Value, Values};
///
/// let keys: Values = ["project", "owner"].into_iter().collect();
/// let request = Request::new("a/read").resource("tags&$keys$&", keys).request("UtcNow", "2026-11-24T00:00:00Z");
/// let json = serde_json::to_value(&request)?;
/// assert_eq!(json["resource"]["tags&$keys$&"][1], "owner");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "OneOrMany")]
pub struct Values(Vec<Value>);

/// The two forms of values in JSON.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
enum OneOrMany {
    One(Value),
    Many(Vec<Value>),
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // One value stands alone in JSON, as people write it. An empty list stays a list.
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

/// The attributes of one source, by [`Attribute::key_of`] their paths.
// INVARIANT: keys are `Attribute::key_of` the paths. Everything that inserts goes through it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, Values>")]
struct Attributes(BTreeMap<String, Values>);

impl From<BTreeMap<String, Values>> for Attributes {
    fn from(given: BTreeMap<String, Values>) -> Self {
        // Paths from JSON are brought to the letter case by which attributes are found.
        Self(given.into_iter().map(|(path, values)| (Attribute::key_of(&path), values)).collect())
    }
}

/// Reads a request that is part of a stored value, where unknown fields are ignored.
///
/// A request that people write is read strictly, because a misspelled field would change its meaning.
pub(crate) fn read_stored_request<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Request>, D::Error> {
    /// The fields of a request.
    #[derive(Deserialize)]
    struct Stored {
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
    let stored = Option::<Stored>::deserialize(deserializer)?;
    Ok(stored.map(|stored| {
        let Stored { action, suboperations, principal, request, resource, environment } = stored;
        Request { action, suboperations, principal, request, resource, environment }
    }))
}

crate::schema::schema_as!(Values, OneOrMany);

crate::schema::schema_as!(Attributes, BTreeMap<String, Values>);
