//! All state stores of this crate pass the public conformance suite, and stores that break a rule do not.

#[path = "../../examples/custom_state/sqlite.rs"]
mod sqlite;

use std::{
    collections::HashMap,
    fs, io,
    sync::{Arc, Mutex},
    time::Duration,
};

use azure_asset_sync::{
    Error,
    sync::{StateFiles, StateFolder, StateStore},
    testing::{
        ManualClock, TestDisk,
        conformance::{Case, check_state},
    },
};
use sqlite::SqliteState;

pub fn assert_all(cases: &[Case]) {
    assert_eq!(cases.len(), 21);
    let broken: Vec<_> = cases.iter().filter(|case| case.outcome.is_err()).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Disks by number, each of which is created when it is first named.
#[derive(Default)]
struct Disks(Mutex<HashMap<u32, TestDisk>>);

impl Disks {
    fn get(&self, number: u32) -> TestDisk {
        self.0.lock().unwrap().entry(number).or_insert_with(|| TestDisk::new(10)).clone()
    }
}

// Other systems do not let the lock file be removed while it is locked.
#[cfg(unix)]
#[test]
fn the_folder_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let path = |number: u32| folder.path().join(number.to_string());
    assert_all(&check_state(
        |number| StateFolder::new(path(number)),
        |number| fs::remove_file(path(number).join("lock")).unwrap(),
    ));
}

#[test]
fn the_disk_that_loses_power_conforms() {
    let disks = Disks::default();
    assert_all(&check_state(|number| disks.get(number), |number| disks.get(number).break_lock()));
}

#[test]
fn the_example_in_sqlite_conforms() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::new());
    let lease = Duration::from_secs(60);
    let open = |number: u32| SqliteState {
        database: folder.path().join("states.sqlite"),
        state: number.to_string(),
        lease,
        clock: Arc::new(clock.clone()),
    };
    assert_all(&check_state(open, |_| clock.advance(lease)));
}

/// A rule that a store breaks.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// Anybody gets the lock.
    NoLock,
    /// A holder is not told that it has lost the lock.
    NoFence,
    /// A read returns what there is.
    ShortRead,
    /// A rename copies the file.
    Copy,
    /// What was appended is dropped if it is read before it is synced.
    LateRead,
    /// Files that are open to read are those of the holder.
    NoSnapshot,
    /// A missing file is an empty file.
    NoMissing,
    /// The lock is kept when it is given back.
    NoRelease,
}

#[derive(Clone, Debug)]
struct Broken {
    fault: Fault,
    disk: TestDisk,
}

/// Files with a fault. Without a lock they lock the disk for each call.
#[derive(Debug)]
struct Files {
    store: Broken,
    files: Option<Box<dyn StateFiles>>,
    buffer: Vec<u8>,
}

impl StateStore for Broken {
    fn lock(&self) -> Result<Box<dyn StateFiles>, Error> {
        let is_each = matches!(self.fault, Fault::NoLock | Fault::NoFence);
        // Fails if somebody has the lock and the fault is another one.
        let files = self.disk.lock();
        let files = match is_each && self.fault == Fault::NoLock {
            true => files.ok(),
            false => Some(files?),
        };
        Ok(Box::new(Files { store: self.clone(), files, buffer: Vec::new() }))
    }

    fn open_to_read(&self) -> Result<Box<dyn StateFiles>, Error> {
        let files = match self.fault {
            Fault::NoSnapshot => None,
            _ => Some(self.disk.open_to_read()?),
        };
        Ok(Box::new(Files { store: self.clone(), files, buffer: Vec::new() }))
    }
}

impl Files {
    fn with<T>(
        &mut self,
        mut call: impl FnMut(&mut dyn StateFiles) -> io::Result<T>,
    ) -> io::Result<T> {
        let result = match &mut self.files {
            Some(files) => call(&mut **files),
            None => Err(io::ErrorKind::ResourceBusy.into()),
        };
        let is_broken =
            matches!(self.store.fault, Fault::NoLock | Fault::NoFence | Fault::NoSnapshot);
        match result {
            // Takes the lock away from its holder for one call.
            Err(error) if is_broken && error.kind() == io::ErrorKind::ResourceBusy => {
                self.store.disk.break_lock();
                call(&mut *self.store.disk.lock().map_err(io::Error::other)?)
            }
            result => result,
        }
    }
}

impl StateFiles for Files {
    fn size(&mut self, name: &str) -> io::Result<Option<u64>> {
        let size = self.with(|files| files.size(name))?;
        Ok(size.or((self.store.fault == Fault::NoMissing).then_some(0)))
    }

    fn read(&mut self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let fault = self.store.fault;
        self.with(|files| match (fault, files.size(name)?) {
            (Fault::ShortRead, Some(size)) => {
                let length = usize::try_from(size.saturating_sub(offset)).unwrap().min(length);
                files.read(name, offset.min(size), length)
            }
            _ => files.read(name, offset, length),
        })
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        if self.store.fault == Fault::LateRead {
            self.buffer.extend(bytes);
            return Ok(());
        }
        self.with(|files| files.append(name, bytes))
    }

    fn truncate(&mut self, name: &str, size: u64) -> io::Result<()> {
        self.with(|files| files.truncate(name, size))
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        let late = std::mem::take(&mut self.buffer);
        self.with(|files| {
            if !late.is_empty() {
                files.append(name, &late)?;
            }
            files.sync(name)
        })
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let is_copy = self.store.fault == Fault::Copy;
        self.with(|files| {
            let size = files.size(from)?.unwrap_or_default();
            let bytes = files.read(from, 0, usize::try_from(size).unwrap())?;
            files.rename(from, to)?;
            if is_copy { files.append(from, &bytes) } else { Ok(()) }
        })
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.with(|files| files.remove(name))
    }

    fn release(self: Box<Self>) {
        if self.store.fault == Fault::NoRelease {
            std::mem::forget(self);
        }
    }
}

#[test]
fn the_suite_finds_the_rule_that_a_store_breaks() {
    let faults = [
        (Fault::NoLock, "a_state_has_one_holder"),
        (Fault::NoFence, "a_former_holder_changes_nothing"),
        (Fault::ShortRead, "a_read_after_the_end_is_an_unexpected_eof"),
        (Fault::Copy, "a_rename_replaces_the_other_file"),
        (Fault::LateRead, "appended_bytes_are_read_back_in_any_range"),
        (Fault::NoSnapshot, "a_reader_changes_nothing"),
        (Fault::NoMissing, "a_new_state_has_no_files"),
        (Fault::NoRelease, "a_released_lock_is_free_at_once"),
    ];
    for (fault, rule) in faults {
        let disks = Arc::new(Disks::default());
        let cases = check_state(
            |number| Broken { fault, disk: disks.get(number) },
            |number| disks.get(number).break_lock(),
        );
        let broken: Vec<_> =
            cases.iter().filter(|case| case.outcome.is_err()).map(|case| case.name).collect();
        assert!(broken.contains(&rule), "{fault:?} breaks only {broken:?}");
    }
}
