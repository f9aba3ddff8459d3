//! Names in a page: percent-decoding, the length limit, and common prefixes.
//!
//! Both readers use these functions, so that a name is read, or refused, in the same way by each of
//! them.

use super::{
    limits::is_long_name,
    problem::{NAME_NOT_UTF8, NAME_TOO_LONG, NO_NAME},
};
use crate::store::Malformed;

/// A name, or the reason why the entry has no usable one.
pub(super) type Name = Result<String, &'static str>;

/// Returns the name, or an error if it is longer than Azure allows.
pub(super) fn checked(text: String) -> Name {
    if is_long_name(&text) { Err(NAME_TOO_LONG) } else { Ok(text) }
}

/// Decodes a text of an element with `Encoded="true"`.
///
/// Azure percent-encodes names that XML cannot hold, such as those with control characters.
pub(super) fn percent_decode(text: &str) -> Name {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| NAME_NOT_UTF8)
}

/// Returns the name of a common prefix, or the malformed entry that stands for one without a usable
/// name.
pub(super) fn common_prefix(name: Option<Name>) -> Result<String, Malformed> {
    name.unwrap_or(Err(NO_NAME))
        .map_err(|why| Malformed::new(None, format!("common prefix: {why}")))
}
