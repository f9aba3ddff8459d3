//! The columns of every table: an asset is the same in each of them.

use std::{borrow::Cow, time::SystemTime};

use crate::{
    store::{Text, rfc3339_text},
    validate::Asset,
};

#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) of: Type,
    /// Whether every asset has it
    #[cfg_attr(
        not(any(feature = "parquet", feature = "sqlite")),
        allow(dead_code, reason = "text formats have no type that excludes an empty text")
    )]
    pub(super) is_always: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Number,
    Flag,
    Time,
}

/// The value of an asset in a column
#[derive(Debug)]
pub(super) enum Cell<'a> {
    Nothing,
    Text(Cow<'a, str>),
    Number(u64),
    Flag(bool),
    Time(SystemTime),
}

impl<'a> Cell<'a> {
    /// The value as text, in the form that JSON has; `None` if there is no value
    pub(super) fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Nothing => None,
            Self::Text(text) => Some(text),
            Self::Number(number) => Some(number.to_string().into()),
            Self::Flag(flag) => Some(if flag { "true" } else { "false" }.into()),
            Self::Time(time) => time_text(time).map(Cow::from),
        }
    }
}

/// RFC 3339 with milliseconds; `None` for a time that has no such text
///
/// The fraction stays even if it is zero: without it, Arrow's JSON reader takes a block of rows in
/// which each row has a time for timestamps, and a block in which one row has none for texts.
/// `datasets` fails if two blocks differ.
fn time_text(time: SystemTime) -> Option<String> {
    rfc3339_text(time).map(|_| humantime::format_rfc3339_millis(time).to_string())
}

const fn always(name: &'static str, of: Type) -> Column {
    Column { name, of, is_always: true }
}

const fn perhaps(name: &'static str, of: Type) -> Column {
    Column { name, of, is_always: false }
}

pub(super) const COUNT: usize = 17;

/// The columns of an asset; the name is first because the other columns describe it
pub(super) const COLUMNS: [Column; COUNT] = [
    always("name", Type::Text),
    always("size", Type::Number),
    always("kind", Type::Text),
    always("media_type", Type::Text),
    perhaps("etag", Type::Text),
    perhaps("last_modified", Type::Time),
    perhaps("created", Type::Time),
    perhaps("content_type", Type::Text),
    perhaps("content_encoding", Type::Text),
    perhaps("content_md5", Type::Text),
    perhaps("blob_type", Type::Text),
    perhaps("access_tier", Type::Text),
    perhaps("version_id", Type::Text),
    always("is_current", Type::Flag),
    perhaps("snapshot", Type::Text),
    perhaps("findings", Type::Text),
    perhaps("metadata", Type::Text),
];

/// A property that a service gives as an empty text is absent: most write them so
pub(super) fn text(text: Option<&str>) -> Cell<'_> {
    text.filter(|text| !text.is_empty()).map_or(Cell::Nothing, |text| Cell::Text(text.into()))
}

pub(super) fn time<'a>(time: Option<SystemTime>) -> Cell<'a> {
    time.map_or(Cell::Nothing, Cell::Time)
}

/// Which earlier version or snapshot of a blob an entry of the listing is; `None` for the current blob
///
/// A version is an earlier one unless the listing calls it the current one, as in the rule for
/// [`Reason::OldVersion`](crate::Reason::OldVersion).
pub(super) fn revision(
    version_id: &Option<Text>,
    is_current_version: Option<bool>,
    snapshot: &Option<Text>,
) -> Option<String> {
    let version_id = version_id.as_ref().filter(|_| is_current_version != Some(true));
    match (version_id, snapshot) {
        (None, None) => None,
        (Some(one), None) | (None, Some(one)) => Some(one.as_str().to_owned()),
        (Some(version_id), Some(snapshot)) => Some(format!("{version_id} {snapshot}")),
    }
}

/// The values of an asset, by column
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
        blob.content_md5.map_or(Cell::Nothing, |md5| Cell::Text(md5.to_string().into())),
        text(blob.blob_type.as_ref().map(|blob_type| blob_type.as_str())),
        text(blob.access_tier.as_ref().map(|tier| tier.as_str())),
        text(blob.version_id.as_ref().map(|version| version.as_str())),
        Cell::Flag(revision(&blob.version_id, blob.is_current_version, &blob.snapshot).is_none()),
        text(blob.snapshot.as_ref().map(|snapshot| snapshot.as_str())),
        findings(asset),
        metadata(asset),
    ]
}

/// The codes of the findings, separated by spaces
fn findings(asset: &Asset) -> Cell<'_> {
    match &*asset.findings {
        [] => Cell::Nothing,
        [one] => Cell::Text(one.reason.as_str().into()),
        many => {
            let codes: Vec<_> = many.iter().map(|finding| finding.reason.as_str()).collect();
            Cell::Text(codes.join(" ").into())
        }
    }
}

/// The metadata as a JSON object
///
/// As text, because readers make a struct type of nested objects, with the keys of the first rows.
fn metadata(asset: &Asset) -> Cell<'_> {
    let metadata = &asset.blob.metadata;
    // A map of texts to texts always has a JSON form.
    let json = (!metadata.is_empty()).then(|| serde_json::to_string(metadata).ok()).flatten();
    json.map_or(Cell::Nothing, |json| Cell::Text(json.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        store::Blob,
        validate::{Rules, Verdict},
    };

    #[test]
    fn each_cell_has_the_type_of_its_column() {
        let mut blob = Blob::new("a.jpg", 7);
        (blob.last_modified, blob.created) =
            (Some(SystemTime::UNIX_EPOCH), Some(SystemTime::UNIX_EPOCH));
        for blob in [Blob::new("a.jpg", 7), blob] {
            let Verdict::Accept(asset) = Rules::default().check(blob) else { panic!() };
            for (column, cell) in COLUMNS.iter().zip(cells(&asset)) {
                let fits = match cell {
                    Cell::Nothing => !column.is_always,
                    Cell::Text(_) => column.of == Type::Text,
                    Cell::Number(_) => column.of == Type::Number,
                    Cell::Flag(_) => column.of == Type::Flag,
                    Cell::Time(_) => column.of == Type::Time,
                };
                assert!(fits, "{column:?} {asset:?}");
            }
        }
    }
}
