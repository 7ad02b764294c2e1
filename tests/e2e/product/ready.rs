//! `check --ready-for`: what a pipeline asks before it deploys, and that Helm then says what was foretold.

use serde_json::Value;
use zadig_doctor::helm::Driver;

use super::{LONG, Later};
use crate::bed::{Bed, Namespace};
use crate::helm::{Helm, HelmVersion, chart};
use crate::scenarios::{RELEASE, Stage, find};
use crate::tool::Tool;

const UPGRADE: &str = "upgrade";
const ROLLBACK: &str = "rollback";
const UNINSTALL: &str = "uninstall";

fn made(name: &str) -> Stage {
    find(name).make(HelmVersion::V3_17)
}

/// Asks for each operation; returns the exit codes and the answers as JSON.
fn asked(stage: &Stage) -> ([Option<i32>; 3], [Value; 3]) {
    let later = Later::by(LONG);
    let outputs = [UPGRADE, ROLLBACK, UNINSTALL].map(|operation| {
        let args = ["check", "--ready-for", operation, "-o", "json"];
        let output = later.on(stage, &args);
        (output.code(), output.json())
    });
    assert!(later.proxy.seen().iter().all(|one| one.method == "GET"));
    for (operation, (code, answer)) in [UPGRADE, ROLLBACK, UNINSTALL].iter().zip(&outputs) {
        assert_eq!(answer["schema"], "zadig-doctor/ready/v1");
        assert_eq!(answer["for"], *operation);
        let word = match code {
            Some(0) => "yes",
            Some(1) => "no",
            _ => "unknown",
        };
        assert_eq!(answer["answer"], word, "{answer:#}");
        assert_eq!(answer["releases"][0]["answer"], word, "{answer:#}");
    }
    let codes = outputs.each_ref().map(|(code, _)| *code);
    (codes, outputs.map(|(_, answer)| answer))
}

/// The exit codes for upgrade, rollback and uninstall, and what Helm would say to the upgrade.
fn answers(name: &str, codes: [i32; 3], says: Option<&str>) {
    let stage = made(name);
    let (seen, [upgrade, ..]) = asked(&stage);
    assert_eq!(seen, codes.map(Some), "{name}: {upgrade:#}");
    let Some(says) = says else {
        return;
    };
    let reasons = upgrade["releases"][0]["reasons"].as_array().unwrap();
    let foretold = |one: &Value| one["says"].as_str().is_some_and(|told| told.contains(says));
    assert!(reasons.iter().any(foretold), "{upgrade:#}");
    // Helm keeps the word that was given for it.
    let chart = match name {
        "moved-with-removed-apis" => "legacy",
        _ => "quiet",
    };
    let args = [
        UPGRADE,
        RELEASE,
        &crate::helm::chart(chart),
        "--set=removed=false",
    ];
    let said = stage.helm.run(&args).expect_code(1).to_string();
    assert!(said.contains(says), "{name}: {said}");
}

const BUSY: &str = "another operation (install/upgrade/rollback) is in progress";
const NOTHING: &str = "has no deployed releases";
const TAKEN: &str = "already exists";

#[test]
fn a_healthy_release() {
    let namespace = Namespace::new("ready");
    let helm = Helm::new(HelmVersion::V4, &namespace);
    helm.ok(&["install", "web", &chart("quiet")]);
    helm.ok(&["upgrade", "web", &chart("quiet"), "--set=message=two"]);
    let tool = Tool::new();
    for operation in [UPGRADE, ROLLBACK, UNINSTALL] {
        let args = [
            "check",
            "web",
            "-n",
            namespace.name(),
            "--ready-for",
            operation,
        ];
        let said = tool.run(&args).expect_code(0).stdout;
        let expected = format!("{}/web: ready for {operation}\n", namespace.name());
        assert_eq!(said, expected);
    }
    let args = [
        "check",
        "web",
        "-n",
        namespace.name(),
        "--ready-for=upgrade",
        "--lang=zh",
    ];
    let said = tool.run(&args).expect_code(0).stdout;
    assert!(said.contains("可以升级"), "{said}");
}

#[test]
fn a_stale_upgrade() {
    answers("pending-upgrade-in-wait", [1, 0, 0], Some(BUSY));
}

#[test]
fn an_upgrade_whose_hook_runs() {
    answers("pending-upgrade-in-pre-hook", [1, 1, 1], Some(BUSY));
}

#[test]
fn a_first_install_that_never_ended() {
    answers("pending-install", [1, 1, 0], Some(BUSY));
}

#[test]
fn an_uninstall_that_never_ended() {
    answers("uninstalling-held", [1, 1, 0], Some(NOTHING));
}

#[test]
fn an_uninstall_that_cannot_go_on() {
    answers("uninstalling-removed-api", [1, 1, 1], Some(NOTHING));
}

#[test]
fn an_unknown_status() {
    answers("last-unknown", [1, 1, 0], Some(NOTHING));
}

#[test]
fn an_uninstalled_one() {
    answers("uninstalled-with-history", [1, 1, 0], Some(NOTHING));
}

#[test]
fn a_failed_rollback() {
    answers("none-deployed", [0, 0, 0], None);
}

#[test]
fn names_that_are_taken() {
    answers("truncated-record", [1, 1, 1], Some(TAKEN));
    answers("occupied-by-a-leftover", [1, 1, 0], Some(TAKEN));
    answers("foreign-record-in-the-way", [1, 1, 0], Some(TAKEN));
}

#[test]
fn a_record_on_which_helm_crashes() {
    answers("record-of-another-shape", [1, 1, 1], None);
}

#[test]
fn an_unreadable_record_that_hides_behind_a_stuck_one() {
    answers("occupied-by-an-unreadable-record", [1, 1, 1], Some(BUSY));
}

#[test]
fn a_record_that_is_large_but_not_too_large() {
    answers("near-size-limit", [0, 1, 0], None);
}

#[test]
fn a_record_that_just_fitted() {
    answers("outgrown-while-installing", [1, 1, 0], Some(BUSY));
}

#[test]
fn removed_apis() {
    let says = "unable to build kubernetes objects from current release manifest";
    answers("moved-with-removed-apis", [1, 1, 1], Some(says));
}

#[test]
fn records_kept_apart() {
    answers("kept-apart", [1, 1, 1], None);
}

#[test]
fn a_release_that_does_not_exist() {
    let namespace = Namespace::new("ready-none");
    let tool = Tool::new();
    let ask = |place: &str, operation: &str| {
        let args = ["check", "web", "-n", place, "--ready-for", operation];
        tool.run(&args)
    };
    let said = ask(namespace.name(), UPGRADE).expect_code(0).stdout;
    assert!(
        said.contains("ready for upgrade") && said.contains("--install"),
        "{said}"
    );
    for operation in [ROLLBACK, UNINSTALL] {
        let said = ask(namespace.name(), operation).expect_code(1).stdout;
        assert!(said.contains("Helm says: release: not found"), "{said}");
        let helm = Helm::new(HelmVersion::V3_17, &namespace);
        let said = helm.run(&[operation, "web"]).expect_code(1).to_string();
        assert!(said.contains("release: not found"), "{said}");
    }
    let said = ask("no-such-namespace", UPGRADE).expect_code(0).stdout;
    assert!(said.contains("--create-namespace"), "{said}");
}

#[test]
fn a_namespace_that_is_being_deleted() {
    let namespace = Namespace::new("ready-going");
    let map =
        serde_json::json!({"metadata": {"name": "held", "finalizers": ["zadig-doctor.test/hold"]}});
    let api = Bed::get().api();
    api.create(&namespace.core("configmaps"), &map);
    let path = format!("/api/v1/namespaces/{}", namespace.name());
    api.send("DELETE", &path, "application/json", &Value::Null)
        .unwrap();
    let args = [
        "check",
        "web",
        "-n",
        namespace.name(),
        "--ready-for=upgrade",
    ];
    let said = Tool::new().run(&args).expect_code(1).stdout;
    assert!(said.contains("because it is being terminated"), "{said}");
    let helm = Helm::new(HelmVersion::V3_17, &namespace);
    let install = ["upgrade", "--install", "web", &chart("quiet")];
    let said = helm.run(&install).expect_code(1).to_string();
    assert!(said.contains("because it is being terminated"), "{said}");
}

#[test]
fn a_deep_look_and_a_driver_are_asked_for_here_too() {
    let namespace = Namespace::new("ready-deep");
    let helm = Helm::new(HelmVersion::V4, &namespace).driver(Driver::ConfigMap);
    helm.ok(&["install", "web", &chart("quiet")]);
    let patch = serde_json::json!({"data": {"message": "by hand"}});
    let map = namespace.core("configmaps/web");
    Bed::get().api().merge(&map, &patch);
    let ask = |more: &[&str]| {
        let args = [
            "check",
            "web",
            "-n",
            namespace.name(),
            "--ready-for=upgrade",
        ];
        Tool::new().run(&[&args, more].concat())
    };
    let other = format!("HELM_DRIVER={}", Driver::ConfigMap);
    let said = ask(&[]).expect_code(0).stdout;
    assert!(said.contains(&other), "{said}");
    let said = ask(&["--driver=configmap"]).expect_code(0).stdout;
    assert!(!said.contains(&other), "{said}");
    let conflict = "conflict occurred while applying object";
    let said = ask(&["--driver=configmap", "--deep"]).expect_code(3).stdout;
    assert!(said.contains(conflict), "{said}");
    let upgrade = ["upgrade", "web", &chart("quiet")];
    let said = helm.run(&upgrade).expect_code(1).to_string();
    assert!(said.contains(conflict), "{said}");
}

#[test]
fn several_releases_have_the_worst_answer() {
    let stage = made("pending-upgrade-in-wait");
    stage.helm.ok(&["install", "other", &chart("quiet")]);
    let later = Later::by(LONG);
    let args = [
        "check",
        "other",
        RELEASE,
        "-n",
        stage.namespace.name(),
        "--ready-for=upgrade",
    ];
    let said = later.run(&args).expect_code(1).stdout;
    assert!(said.contains("/other: ready for upgrade"), "{said}");
    assert!(
        said.contains(&format!("/{RELEASE}: not ready for upgrade")),
        "{said}"
    );
    assert!(said.contains("unstick"), "{said}");
}

#[test]
fn who_may_not_read_is_not_told_that_it_is_ready() {
    let namespace = Namespace::new("ready-blind");
    Helm::new(HelmVersion::V3_17, &namespace).ok(&["install", "web", &chart("quiet")]);
    let nobody = Tool::new().kubeconfig(&Bed::get().dir.join("kubeconfig-nobody"));
    let args = [
        "check",
        "web",
        "-n",
        namespace.name(),
        "--ready-for=upgrade",
    ];
    let said = nobody.run(&args).expect_code(3).stdout;
    assert!(said.contains("it cannot be known"), "{said}");
}

#[test]
fn it_is_about_named_releases_of_one_namespace() {
    let tool = Tool::new();
    for (args, word) in [
        (&["check", "--ready-for=upgrade"][..], "RELEASE"),
        (&["check", "web", "--ready-for=deploy"], "deploy"),
        (&["check", "web", "-A", "--ready-for=upgrade"], "-n"),
        (&["check", "web", "-l", "a=b", "--ready-for=upgrade"], "-n"),
        (&["check", "web", "--ready-for=upgrade", "-o=junit"], "json"),
        (
            &["check", "web", "--ready-for=upgrade", "-n=Bad NS"],
            "Bad NS",
        ),
        (
            &["check", "web", "--ready-for=upgrade", "--fail-on=info"],
            "--fail-on",
        ),
    ] {
        let said = tool.run(args).expect_code(2).to_string();
        assert!(said.contains(word), "{said}");
    }
}
