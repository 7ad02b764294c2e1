//! `backup restore`: records come back as they were, and real Helm goes on with
//! them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use zadig_doctor::helm::Driver;

use super::essence;
use crate::bed::{Bed, Cluster, Namespace};
use crate::helm::{Helm, HelmVersion, chart};
use crate::process::{Output, wait_until};
use crate::records::{self, Record, states};
use crate::scenarios::{RELEASE, Stage, find, packed};
use crate::tool::Tool;

mod faults;
mod places;
mod refused;
mod resumed;

/// The Helms that are named in the promise: Zadig's, one of the middle, and 4.
const HELMS: [HelmVersion; 3] = [HelmVersion::V3_9, HelmVersion::V3_17, HelmVersion::V4];

/// The id of a snapshot of that namespace.
fn save(tool: &Tool, namespace: &Namespace) -> String {
    let saved = tool.run(&["backup", "-n", namespace.name(), "-o", "json"]);
    let saved = saved.expect_code(0).json();
    saved["id"].as_str().unwrap().to_owned()
}

fn restore(tool: &Tool, snapshot: &str, more: &[&str]) -> Output {
    tool.run(&[&["backup", "restore", snapshot, "--yes"], more].concat())
}

fn delete(path: &str) {
    let api = Bed::get().api();
    let gone = api.send("DELETE", path, "application/json", &Value::Null);
    assert!(matches!(gone.unwrap().status, 200 | 202 | 404), "{path}");
}

/// Deletes all records of the release, as a person does who thinks that this
/// helps.
fn lose(stage: &Stage, driver: Driver) {
    for record in records::of(&stage.namespace, driver, RELEASE) {
        let name = records::name(RELEASE, record.revision);
        delete(
            &stage
                .namespace
                .core(&format!("{}/{name}", driver.resource())),
        );
    }
}

/// What must come back: everything but what the server sets. Payloads are
/// compared as they decode, and as text where they do not.
fn kept(records: &[Record]) -> Vec<Value> {
    let one = |record: &Record| {
        let mut object = record.bare();
        if let Some(payload) = &record.payload {
            object["data"]["release"] = payload.clone();
        }
        object
    };
    records.iter().map(one).collect()
}

/// That both are the same, without printing what they are.
fn same(before: &[Record], after: &[Record], what: &str) {
    assert_eq!(states(before), states(after), "{what}");
    assert!(kept(before) == kept(after), "{what}: not what was saved");
}

fn message(namespace: &Namespace) -> Option<String> {
    let map = namespace
        .bed()
        .api()
        .get(&namespace.core(&format!("configmaps/{RELEASE}")))?;
    map["data"]["message"].as_str().map(str::to_owned)
}

#[test]
fn after_all_records_were_deleted_helm_goes_on() {
    for version in HELMS {
        for driver in Driver::ALL {
            let stage = Stage::new("restore-deleted", version, driver);
            for (verb, message) in [("install", "one"), ("upgrade", "two"), ("upgrade", "three")] {
                let message = format!("--set=message={message}");
                stage.helm.ok(&[verb, RELEASE, &chart("quiet"), &message]);
            }
            let path = stage.namespace.core(&format!(
                "{}/{}",
                driver.resource(),
                records::name(RELEASE, 1)
            ));
            let odd = json!({
                "metadata": {"annotations": {"a": "b"}, "labels": {"team": "x"}, "finalizers": ["zadig-doctor.test/hold"]},
                "immutable": true,
            });
            Bed::get().api().merge(&path, &odd);
            let before = records::of(&stage.namespace, driver, RELEASE);
            let tool = Tool::new();
            let snapshot = save(&tool, &stage.namespace);

            let nothing = restore(&tool, &snapshot, &[]).expect_code(0);
            assert!(nothing.stderr.contains("nothing to do"), "{nothing}");
            lose(&stage, driver);
            Bed::get()
                .api()
                .merge(&path, &json!({"metadata": {"finalizers": null}}));
            assert_eq!(records::of(&stage.namespace, driver, RELEASE).len(), 0);

            let restored = restore(&tool, &snapshot, &["-o", "json"])
                .expect_code(0)
                .json();
            assert_eq!(restored["schema"], "zadig-doctor/receipt/v1");
            let steps = restored["steps"].as_array().unwrap().iter();
            let steps: Vec<_> = steps
                .map(|step| {
                    (
                        step["action"].as_str().unwrap(),
                        step["outcome"].as_str().unwrap(),
                    )
                })
                .collect();
            assert_eq!(steps, [("CreateRecord", "done"); 3], "{restored:#}");
            let first = restored["steps"][0]["object"].as_str().unwrap();
            assert!(first.ends_with(".v3"), "the newest comes first: {first}");
            same(
                &before,
                &records::of(&stage.namespace, driver, RELEASE),
                &format!("{version:?} {driver}"),
            );
            Bed::get()
                .api()
                .merge(&path, &json!({"metadata": {"finalizers": null}}));

            let listed = stage.helm.ok(&["list", "-o", "json"]).json();
            assert_eq!(listed[0]["revision"], "3");
            stage.helm.ok(&["rollback", RELEASE, "1"]);
            assert_eq!(message(&stage.namespace).as_deref(), Some("one"));
            stage
                .helm
                .ok(&["upgrade", RELEASE, &chart("quiet"), "--set=message=five"]);
            assert_eq!(message(&stage.namespace).as_deref(), Some("five"));
        }
    }
}

#[test]
fn a_restore_can_be_undone_and_done_again() {
    let stage = find("healthy").make(HelmVersion::V3_17);
    let tool = Tool::new();
    let before = stage.records();
    let snapshot = save(&tool, &stage.namespace);
    lose(&stage, Driver::Secret);
    restore(&tool, &snapshot, &[]).expect_code(0);
    tool.run(&["undo", "--yes"]).expect_code(0);
    assert_eq!(stage.records().len(), 0);
    restore(&tool, &snapshot, &[RELEASE]).expect_code(0);
    same(&before, &stage.records(), "done again");
    let log = tool.run(&["log", "-o", "json"]).expect_code(0).json();
    assert_eq!(log["operations"][0]["verb"], "restore");
}

#[test]
fn a_dry_run_changes_nothing_and_holes_are_filled() {
    let stage = find("healthy").make(HelmVersion::V4);
    let tool = Tool::new();
    let before = stage.records();
    let snapshot = save(&tool, &stage.namespace);
    delete(
        &stage
            .namespace
            .core(&format!("secrets/{}", records::name(RELEASE, 2))),
    );
    let holey = essence(&stage.records());
    let args = ["backup", "restore", &snapshot, "--dry-run", "-o", "json"];
    let plan = tool.run(&args).expect_code(0).json();
    assert_eq!(plan["schema"], "zadig-doctor/plan/v1");
    let steps = plan["steps"].as_array().unwrap();
    let [step] = steps.as_slice() else {
        panic!("{plan:#}");
    };
    assert_eq!(
        (&step["action"], &step["guard"]),
        (&"CreateRecord".into(), &"Absent".into())
    );
    assert_eq!(essence(&stage.records()), holey);
    restore(&tool, &snapshot, &[]).expect_code(0);
    same(&before, &stage.records(), "the hole is filled");
    stage.helm.ok(&["rollback", RELEASE, "2"]);
}

/// What Helm cannot read comes back byte for byte.
#[test]
fn what_does_not_decode_comes_back_as_it_was() {
    let stage = find("truncated-record").make(HelmVersion::V3_17);
    let tool = Tool::new();
    let before = stage.records();
    let snapshot = save(&tool, &stage.namespace);
    lose(&stage, Driver::Secret);
    restore(&tool, &snapshot, &[]).expect_code(0);
    let after = stage.records();
    same(&before, &after, "truncated");
    assert_eq!(before.last().unwrap().text(), after.last().unwrap().text());
}

#[test]
fn after_the_namespace_was_deleted_a_rollback_brings_the_objects() {
    for version in HELMS {
        let stage = find("healthy").make(version);
        let tool = Tool::new();
        let before = stage.records();
        let snapshot = save(&tool, &stage.namespace);
        let name = stage.namespace.name();
        let path = format!("/api/v1/namespaces/{name}");
        delete(&path);
        wait_until("the namespace is gone", || {
            Bed::get().api().get(&path).is_none().then_some(())
        });
        let refused = restore(&tool, &snapshot, &[RELEASE]).expect_code(4);
        assert!(
            refused
                .stdout
                .contains(&format!("kubectl create namespace {name}")),
            "{refused}"
        );
        Bed::get()
            .api()
            .create("/api/v1/namespaces", &json!({"metadata": {"name": name}}));
        let restored = restore(&tool, &snapshot, &[RELEASE]).expect_code(0);
        let objects = format!("helm rollback {RELEASE} 3 -n {name}");
        assert!(restored.stderr.contains(&objects), "{restored}");
        same(&before, &stage.records(), &format!("{version:?}"));
        assert_eq!(message(&stage.namespace), None);
        stage.helm.ok(&["rollback", RELEASE, "3"]);
        assert_eq!(message(&stage.namespace).as_deref(), Some("three"));
        stage.helm.ok(&["upgrade", RELEASE, &chart("quiet")]);
    }
}

#[test]
fn from_an_old_cluster_into_a_new_one() {
    let old = find("healthy").make_on(Cluster::Old, HelmVersion::V3_9);
    let new = old.namespace.twin(Cluster::New);
    let tool = Tool::on(Cluster::Old);
    let snapshot = save(&tool, &old.namespace);
    let tool = tool.kubeconfig(&Bed::get().kubeconfig);
    let refused = restore(&tool, &snapshot, &[]).expect_code(4);
    assert!(refused.stderr.contains("another cluster"), "{refused}");
    assert!(refused.stderr.contains("--other-cluster"), "{refused}");
    restore(&tool, &snapshot, &["--other-cluster"]).expect_code(0);
    same(
        &old.records(),
        &records::of(&new, Driver::Secret, RELEASE),
        "from 1.22 into 1.36",
    );
    let helm = Helm::new(HelmVersion::V4, &new);
    helm.ok(&["rollback", RELEASE, "3"]);
    assert_eq!(message(&new).as_deref(), Some("three"));
    helm.ok(&["upgrade", RELEASE, &chart("quiet"), "--set=message=five"]);
    tool.run(&["check", "-n", new.name()]).expect_code(0);
}

#[test]
fn more_comes_back_than_is_held_at_once() {
    let stage = find("near-size-limit").make(HelmVersion::V4);
    let name = |i: u32| format!("large-{i}");
    let [first] = &records::of(&stage.namespace, Driver::Secret, RELEASE)[..] else {
        panic!("one record");
    };
    let path = stage.namespace.core("secrets");
    for i in 0..20 {
        let mut payload = first.payload.clone().unwrap();
        payload["name"] = name(i).into();
        let text = packed(&serde_json::to_vec(&payload).unwrap());
        let copy = json!({
            "metadata": {"name": records::name(&name(i), 1), "labels": first.object["metadata"]["labels"]},
            "type": first.object["type"],
            "data": {"release": BASE64_STANDARD.encode(text)},
        });
        let created = Bed::get().api().create(&path, &copy);
        let named = json!({"metadata": {"labels": {"name": name(i)}}});
        let created = created["metadata"]["name"].as_str().unwrap();
        Bed::get().api().merge(&format!("{path}/{created}"), &named);
    }
    let all = || (0..20).map(|i| records::of(&stage.namespace, Driver::Secret, &name(i)));
    let before: Vec<_> = all().collect();
    let bytes: usize = before.iter().flatten().map(|one| one.text().len()).sum();
    assert!(bytes > 16 << 20, "{bytes}");
    let tool = Tool::new();
    let snapshot = save(&tool, &stage.namespace);
    for i in 0..20 {
        delete(&format!("{path}/{}", records::name(&name(i), 1)));
    }

    restore(&tool, &snapshot, &[]).expect_code(0);
    for (before, after) in before.iter().zip(all()) {
        same(before, &after, "large");
    }
}
