//! [`Coco`]: the images as a COCO file.
//!
//! The document is written as it grows, so memory does not depend on the number of images. Entries
//! come from `object`, which all JSON sinks share.

use std::{io::Write as _, path::PathBuf};

use async_trait::async_trait;

use super::{Batch, Delivery, Sink, atomic_file::AtomicFile, json, object::FileObject};
use crate::{error::Error, validate::Kind};

/// A COCO file of the images, for tools that annotate, train or evaluate.
///
/// ```no_run
/// # async fn example(scan: azure_asset_sync::Scan) -> Result<(), azure_asset_sync::Error> {
/// use azure_asset_sync::{scan::Order, sink::Coco};
///
/// scan.order(Order::Ascending).run(Coco::images("instances.json")?).await?;
/// # Ok(()) }
/// ```
///
/// Images only: the format has no videos, so this sink skips them. `annotations`, `categories` and
/// `licenses` are empty. An entry of `images` has `id`, `file_name` and all
/// [columns](crate::sink#columns), including `name`. An absent text is `""`.
///
/// `file_name` is the path that [`file_name`](super::file_name) derives from the blob's name:
/// nearly always the name itself, otherwise a path that stays in the folder that a tool joins it
/// with. Download each blob to its `file_name`.
///
/// Entries have no `width`, `height` or `date_captured`, because no listing has them and a wrong
/// number would be worse than none. `pycocotools` loads and finds the images without them, and
/// needs them only to draw segmentations. For tools that require `width` and `height`, such as
/// supervision, a program that opens the images has to fill them in.
///
/// `id` counts from 1 in the order of the scan, and is valid for this file only: annotations that
/// outlive the file should refer to `file_name`. Two scans give the same images the same numbers
/// only with [`Order::Ascending`](crate::scan::Order::Ascending).
///
/// # How to read it
/// ```python
/// from pycocotools.coco import COCO
/// coco = COCO("instances.json")
/// table = coco.loadImgs(coco.getImgIds())
/// ```
///
/// # After a failed run
/// The file of the previous run stays as it was, and the temporary file is removed, as for
/// [`JsonLines`](crate::JsonLines#after-a-failed-run). Writes block the calling task.
#[doc(alias = "annotations")]
#[derive(Debug)]
pub struct Coco {
    file: AtomicFile,
    /// How many images have been written, which is the last `id`.
    images: u64,
}

impl Coco {
    /// Creates a sink that writes the images to this path.
    ///
    /// # Errors
    /// [`ErrorKind::Sink`](crate::ErrorKind::Sink) if no file can be created in the folder.
    pub fn images(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let mut file = AtomicFile::create(path.into())?;
        // The document is opened here and closed in `finish`, so that entries can be appended.
        file.write(|out| {
            let by = concat!("azure-asset-sync ", env!("CARGO_PKG_VERSION"));
            write!(
                out,
                r#"{{"info":{{"description":"as listed by {by}"}},"licenses":[],"images":["#
            )
        })?;
        Ok(Self { file, images: 0 })
    }
}

#[async_trait]
impl Sink for Coco {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        let images = &mut self.images;
        self.file.write(|out| {
            for asset in batch.assets().filter(|asset| asset.kind == Kind::Image) {
                // JSON allows no comma after the last entry, so each entry but the first one begins
                // with it.
                out.write_all(if *images == 0 { b"\n" } else { b",\n" })?;
                *images += 1;
                json::write(out, &FileObject { id: Some(*images), asset })?;
            }
            Ok(())
        })
    }

    async fn flush(&mut self) -> Result<(), Error> {
        self.file.flush()
    }

    /// Closes the document, and moves the file to its path. Later calls fail.
    async fn finish(&mut self) -> Result<(), Error> {
        self.file.write(|out| out.write_all(b"\n],\"annotations\":[],\"categories\":[]}\n"))?;
        self.file.persist()
    }

    /// Returns [`Delivery::Replace`]: the file of an incomplete scan is removed.
    fn delivery(&self) -> Delivery {
        Delivery::Replace
    }
}
