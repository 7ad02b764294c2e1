//! Records: storage objects as they were seen.

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::helm::codec::{self, DecodeError, Unpacker};
use crate::helm::{Digest, Driver, RecordKey};
use crate::live::Writer;
use crate::survey::{Labels, Release};

/// Where a record is stored. Within one cluster, this is its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordId {
    /// The storage namespace; the payload may name another one.
    pub namespace: String,
    /// Secret or ConfigMap.
    pub driver: Driver,
    /// The object's name.
    pub name: String,
}

impl RecordId {
    /// The release and revision that the name says, if Helm made the name.
    pub fn key(&self) -> Option<RecordKey> {
        RecordKey::parse(&self.name)
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.driver.kind(), self.namespace, self.name)
    }
}

/// One storage object: identity, labels, writers, size, payload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Where it is stored.
    pub id: RecordId,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion` at the time of the read.
    pub resource_version: String,
    /// `metadata.creationTimestamp`; the server's clock.
    pub created: Option<Timestamp>,
    /// `metadata.labels`, all of them.
    pub labels: Labels,
    /// `metadata.managedFields`, without the fields.
    pub writers: Vec<Writer>,
    /// What is known of its payload.
    pub payload: Payload,
}

impl Record {
    /// The label that Helm's drivers select by, if it is there.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key)
    }

    /// The digest over what its metadata says beside identity, `uid` and
    /// `resourceVersion`: labels, creation, who wrote when.
    ///
    /// An etcd that was restored gives out resourceVersions anew. An object that
    /// was written after that bears another time, so that all of these together
    /// tell a state.
    pub fn seen(&self) -> Digest {
        let mut seen = Vec::with_capacity(512);
        let mut field = |bytes: &[u8]| {
            seen.extend((bytes.len() as u64).to_be_bytes());
            seen.extend_from_slice(bytes);
        };
        field(&(self.labels.iter().count() as u64).to_be_bytes());
        for (key, value) in self.labels.iter() {
            field(key.as_bytes());
            field(value.as_bytes());
        }
        let created = self.created.map(Timestamp::as_second);
        field(&created.map_or(Vec::new(), |at| at.to_be_bytes().to_vec()));
        for writer in &self.writers {
            field(writer.manager.as_bytes());
            field(&writer.at.as_second().to_be_bytes());
            field(writer.subresource.as_deref().unwrap_or_default().as_bytes());
        }
        Digest::of(&seen)
    }
}

/// What is known of a record's payload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "payload")]
pub enum Payload {
    /// Not asked for yet.
    Unread,
    /// It decodes.
    Decoded {
        /// Of the payload's text as the cluster stores it.
        digest: Digest,
        /// Of the payload text as the cluster stores it, in bytes.
        bytes: u64,
        /// What it says.
        release: Box<Release>,
    },
    /// Helm cannot read it.
    Undecodable {
        /// Of the payload text as stored.
        digest: Digest,
        /// Of the payload text, in bytes.
        bytes: u64,
        /// Why, as a fragment: `gzip: unexpected end of data`.
        reason: String,
    },
    /// Helm may read it, we do not: it unpacks to more than
    /// [`codec::PLAIN_LIMIT`].
    TooLarge {
        /// Of the payload text as stored.
        digest: Digest,
        /// Of the payload text, in bytes.
        bytes: u64,
    },
    /// It belongs to another format that uses the same names
    /// (operator-controller's `data.chunk`), and is none of our business.
    Foreign {
        /// Which format.
        format: String,
    },
}

impl Payload {
    /// Whether nobody here knows what it says.
    pub fn is_unread(&self) -> bool {
        matches!(self, Self::Unread | Self::TooLarge { .. })
    }

    /// Reads the text of `data.release`; `None` if the object has no such key.
    /// `other_keys` are the other keys of its `data`.
    ///
    /// A missing text is an empty one, as it is to Helm, unless a chunk stands
    /// in its place: operator-controller keeps `chunk` and `extraChunks` under
    /// Helm's names, and further objects with a `chunk` alone.
    pub fn read(text: Option<&[u8]>, other_keys: &[&str]) -> Self {
        Self::read_through(&mut Unpacker::default(), text, other_keys)
    }

    /// The same through buffers that are used again and again.
    pub fn read_through(unpacker: &mut Unpacker, text: Option<&[u8]>, other_keys: &[&str]) -> Self {
        if text.is_none() && other_keys.contains(&"chunk") {
            return Self::Foreign {
                format: "operator-controller chunks".to_owned(),
            };
        }
        let text = text.unwrap_or_default();
        let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
        let undecodable = |reason: String| Self::Undecodable {
            digest: Digest::of(text),
            bytes,
            reason,
        };
        let unpacked = unpacker.unpack(text, codec::PLAIN_LIMIT);
        match unpacked.map(|unpacked| Release::read(unpacked.json)) {
            Ok(Ok(release)) => Self::Decoded {
                digest: Digest::of(text),
                bytes,
                release: Box::new(release),
            },
            Ok(Err(error)) => undecodable(error.to_string()),
            Err(DecodeError::TooLarge) => Self::TooLarge {
                digest: Digest::of(text),
                bytes,
            },
            Err(error) => undecodable(error.to_string()),
        }
    }
}

/// A record exactly as the API server handed it out: what is needed to put it
/// back.
#[derive(Clone, PartialEq)]
pub struct RawRecord {
    /// Where it is stored.
    pub id: RecordId,
    /// The object's JSON without `data.release`. Other keys of `data`,
    /// labels, annotations, `immutable`, `type` and owners are all here.
    pub object: Value,
    /// The text of `data.release`: base64 of gzip of JSON, after the API's own
    /// base64 was taken off. `None` where the object has no such key.
    pub payload: Option<Bytes>,
}

/// Its name alone: the rest may hold secrets.
impl fmt::Debug for RawRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawRecord({})", self.id)
    }
}

impl RawRecord {
    /// `metadata.uid`.
    pub fn uid(&self) -> &str {
        self.metadata("uid")
    }

    /// `metadata.resourceVersion`.
    pub fn resource_version(&self) -> &str {
        self.metadata("resourceVersion")
    }

    /// Its uid and its resourceVersion: which state of which object it is.
    pub fn state(&self) -> (String, String) {
        let (uid, version) = (self.uid(), self.resource_version());
        (uid.to_owned(), version.to_owned())
    }

    /// The digest that guards a write: of the payload's text, of nothing where
    /// there is none.
    pub fn digest(&self) -> Digest {
        Digest::of(self.payload.as_deref().unwrap_or_default())
    }

    /// How long the payload's text may be: the limit holds for all of the
    /// object's data together (Kubernetes `MaxSecretSize`).
    pub fn room(&self) -> usize {
        let others = self.object["data"].as_object().into_iter().flatten();
        let sizes = others.map(|(_, value)| value.as_str().map_or(0, str::len));
        codec::TEXT_LIMIT.saturating_sub(sizes.sum())
    }

    fn metadata(&self, field: &str) -> &str {
        self.object["metadata"][field].as_str().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    const JSON: &[u8] = include_bytes!("../helm/release/helm4.json");

    fn reason(text: &[u8]) -> String {
        match Payload::read(Some(text), &[]) {
            Payload::Undecodable {
                digest,
                bytes,
                reason,
            } => {
                assert_eq!((digest, bytes), (Digest::of(text), text.len() as u64));
                reason
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_payload_is_decoded() {
        let text = codec::encode(JSON, codec::TEXT_LIMIT).unwrap();
        let Payload::Decoded {
            digest,
            bytes,
            release,
        } = Payload::read(Some(&text), &["chunk"])
        else {
            panic!("not decoded");
        };
        assert_eq!((digest, bytes), (Digest::of(&text), text.len() as u64));
        assert_eq!((release.name.as_str(), release.version), ("web", 8));
    }

    #[test]
    fn what_helm_cannot_read_has_a_reason() {
        let json = |json: &str| reason(STANDARD.encode(json).as_bytes());
        assert_eq!(reason(b""), "empty");
        assert_eq!(reason(b"e3 0="), "base64: unexpected byte at offset 2");
        let text = codec::encode(JSON, codec::TEXT_LIMIT).unwrap();
        assert_eq!(reason(&text[..400]), "gzip: unexpected end of data");
        assert_eq!(json("{\"version\":"), "JSON: unexpected end of data");
        assert_eq!(
            json("{\"version\":\"hunter2\"}"),
            "JSON: version is not an integer"
        );
        assert_eq!(json("{}"), "no info, on which Helm crashes");
    }

    #[test]
    fn what_is_too_large_for_us_is_not_said_to_be_broken() {
        let text = codec::encode(&vec![b' '; codec::PLAIN_LIMIT + 1], codec::TEXT_LIMIT).unwrap();
        let (digest, bytes) = (Digest::of(&text), text.len() as u64);
        let read = Payload::read(Some(&text), &[]);
        assert_eq!(read, Payload::TooLarge { digest, bytes });
    }

    #[test]
    fn a_state_is_told_by_its_labels_times_and_writers() {
        let metadata = serde_json::json!({
            "name": "a", "namespace": "b", "uid": "u", "resourceVersion": "1",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"owner": "helm", "status": "deployed"},
            "managedFields": [{"manager": "Helm", "time": "2026-01-01T00:00:00Z"}],
        });
        let seen = |metadata: &Value| {
            crate::survey::stored::from_metadata(metadata, Driver::Secret).seen()
        };
        let first = seen(&metadata);
        let mut other = metadata.clone();
        other["resourceVersion"] = "2".into();
        assert_eq!(first, seen(&other), "that is compared beside it");
        for (place, value) in [
            ("/labels/status", "failed"),
            ("/creationTimestamp", "2026-01-01T00:00:01Z"),
            ("/managedFields/0/manager", "kubectl"),
            ("/managedFields/0/time", "2026-01-01T00:00:01Z"),
        ] {
            let mut other = metadata.clone();
            *other.pointer_mut(place).unwrap() = value.into();
            assert_ne!(first, seen(&other), "{place}");
        }
        let mut other = metadata.clone();
        other["labels"] = serde_json::json!({"owner": "helm"});
        assert_ne!(first, seen(&other));
    }

    #[test]
    fn other_formats_are_foreign() {
        let format = "operator-controller chunks".to_owned();
        let foreign = Payload::Foreign { format };
        assert_eq!(Payload::read(None, &["chunk", "extraChunks"]), foreign);
        assert_eq!(Payload::read(None, &["chunk"]), foreign);
        assert!(matches!(
            Payload::read(None, &["other"]),
            Payload::Undecodable { bytes: 0, reason, .. } if reason == "empty"
        ));
    }
}
