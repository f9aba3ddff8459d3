//! Where changes go.
//!
//! | sink | is for | a batch that comes twice |
//! | --- | --- | --- |
//! | [`JsonLines`] | `jq`, DuckDB, pandas, Polars, `datasets`: assets, rejections | the file is replaced |
//! | [`JsonLines::changes`] | a log to follow | is there twice |
//! | [`Csv`] | DuckDB, pandas, Polars, and in another form spreadsheets | the file is replaced |
//! | [`HuggingFace`] | `datasets`: ImageFolder, VideoFolder | the file is replaced |
//! | [`Coco`] | annotation tools, pycocotools | the file is replaced |
//! | `Parquet` (feature `parquet`) | DuckDB, Polars, pandas, `datasets`, Spark | the file is replaced |
//! | `Sqlite` (feature `sqlite`) | tables that follow the container | changes nothing |
//! | [`callback`] | a function | depends on the function |
//! | `()` | nothing, if only the report is wanted | changes nothing |
//!
//! The page of each file sink has the calls that read its file with every value equal.
//!
//! Each file sink blocks the calling task while it writes. If that matters, run the scan on a thread
//! of its own. A file is replaced when the scan is complete; until then a file of an earlier run stays
//! as it was.
//!
//! # Columns
//! All tables have the same columns. [`Coco`] and [`HuggingFace`] put `file_name` in front of them, a
//! path that is safe below a folder.
//!
//! | column | what | form |
//! | --- | --- | --- |
//! | `name` | the full name in the container, exactly as stored | text |
//! | `size` | in bytes | number |
//! | `kind` | `image` or `video` | text |
//! | `media_type` | the media type that the name's extension stands for | text |
//! | `etag` | the version of the content and properties | text |
//! | `last_modified`, `created` | when, in UTC | a timestamp in Parquet, else RFC 3339 with milliseconds |
//! | `content_type`, `content_encoding` | as the blob's owner stored them | text |
//! | `content_md5` | of the content, if Azure has it | base64, as Azure has it |
//! | `blob_type`, `access_tier` | as Azure calls them | text |
//! | `version_id` | if the listing has it | text |
//! | `is_current` | `false` for an earlier version and for a snapshot | Boolean; 0 or 1 in SQLite |
//! | `snapshot` | the time of a snapshot, as Azure writes it | text |
//! | `findings` | codes of what is odd, separated by spaces | text |
//! | `metadata` | the owner's metadata, if the listing has it | a JSON object as text |
//!
//! `name`, `size`, `kind`, `media_type` and `is_current` are always there. An absent value is null in
//! Parquet and SQLite, an empty cell in CSV, and an empty text in JSON. An empty property counts as
//! absent, so that an empty text never means anything else.

mod atomic_file;
mod callback;
mod change;
mod change_log;
mod coco;
mod columns;
mod csv;
mod file_name;
mod hugging_face;
mod json;
mod json_lines;
mod object;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(feature = "sqlite")]
mod sqlite;

use async_trait::async_trait;

#[cfg(feature = "sync")]
pub(crate) use self::json::write as write_json;
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
    file_name::file_name,
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
    Replace,
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
