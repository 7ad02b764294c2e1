//! What verbs that write do beside repairing (the scenarios' own plays show that): `undo` takes it back.

use super::{LONG, Later, essence};
use crate::helm::{HelmVersion, chart};
use crate::scenarios::{RELEASE, find};

#[test]
fn undo_brings_back_what_was() {
    for version in HelmVersion::ALL {
        let stage = find("pending-upgrade-in-wait").make(version);
        let later = Later::by(LONG);
        let before = stage.records();
        later.on(&stage, &["unstick", "--yes"]).expect_code(0);
        later.tool.run(&["undo", "--yes"]).expect_code(0);
        let after = stage.records();
        for (old, new) in before.iter().zip(&after) {
            assert_eq!(old.payload, new.payload);
            assert_eq!(
                old.object["metadata"]["labels"],
                new.object["metadata"]["labels"]
            );
            assert_eq!(old.object["immutable"], new.object["immutable"]);
            assert_eq!(old.object["type"], new.object["type"]);
        }
        let refused = stage.helm.run(&["upgrade", RELEASE, &chart("web")]);
        assert!(
            refused.to_string().contains("another operation"),
            "{refused}"
        );

        // Only what was done can be undone, and once.
        later.tool.run(&["undo", "--yes"]).expect_code(0);
        assert_eq!(essence(&stage.records()), essence(&after));
        // What was put back can be repaired again.
        later.on(&stage, &["unstick", "--yes"]).expect_code(0);
    }
}

#[test]
fn undo_refuses_what_has_been_written_since() {
    let stage = find("pending-upgrade-in-wait").make(HelmVersion::V3_17);
    let later = Later::by(LONG);
    later
        .on(&stage, &["unstick", "--yes", "--no-fence"])
        .expect_code(0);
    assert_ne!(stage.record(2).object["immutable"], true);
    stage.helm.ok(&["rollback", RELEASE, "2"]);
    stage.helm.ok(&["rollback", RELEASE, "1"]);
    let name = crate::records::name(RELEASE, 2);
    let path = stage.namespace.core(&format!("secrets/{name}"));
    let patch = serde_json::json!({"metadata": {"labels": {"touched": "yes"}}});
    crate::bed::Bed::get().api().merge(&path, &patch);
    let before = essence(&stage.records());
    later.tool.run(&["undo", "--yes"]).expect_code(4);
    assert_eq!(essence(&stage.records()), before);
}

#[test]
fn a_dry_run_changes_nothing() {
    let stage = find("pending-upgrade-in-wait").make(HelmVersion::V4);
    let later = Later::by(LONG);
    let before = essence(&stage.records());
    let plan = later.on(&stage, &["unstick", "--dry-run", "-o", "json"]);
    let plan = plan.expect_code(0).json();
    assert_eq!(plan["schema"], "zadig-doctor/plan/v1");
    assert_eq!(plan["steps"][0]["action"], "EditRecord");
    assert_eq!(essence(&stage.records()), before);
    let leases = crate::bed::Bed::get().api().list(&format!(
        "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
        stage.namespace.name()
    ));
    assert_eq!(leases.len(), 0);
}

#[test]
fn all_of_a_namespace() {
    let stage = find("pending-upgrade-in-wait").make(HelmVersion::V3_9);
    stage
        .helm
        .ok(&["install", "other.v2", &chart("quiet"), "--set=message=one"]);
    let later = Later::by(LONG);
    let namespace = stage.namespace.name();
    let args = ["unstick", "--all", "-n", namespace, "--yes", "-o", "json"];
    let receipt = later.tool.run(&args).expect_code(0).json();
    assert_eq!(receipt["steps"].as_array().unwrap().len(), 1, "{receipt:#}");
    let nothing = later.tool.run(&args).expect_code(0).json();
    assert_eq!(nothing["operation"], serde_json::Value::Null);
}

#[test]
fn prune_removes_old_history_and_undo_brings_it_back() {
    let stage = find("healthy").make(HelmVersion::V3_17);
    let later = Later::by(LONG);
    let before = stage.records();
    later
        .on(&stage, &["prune", "--keep", "1", "--yes"])
        .expect_code(0);
    assert_eq!(essence(&stage.records()), essence(&before[2..]));
    stage.helm.ok(&["history", RELEASE]);
    later.tool.run(&["undo", "--yes"]).expect_code(0);
    let after = stage.records();
    let payloads = |records: &[crate::records::Record]| {
        records
            .iter()
            .map(|one| one.payload.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(payloads(&after), payloads(&before));
    stage.helm.ok(&["rollback", RELEASE, "1"]);
}

/// What Helm just fitted into a Secret, another compressor may not: it comes
/// back all the same, byte for byte.
#[test]
fn a_record_at_the_size_limit_is_repaired_and_put_back() {
    let stage = find("outgrown-while-installing").make(HelmVersion::V3_17);
    let before = stage.record(1);
    let later = Later::by(LONG);
    later.on(&stage, &["unstick", "--yes"]).expect_code(0);
    assert_eq!(stage.record(1).status(), "failed");
    later.run(&["undo", "--yes"]).expect_code(0);
    assert_eq!(stage.record(1).text(), before.text());
}
