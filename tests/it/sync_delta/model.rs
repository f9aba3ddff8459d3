//! Random contents of containers, and what a service should store of them.

use std::collections::{BTreeMap, BTreeSet};

use azure_asset_sync::{
    Asset, Blob,
    store::{AccessTier, ETag},
};

/// The names of a container, each with a number that determines ETag and access tier.
pub type Model = BTreeMap<String, u32>;

const TIERS: [Option<AccessTier>; 4] =
    [None, Some(AccessTier::Hot), Some(AccessTier::Cool), Some(AccessTier::Cold)];

pub fn blob(name: &str, version: u32) -> Blob {
    let mut blob = Blob::new(name, 1 + u64::from(version / 4));
    blob.etag = Some(ETag::from(format!("0x{:X}", version / 4).as_str()));
    blob.access_tier = TIERS[version as usize % 4].clone();
    blob
}

/// Returns the content that a sink receives for a blob.
pub fn content(blob: &Blob) -> String {
    let tier = blob.access_tier.as_ref().map_or("none", AccessTier::as_str);
    format!("{} in {tier}", blob.etag.as_ref().unwrap())
}

pub fn content_of(asset: &Asset) -> String {
    content(&asset.blob)
}

pub fn is_asset(name: &str) -> bool {
    name.ends_with(".jpg")
}

/// Returns random names that each order sorts differently.
pub fn draw_name(random: &mut fastrand::Rng) -> String {
    let folders = ["", "a/", "A/", "a-b/", "b/", "\u{e9}/", "z/z/", "\u{ff08}/", "\u{1f980}/"];
    let folder = folders[random.usize(..folders.len())];
    let letters = ['a', 'B', '-', '\u{d7ff}', '\u{e000}', '\u{fffd}', '\u{20bb7}', '\u{10ffff}'];
    let letter = if random.bool() { Some(letters[random.usize(..letters.len())]) } else { None };
    let letter = letter.map(String::from).unwrap_or_default();
    let end = if random.u8(..5) == 0 { "txt" } else { "jpg" };
    format!("{folder}{letter}{:02}.{end}", random.usize(..40))
}

pub fn draw(most: usize, random: &mut fastrand::Rng) -> Model {
    (0..random.usize(..most)).map(|_| (draw_name(random), random.u32(..4000))).collect()
}

pub fn mutate(model: &mut Model, random: &mut fastrand::Rng) {
    let names: Vec<_> = model.keys().cloned().collect();
    for _ in 0..random.usize(..8) {
        match random.u8(..4) {
            0 => drop(model.insert(draw_name(random), random.u32(..4000))),
            kind if !names.is_empty() => {
                let name = names[random.usize(..names.len())].clone();
                match kind {
                    1 => drop(model.remove(&name)),
                    // Changes only the tier.
                    2 => drop(model.entry(name).and_modify(|version| *version ^= 1)),
                    _ => drop(model.insert(name, random.u32(..4000))),
                }
            }
            _ => {}
        }
    }
    if random.u8(..20) == 0 {
        let folder = ["a/", "b/", "z/"][random.usize(..3)];
        model.retain(|name, _| !name.starts_with(folder));
    }
}

/// Returns the assets with their content, and the names of all other blobs.
pub fn held(model: &Model) -> (BTreeMap<String, String>, BTreeSet<String>) {
    let assets = model.iter().filter(|(name, _)| is_asset(name));
    let rejected = model.keys().filter(|name| !is_asset(name));
    (
        assets.map(|(name, version)| (name.clone(), content(&blob(name, *version)))).collect(),
        rejected.cloned().collect(),
    )
}
