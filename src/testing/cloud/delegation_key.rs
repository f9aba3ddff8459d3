//! The user delegation keys that a cloud has issued.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The keys that were issued and not revoked.
///
/// A signature names its key by start, expiry and version (`skt`, `ske`, `skv`). Two keys can share
/// all three, so each name maps to a list.
#[derive(Default)]
pub(super) struct DelegationKeys(BTreeMap<[String; 3], Vec<[u8; 32]>>);

impl DelegationKeys {
    /// Issues a new random key.
    pub(super) fn issue(&mut self, start: &str, expiry: &str, version: &str) -> [u8; 32] {
        // 32 bytes, the size of an HMAC-SHA256 key in Azure.
        let key = std::array::from_fn(|_| fastrand::u8(..));
        self.0.entry([start, expiry, version].map(str::to_owned)).or_default().push(key);
        key
    }

    /// Returns the keys with this start, expiry and version, or `None` if there is none.
    pub(super) fn named(&self, name: &[String; 3]) -> Option<Vec<[u8; 32]>> {
        self.0.get(name).cloned()
    }

    /// Returns all keys in Base64.
    pub(super) fn all(&self) -> Vec<String> {
        self.0.values().flatten().map(|key| STANDARD.encode(key)).collect()
    }

    /// Revokes all keys.
    pub(super) fn revoke(&mut self) {
        self.0.clear();
    }
}
