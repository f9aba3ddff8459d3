//! The lock of a state, and the only way to change it: the next head.
//!
//! INVARIANT: each head is created on the condition that there is none of its version. So a holder
//! knows after each change that nobody has changed the state since its last one.

use std::{
    collections::BTreeSet,
    fmt, io,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{
    head::{Files, Head, failed, latest},
    remote::Remote,
};
use crate::{
    clock::Clock,
    error::{Error, ErrorKind},
    sink::RunId,
};

/// How often to create a head, if earlier ones of this holder turn out to have been written.
const ATTEMPTS: usize = 4;

/// How many superfluous objects to collect before they are removed.
///
/// A reader that has just opened the state needs some of them for a moment.
const GARBAGE: usize = 100;

/// The lock of a state, as long as no one else has it.
pub(super) struct Lease {
    remote: Remote,
    clock: Arc<dyn Clock>,
    /// How long the lock lasts after each head.
    length: Duration,
    holder: String,
    /// The version with which the lock was taken.
    lock: u64,
    /// The last version and head that this holder knows.
    version: u64,
    head: Head,
    /// Until when the lock lasts, by both clocks: one can jump, and the other can stand still.
    expires: (SystemTime, Duration),
    is_lost: bool,
    /// Heads and objects that nothing names any more.
    garbage: (Vec<u64>, Vec<String>),
}

impl Lease {
    /// Takes the lock.
    ///
    /// # Errors
    /// [`StateBusy`](ErrorKind::StateBusy) if somebody else has it.
    pub(super) fn take(
        remote: Remote,
        clock: Arc<dyn Clock>,
        length: Duration,
    ) -> Result<Self, Error> {
        let failed = |error| failed("lock the state in the object store", error);
        let (version, mut head) = latest(&remote).map_err(failed)?.unwrap_or_default();
        if let Some(left) = head.held_for(clock.time()).map_err(failed)? {
            let what = format!(
                "another run is using the state; wait until it ends, or for {} s if it has crashed",
                left.as_secs() + 1
            );
            return Err(Error::new(ErrorKind::StateBusy, what));
        }
        let (lock, files) = (version + 1, std::mem::take(&mut head.files));
        head.add_lock(lock);
        // Expired, so that the first head is checked against the listing.
        let expires = (SystemTime::UNIX_EPOCH, Duration::ZERO);
        let holder = RunId::random().to_string();
        let (is_lost, garbage) = (false, Default::default());
        let mut lease =
            Self { remote, clock, length, holder, lock, version, head, expires, is_lost, garbage };
        lease.publish(files).map_err(failed)?;
        lease.tidy();
        Ok(lease)
    }

    pub(super) fn remote(&self) -> &Remote {
        &self.remote
    }

    /// Returns the files of the last head.
    pub(super) fn files(&self) -> &Files {
        &self.head.files
    }

    /// Returns the name of a new data object.
    pub(super) fn object(&self, number: u64) -> String {
        format!("{:020}-{}-{number:08}", self.lock, self.holder)
    }

    /// Returns how often the lock must be renewed.
    pub(super) fn renew_every(&self) -> Duration {
        self.length / 3
    }

    /// Makes these the files of the state, and renews the lock.
    ///
    /// # Errors
    /// [`ResourceBusy`](io::ErrorKind::ResourceBusy) if somebody else has the lock.
    pub(super) fn publish(&mut self, files: Files) -> io::Result<()> {
        // Read before the request, so that a slow one does not make the lease longer than it is.
        let now = (self.clock.time(), self.clock.elapsed());
        let expires = (now.0 + self.length, now.1 + self.length);
        let head = self.head.next(&self.holder, Some(expires.0), files);
        self.create(head)?;
        self.expires = expires;
        Ok(())
    }

    /// Renews the lock.
    pub(super) fn renew(&mut self) -> io::Result<()> {
        self.publish(self.head.files.clone())
    }

    /// Renews the lock if it is time to.
    ///
    /// # Errors
    /// Fails only if the lock is lost. Any other failure leaves time for the next attempt, and if the
    /// lock expires, the next change fails.
    pub(super) fn renew_if_due(&mut self) -> io::Result<()> {
        let due = self.expires.1.saturating_sub(self.length) + self.renew_every();
        match self.clock.elapsed() >= due {
            true => self.renew().or_else(|error| match error.kind() {
                io::ErrorKind::ResourceBusy => Err(error),
                _ => Ok(()),
            }),
            false => Ok(()),
        }
    }

    /// Fails if the lock is known to be lost.
    pub(super) fn check(&self) -> io::Result<()> {
        if self.is_lost { Err(lost()) } else { Ok(()) }
    }

    /// Removes an object soon, which no head names any more.
    pub(super) fn discard(&mut self, objects: impl IntoIterator<Item = String>) {
        self.garbage.1.extend(objects);
    }

    /// Gives the lock back.
    pub(super) fn release(mut self) {
        let head = self.head.next(&self.holder, None, self.head.files.clone());
        // Otherwise it expires.
        if self.create(head).is_ok() {
            self.sweep();
        }
    }

    /// Creates the next head.
    fn create(&mut self, head: Head) -> io::Result<()> {
        let body = head.to_bytes()?;
        for _ in 0..ATTEMPTS {
            if self.is_lost {
                break;
            }
            let version = self.version + 1;
            let is_written = self.remote.create_head(version, body.clone())?
                // An attempt that failed on the way back, and was repeated by the client.
                || match self.remote.head(version)? {
                    Some(other) if other == body => true,
                    // The same, but of a change before this one, which ended with an error.
                    Some(other) if Head::parse(&other)?.holder == self.holder => {
                        self.version = version;
                        continue;
                    }
                    _ => false,
                };
            if is_written && self.is_latest(version)? {
                self.retire(version);
                self.head = head;
                return Ok(());
            }
            self.is_lost = true;
        }
        Err(lost())
    }

    /// Returns whether there is no later head than one that was just created.
    ///
    /// Only if the lock had expired, others may have had it, so often that the head that refuses this
    /// holder is gone. A later head cannot be gone: the latest one is never removed.
    fn is_latest(&self, version: u64) -> io::Result<bool> {
        let is_held = self.clock.time() < self.expires.0 && self.clock.elapsed() < self.expires.1;
        Ok(is_held || self.remote.heads()?.last() == Some(&version))
    }

    /// Notes that a head was replaced by this one.
    fn retire(&mut self, version: u64) {
        // The heads with which locks were taken stay.
        if !self.head.locks.contains(&self.version) && self.version > self.lock {
            self.garbage.0.push(self.version);
        }
        self.version = version;
        if self.garbage.0.len() + self.garbage.1.len() >= GARBAGE {
            self.sweep();
        }
    }

    /// Removes what was collected.
    fn sweep(&mut self) {
        let (heads, objects) = std::mem::take(&mut self.garbage);
        self.remote.remove(heads, objects);
    }

    /// Removes what earlier holders have left.
    ///
    /// Nothing of later holders, because this one may have lost the lock already. What cannot be listed
    /// is left to the next run.
    fn tidy(&self) {
        let named: BTreeSet<_> =
            self.head.files.values().flatten().map(|segment| &segment.object).collect();
        let mut heads = self.remote.heads().unwrap_or_default();
        heads.retain(|version| *version < self.lock && !self.head.locks.contains(version));
        let mut objects = self.remote.objects().unwrap_or_default();
        objects.retain(|object| {
            let lock = object.split('-').next().and_then(|lock| lock.parse::<u64>().ok());
            lock.is_some_and(|lock| lock < self.lock) && !named.contains(object)
        });
        self.remote.remove(heads, objects);
    }
}

fn lost() -> io::Error {
    io::Error::new(
        io::ErrorKind::ResourceBusy,
        "another run has taken over the state, because this one did not renew its lock in time; the other run goes on from the last commit",
    )
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("prefix", &self.remote)
            .field("lock", &self.lock)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
