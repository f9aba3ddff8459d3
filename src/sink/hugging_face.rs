use std::{io::Write as _, path::PathBuf};

use async_trait::async_trait;

use super::{Batch, Delivery, Sink, columns::Named, json, whole::Whole};
use crate::{error::Error, validate::Kind};

/// The `metadata.jsonl` of a Hugging Face data set: an ImageFolder or a VideoFolder
///
/// `file_name` comes first, then the [columns](crate::sink#columns) as each table has them, in every
/// line all of them: what is unknown is `null`. The loader looks for each file beside this one,
/// under its whole name in the container. It wants one kind, and every file that is named, so that
/// images and videos have each a file, and a folder, of their own. Replaced as a whole when the scan
/// is complete, as [`JsonLines`](crate::JsonLines) are, and writes block as theirs do.
///
/// Names are untrusted, and whoever copies the blobs to their names gives them power over paths:
/// `../x` is a legal name. It is noted as [`Reason::OddName`](crate::Reason::OddName), which rules
/// can make a rejection.
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
    file: Whole,
    kind: Kind,
}

impl HuggingFace {
    /// Writes the images, for `load_dataset("imagefolder", …)`; the loader looks for a file
    /// `metadata.jsonl`
    ///
    /// # Errors
    /// [`ErrorKind::Sink`](crate::ErrorKind::Sink) where no file can be made in the folder.
    pub fn images(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Ok(Self { file: Whole::create(path.into())?, kind: Kind::Image })
    }

    /// Writes the videos, for `load_dataset("videofolder", …)`
    ///
    /// # Errors
    /// As [`images`](Self::images).
    pub fn videos(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Ok(Self { file: Whole::create(path.into())?, kind: Kind::Video })
    }
}

#[async_trait]
impl Sink for HuggingFace {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        let kind = self.kind;
        self.file.write(|out| {
            for asset in batch.assets().filter(|asset| asset.kind == kind) {
                let row = Named { id: None, asset, has_nulls: true };
                json::write(out, &row)?;
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

    /// What is not finished is removed
    fn delivery(&self) -> Delivery {
        Delivery::Whole
    }
}
