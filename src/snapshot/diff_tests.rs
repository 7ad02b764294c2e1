//! Two sides beside each other.

use serde_json::json;

use super::*;
use crate::helm::codec;

fn id(release: &str, revision: u32) -> RecordId {
    RecordId {
        namespace: "shop".into(),
        driver: Driver::Secret,
        name: format!("sh.helm.release.v1.{release}.v{revision}"),
    }
}

fn held(release: &str, revision: u32, version: &str) -> Held {
    Held {
        id: id(release, revision),
        uid: format!("{release}-{revision}"),
        resource_version: version.to_owned(),
    }
}

/// A record whose values say this many replicas.
fn record(release: &str, revision: u32, status: &str, replicas: u32) -> RawRecord {
    let json = json!({
        "name": release, "version": revision, "info": {"status": status},
        "config": {"replicas": replicas}, "manifest": format!("replicas: {replicas}"),
    });
    let json = serde_json::to_vec(&json).unwrap();
    RawRecord {
        id: id(release, revision),
        object: json!({"metadata": {"labels": {"status": status}}}),
        payload: Some(codec::encode(&json, codec::TEXT_LIMIT).unwrap().into()),
    }
}

fn reads(records: impl IntoIterator<Item = RawRecord>) -> Reads {
    let read = |record: RawRecord| (record.id.clone(), read(&record));
    records.into_iter().map(read).collect()
}

fn texts(json: &[u8]) -> Texts {
    let json: Value = serde_json::from_slice(json).unwrap();
    let text = |value: &Value| format!("{}\n", value.as_str().unwrap_or(&value.to_string()));
    Texts {
        values: text(&json["config"]),
        documents: vec![("Deployment web".to_owned(), text(&json["manifest"]))],
    }
}

fn only<'a>(before: &'a [Held], after: &'a [Held]) -> Pair<'a> {
    let mut pairs = pairs(before, after);
    assert_eq!(pairs.len(), 1);
    pairs.remove(0)
}

#[test]
fn what_nobody_wrote_to_is_not_read() {
    let side = [held("web", 1, "1"), held("web", 2, "2")];
    let pair = only(&side, &side);
    assert_eq!(pair.needs(true), [vec![], vec![]] as [Vec<&RecordId>; 2]);
    let nothing = Reads::new();
    assert_eq!(pair.compare(true, [&nothing, &nothing], texts), None);
    // Another cluster counts its own versions.
    assert_eq!(pair.needs(false).map(|side| side.len()), [2, 2]);
    let mut unknown = side.clone();
    unknown[0].uid.clear();
    assert_eq!(
        only(&unknown, &unknown).needs(true).map(|side| side.len()),
        [1, 1]
    );
}

#[test]
fn an_upgrade_shows_its_revisions_values_and_manifest() {
    let before = [held("web", 1, "1")];
    let after = [held("web", 1, "5"), held("web", 2, "6")];
    let pair = only(&before, &after);
    let (first, second) = (id("web", 1), id("web", 2));
    assert_eq!(pair.needs(true), [vec![&first], vec![&first, &second]]);
    let old = reads([record("web", 1, "deployed", 1)]);
    let new = reads([
        record("web", 1, "superseded", 1),
        record("web", 2, "deployed", 3),
    ]);
    let diff = pair.compare(true, [&old, &new], texts).unwrap();
    assert_eq!(diff.change, Change::Changed);
    assert_eq!(diff.revisions, [vec![1], vec![1, 2]]);
    let status = |side: &Option<Side>| side.as_ref().unwrap().told.as_ref().unwrap().status.clone();
    assert_eq!(status(&diff.newest[1]), "deployed");
    let [one, two] = &diff.changed[..] else {
        panic!("{:?}", diff.changed);
    };
    assert_eq!(
        (one.change, &one.fields[..]),
        (Change::Changed, &["payload", "labels"][..])
    );
    assert_eq!(
        (status(&one.sides[0]), status(&one.sides[1])),
        ("deployed".into(), "superseded".into())
    );
    assert_eq!((two.change, two.sides[0].is_none()), (Change::Added, true));
    assert_eq!(
        diff.values,
        "@@ -1 +1 @@\n-{\"replicas\":1}\n+{\"replicas\":3}\n"
    );
    assert_eq!(diff.documents.len(), 1);
    assert_eq!(
        diff.documents[0].diff,
        "@@ -1 +1 @@\n-replicas: 1\n+replicas: 3\n"
    );
}

#[test]
fn an_unchanged_newest_is_read_when_the_other_side_has_another() {
    let before = [held("web", 1, "1"), held("web", 2, "2")];
    let after = [held("web", 1, "1")];
    let pair = only(&before, &after);
    let (first, second) = (id("web", 1), id("web", 2));
    assert_eq!(pair.needs(true), [vec![&second], vec![&first]]);
    let old = reads([record("web", 2, "deployed", 2)]);
    let new = reads([record("web", 1, "superseded", 1)]);
    let diff = pair.compare(true, [&old, &new], texts).unwrap();
    assert_eq!(diff.changed.len(), 1);
    assert_eq!(diff.changed[0].change, Change::Removed);
    assert!(diff.values.contains("-{\"replicas\":2}"));
}

#[test]
fn a_release_of_one_side_is_told_by_its_newest() {
    let side = [held("web", 9, "1"), held("web", 10, "2")];
    let pair = only(&[], &side);
    let newest = id("web", 10);
    assert_eq!(pair.needs(true), [vec![], vec![&newest]]);
    let new = reads([record("web", 10, "deployed", 1)]);
    let diff = pair.compare(true, [&Reads::new(), &new], texts).unwrap();
    assert_eq!(
        (diff.change, &diff.revisions[1]),
        (Change::Added, &vec![9, 10])
    );
    assert!(diff.newest[0].is_none() && diff.changed.is_empty() && diff.values.is_empty());
    let gone = only(&side, &[]);
    assert_eq!(gone.needs(true), [vec![&newest], vec![]]);
    let diff = gone.compare(true, [&new, &Reads::new()], texts).unwrap();
    assert_eq!(diff.change, Change::Removed);
}

#[test]
fn how_a_payload_is_packed_is_no_difference() {
    let (before, after) = ([held("web", 1, "1")], [held("web", 1, "9")]);
    let pair = only(&before, &after);
    let mut again = record("web", 1, "deployed", 1);
    let json = crate::snapshot::plain(&again).unwrap();
    again.payload = Some(codec::encode(&json, codec::TEXT_LIMIT).unwrap().into());
    // An absent field and an empty one are the same to Kubernetes.
    again.object["metadata"]["annotations"] = json!({});
    again.object["immutable"] = json!(false);
    again.object["metadata"]["uid"] = json!("other");
    let (old, new) = (
        reads([record("web", 1, "deployed", 1)]),
        reads([again.clone()]),
    );
    assert_eq!(pair.compare(true, [&old, &new], texts), None);
    again.object["immutable"] = json!(true);
    let new = reads([again]);
    let diff = pair.compare(true, [&old, &new], texts).unwrap();
    assert_eq!(diff.changed[0].fields, ["immutable"]);
    assert!(diff.documents.is_empty());
}

#[test]
fn what_does_not_decode_is_compared_by_its_text() {
    let (before, after) = ([held("web", 1, "1")], [held("web", 1, "9")]);
    let pair = only(&before, &after);
    let torn = |text: &[u8]| RawRecord {
        payload: Some(text.to_vec().into()),
        ..record("web", 1, "deployed", 1)
    };
    let old = reads([torn(b"H4sI")]);
    assert_eq!(
        pair.compare(true, [&old, &reads([torn(b"H4sI")])], texts),
        None
    );
    let diff = pair
        .compare(true, [&old, &reads([torn(b"H4sJ")])], texts)
        .unwrap();
    assert_eq!(diff.changed[0].fields, ["payload"]);
    assert!(diff.newest[0].as_ref().unwrap().told.is_err());
    // What could not be read is no difference; it is said elsewhere.
    assert_eq!(pair.compare(true, [&old, &Reads::new()], texts), None);
}

#[test]
fn texts_are_paired_by_name_and_order() {
    let text = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let before = [
        text("A", "a\n"),
        text("A", "b\n"),
        text("B", "b\n"),
        text("C", "c\n"),
    ];
    let after = [
        text("D", "d\n"),
        text("A", "a\n"),
        text("A", "x\n"),
        text("C", "c\n"),
    ];
    let diff = compare(&before, &after);
    let told: Vec<_> = diff
        .iter()
        .map(|one| (&*one.name, one.change, &*one.diff))
        .collect();
    assert_eq!(
        told,
        [
            ("A", Change::Changed, "@@ -1 +1 @@\n-b\n+x\n"),
            ("B", Change::Removed, "@@ -1 +0,0 @@\n-b\n"),
            ("D", Change::Added, "@@ -0,0 +1 @@\n+d\n"),
        ]
    );
}
