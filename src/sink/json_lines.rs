use std::{io::Write, path::PathBuf};

use async_trait::async_trait;

use super::{Batch, Change, Delivery, Sink, whole::Whole};
use crate::error::Error;

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
    what: What,
    file: Whole,
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
    /// [`ErrorKind::Sink`](crate::ErrorKind::Sink) where no file can be made in the folder.
    pub fn assets(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Ok(Self { what: What::Assets, file: Whole::create(path.into())? })
    }

    /// Writes the rejections
    ///
    /// # Errors
    /// [`ErrorKind::Sink`](crate::ErrorKind::Sink) where no file can be made in the folder.
    pub fn rejections(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Ok(Self { what: What::Rejections, file: Whole::create(path.into())? })
    }
}

fn write(out: &mut impl Write, what: What, changes: &[Change]) -> std::io::Result<()> {
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
        self.file.write(|out| write(out, what, batch.changes))
    }

    async fn flush(&mut self) -> Result<(), Error> {
        self.file.flush()
    }

    async fn finish(&mut self) -> Result<(), Error> {
        self.file.persist()
    }

    /// What is not finished is removed
    fn delivery(&self) -> Delivery {
        Delivery::Whole
    }
}
