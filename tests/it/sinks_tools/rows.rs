//! Assets whose rare properties occur late, or whose values look like another type.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use azure_asset_sync::{
    Asset, Blob, Change,
    sink::file_name,
    store::{AccessTier, BlobType, Metadata},
};
use serde_json::{Map, Value, json};

use crate::sample::{ODD, asset, full};

pub struct Rows {
    pub name: &'static str,
    pub changes: Vec<Change>,
}

/// Returns an image asset for a blob with any name.
pub fn asset_named(blob: Blob) -> Asset {
    let mut image = asset(Blob::new("a.jpg", 1));
    image.blob = blob;
    image
}

/// Returns a blob with the properties that Azure reports for every blob.
fn usual(name: &str, n: u64) -> Blob {
    let mut blob = full(name);
    blob.size = n;
    blob.etag = Some(format!("0x8DD0C7A1B2C{n:04X}").as_str().into());
    (blob.content_encoding, blob.version_id, blob.is_current_version) = (None, None, None);
    blob.metadata = Metadata::default();
    blob
}

/// Returns an asset with a value in every column.
fn complete(name: &str) -> Asset {
    let mut blob = full(name);
    blob.size = (1 << 53) - 1;
    blob.version_id = Some("2026-11-24T08:49:37.1234567Z".into());
    blob.is_current_version = None;
    blob.snapshot = Some("2026-11-24T08:49:38.7654321Z".into());
    blob.created = Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_510_000_987));
    (blob.blob_type, blob.access_tier) = (Some(BlobType::Append), Some(AccessTier::Archive));
    let mut last = asset_named(blob);
    last.findings = asset(Blob::new("back\\slash.jpg", 1)).findings;
    last
}

impl Rows {
    pub fn all() -> [Self; 3] {
        [Self::late(), Self::usual(), Self::misleading()]
    }

    /// Returns rows of which only the last has more than a plain name.
    fn late() -> Self {
        let plain = (0..59_999_u64).map(|n| asset(Blob::new(format!("{n:05}.jpg"), n + 1)));
        let last = complete("a, \"quoted\"\nname\r\n\u{2028}.jpg");
        Self { name: "late", changes: plain.chain([last]).map(Change::Added).collect() }
    }

    /// Returns rows with the usual properties; unusual names, versions and rare properties come late.
    fn usual() -> Self {
        let mut assets: Vec<_> = (0..59_900_u64)
            .map(|n| asset(usual(&format!("hall {}/{n:05}.jpg", n % 7), n + 1)))
            .collect();
        assets.extend(ODD.iter().map(|name| asset_named(usual(name, 1))));
        assets.extend(EVIL.iter().map(|name| asset_named(usual(name, 1))));
        for (version, is_current) in [(1, None), (2, Some(false)), (3, Some(true))] {
            let mut blob = usual("versions.jpg", version);
            blob.version_id = Some(format!("2026-11-2{version}T08:49:37.0000001Z").as_str().into());
            blob.is_current_version = is_current;
            assets.push(asset_named(blob));
        }
        let mut snapshot = usual("versions.jpg", 4);
        snapshot.snapshot = Some("2026-11-24T08:49:37.0000001Z".into());
        assets.extend([asset_named(snapshot), asset(Blob::new("bare.jpg", 5))]);
        assets.push(complete("complete.jpg"));
        Self { name: "usual", changes: assets.into_iter().map(Change::Added).collect() }
    }

    /// Returns rows whose texts look like numbers, times or missing values, except for the last.
    fn misleading() -> Self {
        let mut assets: Vec<_> = (0..25_000_u64)
            .map(|n| {
                let name = match n {
                    0 => "NA".to_owned(),
                    1 => "null".to_owned(),
                    2 => "true".to_owned(),
                    3 => "1e5".to_owned(),
                    4 => "2026-11-24".to_owned(),
                    n => format!("{n:07}"),
                };
                let mut blob = usual(&name, n);
                let digits = format!("{n:07}");
                blob.etag = Some(digits.as_str().into());
                blob.content_type = Some("1.50".into());
                blob.content_encoding = Some("24.11.2026".into());
                blob.version_id = Some(format!("2026-11-24T08:49:37.{digits}Z").as_str().into());
                blob.is_current_version = Some(true);
                blob.snapshot = None;
                blob.metadata = [("n", digits.as_str())].into();
                asset_named(blob)
            })
            .collect();
        assets.push(asset(Blob::new("plain.jpg", 1)));
        Self { name: "misleading", changes: assets.into_iter().map(Change::Added).collect() }
    }

    /// Returns the expected columns and values of each row. Shares no code with the sinks.
    pub fn expected(&self, more: &[&str]) -> Value {
        let rows: Vec<_> =
            self.changes.iter().map(|change| expected(change.asset().unwrap())).collect();
        let keys: Vec<_> = rows[0].iter().map(|(key, _)| *key).collect();
        let is_wanted = |key: &&str| !["file_name", "revision"].contains(key) || more.contains(key);
        let keys: Vec<_> = keys.into_iter().filter(is_wanted).collect();
        let rows: Vec<Vec<_>> = rows
            .into_iter()
            .map(|row| {
                row.into_iter().filter(|(key, _)| is_wanted(key)).map(|(_, value)| value).collect()
            })
            .collect();
        json!({"name": self.name, "keys": keys, "rows": rows})
    }

    /// Creates a file for each `file_name` of the last rows. Not for all, because the loader takes
    /// milliseconds for each file; it opens an image only on access.
    pub fn make_images(&self, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        let first = folder.join("first.png");
        image::RgbImage::new(1, 1).save(&first).unwrap();
        let mut made = BTreeSet::new();
        for change in &self.changes[self.changes.len() - 150..] {
            let path = folder.join(&*file_name(change.name().unwrap()));
            assert!(path.starts_with(folder));
            if made.insert(path.clone()) {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::hard_link(&first, path).unwrap();
            }
        }
    }
}

/// Names that lead out of the folder with which a tool joins them, on some operating system.
const EVIL: &[&str] = &[
    "/etc/passwd.jpg",
    "//host/share/a.jpg",
    "a/../../b.jpg",
    "a/./b.jpg",
    "a//b.jpg",
    "C:/a.jpg",
    "C:a.jpg",
    "a.jpg:stream",
    "..\\up.jpg",
    "\\\\server\\share\\a.jpg",
    "~/a.jpg",
    "~root/a.jpg",
    "con.jpg",
    "a/Lpt1.jpg",
    "a./b.jpg",
    "a /b.jpg",
    ".. /b.jpg",
    "file:///etc/passwd.jpg",
    "https://host/a.jpg",
    "_escaped/%2E%2E/b.jpg",
    "%2e%2e/b.jpg",
    "a\u{2215}..\u{ff3c}b.jpg",
];

fn expected(asset: &Asset) -> Vec<(&'static str, Value)> {
    let blob = &asset.blob;
    let text = |text: Option<&str>| json!(text.unwrap_or_default());
    let time = |time: Option<SystemTime>| {
        let text = time.map(|time| humantime::format_rfc3339_millis(time).to_string());
        json!(text.unwrap_or_default())
    };
    let old = blob.version_id.as_ref().filter(|_| blob.is_current_version != Some(true));
    let pairs: Map<_, _> =
        blob.metadata.iter().map(|(key, value)| (key.to_owned(), json!(value))).collect();
    let metadata = if pairs.is_empty() { String::new() } else { Value::from(pairs).to_string() };
    let findings: Vec<_> = asset.findings.iter().map(|finding| finding.reason.as_str()).collect();
    let copies = old.into_iter().chain(&blob.snapshot).map(|copy| copy.as_str());
    vec![
        ("name", json!(blob.name)),
        ("size", json!(blob.size)),
        ("kind", json!("image")),
        ("media_type", json!("image/jpeg")),
        ("etag", text(blob.etag.as_ref().map(|etag| etag.as_str()))),
        ("last_modified", time(blob.last_modified)),
        ("created", time(blob.created)),
        ("content_type", text(blob.content_type.as_ref().map(|stored| stored.as_str()))),
        ("content_encoding", text(blob.content_encoding.as_ref().map(|stored| stored.as_str()))),
        ("content_md5", json!(blob.content_md5.map_or_else(String::new, |md5| md5.to_string()))),
        ("blob_type", text(blob.blob_type.as_ref().map(|blob_type| blob_type.as_str()))),
        ("access_tier", text(blob.access_tier.as_ref().map(|tier| tier.as_str()))),
        ("version_id", text(blob.version_id.as_ref().map(|version| version.as_str()))),
        ("is_current", json!(old.is_none() && blob.snapshot.is_none())),
        ("snapshot", text(blob.snapshot.as_ref().map(|snapshot| snapshot.as_str()))),
        ("findings", json!(findings.join(" "))),
        ("metadata", json!(metadata)),
        ("file_name", json!(file_name(&blob.name))),
        ("revision", json!(copies.collect::<Vec<_>>().join(" "))),
    ]
}
