//! Files that are whole or as they were: the one way in which sinks make them.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    mem,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::error::{Error, ErrorKind};

/// A file that is written beside its place, and takes it once it is complete
///
/// What fails once is over: the temporary file goes, so that nothing half can take the place.
#[derive(Debug)]
pub(super) struct Whole {
    path: PathBuf,
    state: State,
}

#[derive(Debug)]
enum State {
    Open(BufWriter<NamedTempFile>),
    Finished,
    Failed,
}

impl Whole {
    pub(super) fn create(path: PathBuf) -> Result<Self, Error> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".azure-asset-sync-").suffix(".tmp");
        // A temporary file is private by default; this one becomes an ordinary file.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(folder(&path)).map_err(|error| {
            Error::sink(&format!("make a file beside `{}`", path.display()), error)
        })?;
        Ok(Self { path, state: State::Open(BufWriter::with_capacity(1 << 16, file)) })
    }

    /// Lets a function write; after an error of it there is no file any more
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
    pub(super) fn failed(&mut self, error: io::Error) -> Error {
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
impl Write for Whole {
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

/// Makes durable that a file is in its folder
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    // Only Unix can open a folder to say so.
    if cfg!(unix) { File::open(folder(path))?.sync_all() } else { Ok(()) }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
