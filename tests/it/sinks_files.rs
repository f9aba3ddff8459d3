//! Files for other tools have the documented content, and are replaced atomically.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use azure_asset_sync::{
    Blob, Change, Error, ErrorKind, JsonLines, Kind, Sink,
    sink::{Batch, Coco, Csv, Delivery, HuggingFace, Parquet, RunId, file_name},
};
use serde_json::Value;

use crate::sample::{asset, changes, csv_rows, fill, lines, names};

type Make = fn(PathBuf) -> Result<Box<dyn Sink>, Error>;

const ALL: &[(&str, Make)] = &[
    ("assets.jsonl", |path| Ok(Box::new(JsonLines::assets(path)?))),
    ("assets.csv", |path| Ok(Box::new(Csv::assets(path)?))),
    ("sheet.csv", |path| Ok(Box::new(Csv::for_spreadsheets(path)?))),
    ("images/metadata.jsonl", |path| Ok(Box::new(HuggingFace::images(path)?))),
    ("videos/metadata.jsonl", |path| Ok(Box::new(HuggingFace::videos(path)?))),
    ("coco.json", |path| Ok(Box::new(Coco::images(path)?))),
];

async fn written(make: impl Fn(&Path) -> Result<Box<dyn Sink>, Error>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fill(&mut *make(&path).unwrap(), &changes()).await.unwrap();
    fs::read_to_string(path).unwrap()
}

/// Returns the header, and the rows by the name in the first cell.
fn table(text: &str) -> (Vec<String>, BTreeMap<String, Vec<String>>) {
    let mut rows = csv_rows(text).into_iter();
    let head = rows.next().unwrap();
    assert!(rows.clone().all(|row| row.len() == head.len()));
    (head, rows.map(|row| (row[0].clone(), row)).collect())
}

#[tokio::test]
async fn a_csv_has_every_asset_with_its_exact_name() {
    let text = written(|path| Ok(Box::new(Csv::assets(path)?))).await;
    let (head, rows) = table(&text);
    assert_eq!(
        head.join(","),
        "name,size,kind,media_type,etag,last_modified,created,content_type,content_encoding,\
         content_md5,blob_type,access_tier,version_id,is_current,snapshot,findings,metadata"
    );
    assert_eq!(rows.keys().cloned().collect::<Vec<_>>(), names(&changes(), |_| true));
    assert_eq!(
        rows["full.jpg"],
        [
            "full.jpg",
            "48213",
            "image",
            "image/jpeg",
            "0x8DD0C7A1B2C3D4E",
            "2026-11-24T08:49:37.000Z",
            "2026-11-24T08:46:40.000Z",
            "image/jpeg",
            "identity",
            "paWlpaWlpaWlpaWlpaWlpQ==",
            "BlockBlob",
            "Hot",
            "2026-11-24T08:49:37.0000000Z",
            "true",
            "",
            "",
            "{\"camera\":\"7\",\"shift\":\"=night\"}",
        ]
    );
    assert_eq!(rows["clip.mp4"][..4], ["clip.mp4", "4294967296", "video", "video/mp4"]);
    assert_eq!(rows["back\\slash.jpg"][15], "odd_name");
}

#[tokio::test]
async fn a_csv_for_spreadsheets_has_no_formula_and_no_control_character() {
    let text = written(|path| Ok(Box::new(Csv::for_spreadsheets(path)?))).await;
    let text = text.strip_prefix('\u{feff}').unwrap();
    let (_, rows) = table(text);
    for (name, shown) in [
        ("=cmd|' /C calc'!A0.jpg", "'=cmd|' /C calc'!A0.jpg"),
        ("+1.jpg", "'+1.jpg"),
        ("-1.jpg", "'-1.jpg"),
        ("@sum(a1).jpg", "'@sum(a1).jpg"),
        ("'quoted'.jpg", "''quoted'.jpg"),
        ("\ttab.jpg", "'\\u{9}tab.jpg"),
        ("line\nfeed.jpg", "line\\u{a}feed.jpg"),
        ("\u{1b}[31mred.jpg", "\\u{1b}[31mred.jpg"),
        ("comma, \"quotes\" and ;semicolons;.jpg", "comma, \"quotes\" and ;semicolons;.jpg"),
        ("clip.mp4", "clip.mp4"),
    ] {
        assert!(names(&changes(), |_| true).contains(&name.to_owned()), "{name:?}");
        assert!(rows.contains_key(shown), "{name:?} is not {shown:?}: {:?}", rows.keys());
    }
    let cells: Vec<_> = rows.values().flatten().collect();
    assert!(!cells.iter().any(|cell| cell.starts_with(['=', '+', '-', '@'])));
    assert!(!cells.iter().any(|cell| cell.contains(ends_a_line)));
}

/// Returns whether a reader such as Python's `str.splitlines`, or a terminal, ends a line at this
/// character.
fn ends_a_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

#[tokio::test]
async fn a_csv_cell_with_any_kind_of_line_end_is_quoted() {
    let text = written(|path| Ok(Box::new(Csv::assets(path)?))).await;
    for name in names(&changes(), |_| true).iter().filter(|name| name.contains(ends_a_line)) {
        assert!(text.contains(&format!("\"{name}\"")), "{name:?}");
    }
}

#[tokio::test]
async fn json_lines_have_no_control_characters_or_line_separators_except_line_ends() {
    for (name, make) in ALL.iter().filter(|(name, _)| !name.ends_with(".csv")) {
        let text = written(|path| make(path.to_owned())).await;
        assert!(!text.contains(|c: char| ends_a_line(c) && c != '\n'), "{name}");
    }
    let log = written(|path| Ok(Box::new(JsonLines::changes(path)?))).await;
    assert!(!log.contains(|c: char| ends_a_line(c) && c != '\n'));
    assert!(log.contains(r#""name":"\u007f\u0085\u2028"#), "{log}");
    let all: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let read = all.iter().filter(|line| line["change"] != "rejected");
    let mut read: Vec<_> = read.map(|line| line["name"].as_str().unwrap().to_owned()).collect();
    read.sort_unstable();
    assert_eq!(read, names(&changes(), |_| true));
}

#[tokio::test]
async fn metadata_of_hugging_face_has_one_kind_and_the_file_name_first() {
    let (images, videos) = (
        written(|path| Ok(Box::new(HuggingFace::images(path)?))).await,
        written(|path| Ok(Box::new(HuggingFace::videos(path)?))).await,
    );
    for (text, kind) in [(images, Kind::Image), (videos, Kind::Video)] {
        let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let mut found: Vec<_> =
            lines.iter().map(|line| line["name"].as_str().unwrap().to_owned()).collect();
        found.sort_unstable();
        assert_eq!(found, names(&changes(), |asset| asset.kind == kind));
        assert!(text.lines().all(|line| line.starts_with(r#"{"file_name":""#)));
        // Each line has each key, even if the value is unknown.
        let keys = |line: &Value| line.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert!(lines.iter().all(|line| keys(line) == keys(&lines[0]) && keys(line).len() == 18));
        assert!(
            lines
                .iter()
                .all(|line| line["file_name"] == *file_name(line["name"].as_str().unwrap()))
        );
        assert!(lines.iter().all(|line| line["kind"] == kind.as_str() && line["size"].is_u64()));
        if let Some(full) = lines.iter().find(|line| line["file_name"] == "full.jpg") {
            assert_eq!(full["last_modified"], "2026-11-24T08:49:37.000Z");
            assert_eq!(full["media_type"], "image/jpeg");
        }
    }
}

#[tokio::test]
async fn coco_numbers_the_images_and_invents_no_values() {
    let text = written(|path| Ok(Box::new(Coco::images(path)?))).await;
    let coco: Value = serde_json::from_str(&text).unwrap();
    let images = coco["images"].as_array().unwrap();
    let ids: Vec<_> = images.iter().map(|image| image["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (1..=images.len() as u64).collect::<Vec<_>>());
    let mut found: Vec<_> =
        images.iter().map(|image| image["name"].as_str().unwrap().to_owned()).collect();
    found.sort_unstable();
    assert_eq!(found, names(&changes(), |asset| asset.kind == Kind::Image));
    for image in images {
        for unknown in ["width", "height", "date_captured", "license"] {
            assert!(image.get(unknown).is_none(), "{image}");
        }
        assert!(image.as_object().unwrap().values().all(|value| !value.is_null()), "{image}");
    }
    for empty in ["licenses", "annotations", "categories"] {
        assert_eq!(coco[empty], Value::Array(Vec::new()));
    }
    assert!(coco["info"].is_object());
}

#[tokio::test]
async fn a_file_without_assets_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fill(&mut Csv::assets(&path).unwrap(), &[]).await.unwrap();
    assert_eq!(csv_rows(&fs::read_to_string(&path).unwrap()).len(), 1);
    fill(&mut Coco::images(&path).unwrap(), &[]).await.unwrap();
    let coco: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(coco["images"], Value::Array(Vec::new()));
    fill(&mut HuggingFace::images(&path).unwrap(), &[]).await.unwrap();
    assert!(lines(&path).is_empty());
}

#[tokio::test]
async fn every_file_is_replaced_atomically() {
    for (name, make) in ALL {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let beside = path.parent().unwrap().to_owned();
        fs::create_dir_all(&beside).unwrap();
        fs::write(&path, "old").unwrap();
        let changes = changes();

        let mut dropped = make(path.clone()).unwrap();
        assert_eq!(dropped.delivery(), Delivery::Replace, "{name}");
        dropped.accept(Batch::new(&RunId::random(), 0, &changes)).await.unwrap();
        dropped.flush().await.unwrap();
        drop(dropped);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old", "{name}");
        assert_eq!(fs::read_dir(&beside).unwrap().count(), 1, "{name}");

        let mut sink = make(path.clone()).unwrap();
        fill(&mut *sink, &changes).await.unwrap();
        assert_ne!(fs::read_to_string(&path).unwrap(), "old", "{name}");
        assert_eq!(fs::read_dir(&beside).unwrap().count(), 1, "{name}");
        for again in [
            sink.accept(Batch::new(&RunId::random(), 0, &changes)).await,
            sink.flush().await,
            sink.finish().await,
        ] {
            let error = again.unwrap_err();
            assert!(error.to_string().contains("was finished before"), "{name}: {error}");
        }

        let error = make(folder.path().join("no/such/file")).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Sink, "{name}");
        assert!(error.to_string().contains("no/such/file"), "{name}: {error}");
    }
}

#[tokio::test]
async fn a_csv_shows_its_dialect_in_the_first_row() {
    let text = written(|path| Ok(Box::new(Csv::assets(path)?))).await;
    assert!(text.starts_with("\"name\",\"size\",\"kind\","), "{text}");
    assert!(text.contains("\r\n\"a/b/c.PNG\",1,\"image\",\"image/png\",,,"), "{text}");
}

#[tokio::test]
async fn a_csv_for_spreadsheets_protects_values_that_they_would_convert() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sheet.csv");
    let named = |name: &&str| {
        let mut image = asset(Blob::new("a.jpg", 1));
        image.blob.name = (*name).to_owned();
        Change::Added(image)
    };
    let guarded = [
        "0001",
        "1e5",
        "1,5",
        "12%",
        "2026-11-24",
        "24.11.2026",
        "10:30 PM",
        "MAR1",
        "1-Sept",
        "TRUE",
        "2026-11-24T08:49:37",
        "$5",
        "(3)",
    ];
    let plain = ["a1", "0x8DD", "1.jpg", "true story", "Hot", "march of time"];
    let changes: Vec<_> = guarded.iter().chain(&plain).map(named).collect();
    fill(&mut Csv::for_spreadsheets(&path).unwrap(), &changes).await.unwrap();
    let (_, rows) = table(fs::read_to_string(&path).unwrap().trim_start_matches('\u{feff}'));
    for name in guarded {
        assert!(rows.contains_key(&format!("'{name}")), "{name}: {:?}", rows.keys());
    }
    for name in plain {
        assert!(rows.contains_key(name), "{name}: {:?}", rows.keys());
    }
}

#[tokio::test]
async fn temporary_files_of_a_killed_run_are_removed_and_those_of_another_run_are_kept() {
    for (name, make) in ALL {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let beside = path.parent().unwrap().to_owned();
        fs::create_dir_all(&beside).unwrap();
        let count = || fs::read_dir(&beside).unwrap().count();
        let file = path.file_name().unwrap().to_str().unwrap();
        let temporary = |slot: usize| beside.join(format!(".{file}.azure-asset-sync-{slot}.tmp"));

        // A file of a killed run, whose lock is free.
        fs::write(temporary(0), "half").unwrap();
        let mut first = make(path.clone()).unwrap();
        assert_eq!(count(), 1, "{name}: the old temporary file still exists");
        let mut second = make(path.clone()).unwrap();
        assert!(temporary(0).exists() && temporary(1).exists(), "{name}");
        fill(&mut *second, &changes()).await.unwrap();
        fill(&mut *first, &changes()).await.unwrap();
        assert_eq!(count(), 1, "{name}");

        // A folder with such a name belongs to another program.
        fs::create_dir(temporary(0)).unwrap();
        fill(&mut *make(path.clone()).unwrap(), &changes()).await.unwrap();
        assert_eq!(count(), 2, "{name}");
        (1..16).for_each(|slot| fs::create_dir(temporary(slot)).unwrap());
        let error = make(path.clone()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Sink);
        assert!(error.to_string().contains("azure-asset-sync-*.tmp"), "{error}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_symbolic_link_at_the_path_is_replaced_and_one_at_a_temporary_name_is_not_followed() {
    for (name, make) in ALL.iter().filter(|(name, _)| !name.contains('/')) {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join(name), folder.path().join("target"));
        fs::write(&target, "old").unwrap();
        let temporary = folder.path().join(format!(".{name}.azure-asset-sync-0.tmp"));
        for link in [&path, &temporary] {
            std::os::unix::fs::symlink(&target, link).unwrap();
        }
        fill(&mut *make(path.clone()).unwrap(), &changes()).await.unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "old", "{name}");
        assert!(!path.is_symlink() && temporary.is_symlink(), "{name}");
    }
}

#[tokio::test]
async fn a_path_in_file_name_stays_in_its_folder() {
    let evil =
        ["../../up.jpg", "/root.jpg", "C:/a.jpg", "..\\up.jpg", "~/a.jpg", "con.jpg", "a//b.jpg"];
    let changes: Vec<_> =
        evil.iter().map(|name| Change::Added(asset(Blob::new(*name, 1)))).collect();
    let folder = tempfile::tempdir().unwrap();
    let [coco, hugging] = ["coco.json", "metadata.jsonl"].map(|name| folder.path().join(name));
    fill(&mut Coco::images(&coco).unwrap(), &changes).await.unwrap();
    fill(&mut HuggingFace::images(&hugging).unwrap(), &changes).await.unwrap();
    let coco: Value = serde_json::from_str(&fs::read_to_string(coco).unwrap()).unwrap();
    for rows in [coco["images"].as_array().unwrap(), &lines(&hugging)] {
        assert_eq!(rows.len(), evil.len());
        for (row, name) in rows.iter().zip(evil) {
            let path = row["file_name"].as_str().unwrap();
            assert_eq!(row["name"], name);
            assert!(path.starts_with("_escaped/") && path == file_name(name), "{row}");
            assert!(!path.contains(['\\', ':']) && !path.contains("//"), "{row}");
            assert!(path.split('/').all(|segment| segment != ".."), "{row}");
        }
    }
}

#[cfg(target_os = "linux")]
mod disk_full {
    use std::process::Command;

    use super::*;

    const VARIABLE: &str = "FOLDER_OF_FILES_THAT_GET_TOO_LARGE";

    /// Runs in a child process that cannot write files of more than 100 KiB.
    #[tokio::test]
    async fn child() {
        let Ok(folder) = std::env::var(VARIABLE) else { return };
        let parquet: Make = |path| Ok(Box::new(Parquet::assets(path)?));
        for (name, make) in ALL.iter().chain([&("assets.parquet", parquet)]) {
            let path = Path::new(&folder).join(name.replace('/', "-"));
            fs::write(&path, "old").unwrap();
            let mut sink = make(path.clone()).unwrap();
            let (changes, run) = (changes(), RunId::random());
            let error = 'full: {
                for sequence in 0..100_000 {
                    if let Err(error) = sink.accept(Batch::new(&run, sequence, &changes)).await {
                        break 'full error;
                    }
                }
                sink.finish().await.unwrap_err()
            };
            assert_eq!(error.kind(), ErrorKind::Sink, "{name}");
            assert!(error.to_string().contains("File too large"), "{name}: {error}");
            let again = sink.finish().await.unwrap_err();
            assert!(again.to_string().contains("has failed before"), "{name}: {again}");
            assert_eq!(fs::read_to_string(&path).unwrap(), "old", "{name}");
            fs::remove_file(path).unwrap();
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        println!("all of them");
    }

    #[test]
    fn no_truncated_file_replaces_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new("sh")
            // `ulimit -f` counts units of 512 bytes. Signal 25 (SIGXFSZ) is ignored, so that a write
            // fails instead.
            .args(["-c", "trap '' 25; ulimit -f 200; exec \"$@\"", "sh"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "sinks_files::disk_full::child", "--nocapture"])
            .env(VARIABLE, folder.path())
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            printed.contains("all of them"),
            "{printed}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
