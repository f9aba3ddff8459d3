//! The loop of a run: lists, hands changes to a sink, commits, reports removals, and finishes.
//!
//! Knows nothing about files: the worker does everything that touches the state. The order of
//! prepare, sink and commit is the promise that at most one batch comes twice after a crash.

use super::{
    control::JobControl,
    state::{SyncState, View},
    status::Phase,
    summary::{Ending, Summary},
    worker::Worker,
};
use crate::{
    error::{Error, ErrorKind},
    observe,
    scan::ScanOptions,
    sink::{Batch, Change, Sink},
    store::NameOrder,
};

/// At most how many parts of the base a scan gets as proposals for ranges.
const PARTS: usize = 512;

/// How a listing has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listing {
    /// Everything was listed, and everything that follows from it was delivered.
    Complete,
    /// Somebody has cancelled the run. The state is where the last commit has left it.
    Cancelled,
    /// Names are not in the order that was assumed, but maybe in this one.
    OutOfOrder(NameOrder),
}

/// A run under way.
pub(super) struct RunLoop<'a> {
    /// The state.
    worker: Worker,
    /// Receives requests, and shows progress.
    control: &'a JobControl,
}

impl<'a> RunLoop<'a> {
    pub(super) fn new(worker: Worker, control: &'a JobControl) -> Self {
        Self { worker, control }
    }

    /// Releases the state, so that the next run need not wait for it.
    pub(super) async fn close(self) -> Result<(), Error> {
        self.worker.close().await
    }

    /// Runs to the end, or until the run is cancelled.
    ///
    /// `max_removals` is the share of the assets above which removals are withheld. Calls of the sink and
    /// steps of the state are not interrupted by a cancellation: the caller limits their time, and drops
    /// this future when it is over.
    ///
    /// # Errors
    ///
    /// Returns the first error of the store, the sink or the state. What was committed until then
    /// is kept.
    pub(super) async fn run(
        &mut self,
        scan: ScanOptions,
        mut sink: impl Sink,
        max_removals: f64,
    ) -> Result<Summary, Error> {
        self.show(Phase::Listing);
        let View { is_listed, relist, .. } = self.worker.view();
        if (!is_listed || relist.is_some())
            && self.list(&scan, &mut sink).await? == Listing::Cancelled
        {
            return Ok(self.summary(Ending::Cancelled));
        }
        let (missing, of) = self.worker.run(SyncState::removals).await?;
        // At 1.0 nothing is withheld, not even if rounding makes the product smaller than the
        // count.
        let is_withheld = max_removals < 1.0 && missing as f64 > max_removals * of as f64;
        if is_withheld {
            observe::removals_withheld(missing, of);
        }
        if self.control.wait_while_paused().await
            || (!is_withheld && !self.report_removals(&mut sink).await?)
        {
            return Ok(self.summary(Ending::Cancelled));
        }
        self.show(Phase::Finishing);
        // The sink goes first: after the manifest is replaced, nothing would be reported again.
        sink.flush().await?;
        sink.finish().await?;
        let totals = self.worker.run(move |state| state.finish(!is_withheld)).await?;
        let nameless = self.worker.view().nameless;
        let ending = match is_withheld {
            true => Ending::RemovalsWithheld { missing, of },
            false => Ending::Complete,
        };
        let (listed, assets) = (Some(totals.listed), Some(totals.assets));
        let summary = Summary { listed, assets, ..self.summary(ending) };
        Ok(summary.with_errors(totals.errors + nameless, totals.listed + nameless))
    }

    /// Delivers all removals, batch by batch. Returns `false` if the run was cancelled.
    ///
    /// A run that is interrupted or cancelled here resumes after the last batch that was committed. A
    /// sink that was given some removals is given all of them, by the next run if not by this one.
    async fn report_removals(&mut self, sink: &mut impl Sink) -> Result<bool, Error> {
        self.show(Phase::Removing);
        loop {
            let changes = self.worker.run(SyncState::next_removals).await?;
            if changes.is_empty() {
                return Ok(true);
            }
            if !self.deliver(sink, changes).await? || self.control.wait_while_paused().await {
                return Ok(false);
            }
        }
    }

    /// Lists everything that remains, and again in another order if the assumed one is wrong.
    ///
    /// The loop ends, because each order is tried at most once and a sort accepts every order.
    async fn list(&mut self, scan: &ScanOptions, sink: &mut impl Sink) -> Result<Listing, Error> {
        let mut tried = Vec::new();
        if let Some(order) = self.worker.view().relist
            && self.relist(order).await? == Listing::Cancelled
        {
            return Ok(Listing::Cancelled);
        }
        loop {
            let view = self.worker.view();
            let order = match view.other_order {
                Some(order) => order,
                None => match self.list_once(scan, sink).await? {
                    Listing::OutOfOrder(order) => order,
                    end => return Ok(end),
                },
            };
            tried.extend(view.order);
            // An order that has failed in this run will fail again. A sort is slower, but needs no
            // order, so that the loop ends.
            let order = if tried.contains(&order) { NameOrder::Unsorted } else { order };
            if self.relist(order).await? == Listing::Cancelled {
                return Ok(Listing::Cancelled);
            }
        }
    }

    /// Brings the base into an order, from which the listing begins again.
    ///
    /// The first step commits that the run must list again, so that a run that is cancelled here
    /// begins this again.
    async fn relist(&mut self, order: NameOrder) -> Result<Listing, Error> {
        self.show(Phase::Sorting);
        observe::relist(order.code());
        self.worker.run(move |state| state.relist(order)).await?;
        loop {
            if self.control.wait_while_paused().await {
                return Ok(Listing::Cancelled);
            }
            if !self.worker.run(SyncState::relist_step).await? {
                self.show(Phase::Listing);
                return Ok(Listing::Complete);
            }
        }
    }

    /// Lists everything that remains, once.
    ///
    /// Reads as three steps: the pages, the sort if names come in no known order, and the end of
    /// the listing, which finds the missing blobs.
    async fn list_once(
        &mut self,
        scan: &ScanOptions,
        sink: &mut impl Sink,
    ) -> Result<Listing, Error> {
        let mut verdicts = self.scan_remaining(scan).await?.verdicts();
        let is_unsorted = self.worker.view().order == Some(NameOrder::Unsorted);
        loop {
            // Waits for requests, retries and tokens, so a cancellation drops them.
            let page = self.control.unless_cancelled(verdicts.next_page()).await;
            let Some(page) = page else { return Ok(Listing::Cancelled) };
            let Some(page) = page else { break };
            let (page, coverage) = match page {
                Ok(page) => page,
                Err(error) => return self.listing_error(error, verdicts.explanation()).await,
            };
            // Nothing is delivered yet: in no known order, any later page could change what
            // follows.
            if is_unsorted {
                self.worker.run(move |state| state.collect(page)).await?;
                continue;
            }
            let order = coverage.order();
            match self.worker.run(move |state| state.take(page, &coverage)).await? {
                Some(changes) => {
                    if !self.deliver_all(sink, changes).await? {
                        return Ok(Listing::Cancelled);
                    }
                }
                None => return Ok(Listing::OutOfOrder(order)),
            }
        }
        // Frees the pages of the scan before the sort and the last commit take memory.
        drop(verdicts);
        if is_unsorted && self.take_sorted(sink).await? == Listing::Cancelled {
            return Ok(Listing::Cancelled);
        }
        let changes = self.worker.run(SyncState::end_listing).await?;
        Ok(match self.deliver_all(sink, changes).await? {
            true => Listing::Complete,
            false => Listing::Cancelled,
        })
    }

    /// Returns a scan of what remains, in the order that is known.
    ///
    /// Insists on the order: a scan that works around another order by itself would hide it from
    /// the state.
    async fn scan_remaining(&mut self, scan: &ScanOptions) -> Result<ScanOptions, Error> {
        let View { order, is_resumed, .. } = self.worker.view();
        let scan = match order {
            // Without an order no range of names remains: everything is listed again.
            Some(NameOrder::Unsorted) => return Ok(scan.clone().assume(NameOrder::Unsorted)),
            Some(order) => scan.clone().assume(order).insist(),
            None => scan.clone().insist(),
        };
        let scan = match scan.in_flight() {
            // With one request in flight, ranges would only cost additional requests.
            1 => scan.ascending(),
            _ => scan.with_cuts(self.worker.run(|state| Ok(state.split_names(PARTS))).await?),
        };
        Ok(match is_resumed {
            true => scan.with_shards(self.worker.run(|state| Ok(state.left())).await?),
            // Everything remains, and a scan of the whole prefix finds better ranges by itself.
            false => scan,
        })
    }

    /// Returns what an error of the listing means for the run.
    ///
    /// An error of the order is not an error of the run, unless the listing is sorted anyway.
    async fn listing_error(
        &mut self,
        error: Error,
        explanation: Option<NameOrder>,
    ) -> Result<Listing, Error> {
        let order = self.worker.view().order.unwrap_or_default();
        match error.kind() {
            _ if order == NameOrder::Unsorted => Err(error),
            ErrorKind::OutOfOrder => {
                Ok(Listing::OutOfOrder(explanation.unwrap_or(NameOrder::Unsorted)))
            }
            ErrorKind::RepeatedMarker => {
                // The service may have left out names before it repeated the marker, so what was
                // found missing until then is decided again by the next run.
                self.relist(order).await?;
                Err(error)
            }
            _ => Err(error),
        }
    }

    /// Sorts a listing in no known order, and delivers what follows from it.
    async fn take_sorted(&mut self, sink: &mut impl Sink) -> Result<Listing, Error> {
        self.show(Phase::Sorting);
        while self.worker.run(SyncState::sort).await? {
            if self.control.wait_while_paused().await {
                return Ok(Listing::Cancelled);
            }
        }
        self.show(Phase::Listing);
        while let Some(changes) = self.worker.run(SyncState::take_sorted).await? {
            if !self.deliver_all(sink, changes).await? {
                return Ok(Listing::Cancelled);
            }
        }
        Ok(Listing::Complete)
    }

    /// Delivers everything that follows from a page, in bounded parts. Returns `false` if the run was
    /// cancelled, maybe after a part.
    ///
    /// The first part is given, and the state returns the others. Each is committed before the
    /// next, so that memory stays bounded if one page covers many blocks.
    async fn deliver_all(
        &mut self,
        sink: &mut impl Sink,
        mut changes: Vec<Change>,
    ) -> Result<bool, Error> {
        loop {
            if !self.deliver(sink, changes).await? || self.control.wait_while_paused().await {
                return Ok(false);
            }
            if !self.worker.view().has_more {
                return Ok(true);
            }
            // The batch before is committed, so its memory is free.
            changes = self.worker.run(SyncState::advance).await?;
        }
    }

    /// Hands changes to the sink as one batch, and commits what was done. Returns `false`, without giving
    /// the sink anything, if the run was cancelled.
    ///
    /// The order is the protocol of `format.rs`: prepare, deliver, flush, commit. Changes without a
    /// batch are committed only when a commit is due, because each commit waits for the disk.
    async fn deliver(&mut self, sink: &mut impl Sink, changes: Vec<Change>) -> Result<bool, Error> {
        let has_batch = !changes.is_empty();
        if has_batch {
            self.worker.run(SyncState::prepare).await?;
            // The sink receives nothing after a pause or a cancellation was requested. The prepared rows
            // are in doubt then, and the next run reports them again.
            if self.control.wait_while_paused().await {
                return Ok(false);
            }
            // The sequence number lets a sink recognize a batch that it has taken before a crash.
            let View { run, batches, .. } = self.worker.view();
            sink.accept(Batch::new(&run, batches, &changes)).await?;
            // Only what a sink has made durable may be committed.
            sink.flush().await?;
        }
        if has_batch || self.worker.view().is_due {
            self.worker.run(move |state| state.commit(has_batch)).await?;
            observe::committed(self.worker.view().batches, changes.len());
        }
        self.show_progress();
        Ok(true)
    }

    /// Shows others what the run does now, and how far it is.
    fn show(&self, phase: Phase) {
        self.control.set_phase(phase);
        self.show_progress();
    }

    fn show_progress(&self) {
        let View { run, counts, expected, .. } = self.worker.view();
        self.control.set_progress(run, counts, expected);
    }

    /// Returns what the run has done until now. The totals are only known at the end.
    pub(super) fn summary(&self, ending: Ending) -> Summary {
        let View { run, number, is_resumed, counts, order, .. } = self.worker.view();
        // The report counts from the start of this process, the counts from the start of the run.
        let report = self.control.report();
        let (listed, assets) = (None, None);
        let (skipped, errors) = (report.skipped(), report.errors());
        Summary {
            run,
            number,
            is_resumed,
            counts,
            listed,
            assets,
            skipped,
            errors,
            order,
            report,
            ending,
        }
    }
}
