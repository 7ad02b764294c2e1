//! What cannot be read is named, the rest is told all the same, and the exit
//! code says that it is not all.

use serde_json::{Value, json};
use zadig_doctor::helm::Driver;

use super::{LONG, Later, essence};
use crate::bed::Namespace;
use crate::helm::{Helm, HelmVersion, chart};
use crate::proxy::{Fault, Rule, Seen};
use crate::records;
use crate::scenarios::{RELEASE, Stage, find, packed};
use crate::tool::Tool;

/// A release in Secrets, and another in ConfigMaps that has something wrong.
fn both() -> Stage {
    let stage = Stage::new("incomplete", HelmVersion::V3_17, Driver::Secret);
    stage.helm.ok(&["install", RELEASE, &chart("quiet")]);
    let maps = Helm::new(HelmVersion::V3_17, &stage.namespace).driver(Driver::ConfigMap);
    maps.ok(&["install", "other", &chart("quiet")]);
    let record = stage.namespace.core("configmaps") + "/" + &records::name("other", 1);
    let labels = json!({"metadata": {"labels": {"status": "failed"}}});
    stage.namespace.bed().api().merge(&record, &labels);
    stage
}

/// What is wrong with it.
const FOUND: [&str; 2] = ["label-payload-mismatch", "none-deployed"];

/// `check` of the namespace while such requests meet that fault: what it could
/// not read, with the reasons, and what it found.
fn check(stage: &Stage, rule: Rule, more: &[&str]) -> (Vec<(String, String)>, Vec<String>) {
    let later = Later::by(LONG);
    later.proxy.rule(rule);
    let args = ["check", "-n", stage.namespace.name(), "-o", "json"];
    let output = later.run(&[&args, more].concat()).expect_code(3);
    let report = output.json();
    assert_eq!(report["complete"], false, "{report:#}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let unread = report["unread"].as_array().unwrap().iter();
    let found = report["findings"].as_array().unwrap().iter();
    (
        unread
            .map(|one| (text(&one["what"]), text(&one["reason"])))
            .collect(),
        found.map(|one| text(&one["id"])).collect(),
    )
}

/// The listings of records in Secrets.
fn secrets(seen: &Seen) -> bool {
    seen.path.ends_with("/secrets") && !seen.query.contains("metadata.name")
}

#[test]
fn a_listing_that_is_refused_or_never_comes() {
    let stage = both();
    let cases: [(Fault, &[&str], &str); 3] = [
        (Fault::Status(403), &[], "forbidden"),
        (Fault::Status(429), &[], "too many requests"),
        (
            Fault::Hang,
            &["--request-timeout=1s"],
            "did not answer in time",
        ),
    ];
    for (fault, more, word) in cases {
        let (unread, found) = check(&stage, Rule::new(fault).when(secrets), more);
        let what = format!("secrets in namespace {}", stage.namespace.name());
        assert_eq!(unread.len(), 1, "{unread:?}");
        assert_eq!(unread[0].0, what);
        assert!(unread[0].1.contains(word), "{unread:?}");
        assert_eq!(found, FOUND);
    }
}

#[test]
fn what_is_too_much_at_once_comes_in_pages() {
    let stage = both();
    for (fault, more) in [
        (Fault::Hang, &["--request-timeout=1s"][..]),
        (Fault::Status(504), &[]),
    ] {
        let whole = |seen: &Seen| secrets(seen) && seen.query.contains("limit=0");
        let later = Later::by(LONG);
        later.proxy.rule(Rule::new(fault).when(whole));
        let args = ["check", "-n", stage.namespace.name(), "-o", "json"];
        let report = later.run(&[&args, more].concat()).expect_code(1).json();
        assert_eq!(report["complete"], true, "{report:#}");
        assert_eq!(report["examined"]["records"], 2);
    }
}

/// An aggregated API without a backend is served by no one: its group is
/// listed, and its kinds are answered with 503. (One of the API server's own
/// stands in for it: a broken one would break every Helm on the same cluster.)
#[test]
fn an_aggregated_api_without_a_backend() {
    let stage = both();
    let broken = Rule::new(Fault::Status(503)).path_ends("/apis/autoscaling/v2");
    let (unread, found) = check(&stage, broken, &["--deep"]);
    assert_eq!(unread.len(), 1, "{unread:?}");
    assert_eq!(unread[0].0, "the kinds of autoscaling/v2");
    assert!(unread[0].1.contains("503"), "{unread:?}");
    assert_eq!(found, FOUND);
    // Who does not look at live objects does not miss it.
    let later = Later::by(LONG);
    let broken = Rule::new(Fault::Status(503)).path_ends("/apis/autoscaling/v2");
    later.proxy.rule(broken);
    later
        .run(&["check", "-n", stage.namespace.name()])
        .expect_code(1);
}

/// A stuck release whose newest payload unpacks to more than we are willing to
/// hold. Helm reads it: nobody may say that it cannot, or judge without it.
#[test]
fn what_is_too_large_for_us_alone() {
    let stage = find("pending-upgrade-in-wait").make(HelmVersion::V4);
    let mut json = stage.record(2).payload.unwrap().to_string();
    json.push_str(&" ".repeat(129 << 20));
    let text = String::from_utf8(packed(json.as_bytes())).unwrap();
    let path = stage.namespace.core("secrets") + "/" + &records::name(RELEASE, 2);
    let patch = json!({"stringData": {"release": text}});
    let tool = Tool::new();
    let backup = ["backup", "-n", stage.namespace.name()];
    tool.run(&backup).expect_code(0);
    stage.namespace.bed().api().merge(&path, &patch);
    let listed = stage.helm.ok(&["list", "--pending", "-o", "json"]).json();
    assert_eq!(listed[0]["revision"], "2", "{listed:#}");

    let (unread, found) = check(&stage, Rule::new(Fault::Hang).when(|_| false), &[]);
    let record = format!(
        "Secret {}/{}",
        stage.namespace.name(),
        records::name(RELEASE, 2)
    );
    assert_eq!(unread[0].0, record);
    assert!(unread[0].1.contains("zadig-doctor does not"), "{unread:?}");
    assert_eq!(found, ["stuck-pending"]);

    let before = essence(&stage.records());
    let saved = stage.record(2).text();
    let later = Later::by(LONG);
    let refused = later.on(&stage, &["unstick", "--yes"]).expect_code(3);
    assert!(
        refused.to_string().contains("zadig-doctor does not"),
        "{refused}"
    );
    assert_eq!(essence(&stage.records()), before);

    // Nobody knows whether what it announces is over.
    let replace = ["--replace", RELEASE, "--yes"];
    let restore = [&["backup", "restore", "latest"][..], &replace].concat();
    let refused = tool.run(&restore).expect_code(3).to_string();
    assert!(refused.contains("cannot be known"), "{refused}");
    assert_eq!(essence(&stage.records()), before);

    // It is saved as it is, and put back so, but nothing in it is moved.
    tool.run(&backup).expect_code(0);
    let live = tool.run(&[&backup[..], &["--live"]].concat());
    assert!(
        live.expect_code(3)
            .to_string()
            .contains("Objects of Secret")
    );
    let second = Namespace::new("too-large");
    let into = [
        "backup",
        "restore",
        "latest",
        "--yes",
        "--to-namespace",
        second.name(),
    ];
    let refused = tool.run(&into).expect_code(4).to_string();
    assert!(refused.contains("zadig-doctor does not"), "{refused}");
    assert!(records::of(&second, Driver::Secret, RELEASE).is_empty());
    stage.helm.ok(&["uninstall", RELEASE, "--no-hooks"]);
    tool.run(&["backup", "restore", "latest", "--yes"])
        .expect_code(0);
    // What was not unpacked is the same to the byte.
    assert!(stage.record(2).text() == saved, "another text came back");
    assert_eq!(stage.record(1).status(), "deployed");
}
