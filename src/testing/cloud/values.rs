//! IDs and times in the formats of the real service, and the lock of shared state.
//!
//! Nothing here knows about requests or about the state of a cloud.

use std::{
    sync::{Mutex, MutexGuard},
    time::{Duration, SystemTime},
};

/// The name of the header with the ID of a response.
pub(super) const REQUEST_ID: &str = "x-ms-request-id";

/// The last second of the year 9999, the last time that HTTP dates and RFC 3339 can express.
pub(super) const LAST_SECOND: u64 = 253_402_300_799;

/// Locks a mutex, even if a thread panicked while holding it.
///
/// INVARIANT: no critical section of this folder can panic after it has begun to change a value, so
/// the value behind a poisoned lock is consistent.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Returns the time for a number of seconds since 1970, at most the end of the year 9999.
pub(super) fn time_of(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.min(LAST_SECOND))
}

/// Returns the seconds since 1970, which is how tokens express times.
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Formats a time in RFC 3339 to 100 ns, as error bodies and version IDs have it.
pub(super) fn ticks(time: SystemTime) -> String {
    let time = humantime::format_rfc3339_nanos(time).to_string();
    // 27 characters end after seven digits of the fraction, which are ticks of 100 ns.
    time.get(..27).map_or(time.clone(), |time| format!("{time}Z"))
}

/// Returns a random ID for a response of the blob service, in the form that real ones have.
pub(super) fn request_id() -> String {
    // The third group begins with `00` and the last one ends with zeros, as in real IDs.
    let (a, b, c, d, e) = (
        fastrand::u32(..),
        fastrand::u16(..4096),
        fastrand::u8(..),
        fastrand::u16(..),
        fastrand::u32(..1 << 24),
    );
    format!("{a:08x}-{b:03x}e-00{c:02x}-{d:04x}-{e:06x}000000")
}

/// Returns a random ID in the form of a GUID, without a version.
pub(super) fn guid() -> String {
    let mut id = random();
    // From the end, so that the earlier positions stay right.
    for at in [20, 16, 12, 8] {
        id.insert(at, '-');
    }
    id
}

/// Returns 128 random bits as 32 hexadecimal digits.
pub(super) fn random() -> String {
    format!("{:032x}", fastrand::u128(..))
}
