//! All sinks of this crate pass the public conformance suite, and the suite finds sinks that break the
//! contract.

use std::{
    collections::BTreeMap,
    error::Error as StdError,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use azure_asset_sync::{
    Change, Error, JsonLines, Sink,
    sink::{Batch, Coco, Csv, Delivery, HuggingFace, Parquet, RunId, Sqlite},
    testing::conformance::{Case, check_sink},
};
use parquet::{file::reader::SerializedFileReader, record::Field};
use serde_json::Value;

use crate::sample::csv_rows;

type Names = Result<Vec<String>, Box<dyn StdError>>;

struct Known {
    open: fn(PathBuf) -> Result<Box<dyn Sink>, Error>,
    read: fn(&Path) -> Names,
}

fn lines(path: &Path, name: &str) -> Names {
    let text = fs::read_to_string(path)?;
    let lines: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let assets = lines.iter().filter(|line| {
        line.get("change").is_none_or(|change| change != "removed" && change != "rejected")
    });
    Ok(assets.map(|line| line[name].as_str().unwrap().to_owned()).collect())
}

fn coco(path: &Path) -> Names {
    let coco: Value = serde_json::from_str(&fs::read_to_string(path)?)?;
    let images = coco["images"].as_array().unwrap().iter();
    Ok(images.map(|image| image["name"].as_str().unwrap().to_owned()).collect())
}

fn csv(path: &Path) -> Names {
    let rows = csv_rows(&fs::read_to_string(path)?).into_iter().skip(1);
    Ok(rows.map(|mut row| row.swap_remove(0)).collect())
}

fn rows(path: &Path) -> Names {
    let rows = SerializedFileReader::new(fs::File::open(path)?)?.into_iter();
    rows.map(|row| match row?.into_columns().swap_remove(0) {
        (_, Field::Str(name)) => Ok(name),
        other => panic!("{other:?}"),
    })
    .collect()
}

fn tables(path: &Path) -> Names {
    let connection = rusqlite::Connection::open(path)?;
    let mut statement = connection.prepare("SELECT name FROM assets")?;
    let names = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(names)
}

#[tokio::test]
async fn every_sink_conforms() {
    let sinks = BTreeMap::from([
        (
            "json",
            Known { open: |p| Ok(Box::new(JsonLines::assets(p)?)), read: |p| lines(p, "name") },
        ),
        (
            "log",
            Known { open: |p| Ok(Box::new(JsonLines::changes(p)?)), read: |p| lines(p, "name") },
        ),
        (
            "hugging face",
            Known { open: |p| Ok(Box::new(HuggingFace::images(p)?)), read: |p| lines(p, "name") },
        ),
        ("csv", Known { open: |p| Ok(Box::new(Csv::assets(p)?)), read: csv }),
        ("coco", Known { open: |p| Ok(Box::new(Coco::images(p)?)), read: coco }),
        ("parquet", Known { open: |p| Ok(Box::new(Parquet::assets(p)?)), read: rows }),
        ("sqlite", Known { open: |p| Ok(Box::new(Sqlite::open(p)?)), read: tables }),
    ]);
    for (name, sink) in sinks {
        let folder = tempfile::tempdir().unwrap();
        let path = |place: u32| folder.path().join(place.to_string());
        let cases = check_sink(
            async |place| (sink.open)(path(place)),
            async |place| match path(place) {
                none if !none.exists() => Ok(Vec::new()),
                path => (sink.read)(&path),
            },
        )
        .await;
        assert_eq!(cases.len(), 9);
        assert!(broken(&cases).is_empty(), "{name}: {cases:#?}");
    }
}

fn broken(cases: &[Case]) -> Vec<&'static str> {
    cases.iter().filter(|case| case.outcome.is_err()).map(|case| case.name).collect()
}

/// The names that a sink has stored, by run and batch number.
type Place = Arc<Mutex<BTreeMap<(RunId, u64), Vec<String>>>>;

/// How a sink breaks the contract.
#[derive(Clone, Copy, PartialEq)]
enum Wrong {
    Nothing,
    CutsNames,
    SaysIdempotent,
    SaysWhole,
    ForgetsWithoutFinish,
    FinishesOnce,
    WantsNoRejection,
}

struct Odd {
    wrong: Wrong,
    place: Place,
    pending: Vec<((RunId, u64), String)>,
    is_finished: bool,
}

#[async_trait::async_trait]
impl Sink for Odd {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        for change in batch.changes {
            if self.wrong == Wrong::WantsNoRejection && matches!(change, Change::Rejected(_)) {
                return Err(Error::new(azure_asset_sync::ErrorKind::Sink, "a rejection"));
            }
        }
        for asset in batch.assets() {
            let mut name = asset.blob.name.clone();
            if self.wrong == Wrong::CutsNames {
                name = name.trim().to_owned();
            }
            self.pending.push(((*batch.run, batch.sequence), name));
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        if self.wrong == Wrong::ForgetsWithoutFinish {
            return Ok(());
        }
        let mut place = self.place.lock().unwrap();
        if self.wrong != Wrong::SaysIdempotent {
            self.pending.iter().for_each(|(number, _)| drop(place.remove(number)));
        }
        for (number, name) in self.pending.drain(..) {
            place.entry(number).or_default().push(name);
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Error> {
        if self.wrong == Wrong::FinishesOnce && std::mem::replace(&mut self.is_finished, true) {
            return Err(Error::new(azure_asset_sync::ErrorKind::Sink, "finished before"));
        }
        if self.wrong == Wrong::ForgetsWithoutFinish {
            self.wrong = Wrong::Nothing;
            self.flush().await?;
        }
        Ok(())
    }

    fn delivery(&self) -> Delivery {
        if self.wrong == Wrong::SaysWhole { Delivery::Replace } else { Delivery::Idempotent }
    }
}

#[tokio::test]
async fn a_sink_that_breaks_the_contract_fails_the_suite() {
    for (wrong, cases) in [
        (Wrong::Nothing, &[][..]),
        (Wrong::CutsNames, &["every_asset_is_stored_with_its_exact_name"]),
        (
            Wrong::SaysIdempotent,
            &[
                "a_repeated_batch_matches_the_delivery",
                "a_repeated_sequence_number_replaces_the_batch",
            ],
        ),
        (
            Wrong::SaysWhole,
            &[
                "flushed_changes_are_visible_unless_delivery_is_replace",
                "a_later_run_appends_or_replaces",
                "a_repeated_batch_matches_the_delivery",
            ],
        ),
        (
            Wrong::ForgetsWithoutFinish,
            &[
                "flushed_changes_are_visible_unless_delivery_is_replace",
                "a_later_run_appends_or_replaces",
                "a_repeated_batch_matches_the_delivery",
                "a_repeated_sequence_number_replaces_the_batch",
            ],
        ),
        (Wrong::FinishesOnce, &["a_second_finish_changes_nothing"]),
        (Wrong::WantsNoRejection, &["every_kind_of_change_is_accepted"]),
    ] {
        let mut places = BTreeMap::<u32, Place>::new();
        let places = Mutex::new(&mut places);
        let place = |number| places.lock().unwrap().entry(number).or_default().clone();
        let found = check_sink(
            async |number| {
                let place = place(number);
                Ok(Odd { wrong, place, pending: Vec::new(), is_finished: false })
            },
            async |number| {
                let place = place(number);
                let names = place.lock().unwrap().values().flatten().cloned().collect();
                Ok::<Vec<String>, Error>(names)
            },
        )
        .await;
        let broken = broken(&found);
        // `many_batches_equal_one` also has a name that ends with a space.
        let broken: Vec<_> = broken
            .into_iter()
            .filter(|name| wrong != Wrong::CutsNames || *name != "many_batches_equal_one")
            .collect();
        assert_eq!(broken, cases, "{found:#?}");
    }
}
