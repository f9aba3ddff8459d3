//! How the probe rounds and shows times.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Rounds down to whole milliseconds, so that a stored value equals the value that was measured.
pub(super) fn whole_millis(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// Rounds down to whole seconds, so that a stored value equals the value that was measured.
pub(super) fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

/// Formats a duration as minutes and seconds, for example `5 min 3 s`.
pub(super) fn in_minutes(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}
