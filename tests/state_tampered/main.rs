//! A state that was tampered with, with valid checksums, causes no panic, and takes no more memory than
//! the limits of a state allow. This binary installs an allocator that counts all threads, so it is
//! separate from `it`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

#[path = "../malicious/counting_allocator.rs"]
mod counting_allocator;
mod manifest;

use azure_asset_sync::{
    Blob, Error, ErrorKind, Prefix, Scan, Store,
    store::{ListRequest, Page, ReadRequest},
    testing::TestDisk,
};
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use counting_allocator::{alone, peak_of_all};
use manifest::{Parts, block_on, bomb, scan, skipped};

const MIB: usize = 1 << 20;

/// Reads a complete state, and runs a job on it. Returns the errors, and the peak of memory in bytes.
fn used(disk: &TestDisk) -> (Vec<Error>, usize) {
    // A job also uses other threads.
    peak_of_all(|| {
        let mut errors = Vec::new();
        match disk.manifest() {
            Ok(manifest) => {
                let rows = manifest.into_iter().flat_map(|manifest| manifest.rows());
                errors.extend(rows.filter_map(Result::err));
            }
            Err(error) => errors.push(error),
        }
        // With fewer blobs, so that the job reads each block.
        errors.extend(block_on(disk.job(scan(29)).run(())).err());
        errors
    })
}

fn on_disk(file: &[u8]) -> TestDisk {
    let disk = TestDisk::new(10);
    block_on(disk.job(scan(30)).run(())).unwrap();
    disk.damage("manifest.jsonl.zst", |bytes| *bytes = file.to_vec());
    disk
}

fn is_refused(errors: &[Error]) -> bool {
    errors.iter().any(|error| error.kind() == ErrorKind::StateInvalid)
}

#[test]
fn a_small_manifest_cannot_claim_to_be_large() {
    let _alone = alone();
    let whole = Parts::new();
    let (errors, most) = used(&on_disk(&whole.file(true)));
    assert!(errors.is_empty() && most < 4 * MIB, "{errors:?}, {} KiB", most >> 10);

    let with = |block: Value, frame: Vec<u8>| Parts {
        frames: vec![frame],
        blocks: json!([block]),
        ..whole.clone()
    };
    let row = "{\"name\":\"a\",\"size\":0}\n";
    let (frame, block) = bomb(&row.repeat(5000), 5000);
    let claiming = |field: &str, value: Value| {
        let mut block = block.clone();
        block[field] = value;
        with(block, frame.clone())
    };
    let bombs = [
        bomb(&row.repeat(10_000_000), 10_000_000),
        bomb(&" ".repeat(1 << 30), 1),
        bomb(&format!("{{\"name\":\"{}\",\"size\":0}}\n", "n".repeat(200 << 20)), 1),
        bomb(&row.repeat(700_000), 5000),
        bomb(&row.repeat(5001), 5001),
    ];
    let mut all: Vec<_> = bombs.into_iter().map(|(frame, block)| with(block, frame)).collect();
    for huge in [1_u64 << 30, 1 << 53, u64::MAX] {
        for field in ["text", "rows", "listed", "newest_gone"] {
            all.push(claiming(field, huge.into()));
        }
    }
    for (n, parts) in all.iter().enumerate() {
        let file = parts.file(true);
        assert!(file.len() < 200_000, "{n}: {}", file.len());
        let (errors, most) = used(&on_disk(&file));
        println!("{n}: {} bytes, {} KiB at most, {errors:?}", file.len(), most >> 10);
        assert!(is_refused(&errors), "{n}: {errors:?}");
        assert!(most < 24 * MIB, "{n}: {} KiB", most >> 10);
    }
}

/// Collects the JSON pointers of all numbers in a value.
fn numbers(value: &Value, way: String, found: &mut Vec<String>) {
    match value {
        Value::Number(_) => found.push(way),
        Value::Array(all) => {
            all.iter()
                .enumerate()
                .for_each(|(n, value)| numbers(value, format!("{way}/{n}"), found));
        }
        Value::Object(all) => {
            all.iter().for_each(|(key, value)| numbers(value, format!("{way}/{key}"), found));
        }
        _ => {}
    }
}

#[test]
fn no_number_in_a_manifest_causes_a_panic_or_high_memory_use() {
    let _alone = alone();
    const VALUES: [u64; 8] = [0, 1, 1 << 20, 1 << 31, 1 << 53, (1 << 53) + 1, 1 << 63, u64::MAX];
    let whole = Parts::new();
    let mut rng = fastrand::Rng::with_seed(19);
    let cases: u64 = std::env::var("CASES").map_or(1000, |cases| cases.parse().unwrap());
    for case in 0..cases {
        let mut parts = whole.clone();
        for _ in 0..rng.usize(1..3) {
            let part = if rng.bool() { &mut parts.index } else { &mut parts.blocks };
            let mut ways = Vec::new();
            numbers(part, String::new(), &mut ways);
            let way = rng.choice(&ways).unwrap();
            *part.pointer_mut(way).unwrap() = rng.choice(VALUES).unwrap().into();
        }
        let file = parts.file(rng.bool());
        let (errors, most) = used(&on_disk(&file));
        assert!(most < 24 * MIB, "case {case}: {} KiB, {errors:?}", most >> 10);
        let known = [ErrorKind::StateInvalid, ErrorKind::State];
        assert!(errors.iter().all(|error| known.contains(&error.kind())), "{case}: {errors:?}");
    }
}

/// A store that lists two names in no order, and refuses the third page.
struct Unordered;

#[async_trait::async_trait]
impl Store for Unordered {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        let number = request.marker.map_or(0, |marker| marker.as_str().parse().unwrap());
        let name = *["b.jpg", "a.jpg"].get(number).ok_or(Error::from_response(403, None))?;
        let mut page = Page::last(vec![Blob::new(name, 1)]);
        page.next = Some((number + 1).to_string().into());
        Ok(page)
    }

    async fn read(&self, _: ReadRequest) -> Result<bytes::Bytes, Error> {
        unreachable!("a job reads no content")
    }
}

#[test]
fn no_number_in_the_files_of_a_relisting_run_causes_a_panic_or_high_memory_use() {
    let _alone = alone();
    const FILE: &str = "run.base";
    let scan = || Scan::new(Unordered, &Prefix::default());
    let interrupted = || {
        let disk = TestDisk::new(10);
        block_on(disk.job(scan()).run(())).unwrap_err();
        disk
    };
    let mut file = Vec::new();
    interrupted().damage(FILE, |bytes| file.clone_from(bytes));
    let at = file.len() - 32;
    let start = u64::from_le_bytes(file[at..at + 8].try_into().unwrap()) as usize;
    let index: Value = serde_json::from_slice(&file[start..at]).unwrap();
    let mut ways = Vec::new();
    numbers(&index, String::new(), &mut ways);
    // Fields that are not written while they are 0.
    ways.extend(["/partial/nameless".to_owned(), "/nameless".to_owned()]);
    for way in ways {
        for value in [0, 1, 1 << 31, (1_u64 << 53) + 1, u64::MAX] {
            let mut changed = index.clone();
            *changed.pointer_mut(&way).unwrap() = value.into();
            let mut content = serde_json::to_vec(&changed).unwrap();
            let footer = [start as u64, content.len() as u64, xxh3_64(&content)];
            content.extend(footer.iter().flat_map(|number| number.to_le_bytes()));
            content.extend(b"AASYNC\r\n");
            let disk = interrupted();
            disk.damage(FILE, |file| {
                file.truncate(start - 8);
                file.extend(skipped(&content));
            });
            // Without the journal the next run starts with the other files.
            disk.remove("run.journal");
            let (result, most) = peak_of_all(|| block_on(disk.job(scan()).run(())));
            let kind = result.unwrap_err().kind();
            let known = [ErrorKind::StateInvalid, ErrorKind::State, ErrorKind::PermissionDenied];
            assert!(known.contains(&kind), "{way} {value}: {kind:?}");
            assert!(most < 24 * MIB, "{way} {value}: {} KiB", most >> 10);
            let is_count = way.starts_with("/partial") || way == "/nameless";
            if is_count && value > 1 << 53 {
                assert_ne!(kind, ErrorKind::PermissionDenied, "{way} {value}");
            }
        }
    }
}

#[test]
fn no_journal_causes_a_panic_or_high_memory_use() {
    let _alone = alone();
    let line = |json: &Value| {
        let json = serde_json::to_vec(json).unwrap();
        [format!("{:016x} ", xxh3_64(&json)).as_bytes(), &json, b"\n"].concat()
    };
    // A run that was interrupted while it delivered changes.
    let interrupted = || {
        let disk = TestDisk::new(10);
        let fails = azure_asset_sync::sink::callback(|_| Err(Error::new(ErrorKind::Sink, "full")));
        block_on(disk.job(scan(30)).run(fails)).unwrap_err();
        disk
    };
    let read = |disk: &TestDisk| {
        let mut lines = Vec::new();
        disk.damage("run.journal", |bytes| {
            let all = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            lines.extend(all.map(|line| serde_json::from_slice::<Value>(&line[17..]).unwrap()));
        });
        lines
    };
    let write = |disk: &TestDisk, lines: &[Value]| {
        let bytes: Vec<u8> = lines.iter().flat_map(&line).collect();
        disk.damage("run.journal", |file| *file = bytes);
    };
    let (lines, mut rng) = (read(&interrupted()), fastrand::Rng::with_seed(19));
    assert!(lines.len() > 1, "{lines:?}");
    for value in [0, 1, 1 << 31, (1_u64 << 53) + 1, u64::MAX] {
        let mut ways = Vec::new();
        numbers(&Value::Array(lines.clone()), String::new(), &mut ways);
        for way in ways {
            let mut changed = Value::Array(lines.clone());
            *changed.pointer_mut(&way).unwrap() = value.into();
            let disk = interrupted();
            write(&disk, changed.as_array().unwrap());
            let (errors, most) = used(&disk);
            assert!(most < 24 * MIB, "{way} {value}: {} KiB, {errors:?}", most >> 10);
            let known = [ErrorKind::StateInvalid, ErrorKind::State];
            assert!(errors.iter().all(|e| known.contains(&e.kind())), "{way} {value}: {errors:?}");
        }
    }
    // The same block many times, and an endless line.
    let disk = interrupted();
    let mut many = lines.clone();
    let commit = many.iter_mut().find(|line| line["new"].is_array()).unwrap();
    let block = commit["new"][0].clone();
    let mut large = block.clone();
    large["rows"] = 5000.into();
    commit["new"] = Value::Array(vec![large; 100]);
    write(&disk, &many);
    let (errors, most) = used(&disk);
    assert!(is_refused(&errors) && most < 24 * MIB, "{errors:?}: {} KiB", most >> 10);
    let endless = vec![rng.alphabetic() as u8; 64 * MIB];
    disk.damage("run.journal", |file| file.extend(endless));
    let (errors, most) = used(&disk);
    assert!(is_refused(&errors) && most < 40 * MIB, "{errors:?}: {} KiB", most >> 10);
}
