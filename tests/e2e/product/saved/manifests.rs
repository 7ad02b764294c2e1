//! `backup export --format manifests`: kubectl brings records back without us.

use std::os::unix::fs::PermissionsExt as _;

use zadig_doctor::helm::Driver;

use super::{at, backup, essence, kubectl, lose_records, two_revisions};
use crate::helm::{HelmVersion, chart};
use crate::scenarios::{RELEASE, Stage, find};
use crate::tool::Tool;

/// Exports the snapshot into a file; its path.
fn export(tool: &Tool, id: &str, name: &str) -> String {
    let (_, to) = at(tool, name);
    let args = ["backup", "export", id, "--format", "manifests", "--to", &to];
    tool.run(&args).expect_code(0);
    to
}

/// That Helm takes what came back for its own.
fn goes_on(stage: &Stage) {
    stage.helm.ok(&["list"]);
    stage.helm.ok(&["rollback", RELEASE, "1"]);
    stage.helm.ok(&[
        "upgrade",
        RELEASE,
        &chart("web"),
        "--reuse-values",
        "--set=message=four",
    ]);
    assert_eq!(stage.records().last().unwrap().status(), "deployed");
}

#[test]
fn kubectl_brings_lost_records_back_and_helm_goes_on() {
    for version in [HelmVersion::V3_17, HelmVersion::V4] {
        for driver in Driver::ALL {
            let (stage, tool) = two_revisions(version, driver);
            let record = stage.record(1);
            let name = record.object["metadata"]["name"].as_str().unwrap();
            let path = stage
                .namespace
                .core(&format!("{}/{name}", driver.resource()));
            let notes = serde_json::json!({"who": "yes", "why": "\n\tso\n"});
            let more = serde_json::json!({"metadata": {"annotations": notes}, "immutable": true});
            stage.namespace.bed().api().merge(&path, &more);
            let before = stage.records();
            let file = export(&tool, &backup(&tool, &stage), "all.yaml");
            let mode = std::fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            for by in [
                &["create", "-f", &file][..],
                &["apply", "-f", &file],
                &["apply", "--server-side", "--force-conflicts", "-f", &file],
            ] {
                lose_records(&stage);
                kubectl(&stage, "BED_KUBECTL_1_37", by).expect_code(0);
                let mut after = stage.records();
                for record in &mut after {
                    // What a plain apply adds.
                    let annotations = record.object.pointer_mut("/metadata/annotations");
                    if let Some(annotations) = annotations.and_then(|all| all.as_object_mut()) {
                        annotations
                            .shift_remove("kubectl.kubernetes.io/last-applied-configuration");
                    }
                    if record.object["metadata"]["annotations"] == serde_json::json!({}) {
                        record.object["metadata"]["annotations"].take();
                    }
                }
                assert_eq!(essence(&after), essence(&before), "{by:?}");
            }
            // Over what is there, too, except what is immutable.
            kubectl(&stage, "BED_KUBECTL", &["create", "-f", &file]).expect_code(1);
            goes_on(&stage);
        }
    }
}

#[test]
fn a_large_record_comes_back_as_the_file_says() {
    let stage = find("near-size-limit").make(HelmVersion::V4);
    let tool = Tool::new();
    let before = stage.records();
    let file = export(&tool, &backup(&tool, &stage), "all.yaml");
    let head = std::fs::read_to_string(&file).unwrap();
    let (head, _) = head.split_once("---\n").unwrap();
    for by in [
        "kubectl create -f FILE",
        "kubectl apply --server-side --force-conflicts -f FILE",
    ] {
        assert!(head.contains(by), "{head}");
        lose_records(&stage);
        let by = by.replace("FILE", &file);
        let by: Vec<_> = by.split(' ').skip(1).collect();
        kubectl(&stage, "BED_KUBECTL", &by).expect_code(0);
        assert_eq!(essence(&stage.records()), essence(&before));
    }
    lose_records(&stage);
    let apply = kubectl(&stage, "BED_KUBECTL", &["apply", "-f", &file]).expect_code(1);
    assert!(apply.stderr.contains("Too long"), "{apply}");
}

#[test]
fn a_file_for_each_release_stdout_and_nothing_written_over() {
    let (stage, tool) = two_revisions(HelmVersion::V3_17, Driver::Secret);
    stage.helm.ok(&["install", "other.one", &chart("quiet")]);
    let id = backup(&tool, &stage);
    let export = |more: &[&str]| {
        let args = [&["backup", "export", &id, "--format", "manifests"], more].concat();
        tool.run(&args)
    };
    let (folder, to) = at(&tool, "out/");
    let said = export(&["--to", &to, "-o", "json"]).expect_code(0).json();
    assert_eq!((&said["files"], &said["records"]), (&2.into(), &3.into()));
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let namespace = stage.namespace.name();
    let expected = ["other.one", RELEASE].map(|release| format!("{namespace}_{release}.yaml"));
    assert_eq!(names, expected);
    export(&["--to", &to]).expect_code(4);

    let stdout = export(&[RELEASE, "--to", "-"]).expect_code(0).stdout;
    let file = std::fs::read_to_string(folder.join(&expected[1])).unwrap();
    assert_eq!(stdout, file);
    lose_records(&stage);
    kubectl(&stage, "BED_KUBECTL", &["create", "-f", &to]).expect_code(1);
    assert_eq!(stage.records().len(), 2, "what was there already stays");
    let (_, blocked) = at(&tool, "no/such/folder.yaml");
    export(&["--to", &blocked]).expect_code(3);
    let parts = std::fs::read_dir(&folder).unwrap();
    assert_eq!(parts.count(), 2, "nothing unfinished is left");
}

/// So many records of a namespace are read as its list, in protobuf; what is
/// saved of each is what the API server says of it in JSON.
#[test]
fn a_namespace_that_is_read_as_a_list_comes_back_whole() {
    for driver in Driver::ALL {
        let (stage, tool) = two_revisions(HelmVersion::V4, driver);
        let first = stage.record(1);
        for revision in 3..25_u32 {
            let mut copy = first.bare();
            let metadata = &mut copy["metadata"];
            metadata["name"] = crate::records::name(RELEASE, revision).into();
            metadata["labels"]["version"] = revision.to_string().into();
            metadata["labels"]["empty"] = "".into();
            metadata["annotations"] = serde_json::json!({"note": "格 \"<&>\"", "empty": ""});
            copy["immutable"] = (revision % 2 == 0).into();
            let path = stage.namespace.core(driver.resource());
            stage.namespace.bed().api().create(&path, &copy);
        }
        let before = stage.records();
        assert_eq!(before.len(), 24);
        let file = export(&tool, &backup(&tool, &stage), "all.yaml");
        lose_records(&stage);
        kubectl(&stage, "BED_KUBECTL_1_37", &["create", "-f", &file]).expect_code(0);
        assert_eq!(essence(&stage.records()), essence(&before));
        tool.run(&["backup", "verify"]).expect_code(0);
    }
}
