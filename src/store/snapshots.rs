//! Reading what was saved.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::contents::{self, LiveObjects};
use super::headers::{self, Header, Lists, find, lists};
use super::histories::{self, History};
use super::objects::Reader;
use super::seal::seal;
use super::{Store, StoreError};
use crate::helm::Digest;
use crate::snapshot::{About, SavedObject, Snapshot, SnapshotId, Summary};
use crate::survey::{ObjectRef, Unread};

/// A snapshot as it was read.
pub(super) struct Loaded {
    /// What can be read.
    pub(super) snapshot: Snapshot,
    pub(super) histories: Vec<History>,
    /// Objects that list live objects.
    pub(super) live: Vec<i64>,
    /// What cannot be read: named as well as can be, and why.
    pub(super) damaged: Vec<(String, &'static str)>,
}

impl Store {
    /// All snapshots, oldest first, without what they hold. A thousand of them
    /// are read in milliseconds.
    ///
    /// One whose row is damaged is named all the same, and says so.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn list(&self) -> Result<Vec<Summary>, StoreError> {
        let reading = self.read()?;
        let mut summaries: Vec<_> = headers::headers(&reading)?
            .into_iter()
            .map(|header| header.summary())
            .collect();
        summaries.sort_by_key(|summary| summary.about.time);
        Ok(summaries)
    }

    /// All snapshots with all that they hold, oldest first.
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
        for header in headers::headers(&reading)? {
            snapshots.push(load(&reading, header)?.into_snapshot());
        }
        snapshots.sort_by_key(|snapshot| snapshot.time);
        Ok(snapshots)
    }

    /// The id of the snapshot whose id begins so.
    ///
    /// # Errors
    ///
    /// As [`Store::snapshot`].
    pub fn find(&self, id: &str) -> Result<SnapshotId, StoreError> {
        Ok(find(&self.connection, id)?.id)
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

    /// A live object as it was saved.
    ///
    /// # Errors
    ///
    /// If the snapshot does not hold it, or if anything that was read is not
    /// what was written.
    pub fn live_object(
        &self,
        snapshot: &SnapshotId,
        object: &ObjectRef,
    ) -> Result<serde_json::Value, StoreError> {
        let reading = self.read()?;
        let lists = lists(&reading, &find(&reading, &snapshot.0)?)?;
        let mut reader = Reader::new(&reading);
        let damaged = |reason| StoreError::damaged(object.to_string(), reason);
        let none = || StoreError::NoSuchObject {
            snapshot: snapshot.clone(),
            object: object.clone(),
        };
        let namespace = object.namespace.clone().unwrap_or_default();
        let list = lists.live.get(&namespace).ok_or_else(none)?;
        let list = live_list(&mut reader, *list)?;
        let mut entries = list.objects.into_iter();
        let entry = entries.find(|entry| entry.object == *object);
        let entry = entry.ok_or_else(none)?;
        let (digest, json) = reader.load(entry.json)?;
        if digest != entry.digest {
            return Err(damaged("its object is another one"));
        }
        serde_json::from_slice(&json).map_err(|_| damaged("it is no JSON"))
    }
}

impl Loaded {
    pub(super) fn into_snapshot(self) -> Snapshot {
        let mut snapshot = self.snapshot;
        let damaged = self.damaged.into_iter();
        snapshot
            .missing
            .extend(damaged.map(|(what, reason)| Unread {
                what,
                reason: format!("damaged in the store: {reason}"),
            }));
        snapshot
    }
}

/// One digest over all that a snapshot holds.
pub(super) fn sealed_contents(
    mut histories: Vec<Digest>,
    live: &BTreeMap<String, Digest>,
) -> Digest {
    histories.sort_unstable();
    let count = (histories.len() as u64).to_be_bytes();
    let mut fields: Vec<&[u8]> = vec![&count];
    fields.extend(histories.iter().map(|seal| &seal.as_bytes()[..]));
    for (namespace, list) in live {
        fields.extend([namespace.as_bytes(), &list.as_bytes()[..]]);
    }
    seal(&fields)
}

/// Reads the list of a namespace's live objects.
pub(super) fn live_list(reader: &mut Reader<'_>, list: i64) -> Result<LiveObjects, StoreError> {
    contents::from_json(&reader.load(list)?.1)
}

/// Reads a snapshot and checks its seals. What is damaged does not hide the
/// rest.
pub(super) fn load(connection: &Connection, header: Header) -> Result<Loaded, StoreError> {
    let mut damaged = Vec::new();
    let mut reader = Reader::new(connection);
    if let Some(reason) = header.damage() {
        damaged.push((format!("snapshot {}", header.id), reason));
    }
    let lists = match lists(connection, &header) {
        Ok(lists) => lists,
        Err(error) => {
            damaged.push(("its lists of what it holds".to_owned(), error.damage()?));
            Lists::default()
        }
    };
    let mut histories = Vec::new();
    for key in &lists.histories {
        match histories::load(connection, &mut reader, *key)? {
            Ok(history) => histories.push(history),
            Err(told) => damaged.push(told),
        }
    }
    histories.sort_by(|a, b| a.id.cmp(&b.id));
    let mut live = BTreeMap::new();
    let mut objects = Vec::new();
    for (namespace, list) in &lists.live {
        match live_list(&mut reader, *list) {
            Ok(list) => {
                live.insert(namespace.clone(), list.sealed());
                objects.extend(list.objects.into_iter().map(|entry| SavedObject {
                    object: entry.object,
                    digest: entry.digest,
                    bytes: entry.bytes,
                }));
            }
            Err(error) => {
                let what = match namespace.as_str() {
                    "" => "all live objects of no namespace".to_owned(),
                    namespace => format!("all live objects of namespace {namespace}"),
                };
                damaged.push((what, error.damage()?));
            }
        }
    }
    let seals = histories.iter().map(|history| history.seal).collect();
    // What is lost breaks this seal too, and is named already.
    if damaged.is_empty() && sealed_contents(seals, &live) != header.contents {
        let what = format!("snapshot {}", header.id);
        damaged.push((what, "it holds other things than were saved"));
    }
    let saved = histories.iter().flat_map(|history| {
        let entries = history.contents.records.iter();
        entries.map(|entry| entry.saved(&history.id))
    });
    let mut records: Vec<_> = saved.collect();
    records.sort_by(|a, b| a.id.cmp(&b.id));
    objects.sort_by(|a, b| a.object.cmp(&b.object));
    let missing = header.missing();
    let snapshot = snapshot(header.id.clone(), header.about(), records, objects, missing);
    Ok(Loaded {
        snapshot,
        histories,
        live: lists.live.into_values().collect(),
        damaged,
    })
}

/// A snapshot, from its parts.
pub(super) fn snapshot(
    id: SnapshotId,
    about: About,
    records: Vec<crate::snapshot::SavedRecord>,
    objects: Vec<SavedObject>,
    missing: Vec<Unread>,
) -> Snapshot {
    Snapshot {
        id,
        time: about.time,
        cluster: about.cluster,
        reason: about.reason,
        note: about.note,
        tags: about.tags,
        scope: about.scope,
        version: about.version,
        records,
        objects,
        missing,
    }
}
