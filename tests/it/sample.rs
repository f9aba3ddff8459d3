//! Assets with names that have broken a file format or a reader of one.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use azure_asset_sync::{
    Asset, Blob, Change, Error, Rejection, Rules, Sink, Verdict,
    sink::{Batch, RunId},
    store::{AccessTier, BlobType},
};
use serde_json::Value;

pub const ODD: &[&str] = &[
    "=cmd|' /C calc'!A0.jpg",
    "+1.jpg",
    "-1.jpg",
    "@sum(a1).jpg",
    "'quoted'.jpg",
    "comma, \"quotes\" and ;semicolons;.jpg",
    "line\nfeed.jpg",
    "carriage\r\nreturn.jpg",
    "carriage\rreturn alone.jpg",
    "\ttab.jpg",
    "\u{1b}[31mred.jpg",
    "\u{7f}\u{85}\u{2028}.jpg",
    " space.jpg",
    "../../up.jpg",
    "/root.jpg",
    "back\\slash.jpg",
    "caf\u{e9}.jpg",
    "cafe\u{301}.jpg",
    "\u{1f600}/\u{4e2d}\u{6587}.webp",
    "a/b/c.PNG",
];

pub fn verdict(blob: Blob) -> Verdict {
    Rules::default().check(blob)
}

pub fn asset(blob: Blob) -> Asset {
    match verdict(blob) {
        Verdict::Accept(asset) => asset,
        Verdict::Reject(rejection) => panic!("{rejection:?}"),
    }
}

pub fn rejection(blob: Blob) -> Rejection {
    match verdict(blob) {
        Verdict::Accept(asset) => panic!("{asset:?}"),
        Verdict::Reject(rejection) => rejection,
    }
}

/// Returns a blob with every property that a listing can report.
pub fn full(name: &str) -> Blob {
    let mut blob = Blob::new(name, 48_213);
    blob.etag = Some("0x8DD0C7A1B2C3D4E".into());
    blob.last_modified = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_510_177));
    blob.created = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_510_000));
    blob.content_type = Some("image/jpeg".into());
    blob.content_encoding = Some("identity".into());
    blob.content_md5 = Some([0xa5; 16].into());
    blob.blob_type = Some(BlobType::Block);
    blob.access_tier = Some(AccessTier::Hot);
    blob.version_id = Some("2026-11-24T08:49:37.0000000Z".into());
    blob.is_current_version = Some(true);
    blob.metadata = [("camera", "7"), ("shift", "=night")].into();
    blob
}

/// Returns images with unusual names, one of them with every property, a video, and a rejection.
pub fn changes() -> Vec<Change> {
    let mut changes: Vec<_> =
        ODD.iter().map(|name| Change::Added(asset(Blob::new(*name, 1)))).collect();
    changes.push(Change::Changed(asset(full("full.jpg"))));
    changes.push(Change::Restored(asset(Blob::new("clip.mp4", u64::from(u32::MAX) + 1))));
    changes.push(Change::Rejected(rejection(Blob::new("notes.txt", 7))));
    changes
}

/// Returns the sorted names of the assets among the changes.
pub fn names(changes: &[Change], only: impl Fn(&Asset) -> bool) -> Vec<String> {
    let assets = changes.iter().filter_map(Change::asset);
    let mut names: Vec<_> = assets.filter(|a| only(a)).map(|a| a.blob.name.clone()).collect();
    names.sort_unstable();
    names
}

/// Delivers all changes to a sink, as a scan does.
pub async fn fill(sink: &mut dyn Sink, changes: &[Change]) -> Result<(), Error> {
    let run = RunId::random();
    for (sequence, part) in changes.chunks(7).enumerate() {
        sink.accept(Batch::new(&run, sequence as u64, part)).await?;
    }
    sink.flush().await?;
    sink.finish().await
}

pub fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Parses CSV by the grammar of RFC 4180. Returns the cells of each row.
pub fn csv_rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut rest) = (Vec::new(), Vec::new(), text);
    while !rest.is_empty() {
        let mut cell = String::new();
        if let Some(mut quoted) = rest.strip_prefix('"') {
            loop {
                let (text, after) = quoted.split_once('"').unwrap();
                cell.push_str(text);
                match after.strip_prefix('"') {
                    Some(after) => (quoted, _) = (after, cell.push('"')),
                    None => break rest = after,
                }
            }
        } else {
            let end = rest.find([',', '\r', '\n', '"']).unwrap();
            cell.push_str(&rest[..end]);
            rest = &rest[end..];
        }
        row.push(cell);
        if let Some(next) = rest.strip_prefix("\r\n") {
            rows.push(std::mem::take(&mut row));
            rest = next;
        } else {
            rest = rest.strip_prefix(',').unwrap();
        }
    }
    assert!(row.is_empty(), "the last row has no line end");
    rows
}
