//! After any failure, the manifest is that of the last complete run, or there is none.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
};

use azure_asset_sync::{
    Error, ErrorKind,
    sink::callback,
    store::NameOrder,
    sync::{Ending, Manifest, Summary},
    testing::TestDisk,
};

use super::{
    block_on, cases,
    model::{Model, blob, content, content_of, draw, held, is_asset, mutate},
    sinks::{How, Upserts},
    store::{Listing, Sorted},
};

/// The names in a manifest, with what it says about each.
type Contents = BTreeMap<String, String>;

fn contents(model: &Model) -> Contents {
    let line = |(name, version): (&String, &u32)| {
        let blob = blob(name, *version);
        let content = if is_asset(name) { content(&blob) } else { blob.etag.unwrap().to_string() };
        (name.clone(), content)
    };
    model.iter().map(line).collect()
}

/// Returns the contents of a manifest, and asserts that all of its parts agree.
fn claimed(manifest: impl Fn() -> Option<Manifest>) -> Option<Contents> {
    let first = manifest()?;
    let (listed, assets) = (first.listed(), first.assets());
    let rows: Vec<_> = first.rows().map(Result::unwrap).collect();
    let names: BTreeSet<_> = rows.iter().map(|row| &row.name).collect();
    assert_eq!(names.len(), rows.len(), "a name has two rows");
    let mut all = Contents::new();
    for row in rows.iter().filter(|row| row.is_listed()) {
        assert!(!row.in_doubt, "a complete run leaves no row in doubt: {row:?}");
        let etag = row.etag.as_ref().unwrap();
        let tier = row.access_tier.as_ref().map_or("none", |tier| tier.as_str());
        let content = if row.is_asset() { format!("{etag} in {tier}") } else { etag.to_string() };
        all.insert(row.name.clone(), content);
    }
    let mut exported = BTreeMap::new();
    let sink = callback(|change| {
        let asset = change.asset().unwrap();
        exported.insert(asset.blob.name.clone(), content_of(asset));
        Ok(())
    });
    let count = block_on(manifest().unwrap().export(sink)).unwrap();
    let want: BTreeMap<_, _> = all.clone().into_iter().filter(|(name, _)| is_asset(name)).collect();
    assert_eq!((count, assets, listed), (want.len() as u64, count, all.len() as u64));
    assert_eq!(exported, want);
    Some(all)
}

/// What complete runs have known.
#[derive(Default)]
struct Claims {
    last: Option<Contents>,
    /// The contents of the container since the run began.
    models: Vec<Model>,
}

impl Claims {
    /// Returns an entry that no run can have seen: a version that never existed, or a missing blob that
    /// existed all the time.
    fn contradicts(&self, now: &Contents) -> Option<String> {
        let seen: Vec<_> = self.models.iter().map(contents).collect();
        let is_seen = |(name, content): &(&String, &String)| {
            seen.iter().any(|contents| contents.get(*name) == Some(*content))
        };
        if let Some(never) = now.iter().find(|line| !is_seen(line)) {
            return Some(format!("never: {never:?}"));
        }
        let is_always = |(name, content): &(&String, &String)| {
            seen.iter().all(|all| all.get(*name) == Some(*content))
        };
        let mut always = seen.first().into_iter().flatten().filter(is_always);
        let missing = always.find(|(name, _)| !now.contains_key(*name))?;
        Some(format!("missing: {missing:?}"))
    }

    fn failed(&self, disk: &TestDisk, what: &str) {
        let now = claimed(|| disk.manifest().unwrap());
        if now != self.last {
            // After the commit only the removal of old files can fail.
            let wrong = now.map(|now| self.contradicts(&now));
            assert_eq!(wrong, Some(None), "{what}");
        }
    }

    fn ended(&mut self, disk: &TestDisk, model: &Model, what: &str) {
        let now = claimed(|| disk.manifest().unwrap()).unwrap();
        assert_eq!(self.contradicts(&now), None, "{what}");
        (self.last, self.models) = (Some(now), vec![model.clone()]);
    }
}

/// Runs a job to its end, to a panic, or until it is dropped.
fn run(
    disk: &TestDisk,
    scan: azure_asset_sync::Scan,
    mirror: &mut Upserts,
) -> Result<Summary, Error> {
    let hangs = Arc::clone(&mirror.hangs);
    let job = disk.job(scan).max_removals(1.0);
    let run = async {
        tokio::select! {
            biased;
            result = job.run(mirror) => result,
            () = hangs.notified() => Err(Error::new(ErrorKind::Sink, "it was dropped")),
        }
    };
    catch_unwind(AssertUnwindSafe(|| block_on(run)))
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::Sink, "the sink has panicked")))
}

fn expected(error: &Error, what: &str) {
    let is_known =
        matches!(error.kind(), ErrorKind::State | ErrorKind::Sink | ErrorKind::PermissionDenied);
    assert!(is_known, "{what}: {error}");
}

#[test]
fn a_run_that_fails_anywhere_leaves_a_correct_manifest_and_loses_no_change_in_any_order() {
    for seed in cases(120) {
        let mut random = fastrand::Rng::with_seed(seed);
        let what = format!("SEED={seed}");
        let disk = TestDisk::new(random.usize(1..20));
        let (mut mirror, mut claims) = (Upserts::default(), Claims::default());
        let mut model = draw(150, &mut random);
        let mut sorted = Sorted::draw(&mut random);
        claims.models.push(model.clone());
        for _ in 0..3 {
            loop {
                let most = [5, 60, 2000][random.usize(..3)];
                let cut = random.u64(..most);
                match random.bool() {
                    true => disk.cut_power_at(cut),
                    false => disk.fail_at(cut, std::io::ErrorKind::StorageFull),
                }
                mirror.fail = (random.u8(..4) == 0).then(|| {
                    let how = [How::Error, How::Panic, How::Hang][random.usize(..3)];
                    (random.usize(..6), how)
                });
                let mut listing = Listing::draw(&model, sorted, &mut random);
                if random.u8(..4) == 0 {
                    listing.refuses = random.usize(..20);
                }
                let result = run(&disk, listing.scan(&mut random), &mut mirror);
                disk.restart(|open| random.usize(..=open));
                match result {
                    Ok(_) => {
                        claims.ended(&disk, &model, &what);
                        break;
                    }
                    Err(error) => expected(&error, &what),
                }
                claims.failed(&disk, &what);
                if random.u8(..4) == 0 {
                    mutate(&mut model, &mut random);
                    claims.models.push(model.clone());
                }
            }
            // Changes during the scan are reported by the next run.
            mirror.fail = None;
            let listing = Listing::draw(&model, sorted, &mut random);
            run(&disk, listing.scan(&mut random), &mut mirror).unwrap();
            claims.ended(&disk, &model, &what);
            let (assets, rejected) = held(&model);
            assert_eq!(mirror.assets, assets, "SEED={seed}");
            assert_eq!(mirror.rejected, rejected, "SEED={seed}");
            assert!(mirror.replayed <= mirror.interrupted, "SEED={seed}");
            mutate(&mut model, &mut random);
            claims.models.push(model.clone());
            // Not while a run is interrupted: a resumed listing that starts at a name cannot show that
            // other names have moved before this name.
            if random.u8(..4) == 0 {
                sorted = Sorted::draw(&mut random);
            }
        }
    }
}

#[test]
fn a_sink_that_may_have_either_of_two_unfinished_batches_gets_the_last_state() {
    // The versions of one blob at the start, in the batch that the sink takes without making it durable,
    // in the batch that the sink does not take, and at the end. `None` if the blob is gone.
    let cases = [
        [Some(8), Some(9), Some(8), Some(8)],
        [Some(8), Some(400), Some(8), Some(8)],
        [Some(8), Some(9), Some(400), Some(8)],
        [Some(8), Some(9), Some(400), None],
        [None, Some(9), Some(400), None],
        [None, Some(9), None, None],
    ];
    for case in cases {
        // A second blob, so that each run has something to list.
        let other = ("b.jpg".to_owned(), 4);
        let model = |version: Option<u32>| -> Model {
            version
                .map(|version| ("a.jpg".to_owned(), version))
                .into_iter()
                .chain([other.clone()])
                .collect()
        };
        let scan = |version| {
            let sorted = Sorted::By(NameOrder::Bytes);
            let listing = Listing::new(&model(version), sorted, NameOrder::Bytes);
            azure_asset_sync::Scan::new(listing, &Default::default())
        };
        let (disk, mut mirror) = (TestDisk::new(2), Upserts::default());
        let [first, taken, not_taken, last] = case;
        run(&disk, scan(first), &mut mirror).unwrap();
        for (version, calls) in [(taken, 1), (not_taken, 0)] {
            mirror.fail = Some((calls, How::Error));
            // A run without a change gives the sink nothing before the end, and fails there.
            run(&disk, scan(version), &mut mirror).unwrap_err();
        }
        mirror.fail = None;
        run(&disk, scan(last), &mut mirror).unwrap();
        assert_eq!(mirror.assets, held(&model(last)).0, "{case:?}");
    }
}

/// Where a run fails.
#[derive(Clone, Copy, Debug)]
enum At {
    Disk,
    PowerCut,
    Request,
    Sink(How),
}

#[test]
fn a_run_that_fails_at_any_point_leaves_a_correct_manifest() {
    let names =
        ["B.jpg", "a-b/1.jpg", "a/1.jpg", "a/2.txt", "a/\u{ff08}.jpg", "a/\u{1f980}.jpg", "c.jpg"];
    let before: Model =
        names.iter().zip(0..).map(|(name, n)| ((*name).to_owned(), n * 8)).collect();
    let mut after = before.clone();
    after.remove("a-b/1.jpg");
    after.extend([("a/1.jpg".to_owned(), 9), ("c.jpg".to_owned(), 801), ("d.jpg".to_owned(), 4)]);
    let orders = [
        Sorted::By(NameOrder::Bytes),
        Sorted::By(NameOrder::Utf16),
        Sorted::By(NameOrder::SegmentsUtf16),
        Sorted::Random(3),
    ];
    let ways = [
        At::Disk,
        At::PowerCut,
        At::Request,
        At::Sink(How::Error),
        At::Sink(How::Panic),
        At::Sink(How::Hang),
    ];
    let failures = Mutex::new(0);
    for (sorted, way, is_second) in orders.iter().flat_map(|sorted| {
        ways.iter().flat_map(move |way| [false, true].map(|is_second| (*sorted, *way, is_second)))
    }) {
        let scan = |model: &Model, refuses: usize| {
            let mut listing = Listing::new(model, sorted, NameOrder::Bytes);
            listing.refuses = refuses;
            let page = 2.try_into().unwrap();
            azure_asset_sync::Scan::new(listing, &Default::default()).page_size(page)
        };
        for at in 0.. {
            let what = format!("{sorted:?}, {way:?} {at}, second: {is_second}");
            let (disk, mut mirror) = (TestDisk::new(2), Upserts::default());
            let mut claims = Claims::default();
            if is_second {
                claims.models.push(before.clone());
                let first = run(&disk, scan(&before, usize::MAX), &mut mirror).unwrap();
                assert_eq!(first.ending, Ending::Complete);
                claims.ended(&disk, &before, &what);
            }
            // The preceding run has seen other contents.
            claims.models = vec![after.clone()];
            let mut refuses = usize::MAX;
            match way {
                At::Disk => disk.fail_at(at, std::io::ErrorKind::StorageFull),
                At::PowerCut => disk.cut_power_at(at),
                At::Request => refuses = at as usize,
                At::Sink(how) => mirror.fail = Some((at as usize, how)),
            }
            let result = run(&disk, scan(&after, refuses), &mut mirror);
            mirror.fail = None;
            disk.restart(|_| 0);
            if result.is_ok() {
                assert!(at > 2, "{what}: the run never failed");
                break;
            }
            *failures.lock().unwrap() += 1;
            expected(&result.unwrap_err(), &what);
            claims.failed(&disk, &what);
            run(&disk, scan(&after, usize::MAX), &mut mirror).unwrap();
            claims.ended(&disk, &after, &what);
            assert_eq!((mirror.assets.clone(), mirror.rejected.clone()), held(&after), "{what}");
        }
    }
    assert!(*failures.lock().unwrap() > 1000, "{failures:?}");
}
