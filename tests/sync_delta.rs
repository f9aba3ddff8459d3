//! What a job tells is what has changed: against a model, for any containers, pages and shards.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU16,
    sync::Arc,
};

use azure_asset_sync::{
    Blob, Error, ErrorKind, MemoryStore, Prefix, Scan,
    sink::{Batch, Change, Delivery, RunId, Sink},
    store::ETag,
    sync::{Ending, Summary},
    testing::TestDisk,
};

/// What a service would hold: it takes changes to the letter
#[derive(Debug, Default)]
struct Mirror {
    assets: BTreeMap<String, String>,
    rejected: BTreeSet<String>,
    /// Assets that were removed some time
    removed: BTreeSet<String>,
    /// Changes of this run
    changes: usize,
    last: Option<(RunId, u64)>,
}

#[async_trait::async_trait]
impl Sink for Mirror {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        assert!(!batch.changes.is_empty());
        let number = self.last.filter(|(run, _)| run == batch.run).map_or(0, |(_, n)| n + 1);
        assert_eq!(batch.sequence, number, "a gap, or a batch that comes twice");
        self.last = Some((*batch.run, number));
        for change in batch.changes {
            self.changes += 1;
            let name = change.name().unwrap().to_owned();
            let etag = change.asset().map(|asset| asset.blob.etag.as_ref().unwrap().to_string());
            let had = self.assets.get(&name).cloned();
            match change {
                Change::Added(_) => {
                    assert!(had.is_none() && !self.removed.contains(&name), "added twice: {name}");
                }
                Change::Restored(_) => assert!(had.is_none() && self.removed.contains(&name)),
                Change::Changed(_) => assert!(had.is_some() && had != etag, "unchanged: {name}"),
                Change::Removed(removal) => {
                    assert_eq!(had.is_some(), removal.kind.is_some(), "{name}");
                    assert!(had.is_some() || self.rejected.contains(&name), "never there: {name}");
                }
                _ => assert!(had.is_none(), "rejected while it is held: {name}"),
            }
            self.rejected.remove(&name);
            self.assets.remove(&name);
            match (etag, change) {
                (Some(etag), _) => drop(self.assets.insert(name, etag)),
                (None, Change::Removed(removal)) => {
                    if removal.kind.is_some() {
                        self.removed.insert(name);
                    }
                }
                _ => drop(self.rejected.insert(name)),
            }
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn delivery(&self) -> Delivery {
        Delivery::AppendOnly
    }
}

/// A container whose contents a test draws
type Model = BTreeMap<String, u32>;

fn store(model: &Model) -> MemoryStore {
    model
        .iter()
        .map(|(name, version)| {
            let mut blob = Blob::new(name.as_str(), 1 + u64::from(*version));
            blob.etag = Some(ETag::from(format!("0x{version:X}").as_str()));
            blob
        })
        .collect()
}

fn is_asset(name: &str) -> bool {
    name.ends_with(".jpg")
}

fn draw_name(random: &mut fastrand::Rng) -> String {
    let folder = ["", "a/", "a-b/", "b/", "\u{e9}/", "z/z/"][random.usize(..6)];
    let end = if random.u8(..5) == 0 { "txt" } else { "jpg" };
    format!("{folder}{:03}.{end}", random.usize(..150))
}

fn mutate(model: &mut Model, random: &mut fastrand::Rng) {
    let names: Vec<_> = model.keys().cloned().collect();
    for _ in 0..random.usize(..8) {
        match random.u8(..3) {
            0 => drop(model.insert(draw_name(random), random.u32(..1000))),
            kind if !names.is_empty() => {
                let name = names[random.usize(..names.len())].clone();
                match kind {
                    1 => drop(model.remove(&name)),
                    _ => drop(model.insert(name, random.u32(..1000))),
                }
            }
            _ => {}
        }
    }
    if random.u8(..20) == 0 {
        let folder = ["a/", "b/", "z/"][random.usize(..3)];
        model.retain(|name, _| !name.starts_with(folder));
    }
}

fn scan(model: &Model, random: &mut fastrand::Rng) -> Scan {
    let page = NonZeroU16::new(random.u16(1..30)).unwrap();
    Scan::new(Arc::new(store(model)), &Prefix::default())
        .in_flight(random.usize(1..5))
        .page_size(page)
}

fn held(model: &Model) -> (BTreeMap<String, String>, BTreeSet<String>) {
    let assets = model.iter().filter(|(name, _)| is_asset(name));
    let rejected = model.keys().filter(|name| !is_asset(name));
    (
        assets.map(|(name, version)| (name.clone(), format!("0x{version:X}"))).collect(),
        rejected.cloned().collect(),
    )
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// `CASES` and `SEED` in the environment choose how many, and which
fn cases(default: u64) -> impl Iterator<Item = u64> {
    let number = |name| std::env::var(name).ok().map(|text: String| text.parse::<u64>().unwrap());
    let count = number("CASES").unwrap_or(default);
    let first = number("SEED").unwrap_or(0);
    first..first + if number("SEED").is_some() { 1 } else { count }
}

fn check(mirror: &Mirror, model: &Model, disk: &TestDisk, seed: u64) {
    let (assets, rejected) = held(model);
    assert_eq!(mirror.assets, assets, "SEED={seed}");
    assert_eq!(mirror.rejected, rejected, "SEED={seed}");
    let manifest = disk.manifest().unwrap();
    let rows = manifest.into_iter().flat_map(|manifest| manifest.rows());
    let rows: Vec<_> = rows.map(Result::unwrap).collect();
    assert!(rows.is_sorted_by(|a, b| a.name < b.name), "SEED={seed}");
    let listed: Vec<_> = rows.iter().filter(|row| row.is_listed()).map(|row| &row.name).collect();
    assert_eq!(listed, model.keys().collect::<Vec<_>>(), "SEED={seed}");
}

#[test]
fn a_job_tells_what_a_map_of_old_and_new_would() {
    for seed in cases(400) {
        let mut random = fastrand::Rng::with_seed(seed);
        let disk = TestDisk::new(random.usize(1..20));
        let mut mirror = Mirror::default();
        let mut model: Model = (0..random.usize(..200))
            .map(|_| (draw_name(&mut random), random.u32(..1000)))
            .collect();
        for round in 0..4 {
            let before = mirror.assets.clone();
            mirror.changes = 0;
            let job = disk.job(scan(&model, &mut random)).max_removals(1.0);
            let summary = block_on(job.run(&mut mirror))
                .unwrap_or_else(|error| panic!("SEED={seed} round {round}: {error}"));
            assert_eq!(summary.ending, Ending::Complete);
            check(&mirror, &model, &disk, seed);
            counts(&summary, &before, &model, &mirror, seed);
            assert_eq!(disk.files().len(), 1, "SEED={seed}: {:?}", disk.files());
            if random.bool() {
                mutate(&mut model, &mut random);
            }
        }
    }
}

fn counts(
    summary: &Summary,
    before: &BTreeMap<String, String>,
    model: &Model,
    mirror: &Mirror,
    seed: u64,
) {
    let (assets, _) = held(model);
    let counts = summary.counts;
    let new = assets.keys().filter(|name| !before.contains_key(*name)).count() as u64;
    let changed =
        assets.iter().filter(|(name, etag)| before.get(*name).is_some_and(|b| b != *etag));
    assert_eq!(counts.added + counts.restored, new, "SEED={seed}");
    assert_eq!(counts.changed, changed.count() as u64, "SEED={seed}");
    let told = counts.added + counts.changed + counts.restored + counts.removed + counts.rejected;
    assert_eq!(told, mirror.changes as u64, "SEED={seed}");
    let listed = told - counts.removed + counts.unchanged;
    assert_eq!(listed, model.len() as u64, "SEED={seed}");
}

#[test]
fn a_run_that_is_cut_off_anywhere_goes_on_without_loss() {
    for seed in cases(400) {
        let mut random = fastrand::Rng::with_seed(seed);
        let disk = TestDisk::new(random.usize(1..20));
        let mut mirror = Upserts::default();
        let mut model: Model = (0..random.usize(..150))
            .map(|_| (draw_name(&mut random), random.u32(..1000)))
            .collect();
        for _ in 0..3 {
            loop {
                let most = [5, 60, 2000][random.usize(..3)];
                let cut = random.u64(..most);
                let is_power = random.bool();
                match is_power {
                    true => disk.cut_power_at(cut),
                    false => disk.fail_at(cut, std::io::ErrorKind::StorageFull),
                }
                mirror.fail_in = (random.u8(..4) == 0).then(|| random.usize(..6));
                let job = disk.job(scan(&model, &mut random)).max_removals(1.0);
                let result = block_on(job.run(&mut mirror));
                disk.restart(|open| random.usize(..=open));
                match result {
                    Ok(_) => break,
                    Err(error) => assert!(
                        matches!(error.kind(), ErrorKind::State | ErrorKind::Sink),
                        "SEED={seed}: {error}"
                    ),
                }
                if random.u8(..4) == 0 {
                    mutate(&mut model, &mut random);
                }
            }
            // What changed behind the scan's back is for the next run.
            let job = disk.job(scan(&model, &mut random)).max_removals(1.0);
            mirror.fail_in = None;
            block_on(job.run(&mut mirror)).unwrap();
            let (assets, rejected) = held(&model);
            assert_eq!(mirror.assets, assets, "SEED={seed}");
            assert_eq!(mirror.rejected, rejected, "SEED={seed}");
            assert!(mirror.replayed <= mirror.interrupted, "SEED={seed}");
            mutate(&mut model, &mut random);
        }
    }
}

/// A sink that is keyed by name, and fails now and then
#[derive(Debug, Default)]
struct Upserts {
    assets: BTreeMap<String, String>,
    rejected: BTreeSet<String>,
    last: Option<(RunId, u64)>,
    replayed: usize,
    interrupted: usize,
    fail_in: Option<usize>,
}

impl Upserts {
    fn fail(&mut self) -> Result<(), Error> {
        match &mut self.fail_in {
            Some(0) => {
                self.fail_in = None;
                Err(Error::new(ErrorKind::Sink, "no"))
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

#[async_trait::async_trait]
impl Sink for Upserts {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        self.fail()?;
        if let Some((run, last)) = self.last
            && run == *batch.run
        {
            assert!(
                batch.sequence == last || batch.sequence == last + 1,
                "more than one comes again"
            );
            self.replayed += usize::from(batch.sequence == last);
        }
        self.last = Some((*batch.run, batch.sequence));
        for change in batch.changes {
            let name = change.name().unwrap().to_owned();
            self.assets.remove(&name);
            self.rejected.remove(&name);
            match (change.asset(), change.rejection()) {
                (Some(asset), _) => {
                    let etag = asset.blob.etag.as_ref().unwrap().to_string();
                    self.assets.insert(name, etag);
                }
                (_, Some(_)) => drop(self.rejected.insert(name)),
                _ => {}
            }
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        self.interrupted += 1;
        self.fail()
    }

    async fn finish(&mut self) -> Result<(), Error> {
        self.fail()
    }

    fn delivery(&self) -> Delivery {
        Delivery::Idempotent
    }
}
