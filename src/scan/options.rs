//! The configuration of a scan, which scans, jobs and previews share.
//!
//! [`Scan`](super::Scan) builds a [`ScanOptions`]; jobs and previews take it over. Whoever owns the
//! options can adapt them and start the listing. What a job or a preview needs and a user does not is a
//! method here, so that `Scan` has only methods for users.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{plan::Settings, report::Progress, shard::Shard};
use crate::{
    backoff::Backoff,
    clock::{Clock, SystemClock},
    name::Prefix,
    store::{NameOrder, Store},
    validate::Rules,
};

/// Everything that a scan was configured with.
///
/// A clone lists the same again and shares the [`Progress`]: requests and pages count on, and verdicts
/// are those of the later listing.
#[derive(Clone)]
pub(crate) struct ScanOptions {
    pub(super) store: Arc<dyn Store>,
    /// The shards to list; the prefix of the scan is a single shard without bounds.
    pub(super) shards: Vec<Shard>,
    /// Names that divide the listing evenly, if they are known.
    pub(super) cuts: Vec<String>,
    pub(super) settings: Settings,
    pub(super) rules: Rules,
    /// The most pages that wait for the consumer.
    pub(super) prefetch: usize,
    pub(super) backoff: Backoff,
    /// The most time for one page, with all attempts and delays.
    pub(super) page_deadline: Duration,
    /// The clock of delays, deadlines and the time in reports.
    pub(super) clock: Arc<dyn Clock>,
    pub(super) progress: Progress,
    /// Whether the listing is paused, if somebody can pause it.
    pub(super) pause: Option<watch::Receiver<bool>>,
}

impl ScanOptions {
    /// Returns the default options for a prefix.
    pub(super) fn new(store: Arc<dyn Store>, prefix: &Prefix) -> Self {
        Self {
            store,
            shards: vec![Shard::new(prefix)],
            cuts: Vec::new(),
            settings: Settings {
                in_flight: 1,
                is_ascending: false,
                page_size: None,
                include: Vec::new(),
                assumed: None,
                insists: false,
            },
            rules: Rules::default(),
            prefetch: 2,
            backoff: Backoff::default(),
            page_deadline: Duration::from_secs(180),
            clock: Arc::new(SystemClock),
            progress: Progress::default(),
            pause: None,
        }
    }

    /// Returns the store that is listed.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// Returns the prefix of everything that is listed, which is empty for more than one shard.
    pub(crate) fn prefix(&self) -> &str {
        match self.shards.as_slice() {
            [shard] => &shard.prefix,
            _ => "",
        }
    }

    /// Returns the clock of delays and deadlines.
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// Returns a handle to the counts.
    pub(crate) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Returns the options with which the listing starts: settings that contradict each other are changed.
    pub(super) fn resolved(mut self) -> Self {
        let orders = self.shards.iter().map(|shard| shard.order);
        if orders.chain([self.settings.assumed]).any(|order| order == Some(NameOrder::Unsorted)) {
            // In no known order a listing cannot be divided, and names do not ascend.
            self.settings.assumed = Some(NameOrder::Unsorted);
            (self.settings.in_flight, self.settings.is_ascending) = (1, false);
        }
        self
    }
}

/// The accessors that a job needs.
#[cfg(feature = "sync")]
impl ScanOptions {
    /// Returns the shards to list.
    pub(crate) fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// Returns the rules.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Returns how many requests may be under way.
    pub(crate) fn in_flight(&self) -> usize {
        self.settings.in_flight
    }

    /// Returns whether more than one entry of a name is listed: snapshots or versions.
    ///
    /// A job remembers one entry of each name, so it refuses such a scan.
    pub(crate) fn lists_copies(&self) -> bool {
        self.settings.lists_copies()
    }

    /// Uses this clock for delays and deadlines.
    pub(crate) fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Lists these shards.
    pub(crate) fn with_shards(self, shards: Vec<Shard>) -> Self {
        Self { shards, ..self }
    }

    /// Divides the listing at these names, which an earlier listing has found to be about even.
    pub(crate) fn with_cuts(self, cuts: Vec<String>) -> Self {
        Self { cuts, ..self }
    }

    /// Pauses the listing while the value is `true`.
    ///
    /// A paused listing sends no request. Requests that are in flight are dropped, and sent again with a
    /// new deadline when the listing continues, so that an outage during a pause has no effect.
    pub(crate) fn paused_by(self, pause: watch::Receiver<bool>) -> Self {
        Self { pause: Some(pause), ..self }
    }

    /// Returns verdicts in ascending order.
    pub(crate) fn ascending(mut self) -> Self {
        self.settings.is_ascending = true;
        self
    }

    /// Starts with this order of names, whatever the first page states.
    ///
    /// For a job that knows the order from an earlier run. Without [`insist`](Self::insist) names can
    /// still overrule it. With [`NameOrder::Unsorted`] each shard is listed from the start of its
    /// prefix, one page after the other: with one request in flight, without `start_from`, and without
    /// a check that names ascend. Verdicts then come in the order of the listing, and the
    /// [`Coverage`](super::Coverage) of a page has no meaning.
    pub(crate) fn assume(mut self, order: NameOrder) -> Self {
        self.settings.assumed = Some(order);
        self
    }

    /// Ends with an error of kind [`OutOfOrder`](crate::ErrorKind::OutOfOrder) if names contradict the
    /// order that the scan relies on, instead of continuing in another one.
    ///
    /// The order is the assumed one, or else the one that the first page with blobs states. It is
    /// checked with one request in flight, too. Everything returned until then is right, including the
    /// coverage of the pages. [`Verdicts::explanation`](super::Verdicts::explanation) then returns the order to assume next. Has no
    /// effect on a scan that assumes [`NameOrder::Unsorted`].
    pub(crate) fn insist(mut self) -> Self {
        self.settings.insists = true;
        self
    }
}

impl std::fmt::Debug for ScanOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scan")
            .field("shards", &self.shards)
            .field("settings", &self.settings)
            .field("prefetch", &self.prefetch)
            .field("page_deadline", &self.page_deadline)
            .finish_non_exhaustive()
    }
}
