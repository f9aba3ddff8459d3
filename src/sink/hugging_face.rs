//! The metadata file of a Hugging Face data set.

use std::{io::Write as _, path::PathBuf};

use async_trait::async_trait;

use super::{Batch, Delivery, Sink, atomic_file::AtomicFile, json, object::FileObject};
use crate::{error::Error, validate::Kind};

/// The `metadata.jsonl` of a Hugging Face data set: an ImageFolder or a VideoFolder
///
/// Each line has `file_name`, then all [columns](crate::sink#columns), `name` among them. An absent
/// text is `""`, because the loader fails if the type of a column changes from `null` to text.
///
/// `file_name` is the path that [`file_name`](super::file_name) makes of the blob's name: nearly
/// always the name itself, and otherwise a path that stays in the folder. The loader looks for each
/// file beside this one, under that path. It wants one kind, and every file to be there. So images and
/// videos each have a file and a folder of their own, and each blob is downloaded to its `file_name`:
///
/// ```python
/// from datasets import load_dataset
/// table = load_dataset("imagefolder", data_dir="images", split="train")
/// ```
///
/// The same file without the images:
///
/// ```python
/// from datasets import load_dataset
/// table = load_dataset("json", data_files="images/metadata.jsonl", split="train")
/// ```
///
/// Replaced when the scan is complete, as [`JsonLines`](crate::JsonLines) are, and writes block as
/// theirs do.
///
/// ```no_run
/// # async fn example(scan: azure_asset_sync::Scan) -> Result<(), azure_asset_sync::Error> {
/// use azure_asset_sync::sink::HuggingFace;
///
/// let images = HuggingFace::images("images/metadata.jsonl")?;
/// let videos = HuggingFace::videos("videos/metadata.jsonl")?;
/// scan.run((images, videos)).await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct HuggingFace {
    file: AtomicFile,
    kind: Kind,
}

impl HuggingFace {
    /// Writes the images, for `load_dataset("imagefolder", …)`; the loader looks for a file
    /// `metadata.jsonl`
    ///
    /// # Errors
    /// [`ErrorKind::Sink`](crate::ErrorKind::Sink) if no file can be made in the folder.
    pub fn images(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Ok(Self { file: AtomicFile::create(path.into())?, kind: Kind::Image })
    }

    /// Writes the videos, for `load_dataset("videofolder", …)`
    ///
    /// # Errors
    /// As [`images`](Self::images).
    pub fn videos(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Ok(Self { file: AtomicFile::create(path.into())?, kind: Kind::Video })
    }
}

#[async_trait]
impl Sink for HuggingFace {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        let kind = self.kind;
        self.file.write(|out| {
            for asset in batch.assets().filter(|asset| asset.kind == kind) {
                json::write(out, &FileObject { id: None, asset })?;
                out.write_all(b"\n")?;
            }
            Ok(())
        })
    }

    async fn flush(&mut self) -> Result<(), Error> {
        self.file.flush()
    }

    async fn finish(&mut self) -> Result<(), Error> {
        self.file.persist()
    }

    /// The file of a scan that is not complete is removed
    fn delivery(&self) -> Delivery {
        Delivery::Replace
    }
}
