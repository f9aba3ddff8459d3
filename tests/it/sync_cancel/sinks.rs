//! Cancelling runs whose sink is slow or hangs: a batch is completed if that takes less than a second,
//! and delivered again otherwise.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use azure_asset_sync::{
    Error,
    sink::{Batch, Delivery, Sink},
    sync::{Ending, Outcome, Phase},
    testing::TestDisk,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use super::{HOUR, cancelled, scan};
use crate::outage::Outage;

/// A call of a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Accept,
    Flush,
    Finish,
}

/// What a table has received: the changes of each batch.
type Table = Arc<Mutex<BTreeMap<(String, u64), Vec<String>>>>;

/// A sink that takes some time for one of its calls, and knows its batches afterwards.
#[derive(Clone)]
struct Slow {
    call: Call,
    time: Duration,
    entered: Arc<Notify>,
    table: Table,
}

impl Slow {
    fn new(call: Call, time: Duration) -> Self {
        Self { call, time, entered: Arc::default(), table: Table::default() }
    }

    async fn enter(&self, call: Call) {
        if call == self.call {
            self.entered.notify_one();
            sleep(self.time).await;
        }
    }

    fn fast(&self) -> Self {
        Self { time: Duration::ZERO, ..self.clone() }
    }

    /// Returns all changes, in the order of the batches.
    fn changes(&self) -> Vec<String> {
        self.table.lock().unwrap().values().flatten().cloned().collect()
    }
}

#[async_trait::async_trait]
impl Sink for Slow {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        self.enter(Call::Accept).await;
        let names = batch.changes.iter().map(|change| change.name().unwrap().to_owned());
        let key = (batch.run.to_string(), batch.sequence);
        self.table.lock().unwrap().insert(key, names.collect());
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        self.enter(Call::Flush).await;
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Error> {
        self.enter(Call::Finish).await;
        Ok(())
    }

    fn delivery(&self) -> Delivery {
        Delivery::Idempotent
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_hangs_delays_a_cancellation_by_less_than_a_second() {
    for call in [Call::Accept, Call::Flush, Call::Finish] {
        let (store, disk) = (Outage::new(30, None), TestDisk::new(10));
        let sink = Slow::new(call, 1000 * HOUR);
        let run = disk.job(scan(&store)).start(sink.clone());
        sink.entered.notified().await;
        sleep(HOUR).await;
        let (time, summary) = cancelled(&run).await;
        assert!(time < Duration::from_secs(1), "{call:?}: {time:?}");
        // The next run has the same number and delivers what may be missing.
        let again = disk.job(scan(&store)).run(sink.fast()).await.unwrap();
        assert_eq!((again.run, again.ending), (summary.run, Ending::Complete), "{call:?}");
        assert_eq!((again.counts.added, sink.changes().len()), (30, 30), "{call:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_completed_in_time_is_committed() {
    let (store, disk) = (Outage::new(30, None), TestDisk::new(10));
    let sink = Slow::new(Call::Accept, Duration::from_millis(600));
    let run = disk.job(scan(&store)).start(sink.clone());
    sink.entered.notified().await;
    sleep(Duration::from_millis(100)).await;
    let (time, summary) = cancelled(&run).await;
    assert_eq!((time, summary.counts.added), (Duration::from_millis(500), 10));
    let rest = Slow::new(Call::Accept, Duration::ZERO);
    let again = disk.job(scan(&store)).run(rest.clone()).await.unwrap();
    assert_eq!((again.run, again.counts.added), (summary.run, 30));
    // The batch is not delivered again.
    assert_eq!((sink.changes().len(), rest.changes().len()), (10, 20));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_about_to_end_completes() {
    let (store, disk) = (Outage::new(30, None), TestDisk::new(10));
    let sink = Slow::new(Call::Finish, Duration::from_millis(500));
    let run = disk.job(scan(&store)).start(sink.clone());
    sink.entered.notified().await;
    run.cancel();
    assert_eq!(run.status().phase, Phase::Cancelling);
    let outcome = run.wait().await;
    assert!(matches!(outcome, Outcome::Complete { .. }), "{outcome:?}");
    assert_eq!(disk.manifest().unwrap().unwrap().assets(), 30);
}

#[tokio::test(start_paused = true)]
async fn removals_that_are_cancelled_are_completed_by_the_next_run() {
    let disk = TestDisk::new(100);
    disk.job(scan(&Outage::new(5000, None)).page_size(5000.try_into().unwrap()))
        .run(())
        .await
        .unwrap();
    let few = Outage::new(1, None);
    let sink = Slow::new(Call::Accept, Duration::from_millis(500));
    let run = disk.job(scan(&few)).max_removals(1.0).start(sink.clone());
    sink.entered.notified().await;
    assert_eq!(run.status().phase, Phase::Removing);
    let (_, summary) = cancelled(&run).await;
    assert_eq!((summary.counts.removed, sink.changes().len()), (1000, 1000));
    // A lower limit does not change that: the sink was given some removals.
    let again = disk.job(scan(&few)).max_removals(0.0).run(sink.fast()).await.unwrap();
    assert_eq!((again.ending, again.counts.removed), (Ending::Complete, 4999));
    assert_eq!(sink.changes(), (1..5000).map(|n| format!("{n:05}.jpg")).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn removals_can_be_paused() {
    let disk = TestDisk::new(100);
    disk.job(scan(&Outage::new(5000, None)).page_size(5000.try_into().unwrap()))
        .run(())
        .await
        .unwrap();
    let sink = Slow::new(Call::Accept, Duration::from_millis(500));
    let run = disk.job(scan(&Outage::new(1, None))).max_removals(1.0).start(sink.clone());
    sink.entered.notified().await;
    run.pause();
    assert_eq!(run.status().phase, Phase::Paused);
    sleep(HOUR).await;
    // The batch that the sink had was completed, and no other one was given.
    assert_eq!((sink.changes().len(), run.status().counts.removed), (1000, 1000));
    run.resume();
    assert_eq!(run.wait().await.into_result().unwrap().counts.removed, 4999);
}

#[tokio::test(start_paused = true)]
async fn an_error_after_a_cancellation_does_not_hide_it() {
    struct Fails(Arc<Notify>);

    #[async_trait::async_trait]
    impl Sink for Fails {
        async fn accept(&mut self, _: Batch<'_>) -> Result<(), Error> {
            self.0.notify_one();
            sleep(Duration::from_millis(100)).await;
            Err(Error::from_response(507, None))
        }

        async fn flush(&mut self) -> Result<(), Error> {
            Ok(())
        }

        async fn finish(&mut self) -> Result<(), Error> {
            Ok(())
        }

        fn delivery(&self) -> Delivery {
            Delivery::Idempotent
        }
    }

    let (entered, disk) = (Arc::new(Notify::new()), TestDisk::new(10));
    let run = disk.job(scan(&Outage::new(30, None))).start(Fails(Arc::clone(&entered)));
    entered.notified().await;
    let start = Instant::now();
    cancelled(&run).await;
    assert_eq!(start.elapsed(), Duration::from_millis(100));
}
