//! Each change of the rules changes their fingerprint, and equal rules have equal fingerprints.

use std::{collections::HashMap, time::Duration};

use azure_asset_sync::{
    Format, Kind, Reason, Rules,
    validate::{Action, FilterBuilder},
};

use super::{at, filter};

#[test]
fn each_change_of_the_rules_changes_their_fingerprint() {
    let only = |filter: FilterBuilder| Rules::default().filter(filter.build().unwrap());
    let mut rules = vec![
        ("default".to_owned(), Rules::default()),
        ("image size".into(), Rules::default().max_size(Kind::Image, 1)),
        ("video size".into(), Rules::default().max_size(Kind::Video, 1)),
        ("fewer formats".into(), Rules::default().refuse("jpg")),
        (
            "another format".into(),
            Rules::default().accept(Format::new("dcm", Kind::Image, "image/x")),
        ),
        ("its kind".into(), Rules::default().accept(Format::new("dcm", Kind::Video, "image/x"))),
        ("its type".into(), Rules::default().accept(Format::new("dcm", Kind::Image, "image/y"))),
        (
            "its alias".into(),
            Rules::default().accept(Format::new("dcm", Kind::Image, "image/x").alias("z")),
        ),
        ("include".into(), only(filter().include("a"))),
        ("include another".into(), only(filter().include("b"))),
        ("include two".into(), only(filter().include("a").include("b"))),
        ("include one with both".into(), only(filter().include("ab"))),
        ("exclude".into(), only(filter().exclude("a"))),
        ("include_regex".into(), only(filter().include_regex("a"))),
        ("exclude_regex".into(), only(filter().exclude_regex("a"))),
        ("case".into(), only(filter().include("a").ignore_case())),
        ("min".into(), only(filter().min_size(7))),
        ("min of nothing".into(), only(filter().min_size(0))),
        ("max".into(), only(filter().max_size(7))),
        ("since".into(), only(filter().modified_since(at(7)))),
        ("since then".into(), only(filter().modified_since(at(7) + Duration::from_nanos(1)))),
        ("before".into(), only(filter().modified_before(at(7)))),
        ("kind".into(), only(filter().kind(Kind::Image))),
        ("other kind".into(), only(filter().kind(Kind::Video))),
        ("format".into(), only(filter().format("image"))),
        ("extension".into(), only(filter().format("a"))),
    ];
    for reason in Reason::ALL {
        for action in [Action::Reject, Action::Note, Action::Ignore] {
            if Rules::default().action(*reason) != action {
                rules.push((format!("{action:?} {reason}"), Rules::default().on(*reason, action)));
            }
        }
    }
    let mut seen = HashMap::new();
    for (what, rules) in &rules {
        if let Some(same) = seen.insert(rules.fingerprint(), what) {
            panic!("{what} has the fingerprint of {same}");
        }
    }
}

#[test]
fn equal_rules_have_the_same_fingerprint_on_every_platform() {
    let default = Rules::default();
    assert_eq!(
        default.fingerprint(),
        7_888_622_391_634_729_092,
        "changes with the table of formats, and with REVISION in src/validate/stable.rs"
    );
    let only =
        |filter: FilterBuilder| Rules::default().filter(filter.build().unwrap()).fingerprint();
    let alike = [
        (
            default.clone().refuse("jpg").accept(default.formats()[15].clone()).fingerprint(),
            default.fingerprint(),
        ),
        (default.clone().on(Reason::Empty, Action::Reject).fingerprint(), default.fingerprint()),
        (only(filter()), default.fingerprint()),
        (only(filter().ignore_case()), default.fingerprint()),
        (
            only(filter().include("a").include("b")),
            only(filter().include("b").include("a").include("b")),
        ),
        (only(filter().format(".JPG")), only(filter().format("jpg"))),
        (
            only(filter().kind(Kind::Video).kind(Kind::Image)),
            only(filter().kind(Kind::Image).kind(Kind::Video)),
        ),
    ];
    for (n, (a, b)) in alike.into_iter().enumerate() {
        assert_eq!(a, b, "row {n}");
    }
    assert_eq!(default.formats()[15].extension(), "jpg");
    let alias = |aliases: [&str; 2]| {
        let format = Format::new("dcm", Kind::Image, "application/dicom");
        Rules::default().accept(format.alias(aliases[0]).alias(aliases[1])).fingerprint()
    };
    assert_eq!(alias(["x", "y"]), alias(["Y", "x"]));
}
