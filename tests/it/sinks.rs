//! Sinks replace files atomically, can be combined, and end the scan with their errors.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use azure_asset_sync::{
    Blob, Error, ErrorKind, JsonLines, MemoryStore, Prefix, Scan, Sink, Store,
    sink::{Batch, Change, Delivery, RunId, callback},
    store::{ListRequest, Marker, Page, ReadRequest},
};
use bytes::Bytes;
use serde_json::Value;

fn store(names: &[&str]) -> MemoryStore {
    names.iter().map(|name| Blob::new(*name, 1)).collect()
}

fn scan(store: impl Store + 'static) -> Scan {
    Scan::new(store, &Prefix::default())
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A store with one page, which refuses the next.
struct Half;

#[async_trait::async_trait]
impl Store for Half {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        match request.marker {
            None => Ok(Page::new(vec![Blob::new("new.jpg", 1)], Marker::from("m".to_owned()))),
            Some(_) => Err(Error::from_response(403, None)),
        }
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!()
    }
}

#[tokio::test]
async fn assets_and_rejections_go_to_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let (assets, rejected) = (folder.path().join("a.jsonl"), folder.path().join("r.jsonl"));
    let odd = "\u{1b}[31m\"line\nbreak\u{7}.jpg";
    let sinks = (JsonLines::assets(&assets).unwrap(), JsonLines::rejections(&rejected).unwrap());
    let report = scan(store(&["b.png", "c.txt", odd])).run(sinks).await.unwrap();
    assert_eq!((report.accepted(), report.rejected()), (2, 1));
    let names: Vec<_> =
        lines(&assets).iter().map(|l| l["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, [odd, "b.png"]);
    let [line] = &lines(&rejected)[..] else { panic!() };
    assert_eq!((&line["name"], &line["reason"]), (&"c.txt".into(), &"unsupported_format".into()));
    assert!(!fs::read(&assets).unwrap().contains(&0x1b), "the file contains an escape character");
}

#[tokio::test]
async fn a_rejected_version_or_snapshot_is_identified() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.jsonl");
    let mut snapshot = Blob::new("a.jpg", 1);
    snapshot.snapshot = Some("2026-11-24T08:49:37.0000001Z".into());
    let mut version = Blob::new("b.jpg", 1);
    version.version_id = Some("2026-11-24T08:49:37.0000002Z".into());
    let blobs: MemoryStore = [snapshot, version, Blob::new("c.txt", 1)].into_iter().collect();
    scan(blobs).run(JsonLines::rejections(&path).unwrap()).await.unwrap();
    let copies: Vec<_> = lines(&path)
        .iter()
        .map(|line| format!("{}|{}|{}", line["name"], line["snapshot"], line["version_id"]))
        .collect();
    assert_eq!(
        copies,
        [
            r#""a.jpg"|"2026-11-24T08:49:37.0000001Z"|"""#,
            r#""b.jpg"|""|"2026-11-24T08:49:37.0000002Z""#,
            r#""c.txt"|""|"""#,
        ]
    );
}

#[tokio::test]
async fn a_failed_scan_keeps_the_old_file_and_leaves_no_temporary_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assets.jsonl");
    fs::write(&path, "old").unwrap();
    let error = scan(Half).run(JsonLines::assets(&path).unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    scan(store(&["a.jpg"])).run(JsonLines::assets(&path).unwrap()).await.unwrap();
    assert_eq!(lines(&path).len(), 1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_has_the_usual_permissions() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
    scan(store(&[])).run(JsonLines::assets(&ours).unwrap()).await.unwrap();
    fs::write(&theirs, "").unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&ours), mode(&theirs));
}

#[tokio::test]
async fn a_missing_folder_is_an_error_with_the_path() {
    let error = JsonLines::assets("no/such/folder/assets.jsonl").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Sink);
    assert!(error.to_string().contains("no/such/folder/assets.jsonl"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}

#[tokio::test]
async fn a_finished_file_accepts_no_more_changes() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = JsonLines::assets(folder.path().join("a.jsonl")).unwrap();
    sink.finish().await.unwrap();
    assert_eq!(
        sink.accept(Batch::new(&RunId::random(), 0, &[])).await.unwrap_err().kind(),
        ErrorKind::Sink
    );
}

#[tokio::test]
async fn a_time_that_cannot_be_formatted_is_omitted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let mut old = Blob::new("old.jpg", 1);
    old.last_modified = Some(SystemTime::UNIX_EPOCH - Duration::from_secs(1));
    let mut far = Blob::new("far.jpg", 1);
    far.created = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_800));
    let blobs: MemoryStore = [old, far].into_iter().collect();
    scan(blobs).run(JsonLines::assets(&path).unwrap()).await.unwrap();
    for line in lines(&path) {
        assert_eq!((&line["last_modified"], &line["created"]), (&"".into(), &"".into()));
    }
}

#[tokio::test]
async fn a_callback_receives_each_change_and_its_error_ends_the_scan() {
    let mut seen = Vec::new();
    let sink = callback(|change: &Change| {
        seen.push(change.name().unwrap().to_owned());
        if seen.len() == 2 { Err(Error::new(ErrorKind::Sink, "no quota left")) } else { Ok(()) }
    });
    let error = scan(store(&["a.jpg", "b.txt", "c.jpg"])).run(sink).await.unwrap_err();
    assert_eq!(error.to_string(), "no quota left");
    assert_eq!(seen, ["a.jpg", "b.txt"]);
}

/// A sink that records its calls.
#[derive(Default)]
struct Calls(Vec<String>);

#[async_trait::async_trait]
impl Sink for Calls {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        self.0.push(format!("accept {} as {}", batch.changes.len(), batch.sequence));
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        self.0.push("flush".into());
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Error> {
        self.0.push("finish".into());
        Ok(())
    }

    fn delivery(&self) -> Delivery {
        Delivery::Idempotent
    }
}

#[tokio::test]
async fn a_sink_is_called_in_the_order_of_its_contract() {
    let many: MemoryStore = (0..2500).map(|n| Blob::new(format!("{n:04}.jpg"), 1)).collect();
    let mut calls = Calls::default();
    scan(many).run(&mut calls).await.unwrap();
    assert_eq!(
        calls.0,
        ["accept 1000 as 0", "accept 1000 as 1", "accept 500 as 2", "flush", "finish"]
    );

    let mut none = Calls::default();
    scan(store(&[])).run(&mut none).await.unwrap();
    assert_eq!(none.0, ["flush", "finish"]);

    let mut half = Calls::default();
    scan(Half).run(&mut half).await.unwrap_err();
    assert_eq!(half.0, ["accept 1 as 0"]);
}

#[tokio::test]
async fn two_sinks_receive_the_same_changes_and_a_box_is_a_sink() {
    let (mut a, mut b) = (Calls::default(), Calls::default());
    let boxed: Box<dyn Sink + '_> = Box::new((&mut a, &mut b));
    assert_eq!(boxed.delivery(), Delivery::Idempotent);
    scan(store(&["a.jpg"])).run(boxed).await.unwrap();
    assert_eq!(a.0, ["accept 1 as 0", "flush", "finish"]);
    assert_eq!(a.0, b.0);
    assert_eq!(((), callback(|_| Ok(()))).delivery(), Delivery::AppendOnly);
    let folder = tempfile::tempdir().unwrap();
    let file = JsonLines::assets(folder.path().join("a.jsonl")).unwrap();
    assert_eq!((file, callback(|_| Ok(()))).delivery(), Delivery::Replace);
}
