//! The database's tables, its format version, and how it is opened.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::{StoreError, files};

/// The format that this version writes (`PRAGMA user_version`).
pub(super) const FORMAT: i64 = 1;

/// `zadr`: marks the file as ours (`PRAGMA application_id`).
const APPLICATION: i64 = 0x7a61_6472;

/// How long one process waits for another's transaction. Ours take milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Comments go into the file, for whoever opens it with another tool.
const TABLES: &str = "
CREATE TABLE objects (              -- bytes, each kept once
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    digest   BLOB NOT NULL UNIQUE,  -- sha256 of the plain bytes
    encoding TEXT NOT NULL,         -- of `bytes`: 'raw' or 'zstd'
    size     INTEGER NOT NULL,      -- of the plain bytes
    bytes    BLOB NOT NULL
) STRICT;
CREATE TABLE records (              -- one saved state of one storage object
    id               INTEGER PRIMARY KEY,
    seal             BLOB NOT NULL UNIQUE, -- sha256 over all that follows
    namespace        TEXT NOT NULL,
    driver           TEXT NOT NULL, -- 'secret' or 'configmap'
    name             TEXT NOT NULL,
    uid              TEXT NOT NULL,
    resource_version TEXT NOT NULL,
    object           INTEGER NOT NULL REFERENCES objects (id), -- its JSON without data.release
    payload          TEXT NOT NULL, -- what its parts join to: 'none', the release's 'json', or the 'text' of data.release
    plain_digest     BLOB NOT NULL, -- sha256 of the joined parts
    text_digest      BLOB NOT NULL, -- sha256 of the text of data.release
    bytes            INTEGER NOT NULL -- length of that text
) STRICT;
CREATE TABLE record_parts (
    record   INTEGER NOT NULL REFERENCES records (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    object   INTEGER NOT NULL REFERENCES objects (id),
    PRIMARY KEY (record, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE snapshots (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    id      TEXT NOT NULL UNIQUE,   -- the first digits of its seal
    seal    BLOB NOT NULL,          -- sha256 over what follows, its records' seals and what is missing
    nonce   BLOB NOT NULL,          -- tells two snapshots of one moment apart
    time    TEXT NOT NULL,
    cluster TEXT,                   -- uid of namespace kube-system
    reason  TEXT NOT NULL
) STRICT;
CREATE TABLE snapshot_records (
    snapshot INTEGER NOT NULL REFERENCES snapshots (number) ON DELETE CASCADE,
    record   INTEGER NOT NULL REFERENCES records (id),
    PRIMARY KEY (snapshot, record)
) STRICT, WITHOUT ROWID;
CREATE VIEW saved AS                -- what each snapshot holds
    SELECT s.snapshot, s.record, r.seal, r.namespace, r.driver, r.name, r.uid, r.resource_version,
        r.object, o.digest AS object_digest, r.payload, r.plain_digest, r.text_digest, r.bytes
    FROM snapshot_records s
    LEFT JOIN records r ON r.id = s.record
    LEFT JOIN objects o ON o.id = r.object;
CREATE TABLE snapshot_missing (     -- what could not be saved
    snapshot INTEGER NOT NULL REFERENCES snapshots (number) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    what     TEXT NOT NULL,
    reason   TEXT NOT NULL,
    PRIMARY KEY (snapshot, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE operations (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    seal     BLOB NOT NULL,         -- sha256 over id and all that follows
    began    TEXT NOT NULL,
    snapshot TEXT NOT NULL REFERENCES snapshots (id), -- taken before its first write
    undoes   TEXT REFERENCES operations (id),
    plan     TEXT NOT NULL          -- JSON
) STRICT;
CREATE TABLE events (               -- what happened to an operation
    operation INTEGER NOT NULL REFERENCES operations (number) ON DELETE CASCADE,
    position  INTEGER NOT NULL,
    seal      BLOB NOT NULL,        -- sha256 over the operation's id, position and event
    event     TEXT NOT NULL,        -- JSON
    PRIMARY KEY (operation, position)
) STRICT, WITHOUT ROWID;
";

/// Opens the database's file, which must be there, and changes nothing in it.
pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    // What is reported as stored survives a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // On macOS an ordinary fsync stops at the disk's cache.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // The file may be damaged or forged: believe less of what it says.
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}

/// Makes sure that the database is ours, filling it if it is empty, and returns
/// its format. One of a newer format is protected against being written.
pub(super) fn settle(connection: &Connection, dir: &Path) -> Result<i64, StoreError> {
    if is_empty(connection)? {
        // Two processes that switch to the write-ahead log at once would trip
        // over each other, whatever their patience.
        let lock = files::lock(dir, "create")?;
        lock.lock()
            .map_err(StoreError::file("lock", &dir.join("locks/create")))?;
        if is_empty(connection)? {
            refuse_torn(&files::database(dir))?;
            fill(connection)?;
        }
    }
    if pragma(connection, "application_id")? != APPLICATION {
        let path = files::database(dir);
        return Err(StoreError::NotAStore { path });
    }
    let format = pragma(connection, "user_version")?;
    if format > FORMAT {
        connection.pragma_update(None, "query_only", true)?;
    }
    Ok(format)
}

/// SQLite takes a file that is shorter than any page for an empty database. One
/// that holds some bytes was a store, and is not to be filled anew.
fn refuse_torn(path: &Path) -> Result<(), StoreError> {
    const SMALLEST_PAGE: u64 = 512;
    let file = std::fs::metadata(path).map_err(StoreError::file("look at", path))?;
    if (1..SMALLEST_PAGE).contains(&file.len()) {
        return Err(StoreError::damaged("the database", "its file was cut off"));
    }
    Ok(())
}

fn fill(connection: &Connection) -> Result<(), StoreError> {
    connection.query_row("PRAGMA journal_mode = WAL", (), |_| Ok(()))?;
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()?;
    Ok(())
}

fn is_empty(connection: &Connection) -> Result<bool, StoreError> {
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    Ok(tables == 0 && pragma(connection, "application_id")? == 0)
}

fn pragma(connection: &Connection, name: &str) -> Result<i64, StoreError> {
    Ok(connection.pragma_query_value(None, name, |row| row.get(0))?)
}
