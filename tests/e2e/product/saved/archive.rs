//! A snapshot that is carried to another store, in a file.

use std::path::{Path, PathBuf};

use serde_json::Value;
use zadig_doctor::helm::Driver;

use super::{backup, essence, lose_records, two_revisions};
use crate::helm::{HelmVersion, chart};
use crate::scenarios::{RELEASE, find};
use crate::tool::Tool;

/// Exports into the tool's own folder; the file and what was said of it.
fn export(tool: &Tool, snapshot: &str, more: &[&str]) -> (PathBuf, Value) {
    let folder = tool.home().join("archives").display().to_string() + "/";
    let args = [
        "backup",
        "export",
        snapshot,
        "--format=archive",
        "--to",
        &folder,
    ];
    let report = tool.run(&[&args, more, &["-o", "json"]].concat());
    let report = report.expect_code(0).json()["archives"][0].take();
    (PathBuf::from(report["to"].as_str().unwrap()), report)
}

fn import(tool: &Tool, file: &Path) -> Value {
    let file = file.display().to_string();
    let args = ["backup", "import", &file, "-o", "json"];
    tool.run(&args).expect_code(0).json()
}

#[test]
fn a_release_comes_back_out_of_a_file_alone() {
    let (stage, tool) = two_revisions(HelmVersion::V3_17, Driver::Secret);
    let before = essence(&stage.records());
    let id = backup(&tool, &stage);
    let (file, told) = export(&tool, &id, &[]);
    let name = file.file_name().unwrap().to_str().unwrap();
    let digest = told["digest"]
        .as_str()
        .unwrap()
        .strip_prefix("sha256:")
        .unwrap();
    assert_eq!(name, format!("zadig-doctor-{id}-{}.zda", &digest[..16]));
    assert_eq!(told["bytes"], std::fs::metadata(&file).unwrap().len());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // Once more, it is the same file.
    assert_eq!(export(&tool, &id, &[]).0, file);
    assert_eq!(
        std::fs::read_dir(file.parent().unwrap()).unwrap().count(),
        1
    );

    // The first tool and its store are not asked any more.
    let other = Tool::new();
    let imported = import(&other, &file);
    assert_eq!(
        (&imported["id"], &imported["new"]),
        (&Value::from(id.as_str()), &true.into())
    );
    assert_eq!(imported["records"], 2, "{imported:#}");
    assert_eq!(import(&other, &file)["new"], false);
    let verified = other
        .run(&["backup", "verify", "-o", "json"])
        .expect_code(0)
        .json();
    assert_eq!(verified["snapshots"], 1, "{verified:#}");
    lose_records(&stage);
    let restore = [
        "backup",
        "restore",
        &id,
        RELEASE,
        "-n",
        stage.namespace.name(),
        "--yes",
    ];
    other.run(&restore).expect_code(0);
    assert_eq!(essence(&stage.records()), before);
    let listed = stage.helm.ok(&["list", "-q"]);
    assert_eq!(listed.stdout.trim(), RELEASE);
    stage.helm.ok(&[
        "upgrade",
        RELEASE,
        &chart("web"),
        "--reuse-values",
        "--set=message=three",
    ]);
    assert_eq!(stage.records().len(), 3);
}

#[test]
fn a_file_may_build_on_another_one() {
    let (stage, tool) = two_revisions(HelmVersion::V4, Driver::Secret);
    let first = backup(&tool, &stage);
    stage.helm.ok(&[
        "upgrade",
        RELEASE,
        &chart("web"),
        "--reuse-values",
        "--set=message=three",
    ]);
    let second = backup(&tool, &stage);
    let (whole, _) = export(&tool, &first, &[]);
    let (part, told) = export(&tool, &second, &["--parent", &first]);
    assert_eq!(told["parent"], first.as_str());
    let other = Tool::new();
    let path = part.display().to_string();
    let refused = other.run(&["backup", "import", &path]).expect_code(4);
    assert!(refused.stderr.contains(&first), "{refused}");
    let alone = other.run(&["check", "--from", &path]).expect_code(3);
    assert!(alone.stderr.contains(&first), "{alone}");
    import(&other, &whole);
    // Through a pipe, too.
    let piped = other.command(&["backup", "import", "-", "-o", "json"]);
    let imported = piped.stdin(&part).run().expect_code(0).json();
    assert_eq!(
        (&imported["id"], &imported["records"]),
        (&Value::from(second.as_str()), &3.into())
    );
    other.run(&["backup", "verify"]).expect_code(0);
    let before = essence(&stage.records());
    lose_records(&stage);
    let restore = [
        "backup",
        "restore",
        &second,
        RELEASE,
        "-n",
        stage.namespace.name(),
        "--yes",
    ];
    other.run(&restore).expect_code(0);
    assert_eq!(essence(&stage.records()), before);
    stage.helm.ok(&["rollback", RELEASE, "1"]);
}

#[test]
fn what_is_no_whole_archive_is_named() {
    let (stage, tool) = two_revisions(HelmVersion::V4, Driver::ConfigMap);
    let id = backup(&tool, &stage);
    let (file, _) = export(&tool, &id, &[]);
    let whole = std::fs::read(&file).unwrap();
    let other = Tool::new();
    let bad = other.home().join("bad.zda");
    let path = bad.display().to_string();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 4;
    let newer = [b"zadig-doctor archive 9\n", &whole[23..]].concat();
    for (content, says) in [
        (&whole[..whole.len() - 5], "cut off"),
        (&flipped, "entry "),
        (&newer, "version 9"),
        (b"PK zip", "does not begin as one"),
    ] {
        std::fs::write(&bad, content).unwrap();
        let output = other.run(&["backup", "import", &path]).expect_code(3);
        assert!(output.stderr.contains(says), "{output}");
    }
    let none = other
        .run(&["backup", "list", "-o", "json"])
        .expect_code(0)
        .json();
    assert_eq!(none["snapshots"], Value::Array(Vec::new()));
    // What is there is not written over, and parts are no archive.
    let to = file.display().to_string();
    let args = ["backup", "export", &id, "--format=archive", "--to", &to];
    tool.run(&args).expect_code(4);
    tool.run(&[&args[..], &["-n", "x"]].concat()).expect_code(2);
    tool.run(&[
        "backup",
        "export",
        &id,
        "--format=manifests",
        "--to=-",
        "--parent",
        &id,
    ])
    .expect_code(2);
}

#[test]
fn an_archive_is_judged_as_a_dump_of_the_same_records() {
    for scenario in ["truncated-record", "pending-upgrade-in-wait"] {
        let stage = find(scenario).make(HelmVersion::V3_17);
        let tool = Tool::new();
        let id = backup(&tool, &stage);
        let (file, _) = export(&tool, &id, &[]);
        let get = [
            "get",
            "secrets,configmaps",
            "-o",
            "json",
            "--show-managed-fields",
        ];
        let dump = tool.home().join("dump.json");
        std::fs::write(&dump, stage.kubectl(&get).stdout).unwrap();
        let offline = Tool::new().kubeconfig(Path::new("/no/kubeconfig"));
        let of = |file: &Path| {
            let file = file.display().to_string();
            let output = offline.run(&["check", "--from", &file, "-o", "json"]);
            (output.code(), output.json())
        };
        let ((code, archive), (expected, dump)) = (of(&file), of(&dump));
        assert_eq!(code, expected, "{archive:#}");
        assert_eq!(archive["findings"], dump["findings"]);
        assert_eq!(archive["examined"], dump["examined"]);
        assert_ne!(archive["findings"], Value::Array(Vec::new()));
    }
}
