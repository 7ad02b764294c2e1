//! Records as they lie in the cluster, read by means of the tests' own: what
//! the product says about its work is checked against this.

use std::io::Read as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use zadig_doctor::helm::Driver;

use crate::bed::Namespace;

/// One record.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// From the name, from the right.
    pub(crate) revision: u32,
    /// The whole object.
    pub(crate) object: Value,
    /// What its payload decodes to, if it does.
    pub(crate) payload: Option<Value>,
}

impl Record {
    fn read(driver: Driver, object: Value) -> Option<Self> {
        let name = object["metadata"]["name"].as_str()?;
        let (_, revision) = name.rsplit_once(".v")?;
        Some(Self {
            revision: revision.parse().ok()?,
            payload: decode(driver, &object),
            object,
        })
    }

    /// The label `status`, or `-`.
    pub(crate) fn label(&self) -> &str {
        self.object["metadata"]["labels"]["status"]
            .as_str()
            .unwrap_or("-")
    }

    /// The object without what only the server sets.
    pub(crate) fn bare(&self) -> Value {
        let mut object = self.object.clone();
        let metadata = object["metadata"].as_object_mut().unwrap();
        for field in [
            "uid",
            "resourceVersion",
            "creationTimestamp",
            "managedFields",
        ] {
            metadata.remove(field);
        }
        object
    }

    /// A Secret's payload, without the base64 of its data.
    pub(crate) fn text(&self) -> Vec<u8> {
        let text = self.object["data"]["release"].as_str().unwrap();
        BASE64_STANDARD.decode(text).unwrap()
    }

    /// The payload's status, or `-` where it does not decode.
    pub(crate) fn status(&self) -> &str {
        match &self.payload {
            Some(payload) => payload["info"]["status"].as_str().unwrap_or("-"),
            None => "-",
        }
    }
}

/// `sh.helm.release.v1.<release>.v<revision>`.
pub(crate) fn name(release: &str, revision: u32) -> String {
    format!("sh.helm.release.v1.{release}.v{revision}")
}

/// All records of a release by their names (labels may be what is broken), oldest first.
pub(crate) fn of(namespace: &Namespace, driver: Driver, release: &str) -> Vec<Record> {
    let prefix = format!("sh.helm.release.v1.{release}.v");
    let ours = |object: &Value| {
        let name = object["metadata"]["name"].as_str();
        name.is_some_and(|name| name.starts_with(&prefix))
    };
    let mut records: Vec<Record> = namespace
        .bed()
        .api()
        .list(&namespace.core(driver.resource()))
        .into_iter()
        .filter(ours)
        .filter_map(|object| Record::read(driver, object))
        .collect();
    records.sort_by_key(|record| record.revision);
    records
}

/// Copies a release's records into another namespace, of this or another
/// cluster, as somebody restores them who has saved them with kubectl: names,
/// labels, annotations, type and data, nothing that the server sets.
pub(crate) fn copy(from: &Namespace, to: &Namespace, driver: Driver, release: &str) {
    for record in of(from, driver, release) {
        let object = &record.object;
        let metadata = &object["metadata"];
        let mut copy = serde_json::json!({
            "metadata": {"name": metadata["name"], "labels": metadata["labels"], "annotations": metadata["annotations"]},
            "data": object["data"],
        });
        if let Some(kind) = object.get("type") {
            copy["type"] = kind.clone();
        }
        let api = to.bed().api();
        api.create(&to.core(driver.resource()), &copy);
    }
}

/// `(revision, status label, payload status)` of every record, oldest first.
pub(crate) fn states(records: &[Record]) -> Vec<(u32, &str, &str)> {
    records
        .iter()
        .map(|record| (record.revision, record.label(), record.status()))
        .collect()
}

/// JSON in gzip in base64; in a Secret in the base64 of its data.
fn decode(driver: Driver, object: &Value) -> Option<Value> {
    let text = object["data"]["release"].as_str()?;
    let packed = match driver {
        Driver::Secret => BASE64_STANDARD.decode(BASE64_STANDARD.decode(text).ok()?),
        Driver::ConfigMap => BASE64_STANDARD.decode(text),
    };
    let packed = packed.ok()?;
    let mut json = Vec::new();
    let mut gzip = flate2::read::MultiGzDecoder::new(&*packed);
    gzip.read_to_end(&mut json).ok()?;
    serde_json::from_slice(&json).ok()
}
