//! The clock of tests: nothing advances by itself, sleeps overlap, and the automatic mode advances only
//! when everything sleeps.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use azure_asset_sync::{Clock, SystemClock, testing::ManualClock};
use futures::future::join_all;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Lets every other task run until it waits.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// What the sleepers of a test have reported, in their order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u64>>>);

impl Log {
    fn push(&self, entry: u64) {
        self.0.lock().unwrap().push(entry);
    }

    fn entries(&self) -> Vec<u64> {
        self.0.lock().unwrap().clone()
    }
}

/// Starts a task for each number that sleeps so many seconds, and then logs the number.
fn sleepers(clock: &ManualClock, seconds: &[u64], log: &Log) -> Vec<tokio::task::JoinHandle<()>> {
    let start = |seconds: &u64| {
        let (clock, log, seconds) = (clock.clone(), log.clone(), *seconds);
        tokio::spawn(async move {
            clock.sleep(secs(seconds)).await;
            log.push(seconds);
        })
    };
    seconds.iter().map(start).collect()
}

#[tokio::test]
async fn nothing_advances_by_itself() {
    let (clock, log) = (ManualClock::new(), Log::default());
    let tasks = sleepers(&clock, &[1, 2, 3], &log);
    clock.wait_for_sleepers(3).await;
    settle().await;
    assert_eq!((clock.elapsed(), clock.sleepers()), (Duration::ZERO, 3));
    assert!(log.entries().is_empty());

    clock.advance(secs(2) - Duration::from_nanos(1));
    settle().await;
    assert_eq!(log.entries(), [1]);
    clock.advance(Duration::from_nanos(1));
    settle().await;
    assert_eq!((log.entries(), clock.sleepers()), (vec![1, 2], 1));
    assert_eq!(clock.time(), ManualClock::new().time() + secs(2));
    tasks.iter().for_each(|task| task.abort());
}

#[tokio::test]
async fn sleeps_end_in_the_order_of_their_ends_even_if_the_clock_jumps() {
    let (clock, log) = (ManualClock::new(), Log::default());
    let tasks = sleepers(&clock, &[30, 10, 20, 40, 10], &log);
    clock.wait_for_sleepers(5).await;
    clock.advance(secs(35));
    settle().await;
    assert_eq!(log.entries(), [10, 10, 20, 30]);
    clock.advance(Duration::MAX);
    join_all(tasks).await;
    assert_eq!(log.entries(), [10, 10, 20, 30, 40]);
}

#[tokio::test]
async fn the_clock_can_be_advanced_from_sleep_to_sleep() {
    let clock = ManualClock::new();
    let looping = clock.clone();
    let task = tokio::spawn(async move {
        for seconds in [5, 7, 11] {
            looping.sleep(secs(seconds)).await;
        }
    });
    for seconds in [5, 7, 11] {
        assert_eq!(clock.advance_to_next_sleep().await, secs(seconds));
    }
    task.await.unwrap();
    assert_eq!(clock.elapsed(), secs(23));
}

#[tokio::test]
async fn a_dropped_sleep_is_forgotten() {
    let clock = ManualClock::new();
    let mut dropped = Box::pin(clock.sleep(secs(1)));
    assert!(futures::poll!(dropped.as_mut()).is_pending());
    assert_eq!(clock.sleepers(), 1);
    drop(dropped);
    assert_eq!(clock.sleepers(), 0);

    let mut kept = Box::pin(clock.sleep(secs(5)));
    assert!(futures::poll!(kept.as_mut()).is_pending());
    assert_eq!(clock.advance_to_next_sleep().await, secs(5));
    kept.await;
}

#[tokio::test]
async fn deadlines_pass_but_are_no_sleepers() {
    let clock = ManualClock::new();
    let mut deadline = Box::pin(clock.deadline(secs(10)));
    assert!(futures::poll!(deadline.as_mut()).is_pending());
    assert_eq!(clock.sleepers(), 0);
    // The next stop is the deadline, although only the sleep is waited for.
    let mut sleep = Box::pin(clock.sleep(secs(60)));
    assert!(futures::poll!(sleep.as_mut()).is_pending());
    assert_eq!(clock.advance_to_next_sleep().await, secs(10));
    deadline.await;
    assert!(futures::poll!(sleep.as_mut()).is_pending());
    assert_eq!(clock.advance_to_next_sleep().await, secs(50));
    sleep.await;
    // What is in the past does not wait.
    clock.deadline(secs(1)).await;
    clock.sleep_until(secs(60)).await;
}

#[tokio::test]
async fn an_automatic_clock_lets_sleeps_overlap() {
    for (seconds, total) in [(vec![10; 100], 10), ((1..=100).rev().collect(), 100)] {
        let (clock, log) = (ManualClock::auto_advancing(), Log::default());
        join_all(sleepers(&clock, &seconds, &log)).await;
        let mut sorted = seconds.clone();
        sorted.sort_unstable();
        assert_eq!(log.entries(), sorted);
        assert_eq!(clock.elapsed(), secs(total));

        // The same in one task.
        let clock = ManualClock::auto_advancing();
        join_all(seconds.iter().map(|seconds| clock.sleep(secs(*seconds)))).await;
        assert_eq!(clock.elapsed(), secs(total));
    }
}

#[tokio::test]
async fn sleeps_in_a_row_of_parallel_tasks_are_interleaved_by_time() {
    let (clock, log) = (ManualClock::auto_advancing(), Log::default());
    let step = async |every: u64, count: u64| {
        for n in 1..=count {
            clock.sleep(secs(every)).await;
            assert_eq!(clock.elapsed(), secs(n * every));
            log.push(n * every);
        }
    };
    tokio::join!(step(3, 10), step(5, 6), step(7, 4));
    let entries = log.entries();
    assert!(entries.is_sorted(), "{entries:?}");
    assert_eq!((entries.len(), clock.elapsed()), (20, secs(30)));
}

#[tokio::test]
async fn an_automatic_clock_waits_for_tasks_that_are_ready() {
    let clock = ManualClock::auto_advancing();
    let sleeper = clock.clone();
    let long = tokio::spawn(async move { sleeper.sleep(secs(60)).await });
    // A chain of wake-ups: each message wakes the other task.
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    let chaining = clock.clone();
    let chain = tokio::spawn(async move {
        for n in 0..200 {
            sender.send(n).await.unwrap();
        }
        assert_eq!(chaining.elapsed(), Duration::ZERO);
        chaining.sleep(secs(1)).await;
        chaining.elapsed()
    });
    let receive = tokio::spawn(async move { while receiver.recv().await.is_some() {} });
    // The main future is polled once in each turn.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(chain.await.unwrap(), secs(1));
    receive.await.unwrap();
    long.await.unwrap();
    assert_eq!(clock.elapsed(), secs(60));
}

#[tokio::test]
async fn a_deadline_alone_does_not_advance_an_automatic_clock() {
    let clock = ManualClock::auto_advancing();
    let mut deadline = Box::pin(clock.deadline(secs(10)));
    for _ in 0..1000 {
        assert!(futures::poll!(deadline.as_mut()).is_pending());
        tokio::task::yield_now().await;
    }
    // Somebody who waits for ever makes the deadline pass.
    tokio::select! {
        () = clock.sleep(Duration::MAX) => panic!("the end of time"),
        () = deadline => {}
    }
    assert_eq!(clock.elapsed(), secs(10));
}

#[tokio::test]
async fn a_sleep_that_is_over_and_not_polled_stops_nobody() {
    for clock in [ManualClock::auto_advancing(), ManualClock::new()] {
        let mut forgotten = Box::pin(clock.sleep(secs(1)));
        assert!(futures::poll!(forgotten.as_mut()).is_pending());
        clock.advance(secs(2));
        assert_eq!(clock.sleepers(), 0);
        let (sleeping, other) = (clock.clone(), clock.clone());
        let task = tokio::spawn(async move { sleeping.sleep(secs(10)).await });
        assert_eq!(other.advance_to_next_sleep().await, secs(10));
        task.await.unwrap();
        forgotten.await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_clock_that_others_advance_misses_no_sleep() {
    let clock = ManualClock::new();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let clock = clock.clone();
            tokio::spawn(async move {
                for n in 1..=200 {
                    clock.sleep_until(secs(n)).await;
                    assert!(clock.elapsed() >= secs(n));
                }
            })
        })
        .collect();
    while !tasks.iter().all(|task| task.is_finished()) {
        clock.advance(secs(1));
        tokio::task::yield_now().await;
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(clock.sleepers(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_automatic_clock_works_on_several_threads() {
    let clock = ManualClock::auto_advancing();
    let tasks = (1..=50).map(|seconds| {
        let clock = clock.clone();
        tokio::spawn(async move { clock.sleep(secs(seconds)).await })
    });
    join_all(tasks.collect::<Vec<_>>()).await;
    // Tasks may have begun to sleep after the clock had moved, but never all one after the other.
    assert!((secs(50)..=secs(1275)).contains(&clock.elapsed()), "{clock:?}");
}

#[test]
fn a_clock_starts_at_a_given_time() {
    let start = SystemTime::UNIX_EPOCH + secs(5);
    let clock = ManualClock::starting(start).into_auto_advancing();
    clock.advance(secs(2));
    assert_eq!((clock.time(), clock.advanced()), (start + secs(2), secs(2)));
    assert_eq!(clock.clone().elapsed(), secs(2));
    assert!(format!("{clock:?}").contains("is_automatic: true"));
}

/// A probe that waits must end in a runtime with a paused clock, too, so both must agree.
#[tokio::test(start_paused = true)]
async fn the_clock_of_the_machine_follows_a_paused_clock() {
    let start = SystemClock.elapsed();
    SystemClock.sleep(secs(60)).await;
    assert_eq!(SystemClock.elapsed() - start, secs(60));
    SystemClock.deadline(start + secs(90)).await;
    assert_eq!(SystemClock.elapsed() - start, secs(90));
    tokio::time::advance(secs(5)).await;
    assert_eq!(SystemClock.elapsed() - start, secs(95));
}
