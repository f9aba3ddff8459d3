//! Splits the manifest of a run into parts, and joins changed parts with valid checksums.

use azure_asset_sync::{Blob, MemoryStore, Prefix, Scan, testing::TestDisk};
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

pub fn scan(count: usize) -> Scan {
    let blobs = (0..count).map(|n| Blob::new(format!("{n:02}.jpg"), 1));
    Scan::new(MemoryStore::from_iter(blobs), &Prefix::default())
}

pub fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

/// The parts of a manifest: the frames of its blocks, their descriptions, and the index.
#[derive(Clone)]
pub struct Parts {
    pub frames: Vec<Vec<u8>>,
    pub blocks: Value,
    pub index: Value,
}

pub fn skipped(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_le_bytes();
    [&0x184d_2a5a_u32.to_le_bytes(), &length[..], content].concat()
}

impl Parts {
    /// Returns the manifest of a run, with one leaf.
    pub fn new() -> Self {
        let disk = TestDisk::new(10);
        block_on(disk.job(scan(30)).run(())).unwrap();
        let mut file = Vec::new();
        disk.damage("manifest.jsonl.zst", |bytes| file.clone_from(bytes));
        let footer = &file[file.len() - 32..];
        let number = |at: usize| u64::from_le_bytes(footer[at..at + 8].try_into().unwrap());
        let start = number(0) as usize;
        let index: Value =
            serde_json::from_slice(&file[start..start + number(8) as usize]).unwrap();
        let leaves = index["leaves"].as_array().unwrap();
        let mut all = Vec::new();
        for leaf in leaves {
            let (start, length) =
                (leaf["offset"].as_u64().unwrap() as usize, leaf["length"].as_u64().unwrap());
            let bytes = &file[start + 8..start + length as usize];
            all.extend(serde_json::from_slice::<Vec<Value>>(bytes).unwrap());
        }
        let frames = all.iter().map(|block| {
            let (start, length) =
                (block["offset"].as_u64().unwrap() as usize, block["length"].as_u64().unwrap());
            file[start..start + length as usize].to_vec()
        });
        Self { frames: frames.collect(), blocks: Value::Array(all), index }
    }

    /// Returns the file. Its checksums and offsets are valid unless they were set to other values.
    pub fn file(&self, fixes: bool) -> Vec<u8> {
        let (mut file, mut blocks, mut index) =
            (Vec::new(), self.blocks.clone(), self.index.clone());
        for (frame, block) in self.frames.iter().zip(blocks.as_array_mut().unwrap()) {
            if fixes {
                block["offset"] = file.len().into();
                block["length"] = frame.len().into();
            }
            block["frame"] = xxh3_64(frame).into();
            file.extend(frame);
        }
        let leaf = skipped(&serde_json::to_vec(&blocks).unwrap());
        if fixes {
            let last = blocks[self.frames.len() - 1]["last"].clone();
            index["leaves"] = json!([{
                "last": last, "end": self.frames.len(), "offset": file.len(),
                "length": leaf.len(), "frame": xxh3_64(&leaf),
            }]);
        }
        file.extend(leaf);
        let mut content = serde_json::to_vec(&index).unwrap();
        let footer = [file.len() as u64 + 8, content.len() as u64, xxh3_64(&content)];
        content.extend(footer.iter().flat_map(|number| number.to_le_bytes()));
        content.extend(b"AASYNC\r\n");
        file.extend(skipped(&content));
        file
    }
}

/// Returns a compressed frame of rows, and its block.
pub fn bomb(rows: &str, count: u64) -> (Vec<u8>, Value) {
    let frame = zstd::bulk::compress(rows.as_bytes(), 19).unwrap();
    let block = json!({
        "first": "00.jpg", "last": "zz.jpg", "offset": 0, "length": frame.len(),
        "text": rows.len(), "frame": xxh3_64(&frame), "rows": count, "listed": count,
        "assets": 0, "print": "0".repeat(32),
    });
    (frame, block)
}
