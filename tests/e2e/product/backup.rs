//! `backup` keeps records, whatever they are.

use std::time::Duration;

use serde_json::json;
use zadig_doctor::helm::Driver;

use super::{LONG, Later};
use crate::helm::{HelmVersion, chart};
use crate::process::wait_until;
use crate::proxy::{Fault, Rule, Seen};
use crate::records;
use crate::scenarios::{RELEASE, Stage, find};
use crate::tool::Tool;

#[test]
fn everything_is_saved_listed_shown_and_verified() {
    let stage = find("truncated-record").make(HelmVersion::V3_17);
    let later = Later::by(LONG);
    let namespace = stage.namespace.name();
    let saved = later.tool.run(&["backup", "-n", namespace, "-o", "json"]);
    let saved = saved.expect_code(0).json();
    assert_eq!(saved["schema"], "zadig-doctor/snapshot/v1");
    assert_eq!(
        (saved["complete"].clone(), saved["records"].clone()),
        (true.into(), 2.into())
    );
    let payload = |record: &records::Record| {
        record.object["data"]["release"]
            .as_str()
            .map_or(0, |text| text.trim_end_matches('=').len() * 3 / 4)
    };
    let bytes: usize = stage.records().iter().map(payload).sum();
    assert_eq!(saved["bytes"], bytes, "payloads as the cluster stores them");

    let list = later
        .tool
        .run(&["backup", "list", "-o", "json"])
        .expect_code(0)
        .json();
    assert_eq!(list["schema"], "zadig-doctor/snapshots/v1");
    assert_eq!(list["snapshots"][0]["id"], saved["id"]);
    assert_eq!(list["snapshots"][0]["scope"]["namespace"], namespace);
    for table in [&["list"][..], &["forget", "--keep-last=1", "--dry-run"]] {
        let table = later.tool.run(&[&["backup"], table].concat());
        let table = table.expect_code(0).stdout;
        assert!(table.contains(&format!("-n {namespace}")), "{table}");
    }
    let id = saved["id"].as_str().unwrap();
    let show = later
        .tool
        .run(&["backup", "show", &id[..6], "-o", "json"])
        .expect_code(0)
        .json();
    assert_eq!(show["records"][1]["release"], RELEASE);
    let table = later
        .tool
        .run(&["backup", "show", id])
        .expect_code(0)
        .to_string();
    assert!(table.contains("1,2"), "{table}");
    later.tool.run(&["backup", "verify"]).expect_code(0);
    later.tool.run(&["backup", "show", "ffff"]).expect_code(2);
}

/// What was saved before is not read again, and nothing else is claimed.
#[test]
fn a_backup_says_what_of_it_is_new() {
    let stage = Stage::new("new", HelmVersion::V3_17, Driver::Secret);
    stage.helm.ok(&["install", RELEASE, &chart("quiet")]);
    stage.helm.ok(&["upgrade", RELEASE, &chart("quiet")]);
    let tool = Tool::new();
    let backup = ["backup", "-n", stage.namespace.name()];
    let says = |more: &[&str]| {
        let output = tool.run(&[&backup, more].concat()).expect_code(0);
        let text = output.stdout.replace('\n', " ");
        let (_, said) = text.split_once(": ").unwrap();
        let (said, _) = said.split_once("  > ").unwrap();
        said.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let first = says(&[]);
    assert!(first.starts_with("saved and verified: 2 records of 1 release, "));
    assert!(says(&[]).ends_with("; all records as they were saved before"));
    stage.helm.ok(&["upgrade", RELEASE, &chart("quiet")]);
    let third = says(&[]);
    assert!(
        third.starts_with("saved: 3 records of 1 release, "),
        "{third}"
    );
    // The upgrade wrote its own record, and the one before.
    assert!(
        third.ends_with("; new or changed, and verified: 2 records"),
        "{third}"
    );
    let json = tool.run(&[&backup[..], &["-o", "json"]].concat()).json();
    assert_eq!((&json["read"], &json["records"]), (&0.into(), &3.into()));
    assert!(says(&["--check"]).starts_with("saved and verified: 3 records"));
}

#[test]
fn where_no_body_can_be_read_there_is_no_snapshot() {
    let stage = find("healthy").make(HelmVersion::V3_17);
    let later = Later::by(LONG);
    let backup = ["backup", "-n", stage.namespace.name(), "--check"];
    later.tool.run(&backup).expect_code(0);
    let body = |seen: &Seen| seen.path.contains("/secrets/");
    later.proxy.rule(Rule::new(Fault::Status(500)).when(body));
    let failed = later.tool.run(&backup).expect_code(3);
    assert!(failed.stderr.contains("no record was saved"), "{failed}");
    let listed = later.tool.run(&["backup", "list", "-o", "json"]).json();
    assert_eq!(listed["snapshots"].as_array().unwrap().len(), 1);
}

/// Whoever says `forget -n` may mean what was saved from there alone.
#[test]
fn forget_takes_no_namespace() {
    let stage = find("healthy").make(HelmVersion::V3_17);
    let (tool, namespace) = (Tool::new(), stage.namespace.name());
    for _ in 0..2 {
        tool.run(&["backup", "-n", namespace]).expect_code(0);
    }
    let forget = ["backup", "forget", "--keep-last=1", "--yes"];
    for flag in ["-nother", "-lname=web"] {
        let refused = tool.run(&[&forget[..], &[flag]].concat()).expect_code(2);
        assert!(refused.stderr.contains(&flag[..2]), "{refused}");
    }
    let listed = tool.run(&["backup", "list", "-o", "json"]).json();
    assert_eq!(listed["snapshots"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_saved_is_compared_with_the_cluster_byte_by_byte() {
    let stage = find("truncated-record").make(HelmVersion::V4);
    let later = Later::by(LONG);
    let namespace = stage.namespace.name();
    let saved = later.tool.run(&["backup", "-n", namespace, "-o", "json"]);
    let id = saved.expect_code(0).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let compared = || {
        let args = ["backup", "verify", &id, "--read-cluster", "-o", "json"];
        let verified = later.tool.run(&args).expect_code(0).json();
        let number = |what: &str| verified["cluster"][what].as_u64().unwrap();
        ["same", "changed", "gone", "new"].map(number)
    };
    assert_eq!(compared(), [2, 0, 0, 0]);
    let api = stage.namespace.bed().api();
    let records = stage.namespace.core("secrets");
    let path = |number: u32| format!("{records}/{}", records::name(RELEASE, number));
    api.merge(&path(1), &json!({"metadata": {"annotations": {"a": "b"}}}));
    assert_eq!(compared(), [1, 1, 0, 0]);
    let none = serde_json::Value::Null;
    api.send("DELETE", &path(2), "application/json", &none)
        .unwrap();
    assert_eq!(compared(), [0, 1, 1, 0]);
    let args = ["backup", "verify", "--read-cluster"];
    let told = later.tool.run(&args).expect_code(0).to_string();
    assert!(told.contains("since then: 1 changed, 1 gone"), "{told}");
}

/// Which objects there are, payloads say. Looking ahead for them may fail without
/// a word: they are read all the same.
#[test]
fn live_objects_are_saved_though_looking_ahead_fails() {
    let stage = find("healthy").make(HelmVersion::V3_17);
    let later = Later::by(LONG);
    let ahead = |seen: &Seen| seen.query.contains("superseded");
    later.proxy.rule(Rule::new(Fault::Status(500)).when(ahead));
    let saved = later.on(&stage, &["backup", "--live", "-o", "json"]);
    let saved = saved.expect_code(0).json();
    assert_eq!(saved["complete"], true);
    // The chart's one, and the namespace.
    assert_eq!(saved["objects"], 2, "{saved:#}");
}

#[test]
fn what_a_selector_left_out_is_no_difference() {
    let stage = find("healthy").make(HelmVersion::V4);
    stage.helm.ok(&["install", "other", &chart("quiet")]);
    let later = Later::by(LONG);
    let saved = |args: &[&str]| {
        let args = [args, &["-o", "json"]].concat();
        let saved = later.on(&stage, &args).expect_code(0).json();
        saved["id"].as_str().unwrap().to_owned()
    };
    let some = saved(&["backup", "-l", &format!("name={RELEASE}")]);
    let all = saved(&["backup"]);
    let told = later.tool.run(&["backup", "diff", &some, &all]);
    let told = told.expect_code(0).to_string();
    assert!(!told.contains("other"), "{told}");
}

#[test]
fn verify_finds_damage() {
    let stage = find("healthy").make(HelmVersion::V4);
    let later = Later::by(LONG);
    later.on(&stage, &["backup"]).expect_code(0);
    // As a disk would: other bytes of the same length.
    let database = rusqlite::Connection::open(later.tool.home().join("store.db")).unwrap();
    let harm = "UPDATE objects SET bytes = zeroblob(length(bytes))";
    assert_ne!(database.execute(harm, ()).unwrap(), 0);
    drop(database);
    let output = later
        .tool
        .run(&["backup", "verify", "-o", "json"])
        .expect_code(1);
    assert_ne!(output.json()["damaged"].as_array().unwrap().len(), 0);
}

#[test]
fn the_store_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let stage = find("healthy").make(HelmVersion::V3_9);
    let home = tempfile::tempdir().unwrap();
    let store = home.path().join("deep/store");
    let tool = Tool::new().env("ZADIG_DOCTOR_HOME", store.to_str().unwrap());
    tool.run(&["backup", "-n", stage.namespace.name()])
        .expect_code(0);
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&store), 0o700);
    for entry in std::fs::read_dir(&store).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }
}

fn is_typed(seen: &Seen) -> bool {
    seen.path.ends_with("/secrets") && seen.query.contains("fieldSelector=type%3D")
}

fn is_rest(seen: &Seen) -> bool {
    seen.path.ends_with("/secrets") && seen.query.contains("fieldSelector=type%21%3D")
}

/// One list is of Helm's type, another one of what has Helm's label beside. Each is
/// held back once, while the label goes or comes.
#[test]
fn a_record_whose_label_moves_between_two_lists_is_saved_all_the_same() {
    let stage = find("healthy").make(HelmVersion::V3_17);
    let namespace = &stage.namespace;
    let record = namespace.core(&format!("secrets/{}", records::name(RELEASE, 1)));
    let label = |value| {
        let patch = json!({"metadata": {"labels": {"owner": value}}});
        namespace.bed().api().merge(&record, &patch);
    };
    let whole = stage.records().len();
    for (late, early, before, after) in [
        (
            is_typed as fn(&Seen) -> bool,
            is_rest as fn(&Seen) -> bool,
            Some("helm"),
            None,
        ),
        (is_rest, is_typed, None, Some("helm")),
    ] {
        label(before);
        let later = Later::by(LONG);
        let slow = Rule::new(Fault::Delay(Duration::from_secs(3)));
        later.proxy.rule(slow.when(late).nth(1));
        let args = ["backup", "-n", namespace.name(), "-o", "json"];
        let running = later.tool.command(&args).spawn();
        wait_until("the other list came", || {
            let seen = later.proxy.seen();
            let came = |one: &Seen| early(one) && one.answered == Some(200);
            seen.iter().any(came).then_some(())
        });
        label(after);
        let saved = running.finish().expect_code(0).json();
        assert_eq!(saved["records"], whole, "{saved}");
        label(Some("helm"));
    }
}
