//! Saved records as objects that can be created again, anywhere, by anybody.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::helm::{Driver, PAYLOAD_KEY};
use crate::survey::{RawRecord, RecordId};

/// What of `metadata` is the object's own; everything else the API server sets,
/// or it names objects that another cluster does not have.
const METADATA: [&str; 4] = ["name", "namespace", "labels", "annotations"];

/// How many bytes of annotations the API server accepts. `kubectl apply` keeps
/// the whole object in one, if it is not told to apply on the server.
pub const ANNOTATION_LIMIT: usize = 262_144;

/// A record as an object that `kubectl create` takes: its payload, labels,
/// annotations, type and whether it is immutable, and nothing that the API
/// server sets.
///
/// The namespace and the name are those it was saved under, whatever the object
/// says of itself.
pub fn object(record: &RawRecord) -> Value {
    let RecordId {
        namespace,
        driver,
        name,
    } = &record.id;
    let saved = &record.object;
    let mut metadata = Map::new();
    for field in METADATA {
        let value = match field {
            "name" => name.as_str().into(),
            "namespace" => namespace.as_str().into(),
            other => saved["metadata"][other].clone(),
        };
        if !empty(&value) {
            metadata.insert(field.to_owned(), value);
        }
    }
    let mut object = json!({"apiVersion": "v1", "kind": driver.kind(), "metadata": metadata});
    for field in ["type", "immutable", "data", "binaryData"] {
        let value = match field {
            // It may be that nothing but the payload was there.
            "data" => data(record),
            other => saved[other].clone(),
        };
        if !empty(&value) {
            object[field] = value;
        }
    }
    // A payload in `binaryData` left an empty string behind when it was read.
    if is_binary(record) {
        let payload = record.payload.as_deref().unwrap_or_default();
        object["binaryData"][PAYLOAD_KEY] = STANDARD.encode(payload).into();
    }
    object
}

fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn is_binary(record: &RawRecord) -> bool {
    record.payload.is_some() && record.object["binaryData"][PAYLOAD_KEY].is_string()
}

fn data(record: &RawRecord) -> Value {
    let mut data = match &record.object["data"] {
        Value::Object(data) => data.clone(),
        _ => Map::new(),
    };
    if let Some(payload) = record.payload.as_deref().filter(|_| !is_binary(record)) {
        let text = match record.id.driver {
            Driver::Secret => STANDARD.encode(payload),
            // A ConfigMap's data is text: that is how the payload was read.
            Driver::ConfigMap => String::from_utf8_lossy(payload).into_owned(),
        };
        data.insert(PAYLOAD_KEY.to_owned(), text.into());
    }
    Value::Object(data)
}

/// The name of the file for one release's records among others.
pub fn file_name(namespace: &str, release: &str) -> String {
    // Neither name may hold an underscore in Kubernetes.
    format!("{}_{}.yaml", plain(namespace), plain(release))
}

fn plain(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let name = name.trim_start_matches('.').chars().take(200);
    name.map(|c| if allowed(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(driver: Driver, object: Value, payload: Option<&[u8]>) -> RawRecord {
        RawRecord {
            id: RecordId {
                namespace: "shop".into(),
                driver,
                name: "sh.helm.release.v1.web.v1".into(),
            },
            object,
            payload: payload.map(|text| text.to_vec().into()),
        }
    }

    #[test]
    fn a_record_is_what_it_was_without_what_the_server_sets() {
        let saved = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {
                "name": "sh.helm.release.v1.web.v1", "namespace": "shop", "uid": "u", "resourceVersion": "7",
                "creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": [{}], "generation": 1,
                "labels": {"owner": "helm"}, "annotations": {"a": "b"}, "finalizers": ["x/y"],
                "ownerReferences": [{"uid": "x"}],
            },
            "type": "helm.sh/release.v1", "immutable": true, "data": {"other": "AA=="},
        });
        assert_eq!(
            object(&record(Driver::Secret, saved, Some(b"text"))),
            json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {
                    "name": "sh.helm.release.v1.web.v1", "namespace": "shop",
                    "labels": {"owner": "helm"}, "annotations": {"a": "b"},
                },
                "type": "helm.sh/release.v1", "immutable": true,
                "data": {"other": "AA==", "release": "dGV4dA=="},
            })
        );
    }

    #[test]
    fn config_maps_keep_their_payload_where_it_was() {
        let plain = object(&record(
            Driver::ConfigMap,
            json!({"metadata": {}}),
            Some(b"text"),
        ));
        assert_eq!(
            (&plain["kind"], &plain["data"]),
            (&json!("ConfigMap"), &json!({"release": "text"}))
        );
        let binary = json!({"metadata": {}, "binaryData": {"release": ""}});
        let binary = object(&record(Driver::ConfigMap, binary, Some(b"text")));
        assert_eq!(binary["binaryData"], json!({"release": "dGV4dA=="}));
        assert!(binary.get("data").is_none());
        let none = object(&record(
            Driver::Secret,
            json!({"metadata": {}, "data": null}),
            None,
        ));
        assert!(none.get("data").is_none());
    }

    #[test]
    fn files_have_harmless_names() {
        assert_eq!(file_name("shop", "web.v1"), "shop_web.v1.yaml");
        assert_eq!(file_name("../x", "a/b\n"), "_x_a_b_.yaml");
    }
}
