//! Proving that the store still holds what was put into it.

use std::collections::{BTreeSet, HashMap};

use rusqlite::Connection;

use super::contents::{self, Entry, LiveEntry, LiveObjects};
use super::headers::{self, Header};
use super::objects::Reader;
use super::{Store, StoreError, objects, operations, snapshots, zadig};
use crate::helm::Digest;
use crate::snapshot::SnapshotId;

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// How many snapshots were read.
    pub snapshots: usize,
    /// How many objects were read.
    pub objects: usize,
    /// What is damaged; empty if all is well.
    pub damaged: Vec<Damage>,
}

/// Something that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The snapshot that it belongs to; `None` if it belongs to none, or to the
    /// store as a whole.
    pub snapshot: Option<SnapshotId>,
    /// `Secret shop/sh.helm.release.v1.shop.v3`, `object 12`.
    pub what: String,
    /// How it shows. Never holds what was read.
    pub reason: String,
}

impl Store {
    /// Reads a snapshot, or everything, and checks every digest and seal.
    ///
    /// Damage is an answer, not an error; what is damaged does not keep the rest
    /// from being read.
    ///
    /// # Errors
    ///
    /// If there is no such snapshot, or the database cannot be read at all.
    pub fn verify(&self, only: Option<&SnapshotId>) -> Result<Verification, StoreError> {
        let reading = self.read()?;
        let mut check = Check::new(&reading);
        match only {
            Some(id) => {
                let header = headers::find(&reading, &id.0)?;
                check.database()?;
                check.snapshot(header)?;
            }
            None => check.everything()?,
        }
        Ok(check.done())
    }
}

/// A verification under way.
pub(super) struct Check<'a> {
    connection: &'a Connection,
    reader: Reader<'a>,
    found: Verification,
    /// Objects that were read: their digest, or what is wrong with them.
    objects: HashMap<i64, Result<Digest, &'static str>>,
}

impl<'a> Check<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            reader: Reader::new(connection),
            found: Verification::default(),
            objects: HashMap::new(),
        }
    }

    pub(super) fn done(mut self) -> Verification {
        self.found.objects = self.objects.len();
        self.found
    }

    pub(super) fn everything(&mut self) -> Result<(), StoreError> {
        self.database()?;
        self.all_objects()?;
        self.all_snapshots()?;
        self.all_operations()?;
        self.all_reads_of_zadig()
    }

    fn all_reads_of_zadig(&mut self) -> Result<(), StoreError> {
        for server in zadig::damaged(self.connection)? {
            let what = format!("what was kept of Zadig at {server}");
            self.damage(None, &what, "its seal does not fit");
        }
        Ok(())
    }

    /// SQLite's own checks: of pages and indexes, and of references.
    fn database(&mut self) -> Result<(), StoreError> {
        for complaint in self.complaints()? {
            self.damage(None, "the database", &complaint);
        }
        Ok(())
    }

    fn complaints(&self) -> Result<Vec<String>, StoreError> {
        let told = self
            .integrity()
            .or_else(|error| error.damage().map(|reason| Vec::from([reason.to_owned()])))?;
        Ok(told.into_iter().filter(|text| text != "ok").collect())
    }

    fn integrity(&self) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare("PRAGMA integrity_check")?;
        let told = statement.query_map((), |row| row.get(0))?;
        let mut told = told.collect::<Result<Vec<String>, _>>()?;
        let mut statement = self.connection.prepare("PRAGMA foreign_key_check")?;
        let broken = statement.query_map((), |row| row.get::<_, String>(0))?;
        let tables = broken.collect::<Result<BTreeSet<_>, _>>()?;
        told.extend(
            tables
                .into_iter()
                .map(|table| format!("a row of {table} refers to nothing")),
        );
        Ok(told)
    }

    fn all_objects(&mut self) -> Result<(), StoreError> {
        match objects::ids(self.connection) {
            Ok(ids) => {
                for id in ids {
                    if let Err(reason) = self.object(id)? {
                        self.damage(None, &format!("object {id}"), reason);
                    }
                }
            }
            Err(error) => self.damage(None, "the list of objects", error.damage()?),
        }
        Ok(())
    }

    fn all_snapshots(&mut self) -> Result<(), StoreError> {
        match headers::headers(self.connection) {
            Ok(headers) => headers
                .into_iter()
                .try_for_each(|header| self.snapshot(header)),
            Err(error) => {
                self.damage(None, "the list of snapshots", error.damage()?);
                Ok(())
            }
        }
    }

    fn all_operations(&mut self) -> Result<(), StoreError> {
        match operations::ids(self.connection) {
            Ok(ids) => {
                for id in ids {
                    match operations::check(self.connection, &id) {
                        Ok(()) => {}
                        Err(StoreError::NoSuchOperation { .. }) => {
                            self.damage(None, "an operation", "its id is none");
                        }
                        Err(error) => {
                            self.damage(None, &format!("operation {id}"), error.damage()?);
                        }
                    }
                }
            }
            Err(error) => self.damage(None, "the list of operations", error.damage()?),
        }
        Ok(())
    }

    fn snapshot(&mut self, header: Header) -> Result<(), StoreError> {
        let id = header.id.clone();
        self.found.snapshots += 1;
        let loaded = match snapshots::load(self.connection, header) {
            Ok(loaded) => loaded,
            Err(error) => {
                let reason = error.damage()?;
                self.damage(Some(&id), &format!("snapshot {id}"), reason);
                return Ok(());
            }
        };
        for (what, reason) in &loaded.damaged {
            self.damage(Some(&id), what, reason);
        }
        for history in &loaded.histories {
            for entry in &history.contents.records {
                if let Some(reason) = self.record(entry)? {
                    self.damage(Some(&id), &entry.id(&history.id).to_string(), reason);
                }
            }
        }
        for entry in self.live_entries(&loaded.live)? {
            if let Some(reason) = self.live(&entry)? {
                self.damage(Some(&id), &entry.object.to_string(), reason);
            }
        }
        Ok(())
    }

    /// What is wrong with a record, if anything.
    fn record(&mut self, entry: &Entry) -> Result<Option<&'static str>, StoreError> {
        let rest = match self.object(entry.rest)? {
            Ok(rest) => rest,
            Err(reason) => return Ok(Some(reason)),
        };
        let mut parts = Vec::new();
        for part in &entry.parts {
            match self.object(*part)? {
                Ok(part) => parts.push(part),
                Err(reason) => return Ok(Some(reason)),
            }
        }
        let whole = contents::sealed(&rest, &parts) == entry.digest;
        Ok((!whole).then_some("its objects are other ones"))
    }

    /// The lists that can be read; those that cannot are named already.
    fn live_entries(&mut self, lists: &[i64]) -> Result<Vec<LiveEntry>, StoreError> {
        let mut entries = Vec::new();
        for list in lists {
            let read = self.reader.load(*list);
            match read.and_then(|(_, json)| contents::from_json::<LiveObjects>(&json)) {
                Ok(list) => entries.extend(list.objects),
                Err(error) => {
                    error.damage()?;
                }
            }
        }
        Ok(entries)
    }

    fn live(&mut self, entry: &LiveEntry) -> Result<Option<&'static str>, StoreError> {
        Ok(match self.object(entry.json)? {
            Ok(digest) if digest == entry.digest => None,
            Ok(_) => Some("its object is another one"),
            Err(reason) => Some(reason),
        })
    }

    fn object(&mut self, id: i64) -> Result<Result<Digest, &'static str>, StoreError> {
        if let Some(known) = self.objects.get(&id) {
            return Ok(*known);
        }
        let read = match self.reader.prove(id) {
            Ok(digest) => Ok(digest),
            Err(error) => Err(error.damage()?),
        };
        self.objects.insert(id, read);
        Ok(read)
    }

    fn damage(&mut self, snapshot: Option<&SnapshotId>, what: &str, reason: &str) {
        self.found.damaged.push(Damage {
            snapshot: snapshot.cloned(),
            what: what.to_owned(),
            reason: reason.to_owned(),
        });
    }
}
