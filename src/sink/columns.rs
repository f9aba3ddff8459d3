//! The columns of every table: an asset is the same in each of them.

use std::{borrow::Cow, time::SystemTime};

use serde::{Serialize, Serializer, ser::SerializeMap as _};

use crate::{store::rfc3339_text, validate::Asset};

#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(any(feature = "parquet", feature = "sqlite")),
    allow(dead_code, reason = "text is all one to the other tables")
)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) of: Type,
    /// Whether every asset has it
    pub(super) is_always: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Number,
    Time,
}

/// What an asset has in a column
#[derive(Debug)]
pub(super) enum Cell<'a> {
    Nothing,
    Text(Cow<'a, str>),
    Number(u64),
    Time(SystemTime),
}

impl<'a> Cell<'a> {
    /// As text, as JSON has it; `None` where there is nothing
    pub(super) fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Nothing => None,
            Self::Text(text) => Some(text),
            Self::Number(number) => Some(number.to_string().into()),
            Self::Time(time) => rfc3339_text(time).map(|text| text.to_string().into()),
        }
    }
}

const fn always(name: &'static str, of: Type) -> Column {
    Column { name, of, is_always: true }
}

const fn perhaps(name: &'static str, of: Type) -> Column {
    Column { name, of, is_always: false }
}

pub(super) const COUNT: usize = 16;

/// The name comes first, since it is what the others are of
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
    perhaps("snapshot", Type::Text),
    perhaps("findings", Type::Text),
    perhaps("metadata", Type::Text),
];

fn text(text: Option<&str>) -> Cell<'_> {
    text.map_or(Cell::Nothing, |text| Cell::Text(text.into()))
}

fn time<'a>(time: Option<SystemTime>) -> Cell<'a> {
    time.map_or(Cell::Nothing, Cell::Time)
}

/// What an asset has in each column
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
        text(blob.snapshot.as_ref().map(|snapshot| snapshot.as_str())),
        findings(asset),
        metadata(asset),
    ]
}

/// An asset as a JSON object that begins as vision tools have it: `id`, where there is one, and the
/// name as `file_name`
#[derive(Debug)]
pub(super) struct Named<'a> {
    pub(super) id: Option<u64>,
    pub(super) asset: &'a Asset,
    /// Whether what is unknown is `null`, so that each object has the same keys
    pub(super) has_nulls: bool,
}

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        if let Some(id) = self.id {
            object.serialize_entry("id", &id)?;
        }
        for (at, (column, cell)) in COLUMNS.iter().zip(cells(self.asset)).enumerate() {
            let key = if at == 0 { "file_name" } else { column.name };
            match cell {
                Cell::Number(number) => object.serialize_entry(key, &number)?,
                cell => match cell.into_text() {
                    Some(text) => object.serialize_entry(key, &text)?,
                    None if self.has_nulls => object.serialize_entry(key, &())?,
                    None => {}
                },
            }
        }
        object.end()
    }
}

/// The codes of its findings
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

/// Its metadata as a JSON object
fn metadata(asset: &Asset) -> Cell<'_> {
    let metadata = &asset.blob.metadata;
    // Texts by texts: there is nothing that could not be written.
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
    fn each_cell_is_what_its_column_says() {
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
                    Cell::Time(_) => column.of == Type::Time,
                };
                assert!(fits, "{column:?} {asset:?}");
            }
        }
    }
}
