//! Runs a test against real sockets on a paused clock, which moves when nothing else happens.
//!
//! Tokio's own paused clock moves whenever the runtime waits, also for a socket: an answer that is
//! on its way through the kernel would then be too late for every timeout. A watcher that only
//! looks whether the runtime waits is no better on a busy machine, because a thread with an event
//! at hand may not get a processor for a long time. So the watcher takes turns with the runtime:
//! it wakes the runtime, which collects all events at hand, runs what they wake and waits again.
//! If several turns in a row consist of nothing but the watcher's own wake-up, nothing is under
//! way. How long a turn takes does not matter.
//!
//! Assumes that all clients and servers run on this one runtime, and that what is written to a
//! loopback socket can be read from its other end at once. Blocking tasks, such as the resolution of
//! a name, share one thread with the watcher: while they run, the clock stands still, so that it is
//! at most one step ahead of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use tokio::{
    runtime::Builder,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::spawn_blocking,
    time::advance,
};

/// How far the clock moves at a time
pub const STEP: Duration = Duration::from_millis(100);

/// How many turns in a row must have nothing but the watcher's wake-up
const TURNS: usize = 5;

/// How many times the watcher looks before it starts anew, so that a test that fails can end
const LOOKS: usize = 20;

/// How often the runtime has waited: two for each time, and one more while it waits
#[derive(Clone, Default)]
struct Waits(Arc<AtomicU64>);

impl Waits {
    fn begin(&self) {
        self.0.store((self.0.load(Ordering::SeqCst) & !1) + 3, Ordering::SeqCst);
    }

    fn end(&self) {
        self.0.store(self.0.load(Ordering::SeqCst) & !1, Ordering::SeqCst);
    }

    /// The number of the wait that the runtime is in, if it is in one
    fn current(&self) -> Option<u64> {
        Some(self.0.load(Ordering::SeqCst)).filter(|waits| waits % 2 == 1)
    }
}

/// Wakes the runtime, and returns when it has seen that
struct Turn {
    wake: UnboundedSender<mpsc::Sender<()>>,
    waits: Waits,
}

impl Turn {
    /// Whether the runtime has nothing to do but to see the wake-up; `None` once the test has ended
    fn is_quiet(&self) -> Option<bool> {
        let before = self.wait()?;
        let (seen, is_seen) = mpsc::channel();
        self.wake.send(seen).ok()?;
        is_seen.recv().ok()?;
        Some(self.wait()? == before + 2)
    }

    /// The number of the wait that the runtime is in, or comes to next
    fn wait(&self) -> Option<u64> {
        while !self.wake.is_closed() {
            if let Some(wait) = self.waits.current() {
                return Some(wait);
            }
            thread::sleep(Duration::from_micros(50));
        }
        None
    }
}

async fn answer(mut turns: UnboundedReceiver<mpsc::Sender<()>>) {
    while let Some(seen) = turns.recv().await {
        let _ = seen.send(());
    }
}

pub fn run<T>(future: impl Future<Output = T>) -> T {
    let waits = Waits::default();
    let (begin, end) = (waits.clone(), waits.clone());
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        // The watcher waits for its turn after every blocking task of the test.
        .max_blocking_threads(1)
        .on_thread_park(move || begin.begin())
        .on_thread_unpark(move || end.end())
        .build()
        .unwrap();
    let (wake, turns) = unbounded_channel();
    let turn = Arc::new(Turn { wake, waits });
    let clock = async move {
        loop {
            let turn = Arc::clone(&turn);
            let is_quiet = move || (0..TURNS).all(|_| turn.is_quiet() == Some(true));
            // While a blocking task runs, Tokio does not move the clock itself.
            if spawn_blocking(move || (0..LOOKS).any(|_| is_quiet())).await.unwrap() {
                advance(STEP).await;
            }
        }
    };
    runtime.block_on(async {
        tokio::select! {
            done = future => done,
            () = answer(turns) => unreachable!("the clock holds the other end"),
            () = clock => unreachable!("it never ends"),
        }
    })
}
