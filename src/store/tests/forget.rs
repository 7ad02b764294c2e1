//! What is forgotten is gone, and nothing else.

use super::*;

fn releases(numbers: std::ops::Range<u32>) -> Vec<RawRecord> {
    numbers
        .map(|n| {
            let mut raw = record(n, Some(packed(&release(n))));
            raw.id.name = format!("sh.helm.release.v1.r{n}.v1");
            raw
        })
        .collect()
}

#[test]
fn only_what_nobody_else_holds_is_collected() {
    let (_home, store) = open();
    let first = save(&store, 0, &releases(0..40));
    let second = save(&store, 1, &releases(20..60));
    let before = store.stats().unwrap();
    let done = store.forget(std::slice::from_ref(&first.id)).unwrap();
    assert_eq!(done.forgotten, std::slice::from_ref(&first.id));
    assert_eq!((done.kept, done.not_freed), (Vec::new(), None));
    let after = store.stats().unwrap();
    assert_eq!((before.records, after.records), (60, 40));
    assert!(done.freed > 0 && after.file + done.freed == before.file);
    assert_eq!(count(&store, "PRAGMA freelist_count"), 0);
    assert_eq!(store.snapshots().unwrap(), std::slice::from_ref(&second));
    for saved in releases(20..60) {
        let back = store.raw_record(&second.id, &saved.id).unwrap();
        assert_eq!(back.object, saved.object);
    }
    assert_eq!(store.verify(None).unwrap().damaged, []);
    store.forget(&[second.id]).unwrap();
    assert_eq!(count(&store, "SELECT count(*) FROM objects"), 0);
    assert_eq!(count(&store, "SELECT count(*) FROM histories"), 0);
}

#[test]
fn a_base_stays_while_something_is_compressed_on_it() {
    let (_home, store) = open();
    let saved = [
        record(1, Some(packed(&release(1)))),
        record(2, Some(packed(&release(2)))),
    ];
    let first = save(&store, 0, &saved[..1]);
    let second = save(&store, 1, &saved[1..]);
    assert!(
        count(
            &store,
            "SELECT count(*) FROM objects WHERE base IS NOT NULL"
        ) > 0
    );
    store.forget(&[first.id]).unwrap();
    let back = store.raw_record(&second.id, &saved[1].id).unwrap();
    assert_eq!(back.object, saved[1].object);
    assert_eq!(store.verify(None).unwrap().damaged, []);
}

#[test]
fn what_an_operation_refers_to_is_kept() {
    let (_home, store) = open();
    let snapshot = save(&store, 0, &releases(0..2));
    let held = begin(&store, &plan(), &snapshot.id, None, time(1)).unwrap();
    let done = store.forget(std::slice::from_ref(&snapshot.id)).unwrap();
    assert_eq!(done.forgotten, []);
    assert!(done.kept[0].1.contains(&held.operation().0));
    assert_eq!(store.snapshots().unwrap(), [snapshot]);
    let unknown = SnapshotId("ffff".to_owned());
    let error = store.forget(&[unknown]).unwrap_err();
    assert!(matches!(error, StoreError::NoSuchSnapshot { .. }));
}

#[test]
fn nothing_is_collected_while_a_snapshot_is_taken() {
    let (_home, store) = open();
    let first = save(&store, 0, &releases(0..5));
    let other = Store::open(store.dir()).unwrap();
    // It will refer to what only the first one holds.
    let mut writer = other.begin_snapshot(about(1, "backup")).unwrap();
    for raw in releases(0..5) {
        writer.add(&raw).unwrap();
    }
    let done = store.forget(&[first.id]).unwrap();
    assert_eq!(done.forgotten.len(), 1);
    assert!(done.not_freed.is_some());
    let second = writer.finish().unwrap();
    assert_eq!(store.verify(None).unwrap().damaged, []);
    store.forget(&[]).unwrap();
    assert_eq!(store.snapshots().unwrap(), [second]);
    assert_eq!(store.verify(None).unwrap().damaged, []);
}

#[test]
fn a_damaged_store_gives_no_space_back() {
    let (_home, store) = open();
    let first = save(&store, 0, &releases(0..2));
    save(&store, 1, &releases(2..4));
    let sql = "UPDATE objects SET bytes = x'00' WHERE id = (SELECT max(contents) FROM histories)";
    store.connection.execute(sql, ()).unwrap();
    let objects = || count(&store, "SELECT count(*) FROM objects");
    let before = objects();
    let done = store.forget(&[first.id]).unwrap();
    assert!(done.not_freed.unwrap().contains("damaged"));
    assert_eq!(objects(), before);
}

#[test]
fn a_dropped_snapshot_is_cleaned_up() {
    let (_home, store) = open();
    let mut writer = store.begin_snapshot(about(0, "backup")).unwrap();
    for raw in releases(0..9) {
        writer.add(&raw).unwrap();
    }
    writer.flush().unwrap();
    drop(writer);
    assert!(count(&store, "SELECT count(*) FROM objects") > 0);
    store.forget(&[]).unwrap();
    assert_eq!(count(&store, "SELECT count(*) FROM objects"), 0);
}

#[test]
fn a_thousand_snapshots_are_listed_at_once() {
    let (_home, store) = open();
    let saved = releases(0..30);
    for second in 0..4 {
        save(&store, second, &saved);
    }
    let writing = store.write().unwrap();
    for number in 10..1010 {
        writing
            .execute(
                "INSERT INTO snapshots SELECT id + ?1, seal, nonce, number + ?1, time, cluster,
                    reason, note, tags, scope, version, releases, records, objects, bytes, missing,
                    contents, live, histories FROM snapshots WHERE number = 1",
                [number],
            )
            .unwrap();
    }
    writing.commit().unwrap();
    // The time is for nobody to judge on a busy machine; that only rows of
    // snapshots are read is: what they hold is gone.
    store.connection.execute("DELETE FROM objects", ()).unwrap();
    store
        .connection
        .execute("DELETE FROM histories", ())
        .unwrap();
    let listed = store.list().unwrap();
    assert_eq!(listed.len(), 1004);
    assert_eq!(listed.iter().filter(|one| one.complete()).count(), 4);
}
