//! The files of a state: what must outlive a crash, and what nobody else may touch.
//!
//! [`private`] knows what an operating system can do to keep them so.

mod private;

use std::{
    collections::HashMap,
    fmt,
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use crate::error::{Error, ErrorKind};

/// The files of a state, by flat names
///
/// All that must outlive a crash goes through here, so that a test can be the crash. What was
/// appended is durable once it was synced; what was renamed, at once.
pub(crate) trait Disk: Send + Sync + fmt::Debug {
    /// The size in bytes, or `None` where there is no such file
    fn size(&mut self, name: &str) -> io::Result<Option<u64>>;

    /// So many bytes from an offset, all of them
    fn read(&mut self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>>;

    /// Adds to the end of a file, which is made where it is not there
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Cuts a file off
    fn truncate(&mut self, name: &str, size: u64) -> io::Result<()>;

    /// Makes durable what was appended, and that the file is there
    fn sync(&mut self, name: &str) -> io::Result<()>;

    /// Puts a file that was synced in the place of another
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file, where it is there, for good
    fn remove(&mut self, name: &str) -> io::Result<()>;
}

/// The file that a run holds while it uses the folder
const LOCK: &str = "lock";

/// How often a lock is taken again that somebody removes at the same time
const ATTEMPTS: usize = 8;

/// A folder of the file system, held by one run at a time
///
/// # What it promises, and against whom
/// On Unix a folder that a run makes can be used by its user alone (0700), as can the files in it
/// (0600). A folder that is there already must belong to that user or to root. A group may write to it
/// if the run is in that group, other users may not; else it is refused. Files are opened without
/// following links. What is no ordinary file, or has a second name where it would be written to, is
/// refused, as are files of other users. So other users of the machine can neither read nor change a
/// state, nor hold its lock, nor have a run write to a file of theirs.
///
/// The other members of a group that may write to the folder can remove a state, so that the next run
/// begins anew or fails. They can neither read nor forge one. If they are not trusted with that, the
/// folder should have mode 0700.
///
/// The lock keeps two runs of the same user apart. A run whose lock file is removed or replaced stops
/// before it changes anything more.
///
/// It promises nothing against the user itself, against root, or against those who may write to a
/// folder above: they can put another folder in its place. A state that somebody has changed is found
/// by its checksums only if that somebody did not mean it; it can make the next run report wrong
/// changes, but neither take more memory than the limits allow nor panic.
///
/// Windows has no such modes: there the folder inherits the access of the folder above, and the caller
/// chooses one that is private.
pub(crate) struct StateFolder {
    path: PathBuf,
    open: HashMap<String, Open>,
    /// Whether a file was made since the folder was synced
    is_new: bool,
    /// Ends with the folder; none is needed to read
    lock: Option<File>,
}

struct Open {
    file: File,
    is_writable: bool,
}

impl StateFolder {
    /// Takes hold of a folder, which is made if it is not there
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let doing = format!("open the state folder `{}`", path.display());
        let failed = |error| Error::state(&doing, error);
        private::create(path).map_err(failed)?;
        private::check_folder(path).map_err(failed)?;
        for _ in 0..ATTEMPTS {
            let mut options = private::options(true);
            let lock = private::open(options.create(true).truncate(false), &path.join(LOCK));
            let lock = lock.map_err(failed)?;
            private::check_file(&lock, true).map_err(failed)?;
            match fs4::FileExt::try_lock(&lock) {
                Ok(()) => {}
                Err(fs4::TryLockError::WouldBlock) => {
                    return Err(Error::new(
                        ErrorKind::StateBusy,
                        format!(
                            "another run holds the state folder `{}`; wait for its end, or use another folder",
                            path.display()
                        ),
                    ));
                }
                Err(fs4::TryLockError::Error(error)) => return Err(failed(error)),
            }
            // Another run may have locked a new file of that name, if this one was removed before.
            if private::is_at(&lock, &path.join(LOCK)) {
                let (path, open) = (path.to_owned(), HashMap::new());
                return Ok(Self { path, open, is_new: true, lock: Some(lock) });
            }
        }
        Err(failed(io::Error::other("its file `lock` is removed again and again")))
    }

    /// Opens a folder for reading, without a hold on it
    pub(super) fn to_read(path: &Path) -> Self {
        Self { path: path.to_owned(), open: HashMap::new(), is_new: false, lock: None }
    }

    /// Fails if the run no longer has its lock
    fn check_lock(&self) -> io::Result<()> {
        match &self.lock {
            Some(lock) if private::is_at(lock, &self.path.join(LOCK)) => Ok(()),
            _ => Err(io::Error::other(
                "the file `lock` of the state folder was removed or replaced, so that another run may use the folder; run again once no other run does",
            )),
        }
    }

    /// A file to read from
    fn file(&mut self, name: &str) -> io::Result<&mut File> {
        if !self.open.contains_key(name) {
            let file = private::open(&private::options(false), &self.path.join(name))?;
            private::check_file(&file, false)?;
            match self.lock {
                Some(_) => private::check_owner(&file.metadata()?)?,
                None => private::check_owner_to_read(&file.metadata()?, &self.path)?,
            }
            self.open.insert(name.to_owned(), Open { file, is_writable: false });
        }
        let open = self.open.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(&mut open.file)
    }

    /// A file to read from and to append to, which is made if it is not there
    fn file_to_append(&mut self, name: &str) -> io::Result<&mut File> {
        self.check_lock()?;
        if self.open.get(name).is_none_or(|open| !open.is_writable) {
            let path = self.path.join(name);
            let mut options = private::options(false);
            let options = options.append(true);
            let file = match private::open(options, &path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.is_new = true;
                    private::open(options.create_new(true), &path)?
                }
                other => other?,
            };
            private::check_file(&file, true)?;
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
        // A file that is open to append may not, on some systems.
        let file = private::open(&private::options(true), &self.path.join(name))?;
        private::check_file(&file, true)?;
        file.set_len(size)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        if self.size(name)?.is_none() {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.file_to_append(name)?.sync_data()?;
        if std::mem::take(&mut self.is_new) {
            private::sync_folder(&self.path)?;
        }
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.check_lock()?;
        // Some systems rename no file that is open.
        self.open.remove(from);
        self.open.remove(to);
        fs::rename(self.path.join(from), self.path.join(to))?;
        private::sync_folder(&self.path)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.check_lock()?;
        self.open.remove(name);
        match fs::remove_file(self.path.join(name)) {
            Ok(()) => private::sync_folder(&self.path),
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
