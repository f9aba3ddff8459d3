//! The columns of every table, and the values of an asset in them.
//!
//! All sinks use this list, so an asset has the same columns and the same texts in every format.
//! Readers learn types from the first rows, so each column has one type, and a value of that type
//! or none.

use std::{borrow::Cow, time::SystemTime};

use crate::{
    store::{Text, rfc3339_text},
    validate::Asset,
};

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) data_type: Type,
    /// Whether every asset has a value.
    #[cfg_attr(
        not(any(feature = "parquet", feature = "sqlite")),
        allow(dead_code, reason = "text formats have no type that excludes an empty text")
    )]
    pub(super) is_required: bool,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Number,
    Flag,
    Time,
}

/// The value of an asset in a column.
#[derive(Debug)]
pub(super) enum Cell<'a> {
    /// The asset has no value.
    Absent,
    Text(Cow<'a, str>),
    Number(u64),
    Flag(bool),
    Time(SystemTime),
}

impl<'a> Cell<'a> {
    /// Returns the value as text, in the form of JSON, or `None` if there is no value.
    pub(super) fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Absent => None,
            Self::Text(text) => Some(text),
            Self::Number(number) => Some(number.to_string().into()),
            Self::Flag(flag) => Some(if flag { "true" } else { "false" }.into()),
            Self::Time(time) => time_text(time).map(Cow::from),
        }
    }
}

/// Returns a time in RFC 3339 with milliseconds, or `None` for a time that has no such text.
///
/// The fraction is written even if it is zero. Without it, Arrow's JSON reader reads a block of
/// rows as timestamps if each row has a time, and as texts if one row has none, and `datasets`
/// fails if two blocks differ.
fn time_text(time: SystemTime) -> Option<String> {
    rfc3339_text(time).map(|_| humantime::format_rfc3339_millis(time).to_string())
}

/// A column in which every asset has a value.
const fn required(name: &'static str, data_type: Type) -> Column {
    Column { name, data_type, is_required: true }
}

/// A column in which an asset may have no value.
const fn optional(name: &'static str, data_type: Type) -> Column {
    Column { name, data_type, is_required: false }
}

/// The number of columns.
pub(super) const COUNT: usize = 17;

/// The columns of an asset. The name is first, because the other columns describe it.
// INVARIANT: the order and types are those of `cells`, as a test checks.
pub(super) const COLUMNS: [Column; COUNT] = [
    required("name", Type::Text),
    required("size", Type::Number),
    required("kind", Type::Text),
    required("media_type", Type::Text),
    optional("etag", Type::Text),
    optional("last_modified", Type::Time),
    optional("created", Type::Time),
    optional("content_type", Type::Text),
    optional("content_encoding", Type::Text),
    optional("content_md5", Type::Text),
    optional("blob_type", Type::Text),
    optional("access_tier", Type::Text),
    optional("version_id", Type::Text),
    required("is_current", Type::Flag),
    optional("snapshot", Type::Text),
    optional("findings", Type::Text),
    // Last, because it can be long and would hide the columns after it.
    optional("metadata", Type::Text),
];

/// Returns the cell of a text. An empty property counts as absent, because most services write an
/// absent one so.
pub(super) fn text(text: Option<&str>) -> Cell<'_> {
    text.filter(|text| !text.is_empty()).map_or(Cell::Absent, |text| Cell::Text(text.into()))
}

/// Returns the cell of a time.
pub(super) fn time<'a>(time: Option<SystemTime>) -> Cell<'a> {
    time.map_or(Cell::Absent, Cell::Time)
}

/// Returns the ID of an earlier version or snapshot, or `None` for the current blob.
///
/// A version is an earlier one unless the listing says that it is the current one, as in the rule
/// for [`Reason::OldVersion`](crate::Reason::OldVersion).
pub(super) fn revision(
    version_id: &Option<Text>,
    is_current_version: Option<bool>,
    snapshot: &Option<Text>,
) -> Option<String> {
    // A base blob in an account with versioning has a version ID too, and is the current version.
    let version_id = version_id.as_ref().filter(|_| is_current_version != Some(true));
    match (version_id, snapshot) {
        (None, None) => None,
        (Some(one), None) | (None, Some(one)) => Some(one.as_str().to_owned()),
        (Some(version_id), Some(snapshot)) => Some(format!("{version_id} {snapshot}")),
    }
}

/// Returns the values of an asset, in the order of [`COLUMNS`].
pub(super) fn cells(asset: &Asset) -> [Cell<'_>; COUNT] {
    let blob = &asset.blob;
    [
        Cell::Text(blob.name.as_str().into()),
        Cell::Number(blob.size),
        Cell::Text(asset.kind.as_str().into()),
        Cell::Text(asset.media_type.as_str().into()),
        text(blob.etag.as_ref().map(|etag| etag.as_str())),
        time(blob.last_modified),
        time(blob.created),
        text(blob.content_type.as_ref().map(|content_type| content_type.as_str())),
        text(blob.content_encoding.as_ref().map(|encoding| encoding.as_str())),
        blob.content_md5.map_or(Cell::Absent, |md5| Cell::Text(md5.to_string().into())),
        text(blob.blob_type.as_ref().map(|blob_type| blob_type.as_str())),
        text(blob.access_tier.as_ref().map(|tier| tier.as_str())),
        text(blob.version_id.as_ref().map(|version| version.as_str())),
        Cell::Flag(revision(&blob.version_id, blob.is_current_version, &blob.snapshot).is_none()),
        text(blob.snapshot.as_ref().map(|snapshot| snapshot.as_str())),
        findings(asset),
        metadata(asset),
    ]
}

/// Returns the codes of the findings, separated by spaces.
fn findings(asset: &Asset) -> Cell<'_> {
    match &*asset.findings {
        [] => Cell::Absent,
        // Without an allocation in the usual case.
        [one] => Cell::Text(one.reason.as_str().into()),
        many => {
            let codes: Vec<_> = many.iter().map(|finding| finding.reason.as_str()).collect();
            Cell::Text(codes.join(" ").into())
        }
    }
}

/// Returns the metadata as the text of a JSON object.
///
/// A text, because readers convert nested objects to a struct type with the keys of the first rows.
fn metadata(asset: &Asset) -> Cell<'_> {
    let metadata = &asset.blob.metadata;
    // Serializing a map of texts to texts cannot fail.
    let json = (!metadata.is_empty()).then(|| serde_json::to_string(metadata).ok()).flatten();
    json.map_or(Cell::Absent, |json| Cell::Text(json.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        store::Blob,
        validate::{Rules, Verdict},
    };

    #[test]
    fn every_cell_has_the_type_of_its_column() {
        let mut blob = Blob::new("a.jpg", 7);
        (blob.last_modified, blob.created) =
            (Some(SystemTime::UNIX_EPOCH), Some(SystemTime::UNIX_EPOCH));
        for blob in [Blob::new("a.jpg", 7), blob] {
            let Verdict::Accept(asset) = Rules::default().check(blob) else { panic!() };
            for (column, cell) in COLUMNS.iter().zip(cells(&asset)) {
                let fits = match cell {
                    Cell::Absent => !column.is_required,
                    Cell::Text(_) => column.data_type == Type::Text,
                    Cell::Number(_) => column.data_type == Type::Number,
                    Cell::Flag(_) => column.data_type == Type::Flag,
                    Cell::Time(_) => column.data_type == Type::Time,
                };
                assert!(fits, "{column:?} {asset:?}");
            }
        }
    }
}
