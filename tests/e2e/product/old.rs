//! Every verb on the old cluster, from which this tool's reason for being was reported.

use super::{LONG, Later, essence};
use crate::bed::Cluster;
use crate::helm::{HelmVersion, chart};
use crate::scenarios::{RELEASE, find};

#[test]
fn every_verb() {
    let stage = find("pending-upgrade-in-wait").make_on(Cluster::Old, HelmVersion::V3_9);
    let later = Later::at(Cluster::Old, LONG);
    let (code, report) = later.check(&stage);
    assert_eq!((code, super::verdict(&report)), (Some(1), "stale"));
    let before = essence(&stage.records());

    let saved = later.on(&stage, &["backup", "-o", "json"]).expect_code(0);
    let snapshot = saved.json()["id"].as_str().unwrap().to_owned();
    let shown = later.run(&["backup", "show", &snapshot]).expect_code(0);
    assert!(shown.stdout.contains(RELEASE), "{shown}");
    let listed = later.run(&["backup", "list"]).expect_code(0);
    assert!(listed.stdout.contains(&snapshot), "{listed}");
    later.run(&["backup", "verify"]).expect_code(0);

    later.on(&stage, &["unstick", "--dry-run"]).expect_code(0);
    assert_eq!(
        essence(&stage.records()),
        before,
        "a dry run changes nothing"
    );
    later.on(&stage, &["unstick", "--yes"]).expect_code(0);
    assert_eq!(stage.record(2).status(), "failed");
    later.run(&["undo", "--yes"]).expect_code(0);
    assert_eq!(stage.record(2).status(), "pending-upgrade");
    later.on(&stage, &["unstick", "--yes"]).expect_code(0);
    stage.helm.ok(&["upgrade", RELEASE, &chart("web")]);

    later
        .on(&stage, &["prune", "--keep", "1", "--yes"])
        .expect_code(0);
    assert_eq!(stage.records().len(), 1);
    let log = later.run(&["log", "-o", "json"]).expect_code(0).json();
    let verbs = log["operations"].as_array().unwrap().iter();
    let verbs: Vec<_> = verbs.map(|one| one["verb"].as_str().unwrap()).collect();
    assert_eq!(verbs, ["unstick", "undo", "unstick", "prune"]);
    later.run(&["undo", "--yes"]).expect_code(0);
    assert_eq!(stage.records().len(), 3);
    assert_eq!(later.check(&stage).0, Some(0));
}
