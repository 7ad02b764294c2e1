//! `backup show`, beside what real Helm says of the same release.

use serde_json::Value;
use zadig_doctor::helm::{Driver, codec};

use super::{ENCODED, PASSWORD, backup, lose_records, two_revisions};
use crate::helm::HelmVersion;
use crate::product::shown::{scrubbed, shows};
use crate::scenarios::{RELEASE, find};
use crate::tool::Tool;

/// A text of YAML as values.
fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

#[test]
fn a_history_is_what_helm_says_it_is() {
    for version in [HelmVersion::V3_17, HelmVersion::V4] {
        let (stage, tool) = two_revisions(version, Driver::Secret);
        let history = ["history", RELEASE, "-o", "json"];
        let said = stage.helm.ok(&history).json();
        let id = backup(&tool, &stage);
        lose_records(&stage);
        let show = tool.run(&["backup", "show", &id, RELEASE, "-o", "json"]);
        let show = show.expect_code(0).json();
        let ours = show["records"].as_array().unwrap();
        let theirs = said.as_array().unwrap();
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(theirs) {
            for field in ["revision", "status", "chart", "app_version", "description"] {
                assert_eq!(ours[field], theirs[field], "{field}");
            }
            let time = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
            assert_eq!(time(&ours["updated"]), time(&theirs["updated"]));
        }
        let release = &show["releases"][0];
        assert_eq!(release["newest"]["status"], "deployed");
        assert_eq!(release["revisions"], serde_json::json!([1, 2]));
        let table = tool.run(&["backup", "show", &id]).expect_code(0).stdout;
        shows("backup-show", &scrubbed(&stage, &table));
        let table = tool.run(&["backup", "show", &id, RELEASE]).expect_code(0);
        shows("backup-show-release", &scrubbed(&stage, &table.stdout));
    }
}

#[test]
fn values_and_manifest_are_what_helm_says_and_secrets_are_digests() {
    for version in [HelmVersion::V3_17, HelmVersion::V4] {
        let (stage, tool) = two_revisions(version, Driver::Secret);
        let id = backup(&tool, &stage);
        let show = |args: &[&str]| {
            let args = [&["backup", "show", &id, RELEASE], args].concat();
            tool.run(&args).expect_code(0)
        };
        for revision in ["1", "2"] {
            let values = show(&["--values", "--revision", revision]).stdout;
            let said = [
                "get",
                "values",
                RELEASE,
                "--revision",
                revision,
                "-o",
                "json",
            ];
            assert_eq!(yaml(&values), stage.helm.ok(&said).json());
            let values = show(&["--values", "--revision", revision, "-o", "json"]);
            assert_eq!(values.json()["values"], stage.helm.ok(&said).json());
            let values = show(&["--values", "--revision", revision, "-o", "yaml"]);
            assert_eq!(yaml(&values.stdout)["values"], stage.helm.ok(&said).json());
        }
        let manifest = show(&["--manifest"]).stdout;
        let said = stage.helm.ok(&["get", "manifest", RELEASE]).stdout;
        assert!(said.contains(ENCODED), "{said}");
        assert!(!manifest.contains(ENCODED), "{manifest}");
        assert!(manifest.contains("password: sha256:"), "{manifest}");
        for document in said
            .split("---\n")
            .filter(|one| !one.contains("kind: Secret"))
        {
            assert!(manifest.contains(document.trim()), "{document}");
        }
        let json = show(&["--manifest", "-o", "json"]);
        assert_eq!(json.json()["revision"], 2);
        assert!(!json.stdout.contains(ENCODED));
        // No other form of `show` says anything of it either.
        for args in [&["-o", "json"][..], &["-o", "yaml"], &[]] {
            let all = show(args).to_string();
            assert!(!all.contains(PASSWORD) && !all.contains(ENCODED), "{all}");
        }
        let raw = show(&["--raw", "--revision", "1"]).stdout;
        let text = stage.record(1).text();
        let plain = codec::decode(&text, codec::PLAIN_LIMIT).unwrap();
        assert!(raw.as_bytes() == plain.json, "the payload's own bytes");
    }
}

#[test]
fn what_does_not_decode_is_shown_as_it_is() {
    let stage = find("truncated-record").make(HelmVersion::V3_17);
    let tool = Tool::new();
    let id = backup(&tool, &stage);
    let show = |args: &[&str]| tool.run(&[&["backup", "show", &id], args].concat());
    let history = show(&[RELEASE, "-o", "json"]).expect_code(0).json();
    let broken = history["records"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    assert!(broken["status"].is_null(), "{broken:#}");
    let reason = broken["undecodable"].as_str().unwrap();
    assert!(!reason.is_empty());
    let table = show(&[RELEASE]).expect_code(0).stdout;
    assert!(
        table.contains("undecodable") && table.contains(reason),
        "{table}"
    );
    let refused = show(&[RELEASE, "--values"]).expect_code(3).to_string();
    assert!(refused.contains("cannot be decoded"), "{refused}");
    let raw = show(&[RELEASE, "--raw"]).expect_code(0);
    assert!(raw.stderr.contains("cannot be decoded"), "{raw}");
    assert_eq!(raw.stdout.as_bytes(), stage.record(2).text());
}

#[test]
fn what_is_not_there_or_not_clear_is_said() {
    let (stage, tool) = two_revisions(HelmVersion::V3_17, Driver::Secret);
    let id = backup(&tool, &stage);
    let refused = |args: &[&str], says: &str| {
        let args = [&["backup", "show", &id], args].concat();
        let said = tool.run(&args).expect_code(2).to_string();
        assert!(said.contains(says), "{said}");
    };
    refused(&["nothing"], "holds no release nothing");
    refused(&[RELEASE, "-n", "elsewhere"], "in namespace elsewhere");
    refused(&[RELEASE, "--values", "--revision", "9"], "no revision 9");
    refused(&["--values"], "RELEASE");
    refused(&[RELEASE, "--values", "--raw"], "cannot be used with");
    refused(&[RELEASE, "--revision", "1"], "required");
    refused(&[RELEASE, "-l", "a=b"], "labels");
}
