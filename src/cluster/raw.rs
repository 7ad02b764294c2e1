//! Whole records in protobuf, as the same read in JSON would give them.
//!
//! A list of records in protobuf costs a fraction of one in JSON. What is saved
//! must be all that is stored, so an object that holds a field which is not
//! known here is told apart, and read once more in JSON.

use std::collections::BTreeMap;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use k8s_pb::api::core::v1 as core;
use k8s_pb::apimachinery::pkg::apis::meta::v1 as meta;
use prost::Message;
use serde_json::{Map, Value};

use super::error::ApiError;
use super::item::DATA;
use super::protobuf::placed;
use super::write::split;
use crate::helm::{Driver, PAYLOAD_KEY};
use crate::survey::{RawRecord, RecordId};

const GARBLED: ApiError = ApiError::Garbled {
    what: "an object that makes no sense",
};

/// The record, with the object's fields in the API server's order; `None` if it
/// holds something that is not known here.
pub(super) fn record(id: &RecordId, bytes: Vec<u8>) -> Result<Option<RawRecord>, ApiError> {
    match id.driver {
        Driver::Secret => {
            let (bytes, payload) = apart(bytes)?;
            let secret = core::Secret::decode(&*bytes).map_err(|_| GARBLED)?;
            // What was passed over is missing when it is encoded again.
            let whole = whole(&secret, &bytes);
            let twice = payload.is_some() && secret.data.contains_key(PAYLOAD_KEY);
            let whole = whole.filter(|()| !twice);
            whole
                .map(|()| self::secret(id, secret, payload))
                .transpose()
        }
        Driver::ConfigMap => {
            let map = core::ConfigMap::decode(&*bytes).map_err(|_| GARBLED)?;
            let whole = whole(&map, &bytes);
            whole.map(|()| split(id, config_map(map)?)).transpose()
        }
    }
}

/// A Secret's bytes without its payload, and the payload in the room that both
/// had: nearly all of them would only be copied. What is not written as the API
/// server writes it stays as it is.
fn apart(bytes: Vec<u8>) -> Result<(Vec<u8>, Option<Bytes>), ApiError> {
    let mut found = None;
    for one in placed(&bytes) {
        let one = one?;
        let value = (one.number == DATA).then(|| value(&bytes[one.body.clone()], PAYLOAD_KEY));
        if let Some(value) = value.flatten() {
            let start = one.body.start;
            found = Some((one.whole, start + value.start..start + value.end));
        }
    }
    let Some((whole, value)) = found else {
        return Ok((bytes, None));
    };
    let rest = [&bytes[..whole.start], &bytes[whole.end..]].concat();
    Ok((rest, Some(Bytes::from(bytes).slice(value))))
}

/// Where the value is in a map's entry of that key, if it holds nothing else.
fn value(entry: &[u8], key: &str) -> Option<Range<usize>> {
    let mut parts = placed(entry);
    let (first, second) = (parts.next()?.ok()?, parts.next()?.ok()?);
    let named = first.number == 1 && &entry[first.body] == key.as_bytes();
    let whole = first.whole.end == second.whole.start && second.whole.end == entry.len();
    (named && whole && first.whole.start == 0 && second.number == 2).then_some(second.body)
}

fn whole(message: &impl Message, bytes: &[u8]) -> Option<()> {
    (message.encoded_len() == bytes.len()).then_some(())
}

/// The payload goes around the JSON: most of the bytes would only be encoded to
/// be decoded again.
fn secret(
    id: &RecordId,
    mut secret: core::Secret,
    payload: Option<Bytes>,
) -> Result<RawRecord, ApiError> {
    let payload = payload.or_else(|| secret.data.remove(PAYLOAD_KEY).map(Bytes::from));
    let mut object = Fields::of_kind("Secret");
    object.put(
        "metadata",
        Some(metadata(secret.metadata.unwrap_or_default())?),
    );
    object.put("immutable", secret.immutable);
    match payload.is_some() && secret.data.is_empty() {
        true => object.put("data", Some(Map::new())),
        false => object.put_all("data", encoded(secret.data)),
    }
    object.put_all("stringData", secret.string_data);
    object.put("type", filled(secret.r#type));
    Ok(RawRecord {
        id: id.clone(),
        object: object.finish(),
        payload,
    })
}

fn config_map(map: core::ConfigMap) -> Result<Value, ApiError> {
    let mut object = Fields::of_kind("ConfigMap");
    object.put(
        "metadata",
        Some(metadata(map.metadata.unwrap_or_default())?),
    );
    object.put("immutable", map.immutable);
    object.put_all("data", map.data);
    object.put_all("binaryData", encoded(map.binary_data));
    Ok(object.finish())
}

fn metadata(meta: meta::ObjectMeta) -> Result<Value, ApiError> {
    let mut object = Fields::default();
    object.put("name", filled(meta.name));
    object.put("generateName", filled(meta.generate_name));
    object.put("namespace", filled(meta.namespace));
    object.put("selfLink", filled(meta.self_link));
    object.put("uid", filled(meta.uid));
    object.put("resourceVersion", filled(meta.resource_version));
    object.put(
        "generation",
        meta.generation.filter(|generation| *generation != 0),
    );
    object.put("creationTimestamp", time(meta.creation_timestamp)?);
    object.put("deletionTimestamp", time(meta.deletion_timestamp)?);
    let grace = meta.deletion_grace_period_seconds;
    object.put("deletionGracePeriodSeconds", grace);
    object.put_all("labels", meta.labels);
    object.put_all("annotations", meta.annotations);
    object.put_list(
        "ownerReferences",
        meta.owner_references.into_iter().map(owner),
    );
    object.put_list("finalizers", meta.finalizers.into_iter().map(Value::from));
    let writers = meta.managed_fields.into_iter().map(writer);
    object.put_list("managedFields", writers.collect::<Result<Vec<_>, _>>()?);
    Ok(object.finish())
}

fn owner(owner: meta::OwnerReference) -> Value {
    let mut object = Fields::default();
    // The API writes these four whatever they hold.
    for (field, value) in [
        ("apiVersion", owner.api_version),
        ("kind", owner.kind),
        ("name", owner.name),
        ("uid", owner.uid),
    ] {
        object.put(field, Some(value.unwrap_or_default()));
    }
    object.put("controller", owner.controller);
    object.put("blockOwnerDeletion", owner.block_owner_deletion);
    object.finish()
}

fn writer(entry: meta::ManagedFieldsEntry) -> Result<Value, ApiError> {
    let mut object = Fields::default();
    object.put("manager", filled(entry.manager));
    object.put("operation", filled(entry.operation));
    object.put("apiVersion", filled(entry.api_version));
    object.put("time", time(entry.time)?);
    object.put("fieldsType", filled(entry.fields_type));
    let fields = entry.fields_v1.and_then(|fields| fields.raw);
    let fields = fields.map(|raw| serde_json::from_slice::<Value>(&raw));
    object.put("fieldsV1", fields.transpose().map_err(|_| GARBLED)?);
    object.put("subresource", filled(entry.subresource));
    Ok(object.finish())
}

/// As the API writes times: in whole seconds, `null` where there is none only
/// if it is the creation's, which every stored object has.
fn time(time: Option<meta::Time>) -> Result<Option<String>, ApiError> {
    let Some(seconds) = time.and_then(|time| time.seconds) else {
        return Ok(None);
    };
    let time = Timestamp::from_second(seconds).map_err(|_| GARBLED)?;
    Ok(Some(time.to_string()))
}

/// Go leaves an empty text out.
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn encoded(data: BTreeMap<String, Vec<u8>>) -> impl IntoIterator<Item = (String, String)> {
    data.into_iter()
        .map(|(key, value)| (key, STANDARD.encode(value)))
}

/// A JSON object in the making; what is absent or empty is left out.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn of_kind(kind: &str) -> Self {
        let mut object = Self::default();
        object.put("kind", Some(kind));
        object.put("apiVersion", Some("v1"));
        object
    }

    fn put(&mut self, field: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.0.insert(field.to_owned(), value.into());
        }
    }

    fn put_all(&mut self, field: &str, entries: impl IntoIterator<Item = (String, String)>) {
        let entries = entries.into_iter();
        let map: Map<String, Value> = entries.map(|(key, value)| (key, value.into())).collect();
        self.put(field, Some(map).filter(|map| !map.is_empty()));
    }

    fn put_list(&mut self, field: &str, items: impl IntoIterator<Item = Value>) {
        let items: Vec<Value> = items.into_iter().collect();
        self.put(field, Some(items).filter(|items| !items.is_empty()));
    }

    fn finish(self) -> Value {
        Value::Object(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta() -> meta::ObjectMeta {
        let time = meta::Time {
            seconds: Some(1_793_000_000),
            nanos: Some(0),
        };
        meta::ObjectMeta {
            name: Some("sh.helm.release.v1.web.v1".into()),
            generate_name: Some(String::new()),
            namespace: Some("shop".into()),
            self_link: Some(String::new()),
            uid: Some("u1".into()),
            resource_version: Some("42".into()),
            generation: Some(0),
            creation_timestamp: Some(time),
            labels: [("owner".to_owned(), "helm".to_owned())].into(),
            owner_references: vec![meta::OwnerReference {
                kind: Some("App".into()),
                name: Some("web".into()),
                uid: Some("o".into()),
                api_version: Some("example.com/v1".into()),
                controller: Some(true),
                block_owner_deletion: None,
            }],
            finalizers: vec!["example.com/hold".into()],
            managed_fields: vec![meta::ManagedFieldsEntry {
                manager: Some("helm".into()),
                operation: Some("Update".into()),
                api_version: Some("v1".into()),
                time: Some(time),
                fields_type: Some("FieldsV1".into()),
                fields_v1: Some(meta::FieldsV1 {
                    raw: Some(br#"{"f:data":{".":{},"f:release":{}}}"#.to_vec()),
                }),
                subresource: Some(String::new()),
            }],
            ..Default::default()
        }
    }

    /// As a real API server answered the same object in JSON.
    const META: &str = r#"{"name":"sh.helm.release.v1.web.v1","namespace":"shop","uid":"u1","resourceVersion":"42","creationTimestamp":"2026-10-26T07:33:20Z","labels":{"owner":"helm"},"ownerReferences":[{"apiVersion":"example.com/v1","kind":"App","name":"web","uid":"o","controller":true}],"finalizers":["example.com/hold"],"managedFields":[{"manager":"helm","operation":"Update","apiVersion":"v1","time":"2026-10-26T07:33:20Z","fieldsType":"FieldsV1","fieldsV1":{"f:data":{".":{},"f:release":{}}}}]}"#;

    fn id(driver: Driver) -> RecordId {
        RecordId {
            namespace: "shop".into(),
            driver,
            name: "sh.helm.release.v1.web.v1".into(),
        }
    }

    /// That the record is the one that this object in JSON is.
    #[track_caller]
    fn is_as_json(bytes: &[u8], driver: Driver, json: &str) {
        let record = record(&id(driver), bytes.to_vec()).unwrap().unwrap();
        let same = split(&id(driver), serde_json::from_str(json).unwrap()).unwrap();
        assert!(record == same);
        // The order of fields as well.
        assert_eq!(record.object.to_string(), same.object.to_string());
    }

    #[test]
    fn a_secret_is_what_json_says() {
        let secret = |data: &[(&str, &[u8])]| {
            let data = data
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.to_vec()));
            let secret = core::Secret {
                metadata: Some(meta()),
                immutable: Some(true),
                data: data.collect(),
                r#type: Some("helm.sh/release.v1".into()),
                ..Default::default()
            };
            secret.encode_to_vec()
        };
        for (data, json) in [
            (&[][..], ""),
            (
                &[("release", &b"text"[..])],
                r#""data":{"release":"dGV4dA=="},"#,
            ),
            (&[("release", b"")], r#""data":{"release":""},"#),
            (&[("a", b"text")], r#""data":{"a":"dGV4dA=="},"#),
            (
                &[("a", b""), ("release", b"text"), ("z", b"text")],
                r#""data":{"a":"","release":"dGV4dA==","z":"dGV4dA=="},"#,
            ),
        ] {
            let json = format!(
                r#"{{"kind":"Secret","apiVersion":"v1","metadata":{META},"immutable":true,{json}"type":"helm.sh/release.v1"}}"#
            );
            is_as_json(&secret(data), Driver::Secret, &json);
        }
    }

    #[test]
    fn a_payload_that_is_not_written_as_the_api_does_is_told() {
        let secret = core::Secret {
            metadata: Some(meta()),
            ..Default::default()
        };
        let entry = b"\x0a\x07release\x12\x01a";
        let with = |entries: &[&[u8]]| {
            let mut bytes = secret.encode_to_vec();
            for entry in entries {
                bytes.extend([0x12, entry.len() as u8]);
                bytes.extend(*entry);
            }
            record(&id(Driver::Secret), bytes)
        };
        let payload = with(&[entry]).unwrap().unwrap().payload;
        assert_eq!(payload.as_deref(), Some(&b"a"[..]));
        assert!(with(&[entry, entry]).unwrap().is_none(), "twice");
        // The value first, a third field, a number between the two.
        for odd in [
            &b"\x12\x01a\x0a\x07release"[..],
            b"\x0a\x07release\x12\x01a\x1a\x01b",
            b"\x0a\x07release\x18\x01\x12\x01a",
        ] {
            let read = with(&[odd]).unwrap();
            let payload = read.and_then(|record| record.payload);
            assert!(
                payload.is_none_or(|payload| payload[..] == b"a"[..]),
                "{odd:?}"
            );
        }
        assert!(with(&[b"\x0a\x07release\x12\x05a"]).is_err(), "cut short");
    }

    #[test]
    fn a_config_map_is_what_json_says() {
        let map = core::ConfigMap {
            metadata: Some(meta()),
            data: [("release".to_owned(), "text".to_owned())].into(),
            binary_data: [("chunk".to_owned(), vec![0xff])].into(),
            ..Default::default()
        };
        let json = format!(
            r#"{{"kind":"ConfigMap","apiVersion":"v1","metadata":{META},"data":{{"release":"text"}},"binaryData":{{"chunk":"/w=="}}}}"#
        );
        is_as_json(&map.encode_to_vec(), Driver::ConfigMap, &json);
    }

    #[test]
    fn what_is_not_known_here_is_told() {
        let mut bytes = core::Secret {
            metadata: Some(meta()),
            ..Default::default()
        }
        .encode_to_vec();
        let read = |bytes: &[u8]| record(&id(Driver::Secret), bytes.to_vec());
        assert!(read(&bytes).unwrap().is_some());
        // Field 15, a text.
        bytes.extend([0x7a, 0x01, b'x']);
        assert!(read(&bytes).unwrap().is_none());
        assert!(read(&[0xff]).is_err());
    }
}
