//! Runs a test with real sockets on a paused clock that advances only when nothing else happens.
//!
//! Tokio's own paused clock advances whenever the runtime waits, also if it waits for a socket: a
//! response on its way through the kernel would then miss every timeout. A watcher that only checks
//! whether the runtime waits does not help on a busy machine, because a thread with a pending event can
//! wait long for a processor. Therefore the watcher takes turns with the runtime: it wakes the runtime,
//! which collects all pending events, runs the tasks that they wake, and waits again. If several
//! consecutive turns consist of the watcher's own wake-up only, nothing is in flight. How long a turn
//! takes does not matter.
//!
//! Assumes that all clients and servers run on this one runtime, and that data written to a loopback
//! socket can be read at its other end at once. Blocking tasks, for example the resolution of a name,
//! share one thread with the watcher: the clock does not advance while they run, so it is at most one
//! step ahead of them.

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

/// How far the clock advances at a time.
pub const STEP: Duration = Duration::from_millis(100);

/// How many consecutive turns must consist of the watcher's wake-up only.
const TURNS: usize = 5;

/// How often the watcher looks before its blocking task ends, so that a failed test can end.
const LOOKS: usize = 20;

/// Counts the waits of the runtime: two for each, and one more during a wait.
#[derive(Clone, Default)]
struct Waits(Arc<AtomicU64>);

impl Waits {
    fn begin(&self) {
        self.0.store((self.0.load(Ordering::SeqCst) & !1) + 3, Ordering::SeqCst);
    }

    fn end(&self) {
        self.0.store(self.0.load(Ordering::SeqCst) & !1, Ordering::SeqCst);
    }

    /// Returns the number of the current wait, or `None` if the runtime does not wait.
    fn current(&self) -> Option<u64> {
        Some(self.0.load(Ordering::SeqCst)).filter(|waits| waits % 2 == 1)
    }
}

/// Wakes the runtime, and waits until it has noticed.
struct Turn {
    wake: UnboundedSender<mpsc::Sender<()>>,
    waits: Waits,
}

impl Turn {
    /// Returns whether the runtime had nothing to do except to notice the wake-up, or `None` if the test
    /// has ended.
    fn is_quiet(&self) -> Option<bool> {
        let before = self.wait()?;
        let (seen, is_seen) = mpsc::channel();
        self.wake.send(seen).ok()?;
        is_seen.recv().ok()?;
        Some(self.wait()? == before + 2)
    }

    /// Waits until the runtime waits, and returns the number of that wait.
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
        // One thread, so that the watcher runs after the blocking tasks of the test.
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
            // Tokio does not advance the clock while a blocking task runs.
            if spawn_blocking(move || (0..LOOKS).any(|_| is_quiet())).await.unwrap() {
                advance(STEP).await;
            }
        }
    };
    runtime.block_on(async {
        tokio::select! {
            done = future => done,
            () = answer(turns) => unreachable!("the clock owns the sender"),
            () = clock => unreachable!("the clock never ends"),
        }
    })
}
