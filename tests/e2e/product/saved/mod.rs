//! What was saved, as others read it: a person, a diff, kubectl, Helm.

use std::path::{Path, PathBuf};

use serde_json::Value;
use zadig_doctor::helm::Driver;

use crate::bed::setting;
use crate::helm::{HelmVersion, chart};
use crate::process::{Output, Program};
use crate::records::Record;
use crate::scenarios::{RELEASE, Stage};
use crate::tool::Tool;

mod archive;
mod chart_folder;
mod diff;
mod live;
mod manifests;
mod show;

/// The password that no output may show unless it is asked for by name.
const PASSWORD: &str = "correct-horse";

/// The same as a Secret holds it.
const ENCODED: &str = "Y29ycmVjdC1ob3JzZQ==";

/// Values in which every parser of YAML has found something else.
const ODD: &str = r#"
odd:
  words: ["yes", "no", "on", "~", "null", "0644", "1e3", "0x1f", "1_000", "12:30:45", "2001-01-01", "=", "<<", "", "- a", "a: b", "a #b"]
  lines: "set -e\n  exit 1\n\n"
  spaces: "  x \n y"
  tabs: "\tx"
  unicode: "網格 \u200b\u0085\u2028 é"
  escape: "\e[31m"
  number: 1.5
  large: 9007199254740993
  small: -1
  flags: [true, false, null]
  empty: {}
  none: []
  "on": 1
  "a: b": 2
"#;

/// A release of the chart `web` with two revisions, and a tool that has none of
/// it saved yet.
fn two_revisions(version: HelmVersion, driver: Driver) -> (Stage, Tool) {
    let stage = Stage::new("saved", version, driver);
    let values = stage.helm.home().join("odd.yaml");
    std::fs::write(&values, ODD).unwrap();
    let values = values.display().to_string();
    let password = format!("--set=password={PASSWORD}");
    let first = [
        "install",
        RELEASE,
        &chart("web"),
        "-f",
        &values,
        &password,
        "--set=message=one",
    ];
    stage.helm.ok(&first);
    let second = [
        "upgrade",
        RELEASE,
        &chart("web"),
        "-f",
        &values,
        &password,
        "--set=message=two",
    ];
    stage.helm.ok(&second);
    (stage, Tool::new())
}

/// Saves the stage's namespace; the snapshot's id.
fn backup(tool: &Tool, stage: &Stage) -> String {
    let args = ["backup", "-n", stage.namespace.name(), "-o", "json"];
    let saved = tool.run(&args).expect_code(0).json();
    saved["id"].as_str().unwrap().to_owned()
}

/// Deletes all records of the release, as somebody does by mistake.
fn lose_records(stage: &Stage) {
    let api = stage.namespace.bed().api();
    for record in stage.records() {
        let name = record.object["metadata"]["name"].as_str().unwrap();
        let path = stage
            .namespace
            .core(&format!("{}/{name}", stage.driver.resource()));
        let gone = api.send("DELETE", &path, "application/json", &Value::Null);
        assert!(gone.unwrap().status < 300, "{path}");
    }
    assert!(stage.records().is_empty());
}

/// What of records must come back: name, labels, annotations, type, whether it is
/// immutable, and the payload.
fn essence(records: &[Record]) -> Vec<Vec<Value>> {
    let one = |record: &Record| {
        let object = &record.object;
        vec![
            object["metadata"]["name"].clone(),
            object["metadata"]["labels"].clone(),
            object["metadata"]["annotations"].clone(),
            object["type"].clone(),
            object["immutable"].clone(),
            record.payload.clone().unwrap(),
        ]
    };
    records.iter().map(one).collect()
}

/// That kubectl, in the stage's namespace.
fn kubectl(stage: &Stage, program: &str, args: &[&str]) -> Output {
    Program::new(Path::new(&setting(program)))
        .args(args)
        .env("KUBECONFIG", &stage.namespace.bed().kubeconfig)
        .env("HOME", stage.helm.home())
        .run()
}

/// A path below the tool's home, as an argument.
fn at(tool: &Tool, name: &str) -> (PathBuf, String) {
    let path = tool.home().join(name);
    let text = path.display().to_string();
    (path, text)
}
