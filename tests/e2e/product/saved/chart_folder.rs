//! `backup export --chart`: a recorded chart is one that Helm installs.

use std::os::unix::fs::PermissionsExt as _;

use zadig_doctor::helm::Driver;

use super::{at, backup, two_revisions};
use crate::helm::HelmVersion;
use crate::scenarios::charts::like_quiet;
use crate::scenarios::{RELEASE, Stage};
use crate::tool::Tool;

#[test]
fn an_exported_chart_makes_the_manifest_that_was_recorded() {
    for version in [HelmVersion::V3_17, HelmVersion::V4] {
        let (stage, tool) = two_revisions(version, Driver::Secret);
        let id = backup(&tool, &stage);
        let (folder, to) = at(&tool, "chart");
        let args = [
            "backup",
            "export",
            &id,
            RELEASE,
            "--chart",
            &to,
            "--revision",
            "1",
        ];
        tool.run(&args).expect_code(0);
        let values = folder.join("values.release.yaml");
        let mode = std::fs::metadata(&values).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let values = values.display().to_string();
        let recorded = stage
            .helm
            .ok(&["get", "manifest", RELEASE, "--revision", "1"])
            .stdout;
        stage
            .helm
            .ok(&["upgrade", "--install", RELEASE, &to, "-f", &values]);
        let again = stage.helm.ok(&["get", "manifest", RELEASE]).stdout;
        assert_eq!(again, recorded);
        let payload = |revision: u32| stage.record(revision).payload.unwrap();
        let (first, third) = (payload(1), payload(3));
        assert_eq!(third["config"], first["config"]);
        assert_eq!(third["chart"]["values"], first["chart"]["values"]);
        assert_eq!(third["chart"]["metadata"], first["chart"]["metadata"]);
        let files = &third["chart"]["files"];
        let names: Vec<_> = files
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].clone())
            .collect();
        assert_eq!(
            names,
            [".helmignore"],
            "what the user gave is no part of the chart"
        );
        // It is never written over.
        tool.run(&args).expect_code(4);
    }
}

#[test]
fn what_a_record_does_not_hold_is_named() {
    for version in [HelmVersion::V3_17, HelmVersion::V4] {
        let stage = Stage::new("sub-charts", version, Driver::Secret);
        let about = b"apiVersion: v2\nname: quiet\nversion: 0.2.0\ndependencies:\n- {name: under, version: 1.0.0, repository: \"file://charts/under\"}\n";
        let crd = b"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: none}\n";
        let chart = like_quiet(
            &stage,
            &[
                ("Chart.yaml", about),
                ("values.schema.json", b"{\"type\": \"object\"}"),
                ("crds/thing.yaml", crd),
                (
                    "charts/under/Chart.yaml",
                    b"apiVersion: v2\nname: under\nversion: 1.0.0\n",
                ),
            ],
        );
        stage.helm.ok(&["install", RELEASE, &chart, "--skip-crds"]);
        let tool = Tool::new();
        let id = backup(&tool, &stage);
        let (folder, to) = at(&tool, "chart");
        let args = ["backup", "export", &id, RELEASE, "--chart", &to];
        let said = tool.run(&args).expect_code(0).stdout;
        assert!(said.contains("sub-chart under 1.0.0"), "{said}");
        assert!(
            said.contains(&format!("helm dependency update {to}")),
            "{said}"
        );
        assert_eq!(std::fs::read(folder.join("crds/thing.yaml")).unwrap(), crd);
        assert!(folder.join("values.schema.json").exists());
        let template = stage.helm.run(&["template", RELEASE, &to]).expect_code(1);
        assert!(
            template
                .stderr
                .contains("missing in charts/ directory: under"),
            "{template}"
        );
    }
}

#[test]
fn a_hostile_record_writes_nothing_outside() {
    let (stage, tool) = two_revisions(HelmVersion::V3_17, Driver::Secret);
    let mut payload = stage.record(2).payload.unwrap();
    let name = "../../outside";
    payload["chart"]["files"] = serde_json::json!([
        {"name": name, "data": "eA=="}, {"name": "/tmp/outside", "data": "eA=="},
        {"name": "Chart.yaml", "data": "eA=="}, {"name": "fine/x", "data": "eA=="},
    ]);
    let json = serde_json::to_vec(&payload).unwrap();
    let text = zadig_doctor::helm::codec::encode(&json, 1 << 20).unwrap();
    let text = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, text);
    let path = stage
        .namespace
        .core(&format!("secrets/{}", crate::records::name(RELEASE, 2)));
    stage
        .namespace
        .bed()
        .api()
        .merge(&path, &serde_json::json!({"data": {"release": text}}));
    let id = backup(&tool, &stage);
    let (folder, to) = at(&tool, "deep/er/chart");
    let args = [
        "backup", "export", &id, RELEASE, "--chart", &to, "-o", "json",
    ];
    let said = tool.run(&args).expect_code(0).json();
    assert_eq!(said["left_out"].as_array().unwrap().len(), 3, "{said:#}");
    assert!(folder.join("fine/x").exists());
    assert!(!tool.home().join("deep/outside").exists());
    let deep: Vec<_> = std::fs::read_dir(tool.home().join("deep/er"))
        .unwrap()
        .collect();
    assert_eq!(deep.len(), 1);
}
