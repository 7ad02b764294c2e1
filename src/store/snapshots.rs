//! The table `snapshots`: reading what was saved.
//!
//! A row's seal covers the row and one digest over all that the snapshot holds.
//! So the row alone can be proven, which is all that a list reads.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::contents::{self, LiveObjects};
use super::histories::{self, History};
use super::objects::Reader;
use super::seal::{optional, seal};
use super::{Store, StoreError, recipe};
use crate::helm::Digest;
use crate::snapshot::{About, HistoryId, SavedObject, Snapshot, SnapshotId, Summary};
use crate::survey::{ObjectRef, RawRecord, RecordId, Unread};

/// A row of `snapshots` but for its lists.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) id: SnapshotId,
    seal: Digest,
    nonce: Vec<u8>,
    /// Their order.
    number: i64,
    time: String,
    cluster: Option<String>,
    reason: String,
    note: String,
    tags: String,
    scope: String,
    version: Option<i64>,
    counts: [i64; 4],
    missing: String,
    contents: Digest,
}

/// What a snapshot holds, by the store's keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists {
    /// Keys of histories.
    pub(super) histories: Vec<i64>,
    /// By namespace, the object that lists the live objects.
    pub(super) live: BTreeMap<String, i64>,
}

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

const HEADER: &str = "SELECT id, seal, nonce, number, time, cluster, reason, note, tags, scope,
        version, releases, records, objects, bytes, missing, contents FROM snapshots";

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
        let mut summaries: Vec<_> = headers(&reading)?
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
        let lists = lists(&reading, &find(&reading, &snapshot.0)?)?;
        let mut reader = Reader::new(&reading);
        let id = HistoryId::of(record);
        let about = |error| match error {
            StoreError::Damaged { reason, .. } => StoreError::damaged(record.to_string(), reason),
            other => other,
        };
        let history = histories::among(&reading, &mut reader, &id, &lists.histories);
        let history = history.map_err(about)?;
        let entries = history.into_iter().flat_map(|found| found.contents.records);
        let mut entries = entries.filter(|entry| entry.name == record.name);
        let entry = entries.next().ok_or_else(|| StoreError::NoSuchRecord {
            snapshot: snapshot.clone(),
            record: record.clone(),
        })?;
        let rest = reader.load(entry.rest).map_err(about)?;
        let parts = entry.parts.iter().map(|part| reader.load(*part));
        let parts = parts.collect::<Result<Vec<_>, _>>().map_err(about)?;
        recipe::together(record.clone(), &entry, &rest, &parts)
    }

    /// A live object as it was saved.
    ///
    /// # Errors
    ///
    /// As [`Store::raw_record`].
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
        let list: LiveObjects = contents::from_json(&reader.load(*list)?.1)?;
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

/// Stores a snapshot, for histories and lists that are there already. `seals`
/// are theirs: of each history, and of each namespace the list's digest.
/// Returns its id.
pub(super) fn put(
    connection: &Connection,
    snapshot: &Snapshot,
    lists: &Lists,
    contents: Digest,
) -> Result<SnapshotId, StoreError> {
    const NEXT: &str = "SELECT randomblob(8), coalesce(max(number), 0) + 1 FROM snapshots";
    const INSERT: &str = "INSERT INTO snapshots (id, seal, nonce, number, time, cluster, reason,
            note, tags, scope, version, releases, records, objects, bytes, missing, contents, live,
            histories)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
            ?19)";
    let text = |value: serde_json::Result<String>| value.map_err(StoreError::Json);
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let (nonce, number) = connection.query_row(NEXT, (), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut header = Header {
        id: snapshot.id.clone(),
        seal: contents,
        nonce,
        number,
        time: snapshot.time.to_string(),
        cluster: snapshot.cluster.clone(),
        reason: snapshot.reason.clone(),
        note: snapshot.note.clone(),
        tags: text(serde_json::to_string(&snapshot.tags))?,
        scope: text(serde_json::to_string(&snapshot.scope))?,
        version: snapshot
            .version
            .and_then(|version| i64::try_from(version).ok()),
        counts: [
            count(snapshot.releases() as u64),
            count(snapshot.records.len() as u64),
            count(snapshot.objects.len() as u64),
            count(snapshot.bytes()),
        ],
        missing: text(serde_json::to_string(&snapshot.missing))?,
        contents,
    };
    header.seal = header.sealed();
    header.id = header.named();
    connection
        .prepare_cached(INSERT)?
        .execute(rusqlite::params![
            key(&header.id),
            header.seal.as_bytes(),
            &header.nonce,
            header.number,
            &header.time,
            &header.cluster,
            &header.reason,
            &header.note,
            &header.tags,
            &header.scope,
            &header.version,
            header.counts[0],
            header.counts[1],
            header.counts[2],
            header.counts[3],
            &header.missing,
            header.contents.as_bytes(),
            text(serde_json::to_string(&lists.live))?,
            text(serde_json::to_string(&lists.histories))?,
        ])?;
    Ok(header.id)
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

impl Header {
    /// The digest over the row and what it holds.
    fn sealed(&self) -> Digest {
        let counts = self.counts.map(i64::to_be_bytes);
        let version = self.version.map(i64::to_be_bytes);
        let cluster = optional(self.cluster.as_ref().map(String::as_bytes));
        let version = optional(version.as_ref().map(|version| &version[..]));
        let number = self.number.to_be_bytes();
        let mut fields: Vec<&[u8]> = vec![&self.nonce, &number, self.time.as_bytes(), &cluster];
        for text in [&self.reason, &self.note, &self.tags, &self.scope] {
            fields.push(text.as_bytes());
        }
        fields.push(&version);
        fields.extend(counts.iter().map(|count| &count[..]));
        fields.extend([self.missing.as_bytes(), self.contents.as_bytes()]);
        seal(&fields)
    }

    /// The first 16 digits of the seal.
    fn named(&self) -> SnapshotId {
        let digits = self.seal.as_bytes()[..8].iter();
        SnapshotId(digits.map(|byte| format!("{byte:02x}")).collect())
    }

    /// The payloads' size as the cluster stored them.
    pub(super) fn bytes(&self) -> u64 {
        u64::try_from(self.counts[3]).unwrap_or(0)
    }

    /// What is wrong with the row itself.
    pub(super) fn damage(&self) -> Option<&'static str> {
        let whole = self.sealed() == self.seal && self.named() == self.id;
        (!whole).then_some("its seal is broken")
    }

    fn about(&self) -> About {
        About {
            time: self.time.parse().unwrap_or_default(),
            cluster: self.cluster.clone(),
            reason: self.reason.clone(),
            note: self.note.clone(),
            tags: serde_json::from_str(&self.tags).unwrap_or_default(),
            scope: serde_json::from_str(&self.scope).unwrap_or_default(),
            version: self.version.and_then(|version| version.try_into().ok()),
        }
    }

    fn missing(&self) -> Vec<Unread> {
        serde_json::from_str(&self.missing).unwrap_or_default()
    }

    fn summary(self) -> Summary {
        let [releases, records, objects, bytes] =
            self.counts.map(|count| u64::try_from(count).unwrap_or(0));
        Summary {
            about: self.about(),
            missing: self.missing(),
            damaged: self.damage().map(str::to_owned),
            id: self.id,
            releases,
            records,
            objects,
            bytes,
        }
    }
}

/// The headers of all snapshots, in the order they were taken.
pub(super) fn headers(connection: &Connection) -> Result<Vec<Header>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{HEADER} ORDER BY number"))?;
    let rows = statement.query_map((), |row| Ok(header(row)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The newest `version` of that cluster's snapshots that have one.
pub(super) fn version(connection: &Connection, cluster: &str) -> Result<Option<u64>, StoreError> {
    let headers = headers(connection)?.into_iter().rev();
    let mut whole = headers.filter(|header| header.damage().is_none());
    let newest =
        whole.find(|header| header.version.is_some() && header.cluster.as_deref() == Some(cluster));
    Ok(newest.and_then(|header| header.about().version))
}

/// The header of the one snapshot whose id begins so.
pub(super) fn find(connection: &Connection, id: &str) -> Result<Header, StoreError> {
    const WHERE: &str = "WHERE id BETWEEN ?1 AND ?2 LIMIT 2";
    let none = || StoreError::NoSuchSnapshot { id: id.to_owned() };
    let bound = |fill: char| {
        let digits: String = id
            .chars()
            .chain(std::iter::repeat(fill))
            .take(DIGITS)
            .collect();
        u64::from_str_radix(&digits, 16).map(u64::cast_signed)
    };
    // The first digit decides the sign, so that both bounds have the same one.
    let plain = (1..=DIGITS).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_hexdigit());
    let (true, Ok(first), Ok(last)) = (plain, bound('0'), bound('f')) else {
        return Err(none());
    };
    let mut statement = connection.prepare_cached(&format!("{HEADER} {WHERE}"))?;
    let found = statement.query_map([first, last], |row| Ok(header(row)))?;
    let mut found = found.collect::<Result<Vec<_>, _>>()?;
    match found.len() {
        2 => Err(StoreError::AmbiguousSnapshot {
            prefix: id.to_owned(),
        }),
        _ => found.pop().ok_or_else(none),
    }
}

/// Removes a snapshot's row.
pub(super) fn remove(connection: &Connection, id: &SnapshotId) -> Result<(), StoreError> {
    const SQL: &str = "DELETE FROM snapshots WHERE id = ?1";
    connection.prepare_cached(SQL)?.execute([key(id)])?;
    Ok(())
}

/// How many digits an id has.
const DIGITS: usize = 16;

/// A snapshot's id as the table has it.
pub(super) fn key(id: &SnapshotId) -> i64 {
    u64::from_str_radix(&id.0, 16).map_or(0, u64::cast_signed)
}

/// Columns that hold what was never written read as empty: the seal tells.
fn header(row: &rusqlite::Row<'_>) -> Header {
    let text = |column| row.get::<_, String>(column).unwrap_or_default();
    let digest = |column| Digest::from_bytes(row.get(column).unwrap_or_default());
    let number = |column| row.get::<_, i64>(column).unwrap_or_default();
    Header {
        id: SnapshotId(format!("{:016x}", number(0))),
        seal: digest(1),
        nonce: row.get(2).unwrap_or_default(),
        number: number(3),
        time: text(4),
        cluster: row.get(5).unwrap_or_default(),
        reason: text(6),
        note: text(7),
        tags: text(8),
        scope: text(9),
        version: row.get(10).unwrap_or_default(),
        counts: [11, 12, 13, 14].map(number),
        missing: text(15),
        contents: digest(16),
    }
}

/// What a snapshot holds, by the store's keys.
pub(super) fn lists(connection: &Connection, header: &Header) -> Result<Lists, StoreError> {
    const SQL: &str = "SELECT live, histories FROM snapshots WHERE id = ?1";
    let damaged = |_| StoreError::damaged("its lists", "they are no JSON");
    let mut statement = connection.prepare_cached(SQL)?;
    let (live, histories): (String, String) =
        statement.query_row([key(&header.id)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Lists {
        live: serde_json::from_str(&live).map_err(damaged)?,
        histories: serde_json::from_str(&histories).map_err(damaged)?,
    })
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
        let read = reader
            .load(*list)
            .and_then(|(digest, json)| Ok((digest, contents::from_json::<LiveObjects>(&json)?)));
        match read {
            Ok((digest, list)) => {
                live.insert(namespace.clone(), digest);
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
