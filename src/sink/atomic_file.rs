//! Files that are replaced in one step: a reader sees the old file or the complete new one.
//!
//! The new content goes to a temporary file in the same folder, `.NAME.azure-asset-sync-N.tmp`. Its
//! writer holds a lock on the temporary file. So a later run can tell a file in use from one that an
//! interrupted run could not remove, and removes the latter.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    mem,
    path::{Path, PathBuf},
};

use fs4::{FileExt, TryLockError};
use tempfile::NamedTempFile;

use crate::error::{Error, ErrorKind};

/// How many sinks can write the same file at a time; the last to finish replaces it
const SLOTS: usize = 16;

/// How much of the file's name is in the name of the temporary file, in bytes: 255 is the usual limit
const MOST_NAME: usize = 160;

/// A file that is written beside its place, and takes it once it is complete
///
/// Takes nothing more after an error: the temporary file goes, so that no incomplete file can take
/// the place.
#[derive(Debug)]
pub(super) struct AtomicFile {
    path: PathBuf,
    state: State,
}

#[derive(Debug)]
enum State {
    Open(BufWriter<NamedTempFile>),
    Finished,
    Failed,
}

impl AtomicFile {
    pub(super) fn create(path: PathBuf) -> Result<Self, Error> {
        let file = temporary(&path).map_err(|error| {
            Error::sink(&format!("make a file beside `{}`", path.display()), error)
        })?;
        Ok(Self { path, state: State::Open(BufWriter::with_capacity(1 << 16, file)) })
    }

    /// Lets a function write; after an error of the function there is no file any more
    pub(super) fn write(
        &mut self,
        put: impl FnOnce(&mut BufWriter<NamedTempFile>) -> io::Result<()>,
    ) -> Result<(), Error> {
        let State::Open(file) = &mut self.state else { return Err(self.closed()) };
        put(file).map_err(|error| self.failed(error))
    }

    /// Makes durable what was written, though not yet in its place
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        self.write(|file| {
            file.flush()?;
            file.get_ref().as_file().sync_data()
        })
    }

    /// Gives the file its place, durably
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
            file.as_file().sync_all()?;
            file.persist(&self.path)?;
            sync_folder(&self.path)
        };
        replace().map_err(|error| self.failed(error))
    }

    /// The error, after which nothing is taken any more
    fn failed(&mut self, error: io::Error) -> Error {
        self.state = State::Failed;
        Error::sink(&format!("write `{}`", self.path.display()), error)
    }

    fn closed(&self) -> Error {
        let why = match self.state {
            State::Failed => "has failed",
            _ => "was finished",
        };
        let path = self.path.display();
        Error::new(ErrorKind::Sink, format!("the sink of `{path}` {why} before; make a new one"))
    }
}

/// For writers that own what they write to
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

/// Makes a temporary file beside the path, in the first slot that is free
fn temporary(path: &Path) -> io::Result<NamedTempFile> {
    let folder = folder(path);
    let name = path.file_name().ok_or_else(|| io::Error::other("the path names no file"))?;
    let name = name.to_string_lossy();
    let ends = name.char_indices().map(|(at, character)| at + character.len_utf8());
    let end = ends.take_while(|end| *end <= MOST_NAME).last().unwrap_or_default();
    let name = name.get(..end).unwrap_or_default();
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
            // A file system without locks: no run can take the file for a stale one.
            Err(TryLockError::Error(_)) => return Ok(file),
            Ok(()) if is_at(file.as_file(), &at) => {
                // Those of other runs that were interrupted
                for other in (0..SLOTS).filter(|other| *other != slot) {
                    let name = format!(".{name}.azure-asset-sync-{other}.tmp");
                    remove_stale(&folder.join(name));
                }
                return Ok(file);
            }
            // Another run took the file for a stale one before it was locked, and removes it.
            Ok(()) | Err(TryLockError::WouldBlock) => drop(file.keep()),
        }
    }
    Err(io::Error::other(format!(
        "each of {SLOTS} temporary files is in use, or left by a run that was interrupted and cannot be removed; if no run is under way, remove `{}`",
        folder.join(format!(".{name}.azure-asset-sync-*.tmp")).display()
    )))
}

/// Makes a file that is not there yet
fn create(folder: &Path, prefix: &str) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).suffix(".tmp").rand_bytes(0);
    // A temporary file is private by default; this one becomes an ordinary file.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Removes a temporary file that no run has open; returns whether it is gone
fn remove_stale(at: &Path) -> bool {
    let Ok(file) = open_in_place(OpenOptions::new().read(true).write(true), at) else {
        return false;
    };
    let is_stale = file.metadata().is_ok_and(|metadata| metadata.is_file())
        && FileExt::try_lock(&file).is_ok()
        // The run that had it may have given it its place, and another run may have made a new one.
        && is_at(&file, at);
    is_stale && fs::remove_file(at).is_ok()
}

/// Opens a file, but not through a symbolic link, and without waiting for the other end of a pipe
pub(super) fn open_in_place(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    {
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
    options.open(path).map_err(|error| if is_link() { linked() } else { error })
}

/// Whether an open file is still the one at a path
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let of = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let there = fs::symlink_metadata(path).map(of);
    file.metadata().map(of).is_ok_and(|own| there.is_ok_and(|there| there == own))
}

/// A file that is open keeps its name until it is closed
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// Makes durable that a file is in its folder
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    // Only Unix can open a folder to say so.
    if cfg!(unix) { File::open(folder(path))?.sync_all() } else { Ok(()) }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
