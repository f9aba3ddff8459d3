use async_trait::async_trait;

use super::{Batch, Change, Delivery, Sink};
use crate::error::Error;

/// A sink that calls a function with each change; made by [`callback`]
#[derive(Clone, Debug)]
pub struct Callback<F>(F);

/// Calls a function with each change; an error that it returns ends the scan
///
/// To own the verdicts, or to await something for each, take the stream of
/// [`Scan::verdicts`](crate::Scan::verdicts) instead.
///
/// ```
/// use azure_asset_sync::sink::callback;
///
/// let mut names = Vec::new();
/// let sink = callback(|change| {
///     names.extend(change.name().map(str::to_owned));
///     Ok(())
/// });
/// ```
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
        batch.changes.iter().try_for_each(&mut self.0)
    }

    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// Nothing is known of the function, so the careful answer
    fn delivery(&self) -> Delivery {
        Delivery::AppendOnly
    }
}
