//! Verdicts do not depend on the sizes of pages and batches.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::Mutex,
};

use azure_asset_sync::{
    Blob, Error, Prefix, Reason, Report, Rules, Scan, Store, Verdict,
    scan::Batches,
    sink::{Change, callback},
    store::{ListRequest, Malformed, Marker, Page, ReadRequest},
    validate::Action,
};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream::FusedStream as _};
use proptest::prelude::*;

/// A store with these pages.
struct Pages(Mutex<VecDeque<Page>>);

#[async_trait::async_trait]
impl Store for Pages {
    async fn list(&self, _: ListRequest) -> Result<Page, Error> {
        let mut pages = self.0.lock().unwrap();
        let mut page = pages.pop_front().unwrap_or_default();
        page.next = (!pages.is_empty()).then(|| Marker::from(pages.len().to_string()));
        Ok(page)
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!("a scan reads no content")
    }
}

/// Returns a scan of the blobs on pages of these sizes and a last one, each with a malformed entry.
fn scan(blobs: &[Blob], sizes: &[usize], rules: &Rules) -> Scan {
    let mut rest = blobs;
    let mut pages = VecDeque::new();
    for size in sizes.iter().copied().chain([usize::MAX]) {
        let (page, after) = rest.split_at(size.min(rest.len()));
        let mut page = Page::last(page.to_vec());
        page.malformed.push(Malformed::new(None, "it has no name"));
        pages.push_back(page);
        rest = after;
    }
    Scan::new(Pages(Mutex::new(pages)), &Prefix::default()).rules(rules.clone())
}

/// A name, whether it is accepted, and the reasons of its rejection or findings.
type Decided = (Option<String>, bool, Vec<Reason>);

fn decided(verdict: &Verdict) -> Decided {
    let name = verdict.name().map(str::to_owned);
    match verdict {
        Verdict::Accept(asset) => (name, true, asset.findings.iter().map(|f| f.reason).collect()),
        Verdict::Reject(rejection) => (name, false, vec![rejection.reason]),
    }
}

/// Computes the verdicts one by one, with sets of complete names.
fn model(blobs: &[Blob], sizes: &[usize], rules: &Rules) -> Vec<Decided> {
    let (mut folded, mut bases) = (HashSet::new(), HashSet::new());
    let mut all = Vec::new();
    let mut rest = blobs;
    for size in sizes.iter().copied().chain([usize::MAX]) {
        let (page, after) = rest.split_at(size.min(rest.len()));
        all.push((None, false, vec![Reason::Malformed]));
        for blob in page {
            let mut verdict = decided(&rules.check(blob.clone()));
            if verdict.1 && blob.snapshot.is_none() && blob.version_id.is_none() {
                let mut found = Vec::new();
                if !folded.insert(blob.name.to_lowercase()) {
                    found.push(Reason::CaseCollision);
                }
                if !bases.insert(blob.name.rsplit('/').next().unwrap()) {
                    found.push(Reason::BaseNameCollision);
                }
                for reason in found {
                    match rules.action(reason) {
                        Action::Reject if verdict.1 => {
                            (verdict.1, verdict.2) = (false, vec![reason]);
                        }
                        Action::Note if verdict.1 => verdict.2.push(reason),
                        _ => {}
                    }
                }
            }
            all.push(verdict);
        }
        rest = after;
    }
    all
}

fn action() -> impl Strategy<Value = Action> {
    prop::sample::select(vec![Action::Note, Action::Reject, Action::Ignore])
}

/// Returns names that often differ only in letter case or folder, in any order, and some snapshots.
fn blobs() -> impl Strategy<Value = Vec<Blob>> {
    let name =
        r"([aAb]{1,2}/){0,2}(long folder/|\.?/)?[aAbB\u{e9}\u{c9}\u{212a}kK]{1,2}\.(jpg|JPG|txt)";
    prop::collection::vec(name, 0..600).prop_map(|names| {
        let mut seen = HashSet::new();
        let new = names.into_iter().filter(|name| seen.insert(name.clone())).enumerate();
        let blob = |(n, name): (usize, String)| {
            let mut blob = Blob::new(name, n as u64 % 7);
            blob.snapshot = (n % 13 == 0).then(|| "t".into());
            blob.version_id = (n % 11 == 0).then(|| "v".into());
            blob.is_current_version = (n % 22 == 0).then_some(true);
            blob
        };
        new.map(blob).collect()
    })
}

/// Asserts that the counts of a report are those of the delivered verdicts.
fn assert_counts(report: &Report, verdicts: &[Decided]) {
    let (mut findings, mut rejections) = (BTreeMap::new(), BTreeMap::new());
    for (_, accepted, reasons) in verdicts {
        let counts = if *accepted { &mut findings } else { &mut rejections };
        reasons.iter().for_each(|reason| *counts.entry(*reason).or_insert(0) += 1);
    }
    assert_eq!((&report.findings, &report.rejections), (&findings, &rejections));
    assert_eq!(report.total(), verdicts.len() as u64);
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn verdicts_do_not_depend_on_the_sizes_of_pages_and_batches(
        blobs in blobs(),
        sizes in prop::collection::vec(0..400_usize, 0..5),
        (case, base, snapshot, empty) in (action(), action(), action(), action()),
        half: prop::sample::Index,
    ) {
        let rules = Rules::default()
            .on(Reason::CaseCollision, case)
            .on(Reason::BaseNameCollision, base)
            .on(Reason::Snapshot, snapshot)
            .on(Reason::Empty, empty);
        let want = model(&blobs, &sizes, &rules);
        let scan = || scan(&blobs, &sizes, &rules);
        block_on(async {
            let single: Vec<Verdict> = scan().verdicts().try_collect().await.unwrap();
            assert_eq!(single.iter().map(decided).collect::<Vec<_>>(), want);

            let batched: Vec<Vec<Verdict>> =
                scan().verdicts().batches().try_collect().await.unwrap();
            assert!(batched.iter().all(|batch| (1..=1000).contains(&batch.len())));
            assert_eq!(batched.concat(), single);

            let mut run = Vec::new();
            let sink = callback(|change| {
                run.push(change.clone());
                Ok(())
            });
            let report = scan().run(sink).await.unwrap();
            assert_eq!(run, single.into_iter().map(Change::from).collect::<Vec<_>>());
            assert_counts(&report, &want);

            // Only delivered verdicts count, not those that were computed in advance.
            let half = half.index(want.len() + 1);
            let stopped = scan();
            let progress = stopped.progress();
            let taken: Vec<_> = stopped.verdicts().take(half).collect().await;
            assert_eq!(taken.len(), half);
            assert_counts(&progress.report(), &want[..half]);
        });
    }
}

#[tokio::test]
async fn a_batch_ends_with_its_page_or_at_a_thousand_verdicts() {
    let blobs: Vec<_> = (0..2500).map(|n| Blob::new(format!("{n:04}.jpg"), 1)).collect();
    let scan = scan(&blobs, &[0, 1200, 7], &Rules::default());
    let progress = scan.progress();
    let mut batches: Batches = scan.verdicts().batches();
    for (length, counted) in [(1, 0), (1000, 1), (201, 1), (8, 1202), (1000, 1210), (294, 1210)] {
        assert_eq!(batches.next().await.unwrap().unwrap().len(), length);
        assert_eq!(progress.report().total(), counted);
    }
    assert!(!batches.is_terminated());
    assert!(batches.next().await.is_none() && batches.next().await.is_none());
    assert!(batches.is_terminated());
    assert_eq!((progress.report().total(), progress.report().pages), (2504, 4));
}
