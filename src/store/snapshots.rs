//! The tables `snapshots` and `snapshot_missing`: reading what was saved.

use jiff::Timestamp;
use rusqlite::Connection;

use super::records::{self, Row, Rows};
use super::seal::seal;
use super::{Store, StoreError, objects, recipe};
use crate::helm::Digest;
use crate::snapshot::{SavedRecord, Snapshot, SnapshotId};
use crate::survey::{RawRecord, RecordId, Unread};

/// A row of `snapshots`.
#[derive(Clone)]
pub(super) struct Header {
    pub(super) number: i64,
    pub(super) id: SnapshotId,
    seal: Digest,
    nonce: Vec<u8>,
    time: String,
    cluster: Option<String>,
    reason: String,
}

/// A snapshot as it was read.
pub(super) struct Loaded {
    /// What can be read.
    pub(super) snapshot: Snapshot,
    /// Its records, and what is damaged.
    pub(super) rows: Rows,
}

impl Store {
    /// All snapshots, oldest first.
    ///
    /// What is damaged is named among a snapshot's missing parts, so that the
    /// rest can still be restored; [`Store::verify`] says more.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn snapshots(&self) -> Result<Vec<Snapshot>, StoreError> {
        let reading = self.read()?;
        let mut snapshots = Vec::new();
        for header in headers(&reading)? {
            snapshots.push(load(&reading, header)?.into_snapshot());
        }
        snapshots.sort_by_key(|snapshot| snapshot.time);
        Ok(snapshots)
    }

    /// The snapshot whose id begins so.
    ///
    /// # Errors
    ///
    /// If there is none, if there are several, or if the database cannot be
    /// read.
    pub fn snapshot(&self, id: &str) -> Result<Snapshot, StoreError> {
        let reading = self.read()?;
        let header = find(&reading, id)?;
        Ok(load(&reading, header)?.into_snapshot())
    }

    /// A record as it was saved: its object the same, its payload the same after
    /// decoding. A payload that Helm cannot decode is the same text.
    ///
    /// # Errors
    ///
    /// If the snapshot does not hold it, or if anything that was read is not
    /// what was written.
    pub fn raw_record(
        &self,
        snapshot: &SnapshotId,
        record: &RecordId,
    ) -> Result<RawRecord, StoreError> {
        let reading = self.read()?;
        let number = find(&reading, &snapshot.0)?.number;
        let (key, row, object) =
            records::of_record(&reading, number, record)?.ok_or_else(|| {
                StoreError::NoSuchRecord {
                    snapshot: snapshot.clone(),
                    record: record.clone(),
                }
            })?;
        let (digest, object) = objects::load(&reading, object)?;
        if digest != row.object {
            let reason = "its object is another one";
            return Err(StoreError::damaged(record.to_string(), reason));
        }
        recipe::together(row, &object, records::joined(&reading, key)?)
    }
}

impl Loaded {
    fn into_snapshot(self) -> Snapshot {
        let mut snapshot = self.snapshot;
        let damaged = self.rows.damaged.into_iter();
        snapshot
            .missing
            .extend(damaged.map(|(what, reason)| Unread {
                what,
                reason: format!("damaged in the store: {reason}"),
            }));
        snapshot
    }
}

/// Stores a snapshot's header and what it misses, for records that were put
/// there by the same transaction. Returns its key and id.
pub(super) fn put(
    connection: &Connection,
    snapshot: &Snapshot,
    seals: Vec<Digest>,
) -> Result<(i64, SnapshotId), StoreError> {
    const NONCE: &str = "SELECT randomblob(16)";
    const INSERT: &str = "INSERT INTO snapshots (id, seal, nonce, time, cluster, reason)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    const MISSING: &str = "INSERT INTO snapshot_missing (snapshot, position, what, reason)
        VALUES (?1, ?2, ?3, ?4)";
    let mut header = Header {
        number: 0,
        id: snapshot.id.clone(),
        seal: Digest::of(b""),
        nonce: connection.query_row(NONCE, (), |row| row.get(0))?,
        time: snapshot.time.to_string(),
        cluster: snapshot.cluster.clone(),
        reason: snapshot.reason.clone(),
    };
    header.seal = header.sealed(seals, &snapshot.missing);
    header.id = header.named();
    connection.prepare_cached(INSERT)?.execute((
        &header.id.0,
        header.seal.as_bytes(),
        &header.nonce,
        &header.time,
        &header.cluster,
        &header.reason,
    ))?;
    let number = connection.last_insert_rowid();
    let mut missing = connection.prepare_cached(MISSING)?;
    for (position, unread) in (0_i64..).zip(&snapshot.missing) {
        missing.execute((number, position, &unread.what, &unread.reason))?;
    }
    Ok((number, header.id))
}

impl Header {
    /// The digest over the snapshot: its header, records and missing parts.
    fn sealed(&self, mut seals: Vec<Digest>, missing: &[Unread]) -> Digest {
        seals.sort_unstable();
        let count = (seals.len() as u64).to_be_bytes();
        let mut fields: Vec<&[u8]> = vec![&self.nonce, self.time.as_bytes()];
        fields.extend(self.cluster.as_ref().map(String::as_bytes));
        fields.extend([self.reason.as_bytes(), &count]);
        fields.extend(seals.iter().map(|seal| &seal.as_bytes()[..]));
        for unread in missing {
            fields.extend([unread.what.as_bytes(), unread.reason.as_bytes()]);
        }
        seal(&fields)
    }

    /// The first 16 digits of the seal.
    fn named(&self) -> SnapshotId {
        let digits = self.seal.as_bytes()[..8].iter();
        SnapshotId(digits.map(|byte| format!("{byte:02x}")).collect())
    }
}

/// The headers of all snapshots, in the order they were taken. One whose columns
/// hold nonsense is left out here and found by `verify`.
pub(super) fn headers(connection: &Connection) -> Result<Vec<Header>, StoreError> {
    const SQL: &str = "SELECT number, id, seal, nonce, time, cluster, reason
        FROM snapshots ORDER BY number";
    let mut statement = connection.prepare_cached(SQL)?;
    let mut rows = statement.query(())?;
    let mut headers = Vec::new();
    while let Some(row) = rows.next()? {
        match header(row) {
            Ok(header) => headers.push(header),
            Err(error) => {
                StoreError::from(error).damage()?;
            }
        }
    }
    Ok(headers)
}

/// How many snapshots there are, readable or not.
pub(super) fn count(connection: &Connection) -> Result<usize, StoreError> {
    let count: i64 =
        connection.query_row("SELECT count(*) FROM snapshots", (), |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// The header of the one snapshot whose id begins so.
pub(super) fn find(connection: &Connection, id: &str) -> Result<Header, StoreError> {
    // `g` comes right after the hexadecimal digits.
    const SQL: &str = "SELECT number, id, seal, nonce, time, cluster, reason
        FROM snapshots WHERE id >= ?1 AND id < ?1 || 'g' ORDER BY id LIMIT 2";
    let none = || StoreError::NoSuchSnapshot { id: id.to_owned() };
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(none());
    }
    let mut statement = connection.prepare_cached(SQL)?;
    let found = statement.query_map([id.to_ascii_lowercase()], header)?;
    let mut found = found.collect::<Result<Vec<_>, _>>()?;
    match found.len() {
        2 => Err(StoreError::AmbiguousSnapshot {
            prefix: id.to_owned(),
        }),
        _ => found.pop().ok_or_else(none),
    }
}

fn header(row: &rusqlite::Row<'_>) -> rusqlite::Result<Header> {
    Ok(Header {
        number: row.get(0)?,
        id: SnapshotId(row.get(1)?),
        seal: Digest::from_bytes(row.get(2)?),
        nonce: row.get(3)?,
        time: row.get(4)?,
        cluster: row.get(5)?,
        reason: row.get(6)?,
    })
}

/// Reads a snapshot and checks its seal.
pub(super) fn load(connection: &Connection, header: Header) -> Result<Loaded, StoreError> {
    let mut rows = records::of_snapshot(connection, header.number)?;
    let missing = match missing(connection, header.number) {
        Ok(missing) => missing,
        Err(error) => {
            let what = "its list of what is missing".to_owned();
            rows.damaged.push((what, error.damage()?));
            Vec::new()
        }
    };
    let seals = rows.whole.iter().map(|(_, row, _)| row.seal()).collect();
    let sealed = header.sealed(seals, &missing) == header.seal && header.named() == header.id;
    let time = header.time.parse::<Timestamp>();
    // Damaged records break the seal too, and are named already.
    if (!sealed && rows.damaged.is_empty()) || time.is_err() {
        let what = format!("snapshot {}", header.id);
        rows.damaged.push((what, "its seal is broken"));
    }
    let saved = rows.whole.iter().map(|(_, row, _)| saved(row)).collect();
    let snapshot = Snapshot {
        id: header.id,
        time: time.unwrap_or(Timestamp::UNIX_EPOCH),
        cluster: header.cluster,
        reason: header.reason,
        records: saved,
        missing,
    };
    Ok(Loaded { snapshot, rows })
}

fn missing(connection: &Connection, snapshot: i64) -> Result<Vec<Unread>, StoreError> {
    const SQL: &str = "SELECT what, reason FROM snapshot_missing
        WHERE snapshot = ?1 ORDER BY position";
    let mut statement = connection.prepare_cached(SQL)?;
    let missing = statement.query_map([snapshot], |row| {
        Ok(Unread {
            what: row.get(0)?,
            reason: row.get(1)?,
        })
    })?;
    Ok(missing.collect::<Result<_, _>>()?)
}

/// What a snapshot says of a row.
pub(super) fn saved(row: &Row) -> SavedRecord {
    SavedRecord {
        id: row.id.clone(),
        uid: row.uid.clone(),
        resource_version: row.resource_version.clone(),
        bytes: u64::try_from(row.bytes).unwrap_or(0),
    }
}
