//! Unusual names, and names that break other tools, have findings, and their blobs are accepted.

use azure_asset_sync::{Blob, Reason, Rules, validate::Action};

#[test]
fn unusual_names_have_findings_and_are_accepted() {
    for name in ["a\u{1}.jpg", "a\\b.jpg", "a//b.jpg", "../a.jpg", "x./a.jpg", &"a/".repeat(255)] {
        let name = if name.ends_with('/') { format!("{name}a.jpg") } else { name.to_owned() };
        let verdict = Rules::default().check(Blob::new(&name, 1));
        let findings = &verdict.asset().unwrap().findings;
        assert_eq!(
            findings.iter().map(|f| f.reason).collect::<Vec<_>>(),
            [Reason::OddName],
            "{name}"
        );
    }
    assert_eq!(Rules::default().check(Blob::new("a/b c.jpg", 1)).asset().unwrap().findings, []);
}

#[test]
fn names_that_break_other_tools_have_a_finding() {
    let names = [
        "10:30.jpg",
        "a?.jpg",
        "a*b.jpg",
        "<a>.jpg",
        "a|b.jpg",
        "\"a\".jpg",
        "con.jpg",
        "x/AUX/a.jpg",
        "images/Com1.tar.jpg",
        "lpt\u{b9}.jpg",
        "nul .jpg",
        "dir /a.jpg",
        " a.jpg",
        "dir/\u{a0}a.jpg",
        "a.jpg\u{3000}.jpg ",
        "a\u{202e}gpj.exe.jpg",
        "a\u{200b}.jpg",
        "a\u{2028}b.jpg",
        "a\u{feff}.jpg",
        "\u{ad}a.jpg",
        "a\u{e0041}.jpg",
        "a\u{85}.jpg",
    ];
    for name in names {
        let mut blob = Blob::new(name, 1);
        blob.content_type = Some("image/jpeg".into());
        let verdict = Rules::default().on(Reason::UnsupportedFormat, Action::Ignore).check(blob);
        let reasons: Vec<_> = verdict.asset().unwrap().findings.iter().map(|f| f.reason).collect();
        assert_eq!(reasons, [Reason::OddName], "{name:?}");
    }
    let ordinary = [
        "console.jpg",
        "com10.jpg",
        "aux1/b.jpg",
        "a=b/c.jpg",
        "IMG (1).jpg",
        "50%.jpg",
        "caf\u{e9}.jpg",
        "2026-11-30T10_30.jpg",
        "a'b, c; d!.jpg",
        "\u{4e2d}\u{6587}/\u{1f600}.jpg",
        "lpt.jpg",
        "con-1.jpg",
    ];
    for name in ordinary {
        let verdict = Rules::default().check(Blob::new(name, 1));
        assert_eq!(verdict.asset().unwrap().findings, [], "{name:?}");
    }
}

#[test]
fn files_that_systems_and_tools_store_next_to_the_data_have_a_finding() {
    let names = [
        "._IMG_1.JPG",
        "hall/._IMG_1.JPG",
        "__MACOSX/hall/a.jpg",
        "@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg",
        ".ipynb_checkpoints/a-checkpoint.png",
        ".Trashes/501/a.jpg",
        ".Trash-1000/files/a.jpg",
        "$RECYCLE.BIN/S-1-5-21/a.jpg",
        "#recycle/a.jpg",
        "@Recycle/a.jpg",
        ".@__thumb/a.jpg",
        "x/.thumbnails/a.png",
        "lost+found/a.jpg",
        "System Volume Information/a.jpg",
        "recycler/a.jpg",
        ".azDownload-bf2a/a.jpg",
        ".pending-1700000000-a.jpg",
        ".syncthing.a.jpg.tmp.jpg",
        "~$a.jpg",
        "a.jpg.part.jpg",
        "clip.crdownload.mp4",
        "video.temp.mp4",
        ".git/a.png",
        "x/~syncthing~a.mp4",
        "hall/IMG_1.jpg.download/IMG_1.jpg",
    ];
    for name in names {
        let verdict = Rules::default().check(Blob::new(name, 1));
        let reasons: Vec<_> = verdict.asset().unwrap().findings.iter().map(|f| f.reason).collect();
        assert_eq!(reasons, [Reason::SystemFile], "{name}");
    }
    for name in [
        "__a.jpg",
        "a_b/c.jpg",
        "lost/found.jpg",
        "r\u{e9}cycl\u{e9}.jpg",
        "~a/b.jpg",
        "@a.jpg",
        "depart.jpg",
    ] {
        let verdict = Rules::default().check(Blob::new(name, 1));
        assert_eq!(verdict.asset().unwrap().findings, [], "{name}");
    }
}
