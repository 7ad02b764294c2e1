//! Forgetting snapshots, and giving back the space of what nobody refers to any
//! more.

use std::collections::{BTreeSet, HashSet};
use std::fs::File;

use rusqlite::Connection;

use super::contents::{self, Contents, LiveObjects};
use super::objects::Reader;
use super::operations::Needs;
use super::{Store, StoreError, headers, locks};
use crate::snapshot::SnapshotId;

/// So many pages are moved by one transaction: a few milliseconds, in which other
/// processes wait.
const PAGES: i64 = 2048;

/// What [`Store::forget`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// These snapshots are gone.
    pub forgotten: Vec<SnapshotId>,
    /// These are not, and why.
    pub kept: Vec<(SnapshotId, String)>,
    /// How many bytes the store's file became smaller.
    pub freed: u64,
    /// Why space was not given back, if it was not.
    pub not_freed: Option<String>,
}

impl Store {
    /// Which of these snapshots cannot be forgotten, and why: operations refer to
    /// them.
    ///
    /// # Errors
    ///
    /// If there is none or several of that id, or the database cannot be read.
    pub fn needed(&self, ids: &[SnapshotId]) -> Result<Vec<(SnapshotId, String)>, StoreError> {
        let reading = self.read()?;
        let needs = Needs::of(&reading)?;
        let mut needed = Vec::new();
        for id in ids {
            let id = headers::find(&reading, &id.0)?.id;
            if let Some(operation) = needs.operation(&id)? {
                let reason = format!("operation {operation} refers to it");
                needed.push((id, reason));
            }
        }
        Ok(needed)
    }

    /// Forgets snapshots, and gives back the space of what only they held.
    ///
    /// A snapshot that an operation refers to is kept, and said so. While a
    /// snapshot is being taken, nothing is collected: nobody else knows yet what
    /// it will refer to. The next run makes up for it.
    ///
    /// # Errors
    ///
    /// If there is none or several of that id; then, and if the store cannot be
    /// written, nothing was forgotten.
    pub fn forget(&self, ids: &[SnapshotId]) -> Result<Forgotten, StoreError> {
        let before = self.file_size()?;
        let space = locks::take_space(self)?;
        let mut done = Forgotten {
            kept: self.needed(ids)?,
            ..Forgotten::default()
        };
        let writing = self.write()?;
        let found = ids.iter().map(|id| headers::find(&writing, &id.0));
        let found = found.map(|header| header.map(|header| header.id));
        // Asked again: an operation may have begun since.
        let needs = Needs::of(&writing)?;
        for id in found.collect::<Result<BTreeSet<_>, _>>()? {
            if needs.operation(&id)?.is_none() {
                headers::remove(&writing, &id)?;
                done.forgotten.push(id);
            }
        }
        done.not_freed = match &space {
            Some(_) => collect(&writing)?,
            None => Some("a snapshot is being taken".to_owned()),
        };
        writing.commit()?;
        if let Some(space) = space {
            self.shrink(&space)?;
        }
        done.freed = before.saturating_sub(self.file_size()?);
        Ok(done)
    }

    /// Gives free pages back to the disk, a few at a time. To be cut off here
    /// loses nothing.
    fn shrink(&self, _space: &File) -> Result<(), StoreError> {
        let free = |connection: &Connection| {
            connection.pragma_query_value(None, "freelist_count", |row| row.get::<_, i64>(0))
        };
        let mut left = free(&self.connection)?;
        while left > 0 {
            let sql = format!("PRAGMA incremental_vacuum({PAGES})");
            let mut statement = self.connection.prepare(&sql)?;
            let mut rows = statement.query(())?;
            while rows.next()?.is_some() {}
            let now = free(&self.connection)?;
            if now >= left {
                break;
            }
            left = now;
        }
        // What is in the log goes into the file, which is cut off behind it.
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        Ok(self.connection.query_row(checkpoint, (), |_| Ok(()))?)
    }

    /// The size of the store's files.
    pub(super) fn file_size(&self) -> Result<u64, StoreError> {
        let mut size = 0;
        for name in ["store.db", "store.db-wal"] {
            let path = self.dir.join(name);
            match std::fs::metadata(&path) {
                Ok(file) => size += file.len(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::file("look at", &path)(error)),
            }
        }
        Ok(size)
    }
}

/// Deletes histories that no snapshot lists, and objects that nothing refers to.
/// Where damage keeps from knowing what is referred to, nothing is deleted, and
/// the reason returned.
fn collect(connection: &Connection) -> Result<Option<String>, StoreError> {
    let used = match Used::find(connection) {
        Ok(used) => used,
        Err(error) => {
            let reason = error.damage()?;
            return Ok(Some(format!("the store is damaged ({reason})")));
        }
    };
    delete_others(connection, "histories", &used.histories)?;
    delete_others(connection, "objects", &used.objects)?;
    Ok(None)
}

/// Everything that snapshots refer to, by keys.
#[derive(Default)]
struct Used {
    histories: HashSet<i64>,
    objects: HashSet<i64>,
}

impl Used {
    fn find(connection: &Connection) -> Result<Self, StoreError> {
        let mut used = Self::default();
        let mut reader = Reader::new(connection);
        let mut live = HashSet::new();
        for header in headers::headers(connection)? {
            let lists = headers::lists(connection, &header)?;
            used.histories.extend(lists.histories);
            live.extend(lists.live.into_values());
        }
        for key in &used.histories {
            let list = list_of(connection, *key)?;
            used.objects.insert(list);
            let list: Contents = contents::from_json(&reader.load(list)?.1)?;
            for entry in list.records {
                used.objects.insert(entry.rest);
                used.objects.extend(entry.parts);
            }
        }
        for list in live {
            used.objects.insert(list);
            let list: LiveObjects = contents::from_json(&reader.load(list)?.1)?;
            used.objects
                .extend(list.objects.iter().map(|entry| entry.json));
        }
        used.bases(connection)?;
        Ok(used)
    }

    /// What these are compressed on; one step deep.
    fn bases(&mut self, connection: &Connection) -> Result<(), StoreError> {
        const SQL: &str = "SELECT id, base FROM objects WHERE base IS NOT NULL";
        let mut statement = connection.prepare(SQL)?;
        let pairs = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?;
        for pair in pairs {
            let (id, base): (i64, i64) = pair?;
            if self.objects.contains(&id) {
                self.objects.insert(base);
            }
        }
        Ok(())
    }
}

/// The object that lists a history's records.
fn list_of(connection: &Connection, history: i64) -> Result<i64, StoreError> {
    const SQL: &str = "SELECT contents FROM histories WHERE id = ?1";
    let mut statement = connection.prepare_cached(SQL)?;
    let found = statement.query_row([history], |row| row.get(0));
    found.map_err(|error| match error {
        rusqlite::Error::QueryReturnedNoRows => {
            StoreError::damaged(format!("history {history}"), "it is not there")
        }
        other => other.into(),
    })
}

/// Deletes all rows of a table but these.
fn delete_others(
    connection: &Connection,
    table: &'static str,
    used: &HashSet<i64>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare(&format!("SELECT id FROM {table}"))?;
    let ids = statement.query_map((), |row| row.get(0))?;
    let ids = ids.collect::<Result<Vec<i64>, _>>()?;
    let mut delete = connection.prepare(&format!("DELETE FROM {table} WHERE id = ?1"))?;
    for id in ids.iter().filter(|id| !used.contains(id)) {
        delete.execute([id])?;
    }
    Ok(())
}
