//! A release that is restored into a second namespace: it works there, and the
//! first one never notices.

use zadig_doctor::helm::Driver;

use super::{HELMS, message, restore, same, save};
use crate::bed::{Bed, Namespace};
use crate::helm::{Helm, HelmVersion, chart};
use crate::product::essence;
use crate::records;
use crate::scenarios::{RELEASE, Stage};
use crate::tool::Tool;

/// A release of two revisions whose objects name their namespace.
fn placed(version: HelmVersion, driver: Driver, more: &[&str]) -> Stage {
    let stage = Stage::new("restore-from", version, driver);
    for (verb, message) in [("install", "one"), ("upgrade", "two")] {
        let message = format!("--set=message={message}");
        let args = [verb, RELEASE, &chart("places"), &message];
        stage.helm.ok(&[&args, more].concat());
    }
    stage
}

#[test]
fn it_works_there_and_the_first_is_untouched() {
    for version in HELMS {
        for driver in Driver::ALL {
            let stage = placed(version, driver, &[]);
            let second = Namespace::new("restore-into");
            let tool = Tool::new();
            let snapshot = save(&tool, &stage.namespace);
            let first = essence(&records::of(&stage.namespace, driver, RELEASE));
            let objects = stage
                .kubectl(&["get", "all,cm,sa,rolebindings", "-o", "json"])
                .json();

            let into = ["--to-namespace", second.name()];
            restore(&tool, &snapshot, &into).expect_code(0);
            let moved = records::of(&second, driver, RELEASE);
            for record in &moved {
                let payload = record.payload.as_ref().unwrap();
                assert_eq!(payload["namespace"], second.name());
                let manifest = payload["manifest"].as_str().unwrap();
                let old = stage.namespace.name();
                // In the ConfigMap's data it is the chart's business.
                assert_eq!(manifest.matches(old).count(), 1, "{manifest}");
                assert!(
                    manifest.contains(&format!("  namespace: {old}\n")),
                    "{manifest}"
                );
                let hook = payload["hooks"][0]["manifest"].as_str().unwrap();
                assert!(
                    hook.contains(second.name()) && !hook.contains(old),
                    "{hook}"
                );
            }
            let helm = Helm::new(version, &second).driver(driver);
            helm.ok(&["rollback", RELEASE, "2"]);
            assert_eq!(message(&second).as_deref(), Some("two"));
            let binding = format!(
                "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings/{RELEASE}",
                second.name()
            );
            let binding = Bed::get().api().get(&binding).unwrap();
            assert_eq!(binding["subjects"][0]["namespace"], second.name());
            helm.ok(&["upgrade", RELEASE, &chart("places"), "--set=message=four"]);
            helm.ok(&["rollback", RELEASE, "1"]);
            assert_eq!(message(&second).as_deref(), Some("one"));

            assert_eq!(message(&stage.namespace).as_deref(), Some("two"));
            let untouched = essence(&records::of(&stage.namespace, driver, RELEASE));
            assert!(
                first == untouched,
                "{version:?} {driver}: the first release's records"
            );
            let now = stage
                .kubectl(&["get", "all,cm,sa,rolebindings", "-o", "json"])
                .json();
            assert_eq!(
                objects, now,
                "{version:?} {driver}: the first release's objects"
            );
            stage.helm.ok(&["upgrade", RELEASE, &chart("places")]);
        }
    }
}

#[test]
fn there_and_back_the_payloads_are_the_same() {
    let stage = placed(HelmVersion::V4, Driver::Secret, &[]);
    let second = Namespace::new("restore-back");
    let tool = Tool::new();
    let before = stage.records();
    let snapshot = save(&tool, &stage.namespace);
    restore(&tool, &snapshot, &["--to-namespace", second.name()]).expect_code(0);
    let there = save(&tool, &second);
    super::lose(&stage, Driver::Secret);
    let back = ["--to-namespace", stage.namespace.name()];
    restore(&tool, &there, &back).expect_code(0);
    same(&before, &stage.records(), "there and back");
    // And nothing is left to do.
    let nothing = restore(&tool, &snapshot, &[]).expect_code(0);
    assert!(nothing.stderr.contains("nothing to do"), "{nothing}");
    tool.run(&["undo", "--yes"]).expect_code(0);
    assert_eq!(stage.records().len(), 0);
}

#[test]
fn the_plan_names_what_does_not_move() {
    let other = Namespace::new("restore-elsewhere");
    let elsewhere = format!("--set=elsewhere={},clusterRole=true", other.name());
    let stage = placed(HelmVersion::V3_17, Driver::Secret, &[&elsewhere]);
    let second = Namespace::new("restore-shared");
    let tool = Tool::new();
    let snapshot = save(&tool, &stage.namespace);
    let into = [
        "backup",
        "restore",
        &snapshot,
        "--to-namespace",
        second.name(),
        "--dry-run",
        "-o",
        "json",
    ];
    let plan = tool.run(&into).expect_code(0).json();
    let reason = plan["steps"][0]["reason"].as_str().unwrap();
    let role = format!("ClusterRole {}-{RELEASE}", stage.namespace.name());
    for text in [
        &format!("moved here from namespace {}", stage.namespace.name()),
        "1 object in other namespaces left alone",
        &role,
    ] {
        assert!(reason.contains(text), "{text}: {reason}");
    }
    // The cluster's own are taken away by the release that made them.
    stage.helm.ok(&["uninstall", RELEASE]);
}
