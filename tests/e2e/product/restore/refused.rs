//! What a restore leaves alone, and what `--replace` does then.

use serde_json::json;
use zadig_doctor::helm::Driver;

use super::{HELMS, lose, restore, same, save};
use crate::bed::{Bed, Cluster};
use crate::helm::{HelmVersion, chart};
use crate::product::{LONG, Later, essence};
use crate::records;
use crate::scenarios::{RELEASE, Stage, find};
use crate::tool::Tool;

fn upgrade(stage: &Stage, message: &str) {
    let message = format!("--set=message={message}");
    stage
        .helm
        .ok(&["upgrade", RELEASE, &chart("quiet"), &message]);
}

#[test]
fn what_is_newer_stays_until_it_is_named_and_undo_brings_it_back() {
    for version in HELMS {
        let stage = find("healthy").make(version);
        let tool = Tool::new();
        let before = stage.records();
        let snapshot = save(&tool, &stage.namespace);
        upgrade(&stage, "four");
        upgrade(&stage, "five");
        let after = stage.records();

        let refused = restore(&tool, &snapshot, &[RELEASE]).expect_code(4);
        for text in [
            "revision 4 (superseded), revision 5 (deployed)",
            "revision 3 (deployed)",
            "--replace shop",
        ] {
            let told = refused.stdout.replace("\n", " ");
            assert!(told.contains(text), "{text}: {refused}");
        }
        assert_eq!(essence(&stage.records()), essence(&after));

        restore(&tool, &snapshot, &[RELEASE, "--replace", RELEASE]).expect_code(0);
        same(&before, &stage.records(), &format!("{version:?} replaced"));
        tool.run(&["undo", "--yes"]).expect_code(0);
        same(&after, &stage.records(), &format!("{version:?} undone"));
        restore(&tool, &snapshot, &["--replace", RELEASE]).expect_code(0);
        stage.helm.ok(&["rollback", RELEASE, "2"]);
        upgrade(&stage, "six");
    }
}

/// A fenced record cannot be written: it is made anew.
#[test]
fn what_was_repaired_since_is_put_back_if_it_is_named() {
    let stage = find("pending-upgrade-in-wait").make(HelmVersion::V3_17);
    let later = Later::by(LONG);
    let before = stage.records();
    let snapshot = save(&later.tool, &stage.namespace);
    later.on(&stage, &["unstick", "--yes"]).expect_code(0);
    restore(&later.tool, &snapshot, &[]).expect_code(4);
    restore(&later.tool, &snapshot, &["--replace", RELEASE]).expect_code(0);
    same(&before, &stage.records(), "stuck again");
    later.tool.run(&["undo", "--yes"]).expect_code(0);
    assert_eq!(stage.record(2).status(), "failed");
    assert_eq!(stage.record(2).object["immutable"], true);
}

/// Somebody garbled the record of an upgrade that may still be at work.
#[test]
fn what_may_be_alive_and_is_garbled_is_never_touched() {
    let stage = Stage::new("garbled", HelmVersion::V4, Driver::Secret);
    stage.helm.ok(&["install", RELEASE, &chart("quiet")]);
    let (tool, later) = (Tool::new(), Later::by(LONG));
    let snapshot = save(&tool, &stage.namespace);
    let earlier = save(&later.tool, &stage.namespace);
    stage.helm.ok(&["upgrade", RELEASE, &chart("quiet")]);
    let second = stage
        .namespace
        .core(&format!("secrets/{}", records::name(RELEASE, 2)));
    let garbled = serde_json::json!({
        "metadata": {"labels": {"status": "pending-upgrade"}}, "stringData": {"release": "not a payload"},
    });
    stage.namespace.bed().api().merge(&second, &garbled);
    let before = essence(&stage.records());
    let replace = ["--replace", RELEASE];
    let refused = restore(&tool, &snapshot, &replace).expect_code(4);
    assert!(refused.stdout.contains("may be at work"), "{refused}");
    assert_eq!(essence(&stage.records()), before);
    // Nothing wrote it for longer than any Helm waits.
    restore(&later.tool, &earlier, &replace).expect_code(0);
    assert_eq!(stage.records().len(), 1);
}

#[test]
fn what_may_be_alive_is_never_touched() {
    let stage = find("pending-upgrade-in-wait").make(HelmVersion::V4);
    let tool = Tool::new();
    let snapshot = save(&tool, &stage.namespace);
    // Where nothing is missing, nothing is refused.
    restore(&tool, &snapshot, &[]).expect_code(0);
    let first = stage
        .namespace
        .core(&format!("secrets/{}", records::name(RELEASE, 1)));
    super::delete(&first);
    let before = essence(&stage.records());
    for more in [&[][..], &["--replace", RELEASE]] {
        let refused = restore(&tool, &snapshot, more).expect_code(4);
        assert!(refused.stdout.contains("may be at work"), "{refused}");
    }
    assert_eq!(essence(&stage.records()), before);
    // Once it is proven stale, the hole is filled.
    let later = Later::by(LONG);
    let snapshot_of_later = save(&later.tool, &stage.namespace);
    restore(&later.tool, &snapshot_of_later, &[]).expect_code(0);
}

#[test]
fn what_is_meant_must_be_clear() {
    let stage = find("healthy").make(HelmVersion::V3_17);
    let tool = Tool::new();
    let none = restore(&tool, "ab12", &[]).expect_code(2);
    assert!(none.stderr.contains("no snapshots yet"), "{none}");
    let snapshot = save(&tool, &stage.namespace);
    for (args, says) in [
        (&["nonsense"][..], "no release nonsense"),
        (
            &[RELEASE, "-n", "elsewhere"],
            "no release shop in namespace elsewhere",
        ),
        (&["-n", "elsewhere"], "no records of namespace elsewhere"),
        (&["--replace", "nonsense"], "release nonsense"),
        (&["-l", "a=b"], "restore takes no -l"),
    ] {
        let output = restore(&tool, &snapshot, args).expect_code(2);
        assert!(output.stderr.contains(says), "{output}");
    }
    let output = tool.run(&["backup", "restore", &snapshot]).expect_code(0);
    assert!(
        output.stderr.contains("nothing to do"),
        "nothing to ask about: {output}"
    );
    lose(&stage, Driver::Secret);
    tool.run(&["backup", "restore", &snapshot]).expect_code(4);
    assert_eq!(stage.records().len(), 0, "nobody was there to be asked");
}

#[test]
fn who_may_not_write_changes_nothing() {
    let stage = find("healthy").make(HelmVersion::V3_17);
    let tool = Tool::new();
    let snapshot = save(&tool, &stage.namespace);
    lose(&stage, Driver::Secret);
    let nobody = Bed::of(Cluster::New).dir.join("kubeconfig-nobody");
    let tool = tool.kubeconfig(&nobody);
    let refused = restore(&tool, &snapshot, &["--other-cluster"]);
    assert!(matches!(refused.code(), Some(3 | 4)), "{refused}");
    assert_eq!(stage.records().len(), 0);
}

#[test]
fn owners_are_left_out_for_the_garbage_collectors_sake() {
    let stage = find("healthy").make(HelmVersion::V3_17);
    let tool = Tool::new();
    let api = Bed::get().api();
    let map = json!({"metadata": {"name": "owner"}});
    let owner = api.create(&stage.namespace.core("configmaps"), &map);
    let path = stage
        .namespace
        .core(&format!("secrets/{}", records::name(RELEASE, 3)));
    let owned = json!({"metadata": {"ownerReferences": [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]},
    ]}});
    api.merge(&path, &owned);
    let snapshot = save(&tool, &stage.namespace);
    super::delete(&stage.namespace.core("configmaps/owner"));
    crate::process::wait_until("the garbage collector takes the record", || {
        api.get(&path).is_none().then_some(())
    });
    let restored = restore(&tool, &snapshot, &["-o", "json"])
        .expect_code(0)
        .json();
    let reason = restored["steps"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("without its ownerReferences"), "{reason}");
    assert!(api.get(&path).unwrap()["metadata"]["ownerReferences"].is_null());
    stage.helm.ok(&["upgrade", RELEASE, &chart("quiet")]);
}

/// Never a wrong byte: what is damaged is named, the rest comes back.
#[test]
fn what_is_damaged_in_the_store_is_named_and_the_rest_comes_back() {
    let stage = find("healthy").make(HelmVersion::V3_17);
    let tool = Tool::new();
    let before = stage.records();
    let snapshot = save(&tool, &stage.namespace);
    lose(&stage, Driver::Secret);
    let database = tool.home().join("store.db");
    let whole = std::fs::read(&database).unwrap();
    let magic = [0x28, 0xb5, 0x2f, 0xfd];
    let found = whole.windows(4).enumerate();
    let objects = found.filter(|(_, window)| *window == magic);
    let objects: Vec<_> = objects.map(|(at, _)| at).collect();
    let mut found_some = false;
    for at in objects {
        let mut bytes = whole.clone();
        bytes[at + 12] ^= 1;
        std::fs::write(&database, bytes).unwrap();
        let output = restore(&tool, &snapshot, &[]);
        let after = stage.records();
        let known = |one: &records::Record| {
            super::kept(&before).contains(&super::kept(std::slice::from_ref(one))[0])
        };
        assert!(after.iter().all(known), "byte {at}: {output}");
        match output.code() {
            // Nobody needed that object.
            Some(0) => assert_eq!(after.len(), before.len(), "{output}"),
            Some(1) => {
                assert!(output.stderr.contains("damaged in the store"), "{output}");
                assert!(after.len() < before.len(), "{output}");
                found_some = true;
            }
            Some(3) => {
                assert_eq!(after.len(), 0, "{output}");
                found_some = true;
            }
            _ => panic!("byte {at}: {output}"),
        }
        lose(&stage, Driver::Secret);
        for end in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(tool.home().join(format!("store.db{end}")));
        }
    }
    assert!(found_some, "no damage mattered");
}
