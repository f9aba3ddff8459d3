//! Assets, rejections and changes as JSON objects.
//!
//! Readers learn columns and types from the first rows. A key that appears late, or is `null` in
//! the first rows, makes them fail or lose the value. So each object of a file has the same keys,
//! each key has values of one type, and an absent text is an empty text.

use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap},
};

use super::{
    Change, Removal,
    columns::{COLUMNS, COUNT, Cell, Type, cells, revision, text, time},
    file_name::file_name,
};
use crate::validate::{Asset, Rejection};

/// An asset with all columns.
#[derive(Debug)]
pub(super) struct AssetObject<'a>(pub(super) &'a Asset);

impl Serialize for AssetObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        columns(&mut object, cells(self.0))?;
        object.end()
    }
}

/// An asset as vision tools expect it: `id`, if there is one, `file_name`, and all columns.
#[derive(Debug)]
pub(super) struct FileObject<'a> {
    pub(super) id: Option<u64>,
    pub(super) asset: &'a Asset,
}

impl Serialize for FileObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        if let Some(id) = self.id {
            object.serialize_entry("id", &id)?;
        }
        object.serialize_entry("file_name", &file_name(&self.asset.blob.name))?;
        columns(&mut object, cells(self.asset))?;
        object.end()
    }
}

/// A rejection. Its keys are fewer than those of an asset, because nothing else is known of all
/// rejected entries.
#[derive(Debug)]
pub(super) struct RejectionObject<'a>(pub(super) &'a Rejection);

impl Serialize for RejectionObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rejection = self.0;
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("name", rejection.name.as_deref().unwrap_or_default())?;
        object.serialize_entry("size", &rejection.size)?;
        let etag = rejection.etag.as_ref().map(|etag| etag.as_str());
        object.serialize_entry("etag", etag.unwrap_or_default())?;
        let version_id = rejection.version_id.as_ref().map(|version| version.as_str());
        object.serialize_entry("version_id", version_id.unwrap_or_default())?;
        let snapshot = rejection.snapshot.as_ref().map(|snapshot| snapshot.as_str());
        object.serialize_entry("snapshot", snapshot.unwrap_or_default())?;
        object.serialize_entry("reason", rejection.reason.as_str())?;
        object.serialize_entry("detail", &rejection.detail)?;
        object.end()
    }
}

/// A change: its code, all columns of an asset, and those of a removal and a rejection.
///
/// One set of keys for all kinds of changes, because they are lines of one file.
#[derive(Debug)]
pub(super) struct ChangeObject<'a>(pub(super) &'a Change);

impl Serialize for ChangeObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (code, cells) = match self.0 {
            Change::Added(asset) => ("added", cells(asset)),
            Change::Changed(asset) => ("changed", cells(asset)),
            Change::Restored(asset) => ("restored", cells(asset)),
            Change::Removed(removal) => ("removed", removal_cells(removal)),
            Change::Rejected(rejection) => ("rejected", rejection_cells(rejection)),
            // Only JSON of a newer version has such a change. To skip it would lose it.
            Change::Other => {
                return Err(S::Error::custom("a change of a newer version cannot be written"));
            }
        };
        let mut object = serializer.serialize_map(None)?;
        // First, because `ChangeLog` recognizes a log by it.
        object.serialize_entry("change", code)?;
        columns(&mut object, cells)?;
        let moved_to = self.0.removal().and_then(|removal| removal.moved_to.as_deref());
        object.serialize_entry("moved_to", moved_to.unwrap_or_default())?;
        let rejection = self.0.rejection();
        let reason = rejection.map_or("", |rejection| rejection.reason.as_str());
        object.serialize_entry("reason", reason)?;
        object.serialize_entry("detail", rejection.map_or("", |rejection| &*rejection.detail))?;
        object.end()
    }
}

/// Adds a key for each column. A missing number is `null`, a missing text is empty.
fn columns<M: SerializeMap>(object: &mut M, cells: [Cell<'_>; COUNT]) -> Result<(), M::Error> {
    for (column, cell) in COLUMNS.iter().zip(cells) {
        match (column.data_type, cell) {
            (Type::Number, Cell::Number(number)) => object.serialize_entry(column.name, &number)?,
            (Type::Flag, Cell::Flag(flag)) => object.serialize_entry(column.name, &flag)?,
            // A number has no value that could mean "absent".
            (Type::Number | Type::Flag, _) => object.serialize_entry(column.name, &())?,
            (_, cell) => {
                object.serialize_entry(column.name, &cell.into_text().unwrap_or_default())?;
            }
        }
    }
    Ok(())
}

/// Returns the last known values of a removed asset, by column.
fn removal_cells(removal: &Removal) -> [Cell<'_>; COUNT] {
    COLUMNS.map(|column| match column.name {
        "name" => Cell::Text(removal.name.as_str().into()),
        "size" => Cell::Number(removal.size),
        "kind" => text(removal.kind.map(|kind| kind.as_str())),
        "etag" => text(removal.etag.as_ref().map(|etag| etag.as_str())),
        "last_modified" => time(removal.last_modified),
        "content_md5" => {
            removal.content_md5.map_or(Cell::Absent, |md5| Cell::Text(md5.to_string().into()))
        }
        // Only a job reports removals, and a job lists neither versions nor snapshots.
        "is_current" => Cell::Flag(true),
        _ => Cell::Absent,
    })
}

/// Returns the known values of a rejected entry, by column.
fn rejection_cells(rejection: &Rejection) -> [Cell<'_>; COUNT] {
    COLUMNS.map(|column| match column.name {
        "name" => text(rejection.name.as_deref()),
        "size" => rejection.size.map_or(Cell::Absent, Cell::Number),
        "etag" => text(rejection.etag.as_ref().map(|etag| etag.as_str())),
        "version_id" => text(rejection.version_id.as_ref().map(|version| version.as_str())),
        "is_current" => {
            let Rejection { version_id, is_current_version, snapshot, .. } = rejection;
            Cell::Flag(revision(version_id, *is_current_version, snapshot).is_none())
        }
        "snapshot" => text(rejection.snapshot.as_ref().map(|snapshot| snapshot.as_str())),
        _ => Cell::Absent,
    })
}
