//! The table `snapshots`, row by row.
//!
//! A row's seal covers the row and one digest over all that the snapshot holds.
//! So the row alone can be proven, which is all that a list reads.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::seal::{optional, seal};
use super::{StoreError, schema};
use crate::helm::Digest;
use crate::snapshot::{About, Snapshot, SnapshotId, Summary};
use crate::survey::{Scope, Unread};

/// A row of `snapshots` but for its lists; an archive tells it as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) id: SnapshotId,
    pub(super) seal: Digest,
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
    pub(super) contents: Digest,
}

/// What a snapshot holds, by the store's keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists {
    /// Keys of histories.
    pub(super) histories: Vec<i64>,
    /// By namespace, the object that lists the live objects.
    pub(super) live: BTreeMap<String, i64>,
}

/// More snapshots than any store takes: the next number must be one, too.
const LAST_NUMBER: i64 = 1 << 40;

const HEADER: &str = "SELECT id, seal, nonce, number, time, cluster, reason, note, tags, scope,
        version, releases, records, objects, bytes, missing, contents FROM snapshots";

/// Stores a snapshot, for histories and lists that are there already. `seals`
/// are theirs: of each history, and of each namespace's list.
/// Returns its id.
pub(super) fn put(
    connection: &Connection,
    snapshot: &Snapshot,
    lists: &Lists,
    contents: Digest,
) -> Result<SnapshotId, StoreError> {
    const NEXT: &str = "SELECT randomblob(8), coalesce(max(number), 0) + 1 FROM snapshots";
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
    insert(connection, &header, lists)?;
    Ok(header.id)
}

/// Stores a row as it is, for histories and lists that are there already.
pub(super) fn insert(
    connection: &Connection,
    header: &Header,
    lists: &Lists,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO snapshots (id, seal, nonce, number, time, cluster, reason,
            note, tags, scope, version, releases, records, objects, bytes, missing, contents, live,
            histories)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
            ?19)";
    let text = |value: serde_json::Result<String>| value.map_err(StoreError::Json);
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
    Ok(())
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

    /// Whether it counts what this snapshot holds, and says nothing that was
    /// never written.
    pub(super) fn is_of(&self, snapshot: &Snapshot) -> bool {
        let counts = [
            snapshot.releases() as u64,
            snapshot.records.len() as u64,
            snapshot.objects.len() as u64,
            snapshot.bytes(),
        ];
        let text = |value: serde_json::Result<String>| value.unwrap_or_default();
        counts.map(|count| i64::try_from(count).unwrap_or(i64::MAX)) == self.counts
            && (1..=LAST_NUMBER).contains(&self.number)
            && self.version.is_none_or(|version| version >= 0)
            && self.time == snapshot.time.to_string()
            && self.tags == text(serde_json::to_string(&snapshot.tags))
            && serde_json::from_str::<Scope>(&self.scope).is_ok()
            && serde_json::from_str::<Vec<Unread>>(&self.missing).is_ok()
    }

    pub(super) fn about(&self) -> About {
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

    pub(super) fn missing(&self) -> Vec<Unread> {
        serde_json::from_str(&self.missing).unwrap_or_default()
    }

    pub(super) fn summary(self) -> Summary {
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

/// The newest `version` of that cluster's snapshots that have one, of those that
/// were taken here.
pub(super) fn version(connection: &Connection, cluster: &str) -> Result<Option<u64>, StoreError> {
    let headers = headers(connection)?.into_iter().rev();
    let foreign = imported(connection)?;
    let mut whole =
        headers.filter(|header| header.damage().is_none() && !foreign.contains(&key(&header.id)));
    let newest =
        whole.find(|header| header.version.is_some() && header.cluster.as_deref() == Some(cluster));
    Ok(newest.and_then(|header| header.about().version))
}

/// What stands for the id of the last backup. What precedes a verb's writes is
/// none: the same command, given again, would mean another snapshot.
pub(super) const LATEST: &str = "latest";

/// The header of the one snapshot whose id begins so, or of the latest.
pub(super) fn find(connection: &Connection, id: &str) -> Result<Header, StoreError> {
    const WHERE: &str = "WHERE id BETWEEN ?1 AND ?2 LIMIT 2";
    const LAST: &str = "WHERE reason = 'backup' ORDER BY number DESC LIMIT 1";
    let none = || StoreError::NoSuchSnapshot { id: id.to_owned() };
    if id == LATEST {
        let mut statement = connection.prepare_cached(&format!("{HEADER} {LAST}"))?;
        let found = statement.query_row((), |row| Ok(header(row)));
        return found.optional()?.ok_or_else(none);
    }
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
    if schema::has_table(connection, "imports")? {
        connection.execute("DELETE FROM imports WHERE snapshot = ?1", [key(id)])?;
    }
    Ok(())
}

/// Notes that a snapshot came out of an archive.
pub(super) fn mark_imported(connection: &Connection, id: &SnapshotId) -> Result<(), StoreError> {
    schema::imports(connection)?;
    connection.execute("INSERT OR IGNORE INTO imports VALUES (?1)", [key(id)])?;
    Ok(())
}

/// The snapshots that came out of archives, by their keys.
fn imported(connection: &Connection) -> Result<HashSet<i64>, StoreError> {
    if !schema::has_table(connection, "imports")? {
        return Ok(HashSet::new());
    }
    let mut statement = connection.prepare_cached("SELECT snapshot FROM imports")?;
    let keys = statement.query_map((), |row| row.get(0))?;
    Ok(keys.collect::<Result<_, _>>()?)
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
