//! `backup diff`, after real upgrades.

use zadig_doctor::helm::Driver;

use super::{ENCODED, PASSWORD, backup, lose_records, two_revisions};
use crate::helm::{HelmVersion, chart};
use crate::product::shown::{scrubbed, shows};
use crate::proxy::{Fault, Proxy, Rule};
use crate::scenarios::RELEASE;

#[test]
fn an_upgrade_is_told_line_by_line_and_its_secrets_are_not() {
    let (stage, tool) = two_revisions(HelmVersion::V3_17, Driver::Secret);
    let before = backup(&tool, &stage);
    let upgrade = [
        "upgrade",
        RELEASE,
        &chart("web"),
        "--reuse-values",
        "--set=message=three,replicas=2,hooks.post=true",
        "--set=password=battery-staple",
        "--no-hooks",
    ];
    stage.helm.ok(&upgrade);
    let after = backup(&tool, &stage);
    let diff = |args: &[&str]| tool.run(&[&["backup", "diff"], args].concat());

    let changed = diff(&[&before, &after]).expect_code(1).stdout;
    for line in [
        "-  message: \"two\"",
        "+  message: \"three\"",
        "-  replicas: 1",
        "+  replicas: 2",
        "Deployment shop: changed",
        "hook Job shop-post: added",
    ] {
        assert!(changed.contains(line), "{line}: {changed}");
    }
    // Values are what is asked for; what Secrets hold is not.
    let manifest = changed.split("Secret shop: changed").nth(1).unwrap();
    for secret in [PASSWORD, ENCODED, "YmF0dGVyeS1zdGFwbGU="] {
        assert!(!manifest.contains(secret), "{manifest}");
    }
    assert_eq!(
        manifest.matches("password: sha256:").count(),
        2,
        "{manifest}"
    );
    shows("backup-diff", &scrubbed(&stage, &changed));

    let json = diff(&[&before, &after, RELEASE, "-o", "json"])
        .expect_code(1)
        .json();
    assert_eq!(json["schema"], "zadig-doctor/diff/v1");
    assert_eq!(
        (&json["same"], &json["complete"]),
        (&false.into(), &true.into())
    );
    let release = &json["releases"][0];
    assert_eq!(release["after"]["newest"]["revision"], 3);
    let revisions = release["revisions"].as_array().unwrap();
    let told: Vec<_> = revisions
        .iter()
        .map(|one| one["change"].as_str().unwrap())
        .collect();
    assert_eq!(told, ["changed", "added"]);
    assert_eq!(revisions[0]["after"]["status"], "superseded");

    // The cluster is as it was when it was saved last.
    let same = diff(&[&after, "cluster"]).expect_code(0);
    assert!(same.stdout.contains("no difference"), "{same}");
    diff(&[&after, &after]).expect_code(0);
    diff(&["cluster", &before, "-n", stage.namespace.name()]).expect_code(1);
    diff(&["cluster", "cluster"]).expect_code(2);
    diff(&[&before, &after, "nothing"]).expect_code(2);
}

#[test]
fn lost_records_and_new_releases_are_told() {
    let (stage, tool) = two_revisions(HelmVersion::V4, Driver::ConfigMap);
    let before = backup(&tool, &stage);
    lose_records(&stage);
    stage.helm.ok(&["install", "another", &chart("quiet")]);
    let json = tool.run(&["backup", "diff", &before, "cluster", "-o", "json"]);
    let json = json.expect_code(1).json();
    let releases = json["releases"].as_array().unwrap().iter();
    let told: Vec<_> = releases
        .map(|one| {
            (
                one["release"].as_str().unwrap(),
                one["change"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [("another", "added"), (RELEASE, "removed")]);
}

#[test]
fn what_could_not_be_read_is_no_difference() {
    let (stage, tool) = two_revisions(HelmVersion::V3_17, Driver::Secret);
    let before = backup(&tool, &stage);
    let proxy = Proxy::start();
    proxy.rule(Rule::new(Fault::Status(403)).path_ends("/secrets"));
    let kubeconfig = proxy.kubeconfig().display().to_string();
    let args = [
        "backup",
        "diff",
        &before,
        "cluster",
        "--kubeconfig",
        &kubeconfig,
        "-o",
        "json",
    ];
    let json = tool.run(&args).expect_code(3).json();
    assert_eq!(
        (&json["same"], &json["complete"]),
        (&true.into(), &false.into())
    );
    assert_ne!(json["after"]["unread"].as_array().unwrap().len(), 0);
}

#[test]
fn what_only_one_side_was_asked_for_is_no_match() {
    let (stage, tool) = two_revisions(HelmVersion::V3_17, Driver::Secret);
    stage.helm.ok(&["install", "other", &chart("quiet")]);
    let namespace = stage.namespace.name();
    tool.run(&["backup", RELEASE, "-n", namespace])
        .expect_code(0);
    let diff = ["backup", "diff", "latest", "cluster", "-n", namespace];
    tool.run(&[&diff[..], &[RELEASE]].concat()).expect_code(0);
    let refused = tool.run(&[&diff[..], &["other"]].concat()).expect_code(2);
    assert!(refused.stderr.contains("only one side tells"), "{refused}");
}
