//! The counts of a scan: [`Report`] is a snapshot of them, [`Progress`] the handle to read them.
//!
//! The stream of verdicts counts in a [`Tally`] of its own and publishes it page by page, so that counting
//! takes no lock for each blob.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::tally::Tally;
use crate::{
    clock::Clock,
    observe::{self, Counted},
    units::Bytes,
    validate::{Format, Kind, Reason, Rules},
};

/// The counts of a scan.
///
/// Its `Display` is a summary for people, over several lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Report {
    /// Assets by kind.
    #[serde(deserialize_with = "crate::coded::read_counts")]
    pub kinds: BTreeMap<Kind, u64>,
    /// Assets by media type, for example `image/jpeg`.
    pub formats: BTreeMap<String, u64>,
    /// Rejected entries by reason.
    #[serde(deserialize_with = "crate::coded::read_counts")]
    pub rejections: BTreeMap<Reason, u64>,
    /// Findings on assets by reason. An asset can have several.
    #[serde(deserialize_with = "crate::coded::read_counts")]
    pub findings: BTreeMap<Reason, u64>,
    /// Assets whose names were not compared with others, because there were too many to remember.
    pub collisions_unchecked: u64,
    /// The total size of all assets, in bytes.
    pub bytes: u64,
    /// Pages of the listing.
    pub pages: u64,
    /// Requests to the store, including those that failed and were sent again.
    pub requests: u64,
    /// The time since the scan began, by its clock. In JSON: ISO 8601, for example `PT1M30S`.
    #[serde(with = "crate::iso::duration")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::iso::schema::Iso8601"))]
    pub elapsed: Duration,
}

impl Report {
    /// Returns the number of assets.
    pub fn accepted(&self) -> u64 {
        total(&self.kinds)
    }

    /// Returns the number of rejected entries: [`skipped`](Self::skipped) and [`errors`](Self::errors).
    pub fn rejected(&self) -> u64 {
        total(&self.rejections)
    }

    /// Returns the number of blobs that a rule or the filter has skipped, for example `README.md`.
    pub fn skipped(&self) -> u64 {
        self.rejected() - self.errors()
    }

    /// Returns the number of entries that could not be processed: unreadable entries and unreadable
    /// blobs.
    ///
    /// ```
    /// use azure_asset_sync::{Blob, MemoryStore, Prefix, Scan};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let store = MemoryStore::from_iter(["a.jpg", "README.md"].map(|name| Blob::new(name, 10)));
    /// let report = Scan::new(store, &Prefix::default()).run(()).await?;
    /// assert_eq!((report.accepted(), report.skipped(), report.errors()), (1, 1, 0));
    /// # Ok::<(), azure_asset_sync::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn errors(&self) -> u64 {
        let errors = self.rejections.iter().filter(|(reason, _)| reason.is_error());
        errors.fold(0, |sum: u64, (_, count)| sum.saturating_add(*count))
    }

    /// Returns the number of entries of the listing.
    pub fn total(&self) -> u64 {
        self.accepted().saturating_add(self.rejected())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list<K: fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
            let texts: Vec<_> = counts.iter().map(|(what, n)| format!("{n} {what}")).collect();
            if texts.is_empty() { String::new() } else { format!(" ({})", texts.join(", ")) }
        }
        writeln!(
            f,
            "{} blobs on {} pages, {} requests, {:.1?}",
            self.total(),
            self.pages,
            self.requests,
            self.elapsed
        )?;
        writeln!(f, "{} assets, {}{}", self.accepted(), Bytes(self.bytes), list(&self.formats))?;
        write!(f, "{} rejected{}", self.rejected(), list(&self.rejections))?;
        if !self.findings.is_empty() {
            write!(f, "\nfindings on assets{}", list(&self.findings))?;
        }
        if self.collisions_unchecked > 0 {
            write!(f, "\n{} names were not compared with others", self.collisions_unchecked)?;
        }
        Ok(())
    }
}

/// A handle that reports how far a scan has come.
///
/// Created by [`Scan::progress`](super::Scan::progress). Cheap to clone, and usable from any task. The
/// counts change page by page.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    report: Report,
    /// The clock of the scan, and what it showed when the scan began.
    started: Option<(Arc<dyn Clock>, Duration)>,
    /// Whether `report.elapsed` is final.
    ended: bool,
}

impl State {
    /// Returns the time since the scan began, or zero before that.
    fn elapsed(&self) -> Duration {
        let since = |(clock, started): &(Arc<dyn Clock>, Duration)| {
            clock.elapsed().saturating_sub(*started)
        };
        self.started.as_ref().map(since).unwrap_or_default()
    }
}

impl Progress {
    /// Returns the current counts.
    pub fn report(&self) -> Report {
        let state = self.state();
        let mut report = state.report.clone();
        if !state.ended {
            report.elapsed = state.elapsed();
        }
        report
    }

    /// Locks the counts.
    fn state(&self) -> MutexGuard<'_, State> {
        // Counting cannot panic half-way, so a poisoned state is still valid.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Starts the time and resets the verdict counts, because a job may list a second time.
    pub(super) fn start(&self, clock: &Arc<dyn Clock>) {
        let mut state = self.state();
        state.started.get_or_insert_with(|| (Arc::clone(clock), clock.elapsed()));
        state.ended = false;
        let Report { pages, requests, .. } = state.report;
        state.report = Report { pages, requests, ..Report::default() };
    }

    /// Returns the counts for those who observe the end of a scan.
    pub(crate) fn counted(&self) -> Counted {
        let report = &self.state().report;
        Counted::new(report.requests, report.pages, report.accepted(), report.rejected())
    }

    /// Stops the time. A second call has no effect.
    pub(super) fn end(&self) {
        let mut state = self.state();
        if state.started.is_some() && !std::mem::replace(&mut state.ended, true) {
            state.report.elapsed = state.elapsed();
        }
    }

    /// Counts a request.
    pub(super) fn requested(&self) {
        self.state().report.requests += 1;
    }

    /// Adds a tally to the counts and resets the tally.
    pub(super) fn publish(&self, tally: &mut Tally, rules: &Rules) {
        let mut counted = std::mem::take(tally);
        let rejected =
            Reason::ALL.iter().map(|&reason| (reason.as_str(), counted.rejections[reason]));
        observe::judged(counted.pages, counted.images + counted.videos, rejected);
        let mut state = self.state();
        let report = &mut state.report;
        report.pages += counted.pages;
        report.bytes += counted.bytes;
        report.collisions_unchecked += counted.unchecked;
        let kinds = [
            (Kind::Image, counted.images),
            (Kind::Video, counted.videos),
            (Kind::Other, counted.other_kinds),
        ];
        for (kind, n) in kinds {
            add(&mut report.kinds, kind, n);
        }
        for &reason in Reason::ALL {
            add(&mut report.rejections, reason, counted.rejections[reason]);
            add(&mut report.findings, reason, counted.findings[reason]);
        }
        // Formats of the rules by their position, and then media types that only the store has stated.
        let formats =
            rules.formats().iter().map(Format::media_type).zip(counted.formats.iter().copied());
        let others = counted.others.iter().map(|(media_type, n)| (media_type, *n));
        for (media_type, n) in formats.chain(others).filter(|(_, n)| *n > 0) {
            add(&mut report.formats, media_type.to_string(), n);
        }
        // The counters are kept, so that each is allocated once.
        counted.formats.fill(0);
        tally.formats = counted.formats;
    }
}

/// Returns the sum of counts, or the greatest number if they do not fit, which only damaged JSON has.
fn total<K>(counts: &BTreeMap<K, u64>) -> u64 {
    counts.values().fold(0, |sum, count| sum.saturating_add(*count))
}

/// Adds to a count; counts of 0 have no entry.
fn add<K: Ord>(counts: &mut BTreeMap<K, u64>, what: K, n: u64) {
    if n > 0 {
        *counts.entry(what).or_default() += n;
    }
}
