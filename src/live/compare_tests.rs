use serde_json::{Map, json};

use super::*;

fn deployment(image: &str, replicas: i64) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [
            {"name": "web", "image": image, "resources": {"limits": {"cpu": "1"}}, "ports": [{"containerPort": 80}]},
        ]}}},
    })
}

/// As the API server keeps it: with defaults, and more that is not the chart's.
fn live(image: &str, replicas: i64) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u", "labels": {"a": "b"}, "managedFields": [
            {"manager": "helm", "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": {
                "k:{\"name\":\"web\"}": {"f:image": {}}}}}}}},
            {"manager": "kubectl-edit", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
        ]},
        "spec": {"replicas": replicas, "paused": false, "template": {"spec": {"containers": [
            {"name": "sidecar", "image": "mesh"},
            {"name": "web", "image": image, "resources": {"limits": {"cpu": "1000m"}}, "imagePullPolicy": "Always",
             "ports": [{"containerPort": 80, "protocol": "TCP"}]},
        ]}}},
        "status": {"replicas": replicas},
    })
}

fn differs(found: &Found) -> Vec<&str> {
    match found {
        Found::Differs { fields } => fields.iter().map(|one| one.field.as_str()).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_changed_object_is_as_one_of_the_manifests() {
    let (old, new) = (deployment("web:1", 1), deployment("web:2", 1));
    let seen = |live| compare(Some(&old), Some(&new), Some(&live));
    assert_eq!(seen(live("web:2", 1)), (Change::Changed, Found::New));
    assert_eq!(seen(live("web:1", 1)), (Change::Changed, Found::Old));
    // What the operation was not to change is not its matter.
    assert_eq!(seen(live("web:2", 9)), (Change::Changed, Found::New));
    let (_, found) = seen(live("web:3", 1));
    assert_eq!(
        differs(&found),
        ["spec.template.spec.containers[web].image"]
    );
    assert_eq!(
        compare(Some(&old), Some(&new), None),
        (Change::Changed, Found::Missing)
    );
}

#[test]
fn half_of_a_change_differs() {
    let (old, new) = (deployment("web:1", 1), deployment("web:2", 2));
    let (_, found) = compare(Some(&old), Some(&new), Some(&live("web:2", 1)));
    let Found::Differs { fields } = found else {
        panic!("it is like neither")
    };
    assert_eq!(
        (fields.len(), fields[0].field.as_str()),
        (1, "spec.replicas")
    );
    assert_eq!(fields[0].writers, ["kubectl-edit"]);
}

#[test]
fn what_only_one_manifest_has() {
    let one = deployment("web:1", 1);
    assert_eq!(compare(None, Some(&one), None), (Change::Added, Found::Old));
    let there = Some(live("web:1", 1));
    let seen = compare(None, Some(&one), there.as_ref());
    assert_eq!(seen, (Change::Added, Found::New));
    let seen = compare(Some(&one), None, there.as_ref());
    assert_eq!(seen, (Change::Removed, Found::Old));
    assert_eq!(
        compare(Some(&one), None, None),
        (Change::Removed, Found::New)
    );
}

#[test]
fn an_object_that_nobody_changes_may_have_drifted() {
    let one = deployment("web:1", 1);
    let seen = |live: Option<Value>| compare(Some(&one), Some(&one), live.as_ref());
    assert_eq!(seen(Some(live("web:1", 1))), (Change::Same, Found::New));
    let (change, found) = seen(Some(live("web:1", 3)));
    assert_eq!(
        (change, differs(&found)),
        (Change::Same, vec!["spec.replicas"])
    );
    assert_eq!(seen(None), (Change::Same, Found::Missing));
}

#[test]
fn a_job_that_says_for_how_long_it_stays_expires() {
    let job =
        |kind: &str, spec: Value| json!({"apiVersion": "batch/v1", "kind": kind, "spec": spec});
    assert!(expires(&job("Job", json!({"ttlSecondsAfterFinished": 0}))));
    assert!(!expires(&job(
        "Job",
        json!({"ttlSecondsAfterFinished": null})
    )));
    assert!(!expires(&job("Job", json!({}))));
    let template = json!({"ttlSecondsAfterFinished": 60});
    assert!(!expires(&job("CronJob", template)));
}

#[test]
fn a_field_that_comes_or_goes() {
    let without = json!({"data": {"a": "1"}});
    let with = json!({"data": {"a": "1", "b": "2"}});
    let seen = |old, new, live| compare(Some(old), Some(new), Some(live)).1;
    assert_eq!(seen(&without, &with, &with), Found::New);
    assert_eq!(seen(&without, &with, &without), Found::Old);
    assert_eq!(seen(&with, &without, &without), Found::New);
    assert_eq!(seen(&with, &without, &with), Found::Old);
    // Somebody else's value stands where none is wanted any more.
    let other = json!({"data": {"a": "1", "b": "3"}});
    assert_eq!(seen(&with, &without, &other), Found::New);
    // What is left may be a default, if all else is new.
    let (old, new) = (json!({"spec": {"x": 1, "y": 1}}), json!({"spec": {"x": 2}}));
    let live = json!({"spec": {"x": 2, "y": 1}});
    assert_eq!(seen(&old, &new, &live), Found::New);
}

/// What the API server fills in belongs to whoever wrote the object; what
/// another made of it has drifted.
#[test]
fn what_is_stated_as_empty_may_drift() {
    let manifest = json!({"spec": {"type": "", "args": [], "none": null, "any": {}}});
    let live = |others: Value| {
        let own = json!({"f:metadata": {"f:annotations": {"f:meta.helm.sh/release-name": {}}},
                         "f:spec": {"f:x": {}, "f:type": {}, "f:args": {}}});
        let mut fields = own;
        for field in others.as_object().into_iter().flat_map(Map::keys) {
            fields["f:spec"].as_object_mut().unwrap().remove(field);
        }
        json!({
            "metadata": {"managedFields": [
                {"manager": "any-sdk", "fieldsV1": fields},
                {"manager": "kubectl-edit", "fieldsV1": {"f:spec": others}},
            ]},
            "spec": {"type": "ClusterIP", "args": ["a"], "none": "x", "any": {"b": "c"}},
        })
    };
    let seen = |live: &Value| compare(Some(&manifest), Some(&manifest), Some(live)).1;
    assert_eq!(seen(&live(json!({"f:other": {}}))), Found::New);
    let edited = live(json!({"f:type": {}, "f:args": {}, "f:none": {}, "f:any": {}}));
    assert_eq!(differs(&seen(&edited)), ["spec.type", "spec.args"]);
    // Without Helm's mark nobody can say who filled it in.
    let mut unmarked = edited.clone();
    unmarked["metadata"]["managedFields"][0]["fieldsV1"] = json!({});
    assert_eq!(seen(&unmarked), Found::New);
    let emptied = json!({"metadata": edited["metadata"], "spec": {"type": "", "args": null}});
    assert_eq!(seen(&emptied), Found::New);
    // An operation is judged by what it was to change.
    let old = json!({"spec": {"type": "", "args": [], "x": 1}});
    let new = json!({"spec": {"type": "", "args": [], "x": 2}});
    let mut changed = edited;
    changed["spec"]["x"] = json!(2);
    assert_eq!(
        compare(Some(&old), Some(&new), Some(&changed)).1,
        Found::New
    );
}

#[test]
fn lists_without_keys_are_compared_whole() {
    let args = |args: &[&str]| json!({"spec": {"args": args, "rules": [{"verbs": args}]}});
    let seen = |old, new, live| compare(Some(old), Some(new), Some(live)).1;
    let (one, two) = (args(&["a", "b"]), args(&["a", "c"]));
    assert_eq!(seen(&one, &two, &two), Found::New);
    assert_eq!(seen(&one, &two, &one), Found::Old);
    let shorter = args(&["a"]);
    let found = seen(&one, &two, &shorter);
    assert_eq!(differs(&found), ["spec.args", "spec.rules"]);
    // Defaults within their elements are no difference.
    let defaulted = json!({"spec": {"args": ["a", "c"], "rules": [{"verbs": ["a", "c"], "x": 1}]}});
    assert_eq!(seen(&one, &two, &defaulted), Found::New);
}

#[test]
fn secrets_are_compared_and_not_told() {
    let text = json!({"kind": "Secret", "apiVersion": "v1", "stringData": {"password": "hunter2"}});
    let live = |data: &str| json!({"kind": "Secret", "data": {"password": data}});
    let seen = |data| compare(None, Some(&text), Some(&live(data))).1;
    assert_eq!(seen("aHVudGVyMg=="), Found::New);
    let found = seen("b3RoZXI=");
    assert_eq!(differs(&found), ["data.password"]);
    assert!(!format!("{found:?}").contains("hunter2"));
}

/// A chart may say anything of anything: only a Secret's texts are stored in
/// its data, and only where there can be data.
#[test]
fn string_data_is_a_secrets_own() {
    let secret = |data: Value| json!({"apiVersion": "v1", "kind": "Secret", "data": data, "stringData": {"a": "x"}});
    for data in [json!("text"), json!(["a"]), json!(7), json!(true)] {
        let odd = secret(data);
        assert_eq!(compare(None, Some(&odd), Some(&odd)).1, Found::New);
    }
    let stored = json!({"data": {"a": "eA==", "b": "eQ=="}});
    let seen = |data: Value| compare(None, Some(&secret(data)), Some(&stored)).1;
    assert_eq!(seen(Value::Null), Found::New);
    assert_eq!(seen(json!({"a": "old", "b": "eQ=="})), Found::New);
    // Another kind keeps what it is given.
    let other = json!({"apiVersion": "example.com/v1", "kind": "Secret", "stringData": {"a": "x"}});
    assert_eq!(compare(None, Some(&other), Some(&other)).1, Found::New);
    let found = compare(None, Some(&other), Some(&stored)).1;
    assert_eq!(differs(&found), ["stringData.a"]);
}

#[test]
fn differences_are_told_in_part() {
    let many = |value: &str| {
        let data: Map<String, Value> = (0..100).map(|n| (format!("k{n}"), value.into())).collect();
        json!({"data": data})
    };
    let (_, found) = compare(None, Some(&many("a")), Some(&many("b")));
    assert_eq!(differs(&found).len(), TOLD);
}

/// If each element were looked for among all others, this would not end.
#[test]
fn long_lists_are_matched_in_one_pass() {
    let list = |value: &str| {
        let element = |n: u32| json!({"name": format!("n{n}"), "value": value});
        json!({"spec": {"env": (0..200_000).map(element).collect::<Vec<_>>()}})
    };
    let (old, new) = (list("a"), list("b"));
    assert_eq!(compare(Some(&old), Some(&new), Some(&new)).1, Found::New);
    let found = compare(Some(&old), Some(&new), Some(&list("c"))).1;
    assert_eq!(differs(&found).len(), TOLD);
}
