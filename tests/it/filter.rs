//! Filters exclude exactly what their parts say, invalid patterns are reported with their position, and
//! each change of the rules changes their fingerprint.

mod fingerprint;
mod limits;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use azure_asset_sync::{
    Blob, ErrorKind, Kind, MemoryStore, Prefix, Reason, Rules, Scan,
    validate::{Action, Filter, FilterBuilder},
};
use proptest::prelude::*;

fn filter() -> FilterBuilder {
    Filter::builder()
}

/// Returns why the filter excludes a blob, or `None` if it does not, whatever the other rules say.
fn left_out(filter: &FilterBuilder, blob: Blob) -> Option<String> {
    let verdict = Rules::default().filter(filter.clone().build().unwrap()).check(blob);
    let rejection = verdict.rejection().filter(|rejection| rejection.reason == Reason::Filtered)?;
    Some(rejection.detail.to_string())
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn globs_match_as_people_expect() {
    // Each glob has names that it matches, and names that it does not match.
    let rows: &[(&str, &[&str], &[&str])] = &[
        (
            "*.jpg",
            &["a.jpg", "x/y/a.jpg", ".jpg", "x/a\n.jpg", "/a.jpg"],
            &["a.JPG", "a.jpg/b", "a.jpeg", "ajpg"],
        ),
        ("/*.jpg", &["a.jpg"], &["x/a.jpg"]),
        (
            "hall-3/*.jpg",
            &["hall-3/a.jpg"],
            &["hall-3/x/a.jpg", "x/hall-3/a.jpg", "hall-3-old/a.jpg"],
        ),
        (
            "hall-3/**/*.jpg",
            &["hall-3/a.jpg", "hall-3/x/y/a.jpg"],
            &["hall-3.jpg", "hall-30/a.jpg"],
        ),
        ("**/thumbs/**", &["thumbs/a.jpg", "x/y/thumbs/z/a.jpg"], &["thumbs", "x/thumbs-2/a.jpg"]),
        ("hall-3/", &["hall-3/a.jpg", "hall-3/x/a.jpg"], &["hall-3", "x/hall-3/a.jpg"]),
        ("**", &["", "a", "a/b"], &[]),
        ("a?c", &["abc", "x/a\u{e9}c", "a*c"], &["ac", "abbc", "a/c"]),
        ("a/?/c", &["a/b/c"], &["a//c", "a///c"]),
        ("a[b-dx]e", &["abe", "ace", "axe"], &["aee", "a-e", "ae"]),
        ("a[!b-d]e", &["aee", "a-e", "a\u{e9}e"], &["abe", "a/e"]),
        ("/a[+-9]e", &["a5e", "a.e"], &["a/e"]),
        ("a[]-]e", &["a]e", "a-e"], &["abe"]),
        ("a[\\]^]e", &["a]e", "a^e"], &["a\\e"]),
        ("*.{jpg,png}", &["a.jpg", "x/a.png"], &["a.gif", "a.{jpg,png}"]),
        ("{a,b/{c,d}}/*.jpg", &["a/x.jpg", "b/c/x.jpg", "b/d/x.jpg"], &["b/x.jpg", "c/x.jpg"]),
        ("img{,-old}.jpg", &["img.jpg", "img-old.jpg"], &["img-.jpg"]),
        ("\\*\\{a\\,b\\}", &["*{a,b}"], &["x{a,b}", "*a"]),
        ("a,b", &["a,b"], &["a"]),
        ("(a|b)+.$^", &["(a|b)+.$^"], &["a", "ab"]),
        ("a b#&~", &["a b#&~"], &["ab#&~"]),
        ("hall [&&~~0-]", &["hall &", "hall ~", "hall -", "hall 0"], &["hall x"]),
    ];
    for (glob, matched, others) in rows {
        let (include, exclude) = (filter().include(*glob), filter().exclude(*glob));
        for name in *matched {
            assert_eq!(left_out(&include, Blob::new(*name, 1)), None, "{glob} {name}");
            let detail = left_out(&exclude, Blob::new(*name, 1)).unwrap_or_default();
            assert_eq!(
                detail,
                format!("the filter's exclude pattern `{glob}` matches its name"),
                "{name}"
            );
        }
        for name in *others {
            let detail = left_out(&include, Blob::new(*name, 1)).unwrap_or_default();
            assert_eq!(
                detail, "no include pattern of the filter matches its name",
                "{glob} {name}"
            );
            assert_eq!(left_out(&exclude, Blob::new(*name, 1)), None, "{glob} {name}");
        }
    }
}

#[test]
fn each_part_excludes_what_it_says() {
    let dated = |seconds| {
        let mut blob = Blob::new("x/a.jpg", 10);
        blob.last_modified = Some(at(seconds));
        blob
    };
    let typed = |name, content_type: &str| {
        let mut blob = Blob::new(name, 10);
        blob.content_type = Some(content_type.into());
        blob
    };
    let jpg = || Blob::new("x/a.jpg", 10);
    let rows = [
        (filter().min_size(10), jpg(), None),
        (filter().min_size(11), jpg(), Some("min_size")),
        (filter().max_size(10), jpg(), None),
        (filter().max_size(9), jpg(), Some("max_size")),
        (filter().modified_since(at(5)), dated(5), None),
        (filter().modified_since(at(6)), dated(5), Some("modified_since")),
        (filter().modified_before(at(6)), dated(5), None),
        (filter().modified_before(at(5)), dated(5), Some("modified_before")),
        (filter().modified_since(at(0)), jpg(), Some("no modification time")),
        (filter().format("JPG"), jpg(), None),
        (filter().format("png").format(".jpg"), jpg(), None),
        (filter().format("png"), jpg(), Some("formats")),
        (filter().format("png"), Blob::new("x.png/a", 1), Some("formats")),
        (filter().kind(Kind::Image), jpg(), None),
        (filter().kind(Kind::Video), jpg(), Some("kinds")),
        (filter().kind(Kind::Video).kind(Kind::Image), jpg(), None),
        (filter().kind(Kind::Image), Blob::new("notes.txt", 1), Some("kinds")),
        // A blob that the rules reject still has a kind.
        (filter().kind(Kind::Image), Blob::new("a.svg", 1), None),
        (filter().kind(Kind::Video), typed("a", "video/mp4; x"), None),
        (filter().kind(Kind::Video), typed("a", "image/png"), Some("kinds")),
        (filter().include_regex("^x/[a-z]+"), jpg(), None),
        (filter().include_regex("^a"), jpg(), Some("include_regex")),
        (filter().include_regex(r"\d").include_regex("[.]jpg$"), jpg(), None),
        (filter().exclude_regex("(?i)A[.]JPG"), jpg(), Some("exclude_regex pattern `(?i)A[.]JPG`")),
        (filter().include("*.JPG"), jpg(), Some("include")),
        (filter().include("*.JPG").ignore_case(), jpg(), None),
        (filter().include("\u{c9}").ignore_case(), Blob::new("\u{e9}", 1), None),
        (filter().exclude_regex("^X").ignore_case(), jpg(), Some("exclude_regex")),
        // A blob must pass all parts, and no include overrides an exclude.
        (filter().include("x/*").include_regex("b"), jpg(), Some("include_regex")),
        (
            filter().include("x/*").exclude("*.png").exclude("a.*"),
            jpg(),
            Some("exclude pattern `a.*`"),
        ),
        (filter(), jpg(), None),
    ];
    for (filter, blob, want) in rows {
        let text = format!("{filter:?} {blob:?}");
        match (left_out(&filter, blob), want) {
            (None, None) => {}
            (Some(detail), Some(want)) => assert!(detail.contains(want), "{text}: {detail}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn an_excluded_blob_has_no_other_reason() {
    let rules = Rules::default().filter(filter().include("hall-3/**").build().unwrap());
    let mut mismatch = Blob::new("hall-4/a.jpg", 1);
    mismatch.content_type = Some("text/plain".into());
    let folder = Blob::new("hall-4/", 0);
    for blob in [mismatch, folder, Blob::new("notes.txt", 0), Blob::new("a", 1 << 50)] {
        assert_eq!(rules.check(blob).rejection().unwrap().reason, Reason::Filtered);
    }
    assert_eq!(
        rules.check(Blob::new("hall-3/a.jpg", 0)).rejection().unwrap().reason,
        Reason::Empty
    );
}

#[tokio::test]
async fn excluded_blobs_are_counted_and_do_not_collide() {
    let names = ["A.jpg", "a.jpg", "old/a.jpg", "new/b.jpg"];
    let scan = |rules| {
        let store = MemoryStore::from_iter(names.map(|name| Blob::new(name, 1)));
        Scan::new(store, &Prefix::default()).rules(rules).run(())
    };
    let report = scan(Rules::default()).await.unwrap();
    assert_eq!((report.accepted(), report.findings.values().sum::<u64>()), (4, 2));
    let rules = Rules::default().filter(filter().exclude("a.jpg").build().unwrap());
    let report = scan(rules.clone()).await.unwrap();
    assert_eq!(report.rejections, [(Reason::Filtered, 2)].into());
    assert_eq!((report.accepted(), report.findings.len()), (2, 0));
    let report = scan(rules.on(Reason::Filtered, Action::Ignore)).await.unwrap();
    assert_eq!((report.accepted(), report.rejected()), (4, 0));
}

#[test]
fn all_mistakes_are_reported_at_once_with_their_positions() {
    let error = filter()
        .include("a/{b")
        .exclude("")
        .include_regex("ab(c")
        .exclude_regex("\u{e9}[z-a]\u{7}")
        .exclude("x".repeat(1001))
        .format("tar.gz")
        .min_size(2)
        .max_size(1)
        .modified_since(at(5))
        .modified_before(at(5))
        .build()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let text = error.to_string();
    for part in [
        "include `a/{b`, character 3: `{` has no `}`",
        "exclude ``, character 1: it is empty",
        "include_regex `ab(c`, character 3: unclosed group; see https://",
        "exclude_regex `\u{e9}[z-a]\\u{7}`, character 3: invalid",
        "character 1001: it has 1001 characters or more; the limit is 1000",
        "formats `tar.gz`",
        "min_size 2 is above max_size 1",
        "modified_since is not before modified_before",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains('\n') && !text.contains('\u{7}'), "{text}");
    for (builder, what) in [
        (
            (0..101).fold(filter(), |filter, n| filter.include(n.to_string())),
            "101 patterns; the limit is 100",
        ),
        (filter().include_regex("(?:a{1000}){1000}"), "more than 50000 parts"),
        ((0..101).fold(filter(), |filter, n| filter.format(format!("x{n}"))), "101 extensions"),
        (filter().format("x".repeat(65)), "at most 64 characters"),
        ((0..90).fold(filter(), |filter, _| filter.exclude("[")), "and 70 more"),
        (
            filter().include_regex("[ab]*a[ab]{150}c").exclude_regex("[ab]*a[ab]{150}d"),
            "240 states",
        ),
        (filter().include_regex("(".repeat(100) + &")".repeat(100)), "nest"),
        (filter().modified_since(at(1) - Duration::from_secs(2)), "1970"),
        (filter().include("[?sig=canary"), "[…"),
    ] {
        let text = builder.build().unwrap_err().to_string();
        assert!(text.contains(what) && !text.contains("canary"), "{what}: {text}");
    }
}

#[test]
fn a_filter_is_stored_as_it_was_typed() {
    let json = serde_json::json!({
        "include": ["hall-3/**/*.{jpg,png}", "x/*"], "exclude": ["**/thumbs/"],
        "include_regex": ["^[a-z]"], "exclude_regex": ["_tmp$"], "ignore_case": true,
        "min_size": 1, "max_size": 9, "modified_since": "2026-11-24T00:00:00Z",
        "modified_before": "2026-11-25T08:49:37.500000000Z", "kinds": ["image"], "formats": [".JPG"],
    });
    let filter: Filter = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(&filter).unwrap(), json);
    assert_eq!(filter.to_builder().build().unwrap(), filter);
    let date = r#"{"modified_since": "2026-11-24"}"#;
    let date = serde_json::from_str::<Filter>(date).unwrap();
    assert_eq!(
        serde_json::to_string(&date).unwrap(),
        r#"{"modified_since":"2026-11-24T00:00:00Z"}"#
    );
    assert_eq!(serde_json::to_string(&Filter::default()).unwrap(), "{}");
    for (wrong, what) in [
        (r#"{"includes": []}"#, "unknown field"),
        (r#"{"include": ["[a"]}"#, "character 1"),
        (r#"{"modified_since": "yesterday"}"#, "`yesterday` is not a time"),
        (r#"{"kinds": ["audio"]}"#, "audio"),
    ] {
        let error = serde_json::from_str::<Filter>(wrong).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn the_prefix_of_a_filter_is_the_common_start_of_its_includes() {
    for (globs, want) in [
        (vec!["hall-3/**/*.jpg"], "hall-3/"),
        (vec!["hall-3/a*", "hall-3/b*"], "hall-3/"),
        (vec!["hall-{3,4}/*"], "hall-"),
        (vec!["hall-3/**", "*.jpg"], ""),
        (vec!["a\\*b/*"], "a"),
        (vec![], ""),
    ] {
        let builder = globs.iter().fold(filter(), |filter, glob| filter.include(*glob));
        assert_eq!(builder.clone().build().unwrap().prefix().as_str(), want, "{globs:?}");
        let insensitive = builder.ignore_case().build().unwrap();
        assert_eq!(insensitive.prefix().as_str(), "", "a name can begin with `Hall`");
    }
    assert_eq!(filter().include("//x/*").build().unwrap().prefix().as_str(), "/x/");
    let digits = filter().include("2026-11/x*").ignore_case().build().unwrap();
    assert_eq!(digits.prefix().as_str(), "2026-11/");
    assert_eq!(filter().exclude("hall-3/**").build().unwrap().prefix(), Prefix::default());
}

/// Matches a glob of plain characters, `*`, `**/`, `/**` and `?` in the simplest way.
fn means(glob: &[char], name: &[char]) -> bool {
    match glob {
        [] => name.is_empty(),
        ['*', '*', '/', rest @ ..] => {
            means(rest, name)
                || (0..name.len()).any(|n| name[n] == '/' && means(rest, &name[n + 1..]))
        }
        ['*', '*'] => true,
        ['*', rest @ ..] => {
            let reach = name.iter().take_while(|c| **c != '/').count();
            (0..=reach).any(|n| means(rest, &name[n..]))
        }
        ['?', rest @ ..] => name.first().is_some_and(|c| *c != '/') && means(rest, &name[1..]),
        [char, rest @ ..] => name.first() == Some(char) && means(rest, &name[1..]),
    }
}

fn glob() -> impl Strategy<Value = String> {
    let segment = prop_oneof![3 => "[ab*?]{1,3}".prop_filter("alone", |s| !s.contains("**")), 1 => Just("**".to_owned())];
    prop::collection::vec(segment, 1..5).prop_map(|segments| segments.join("/"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn globs_match_as_a_naive_matcher_does(glob in glob(), names in prop::collection::vec("[ab/]{0,7}", 1..20)) {
        let include = filter().include(&glob).build().unwrap();
        let whole = if glob.contains('/') { glob.clone() } else { format!("**/{glob}") };
        let whole: Vec<char> = whole.chars().collect();
        let rules = Rules::default().filter(include.clone());
        for name in names {
            let rejected = rules.check(Blob::new(name.clone(), 1)).rejection().unwrap().reason;
            let want = means(&whole, &name.chars().collect::<Vec<_>>());
            prop_assert_eq!(rejected != Reason::Filtered, want, "{} {}", glob, name);
            prop_assert!(!want || name.starts_with(include.prefix().as_str()), "{} {}", glob, name);
        }
    }

    #[test]
    fn a_blob_must_be_within_all_limits(
        (min, max) in (prop::option::of(0_u64..5), prop::option::of(5_u64..9)),
        (since, before) in (prop::option::of(0_u64..5), prop::option::of(5_u64..9)),
        formats in prop::collection::vec(prop::sample::select(vec!["jpg", "PNG", "mp4"]), 0..3),
        video in any::<bool>(),
        (size, time, name) in (0_u64..10, prop::option::of(0_u64..10), prop::sample::select(vec!["a.JPG", "a.png", "b.mp4", "c"])),
    ) {
        let mut builder = formats.iter().fold(filter(), |filter, format| filter.format(*format));
        if let Some(min) = min { builder = builder.min_size(min); }
        if let Some(max) = max { builder = builder.max_size(max); }
        if let Some(since) = since { builder = builder.modified_since(at(since)); }
        if let Some(before) = before { builder = builder.modified_before(at(before)); }
        if video { builder = builder.kind(Kind::Video); }
        let mut blob = Blob::new(name, size);
        blob.last_modified = time.map(at);
        let lower = name.to_lowercase();
        let wanted = min.is_none_or(|min| size >= min)
            && max.is_none_or(|max| size <= max)
            && since.is_none_or(|since| time.is_some_and(|time| time >= since))
            && before.is_none_or(|before| time.is_some_and(|time| time < before))
            && (formats.is_empty() || formats.iter().any(|f| lower.ends_with(&f.to_lowercase())))
            && (!video || lower.ends_with("mp4"));
        prop_assert_eq!(left_out(&builder, blob).is_none(), wanted);
    }
}
