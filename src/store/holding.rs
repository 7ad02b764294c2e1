//! The records of one snapshot, read one after the other.

use rusqlite::{Connection, Transaction};

use super::contents::{Entry, PayloadKind};
use super::headers::{find, lists};
use super::histories::{self, History};
use super::objects::Reader;
use super::recipe::{self, Parts};
use super::{Store, StoreError};
use crate::helm::Digest;
use crate::snapshot::{HistoryId, SnapshotId};
use crate::survey::{RawRecord, RecordId};

/// A snapshot that is being read: all of it as of one moment, each history and
/// base once. The store answers nothing else meanwhile.
pub struct Holding<'a> {
    snapshot: SnapshotId,
    connection: &'a Connection,
    reader: Reader<'a>,
    /// Keys of its histories.
    listed: Vec<i64>,
    /// The history that was read last.
    last: Option<History>,
    _reading: Transaction<'a>,
}

/// What a saved record holds, before it is packed as Helm packs it.
#[derive(Clone, PartialEq, Eq)]
pub enum SavedPayload {
    /// The record has none.
    None,
    /// A text that does not decode, or that was never compressed.
    Text(Vec<u8>),
    /// The release's JSON.
    Json(Vec<u8>),
}

impl Store {
    /// Begins to read a snapshot's records.
    ///
    /// # Errors
    ///
    /// If there is no such snapshot, or its lists are damaged.
    pub fn holding(&self, snapshot: &SnapshotId) -> Result<Holding<'_>, StoreError> {
        let reading = self.read()?;
        let mut listed = lists(&reading, &find(&reading, &snapshot.0)?)?.histories;
        listed.sort_unstable();
        Ok(Holding {
            snapshot: snapshot.clone(),
            connection: &self.connection,
            reader: Reader::new(&self.connection),
            listed,
            last: None,
            _reading: reading,
        })
    }

    /// One record, as [`Holding::raw_record`] gives it.
    ///
    /// # Errors
    ///
    /// As [`Store::holding`] and [`Holding::raw_record`].
    pub fn raw_record(
        &self,
        snapshot: &SnapshotId,
        record: &RecordId,
    ) -> Result<RawRecord, StoreError> {
        self.holding(snapshot)?.raw_record(record)
    }
}

impl Holding<'_> {
    /// A record as it was saved: its object the same, its payload the same after
    /// decoding. A payload that Helm cannot decode is the same text.
    ///
    /// # Errors
    ///
    /// If the snapshot does not hold it, or if anything that was read is not
    /// what was written.
    pub fn raw_record(&mut self, record: &RecordId) -> Result<RawRecord, StoreError> {
        let (entry, rest, parts) = self.read(record)?;
        recipe::together(record.clone(), &entry, &rest, &parts)
    }

    /// A record's payload, without packing it: that takes longer than all else.
    ///
    /// # Errors
    ///
    /// As [`Holding::raw_record`].
    pub fn payload(&mut self, record: &RecordId) -> Result<SavedPayload, StoreError> {
        let (entry, rest, parts) = self.read(record)?;
        let Parts { plain, .. } = recipe::joined(record, &entry, &rest, &parts)?;
        Ok(match entry.payload {
            PayloadKind::None => SavedPayload::None,
            PayloadKind::Text => SavedPayload::Text(plain),
            PayloadKind::Json => SavedPayload::Json(plain),
        })
    }

    /// The records that it holds of one history.
    ///
    /// # Errors
    ///
    /// If the history is damaged, or the database cannot be read.
    pub fn history(&mut self, id: &HistoryId) -> Result<Vec<RecordId>, StoreError> {
        let found = histories::among(self.connection, &mut self.reader, id, &self.listed)?;
        let entries = found.into_iter().flat_map(|found| found.contents.records);
        Ok(entries.map(|entry| entry.saved(id).id).collect())
    }

    fn read(&mut self, record: &RecordId) -> Result<Read, StoreError> {
        let about = |error| match error {
            StoreError::Damaged { reason, .. } => StoreError::damaged(record.to_string(), reason),
            other => other,
        };
        let entry = self.entry(record).map_err(about)?;
        let rest = self.reader.load(entry.rest).map_err(about)?;
        let parts = entry.parts.iter().map(|part| self.reader.load(*part));
        let parts = parts.collect::<Result<Vec<_>, _>>().map_err(about)?;
        Ok((entry, rest, parts))
    }

    fn entry(&mut self, record: &RecordId) -> Result<Entry, StoreError> {
        let id = HistoryId::of(record);
        if self.last.as_ref().is_none_or(|last| last.id != id) {
            let found = histories::among(self.connection, &mut self.reader, &id, &self.listed);
            self.last = found?;
        }
        let entries = self.last.iter().flat_map(|found| &found.contents.records);
        let entry = entries.into_iter().find(|entry| entry.name == record.name);
        entry.cloned().ok_or_else(|| StoreError::NoSuchRecord {
            snapshot: self.snapshot.clone(),
            record: record.clone(),
        })
    }
}

/// What there is of a record: what is said of it, its rest, and its parts.
type Read = (Entry, (Digest, Vec<u8>), Vec<(Digest, Vec<u8>)>);
