//! One play of one state: all that is said of it in its entry holds.

use serde_json::{Map, Value, json};

use super::table::{self, Seen};
use super::{RELEASE, Scenario, Stage, Unstick};
use crate::bed::Cluster;
use crate::helm::{HelmVersion, chart};
use crate::process::Output;
use crate::product::{LONG, Later, essence};
use crate::records::Record;

/// Makes the state and follows it to its end.
pub(super) fn play(scenario: &Scenario, cluster: Cluster, version: HelmVersion) {
    let stage = scenario.make_on(cluster, version);
    decorate(&stage, scenario);
    let seen = follow(scenario, &stage, &Later::at(cluster, LONG));
    table::saw(scenario, cluster, version, &seen);
}

/// What Helm says to it, what `check` says, what `unstick` does, and what Helm
/// and `check` say then.
fn follow(scenario: &Scenario, stage: &Stage, later: &Later) -> Seen {
    if let Some(says) = scenario.upgrade_says {
        refuses_to_upgrade(stage, says);
    }
    is_found_deep(scenario, stage, later);
    if scenario.leaves.is_empty() {
        return is_gone(stage, later);
    }
    let check = is_found(scenario, stage, later);
    let unstick = is_repaired_or_left_alone(scenario, stage, later);
    let seen = |then| Seen {
        check,
        unstick,
        then,
    };
    if let Some(way_out) = &scenario.way_out {
        (way_out.go)(stage);
        return seen(is_freed(stage, later));
    }
    let upgraded = match (scenario.unstick, scenario.upgrade_says, scenario.then_says) {
        (Unstick::Repairs, _, Some(says)) => refuses_to_upgrade(stage, says),
        (Unstick::Repairs, _, None) | (_, None, _) => upgrades(stage),
        (Unstick::Refuses | Unstick::Nothing, Some(_), _) => return seen(String::new()),
    };
    let (code, report) = later.check(stage);
    scenario.expect_remains(&report, stage.namespace.name());
    exits_by_errors(code, &report);
    seen(format!("{upgraded}; check: {}", named(&report)))
}

/// Nothing stands in the way any more: the release is gone, or is repaired.
fn is_freed(stage: &Stage, later: &Later) -> String {
    if stage.records().is_empty() {
        return is_gone(stage, later).then;
    }
    let (code, report) = later.check(stage);
    let repaired = match code {
        // The way out was a whole one.
        Some(0) => String::new(),
        _ => is_repaired(stage, later) + "; ",
    };
    upgrades(stage);
    later.on(stage, &["check"]).expect_code(0);
    format!("{}; {repaired}upgraded", named(&report))
}

/// Without records there is no release, to Helm and to us: who names it is told
/// so, and Helm installs it anew over whatever is left.
fn is_gone(stage: &Stage, later: &Later) -> Seen {
    for args in [&["check"][..], &["unstick", "--yes"]] {
        let said = later.on(stage, args).expect_code(1).to_string();
        assert!(said.contains("there is no record of a release"), "{said}");
    }
    let namespace = ["check", "-o", "json", "-n", stage.namespace.name()];
    let report = later.run(&namespace).expect_code(0).json();
    assert_eq!(report["findings"], json!([]));
    let install = ["upgrade", "--install", RELEASE, &chart("quiet")];
    stage.helm.ok(&install);
    let gone = || "no such release".to_owned();
    Seen {
        check: gone(),
        unstick: gone(),
        then: "installed anew".to_owned(),
    }
}

/// The findings of a report, as the table names them.
fn named(report: &Value) -> String {
    let findings = report["findings"].as_array().unwrap();
    let one = |one: &Value| {
        let id = one["id"].as_str().unwrap();
        match one["verdict"].as_str() {
            Some(verdict) => match one["extent"].as_str() {
                Some(extent) => format!("{id}: {verdict}, {extent} in"),
                None => format!("{id}: {verdict}"),
            },
            None => id.to_owned(),
        }
    };
    match findings[..] {
        [] => "nothing".to_owned(),
        _ => findings.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}

/// Only errors make `check` exit with 1.
fn exits_by_errors(code: Option<i32>, report: &Value) {
    let findings = report["findings"].as_array().unwrap();
    let wrong = findings.iter().any(|one| one["severity"] == "error");
    assert_eq!(code, Some(i32::from(wrong)), "{report:#}");
}

/// Gives the newest record what others may have put on it.
fn decorate(stage: &Stage, scenario: &Scenario) {
    let records = stage.records();
    let Some(newest) = records.last() else {
        return;
    };
    let name = newest.object["metadata"]["name"].as_str().unwrap();
    let resource = scenario.driver.resource();
    let path = stage.namespace.core(&format!("{resource}/{name}"));
    let patch = json!({"metadata": {
        "annotations": {"example.com/note": "keep <this> & that"},
        "labels": {"example.com/team": "blue"},
    }});
    stage.namespace.bed().api().merge(&path, &patch);
}

/// Helm says so, and leaves everything as it was.
fn refuses_to_upgrade(stage: &Stage, says: &str) -> String {
    let before = essence(&stage.records());
    let output = upgrade(stage);
    let said = output.to_string();
    assert_ne!(output.code(), Some(0), "{said}");
    assert!(said.contains(says), "it was to say {says}: {said}");
    assert_eq!(essence(&stage.records()), before, "{said}");
    "refused".to_owned()
}

/// The upgrade goes through, and the newest record says so.
fn upgrades(stage: &Stage) -> String {
    upgrade(stage).expect_code(0);
    let records = stage.records();
    let newest = records.last().unwrap();
    assert_eq!((newest.label(), newest.status()), ("deployed", "deployed"));
    "upgraded".to_owned()
}

/// An upgrade with the chart of the newest record that can be read. The chart
/// `web` never gets ready, but without --wait nobody asks; `legacy` has learned
/// to do without removed APIs.
fn upgrade(stage: &Stage) -> Output {
    let payloads = stage.records().into_iter().rev();
    let payload = payloads.filter_map(|record| record.payload).next();
    let payload = payload.unwrap_or_default();
    let name = payload["chart"]["metadata"]["name"].as_str();
    let chart = chart(name.unwrap_or("quiet"));
    stage.helm.run(&[
        "upgrade",
        RELEASE,
        &chart,
        "--set=message=next,removed=false",
    ])
}

/// `check` shows what it must and nothing else.
fn is_found(scenario: &Scenario, stage: &Stage, later: &Later) -> String {
    let (code, report) = later.check(stage);
    scenario.expect_in(&report, stage.namespace.name());
    exits_by_errors(code, &report);
    named(&report)
}

/// A look at the live objects shows what it must besides.
fn is_found_deep(scenario: &Scenario, stage: &Stage, later: &Later) {
    let namespace = stage.namespace.name();
    let deep = [
        "check",
        "--deep",
        "--all-revisions",
        "-n",
        namespace,
        "-o",
        "json",
    ];
    if scenario.deep.is_some() {
        scenario.expect_deep(&later.run(&deep).json(), namespace);
    }
}

/// `unstick` repairs it, or touches nothing.
fn is_repaired_or_left_alone(scenario: &Scenario, stage: &Stage, later: &Later) -> String {
    let (code, seen) = match scenario.unstick {
        Unstick::Repairs => return is_repaired(stage, later),
        Unstick::Refuses => (4, "refused"),
        Unstick::Nothing => (0, "nothing to do"),
    };
    let before = essence(&stage.records());
    let output = later.on(stage, &["unstick", "--yes", "-o", "json"]);
    let receipt = output.expect_code(code).json();
    assert_eq!(receipt["steps"], json!([]));
    assert_eq!(essence(&stage.records()), before, "nothing is touched");
    seen.to_owned()
}

fn is_repaired(stage: &Stage, later: &Later) -> String {
    let before = stage.records();
    let output = later.on(stage, &["unstick", "--yes", "-o", "json"]);
    let receipt = output.expect_code(0).json();
    let steps = receipt["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 1, "{receipt:#}");
    assert_eq!(steps[0]["outcome"], "done", "{receipt:#}");
    marked_failed(stage, &before);
    "repaired".to_owned()
}

/// The newest record says failed, in label and payload, and is fenced; every
/// other field and record is as it was.
fn marked_failed(stage: &Stage, before: &[Record]) {
    let after = stage.records();
    let (old, new) = (before.last().unwrap(), after.last().unwrap());
    assert_eq!((new.label(), new.status()), ("failed", "failed"));
    assert_eq!(new.object["immutable"], true);
    let (mut was, mut is) = (old.payload.clone().unwrap(), new.payload.clone().unwrap());
    for payload in [&mut was, &mut is] {
        payload["info"]["status"].take();
        payload["info"]["description"].take();
    }
    assert_eq!(was, is, "unknown fields and Helm 4's own are kept");
    for part in ["annotations", "ownerReferences", "finalizers", "uid"] {
        assert_eq!(old.object["metadata"][part], new.object["metadata"][part]);
    }
    let note = &new.object["metadata"]["annotations"]["example.com/note"];
    assert_eq!(note, "keep <this> & that");
    let (mut was, mut is) = (labels(old), labels(new));
    for labels in [&mut was, &mut is] {
        labels.remove("status");
        labels.remove("modifiedAt");
    }
    assert_eq!(was, is);
    let others = before.len() - 1;
    assert_eq!(essence(&after[..others]), essence(&before[..others]));
}

fn labels(record: &Record) -> Map<String, Value> {
    let labels = &record.object["metadata"]["labels"];
    labels.as_object().unwrap().clone()
}
