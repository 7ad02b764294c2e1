//! The formats of `check`, held against their descriptions.

use std::path::Path;

use serde_json::{Value, json};

use super::{LONG, Later};
use crate::helm::HelmVersion;
use crate::scenarios::{Stage, find};
use crate::tool::Tool;

/// A namespace with findings of several kinds, about records and objects.
fn found() -> (Stage, Later) {
    let stage = find("pending-upgrade-while-applying").make(HelmVersion::V4);
    let orphan = json!({"metadata": {
        "name": "lost",
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {
            "meta.helm.sh/release-name": "lost",
            "meta.helm.sh/release-namespace": stage.namespace.name(),
        },
    }});
    let maps = stage.namespace.core("configmaps");
    stage.namespace.bed().api().create(&maps, &orphan);
    (stage, Later::by(LONG))
}

fn check(later: &Later, stage: &Stage, format: &str) -> String {
    let namespace = stage.namespace.name();
    let args = ["check", "--deep", "-n", namespace, "-o", format];
    later.run(&args).expect_code(1).stdout
}

fn schema(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs/schema")
        .join(file);
    std::fs::read_to_string(path).unwrap()
}

fn description() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(&schema("check-v1.json")).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

/// What is wrong with the report, by docs/schema/check-junit.xsd.
fn wrong_junit(report: &str) -> Vec<String> {
    let schema = schema("check-junit.xsd");
    let schema = uppsala::XsdValidator::from_schema(&uppsala::parse(&schema).unwrap()).unwrap();
    let errors = schema.validate(&uppsala::parse(report).unwrap());
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn json_and_yaml_are_as_described() {
    let (stage, later) = found();
    let file = later.tool.home().join("survey.json").display().to_string();
    let namespace = stage.namespace.name();
    later.run(&["check", "--deep", "-n", namespace, "--save", &file]);
    let from = |format| {
        let args = ["check", "--deep", "--from", &file, "-o", format];
        later.run(&args).expect_code(1).stdout
    };
    let json: Value = serde_json::from_str(&from("json")).unwrap();
    let description = description();
    let wrong: Vec<_> = description
        .iter_errors(&json)
        .map(|e| e.to_string())
        .collect();
    assert_eq!(wrong, [""; 0], "{json:#}");
    assert!(json["findings"].as_array().unwrap().len() > 1, "{json:#}");
    let yaml: Value = serde_saphyr::from_str(&from("yaml")).unwrap();
    assert_eq!(yaml, json);
    // The description does tell something.
    for (field, wrong) in [
        ("complete", json!("yes")),
        ("findings", json!([{"id": "X"}])),
    ] {
        let mut broken = json.clone();
        broken[field] = wrong;
        assert!(!description.is_valid(&broken), "{field}");
    }
}

#[test]
fn what_could_not_be_read_is_as_described_too() {
    let nobody = Tool::new().run(&["check", "-A", "--as", "nobody-user", "-o", "json"]);
    let report = nobody.expect_code(3).json();
    assert_eq!(report["complete"], false);
    assert!(description().is_valid(&report), "{report:#}");
    let nobody = Tool::new().run(&["check", "-A", "--as", "nobody-user", "-o", "junit"]);
    let report = nobody.expect_code(3).stdout;
    assert!(report.contains("<error "), "{report}");
    assert_eq!(wrong_junit(&report), [""; 0], "{report}");
}

#[test]
fn a_persons_view_has_one_command_for_each_finding() {
    let (stage, later) = found();
    let text = check(&later, &stage, "table");
    let commands = text.lines().filter(|line| line.trim().starts_with("$ "));
    assert_eq!(commands.count(), 2, "{text}");
    let wide = check(&later, &stage, "wide");
    assert!(wide.lines().count() > text.lines().count());
    assert!(wide.contains("SEVERITY"), "{wide}");
}

#[test]
fn junit_is_for_check_and_counts_its_cases() {
    let (stage, later) = found();
    let text = check(&later, &stage, "junit");
    let head = r#"<testsuites name="zadig-doctor check" tests="2" failures="1" errors="0">"#;
    assert!(text.contains(head), "{text}");
    assert!(text.contains(r#"<failure type="stuck-pending""#), "{text}");
    assert_eq!(wrong_junit(&text), [""; 0], "{text}");
    for (right, wrong) in [
        (r#" tests="2""#, ""),
        (r#"failures="1""#, r#"failures="one""#),
        ("<failure type=", "<failure kind="),
        ("</testsuites>", "<testcase/></testsuites>"),
    ] {
        assert!(text.contains(right), "{right}: {text}");
        assert_ne!(wrong_junit(&text.replace(right, wrong)), [""; 0], "{wrong}");
    }
    let refused = Tool::new().run(&["log", "-o", "junit"]).expect_code(2);
    assert!(refused.to_string().contains("only check"), "{refused}");
}

#[test]
fn other_verbs_speak_yaml_as_well() {
    let tool = Tool::new();
    let json = tool.run(&["log", "-o", "json"]).expect_code(0).json();
    let yaml = tool.run(&["log", "-o", "yaml"]).expect_code(0).stdout;
    assert_eq!(serde_saphyr::from_str::<Value>(&yaml).unwrap(), json);
}
