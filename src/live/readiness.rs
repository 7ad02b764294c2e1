//! What `helm --wait` would still be waiting for.
//!
//! Two Helms wait in two ways: Helm 3 by its own rules
//! (helm v3 `pkg/kube/ready.go`), Helm 4 by kstatus
//! (`sigs.k8s.io/cli-utils/pkg/kstatus/status`). An object counts as ready
//! only where both would go on, because a Helm that may be waiting must not be
//! called dead. `maxUnavailable`, which lets Helm 3 go on early, is therefore
//! not credited, and a paused Deployment is judged by its numbers.

use serde_json::Value;

use super::Readiness;

/// Whether Helm would still be waiting on this object.
pub fn of(json: &Value) -> Readiness {
    match waiting(json) {
        None => Readiness::Ready,
        Some(reason) => Readiness::Waiting(reason),
    }
}

/// Whether it is a Job or Pod that ended in failure.
pub fn failed(json: &Value) -> bool {
    match json["kind"].as_str() {
        Some("Job") => condition(json, "Failed") == Some("True"),
        Some("Pod") => json["status"]["phase"] == "Failed",
        _ => false,
    }
}

fn waiting(json: &Value) -> Option<String> {
    if json["metadata"]["deletionTimestamp"].is_string() {
        return Some("being deleted".to_owned());
    }
    let observed = observed(json);
    if observed.is_some() {
        return observed;
    }
    let group = json["apiVersion"].as_str().unwrap_or_default();
    let group = group.split_once('/').map_or("", |(group, _)| group);
    let kind = json["kind"].as_str().unwrap_or_default();
    match (group, kind) {
        ("apps" | "extensions", "Deployment") => deployment(json),
        ("apps", "StatefulSet") => stateful_set(json),
        ("apps" | "extensions", "DaemonSet") => daemon_set(json),
        ("apps" | "extensions", "ReplicaSet") | ("", "ReplicationController") => replica_set(json),
        ("", "Pod") => pod(json),
        ("", "PersistentVolumeClaim") => claim(json),
        ("", "Service") => service(json),
        ("batch", "Job") => job(json),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => must_be_true(json, "Established"),
        ("apiregistration.k8s.io", "APIService") => must_be_true(json, "Available"),
        _ => generic(json),
    }
}

/// The controller has not looked at the newest spec yet.
fn observed(json: &Value) -> Option<String> {
    let generation = json["metadata"]["generation"].as_i64()?;
    let seen = json["status"]["observedGeneration"].as_i64()?;
    (seen != generation).then(|| format!("generation {seen} of {generation} observed"))
}

fn deployment(json: &Value) -> Option<String> {
    let wanted = wanted(json);
    unobserved(json)
        .or_else(|| below(json, "updatedReplicas", "updated", wanted))
        .or_else(|| above(json, wanted.max(status(json, "updatedReplicas"))))
        .or_else(|| below(json, "availableReplicas", "available", wanted))
        .or_else(|| below(json, "readyReplicas", "ready", wanted))
        .or_else(|| must_not_be(json, "Available", "False"))
        .or_else(|| must_not_be(json, "Progressing", "False"))
}

fn stateful_set(json: &Value) -> Option<String> {
    let strategy = &json["spec"]["updateStrategy"];
    // Nobody waits for pods that only a person's delete replaces.
    if strategy["type"] == "OnDelete" {
        return unobserved(json);
    }
    let wanted = wanted(json);
    let partition = strategy["rollingUpdate"]["partition"].as_i64().unwrap_or(0);
    let updated = (wanted - partition).max(0);
    unobserved(json)
        .or_else(|| above(json, wanted))
        .or_else(|| below(json, "updatedReplicas", "updated", updated))
        .or_else(|| below(json, "readyReplicas", "ready", wanted))
        .or_else(|| {
            let (current, update) = (
                &json["status"]["currentRevision"],
                &json["status"]["updateRevision"],
            );
            (partition == 0 && current != update)
                .then(|| "current revision is not the updated one".to_owned())
        })
}

fn daemon_set(json: &Value) -> Option<String> {
    let Some(wanted) = json["status"]["desiredNumberScheduled"].as_i64() else {
        return Some("no status yet".to_owned());
    };
    unobserved(json)
        .or_else(|| below(json, "currentNumberScheduled", "scheduled", wanted))
        .or_else(|| below(json, "updatedNumberScheduled", "updated", wanted))
        .or_else(|| below(json, "numberAvailable", "available", wanted))
        .or_else(|| below(json, "numberReady", "ready", wanted))
}

fn replica_set(json: &Value) -> Option<String> {
    let wanted = wanted(json);
    unobserved(json)
        .or_else(|| must_not_be(json, "ReplicaFailure", "True"))
        .or_else(|| above(json, wanted))
        .or_else(|| below(json, "availableReplicas", "available", wanted))
        .or_else(|| below(json, "readyReplicas", "ready", wanted))
}

fn pod(json: &Value) -> Option<String> {
    match json["status"]["phase"].as_str() {
        Some("Succeeded") => None,
        _ => must_be_true(json, "Ready"),
    }
}

fn claim(json: &Value) -> Option<String> {
    let phase = json["status"]["phase"].as_str().unwrap_or("unknown");
    (phase != "Bound").then(|| format!("phase {}", short(phase)))
}

fn service(json: &Value) -> Option<String> {
    let spec = &json["spec"];
    let filled = |value: &Value| value.as_array().is_some_and(|list| !list.is_empty());
    let ingress = &json["status"]["loadBalancer"]["ingress"];
    match spec["type"].as_str() {
        Some("ExternalName") => None,
        _ if spec["clusterIP"].as_str().is_none_or(str::is_empty) => {
            Some("no cluster IP".to_owned())
        }
        Some("LoadBalancer") if !filled(&spec["externalIPs"]) && !filled(ingress) => {
            Some("no load balancer address".to_owned())
        }
        _ => None,
    }
}

/// A failed Job is an end: Helm reports it and waits no longer.
fn job(json: &Value) -> Option<String> {
    let ended = ["Complete", "Failed"]
        .iter()
        .any(|kind| condition(json, kind) == Some("True"));
    (!ended).then(|| {
        let succeeded = status(json, "succeeded");
        let wanted = json["spec"]["completions"].as_i64().unwrap_or(1);
        format!("{succeeded} of {wanted} completed")
    })
}

/// Custom resources, and built-in kinds without a rule of their own, by the
/// conditions that kstatus knows.
fn generic(json: &Value) -> Option<String> {
    must_not_be(json, "Reconciling", "True")
        .or_else(|| must_not_be(json, "Stalled", "True"))
        .or_else(|| must_not_be(json, "Ready", "False"))
        .or_else(|| must_not_be(json, "Ready", "Unknown"))
}

/// These controllers always report; until they do, the object is new.
fn unobserved(json: &Value) -> Option<String> {
    json["status"]["observedGeneration"]
        .is_null()
        .then(|| "no status yet".to_owned())
}

/// `spec.replicas`, whose default is one.
fn wanted(json: &Value) -> i64 {
    json["spec"]["replicas"].as_i64().unwrap_or(1)
}

fn status(json: &Value, field: &str) -> i64 {
    json["status"][field].as_i64().unwrap_or(0)
}

fn below(json: &Value, field: &str, word: &str, wanted: i64) -> Option<String> {
    let is = status(json, field);
    (is < wanted).then(|| format!("{is} of {wanted} {word}"))
}

fn above(json: &Value, wanted: i64) -> Option<String> {
    let surplus = status(json, "replicas") - wanted;
    (surplus > 0).then(|| format!("{surplus} old replicas still there"))
}

fn must_be_true(json: &Value, kind: &str) -> Option<String> {
    match condition(json, kind) {
        Some("True") => None,
        Some(other) => Some(format!("{kind} is {}", short(other))),
        None => Some(format!("not {kind} yet")),
    }
}

fn must_not_be(json: &Value, kind: &str, bad: &str) -> Option<String> {
    (condition(json, kind) == Some(bad)).then(|| format!("{kind} is {bad}"))
}

fn condition<'a>(json: &'a Value, kind: &str) -> Option<&'a str> {
    let conditions = json["status"]["conditions"].as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == kind)?["status"]
        .as_str()
}

/// A word from the cluster, short enough for a sentence.
fn short(word: &str) -> String {
    word.chars().take(40).collect()
}

#[cfg(test)]
#[path = "readiness_tests.rs"]
mod tests;
