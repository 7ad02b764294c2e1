//! `check --deep`: what the live objects say. Lost, missing, claimed, orphaned
//! and drifted ones, and what only looks so, the scenarios' plays show.

use serde_json::{Value, json};
use zadig_doctor::helm::Driver;

use super::{LONG, Later};
use crate::helm::{HelmVersion, chart};
use crate::scenarios::{RELEASE, Stage};

/// What `check --deep` finds in the namespace: ids and severities.
fn deep(later: &Later, stage: &Stage) -> Vec<(String, String)> {
    let namespace = ["-n", stage.namespace.name(), "-o", "json"];
    let output = later.run(&[&["check", "--deep"][..], &namespace].concat());
    let report = output.json();
    assert_eq!(report["complete"], true, "{report:#}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = report["findings"].as_array().unwrap();
    let pair = |one: &Value| (text(&one["id"]), text(&one["severity"]));
    findings.iter().map(pair).collect()
}

fn scaled_by(stage: &Stage, manager: &str, replicas: u32) {
    let scale = format!("deployments/{RELEASE}/scale?fieldManager={manager}");
    let replicas = json!({"spec": {"replicas": replicas}});
    let api = stage.namespace.bed().api();
    api.merge(&stage.namespace.apps(&scale), &replicas);
}

#[test]
fn what_an_autoscaler_scales_has_not_drifted() {
    for version in [HelmVersion::V3_9, HelmVersion::V4] {
        let stage = Stage::new("scaled", version, Driver::Secret);
        stage.helm.ok(&["install", RELEASE, &chart("web")]);
        let later = Later::by(LONG);
        assert_eq!(deep(&later, &stage), []);
        scaled_by(&stage, "kube-controller-manager", 3);
        assert_eq!(deep(&later, &stage), []);
        // The same by hand is another matter; to Helm 4 it is a conflict.
        scaled_by(&stage, "kubectl-scale", 4);
        let severity = match version {
            HelmVersion::V4 => "warning",
            _ => "info",
        };
        let drift = ("drift".to_owned(), severity.to_owned());
        assert_eq!(deep(&later, &stage), [drift]);
        let upgrade = stage
            .helm
            .run(&["upgrade", RELEASE, &chart("web")])
            .to_string();
        let refused = upgrade.contains("conflict occurred while applying object");
        assert_eq!(refused, version == HelmVersion::V4, "{upgrade}");
    }
}

#[test]
fn a_deep_look_only_reads_and_shows_no_values() {
    let stage = Stage::new("deep-reads", HelmVersion::V3_17, Driver::Secret);
    stage.helm.ok(&["install", RELEASE, &chart("quiet")]);
    let map = stage.namespace.core(&format!("configmaps/{RELEASE}"));
    let patch = json!({"data": {"message": "hunter2"}});
    stage.namespace.bed().api().merge(&map, &patch);
    let later = Later::by(LONG);
    let file = later.tool.home().join("survey.json").display().to_string();
    let namespace = stage.namespace.name();
    let args = ["check", "--deep", "-n", namespace, "-o", "json"];
    let output = later.run(&[&args[..], &["--save", &file]].concat());
    let said = output.to_string();
    assert!(
        said.contains("data.message") && !said.contains("hunter2"),
        "{said}"
    );
    assert!(!std::fs::read_to_string(&file).unwrap().contains("hunter2"));
    let seen = later.proxy.seen();
    assert!(seen.iter().all(|one| one.method == "GET"), "{seen:?}");
    // What was saved tells the same again, without a cluster.
    let again = ["check", "--deep", "--from", &file, "-o", "json"];
    assert_eq!(later.tool.run(&again).json(), output.json());
}
