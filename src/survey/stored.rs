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

/// The payload's text in a whole object.
///
/// # Errors
///
/// Why its data makes no sense.
pub fn text(object: &Value, driver: Driver) -> Result<Text, String> {
    let read = |field: &str, decode: fn(&str) -> Option<Vec<u8>>| {
        let entries = match &object[field] {
            Value::Null => None,
            Value::Object(entries) => Some(entries),
            other => return Err(format!("its {field} is {}", kind(other))),
        };
        let entry = |(key, value): (&String, &Value)| {
            let text = match value {
                Value::Null => "",
                Value::String(text) => text,
                other => return Err(format!("its {field} holds {} for a text", kind(other))),
            };
            let bytes = decode(text).ok_or_else(|| format!("its {field} is not in base64"))?;
            Ok((key.clone(), bytes))
        };
        let entries = entries.into_iter().flatten().map(entry);
        entries.collect::<Result<Vec<_>, _>>()
    };
    let encoded: fn(&str) -> _ = |text| STANDARD.decode(text).ok();
    let plain: fn(&str) -> _ = |text| Some(text.as_bytes().to_vec());
    Ok(split(match driver {
        Driver::Secret => read("data", encoded)?,
        Driver::ConfigMap => [read("data", plain)?, read("binaryData", encoded)?].concat(),
    }))
}

/// What that is, in words.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn data_of_another_type_is_told_for_what_it_is() {
        let why = |data: Value, driver| text(&json!({"data": data}), driver).unwrap_err();
        for driver in Driver::ALL {
            for (data, told) in [
                (json!({"release": 7}), "its data holds a number for a text"),
                (
                    json!({"release": {"a": 1}}),
                    "its data holds an object for a text",
                ),
                (
                    json!({"a": [], "release": ""}),
                    "its data holds a list for a text",
                ),
                (json!("release"), "its data is a text"),
            ] {
                assert_eq!(why(data, driver), told);
            }
            let none = text(&json!({"data": null}), driver);
            assert_eq!(none, Ok((None, vec![])));
            let empty = text(&json!({"data": {"release": null, "chunk": ""}}), driver);
            assert_eq!(empty, Ok((Some(vec![]), vec!["chunk".to_owned()])));
        }
        let odd = json!({"release": "no base64!"});
        assert_eq!(why(odd, Driver::Secret), "its data is not in base64");
    }
}
