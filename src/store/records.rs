//! The tables `records`, `record_parts` and `snapshot_records`: saved states of
//! storage objects, each kept once however many snapshots hold it.

use rusqlite::{Connection, OptionalExtension, Row as SqlRow};

use super::seal::seal;
use super::{StoreError, objects};
use crate::helm::{Digest, Driver};
use crate::survey::RecordId;

/// What a payload's parts join to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PayloadKind {
    /// There is no payload.
    None,
    /// The release's JSON.
    Json,
    /// The text of `data.release`.
    Text,
}

impl PayloadKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Json => "json",
            Self::Text => "text",
        }
    }
}

/// A row of `records`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) id: RecordId,
    pub(super) uid: String,
    pub(super) resource_version: String,
    /// Of the object's JSON.
    pub(super) object: Digest,
    pub(super) payload: PayloadKind,
    /// Of the joined parts.
    pub(super) plain: Digest,
    /// Of the payload's text.
    pub(super) text: Digest,
    /// Length of the payload's text.
    pub(super) bytes: i64,
}

impl Row {
    /// The digest over all columns, which names the saved state.
    pub(super) fn seal(&self) -> Digest {
        seal(&[
            self.id.namespace.as_bytes(),
            driver(self.id.driver).as_bytes(),
            self.id.name.as_bytes(),
            self.uid.as_bytes(),
            self.resource_version.as_bytes(),
            self.object.as_bytes(),
            self.payload.as_str().as_bytes(),
            self.plain.as_bytes(),
            self.text.as_bytes(),
            &self.bytes.to_be_bytes(),
        ])
    }

    fn read(row: &SqlRow<'_>) -> Result<Self, StoreError> {
        let digest = |column| row.get::<_, [u8; 32]>(column).map(Digest::from_bytes);
        let text = |column| row.get::<_, String>(column);
        let unknown = || StoreError::damaged("a record", "a column holds what was never written");
        let driver = match text("driver")?.as_str() {
            "secret" => Driver::Secret,
            "configmap" => Driver::ConfigMap,
            _ => return Err(unknown()),
        };
        let payload = match text("payload")?.as_str() {
            "none" => PayloadKind::None,
            "json" => PayloadKind::Json,
            "text" => PayloadKind::Text,
            _ => return Err(unknown()),
        };
        let found = Self {
            id: RecordId {
                namespace: text("namespace")?,
                driver,
                name: text("name")?,
            },
            uid: text("uid")?,
            resource_version: text("resource_version")?,
            object: digest("object_digest")?,
            payload,
            plain: digest("plain_digest")?,
            text: digest("text_digest")?,
            bytes: row.get("bytes")?,
        };
        if found.seal() != digest("seal")? {
            return Err(StoreError::damaged("a record", "its seal is broken"));
        }
        Ok(found)
    }
}

/// As the column `driver` spells it. Not `Display`, whose spelling may change.
fn driver(driver: Driver) -> &'static str {
    match driver {
        Driver::Secret => "secret",
        Driver::ConfigMap => "configmap",
    }
}

/// Stores a row and its parts, whose objects are there, unless they are there
/// already. Returns the row's key.
pub(super) fn put(connection: &Connection, row: &Row, parts: &[Digest]) -> Result<i64, StoreError> {
    const FIND: &str = "SELECT id FROM records WHERE seal = ?1";
    const INSERT: &str = "INSERT INTO records (seal, namespace, driver, name, uid,
            resource_version, object, payload, plain_digest, text_digest, bytes)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, (SELECT id FROM objects WHERE digest = ?7),
            ?8, ?9, ?10, ?11)";
    const PART: &str = "INSERT INTO record_parts (record, position, object)
        VALUES (?1, ?2, (SELECT id FROM objects WHERE digest = ?3))";
    let seal = row.seal();
    let mut find = connection.prepare_cached(FIND)?;
    let found = find.query_row([seal.as_bytes()], |row| row.get(0));
    if let Some(record) = found.optional()? {
        return Ok(record);
    }
    connection.prepare_cached(INSERT)?.execute((
        seal.as_bytes(),
        &row.id.namespace,
        driver(row.id.driver),
        &row.id.name,
        &row.uid,
        &row.resource_version,
        row.object.as_bytes(),
        row.payload.as_str(),
        row.plain.as_bytes(),
        row.text.as_bytes(),
        row.bytes,
    ))?;
    let record = connection.last_insert_rowid();
    let mut insert = connection.prepare_cached(PART)?;
    for (position, part) in (0_i64..).zip(parts) {
        insert.execute((record, position, part.as_bytes()))?;
    }
    Ok(record)
}

/// Puts a saved state into a snapshot.
pub(super) fn link(connection: &Connection, snapshot: i64, record: i64) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO snapshot_records (snapshot, record) VALUES (?1, ?2)";
    connection
        .prepare_cached(SQL)?
        .execute((snapshot, record))?;
    Ok(())
}

/// The records of a snapshot, as far as they can be read.
#[derive(Default)]
pub(super) struct Rows {
    /// Key, row and the key of its object, by namespace, driver and name.
    pub(super) whole: Vec<(i64, Row, i64)>,
    /// What cannot be read: named as well as can be, and why.
    pub(super) damaged: Vec<(String, &'static str)>,
}

/// Reads the records of a snapshot. What is damaged does not hide the others.
pub(super) fn of_snapshot(connection: &Connection, snapshot: i64) -> Result<Rows, StoreError> {
    let mut found = Rows::default();
    let mut statement = connection.prepare_cached("SELECT * FROM saved WHERE snapshot = ?1")?;
    let mut rows = statement.query([snapshot])?;
    loop {
        match rows.next() {
            Ok(Some(row)) => match keyed(row) {
                Ok(whole) => found.whole.push(whole),
                Err(error) => found.damaged.push((told(row), error.damage()?)),
            },
            Ok(None) => break,
            Err(error) => {
                let reason = StoreError::from(error).damage()?;
                found
                    .damaged
                    .push(("its list of records".to_owned(), reason));
                break;
            }
        }
    }
    found.whole.sort_by(|(_, a, _), (_, b, _)| a.id.cmp(&b.id));
    Ok(found)
}

fn keyed(row: &SqlRow<'_>) -> Result<(i64, Row, i64), StoreError> {
    Ok((row.get("record")?, Row::read(row)?, row.get("object")?))
}

/// What a damaged row still says about itself.
fn told(row: &SqlRow<'_>) -> String {
    let text = |column| {
        row.get::<_, String>(column)
            .unwrap_or_else(|_| "?".to_owned())
    };
    format!("{} {}/{}", text("driver"), text("namespace"), text("name"))
}

/// The row, its key and the key of its object, of one record in a snapshot.
pub(super) fn of_record(
    connection: &Connection,
    snapshot: i64,
    id: &RecordId,
) -> Result<Option<(i64, Row, i64)>, StoreError> {
    const SQL: &str = "SELECT * FROM saved
        WHERE snapshot = ?1 AND namespace = ?2 AND driver = ?3 AND name = ?4";
    let mut statement = connection.prepare_cached(SQL)?;
    let mut rows = statement.query((snapshot, &id.namespace, driver(id.driver), &id.name))?;
    let row = rows.next()?;
    let found = row.map(keyed).transpose();
    found.map_err(|error| match error {
        StoreError::Damaged { reason, .. } => StoreError::damaged(id.to_string(), reason),
        other => other,
    })
}

/// The keys of a record's parts, in order.
pub(super) fn parts(connection: &Connection, record: i64) -> Result<Vec<i64>, StoreError> {
    const SQL: &str = "SELECT object FROM record_parts WHERE record = ?1 ORDER BY position";
    let mut statement = connection.prepare_cached(SQL)?;
    let parts = statement.query_map([record], |row| row.get(0))?;
    Ok(parts.collect::<Result<_, _>>()?)
}

/// Reads and joins a record's parts.
pub(super) fn joined(connection: &Connection, record: i64) -> Result<Vec<u8>, StoreError> {
    let mut plain = Vec::new();
    for part in parts(connection, record)? {
        plain.extend(objects::load(connection, part)?.1);
    }
    Ok(plain)
}
