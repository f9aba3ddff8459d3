//! Previews: a dry run that reports what a scan or a sync would find, before anything is synced.
//!
//! A [`Preview`] takes the same [`Scan`] that a sync would run, so both judge by the same rules and filter.
//! `collector` remembers what the report needs of each verdict, in bounded memory; `sample` draws the
//! samples; `nearest` looks for similar names if nothing has the prefix; `report` has the result.
//!
//! A preview needs no state and no feature. It may be cancelled at any time, since it writes nothing.

mod collector;
mod nearest;
mod report;
mod report_json;
mod sample;

use std::{fmt, sync::Arc, time::Duration};

use futures::StreamExt as _;
use tracing::Instrument as _;

use self::collector::Collector;
pub use self::{
    nearest::Nearest,
    report::{
        Collision, Estimate, Folder, Folders, PreviewReport, SizeBucket, Sizes, StopAfter, Total,
    },
};
use crate::{
    clock::{Clock, until},
    error::Error,
    observe::Activity,
    scan::{Progress, Scan, ScanOptions, Verdicts},
    validate::{Asset, Verdict},
};

/// After how many entries the time is checked and other tasks may run.
const PAUSE: u64 = 64;

/// A dry run of a scan: it reports what a sync would find, writes nothing, and reads no content.
///
/// Without a limit it lists everything, and its numbers are exact. With a limit it stops there, and the
/// report says so. The report has counts by format and by reason, samples, examples of rejections and
/// collisions, the largest folders, sizes, and the requests and the time that a sync takes.
///
/// ```
/// use azure_asset_sync::{Blob, MemoryStore, Prefix, Preview, Scan};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let store = MemoryStore::from_iter(["a/1.jpg", "a/2.png", "b/3.txt"].map(|name| Blob::new(name, 9)));
/// let scan = Scan::new(store, &Prefix::default()).in_flight(16);
/// let report = Preview::new(scan).samples(2).price(0.05).run().await?;
/// assert!(report.total.is_exact());
/// assert_eq!((report.total.blobs(), report.counts.accepted()), (3, 2));
/// assert_eq!(report.samples, ["a/1.jpg", "a/2.png"]);
/// println!("{report}");
/// # Ok::<(), azure_asset_sync::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "dry run")]
#[must_use = "a preview does nothing until it is run"]
pub struct Preview {
    scan: ScanOptions,
    /// The limits, if any.
    blobs: Option<u64>,
    time: Option<Duration>,
    samples: usize,
    examples: usize,
    seed: u64,
    price: Option<f64>,
    quota: Option<Quota>,
    /// Whether similar names are looked for if nothing has the prefix.
    looks_around: bool,
}

/// Returns the cost of an asset in the caller's quota.
type Quota = Box<dyn FnMut(&Asset) -> u64 + Send>;

impl Preview {
    /// Creates a preview of this scan with 10 samples, 3 examples, and no limit.
    pub fn new(scan: Scan) -> Self {
        Self {
            scan: scan.into_options(),
            blobs: None,
            time: None,
            samples: 10,
            examples: 3,
            seed: 0,
            price: None,
            quota: None,
            looks_around: true,
        }
    }

    /// Stops at a limit. Of a number of blobs and a time, both given, the first one reached applies.
    ///
    /// A time is measured by the [clock of the scan](Scan::clock), from the start of [`run`](Self::run).
    ///
    /// The report is then about the start of the listing, or about the starts of its parts if the scan
    /// has more than one request in flight. It is reproducible only with one request in flight.
    #[doc(alias = "limit")]
    pub fn stop_after(mut self, limit: StopAfter) -> Self {
        match limit {
            StopAfter::Blobs(blobs) => self.blobs = Some(blobs),
            StopAfter::Time(time) => self.time = Some(time),
            // Only stored reports have this value; as a setting it limits nothing.
            StopAfter::Other => {}
        }
        self
    }

    /// Sets how many names of assets are shown as samples.
    ///
    /// Samples are drawn at random by their hash, and then evenly by rank, so they are spread over
    /// everything that was listed. For the same names and the same [`seed`](Self::seed) they are the
    /// same, in whatever order the names came. The preview remembers 4,096 names for this, or 16 for
    /// each sample if that is more.
    pub fn samples(mut self, names: usize) -> Self {
        self.samples = names;
        self
    }

    /// Sets how many examples are shown for each reason. They are drawn as samples are.
    pub fn examples(mut self, blobs: usize) -> Self {
        self.examples = blobs;
        self
    }

    /// Draws other samples and examples; 0 by default.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the price of 10,000 list requests, in any currency.
    ///
    /// The price depends on region, tier and contract, so there is no default. Without a price the
    /// report has no costs.
    pub fn price(mut self, per_10_000_lists: f64) -> Self {
        self.price = Some(per_10_000_lists);
        self
    }

    /// Sums what each asset costs of a quota, for example one row, or one row for each second of a
    /// video.
    ///
    /// ```
    /// # use azure_asset_sync::{Kind, MemoryStore, Prefix, Preview, Scan};
    /// let preview = Preview::new(Scan::new(MemoryStore::new(), &Prefix::default()))
    ///     .quota(|asset| if asset.kind == Kind::Video { 10 } else { 1 });
    /// ```
    pub fn quota(mut self, cost: impl FnMut(&Asset) -> u64 + Send + 'static) -> Self {
        self.quota = Some(Box::new(cost));
        self
    }

    /// Does not look for similar names above the prefix if nothing has the prefix.
    ///
    /// By default the preview lists one level of up to eight folders above the prefix. A grant that is
    /// limited to the prefix refuses that, which is no error: [`Nearest::refused`] reports it.
    pub fn only_below_prefix(mut self) -> Self {
        self.looks_around = false;
        self
    }

    /// Returns a handle that reports from any task how far the preview has come.
    pub fn progress(&self) -> Progress {
        self.scan.progress()
    }

    /// Runs the preview.
    ///
    /// Must be called inside a Tokio runtime with time enabled. Dropping the future cancels the preview.
    ///
    /// # Errors
    /// Fails with the first error of the store, as a sync would. The counts so far are in
    /// [`progress`](Self::progress).
    pub async fn run(self) -> Result<PreviewReport, Error> {
        let progress = self.progress();
        let mut activity = Activity::preview(self.scan.store().labels(), self.scan.prefix());
        let result = self.collect().instrument(activity.span()).await;
        activity.end(result.as_ref().map(|_| "complete"), progress.counted());
        result
    }

    /// Lists until the end or a limit, and makes the report.
    async fn collect(mut self) -> Result<PreviewReport, Error> {
        let (store, progress) = (self.scan.store(), self.scan.progress());
        let prefix = self.scan.prefix().to_owned();
        let mut collector = Collector::new(&prefix, self.samples, self.examples, self.seed);
        let limits = Limits::new(self.blobs, self.time, self.scan.clock());
        let mut verdicts = self.scan.verdicts();
        let reached = loop {
            if let Some(reached) = limits.reached(collector.blobs()) {
                // If nothing remains, the limit has cut nothing off.
                let is_cut_off = match reached {
                    StopAfter::Blobs(_) => !verdicts.remaining().is_empty(),
                    StopAfter::Time(_) | StopAfter::Other => true,
                };
                break Some(reached).filter(|_| is_cut_off);
            }
            // Only complete verdicts count: a limit that is reached while waiting drops nothing.
            let verdict = match limits.next(&mut verdicts).await {
                Ok(Some(verdict)) => verdict?,
                Ok(None) => break None,
                Err(limit) => break Some(limit),
            };
            if let (Some(quota), Some(asset)) = (&mut self.quota, verdict.asset()) {
                collector.charge(quota(asset));
            }
            collector.take(verdict);
            // The stream of verdicts counts only its own work.
            if collector.blobs().is_multiple_of(PAUSE) {
                tokio::task::yield_now().await;
            }
        };
        // Dropping the stream publishes the last counts.
        drop(verdicts);
        // The report takes a millisecond or two.
        tokio::task::yield_now().await;
        let counts = progress.report();
        // A listing that was cut off may have names later on.
        let is_empty = reached.is_none() && counts.total() == 0;
        let nearest = match is_empty && self.looks_around && !prefix.is_empty() {
            true => Some(nearest::find(&*store, &prefix).await),
            false => None,
        };
        Ok(collector.report(counts, reached, nearest, self.price, self.quota.is_some()))
    }
}

/// Where a preview stops.
struct Limits {
    blobs: Option<u64>,
    /// A time, and when it is up.
    time: Option<(Duration, Duration)>,
    clock: Arc<dyn Clock>,
}

impl Limits {
    /// Returns the limits. The time starts now.
    fn new(blobs: Option<u64>, time: Option<Duration>, clock: Arc<dyn Clock>) -> Self {
        // A time that no clock can represent is no limit.
        let deadline = |time| Some((time, clock.elapsed().checked_add(time)?));
        Self { blobs, time: time.and_then(deadline), clock }
    }

    /// Returns the limit that is reached after so many entries.
    fn reached(&self, blobs: u64) -> Option<StopAfter> {
        if let Some(most) = self.blobs.filter(|most| blobs >= *most) {
            return Some(StopAfter::Blobs(most));
        }
        // With a store that never waits, the timer would never fire.
        let (time, deadline) = self.time.filter(|_| blobs.is_multiple_of(PAUSE))?;
        (self.clock.elapsed() >= deadline).then_some(StopAfter::Time(time))
    }

    /// Returns the next verdict, or `None` at the end of the listing.
    ///
    /// # Errors
    /// Returns the limit if the time is up before.
    async fn next(
        &self,
        verdicts: &mut Verdicts,
    ) -> Result<Option<Result<Verdict, Error>>, StopAfter> {
        match self.time {
            None => Ok(verdicts.next().await),
            Some((time, deadline)) => {
                let next = until(&*self.clock, deadline, verdicts.next()).await;
                next.ok_or(StopAfter::Time(time))
            }
        }
    }
}

impl fmt::Debug for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Preview")
            .field("scan", &self.scan)
            .field("blobs", &self.blobs)
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}
