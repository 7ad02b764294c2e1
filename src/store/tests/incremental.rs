//! What is known is not read again; what is not the same is never taken for it.

use serde_json::Value;

use super::*;
use crate::survey::{Record, stored};

/// What the cheap pass sees of it.
pub(super) fn seen(record: &RawRecord) -> Record {
    let mut metadata = record.object["metadata"].clone();
    metadata["namespace"] = record.id.namespace.clone().into();
    metadata["name"] = record.id.name.clone().into();
    stored::from_metadata(&metadata, record.id.driver)
}

pub(super) fn revision(name: &str, number: u32) -> RawRecord {
    let mut raw = record(number, Some(packed(&release(number))));
    raw.id.name = format!("sh.helm.release.v1.{name}.v{number}");
    raw.object["metadata"]["name"] = raw.id.name.clone().into();
    raw.object["metadata"]["uid"] = format!("{name}-{number}").into();
    raw
}

/// A backup as `backup` takes it; returns how many records were read.
pub(super) fn backup(
    store: &Store,
    second: i64,
    version: u64,
    there: &[RawRecord],
) -> (Snapshot, usize) {
    let records: Vec<_> = there.iter().map(seen).collect();
    let saved = store.saved().unwrap_or_default();
    let known = store
        .known(saved, Some("c1"), Some(version), &records)
        .unwrap();
    let about = About {
        version: Some(version),
        ..about(second, "backup")
    };
    let mut writer = store.begin_snapshot(about).unwrap();
    let unknown: Vec<_> = there.iter().filter(|raw| !known.holds(&raw.id)).collect();
    assert_eq!(known.len() + unknown.len(), there.len());
    writer.reuse(known);
    for raw in &unknown {
        writer.add(raw).unwrap();
    }
    let snapshot = writer.finish().unwrap();
    for raw in there {
        let back = store.raw_record(&snapshot.id, &raw.id).unwrap();
        assert_eq!(back.object, raw.object);
    }
    assert_eq!(snapshot.records.len(), there.len());
    (snapshot, unknown.len())
}

fn set(raw: &mut RawRecord, place: &str, value: impl Into<Value>) {
    *raw.object.pointer_mut(place).unwrap() = value.into();
}

#[test]
fn what_is_known_is_not_collected_before_it_is_used() {
    let (_home, store) = open();
    let there = [revision("web", 1)];
    let (first, _) = backup(&store, 0, 10, &there);
    let records: Vec<_> = there.iter().map(seen).collect();
    let known = store
        .known(Saved::default(), Some("c1"), Some(11), &records)
        .unwrap();
    let other = Store::open(store.dir()).unwrap();
    assert!(other.forget(&[first.id]).unwrap().not_freed.is_some());
    let mut writer = store.begin_snapshot(about(1, "backup")).unwrap();
    writer.reuse(known);
    writer.finish().unwrap();
    assert_eq!(store.verify(None).unwrap().damaged, []);
}

#[test]
fn what_did_not_change_is_not_read_and_costs_a_few_bytes() {
    let (_home, store) = open();
    let there: Vec<_> = (0..20)
        .flat_map(|n| (1..=3).map(move |number| revision(&format!("r{n}"), number)))
        .collect();
    assert_eq!(backup(&store, 0, 10, &there).1, 60);
    let rows = || {
        count(
            &store,
            "SELECT (SELECT count(*) FROM objects) + (SELECT count(*) FROM histories)",
        )
    };
    let before = rows();
    let (second, read) = backup(&store, 1, 11, &there);
    assert_eq!((read, rows()), (0, before));
    let row = "SELECT length(histories) FROM snapshots WHERE number = 2";
    assert!(count(&store, row) < 20 * 4);
    assert_eq!(store.list().unwrap()[1].records, 60);
    assert_eq!(store.snapshot(&second.id.0).unwrap(), second);
    assert_eq!(store.verify(None).unwrap().damaged, []);
}

#[test]
fn of_a_history_that_changed_only_what_is_new_is_read() {
    let (_home, store) = open();
    let mut there: Vec<_> = (1..=3).map(|n| revision("web", n)).collect();
    there.push(revision("other", 1));
    backup(&store, 0, 10, &there);
    // As an upgrade does: one is superseded, one is new, one is gone.
    set(&mut there[2], "/metadata/labels/foreign", "changed");
    set(&mut there[2], "/metadata/resourceVersion", "18");
    there.remove(0);
    there.push(revision("web", 4));
    assert_eq!(backup(&store, 1, 11, &there).1, 2);
    assert_eq!(backup(&store, 2, 12, &there).1, 0);
    assert_eq!(store.verify(None).unwrap().damaged, []);
}

/// Somebody else saw less of it, or it was rolled back by hand.
#[test]
fn a_state_that_comes_back_is_known_again() {
    let (_home, store) = open();
    let there: Vec<_> = (1..=3).map(|n| revision("web", n)).collect();
    let rows = || count(&store, "SELECT count(*) FROM histories");
    backup(&store, 0, 10, &there);
    backup(&store, 1, 11, &there[..2]);
    assert_eq!(backup(&store, 2, 12, &there).1, 1);
    assert_eq!((backup(&store, 3, 13, &there).1, rows()), (0, 3));
    assert_eq!(store.verify(None).unwrap().damaged, []);
}

#[test]
fn a_resource_version_alone_tells_no_state() {
    let (_home, store) = open();
    let there = vec![revision("web", 1), revision("web", 2)];
    backup(&store, 0, 10, &there);
    for (place, value) in [
        ("/metadata/uid", "another"),
        ("/metadata/resourceVersion", "16"),
        ("/metadata/labels/foreign", "other"),
    ] {
        let mut changed = there.clone();
        set(&mut changed[1], place, value);
        assert_eq!(backup(&store, 1, 10, &changed).1, 1, "{place}");
        backup(&store, 2, 10, &there);
    }
}

#[test]
fn nothing_is_known_of_another_cluster_or_after_the_clock_went_back() {
    let (_home, store) = open();
    let there = [revision("web", 1)];
    let records: Vec<_> = there.iter().map(seen).collect();
    backup(&store, 0, 10, &there);
    let known = |cluster, version| {
        store
            .known(Saved::default(), cluster, version, &records)
            .unwrap()
            .len()
    };
    assert_eq!(known(Some("c1"), Some(10)), 1);
    assert_eq!(known(Some("c2"), Some(10)), 0);
    assert_eq!(known(None, Some(10)), 0);
    assert_eq!(known(Some("c1"), None), 0);
    assert_eq!(known(Some("c1"), Some(9)), 0);
    // Only the newest counts: what was taken of the restored etcd is known.
    backup(&store, 1, 5, &there);
    assert_eq!(known(Some("c1"), Some(6)), 1);
}

#[test]
fn what_is_damaged_is_read_again_and_mended() {
    let (_home, store) = open();
    let there = [revision("web", 1), revision("web", 2)];
    backup(&store, 0, 10, &there);
    for sql in [
        "UPDATE histories SET name = 'wab'",
        "UPDATE histories SET seal = zeroblob(32)",
        "UPDATE objects SET bytes = x'00' WHERE id = (SELECT contents FROM histories)",
    ] {
        let undo = store.write().unwrap();
        undo.execute(sql, ()).unwrap();
        undo.commit().unwrap();
        assert_eq!(backup(&store, 1, 11, &there).1, 2, "{sql}");
        store
            .connection
            .execute(
                "DELETE FROM histories WHERE id < (SELECT max(id) FROM histories)",
                (),
            )
            .unwrap();
    }
}

#[test]
fn a_record_put_beside_its_reused_history_replaces_its_own() {
    let (_home, store) = open();
    let mut there = [revision("web", 1), revision("web", 2)];
    backup(&store, 0, 10, &there);
    let records: Vec<_> = there.iter().map(seen).collect();
    let known = store
        .known(Saved::default(), Some("c1"), Some(10), &records)
        .unwrap();
    let mut writer = store.begin_snapshot(about(1, "backup")).unwrap();
    writer.reuse(known);
    set(&mut there[1], "/metadata/resourceVersion", "20");
    writer.add(&there[1]).unwrap();
    let snapshot = writer.finish().unwrap();
    let versions: Vec<_> = snapshot
        .records
        .iter()
        .map(|saved| &saved.resource_version[..])
        .collect();
    assert_eq!(versions, ["17", "20"]);
    assert_eq!(store.verify(None).unwrap().damaged, []);
}

#[test]
fn many_threads_pack_for_one_writer() {
    let (_home, store) = open();
    let there: Vec<_> = (0..12)
        .flat_map(|n| (1..=5).map(move |number| revision(&format!("r{n}"), number)))
        .collect();
    let mut writer = store.begin_snapshot(about(0, "backup")).unwrap();
    let (sender, receiver) = std::sync::mpsc::sync_channel(4);
    let packer = writer.packer().unwrap();
    std::thread::scope(|scope| {
        for share in there.chunks(7) {
            let (sender, mut packer) = (sender.clone(), packer.another().unwrap());
            scope.spawn(move || {
                for raw in share {
                    sender.send(packer.pack(raw).unwrap()).unwrap();
                }
            });
        }
        drop(sender);
        for packed in receiver {
            writer.put(packed).unwrap();
        }
    });
    let snapshot = writer.finish().unwrap();
    for raw in &there {
        assert_eq!(
            store.raw_record(&snapshot.id, &raw.id).unwrap().object,
            raw.object
        );
    }
    assert_eq!(store.verify(None).unwrap().damaged, []);
    let digests = "SELECT count(DISTINCT digest) - count(*) FROM objects";
    assert_eq!(count(&store, digests), 0);
}

#[test]
fn what_was_said_of_a_snapshot_is_listed() {
    let (_home, store) = open();
    let about = About {
        note: "before the move".to_owned(),
        tags: ["b", "a", "b"].map(str::to_owned).to_vec(),
        scope: crate::survey::Scope {
            namespace: Some("shop".to_owned()),
            ..Default::default()
        },
        version: Some(77),
        ..about(3, "backup")
    };
    let mut writer = store.begin_snapshot(about).unwrap();
    writer.add(&record(1, Some(packed(&release(1))))).unwrap();
    let (object, json) = live("web");
    writer.add_object(&object, &json).unwrap();
    let snapshot = writer.finish().unwrap();
    assert_eq!(snapshot.tags, ["a", "b"]);
    let summary = store.list().unwrap().remove(0);
    assert_eq!(summary.id, snapshot.id);
    assert_eq!(summary.about.note, "before the move");
    assert_eq!(summary.about.scope, snapshot.scope);
    assert_eq!(
        (summary.about.version, &summary.about.tags),
        (Some(77), &snapshot.tags)
    );
    assert_eq!(
        (summary.releases, summary.records, summary.objects),
        (1, 1, 1)
    );
    assert_eq!(summary.bytes, snapshot.bytes());
    assert!(summary.complete());
    assert_eq!(store.snapshot(&snapshot.id.0).unwrap(), snapshot);
    assert_eq!(store.live_object(&snapshot.id, &object).unwrap(), json);
    let error = store
        .live_object(&snapshot.id, &live("none").0)
        .unwrap_err();
    assert!(matches!(error, StoreError::NoSuchObject { .. }));
}
