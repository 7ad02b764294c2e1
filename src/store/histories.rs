//! The table `histories`: saved states of the records of one release, each kept
//! once however many snapshots hold it, until it changes. The newest is believed.

use rusqlite::{Connection, OptionalExtension, Row as SqlRow};

use super::StoreError;
use super::contents::{self, Contents};
use super::objects::Reader;
use super::seal::{optional, seal};
use crate::helm::{Digest, Driver};
use crate::snapshot::HistoryId;

/// A row of `histories`.
#[derive(Clone, Debug)]
struct Row {
    key: i64,
    seal: Digest,
    known: Option<Digest>,
    id: HistoryId,
    contents: i64,
}

/// A history as it was read, and proven but for the bytes of its records.
#[derive(Clone, Debug)]
pub(super) struct History {
    /// Its key in the table.
    pub(super) key: i64,
    pub(super) seal: Digest,
    pub(super) known: Option<Digest>,
    pub(super) id: HistoryId,
    pub(super) contents: Contents,
    /// The object that its contents are read from.
    pub(super) object: i64,
}

const COLUMNS: &str = "SELECT id, seal, known, driver, namespace, name, contents FROM histories";

/// The digest over all columns and what they refer to; no key of this store is
/// part of it.
pub(super) fn sealed(id: &HistoryId, contents: &Contents) -> Digest {
    sealed_as(id, contents.known(), contents)
}

fn sealed_as(id: &HistoryId, known: Option<Digest>, contents: &Contents) -> Digest {
    let contents = contents.sealed();
    seal(&[
        &optional(known.as_ref().map(|known| &known.as_bytes()[..])),
        driver(id.driver).as_bytes(),
        id.namespace.as_bytes(),
        id.name.as_bytes(),
        contents.as_bytes(),
    ])
}

/// Stores a history whose contents are an object already; returns its key.
pub(super) fn put(
    connection: &Connection,
    id: &HistoryId,
    known: Option<Digest>,
    seal: Digest,
    object: i64,
) -> Result<i64, StoreError> {
    put_as(connection, None, (id, known, seal, object))
}

fn put_as(
    connection: &Connection,
    key: Option<i64>,
    (id, known, seal, object): (&HistoryId, Option<Digest>, Digest, i64),
) -> Result<i64, StoreError> {
    const INSERT: &str =
        "INSERT INTO histories (id, seal, known, driver, namespace, name, contents)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    connection.prepare_cached(INSERT)?.execute((
        key,
        seal.as_bytes(),
        known.as_ref().map(Digest::as_bytes),
        driver(id.driver),
        &id.namespace,
        &id.name,
        object,
    ))?;
    Ok(connection.last_insert_rowid())
}

/// The newest state of a history that was saved here, if it can be read. What
/// came out of an archive is not counted: a backup believes only what it read
/// itself.
pub(super) fn newest(
    connection: &Connection,
    reader: &mut Reader<'_>,
    id: &HistoryId,
) -> Result<Option<History>, StoreError> {
    let mut rows = named(connection, id, 1)?;
    let found = match rows.pop() {
        Some(Ok(row)) if row.key < 0 => return Ok(None),
        Some(Ok(row)) => whole(reader, row),
        Some(Err(error)) => Err(error),
        None => return Ok(None),
    };
    match found {
        Ok(history) => Ok(Some(history)),
        Err(error) => error.damage().map(|_| None),
    }
}

/// The key of its newest state.
pub(super) fn newest_key(
    connection: &Connection,
    id: &HistoryId,
) -> Result<Option<i64>, StoreError> {
    const SQL: &str = "SELECT id FROM histories WHERE namespace = ?1 AND name = ?2
        AND driver = ?3 ORDER BY id DESC LIMIT 1";
    let mut statement = connection.prepare_cached(SQL)?;
    let key = (&id.namespace, &id.name, driver(id.driver));
    Ok(statement.query_row(key, |row| row.get(0)).optional()?)
}

/// What the row of a history is sealed with.
pub(super) fn seal_of(connection: &Connection, key: i64) -> Result<Digest, StoreError> {
    const SQL: &str = "SELECT seal FROM histories WHERE id = ?1";
    let mut statement = connection.prepare_cached(SQL)?;
    Ok(Digest::from_bytes(
        statement.query_row([key], |row| row.get(0))?,
    ))
}

/// Any state of a history that is sealed so and can be read.
pub(super) fn sealed_so(
    connection: &Connection,
    reader: &mut Reader<'_>,
    id: &HistoryId,
    seal: Digest,
) -> Result<Option<History>, StoreError> {
    for row in named(connection, id, i64::MAX)?.into_iter().flatten() {
        if row.seal == seal {
            match whole(reader, row) {
                Ok(history) => return Ok(Some(history)),
                Err(error) => drop(error.damage()?),
            }
        }
    }
    Ok(None)
}

/// Stores a history out of an archive, under a negative key, by which it is told
/// from those that were saved here.
pub(super) fn put_foreign(
    connection: &Connection,
    id: &HistoryId,
    known: Option<Digest>,
    seal: Digest,
    object: i64,
) -> Result<i64, StoreError> {
    const NEXT: &str = "SELECT min(0, coalesce(min(id), 0)) - 1 FROM histories";
    let key: i64 = connection.query_row(NEXT, (), |row| row.get(0))?;
    put_as(connection, Some(key), (id, known, seal, object))
}

/// The saved states of a history, newest first, each with its key: those out of
/// a list.
pub(super) fn among(
    connection: &Connection,
    reader: &mut Reader<'_>,
    id: &HistoryId,
    listed: &[i64],
) -> Result<Option<History>, StoreError> {
    for row in named(connection, id, i64::MAX)? {
        let row = row?;
        if listed.binary_search(&row.key).is_ok() {
            return whole(reader, row).map(Some);
        }
    }
    Ok(None)
}

fn named(
    connection: &Connection,
    id: &HistoryId,
    most: i64,
) -> Result<Vec<Result<Row, StoreError>>, StoreError> {
    let sql = format!(
        "{COLUMNS} WHERE namespace = ?1 AND name = ?2 AND driver = ?3 ORDER BY id DESC LIMIT ?4"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map((&id.namespace, &id.name, driver(id.driver), most), |row| {
        Ok(read(row))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One saved state. Where it is damaged, also what it is called as far as that
/// can be told.
pub(super) fn load(
    connection: &Connection,
    reader: &mut Reader<'_>,
    key: i64,
) -> Result<Result<History, (String, &'static str)>, StoreError> {
    let sql = format!("{COLUMNS} WHERE id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_row([key], |row| Ok((read(row), told(row))));
    let (row, told) = match found.optional().map_err(StoreError::from) {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(Err((format!("history {key}"), "it is not there"))),
        Err(error) => return Ok(Err((format!("history {key}"), error.damage()?))),
    };
    match row.and_then(|row| whole(reader, row)) {
        Ok(history) => Ok(Ok(history)),
        Err(error) => Ok(Err((told, error.damage()?))),
    }
}

/// Reads the contents and checks the seal.
fn whole(reader: &mut Reader<'_>, row: Row) -> Result<History, StoreError> {
    let (_, json) = reader.load(row.contents)?;
    let contents = contents::from_json::<Contents>(&json)?;
    if sealed_as(&row.id, row.known, &contents) != row.seal {
        return Err(StoreError::damaged("a history", "its seal is broken"));
    }
    Ok(History {
        key: row.key,
        seal: row.seal,
        known: row.known,
        id: row.id,
        contents,
        object: row.contents,
    })
}

fn read(row: &SqlRow<'_>) -> Result<Row, StoreError> {
    let driver = match row.get::<_, String>(3)?.as_str() {
        "secret" => Driver::Secret,
        "configmap" => Driver::ConfigMap,
        _ => {
            let reason = "a column holds what was never written";
            return Err(StoreError::damaged("a history", reason));
        }
    };
    let known: Option<[u8; 32]> = row.get(2)?;
    Ok(Row {
        key: row.get(0)?,
        seal: Digest::from_bytes(row.get(1)?),
        known: known.map(Digest::from_bytes),
        id: HistoryId {
            driver,
            namespace: row.get(4)?,
            name: row.get(5)?,
        },
        contents: row.get(6)?,
    })
}

/// What a damaged row still says about itself.
fn told(row: &SqlRow<'_>) -> String {
    let text = |column| {
        row.get::<_, String>(column)
            .unwrap_or_else(|_| "?".to_owned())
    };
    let (driver, namespace, name) = (text(3), text(4), text(5));
    format!("all records of {namespace}/{name} ({driver})")
}

/// As the column `driver` spells it. Not `Display`, whose spelling may change.
fn driver(driver: Driver) -> &'static str {
    match driver {
        Driver::Secret => "secret",
        Driver::ConfigMap => "configmap",
    }
}
