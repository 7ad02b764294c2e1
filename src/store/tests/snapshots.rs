//! What goes in comes out, whoever else is writing.

use std::fs;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::plan::Event;
use crate::survey::Unread;

#[test]
fn a_release_comes_back_with_the_same_json_and_object() {
    let (_home, store) = open();
    let saved = record(3, Some(packed(&release(3))));
    let snapshot = save(&store, 0, std::slice::from_ref(&saved));
    let back = store.raw_record(&snapshot.id, &saved.id).unwrap();
    assert_eq!(back.object, saved.object);
    let plain = codec::decode(&back.payload.unwrap(), codec::PLAIN_LIMIT).unwrap();
    assert_eq!(plain.json, release(3));
    assert!(count(&store, "SELECT count(*) FROM objects") > 2);
}

#[test]
fn what_helm_cannot_read_comes_back_as_it_was() {
    let mut torn = packed(&release(1));
    torn.truncate(torn.len() / 2);
    let (_home, store) = open();
    for payload in [
        None,
        Some(Vec::new()),
        Some(torn),
        Some(b"not base64 \xff".to_vec()),
        // JSON that was never compressed: base64 of `{"name":"x"}`.
        Some(b"eyJuYW1lIjoieCJ9".to_vec()),
        Some(vec![b'A'; 3 << 20]),
    ] {
        let saved = record(1, payload);
        let snapshot = save(&store, 0, std::slice::from_ref(&saved));
        assert_eq!(store.raw_record(&snapshot.id, &saved.id).unwrap(), saved);
    }
    assert_eq!(store.verify(None).unwrap().damaged, []);
}

#[test]
fn objects_of_other_programs_come_back_as_they_were() {
    let (_home, store) = open();
    let mut saved = record(1, None);
    saved.id.driver = Driver::ConfigMap;
    saved.object =
        json!({"data": {"chunk": "AAAA"}, "metadata": {"name": "z", "a": [1, -0.5, null]}});
    let snapshot = save(&store, 0, std::slice::from_ref(&saved));
    assert_eq!(store.raw_record(&snapshot.id, &saved.id).unwrap(), saved);
    assert_eq!(snapshot.records[0].uid, "");
}

#[test]
fn what_revisions_share_is_kept_once() {
    let (_home, store) = open();
    let one = save(&store, 0, &[record(1, Some(packed(&release(1))))]);
    let size = || count(&store, "SELECT sum(length(bytes)) FROM objects");
    let first = size();
    let both: Vec<_> = (1..=10)
        .map(|n| record(n, Some(packed(&release(n)))))
        .collect();
    let ten = save(&store, 1, &both);
    assert!(size() < first + first / 4, "{first} {}", size());
    assert_eq!(store.snapshots().unwrap(), [one, ten]);
}

#[test]
fn a_snapshot_says_what_it_holds_and_misses() {
    let (_home, store) = open();
    let unread = Unread {
        what: "secrets in namespace a".to_owned(),
        reason: "forbidden".to_owned(),
    };
    let text = packed(&release(2));
    let mut writer = store.begin_snapshot(about(5, "unstick")).unwrap();
    writer.add(&record(2, Some(b"older".to_vec()))).unwrap();
    writer.add(&record(2, Some(text.clone()))).unwrap();
    writer.missing(unread.clone());
    let snapshot = writer.finish().unwrap();
    assert_eq!(
        (snapshot.time, snapshot.reason.as_str()),
        (time(5), "unstick")
    );
    assert_eq!(snapshot.missing, [unread]);
    assert!(!snapshot.complete());
    assert_eq!(snapshot.records.len(), 1);
    assert_eq!(snapshot.bytes(), text.len() as u64);
    assert_eq!(store.snapshot(&snapshot.id.0[..6]).unwrap(), snapshot);
    let absent = record(9, None).id;
    let error = store.raw_record(&snapshot.id, &absent).unwrap_err();
    assert!(matches!(error, StoreError::NoSuchRecord { .. }));
}

#[test]
fn snapshots_are_listed_by_time() {
    let (_home, store) = open();
    let late = save(&store, 9, &[]);
    let early = save(&store, 1, &[]);
    let again = save(&store, 9, &[]);
    assert_ne!(late.id, again.id);
    assert_eq!(store.snapshots().unwrap(), [early, late, again]);
}

#[test]
fn a_dropped_snapshot_is_never_seen() {
    let (home, store) = open();
    let mut writer = store.begin_snapshot(about(0, "backup")).unwrap();
    for revision in 0..20 {
        writer
            .add(&record(revision, Some(packed(&release(revision)))))
            .unwrap();
    }
    writer.flush().unwrap();
    drop(writer);
    drop(store);
    let store = Store::open(&home.path().join("store")).unwrap();
    assert_eq!(store.snapshots().unwrap(), []);
    assert!(count(&store, "SELECT count(*) FROM objects") > 0);
    let whole = save(&store, 1, &[record(1, Some(packed(&release(1))))]);
    assert_eq!(store.snapshots().unwrap(), [whole]);
    assert_eq!(store.verify(None).unwrap().damaged, []);
}

#[cfg(unix)]
#[test]
fn only_the_user_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let (home, store) = open();
    let snapshot = save(&store, 0, &[record(1, None)]);
    let held = begin(&store, &plan(), &snapshot.id, None, time(0)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut pending = vec![home.path().join("store")];
    let mut files = 0;
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            assert_eq!(mode(&path), 0o700, "{path:?}");
            pending.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else {
            assert_eq!(mode(&path), 0o600, "{path:?}");
            files += 1;
        }
    }
    // The database, its two companions, and three locks.
    assert_eq!(files, 6);
    drop(held);
}

#[test]
fn looking_creates_nothing() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("store");
    assert!(Store::open_existing(&dir).unwrap().is_none());
    assert!(!dir.exists());
    drop(Store::open(&dir).unwrap());
    assert!(Store::open_existing(&dir).unwrap().is_some());
    // Where nobody can look, nobody knows that there is none.
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(Store::open_existing(&file.join("store")).is_err());
}

#[test]
fn a_newer_format_is_read_and_never_written() {
    let (home, store) = open();
    let saved = record(1, Some(packed(&release(1))));
    let snapshot = save(&store, 0, std::slice::from_ref(&saved));
    let operation = begin(&store, &plan(), &snapshot.id, None, time(0)).unwrap();
    store
        .connection
        .pragma_update(None, "user_version", schema::FORMAT + 1)
        .unwrap();
    let newer = Store::open(&home.path().join("store")).unwrap();
    let refused = |error| matches!(error, StoreError::NewerFormat { found: 2, known: 1 });
    assert!(refused(
        newer.begin_snapshot(about(1, "backup")).err().unwrap()
    ));
    assert!(refused(
        newer
            .append(operation.operation(), &Event::Ended)
            .unwrap_err()
    ));
    assert!(refused(
        begin(&newer, &plan(), &snapshot.id, None, time(1)).unwrap_err()
    ));
    // Nor by a statement that forgot to ask.
    assert!(
        newer
            .connection
            .execute("DELETE FROM snapshots", ())
            .is_err()
    );
    assert_eq!(newer.snapshots().unwrap(), std::slice::from_ref(&snapshot));
    assert_eq!(
        newer.raw_record(&snapshot.id, &saved.id).unwrap().object,
        saved.object
    );
    assert_eq!(newer.verify(None).unwrap().damaged, []);
}

#[test]
fn another_programs_database_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("store.db");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE t (a)").unwrap();
    let error = Store::open(home.path()).unwrap_err();
    assert!(matches!(error, StoreError::NotAStore { .. }));
    drop(other);
    fs::write(&path, "not a database, but long enough to be looked at").unwrap();
    let error = Store::open(home.path()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }));
}

#[test]
fn a_locked_or_full_store_says_so() {
    let (_home, store) = open();
    let other = Store::open(store.dir()).unwrap();
    let held = other.write().unwrap();
    store.connection.busy_timeout(Duration::ZERO).unwrap();
    let error = store.begin_snapshot(about(0, "backup")).err().unwrap();
    assert!(matches!(error, StoreError::Locked(_)), "{error:?}");
    drop(held);
    let pages = count(&store, "PRAGMA page_count");
    store
        .connection
        .pragma_update(None, "max_page_count", pages + 1)
        .unwrap();
    let mut writer = store.begin_snapshot(about(0, "backup")).unwrap();
    writer.add(&record(1, Some(vec![b'#'; 100]))).unwrap();
    let noise: Vec<u8> = (0..9000_u32)
        .flat_map(|n| *Digest::of(&n.to_be_bytes()).as_bytes())
        .collect();
    writer.add(&record(2, Some(noise))).unwrap();
    let error = writer.finish().unwrap_err();
    assert!(matches!(error, StoreError::Full(_)), "{error:?}");
    assert_eq!(store.snapshots().unwrap(), []);
}

#[test]
fn two_processes_may_write_at_once() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("store");
    let saved: Vec<_> = (1..=30)
        .map(|n| record(n, Some(packed(&release(n % 7)))))
        .collect();
    std::thread::scope(|scope| {
        for second in 0..4 {
            let (dir, saved) = (&dir, &saved);
            scope.spawn(move || {
                let store = Store::open(dir).unwrap();
                let mut writer = store.begin_snapshot(about(second, "backup")).unwrap();
                for record in saved {
                    writer.add(record).unwrap();
                    writer.flush().unwrap();
                }
                writer.finish().unwrap();
            });
        }
    });
    let store = Store::open(&dir).unwrap();
    assert_eq!(store.snapshots().unwrap().len(), 4);
    let verified = store.verify(None).unwrap();
    assert_eq!((verified.snapshots, verified.damaged), (4, Vec::new()));
    // Nobody stored a second time what another did.
    let digests = "SELECT count(DISTINCT digest) - count(*) FROM objects";
    assert_eq!(count(&store, digests), 0);
    assert_eq!(count(&store, "SELECT count(*) FROM histories"), 1);
}

#[test]
fn an_id_may_be_shortened_while_it_is_clear() {
    let (_home, store) = open();
    // With more snapshots than hexadecimal digits, two begin alike.
    let snapshots: Vec<_> = (0..17).map(|n| save(&store, n, &[])).collect();
    let first = |snapshot: &Snapshot| snapshot.id.0[..1].to_owned();
    let prefix = snapshots
        .iter()
        .map(first)
        .find(|prefix| snapshots.iter().filter(|s| first(s) == *prefix).count() > 1)
        .unwrap();
    let error = store.snapshot(&prefix).unwrap_err();
    assert!(matches!(error, StoreError::AmbiguousSnapshot { .. }));
    assert_eq!(store.snapshot(&snapshots[3].id.0).unwrap(), snapshots[3]);
    // What precedes a verb's writes is no backup.
    store
        .begin_snapshot(about(18, "restore"))
        .and_then(|writer| writer.finish())
        .unwrap();
    assert_eq!(
        store.snapshot("latest").unwrap(),
        *snapshots.last().unwrap()
    );
    for none in ["", "g", "%", "00000000000000000"] {
        let error = store.snapshot(none).unwrap_err();
        assert!(matches!(error, StoreError::NoSuchSnapshot { .. }), "{none}");
    }
}

fn any_object() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(".{0,8}", inner, 0..5).prop_map(Value::from_iter),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_record_is_taken_apart_and_put_together(
        object in any_object(),
        plain in prop::collection::vec(any::<u8>(), 0..4000),
        compressed in any::<bool>(),
    ) {
        let payload = if compressed { packed(&plain) } else { plain.clone() };
        let mut saved = record(1, Some(payload));
        saved.object = object;
        let mut unpacker = codec::Unpacker::default();
        let taken = recipe::Taken::apart(&saved, &mut unpacker, &mut recipe::Chart::default()).unwrap();
        let entry = contents::Entry::new(&taken.row, 1, Vec::new());
        let parts: Vec<_> = taken.parts().map(|(digest, part)| (digest, part.to_vec())).collect();
        let rest = (taken.row.rest, taken.rest.clone());
        let back = recipe::together(saved.id.clone(), &entry, &rest, &parts).unwrap();
        prop_assert_eq!(&back.object, &saved.object);
        if compressed && !plain.is_empty() {
            let text = back.payload.unwrap();
            prop_assert_eq!(codec::decode(&text, codec::PLAIN_LIMIT).unwrap().json, plain);
        } else {
            prop_assert_eq!(back.payload, saved.payload);
        }
    }
}

/// Charts that are, or are not, the one before them: one may begin another.
fn charts() -> impl Strategy<Value = String> {
    let (spaces, nines) = (" ".repeat(2000), "9".repeat(2000));
    let large = format!("{{\"templates\":[\"{spaces}\"]}}");
    // Three, of which the last may be another one.
    let templates = "t".repeat(70_000);
    let pieces = |end: &str| {
        format!("{{\"templates\":[\"{templates}\",\"1{templates}\",\"{spaces}{end}\"]}}")
    };
    prop::sample::select(vec![
        large.clone(),
        large.replace("]}", "],\"files\":[]}"),
        large.replace("]}", "]"),
        pieces("x"),
        pieces("y"),
        format!("{large}}}"),
        nines.clone(),
        nines + "9",
        format!("[\"{spaces}\"]"),
        "{}".to_owned(),
        "null".to_owned(),
    ])
}

proptest! {
    /// What was taken apart before a record changes nothing about it.
    #[test]
    fn the_chart_before_is_only_a_short_cut(charts in prop::collection::vec(charts(), 1..9)) {
        let mut last = recipe::Chart::default();
        let [mut one, mut other] = [(); 2].map(|()| codec::Unpacker::default());
        for (revision, chart) in charts.iter().enumerate() {
            let name = "x".repeat(revision % 3);
            let json = format!(r#"{{"name":"{name}","info":{{}},"chart":{chart},"version":1}}"#);
            let saved = record(1, Some(packed(json.as_bytes())));
            let mut none = recipe::Chart::default();
            let alone = recipe::Taken::apart(&saved, &mut one, &mut none).unwrap();
            let again = recipe::Taken::apart(&saved, &mut other, &mut last).unwrap();
            prop_assert_eq!(&again.row, &alone.row);
            prop_assert_eq!(&again.rest, &alone.rest);
            prop_assert!(again.parts().eq(alone.parts()));
        }
    }
}
