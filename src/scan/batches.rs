//! Verdicts in batches, for callers that write several at a time.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures::{Stream, stream::FusedStream};

use super::verdicts::Verdicts;
use crate::{error::Error, validate::Verdict};

impl Verdicts {
    /// Returns the same verdicts in batches, for callers that write several at a time.
    ///
    /// A batch has 1 to 1,000 verdicts: those that are available without waiting, and fewer if judging
    /// more would keep other tasks waiting. If each verdict is handled alone, batches are no faster.
    ///
    /// ```
    /// use azure_asset_sync::{Prefix, Scan, store::{Blob, MemoryStore}};
    /// use futures::TryStreamExt as _;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let store = MemoryStore::from_iter([Blob::new("a.jpg", 10), Blob::new("notes.txt", 20)]);
    /// let mut batches = Scan::new(store, &Prefix::default()).verdicts().batches();
    /// while let Some(batch) = batches.try_next().await? {
    ///     println!("{} rows to insert", batch.len());
    /// }
    /// # Ok::<(), azure_asset_sync::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn batches(self) -> Batches {
        Batches(self)
    }
}

/// A stream of verdicts in batches. Created by [`Verdicts::batches`].
///
/// Batches are never empty. The stream ends after the first error.
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Batches(Verdicts);

impl Stream for Batches {
    type Item = Result<Vec<Verdict>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut batch = Vec::new();
        let polled = ready!(self.0.poll_batch(cx, &mut batch));
        Poll::Ready(polled.map(|result| result.map(|()| batch)))
    }
}

impl FusedStream for Batches {
    fn is_terminated(&self) -> bool {
        self.0.is_terminated()
    }
}
