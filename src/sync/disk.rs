use std::{
    collections::HashMap,
    fmt,
    fs::{self, File, OpenOptions},
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

/// A folder of the file system, held by one run at a time
pub(crate) struct StateFolder {
    path: PathBuf,
    open: HashMap<String, File>,
    /// Whether a file was made since the folder was synced
    is_new: bool,
    /// The lock ends with it; none is needed to read
    _lock: Option<File>,
}

impl StateFolder {
    /// Takes hold of a folder, which is made where it is not there
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let failed =
            |error| Error::state(&format!("open the state folder `{}`", path.display()), error);
        fs::create_dir_all(path).map_err(failed)?;
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_folder(parent).map_err(failed)?;
        }
        let mut options = OpenOptions::new();
        let lock = options.create(true).truncate(false).write(true).open(path.join("lock"));
        let lock = lock.map_err(failed)?;
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
        Ok(Self { path: path.to_owned(), open: HashMap::new(), is_new: true, _lock: Some(lock) })
    }

    /// The same without a hold on it
    pub(super) fn to_read(path: &Path) -> Self {
        Self { path: path.to_owned(), open: HashMap::new(), is_new: false, _lock: None }
    }

    fn file(&mut self, name: &str) -> io::Result<&mut File> {
        if !self.open.contains_key(name) {
            let mut options = OpenOptions::new();
            let file = options.read(true).append(true).open(self.path.join(name));
            let file = file.or_else(|error| match error.kind() {
                // To read is enough where nothing is written.
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    File::open(self.path.join(name))
                }
                _ => Err(error),
            })?;
            self.open.insert(name.to_owned(), file);
        }
        self.open.get_mut(name).ok_or_else(|| io::ErrorKind::NotFound.into())
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
        if self.size(name)?.is_none() {
            let mut options = OpenOptions::new();
            let file =
                options.read(true).append(true).create_new(true).open(self.path.join(name))?;
            self.open.insert(name.to_owned(), file);
            self.is_new = true;
        }
        self.file(name)?.write_all(bytes)
    }

    fn truncate(&mut self, name: &str, size: u64) -> io::Result<()> {
        // One that only appends may not, on some systems.
        OpenOptions::new().write(true).open(self.path.join(name))?.set_len(size)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.file(name)?.sync_data()?;
        if std::mem::take(&mut self.is_new) {
            sync_folder(&self.path)?;
        }
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        // Some systems rename no file that is open.
        self.open.remove(from);
        self.open.remove(to);
        fs::rename(self.path.join(from), self.path.join(to))?;
        sync_folder(&self.path)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.open.remove(name);
        match fs::remove_file(self.path.join(name)) {
            Ok(()) => sync_folder(&self.path),
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

/// A rename is durable once its folder is; only Unix can open a folder to say so
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}
