//! Each rule: ready, and the near misses.

use serde_json::{Value, json};

use super::*;

/// Puts `value` at `path` (`/status/readyReplicas`).
fn with(mut object: Value, path: &str, value: Value) -> Value {
    let (parent, field) = path.rsplit_once('/').expect("a path");
    object.pointer_mut(parent).expect("a parent")[field] = value;
    object
}

fn ready(object: &Value) {
    assert_eq!(of(object), Readiness::Ready);
}

fn waits(object: Value, path: &str, value: Value, reason: &str) {
    assert_eq!(
        of(&with(object, path, value)),
        Readiness::Waiting(reason.to_owned()),
        "{path}"
    );
}

fn a_deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"generation": 2},
        "spec": {"replicas": 3, "strategy": {"rollingUpdate": {"maxUnavailable": 1}}},
        "status": {
            "observedGeneration": 2, "replicas": 3, "updatedReplicas": 3,
            "availableReplicas": 3, "readyReplicas": 3,
            "conditions": [
                {"type": "Available", "status": "True"},
                {"type": "Progressing", "status": "True"},
            ],
        },
    })
}

#[test]
fn deployment() {
    let object = a_deployment();
    ready(&object);
    let o = || object.clone();
    waits(
        o(),
        "/metadata/generation",
        json!(3),
        "generation 2 of 3 observed",
    );
    waits(o(), "/status", json!({}), "no status yet");
    waits(o(), "/status/updatedReplicas", json!(2), "2 of 3 updated");
    waits(
        o(),
        "/status/replicas",
        json!(4),
        "1 old replicas still there",
    );
    // Helm 3 would accept two of three here; Helm 4 would not.
    waits(
        o(),
        "/status/availableReplicas",
        json!(2),
        "2 of 3 available",
    );
    waits(o(), "/status/readyReplicas", json!(2), "2 of 3 ready");
    waits(
        o(),
        "/status/conditions/0/status",
        json!("False"),
        "Available is False",
    );
    waits(
        o(),
        "/status/conditions/1/status",
        json!("False"),
        "Progressing is False",
    );
    waits(
        o(),
        "/metadata/deletionTimestamp",
        json!("2026-11-01T10:00:00Z"),
        "being deleted",
    );
}

#[test]
fn replicas_default_to_one_and_none_may_be_wanted() {
    let mut one = a_deployment();
    one["spec"] = json!({});
    one["status"] = json!({"observedGeneration": 2});
    assert_eq!(of(&one), Readiness::Waiting("0 of 1 updated".to_owned()));
    one["spec"]["replicas"] = json!(0);
    ready(&one);
}

fn a_stateful_set() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"generation": 1},
        "spec": {"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}},
        "status": {
            "observedGeneration": 1, "replicas": 3, "readyReplicas": 3, "updatedReplicas": 3,
            "currentRevision": "b", "updateRevision": "b",
        },
    })
}

#[test]
fn stateful_set() {
    let object = a_stateful_set();
    ready(&object);
    let o = || object.clone();
    waits(o(), "/status/readyReplicas", json!(2), "2 of 3 ready");
    waits(o(), "/status/updatedReplicas", json!(2), "2 of 3 updated");
    waits(
        o(),
        "/status/replicas",
        json!(4),
        "1 old replicas still there",
    );
    waits(
        o(),
        "/status/currentRevision",
        json!("a"),
        "current revision is not the updated one",
    );
    waits(o(), "/status", json!({}), "no status yet");
}

#[test]
fn stateful_set_with_a_partition_wants_only_the_rest_updated() {
    let parted = with(
        a_stateful_set(),
        "/spec/updateStrategy/rollingUpdate/partition",
        json!(2),
    );
    let parted = with(parted, "/status/currentRevision", json!("a"));
    let parted = with(parted, "/status/updatedReplicas", json!(1));
    ready(&parted);
    waits(
        parted,
        "/status/updatedReplicas",
        json!(0),
        "0 of 1 updated",
    );
}

#[test]
fn stateful_set_on_delete_is_never_waited_for() {
    let object = with(
        a_stateful_set(),
        "/spec/updateStrategy/type",
        json!("OnDelete"),
    );
    ready(&with(object.clone(), "/status/updatedReplicas", json!(0)));
    waits(
        object,
        "/metadata/generation",
        json!(2),
        "generation 1 of 2 observed",
    );
}

#[test]
fn daemon_set() {
    let object = json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": {"generation": 1},
        "status": {
            "observedGeneration": 1, "desiredNumberScheduled": 2, "currentNumberScheduled": 2,
            "updatedNumberScheduled": 2, "numberAvailable": 2, "numberReady": 2,
        },
    });
    ready(&object);
    let o = || object.clone();
    waits(
        o(),
        "/status/currentNumberScheduled",
        json!(1),
        "1 of 2 scheduled",
    );
    waits(
        o(),
        "/status/updatedNumberScheduled",
        json!(1),
        "1 of 2 updated",
    );
    waits(o(), "/status/numberAvailable", json!(1), "1 of 2 available");
    waits(o(), "/status/numberReady", json!(1), "1 of 2 ready");
    waits(o(), "/status", json!({}), "no status yet");
}

#[test]
fn replica_set_and_replication_controller() {
    for (version, kind) in [("apps/v1", "ReplicaSet"), ("v1", "ReplicationController")] {
        let object = json!({
            "apiVersion": version, "kind": kind,
            "metadata": {"generation": 1},
            "spec": {"replicas": 2},
            "status": {"observedGeneration": 1, "replicas": 2, "readyReplicas": 2, "availableReplicas": 2},
        });
        ready(&object);
        let o = || object.clone();
        waits(o(), "/status/readyReplicas", json!(1), "1 of 2 ready");
        waits(
            o(),
            "/status/availableReplicas",
            json!(1),
            "1 of 2 available",
        );
        waits(
            o(),
            "/status/replicas",
            json!(3),
            "1 old replicas still there",
        );
        let failing = json!([{"type": "ReplicaFailure", "status": "True"}]);
        waits(o(), "/status/conditions", failing, "ReplicaFailure is True");
    }
}

#[test]
fn pod() {
    let object = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    });
    ready(&object);
    waits(
        object.clone(),
        "/status/conditions/0/status",
        json!("False"),
        "Ready is False",
    );
    waits(
        object.clone(),
        "/status",
        json!({"phase": "Pending"}),
        "not Ready yet",
    );
    ready(&with(
        object.clone(),
        "/status",
        json!({"phase": "Succeeded"}),
    ));
    waits(
        object,
        "/status",
        json!({"phase": "Failed"}),
        "not Ready yet",
    );
}

#[test]
fn claim() {
    let object = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {},
        "status": {"phase": "Bound"},
    });
    ready(&object);
    waits(
        object.clone(),
        "/status/phase",
        json!("Pending"),
        "phase Pending",
    );
    waits(object, "/status", json!({}), "phase unknown");
}

#[test]
fn service() {
    let object = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {},
        "spec": {"type": "LoadBalancer", "clusterIP": "10.0.0.1"},
        "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
    });
    ready(&object);
    let bare = with(object.clone(), "/status", json!({"loadBalancer": {}}));
    assert_eq!(
        of(&bare),
        Readiness::Waiting("no load balancer address".to_owned())
    );
    ready(&with(
        bare.clone(),
        "/spec/externalIPs",
        json!(["192.0.2.9"]),
    ));
    waits(
        bare.clone(),
        "/spec/externalIPs",
        json!([]),
        "no load balancer address",
    );
    ready(&with(bare.clone(), "/spec/type", json!("ClusterIP")));
    ready(&with(bare, "/spec", json!({"type": "ExternalName"})));
    ready(&with(
        object.clone(),
        "/spec",
        json!({"type": "ClusterIP", "clusterIP": "None"}),
    ));
    waits(
        object,
        "/spec",
        json!({"type": "ClusterIP"}),
        "no cluster IP",
    );
}

#[test]
fn job() {
    let object = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {},
        "spec": {"completions": 2},
        "status": {"succeeded": 2, "conditions": [{"type": "Complete", "status": "True"}]},
    });
    ready(&object);
    ready(&with(
        object.clone(),
        "/status/conditions/0/type",
        json!("Failed"),
    ));
    waits(
        object.clone(),
        "/status/conditions/0/status",
        json!("False"),
        "2 of 2 completed",
    );
    waits(
        object,
        "/status",
        json!({"active": 1, "succeeded": 1}),
        "1 of 2 completed",
    );
}

#[test]
fn definitions_and_api_services() {
    for (version, kind, condition) in [
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            "Established",
        ),
        ("apiregistration.k8s.io/v1", "APIService", "Available"),
    ] {
        let object = json!({
            "apiVersion": version, "kind": kind, "metadata": {},
            "status": {"conditions": [{"type": condition, "status": "True"}]},
        });
        ready(&object);
        let reason = format!("{condition} is False");
        waits(
            object.clone(),
            "/status/conditions/0/status",
            json!("False"),
            &reason,
        );
        waits(
            object,
            "/status",
            json!({}),
            &format!("not {condition} yet"),
        );
    }
}

#[test]
fn custom_resources_by_their_conditions() {
    let object = json!({
        "apiVersion": "example.com/v1", "kind": "Deployment",
        "metadata": {"generation": 4},
        "status": {"observedGeneration": 4, "conditions": [{"type": "Ready", "status": "True"}]},
    });
    ready(&object);
    let o = || object.clone();
    waits(
        o(),
        "/status/conditions/0/status",
        json!("False"),
        "Ready is False",
    );
    waits(
        o(),
        "/status/conditions/0/status",
        json!("Unknown"),
        "Ready is Unknown",
    );
    waits(
        o(),
        "/status/conditions/0/type",
        json!("Stalled"),
        "Stalled is True",
    );
    waits(
        o(),
        "/status/conditions/0/type",
        json!("Reconciling"),
        "Reconciling is True",
    );
    waits(
        o(),
        "/status/observedGeneration",
        json!(3),
        "generation 3 of 4 observed",
    );
    ready(&with(o(), "/status/conditions/0/type", json!("Synced")));
    // Most kinds have no status at all and are ready as soon as they exist.
    ready(&with(o(), "/status", Value::Null));
}
