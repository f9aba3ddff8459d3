//! A state folder on the file system: its lock, its files, and who may use them.
//!
//! [`permissions`] has what differs between operating systems.

mod permissions;

use std::{
    collections::HashMap,
    fmt,
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use super::disk::Disk;
use crate::error::{Error, ErrorKind};

/// The file that a run locks while it uses the folder.
const LOCK: &str = "lock";

/// How often to lock again if somebody removes the lock file at the same time.
const ATTEMPTS: usize = 8;

/// A folder of the file system, used by one run at a time.
///
/// # Access
/// On Unix, a folder that a run creates has mode 0700, and the files in it have mode 0600. An existing
/// folder must belong to the run's user or to root. Its group may write to it only if the run is in
/// that group, and other users may not write to it. Files are opened without following symbolic links.
/// Anything that is not a regular file is refused, as are files of other users and, for writing, files
/// with a second name. So other users of the machine can neither read nor change a state, nor hold its
/// lock, nor make a run write to one of their files.
///
/// Other members of a group that may write to the folder can remove a state, so that the next run
/// starts from nothing or fails. They can neither read nor forge a state. A folder of mode 0700 keeps
/// them out.
///
/// The lock keeps two runs of the same user apart. A run whose lock file was removed or replaced stops
/// before it changes anything more.
///
/// There is no protection against the user itself, against root, or against users who may write to a
/// parent folder and replace the state folder. Checksums find accidental changes only: a forged state
/// can make the next run report wrong changes, but it cannot make the run exceed the memory limits or
/// panic.
///
/// Windows has no such modes. The folder inherits the access of its parent, so choose a private one.
pub(crate) struct StateFolder {
    path: PathBuf,
    /// Kept open, because opening a file for each block would check it each time.
    open: HashMap<String, Open>,
    /// Whether a file was created since the folder was last synced.
    is_new: bool,
    /// Released when the folder is dropped. `None` if the folder is open to read only.
    lock: Option<File>,
}

/// A file that is open, and whether it is open to append.
struct Open {
    file: File,
    is_writable: bool,
}

impl StateFolder {
    /// Opens and locks a folder, which is created if it does not exist.
    ///
    /// # Errors
    /// [`StateBusy`](ErrorKind::StateBusy) if another run has locked it,
    /// [`State`](ErrorKind::State) if it cannot be used or if other users may write to it.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let doing = format!("open the state folder `{}`", path.display());
        let failed = |error| Error::state(&doing, error);
        permissions::create(path).map_err(failed)?;
        permissions::check_folder(path).map_err(failed)?;
        for _ in 0..ATTEMPTS {
            // The lock file is never truncated or removed: another run may hold it.
            let mut options = permissions::options(true);
            let lock = permissions::open(options.create(true).truncate(false), &path.join(LOCK));
            let lock = lock.map_err(failed)?;
            permissions::check_file(&lock, true).map_err(failed)?;
            match fs4::FileExt::try_lock(&lock) {
                Ok(()) => {}
                // Does not wait: two runs on one state are usually a mistake of the caller.
                Err(fs4::TryLockError::WouldBlock) => {
                    return Err(Error::new(
                        ErrorKind::StateBusy,
                        format!(
                            "another run is using the state folder `{}`; wait until it ends, or use another folder",
                            path.display()
                        ),
                    ));
                }
                Err(fs4::TryLockError::Error(error)) => return Err(failed(error)),
            }
            // The lock protects only the file at this path: somebody may have removed the file that
            // was just locked, and another run may have created and locked a new one.
            if permissions::is_at(&lock, &path.join(LOCK)) {
                let (path, open) = (path.to_owned(), HashMap::new());
                return Ok(Self { path, open, is_new: true, lock: Some(lock) });
            }
        }
        Err(failed(io::Error::other(
            "its file `lock` is removed repeatedly; stop whatever removes it",
        )))
    }

    /// Opens a folder to read from, without a lock.
    pub(super) fn open_to_read(path: &Path) -> Self {
        Self { path: path.to_owned(), open: HashMap::new(), is_new: false, lock: None }
    }

    /// Fails if the run no longer has its lock, so that two runs never write to one folder.
    ///
    /// Called before every change. A change that is already under way cannot be stopped.
    fn check_lock(&self) -> io::Result<()> {
        match &self.lock {
            Some(lock) if permissions::is_at(lock, &self.path.join(LOCK)) => Ok(()),
            _ => Err(io::Error::other(
                "the file `lock` of the state folder was removed or replaced, so another run may be using the folder; make sure that no other run does, then run again",
            )),
        }
    }

    /// Returns a file to read from.
    fn file(&mut self, name: &str) -> io::Result<&mut File> {
        if !self.open.contains_key(name) {
            let file = permissions::open(&permissions::options(false), &self.path.join(name))?;
            permissions::check_file(&file, false)?;
            match self.lock {
                // A run trusts only its own files. A reader may be another user than the run.
                Some(_) => permissions::check_owner(&file.metadata()?)?,
                None => permissions::check_owner_to_read(&file.metadata()?, &self.path)?,
            }
            self.open.insert(name.to_owned(), Open { file, is_writable: false });
        }
        let open = self.open.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(&mut open.file)
    }

    /// Returns a file to read from and append to, which is created if it does not exist.
    fn file_to_append(&mut self, name: &str) -> io::Result<&mut File> {
        self.check_lock()?;
        if self.open.get(name).is_none_or(|open| !open.is_writable) {
            let path = self.path.join(name);
            let mut options = permissions::options(false);
            let options = options.append(true);
            let file = match permissions::open(options, &path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    // Synced with the folder, before a record can name it.
                    self.is_new = true;
                    permissions::open(options.create_new(true), &path)?
                }
                other => other?,
            };
            permissions::check_file(&file, true)?;
            self.open.insert(name.to_owned(), Open { file, is_writable: true });
        }
        let open = self.open.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(&mut open.file)
    }
}

impl Disk for StateFolder {
    fn size(&mut self, name: &str) -> io::Result<Option<u64>> {
        match self.file(name) {
            Ok(file) => Ok(Some(file.metadata()?.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read(&mut self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let file = self.file(name)?;
        // Checked before the buffer is allocated: the length may be forged.
        let end = offset.checked_add(length as u64);
        if end.is_none_or(|end| file.metadata().is_ok_and(|metadata| metadata.len() < end)) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = vec![0; length];
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.file_to_append(name)?.write_all(bytes)
    }

    fn truncate(&mut self, name: &str, size: u64) -> io::Result<()> {
        self.check_lock()?;
        // Opened again, because some systems do not truncate a file that is open to append.
        let file = permissions::open(&permissions::options(true), &self.path.join(name))?;
        permissions::check_file(&file, true)?;
        file.set_len(size)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        // `file_to_append` would create it.
        if self.size(name)?.is_none() {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.file_to_append(name)?.sync_data()?;
        // On Unix a new file can disappear in a crash until its folder is synced.
        if std::mem::take(&mut self.is_new) {
            permissions::sync_folder(&self.path)?;
        }
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.check_lock()?;
        // Closed first, because Windows does not rename or replace an open file.
        self.open.remove(from);
        self.open.remove(to);
        fs::rename(self.path.join(from), self.path.join(to))?;
        permissions::sync_folder(&self.path)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.check_lock()?;
        self.open.remove(name);
        match fs::remove_file(self.path.join(name)) {
            Ok(()) => permissions::sync_folder(&self.path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl fmt::Debug for StateFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StateFolder").field(&self.path).finish()
    }
}
