//! Where changes go.
//!
//! | sink | is for | of a batch that comes twice |
//! | --- | --- | --- |
//! | [`JsonLines`] | `jq`, pandas, anything: assets, rejections | the file is made as a whole |
//! | [`JsonLines::changes`] | a log to follow | is there twice |
//! | [`Csv`] | DuckDB, R, and in another form spreadsheets | the file is made as a whole |
//! | [`HuggingFace`] | `datasets`: ImageFolder, VideoFolder | the file is made as a whole |
//! | [`Coco`] | annotation tools, pycocotools | the file is made as a whole |
//! | `Parquet` (feature `parquet`) | DuckDB, Polars, pandas, Spark | the file is made as a whole |
//! | `Sqlite` (feature `sqlite`) | a table that follows the container | changes nothing |
//! | [`callback`] | a function | as you like |
//! | `()` | nothing, where only the report is wanted | changes nothing |
//!
//! Each file sink blocks the calling task while it writes; where that matters, run the scan on a
//! thread of its own. A file that is made as a whole takes its place when the scan is complete, and
//! until then one of an earlier run stays as it was.
//!
//! # Columns
//! Tables have the same columns, whatever holds them; the first is `file_name` where vision tools
//! expect that.
//!
//! | column | what | form |
//! | --- | --- | --- |
//! | `name` | the full name in the container, exactly as stored | text |
//! | `size` | in bytes | number |
//! | `kind` | `image` or `video` | text |
//! | `media_type` | that its name stands for | text |
//! | `etag` | the version | text |
//! | `last_modified`, `created` | when, in UTC | a timestamp in Parquet, else RFC 3339 |
//! | `content_type`, `content_encoding` | as its owner stored them | text |
//! | `content_md5` | of the content, where Azure knows it | base64, as Azure has it |
//! | `blob_type`, `access_tier` | as Azure calls them | text |
//! | `version_id`, `snapshot` | where a store lists them | text |
//! | `findings` | codes of what is odd, with spaces between | text |
//! | `metadata` | the owner's, where a store lists it | a JSON object as text |
//!
//! The first four are always known. Of the others what is unknown is null, or an empty cell.

mod callback;
mod change;
mod coco;
mod columns;
mod csv;
mod hugging_face;
mod json;
mod json_lines;
mod log;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(feature = "sqlite")]
mod sqlite;
mod whole;

use async_trait::async_trait;

#[cfg(feature = "parquet")]
#[cfg_attr(docsrs, doc(cfg(feature = "parquet")))]
pub use self::parquet::Parquet;
#[cfg(feature = "sqlite")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
pub use self::sqlite::Sqlite;
pub use self::{
    callback::{Callback, callback},
    change::{Batch, Change, Removal, RunId},
    coco::Coco,
    csv::Csv,
    hugging_face::HuggingFace,
    json_lines::JsonLines,
};
use crate::error::Error;

/// A place for what is new of a container's blobs
///
/// # Contract
/// - [`accept`](Sink::accept) is called with batches in the order of the scan, never an empty
///   one, never two at a time. When it returns, the batch is the sink's concern.
/// - [`flush`](Sink::flush) makes all that was accepted durable, and may come at any time. A sync
///   remembers a batch as delivered once it was flushed.
/// - [`finish`](Sink::finish) comes after a flush, and only where the scan is complete; a second
///   time only where a sync was interrupted right behind the first.
///
/// Object safe, and implemented by `&mut S` and `Box<S>`, by `()` which discards, and by `(A, B)`
/// which gives each batch to both.
#[async_trait]
pub trait Sink: Send {
    /// Takes a batch, which [`Batch::sequence`] numbers
    ///
    /// # Errors
    /// [`Error`], usually of kind [`ErrorKind::Sink`](crate::ErrorKind::Sink); it ends the scan.
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error>;

    /// Makes durable what was accepted
    ///
    /// # Errors
    /// As [`accept`](Sink::accept).
    async fn flush(&mut self) -> Result<(), Error>;

    /// Ends with all verdicts accepted
    ///
    /// # Errors
    /// As [`accept`](Sink::accept).
    async fn finish(&mut self) -> Result<(), Error>;

    /// What a batch does that is delivered a second time
    fn delivery(&self) -> Delivery;
}

/// What a batch does that a sink is given a second time, and what becomes of one that is not finished
///
/// Deliberately complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Delivery {
    /// Nothing: the same names, or the same numbers of a run, are written over
    Idempotent,
    /// It is there twice
    AppendOnly,
    /// The output is made anew and as a whole: of a run that is not finished nothing is left, so that
    /// no later run can go on with it, nor add to it
    Whole,
}

#[async_trait]
impl Sink for () {
    async fn accept(&mut self, _: Batch<'_>) -> Result<(), Error> {
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn delivery(&self) -> Delivery {
        Delivery::Idempotent
    }
}

#[async_trait]
impl<A: Sink, B: Sink> Sink for (A, B) {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        self.0.accept(batch).await?;
        self.1.accept(batch).await
    }

    async fn flush(&mut self) -> Result<(), Error> {
        self.0.flush().await?;
        self.1.flush().await
    }

    async fn finish(&mut self) -> Result<(), Error> {
        self.0.finish().await?;
        self.1.finish().await
    }

    fn delivery(&self) -> Delivery {
        self.0.delivery().max(self.1.delivery())
    }
}

macro_rules! forward {
    ($pointer:ty) => {
        #[async_trait]
        impl<S: Sink + ?Sized> Sink for $pointer {
            async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
                (**self).accept(batch).await
            }

            async fn flush(&mut self) -> Result<(), Error> {
                (**self).flush().await
            }

            async fn finish(&mut self) -> Result<(), Error> {
                (**self).finish().await
            }

            fn delivery(&self) -> Delivery {
                (**self).delivery()
            }
        }
    };
}

forward!(&mut S);
forward!(Box<S>);
