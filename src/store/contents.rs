//! Lists of what a history or a namespace's live objects are made of: JSON,
//! kept as objects. Pure.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::StoreError;
use super::recipe::Row;
use super::seal::{optional, seal};
use crate::helm::Digest;
use crate::snapshot::{HistoryId, SavedRecord};
use crate::survey::{ObjectRef, Record, RecordId};

/// What a payload's parts join to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PayloadKind {
    /// There is no payload.
    None,
    /// The release's JSON.
    Json,
    /// The text of `data.release`.
    Text,
}

/// The first bytes of a digest, where something else proves the rest: to tell
/// the states of one object apart, or that objects are the ones that were meant,
/// which are proven by their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Short([u8; 16]);

impl Short {
    pub(super) fn of(digest: Digest) -> Self {
        let mut short = [0; 16];
        short.copy_from_slice(&digest.as_bytes()[..16]);
        Self(short)
    }

    pub(super) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Short {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Short {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = u128::from_str_radix(&text, 16).map_err(de::Error::custom)?;
        Ok(Self(number.to_be_bytes()))
    }
}

/// The records of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Contents {
    /// Whose they are.
    pub(super) cluster: Option<String>,
    /// By name.
    pub(super) records: Vec<Entry>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) version: String,
    pub(super) seen: Short,
    pub(super) payload: PayloadKind,
    /// Length of the payload's text.
    pub(super) bytes: u64,
    /// Where in the rest the object's JSON ends.
    pub(super) object: u64,
    /// Where in what follows the parts belong.
    pub(super) at: u64,
    /// An object's id.
    pub(super) rest: i64,
    /// Objects' ids.
    pub(super) parts: Vec<i64>,
    /// Over the digests of these objects.
    pub(super) digest: Short,
}

impl Entry {
    pub(super) fn new(row: &Row, rest: i64, parts: Vec<i64>) -> Self {
        Self {
            name: row.id.name.clone(),
            uid: row.uid.clone(),
            version: row.version.clone(),
            seen: row.seen,
            payload: row.payload,
            bytes: row.bytes,
            object: row.object as u64,
            at: row.at as u64,
            rest,
            parts,
            digest: sealed(&row.rest, &row.parts),
        }
    }

    /// Whether it is the saved state of what was seen.
    pub(super) fn is(&self, record: &Record) -> bool {
        self.name == record.id.name
            && self.uid == record.uid
            && self.version == record.resource_version
            && self.seen == Short::of(record.seen())
    }

    pub(super) fn id(&self, history: &HistoryId) -> RecordId {
        RecordId {
            namespace: history.namespace.clone(),
            driver: history.driver,
            name: self.name.clone(),
        }
    }

    pub(super) fn saved(&self, history: &HistoryId) -> SavedRecord {
        SavedRecord {
            id: self.id(history),
            uid: self.uid.clone(),
            resource_version: self.version.clone(),
            bytes: self.bytes,
        }
    }
}

/// The live objects of a namespace, by identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LiveObjects {
    pub(super) objects: Vec<LiveEntry>,
}

/// One live object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LiveEntry {
    pub(super) object: ObjectRef,
    pub(super) digest: Digest,
    pub(super) bytes: u64,
    /// An object's id.
    pub(super) json: i64,
}

/// One digest over those of a record's objects.
pub(super) fn sealed<'a>(rest: &Digest, parts: impl IntoIterator<Item = &'a Digest>) -> Short {
    let mut fields: Vec<&[u8]> = vec![rest.as_bytes()];
    fields.extend(parts.into_iter().map(|part| &part.as_bytes()[..]));
    Short::of(seal(&fields))
}

/// What tells the state of a history: cluster, and of each record the name, uid,
/// resourceVersion and what else was seen, by name.
pub(super) fn known<'a>(
    cluster: &str,
    records: impl Iterator<Item = (&'a str, &'a str, &'a str, Short)>,
) -> Digest {
    let mut fields: Vec<(&str, &str, &str, Short)> = records.collect();
    fields.sort_unstable_by_key(|(name, ..)| *name);
    let mut sealed: Vec<&[u8]> = vec![cluster.as_bytes()];
    for (name, uid, version, seen) in &fields {
        sealed.extend([name.as_bytes(), uid.as_bytes(), version.as_bytes()]);
        sealed.push(seen.as_bytes());
    }
    seal(&sealed)
}

impl Contents {
    /// One digest over the records, whatever keys their objects have in this
    /// store: so that the same state is the same in every store.
    pub(super) fn sealed(&self) -> Digest {
        let cluster = optional(self.cluster.as_ref().map(String::as_bytes));
        let numbers = |entry: &Entry| [entry.bytes, entry.object, entry.at].map(u64::to_be_bytes);
        let numbers: Vec<_> = self.records.iter().map(numbers).collect();
        let mut fields: Vec<&[u8]> = vec![&cluster];
        for (entry, numbers) in self.records.iter().zip(&numbers) {
            for text in [&entry.name, &entry.uid, &entry.version] {
                fields.push(text.as_bytes());
            }
            fields.extend([entry.seen.as_bytes(), entry.payload.name().as_bytes()]);
            fields.extend(numbers.iter().map(|number| &number[..]));
            fields.push(entry.digest.as_bytes());
        }
        seal(&fields)
    }

    /// What tells this state; `None` where the cluster is not known.
    pub(super) fn known(&self) -> Option<Digest> {
        let cluster = self.cluster.as_deref()?;
        let records = self.records.iter().map(|entry| {
            (
                entry.name.as_str(),
                entry.uid.as_str(),
                entry.version.as_str(),
                entry.seen,
            )
        });
        Some(known(cluster, records))
    }
}

impl LiveObjects {
    /// One digest over the objects, whatever keys they have in this store.
    pub(super) fn sealed(&self) -> Digest {
        let sizes = self.objects.iter().map(|entry| entry.bytes.to_be_bytes());
        let sizes: Vec<_> = sizes.collect();
        let namespace = |entry: &LiveEntry| {
            let namespace = entry.object.namespace.as_ref();
            optional(namespace.map(String::as_bytes))
        };
        let namespaces: Vec<_> = self.objects.iter().map(namespace).collect();
        let mut fields: Vec<&[u8]> = Vec::new();
        for ((entry, namespace), size) in self.objects.iter().zip(&namespaces).zip(&sizes) {
            let ObjectRef {
                api_version,
                kind,
                name,
                ..
            } = &entry.object;
            fields.extend([api_version.as_bytes(), kind.as_bytes(), namespace]);
            fields.extend([name.as_bytes(), entry.digest.as_bytes(), size]);
        }
        seal(&fields)
    }
}

impl PayloadKind {
    /// As a seal spells it.
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Json => "json",
            Self::Text => "text",
        }
    }
}

/// Writes a list.
pub(super) fn to_json<T: Serialize>(list: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(list).map_err(StoreError::Json)
}

/// Reads a list whose digest is proven: it can only be of another version.
pub(super) fn from_json<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, StoreError> {
    serde_json::from_slice(json)
        .map_err(|_| StoreError::damaged("a list", "it is of another version, or damaged"))
}
