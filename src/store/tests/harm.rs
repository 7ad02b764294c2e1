//! What was harmed is found, and never comes back as if it were whole.

use std::fs;

use super::*;
use crate::plan::{Event, Receipt};
use crate::snapshot::Summary;

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

/// A closed store: its one file, and what was put into it.
struct Closed {
    file: Vec<u8>,
    snapshots: Vec<Snapshot>,
    records: Vec<RawRecord>,
    receipt: Receipt,
}

/// Two releases and a torn record, a live object, a snapshot that shares most of
/// it, and an operation.
fn closed() -> Closed {
    let (_home, store) = open();
    let mut records: Vec<_> = (1..=3)
        .map(|n| record(n, Some(packed(&release(n)))))
        .collect();
    records.push(record(4, Some(b"torn".to_vec())));
    let mut other = record(1, Some(packed(&release(9))));
    other.id.namespace = "away".to_owned();
    records.push(other);
    let mut snapshots = Vec::new();
    for held in [&records[1..], &records] {
        let mut writer = store.begin_snapshot(about(0, "backup")).unwrap();
        for record in held {
            writer.add(record).unwrap();
        }
        let (object, json) = live("web");
        writer.add_object(&object, &json).unwrap();
        snapshots.push(writer.finish().unwrap());
    }
    let held = begin(&store, &plan(), &snapshots[0].id, None, time(0)).unwrap();
    store.append(held.operation(), &Event::Ended).unwrap();
    let receipt = store.operation(&held.operation().0).unwrap();
    let path = files::database(store.dir());
    drop(store);
    let file = fs::read(path).unwrap();
    Closed {
        file,
        snapshots,
        records,
        receipt,
    }
}

/// What harm did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Everything is as it was.
    Harmless,
    /// Something is lost, and found to be.
    Some,
    /// Nothing can be restored any more.
    All,
}

/// What a payload decodes to, or its text.
fn meaning(record: &RawRecord) -> Vec<u8> {
    let text = record.payload.clone().unwrap_or_default();
    match codec::decode(&text, codec::PLAIN_LIMIT) {
        Ok(plain) => plain.json,
        Err(_) => text.to_vec(),
    }
}

impl Closed {
    /// Opens the file after it was harmed: whatever can still be read is right,
    /// and whatever cannot is found.
    fn harmed(&self, file: &[u8]) -> Outcome {
        let home = tempfile::tempdir().unwrap();
        fs::write(files::database(home.path()), file).unwrap();
        // An error is an answer; here and below, a wrong byte would not be.
        let Ok(store) = Store::open(home.path()) else {
            return Outcome::All;
        };
        let mut lost = store.snapshots().ok().as_ref() != Some(&self.snapshots);
        lost |= store.operations().ok().as_deref() != Some(std::slice::from_ref(&self.receipt));
        lost |= !store.list().is_ok_and(|all| {
            all.iter().map(|one| &one.id).eq(self.ids()) && all.iter().all(Summary::complete)
        });
        let mut restored = 0;
        for record in &self.records {
            let mut from = self.snapshots.iter().rev();
            let found = from.find_map(|snapshot| store.raw_record(&snapshot.id, &record.id).ok());
            lost |= store.raw_record(&self.snapshots[1].id, &record.id).is_err();
            if let Some(back) = found {
                assert_eq!(back.object, record.object);
                assert_eq!(meaning(&back), meaning(record));
                restored += 1;
            }
        }
        let (object, json) = live("web");
        match store.live_object(&self.snapshots[0].id, &object) {
            Ok(back) => assert_eq!(back, json),
            Err(_) => lost = true,
        }
        if !lost {
            return Outcome::Harmless;
        }
        let found = store.verify(None);
        assert!(found.map_or(true, |found| !found.damaged.is_empty()));
        match restored {
            0 => Outcome::All,
            _ => Outcome::Some,
        }
    }

    fn ids(&self) -> impl Iterator<Item = &SnapshotId> {
        self.snapshots.iter().map(|snapshot| &snapshot.id)
    }

    /// Harms the file in so many ways, on all cores.
    fn all_harmed(
        &self,
        ways: Vec<usize>,
        harm: impl Fn(&mut Vec<u8>, usize) + Sync,
    ) -> Vec<Outcome> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            let harm = &harm;
            let threads: Vec<_> = ways
                .chunks(ways.len().div_ceil(cores))
                .map(|share| {
                    scope.spawn(move || {
                        let outcome = |way: &usize| {
                            let mut file = self.file.clone();
                            harm(&mut file, *way);
                            self.harmed(&file)
                        };
                        share.iter().map(outcome).collect::<Vec<_>>()
                    })
                })
                .collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap())
                .collect()
        })
    }
}

fn part(outcomes: &[Outcome], which: Outcome) -> usize {
    outcomes.iter().filter(|one| **one == which).count() * 100 / outcomes.len()
}

#[test]
fn a_store_that_was_not_harmed_is_whole() {
    let closed = closed();
    assert_eq!(closed.harmed(&closed.file), Outcome::Harmless);
}

#[test]
fn a_truncated_file_is_found() {
    let closed = closed();
    // A file of no bytes is a store that was never filled.
    let lengths: Vec<_> = (1..closed.file.len())
        .step_by(closed.file.len() / 97)
        .collect();
    let outcomes = closed.all_harmed(lengths, |file, length| file.truncate(length));
    assert!(!outcomes.contains(&Outcome::Harmless));
}

#[test]
fn a_flipped_bit_anywhere_is_found_or_harmless() {
    let closed = closed();
    let bits = closed.file.len() * 8;
    // Spread evenly over the file: all of them would take minutes.
    let outcomes = closed.all_harmed((0..bits).step_by(bits / 999).collect(), |file, bit| {
        file[bit / 8] ^= 1 << (bit % 8);
    });
    assert!(
        part(&outcomes, Outcome::Some) > 50,
        "{}",
        part(&outcomes, Outcome::Some)
    );
    // Only the first pages, which say what tables there are, hold everything.
    assert!(
        part(&outcomes, Outcome::All) < 15,
        "{}",
        part(&outcomes, Outcome::All)
    );
}

#[test]
fn a_lost_page_is_found_or_harmless() {
    let closed = closed();
    let page = usize::try_from(schema::PAGE).unwrap();
    for fill in [0, 0xff] {
        let pages = (0..closed.file.len()).step_by(page).collect();
        let outcomes = closed.all_harmed(pages, |file, at| file[at..at + page].fill(fill));
        assert!(part(&outcomes, Outcome::Some) > 50);
    }
}

#[test]
fn pages_that_changed_places_are_found_or_harmless() {
    let closed = closed();
    let page = usize::try_from(schema::PAGE).unwrap();
    let pages = closed.file.len() / page;
    let swaps = (0..pages * pages).filter(|swap| swap / pages < swap % pages);
    let outcomes = closed.all_harmed(swaps.step_by(7).collect(), |file, swap| {
        let (one, other) = (swap / pages * page, swap % pages * page);
        let (head, tail) = file.split_at_mut(other);
        head[one..one + page].swap_with_slice(&mut tail[..page]);
    });
    assert!(part(&outcomes, Outcome::Some) > 50);
}
