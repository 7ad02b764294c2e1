//! The database's tables, its format version, and how it is opened.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::{StoreError, files};

/// The format that this version writes (`PRAGMA user_version`).
pub(super) const FORMAT: i64 = 1;

/// `zadr`: marks the file as ours (`PRAGMA application_id`).
const APPLICATION: i64 = 0x7a61_6472;

/// How long one process waits for another's transaction. Ours take milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// The tables that every store has. SQLite keeps this text in the file, so it is
/// terse; what the columns mean:
///
/// `objects`: bytes, each kept once. `digest` is the sha256 of the plain bytes,
/// of which there are `size`; `encoding` says what `bytes` are: `raw`, `zstd`, or
/// `fold` (zstd of JSON whose base64 is decoded, see `fold`). `base` is the
/// object whose plain bytes are zstd's prefix. The index holds the first eight
/// bytes of the digest: as good as all of them, and small.
///
/// `histories`: saved states of the records of one release. `seal` is the sha256
/// over all that follows, objects by their digests instead of their keys, so
/// that it is the same in every store; `known` that over cluster and metadata, by which a
/// state is known; `contents` is an object, JSON: what the records are made of.
///
/// `snapshots`: `id`, in hexadecimal, is a snapshot's name and the beginning of
/// its `seal`, which is the sha256 over the columns behind it up to `contents`,
/// which is the sha256 over what is held. `number` is the order they were taken
/// in. `tags`, `scope` and `missing` are JSON; so are `live` (by namespace, the
/// object that lists the live objects) and `histories` (their ids).
///
/// Which rows `base`, `contents`, `live` and `histories` refer to, SQLite does
/// not know: two of them are lists, and an index for each would cost as much as
/// it tells. `verify` follows them all.
const TABLES: &str = "
CREATE TABLE objects(id INTEGER PRIMARY KEY,digest BLOB,encoding TEXT,base INTEGER,size INTEGER,bytes BLOB)STRICT;
CREATE INDEX object ON objects(substr(digest,1,8));
CREATE TABLE histories(id INTEGER PRIMARY KEY,seal BLOB,known BLOB,driver TEXT,namespace TEXT,name TEXT,contents INTEGER)STRICT;
CREATE INDEX history ON histories(namespace,name);
CREATE TABLE snapshots(id INTEGER PRIMARY KEY,seal BLOB,nonce BLOB,number INTEGER,time TEXT,cluster TEXT,reason TEXT,note TEXT,\
tags TEXT,scope TEXT,version INTEGER,releases INTEGER,records INTEGER,objects INTEGER,bytes INTEGER,missing TEXT,contents BLOB,\
live TEXT,histories TEXT)STRICT;
";

/// The tables that a store has from its first operation on: a backup alone does
/// not pay for them.
///
/// `operations`: `seal` is the sha256 over `id` and what follows, `plan` is JSON.
/// `events` is what happened to them: `seal` is the sha256 over the operation's
/// id, `position` and `event`, which is JSON.
const OPERATIONS: &str = "
CREATE TABLE IF NOT EXISTS operations(number INTEGER PRIMARY KEY,id TEXT NOT NULL UNIQUE,seal BLOB NOT NULL,began TEXT NOT NULL,
snapshot TEXT NOT NULL,undoes TEXT REFERENCES operations(id),plan TEXT NOT NULL)STRICT;
CREATE TABLE IF NOT EXISTS events(operation INTEGER NOT NULL REFERENCES operations(number),position INTEGER NOT NULL,
seal BLOB NOT NULL,event TEXT NOT NULL,PRIMARY KEY(operation,position))STRICT,WITHOUT ROWID;
";

/// The table that a store has from its first import on: the snapshots that came
/// out of archives. What they hold was not read from a cluster here, so nothing
/// is known by it; their histories have negative keys, which says the same.
const IMPORTS: &str = "CREATE TABLE IF NOT EXISTS imports(snapshot INTEGER PRIMARY KEY)STRICT;";

/// The table that a store has from the first read of a Zadig on that could be
/// kept: `reads` is JSON, `seal` the sha256 over what stands beside it.
const ZADIG: &str = "CREATE TABLE IF NOT EXISTS zadig(cluster TEXT,server TEXT,seal BLOB,reads TEXT,\
PRIMARY KEY(cluster,server))STRICT,WITHOUT ROWID;";

/// A store of a single release is a few kilobytes, and each table and index
/// takes a page at least.
pub(super) const PAGE: i64 = 512;

/// The pages of a store that begins with many records: each is a few system
/// calls, and small ones would take as long as all the compressing.
const LARGE_PAGE: i64 = 4096;

/// From so many records on.
const MANY: usize = 1000;

/// The size of pages for a store that begins with so many records.
pub(super) fn page_for(records: usize) -> i64 {
    if records < MANY { PAGE } else { LARGE_PAGE }
}

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
    // Else a statement may be planned anew for each value it is given.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// What is read in it is of one moment, and locks are taken once for all of it.
pub(super) fn read(connection: &Connection) -> Result<Transaction<'_>, StoreError> {
    let behavior = TransactionBehavior::Deferred;
    Ok(Transaction::new_unchecked(connection, behavior)?)
}

/// Opens the database's file where nothing can be written. The file alone is
/// read: what a log beside it holds, SQLite cannot read without writing.
pub(super) fn connect_to_read(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    // What a URI means by these is not what a path means by them.
    let mut name = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                name.push(char::from(*byte));
            }
            _ => name.push_str(&format!("%{byte:02x}")),
        }
    }
    let connection = Connection::open_with_flags(format!("file:{name}?immutable=1"), flags)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    if pragma(&connection, "application_id")? != APPLICATION {
        let path = path.to_owned();
        return Err(StoreError::NotAStore { path });
    }
    Ok(connection)
}

/// Makes sure that the database is ours, filling it if it is empty, and returns
/// its format. One of a newer format is protected against being written.
pub(super) fn settle(connection: &Connection, dir: &Path, page: i64) -> Result<i64, StoreError> {
    if is_empty(connection)? {
        // Two processes that switch to the write-ahead log at once would trip
        // over each other, whatever their patience.
        let lock = files::lock(dir, "create")?;
        lock.lock()
            .map_err(StoreError::file("lock", &dir.join("locks/create")))?;
        if is_empty(connection)? {
            refuse_torn(&files::database(dir))?;
            fill(connection, page)?;
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

fn fill(connection: &Connection, page: i64) -> Result<(), StoreError> {
    connection.pragma_update(None, "page_size", page)?;
    // What is forgotten gives its space back in place: to copy everything for it
    // would need as much again, which a full disk does not have.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.query_row("PRAGMA journal_mode = WAL", (), |_| Ok(()))?;
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()?;
    Ok(())
}

/// Moves what the log holds into the database's file, as far as nobody reads it:
/// so much less is left to be moved when the last connection is closed.
pub(super) fn checkpoint(connection: &Connection) -> Result<(), StoreError> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()))?;
    Ok(())
}

/// Makes the tables of operations, unless they are there.
pub(super) fn operations(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.execute_batch(OPERATIONS)?)
}

/// Makes the table of imports, unless it is there.
pub(super) fn imports(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.execute_batch(IMPORTS)?)
}

/// Makes the table of what Zadig told, unless it is there.
pub(super) fn zadig(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.execute_batch(ZADIG)?)
}

/// A store of its own for as long as the connection is open, which is anonymous
/// and private wherever SQLite puts it.
pub(super) fn scratch() -> Result<Connection, StoreError> {
    let connection = Connection::open("")?;
    connection.execute_batch(TABLES)?;
    Ok(connection)
}

/// Whether there are tables of operations.
pub(super) fn has_operations(connection: &Connection) -> Result<bool, StoreError> {
    has_table(connection, "operations")
}

/// Whether there is a table of that name.
pub(super) fn has_table(connection: &Connection, name: &str) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT count(*) FROM sqlite_schema WHERE name = ?1";
    let tables: i64 = connection.query_row(SQL, [name], |row| row.get(0))?;
    Ok(tables > 0)
}

fn is_empty(connection: &Connection) -> Result<bool, StoreError> {
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    Ok(tables == 0 && pragma(connection, "application_id")? == 0)
}

fn pragma(connection: &Connection, name: &str) -> Result<i64, StoreError> {
    Ok(connection.pragma_query_value(None, name, |row| row.get(0))?)
}
