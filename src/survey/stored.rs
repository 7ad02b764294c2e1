//! Storage objects in JSON, as the API server and `kubectl get -o json` hand
//! them out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::helm::{Driver, PAYLOAD_KEY};
use crate::live::read;
use crate::survey::{Payload, Record, RecordId};

/// The payload's text, if there is one, and the other keys of its data.
pub type Text<Bytes = Vec<u8>> = (Option<Bytes>, Vec<String>);

/// From `metadata` of an object; the payload stays unread. What is missing is
/// empty.
pub fn from_metadata(metadata: &Value, driver: Driver) -> Record {
    let text = |field: &str| metadata[field].as_str().unwrap_or_default().to_owned();
    let labels = metadata["labels"].as_object().into_iter().flatten();
    Record {
        id: RecordId {
            namespace: text("namespace"),
            driver,
            name: text("name"),
        },
        uid: text("uid"),
        resource_version: text("resourceVersion"),
        created: read::time(&metadata["creationTimestamp"]),
        labels: labels
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect(),
        writers: read::writers(metadata),
        payload: Payload::Unread,
    }
}

/// The payload's text in a whole object; `None` if its data makes no sense.
pub fn text(object: &Value, driver: Driver) -> Option<Text> {
    match driver {
        Driver::Secret => Some(split(encoded(&object["data"])?)),
        Driver::ConfigMap => {
            let plain = object["data"].as_object().into_iter().flatten();
            let plain = plain.map(|(key, value)| {
                let text = value.as_str().unwrap_or_default();
                (key.clone(), text.as_bytes().to_vec())
            });
            Some(split(plain.chain(encoded(&object["binaryData"])?)))
        }
    }
}

/// Finds the payload among the keys of `data`.
pub fn split<Bytes>(data: impl IntoIterator<Item = (String, Bytes)>) -> Text<Bytes> {
    let mut text = None;
    let mut others = Vec::new();
    for (key, value) in data {
        match key.as_str() {
            PAYLOAD_KEY => text = Some(value),
            _ => others.push(key),
        }
    }
    (text, others)
}

/// The values of a JSON object whose values the API encodes in base64.
fn encoded(data: &Value) -> Option<Vec<(String, Vec<u8>)>> {
    let entries = data.as_object().into_iter().flatten();
    entries
        .map(|(key, value)| {
            let text = value.as_str().unwrap_or_default();
            Some((key.clone(), STANDARD.decode(text).ok()?))
        })
        .collect()
}
