//! What a file may hold: a survey that was saved, or objects as `kubectl get
//! -o json` prints them. Both are read in one pass, objects one by one.

use std::cell::Cell;
use std::fmt;

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::dump::{self, Dump};
use crate::survey::Survey;

/// Names the format of a saved survey; another one is refused.
const SCHEMA: &str = "zadig-doctor/survey/v1";

/// The largest object of a dump, in bytes: the API server takes no larger ones
/// than 1.5 MiB, which JSON may make several times as long.
const OBJECT: u64 = 8 << 20;

/// The largest survey, in bytes: one of a million records.
const SURVEY: u64 = 2 << 30;

/// A survey as it is saved.
#[derive(Serialize)]
pub struct Saved<'a> {
    schema: &'a str,
    survey: &'a Survey,
}

impl<'a> Saved<'a> {
    /// With the format's name.
    pub fn new(survey: &'a Survey) -> Self {
        let schema = SCHEMA;
        Self { schema, survey }
    }
}

/// Why a file says nothing of releases, though it is JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// A survey of another version.
    #[error("its format is {0}, not {SCHEMA:?}")]
    Schema(String),
    /// An object of another kind.
    #[error("it holds an object of kind {0}, and no Secrets or ConfigMaps")]
    Kind(String),
    /// Nothing that is known.
    #[error("it is neither a saved survey nor objects that kubectl printed")]
    Neither,
}

/// Reads a file's JSON. `left` is how many bytes the reader behind it may still
/// hand out; it is set anew for each object.
///
/// # Errors
///
/// The outer one if it is no JSON or cannot be read, the inner one if it holds
/// something else.
pub fn read<'de, D: Deserializer<'de>>(
    deserializer: D,
    left: &Cell<u64>,
) -> Result<Result<Survey, FileError>, D::Error> {
    left.set(OBJECT);
    let parts = Whole { left }.deserialize(deserializer)?;
    Ok(parts.survey())
}

/// What a file was found to hold.
#[derive(Default)]
struct Parts {
    schema: Option<Value>,
    survey: Option<Survey>,
    dump: Option<Dump>,
    /// The other fields of the file, or of its one object.
    fields: Map<String, Value>,
}

impl Parts {
    fn survey(self) -> Result<Survey, FileError> {
        match (self.schema, self.survey, self.dump) {
            (Some(schema), _, _) if schema != SCHEMA => Err(FileError::Schema(schema.to_string())),
            (Some(_), Some(survey), None) => Ok(survey.sorted()),
            (None, None, Some(mut dump)) => {
                let next = &self.fields.get("metadata").unwrap_or(&Value::Null)["continue"];
                if next.as_str().is_some_and(|next| !next.is_empty()) {
                    dump.cut_off();
                }
                Ok(dump.survey())
            }
            (None, None, None) => one(self.fields),
            _ => Err(FileError::Neither),
        }
    }
}

/// A file of one object.
fn one(fields: Map<String, Value>) -> Result<Survey, FileError> {
    let object = Value::Object(fields);
    match object["kind"].as_str() {
        Some(kind) if dump::driver(kind).is_some() => {
            let mut dump = Dump::default();
            dump.add(&object);
            Ok(dump.survey())
        }
        Some(kind) if object["apiVersion"].is_string() => Err(FileError::Kind(kind.to_owned())),
        _ => Err(FileError::Neither),
    }
}

struct Whole<'a> {
    left: &'a Cell<u64>,
}

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = Parts;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Parts, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = Parts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parts, A::Error> {
        let mut parts = Parts::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "schema" => parts.schema = Some(map.next_value()?),
                "survey" => {
                    self.left.set(SURVEY);
                    parts.survey = Some(map.next_value()?);
                    self.left.set(OBJECT);
                }
                "items" => {
                    let mut dump = parts.dump.take().unwrap_or_default();
                    let kind = parts.fields.get("kind").and_then(Value::as_str);
                    let kind = kind.and_then(|kind| kind.strip_suffix("List"));
                    dump.kind = kind.and_then(dump::driver);
                    let left = self.left;
                    parts.dump = Some(map.next_value_seed(Items { dump, left })?);
                }
                _ => drop(parts.fields.insert(key, map.next_value()?)),
            }
        }
        Ok(parts)
    }
}

struct Items<'a> {
    dump: Dump,
    left: &'a Cell<u64>,
}

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = Dump;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Dump, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = Dump;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Dump, A::Error> {
        self.left.set(OBJECT);
        while let Some(object) = seq.next_element::<Value>()? {
            self.dump.add(&object);
            self.left.set(OBJECT);
        }
        Ok(self.dump)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::helm::Status;
    use crate::survey::fixture::{record, survey};

    fn of(text: &str) -> Result<Survey, String> {
        let left = Cell::new(0);
        let mut json = serde_json::Deserializer::from_str(text);
        let read = read(&mut json, &left).map_err(|error| error.to_string())?;
        read.map_err(|error| error.to_string())
    }

    fn secret() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
            "metadata": {"namespace": "shop", "name": "sh.helm.release.v1.web.v1"},
        })
    }

    #[test]
    fn a_saved_survey_comes_back() {
        let survey = survey(vec![record(1, Status::Deployed, 60)]);
        let text = serde_json::to_string(&Saved::new(&survey)).unwrap();
        assert_eq!(of(&text), Ok(survey));
        let other = text.replace("survey/v1", "survey/v2");
        assert!(of(&other).unwrap_err().contains("survey/v2"));
    }

    #[test]
    fn lists_and_single_objects_are_dumps() {
        let list = json!({"apiVersion": "v1", "items": [secret()], "kind": "List"});
        assert_eq!(of(&list.to_string()).unwrap().records.len(), 1);
        assert_eq!(of(&secret().to_string()).unwrap().records.len(), 1);
        let mut bare = secret();
        bare.as_object_mut().unwrap().remove("kind");
        let metadata = json!({"continue": "more"});
        let page = json!({"kind": "SecretList", "metadata": metadata, "items": [bare]});
        let page = of(&page.to_string()).unwrap();
        assert_eq!((page.records.len(), page.unread.len()), (1, 2));
    }

    #[test]
    fn anything_else_is_named() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {}});
        assert!(of(&pod.to_string()).unwrap_err().contains("kind Pod"));
        let mut both = json!({"items": []});
        both["survey"] = serde_json::to_value(Survey::default()).unwrap();
        for neither in [
            json!({}),
            json!({"kind": 7}),
            json!({"schema": SCHEMA}),
            both,
        ] {
            let error = of(&neither.to_string()).unwrap_err();
            assert!(error.contains("neither"), "{error}");
        }
        for wrong in [
            "[]",
            "7",
            "{\"items\": 7}",
            "",
            "{",
            "{\"items\": [{}",
            "nothing",
        ] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
        let deep = format!("{{\"items\": [{}]}}", "[".repeat(200));
        assert!(of(&deep).unwrap_err().contains("recursion limit"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_stumble(text in r#"(\{"(items|kind|survey)":)?[\[\]{}:,"a-z0-9]{0,40}"#) {
            drop(of(&text));
        }
    }
}
