//! [`callback`]: a function as a sink.
//!
//! Nothing is buffered: the function is called while a batch is accepted.

use async_trait::async_trait;

use super::{Batch, Change, Delivery, Sink};
use crate::error::Error;

/// A sink that calls a function with each change. Created by [`callback`].
#[derive(Clone, Debug)]
pub struct Callback<F>(F);

/// Creates a sink that calls a function with each change.
///
/// An error of the function ends the run. The function must not block for long, because it runs on
/// the task of the scan. To own the verdicts, or to await something for each of them, use the
/// stream of [`Scan::verdicts`](crate::Scan::verdicts) instead.
///
/// After a failed run, the function has been called with some of the changes. A job may call it
/// twice with the changes of one batch, so the sink counts as [`Delivery::AppendOnly`].
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// use azure_asset_sync::{Blob, MemoryStore, Prefix, Scan, sink::callback};
///
/// let store = MemoryStore::from_iter([Blob::new("a.jpg", 10), Blob::new("notes.txt", 20)]);
/// let mut names = Vec::new();
/// let sink = callback(|change| {
///     names.extend(change.asset().map(|asset| asset.blob.name.clone()));
///     Ok(())
/// });
/// Scan::new(store, &Prefix::default()).run(sink).await?;
/// assert_eq!(names, ["a.jpg"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "closure")]
pub fn callback<F>(function: F) -> Callback<F>
where
    F: FnMut(&Change) -> Result<(), Error> + Send,
{
    Callback(function)
}

#[async_trait]
impl<F> Sink for Callback<F>
where
    F: FnMut(&Change) -> Result<(), Error> + Send,
{
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        // Stops at the first error: the run ends with it.
        batch.changes.iter().try_for_each(&mut self.0)
    }

    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// Returns [`Delivery::AppendOnly`], because the function may have an effect each time.
    fn delivery(&self) -> Delivery {
        Delivery::AppendOnly
    }
}
