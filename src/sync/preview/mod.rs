//! What a sync would find, before anything is synced.

mod nearest;
mod report;
mod sample;
mod seen;

use std::{fmt, time::Duration};

use futures::TryStreamExt as _;
use tokio::time::{Instant, timeout_at};

use self::seen::Seen;
pub use self::{
    nearest::Nearest,
    report::{
        Bound, Collision, Estimate, Folder, Folders, PreviewReport, SizeBucket, Sizes, Total,
    },
};
use crate::{
    error::Error,
    scan::{Progress, Scan},
    validate::Asset,
};

/// A scan that only tells what a sync would find: it writes nothing, and reads no content
///
/// It takes the very [`Scan`] that a sync would run, with its rules and its filter, so that what it
/// says is what the sync will do. Without a bound it lists all, and its numbers are exact; with one
/// it stops there, and says so in each of them.
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
#[must_use = "a preview does nothing until it is run"]
pub struct Preview {
    scan: Scan,
    blobs: Option<u64>,
    time: Option<Duration>,
    samples: usize,
    examples: usize,
    seed: u64,
    price: Option<f64>,
    quota: Option<Quota>,
    looks_around: bool,
}

/// What an asset costs of a quota, as the caller counts it
type Quota = Box<dyn FnMut(&Asset) -> u64 + Send>;

impl Preview {
    /// A preview of this scan: 10 samples, 3 examples, and no bound
    pub fn new(scan: Scan) -> Self {
        Self {
            scan,
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

    /// Stops where this is reached; of bounds of two sorts the first that is
    ///
    /// What was seen until then is the start of the listing, or of the parts of it where more than
    /// one request is in flight. It is the same again only with one request in flight.
    pub fn bound(mut self, bound: Bound) -> Self {
        match bound {
            Bound::Blobs(blobs) => self.blobs = Some(blobs),
            Bound::Time(time) => self.time = Some(time),
        }
        self
    }

    /// How many names of assets to show, spread over all that was seen
    ///
    /// They are drawn at random by their hash, and then evenly by rank: the same for the same names
    /// and the same [`seed`](Self::seed), in whatever order they came. Memory is that of 4,096 names
    /// or of 16 a sample.
    pub fn samples(mut self, names: usize) -> Self {
        self.samples = names;
        self
    }

    /// How many examples to show for each reason, drawn as samples are
    pub fn examples(mut self, blobs: usize) -> Self {
        self.examples = blobs;
        self
    }

    /// Draws other samples and examples; 0 by default
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// What 10,000 list requests cost, in the caller's currency
    ///
    /// It depends on region, tier and contract, so that there is no default, and no cost without it.
    pub fn price(mut self, per_10_000_lists: f64) -> Self {
        self.price = Some(per_10_000_lists);
        self
    }

    /// Sums what each asset costs of a quota, such as one row, or one for each second of a video
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

    /// Does not look for similar names above the prefix where nothing has it
    ///
    /// Else it lists a level of at most eight folders above, which a grant that is tied to the
    /// prefix refuses; that is then told in [`Nearest::refused`], and is no error.
    pub fn only_below_prefix(mut self) -> Self {
        self.looks_around = false;
        self
    }

    /// A handle that tells how far it is, from anywhere, while it runs
    pub fn progress(&self) -> Progress {
        self.scan.progress()
    }

    /// Lists, judges and counts
    ///
    /// Takes a Tokio runtime with time enabled. Cancelled by dropping the future.
    ///
    /// # Errors
    /// The first error of the store, as a sync would have it. What was counted until then is in
    /// [`progress`](Self::progress).
    pub async fn run(mut self) -> Result<PreviewReport, Error> {
        let (store, progress) = (self.scan.store(), self.scan.progress());
        let prefix = self.scan.prefix().to_owned();
        let mut seen = Seen::new(&prefix, self.samples, self.examples, self.seed);
        // A deadline that no clock can tell is none.
        let deadline = self.time.and_then(|time| Instant::now().checked_add(time));
        let mut verdicts = self.scan.verdicts();
        let reached = loop {
            if let Some(most) = self.blobs
                && seen.blobs() >= most
            {
                break (!verdicts.remaining().is_empty()).then_some(Bound::Blobs(most));
            }
            let next = match (deadline, self.time) {
                (Some(deadline), Some(time)) => {
                    // A store that never waits would never let the timer fire.
                    if seen.blobs().is_multiple_of(256) && Instant::now() >= deadline {
                        break Some(Bound::Time(time));
                    }
                    match timeout_at(deadline, verdicts.try_next()).await {
                        Ok(next) => next?,
                        Err(_) => break Some(Bound::Time(time)),
                    }
                }
                _ => verdicts.try_next().await?,
            };
            let Some(verdict) = next else { break None };
            if let (Some(quota), Some(asset)) = (&mut self.quota, verdict.asset()) {
                seen.charge(quota(asset));
            }
            seen.take(verdict);
            // The stream counts its own work alone.
            if seen.blobs().is_multiple_of(256) {
                tokio::task::yield_now().await;
            }
        };
        // What was handed out is counted with it.
        drop(verdicts);
        let counts = progress.report();
        let nearest = match reached {
            None if counts.total() == 0 && self.looks_around && !prefix.is_empty() => {
                Some(nearest::look(&*store, &prefix).await)
            }
            _ => None,
        };
        let quota = self.quota.is_some();
        Ok(seen.report(counts, reached, nearest, self.price, quota))
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
