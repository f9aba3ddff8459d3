//! Times as text: RFC 3339 in UTC, to the second, as tables and the files of a state have them.

use std::{fmt, time::SystemTime};

#[cfg(feature = "sync")]
use serde::{Deserialize as _, Serializer};

/// The first second of the year 10000, in seconds since 1970.
const YEAR_10000: u64 = 253_402_300_800;

/// Serializes a time; a time that has no text becomes a null.
#[cfg(feature = "sync")]
pub(crate) fn serialize_rfc3339<S: Serializer>(
    time: &Option<SystemTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time.and_then(rfc3339_text) {
        Some(text) => serializer.collect_str(&text),
        None => serializer.serialize_none(),
    }
}

/// Returns the time as text; `None` before 1970 and after 9999.
pub(crate) fn rfc3339_text(time: SystemTime) -> Option<impl fmt::Display> {
    // humantime panics before 1970 and fails after 9999. No service has such times, but a store of
    // someone else could return one.
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    (seconds < YEAR_10000).then(|| humantime::format_rfc3339_seconds(time))
}

/// Deserializes a time that [`serialize_rfc3339`] has written.
#[cfg(feature = "sync")]
pub(crate) fn deserialize_rfc3339<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SystemTime>, D::Error> {
    let text = Option::<std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
    let Some(text) = text else { return Ok(None) };
    humantime::parse_rfc3339(&text).map(Some).map_err(serde::de::Error::custom)
}
