//! Times and durations in JSON: RFC 3339 in UTC, and ISO 8601 such as `PT1M30S`.
//!
//! All public types use these two forms. Values that an earlier version wrote as numbers are read too.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serializer, de::Error as _, ser::Error as _};

/// Returns the time as text with all its digits; `None` outside the years 0 to 9999.
pub(crate) fn rfc3339(time: SystemTime) -> Option<impl fmt::Display> {
    /// The first seconds of the years 0 and 10000. jiff has more years, but RFC 3339 has four digits.
    const YEARS: std::ops::Range<i64> = -62_167_219_200..253_402_300_800;
    let time = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => Timestamp::from_duration(SignedDuration::try_from(since).ok()?).ok()?,
        Err(before) => {
            let before = SignedDuration::try_from(before.duration()).ok()?;
            Timestamp::from_duration(before.checked_neg()?).ok()?
        }
    };
    YEARS.contains(&time.as_second()).then_some(time)
}

/// Returns a duration as text. Durations of more than 2^63 seconds are written as that.
pub(crate) fn iso8601(duration: Duration) -> impl fmt::Display {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

/// The accepted forms of a time: a text, or whole seconds since 1970, which version 0.1 wrote for a health.
#[derive(Deserialize)]
#[serde(untagged)]
enum StoredTime {
    Text(String),
    Seconds(u64),
}

impl StoredTime {
    fn time<E: serde::de::Error>(self) -> Result<SystemTime, E> {
        match self {
            Self::Text(text) => {
                let time = text.parse::<Timestamp>();
                let wrong = || E::custom("expected a time such as `2026-11-24T08:49:37Z`");
                let since = time.map_err(|_| wrong())?.as_duration();
                let time = match since.is_negative() {
                    false => SystemTime::UNIX_EPOCH.checked_add(since.unsigned_abs()),
                    true => SystemTime::UNIX_EPOCH.checked_sub(since.unsigned_abs()),
                };
                time.ok_or_else(wrong)
            }
            Self::Seconds(seconds) => SystemTime::UNIX_EPOCH
                .checked_add(Duration::from_secs(seconds))
                .ok_or_else(|| E::custom("the time is later than this platform can represent")),
        }
    }
}

/// A time in RFC 3339. Use with `#[serde(with = "…")]`.
pub(crate) mod time {
    use super::*;

    /// Writes the time, and fails if RFC 3339 cannot express it.
    pub(crate) fn serialize<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
        match rfc3339(*time) {
            Some(text) => to.collect_str(&text),
            None => Err(S::Error::custom("a time must be in the years 0 to 9999")),
        }
    }

    /// Reads a time.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        StoredTime::deserialize(from)?.time()
    }
}

/// A time in RFC 3339, if there is one. A time that RFC 3339 cannot express is written as `null`.
pub(crate) mod optional_time {
    use super::*;

    /// Writes the time or `null`.
    pub(crate) fn serialize<S: Serializer>(
        time: &Option<SystemTime>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match time.and_then(rfc3339) {
            Some(text) => to.collect_str(&text),
            None => to.serialize_none(),
        }
    }

    /// Reads a time, or `None` from `null`.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<SystemTime>, D::Error> {
        Option::<StoredTime>::deserialize(from)?.map(StoredTime::time).transpose()
    }
}

/// A duration as it is read: a text, whole milliseconds, or seconds and nanoseconds. The last two are what
/// earlier versions wrote.
#[derive(Deserialize)]
#[serde(untagged)]
enum StoredDuration {
    Text(String),
    Millis(u64),
    Parts { secs: u64, nanos: u32 },
}

/// A duration in ISO 8601. Use with `#[serde(with = "…")]`.
pub(crate) mod duration {
    use super::*;

    /// Writes the duration, for example `PT1.5S`.
    pub(crate) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&iso8601(*duration))
    }

    /// Reads a duration, and fails if it is negative.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let wrong = || D::Error::custom("expected a duration such as `PT1.5S`");
        match StoredDuration::deserialize(from)? {
            StoredDuration::Text(text) => {
                let duration: SignedDuration = text.parse().map_err(|_| wrong())?;
                Duration::try_from(duration).map_err(|_| wrong())
            }
            StoredDuration::Millis(millis) => Ok(Duration::from_millis(millis)),
            // `Duration::new` panics if the nanoseconds carry over the greatest number of seconds.
            StoredDuration::Parts { secs, nanos } => Duration::from_secs(secs)
                .checked_add(Duration::from_nanos(nanos.into()))
                .ok_or_else(wrong),
        }
    }
}

/// The JSON Schemas of times and durations. Use with `#[schemars(with = "…")]`.
#[cfg(feature = "schema")]
pub(crate) mod schema {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    /// A time in RFC 3339.
    pub(crate) struct Time;

    impl JsonSchema for Time {
        fn inline_schema() -> bool {
            true
        }

        fn schema_name() -> Cow<'static, str> {
            "Time".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({ "type": "string", "format": "date-time" })
        }
    }

    /// A duration in ISO 8601.
    pub(crate) struct Iso8601;

    impl JsonSchema for Iso8601 {
        fn inline_schema() -> bool {
            true
        }

        fn schema_name() -> Cow<'static, str> {
            "Duration".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({ "type": "string", "format": "duration" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, Deserialize)]
    struct Both {
        #[serde(with = "time")]
        at: SystemTime,
        #[serde(with = "duration")]
        took: Duration,
    }

    #[test]
    fn times_and_durations_survive_a_trip_through_json() {
        let mut rng = fastrand::Rng::with_seed(18);
        for n in 0..2_000_u64 {
            let most = 1 << (n % 38);
            let at = SystemTime::UNIX_EPOCH
                + Duration::new(rng.u64(..most.min(253_402_300_000)), rng.u32(..1_000_000_000));
            let both = Both {
                at,
                took: Duration::new(rng.u64(..1 << (n % 63)), rng.u32(..1_000_000_000)),
            };
            let json = serde_json::to_string(&both).unwrap();
            assert_eq!(serde_json::from_str::<Both>(&json).unwrap(), both, "{json}");
        }
    }

    #[test]
    fn what_earlier_versions_wrote_is_read_and_nonsense_is_refused() {
        for (json, took) in [
            (r#""PT1M30.5S""#, Some(90_500)),
            (r#""PT0S""#, Some(0)),
            ("1500", Some(1_500)),
            (r#"{"secs":1,"nanos":500000000}"#, Some(1_500)),
            (r#""-PT1S""#, None),
            (r#""soon""#, None),
            ("-1", None),
            (r#"{"secs":18446744073709551615,"nanos":4000000000}"#, None),
        ] {
            let read: Result<Both, _> =
                serde_json::from_str(&format!(r#"{{"at":5,"took":{json}}}"#));
            assert_eq!(read.ok().map(|both| both.took), took.map(Duration::from_millis), "{json}");
        }
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_510_177);
        for json in ["1795510177", r#""2026-11-24T08:49:37Z""#, r#""2026-11-24T09:49:37+01:00""#] {
            let read: Both = serde_json::from_str(&format!(r#"{{"at":{json},"took":0}}"#)).unwrap();
            assert_eq!(read.at, at, "{json}");
        }
        assert!(serde_json::from_str::<Both>(r#"{"at":18446744073709551615,"took":0}"#).is_err());
    }
}
