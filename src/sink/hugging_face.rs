//! [`HuggingFace`]: the metadata file of a Hugging Face data set.
//!
//! The lines are those of `JsonLines`, with `file_name` in front, and of one kind of asset,
//! because the loader accepts only one kind.

use std::{io::Write as _, path::PathBuf};

use async_trait::async_trait;

use super::{Batch, Delivery, Sink, atomic_file::AtomicFile, json, object::FileObject};
use crate::{error::Error, validate::Kind};

/// The `metadata.jsonl` of a Hugging Face data set, an ImageFolder or a VideoFolder.
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
///
/// Each line has `file_name`, then all [columns](crate::sink#columns), including `name`. An absent
/// text is `""`, because the loader fails if the type of a column changes from `null` to text.
///
/// `file_name` is the path that [`file_name`](super::file_name) derives from the blob's name:
/// nearly always the name itself, otherwise a path that stays in the folder.
///
/// # How to read it
/// The loader looks for each file below the folder of `metadata.jsonl`. It requires that all files
/// are of one kind, and that every file exists. So write images and videos to folders of their own,
/// and download each blob to its `file_name`:
///
/// ```python
/// from datasets import load_dataset
/// table = load_dataset("imagefolder", data_dir="images", split="train")
/// ```
///
/// Without the images, as a table:
///
/// ```python
/// from datasets import load_dataset
/// table = load_dataset("json", data_files="images/metadata.jsonl", split="train")
/// ```
///
/// # After a failed run
/// The file of the previous run stays as it was, and the temporary file is removed, as for
/// [`JsonLines`](crate::JsonLines#after-a-failed-run). Writes block the calling task.
#[doc(alias = "ImageFolder")]
#[doc(alias = "VideoFolder")]
#[doc(alias = "datasets")]
#[derive(Debug)]
pub struct HuggingFace {
    file: AtomicFile,
    kind: Kind,
}

impl HuggingFace {
    /// Creates a sink that writes the images to this path, for `load_dataset("imagefolder", …)`.
    /// The loader expects the file name `metadata.jsonl`.
    ///
    /// # Errors
    /// [`ErrorKind::Sink`](crate::ErrorKind::Sink) if no file can be created in the folder.
    pub fn images(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Ok(Self { file: AtomicFile::create(path.into())?, kind: Kind::Image })
    }

    /// Creates a sink that writes the videos to this path, for `load_dataset("videofolder", …)`.
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
        // The loader fails on files of another kind, so they must not be listed.
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

    /// Moves the file to its path. Later calls fail.
    async fn finish(&mut self) -> Result<(), Error> {
        self.file.persist()
    }

    /// Returns [`Delivery::Replace`]: the file of an incomplete scan is removed.
    fn delivery(&self) -> Delivery {
        Delivery::Replace
    }
}
