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

use super::state_store::{StateFiles, StateStore};
use crate::error::{Error, ErrorKind};

/// The file that a run locks while it uses the folder.
const LOCK: &str = "lock";

/// How often to lock again if somebody removes the lock file at the same time.
const ATTEMPTS: usize = 8;

/// A state in a folder of the file system, used by one run at a time.
///
/// This is the state of [`Job::new`](super::Job::new). The folder is created when a run locks it.
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
/// The lock keeps two runs of the same user apart. It ends with the process, so it is not a lease. A
/// run whose lock file was removed or replaced stops before it changes anything more. The lock is as
/// good as that of the file system: do not use one that does not lock between machines, such as some
/// network shares, from several of them.
///
/// There is no protection against the user itself, against root, or against users who may write to a
/// parent folder and replace the state folder. Checksums find accidental changes only: a forged state
/// can make the next run report wrong changes, but it cannot make the run exceed the memory limits or
/// panic.
///
/// Windows has no such modes. The folder inherits the access of its parent, so choose a private one.
///
/// ```
/// use azure_asset_sync::{ErrorKind, sync::{StateFolder, StateStore as _}};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path();
/// let state = StateFolder::new(path);
/// let files = state.lock()?;
/// assert_eq!(state.lock().unwrap_err().kind(), ErrorKind::StateBusy);
/// files.release();
/// state.lock()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StateFolder {
    path: PathBuf,
}

impl StateFolder {
    /// Names a folder, without reading or creating it.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().to_owned() }
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens and locks the lock file, or returns `None` if somebody removes it at the same time.
    fn try_lock(&self) -> Result<Option<File>, Error> {
        let failed = |error| self.failed(error);
        // The lock file is never truncated or removed: another run may hold it.
        let mut options = permissions::options(true);
        let path = self.path.join(LOCK);
        let lock =
            permissions::open(options.create(true).truncate(false), &path).map_err(failed)?;
        permissions::check_file(&lock, true).map_err(failed)?;
        match fs4::FileExt::try_lock(&lock) {
            // The lock protects only the file at this path: somebody may have removed the file that
            // was just locked, and another run may have created and locked a new one.
            Ok(()) => Ok(Some(lock).filter(|lock| permissions::is_at(lock, &path))),
            // Does not wait: two runs on one state are usually a mistake of the caller.
            Err(fs4::TryLockError::WouldBlock) => Err(Error::new(
                ErrorKind::StateBusy,
                format!(
                    "another run is using the state folder `{}`; wait until it ends, or use another folder",
                    self.path.display()
                ),
            )),
            Err(fs4::TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::state(&format!("open the state folder `{}`", self.path.display()), error)
    }
}

impl StateStore for StateFolder {
    /// Locks the folder, which is created if it does not exist.
    ///
    /// # Errors
    /// [`StateBusy`](ErrorKind::StateBusy) if another run has locked it,
    /// [`State`](ErrorKind::State) if it cannot be used or if other users may write to it.
    fn lock(&self) -> Result<Box<dyn StateFiles>, Error> {
        permissions::create(&self.path).map_err(|error| self.failed(error))?;
        permissions::check_folder(&self.path).map_err(|error| self.failed(error))?;
        for _ in 0..ATTEMPTS {
            if let Some(lock) = self.try_lock()? {
                let (path, open) = (self.path.clone(), HashMap::new());
                return Ok(Box::new(FolderFiles { path, open, is_new: true, lock: Some(lock) }));
            }
        }
        Err(self.failed(io::Error::other(
            "its file `lock` is removed repeatedly; stop whatever removes it",
        )))
    }

    fn open_to_read(&self) -> Result<Box<dyn StateFiles>, Error> {
        let (path, open) = (self.path.clone(), HashMap::new());
        Ok(Box::new(FolderFiles { path, open, is_new: false, lock: None }))
    }
}

/// The files of a folder.
struct FolderFiles {
    path: PathBuf,
    /// Kept open, because opening a file for each block would check it each time.
    open: HashMap<String, Open>,
    /// Whether a file was created since the folder was last synced.
    is_new: bool,
    /// Released when the files are dropped. `None` if the folder is open to read only.
    lock: Option<File>,
}

/// A file that is open, and whether it is open to append.
struct Open {
    file: File,
    is_writable: bool,
}

impl FolderFiles {
    /// Fails if the run no longer has its lock, so that two runs never write to one folder.
    ///
    /// Called before every change. A change that is already under way cannot be stopped.
    fn check_lock(&self) -> io::Result<()> {
        match &self.lock {
            Some(lock) if permissions::is_at(lock, &self.path.join(LOCK)) => Ok(()),
            Some(_) => Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "the file `lock` of the state folder was removed or replaced, so another run may be using the folder; make sure that no other run does, then run again",
            )),
            None => Err(io::Error::other("the state folder is open to read only")),
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

impl StateFiles for FolderFiles {
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

impl fmt::Debug for FolderFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FolderFiles").field("path", &self.path).finish_non_exhaustive()
    }
}
