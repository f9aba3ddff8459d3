//! Jobs whose rules change between runs or during a run: blobs that a filter excludes are removed and do
//! not count as missing, and a manifest names the rules by which its rows were decided.

use std::collections::{BTreeMap, BTreeSet};

use azure_asset_sync::{
    Blob, Error, ErrorKind, MemoryStore, Prefix, Rules, Scan, Store,
    sink::{Batch, Change, Delivery, Sink},
    store::{ETag, ListRequest, NameOrder, Page, ReadRequest},
    sync::{Ending, Job, Summary},
    testing::TestDisk,
    validate::Filter,
};
use bytes::Bytes;

/// A service that stores assets and rejections by name.
#[derive(Debug, Default)]
struct Service {
    assets: BTreeSet<String>,
    rejected: BTreeSet<String>,
    /// The changes of this run.
    log: Vec<String>,
    /// The batch that fails, and whether the service has stored it before.
    fails: Option<(u64, bool)>,
}

#[async_trait::async_trait]
impl Sink for Service {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        let failure = self.fails.filter(|(at, _)| *at == batch.sequence);
        if failure.is_none_or(|(_, is_stored)| is_stored) {
            for change in batch.changes {
                let name = change.name().unwrap().to_owned();
                self.assets.remove(&name);
                self.rejected.remove(&name);
                let sign = match change {
                    Change::Added(_) => "+",
                    Change::Changed(_) => "~",
                    Change::Restored(_) => "^",
                    Change::Removed(_) => "-",
                    _ => "!",
                };
                self.log.push(format!("{sign}{name}"));
                match (change.asset(), change.rejection()) {
                    (Some(_), _) => drop(self.assets.insert(name)),
                    (_, Some(_)) => drop(self.rejected.insert(name)),
                    _ => {}
                }
            }
        }
        match failure {
            Some(_) => Err(Error::new(ErrorKind::Sink, "the sink fails as planned")),
            None => Ok(()),
        }
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

/// A store with these pages of names.
struct Listed(Vec<Vec<String>>, NameOrder);

#[async_trait::async_trait]
impl Store for Listed {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        let number = request.marker.map_or(0, |marker| marker.as_str().parse().unwrap());
        let names = self.0.get(number).map_or(&[][..], Vec::as_slice);
        let mut page = Page::last(names.iter().map(|name| blob(name)).collect());
        page.next = (number + 1 < self.0.len()).then(|| (number + 1).to_string().into());
        page.order = self.1;
        Ok(page)
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!()
    }
}

fn blob(name: &str) -> Blob {
    let mut blob = Blob::new(name, 10);
    blob.etag = Some(ETag::from("1"));
    blob
}

fn scan(names: &[String], rules: &Rules) -> Scan {
    let store: MemoryStore = names.iter().map(|name| blob(name)).collect();
    Scan::new(store, &Prefix::default()).page_size(2.try_into().unwrap()).rules(rules.clone())
}

fn only(glob: &str) -> Rules {
    Rules::default().filter(Filter::builder().include(glob).build().unwrap())
}

fn run(job: Job, service: &mut Service) -> Result<Summary, Error> {
    service.log.clear();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(job.run(service))
}

fn ten() -> Vec<String> {
    (0..5).flat_map(|n| [format!("a/{n}.jpg"), format!("b/{n}.jpg")]).collect()
}

fn with_sign(signs: &[&str], folder: &str) -> Vec<String> {
    let of = |n| signs.iter().map(move |sign| format!("{sign}{folder}/{n}.jpg"));
    (0..5).flat_map(of).collect()
}

#[test]
fn a_narrowed_filter_removes_the_excluded_blobs_and_withholds_nothing() {
    let (names, all, narrow) = (ten(), Rules::default(), only("a/**"));
    for rows in [1, 3, 100] {
        let (disk, mut service) = (TestDisk::new(rows), Service::default());
        let added = [with_sign(&["+"], "a"), with_sign(&["+"], "b")].concat();
        let steps: [(&Rules, Vec<String>); 7] = [
            (&all, added),
            (&narrow, with_sign(&["-", "!"], "b")),
            (&narrow, vec![]),
            (&all, with_sign(&["^"], "b")),
            (&narrow, with_sign(&["-", "!"], "b")),
            (&only("b/**"), { [with_sign(&["-", "!"], "a"), with_sign(&["^"], "b")].concat() }),
            (&all, with_sign(&["^"], "a")),
        ];
        for (step, (rules, want)) in steps.into_iter().enumerate() {
            let summary = run(disk.job(scan(&names, rules)), &mut service).unwrap();
            assert_eq!(summary.ending, Ending::Complete, "{rows} rows, step {step}");
            assert_eq!(service.log, want, "{rows} rows, step {step}");
            let manifest = disk.manifest().unwrap().unwrap();
            assert_eq!(manifest.rules(), rules.fingerprint(), "{rows} rows, step {step}");
            assert_eq!((manifest.listed(), manifest.withheld()), (10, 0));
        }
    }
}

/// The share of removals is relative to the assets that pass the filter.
#[test]
fn missing_blobs_are_withheld_while_filtered_blobs_are_removed() {
    for (gone, want) in [
        (1, Ending::Complete),
        (2, Ending::RemovalsWithheld { missing: 2, of: 5 }),
        (5, Ending::RemovalsWithheld { missing: 5, of: 5 }),
    ] {
        let (disk, mut service) = (TestDisk::new(2), Service::default());
        let mut names = ten();
        run(disk.job(scan(&names, &Rules::default())), &mut service).unwrap();
        names.retain(|name| !(0..gone).any(|n| *name == format!("a/{n}.jpg")));
        for round in 0..2 {
            let summary = run(disk.job(scan(&names, &only("a/**"))), &mut service).unwrap();
            let is_told = matches!(want, Ending::Complete);
            let want = if is_told && round > 0 { Ending::Complete } else { want };
            assert_eq!(summary.ending, want, "{gone} gone, round {round}");
            assert!(service.assets.iter().all(|name| name.starts_with("a/")), "{service:?}");
            let held = if is_told { 5 - gone } else { 5 };
            assert_eq!((service.assets.len(), service.rejected.len()), (held, 5));
        }
    }
}

/// A blob whose exclusion was reported is reported again when it is gone.
#[test]
fn filtered_blobs_that_are_gone_and_withheld_blobs_that_are_filtered_are_removed() {
    let (disk, mut service) = (TestDisk::new(2), Service::default());
    let names = ten();
    run(disk.job(scan(&names, &Rules::default())), &mut service).unwrap();
    run(disk.job(scan(&names, &only("a/**"))), &mut service).unwrap();
    let few: Vec<_> = names.iter().filter(|name| name.starts_with("a/")).cloned().collect();
    let summary = run(disk.job(scan(&few, &only("a/**"))), &mut service).unwrap();
    assert_eq!(summary.ending, Ending::Complete);
    assert_eq!(service.log, with_sign(&["-"], "b"));

    // The blobs are missing first, and return as blobs that the filter excludes.
    let summary = run(disk.job(scan(&[], &only("a/**"))), &mut service).unwrap();
    assert_eq!(summary.ending, Ending::RemovalsWithheld { missing: 5, of: 5 });
    let summary = run(disk.job(scan(&few, &only("b/**"))), &mut service).unwrap();
    assert_eq!(summary.ending, Ending::Complete);
    assert_eq!(service.log, with_sign(&["-", "!"], "a"));
}

#[test]
fn a_manifest_names_the_rules_of_the_last_complete_run_although_no_verdict_differs() {
    let (disk, mut service) = (TestDisk::new(2), Service::default());
    for rules in [Rules::default(), only("**"), only("*/*.jpg"), Rules::default()] {
        run(disk.job(scan(&ten(), &rules)), &mut service).unwrap();
        assert_eq!(disk.manifest().unwrap().unwrap().rules(), rules.fingerprint());
    }
    assert!(service.log.is_empty(), "{service:?}");
}

/// How names are listed.
#[derive(Clone, Copy, Debug)]
enum Listing {
    Sorted,
    BySegments,
    Unsorted,
}

fn listing(names: &[String], how: Listing, rules: &Rules) -> Scan {
    let mut names = names.to_vec();
    let order = match how {
        Listing::Sorted => NameOrder::Bytes,
        Listing::BySegments => NameOrder::Segments,
        Listing::Unsorted => {
            fastrand::Rng::with_seed(5).shuffle(&mut names);
            let pages = names.chunks(2).map(<[_]>::to_vec).collect();
            let store = Listed(pages, NameOrder::Bytes);
            return Scan::new(store, &Prefix::default()).rules(rules.clone());
        }
    };
    names.sort_by(|a, b| order.compare(a, b));
    let pages = names.chunks(2).map(<[_]>::to_vec).collect();
    Scan::new(Listed(pages, order), &Prefix::default()).rules(rules.clone())
}

/// Where a run is interrupted.
#[derive(Clone, Copy, Debug)]
enum At {
    Batch { is_stored: bool },
    Disk,
    PowerCut,
}

fn held_by(names: &[String], rules: &Rules) -> (BTreeSet<String>, BTreeSet<String>) {
    names.iter().cloned().partition(|name| {
        let verdict = rules.check(blob(name));
        verdict.rejection().is_none()
    })
}

#[test]
fn rows_that_were_decided_by_other_rules_before_an_interruption_are_decided_again() {
    let before: Vec<_> =
        ["a-b/1.jpg", "a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg", "b/3.txt", "c.jpg"]
            .map(str::to_owned)
            .to_vec();
    let mut after = before.clone();
    after.retain(|name| name != "a/2.jpg");
    after.extend(["a/0.jpg".to_owned(), "b/9.jpg".to_owned()]);
    let rules = [Rules::default(), only("b/**"), only("a/**"), Rules::default().refuse("jpg")];
    let ways =
        [At::Batch { is_stored: false }, At::Batch { is_stored: true }, At::Disk, At::PowerCut];
    let (mut failures, mut judged_by_both) = (0, 0);
    for how in [Listing::Sorted, Listing::BySegments, Listing::Unsorted] {
        for (way, is_second) in ways.iter().flat_map(|way| [(*way, false), (*way, true)]) {
            for pair in [(0, 1), (1, 0), (1, 2), (3, 0)] {
                let (first, then) = (&rules[pair.0], &rules[pair.1]);
                // Consecutive changes of the disk hardly differ, so only some are tested.
                let step = if matches!(way, At::Batch { .. }) { 1 } else { 5 };
                for at in (0..).step_by(step) {
                    let what =
                        format!("{how:?}, {way:?} {at}, second: {is_second}, rules {pair:?}");
                    let (disk, mut service) = (TestDisk::new(2), Service::default());
                    let job = |names: &[String], rules: &Rules| {
                        disk.job(listing(names, how, rules)).max_removals(1.0)
                    };
                    if is_second {
                        run(job(&before, &Rules::default()), &mut service).unwrap();
                    }
                    match way {
                        At::Batch { is_stored } => service.fails = Some((at, is_stored)),
                        At::Disk => disk.fail_at(at, std::io::ErrorKind::StorageFull),
                        At::PowerCut => disk.cut_power_at(at),
                    }
                    let result = run(job(&after, first), &mut service);
                    service.fails = None;
                    disk.restart(|_| 0);
                    if result.is_ok() {
                        break;
                    }
                    failures += 1;
                    let summary = run(job(&after, then), &mut service).unwrap();
                    let manifest = disk.manifest().unwrap().unwrap();
                    let judged_by = manifest.rules();
                    let rules = match judged_by == then.fingerprint() {
                        true => then,
                        false => {
                            // The run had listed everything, and a sink had received removals.
                            assert_eq!(judged_by, first.fingerprint(), "{what}");
                            assert!(summary.counts.removed > 0, "{what}");
                            first
                        }
                    };
                    judged_by_both += u64::from(first.fingerprint() != then.fingerprint());
                    let rows: BTreeMap<_, _> = manifest
                        .rows()
                        .map(Result::unwrap)
                        .filter(|row| row.is_listed())
                        .map(|row| (row.name.clone(), row.is_asset()))
                        .collect();
                    let (assets, rejected) = held_by(&after, rules);
                    let listed = |is_asset| {
                        let of = rows.iter().filter(move |row| *row.1 == is_asset);
                        of.map(|row| row.0.clone()).collect::<BTreeSet<_>>()
                    };
                    assert_eq!(
                        (listed(true), listed(false)),
                        (assets.clone(), rejected.clone()),
                        "{what}"
                    );
                    assert_eq!(
                        (&service.assets, &service.rejected),
                        (&assets, &rejected),
                        "{what}"
                    );
                    // Finally, a run with the rules of the service.
                    run(job(&after, then), &mut service).unwrap();
                    let (assets, rejected) = held_by(&after, then);
                    assert_eq!(
                        (&service.assets, &service.rejected),
                        (&assets, &rejected),
                        "{what}"
                    );
                    assert_eq!(disk.files(), ["manifest.jsonl.zst"], "{what}");
                }
            }
        }
    }
    assert!(failures > 200 && judged_by_both > 200, "{failures} {judged_by_both}");
}

/// Filters, containers and interruptions in any sequence.
#[test]
fn a_service_stores_what_the_last_rules_allow_whatever_was_interrupted() {
    let cases = std::env::var("CASES").map_or(100, |cases| cases.parse().unwrap());
    for seed in 0..cases {
        let mut random = fastrand::Rng::with_seed(seed);
        let (disk, mut service) = (TestDisk::new(random.usize(1..5)), Service::default());
        let globs = ["**", "a/**", "b/**", "**/*[0-4].jpg", "c*"];
        let how = [Listing::Sorted, Listing::BySegments, Listing::Unsorted][random.usize(..3)];
        let mut names: BTreeSet<String> = BTreeSet::new();
        for round in 0..6 {
            for _ in 0..random.usize(..12) {
                let folder = ["a/", "b/", "c", "a-"][random.usize(..4)];
                let name = format!("{folder}{}.jpg", random.usize(..9));
                if !names.remove(&name) {
                    names.insert(name);
                }
            }
            let all: Vec<_> = names.iter().cloned().collect();
            let mut rules = only(globs[random.usize(..globs.len())]);
            let mut attempts = 0;
            loop {
                match random.u8(..4) {
                    _ if attempts > 4 => {}
                    0 => service.fails = Some((random.u64(..20), random.bool())),
                    1 => disk.fail_at(random.u64(..60), std::io::ErrorKind::StorageFull),
                    2 => disk.cut_power_at(random.u64(..60)),
                    _ => {}
                }
                attempts += 1;
                let job = disk.job(listing(&all, how, &rules)).max_removals(1.0);
                let result = run(job, &mut service);
                service.fails = None;
                disk.restart(|most| random.usize(..=most));
                let judged_by = disk.manifest().unwrap().map(|manifest| manifest.rules());
                if result.is_ok() && judged_by == Some(rules.fingerprint()) {
                    break;
                }
                if random.bool() {
                    rules = only(globs[random.usize(..globs.len())]);
                }
            }
            let (assets, rejected) = held_by(&all, &rules);
            let what = format!("SEED={seed}, round {round}, {how:?}");
            assert_eq!((&service.assets, &service.rejected), (&assets, &rejected), "{what}");
        }
    }
}
