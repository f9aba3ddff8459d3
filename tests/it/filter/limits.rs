//! The size and the speed of the patterns of a filter are limited.

use azure_asset_sync::{Blob, MemoryStore, Prefix, Rules, Scan, validate::FilterBuilder};

use super::{filter, left_out};
use crate::fairness;

#[test]
fn limits_apply_to_all_lists_together() {
    let many = |list: fn(FilterBuilder, String) -> FilterBuilder, count, text: &str| {
        (0..count).fold(filter(), |filter, _| list(filter, text.to_owned()))
    };
    let half = |builder: FilterBuilder| {
        (0..60).fold(builder, |filter, n| filter.exclude_regex(format!("{n}")))
    };
    let braces = "{a,b}".repeat(8) + &"?".repeat(955);
    for (builder, what) in [
        (half(many(FilterBuilder::include, 60, "a")), "120 patterns"),
        (many(FilterBuilder::include, 20, &"a".repeat(999)), "19980 bytes"),
        (many(FilterBuilder::include, 100, &braces[..60]), "more than 10000 characters"),
        (filter().include(&braces[..995]), "more than 10000 characters"),
        (filter().exclude("{a,b}".repeat(7) + &"[a-f]".repeat(60)), "more than 10000 characters"),
        (many(FilterBuilder::exclude_regex, 33, &r"\w\W".repeat(120)), "more than 50000 parts"),
        (filter().include_regex("(?:(?:(?:a?){50}){15}|b)*c"), "240 states"),
    ] {
        let text = builder.build().unwrap_err().to_string();
        assert!(text.contains(what), "{what}: {text}");
    }
    // Filters that the customers of a service write.
    let hundred = |pattern: &str| {
        (0..100).fold(filter(), |filter, n| filter.exclude(pattern.replace('N', &n.to_string())))
    };
    for builder in [
        hundred("*thumb-N*"),
        hundred("**/folder-N/**"),
        hundred("hall-N/**/*.{jpg,jpeg,png,webp}"),
        filter().include("*_????????-????-????-????-????????????.jpg"),
        filter().include_regex(r"^\w+_\d{4}-\d{2}").exclude_regex(r"(?i)\btest\b|_tmp\d*$"),
    ] {
        assert!(builder.clone().build().is_ok(), "{builder:?}");
    }
}

/// The speed limit applies to the longest names, which have four bytes a character.
#[test]
fn patterns_that_are_slow_for_names_of_four_bytes_a_character_are_refused() {
    for builder in [
        filter().include(format!("*\u{1f600}{}c", "?".repeat(160))),
        // The example of the documentation.
        filter().include_regex("[ab]*a[ab]{300}c"),
    ] {
        let text = builder.build().unwrap_err().to_string();
        assert!(text.contains("240 states"), "{text}");
    }
}

/// A list is also checked if the list before it uses up a limit exactly.
#[test]
fn no_pattern_is_ignored_after_a_limit_is_used_up_exactly() {
    let full = (0..10).fold(filter(), |filter, _| filter.include("a".repeat(1000)));
    let both = full.clone().exclude_regex("^a").include("b*");
    let error = both.build().unwrap_err().to_string();
    assert!(error.contains("more than 10000 characters"), "{error}");
    // Regular expressions have a limit of their own.
    let name = "a".repeat(1000);
    assert_eq!(left_out(&full, Blob::new(name.as_str(), 1)), None);
    let detail = left_out(&full.exclude_regex("^a"), Blob::new(name, 1)).unwrap();
    assert!(detail.contains("exclude_regex"), "{detail}");
}

/// If several patterns match, the first of the list is reported, however each is implemented.
#[test]
fn the_first_pattern_that_matches_is_reported() {
    // This pattern is too large for a table, so its states are simulated.
    let slow = "*a????????????????????????";
    let name = "xa012345678901234567890123";
    for (patterns, want) in [
        ([slow, "x*", "*3"], slow),
        (["x*", slow, "*3"], "x*"),
        (["y*", slow, "*3"], slow),
        (["y*", "*3", slow], "*3"),
    ] {
        let builder = patterns.iter().fold(filter(), |filter, glob| filter.exclude(*glob));
        let detail = left_out(&builder, Blob::new(name, 1)).unwrap_or_default();
        assert_eq!(detail, format!("the filter's exclude pattern `{want}` matches its name"));
        assert_eq!(left_out(&builder, Blob::new("z", 1)), None);
    }
}

/// With the slowest filter that is allowed, and names for which it is slow, other tasks of the thread
/// run after every few names.
#[test]
fn the_slowest_filter_lets_other_tasks_run() {
    use futures::TryStreamExt as _;
    let slow = filter().exclude_regex("[ab]*a[ab]{230}c").build().unwrap();
    let mut rng = fastrand::Rng::with_seed(3);
    let name = |n: usize, rng: &mut fastrand::Rng| {
        let letters = (0..1000).map(|_| if rng.bool() { 'a' } else { 'b' });
        format!("{n:03}{}.jpg", letters.collect::<String>())
    };
    let names: Vec<_> = (0..80).map(|n| name(n, &mut rng)).collect();
    let scan = || {
        let store = MemoryStore::from_iter(names.iter().map(|name| Blob::new(name.as_str(), 1)));
        Scan::new(store, &Prefix::default()).rules(Rules::default().filter(slow.clone()))
    };
    let (report, counts) = fairness::during(scan().run(()));
    assert_eq!(report.unwrap().accepted(), 80);
    println!("{} polls, the longest wait {:?}", counts.polls, counts.longest);
    assert!(counts.polls > 20, "a sink: {} polls", counts.polls);
    let (verdicts, counts) = fairness::during(scan().verdicts().try_collect::<Vec<_>>());
    assert!(verdicts.unwrap().len() == 80 && counts.polls > 20, "a stream: {} polls", counts.polls);
    let batches = scan().verdicts().batches().try_collect::<Vec<_>>();
    let (batches, counts) = fairness::during(batches);
    assert!(
        batches.unwrap().concat().len() == 80 && counts.polls > 20,
        "batches: {} polls",
        counts.polls
    );
    let folder = tempfile::tempdir().unwrap();
    let job = azure_asset_sync::sync::Job::new(scan(), folder.path());
    let (summary, counts) = fairness::during(job.run(()));
    assert!(
        summary.unwrap().counts.added == 80 && counts.polls > 20,
        "a job: {} polls",
        counts.polls
    );
    let preview = azure_asset_sync::Preview::new(scan()).run();
    let (report, counts) = fairness::during(preview);
    assert!(report.is_ok() && counts.polls > 20, "a preview: {} polls", counts.polls);
}

/// Batches stay large if each blob takes little time.
#[tokio::test]
async fn ordinary_blobs_are_delivered_in_batches_of_a_thousand() {
    use futures::TryStreamExt as _;
    let names =
        (0..5000).map(|n| Blob::new(format!("plant-07/camera-{:02}/{n:08}.jpg", n / 700), 1));
    let scan = Scan::new(MemoryStore::from_iter(names), &Prefix::default());
    let batches: Vec<_> = scan.verdicts().batches().try_collect().await.unwrap();
    assert!(batches.iter().all(|batch| batch.len() == 1000), "{}", batches.len());
}
