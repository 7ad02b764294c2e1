//! What differs between what two sides hold: two snapshots, or a snapshot and
//! the cluster.
//!
//! Pure, in two steps, because reading is costly: [`pairs`] puts the records of
//! both sides beside each other and says which must be read, and
//! [`Pair::compare`] compares what was read of one release.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use similar::TextDiff;

use super::{Told, Untold};
use crate::helm::{Digest, Driver};
use crate::survey::{RawRecord, RecordId, Unread};

/// How many lines around a change are shown.
const CONTEXT: usize = 3;

/// After this, two texts that have little in common are compared less closely.
const PATIENCE: Duration = Duration::from_millis(500);

/// A record that a side holds, before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Where it is stored.
    pub id: RecordId,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
}

/// A release, beside the same one on the other side.
#[derive(Debug)]
pub struct Pair<'a> {
    /// The storage namespace.
    pub namespace: &'a str,
    /// Which kind of object holds it.
    pub driver: Driver,
    /// Its name; a record's own where Helm did not name it.
    pub release: String,
    /// Its records: as they were before, and after.
    records: BTreeMap<&'a RecordId, [Option<&'a Held>; 2]>,
}

/// What was read of a record. It has no `Debug`: it holds secrets.
pub enum Read {
    /// Its payload decodes.
    Decoded {
        /// The object without its payload.
        object: Value,
        /// What it tells of its revision.
        told: Told,
        /// The payload.
        json: Vec<u8>,
    },
    /// Its payload cannot be decoded, by Helm or by us.
    Undecodable {
        /// The object without its payload.
        object: Value,
        /// Of the payload's text.
        digest: Digest,
        /// Why.
        why: Untold,
    },
}

/// What was read of a side's records. What could not be read is not there.
pub type Reads = BTreeMap<RecordId, Read>;

/// A name and a text that may be shown: a document of a manifest, or a live
/// object.
pub type Text = (String, String);

/// The texts of a revision that people compare. Secrets are hidden already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// What the user gave, as YAML.
    pub values: String,
    /// The documents of its manifest, and its hooks.
    pub documents: Vec<Text>,
}

/// Whether something was added, removed or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Only the second side has it.
    Added,
    /// Only the first side has it.
    Removed,
    /// Both have it, and it is not the same.
    Changed,
}

/// One revision on one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Its number, if Helm named the record.
    pub revision: Option<u32>,
    /// What it tells, or why it does not.
    pub told: Result<Told, Untold>,
}

/// How a release differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseDiff {
    /// The storage namespace.
    pub namespace: String,
    /// Which kind of object holds it.
    pub driver: Driver,
    /// Its name.
    pub release: String,
    /// Whether one side has none of it.
    pub change: Change,
    /// The numbers that each side holds.
    pub revisions: [Vec<u32>; 2],
    /// The newest revision of each side that has one and could be read.
    pub newest: [Option<Side>; 2],
    /// The revisions that differ; none where one side has none of it.
    pub changed: Vec<RevisionDiff>,
    /// How what the user gave differs between the newest, as a unified diff;
    /// empty where it does not.
    pub values: String,
    /// Which documents of the manifest and hooks differ between the newest.
    pub documents: Vec<TextDiffed>,
}

/// How a revision differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionDiff {
    /// The record's name.
    pub name: String,
    /// How.
    pub change: Change,
    /// What of a record that changed: `payload`, `labels`, ….
    pub fields: Vec<&'static str>,
    /// On each side, where it could be read.
    pub sides: [Option<Side>; 2],
}

/// How a named text differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextDiffed {
    /// `Deployment web`.
    pub name: String,
    /// How.
    pub change: Change,
    /// A unified diff, without a head.
    pub diff: String,
}

/// Reads a record as far as a comparison needs it.
pub fn read(record: &RawRecord) -> Read {
    let digest = record.digest();
    let plain = super::plain(record);
    let told = plain.and_then(|json| Ok((Told::read(&json)?, json)));
    let object = record.object.clone();
    match told {
        Ok((told, json)) => Read::Decoded { object, told, json },
        Err(why) => Read::Undecodable {
            object,
            digest,
            why,
        },
    }
}

/// The records of a side without those that one of the sides could not look
/// for: they would seem to be added or removed.
pub fn known(held: Vec<Held>, unread: &[Unread]) -> Vec<Held> {
    let hidden = |id: &RecordId| {
        let resource = id.driver.resource();
        let listings = [
            format!("{resource} in all namespaces"),
            format!("{resource} in namespace {}", id.namespace),
            id.to_string(),
        ];
        unread.iter().any(|unread| listings.contains(&unread.what))
    };
    held.into_iter().filter(|held| !hidden(&held.id)).collect()
}

/// The releases of both sides, by namespace, driver and name.
pub fn pairs<'a>(before: &'a [Held], after: &'a [Held]) -> Vec<Pair<'a>> {
    let mut pairs: BTreeMap<_, Pair<'a>> = BTreeMap::new();
    for (side, records) in [before, after].into_iter().enumerate() {
        for held in records {
            let RecordId {
                namespace,
                driver,
                name,
            } = &held.id;
            let key = held.id.key();
            let release = key.map_or_else(|| name.clone(), |key| key.release);
            let pair = pairs.entry((namespace, release.clone(), driver));
            let pair = pair.or_insert_with(|| Pair {
                namespace,
                driver: *driver,
                release,
                records: BTreeMap::new(),
            });
            pair.records.entry(&held.id).or_default()[side] = Some(held);
        }
    }
    pairs.into_values().collect()
}

impl<'a> Pair<'a> {
    /// The records that must be read of each side before they are compared.
    ///
    /// Where both are sides of one cluster, the same uid and resourceVersion
    /// are the same record, and need not be read; only the newest must, should
    /// they be two.
    pub fn needs(&self, one_cluster: bool) -> [Vec<&'a RecordId>; 2] {
        let newest = [self.newest(0), self.newest(1)];
        let lonely = newest.iter().any(Option::is_none);
        [0, 1].map(|side| {
            let needed = self.records.iter().filter(|(id, held)| {
                let there = held[side].is_some();
                let leading = newest[side] == Some(**id);
                match lonely {
                    true => leading,
                    false => {
                        let moved = newest[0] != newest[1];
                        there && (!alike(held, one_cluster) || (leading && moved))
                    }
                }
            });
            needed.map(|(id, _)| *id).collect()
        })
    }

    /// Compares what was read of both sides; `None` if nothing differs. `texts`
    /// says how a payload is shown.
    pub fn compare(
        &self,
        one_cluster: bool,
        reads: [&Reads; 2],
        texts: impl Fn(&[u8]) -> Texts,
    ) -> Option<ReleaseDiff> {
        let newest = [self.newest(0), self.newest(1)];
        let change = match newest {
            [None, _] => Change::Added,
            [_, None] => Change::Removed,
            _ => Change::Changed,
        };
        let changed = match change {
            Change::Changed => self.changed(one_cluster, reads),
            Change::Added | Change::Removed => Vec::new(),
        };
        if change == Change::Changed && changed.is_empty() {
            return None;
        }
        let read = [0, 1].map(|side| newest[side].and_then(|id| reads[side].get(id)));
        let (mut values, mut documents) = (String::new(), Vec::new());
        if let [Some(before), Some(after)] = read.map(|read| read.and_then(Read::json))
            && before != after
        {
            let (before, after) = (texts(before), texts(after));
            values = unified(&before.values, &after.values);
            documents = compare(&before.documents, &after.documents);
        }
        Some(ReleaseDiff {
            namespace: self.namespace.to_owned(),
            driver: self.driver,
            release: self.release.clone(),
            change,
            revisions: [0, 1].map(|side| self.revisions(side)),
            newest: [0, 1].map(|side| Some(read[side]?.side(newest[side]?))),
            changed,
            values,
            documents,
        })
    }

    fn changed(&self, one_cluster: bool, reads: [&Reads; 2]) -> Vec<RevisionDiff> {
        let mut changed = Vec::new();
        for (id, held) in &self.records {
            if alike(held, one_cluster) {
                continue;
            }
            let read = [reads[0].get(*id), reads[1].get(*id)];
            let (change, fields) = match held {
                [None, _] => (Change::Added, Vec::new()),
                [_, None] => (Change::Removed, Vec::new()),
                _ => match read {
                    [Some(before), Some(after)] => (Change::Changed, before.fields(after)),
                    // What could not be read is said elsewhere.
                    _ => continue,
                },
            };
            if change == Change::Changed && fields.is_empty() {
                continue;
            }
            changed.push(RevisionDiff {
                name: id.name.clone(),
                change,
                fields,
                sides: read.map(|read| read.map(|read| read.side(id))),
            });
        }
        changed.sort_by_key(|one| {
            one.sides
                .iter()
                .flatten()
                .next_back()
                .map(|one| one.revision)
        });
        changed
    }

    /// The newest record of a side.
    fn newest(&self, side: usize) -> Option<&'a RecordId> {
        let held = self.records.iter().filter(|(_, held)| held[side].is_some());
        let newest = held.max_by_key(|(id, _)| id.key().map(|key| key.revision));
        newest.map(|(id, _)| *id)
    }

    fn revisions(&self, side: usize) -> Vec<u32> {
        let held = self.records.iter().filter(|(_, held)| held[side].is_some());
        let numbers = held.filter_map(|(id, _)| Some(id.key()?.revision));
        let numbers: BTreeSet<_> = numbers.collect();
        numbers.into_iter().collect()
    }
}

/// Whether a record is one that nobody wrote to between the two sides.
fn alike(held: &[Option<&Held>; 2], one_cluster: bool) -> bool {
    match held {
        [Some(before), Some(after)] => {
            one_cluster
                && !before.uid.is_empty()
                && before.uid == after.uid
                && before.resource_version == after.resource_version
        }
        _ => false,
    }
}

impl Read {
    fn object(&self) -> &Value {
        match self {
            Self::Decoded { object, .. } | Self::Undecodable { object, .. } => object,
        }
    }

    fn json(&self) -> Option<&[u8]> {
        match self {
            Self::Decoded { json, .. } => Some(json),
            Self::Undecodable { .. } => None,
        }
    }

    fn side(&self, id: &RecordId) -> Side {
        Side {
            revision: id.key().map(|key| key.revision),
            told: match self {
                Self::Decoded { told, .. } => Ok(told.clone()),
                Self::Undecodable { why, .. } => Err(why.clone()),
            },
        }
    }

    /// What of two records differs. How a payload is packed is no difference,
    /// nor is what the API server sets.
    fn fields(&self, other: &Self) -> Vec<&'static str> {
        let payload = match (self, other) {
            (Self::Decoded { json, .. }, Self::Decoded { json: other, .. }) => json == other,
            (Self::Undecodable { digest, .. }, Self::Undecodable { digest: other, .. }) => {
                digest == other
            }
            _ => false,
        };
        let fields = [
            ("labels", "/metadata/labels"),
            ("annotations", "/metadata/annotations"),
            ("type", "/type"),
            ("immutable", "/immutable"),
            ("data", "/data"),
            ("binaryData", "/binaryData"),
        ];
        let said = |side: &Self, path: &str| {
            let value = side.object().pointer(path);
            let nothing = |value: &&Value| {
                value.is_null()
                    || **value == false
                    || value.as_object().is_some_and(serde_json::Map::is_empty)
            };
            value.filter(|value| !nothing(value)).cloned()
        };
        let differ = fields.into_iter().filter_map(|(name, path)| {
            let same = said(self, path) == said(other, path);
            (!same).then_some(name)
        });
        (!payload)
            .then_some("payload")
            .into_iter()
            .chain(differ)
            .collect()
    }
}

/// Compares texts by their names; where a name comes several times, in their
/// order. Those that are the same are left out.
pub fn compare(before: &[Text], after: &[Text]) -> Vec<TextDiffed> {
    let mut texts: BTreeMap<(&str, usize), [Option<&str>; 2]> = BTreeMap::new();
    let mut order = Vec::new();
    for (side, named) in [before, after].into_iter().enumerate() {
        let mut count: BTreeMap<&str, usize> = BTreeMap::new();
        for (name, text) in named {
            let count = count.entry(name).or_default();
            let key = (name.as_str(), *count);
            *count += 1;
            let entry = texts.entry(key).or_insert_with(|| {
                order.push(key);
                [None, None]
            });
            entry[side] = Some(text);
        }
    }
    let differ = order.into_iter().filter_map(|key| {
        let (change, before, after) = match *texts.get(&key)? {
            [Some(before), Some(after)] if before == after => return None,
            [Some(before), Some(after)] => (Change::Changed, before, after),
            [Some(before), None] => (Change::Removed, before, ""),
            [None, Some(after)] => (Change::Added, "", after),
            [None, None] => return None,
        };
        Some(TextDiffed {
            name: key.0.to_owned(),
            change,
            diff: unified(before, after),
        })
    });
    differ.collect()
}

/// A unified diff without a head; empty where the texts are the same.
fn unified(before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    let diff = TextDiff::configure()
        .timeout(PATIENCE)
        .diff_lines(before, after);
    diff.unified_diff()
        .context_radius(CONTEXT)
        .missing_newline_hint(false)
        .to_string()
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
