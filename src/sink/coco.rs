//! The images as a COCO file.

use std::{io::Write as _, path::PathBuf};

use async_trait::async_trait;

use super::{Batch, Delivery, Sink, atomic_file::AtomicFile, json, object::FileObject};
use crate::{error::Error, validate::Kind};

/// The images in the form of COCO, for tools that annotate, train or evaluate
///
/// Images only: the format has no videos, and this sink skips them. `annotations`, `categories` and
/// `licenses` are empty. An entry of `images` has `id`, `file_name` and all
/// [columns](crate::sink#columns), `name` among them. An absent text is `""`.
///
/// `file_name` is the path that [`file_name`](super::file_name) makes of the blob's name: nearly
/// always the name itself, and otherwise a path that stays in the folder that a tool joins it with.
/// Download each blob to its `file_name`.
///
/// Entries have no `width`, no `height` and no `date_captured`, because no listing has them and a
/// wrong number would be worse than none. `pycocotools` loads and finds the images without them, and
/// needs them only to draw segmentations. Tools that require `width` and `height`, such as
/// supervision, need them filled in by a program that opens the images.
///
/// `id` counts from 1 in the order of the scan, and is valid for this file alone: annotations that
/// must outlive the file refer to `file_name`. Two scans give the same images the same numbers only in
/// [`Order::Ascending`](crate::scan::Order::Ascending).
///
/// ```python
/// from pycocotools.coco import COCO
/// coco = COCO("instances.json")
/// table = coco.loadImgs(coco.getImgIds())
/// ```
///
/// Memory does not grow with the number of images. Replaced when the scan is complete, as
/// [`JsonLines`](crate::JsonLines) are, and writes block as theirs do.
///
/// ```no_run
/// # async fn example(scan: azure_asset_sync::Scan) -> Result<(), azure_asset_sync::Error> {
/// use azure_asset_sync::{scan::Order, sink::Coco};
///
/// scan.order(Order::Ascending).run(Coco::images("instances.json")?).await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Coco {
    file: AtomicFile,
    /// How many images there are so far
    images: u64,
}

impl Coco {
    /// Writes the images
    ///
    /// # Errors
    /// [`ErrorKind::Sink`](crate::ErrorKind::Sink) if no file can be made in the folder.
    pub fn images(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let mut file = AtomicFile::create(path.into())?;
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

    async fn finish(&mut self) -> Result<(), Error> {
        self.file.write(|out| out.write_all(b"\n],\"annotations\":[],\"categories\":[]}\n"))?;
        self.file.persist()
    }

    /// The file of a scan that is not complete is removed
    fn delivery(&self) -> Delivery {
        Delivery::Replace
    }
}
