//! [`Sqlite`]: assets and rejections as tables in an SQLite file.
//!
//! The only file that names the `rusqlite` crate, and none of its types is public. All changes
//! between two flushes are one transaction. Names are untrusted, so they reach SQL as parameters
//! only.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Statement, params};

use super::{
    Batch, Change, Delivery, RunId, Sink,
    atomic_file::sync_folder,
    columns::{COLUMNS, COUNT, Cell, Type, cells, revision},
};
use crate::{
    error::{Error, ErrorKind},
    store::Text,
    validate::{Asset, Rejection},
};

/// The application ID in the header of the file, `aasy`, which marks the file as ours.
const APPLICATION: i64 = 0x6161_7379;

/// The version of the schema. Another version is refused.
const VERSION: i64 = 2;

/// How long to wait if another process holds the write lock.
const BUSY: Duration = Duration::from_secs(2);

/// Tables in an SQLite file that follow the container.
///
/// ```no_run
/// # async fn example(scan: azure_asset_sync::Scan) -> Result<(), azure_asset_sync::Error> {
/// use azure_asset_sync::sink::Sqlite;
///
/// scan.run(Sqlite::open("assets.sqlite")?).await?;
/// # Ok(()) }
/// ```
///
/// # Tables
/// `assets` has the [columns](crate::sink#columns) and `revision`, which is empty for the current
/// blob, and the version ID or the time of an earlier version or a snapshot. The key is the name
/// and the revision, so each version and snapshot that a scan lists has a row. `rejections` has
/// `name`, `revision`, `size`, `etag`, `version_id`, `snapshot`, `reason` and `detail`, with the
/// same key. Rejections of entries without a readable name are in `unnamed_rejections`. Absent
/// values are NULL.
///
/// A change that adds, changes or restores an asset replaces its row, and deletes its rejection. A
/// removal deletes all rows of the name.
///
/// # How to read it
/// Other processes can read the file while it is written, and see the tables as of the last flush:
///
/// ```python
/// import sqlite3
/// base = sqlite3.connect("assets.sqlite")
/// table = base.execute("SELECT * FROM assets")
/// ```
///
/// The write-ahead log is a file beside this one, so the file must not be on a network share.
///
/// # After a failed run
/// The tables are as of the last flush. Each flush is a durable commit, and what was not flushed is
/// lost. A batch that a job delivers twice changes nothing the second time. If the second delivery
/// has other changes, they replace the first ones: in each row `batch` is the number of the batch
/// that wrote it, and the table `batches` has the batches of the run.
///
/// A [`Scan`](crate::Scan) remembers nothing, so it cannot report removals: a scan into the tables
/// of an earlier scan only adds to them. Use a job to keep the tables up to date.
///
/// Writes block the calling task, for up to 2 s longer if another process holds the write lock. A
/// symbolic link at the path is an error, so that nobody who can write to the folder can redirect
/// the tables to another file.
///
/// # Beside sqlx and rusqlite
/// A program can link SQLite once, so all its crates must agree on `libsqlite3-sys`. The feature
/// `sqlite` works with `rusqlite` 0.32 to 0.43, and Cargo chooses the one that fits sqlx 0.8 or 0.9,
/// or the program's own `rusqlite`. The feature builds SQLite from source, for all of them.
#[doc(alias = "database")]
#[doc(alias = "SQL")]
#[doc(alias = "upsert")]
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    connection: Connection,
    /// Whether changes were lost, so that later ones must not follow.
    has_failed: bool,
}

impl Sqlite {
    /// Opens the file; creates it, and its tables, if they do not exist.
    ///
    /// # Errors
    /// [`ErrorKind::Sink`] if the file cannot be opened, is not an SQLite database or belongs to
    /// another program, or if another version of this crate has created its tables. The file is
    /// then unchanged.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        let own = in_real_folder(&path)
            .map_err(|error| Error::sink(&format!("open `{}`", path.display()), error))?;
        // Without SQLITE_OPEN_URI, so that a path beginning with `file:` is a path. With NOFOLLOW,
        // SQLite also refuses links in the folders of the path. Those are the caller's choice, so
        // they were resolved before.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NOFOLLOW
            // `&mut self` already excludes concurrent use.
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&own, flags)
            .map_err(|error| failed("open", &path, error))?;
        prepare(&connection, &path)?;
        Ok(Self { path, connection, has_failed: false })
    }

    /// Fails if an earlier call has failed.
    fn usable(&self) -> Result<(), Error> {
        if self.has_failed {
            let path = self.path.display();
            let why = format!("the sink for `{path}` has failed before; create a new one");
            return Err(Error::new(ErrorKind::Sink, why));
        }
        Ok(())
    }

    /// Rolls back after an error. All changes since the last flush are lost then, so no later ones
    /// may follow.
    fn or_failed(&mut self, result: rusqlite::Result<()>) -> Result<(), Error> {
        result.map_err(|error| {
            self.has_failed = true;
            // Releases the write lock. SQLite may have rolled back already, and the first error is
            // the one to report.
            let _ = self.connection.execute_batch("ROLLBACK");
            failed("write", &self.path, error)
        })
    }

    /// Commits the transaction, if there is one.
    fn commit(&mut self) -> Result<(), Error> {
        self.usable()?;
        if self.connection.is_autocommit() {
            return Ok(());
        }
        let result = self.connection.execute_batch("COMMIT");
        self.or_failed(result)
    }
}

/// Resolves symbolic links in the folders of a path; fails if the path itself is one.
fn in_real_folder(path: &Path) -> io::Result<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize()?;
    let name = path.file_name().ok_or_else(|| io::Error::other("the path has no file name"))?;
    let own = folder.join(name);
    if own.is_symlink() {
        let what = "it is a symbolic link, which is not followed; use the path of the file itself";
        return Err(io::Error::other(what));
    }
    Ok(own)
}

/// Returns the error of SQLite, with the reason in words if it is a usual one.
fn failed(what: &str, path: &Path, error: rusqlite::Error) -> Error {
    let path = path.display();
    let why = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            " because another process holds the write lock"
        }
        Some(ErrorCode::NotADatabase) => " because it is not an SQLite database",
        _ => "",
    };
    Error::sink(&format!("{what} `{path}`{why}"), io::Error::other(error))
}

/// Checks that the file is ours, and creates the tables if the file is empty.
fn prepare(connection: &Connection, path: &Path) -> Result<(), Error> {
    let what = |error| failed("open", path, error);
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(what);
    connection.busy_timeout(BUSY).map_err(what)?;
    // With the write lock, so that of two processes only one creates the tables.
    connection.execute_batch("BEGIN IMMEDIATE").map_err(what)?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    match (number("PRAGMA application_id")?, number("PRAGMA user_version")?, tables) {
        (APPLICATION, VERSION, _) => {}
        // No header values and no tables: a new file, or an empty database.
        (0, 0, 0) => connection.execute_batch(&schema()).map_err(what)?,
        (APPLICATION, version, _) => {
            let path = path.display();
            let why = format!(
                "`{path}` has tables of version {version}; this version of the crate writes version {VERSION}"
            );
            return Err(Error::new(ErrorKind::Sink, why));
        }
        _ => {
            let why = format!("`{}` is an SQLite database of another program", path.display());
            return Err(Error::new(ErrorKind::Sink, why));
        }
    }
    connection.execute_batch("COMMIT").map_err(what)?;
    // FULL waits for the disk in every commit. NORMAL could lose the last commits in a power
    // failure, although a job has recorded them as delivered.
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        .map_err(what)?;
    sync_folder(path).map_err(|error| Error::sink(&format!("open `{}`", path.display()), error))
}

/// Returns the statements that create the tables.
fn schema() -> String {
    let columns = COLUMNS.map(|column| {
        let of = match column.data_type {
            Type::Number | Type::Flag => "INTEGER",
            Type::Text | Type::Time => "TEXT",
        };
        let presence = if column.is_required { " NOT NULL" } else { "" };
        format!("{} {of}{presence}", column.name)
    });
    let rejection = "size INTEGER, etag TEXT, version_id TEXT, snapshot TEXT, \
                     reason TEXT NOT NULL, detail TEXT NOT NULL";
    format!(
        "CREATE TABLE batches (
           id INTEGER PRIMARY KEY AUTOINCREMENT,
           run TEXT NOT NULL,
           sequence INTEGER NOT NULL,
           UNIQUE (run, sequence)
         ) STRICT;
         CREATE TABLE assets (
           {}, revision TEXT NOT NULL, batch INTEGER NOT NULL, PRIMARY KEY (name, revision)
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE rejections (
           name TEXT NOT NULL, revision TEXT NOT NULL, {rejection}, batch INTEGER NOT NULL,
           PRIMARY KEY (name, revision)
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE unnamed_rejections (
           batch INTEGER NOT NULL, position INTEGER NOT NULL, {rejection},
           PRIMARY KEY (batch, position)
         ) STRICT, WITHOUT ROWID;
         PRAGMA application_id = {APPLICATION};
         PRAGMA user_version = {VERSION};",
        columns.join(", ")
    )
}

/// Registers a batch; deletes what an earlier delivery of the batch has written. Returns its
/// number.
fn begin(connection: &Connection, run: &RunId, sequence: u64) -> rusqlite::Result<i64> {
    let run = run.to_string();
    // Only batches of this run can be delivered again, so those of other runs need not be known.
    // So the table does not grow from run to run.
    connection.execute("DELETE FROM batches WHERE run <> ?1", [&run])?;
    let known = connection
        .query_row(
            "SELECT id FROM batches WHERE run = ?1 AND sequence = ?2",
            params![run, signed(sequence)?],
            |row| row.get(0),
        )
        .optional()?;
    // Not by name: the second delivery may lack a name that the first one had.
    if let Some(batch) = known {
        for table in ["assets", "rejections", "unnamed_rejections"] {
            connection.execute(&format!("DELETE FROM {table} WHERE batch = ?1"), [batch])?;
        }
        return Ok(batch);
    }
    let sql = "INSERT INTO batches (run, sequence) VALUES (?1, ?2)";
    connection.execute(sql, params![run, signed(sequence)?])?;
    Ok(connection.last_insert_rowid())
}

/// Converts a number to the signed 64 bits of SQLite; fails if it does not fit.
fn signed(number: u64) -> rusqlite::Result<i64> {
    number.try_into().map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// The columns of a rejection after those of its key.
const REJECTION: &[&str] = &["size", "etag", "version_id", "snapshot", "reason", "detail", "batch"];

/// Returns the revision in the key of a row: empty for the current blob.
fn key(
    version_id: &Option<Text>,
    is_current_version: Option<bool>,
    snapshot: &Option<Text>,
) -> String {
    revision(version_id, is_current_version, snapshot).unwrap_or_default()
}

/// Prepared statements for the changes of a batch.
struct Statements<'a> {
    batch: i64,
    put_asset: Statement<'a>,
    put_rejection: Statement<'a>,
    put_unnamed: Statement<'a>,
    remove_assets: Statement<'a>,
    remove_rejection: Statement<'a>,
    remove_rejections: Statement<'a>,
}

impl<'a> Statements<'a> {
    /// Prepares the statements for a batch with this number.
    fn new(connection: &'a Connection, batch: i64) -> rusqlite::Result<Self> {
        let mut columns: Vec<_> = COLUMNS.iter().map(|column| column.name).collect();
        columns.extend(["revision", "batch"]);
        let put = |table: &str, columns: &[&str]| {
            // An upsert instead of REPLACE, which would delete and insert the row.
            let set = columns.iter().map(|column| format!("{column} = excluded.{column}"));
            connection.prepare(&format!(
                "INSERT INTO {table} ({}) VALUES ({}) ON CONFLICT DO UPDATE SET {}",
                columns.join(", "),
                vec!["?"; columns.len()].join(", "),
                set.collect::<Vec<_>>().join(", ")
            ))
        };
        Ok(Self {
            batch,
            put_asset: put("assets", &columns)?,
            put_rejection: put("rejections", &[&["name", "revision"], REJECTION].concat())?,
            put_unnamed: put("unnamed_rejections", &[&["position"], REJECTION].concat())?,
            remove_assets: connection.prepare("DELETE FROM assets WHERE name = ?1")?,
            remove_rejection: connection
                .prepare("DELETE FROM rejections WHERE name = ?1 AND revision = ?2")?,
            remove_rejections: connection.prepare("DELETE FROM rejections WHERE name = ?1")?,
        })
    }

    /// Writes a change; `position` is its index in the batch.
    fn apply(&mut self, position: usize, change: &Change) -> rusqlite::Result<()> {
        match change {
            Change::Added(asset) | Change::Changed(asset) | Change::Restored(asset) => {
                let blob = &asset.blob;
                let revision = key(&blob.version_id, blob.is_current_version, &blob.snapshot);
                self.put(asset, &revision)?;
                // The blob may have been rejected in an earlier run.
                self.remove_rejection.execute([&blob.name, &revision])?;
            }
            Change::Removed(removal) => {
                // Only a job reports removals, and a job lists neither versions nor snapshots, so a
                // removal is of the name.
                self.remove_assets.execute([&removal.name])?;
                self.remove_rejections.execute([&removal.name])?;
            }
            Change::Rejected(rejection) => self.reject(position, rejection)?,
            // Only JSON of a newer version has such a change. To skip it would lose it.
            Change::Other => {
                let what = "a change of a newer version cannot be written";
                return Err(rusqlite::Error::ToSqlConversionFailure(what.into()));
            }
        }
        Ok(())
    }

    /// Inserts or replaces an asset.
    fn put(&mut self, asset: &Asset, revision: &str) -> rusqlite::Result<()> {
        let statement = &mut self.put_asset;
        // Bound by position, because a tuple of parameters cannot be this long.
        for (at, cell) in (1..).zip(cells(asset)) {
            match cell {
                Cell::Number(number) => statement.raw_bind_parameter(at, signed(number)?)?,
                Cell::Flag(flag) => statement.raw_bind_parameter(at, flag)?,
                cell => statement.raw_bind_parameter(at, cell.into_text())?,
            }
        }
        statement.raw_bind_parameter(COUNT + 1, revision)?;
        statement.raw_bind_parameter(COUNT + 2, self.batch)?;
        statement.raw_execute().map(drop)
    }

    /// Inserts or replaces a rejection.
    fn reject(&mut self, position: usize, rejection: &Rejection) -> rusqlite::Result<()> {
        let Rejection { name, size, etag, reason, detail, .. } = rejection;
        let Rejection { version_id, is_current_version, snapshot, .. } = rejection;
        let size = size.map(signed).transpose()?;
        let etag = etag.as_ref().map(|etag| etag.as_str());
        let reason = reason.as_str();
        let revision = key(version_id, *is_current_version, snapshot);
        let version_id = version_id.as_ref().map(|version| version.as_str());
        let snapshot = snapshot.as_ref().map(|snapshot| snapshot.as_str());
        let batch = self.batch;
        match name {
            Some(name) => {
                self.put_rejection.execute(params![
                    name, revision, size, etag, version_id, snapshot, reason, detail, batch
                ])?;
            }
            // Without a name there is no key, so the place in the batch identifies the row.
            None => {
                let position = signed(position as u64)?;
                self.put_unnamed.execute(params![
                    position, size, etag, version_id, snapshot, reason, detail, batch
                ])?;
            }
        }
        Ok(())
    }
}

/// Writes a batch within the open transaction.
fn apply(connection: &Connection, batch: Batch<'_>) -> rusqlite::Result<()> {
    let number = begin(connection, batch.run, batch.sequence)?;
    let mut statements = Statements::new(connection, number)?;
    let mut changes = batch.changes.iter().enumerate();
    changes.try_for_each(|(position, change)| statements.apply(position, change))
}

#[async_trait]
impl Sink for Sqlite {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        self.usable()?;
        if self.connection.is_autocommit() {
            // No transaction is open, so a failure loses no changes, and the sink remains usable.
            let begun = self.connection.execute_batch("BEGIN IMMEDIATE");
            begun.map_err(|error| failed("write", &self.path, error))?;
        }
        let result = apply(&self.connection, batch);
        self.or_failed(result)
    }

    /// Commits, and waits until the changes are on the disk.
    async fn flush(&mut self) -> Result<(), Error> {
        self.commit()
    }

    /// Commits, and empties the write-ahead log. The sink can be used further.
    async fn finish(&mut self) -> Result<(), Error> {
        self.commit()?;
        // Everything is durable. This moves the write-ahead log into the file, as far as readers
        // allow it.
        let checkpoint = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
        checkpoint.map_err(|error| failed("write", &self.path, error))
    }

    /// Returns [`Delivery::Idempotent`]: rows are keyed by name and revision, and know their batch.
    fn delivery(&self) -> Delivery {
        Delivery::Idempotent
    }
}
