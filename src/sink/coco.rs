use std::{io::Write as _, path::PathBuf};

use async_trait::async_trait;

use super::{Batch, Delivery, Sink, columns::Named, json, whole::Whole};
use crate::{error::Error, validate::Kind};

/// The images in the form of COCO, for tools that annotate, train or evaluate
///
/// Images only: the format knows no videos, and they are left out. `annotations`, `categories` and
/// `licenses` are empty. An entry of `images` has `id`, `file_name` and those of the other
/// [columns](crate::sink#columns) that are known.
///
/// It has no `width`, no `height` and no `date_captured`, since no listing tells them and a wrong
/// number would be worse than none: `pycocotools` loads and finds the images without them, and needs
/// them only to draw segmentations. Whoever opens the images fills them in.
///
/// `id` counts from 1 in the order of the scan, and belongs to this one file: annotations that shall
/// outlive it must hold on to `file_name`. The same numbers come again only for the same images in
/// [`Order::Ascending`](crate::scan::Order::Ascending).
///
/// It is written as it comes, and takes no memory for what it has written. Replaced as a whole when
/// the scan is complete, as [`JsonLines`](crate::JsonLines) are, and writes block as theirs do.
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
    file: Whole,
    /// How many images there are so far
    images: u64,
}

impl Coco {
    /// Writes the images
    ///
    /// # Errors
    /// [`ErrorKind::Sink`](crate::ErrorKind::Sink) where no file can be made in the folder.
    pub fn images(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let mut file = Whole::create(path.into())?;
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
                let row = Named { id: Some(*images), asset, has_nulls: false };
                json::write(out, &row)?;
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

    /// What is not finished is removed
    fn delivery(&self) -> Delivery {
        Delivery::Whole
    }
}
