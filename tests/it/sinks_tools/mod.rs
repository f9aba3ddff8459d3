//! The tools for which the files are written read every value correctly, with the calls in the
//! documentation of each sink, even if rare values only occur late in the file.
//!
//! The tools run in Python: the interpreter that `PYTHON` names, with the modules in
//! `tests/it/sinks_tools/requirements.txt`. The tests print the names of tools that are not installed.
//! Other tests check the content of the files on every machine.

mod python;
mod rows;

use std::{fs, path::PathBuf};

use azure_asset_sync::{
    Blob, JsonLines, MemoryStore, Prefix, Scan, Sink,
    sink::{Coco, Csv, HuggingFace, Parquet, Sqlite},
    sync::{Job, Manifest, Row},
};
use python::calls;
use rows::Rows;
use serde_json::{Value, json};

use crate::sample::{fill, full};

/// Writes each set of rows to a file, runs the calls in the documentation of the sink, and compares the
/// rows that they read. `more` has the names of columns that not every table has.
async fn check(source: &str, file: &str, more: &[&str], open: impl Fn(PathBuf) -> Box<dyn Sink>) {
    let root = tempfile::tempdir().unwrap();
    let mut folders = Vec::new();
    for rows in Rows::all() {
        let folder = root.path().join(rows.name);
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if file.starts_with("images/") {
            rows.make_images(path.parent().unwrap());
        }
        fill(&mut *open(path), &rows.changes).await.unwrap();
        fs::write(folder.join("expected.json"), rows.expected(more).to_string()).unwrap();
        folders.push(folder);
    }
    let different = python::run(&calls(source), root.path(), &folders);
    assert!(different.is_empty(), "{source}: {different:#?}");
}

#[tokio::test]
async fn every_value_is_read_from_csv() {
    check("sink/csv.rs", "assets.csv", &[], |path| Box::new(Csv::assets(path).unwrap())).await;
}

#[tokio::test]
async fn every_value_is_read_from_json_lines() {
    let open = |path| Box::new(JsonLines::assets(path).unwrap()) as Box<dyn Sink>;
    check("sink/json_lines.rs", "assets.jsonl", &[], open).await;
}

#[tokio::test]
async fn every_value_is_read_from_parquet() {
    let open = |path| Box::new(Parquet::assets(path).unwrap()) as Box<dyn Sink>;
    check("sink/parquet.rs", "assets.parquet", &[], open).await;
}

#[tokio::test]
async fn every_value_is_read_from_sqlite() {
    let open = |path| Box::new(Sqlite::open(path).unwrap()) as Box<dyn Sink>;
    check("sink/sqlite.rs", "assets.sqlite", &["revision"], open).await;
}

#[tokio::test]
async fn every_value_is_read_from_coco() {
    let open = |path| Box::new(Coco::images(path).unwrap()) as Box<dyn Sink>;
    check("sink/coco.rs", "instances.json", &["file_name"], open).await;
}

#[tokio::test]
async fn every_value_is_read_from_hugging_face() {
    let open = |path| Box::new(HuggingFace::images(path).unwrap()) as Box<dyn Sink>;
    check("sink/hugging_face.rs", "images/metadata.jsonl", &["file_name"], open).await;
}

#[tokio::test]
async fn every_value_is_read_from_manifest() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("state");
    // Rejections and rare properties come last; then one asset is missing.
    let plain = (0..60_000).map(|n| Blob::new(format!("{n:05}.jpg"), n + 1));
    let mut blobs: Vec<_> =
        plain.chain([full("y\u{2028}\u{85}.jpg"), Blob::new("z.txt", 1)]).collect();
    for _ in 0..2 {
        let store: MemoryStore = blobs.iter().cloned().collect();
        Job::new(Scan::new(store, &Prefix::default()), &folder).run(()).await.unwrap();
        blobs.remove(59_999);
    }
    let rows = Manifest::open(&folder).unwrap().unwrap().rows();
    let rows: Value = rows.map(|row| values(&row.unwrap())).collect();
    assert_eq!(rows.as_array().unwrap().len(), 60_002);
    let keys = [
        "name",
        "size",
        "etag",
        "last_modified",
        "content_md5",
        "access_tier",
        "kind",
        "media_type",
        "reason",
        "detail",
        "gone_run",
        "gone_at",
        "in_doubt",
    ];
    let expected = json!({"name": "manifest", "keys": keys, "rows": rows});
    fs::write(folder.join("expected.json"), expected.to_string()).unwrap();
    let different = python::run(&calls("sync/mod.rs"), root.path(), &[folder]);
    assert!(different.is_empty(), "{different:#?}");
}

fn values(row: &Row) -> Value {
    let time = |time| humantime::format_rfc3339_seconds(time).to_string();
    json!([
        row.name,
        row.size,
        row.etag.as_ref().map_or("", |etag| etag.as_str()),
        row.last_modified.map_or_else(String::new, time),
        row.content_md5.map_or_else(String::new, |md5| md5.to_string()),
        row.access_tier.as_ref().map_or("", |tier| tier.as_str()),
        row.kind.map_or("", |kind| kind.as_str()),
        row.media_type.as_ref().map_or("", |media_type| media_type.as_str()),
        row.reason.map_or("", |reason| reason.as_str()),
        row.detail.as_deref().unwrap_or_default(),
        row.removed.map_or(0, |removed| removed.run),
        row.removed.map_or_else(String::new, |removed| time(removed.at)),
        row.in_doubt,
    ])
}
