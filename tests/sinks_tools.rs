//! The files, read with the tools that they are for, where those are installed: in Python, by the
//! interpreter that `PYTHON` names. What is in the files is shown by the other tests everywhere.

mod sample;

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use azure_asset_sync::{
    Blob, Change, Kind, MemoryStore, Prefix, Scan,
    sink::{Coco, Csv, HuggingFace, Parquet, Sqlite},
    sync::Job,
};
use sample::{asset, changes, fill, full, names};
use serde_json::Value;

/// What a script prints, as JSON; `None` where a module is missing, which is said
fn python(modules: &[&str], script: &str, arguments: &[&Path]) -> Option<Value> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    for module in modules {
        let import = Command::new(&python).args(["-c", &format!("import {module}")]).output();
        if !import.is_ok_and(|output| output.status.success()) {
            // Past the harness, which keeps what a passing test prints.
            let say = format!("!! {python} has no `{module}`: a file was not read with it\n");
            std::io::stderr().write_all(say.as_bytes()).unwrap();
            return None;
        }
    }
    let output = Command::new(&python)
        .args(["-c", &format!("import json, sys\n{script}")])
        .args(arguments)
        .env("HF_HUB_OFFLINE", "1")
        .env("HF_DATASETS_CACHE", arguments[0].parent().unwrap().join("cache"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (told, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{modules:?}: {told}{errors}");
    Some(serde_json::from_str(told.lines().last().unwrap()).unwrap())
}

fn sorted(names: &Value) -> Vec<String> {
    let names = names.as_array().unwrap().iter();
    let mut names: Vec<_> = names.map(|name| name.as_str().unwrap().to_owned()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn csv_in_python_pandas_and_duckdb() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assets.csv");
    fill(&mut Csv::assets(&path).unwrap(), &changes()).await.unwrap();
    let plain = "import csv
rows = list(csv.DictReader(open(sys.argv[1], newline='', encoding='utf-8')))
assert all(None not in row and None not in row.values() for row in rows)
print(json.dumps([row['name'] for row in rows]))";
    let pandas = "import pandas
table = pandas.read_csv(sys.argv[1], parse_dates=['last_modified'])
full = table[table.name == 'full.jpg'].iloc[0]
assert full['size'] == 48213 and str(full.last_modified) == '2026-11-24 08:49:37+00:00', full
assert json.loads(full.metadata) == {'camera': '7', 'shift': '=night'}
assert table['etag'].isna().sum() == len(table) - 1
print(json.dumps(table.name.tolist()))";
    let duckdb = "import duckdb
at = 'read_csv(' + repr(sys.argv[1]) + \", types = {'etag': 'VARCHAR'})\"
rows = duckdb.sql('SELECT name, size, last_modified, etag FROM ' + at).fetchall()
full, = [row for row in rows if row[0] == 'full.jpg']
assert full[1] == 48213 and full[3] == '0x8DD0C7A1B2C3D4E', full
print(json.dumps([row[0] for row in rows]))";
    for (module, script) in [("csv", plain), ("pandas", pandas), ("duckdb", duckdb)] {
        if let Some(found) = python(&[module], script, &[&path]) {
            assert_eq!(sorted(&found), names(&changes(), |_| true), "{module}");
        }
    }
}

#[tokio::test]
async fn an_image_folder_in_datasets() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut changes = Vec::new();
    for (name, side) in [("cats/1.png", 3), ("dogs/caf\u{e9} 2.png", 5), ("top.png", 7)] {
        let path = data.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        image::RgbImage::new(side, side).save(&path).unwrap();
        let blob = if side == 5 { full(name) } else { Blob::new(name, 1) };
        let mut asset = asset(Blob::new(name, 1));
        asset.blob = blob;
        changes.push(Change::Added(asset));
    }
    changes.push(Change::Added(asset(Blob::new("cats/clip.mp4", 1))));
    let mut sink = HuggingFace::images(data.join("metadata.jsonl")).unwrap();
    fill(&mut sink, &changes).await.unwrap();
    let script = "from datasets import load_dataset
rows = load_dataset('imagefolder', data_dir=sys.argv[1], split='train')
assert {row['image'].size[0]: row['etag'] for row in rows} == {3: None, 5: '0x8DD0C7A1B2C3D4E', 7: None}
assert {row['kind'] for row in rows} == {'image'} and {row['size'] for row in rows} == {1, 48213}
print(json.dumps(len(rows)))";
    if let Some(count) = python(&["datasets", "PIL"], script, &[&data]) {
        assert_eq!(count, 3);
    }
}

#[tokio::test]
async fn metadata_in_datasets_with_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metadata.jsonl");
    fill(&mut HuggingFace::images(&path).unwrap(), &changes()).await.unwrap();
    let script = "from datasets import load_dataset
rows = load_dataset('json', data_files=sys.argv[1], split='train')
assert rows.column_names[0] == 'file_name', rows.column_names
print(json.dumps(list(rows['file_name'])))";
    if let Some(found) = python(&["datasets"], script, &[&path]) {
        assert_eq!(sorted(&found), names(&changes(), |asset| asset.kind == Kind::Image));
    }
}

#[tokio::test]
async fn coco_in_pycocotools() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("coco.json");
    fill(&mut Coco::images(&path).unwrap(), &changes()).await.unwrap();
    let script = "from pycocotools.coco import COCO
coco = COCO(sys.argv[1])
ids = coco.getImgIds()
assert sorted(ids) == list(range(1, len(ids) + 1)), ids
assert coco.getAnnIds() == [] and coco.getCatIds() == []
coco.info()
coco.createIndex()
print(json.dumps([image['file_name'] for image in coco.loadImgs(ids)]))";
    if let Some(found) = python(&["pycocotools"], script, &[&path]) {
        assert_eq!(sorted(&found), names(&changes(), |asset| asset.kind == Kind::Image));
    }
}

#[tokio::test]
async fn parquet_in_pyarrow_pandas_and_duckdb() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assets.parquet");
    fill(&mut Parquet::assets(&path).unwrap(), &changes()).await.unwrap();
    let pyarrow = "import pyarrow.parquet as parquet
table = parquet.read_table(sys.argv[1])
types = {field.name: (str(field.type), field.nullable) for field in table.schema}
assert types['name'] == ('string', False) and types['size'] == ('int64', False), types
assert types['last_modified'] == ('timestamp[us, tz=UTC]', True), types
assert types['content_md5'] == ('string', True), types
print(json.dumps(table['name'].to_pylist()))";
    let pandas = "import pandas
table = pandas.read_parquet(sys.argv[1])
full = table[table.name == 'full.jpg'].iloc[0]
assert full['size'] == 48213 and str(full.last_modified) == '2026-11-24 08:49:37+00:00', full
assert table.etag.isna().sum() == len(table) - 1
print(json.dumps(table.name.tolist()))";
    let duckdb = "import duckdb
at = 'read_parquet(' + repr(sys.argv[1]) + ')'
types = {row[0]: row[1] for row in duckdb.sql('DESCRIBE SELECT * FROM ' + at).fetchall()}
assert types['size'] == 'BIGINT' and types['created'] == 'TIMESTAMP WITH TIME ZONE', types
full = duckdb.sql('SELECT epoch(last_modified)::BIGINT FROM ' + at + \" WHERE name = 'full.jpg'\")
assert full.fetchall() == [(1795510177,)]
print(json.dumps([row[0] for row in duckdb.sql('SELECT name FROM ' + at).fetchall()]))";
    let modules: [(&[&str], _); 3] =
        [(&["pyarrow"], pyarrow), (&["pandas", "pyarrow"], pandas), (&["duckdb"], duckdb)];
    for (modules, script) in modules {
        if let Some(found) = python(modules, script, &[&path]) {
            assert_eq!(sorted(&found), names(&changes(), |_| true), "{modules:?}");
        }
    }
}

#[tokio::test]
async fn sqlite_in_python() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assets.sqlite");
    fill(&mut Sqlite::open(&path).unwrap(), &changes()).await.unwrap();
    let script = "import sqlite3
base = sqlite3.connect(sys.argv[1])
assert base.execute('PRAGMA integrity_check').fetchall() == [('ok',)]
assert base.execute('SELECT name, reason FROM rejections').fetchall() == [('notes.txt', 'unsupported_format')]
when = base.execute(\"SELECT strftime('%s', last_modified) FROM assets WHERE name = 'full.jpg'\")
assert when.fetchall() == [('1795510177',)]
print(json.dumps([row[0] for row in base.execute('SELECT name FROM assets')]))";
    if let Some(found) = python(&["sqlite3"], script, &[&path]) {
        assert_eq!(sorted(&found), names(&changes(), |_| true));
    }
}

#[tokio::test]
async fn the_manifest_in_pandas_and_duckdb() {
    let folder = tempfile::tempdir().unwrap();
    // Several frames, and those of the index that are to be skipped: between them, and behind all.
    let store: MemoryStore = (0..60_000)
        .map(|n| Blob::new(format!("{n:05}.{}", if n % 10 == 0 { "txt" } else { "jpg" }), n))
        .collect();
    Job::new(Scan::new(store, &Prefix::default()), folder.path()).run(()).await.unwrap();
    let path = folder.path().join("manifest.jsonl.zst");
    let pandas = "import pandas
table = pandas.read_json(sys.argv[1], lines=True, dtype={'name': str})
print(json.dumps([len(table), int(table['size'].sum()), int((table.kind == 'image').sum())]))";
    let duckdb = "import duckdb
at = 'read_json(' + repr(sys.argv[1]) + ')'
of = 'count(*), sum(size)::BIGINT, count(kind)'
print(json.dumps(duckdb.sql('SELECT ' + of + ' FROM ' + at).fetchall()[0]))";
    for (modules, script) in [(&["pandas", "zstandard"][..], pandas), (&["duckdb"], duckdb)] {
        if let Some(found) = python(modules, script, &[&path]) {
            assert_eq!(found, serde_json::json!([60_000, 1_799_970_000, 54_000]), "{modules:?}");
        }
    }
}
