//! Sinks: where a scan or a job writes assets, rejections and changes.
//!
//! | sink | for | a batch that is delivered twice | after a failed run |
//! | --- | --- | --- | --- |
//! | [`JsonLines`] | `jq`, DuckDB, pandas, Polars, `datasets` | the file is replaced | the file of the previous run stays |
//! | [`JsonLines::changes`] | a log to follow | appears twice | what was flushed stays |
//! | [`Csv`] | DuckDB, pandas, Polars, and in another form spreadsheets | the file is replaced | the file of the previous run stays |
//! | [`HuggingFace`] | `datasets`: ImageFolder, VideoFolder | the file is replaced | the file of the previous run stays |
//! | [`Coco`] | annotation tools, pycocotools | the file is replaced | the file of the previous run stays |
//! | [`Parquet`] (feature `parquet`) | DuckDB, Polars, pandas, `datasets`, Spark | the file is replaced | the file of the previous run stays |
//! | [`Sqlite`] (feature `sqlite`) | tables that follow the container | changes nothing | what was flushed stays |
//! | [`callback`] | a function | depends on the function | depends on the function |
//! | `()` | scans that need only the report | changes nothing | |
//!
//! The page of each file sink has the calls with which tools read its file without changing a
//! value. Implement [`Sink`] to write anywhere else.
//!
//! File sinks block the calling task while they write. If that matters, run the scan on a thread of
//! its own. A file that is replaced is written beside its path, and takes its place when the scan
//! is complete.
//!
//! # Columns
//! All tables have the same columns. [`Coco`] and [`HuggingFace`] add `file_name` in front, a path
//! that is safe below a folder.
//!
//! | column | meaning | form |
//! | --- | --- | --- |
//! | `name` | the full name in the container, exactly as stored | text |
//! | `size` | the size in bytes | number |
//! | `kind` | `image` or `video` | text |
//! | `media_type` | the media type that belongs to the extension of the name | text |
//! | `etag` | the version of the content and properties | text |
//! | `last_modified`, `created` | times in UTC | a timestamp in Parquet, otherwise RFC 3339 with milliseconds |
//! | `content_type`, `content_encoding` | as the owner of the blob has set them | text |
//! | `content_md5` | the MD5 of the content, if Azure has it | base64, as Azure has it |
//! | `blob_type`, `access_tier` | in the words of Azure | text |
//! | `version_id` | the version ID, if the listing has it | text |
//! | `is_current` | `false` for an earlier version and for a snapshot | Boolean; 0 or 1 in SQLite |
//! | `snapshot` | the time of a snapshot, as Azure writes it | text |
//! | `findings` | codes of what is unusual about the asset, separated by spaces | text |
//! | `metadata` | the user metadata, if the listing has it | a JSON object as text |
//!
//! `name`, `size`, `kind`, `media_type` and `is_current` are always present. An absent value is
//! null in Parquet and SQLite, an empty cell in CSV, and an empty text in JSON. A property that is
//! an empty text counts as absent, so that an empty text has one meaning.
//!
// Without the feature, the link leads to docs.rs.
#![cfg_attr(
    not(feature = "parquet"),
    doc = "[`Parquet`]: https://docs.rs/azure-asset-sync/latest/azure_asset_sync/sink/struct.Parquet.html"
)]
#![cfg_attr(
    not(feature = "sqlite"),
    doc = "[`Sqlite`]: https://docs.rs/azure-asset-sync/latest/azure_asset_sync/sink/struct.Sqlite.html"
)]

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

/// A consumer of the changes that a scan or a job finds.
///
/// Implement this trait to write to a database, a queue or any other place. It is object safe, and
/// implemented for `&mut S` and `Box<S>`, for `()`, which discards everything, and for `(A, B)`,
/// which gives each batch to both.
///
/// ```
/// use azure_asset_sync::{Error, sink::{Batch, Delivery, Sink}};
///
/// /// Counts assets, each once, although a batch may be delivered twice.
/// #[derive(Default)]
/// struct Counter {
///     counts: std::collections::BTreeMap<u64, usize>,
/// }
///
/// #[async_trait::async_trait]
/// impl Sink for Counter {
///     async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
///         self.counts.insert(batch.sequence, batch.assets().count());
///         Ok(())
///     }
///     async fn flush(&mut self) -> Result<(), Error> {
///         Ok(())
///     }
///     async fn finish(&mut self) -> Result<(), Error> {
///         Ok(())
///     }
///     fn delivery(&self) -> Delivery {
///         Delivery::Idempotent
///     }
/// }
///
/// # use azure_asset_sync::{Blob, MemoryStore, Prefix, Scan};
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// # let scan = Scan::new(MemoryStore::from_iter([Blob::new("a.jpg", 1)]), &Prefix::default());
/// let mut counter = Counter::default();
/// scan.run(&mut counter).await?;
/// assert_eq!(counter.counts.values().sum::<usize>(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Contract
/// `testing::conformance::check_sink` (feature `testing`) checks what can be checked from outside.
/// Run it against every sink of your own.
///
/// **Batches.** [`accept`](Self::accept) receives batches in the order in which they are found, one
/// at a time and never an empty one. Once it returns `Ok`, the sink is responsible for the batch.
///
/// **Numbering.** [`Batch::sequence`] counts the batches of a run from 0 without gaps, and
/// [`Batch::run`] names the run. Each scan is a run of its own. A job that continues an interrupted
/// run continues its numbers.
///
/// **Redelivery.** A scan delivers each batch once. A job that was interrupted after `accept`, and
/// before it recorded the flush, delivers that one batch again, with the same run and sequence. The
/// second delivery can contain other changes, because blobs may have changed in between; it
/// replaces the first. Only the last batch of a run can be delivered again.
/// [`delivery`](Self::delivery) says what the sink then does.
///
/// **Flush.** [`flush`](Self::flush) makes everything durable that was accepted. It may be called
/// at any time, also twice in a row or before the first batch. A scan flushes at its end; a job
/// flushes after each batch, and records the batch as delivered only if the flush succeeds.
///
/// **Finish.** [`finish`](Self::finish) follows a flush, and is called only if everything was
/// listed. A failed or cancelled run never calls it, so a sink whose output must be complete
/// publishes it here. A job that was interrupted between `finish` and its own end calls `finish`
/// again in the next run, on a new sink.
///
/// **Errors.** An error ends the run with that error. Nothing is retried, and the sink is not
/// called again in this run. A sink that could lose changes after an error refuses later calls.
///
/// **Cancellation.** If the run is dropped or aborted, a pending call is dropped at its `await`, and
/// then the sink, without `flush` and `finish`. What was not flushed may be lost. A job delivers it
/// again in the next run. A job that is cancelled first gives the call 0.7 s to return, so a call must
/// not block its thread for long.
///
/// **Panics.** A panic in a sink reaches the caller of the scan or of `Job::run`. If the job was
/// started in a task of its own, the panic is the outcome of the run. The state of the job is as after
/// an interruption at that point.
#[doc(alias = "writer")]
#[doc(alias = "output")]
#[doc(alias = "destination")]
#[async_trait]
pub trait Sink: Send {
    /// Takes a batch of changes.
    ///
    /// # Errors
    /// An [`Error`], usually of kind [`ErrorKind::Sink`](crate::ErrorKind::Sink). It ends the run.
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error>;

    /// Makes durable what was accepted.
    ///
    /// # Errors
    /// As [`accept`](Sink::accept).
    async fn flush(&mut self) -> Result<(), Error>;

    /// Completes the output, after all changes of a complete run were accepted.
    ///
    /// # Errors
    /// As [`accept`](Sink::accept).
    async fn finish(&mut self) -> Result<(), Error>;

    /// Returns what happens to a batch that is delivered a second time.
    fn delivery(&self) -> Delivery;
}

/// The effect of a batch that is delivered twice.
///
/// The variants are ordered: a pair of sinks has the greater one. Deliberately exhaustive.
#[doc(alias = "exactly once")]
#[doc(alias = "at least once")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Delivery {
    /// The second delivery overwrites the first, by name or by the number of the batch.
    #[doc(alias = "upsert")]
    Idempotent,
    /// The batch appears twice.
    AppendOnly,
    /// Each run replaces the output as a whole. Nothing remains of a run that is not finished, so
    /// no later run can continue it. A job, which reports only changes, refuses such a sink.
    Replace,
}

/// Discards everything.
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

/// Gives each batch to both sinks, to the first one first.
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

    /// Returns the weaker promise of the two.
    fn delivery(&self) -> Delivery {
        // An error of the second sink leaves a batch with the first one only, which a redelivery
        // repairs.
        self.0.delivery().max(self.1.delivery())
    }
}

// No `Arc`: a sink is called with `&mut self`, so it has one owner.
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
