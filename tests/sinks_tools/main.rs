//! The files, read with the tools that they are for, by the calls that the documentation of each sink
//! gives: every value is equal, however late it comes.
//!
//! Python runs the tools: the interpreter that `PYTHON` names, with the modules that
//! `tests/sinks_tools/requirements.txt` lists. A tool that is not installed is named on the terminal.
//! Other tests show what is in the files on every machine.

#[path = "../sample/mod.rs"]
mod sample;

mod python;
mod rows;

use std::{fs, path::PathBuf};

use azure_asset_sync::{
    JsonLines, Sink,
    sink::{Coco, Csv, HuggingFace, Parquet, Sqlite},
};
use python::calls;
use rows::Rows;
use sample::fill;

/// Writes each set of rows to a file, runs the calls in the sink's documentation, and compares what
/// they read; `more` names columns that are not in each table
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
async fn csv() {
    check("csv.rs", "assets.csv", &[], |path| Box::new(Csv::assets(path).unwrap())).await;
}

#[tokio::test]
async fn json_lines() {
    let open = |path| Box::new(JsonLines::assets(path).unwrap()) as Box<dyn Sink>;
    check("json_lines.rs", "assets.jsonl", &[], open).await;
}

#[tokio::test]
async fn parquet() {
    let open = |path| Box::new(Parquet::assets(path).unwrap()) as Box<dyn Sink>;
    check("parquet.rs", "assets.parquet", &[], open).await;
}

#[tokio::test]
async fn sqlite() {
    let open = |path| Box::new(Sqlite::open(path).unwrap()) as Box<dyn Sink>;
    check("sqlite.rs", "assets.sqlite", &["revision"], open).await;
}

#[tokio::test]
async fn coco() {
    let open = |path| Box::new(Coco::images(path).unwrap()) as Box<dyn Sink>;
    check("coco.rs", "instances.json", &["file_name"], open).await;
}

#[tokio::test]
async fn hugging_face() {
    let open = |path| Box::new(HuggingFace::images(path).unwrap()) as Box<dyn Sink>;
    check("hugging_face.rs", "images/metadata.jsonl", &["file_name"], open).await;
}
