//! A survey from objects that somebody else fetched:
//! `kubectl get secrets,configmaps -o json`.
//!
//! A dump says what was stored and not when it was looked at, nor what else
//! there is. So nothing in it is ever proven stale.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::helm::{Driver, SECRET_TYPE};
use crate::survey::{Payload, Record, RecordId, Skipped, Survey, Unread, stored};

/// More records than any cluster has.
const RECORDS: usize = 1_000_000;

/// Objects on their way to a survey.
#[derive(Debug, Default)]
pub struct Dump {
    records: BTreeMap<RecordId, Record>,
    unread: Vec<Unread>,
    items: usize,
    /// Of which drivers there were objects, records or not.
    seen: Vec<Driver>,
    /// The driver of objects that do not say their kind: the API server leaves
    /// it out in a list of one kind.
    pub kind: Option<Driver>,
}

/// The driver whose records objects of that kind are.
pub fn driver(kind: &str) -> Option<Driver> {
    Driver::ALL.into_iter().find(|one| one.kind() == kind)
}

impl Dump {
    /// Takes in one object. What is no record is passed over; a record that
    /// makes no sense is listed as unread, and so is what has lost its name: it
    /// may have been one.
    pub fn add(&mut self, object: &Value) {
        self.items += 1;
        let driver = match object["kind"].as_str() {
            Some(kind) => driver(kind),
            None if self.kind.is_some() => self.kind,
            None => return self.refuse(format!("object {} of the file", self.items), "no kind"),
        };
        let Some(driver) = driver else {
            return;
        };
        if !self.seen.contains(&driver) {
            self.seen.push(driver);
        }
        let named = object["metadata"]["name"].as_str();
        if is_record(object, driver) || named.is_none_or(str::is_empty) {
            self.keep(object, driver);
        }
    }

    fn keep(&mut self, object: &Value, driver: Driver) {
        let mut record = stored::from_metadata(&object["metadata"], driver);
        let id = record.id.clone();
        if id.name.is_empty() || id.namespace.is_empty() {
            let what = format!("object {} of the file", self.items);
            return self.refuse(what, "it names no namespace or no name");
        }
        if self.records.len() >= RECORDS {
            return self.refuse(id.to_string(), "the file holds too many records");
        }
        match stored::text(object, driver) {
            Ok((text, others)) => {
                let others: Vec<&str> = others.iter().map(String::as_str).collect();
                record.payload = Payload::read(text.as_deref(), &others);
            }
            Err(why) => self.refuse(id.to_string(), &why),
        }
        if self.records.insert(id.clone(), record).is_some() {
            self.refuse(id.to_string(), "the file holds it twice");
        }
    }

    fn refuse(&mut self, what: String, reason: &str) {
        // Hostile input is not told object by object.
        if self.unread.len() < 100 {
            let reason = reason.to_owned();
            self.unread.push(Unread { what, reason });
        }
    }

    /// Notes that the list was only a part of what was asked for.
    pub fn cut_off(&mut self) {
        let reason = "the file holds one page of a longer list";
        let listing = |driver| Unread::listing(driver, None, reason.to_owned());
        self.unread.extend(Driver::ALL.map(listing));
    }

    /// All of it, as a survey.
    pub fn survey(mut self) -> Survey {
        let lacks = |driver: &Driver| !self.seen.contains(driver);
        let skipped = Driver::ALL.into_iter().filter(lacks).map(|driver| Skipped {
            what: driver.resource().to_owned(),
            reason: "the file holds none".to_owned(),
        });
        let skipped = skipped.collect();
        self.unread.sort();
        self.unread.dedup();
        Survey {
            records: self.records.into_values().collect(),
            unread: self.unread,
            skipped,
            ..Survey::default()
        }
    }
}

/// Whether it is what a look at the cluster would find: by label, or by type.
fn is_record(object: &Value, driver: Driver) -> bool {
    let typed = driver == Driver::Secret && object["type"] == SECRET_TYPE;
    typed || object["metadata"]["labels"]["owner"] == "helm"
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn survey(objects: &[Value]) -> Survey {
        let mut dump = Dump::default();
        objects.iter().for_each(|object| dump.add(object));
        dump.survey()
    }

    fn secret(name: &str) -> Value {
        json!({
            "kind": "Secret", "type": SECRET_TYPE, "data": {"release": "SDRzSQ=="},
            "metadata": {"namespace": "shop", "name": name, "labels": {"owner": "helm"}},
        })
    }

    #[test]
    fn records_are_found_by_label_and_by_type() {
        let labeled = json!({"owner": "helm"});
        let mut objects = [
            secret("a"),
            secret("b"),
            secret("c"),
            secret("d"),
            secret("e"),
        ];
        objects[1]["type"] = json!("Opaque");
        objects[2]["metadata"]["labels"] = json!({});
        objects[3]["kind"] = json!("ConfigMap");
        objects[4]["kind"] = json!("ConfigMap");
        objects[4]["metadata"]["labels"] = json!({});
        objects[3]["metadata"]["labels"] = labeled;
        let survey = survey(&objects);
        let names: Vec<_> = survey
            .records
            .iter()
            .map(|one| one.id.to_string())
            .collect();
        let expected = [
            "Secret shop/a",
            "Secret shop/b",
            "Secret shop/c",
            "ConfigMap shop/d",
        ];
        assert_eq!(names, expected);
        assert_eq!((survey.unread, survey.skipped), (vec![], vec![]));
        assert_eq!((survey.time, survey.cluster), (None, None));
        assert!(survey.records.iter().all(Record::broken));
    }

    #[test]
    fn what_makes_no_sense_is_unread() {
        let mut bad = secret("bad");
        bad["data"]["release"] = json!("no base64!");
        let mut nameless = secret("");
        nameless["metadata"] = json!({"namespace": "shop"});
        let objects = [bad, secret("a"), secret("a"), nameless, json!({}), json!(7)];
        let bare = json!({"kind": "Secret", "data": {}});
        let survey = survey(&[&objects[..], &[bare]].concat());
        let unread: Vec<_> = survey.unread.iter().map(|one| &*one.what).collect();
        let expected = [
            "Secret shop/a",
            "Secret shop/bad",
            "object 4 of the file",
            "object 5 of the file",
            "object 6 of the file",
            "object 7 of the file",
        ];
        assert_eq!(unread, expected);
        assert_eq!(survey.records.len(), 2);
        let bad = survey.records[1].id.clone();
        assert!(survey.answered(&crate::survey::Need::Payload(bad)));
    }

    #[test]
    fn a_list_of_one_kind_need_not_say_it_again() {
        let mut one = secret("a");
        one.as_object_mut().unwrap().remove("kind");
        let mut dump = Dump {
            kind: driver("Secret"),
            ..Dump::default()
        };
        dump.add(&one);
        dump.cut_off();
        let survey = dump.survey();
        assert_eq!((survey.records.len(), survey.unread.len()), (1, 2));
        assert_eq!(survey.skipped[0].what, "configmaps");
        assert!(
            survey.unread[0].hides(&survey.histories()[0])
                || survey.unread[1].hides(&survey.histories()[0])
        );
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let word = "(|Secret|ConfigMap|helm|owner|release|[ -~]{0,8})";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            word.prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, move |inner| {
            let key = "(kind|type|metadata|labels|owner|namespace|name|data|binaryData|release|managedFields|[a-z]{1,4})";
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((key, inner), 0..8)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_object_makes_it_stumble(objects in prop::collection::vec(any_json(), 0..6)) {
            let survey = survey(&objects);
            prop_assert!(survey.records.len() <= objects.len());
            let sorted = survey.records.is_sorted_by(|a, b| a.id < b.id);
            prop_assert!(sorted);
        }
    }
}
