//! What was written as JSON is read again.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, de::Error as _};

use super::Reason;

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = Cow::<str>::deserialize(deserializer)?;
        let known = Self::ALL.iter().find(|known| known.as_str() == code);
        known.copied().ok_or_else(|| {
            let shown = code.chars().take(40).collect::<String>();
            D::Error::custom(format!("`{}` is no reason that is known", shown.escape_debug()))
        })
    }
}
