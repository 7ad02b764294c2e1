//! What was harmed is found, and never comes back as if it were whole.

use std::fs;

use super::*;
use crate::plan::Event;

#[test]
fn a_damaged_object_is_found_named_and_never_restored() {
    let (_home, store) = open();
    let saved: Vec<_> = (1..=2)
        .map(|n| record(n, Some(packed(&release(n)))))
        .collect();
    let snapshot = save(&store, 0, &saved);
    let other = record(7, Some(b"apart".to_vec()));
    save(&store, 1, std::slice::from_ref(&other));
    for id in objects::ids(&store.connection).unwrap() {
        let undo = store.write().unwrap();
        undo.execute(
            "UPDATE objects SET bytes = CAST(substr(bytes, 1, length(bytes) / 2) || x'00'
                || substr(bytes, length(bytes) / 2 + 2) AS BLOB) WHERE id = ?1",
            [id],
        )
        .unwrap();
        let mut check = verify_all(&undo);
        check.retain(|damage| damage.what != format!("object {id}"));
        assert!(!check.is_empty(), "object {id} is found where it is used");
        assert!(check.iter().any(|damage| damage.snapshot.is_some()));
    }
    // Once more, and kept: the record is refused, the others still come back.
    let dependent = "SELECT min(id) FROM objects WHERE base IS NOT NULL
        AND id NOT IN (SELECT contents FROM histories)";
    let sql = format!("UPDATE objects SET bytes = x'00' WHERE id = ({dependent})");
    store.connection.execute(&sql, ()).unwrap();
    let error = store.raw_record(&snapshot.id, &saved[1].id).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }));
    store.raw_record(&snapshot.id, &saved[0].id).unwrap();
    let found = store.verify(Some(&snapshot.id)).unwrap();
    assert_eq!(found.damaged.len(), 1);
    assert_eq!(found.damaged[0].what, saved[1].id.to_string());
    // To save the same again mends it.
    save(&store, 2, &saved);
    assert_eq!(store.verify(None).unwrap().damaged, []);
}

fn verify_all(connection: &Connection) -> Vec<Damage> {
    let mut check = verify::Check::new(connection);
    check.everything().unwrap();
    check.done().damaged
}

#[test]
fn a_changed_row_is_found() {
    let (_home, store) = open();
    let mut writer = store.begin_snapshot(about(0, "backup")).unwrap();
    for revision in 1..=2 {
        let payload = Some(packed(&release(revision)));
        writer.add(&record(revision, payload)).unwrap();
    }
    let (object, json) = live("web");
    writer.add_object(&object, &json).unwrap();
    let snapshot = writer.finish().unwrap();
    let held = begin(&store, &plan(), &snapshot.id, None, time(0)).unwrap();
    store.append(held.operation(), &Event::Ended).unwrap();
    assert_eq!(verify_all(&store.connection), []);
    for sql in [
        "UPDATE histories SET name = name || 'x'",
        "UPDATE histories SET driver = 'sql'",
        "UPDATE histories SET driver = 'configmap'",
        "UPDATE histories SET namespace = CAST(x'ff' AS TEXT)",
        "UPDATE histories SET known = NULL",
        "UPDATE histories SET contents = (SELECT min(id) FROM objects)",
        "UPDATE histories SET contents = 99",
        "UPDATE histories SET id = 99",
        "UPDATE objects SET id = 99 WHERE id = (SELECT min(id) FROM objects)",
        "UPDATE objects SET digest = zeroblob(32) WHERE id = (SELECT min(id) FROM objects)",
        "UPDATE objects SET base = id WHERE base IS NOT NULL",
        "UPDATE objects SET base = NULL WHERE base IS NOT NULL",
        "UPDATE objects SET size = size + 1 WHERE id = (SELECT min(id) FROM objects)",
        "UPDATE objects SET encoding = 'raw' WHERE encoding != 'raw'",
        "UPDATE snapshots SET time = '2020-01-01T00:00:00Z'",
        "UPDATE snapshots SET time = 'noon'",
        "UPDATE snapshots SET id = 7",
        "UPDATE snapshots SET number = 7",
        "UPDATE snapshots SET seal = zeroblob(32)",
        "UPDATE snapshots SET reason = CAST(x'ff' AS TEXT)",
        "UPDATE snapshots SET cluster = NULL",
        "UPDATE snapshots SET note = 'x'",
        "UPDATE snapshots SET tags = '[\"x\"]'",
        "UPDATE snapshots SET scope = '{}'",
        "UPDATE snapshots SET version = 1",
        "UPDATE snapshots SET releases = 9",
        "UPDATE snapshots SET bytes = bytes + 1",
        "UPDATE snapshots SET missing = '[{\"what\":\"a\",\"reason\":\"b\"}]'",
        "UPDATE snapshots SET contents = zeroblob(32)",
        "UPDATE snapshots SET histories = '[]'",
        "UPDATE snapshots SET histories = '[1'",
        "UPDATE snapshots SET live = '{}'",
        "UPDATE snapshots SET live = '{\"shop\":1}'",
        "UPDATE operations SET plan = replace(plan, 'unstick', 'prune')",
        "UPDATE operations SET id = 'zz'",
        "UPDATE events SET event = '{\"event\":\"refused\",\"step\":0,\"reason\":\"\"}'",
        "UPDATE events SET position = 1",
    ] {
        let undo = store.write().unwrap();
        undo.execute_batch("PRAGMA defer_foreign_keys = ON")
            .unwrap();
        assert!(undo.execute(sql, ()).unwrap() > 0, "{sql}");
        assert_ne!(verify_all(&undo), [], "{sql}");
    }
}

#[test]
fn a_damaged_history_does_not_hide_the_others() {
    let (_home, store) = open();
    let mut other = record(2, None);
    other.id.namespace = "away".to_owned();
    let saved = [record(1, Some(packed(&release(1)))), other];
    let snapshot = save(&store, 0, &saved);
    store
        .connection
        .execute(
            "UPDATE histories SET known = NULL WHERE namespace = 'shop'",
            (),
        )
        .unwrap();
    let read = store.snapshot(&snapshot.id.0).unwrap();
    assert_eq!(read.records, snapshot.records[..1]);
    assert_eq!(read.missing.len(), 1);
    assert_eq!(read.missing[0].what, "all records of shop/shop (secret)");
    assert!(store.raw_record(&snapshot.id, &saved[0].id).is_err());
    assert_eq!(
        store.raw_record(&snapshot.id, &saved[1].id).unwrap(),
        saved[1]
    );
    // The list reads rows of snapshots only, and this one is whole.
    assert_eq!(store.list().unwrap()[0].damaged, None);
}

#[test]
fn a_damaged_snapshot_is_still_named() {
    let (_home, store) = open();
    let snapshot = save(&store, 0, &[record(1, None)]);
    let other = save(&store, 1, &[record(2, None)]);
    for sql in [
        "UPDATE snapshots SET note = 'x' WHERE number = 1",
        "UPDATE snapshots SET tags = CAST(x'ff' AS TEXT) WHERE number = 1",
    ] {
        store.connection.execute(sql, ()).unwrap();
        let listed = store.list().unwrap();
        assert_eq!(listed.len(), 2, "{sql}");
        let damaged = listed.iter().find(|one| one.id == snapshot.id).unwrap();
        assert!(damaged.damaged.is_some() && !damaged.complete(), "{sql}");
        let whole = listed.iter().find(|one| one.id == other.id).unwrap();
        assert!(whole.complete());
        // What it holds is still restored.
        let record = &snapshot.records[0].id;
        store.raw_record(&snapshot.id, record).unwrap();
    }
}

#[test]
fn errors_and_debug_output_hold_no_secrets() {
    let (_home, store) = open();
    let saved = record(1, Some(b"hunter2 hunter2".to_vec()));
    let snapshot = save(&store, 0, std::slice::from_ref(&saved));
    store
        .connection
        .execute("UPDATE objects SET size = 1", ())
        .unwrap();
    let error = store.raw_record(&snapshot.id, &saved.id).unwrap_err();
    let found = store.verify(None).unwrap();
    assert!(!format!("{error:?} {error} {found:?} {store:?}").contains("hunter2"));
}

#[test]
fn a_truncated_file_is_found() {
    let (file, snapshot, saved) = closed();
    // A file of no bytes is a store that was never filled.
    for length in (1..file.len()).step_by(file.len() / 41) {
        assert_harm_is_found(&file[..length], &snapshot, &saved);
    }
}

/// A closed store of two releases, as the bytes of its one file.
fn closed() -> (Vec<u8>, Snapshot, Vec<RawRecord>) {
    let (_home, store) = open();
    let saved = vec![
        record(1, Some(packed(&release(1)))),
        record(2, Some(packed(&release(2)))),
        record(3, Some(b"torn".to_vec())),
    ];
    let mut writer = store.begin_snapshot(about(0, "backup")).unwrap();
    for record in &saved {
        writer.add(record).unwrap();
    }
    let (object, json) = live("web");
    writer.add_object(&object, &json).unwrap();
    let snapshot = writer.finish().unwrap();
    let path = files::database(store.dir());
    drop(store);
    (fs::read(path).unwrap(), snapshot, saved)
}

/// What a payload decodes to, or its text.
fn meaning(record: &RawRecord) -> Vec<u8> {
    let text = record.payload.clone().unwrap_or_default();
    match codec::decode(&text, codec::PLAIN_LIMIT) {
        Ok(plain) => plain.json,
        Err(_) => text,
    }
}

/// Opens a file that was harmed: whatever can still be read is right, and
/// whatever cannot is found.
fn assert_harm_is_found(file: &[u8], snapshot: &Snapshot, saved: &[RawRecord]) {
    let home = tempfile::tempdir().unwrap();
    fs::write(files::database(home.path()), file).unwrap();
    // An error is an answer; here and below, a wrong byte would not be.
    let Ok(store) = Store::open(home.path()) else {
        return;
    };
    let mut lost = store.snapshots().ok().as_deref() != Some(std::slice::from_ref(snapshot));
    for record in saved {
        match store.raw_record(&snapshot.id, &record.id) {
            Ok(back) => {
                assert_eq!(back.object, record.object);
                assert_eq!(meaning(&back), meaning(record));
            }
            Err(_) => lost = true,
        }
    }
    let (object, json) = live("web");
    match store.live_object(&snapshot.id, &object) {
        Ok(back) => assert_eq!(back, json),
        Err(_) => lost = true,
    }
    if lost {
        let found = store.verify(None);
        assert!(found.map_or(true, |found| !found.damaged.is_empty()));
    }
}

#[test]
fn a_flipped_bit_anywhere_is_found_or_harmless() {
    let (file, snapshot, saved) = closed();
    // Spread evenly over the file; nine thousand were tried once.
    for bit in (0..file.len() * 8).step_by(file.len() * 8 / 301) {
        let mut harmed = file.clone();
        harmed[bit / 8] ^= 1 << (bit % 8);
        assert_harm_is_found(&harmed, &snapshot, &saved);
    }
}
