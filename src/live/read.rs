//! From an object's JSON, as the API server hands it out, to the few facts
//! that judgements need.

use jiff::Timestamp;
use serde_json::Value;

use super::{LiveObject, Writer, readiness};

/// The annotation that names the release an object belongs to.
pub const RELEASE_NAME: &str = "meta.helm.sh/release-name";

/// The annotation that names the namespace of that release.
pub const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";

/// Reads a live object. What is missing or of the wrong type is left out:
/// an object that exists is never turned into an error.
///
/// The JSON may be that of the whole object or of its metadata alone; from
/// metadata alone only a deletion makes it [`Waiting`](super::Readiness).
pub fn live_object(json: &Value) -> LiveObject {
    let metadata = &json["metadata"];
    LiveObject {
        uid: text(&metadata["uid"]),
        created: time(&metadata["creationTimestamp"]),
        deleting: time(&metadata["deletionTimestamp"]),
        finalizers: texts(&metadata["finalizers"]),
        writers: writers(metadata),
        owner: owner(metadata),
        readiness: readiness::of(json),
        failed: readiness::failed(json),
    }
}

/// The writers in `metadata.managedFields`. An entry without a manager or a
/// time says nothing about who wrote when, and is left out.
pub fn writers(metadata: &Value) -> Vec<Writer> {
    let entries = metadata["managedFields"].as_array();
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            Some(Writer {
                manager: entry["manager"].as_str()?.to_owned(),
                at: time(&entry["time"])?,
                subresource: entry["subresource"]
                    .as_str()
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned),
            })
        })
        .collect()
}

/// A time as Kubernetes writes it; `None` for anything else.
pub fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// Helm wants both annotations before it calls an object a release's own
/// (helm v4 `pkg/action/validate.go`), so one alone is no owner.
fn owner(metadata: &Value) -> Option<(String, String)> {
    let annotation = |key: &str| metadata["annotations"][key].as_str().map(str::to_owned);
    Some((annotation(RELEASE_NAMESPACE)?, annotation(RELEASE_NAME)?))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::live::Readiness;

    #[test]
    fn reads_identity_writers_and_owner() {
        let live = live_object(&json!({
            "kind": "ConfigMap",
            "metadata": {
                "uid": "u1",
                "creationTimestamp": "2026-11-01T10:00:00Z",
                "finalizers": ["a/b"],
                "annotations": {
                    "meta.helm.sh/release-name": "web",
                    "meta.helm.sh/release-namespace": "shop",
                },
                "managedFields": [
                    {"manager": "helm", "operation": "Update", "time": "2026-11-01T10:00:01Z"},
                    {"manager": "kubelet", "time": "2026-11-01T10:00:02Z", "subresource": "status"},
                    {"manager": "timeless"},
                    {"time": "2026-11-01T10:00:02Z"},
                ],
            },
            "data": {"password": "x"},
        }));
        assert_eq!(live.uid, "u1");
        assert_eq!(live.created, "2026-11-01T10:00:00Z".parse().ok());
        assert_eq!(live.deleting, None);
        assert_eq!(live.finalizers, ["a/b"]);
        assert_eq!(live.owner, Some(("shop".into(), "web".into())));
        assert_eq!(live.readiness, Readiness::Ready);
        let managers: Vec<_> = live.writers.iter().map(|w| w.manager.as_str()).collect();
        assert_eq!(managers, ["helm", "kubelet"]);
        assert_eq!(live.writers[0].subresource, None);
        assert_eq!(live.writers[1].subresource.as_deref(), Some("status"));
    }

    #[test]
    fn one_annotation_is_no_owner() {
        let live = live_object(&json!({
            "metadata": {"annotations": {"meta.helm.sh/release-name": "web"}},
        }));
        assert_eq!(live.owner, None);
    }

    #[test]
    fn nonsense_is_left_out() {
        let live = live_object(&json!({"metadata": {
            "uid": 7, "creationTimestamp": "yesterday", "finalizers": "x", "managedFields": {},
        }}));
        assert_eq!(live.uid, "");
        assert_eq!(live.created, None);
        assert!(live.finalizers.is_empty() && live.writers.is_empty());
        assert_eq!(live_object(&Value::Null).readiness, Readiness::Ready);
    }
}
