//! A job reports exactly the changes of a container, as a simple model does, for any contents, pages,
//! shards, orders of names and failures.

mod claims;
mod model;
mod sinks;
mod store;

use std::collections::BTreeMap;

use azure_asset_sync::{
    store::NameOrder,
    sync::{Ending, Summary},
    testing::TestDisk,
};

use self::{
    model::{Model, draw, held, mutate},
    sinks::Mirror,
    store::{Listing, Sorted},
};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// Returns the seeds of the cases. The variables `CASES` and `SEED` set their number and the first.
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
    let count = rows.len();
    let names: BTreeMap<_, _> = rows.iter().map(|row| (&row.name, row.is_listed())).collect();
    assert_eq!(names.len(), count, "SEED={seed}");
    let listed = names.into_iter().filter(|(_, is_listed)| *is_listed).map(|(name, _)| name);
    assert_eq!(listed.collect::<Vec<_>>(), model.keys().collect::<Vec<_>>(), "SEED={seed}");
}

#[test]
fn a_job_reports_the_difference_between_two_listings_in_any_order() {
    for seed in cases(300) {
        let mut random = fastrand::Rng::with_seed(seed);
        // Half of the cases use the order that stores state by default.
        let mut sorted = match random.bool() {
            true => Sorted::By(NameOrder::Bytes),
            false => Sorted::draw(&mut random),
        };
        let disk = TestDisk::new(random.usize(1..20));
        let mut mirror = Mirror::default();
        let mut model = draw(200, &mut random);
        for round in 0..4 {
            let before = mirror.assets.clone();
            mirror.changes = 0;
            let scan = Listing::draw(&model, sorted, &mut random).scan(&mut random);
            let job = disk.job(scan).max_removals(1.0);
            let summary = block_on(job.run(&mut mirror))
                .unwrap_or_else(|error| panic!("SEED={seed} round {round} {sorted:?}: {error}"));
            assert_eq!(summary.ending, Ending::Complete);
            check(&mirror, &model, &disk, seed);
            counts(&summary, &before, &model, &mirror, seed);
            assert_eq!(disk.files().len(), 1, "SEED={seed}: {:?}", disk.files());
            if random.bool() {
                mutate(&mut model, &mut random);
            }
            // The account was upgraded to a hierarchical namespace, or moved.
            if random.u8(..8) == 0 {
                sorted = Sorted::draw(&mut random);
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
    let reported =
        counts.added + counts.changed + counts.restored + counts.removed + counts.rejected;
    assert_eq!(reported, mirror.changes as u64, "SEED={seed}");
    let listed = reported - counts.removed + counts.unchanged;
    assert_eq!(listed, model.len() as u64, "SEED={seed}");
}
