//! SQLite tables follow the container: each change has its effect, batches can be replayed, locks are
//! reported, and foreign files are not modified.

use std::{collections::BTreeMap, fs, path::Path};

use azure_asset_sync::{
    Blob, Change, ErrorKind, Rejection, Sink,
    sink::{Batch, Delivery, Removal, RunId, Sqlite},
    store::Malformed,
};
use rusqlite::{Connection, types::Value};

use crate::sample;
use crate::sample::{asset, changes, fill, full, names, rejection};

fn added(name: &str) -> Change {
    Change::Added(asset(Blob::new(name, 1)))
}

fn removed(name: &str) -> Change {
    let image = asset(Blob::new("a.jpg", 1)).kind;
    Change::Removed(Removal::of(&Blob::new(name, 1), image))
}

fn rejected(name: &str) -> Change {
    let mut rejection = rejection(Blob::new("a.txt", 1));
    rejection.name = Some(name.to_owned());
    Change::Rejected(rejection)
}

fn unnamed(detail: &str) -> Change {
    Change::Rejected(Rejection::from(Malformed::new(None, detail)))
}

fn column(path: &Path, sql: &str) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Returns what a reader finds: assets, rejections, and rejections without a name.
fn read(path: &Path) -> [Vec<String>; 3] {
    [
        column(path, "SELECT name FROM assets ORDER BY name"),
        column(path, "SELECT name FROM rejections ORDER BY name"),
        column(path, "SELECT detail FROM unnamed_rejections ORDER BY batch, position"),
    ]
}

/// Opens the sink for one batch, as after a crash.
async fn give(path: &Path, run: &RunId, sequence: u64, changes: &[Change]) {
    let mut sink = Sqlite::open(path).unwrap();
    sink.accept(Batch::new(run, sequence, changes)).await.unwrap();
    sink.flush().await.unwrap();
}

#[tokio::test]
async fn every_asset_is_a_row_with_the_types_of_its_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assets.sqlite");
    let mut sink = Sqlite::open(&path).unwrap();
    assert_eq!(sink.delivery(), Delivery::Idempotent);
    fill(&mut sink, &changes()).await.unwrap();
    sink.finish().await.unwrap();
    drop(sink);
    assert_eq!(read(&path), [names(&changes(), |_| true), vec!["notes.txt".into()], vec![]]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "the write-ahead log remains");

    let connection = Connection::open(&path).unwrap();
    let mut statement = connection.prepare("SELECT * FROM assets WHERE name = 'full.jpg'").unwrap();
    let columns: Vec<_> = statement.column_names().into_iter().map(str::to_owned).collect();
    let row: BTreeMap<_, Value> = statement
        .query_row([], |row| {
            Ok(columns
                .iter()
                .map(|name| (name.as_str(), row.get(name.as_str()).unwrap()))
                .collect())
        })
        .unwrap();
    for (name, value) in [
        ("size", Value::Integer(48_213)),
        ("kind", Value::Text("image".into())),
        ("last_modified", Value::Text("2026-11-24T08:49:37.000Z".into())),
        ("is_current", Value::Integer(1)),
        ("revision", Value::Text(String::new())),
        ("content_md5", Value::Text("paWlpaWlpaWlpaWlpaWlpQ==".into())),
        ("snapshot", Value::Null),
        ("metadata", Value::Text("{\"camera\":\"7\",\"shift\":\"=night\"}".into())),
    ] {
        assert_eq!(row[name], value, "{name}");
    }
    assert_eq!(columns.len(), 19);
    let sql = "SELECT reason || ', ' || detail || ', ' || size FROM rejections";
    assert!(column(&path, sql)[0].starts_with("unsupported_format, "));
    let check = column(&path, "PRAGMA integrity_check");
    assert_eq!(check, ["ok"]);
}

#[tokio::test]
async fn each_change_has_its_effect() {
    // The changes, and the assets and the rejections after them.
    let changed = || Change::Changed(asset(full("a.jpg")));
    let restored = || Change::Restored(asset(full("a.jpg")));
    let cases: &[(&[Change], &[&str], &[&str])] = &[
        (&[added("a.jpg"), added("b.jpg")], &["a.jpg", "b.jpg"], &[]),
        (&[added("a.jpg"), changed()], &["a.jpg"], &[]),
        (&[added("a.jpg"), removed("a.jpg")], &[], &[]),
        (&[added("a.jpg"), removed("a.jpg"), restored()], &["a.jpg"], &[]),
        (&[removed("never there.jpg")], &[], &[]),
        (&[rejected("a.jpg")], &[], &["a.jpg"]),
        (&[rejected("a.jpg"), rejected("a.jpg")], &[], &["a.jpg"]),
        (&[rejected("a.jpg"), added("a.jpg")], &["a.jpg"], &[]),
        (&[rejected("a.jpg"), changed()], &["a.jpg"], &[]),
        (&[rejected("a.jpg"), restored()], &["a.jpg"], &[]),
        (&[rejected("a.jpg"), removed("a.jpg")], &[], &[]),
        (&[added("a.jpg"), removed("a.jpg"), rejected("a.jpg")], &[], &["a.jpg"]),
        (&[added("A.jpg"), added("a.jpg")], &["A.jpg", "a.jpg"], &[]),
        (
            &[added("cafe\u{301}.jpg"), added("caf\u{e9}.jpg")],
            &["cafe\u{301}.jpg", "caf\u{e9}.jpg"],
            &[],
        ),
        (&[added("'; DROP TABLE assets; --.jpg")], &["'; DROP TABLE assets; --.jpg"], &[]),
    ];
    for (at, (changes, assets, rejections)) in cases.iter().enumerate() {
        // In one batch, in a batch each, and in a run each.
        let folder = tempfile::tempdir().unwrap();
        let [once, batches, runs] = ["1", "2", "3"].map(|name| folder.path().join(name));
        let run = RunId::random();
        give(&once, &run, 0, changes).await;
        for (sequence, change) in (0..).zip(*changes) {
            give(&batches, &run, sequence, std::slice::from_ref(change)).await;
            give(&runs, &RunId::random(), 0, std::slice::from_ref(change)).await;
        }
        for path in [once, batches, runs] {
            let [found, no_assets, _] = read(&path);
            assert_eq!((&*found, &*no_assets), (&*own(assets), &*own(rejections)), "case {at}");
        }
    }
    fn own(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }
}

#[tokio::test]
async fn each_version_and_snapshot_of_a_name_is_a_row() {
    let blob = |name: &str, version: Option<(u32, Option<bool>)>, snapshot: Option<&str>| {
        let mut blob = Blob::new(name, 1);
        if let Some((number, is_current)) = version {
            blob.version_id = Some(format!("2026-11-2{number}T00:00:00.0000000Z").as_str().into());
            blob.is_current_version = is_current;
        }
        blob.snapshot = snapshot.map(Into::into);
        blob
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assets.sqlite");
    let accept = |blob: Blob| {
        let mut image = asset(Blob::new("a.jpg", 1));
        image.blob = blob;
        Change::Added(image)
    };
    let listed = [
        accept(blob("a.jpg", Some((1, None)), None)),
        accept(blob("a.jpg", Some((2, Some(false))), None)),
        accept(blob("a.jpg", None, Some("2026-11-23T00:00:00.0000001Z"))),
        accept(blob("a.jpg", Some((3, Some(true))), None)),
        // The default rules reject versions and snapshots. Each has a row next to the current blob's.
        Change::Rejected(rejection(blob("b.jpg", Some((1, None)), None))),
        Change::Rejected(rejection(blob("b.jpg", Some((2, Some(false))), None))),
        Change::Rejected(rejection(blob("b.jpg", None, Some("2026-11-23T00:00:00.0000001Z")))),
        accept(blob("b.jpg", Some((3, Some(true))), None)),
    ];
    for _ in 0..2 {
        give(&path, &RunId::random(), 0, &listed).await;
        let row = "name || ' ' || revision || ' ' || is_current";
        assert_eq!(
            column(&path, &format!("SELECT {row} FROM assets ORDER BY name, revision")),
            [
                "a.jpg  1",
                "a.jpg 2026-11-21T00:00:00.0000000Z 0",
                "a.jpg 2026-11-22T00:00:00.0000000Z 0",
                "a.jpg 2026-11-23T00:00:00.0000001Z 0",
                "b.jpg  1",
            ]
        );
        let row = "reason || ' ' || coalesce(version_id, '') || ' ' || coalesce(snapshot, '')";
        assert_eq!(
            column(&path, &format!("SELECT {row} FROM rejections ORDER BY revision")),
            [
                "old_version 2026-11-21T00:00:00.0000000Z ",
                "old_version 2026-11-22T00:00:00.0000000Z ",
                "snapshot  2026-11-23T00:00:00.0000001Z",
            ]
        );
    }
    // A new version replaces the row of the current blob; a removal deletes all rows of the name.
    let changed = accept(blob("a.jpg", Some((4, Some(true))), None));
    give(&path, &RunId::random(), 0, &[changed, removed("b.jpg")]).await;
    let current = "SELECT version_id FROM assets WHERE revision = ''";
    assert_eq!(column(&path, current), ["2026-11-24T00:00:00.0000000Z"]);
    assert_eq!(column(&path, "SELECT name FROM assets"), ["a.jpg"; 4]);
    assert!(read(&path)[1].is_empty());
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_to_a_file_is_not_followed_and_a_folder_can_be_one() {
    let folder = tempfile::tempdir().unwrap();
    let (path, target) = (folder.path().join("assets.sqlite"), folder.path().join("target"));
    std::os::unix::fs::symlink(&target, &path).unwrap();
    for exists in [false, true] {
        if exists {
            fs::write(&target, "").unwrap();
        }
        let error = Sqlite::open(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Sink);
        assert!(error.to_string().contains("symbolic link, which is not followed"), "{error}");
        assert_eq!(target.exists(), exists);
    }
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    fs::create_dir(&real).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    Sqlite::open(link.join("assets.sqlite")).unwrap();
    assert!(real.join("assets.sqlite").exists());
}

#[tokio::test]
async fn a_changed_asset_replaces_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assets.sqlite");
    give(&path, &RunId::random(), 0, &[added("a.jpg")]).await;
    assert_eq!(column(&path, "SELECT ifnull(etag, 'none') FROM assets"), ["none"]);
    give(&path, &RunId::random(), 0, &[Change::Changed(asset(full("a.jpg")))]).await;
    assert_eq!(column(&path, "SELECT etag FROM assets"), ["0x8DD0C7A1B2C3D4E"]);
    give(&path, &RunId::random(), 0, &[added("a.jpg")]).await;
    assert_eq!(column(&path, "SELECT ifnull(etag, 'none') FROM assets"), ["none"]);
}

#[tokio::test]
async fn a_repeated_batch_changes_nothing_and_a_different_batch_replaces_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assets.sqlite");
    let (before, run) = (RunId::random(), RunId::random());
    give(&path, &before, 0, &[added("0.jpg"), unnamed("before")]).await;
    give(&path, &before, 1, &[added("1.jpg")]).await;
    give(&path, &run, 0, &[added("a.jpg"), rejected("b.jpg"), unnamed("x"), unnamed("y")]).await;
    let last = [added("c.jpg"), unnamed("z"), rejected("d.jpg")];
    give(&path, &run, 1, &last).await;
    let there = read(&path);
    assert_eq!(there[2], ["before", "x", "y", "z"]);
    for _ in 0..2 {
        give(&path, &run, 1, &last).await;
        assert_eq!(read(&path), there);
    }
    // Only the rows that the first attempt had and the second has not are deleted.
    give(&path, &run, 1, &[added("e.jpg"), unnamed("v"), unnamed("w")]).await;
    assert_eq!(read(&path)[0], ["0.jpg", "1.jpg", "a.jpg", "e.jpg"]);
    assert_eq!(read(&path)[1], ["b.jpg"]);
    assert_eq!(read(&path)[2], ["before", "x", "y", "v", "w"]);
    // The same number in another run is another batch.
    give(&path, &RunId::random(), 1, &[added("f.jpg")]).await;
    assert_eq!(read(&path)[0], ["0.jpg", "1.jpg", "a.jpg", "e.jpg", "f.jpg"]);
    assert_eq!(column(&path, "SELECT count(*) || '' FROM batches"), ["1"]);
}

#[tokio::test]
async fn other_connections_read_only_flushed_batches() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assets.sqlite");
    let run = RunId::random();
    let mut sink = Sqlite::open(&path).unwrap();
    let reader = Connection::open(&path).unwrap();
    reader.busy_timeout(std::time::Duration::ZERO).unwrap();
    let count = || reader.query_row("SELECT count(*) FROM assets", [], |row| row.get::<_, i64>(0));
    sink.flush().await.unwrap();
    sink.accept(Batch::new(&run, 0, &[added("a.jpg")])).await.unwrap();
    assert_eq!(count().unwrap(), 0);
    sink.flush().await.unwrap();
    assert_eq!(count().unwrap(), 1);
    sink.accept(Batch::new(&run, 1, &[added("b.jpg")])).await.unwrap();
    sink.accept(Batch::new(&run, 2, &[added("c.jpg")])).await.unwrap();
    assert_eq!(count().unwrap(), 1);
    drop(sink);
    assert_eq!(count().unwrap(), 1);
    // An open read transaction does not block `finish`.
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(count().unwrap(), 1);
    let mut sink = Sqlite::open(&path).unwrap();
    sink.accept(Batch::new(&run, 1, &[added("b.jpg")])).await.unwrap();
    sink.flush().await.unwrap();
    sink.finish().await.unwrap();
    assert_eq!(count().unwrap(), 1);
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(count().unwrap(), 2);
}

#[tokio::test]
async fn a_lock_of_another_process_is_a_transient_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assets.sqlite");
    let run = RunId::random();
    let mut sink = Sqlite::open(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let errors = [
        sink.accept(Batch::new(&run, 0, &[added("a.jpg")])).await.unwrap_err(),
        Sqlite::open(&path).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Sink);
        assert!(error.to_string().contains("another process holds the write lock"), "{error}");
        assert!(error.to_string().contains("assets.sqlite"), "{error}");
    }
    other.execute_batch("ROLLBACK").unwrap();
    sink.accept(Batch::new(&run, 0, &[added("a.jpg")])).await.unwrap();
    sink.flush().await.unwrap();
    assert_eq!(read(&path)[0], ["a.jpg"]);
}

#[tokio::test]
async fn a_failed_batch_is_rolled_back_with_all_unflushed_batches() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assets.sqlite");
    let run = RunId::random();
    let mut huge = asset(Blob::new("huge.jpg", 1));
    huge.blob.size = u64::MAX;
    let mut sink = Sqlite::open(&path).unwrap();
    sink.accept(Batch::new(&run, 0, &[added("a.jpg")])).await.unwrap();
    sink.flush().await.unwrap();
    sink.accept(Batch::new(&run, 1, &[added("b.jpg")])).await.unwrap();
    let bad = [added("c.jpg"), Change::Added(huge)];
    assert_eq!(sink.accept(Batch::new(&run, 2, &bad)).await.unwrap_err().kind(), ErrorKind::Sink);
    // The sink refuses later batches after a loss, although other connections can write.
    for again in [sink.flush().await, sink.finish().await] {
        let error = again.unwrap_err();
        assert!(error.to_string().contains("has failed before"), "{error}");
    }
    give(&path, &run, 1, &[added("d.jpg")]).await;
    assert_eq!(read(&path)[0], ["a.jpg", "d.jpg"]);
}

#[test]
fn a_foreign_file_is_an_error_and_is_not_modified() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = |name: &str, sql: &str| {
        let path = folder.path().join(name);
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        path
    };
    let text = folder.path().join("text");
    fs::write(&text, "this is no database, and long enough to be taken for none".repeat(20))
        .unwrap();
    let newer = folder.path().join("newer");
    drop(Sqlite::open(&newer).unwrap());
    Connection::open(&newer).unwrap().execute_batch("PRAGMA user_version = 3").unwrap();
    for (path, why) in [
        (
            sqlite("tables", "CREATE TABLE assets (name TEXT)"),
            "is an SQLite database of another program",
        ),
        (sqlite("id", "PRAGMA application_id = 7"), "is an SQLite database of another program"),
        (sqlite("version", "PRAGMA user_version = 1"), "is an SQLite database of another program"),
        (newer, "has tables of version 3; this version of the crate writes version 2"),
        (text, "is not an SQLite database"),
        (folder.path().to_owned(), "could not open"),
        (folder.path().join("no/such/folder"), "could not open"),
    ] {
        let before = fs::read(&path).ok();
        let error = Sqlite::open(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Sink, "{error}");
        assert!(error.to_string().contains(why), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        assert_eq!(fs::read(&path).ok(), before, "{why}");
    }
    // An empty file belongs to nobody.
    let empty = folder.path().join("empty");
    fs::write(&empty, "").unwrap();
    Sqlite::open(&empty).unwrap();
    Sqlite::open(&empty).unwrap();
}

#[cfg(target_os = "linux")]
mod disk_full {
    use std::process::Command;

    use super::*;

    const VARIABLE: &str = "TABLES_THAT_GET_TOO_LARGE";

    fn many(sequence: u64) -> Vec<Change> {
        (0..100).map(|n| added(&format!("{sequence}/{n}.jpg"))).collect()
    }

    /// Runs in a child process that cannot write files of more than 500 KiB.
    #[tokio::test]
    async fn child() {
        let Ok(path) = std::env::var(VARIABLE) else { return };
        let mut sink = Sqlite::open(&path).unwrap();
        let run = RunId::random();
        let mut sequence = 0;
        let error = loop {
            let changes = many(sequence);
            let flushed = async {
                sink.accept(Batch::new(&run, sequence, &changes)).await?;
                sink.flush().await
            };
            match flushed.await {
                Ok(()) => sequence += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::Sink);
        assert!(error.to_string().contains(&path), "{error}");
        let again = sink.flush().await.unwrap_err();
        assert!(again.to_string().contains("has failed before"), "{again}");
        println!("flushed {sequence} batches");
    }

    #[tokio::test]
    async fn flushed_batches_are_durable_and_the_file_can_be_reused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("assets.sqlite");
        let output = Command::new("sh")
            // `ulimit -f` counts units of 512 bytes. Signal 25 (SIGXFSZ) is ignored, so that a write
            // fails instead.
            .args(["-c", "trap '' 25; ulimit -f 1000; exec \"$@\"", "sh"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "sinks_sqlite::disk_full::child", "--nocapture"])
            .env(VARIABLE, &path)
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
        let count = printed.split("flushed ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
        let batches: u64 = count.parse().unwrap();
        assert!(batches > 0, "the limit is too low");
        assert_eq!(column(&path, "PRAGMA integrity_check"), ["ok"]);
        let mut names: Vec<_> =
            (0..batches).flat_map(|n| sample::names(&many(n), |_| true)).collect();
        names.sort_unstable();
        assert_eq!(read(&path)[0], names);
        give(&path, &RunId::random(), 0, &[added("more.jpg")]).await;
        assert_eq!(read(&path)[0].len(), names.len() + 1);
    }
}
