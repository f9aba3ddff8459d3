//! A run that is killed with SIGKILL at any point can be resumed: no change is lost, and none is
//! delivered twice except in a repeated batch.
//!
//! Each point runs this program again as a child, which runs one job and kills itself. The variable
//! `POINTS=1000` runs the complete campaign, `SEED` a single point.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    io::Write as _,
    num::NonZeroU16,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU64, Ordering},
};

use azure_asset_sync::{
    Blob, Error, MemoryStore, Prefix, Scan, Store,
    sink::{Batch, Change, Delivery, RunId, Sink},
    store::{ETag, ListRequest, Page, ReadRequest},
    sync::Ending,
    testing::watched_job,
};
use bytes::Bytes;
use serde_json::{Value, json};

const BLOBS: u32 = 400;
const PAGE: u16 = 25;
const ROWS_PER_BLOCK: usize = 20;

/// Returns the container before or after the changes between the two runs.
fn container(is_later: bool) -> BTreeMap<String, u32> {
    let names = (0..BLOBS).map(|n| {
        let extension = if n % 11 == 0 { "txt" } else { "jpg" };
        (format!("f{}/{n:04}.{extension}", n / 70), 1)
    });
    let mut blobs: BTreeMap<_, _> = names.collect();
    if is_later {
        blobs.retain(|name, _| !name.contains("1.jpg"));
        blobs.iter_mut().filter(|(name, _)| name.contains("5.")).for_each(|(_, v)| *v = 2);
        blobs.extend((0..40).map(|n| (format!("f{}/new-{n}.jpg", n % 7), 1)));
    }
    blobs
}

static POINTS: AtomicU64 = AtomicU64::new(0);

/// Called at each point of a run. Kills the process at the chosen point.
fn point(_: &'static str) {
    let number = POINTS.fetch_add(1, Ordering::SeqCst);
    if env::var("KILL_AT").is_ok_and(|last| last == number.to_string()) {
        let me = std::process::id().to_string();
        Command::new("kill").args(["-9", &me]).status().unwrap();
        loop {
            std::thread::park();
        }
    }
}

struct Watched(MemoryStore);

#[async_trait::async_trait]
impl Store for Watched {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        point("list");
        self.0.list(request).await
    }

    async fn read(&self, request: ReadRequest) -> Result<Bytes, Error> {
        self.0.read(request).await
    }
}

/// A sink that appends a line for each change, with the run and the number of its batch.
struct Log(fs::File);

#[async_trait::async_trait]
impl Sink for Log {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        point("accept");
        let half = batch.changes.len() / 2;
        for (place, change) in batch.changes.iter().enumerate() {
            if place == half {
                point("accept");
            }
            let etag = change.asset().map(|asset| asset.blob.etag.as_ref().unwrap().to_string());
            let what = match change {
                Change::Added(_) => "added",
                Change::Changed(_) => "changed",
                Change::Restored(_) => "restored",
                Change::Removed(_) => "removed",
                _ => "rejected",
            };
            let line = json!([batch.run, batch.sequence, what, change.name(), etag]);
            writeln!(self.0, "{line}").unwrap();
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        point("flush");
        self.0.sync_data().unwrap();
        point("flush");
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Error> {
        point("finish");
        Ok(())
    }

    fn delivery(&self) -> Delivery {
        Delivery::AppendOnly
    }
}

/// Runs one job in the process that is killed.
#[test]
fn child() {
    let Ok(folder) = env::var("KILL_FOLDER").map(PathBuf::from) else { return };
    let is_later = env::var_os("KILL_LATER").is_some();
    let in_flight = env::var("KILL_IN_FLIGHT").unwrap().parse().unwrap();
    let store: MemoryStore = container(is_later)
        .into_iter()
        .map(|(name, version)| {
            let mut blob = Blob::new(name, 1);
            blob.etag = Some(ETag::from(version.to_string().as_str()));
            blob
        })
        .collect();
    let log = fs::OpenOptions::new().append(true).create(true).open(folder.join("log")).unwrap();
    let scan = Scan::new(Watched(store), &Prefix::default())
        .in_flight(in_flight)
        .page_size(NonZeroU16::new(PAGE).unwrap());
    let job = watched_job(scan, folder.join("state"), ROWS_PER_BLOCK, point);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let summary = runtime.block_on(job.max_removals(1.0).run(Log(log))).unwrap();
    assert_eq!(summary.ending, Ending::Complete);
    let points = POINTS.load(Ordering::SeqCst);
    fs::write(folder.join("points"), points.to_string()).unwrap();
}

fn spawn(folder: &Path, is_later: bool, in_flight: u64, kill_at: Option<u64>) -> ExitStatus {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "child", "--nocapture"]).env("KILL_FOLDER", folder);
    child.env("KILL_IN_FLIGHT", in_flight.to_string()).stdout(Stdio::null());
    if is_later {
        child.env("KILL_LATER", "1");
    }
    if let Some(point) = kill_at {
        child.env("KILL_AT", point.to_string());
    }
    child.status().unwrap()
}

fn points(folder: &Path) -> u64 {
    fs::read_to_string(folder.join("points")).unwrap().parse().unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { assert!(fs::copy(&path, target).is_ok()) }
    }
}

/// The ETags of assets, and `None` for rejected blobs.
type Held = BTreeMap<String, Option<String>>;

/// Returns what a keyed sink would store after these lines, and how often each batch was delivered.
fn replay(folder: &Path) -> (Held, BTreeMap<(RunId, u64), u64>) {
    let (mut held, mut batches) = (BTreeMap::new(), BTreeMap::new());
    let mut last = None;
    let mut seen = BTreeSet::new();
    for line in fs::read_to_string(folder.join("log")).unwrap().lines() {
        let Value::Array(fields) = serde_json::from_str(line).unwrap() else { panic!("{line}") };
        let [run, sequence, what, name, etag] = fields.try_into().unwrap();
        let key: (RunId, u64) = (serde_json::from_value(run).unwrap(), sequence.as_u64().unwrap());
        let name = name.as_str().unwrap().to_owned();
        // A batch was delivered again after a restart if one of its names is repeated.
        if last != Some(key) || !seen.insert(name.clone()) {
            *batches.entry(key).or_default() += 1;
            last = Some(key);
            seen = BTreeSet::from([name.clone()]);
        }
        match what.as_str().unwrap() {
            "removed" => drop(held.remove(&name)),
            "rejected" => drop(held.insert(name, None)),
            _ => drop(held.insert(name, Some(etag.as_str().unwrap().to_owned()))),
        }
    }
    (held, batches)
}

#[test]
fn a_run_that_is_killed_anywhere_is_resumed_without_loss() {
    let number = |name| env::var(name).ok().map(|text: String| text.parse::<u64>().unwrap());
    let count = number("POINTS").unwrap_or(40);
    let seeds = number("SEED").map_or(0..count, |seed| seed..seed + 1);
    let root = tempfile::tempdir().unwrap();
    // A first run that succeeds. It counts the points of both runs.
    let first = root.path().join("first");
    fs::create_dir(&first).unwrap();
    assert!(spawn(&first, false, 3, None).success());
    let second = root.path().join("second");
    copy(&first, &second);
    assert!(spawn(&second, true, 3, None).success());
    let most = [points(&first), points(&second)];

    for seed in seeds {
        let mut random = fastrand::Rng::with_seed(seed);
        let is_later = random.bool();
        let in_flight = [1, 3][random.usize(..2)];
        let folder = root.path().join("run");
        match is_later {
            true => copy(&first, &folder),
            false => fs::create_dir(&folder).unwrap(),
        }
        let mut kills = 0;
        // The run is killed, and possibly killed again when it is resumed.
        for _ in 0..random.usize(1..=3) {
            let at = random.u64(..most[usize::from(is_later)]);
            let status = spawn(&folder, is_later, in_flight, Some(at));
            if status.success() {
                break;
            }
            assert_eq!(status.signal(), Some(9), "SEED={seed}: {status}");
            kills += 1;
        }
        assert!(spawn(&folder, is_later, in_flight, None).success(), "SEED={seed}");

        let (held, batches) = replay(&folder);
        let want = container(is_later).into_iter().map(|(name, version)| {
            let etag = name.ends_with("jpg").then(|| version.to_string());
            (name, etag)
        });
        assert_eq!(held, want.collect(), "SEED={seed}");
        let replayed: u64 = batches.values().map(|times| times - 1).sum();
        assert!(
            replayed <= kills,
            "SEED={seed}: {replayed} batches were repeated after {kills} kills"
        );
        let state: Vec<_> = fs::read_dir(folder.join("state")).unwrap().collect();
        assert_eq!(state.len(), 2, "SEED={seed}: {state:?}");
        fs::remove_dir_all(&folder).unwrap();
    }
}
