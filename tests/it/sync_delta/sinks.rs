//! Sinks that store what a service would store after the delivered changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use azure_asset_sync::{
    Error, ErrorKind,
    sink::{Batch, Change, Delivery, RunId, Sink},
};
use tokio::sync::Notify;

use super::model::content_of;

/// A sink that applies changes strictly, and asserts that each is valid.
#[derive(Debug, Default)]
pub struct Mirror {
    pub assets: BTreeMap<String, String>,
    pub rejected: BTreeSet<String>,
    /// The assets that were ever removed.
    pub removed: BTreeSet<String>,
    /// The number of changes in this run.
    pub changes: usize,
    pub last: Option<(RunId, u64)>,
}

#[async_trait::async_trait]
impl Sink for Mirror {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        assert!(!batch.changes.is_empty());
        let number = self.last.filter(|(run, _)| run == batch.run).map_or(0, |(_, n)| n + 1);
        assert_eq!(batch.sequence, number, "a batch is missing or repeated");
        self.last = Some((*batch.run, number));
        for change in batch.changes {
            self.changes += 1;
            let name = change.name().unwrap().to_owned();
            let etag = change.asset().map(content_of);
            let had = self.assets.get(&name).cloned();
            match change {
                Change::Added(_) => {
                    assert!(had.is_none() && !self.removed.contains(&name), "added twice: {name}");
                }
                Change::Restored(_) => assert!(had.is_none() && self.removed.contains(&name)),
                Change::Changed(_) => assert!(had.is_some() && had != etag, "unchanged: {name}"),
                Change::Removed(removal) => {
                    assert_eq!(had.is_some(), removal.kind.is_some(), "{name}");
                    assert!(
                        had.is_some() || self.rejected.contains(&name),
                        "removed, but never added: {name}"
                    );
                }
                _ => assert!(had.is_none(), "rejected without a removal: {name}"),
            }
            self.rejected.remove(&name);
            self.assets.remove(&name);
            match (etag, change) {
                (Some(etag), _) => drop(self.assets.insert(name, etag)),
                (None, Change::Removed(removal)) => {
                    if removal.kind.is_some() {
                        self.removed.insert(name);
                    }
                }
                _ => drop(self.rejected.insert(name)),
            }
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn delivery(&self) -> Delivery {
        Delivery::AppendOnly
    }
}

/// A sink that is keyed by name, and can fail.
#[derive(Debug, Default)]
pub struct Upserts {
    pub assets: BTreeMap<String, String>,
    pub rejected: BTreeSet<String>,
    pub last: Option<(RunId, u64)>,
    pub replayed: usize,
    pub interrupted: usize,
    /// The number of calls before it fails, and how it fails.
    pub fail: Option<(usize, How)>,
    /// Notified when the sink hangs.
    pub hangs: Arc<Notify>,
}

/// How a sink fails.
#[derive(Clone, Copy, Debug)]
pub enum How {
    Error,
    Panic,
    /// The sink does not return, and the run is dropped.
    Hang,
}

impl Upserts {
    async fn fail(&mut self) -> Result<(), Error> {
        let Some((left, how)) = self.fail else { return Ok(()) };
        if left > 0 {
            self.fail = Some((left - 1, how));
            return Ok(());
        }
        self.fail = None;
        match how {
            How::Error => Err(Error::new(ErrorKind::Sink, "the sink fails as planned")),
            // Prints no message.
            How::Panic => std::panic::resume_unwind(Box::new("the sink panics as planned")),
            How::Hang => {
                self.hangs.notify_one();
                std::future::pending().await
            }
        }
    }
}

#[async_trait::async_trait]
impl Sink for Upserts {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        self.fail().await?;
        if let Some((run, last)) = self.last
            && run == *batch.run
        {
            assert!(
                batch.sequence == last || batch.sequence == last + 1,
                "more than one comes again"
            );
            self.replayed += usize::from(batch.sequence == last);
        }
        self.last = Some((*batch.run, batch.sequence));
        for change in batch.changes {
            let name = change.name().unwrap().to_owned();
            self.assets.remove(&name);
            self.rejected.remove(&name);
            match (change.asset(), change.rejection()) {
                (Some(asset), _) => {
                    self.assets.insert(name, content_of(asset));
                }
                (_, Some(_)) => drop(self.rejected.insert(name)),
                _ => {}
            }
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        self.interrupted += 1;
        self.fail().await
    }

    async fn finish(&mut self) -> Result<(), Error> {
        self.fail().await
    }

    fn delivery(&self) -> Delivery {
        Delivery::Idempotent
    }
}
