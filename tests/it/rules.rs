//! The default profile accepts and rejects each documented case, and every rule can be changed.

mod names;

use azure_asset_sync::{
    Blob, Format, Kind, MemoryStore, Prefix, Reason, Rules, Scan, Verdict,
    store::{AccessTier, Page, Unreadable},
    validate::{Action, Filter, Findings},
};
use futures::TryStreamExt as _;

fn typed(name: &str, content_type: &str) -> Blob {
    let mut blob = Blob::new(name, 100);
    blob.content_type = Some(content_type.into());
    blob
}

fn reason(rules: &Rules, blob: Blob) -> Option<Reason> {
    rules.check(blob).rejection().map(|rejection| rejection.reason)
}

#[test]
fn the_default_profile_decides_each_row() {
    use Reason::*;
    let with = |change: &dyn Fn(&mut Blob)| {
        let mut blob = Blob::new("a.jpg", 100);
        change(&mut blob);
        blob
    };
    let rows = [
        (Blob::new("a.jpg", 100), None),
        (Blob::new("a.JPEG", 100), None),
        (Blob::new("x/y.z/a.b.Tiff", 100), None),
        (typed("a.jpg", "image/jpeg"), None),
        (typed("a.jpg", "IMAGE/JPG; q=1"), None),
        (typed("a.jpg", "application/octet-stream"), None),
        (typed("a.jpg", ""), None),
        (typed("a.jpg", "image/png"), Some(TypeMismatch)),
        (typed("a.jpg", "text/html"), Some(TypeMismatch)),
        (typed("a.mkv", "video/x-matroska"), None),
        (typed("a.wmv", "video/x-ms-wmv"), None),
        (typed("a.heic", "image/heif"), None),
        (typed("a.jp2", "image/jpx"), None),
        (typed("a.ogg", "audio/ogg"), Some(TypeMismatch)),
        (Blob::new("a.txt", 100), Some(UnsupportedFormat)),
        (Blob::new("a.svg", 100), Some(UnsupportedFormat)),
        (Blob::new("a.nonsense", 100), Some(UnsupportedFormat)),
        (Blob::new("a", 100), Some(NoExtension)),
        (Blob::new("x.jpg/a", 100), Some(NoExtension)),
        (Blob::new(".jpg", 100), Some(NoExtension)),
        (Blob::new("a.", 100), Some(NoExtension)),
        (Blob::new("", 100), Some(NoExtension)),
        (Blob::new("a/", 0), Some(Directory)),
        (with(&|b| b.is_directory = true), Some(Directory)),
        (with(&|b| drop(b.metadata.insert("Hdi_isfolder".into(), "true".into()))), Some(Directory)),
        (with(&|b| b.snapshot = Some("t".into())), Some(Snapshot)),
        (with(&|b| b.version_id = Some("v".into())), Some(OldVersion)),
        (with(&|b| (b.version_id, b.is_current_version) = (Some("v".into()), Some(true))), None),
        (with(&|b| b.size = 0), Some(Empty)),
        (with(&|b| b.size = 256 << 20), None),
        (with(&|b| b.size = (256 << 20) + 1), Some(TooLarge)),
        (Blob::new("a.mp4", 512 << 30), None),
        (Blob::new("a.mp4", (512 << 30) + 1), Some(TooLarge)),
        (with(&|b| b.access_tier = Some(AccessTier::Archive)), Some(Archived)),
        (with(&|b| b.access_tier = Some("P10".into())), None),
    ];
    let rules = Rules::default();
    for (blob, want) in rows {
        let text = format!("{blob:?}");
        assert_eq!(reason(&rules, blob), want, "{text}");
    }
}

#[test]
fn each_extension_of_the_profile_is_accepted_as_its_kind() {
    let rules = Rules::default();
    assert_eq!(rules.formats().len(), 33);
    for format in rules.formats() {
        let verdict = rules.check(Blob::new(format!("a.{}", format.extension()), 1));
        let asset = verdict.asset().unwrap();
        assert_eq!((asset.kind, &asset.media_type), (format.kind(), format.media_type()));
    }
}

#[test]
fn content_types_of_common_uploaders_do_not_contradict_the_extension() {
    let rows = [
        ("a.3gp", "audio/3gpp"),
        ("a.rm", "audio/x-pn-realaudio"),
        ("a.ogg", "video/x-theora+ogg"),
        ("a.jpg", "image/*"),
        ("a.jpg", "Image"),
        ("a.mp4", "video/*"),
        ("a.jpg", "binary"),
        ("a.jpg", "application/unknown"),
        ("a.mkv", "video/webm"),
        ("a.jpg", "application/x-www-form-urlencoded"),
        ("a.png", "multipart/form-data; boundary=x"),
        ("a.mov", "*/*"),
        ("a.wmv", "application/x-ms-asf"),
    ];
    for (name, content_type) in rows {
        assert_eq!(
            reason(&Rules::default(), typed(name, content_type)),
            None,
            "{name} {content_type}"
        );
    }
    for (name, content_type) in
        [("a.jpg", "video/*"), ("a.mp4", "image"), ("a.jpg", "imagery"), ("a.jpg", "image/")]
    {
        let want = (content_type != "image/").then_some(Reason::TypeMismatch);
        assert_eq!(
            reason(&Rules::default(), typed(name, content_type)),
            want,
            "{name} {content_type}"
        );
    }
}

#[test]
fn a_blob_that_cannot_be_read_according_to_the_listing_is_rejected() {
    let rows = [
        ("<Deleted>true</Deleted>", "", Some(Reason::Unreadable)),
        ("<Deleted>false</Deleted>", "", None),
        ("<HasVersionsOnly>true</HasVersionsOnly>", "", Some(Reason::Unreadable)),
        (
            "",
            "<CustomerProvidedKeySha256>mSLjFJ3m</CustomerProvidedKeySha256>",
            Some(Reason::Unreadable),
        ),
        ("", "<CustomerProvidedKeySha256/>", None),
        ("", "<CopyStatus>pending</CopyStatus>", Some(Reason::Unreadable)),
        ("", "<CopyStatus>failed</CopyStatus>", Some(Reason::Unreadable)),
        ("", "<CopyStatus>success</CopyStatus>", None),
        ("", "<IncrementalCopy>true</IncrementalCopy>", Some(Reason::Unreadable)),
        ("<Snapshot>s</Snapshot>", "<IncrementalCopy>true</IncrementalCopy>", None),
        (
            "",
            "<AccessTier>Archive</AccessTier><ArchiveStatus>rehydrate-pending-to-cool</ArchiveStatus>",
            Some(Reason::Archived),
        ),
        (
            "",
            "<AccessTier>Cold</AccessTier><EncryptionScope>s</EncryptionScope><Sealed>true</Sealed>",
            None,
        ),
    ];
    let rules = Rules::default().on(Reason::Snapshot, Action::Ignore);
    for (beside, properties, want) in rows {
        let body = format!(
            "<EnumerationResults><Blobs><Blob><Name>a.jpg</Name>{beside}<Properties>{properties}<Content-Length>1</Content-Length>\
             </Properties></Blob></Blobs><NextMarker/></EnumerationResults>"
        );
        let page = Page::from_xml(body.as_bytes()).unwrap();
        let blob = page.blobs.into_iter().next().unwrap();
        assert_eq!(reason(&rules, blob), want, "{beside}{properties}");
    }
}

#[tokio::test]
async fn two_unicode_forms_of_a_name_collide() {
    let names = [
        "caf\u{e9}/a.jpg",
        "cafe\u{301}/a.jpg",
        "x/\u{d55c}.jpg",
        "y/\u{1112}\u{1161}\u{11ab}.jpg",
        "Y/\u{d55c}.jpg",
    ];
    let store = MemoryStore::from_iter(names.map(|name| Blob::new(name, 1)));
    let rules = Rules::default().on(Reason::BaseNameCollision, Action::Ignore);
    let verdicts = Scan::new(store, &Prefix::default()).rules(rules).verdicts();
    let verdicts: Vec<_> = verdicts.try_collect().await.unwrap();
    let found = |verdict: &Verdict| !verdict.asset().unwrap().findings.is_empty();
    assert_eq!(verdicts.iter().filter(|verdict| found(verdict)).count(), 2);
}

#[test]
fn every_rule_can_be_changed() {
    let rules = Rules::default()
        .accept(Format::new("DCM", Kind::Image, "application/dicom").alias("image/dicom"))
        .accept(Format::new("jpg", Kind::Image, "image/jpeg"))
        .refuse("GIF")
        .max_size(Kind::Image, 10)
        .max_size(Kind::Video, 20);
    assert_eq!(rules.formats().len(), 33);
    assert_eq!(reason(&rules, Blob::new("a.dcm", 1)), None);
    let dicom = |content_type| {
        let mut blob = Blob::new("a.dcm", 1);
        blob.content_type = Some(content_type);
        reason(&rules, blob)
    };
    assert_eq!(dicom("image/dicom".into()), None);
    assert_eq!(dicom("image/png".into()), Some(Reason::TypeMismatch));
    let mut jpg = Blob::new("a.jpg", 1);
    jpg.content_type = Some("image/jpg".into());
    assert_eq!(
        reason(&rules, jpg),
        Some(Reason::TypeMismatch),
        "the alias is removed with its format"
    );
    let long = ["longest1", "longest22", "longest2", "longest", "longest3"];
    let rules = long.iter().fold(rules, |rules, e| rules.accept(Format::new(e, Kind::Image, e)));
    assert!(rules.formats().is_sorted_by(|a, b| a.extension() < b.extension()));
    for extension in long {
        let verdict = rules.check(Blob::new(format!("a.{}", extension.to_uppercase()), 1));
        assert_eq!(verdict.asset().unwrap().media_type.as_str(), extension);
    }
    assert_eq!(reason(&rules, Blob::new("a.longest4", 1)), Some(Reason::UnsupportedFormat));
    assert_eq!(reason(&rules, Blob::new("a.gif", 1)), Some(Reason::UnsupportedFormat));
    assert_eq!(reason(&rules, Blob::new("a.png", 11)), Some(Reason::TooLarge));
    assert_eq!(reason(&rules, Blob::new("a.mp4", 20)), None);
    assert_eq!(reason(&rules, Blob::new("a.mp4", 21)), Some(Reason::TooLarge));
}

#[test]
fn an_action_changes_a_rejection_to_a_finding_or_to_nothing() {
    for why in Reason::ALL {
        let mut blob = Blob::new("a.jpg", 1);
        match why {
            Reason::Filtered => blob.name = "filtered.jpg".into(),
            Reason::Directory => blob.is_directory = true,
            Reason::Symlink => {
                blob.metadata = [("Is_Symlink".to_owned(), "true".to_owned())].into()
            }
            Reason::Snapshot => blob.snapshot = Some("t".into()),
            Reason::OldVersion => blob.version_id = Some("v".into()),
            Reason::NoExtension => {
                (blob.name, blob.content_type) = ("a".into(), Some("image/png".into()))
            }
            Reason::UnsupportedFormat => blob.name = "a.svg".into(),
            Reason::TypeMismatch => blob.content_type = Some("text/plain".into()),
            Reason::Empty => blob.size = 0,
            Reason::TooLarge => blob.size = 1 << 40,
            Reason::Archived => blob.access_tier = Some(AccessTier::Archive),
            Reason::Unreadable => blob.unreadable = Some(Unreadable::CustomerKey),
            Reason::SystemFile => blob.name = "._a.jpg".into(),
            Reason::OddName => blob.name = "a\n.jpg".into(),
            // The scan finds these, or they do not depend on rules.
            Reason::CaseCollision | Reason::BaseNameCollision | Reason::Malformed => continue,
            other => panic!("no row for {other}"),
        }
        let filter = Filter::builder().exclude("filtered.*").build().unwrap();
        let rules = Rules::default().filter(filter);
        let judge = |action| rules.clone().on(*why, action).check(blob.clone());
        let noted = judge(Action::Note);
        let findings = &noted.asset().unwrap().findings;
        assert_eq!(findings.iter().map(|f| f.reason).collect::<Vec<_>>(), [*why]);
        assert_eq!(judge(Action::Ignore).asset().unwrap().findings, [], "{why}");
        assert_eq!(judge(Action::Reject).rejection().unwrap().reason, *why);
    }
}

#[test]
fn findings_can_be_turned_on_and_off() {
    let rules = Rules::default().on(Reason::Empty, Action::Note).on(Reason::TooLarge, Action::Note);
    let found = |name, size| match rules.check(Blob::new(name, size)) {
        Verdict::Accept(asset) => asset.findings,
        Verdict::Reject(rejection) => panic!("{rejection:?}"),
    };
    let reasons = |findings: &Findings| findings.iter().map(|f| f.reason).collect::<Vec<_>>();
    assert_eq!(reasons(&found("a//b.jpg", 0)), [Reason::Empty, Reason::OddName]);
    assert_eq!(reasons(&found("a//b.jpg", 1 << 40)), [Reason::TooLarge, Reason::OddName]);
    let mut findings = found("a//b.jpg", 1);
    findings.extend(found("b.jpg", 0));
    assert_eq!(reasons(&findings), [Reason::OddName, Reason::Empty]);
    let json = serde_json::json!([
        {"reason": "odd_name", "detail": "its name has an empty segment"},
        {"reason": "empty", "detail": "it has zero bytes"},
    ]);
    assert_eq!(serde_json::to_value(&findings).unwrap(), json);
    let fewer: Findings = findings.into_iter().filter(|f| f.reason == Reason::Empty).collect();
    assert_eq!(fewer, found("b.jpg", 0));
    assert!(Findings::default().is_empty());
    assert_eq!(size_of::<Findings>(), size_of::<Vec<u8>>());
}

#[test]
fn a_blob_without_any_sign_of_an_image_or_video_is_always_rejected() {
    let rules = Rules::default()
        .on(Reason::NoExtension, Action::Ignore)
        .on(Reason::UnsupportedFormat, Action::Ignore);
    assert_eq!(reason(&rules, Blob::new("a", 1)), Some(Reason::NoExtension));
    assert_eq!(reason(&rules, typed("a", "text/plain")), Some(Reason::NoExtension));
    assert_eq!(reason(&rules, Blob::new("a.txt", 1)), Some(Reason::UnsupportedFormat));
    let svg = rules.check(Blob::new("a.svg", 1));
    assert_eq!(svg.asset().unwrap().media_type.as_str(), "image/svg+xml");
}

async fn verdicts(blobs: &[&str], rules: Rules) -> Vec<Verdict> {
    let store = MemoryStore::from_iter(blobs.iter().map(|name| Blob::new(*name, 1)));
    Scan::new(store, &Prefix::default()).rules(rules).verdicts().try_collect().await.unwrap()
}

#[tokio::test]
async fn the_second_of_two_colliding_names_has_the_finding() {
    let names = [
        "A.jpg",
        "a.jpg",
        "b/c.jpg",
        "d/c.jpg",
        "e/\u{c9}.jpg",
        "e/\u{e9}.jpg",
        "f.txt",
        "g/f.txt",
    ];
    let found: Vec<_> = verdicts(&names, Rules::default())
        .await
        .iter()
        .filter_map(Verdict::asset)
        .flat_map(|a| a.findings.iter().map(|f| (a.blob.name.clone(), f.reason)))
        .collect();
    let want = [
        ("a.jpg", Reason::CaseCollision),
        ("d/c.jpg", Reason::BaseNameCollision),
        ("e/\u{e9}.jpg", Reason::CaseCollision),
    ];
    assert_eq!(found, want.map(|(name, reason)| (name.to_owned(), reason)));
}

#[tokio::test]
async fn colliding_names_can_be_rejected_or_ignored() {
    let names = ["A.jpg", "a.jpg", "x/a.jpg"];
    let strict = Rules::default()
        .on(Reason::CaseCollision, Action::Reject)
        .on(Reason::BaseNameCollision, Action::Reject);
    let rejected: Vec<_> = verdicts(&names, strict)
        .await
        .iter()
        .filter_map(|v| v.rejection().map(|r| r.reason))
        .collect();
    assert_eq!(rejected, [Reason::CaseCollision, Reason::BaseNameCollision]);
    let lax = Rules::default()
        .on(Reason::CaseCollision, Action::Ignore)
        .on(Reason::BaseNameCollision, Action::Ignore);
    let findings = verdicts(&names, lax).await;
    assert!(findings.iter().all(|v| v.asset().unwrap().findings.is_empty()));
}

#[test]
fn codes_are_stable_and_descriptors_are_flat_json() {
    let codes: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(
        codes.join(" "),
        "malformed filtered directory symlink snapshot old_version no_extension unsupported_format type_mismatch \
         empty too_large archived unreadable system_file odd_name case_collision base_name_collision"
    );
    let Verdict::Accept(asset) = Rules::default().check(Blob::new("a\n.jpg", 7)) else { panic!() };
    let json = serde_json::to_value(&asset).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "name": "a\n.jpg", "size": 7, "kind": "image", "media_type": "image/jpeg",
            "findings": [{"reason": "odd_name", "detail": "its name has control characters"}],
        })
    );
    let Verdict::Reject(rejection) = Rules::default().check(Blob::new("a.jpg", 0)) else {
        panic!()
    };
    let json = serde_json::to_value(&rejection).unwrap();
    let want = serde_json::json!({"name": "a.jpg", "size": 0, "reason": "empty", "detail": "it has zero bytes"});
    assert_eq!(json, want);
}

/// All sinks accept each size that the rules accept.
#[tokio::test]
async fn an_impossible_size_makes_a_blob_malformed_and_breaks_no_sink() {
    let sizes = [1 << 53, (1 << 53) + 1, 1 << 63, u64::MAX];
    let rules = || {
        let rules = Rules::default().max_size(Kind::Image, u64::MAX);
        Reason::ALL.iter().fold(rules, |rules, reason| rules.on(*reason, Action::Ignore))
    };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let sinks = (
        azure_asset_sync::sink::Sqlite::open(path("a.sqlite")).unwrap(),
        (
            azure_asset_sync::sink::Parquet::assets(path("a.parquet")).unwrap(),
            azure_asset_sync::JsonLines::changes(path("a.jsonl")).unwrap(),
        ),
    );
    let blobs = sizes.map(|size| Blob::new(format!("{size}.jpg"), size));
    let store = MemoryStore::from_iter(blobs);
    let report = Scan::new(store, &Prefix::default()).rules(rules()).run(sinks).await.unwrap();
    assert_eq!((report.accepted(), report.rejections), (1, [(Reason::Malformed, 3)].into()));
    let rejection = rules().check(Blob::new("a.jpg", u64::MAX)).rejection().unwrap().clone();
    assert_eq!(rejection.size, None, "JSON readers would round this number");
    assert!(rejection.detail.contains("8 PiB"), "{rejection:?}");
}
