//! What was written as JSON is read again.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, de::Error as _};

use super::{Kind, Reason};

macro_rules! code {
    ($($name:ident of $all:expr;)+) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let code = Cow::<str>::deserialize(deserializer)?;
                let known = $all.iter().find(|known| known.as_str() == code);
                known.copied().ok_or_else(|| {
                    let shown = code.chars().take(40).collect::<String>();
                    D::Error::custom(format!("`{}` is not known", shown.escape_debug()))
                })
            }
        }
    )+};
}

code! {
    Kind of [Kind::Image, Kind::Video];
    Reason of Reason::ALL;
}
