//! A head: which files a state has at one version, and who holds its lock.
//!
//! JSON with the keys `format`, `holder`, `expires` (RFC 3339; absent if the lock is free), `locks` and
//! `files`.

use std::{
    collections::BTreeMap,
    io,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::remote::Remote;
use crate::error::{Error, ErrorKind};

/// The version of the layout in the object store. Others are refused.
const FORMAT: u32 = 1;

/// The shortest and the longest lease.
pub(super) const LEASES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3600));

/// How many of the last locks a head names, and how many of their heads are kept.
///
/// A holder that stalls is refused by the head with which its successor took the lock. If a
/// hundred others had the lock in the meantime, it finds later heads in the listing instead.
const MOST_LOCKS: usize = 100;

/// How often to read the latest head again, if its holder replaces it at the same time.
const ATTEMPTS: usize = 8;

/// The files of a state by name, and the segments of each in order.
pub(super) type Files = BTreeMap<String, Vec<Segment>>;

/// A part of a file: the first bytes of a data object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Segment {
    pub(super) object: String,
    pub(super) length: u64,
}

/// The state at one version.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Head {
    format: u32,
    /// The random name of who has written the head.
    pub(super) holder: String,
    /// Until when the lock is held, or `None` if it is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    /// The versions with which the last holders took the lock, in ascending order.
    pub(super) locks: Vec<u64>,
    pub(super) files: Files,
}

impl Head {
    /// Describes what comes after this head.
    pub(super) fn next(&self, holder: &str, expires: Option<SystemTime>, files: Files) -> Self {
        let expires = expires.map(|at| humantime::format_rfc3339_millis(at).to_string());
        Self {
            format: FORMAT,
            holder: holder.to_owned(),
            expires,
            locks: self.locks.clone(),
            files,
        }
    }

    /// Notes that the lock is taken with this version.
    pub(super) fn add_lock(&mut self, version: u64) {
        self.locks.push(version);
        let surplus = self.locks.len().saturating_sub(MOST_LOCKS);
        self.locks.drain(..surplus);
    }

    /// Returns for how long the lock is held from a time on, or `None` if it is free.
    pub(super) fn held_for(&self, now: SystemTime) -> io::Result<Option<Duration>> {
        let Some(expires) = &self.expires else { return Ok(None) };
        let expires = humantime::parse_rfc3339(expires)
            .map_err(|error| invalid(&format!("its time is wrong: {error}")))?;
        let left = expires.duration_since(now).unwrap_or_default();
        // No lease is longer, so the clock of the holder was wrong. Taking the lock is safe anyway.
        Ok(Some(left).filter(|left| !left.is_zero() && *left <= LEASES.1))
    }

    pub(super) fn to_bytes(&self) -> io::Result<Bytes> {
        Ok(serde_json::to_vec(self)?.into())
    }

    /// Reads a head.
    ///
    /// # Errors
    /// Fails if it is damaged, or of another format.
    pub(super) fn parse(bytes: &[u8]) -> io::Result<Self> {
        let head: Self =
            serde_json::from_slice(bytes).map_err(|error| invalid(&error.to_string()))?;
        match head.format {
            FORMAT => Ok(head),
            format => Err(invalid(&format!(
                "its format is {format}, and this version of the crate reads {FORMAT}"
            ))),
        }
    }
}

/// Reads the head with the highest version, or returns `None` if there is no state yet.
pub(super) fn latest(remote: &Remote) -> io::Result<Option<(u64, Head)>> {
    for _ in 0..ATTEMPTS {
        let Some(version) = remote.heads()?.pop() else { return Ok(None) };
        // The holder removes a head after it has written the next one.
        if let Some(bytes) = remote.head(version)? {
            return Head::parse(&bytes).map(|head| Some((version, head)));
        }
    }
    Err(io::Error::other("the state changes too often to be read; try again"))
}

/// Describes an error. Damage has a kind of its own.
pub(super) fn failed(doing: &str, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidData => {
            let what = format!("could not {doing}: {error}; restore it, or use another prefix");
            Error::new(ErrorKind::StateInvalid, what).with_source(error)
        }
        _ => Error::state(doing, error),
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("a head cannot be read: {what}"))
}
