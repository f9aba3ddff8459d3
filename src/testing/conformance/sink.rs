//! The suite for sinks: one method for each rule, named after the rule.
//!
//! Rules depend on the [`Delivery`] that the sink promises.

use std::fmt::Debug;

use super::{
    case::{Case, Outcome, expect},
    names::AZURE_ONLY,
};
use crate::{
    error::Error,
    sink::{Batch, Change, Delivery, Removal, RunId, Sink},
    store::{Blob, Malformed},
    validate::{Kind, Rejection, Rules, Verdict},
};

/// Names of images, each of which has broken some sink, in addition to those that break stores.
const IMAGES: &[&str] = &[
    " space.jpg",
    "'quoted' \"twice\", and more.jpg",
    "../up.jpg",
    "/root.jpg",
    "=1+1.jpg",
    "A.jpg",
    "a.jpg",
    "a/b/c.png",
    "caf\u{e9}.jpg",
    "cafe\u{301}.jpg",
    "\u{1b}[31mred\u{85}\u{2028}.jpg",
    "\u{1f600}.webp",
];

/// Checks that a sink keeps each rule of the contract of [`Sink`].
///
/// `open` opens a sink on the output with this number. The output is empty the first time, and has
/// what was written before when it is opened again. `read` returns the names of the assets in an
/// output, each as often as it is there. All assets are images.
///
/// What a repeated batch must do depends on [`Sink::delivery`].
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use azure_asset_sync::{JsonLines, testing::conformance::check_sink};
///
/// let folder = tempfile::tempdir()?;
/// let path = |number| folder.path().join(format!("{number}.jsonl"));
/// let cases = check_sink(
///     async |number| JsonLines::assets(path(number)),
///     async |number| {
///         let text = std::fs::read_to_string(path(number)).unwrap_or_default();
///         let names = text.lines().map(|line| {
///             let line: serde_json::Value = serde_json::from_str(line)?;
///             Ok(line["name"].as_str().unwrap_or_default().to_owned())
///         });
///         names.collect::<serde_json::Result<_>>()
///     },
/// )
/// .await;
/// assert!(cases.iter().all(|case| case.outcome.is_ok()), "{cases:#?}");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn check_sink<S: Sink, E: Debug>(
    open: impl AsyncFnMut(u32) -> Result<S, Error>,
    read: impl AsyncFnMut(u32) -> Result<Vec<String>, E>,
) -> Vec<Case> {
    let mut suite = Suite { open, read, output: 0 };
    let mut cases = Vec::new();
    macro_rules! cases {
        ($($name:ident),+ $(,)?) => {
            $(
                suite.output += 1;
                cases.push(Case::new(stringify!($name), suite.$name().await));
            )+
        };
    }
    cases![
        every_asset_is_stored_with_its_exact_name,
        many_batches_equal_one,
        every_kind_of_change_is_accepted,
        an_empty_run_can_be_finished,
        flushed_changes_are_visible_unless_delivery_is_replace,
        a_later_run_appends_or_replaces,
        a_second_finish_changes_nothing,
        a_repeated_batch_matches_the_delivery,
        a_repeated_sequence_number_replaces_the_batch,
    ];
    cases
}

/// A sink under test.
struct Suite<O, R> {
    open: O,
    read: R,
    /// The number of the current output; each rule has its own.
    output: u32,
}

impl<S, E, O, R> Suite<O, R>
where
    S: Sink,
    E: Debug,
    O: AsyncFnMut(u32) -> Result<S, Error>,
    R: AsyncFnMut(u32) -> Result<Vec<String>, E>,
{
    /// Opens the sink on the current output.
    async fn open(&mut self) -> Result<S, String> {
        (self.open)(self.output).await.map_err(|error| format!("opening the sink failed: {error}"))
    }

    /// Returns the names in the current output, sorted.
    async fn found(&mut self) -> Result<Vec<String>, String> {
        let found = (self.read)(self.output).await;
        let mut found = found.map_err(|error| format!("reading the output failed: {error:?}"))?;
        found.sort_unstable();
        Ok(found)
    }

    /// Checks that the output has exactly these assets, each once.
    async fn holds(&mut self, mut names: Vec<&str>) -> Outcome {
        let found = self.found().await?;
        // The contract does not promise an order.
        names.sort_unstable();
        expect(found == names, || format!("the output has {found:?}, and should have {names:?}"))
    }

    /// Makes a complete run.
    async fn run(&mut self, names: &[&str]) -> Outcome {
        let mut sink = self.open().await?;
        accept(&mut sink, &RunId::random(), 0, &added(names)?).await?;
        flush(&mut sink).await?;
        finish(&mut sink).await
    }

    async fn every_asset_is_stored_with_its_exact_name(&mut self) -> Outcome {
        // A name without an extension would not be an image.
        let additional = AZURE_ONLY.iter().copied().filter(|name| name.contains('.'));
        let names: Vec<_> = IMAGES.iter().copied().chain(additional).collect();
        self.run(&names).await?;
        self.holds(names).await
    }

    async fn many_batches_equal_one(&mut self) -> Outcome {
        let mut sink = self.open().await?;
        let run = RunId::random();
        flush(&mut sink).await?;
        for (sequence, name) in (0..).zip(IMAGES) {
            accept(&mut sink, &run, sequence, &added(&[name])?).await?;
            // A flush may come at any time, also twice in a row or not at all.
            for _ in 0..sequence % 3 {
                flush(&mut sink).await?;
            }
        }
        flush(&mut sink).await?;
        finish(&mut sink).await?;
        // Dropped before the output is read, as at the end of a process.
        drop(sink);
        self.holds(IMAGES.to_vec()).await
    }

    async fn every_kind_of_change_is_accepted(&mut self) -> Outcome {
        let mut sink = self.open().await?;
        let asset = |name| match Rules::default().check(Blob::new(name, 1)) {
            Verdict::Accept(asset) => Ok(asset),
            Verdict::Reject(rejection) => Err(format!("{name:?}: {}", rejection.detail)),
        };
        // An entry without a name must not break a sink that stores names.
        let unnamed = Malformed::new(None, "the entry has no name");
        let changes = [
            Change::Added(asset("a.jpg")?),
            Change::Changed(asset("b.jpg")?),
            Change::Restored(asset("c.jpg")?),
            Change::Removed(Removal::of(&Blob::new("d.jpg", 1), Kind::Image)),
            Change::from(Rules::default().check(Blob::new("d.jpg", 0))),
            Change::from(Rules::default().check(Blob::new("line\n.txt", 1))),
            Change::Rejected(Rejection::from(unnamed)),
        ];
        accept(&mut sink, &RunId::random(), 0, &changes).await?;
        flush(&mut sink).await?;
        finish(&mut sink).await?;
        drop(sink);
        self.holds(vec!["a.jpg", "b.jpg", "c.jpg"]).await
    }

    async fn an_empty_run_can_be_finished(&mut self) -> Outcome {
        let mut sink = self.open().await?;
        flush(&mut sink).await?;
        finish(&mut sink).await?;
        drop(sink);
        self.holds(Vec::new()).await
    }

    async fn flushed_changes_are_visible_unless_delivery_is_replace(&mut self) -> Outcome {
        let mut sink = self.open().await?;
        // A sink that replaces its output shows nothing before it is finished.
        let is_replace = sink.delivery() == Delivery::Replace;
        accept(&mut sink, &RunId::random(), 0, &added(&["a.jpg"])?).await?;
        flush(&mut sink).await?;
        drop(sink);
        self.holds(if is_replace { Vec::new() } else { vec!["a.jpg"] }).await
    }

    async fn a_later_run_appends_or_replaces(&mut self) -> Outcome {
        self.run(&["a.jpg"]).await?;
        let mut dropped = self.open().await?;
        let is_replace = dropped.delivery() == Delivery::Replace;
        accept(&mut dropped, &RunId::random(), 0, &added(&["b.jpg"])?).await?;
        flush(&mut dropped).await?;
        drop(dropped);
        self.holds(if is_replace { vec!["a.jpg"] } else { vec!["a.jpg", "b.jpg"] }).await?;
        self.run(&["c.jpg"]).await?;
        self.holds(if is_replace { vec!["c.jpg"] } else { vec!["a.jpg", "b.jpg", "c.jpg"] }).await
    }

    async fn a_second_finish_changes_nothing(&mut self) -> Outcome {
        let mut sink = self.open().await?;
        let is_replace = sink.delivery() == Delivery::Replace;
        accept(&mut sink, &RunId::random(), 0, &added(&["a.jpg"])?).await?;
        flush(&mut sink).await?;
        finish(&mut sink).await?;
        if !is_replace {
            finish(&mut sink).await?;
            drop(sink);
            // As after a sync that was interrupted right after its first finish.
            let mut sink = self.open().await?;
            flush(&mut sink).await?;
            finish(&mut sink).await?;
        }
        self.holds(vec!["a.jpg"]).await
    }

    async fn a_repeated_batch_matches_the_delivery(&mut self) -> Outcome {
        let run = RunId::random();
        let mut last = Delivery::Replace;
        for (sequence, name) in [(0, "a.jpg"), (1, "b.jpg"), (1, "b.jpg")] {
            let mut sink = self.open().await?;
            last = sink.delivery();
            accept(&mut sink, &run, sequence, &added(&[name])?).await?;
            flush(&mut sink).await?;
        }
        match last {
            Delivery::Idempotent => self.holds(vec!["a.jpg", "b.jpg"]).await,
            Delivery::AppendOnly => {
                let mut found = self.found().await?;
                // An append-only sink may have the repeated batch twice, and nothing else twice.
                found.dedup();
                expect(found == ["a.jpg", "b.jpg"], || format!("the output has {found:?}"))
            }
            Delivery::Replace => self.holds(Vec::new()).await,
        }
    }

    async fn a_repeated_sequence_number_replaces_the_batch(&mut self) -> Outcome {
        let run = RunId::random();
        let batches = [(0, ["a.jpg", "b.jpg"]), (1, ["c.jpg", "d.jpg"]), (1, ["d.jpg", "e.jpg"])];
        for (sequence, names) in batches {
            let mut sink = self.open().await?;
            // Only an idempotent sink promises anything for a repeated number with other changes.
            if sink.delivery() != Delivery::Idempotent {
                return Ok(());
            }
            accept(&mut sink, &run, sequence, &added(&names)?).await?;
            flush(&mut sink).await?;
        }
        // The asset of the first batch alone disappears if the sink replaces by sequence number,
        // and stays if it replaces by name. Both are idempotent.
        let mut found = self.found().await?;
        found.retain(|name| name != "c.jpg");
        expect(found == ["a.jpg", "b.jpg", "d.jpg", "e.jpg"], || {
            format!("the output has {found:?}")
        })
    }
}

/// Returns changes that add images with these names.
fn added(names: &[&str]) -> Result<Vec<Change>, String> {
    let rules = Rules::default();
    let changes = names.iter().map(|name| match rules.check(Blob::new(*name, 1)) {
        Verdict::Accept(asset) => Ok(Change::Added(asset)),
        Verdict::Reject(rejection) => Err(format!("{name:?}: {}", rejection.detail)),
    });
    changes.collect()
}

async fn accept(sink: &mut impl Sink, run: &RunId, sequence: u64, changes: &[Change]) -> Outcome {
    let batch = Batch::new(run, sequence, changes);
    sink.accept(batch).await.map_err(|error| format!("accepting batch {sequence} failed: {error}"))
}

async fn flush(sink: &mut impl Sink) -> Outcome {
    sink.flush().await.map_err(|error| format!("flushing failed: {error}"))
}

async fn finish(sink: &mut impl Sink) -> Outcome {
    sink.finish().await.map_err(|error| format!("finishing failed: {error}"))
}
