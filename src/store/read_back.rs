//! What was written as JSON is read again.

use std::borrow::Cow;
#[cfg(feature = "sync")]
use std::time::SystemTime;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, de::Error as _};

use super::{AccessTier, ContentMd5, ContentType, ETag};

macro_rules! text {
    ($($name:ident)+) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<str>::deserialize(deserializer)?;
                Ok(Self::from(&*text))
            }
        }
    )+};
}

text!(ETag ContentType AccessTier);

impl<'de> Deserialize<'de> for ContentMd5 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let digest =
            STANDARD.decode(&*text).ok().and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
        digest.map(Self::from).ok_or_else(|| D::Error::custom("no MD5 in base64"))
    }
}

/// A time in RFC 3339, of whole seconds
#[cfg(feature = "sync")]
pub(crate) fn rfc3339<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SystemTime>, D::Error> {
    let Some(text) = Option::<Cow<'_, str>>::deserialize(deserializer)? else { return Ok(None) };
    humantime::parse_rfc3339(&text).map(Some).map_err(D::Error::custom)
}
