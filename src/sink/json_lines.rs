use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use tempfile::NamedTempFile;

use super::{Batch, Change, Delivery, Sink};
use crate::error::{Error, ErrorKind};

/// A file with one JSON object a line, replaced as a whole when the scan is complete
///
/// Until then the lines go to a temporary file in the same folder; where the scan fails or is
/// cancelled that is removed, and a file of an earlier run stays as it was. Blob names are untrusted
/// text: JSON escapes their control characters, and the path is the caller's alone.
///
/// Writes block the calling task for as long as the operating system takes a buffer.
///
/// ```no_run
/// # async fn example(scan: azure_asset_sync::Scan) -> Result<(), azure_asset_sync::Error> {
/// use azure_asset_sync::JsonLines;
///
/// let sinks = (JsonLines::assets("assets.jsonl")?, JsonLines::rejections("rejected.jsonl")?);
/// let report = scan.run(sinks).await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct JsonLines {
    path: PathBuf,
    what: What,
    /// `None` once the file has its place
    file: Option<BufWriter<NamedTempFile>>,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Assets,
    Rejections,
}

impl JsonLines {
    /// Writes the assets
    ///
    /// # Errors
    /// [`ErrorKind::Sink`] where no file can be made in the folder.
    pub fn assets(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::create(path.into(), What::Assets)
    }

    /// Writes the rejections
    ///
    /// # Errors
    /// [`ErrorKind::Sink`] where no file can be made in the folder.
    pub fn rejections(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::create(path.into(), What::Rejections)
    }

    fn create(path: PathBuf, what: What) -> Result<Self, Error> {
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
        Ok(Self { path, what, file: Some(BufWriter::with_capacity(1 << 16, file)) })
    }

    fn open(&mut self) -> Result<&mut BufWriter<NamedTempFile>, Error> {
        self.file.as_mut().ok_or_else(|| {
            Error::new(ErrorKind::Sink, "the sink was finished before; make a new one")
        })
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::sink(&format!("write `{}`", self.path.display()), error)
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn write(out: &mut impl Write, what: What, changes: &[Change]) -> io::Result<()> {
    for change in changes {
        match (what, change.asset(), change.rejection()) {
            (What::Assets, Some(asset), _) => serde_json::to_writer(&mut *out, asset)?,
            (What::Rejections, _, Some(it)) => serde_json::to_writer(&mut *out, it)?,
            _ => continue,
        }
        out.write_all(b"\n")?;
    }
    Ok(())
}

#[async_trait]
impl Sink for JsonLines {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        let what = self.what;
        write(self.open()?, what, batch.changes).map_err(|error| self.failed(error))
    }

    async fn flush(&mut self) -> Result<(), Error> {
        let file = self.open()?;
        file.flush()
            .and_then(|()| file.get_ref().as_file().sync_data())
            .map_err(|error| self.failed(error))
    }

    async fn finish(&mut self) -> Result<(), Error> {
        self.flush().await?;
        let Some(file) = self.file.take() else { return Ok(()) };
        let replace = || -> io::Result<()> {
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.as_file().sync_all()?;
            file.persist(&self.path)?;
            // A rename is durable once its folder is; only Unix can open a folder to say so.
            if cfg!(unix) {
                File::open(folder(&self.path))?.sync_all()?;
            }
            Ok(())
        };
        replace().map_err(|error| self.failed(error))
    }

    /// What is not finished is removed
    fn delivery(&self) -> Delivery {
        Delivery::Whole
    }
}
