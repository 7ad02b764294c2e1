//! What is read before anybody knows whether it is wanted, and what is read back
//! before anything is reported.

use std::collections::HashSet;

use super::incremental::{backup, revision, seen};
use super::*;
use crate::store::objects::Reader;
use crate::store::read_back::{self, Written};
use crate::store::sum::Sum;

#[test]
fn what_was_read_ahead_and_is_not_the_newest_is_not_believed() {
    let (_home, store) = open();
    let mut there = [revision("web", 1)];
    backup(&store, 0, 10, &there);
    // An etcd that was restored gave the same version to something else, and
    // only what came before an operation saw it.
    there[0].payload = Some(packed(&release(2)).into());
    let mut writer = store.begin_snapshot(about(1, "unstick")).unwrap();
    writer.add(&there[0]).unwrap();
    writer.finish().unwrap();
    let (snapshot, read) = backup(&store, 2, 11, &there);
    assert_eq!(read, 0);
    let back = store.raw_record(&snapshot.id, &there[0].id).unwrap();
    let plain = codec::decode(&back.payload.unwrap(), codec::PLAIN_LIMIT).unwrap();
    assert_eq!(plain.json, release(2));
}

#[test]
fn what_was_read_ahead_is_not_collected() {
    let (_home, store) = open();
    let there = [revision("web", 1)];
    let (first, _) = backup(&store, 0, 10, &there);
    let (ahead, saved) = Store::open_ahead(store.dir()).unwrap().unwrap();
    assert!(store.forget(&[first.id]).unwrap().not_freed.is_some());
    let seen: Vec<_> = there.iter().map(seen).collect();
    // No snapshot says of which state of the cluster it is.
    let known = ahead.known(saved, Some("c1"), Some(11), &seen).unwrap();
    assert_eq!(known.len(), 0);
}

#[test]
fn of_another_cluster_nothing_that_was_read_ahead_is_known() {
    let (_home, store) = open();
    let there = [revision("web", 1)];
    backup(&store, 0, 10, &there);
    let seen: Vec<_> = there.iter().map(seen).collect();
    for (cluster, known) in [("c1", 1), ("c2", 0)] {
        let saved = store.saved().unwrap();
        let found = store.known(saved, Some(cluster), Some(11), &seen).unwrap();
        assert_eq!(found.len(), known, "{cluster}");
    }
}

#[test]
fn nothing_is_read_ahead_of_a_store_that_was_never_begun() {
    let home = tempfile::tempdir().unwrap();
    assert!(Store::open_ahead(home.path()).unwrap().is_none());
    std::fs::write(home.path().join("store.db"), b"").unwrap();
    assert!(Store::open_ahead(home.path()).unwrap().is_none());
}

#[test]
fn an_object_that_is_not_what_was_written_is_not_reported() {
    let (_home, store) = open();
    save(&store, 0, &[record(1, Some(packed(&release(1))))]);
    let mut statement = store.connection.prepare("SELECT id FROM objects").unwrap();
    let keys = statement.query_map((), |row| row.get(0)).unwrap();
    let keys: Vec<i64> = keys.collect::<Result<_, _>>().unwrap();
    assert!(keys.len() > 1);
    for key in keys {
        let (digest, plain) = Reader::new(&store.connection).load(key).unwrap();
        let other = Digest::of(b"other");
        for (digest, sum, same) in [
            (digest, Some(Sum::of(&plain)), true),
            (digest, None, true),
            (digest, Some(Sum::of(b"other")), false),
            (other, Some(Sum::of(&plain)), false),
            (other, None, false),
        ] {
            let written = [Written { key, digest, sum }];
            let proven = read_back::beside(store.dir(), &written, || Ok(()));
            assert_eq!(proven.is_ok(), same);
        }
    }
}

#[test]
fn what_cannot_be_read_back_is_never_visible() {
    let (_home, store) = open();
    let mut writer = store.begin_snapshot(about(0, "backup")).unwrap();
    writer.add(&record(1, Some(packed(&release(1))))).unwrap();
    writer.flush().unwrap();
    let harm = "UPDATE objects SET bytes = zeroblob(length(bytes))";
    let other = Store::open(store.dir()).unwrap();
    assert!(other.connection.execute(harm, ()).unwrap() > 0);
    assert!(writer.finish().is_err());
    assert_eq!(store.list().unwrap(), []);
    assert_eq!(count(&store, "SELECT count(*) FROM histories"), 0);
    // Nor is it believed by the next one.
    save(&store, 1, &[record(1, Some(packed(&release(1))))]);
    assert_eq!(store.verify(None).unwrap().damaged, []);
}

#[test]
fn rows_that_are_not_what_was_written_are_taken_back() {
    let (_home, store) = open();
    save(&store, 0, &[record(1, None)]);
    let harm = "CREATE TRIGGER harm AFTER INSERT ON snapshots
        BEGIN UPDATE histories SET seal = zeroblob(32); END";
    store.connection.execute_batch(harm).unwrap();
    let mut writer = store.begin_snapshot(about(1, "backup")).unwrap();
    writer.add(&record(2, None)).unwrap();
    let broken = writer.finish().unwrap_err().to_string();
    assert!(!broken.contains("taken back"), "{broken}");
    assert_eq!(store.list().unwrap().len(), 1);
}

#[test]
fn rows_that_are_not_what_was_written_are_not_reported() {
    for (harm, whole) in [
        ("SELECT 1", true),
        ("UPDATE histories SET seal = zeroblob(32)", false),
        ("DELETE FROM histories", false),
        ("UPDATE snapshots SET note = 'other'", false),
        ("UPDATE snapshots SET histories = '[]'", false),
    ] {
        let (_home, store) = open();
        let snapshot = save(&store, 0, &[record(1, None), record(2, None)]);
        store.connection.execute_batch(harm).unwrap();
        for kept in [HashSet::new(), HashSet::from([1])] {
            let rows = read_back::rows_beside(store.dir(), &snapshot.id, &kept, || ());
            assert_eq!(rows.is_ok(), whole, "{harm}");
        }
    }
}
