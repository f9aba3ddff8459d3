//! [`Metadata`]: the user metadata of a blob.

use std::{collections::BTreeMap, fmt};

use serde::{Serialize, Serializer};

/// The user metadata of a blob: values by key, in ascending order of keys.
///
/// ```
/// use azure_asset_sync::store::Metadata;
///
/// let metadata = Metadata::from([("Camera", "hall 3")]);
/// assert_eq!(metadata.get("Camera"), Some("hall 3"));
/// assert_eq!(metadata.get("camera"), None);
/// ```
#[doc(alias = "x-ms-meta")]
#[derive(Clone, Default, PartialEq, Eq, Hash)]
#[expect(clippy::box_collection, reason = "few of the 5,000 blobs of a page have metadata")]
// INVARIANT: a map is never empty, so that equal metadata compares equal: `insert` creates the map.
pub struct Metadata(Option<Box<BTreeMap<String, String>>>);

impl Metadata {
    /// Returns the value of a key, in the letter case in which the service returns the key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.as_ref()?.get(key).map(String::as_str)
    }

    /// Sets the value of a key; returns the previous value.
    pub fn insert(&mut self, key: String, value: String) -> Option<String> {
        self.0.get_or_insert_default().insert(key, value)
    }

    /// Returns the keys and values, in ascending order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|map| map.iter()).map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Returns the number of keys.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |map| map.len())
    }

    /// Returns whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Metadata {
    /// Creates metadata from pairs. If a key appears twice, the last value counts.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut metadata = Self::default();
        pairs.into_iter().for_each(|(key, value)| drop(metadata.insert(key.into(), value.into())));
        metadata
    }
}

impl<K: Into<String>, V: Into<String>, const N: usize> From<[(K, V); N]> for Metadata {
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_without_pairs_equals_the_default() {
        let mut metadata = Metadata::from_iter(Vec::<(String, String)>::new());
        assert_eq!((metadata.len(), &metadata), (0, &Metadata::default()));
        assert_eq!(metadata.insert("b".into(), "2".into()), None);
        assert_eq!(metadata.insert("b".into(), "3".into()).as_deref(), Some("2"));
        metadata.insert("a".into(), "1".into());
        assert_eq!(metadata.get("b"), Some("3"));
        assert_eq!(serde_json::to_string(&metadata).unwrap(), r#"{"a":"1","b":"3"}"#);
    }
}
