//! Whether an operation would go through: every state, every answer.

use super::{healthy, stuck, waiting};
use crate::diagnose::ready::{Answer, Operation, Question, Ready, Weight, needs, ready};
use crate::diagnose::*;
use crate::helm::{Driver, Status};
use crate::live::{Change, Compared, Difference, Found, LiveObject, ObjectRef, Observed};
use crate::survey::fixture::{
    NAMESPACE, ago, deployment, live, place, present, record, says, see, serve, survey, writer,
};
use crate::survey::{Comparison, NamespaceState, Payload, Record, SeenComparison, Survey, Unread};

use Answer::{No, Unknown, Yes};
use Operation::{Rollback, Uninstall, Upgrade};

const ALL: [Operation; 3] = [Upgrade, Rollback, Uninstall];

fn ask(survey: &Survey, operation: Operation) -> Ready {
    let mut survey = survey.clone();
    survey.scope.namespace = Some(NAMESPACE.into());
    let findings = diagnose(&survey, &Policy::default());
    let question = Question {
        operation,
        namespace: NAMESPACE,
        release: "web",
        driver: Driver::Secret,
    };
    ready(&survey, &findings, question)
}

/// The answers for upgrade, rollback and uninstall.
fn answers(survey: &Survey) -> [Answer; 3] {
    ALL.map(|operation| ask(survey, operation).answer)
}

/// What Helm is said to say, by the weightiest reason.
fn said(survey: &Survey, operation: Operation) -> Option<String> {
    let ready = ask(survey, operation);
    ready.reasons.into_iter().next()?.says
}

fn pending(observed: Observed, seconds: i64) -> Survey {
    let records = vec![
        record(1, Status::Deployed, 9000),
        record(2, Status::PendingUpgrade, seconds),
    ];
    see(survey(records), deployment(), observed)
}

#[test]
fn a_healthy_release_is_ready_for_everything() {
    let healthy = survey(healthy());
    assert_eq!(answers(&healthy), [Yes; 3]);
    assert_eq!(ask(&healthy, Upgrade).reasons, []);
}

#[test]
fn a_pending_one_is_refused_an_upgrade_alive_or_not() {
    let stale = survey(stuck());
    assert_eq!(answers(&stale), [No, Yes, Yes]);
    let busy = "another operation (install/upgrade/rollback) is in progress";
    assert_eq!(said(&stale, Upgrade).as_deref(), Some(busy));
    assert_eq!(ask(&stale, Uninstall).reasons[0].weight, Weight::Notes);
    // Whatever is at work, the others would collide with it.
    let alive = pending(live(waiting(), Vec::new()), 500);
    assert_eq!(answers(&alive), [No; 3]);
    let reason = "timed out".to_owned();
    let blind = pending(Observed::Unreadable { reason }, 4000);
    assert_eq!(answers(&blind), [No, Unknown, Unknown]);
}

#[test]
fn an_unfinished_uninstall_is_ended_and_nothing_else() {
    let records = vec![
        record(1, Status::Superseded, 9000),
        record(2, Status::Uninstalling, 4000),
    ];
    let stale = survey(records.clone());
    assert_eq!(answers(&stale), [No, No, Yes]);
    let nothing = r#""web" has no deployed releases"#;
    assert_eq!(said(&stale, Upgrade).as_deref(), Some(nothing));
    // There Helm fails, and an old one forgets the release.
    let unserved = see(survey(records), deployment(), Observed::Unserved);
    assert_eq!(answers(&unserved), [No; 3]);
}

#[test]
fn statuses_from_which_helm_does_not_upgrade() {
    let unknown = survey(vec![
        record(1, Status::Superseded, 9000),
        record(2, Status::Unknown, 4000),
    ]);
    assert_eq!(answers(&unknown), [No, Yes, Yes]);
    let beside = survey(vec![
        record(1, Status::Deployed, 9000),
        record(2, Status::Unknown, 4000),
    ]);
    assert_eq!(answers(&beside), [Yes; 3]);
    let kept = survey(vec![
        record(1, Status::Superseded, 9000),
        record(2, Status::Uninstalled, 4000),
    ]);
    assert_eq!(answers(&kept), [No, Yes, Yes]);
    // Helm up to 3.2.0 would refuse; that is said, and no more.
    let failed = survey(vec![
        record(1, Status::Superseded, 9000),
        record(2, Status::Failed, 4000),
    ]);
    assert_eq!(answers(&failed), [Yes; 3]);
    assert!(said(&failed, Upgrade).unwrap().contains("up to 3.2.0"));
}

#[test]
fn a_rollback_needs_a_revision_to_go_to() {
    let only = survey(vec![record(1, Status::Deployed, 4000)]);
    assert_eq!(answers(&only), [Yes, No, Yes]);
    assert_eq!(
        said(&only, Rollback).as_deref(),
        Some("release has no 0 version")
    );
    let gap = survey(vec![
        record(1, Status::Superseded, 9000),
        record(3, Status::Deployed, 4000),
    ]);
    let ready = ask(&gap, Rollback);
    assert_eq!(ready.answer, No);
    assert!(matches!(
        &ready.reasons[0].advice[0].command,
        Some(Command::Helm(_, words)) if words[..3] == ["rollback", "web", "1"]
    ));
    // The one before the newest is not the last good one.
    let bad = survey(vec![
        record(1, Status::Superseded, 9000),
        record(2, Status::Failed, 8000),
        record(3, Status::Deployed, 4000),
    ]);
    let ready = ask(&bad, Rollback);
    assert_eq!(ready.answer, No);
    assert!(ready.reasons[0].text.contains("which says failed"));
    assert_eq!(ready.reasons[0].advice.len(), 1);
}

fn broken(mut record: Record, reason: &str) -> Record {
    record.payload = Payload::Undecodable {
        digest: crate::helm::Digest::of(b""),
        bytes: 0,
        reason: reason.into(),
    };
    record
}

#[test]
fn what_helm_does_not_see_stands_in_the_way_where_it_is_newer() {
    let mut records = healthy();
    records.push(broken(record(3, Status::Deployed, 4000), "empty"));
    let newer = survey(records);
    assert_eq!(answers(&newer), [No; 3]);
    let taken = Some("release: already exists");
    assert_eq!(said(&newer, Upgrade).as_deref(), taken);
    let mut records = vec![record(1, Status::Superseded, 9900)];
    records.extend(healthy().into_iter().map(|mut one| {
        let next = one.revision().unwrap() + 1;
        let status = one.status().unwrap();
        one = record(next, status, 4000);
        one
    }));
    records[0] = broken(records[0].clone(), "empty");
    assert_eq!(answers(&survey(records.clone())), [Yes; 3]);
    // On this one Helm crashes, wherever it is.
    records[0] = broken(records[0].clone(), "no info, on which Helm crashes");
    assert_eq!(answers(&survey(records)), [No; 3]);
    let mut unlabeled = healthy();
    unlabeled.push(record(3, Status::Deployed, 4000));
    unlabeled[2].labels = Default::default();
    assert_eq!(answers(&survey(unlabeled)), [No; 3]);
    let nothing_else = survey(vec![broken(record(1, Status::Deployed, 4000), "empty")]);
    assert_eq!(answers(&nothing_else), [No; 3]);
}

#[test]
fn a_name_that_is_taken() {
    let mut foreign = record(3, Status::Deployed, 9000);
    foreign.payload = Payload::Foreign {
        format: "operator-controller chunks".into(),
    };
    let mut records = healthy();
    records.push(foreign);
    let foreign = survey(records);
    assert_eq!(answers(&foreign), [No, No, Yes]);
    // An object that no listing brings.
    let mut occupied = survey(healthy());
    occupied.scope.releases = vec!["web".into()];
    let object = ObjectRef {
        api_version: "v1".into(),
        kind: "Secret".into(),
        namespace: None,
        name: "sh.helm.release.v1.web.v3".into(),
    };
    let Observed::Present(there) = live(waiting(), vec![writer("x", 500)]) else {
        panic!("the fixture is there");
    };
    let created = Some(ago(500));
    let there = Observed::Present(Box::new(LiveObject { created, ..*there }));
    let occupied = see(occupied, object, there);
    assert_eq!(answers(&occupied), [No, No, Yes]);
    // A record of another revision under that name.
    let mut records = healthy();
    let mut copy = records[0].clone();
    copy.id.name = "sh.helm.release.v1.web.v3".into();
    records.push(copy);
    assert_eq!(ask(&survey(records), Upgrade).answer, No);
}

fn of_size(percent: u64) -> Survey {
    let mut records = healthy();
    for record in &mut records {
        if let Payload::Decoded { bytes, .. } = &mut record.payload {
            *bytes = (percent << 20).div_ceil(100);
        }
    }
    survey(records)
}

#[test]
fn a_record_that_is_almost_full() {
    assert_eq!(answers(&of_size(79)), [Yes; 3]);
    assert_eq!(ask(&of_size(80), Upgrade).reasons.len(), 1);
    assert_eq!(answers(&of_size(80)), [Yes; 3]);
    assert_eq!(answers(&of_size(95)), [No, No, Yes]);
    assert!(said(&of_size(95), Upgrade).unwrap().starts_with("Too long"));
}

#[test]
fn what_surrounds_it_stands_in_the_way() {
    let going = NamespaceState::Present {
        labels: crate::survey::Labels::default(),
        created: Some(ago(9000)),
        deleting: Some(ago(5)),
    };
    let terminating = place(survey(healthy()), NAMESPACE, going.clone());
    assert_eq!(answers(&terminating), [No, No, Yes]);
    assert!(
        said(&terminating, Upgrade)
            .unwrap()
            .contains("being terminated")
    );
    let removed = serve(survey(healthy()), "apps/v1", None);
    assert_eq!(answers(&removed), [No; 3]);
    assert_eq!(
        said(&removed, Uninstall).as_deref(),
        Some("failed to delete release: web")
    );
    // An upgrade starts from the deployed revision, an uninstall from the newest.
    let failed = |objects: [&str; 2]| {
        let mut records = stuck();
        records[1] = record(2, Status::Failed, 4000);
        for (record, api) in records.iter_mut().zip(objects) {
            says(record).objects[0].api_version = api.into();
        }
        serve(survey(records), "apps/v1beta1", None)
    };
    let apis = ["apps/v1", "apps/v1beta1"];
    assert_eq!(answers(&failed(apis)), [Yes, No, No]);
    let apis = ["apps/v1beta1", "apps/v1"];
    assert_eq!(answers(&failed(apis)), [No, No, Yes]);
    let mut records = healthy();
    says(&mut records[1]).objects[0].namespace = Some("nowhere".into());
    let gone = survey(records);
    assert_eq!(answers(&gone), [No, No, Yes]);
    assert_eq!(
        said(&gone, Upgrade).as_deref(),
        Some(r#"namespaces "nowhere" not found"#)
    );
    let mut records = healthy();
    says(&mut records[1]).namespace = "elsewhere".into();
    assert_eq!(answers(&survey(records)), [No; 3], "kept apart");
}

#[test]
fn a_release_that_is_not_there_can_be_made() {
    let none = survey(Vec::new());
    assert_eq!(answers(&none), [Yes, No, No]);
    let ready = ask(&none, Upgrade);
    assert!(!ready.exists && ready.reasons[0].text.contains("--install"));
    assert_eq!(
        said(&none, Uninstall).as_deref(),
        Some("release: not found")
    );
    let missing = place(none.clone(), NAMESPACE, NamespaceState::Missing);
    assert_eq!(answers(&missing), [Yes, No, No]);
    let text = ask(&missing, Upgrade).reasons[0].text.clone();
    assert!(text.contains("--create-namespace"), "{text}");
    let going = NamespaceState::Present {
        labels: crate::survey::Labels::default(),
        created: Some(ago(9000)),
        deleting: Some(ago(5)),
    };
    assert_eq!(answers(&place(none.clone(), NAMESPACE, going)), [No; 3]);
    // Its namespace is asked for, as no finding tells of it.
    let mut unasked = none;
    assert_eq!(needs(&unasked, NAMESPACE), []);
    unasked.namespaces.clear();
    unasked.namespaces_listed = None;
    assert_eq!(
        needs(&unasked, NAMESPACE),
        [Need::Namespace(NAMESPACE.into())]
    );
}

#[test]
fn what_could_not_be_read_is_no_permission() {
    let mut hidden = survey(healthy());
    hidden.unread = vec![Unread {
        what: "configmaps in namespace shop".into(),
        reason: "forbidden: no".into(),
    }];
    assert_eq!(answers(&hidden), [Unknown; 3]);
    hidden.records.clear();
    assert_eq!(answers(&hidden), [Unknown, No, No]);
    // What is known to stand in the way needs no more.
    hidden.records = stuck();
    assert_eq!(ask(&hidden, Upgrade).answer, No);
    // What the user may not read beside records takes nothing away.
    let mut skipped = place(survey(healthy()), NAMESPACE, present(&[]));
    skipped.skipped = vec![crate::survey::Skipped {
        what: "namespaces".into(),
        reason: "forbidden: no".into(),
    }];
    assert_eq!(answers(&skipped), [Yes; 3]);
}

#[test]
fn the_driver_that_helm_looks_into_is_the_one_that_counts() {
    let in_config_maps = |mut record: Record| {
        record.id.driver = Driver::ConfigMap;
        record
    };
    let mut both = healthy();
    both.extend(stuck().into_iter().map(in_config_maps));
    let both = survey(both);
    let secrets = ask(&both, Upgrade);
    assert_eq!(secrets.answer, Yes);
    assert_eq!(secrets.reasons[0].id, "two-drivers");
    let findings = diagnose(&both, &Policy::default());
    let question = Question {
        operation: Upgrade,
        namespace: NAMESPACE,
        release: "web",
        driver: Driver::ConfigMap,
    };
    let other = ready(&both, &findings, question);
    assert_eq!(other.answer, No);
    assert!(other.reasons.iter().any(|one| one.id == "two-drivers"));
    // Where there is no other, it is the one that is meant.
    let other = stuck().into_iter().map(in_config_maps).collect();
    let ready = ask(&survey(other), Upgrade);
    assert_eq!((ready.answer, ready.exists), (No, true));
    assert!(ready.reasons.iter().any(|one| one.id == "other-driver"));
}

/// With --deep: whether it is a conflict, the new chart decides.
#[test]
fn what_others_changed_may_be_a_conflict() {
    let with = |method: &str| {
        let mut records = healthy();
        says(&mut records[1]).apply_method = method.into();
        let mut survey = survey(records.clone());
        survey.comparisons.push(SeenComparison {
            of: Comparison {
                record: records[1].id.clone(),
                base: Some(records[1].id.clone()),
                namespace: NAMESPACE.into(),
            },
            objects: vec![Compared {
                object: deployment(),
                change: Change::Same,
                found: Found::Differs {
                    fields: vec![Difference {
                        field: "spec.replicas".into(),
                        writers: vec!["kubectl-edit".into()],
                    }],
                },
                keep: false,
                expires: false,
                owner: None,
            }],
            documents: 0,
            generated: 0,
            failed: None,
        });
        survey
    };
    assert_eq!(answers(&with("ssa")), [Unknown, Unknown, Yes]);
    let conflict = "conflict occurred while applying object";
    assert_eq!(said(&with("ssa"), Upgrade).as_deref(), Some(conflict));
    // Helm's client-side merge writes over it.
    assert_eq!(answers(&with("csa")), [Yes; 3]);
}
