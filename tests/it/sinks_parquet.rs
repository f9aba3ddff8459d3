//! Parquet files have the documented rows and types when read with the `parquet` crate.

use std::{fs::File, path::Path};

use azure_asset_sync::{
    Blob, Change, ErrorKind, Sink,
    sink::{Batch, Delivery, Parquet, RunId},
};
use parquet::{
    basic::{LogicalType, Type},
    file::reader::{FileReader, SerializedFileReader},
    record::Field,
};

use crate::sample::{asset, changes, fill, names};

fn open(path: &Path) -> SerializedFileReader<File> {
    SerializedFileReader::new(File::open(path).unwrap()).unwrap()
}

/// Returns the cells of each row by the names of the columns.
fn rows(path: &Path) -> Vec<Vec<(String, Field)>> {
    let rows = open(path).into_iter().map(Result::unwrap);
    rows.map(|row| row.into_columns()).collect()
}

fn text(field: &Field) -> &str {
    let Field::Str(text) = field else { panic!("{field:?}") };
    text
}

#[tokio::test]
async fn every_asset_is_a_row_with_the_types_of_its_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assets.parquet");
    fill(&mut Parquet::assets(&path).unwrap(), &changes()).await.unwrap();
    let rows = rows(&path);
    let mut found: Vec<_> = rows.iter().map(|row| text(&row[0].1).to_owned()).collect();
    found.sort_unstable();
    assert_eq!(found, names(&changes(), |_| true));

    let full = rows.iter().find(|row| text(&row[0].1) == "full.jpg").unwrap();
    let expected = [
        ("name", Field::Str("full.jpg".into())),
        ("size", Field::Long(48_213)),
        ("kind", Field::Str("image".into())),
        ("media_type", Field::Str("image/jpeg".into())),
        ("etag", Field::Str("0x8DD0C7A1B2C3D4E".into())),
        ("last_modified", Field::TimestampMicros(1_795_510_177_000_000)),
        ("created", Field::TimestampMicros(1_795_510_000_000_000)),
        ("content_type", Field::Str("image/jpeg".into())),
        ("content_encoding", Field::Str("identity".into())),
        ("content_md5", Field::Str("paWlpaWlpaWlpaWlpaWlpQ==".into())),
        ("blob_type", Field::Str("BlockBlob".into())),
        ("access_tier", Field::Str("Hot".into())),
        ("version_id", Field::Str("2026-11-24T08:49:37.0000000Z".into())),
        ("is_current", Field::Bool(true)),
        ("snapshot", Field::Null),
        ("findings", Field::Null),
        ("metadata", Field::Str("{\"camera\":\"7\",\"shift\":\"=night\"}".into())),
    ];
    assert_eq!(*full, expected.map(|(name, field)| (name.to_owned(), field)));
    let odd = rows.iter().find(|row| text(&row[0].1) == "back\\slash.jpg").unwrap();
    assert_eq!(odd[15].1, Field::Str("odd_name".into()));
    assert!(
        odd[4..15].iter().all(|(name, field)| *field == Field::Null || name == "is_current"),
        "{odd:?}"
    );

    let schema = open(&path).metadata().file_metadata().schema_descr_ptr();
    for column in schema.columns() {
        let logical = column.logical_type_ref();
        match column.name() {
            "size" => assert_eq!((column.physical_type(), logical), (Type::INT64, None)),
            "is_current" => {
                assert_eq!((column.physical_type(), logical), (Type::BOOLEAN, None));
            }
            "last_modified" | "created" => assert!(
                matches!(logical, Some(LogicalType::Timestamp(to)) if to.is_adjusted_to_u_t_c),
                "{logical:?}"
            ),
            _ => assert_eq!(logical, Some(&LogicalType::String)),
        }
        let is_always =
            ["name", "size", "kind", "media_type", "is_current"].contains(&column.name());
        assert_eq!(column.max_def_level() == 0, is_always, "{}", column.name());
    }
}

#[tokio::test]
async fn row_groups_are_limited_by_rows_and_by_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assets.parquet");
    for (count, name, groups) in [
        (0, 10, vec![]),
        (100_000, 10, vec![100_000]),
        (101_000, 10, vec![100_000, 1000]),
        // The text of a row: name, kind and type.
        (66_000, 1009, vec![64 << 10, 66_000 - (64 << 10)]),
    ] {
        let mut sink = Parquet::assets(&path).unwrap();
        let run = RunId::random();
        let added = |n| {
            let name = format!("{:0>name$}", format!("{n}.jpg"));
            Change::Added(asset(Blob::new(name, 1)))
        };
        let changes: Vec<_> = (0..1000).map(added).collect();
        for sequence in 0..count / 1000 {
            sink.accept(Batch::new(&run, sequence, &changes)).await.unwrap();
            sink.flush().await.unwrap();
        }
        sink.finish().await.unwrap();
        let metadata = open(&path).metadata().clone();
        let rows: Vec<_> = metadata.row_groups().iter().map(|group| group.num_rows()).collect();
        assert_eq!(rows, groups);
    }
}

#[tokio::test]
async fn the_file_is_replaced_atomically() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assets.parquet");
    std::fs::write(&path, "old").unwrap();
    let changes = changes();
    let mut dropped = Parquet::assets(&path).unwrap();
    assert_eq!(dropped.delivery(), Delivery::Replace);
    dropped.accept(Batch::new(&RunId::random(), 0, &changes)).await.unwrap();
    dropped.flush().await.unwrap();
    drop(dropped);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    let mut sink = Parquet::assets(&path).unwrap();
    fill(&mut sink, &changes).await.unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    for again in [sink.flush().await, sink.finish().await] {
        let error = again.unwrap_err();
        assert!(error.to_string().contains("was finished before"), "{error}");
    }
    let error = Parquet::assets(folder.path().join("no/such/file")).unwrap_err();
    assert!(error.to_string().contains("no/such/file"), "{error}");
}

#[tokio::test]
async fn a_size_beyond_the_signed_range_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assets.parquet");
    let mut huge = asset(Blob::new("a.jpg", 1));
    huge.blob.size = u64::MAX;
    let mut sink = Parquet::assets(&path).unwrap();
    let changes = [Change::Added(huge)];
    let error = sink.accept(Batch::new(&RunId::random(), 0, &changes)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Sink);
    assert!(error.to_string().contains("assets.parquet"), "{error}");
    let again = sink.finish().await.unwrap_err();
    assert!(again.to_string().contains("has failed before"), "{again}");
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "a temporary file remains");
}
