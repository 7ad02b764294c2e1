//! What the store holds already of what was seen in a cluster, so that it need
//! not be read again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::path::Path;

use super::contents::{self, Entry, Short};
use super::histories::{self, History};
use super::objects::Reader;
use super::{Store, StoreError, files, headers};
use crate::helm::Digest;
use crate::snapshot::HistoryId;
use crate::survey::{Record, RecordId};

/// What of a cluster's records is saved already, exactly as it was seen.
///
/// Records are known by cluster, identity, `uid`, `resourceVersion`, and what
/// else their metadata said ([`Record::seen`]). That their rows are whole was
/// proven; that their bytes still are, `verify` tells.
#[derive(Debug, Default)]
pub struct Known {
    /// Histories of which every record is known, and nothing else was saved.
    pub(super) whole: Vec<History>,
    /// Known records of other histories.
    pub(super) single: Vec<(HistoryId, Entry)>,
    ids: HashSet<RecordId>,
    /// While it is held, nothing of this is collected.
    _lock: Option<File>,
}

/// What the latest backup saved, whatever cluster that was of: it can be read
/// before anybody has seen which of it is wanted.
#[derive(Debug, Default)]
pub struct Saved {
    histories: HashMap<HistoryId, History>,
    /// While it is held, nothing of this is collected.
    lock: Option<File>,
}

impl Known {
    /// Whether that record need not be read.
    pub fn holds(&self, record: &RecordId) -> bool {
        self.ids.contains(record)
    }

    /// How many records need not be read.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether every record is to be read.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

impl Store {
    /// Which of these records, seen in that cluster, are saved already as they
    /// were seen. `version` is the `resourceVersion` of the list they are from.
    ///
    /// Nothing is known of a cluster without a name, of a list without a version,
    /// or of one older than what the newest snapshot was made from: an etcd that
    /// was restored gives out resourceVersions anew.
    ///
    /// What was read ahead and still is the newest need not be read here: see
    /// [`Store::saved`].
    ///
    /// # Errors
    ///
    /// If the database cannot be read. What is damaged is not known.
    pub fn known(
        &self,
        mut saved: Saved,
        cluster: Option<&str>,
        version: Option<u64>,
        records: &[Record],
    ) -> Result<Known, StoreError> {
        let (Some(cluster), Some(version)) = (cluster, version) else {
            return Ok(Known::default());
        };
        let lock = match saved.lock.take() {
            Some(lock) => lock,
            None => self.hold_space()?,
        };
        let reading = self.read()?;
        let newest = headers::version(&reading, cluster)?;
        if newest.is_none_or(|newest| version < newest) {
            return Ok(Known::default());
        }
        let mut seen: BTreeMap<HistoryId, Vec<&Record>> = BTreeMap::new();
        for record in records {
            seen.entry(HistoryId::of(&record.id))
                .or_default()
                .push(record);
        }
        let mut reader = Reader::new(&reading);
        let mut known = Known {
            ids: HashSet::with_capacity(records.len()),
            _lock: Some(lock),
            ..Known::default()
        };
        for (id, records) in seen {
            let state = state(cluster, &records);
            let newest = match saved.histories.remove(&id) {
                Some(ahead) if histories::newest_key(&reading, &id)? == Some(ahead.key) => {
                    Some(ahead)
                }
                _ => histories::newest(&reading, &mut reader, &id)?,
            };
            if let Some(newest) = newest {
                known.add(cluster, state, newest, &records);
            }
        }
        Ok(known)
    }

    /// Opens the store in this directory if there is one, and reads what the
    /// latest backup saved.
    ///
    /// # Errors
    ///
    /// As [`Store::open`] and [`Store::saved`].
    pub fn open_ahead(dir: &Path) -> Result<Option<(Self, Saved)>, StoreError> {
        // One that is empty was never begun; how, depends on what comes.
        if !files::holds_something(&files::database(dir)) {
            return Ok(None);
        }
        let store = Self::open(dir)?;
        let saved = store.saved()?;
        Ok(Some((store, saved)))
    }

    /// Reads what the latest backup saved, as far as it is whole.
    ///
    /// # Errors
    ///
    /// If there is no backup, or the database cannot be read.
    pub fn saved(&self) -> Result<Saved, StoreError> {
        let lock = Some(self.hold_space()?);
        let reading = self.read()?;
        let lists = headers::lists(&reading, &headers::find(&reading, headers::LATEST)?)?;
        let mut reader = Reader::new(&reading);
        let mut histories = HashMap::new();
        // What came out of an archive, with a negative key, is not believed.
        for key in lists.histories.into_iter().filter(|key| *key > 0) {
            if let Ok(history) = histories::load(&reading, &mut reader, key)? {
                histories.insert(history.id.clone(), history);
            }
        }
        Ok(Saved { histories, lock })
    }
}

/// What tells the state in which these records of one history were seen.
fn state(cluster: &str, records: &[&Record]) -> Digest {
    let seen = records.iter().map(|record| {
        (
            record.id.name.as_str(),
            record.uid.as_str(),
            record.resource_version.as_str(),
            Short::of(record.seen()),
        )
    });
    contents::known(cluster, seen)
}

impl Known {
    fn add(&mut self, cluster: &str, state: Digest, saved: History, records: &[&Record]) {
        if saved.contents.cluster.as_deref() != Some(cluster) {
            return;
        }
        if saved.known == Some(state) {
            self.ids
                .extend(records.iter().map(|record| record.id.clone()));
            self.whole.push(saved);
            return;
        }
        for record in records {
            let mut entries = saved.contents.records.iter();
            if let Some(entry) = entries.find(|entry| entry.is(record)) {
                self.ids.insert(record.id.clone());
                self.single.push((saved.id.clone(), entry.clone()));
            }
        }
    }
}
