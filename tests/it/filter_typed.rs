//! Filters accept what people type: mistakes that would match nothing are refused, names match in both
//! Unicode forms, and times can have every form of RFC 3339.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use azure_asset_sync::{
    Blob, ErrorKind, Reason, Rules,
    validate::{Filter, FilterBuilder},
};

fn filter() -> FilterBuilder {
    Filter::builder()
}

/// Returns whether a filter excludes a blob, whatever the other rules say.
fn is_filtered(filter: &FilterBuilder, name: &str) -> bool {
    let verdict =
        Rules::default().filter(filter.clone().build().unwrap()).check(Blob::new(name, 1));
    verdict.rejection().is_some_and(|rejection| rejection.reason == Reason::Filtered)
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn a_filter_that_can_match_nothing_is_refused_with_a_suggestion() {
    let globs = [
        ("hall-3\\*.jpg", "write `/` between folders"),
        ("hall-3\\**\\*.jpg", "write `/` between folders"),
        ("hall\\d+.jpg", "`[0-9]` for a digit"),
        ("a\\/b", "write `/` between folders"),
        ("./hall-3/*.jpg", "remove it"),
        ("hall-3/../*.jpg", "remove it"),
        ("!*.tmp", "move it to the other list"),
        ("*.jpg,*.png", "one entry each"),
        ("*.jpg, *.png", "one entry each"),
        ("a.jpg;b.png", "one entry each"),
        ("*.jpg|*.png", "one entry each"),
        ("img[[:digit:]].jpg", "write `[0-9]`"),
        ("img[a[:alpha:]].jpg", "write `[0-9]`"),
        ("img[\\d].jpg", "write `0-9`"),
        ("*.@(jpg|png)", "write `{a,b}`"),
        ("*.(jpg|png)", "write `{a,b}`"),
        ("*.jpg,png", "one entry each"),
        ("*.jpg|png", "one entry each"),
        ("hall-3/,hall-4/", "one entry each"),
        ("*.jpg *.png", "one entry each"),
        ("*.jpg\n*.png", "one entry each"),
        ("\"*.jpg\"", "enclosed in quotes"),
        ("'hall-3/**'", "enclosed in quotes"),
        (".*\\.jpg", "a dot needs no"),
        ("^hall.*\\.jpg$", "a dot needs no"),
        (".jpg", "write `*.jpg`"),
        ("C:/data/*.jpg", "a path on a computer"),
        ("~/data/*.jpg", "a path on a computer"),
        ("hall-3\\[ab]*.jpg", "write `/` between folders"),
        (" *.jpg", "begins with a space"),
        ("*.jpg\n", "ends with a space"),
        ("https://contoso.blob.core.windows.net/training/*.jpg", "it is a URL"),
    ];
    for (glob, what) in globs {
        for filter in [filter().include(glob), filter().exclude(glob)] {
            let error = filter.build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(what), "{glob}: {error}");
        }
    }
    let meant = [
        ("\\!a.jpg", "!a.jpg"),
        ("a[,]b.jpg", "a,b.jpg"),
        ("Smith, J. 1.jpg", "Smith, J. 1.jpg"),
        ("[.]/a", "./a"),
        ("a[*]b.jpg", "a*b.jpg"),
        ("a.jpg\\,b.png", "a.jpg,b.png"),
        ("[ ]a", " a"),
        ("(1,5).jpg", "(1,5).jpg"),
        ("x\\[1\\].jpg", "x[1].jpg"),
        ("IMG*(1).jpg", "IMG 7(1).jpg"),
        ("52.5200,13.4050.jpg", "52.5200,13.4050.jpg"),
        ("lat_52.52,lon_13.40_*.jpg", "lat_52.52,lon_13.40_7.jpg"),
        ("52.*,13.*.jpg", "52.5,13.4.jpg"),
        ("v1.0,v2.0/*.png", "v1.0,v2.0/a.png"),
        ("[[.]*.jpg", "[a.jpg"),
        ("[[=]x", "=x"),
        (".*", ".hidden"),
        ("a b *.jpg", "a b c.jpg"),
    ];
    for (glob, name) in meant {
        assert!(!is_filtered(&filter().include(glob), name), "{glob}");
    }
    let formats = [
        ("jpg,png", "one entry each: `jpg`, `png`"),
        (" jpg", "did you mean `jpg`?"),
        ("jpg\n", "did you mean `jpg`?"),
        ("*.jpg", "did you mean `jpg`?"),
        ("image/jpeg", "did you mean `jpeg`?"),
        ("jpg png", "`jpg`, `png`"),
        ("jpg;png", "`jpg`, `png`"),
        ("{jpg}", "did you mean `jpg`?"),
        ("'jpg'", "did you mean `jpg`?"),
    ];
    for (format, what) in formats {
        let error = filter().format(format).build().unwrap_err().to_string();
        assert!(error.contains(what), "{format}: {error}");
    }
    for filter in [filter().min_size(1 << 60), filter().min_size(2).max_size(1)] {
        let error = filter.build().unwrap_err().to_string();
        assert!(error.contains("no blob can match"), "{error}");
    }
}

#[test]
fn a_glob_matches_names_in_both_unicode_forms() {
    for (glob, name) in [
        ("caf\u{e9}/*.jpg", "cafe\u{301}/a.jpg"),
        ("cafe\u{301}/*.jpg", "caf\u{e9}/a.jpg"),
        ("*\u{d55c}*", "\u{1112}\u{1161}\u{11ab}.jpg"),
        ("[\u{e9}]*", "\u{e9}.jpg"),
    ] {
        assert!(!is_filtered(&filter().include(glob), name), "{glob:?} {name:?}");
    }
    // A class contains the characters as typed: a letter and its mark are two characters.
    for (glob, name, is_out) in [
        ("[\u{e9}]*", "e.jpg", true),
        ("[!\u{e9}]*", "\u{e9}.jpg", true),
        ("[\u{e0}-\u{ff}]*.jpg", "\u{e9}.jpg", false),
        ("[\u{ac00}-\u{d7a3}]*", "\u{d55c}.jpg", false),
        ("a\u{e9}?b", "ae\u{301}xb", false),
        ("{\u{e9},x}*/a", "e\u{301}y/a", false),
    ] {
        assert_eq!(is_filtered(&filter().include(glob), name), is_out, "{glob} {name}");
    }
    let filter = filter().include("caf\u{e9}/*.jpg").build().unwrap();
    assert_eq!(filter.prefix().as_str(), "caf");
}

#[test]
fn times_are_read_in_every_form_of_rfc_3339() {
    for text in [
        "2026-11-24T08:49:37Z",
        "2026-11-24t08:49:37z",
        "2026-11-24T09:49:37+01:00",
        "2026-11-24 08:49:37Z",
        "2026-11-24T03:19:37.000-05:30",
        "2026-11-24T08:49:37.0000000+00:00",
        "2026-11-24T08:49:37-00:00",
        " 2026-11-24T08:49:37Z\n",
    ] {
        let typed: FilterBuilder =
            serde_json::from_value(serde_json::json!({ "modified_since": text })).unwrap();
        let want = filter().modified_since(at(1_795_510_177));
        assert_eq!(typed, want, "{text}");
    }
    for text in
        ["2026-11-24T08:49:37", "24.11.2026", "yesterday", "2026-13-01", "2026-11-24T25:00:00Z", ""]
    {
        let json = serde_json::json!({ "modified_since": text });
        let error = serde_json::from_value::<FilterBuilder>(json).unwrap_err().to_string();
        assert!(error.contains("write it as 2026-11-24T08:49:37Z"), "{error}");
    }
}
