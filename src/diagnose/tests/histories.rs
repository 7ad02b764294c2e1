//! States of whole histories: fires, stays silent, near misses.

use super::{find, healthy, only, stuck};
use crate::diagnose::*;
use crate::helm::Status;
use crate::survey::fixture::{record, says, survey};
use crate::survey::{Payload, Record};

const INFO: Severity = Severity::Info;
const WARNING: Severity = Severity::Warning;
const ERROR: Severity = Severity::Error;

fn ids(survey: &Survey) -> Vec<&'static str> {
    find(survey).iter().map(|found| found.0).collect()
}

#[test]
fn last_unknown() {
    for status in ["unknown", "DEPLOYED", ""] {
        let alone = survey(vec![record(1, Status::from(status), 4000)]);
        let expected = [("last-unknown", ERROR, None), ("none-deployed", INFO, None)];
        assert_eq!(find(&alone), expected, "{status}");
        let beside = survey(vec![
            record(1, Status::Deployed, 9000),
            record(2, Status::from(status), 4000),
        ]);
        assert_eq!(find(&beside), [("last-unknown", WARNING, None)]);
    }
    let in_history = survey(vec![
        record(1, Status::Unknown, 9000),
        record(2, Status::Deployed, 4000),
    ]);
    assert_eq!(find(&in_history), []);
    // Helm selects by label: this one is none that it would upgrade from.
    let mut mislabeled = record(1, Status::Unknown, 4000);
    mislabeled.labels.insert("status", "deployed");
    let expected = [
        ("label-payload-mismatch", ERROR, None),
        ("last-unknown", ERROR, None),
    ];
    assert_eq!(find(&survey(vec![mislabeled])), expected);
}

/// A copy of a record under a name that says nothing.
fn copy(of: &Record) -> Record {
    let mut copy = of.clone();
    copy.id.name = "a-copy".into();
    copy
}

#[test]
fn duplicate_revision() {
    let mut records = healthy();
    records.push(copy(&records[1]));
    let found = only(&survey(records));
    assert_eq!((found.id, found.severity), ("duplicate-revision", ERROR));
    assert_eq!(found.subject.revision, Some(2));
    assert_eq!(found.evidence.len(), 2);
    assert!(found.summary.contains("a-copy"), "{}", found.summary);
    // An old one does less harm.
    let mut records = healthy();
    records.push(copy(&records[0]));
    assert_eq!(
        find(&survey(records)),
        [("duplicate-revision", WARNING, None)]
    );
    // Once the revision moved on, the copy that says deployed is seen beside it.
    let mut records = healthy();
    records.push(copy(&records[1]));
    records[1] = record(2, Status::Superseded, 4000);
    records.push(record(3, Status::Deployed, 3000));
    assert_eq!(
        find(&survey(records)),
        [
            ("several-deployed", ERROR, None),
            ("duplicate-revision", WARNING, None),
        ]
    );
    let mut records = stuck();
    records.push(copy(&records[1]));
    assert_eq!(
        ids(&survey(records)),
        ["duplicate-revision", "stuck-pending"]
    );
}

#[test]
fn the_payload_says_which_revision_a_record_claims() {
    let mut records = healthy();
    says(&mut records[1]).version = 1;
    assert_eq!(
        ids(&survey(records)),
        ["duplicate-revision", "label-payload-mismatch"]
    );
    // One that cannot be read claims nothing, and is told of by itself.
    let mut records = healthy();
    let mut broken = copy(&records[1]);
    broken.payload = Payload::Undecodable {
        digest: crate::helm::Digest::of(b""),
        bytes: 0,
        reason: "empty".into(),
    };
    records.push(broken);
    assert_eq!(ids(&survey(records)), ["undecodable-record"]);
}

fn long(revisions: u32) -> Survey {
    let old = (1..revisions).map(|revision| {
        let mut old = record(revision, Status::Superseded, 9000);
        old.payload = Payload::Unread;
        old
    });
    let newest = record(revisions, Status::Deployed, 4000);
    survey(old.chain([newest]).collect())
}

#[test]
fn history_bloat() {
    assert_eq!(find(&long(20)), []);
    assert_eq!(find(&long(21)), [("history-bloat", INFO, None)]);
    assert_eq!(find(&long(99)), [("history-bloat", INFO, None)]);
    assert_eq!(find(&long(100)), [("history-bloat", WARNING, None)]);
    // What was not read is taken to be as large as what was.
    let of_size = |size: u64| {
        let mut large = long(64);
        for record in &mut large.records {
            if let Payload::Decoded { bytes, .. } = &mut record.payload {
                *bytes = size;
            }
        }
        only(&large)
    };
    assert_eq!(of_size((512 << 10) - 1).severity, INFO);
    let found = of_size(512 << 10);
    assert_eq!(found.severity, WARNING);
    assert!(matches!(
        &found.advice[0].command,
        Some(Command::Own(words)) if words[0] == "prune"
    ));
}

#[test]
fn a_failed_rollback_says_what_ran_before() {
    let records = |description: &str, before: Status| {
        let mut records = vec![
            record(1, Status::Superseded, 9000),
            record(2, before, 5000),
            record(3, Status::Failed, 4000),
        ];
        says(&mut records[2]).description = description.into();
        only(&survey(records))
    };
    let rollback = r#"Rollback "web" failed: no"#;
    let found = records(rollback, Status::Superseded);
    assert_eq!((found.id, found.severity), ("none-deployed", WARNING));
    assert!(found.summary.contains("superseded revision 2"));
    assert!(matches!(
        &found.advice[0].command,
        Some(Command::Helm(_, words)) if words[..3] == ["rollback", "web", "2"]
    ));
    for (description, before) in [
        ("Upgrade \"web\" failed: no", Status::Superseded),
        (rollback, Status::Failed),
    ] {
        let found = records(description, before);
        assert!(found.summary.contains("no revision is labeled deployed"));
    }
}

#[test]
fn names_from_a_cluster_are_bounded() {
    let mut records = vec![record(1, Status::Superseded, 9000)];
    records.extend((0..500).map(|number| {
        let mut copy = record(1, Status::Superseded, 9000);
        copy.id.name = format!("copy-{number}");
        copy
    }));
    records.push(record(2, Status::Deployed, 4000));
    let findings = diagnose(&survey(records), &Policy::default());
    let twice = findings.iter().find(|one| one.id == "duplicate-revision");
    let twice = twice.unwrap();
    assert!(
        twice.summary.ends_with("and 491 more)"),
        "{}",
        twice.summary
    );
    assert_eq!(twice.evidence.len(), 10);
}
