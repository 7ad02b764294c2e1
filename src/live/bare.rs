//! An object without what the API server and its controllers fill in, so that
//! it can be created again: here, or in another cluster.

use serde_json::Value;

/// What the API server sets in `metadata`, and what a new object must not
/// bring along.
pub const SERVER_FIELDS: [&str; 8] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "managedFields",
    "selfLink",
];

/// Takes off an object what is set for it: `status`, the server's fields of
/// `metadata`, a Service's allocated addresses, and the selector that a Job is
/// given together with the labels it selects by.
pub fn bare(object: &mut Value) {
    let of = |object: &Value, version: &str, kind: &str| {
        object["apiVersion"] == version && object["kind"] == kind
    };
    remove(object, "/metadata", &SERVER_FIELDS);
    remove(object, "", &["status"]);
    if of(object, "v1", "Service") && object["spec"]["clusterIP"] != "None" {
        let allocated = ["clusterIP", "clusterIPs", "healthCheckNodePort"];
        remove(object, "/spec", &allocated);
    }
    if of(object, "batch/v1", "Job") && object["spec"]["manualSelector"] != true {
        remove(object, "/spec", &["selector"]);
        let given = [
            "controller-uid",
            "batch.kubernetes.io/controller-uid",
            "job-name",
            "batch.kubernetes.io/job-name",
        ];
        remove(object, "/spec/template/metadata/labels", &given);
    }
}

fn remove(object: &mut Value, place: &str, fields: &[&str]) {
    if let Some(map) = object.pointer_mut(place).and_then(Value::as_object_mut) {
        map.retain(|field, _| !fields.contains(&field.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bared(mut object: Value) -> Value {
        bare(&mut object);
        object
    }

    #[test]
    fn what_the_server_sets_is_taken_off() {
        let object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "status": {"replicas": 1},
            "metadata": {"name": "web", "uid": "u", "resourceVersion": "7", "generation": 3,
                "creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": [],
                "annotations": {"a": "b"}, "ownerReferences": [{"uid": "o"}]},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}},
        });
        let expected = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "annotations": {"a": "b"}, "ownerReferences": [{"uid": "o"}]},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}},
        });
        assert_eq!(bared(object), expected);
    }

    #[test]
    fn allocated_addresses_go_and_headless_services_stay_so() {
        let service = |ip: &str| {
            bared(json!({"apiVersion": "v1", "kind": "Service",
                "spec": {"clusterIP": ip, "clusterIPs": [ip], "ports": []}}))
        };
        assert_eq!(service("10.0.0.1")["spec"], json!({"ports": []}));
        let headless = json!({"clusterIP": "None", "clusterIPs": ["None"], "ports": []});
        assert_eq!(service("None")["spec"], headless);
    }

    #[test]
    fn a_job_loses_the_selector_that_it_was_given() {
        let job = |manual: bool| {
            bared(json!({"apiVersion": "batch/v1", "kind": "Job", "spec": {
                "manualSelector": manual,
                "selector": {"matchLabels": {"controller-uid": "u"}},
                "template": {"metadata": {"labels": {"controller-uid": "u", "job-name": "j", "app": "x"}}},
            }}))
        };
        let spec = &job(false)["spec"];
        assert!(spec.get("selector").is_none());
        assert_eq!(spec["template"]["metadata"]["labels"], json!({"app": "x"}));
        assert!(job(true)["spec"]["selector"].is_object());
    }

    #[test]
    fn what_is_no_object_stays() {
        for odd in [json!(null), json!([1]), json!({"metadata": 1, "spec": "x"})] {
            assert_eq!(bared(odd.clone()), odd);
        }
    }
}
