//! The assets and rejections as tables in an SQLite file.

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

/// Says in the file whose it is: `aasy`
const APPLICATION: i64 = 0x6161_7379;

/// The version of the tables
const VERSION: i64 = 2;

/// How long another process may hold the write lock before that is an error
const BUSY: Duration = Duration::from_secs(2);

/// Tables that follow the container, in an SQLite file
///
/// `assets` has the [columns](crate::sink#columns) and `revision`, which is empty for the current
/// blob, and for an earlier version or a snapshot its version id or its time. The key is the name and
/// the revision, so that each version and snapshot that a scan lists is a row. `rejections` has
/// `name`, `revision`, `size`, `etag`, `version_id`, `snapshot`, `reason` and `detail`, with the same
/// key; rejections of entries that have no readable name are in `unnamed_rejections`. A change that
/// adds, changes or restores an asset replaces its row, and deletes its rejection. A removal deletes
/// all rows of the name. Absent values are NULL.
///
/// ```python
/// import sqlite3
/// base = sqlite3.connect("assets.sqlite")
/// table = base.execute("SELECT * FROM assets")
/// ```
///
/// A batch that comes twice changes nothing. If it comes with other changes, they replace the first
/// ones: in each row `batch` is the number of the batch that wrote it, and `batches` has those of the
/// run.
///
/// A flush commits, durably, with a write-ahead log. So others can read the file meanwhile, and see
/// the tables as of the previous flush. There is one transaction from flush to flush; what was not
/// flushed is not there afterwards. The log is a file beside this one, which must not be on a network
/// share. A symbolic link at the path is an error, so that nobody who may write to the folder can
/// direct the tables to another file. Names are untrusted, and reach SQL as parameters only.
///
/// A [`Scan`](crate::Scan) has no memory, and so cannot tell what is no longer there: a scan into
/// the tables of an earlier scan adds to them. Writes block the calling task, and for up to two seconds
/// if another process holds the write lock.
///
/// ```no_run
/// # async fn example(scan: azure_asset_sync::Scan) -> Result<(), azure_asset_sync::Error> {
/// use azure_asset_sync::sink::Sqlite;
///
/// scan.run(Sqlite::open("assets.sqlite")?).await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    connection: Connection,
    /// Whether changes are lost that must not be followed by later ones
    has_failed: bool,
}

impl Sqlite {
    /// Opens the file, and makes it and its tables if there are none
    ///
    /// # Errors
    /// [`ErrorKind::Sink`] if the file cannot be opened, is no SQLite file or one of another program, or
    /// if another version of this crate made its tables; it then stays as it is.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        let own = in_real_folder(&path)
            .map_err(|error| Error::sink(&format!("open `{}`", path.display()), error))?;
        // No URI: a path is a path. SQLite refuses links in the folders of a path, too, which are the
        // caller's and so were resolved.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NOFOLLOW
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&own, flags)
            .map_err(|error| failed("open", &path, error))?;
        prepare(&connection, &path)?;
        Ok(Self { path, connection, has_failed: false })
    }

    fn usable(&self) -> Result<(), Error> {
        if self.has_failed {
            let path = self.path.display();
            let why = format!("the sink of `{path}` has failed before; make a new one");
            return Err(Error::new(ErrorKind::Sink, why));
        }
        Ok(())
    }

    /// After an error within a transaction all of it is lost, and so nothing may follow
    fn or_failed(&mut self, result: rusqlite::Result<()>) -> Result<(), Error> {
        result.map_err(|error| {
            self.has_failed = true;
            // For others to write; SQLite may have ended it, and the first error is the one to tell.
            let _ = self.connection.execute_batch("ROLLBACK");
            failed("write", &self.path, error)
        })
    }

    fn commit(&mut self) -> Result<(), Error> {
        self.usable()?;
        if self.connection.is_autocommit() {
            return Ok(());
        }
        let result = self.connection.execute_batch("COMMIT");
        self.or_failed(result)
    }
}

/// The path, without links in its folders
fn in_real_folder(path: &Path) -> io::Result<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize()?;
    let name = path.file_name().ok_or_else(|| io::Error::other("the path names no file"))?;
    let own = folder.join(name);
    if own.is_symlink() {
        let what = "it is a symbolic link, which is not followed; use the path of the file itself";
        return Err(io::Error::other(what));
    }
    Ok(own)
}

fn failed(what: &str, path: &Path, error: rusqlite::Error) -> Error {
    let path = path.display();
    let why = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            ", which another process writes"
        }
        Some(ErrorCode::NotADatabase) => ", which is no SQLite file",
        _ => "",
    };
    Error::sink(&format!("{what} `{path}`{why}"), io::Error::other(error))
}

/// Sees whose file it is, and makes the tables where it is nobody's
fn prepare(connection: &Connection, path: &Path) -> Result<(), Error> {
    let what = |error| failed("open", path, error);
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(what);
    connection.busy_timeout(BUSY).map_err(what)?;
    connection.execute_batch("BEGIN IMMEDIATE").map_err(what)?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    match (number("PRAGMA application_id")?, number("PRAGMA user_version")?, tables) {
        (APPLICATION, VERSION, _) => {}
        (0, 0, 0) => connection.execute_batch(&schema()).map_err(what)?,
        (APPLICATION, version, _) => {
            let path = path.display();
            let why = format!("`{path}` has tables of version {version}, and this is {VERSION}");
            return Err(Error::new(ErrorKind::Sink, why));
        }
        _ => {
            let why = format!("`{}` is an SQLite file of something else", path.display());
            return Err(Error::new(ErrorKind::Sink, why));
        }
    }
    connection.execute_batch("COMMIT").map_err(what)?;
    // FULL waits for the disk in every commit; NORMAL would lose the last ones with the power.
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        .map_err(what)?;
    sync_folder(path).map_err(|error| Error::sink(&format!("open `{}`", path.display()), error))
}

fn schema() -> String {
    let columns = COLUMNS.map(|column| {
        let of = match column.of {
            Type::Number | Type::Flag => "INTEGER",
            Type::Text | Type::Time => "TEXT",
        };
        let presence = if column.is_always { " NOT NULL" } else { "" };
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

/// Makes room for a batch: its number, and nothing there that it has written before
fn begin(connection: &Connection, run: &RunId, sequence: u64) -> rusqlite::Result<i64> {
    let run = run.to_string();
    // Only the run that was interrupted gives a batch again.
    connection.execute("DELETE FROM batches WHERE run <> ?1", [&run])?;
    let known = connection
        .query_row(
            "SELECT id FROM batches WHERE run = ?1 AND sequence = ?2",
            params![run, signed(sequence)?],
            |row| row.get(0),
        )
        .optional()?;
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

/// A number that SQLite may be too small for
fn signed(number: u64) -> rusqlite::Result<i64> {
    number.try_into().map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// The columns of a rejection after those of its key
const REJECTION: &[&str] = &["size", "etag", "version_id", "snapshot", "reason", "detail", "batch"];

/// Which row of a name an entry of the listing is
fn key(
    version_id: &Option<Text>,
    is_current_version: Option<bool>,
    snapshot: &Option<Text>,
) -> String {
    revision(version_id, is_current_version, snapshot).unwrap_or_default()
}

/// Statements for the changes of a batch
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
    fn new(connection: &'a Connection, batch: i64) -> rusqlite::Result<Self> {
        let mut columns: Vec<_> = COLUMNS.iter().map(|column| column.name).collect();
        columns.extend(["revision", "batch"]);
        let put = |table: &str, columns: &[&str]| {
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

    fn apply(&mut self, position: usize, change: &Change) -> rusqlite::Result<()> {
        match change {
            Change::Added(asset) | Change::Changed(asset) | Change::Restored(asset) => {
                let blob = &asset.blob;
                let revision = key(&blob.version_id, blob.is_current_version, &blob.snapshot);
                self.put(asset, &revision)?;
                self.remove_rejection.execute([&blob.name, &revision])?;
            }
            Change::Removed(removal) => {
                // Changes of a job are of names: it lists no versions and no snapshots.
                self.remove_assets.execute([&removal.name])?;
                self.remove_rejections.execute([&removal.name])?;
            }
            Change::Rejected(rejection) => self.reject(position, rejection)?,
        }
        Ok(())
    }

    fn put(&mut self, asset: &Asset, revision: &str) -> rusqlite::Result<()> {
        let statement = &mut self.put_asset;
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
            // Without the lock nothing is lost: a later batch may find it free.
            let begun = self.connection.execute_batch("BEGIN IMMEDIATE");
            begun.map_err(|error| failed("write", &self.path, error))?;
        }
        let result = apply(&self.connection, batch);
        self.or_failed(result)
    }

    async fn flush(&mut self) -> Result<(), Error> {
        self.commit()
    }

    async fn finish(&mut self) -> Result<(), Error> {
        self.commit()?;
        // All is durable; this only empties the log into the file, as far as readers let it.
        let checkpoint = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
        checkpoint.map_err(|error| failed("write", &self.path, error))
    }

    /// Keyed by name and revision, and by the number of a batch
    fn delivery(&self) -> Delivery {
        Delivery::Idempotent
    }
}
