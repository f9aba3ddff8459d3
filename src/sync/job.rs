//! A run of a scan with a state: its settings, its loop over pages, and its summary.
//!
//! Knows nothing of files: the ledger, on a thread of its own, does all that touches the state.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    desk::Desk,
    disk::{Disk, StateFolder},
    handle::Handle,
    index::Sizes,
    ledger::{Intent, Ledger, View},
    status::{Board, Phase, Wish},
    summary::{Ending, Summary},
};
use crate::{
    clock::{Clock, SystemClock},
    error::{Error, ErrorKind},
    scan::{Order, Scan, Shard},
    sink::{Batch, Change, Delivery, Sink},
    store::NameOrder,
    validate::{Action, Reason},
};

/// At most so many parts are cut out of what is known
const PARTS: usize = 512;

/// A run that goes out from what the one before has seen, and tells a sink what has changed since
#[must_use = "a job does nothing until it is run or started"]
pub struct Job {
    scan: Scan,
    state: State,
    source: Option<String>,
    max_removals: f64,
    tombstones: u64,
    sizes: Sizes,
    clock: Arc<dyn Clock>,
}

/// Where a job keeps what it must remember
enum State {
    Folder(PathBuf),
    #[cfg(feature = "testing")]
    Disk(Box<dyn Disk>),
}

impl Job {
    /// A run of this scan that keeps its state in a folder, which is made where it is not there
    ///
    /// The folder must belong to the run's user or to root. Only they and a group that the run is in may
    /// write to it, so a umask of 002 and the `fsGroup` of a Kubernetes pod work as they are. For another
    /// folder the error names the command that helps, such as `chmod o-w`. Members of that group can
    /// remove a state, but neither read nor forge it; `chmod 700` keeps them out.
    ///
    /// The folder belongs to one container and prefix, and one run at a time holds it. The scan must
    /// not list snapshots or versions, nor reject names that collide: what collides depends on which
    /// page arrives first.
    pub fn new(scan: Scan, state: impl AsRef<Path>) -> Self {
        Self {
            scan,
            state: State::Folder(state.as_ref().to_owned()),
            source: None,
            max_removals: 0.3,
            tombstones: 10,
            sizes: Sizes::default(),
            clock: Arc::new(SystemClock),
        }
    }

    /// The same on files that a test makes, with so many rows a block
    #[cfg(feature = "testing")]
    pub(crate) fn on_disk(scan: Scan, disk: Box<dyn Disk>, rows: usize) -> Self {
        Self { state: State::Disk(disk), sizes: Sizes::of_rows(rows), ..Self::new(scan, "") }
    }

    /// What is listed, such as the container's URL: a state of another source is refused
    ///
    /// Must not hold a secret: it is kept in the state.
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Which share of the assets may be removed in one run; 0.3 by default
    ///
    /// Assets that the filter leaves out do not count. Those that other rules reject do.
    ///
    /// Where more are missing, no removal is told: a wrong prefix or a right that was lost should not
    /// empty a dataset. The run ends as [`Ending::RemovalsWithheld`], and a later one that may tells
    /// them, if they are still missing then. 1.0 allows all.
    pub fn max_removals(mut self, share: f64) -> Self {
        self.max_removals = share;
        self
    }

    /// For how many runs that find changes it is remembered what was removed; 10 by default
    ///
    /// What comes back within these is [`Change::Restored`], and else [`Change::Added`].
    pub fn tombstones(mut self, runs: u64) -> Self {
        self.tombstones = runs;
        self
    }

    /// The clock that dates the run
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Runs to the end
    ///
    /// Goes on where an earlier run was interrupted, whatever ended it. May be cancelled at any time
    /// by dropping the future: what is being written to the disk is finished in the background, and
    /// the state is held until then.
    ///
    /// The names may come in any order. If they contradict the order assumed, the run lists them once
    /// more, in another one that explains them, or else sorts them on the disk of the state. The sink
    /// is given nothing twice but entries without a readable name, which no listing can recognize.
    ///
    /// # Errors
    /// The first error of the store, the sink or the state; what was committed until then is kept, and
    /// the [`Manifest`](super::Manifest) stays that of the last complete run.
    /// [`Config`](ErrorKind::Config) where the scan or the sink cannot be of a job,
    /// [`StateBusy`](ErrorKind::StateBusy) where another run holds the state,
    /// [`StateInvalid`](ErrorKind::StateInvalid) where it is damaged, of another version or source.
    pub async fn run(self, sink: impl Sink) -> Result<Summary, Error> {
        let board = Board::new(self.scan.progress());
        self.drive(sink, board).await
    }

    /// Runs in a task of its own, that ends with its handle
    ///
    /// Must be called inside a Tokio runtime with time enabled.
    pub fn start(self, sink: impl Sink + 'static) -> Handle {
        let board = Board::new(self.scan.progress());
        let task = tokio::spawn(self.drive(sink, board.clone()));
        Handle { board, task }
    }

    async fn drive(self, sink: impl Sink, board: Board) -> Result<Summary, Error> {
        let end = End(&board);
        let result = self.work(sink, &board).await;
        if result.is_ok() {
            board.show().phase = Phase::Ended;
        }
        drop(end);
        result
    }

    fn check(&self, delivery: Delivery) -> Result<String, Error> {
        let config = |what: &str| Err(Error::new(ErrorKind::Config, what));
        if delivery == Delivery::Replace {
            return config(
                "this sink makes its output anew as a whole, and a job tells only what has changed; give it to Manifest::export after the run, or run the scan into it",
            );
        }
        if self.scan.has_copies() {
            return config(
                "a job remembers one entry of each name; leave snapshots and versions out of the scan",
            );
        }
        let (shards, rules) = self.scan.parts();
        let collisions = [Reason::CaseCollision, Reason::BaseNameCollision];
        if collisions.iter().any(|reason| rules.action(*reason) == Action::Reject) {
            return config(
                "which of two colliding names comes first differs from run to run, so that a job cannot reject it; note it, or ignore it",
            );
        }
        if !(0.0..=1.0).contains(&self.max_removals) {
            return config("the share of removals is a number from 0 to 1");
        }
        match shards {
            [Shard { prefix, start: None, end: None, after: None, .. }] => Ok(prefix.clone()),
            _ => config("a job chooses its shards itself; give it a scan of a whole prefix"),
        }
    }

    async fn work(self, sink: impl Sink, board: &Board) -> Result<Summary, Error> {
        let prefix = self.check(sink.delivery())?;
        let intent = Intent {
            prefix,
            source: self.source,
            rules: self.scan.parts().1.fingerprint(),
            tombstones: self.tombstones,
            sizes: self.sizes,
            now: self.clock.time(),
        };
        let state = self.state;
        let open = move || {
            let disk: Box<dyn Disk> = match state {
                State::Folder(path) => Box::new(StateFolder::open(&path)?),
                #[cfg(feature = "testing")]
                State::Disk(disk) => disk,
            };
            Ledger::open(disk, intent)
        };
        let mut work = Work { desk: Desk::open(open).await?, board };
        let result = work.run(self.scan, sink, self.max_removals).await;
        // So that the next run need not wait for the state.
        work.desk.close().await?;
        result
    }
}

/// Shows that a run has failed unless it has ended well: by an error, a panic, or since it was dropped
struct End<'a>(&'a Board);

impl Drop for End<'_> {
    fn drop(&mut self) {
        let mut shown = self.0.show();
        if shown.phase != Phase::Ended {
            shown.phase = Phase::Failed;
        }
    }
}

/// How a listing has ended
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listing {
    Complete,
    Cancelled,
    /// Names are not in the order assumed, and maybe in this one
    OutOfOrder(NameOrder),
}

/// A run under way
struct Work<'a> {
    desk: Desk,
    board: &'a Board,
}

impl Work<'_> {
    async fn run(
        &mut self,
        scan: Scan,
        mut sink: impl Sink,
        max_removals: f64,
    ) -> Result<Summary, Error> {
        self.show(Phase::Listing);
        let View { is_listed, relist, .. } = self.desk.view();
        if (!is_listed || relist.is_some())
            && self.list(&scan, &mut sink).await? == Listing::Cancelled
        {
            return Ok(self.summary(Ending::Cancelled));
        }
        let (missing, of) = self.desk.run(Ledger::removals).await?;
        let is_storm = max_removals < 1.0 && missing as f64 > max_removals * of as f64;
        if !is_storm {
            self.show(Phase::Removing);
            loop {
                let changes = self.desk.run(Ledger::farewells).await?;
                if changes.is_empty() {
                    break;
                }
                self.tell(&mut sink, changes).await?;
            }
        }
        self.show(Phase::Finishing);
        sink.flush().await?;
        sink.finish().await?;
        let sums = self.desk.run(move |ledger| ledger.finish(!is_storm)).await?;
        let ending = match is_storm {
            true => Ending::RemovalsWithheld { missing, of },
            false => Ending::Complete,
        };
        Ok(Summary { listed: Some(sums.listed), assets: Some(sums.assets), ..self.summary(ending) })
    }

    /// Lists all that is left, once more in another order if names are not in the one assumed
    async fn list(&mut self, scan: &Scan, sink: &mut impl Sink) -> Result<Listing, Error> {
        let mut tried = Vec::new();
        if let Some(order) = self.desk.view().relist
            && self.relist(order).await? == Listing::Cancelled
        {
            return Ok(Listing::Cancelled);
        }
        loop {
            let view = self.desk.view();
            let order = match view.other_order {
                Some(order) => order,
                None => match self.list_once(scan, sink).await? {
                    Listing::OutOfOrder(order) => order,
                    end => return Ok(end),
                },
            };
            tried.extend(view.order);
            // An order that has failed once will not do now. To sort takes longer, and always does.
            let order = if tried.contains(&order) { NameOrder::Unsorted } else { order };
            if self.relist(order).await? == Listing::Cancelled {
                return Ok(Listing::Cancelled);
            }
        }
    }

    /// Puts what is known into an order, from which the listing begins again
    async fn relist(&mut self, order: NameOrder) -> Result<Listing, Error> {
        self.show(Phase::Sorting);
        self.desk.run(move |ledger| ledger.relist(order)).await?;
        loop {
            if self.pause().await {
                return Ok(Listing::Cancelled);
            }
            if !self.desk.run(Ledger::relist_on).await? {
                self.show(Phase::Listing);
                return Ok(Listing::Complete);
            }
        }
    }

    async fn list_once(&mut self, scan: &Scan, sink: &mut impl Sink) -> Result<Listing, Error> {
        let mut verdicts = self.scan_of(scan).await?.verdicts();
        let is_unsorted = self.desk.view().order == Some(NameOrder::Unsorted);
        loop {
            if self.pause().await {
                return Ok(Listing::Cancelled);
            }
            let Some(page) = verdicts.next_page().await else { break };
            let (page, coverage) = match page {
                Ok(page) => page,
                Err(error) => return self.broken_off(error, verdicts.explanation()).await,
            };
            if is_unsorted {
                self.desk.run(move |ledger| ledger.collect(page)).await?;
                continue;
            }
            let order = coverage.order();
            match self.desk.run(move |ledger| ledger.take(page, &coverage)).await? {
                Some(changes) => self.follow(sink, changes).await?,
                None => return Ok(Listing::OutOfOrder(order)),
            }
        }
        drop(verdicts);
        if is_unsorted && self.sorted(sink).await? == Listing::Cancelled {
            return Ok(Listing::Cancelled);
        }
        let changes = self.desk.run(Ledger::end_listing).await?;
        self.follow(sink, changes).await?;
        Ok(Listing::Complete)
    }

    /// A scan of what is left, in the order that is known
    async fn scan_of(&mut self, scan: &Scan) -> Result<Scan, Error> {
        let View { order, is_resumed, .. } = self.desk.view();
        let scan = match order {
            // It comes in the order of the service from the start on, whatever is left.
            Some(NameOrder::Unsorted) => return Ok(scan.again().assume(NameOrder::Unsorted)),
            Some(order) => scan.again().assume(order).insist(),
            None => scan.again().insist(),
        };
        let scan = match scan.requests() {
            1 => scan.order(Order::Ascending),
            _ => scan.cuts(self.desk.run(|ledger| ledger.cuts(PARTS)).await?),
        };
        Ok(match is_resumed {
            true => scan.shards(self.desk.run(|ledger| Ok(ledger.left())).await?),
            false => scan,
        })
    }

    /// What an error of the listing means for the run
    async fn broken_off(
        &mut self,
        error: Error,
        explanation: Option<NameOrder>,
    ) -> Result<Listing, Error> {
        let order = self.desk.view().order.unwrap_or_default();
        match error.kind() {
            _ if order == NameOrder::Unsorted => Err(error),
            ErrorKind::OutOfOrder => {
                Ok(Listing::OutOfOrder(explanation.unwrap_or(NameOrder::Unsorted)))
            }
            ErrorKind::RepeatedMarker => {
                // What was missing until then was maybe only left out.
                self.relist(order).await?;
                Err(error)
            }
            _ => Err(error),
        }
    }

    /// Sorts a listing in no known order, and hands over what follows from it
    async fn sorted(&mut self, sink: &mut impl Sink) -> Result<Listing, Error> {
        self.show(Phase::Sorting);
        while self.desk.run(Ledger::sort).await? {
            if self.pause().await {
                return Ok(Listing::Cancelled);
            }
        }
        self.show(Phase::Listing);
        while let Some(changes) = self.desk.run(Ledger::take_sorted).await? {
            self.follow(sink, changes).await?;
            if self.pause().await {
                return Ok(Listing::Cancelled);
            }
        }
        Ok(Listing::Complete)
    }

    /// Hands over what follows from a page, a part at a time where it is much
    async fn follow(
        &mut self,
        sink: &mut impl Sink,
        mut changes: Vec<Change>,
    ) -> Result<(), Error> {
        loop {
            self.tell(sink, changes).await?;
            if !self.desk.view().has_more {
                return Ok(());
            }
            changes = self.desk.run(Ledger::go_on).await?;
        }
    }

    /// Hands changes to the sink, and commits what was done
    async fn tell(&mut self, sink: &mut impl Sink, changes: Vec<Change>) -> Result<(), Error> {
        let is_told = !changes.is_empty();
        if is_told {
            self.desk.run(Ledger::prepare).await?;
            let View { run, batches, .. } = self.desk.view();
            sink.accept(Batch::new(&run, batches, &changes)).await?;
            sink.flush().await?;
        }
        if is_told || self.desk.view().is_due {
            self.desk.run(move |ledger| ledger.commit(is_told)).await?;
        }
        self.desk.show(self.board);
        Ok(())
    }

    fn show(&mut self, phase: Phase) {
        self.board.show().phase = phase;
        self.desk.show(self.board);
    }

    /// Waits while it shall; whether it was cancelled
    async fn pause(&self) -> bool {
        let mut wish = self.board.wishes.subscribe();
        // The sender is the board's own, so that it cannot be gone.
        let _ = wish.wait_for(|wish| *wish != Wish::Pause).await;
        *self.board.wishes.borrow() == Wish::Cancel
    }

    fn summary(&self, ending: Ending) -> Summary {
        let View { run, number, is_resumed, counts, order, .. } = self.desk.view();
        let report = self.board.progress.report();
        let (listed, assets) = (None, None);
        Summary { run, number, is_resumed, counts, listed, assets, order, report, ending }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("scan", &self.scan)
            .field("source", &self.source)
            .field("max_removals", &self.max_removals)
            .finish_non_exhaustive()
    }
}
