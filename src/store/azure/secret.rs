//! A text that must not reach a log: credentials, signatures and signed links.
//!
//! A type and not a convention, so that a new field or error cannot print a secret by accident.
//! Only the files of this folder can read the text. It is not wiped from memory when it is dropped.

use std::fmt;

/// A text that is neither printed nor serialized.
///
/// `Debug` prints the word `Secret` and nothing of the text. There is no `Display`, no `Serialize`
/// and no accessor, so a secret cannot reach a log or a JSON document by accident.
///
/// The text stays in the process's memory for as long as a credential or a store holds it, and its
/// memory is not overwritten afterwards.
///
/// ```
/// use azure_asset_sync::store::azure::Secret;
///
/// let secret = Secret::from("example-client-secret");
/// assert_eq!(format!("{secret:?}"), "Secret");
/// ```
#[derive(Clone, Default)]
pub struct Secret(String);

impl Secret {
    /// Returns the text, for the one place that sends or signs with it.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
