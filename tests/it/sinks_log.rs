//! The change log is only appended to, is valid after any crash, and never modifies a foreign file.

use std::{fs, path::Path};

use azure_asset_sync::{
    Blob, Change, ErrorKind, JsonLines, Sink,
    sink::{Batch, Delivery, Removal, RunId},
};

use crate::sample::{asset, full, lines, rejection};

fn added(name: &str) -> Change {
    Change::Added(asset(Blob::new(name, 1)))
}

async fn append(path: &Path, changes: &[Change]) {
    let mut log = JsonLines::changes(path).unwrap();
    log.accept(Batch::new(&RunId::random(), 0, changes)).await.unwrap();
    log.flush().await.unwrap();
}

#[tokio::test]
async fn every_change_is_a_line_with_its_type() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changes.jsonl");
    let kind = asset(full("a.jpg")).kind;
    let changes = [
        added("a.jpg"),
        Change::Changed(asset(full("a.jpg"))),
        Change::Removed(Removal::of(&full("a.jpg"), kind)),
        Change::Rejected(rejection(Blob::new("line\n.txt", 1))),
        Change::Restored(asset(Blob::new("a.jpg", 1))),
    ];
    append(&path, &changes).await;
    let changes: Vec<_> = lines(&path)
        .iter()
        .map(|line| format!("{} {}", line["change"].as_str().unwrap(), line["name"]))
        .collect();
    assert_eq!(
        changes,
        [
            "added \"a.jpg\"",
            "changed \"a.jpg\"",
            "removed \"a.jpg\"",
            "rejected \"line\\n.txt\"",
            "restored \"a.jpg\""
        ]
    );
    assert_eq!(lines(&path)[1]["content_md5"], "paWlpaWlpaWlpaWlpaWlpQ==");
    assert!(fs::read_to_string(&path).unwrap().ends_with("}\n"));
}

#[tokio::test]
async fn every_line_has_the_same_keys_with_the_same_types() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changes.jsonl");
    let kind = asset(full("a.jpg")).kind;
    let mut snapshot = Blob::new("a.jpg", 1);
    snapshot.snapshot = Some("2026-11-24T08:49:37.0000001Z".into());
    let changes = [
        added("a.jpg"),
        Change::Changed(asset(full("a.jpg"))),
        Change::Removed(Removal::of(&full("a.jpg"), kind)),
        Change::Rejected(rejection(snapshot)),
    ];
    append(&path, &changes).await;
    let lines = lines(&path);
    let shape = |line: &serde_json::Value| -> Vec<_> {
        let object = line.as_object().unwrap().iter();
        object.map(|(key, value)| (key.clone(), std::mem::discriminant(value))).collect()
    };
    for line in &lines {
        assert_eq!(shape(line).len(), 21, "{line}");
        let differs = shape(line).into_iter().zip(shape(&lines[0])).find(|(a, b)| a != b);
        assert!(differs.is_none_or(|((key, _), _)| key == "is_current"), "{line}");
    }
    let last = lines.last().unwrap();
    assert_eq!(last["snapshot"], "2026-11-24T08:49:37.0000001Z");
    assert_eq!((&last["reason"], &last["is_current"]), (&"snapshot".into(), &false.into()));
}

#[cfg(unix)]
#[tokio::test]
async fn a_symbolic_link_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, target) = (folder.path().join("changes.jsonl"), folder.path().join("target"));
    fs::write(&target, "").unwrap();
    std::os::unix::fs::symlink(&target, &path).unwrap();
    let error = JsonLines::changes(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Sink);
    assert!(error.to_string().contains("it is a symbolic link, which is not followed"), "{error}");
    assert!(fs::read(&target).unwrap().is_empty());
}

#[tokio::test]
async fn each_run_appends_after_the_last_complete_line() {
    let whole = "{\"change\":\"added\",\"name\":\"0.jpg\"}\n";
    let long = format!("{whole}{{\"change\":\"added\",\"name\":\"{}", "x".repeat(200_000));
    // The present content, and how many lines of it are kept.
    let cases = [
        (String::new(), 0),
        (whole.to_owned(), 1),
        (whole.repeat(3), 3),
        (format!("{whole}{{\"change\":\"add"), 1),
        (format!("{whole}\0\0\0\0"), 1),
        (format!("{whole}{}", whole.trim_end()), 1),
        ("{\"cha".to_owned(), 0),
        ("{\"change\":\"added\",\"na".to_owned(), 0),
        (long, 1),
        (format!("{}{{\"c", whole.repeat(10_000)), 10_000),
    ];
    for (there, stay) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("changes.jsonl");
        fs::write(&path, &there).unwrap();
        append(&path, &[added("1.jpg"), added("2.jpg")]).await;
        append(&path, &[added("3.jpg")]).await;
        let lines = lines(&path);
        let names: Vec<_> = lines[stay..].iter().map(|line| line["name"].as_str()).collect();
        assert_eq!(names, [Some("1.jpg"), Some("2.jpg"), Some("3.jpg")]);
        assert!(lines[..stay].iter().all(|line| line["name"] == "0.jpg"));
    }
}

#[test]
fn a_file_that_is_not_a_change_log_is_not_modified() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other");
    for content in [&b"{\"name\":\"a.jpg\"}\n{\"name\""[..], b"PAR1\0\0", b"no line end", b"\0\0\n"]
    {
        fs::write(&path, content).unwrap();
        let error = JsonLines::changes(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Sink);
        assert!(error.to_string().contains("other`: it is not a change log"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    let missing = JsonLines::changes(folder.path().join("no/log")).unwrap_err();
    assert!(missing.to_string().contains("no/log"), "{missing}");
    assert!(JsonLines::changes(folder.path()).is_err());
}

#[tokio::test]
async fn flushed_batches_are_durable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changes.jsonl");
    let run = RunId::random();
    let mut log = JsonLines::changes(&path).unwrap();
    assert_eq!(log.delivery(), Delivery::AppendOnly);
    log.flush().await.unwrap();
    log.accept(Batch::new(&run, 0, &[added("a.jpg")])).await.unwrap();
    log.flush().await.unwrap();
    assert_eq!(lines(&path).len(), 1);
    log.accept(Batch::new(&run, 1, &[added("b.jpg")])).await.unwrap();
    log.finish().await.unwrap();
    log.finish().await.unwrap();
    drop(log);
    assert_eq!(lines(&path).len(), 2);
}

#[cfg(target_os = "linux")]
mod disk_full {
    use std::process::Command;

    use super::*;

    const VARIABLE: &str = "LOG_THAT_GETS_TOO_LARGE";

    /// Runs in a child process that cannot write files of more than 100 KiB.
    #[tokio::test]
    async fn child() {
        let Ok(path) = std::env::var(VARIABLE) else { return };
        let mut log = JsonLines::changes(&path).unwrap();
        let run = RunId::random();
        let mut sequence = 0;
        let error = loop {
            let many: Vec<_> = (0..100).map(|n| added(&format!("{sequence}/{n}.jpg"))).collect();
            let batch = Batch::new(&run, sequence, &many);
            let flushed = async {
                log.accept(batch).await?;
                log.flush().await
            };
            match flushed.await {
                Ok(()) => sequence += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::Sink);
        assert!(error.to_string().contains(&path), "{error}");
        // Lines were lost, so no later line may follow.
        let again = log.accept(Batch::new(&run, 0, &[added("a.jpg")])).await.unwrap_err();
        assert!(again.to_string().contains("has failed before"), "{again}");
        println!("flushed {sequence} batches");
    }

    #[test]
    fn no_truncated_line_remains() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("changes.jsonl");
        let output = Command::new("sh")
            // `ulimit -f` counts units of 512 bytes. Signal 25 (SIGXFSZ) is ignored, so that a write
            // fails instead.
            .args(["-c", "trap '' 25; ulimit -f 200; exec \"$@\"", "sh"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "sinks_log::disk_full::child", "--nocapture"])
            .env(VARIABLE, &path)
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
        let count = printed.split("flushed ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
        let batches: usize = count.parse().unwrap();
        assert!(batches > 0, "the limit is too low");
        assert_eq!(lines(&path).len(), batches * 100);
        assert!(fs::read_to_string(&path).unwrap().ends_with('\n'));
    }
}
