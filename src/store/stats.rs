//! How much the store holds, and what that takes.

use rusqlite::Connection;

use super::contents::{self, Contents};
use super::objects::Reader;
use super::{Store, StoreError, headers};

/// Numbers of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Snapshots.
    pub snapshots: u64,
    /// Saved states of releases.
    pub histories: u64,
    /// Saved states of records.
    pub records: u64,
    /// Objects that these are made of.
    pub objects: u64,
    /// The payloads of all snapshots, as the cluster stored them: what they would
    /// take if each were kept by itself.
    pub held: u64,
    /// Plain bytes of the objects.
    pub plain: u64,
    /// The same as they are stored.
    pub stored: u64,
    /// Size of the store's files.
    pub file: u64,
}

impl Stats {
    /// How many times as large as the store the payloads are.
    pub fn ratio(&self) -> f64 {
        self.held as f64 / self.file.max(1) as f64
    }
}

impl Store {
    /// Counts what the store holds.
    ///
    /// # Errors
    ///
    /// If the database cannot be read. What is damaged is not counted among the
    /// records.
    pub fn stats(&self) -> Result<Stats, StoreError> {
        const OBJECTS: &str =
            "SELECT count(*), coalesce(sum(size), 0), coalesce(sum(length(bytes)), 0) FROM objects";
        let reading = self.read()?;
        let headers = headers::headers(&reading)?;
        let held = headers.iter().map(|header| header.bytes());
        let (objects, plain, stored) = reading.query_row(OBJECTS, (), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        let number = |number: i64| u64::try_from(number).unwrap_or(0);
        let lists = lists(&reading)?;
        Ok(Stats {
            snapshots: headers.len() as u64,
            held: held.sum(),
            histories: lists.len() as u64,
            records: records(&reading, &lists)?,
            objects: number(objects),
            plain: number(plain),
            stored: number(stored),
            file: self.file_size()?,
        })
    }
}

/// The objects that list the records of histories.
fn lists(connection: &Connection) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection.prepare("SELECT contents FROM histories")?;
    let lists = statement.query_map((), |row| row.get(0))?;
    Ok(lists.collect::<Result<_, _>>()?)
}

/// How many different states of records there are.
fn records(connection: &Connection, lists: &[i64]) -> Result<u64, StoreError> {
    let mut reader = Reader::new(connection);
    let mut rests = std::collections::HashSet::new();
    for list in lists {
        let read = reader.load(*list);
        match read.and_then(|(_, json)| contents::from_json::<Contents>(&json)) {
            Ok(list) => rests.extend(list.records.iter().map(|entry| entry.rest)),
            Err(error) => {
                error.damage()?;
            }
        }
    }
    Ok(rests.len() as u64)
}
