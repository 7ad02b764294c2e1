//! States of records beside the stuck ones: fires, stays silent, near misses.

use super::{find, healthy, only, stuck};
use crate::diagnose::*;
use crate::helm::{Digest, Driver, Status, codec};
use crate::live::{LiveObject, ObjectRef, Observed, Readiness};
use crate::survey::fixture::{NAMESPACE, ago, live, record, says, see, survey};
use crate::survey::{Payload, Record};

const INFO: Severity = Severity::Info;
const WARNING: Severity = Severity::Warning;

/// What its label announces is not over because nobody could read the rest.
#[test]
fn what_was_announced_and_not_read_is_unknown() {
    let too_large = Payload::TooLarge {
        digest: Digest::of(b""),
        bytes: 1,
    };
    for (status, id) in [
        (Status::PendingUpgrade, "stuck-pending"),
        (Status::Uninstalling, "stuck-uninstalling"),
    ] {
        for payload in [Payload::Unread, too_large.clone()] {
            let mut records = vec![
                record(1, Status::Deployed, 9000),
                record(2, status.clone(), 9000),
            ];
            records[1].payload = payload.clone();
            let mut seen = survey(records);
            seen.note_too_large();
            let found = only(&seen);
            assert_eq!((found.id, found.verdict), (id, Some(Verdict::Unknown)));
            assert_eq!(found.evidence[0].kind(), "unread");
            // Where no permission helps, none is asked for.
            let permission = found.advice[0].text.starts_with("make readable");
            assert_eq!(permission, payload == Payload::Unread);
        }
    }
}

#[test]
fn pending_in_history() {
    let records = || {
        vec![
            record(1, Status::PendingInstall, 9000),
            record(2, Status::PendingRollback, 8000),
            record(3, Status::Deployed, 4000),
        ]
    };
    let found = only(&survey(records()));
    assert_eq!((found.id, found.severity), ("pending-in-history", INFO));
    assert_eq!(found.subject.revision, Some(2));
    assert_eq!((found.verdict, found.evidence.len()), (None, 2));
    // The label is enough: no payload is read for it.
    let mut unread = records();
    unread[0].payload = Payload::Unread;
    unread[1].payload = Payload::Unread;
    let unread = survey(unread);
    assert_eq!(find(&unread), [("pending-in-history", INFO, None)]);
    assert_eq!(only(&unread).evidence[0].kind(), "labeled");
    // Where it was read, the payload counts.
    let mut repaired = records();
    says(&mut repaired[0]).status = Status::Failed;
    says(&mut repaired[1]).status = Status::Failed;
    let ids: Vec<_> = find(&survey(repaired)).iter().map(|f| f.0).collect();
    assert_eq!(ids, ["label-payload-mismatch", "label-payload-mismatch"]);
    // One that claims the newest revision too is not an old one.
    let mut twice = stuck();
    let mut copy = twice[1].clone();
    copy.id.name = "a-copy".into();
    twice.push(copy);
    let ids: Vec<_> = find(&survey(twice)).iter().map(|f| f.0).collect();
    assert_eq!(ids, ["duplicate-revision", "stuck-pending"]);
}

fn foreign(revision: u32) -> Record {
    let mut foreign = record(revision, Status::Deployed, 9000);
    foreign.payload = Payload::Foreign {
        format: "operator-controller chunks".into(),
    };
    foreign
}

#[test]
fn foreign_record() {
    let found = find(&survey(vec![foreign(1), foreign(2)]));
    assert_eq!(found, [("foreign-record", INFO, None); 2]);
    // Beside a release of Helm's it changes nothing, unless it is in its way.
    let with = |revision| {
        let mut records = healthy();
        records.push(foreign(revision));
        find(&survey(records))
    };
    assert_eq!(with(7), [("foreign-record", INFO, None)]);
    assert_eq!(with(3), [("foreign-record", WARNING, None)]);
    // Nor does it hide anything from the judgement of a stuck one.
    let mut records = stuck();
    records.push(foreign(7));
    let found = find(&survey(records));
    let stale = Some(Verdict::Stale);
    assert_eq!(found[0], ("stuck-pending", Severity::Error, stale));
}

#[test]
fn a_history_that_helm_cannot_read_is_read_at_once() {
    let unread = |mut record: Record| {
        record.payload = Payload::Unread;
        record
    };
    let old = || (1..20).map(|revision| unread(record(revision, Status::Superseded, 9000)));
    let mut broken = record(20, Status::Deployed, 4000);
    broken.payload = Payload::Undecodable {
        digest: Digest::of(b""),
        bytes: 0,
        reason: "empty".into(),
    };
    for last in [broken, foreign(20)] {
        let survey = survey(old().chain([last]).collect());
        assert_eq!(needs(&survey, &Policy::default()).len(), 19);
    }
    let healthy = old().chain([record(20, Status::Deployed, 4000)]);
    let survey = survey(healthy.collect());
    assert_eq!(needs(&survey, &Policy::default()), []);
}

#[test]
fn storage_namespace() {
    let mut records = healthy();
    says(&mut records[1]).namespace = "elsewhere".into();
    let found = only(&survey(records.clone()));
    assert_eq!((found.id, found.severity), ("storage-namespace", INFO));
    assert_eq!(found.subject.namespace, NAMESPACE);
    assert!(found.summary.contains("elsewhere"), "{}", found.summary);
    // Old SDKs named none, and an old revision says nothing of the next command.
    says(&mut records[1]).namespace = String::new();
    says(&mut records[0]).namespace = "elsewhere".into();
    assert_eq!(find(&survey(records)), []);
}

fn of_size(mut record: Record, size: usize) -> Record {
    let Payload::Decoded { bytes, .. } = &mut record.payload else {
        panic!("the fixture decodes");
    };
    *bytes = size as u64;
    record
}

#[test]
fn near_size_limit() {
    let percent = |percent: usize| (codec::TEXT_LIMIT * percent).div_ceil(100);
    let [old, newest] = healthy().try_into().unwrap();
    let found = |old_size, newest_size| {
        let records = vec![
            of_size(old.clone(), old_size),
            of_size(newest.clone(), newest_size),
        ];
        let findings = diagnose(&survey(records), &Policy::default());
        findings
            .into_iter()
            .map(|found| (found.id, found.severity, found.summary.contains("refused")))
            .collect::<Vec<_>>()
    };
    let near = "near-size-limit";
    assert_eq!(found(0, percent(80) - 1), []);
    assert_eq!(found(0, percent(80)), [(near, WARNING, false)]);
    assert_eq!(found(0, percent(95) - 1), [(near, WARNING, false)]);
    assert_eq!(found(0, percent(95)), [(near, WARNING, true)]);
    assert_eq!(found(percent(99), 0), [], "an old one is not written again");
}

fn in_config_maps(mut record: Record) -> Record {
    record.id.driver = Driver::ConfigMap;
    record
}

#[test]
fn two_drivers() {
    let both = |others: Vec<Record>| {
        let others = others.into_iter().map(in_config_maps);
        survey(healthy().into_iter().chain(others).collect())
    };
    let copied = only(&both(healthy()));
    assert_eq!((copied.id, copied.severity), ("two-drivers", WARNING));
    assert!(
        copied.summary.ends_with("are the same"),
        "{}",
        copied.summary
    );
    let moved_on = both(vec![
        record(2, Status::Superseded, 3000),
        record(3, Status::Deployed, 2000),
    ]);
    let summary = only(&moved_on).summary;
    assert!(
        summary.contains("secrets hold revision 2 as deployed"),
        "{summary}"
    );
    assert!(
        summary.contains("configmaps hold revision 3 as deployed"),
        "{summary}"
    );
    assert!(summary.ends_with("differ"), "{summary}");
    // Another release, another namespace, another format: no twin.
    let mut other = record(3, Status::Deployed, 2000);
    other.id.name = "sh.helm.release.v1.webs.v3".into();
    other.labels.insert("name", "webs");
    says(&mut other).name = "webs".into();
    assert_eq!(find(&both(vec![other])), []);
    let mut away = record(3, Status::Deployed, 2000);
    away.id.namespace = "elsewhere".into();
    says(&mut away).namespace = "elsewhere".into();
    assert_eq!(find(&both(vec![away])), []);
    assert_eq!(
        find(&both(vec![foreign(3)])),
        [("foreign-record", INFO, None)]
    );
}

#[test]
fn a_twin_that_helm_cannot_read_is_one_all_the_same() {
    let mut broken = in_config_maps(record(1, Status::Deployed, 9000));
    broken.payload = Payload::Undecodable {
        digest: Digest::of(b""),
        bytes: 0,
        reason: "empty".into(),
    };
    let mut records = healthy();
    records.push(broken);
    let found = find(&survey(records));
    let ids: Vec<_> = found.iter().map(|found| found.0).collect();
    assert_eq!(ids, ["undecodable-record", "two-drivers"]);
}

/// The object that would be revision 3, made so many seconds ago.
fn occupied(records: Vec<Record>, observed: Observed) -> Survey {
    let mut survey = survey(records);
    survey.scope.releases = vec!["web".into()];
    let object = ObjectRef {
        api_version: "v1".into(),
        kind: "Secret".into(),
        namespace: None,
        name: "sh.helm.release.v1.web.v3".into(),
    };
    see(survey, object, observed)
}

fn made(seconds: i64) -> Observed {
    let Observed::Present(live) = live(Readiness::Ready, Vec::new()) else {
        panic!("the fixture is there");
    };
    let created = Some(ago(seconds));
    Observed::Present(Box::new(LiveObject { created, ..*live }))
}

#[test]
fn occupied_revision() {
    let found = only(&occupied(healthy(), made(500)));
    assert_eq!(found.id, "occupied-revision");
    assert_eq!(found.severity, Severity::Error);
    assert_eq!(found.subject.revision, Some(3));
    assert_eq!(find(&occupied(healthy(), Observed::Missing)), []);
    // What came since the look may well be Helm's own next revision.
    for seconds in [0, -1] {
        assert_eq!(find(&occupied(healthy(), made(seconds))), []);
    }
    // Asked for only by name.
    let mut unnamed = occupied(healthy(), made(500));
    unnamed.scope.releases.clear();
    assert_eq!(find(&unnamed), []);
    let mut unseen = occupied(healthy(), made(500));
    unseen.objects.retain(|seen| seen.object.kind != "Secret");
    assert_eq!(needs(&unseen, &Policy::default()).len(), 1);
    unseen.scope.releases = vec!["webs".into()];
    assert_eq!(needs(&unseen, &Policy::default()), []);
}

#[test]
fn one_cause_gives_one_error() {
    let mut unlabeled = healthy();
    unlabeled.push(record(3, Status::Deployed, 500));
    unlabeled[2].labels = Default::default();
    let found = find(&occupied(unlabeled, made(500)));
    assert_eq!(found, [("unlabeled-record", Severity::Error, None)]);
}
