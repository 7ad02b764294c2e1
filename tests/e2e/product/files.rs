//! `check --from`: what kubectl printed, and what was saved, without a cluster.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use zadig_doctor::helm::Driver;

use super::{LONG, Later};
use crate::helm::{HelmVersion, chart};
use crate::process::Output;
use crate::records;
use crate::scenarios::{RELEASE, Stage, find};
use crate::tool::Tool;

/// The product where there is no cluster to ask.
struct Offline(Tool);

impl Offline {
    fn new() -> Self {
        Self(Tool::new().kubeconfig(Path::new("/no/kubeconfig")))
    }

    /// Puts that into a file.
    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.home().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    fn check(&self, file: &Path, more: &[&str]) -> Output {
        let file = file.display().to_string();
        let args = ["check", "--from", &file, "-o", "json"];
        self.0.run(&[&args, more].concat())
    }
}

/// What kubectl prints of the namespace.
fn dump(stage: &Stage, more: &[&str]) -> String {
    let get = ["get", "secrets,configmaps", "-o", "json"];
    stage.kubectl(&[&get, more].concat()).stdout
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

fn ids(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|one| one["id"].as_str().unwrap()).collect()
}

fn label(stage: &Stage, release: &str, revision: u32, labels: &Value) {
    let path = stage.namespace.core("secrets") + "/" + &records::name(release, revision);
    let patch = json!({"metadata": {"labels": labels}});
    stage.namespace.bed().api().merge(&path, &patch);
}

#[test]
fn what_kubectl_printed_is_judged() {
    for driver in Driver::ALL {
        let stage = Stage::new("dump", HelmVersion::V4, driver);
        stage.helm.ok(&["install", RELEASE, &chart("quiet")]);
        stage.helm.ok(&["upgrade", RELEASE, &chart("quiet")]);
        let offline = Offline::new();
        for more in [&[][..], &["--show-managed-fields"]] {
            let text = dump(&stage, more);
            let file = offline.file("dump.json", &text);
            let report = offline.check(&file, &[]).expect_code(0).json();
            assert_eq!(report["complete"], true, "{report:#}");
            assert_eq!(report["examined"], json!({"records": 2, "payloads": 2}));
            assert_eq!(ids(&report), [""; 0]);
            let zipped = offline.file("dump.gz", gzip(&text));
            assert_eq!(offline.check(&zipped, &[]).expect_code(0).json(), report);
            let piped = offline.0.command(&["check", "--from", "-", "-o", "json"]);
            assert_eq!(piped.stdin(&zipped).run().expect_code(0).json(), report);
        }
        // What an API server prints of one kind, and kubectl of one object.
        let resource = driver.resource();
        let path = stage.namespace.core(resource);
        let raw = stage.kubectl(&["get", "--raw", &path]).stdout;
        let report = offline
            .check(&offline.file("raw.json", raw), &[])
            .expect_code(0)
            .json();
        assert_eq!(report["examined"]["records"], 2, "{report:#}");
        let skipped = report["skipped"].as_array().unwrap();
        let listings = skipped
            .iter()
            .filter(|one| one["reason"] == "the file holds none");
        assert_eq!(listings.count(), 1, "{report:#}");
        let one = ["get", resource, &records::name(RELEASE, 2), "-o", "json"];
        let one = offline.file("one.json", stage.kubectl(&one).stdout);
        let report = offline.check(&one, &[]).expect_code(0).json();
        assert_eq!(report["examined"]["records"], 1, "{report:#}");
    }
}

#[test]
fn a_finding_that_needs_nothing_more_is_the_same_as_on_the_cluster() {
    let stage = find("truncated-record").make(HelmVersion::V3_17);
    let live = Later::by(LONG).check(&stage);
    let offline = Offline::new();
    let file = offline.file("dump.json", dump(&stage, &[]));
    let output = offline.check(&file, &[]);
    assert_eq!(Some(ids(&live.1)), Some(ids(&output.json())), "{output}");
}

#[test]
fn nothing_in_a_dump_is_ever_stale() {
    let stage = find("pending-upgrade-in-wait").make(HelmVersion::V3_17);
    let (_, live) = Later::by(LONG).check(&stage);
    assert_eq!(super::verdict(&live), "stale");
    let offline = Offline::new();
    let file = offline.file("dump.json", dump(&stage, &["--show-managed-fields"]));
    let report = offline.check(&file, &[]).expect_code(3).json();
    assert_eq!(super::verdict(&report), "unknown", "{report:#}");
    assert_eq!(report["complete"], false);
    let unread = report["unread"].to_string();
    assert!(
        unread.contains("Lease") && unread.contains("Deployment"),
        "{unread}"
    );
}

/// Two releases, one of which bears a label, on its older revision alone.
fn labeled() -> Stage {
    let stage = Stage::new("selector", HelmVersion::V3_17, Driver::Secret);
    stage.helm.ok(&["install", RELEASE, &chart("quiet")]);
    stage.helm.ok(&["upgrade", RELEASE, &chart("quiet")]);
    stage.helm.ok(&["install", "other", &chart("quiet")]);
    label(&stage, RELEASE, 1, &json!({"team": "a"}));
    stage
}

#[test]
fn a_selector_finds_in_a_file_what_it_finds_in_the_cluster() {
    let stage = labeled();
    let offline = Offline::new();
    let file = offline.file("dump.json", dump(&stage, &[]));
    let later = Later::by(LONG);
    let namespace = stage.namespace.name();
    let cases = [
        ("team=a", 2),
        ("team!=a", 3),
        ("team in (a, b),!canary", 2),
        ("team notin (a)", 3),
        ("!team", 3),
        ("name=other", 1),
        ("team=b", 0),
        ("", 3),
    ];
    for (selector, records) in cases {
        let live = ["check", "-n", namespace, "-o", "json", "-l", selector];
        let live = later.run(&live).expect_code(0).json();
        let from = offline
            .check(&file, &["-l", selector])
            .expect_code(0)
            .json();
        assert_eq!(from["examined"]["records"], records, "{selector}: {from:#}");
        assert_eq!(live["examined"]["records"], records, "{selector}: {live:#}");
    }
    for bad in ["team in a", "=a", "team=a,", "a b"] {
        let output = offline.check(&file, &["-l", bad]).expect_code(2);
        assert!(output.stderr.contains("hint:"), "{output}");
    }
}

#[test]
fn a_value_that_was_left_out_is_not_compared() {
    let stage = labeled();
    let later = Later::by(LONG);
    let save = |name: &str, more: &[&str]| {
        let file = later.tool.home().join(name);
        let path = file.display().to_string();
        let save = ["check", "-n", stage.namespace.name(), "--save", &path];
        later.run(&[&save, more].concat()).expect_code(0);
        file
    };
    let offline = Offline::new();
    let redacted = save("redacted.json", &[]);
    let output = offline.check(&redacted, &["-l", "team=a"]).expect_code(2);
    assert!(output.stderr.contains("label team"), "{output}");
    let of = |file: &Path, selector| {
        let report = offline.check(file, &["-l", selector]).expect_code(0).json();
        report["examined"]["records"].clone()
    };
    assert_eq!(of(&redacted, "team"), 2);
    assert_eq!(of(&redacted, "name=other"), 1);
    assert_eq!(of(&save("whole.json", &["--save-unredacted"]), "team=a"), 2);
}

#[test]
fn a_file_ends_as_the_cluster_would() {
    let stage = find("label-against-payload").make(HelmVersion::V3_17);
    let later = Later::by(LONG);
    let namespace = stage.namespace.name();
    let file = later.tool.home().join("survey.json").display().to_string();
    let cases: [(&[&str], &[&str]); 4] = [
        (&["-n", namespace], &[]),
        (&["-n", namespace, "--fail-on=never"], &["--fail-on=never"]),
        (
            &["-n", namespace, "--driver=configmap"],
            &["--driver=configmap"],
        ),
        (&["-n", namespace, "--as=nobody-user"], &[]),
    ];
    for (live, from) in cases {
        let live = later.run(&[&["check", "--save", &file], live].concat());
        let from = later.run(&[&["check", "--from", &file], from].concat());
        assert_eq!(live.code(), from.code(), "{live}\n{from}");
    }
    later.run(&["check", "-n", namespace, "--save", &file]);
    let more: [(&[&str], &str); 3] = [
        (&["no-such-release"], "no-such-release"),
        (&["-n", "no-such-namespace"], "no-such-namespace"),
        (&["-n", "no-such-namespace", RELEASE], "no-such-namespace"),
    ];
    for (more, word) in more {
        let live = later.run(&[&["check"], more].concat()).expect_code(1);
        assert!(live.stderr.contains(word), "{live}");
        let from = [&["check", "--from", &file], more].concat();
        let from = later.run(&from).expect_code(1);
        assert!(from.stderr.contains(word), "{from}");
    }
}

#[test]
fn what_holds_no_records_is_named() {
    let offline = Offline::new();
    let good = json!({"kind": "List", "items": []}).to_string();
    let huge = format!("{{\"items\": [\"{}", "x".repeat(9 << 20));
    let mut torn = gzip(&good);
    torn.truncate(torn.len() - 5);
    let deep = format!("{{\"items\": [{}", "[".repeat(1000));
    let secret = json!({"schema": "zadig-doctor/survey/v1", "survey": "hunter2"});
    let cases: [(&str, Vec<u8>, &str); 9] = [
        ("empty", Vec::new(), "EOF"),
        ("no-json", b"apiVersion: v1".to_vec(), "expected"),
        (
            "pod",
            br#"{"apiVersion": "v1", "kind": "Pod"}"#.to_vec(),
            "Pod",
        ),
        ("other", b"{}".to_vec(), "neither"),
        ("two", format!("{good}{good}").into_bytes(), "trailing"),
        ("huge", gzip(&huge), "larger than any record"),
        ("torn", torn, ""),
        ("deep", deep.into_bytes(), "recursion"),
        ("hand-made", secret.to_string().into_bytes(), "line 1"),
    ];
    for (name, content, word) in cases {
        let output = offline.check(&offline.file(name, content), &[]);
        assert_eq!(output.code(), Some(3), "{name}: {output}");
        assert!(output.stderr.contains(word), "{name}: {output}");
        assert!(
            output.stderr.contains("kubectl get secrets,configmaps"),
            "{output}"
        );
        assert!(!output.stderr.contains("hunter2"), "{output}");
    }
    offline
        .check(&offline.file("good", good), &[])
        .expect_code(0);
    offline.check(Path::new("/"), &[]).expect_code(3);
}
