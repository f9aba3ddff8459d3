//! Deserializes values of a blob from the JSON that this crate writes.
//!
//! A job reads rows of its own state. The values are parsed as strictly as they are written,
//! because a state folder may have been damaged.

use std::borrow::Cow;

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
        digest.map(Self::from).ok_or_else(|| D::Error::custom("not an MD5 in base64"))
    }
}
