//! Archives: what goes out comes in, and nothing else does.

use proptest::prelude::*;

use super::super::archive::{Kind, Reader as Entries, Writer as Framed};
use super::*;
use crate::survey::{Record, stored};

/// A revision whose text is short, so that every byte of its archive can be
/// tried.
fn small(name: &str, revision: u32) -> RawRecord {
    let release = json!({
        "name": name, "namespace": "shop", "version": revision,
        "info": {"status": "deployed", "description": "a text that all revisions share, more or less"},
        "chart": {"metadata": {"name": "web"}, "templates": [{"name": "t", "data": "YQ=="}]},
        "manifest": "kind: ConfigMap\n",
    });
    let mut raw = record(
        revision,
        Some(packed(&serde_json::to_vec(&release).unwrap())),
    );
    raw.id.name = format!("sh.helm.release.v1.{name}.v{revision}");
    raw.object["metadata"]["name"] = raw.id.name.clone().into();
    raw
}

/// A snapshot of all that there is: revisions on a base, what does not decode,
/// live objects, and what could not be read.
fn sample(store: &Store) -> (Snapshot, Vec<RawRecord>) {
    let mut odd = record(9, Some(b"not Helm's".to_vec()));
    odd.id.name = "odd".to_owned();
    odd.object["metadata"]["name"] = "odd".into();
    let mut records: Vec<_> = (1..=3).map(|n| small("web", n)).collect();
    records.extend([small("api", 1), odd]);
    let about = About {
        note: "for the other store".to_owned(),
        tags: vec!["a".to_owned()],
        version: Some(50),
        ..about(0, "backup")
    };
    let mut writer = store.begin_snapshot(about).unwrap();
    for record in &records {
        writer.add(record).unwrap();
    }
    for name in ["web", "api"] {
        let (object, json) = live(name);
        writer.add_object(&object, &json).unwrap();
    }
    writer.missing(crate::survey::Unread {
        what: "Secret shop/lost".to_owned(),
        reason: "gone".to_owned(),
    });
    (writer.finish().unwrap(), records)
}

fn archive(store: &Store, snapshot: &Snapshot, parent: Option<&Snapshot>) -> Vec<u8> {
    let mut file = Vec::new();
    let parent = parent.map(|parent| &parent.id);
    let told = store.export(&snapshot.id, parent, &mut file).unwrap();
    assert_eq!(told.bytes, file.len() as u64);
    // `head -c -32 FILE | sha256sum` says what names it.
    let (all, digest) = file.split_at(file.len() - 32);
    assert_eq!(Digest::of(all).as_bytes(), digest);
    assert_eq!(told.digest.as_bytes(), digest);
    file
}

/// The archive with its entries changed, and digests that fit.
fn forged(file: &[u8], mut change: impl FnMut(Kind, &mut Vec<u8>) -> bool) -> Vec<u8> {
    let mut read = Entries::begin(file).unwrap();
    let mut out = Vec::new();
    let mut write = Framed::begin(&mut out).unwrap();
    loop {
        let mut entry = read.next().unwrap();
        if change(entry.kind, &mut entry.bytes) {
            write.entry(entry.kind, &[&entry.bytes]).unwrap();
        }
        if entry.kind == Kind::End {
            write.finish().unwrap();
            return out;
        }
    }
}

fn same(store: &Store, snapshot: &Snapshot, records: &[RawRecord]) {
    assert_eq!(store.snapshot(&snapshot.id.0).unwrap(), *snapshot);
    for record in records {
        let back = store.raw_record(&snapshot.id, &record.id).unwrap();
        assert_eq!(back.object, record.object);
        match codec::decode(record.payload.as_deref().unwrap(), codec::PLAIN_LIMIT) {
            Ok(plain) => {
                let text = back.payload.unwrap();
                let back = codec::decode(&text, codec::PLAIN_LIMIT).unwrap();
                assert_eq!(back.json, plain.json);
            }
            Err(_) => assert_eq!(back.payload, record.payload),
        }
    }
    assert_eq!(store.verify(None).unwrap().damaged, []);
}

#[test]
fn what_goes_out_comes_in_under_the_same_id() {
    let (_home, from) = open();
    let (snapshot, records) = sample(&from);
    let file = archive(&from, &snapshot, None);
    assert_eq!(archive(&from, &snapshot, None), file);
    let (_home, to) = open();
    // Its own keys are others.
    save(&to, 7, &[record(5, Some(packed(&release(5))))]);
    let told = to.import(&file[..]).unwrap();
    assert!(told.new && told.objects > 0);
    assert_eq!((&told.snapshot, told.parent), (&snapshot.id, None));
    same(&to, &snapshot, &records);
    let (object, json) = live("web");
    assert_eq!(to.live_object(&snapshot.id, &object).unwrap(), json);
    let again = to.import(&file[..]).unwrap();
    assert!(!again.new && again.objects == 0);
    assert_eq!(to.list().unwrap().len(), 2);
    // And on from there.
    let (_home, third) = open();
    third.import(&archive(&to, &snapshot, None)[..]).unwrap();
    same(&third, &snapshot, &records);
    // Where it was forgotten, it comes back.
    to.forget(std::slice::from_ref(&snapshot.id)).unwrap();
    assert!(to.import(&file[..]).unwrap().new);
    same(&to, &snapshot, &records);
}

#[test]
fn an_archive_may_hold_only_what_its_parent_lacks() {
    let (_home, from) = open();
    let mut there = vec![record(1, Some(packed(&release(1)))), small("api", 1)];
    let first = save(&from, 0, &there);
    there.push(record(2, Some(packed(&release(2)))));
    let second = save(&from, 1, &there);
    let whole = archive(&from, &second, None);
    let part = archive(&from, &second, Some(&first));
    assert!(
        part.len() * 3 < whole.len(),
        "{} {}",
        part.len(),
        whole.len()
    );
    let (_home, to) = open();
    let error = to.import(&part[..]).unwrap_err();
    assert!(matches!(&error, StoreError::NoParent { parent } if *parent == first.id));
    assert!(error.to_string().contains(&first.id.0));
    to.import(&archive(&from, &first, None)[..]).unwrap();
    let told = to.import(&part[..]).unwrap();
    assert_eq!(told.parent, Some(first.id.clone()));
    same(&to, &second, &there);
    same(&to, &first, &there[..2]);
    // A snapshot of its own parent's state needs nothing.
    let third = save(&from, 2, &there);
    let told = from
        .export(&third.id, Some(&second.id), std::io::sink())
        .unwrap();
    assert_eq!((told.objects, told.histories, told.kept), (0, 0, 2));
}

#[test]
fn a_cut_anywhere_is_found_and_leaves_nothing() {
    let (_home, from) = open();
    let file = archive(&from, &sample(&from).0, None);
    let to = Store::scratch().unwrap();
    for length in 0..file.len() {
        let error = to.import(&file[..length]).unwrap_err();
        match error {
            StoreError::NotAnArchive => assert!(length < 25),
            StoreError::DamagedArchive { reason, .. } => assert!(reason.contains("cut off")),
            other => panic!("{length}: {other}"),
        }
    }
    assert_eq!(to.list().unwrap(), []);
    let mut longer = file.clone();
    longer.push(b'\n');
    let error = to.import(&longer[..]).unwrap_err();
    assert!(error.to_string().contains("something follows"), "{error}");
    assert_eq!(to.list().unwrap(), []);
    assert!(to.import(&file[..]).unwrap().new);
}

#[test]
fn a_flipped_bit_anywhere_in_an_archive_is_found() {
    let (_home, from) = open();
    let mut file = archive(&from, &sample(&from).0, None);
    let to = Store::scratch().unwrap();
    let mut tried = 0;
    for at in 0..file.len() {
        for bit in [at % 8, (at + 5) % 8] {
            file[at] ^= 1 << bit;
            let error = to.import(&file[..]).unwrap_err();
            let found = matches!(
                error,
                StoreError::NotAnArchive
                    | StoreError::NewerArchive { .. }
                    | StoreError::DamagedArchive { .. }
            );
            assert!(found, "{at}: {error}");
            file[at] ^= 1 << bit;
            tried += 1;
        }
    }
    assert!(tried > 4000, "{tried}");
    assert_eq!(to.list().unwrap(), []);
    assert!(to.import(&file[..]).unwrap().new);
}

#[test]
fn a_forged_archive_is_refused() {
    let (_home, from) = open();
    let (snapshot, _) = sample(&from);
    let file = archive(&from, &snapshot, None);
    let says = |file: &[u8]| {
        let to = Store::scratch().unwrap();
        let error = to.import(file).unwrap_err().to_string();
        assert_eq!(to.list().unwrap(), []);
        error
    };
    let replaced = |kind, from: &'static str, to: &'static str| {
        forged(&file, move |found, bytes| {
            if found == kind {
                let text = String::from_utf8(bytes.clone()).unwrap();
                *bytes = text.replace(from, to).into_bytes();
            }
            true
        })
    };
    let without = |kind| forged(&file, move |found, _| found != kind);
    for (forged, expected) in [
        (
            replaced(Kind::Description, "other store", "other stare"),
            "seal is broken",
        ),
        (
            replaced(Kind::Description, "\"number\":1", "\"number\":2"),
            "seal is broken",
        ),
        (
            replaced(Kind::Description, "\"parent\":null", "\"parent\":7"),
            "form",
        ),
        (
            replaced(Kind::History, "\"u-2\"", "\"u-3\""),
            "another one than it says",
        ),
        (
            replaced(
                Kind::History,
                "\"namespace\":\"shop\"",
                "\"namespace\":\"shap\"",
            ),
            "another one",
        ),
        (
            replaced(Kind::History, "\"cluster\":\"c1\"", "\"cluster\":\"c2\""),
            "seal is broken",
        ),
        (
            replaced(Kind::History, "\"cluster\":\"c1\"", "\"cluster\":null"),
            "seal is broken",
        ),
        (
            replaced(
                Kind::History,
                "\"payload\":\"json\"",
                "\"payload\":\"text\"",
            ),
            "another one",
        ),
        (
            replaced(Kind::History, "\"at\":", "\"at\":99999"),
            "another one than it says",
        ),
        (
            replaced(Kind::History, "\"object\":", "\"object\":1"),
            "another one than it says",
        ),
        (
            replaced(Kind::Live, "\"name\":\"api\"", "\"name\":\"apx\""),
            "other things than were saved",
        ),
        (
            replaced(
                Kind::Live,
                "\"namespace\":\"shop\",\"objects",
                "\"namespace\":\"x\",\"objects",
            ),
            "another list",
        ),
        (
            replaced(Kind::End, "\"live\":1", "\"live\":2"),
            "counts other entries",
        ),
        (without(Kind::Object), "not there"),
        (without(Kind::History), "counts other entries"),
        (without(Kind::Live), "counts other entries"),
        (without(Kind::Description), "description is not there"),
    ] {
        let error = says(&forged);
        assert!(error.contains(expected), "{error}: {expected}");
    }
    let mut newer = file.clone();
    newer[ARCHIVE_MAGIC.len()] = b'2';
    assert_eq!(
        says(&newer),
        "read an archive of version 2: this version reads version 1"
    );
    // A length that nothing is behind reserves nothing.
    let mut huge = b"zadig-doctor archive 1\nO".to_vec();
    huge.extend(u32::MAX.to_be_bytes());
    assert!(says(&huge).contains("larger than any"));
    huge.truncate(24);
    huge.extend((100_u32 << 20).to_be_bytes());
    assert!(says(&huge).contains("cut off"));
}

#[test]
fn what_blows_up_is_stopped() {
    let (_home, from) = open();
    let file = archive(&from, &sample(&from).0, None);
    let zeros = vec![0; 100 << 20];
    let bomb = zstd::bulk::compress(&zeros, 3).unwrap();
    let mut first = true;
    let forged = forged(&file, |kind, bytes| {
        if kind == Kind::Object && std::mem::take(&mut first) {
            // Its size says one byte.
            bytes.truncate(32);
            bytes.extend([1, 0, 0, 0, 0, 1]);
            bytes.extend(&bomb);
        }
        true
    });
    let error = Store::scratch().unwrap().import(&forged[..]).unwrap_err();
    assert!(error.to_string().contains("it does not unpack"), "{error}");
}

/// What the cheap pass sees of it.
fn seen(record: &RawRecord) -> Record {
    let mut metadata = record.object["metadata"].clone();
    metadata["namespace"] = record.id.namespace.clone().into();
    stored::from_metadata(&metadata, record.id.driver)
}

#[test]
fn no_backup_believes_what_came_out_of_a_file() {
    let (_home, from) = open();
    let (snapshot, records) = sample(&from);
    let (_home, to) = open();
    let there: Vec<_> = records.iter().map(seen).collect();
    let known = |store: &Store, version| {
        store
            .known(Saved::default(), Some("c1"), Some(version), &there)
            .unwrap()
    };
    assert_eq!(known(&from, 50).len(), 5);
    to.import(&archive(&from, &snapshot, None)[..]).unwrap();
    assert_eq!(known(&to, 50).len(), 0);
    // A backup of the same state is its own, and known; the file's version
    // counts for nothing.
    let about = About {
        version: Some(20),
        ..about(1, "backup")
    };
    let mut writer = to.begin_snapshot(about).unwrap();
    for record in &records {
        writer.add(record).unwrap();
    }
    let own = writer.finish().unwrap();
    assert_eq!(known(&to, 20).len(), 5);
    let (found, _) = (
        to.snapshot(&own.id.0).unwrap(),
        to.forget(&[snapshot.id]).unwrap(),
    );
    assert_eq!(found, own);
    assert_eq!(known(&to, 20).len(), 5);
    same(&to, &own, &records);
}

#[test]
fn what_was_forgotten_is_in_no_archive() {
    let (_home, from) = open();
    let there: Vec<_> = (1..=4).map(|n| small("web", n)).collect();
    save(&from, 0, &there);
    // The first revision is the base of the others, and no part of this one.
    let later = save(&from, 1, &there[1..]);
    let based = "SELECT count(*) FROM objects WHERE base IS NOT NULL";
    assert!(count(&from, based) >= 3);
    let file = archive(&from, &later, None);
    let (_home, to) = open();
    to.import(&file[..]).unwrap();
    same(&to, &later, &there[1..]);
    assert!(count(&to, based) >= 1, "they have a base of their own");
    let digest = "SELECT min(o.digest) FROM objects o WHERE o.id IN (SELECT base FROM objects)";
    let base: Vec<u8> = from
        .connection
        .query_row(digest, (), |row| row.get(0))
        .unwrap();
    let there = "SELECT count(*) FROM objects WHERE digest = ?1";
    let found: i64 = to
        .connection
        .query_row(there, [base], |row| row.get(0))
        .unwrap();
    assert_eq!(found, 0);
}

#[test]
fn an_import_mends_what_is_damaged_here() {
    let (_home, from) = open();
    let (snapshot, records) = sample(&from);
    let file = archive(&from, &snapshot, None);
    let (_home, to) = open();
    to.import(&file[..]).unwrap();
    let parts = "UPDATE objects SET bytes = x'00' WHERE id NOT IN (SELECT contents FROM histories)
        AND id NOT IN (SELECT value FROM snapshots, json_each(snapshots.live))";
    to.connection.execute(parts, ()).unwrap();
    assert_ne!(to.verify(None).unwrap().damaged, []);
    // What is damaged goes into no archive.
    let error = to.export(&snapshot.id, None, std::io::sink()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }));
    let told = to.import(&file[..]).unwrap();
    assert!(!told.new && told.objects > 0);
    same(&to, &snapshot, &records);
}

proptest! {
    #[test]
    fn no_bytes_make_it_stumble(kind in prop::sample::select(&b"SOHKLE"[..]), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut file = b"zadig-doctor archive 1\n".to_vec();
        file.push(kind);
        file.extend((bytes.len() as u32).to_be_bytes());
        file.extend(bytes);
        let digest = Digest::of(&file);
        file.extend(digest.as_bytes());
        prop_assert!(Store::scratch().unwrap().import(&file[..]).is_err());
    }
}
