//! A state in SQLite: a lock that expires, and the files of a state as rows of a table.
//!
//! For services on one machine. Each change is a transaction that renews the lock and fails if
//! somebody else has taken it, so a holder that has lost its lock cannot change anything.

use std::{
    fmt, io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use azure_asset_sync::{
    Clock, Error, ErrorKind,
    sync::{StateFiles, StateStore},
};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS locks (state TEXT PRIMARY KEY, fence INTEGER, expires INTEGER);
    CREATE TABLE IF NOT EXISTS files (state TEXT, name TEXT, size INTEGER, PRIMARY KEY (state, name));
    CREATE TABLE IF NOT EXISTS parts (
        state TEXT, name TEXT, start INTEGER, bytes BLOB, PRIMARY KEY (state, name, start)
    ) WITHOUT ROWID;";

/// The state with this name in a database.
#[derive(Clone, Debug)]
pub struct SqliteState {
    pub database: PathBuf,
    pub state: String,
    /// How long the lock lasts without a renewal.
    pub lease: Duration,
    pub clock: Arc<dyn Clock>,
}

impl SqliteState {
    fn open(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(&self.database)?;
        // Others write for a moment only.
        connection.busy_timeout(Duration::from_secs(60))?;
        connection.execute_batch(SCHEMA)?;
        Ok(connection)
    }

    fn files(&self, connection: Connection, fence: Option<i64>) -> Box<dyn StateFiles> {
        Box::new(Files { store: self.clone(), connection, fence })
    }

    fn now(&self) -> i64 {
        let since = self.clock.time().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    fn expires(&self) -> i64 {
        self.now().saturating_add(i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX))
    }

    /// Takes the lock, and returns its number, or `None` if somebody else has it.
    fn try_lock(&self, connection: &mut Connection) -> rusqlite::Result<Option<i64>> {
        let take = "INSERT INTO locks VALUES (?1, 1, ?2) ON CONFLICT (state) DO UPDATE
            SET fence = fence + 1, expires = ?2 WHERE expires <= ?3 RETURNING fence";
        let now = params![self.state, self.expires(), self.now()];
        connection.query_row(take, now, |row| row.get(0)).optional()
    }
}

impl StateStore for SqliteState {
    fn lock(&self) -> Result<Box<dyn StateFiles>, Error> {
        let failed =
            |error| Error::new(ErrorKind::State, "cannot lock the state").with_source(error);
        let mut connection = self.open().map_err(failed)?;
        match self.try_lock(&mut connection).map_err(failed)? {
            Some(fence) => Ok(self.files(connection, Some(fence))),
            None => Err(Error::new(ErrorKind::StateBusy, "another run is using the state")),
        }
    }

    fn open_to_read(&self) -> Result<Box<dyn StateFiles>, Error> {
        let failed =
            |error| Error::new(ErrorKind::State, "cannot read the state").with_source(error);
        let connection = self.open().map_err(failed)?;
        // With the write-ahead log, a transaction sees one version of the database until it ends.
        let begin = "BEGIN; SELECT count(*) FROM files";
        connection.execute_batch(begin).map_err(failed)?;
        Ok(self.files(connection, None))
    }
}

/// The files of a state.
struct Files {
    store: SqliteState,
    connection: Connection,
    /// The number of the lock, or `None` if the files are open to read.
    fence: Option<i64>,
}

impl Files {
    /// Makes a change, if the lock is still that of these files.
    fn change<T>(
        &mut self,
        change: impl FnOnce(&Transaction<'_>, &str) -> rusqlite::Result<T>,
    ) -> io::Result<T> {
        let fence = self.fence.ok_or_else(|| io::Error::other("the state is open to read only"))?;
        let (state, expires) = (&self.store.state, self.store.expires());
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = transaction.map_err(io::Error::other)?;
        let renew = "UPDATE locks SET expires = ?1 WHERE state = ?2 AND fence = ?3";
        let renewed = transaction.execute(renew, params![expires, state, fence]);
        if renewed.map_err(io::Error::other)? == 0 {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "another run has the lock"));
        }
        let changed = change(&transaction, state).map_err(|error| match error {
            rusqlite::Error::QueryReturnedNoRows => io::ErrorKind::NotFound.into(),
            error => io::Error::other(error),
        })?;
        transaction.commit().map_err(io::Error::other)?;
        Ok(changed)
    }
}

/// Returns the size of a file.
fn size(connection: &Connection, state: &str, name: &str) -> rusqlite::Result<i64> {
    let size = "SELECT size FROM files WHERE state = ?1 AND name = ?2";
    connection.query_row(size, [state, name], |row| row.get(0))
}

fn remove(transaction: &Transaction<'_>, state: &str, name: &str) -> rusqlite::Result<()> {
    for table in ["files", "parts"] {
        let remove = format!("DELETE FROM {table} WHERE state = ?1 AND name = ?2");
        transaction.execute(&remove, [state, name])?;
    }
    Ok(())
}

impl StateFiles for Files {
    fn size(&mut self, name: &str) -> io::Result<Option<u64>> {
        let size = size(&self.connection, &self.store.state, name).optional();
        Ok(size.map_err(io::Error::other)?.map(i64::unsigned_abs))
    }

    fn read(&mut self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let size = self.size(name)?.ok_or(io::ErrorKind::NotFound)?;
        let end = offset.checked_add(length as u64).filter(|end| *end <= size);
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        // From the part that has the first byte.
        let parts = "SELECT start, bytes FROM parts WHERE state = ?1 AND name = ?2 AND start < ?4
            AND start + length(bytes) > ?3 ORDER BY start";
        let mut parts = self.connection.prepare(parts).map_err(io::Error::other)?;
        let range = params![self.store.state, name, offset.cast_signed(), end.cast_signed()];
        let mut rows = parts.query(range).map_err(io::Error::other)?;
        let mut read = Vec::with_capacity(length);
        while let Some(row) = rows.next().map_err(io::Error::other)? {
            let start = row.get::<_, i64>(0).map_err(io::Error::other)?.unsigned_abs();
            let bytes: Vec<u8> = row.get(1).map_err(io::Error::other)?;
            let from = usize::try_from(offset.saturating_sub(start)).map_err(io::Error::other)?;
            let to = usize::try_from(end - start).map_err(io::Error::other)?.min(bytes.len());
            read.extend_from_slice(bytes.get(from..to).ok_or(io::ErrorKind::UnexpectedEof)?);
        }
        Ok(read)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.change(|transaction, state| {
            let start = size(transaction, state, name).optional()?.unwrap_or_default();
            let end = start.saturating_add(i64::try_from(bytes.len()).unwrap_or(i64::MAX));
            let grow = "INSERT OR REPLACE INTO files VALUES (?1, ?2, ?3)";
            transaction.execute(grow, params![state, name, end])?;
            if !bytes.is_empty() {
                let part = "INSERT INTO parts VALUES (?1, ?2, ?3, ?4)";
                transaction.execute(part, params![state, name, start, bytes])?;
            }
            Ok(())
        })
    }

    fn truncate(&mut self, name: &str, to: u64) -> io::Result<()> {
        self.change(|transaction, state| {
            size(transaction, state, name)?;
            let to = params![to.cast_signed(), state, name];
            for change in [
                "UPDATE files SET size = ?1 WHERE state = ?2 AND name = ?3",
                "DELETE FROM parts WHERE start >= ?1 AND state = ?2 AND name = ?3",
                "UPDATE parts SET bytes = substr(bytes, 1, ?1 - start)
                    WHERE start + length(bytes) > ?1 AND state = ?2 AND name = ?3",
            ] {
                transaction.execute(change, to)?;
            }
            Ok(())
        })
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        // Everything is durable already.
        self.change(|transaction, state| size(transaction, state, name).map(drop))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.change(|transaction, state| {
            size(transaction, state, from)?;
            remove(transaction, state, to)?;
            for table in ["files", "parts"] {
                let rename = format!("UPDATE {table} SET name = ?3 WHERE state = ?1 AND name = ?2");
                transaction.execute(&rename, [state, from, to])?;
            }
            Ok(())
        })
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.change(|transaction, state| remove(transaction, state, name))
    }

    fn renew_every(&self) -> Option<Duration> {
        Some(self.store.lease / 3)
    }

    fn renew(&mut self) -> io::Result<()> {
        self.change(|_, _| Ok(()))
    }

    fn release(mut self: Box<Self>) {
        // If it fails, the lock expires.
        let _ = self.change(|transaction, state| {
            transaction.execute("UPDATE locks SET expires = 0 WHERE state = ?1", [state])
        });
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").field("store", &self.store).finish_non_exhaustive()
    }
}
