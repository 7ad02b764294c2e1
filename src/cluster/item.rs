//! From one stored object, as a list or a read brought it, to a [`Record`].

use std::borrow::Cow;
use std::cell::RefCell;

use jiff::Timestamp;
use k8s_pb::apimachinery::pkg::apis::meta::v1 as meta;
use prost::Message;
use serde_json::Value;

use super::error::ApiError;
use super::protobuf::fields;
use crate::helm::codec::Unpacker;
use crate::helm::{Driver, PAYLOAD_KEY};
use crate::live::Writer;
pub(super) use crate::survey::stored::from_metadata as from_json;
use crate::survey::{Payload, Record, RecordId, stored};

/// One object, still in the form it came in.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Protobuf(Vec<u8>),
    Json(Value),
}

const GARBLED: ApiError = ApiError::Garbled {
    what: "an object that makes no sense",
};

impl Item {
    /// About how many bytes it takes.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Protobuf(bytes) => bytes.len(),
            Self::Json(json) => json["data"][PAYLOAD_KEY].as_str().map_or(0, str::len),
        }
    }

    /// Which record it is.
    pub(super) fn id(&self, driver: Driver) -> Result<RecordId, ApiError> {
        let Self::Protobuf(bytes) = self else {
            return Ok(self.record(driver)?.id);
        };
        let meta = field(bytes, METADATA)?;
        let text = |wanted| {
            let text = std::str::from_utf8(field(meta, wanted)?).map_err(|_| GARBLED)?;
            (!text.is_empty()).then(|| text.to_owned()).ok_or(GARBLED)
        };
        Ok(RecordId {
            namespace: text(NAMESPACE)?,
            driver,
            name: text(NAME)?,
        })
    }

    /// What its metadata says. The payload stays unread.
    pub(super) fn record(&self, driver: Driver) -> Result<Record, ApiError> {
        let record = match self {
            Self::Protobuf(bytes) => {
                let meta = Metadata::decode(field(bytes, METADATA)?);
                from_meta(meta.map_err(|_| GARBLED)?, driver)
            }
            Self::Json(json) => from_json(&json["metadata"], driver),
        };
        if record.id.name.is_empty() || record.id.namespace.is_empty() || record.uid.is_empty() {
            return Err(GARBLED);
        }
        Ok(record)
    }

    /// Reads the payload of an object that came whole.
    pub(super) fn payload(&self, driver: Driver) -> Result<Payload, ApiError> {
        let (text, others) = self.text(driver)?;
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        let text = text.as_deref();
        Ok(UNPACKER.with_borrow_mut(|buffers| Payload::read_through(buffers, text, &others)))
    }

    /// The payload's text in an object that came whole, if it has one, and the
    /// other keys of its data.
    pub(super) fn text(&self, driver: Driver) -> Result<stored::Text<Cow<'_, [u8]>>, ApiError> {
        match self {
            Self::Protobuf(bytes) => {
                let data = fields(bytes).filter_map(|one| match (one, driver) {
                    (Ok((DATA, entry)), _) | (Ok((BINARY_DATA, entry)), Driver::ConfigMap) => {
                        Some(key_and_value(entry))
                    }
                    (Ok(_), _) => None,
                    (Err(error), _) => Some(Err(error)),
                });
                Ok(stored::split(data.collect::<Result<Vec<_>, _>>()?))
            }
            Self::Json(json) => {
                let (text, others) = stored::text(json, driver).map_err(|_| GARBLED)?;
                Ok((text.map(Cow::Owned), others))
            }
        }
    }
}

thread_local! {
    /// Payloads are read by the thousand, on a few threads.
    static UNPACKER: RefCell<Unpacker> = RefCell::default();
}

/// Fields of Secrets and ConfigMaps (`k8s.io/api/core/v1/generated.proto`),
/// read here because prost would copy the payload.
const METADATA: u64 = 1;
/// A map, each entry a key and a value.
pub(super) const DATA: u64 = 2;
/// Of ConfigMaps alone; in a Secret, 3 is its type.
const BINARY_DATA: u64 = 3;

/// Fields of their metadata.
const NAME: u64 = 1;
const NAMESPACE: u64 = 3;

/// The field's last value, which is the one that counts.
fn field(bytes: &[u8], wanted: u64) -> Result<&[u8], ApiError> {
    let mut found = None;
    for one in fields(bytes) {
        let (number, value) = one?;
        if number == wanted {
            found = Some(value);
        }
    }
    found.ok_or(GARBLED)
}

/// An entry of a map; a missing half of one is empty.
fn key_and_value(entry: &[u8]) -> Result<(String, Cow<'_, [u8]>), ApiError> {
    let (mut key, mut value): (&[u8], &[u8]) = (&[], &[]);
    for one in fields(entry) {
        match one? {
            (1, bytes) => key = bytes,
            (2, bytes) => value = bytes,
            _ => {}
        }
    }
    let key = std::str::from_utf8(key).map_err(|_| GARBLED)?;
    Ok((key.to_owned(), Cow::Borrowed(value)))
}

/// What a record takes of its `ObjectMeta`
/// (`k8s.io/apimachinery/pkg/apis/meta/v1/generated.proto`). Most of the bytes
/// are the managed fields themselves, which are passed over so.
#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "3")]
    namespace: String,
    #[prost(string, tag = "5")]
    uid: String,
    #[prost(string, tag = "6")]
    resource_version: String,
    #[prost(message, optional, tag = "8")]
    creation_timestamp: Option<meta::Time>,
    #[prost(message, repeated, tag = "11")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "17")]
    managed_fields: Vec<ManagedFields>,
}

/// An entry of the map of labels.
#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct ManagedFields {
    #[prost(string, optional, tag = "1")]
    manager: Option<String>,
    #[prost(message, optional, tag = "4")]
    time: Option<meta::Time>,
    #[prost(string, tag = "8")]
    subresource: String,
}

fn from_meta(meta: Metadata, driver: Driver) -> Record {
    // Sized to what there is: tens of thousands of records are held at a time.
    let mut writers: Vec<Writer> = Vec::with_capacity(meta.managed_fields.len());
    writers.extend(meta.managed_fields.into_iter().filter_map(|entry| {
        Some(Writer {
            manager: entry.manager?,
            at: time(entry.time)?,
            subresource: Some(entry.subresource).filter(|name| !name.is_empty()),
        })
    }));
    let labels = meta.labels.into_iter();
    Record {
        id: RecordId {
            namespace: meta.namespace,
            driver,
            name: meta.name,
        },
        uid: meta.uid,
        resource_version: meta.resource_version,
        created: time(meta.creation_timestamp),
        labels: labels.map(|label| (label.key, label.value)).collect(),
        writers,
        payload: Payload::Unread,
    }
}

fn time(time: Option<meta::Time>) -> Option<Timestamp> {
    let time = time?;
    Timestamp::new(time.seconds?, time.nanos.unwrap_or(0)).ok()
}

#[cfg(test)]
mod tests {
    use k8s_pb::api::core::v1 as core;
    use serde_json::json;

    use super::*;

    const TIME: meta::Time = meta::Time {
        seconds: Some(1_793_000_000),
        nanos: None,
    };

    fn written(manager: &str, subresource: &str) -> meta::ManagedFieldsEntry {
        let raw = br#"{"f:data":{}}"#.to_vec();
        meta::ManagedFieldsEntry {
            manager: Some(manager.into()),
            operation: Some("Update".into()),
            api_version: Some("v1".into()),
            time: Some(TIME),
            fields_type: Some("FieldsV1".into()),
            fields_v1: Some(meta::FieldsV1 { raw: Some(raw) }),
            subresource: Some(subresource.into()),
        }
    }

    fn meta() -> meta::ObjectMeta {
        meta::ObjectMeta {
            name: Some("sh.helm.release.v1.web.v1".into()),
            namespace: Some("shop".into()),
            uid: Some("u1".into()),
            resource_version: Some("42".into()),
            creation_timestamp: Some(TIME),
            labels: [("owner", "helm"), ("name", "")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into(),
            managed_fields: vec![written("helm", ""), written("kubelet", "status")],
            ..Default::default()
        }
    }

    fn json_meta() -> Value {
        let time = Timestamp::from_second(1_793_000_000).unwrap().to_string();
        json!({
            "name": "sh.helm.release.v1.web.v1", "namespace": "shop", "uid": "u1",
            "resourceVersion": "42", "creationTimestamp": time, "labels": {"owner": "helm", "name": ""},
            "managedFields": [
                {"manager": "helm", "time": time},
                {"manager": "kubelet", "time": time, "subresource": "status"},
            ],
        })
    }

    #[test]
    fn json_and_protobuf_say_the_same() {
        let secret = core::Secret {
            metadata: Some(meta()),
            data: [("release".to_owned(), b"text".to_vec())].into(),
            ..Default::default()
        };
        let protobuf = Item::Protobuf(secret.encode_to_vec());
        let json = Item::Json(json!({"metadata": json_meta(), "data": {"release": "dGV4dA=="}}));
        let record = protobuf.record(Driver::Secret).unwrap();
        assert_eq!(
            record.id.to_string(),
            "Secret shop/sh.helm.release.v1.web.v1"
        );
        assert_eq!(record.writers.len(), 2);
        assert_eq!(record.writers[1].subresource.as_deref(), Some("status"));
        assert_eq!(json.record(Driver::Secret).as_ref(), Ok(&record));
        for item in [&protobuf, &json] {
            assert_eq!(item.id(Driver::Secret).as_ref(), Ok(&record.id));
        }
        let nameless = core::Secret {
            metadata: Some(meta::ObjectMeta::default()),
            ..Default::default()
        };
        let nameless = Item::Protobuf(nameless.encode_to_vec());
        assert!(nameless.id(Driver::Secret).is_err());
        assert_eq!(
            protobuf.payload(Driver::Secret),
            json.payload(Driver::Secret)
        );
        assert_eq!(
            protobuf.payload(Driver::Secret),
            Ok(Payload::read(Some(b"text"), &[]))
        );
    }

    #[test]
    fn config_maps_hold_plain_text() {
        let map = core::ConfigMap {
            metadata: Some(meta()),
            data: [("release".to_owned(), "text".to_owned())].into(),
            binary_data: [("chunk".to_owned(), vec![0xff])].into(),
            ..Default::default()
        };
        let expected = Payload::read(Some(b"text"), &["chunk"]);
        let protobuf = Item::Protobuf(map.encode_to_vec());
        assert_eq!(protobuf.payload(Driver::ConfigMap), Ok(expected.clone()));
        let json = Item::Json(json!({
            "metadata": json_meta(), "data": {"release": "text"}, "binaryData": {"chunk": "/w=="},
        }));
        assert_eq!(json.payload(Driver::ConfigMap), Ok(expected));
    }

    #[test]
    fn an_object_without_a_name_is_an_error_and_no_record() {
        let json = Item::Json(json!({"metadata": {"namespace": "shop", "uid": "u"}}));
        assert!(json.record(Driver::Secret).is_err());
        assert!(Item::Json(Value::Null).record(Driver::Secret).is_err());
        assert!(Item::Protobuf(vec![]).record(Driver::Secret).is_err());
        assert!(Item::Protobuf(vec![0xff]).record(Driver::Secret).is_err());
    }
}
