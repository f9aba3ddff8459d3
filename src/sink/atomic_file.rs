//! Files that are replaced atomically: a reader sees the old file or the complete new one.
//!
//! The new content is written to a temporary file in the same folder,
//! `.NAME.azure-asset-sync-N.tmp`, which is renamed at the end. The writer holds a lock on the
//! temporary file, so a later run can distinguish a file in use from a stale one that a killed run
//! has left, and removes the latter. Others may write to the folder, so nothing here follows a
//! symbolic link.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    mem,
    path::{Path, PathBuf},
};

use fs4::{FileExt, TryLockError};
use tempfile::NamedTempFile;

use crate::error::{Error, ErrorKind};

/// The most sinks that can write the same file at a time. The last one to finish replaces it.
const SLOTS: usize = 16;

/// The most bytes of the file's name in the name of the temporary file, because most file systems
/// allow 255 bytes for a name.
const MOST_NAME: usize = 160;

/// A file that appears at its path once it is complete.
///
/// If it is dropped before [`persist`](Self::persist), the temporary file is removed.
// INVARIANT: after an error the temporary file is gone and every call fails, so an incomplete file
// can never be moved to the path.
#[derive(Debug)]
pub(super) struct AtomicFile {
    path: PathBuf,
    state: State,
}

/// Whether the file can still be written.
#[derive(Debug)]
enum State {
    Open(BufWriter<NamedTempFile>),
    Finished,
    Failed,
}

impl AtomicFile {
    /// Creates the temporary file.
    pub(super) fn create(path: PathBuf) -> Result<Self, Error> {
        let file = temporary(&path).map_err(|error| {
            Error::sink(&format!("create a file beside `{}`", path.display()), error)
        })?;
        Ok(Self { path, state: State::Open(BufWriter::with_capacity(1 << 16, file)) })
    }

    /// Calls a function that writes to the file. If the function fails, the file is removed.
    pub(super) fn write(
        &mut self,
        put: impl FnOnce(&mut BufWriter<NamedTempFile>) -> io::Result<()>,
    ) -> Result<(), Error> {
        // The buffer hides most writes, so an error can appear in a later call or in `persist`.
        let State::Open(file) = &mut self.state else { return Err(self.closed()) };
        put(file).map_err(|error| self.failed(error))
    }

    /// Makes durable what was written, in the temporary file.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        self.write(|file| {
            file.flush()?;
            file.get_ref().as_file().sync_data()
        })
    }

    /// Moves the file to its path, durably.
    pub(super) fn persist(&mut self) -> Result<(), Error> {
        let file = match mem::replace(&mut self.state, State::Finished) {
            State::Open(file) => file,
            other => {
                self.state = other;
                return Err(self.closed());
            }
        };
        let replace = || -> io::Result<()> {
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            // The content must be on the disk before the name, or a power failure could leave an
            // empty file at the path.
            file.as_file().sync_all()?;
            file.persist(&self.path)?;
            sync_folder(&self.path)
        };
        replace().map_err(|error| self.failed(error))
    }

    /// Returns the error, and closes the file. Dropping the old state removes the temporary file.
    fn failed(&mut self, error: io::Error) -> Error {
        self.state = State::Failed;
        Error::sink(&format!("write `{}`", self.path.display()), error)
    }

    /// Returns the error of a call after the end of the file.
    fn closed(&self) -> Error {
        let why = match self.state {
            State::Failed => "has failed",
            _ => "was finished",
        };
        let path = self.path.display();
        Error::new(ErrorKind::Sink, format!("the sink for `{path}` {why} before; create a new one"))
    }
}

/// For libraries that own their output, such as the Parquet writer.
#[cfg(feature = "parquet")]
impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.state {
            State::Open(file) => file.write(bytes),
            _ => Err(io::Error::other("the file is closed")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.state {
            State::Open(file) => file.flush(),
            _ => Ok(()),
        }
    }
}

/// Creates a temporary file beside the path, in the first free slot, and locks it.
fn temporary(path: &Path) -> io::Result<NamedTempFile> {
    let folder = folder(path);
    let name = path.file_name().ok_or_else(|| io::Error::other("the path has no file name"))?;
    let name = name.to_string_lossy();
    // Cut at a character boundary.
    let ends = name.char_indices().map(|(at, character)| at + character.len_utf8());
    let end = ends.take_while(|end| *end <= MOST_NAME).last().unwrap_or_default();
    let name = name.get(..end).unwrap_or_default();
    // Slots instead of random names, so that stale files can be found again.
    for slot in 0..SLOTS {
        let prefix = format!(".{name}.azure-asset-sync-{slot}");
        let at = folder.join(format!("{prefix}.tmp"));
        let file = match create(folder, &prefix) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if !remove_stale(&at) {
                    continue;
                }
                match create(folder, &prefix) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                    file => file?,
                }
            }
            file => file?,
        };
        match FileExt::try_lock(file.as_file()) {
            // The file system has no locks, so no run can mistake the file for a stale one.
            Err(TryLockError::Error(_)) => return Ok(file),
            Ok(()) if is_at(file.as_file(), &at) => {
                // Cleans up after other runs that were killed.
                for other in (0..SLOTS).filter(|other| *other != slot) {
                    let name = format!(".{name}.azure-asset-sync-{other}.tmp");
                    remove_stale(&folder.join(name));
                }
                return Ok(file);
            }
            // Before it was locked here, another run mistook the file for a stale one and removes
            // it. `keep` prevents removing by name what may be the file of a third run by now.
            Ok(()) | Err(TryLockError::WouldBlock) => drop(file.keep()),
        }
    }
    Err(io::Error::other(format!(
        "all {SLOTS} temporary files are in use, or were left by interrupted runs and cannot be removed; if no run is active, remove `{}`",
        folder.join(format!(".{name}.azure-asset-sync-*.tmp")).display()
    )))
}

/// Creates a file, and fails if it exists.
fn create(folder: &Path, prefix: &str) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).suffix(".tmp").rand_bytes(0);
    // `tempfile` makes files private; this one becomes an ordinary file, with the mode that the
    // umask gives.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Removes a temporary file that no run has locked; returns whether it was removed.
fn remove_stale(at: &Path) -> bool {
    let Ok(file) = open_in_place(OpenOptions::new().read(true).write(true), at) else {
        return false;
    };
    // Only a regular file, because another program may have put something else there.
    let is_stale = file.metadata().is_ok_and(|metadata| metadata.is_file())
        && FileExt::try_lock(&file).is_ok()
        // The file may have been moved to its path, and another run may have created a new one.
        && is_at(&file, at);
    is_stale && fs::remove_file(at).is_ok()
}

/// Opens a file without following a symbolic link at the path, and without waiting for the writer
/// of a pipe.
pub(super) fn open_in_place(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    {
        // Without NONBLOCK, opening a pipe would wait for its other end.
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
        options.custom_flags(flags.cast_signed());
    }
    let is_link = || fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    let linked = || {
        io::Error::other(
            "it is a symbolic link, which is not followed; use the path of the file itself",
        )
    };
    if cfg!(not(unix)) && is_link() {
        return Err(linked());
    }
    // The error of the system for a link differs from system to system, and says nothing of links.
    options.open(path).map_err(|error| if is_link() { linked() } else { error })
}

/// Returns whether an open file is still the file at a path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let of = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let there = fs::symlink_metadata(path).map(of);
    file.metadata().map(of).is_ok_and(|own| there.is_ok_and(|there| there == own))
}

/// Returns true: on Windows an open file keeps its name until it is closed.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// Makes the directory entry of a file durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    // Only Unix allows opening a folder to sync it.
    if cfg!(unix) { File::open(folder(path))?.sync_all() } else { Ok(()) }
}

/// Returns the folder of a path, `.` if the path has none.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
