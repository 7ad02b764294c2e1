//! What plans do, and what they never do.

use proptest::prelude::*;

use super::*;
use crate::diagnose::{Policy, diagnose};
use crate::helm::Driver;
use crate::survey::Survey;
use crate::survey::fixture::{record, says, survey};

mod unread;

fn plan_for(survey: &Survey) -> Plan {
    let findings = diagnose(survey, &Policy::default());
    unstick(survey, &findings, true, |advice| {
        advice
            .command
            .as_ref()
            .map(|command| format!("{command:?}"))
    })
}

fn stuck() -> Survey {
    survey(vec![
        record(1, Status::Deployed, 9000),
        record(2, Status::PendingUpgrade, 4000),
    ])
}

#[test]
fn a_stale_revision_is_marked_failed_and_fenced() {
    let survey = stuck();
    let plan = plan_for(&survey);
    assert_eq!(plan.refused, []);
    let [step] = plan.steps.as_slice() else {
        panic!("one step: {plan:?}");
    };
    assert_eq!(step.object, survey.records[1].id);
    assert_eq!(step.guard, Guard::seen(&survey.records[1]));
    let Action::EditRecord { status, fence, .. } = &step.action else {
        panic!("{step:?}");
    };
    assert_eq!((status, *fence), (&Status::Failed, true));
}

#[test]
fn a_sign_of_life_is_refused_with_the_sign() {
    let survey = survey(vec![
        record(1, Status::Deployed, 9000),
        record(2, Status::PendingUpgrade, 3),
    ]);
    let plan = plan_for(&survey);
    assert_eq!(plan.steps, []);
    let reason = &plan.refused[0].reason;
    assert!(
        reason.contains("may still be alive") && reason.contains("3s ago"),
        "{reason}"
    );
}

#[test]
fn uninstalling_is_refused_with_what_to_do() {
    let plan = plan_for(&survey(vec![record(1, Status::Uninstalling, 4000)]));
    assert_eq!(plan.steps, []);
    assert!(plan.refused[0].reason.contains("helm uninstall"));
}

#[test]
fn an_uninstall_of_records_kept_apart_is_not_helms_to_finish() {
    let mut records = vec![record(1, Status::Uninstalling, 4000)];
    says(&mut records[0]).namespace = "elsewhere".into();
    says(&mut records[0]).objects.clear();
    let plan = plan_for(&survey(records));
    let reason = &plan.refused[0].reason;
    assert!(reason.contains("kept in another namespace") && !reason.contains("helm uninstall"));
}

#[test]
fn of_twins_only_the_stuck_one_is_repaired() {
    let twin = |mut record: Record| {
        record.id.driver = Driver::ConfigMap;
        record
    };
    let healthy = [
        record(1, Status::Superseded, 9000),
        record(2, Status::Deployed, 4000),
    ];
    let mut both = stuck().records;
    both.extend(healthy.map(twin));
    let plan = plan_for(&survey(both));
    let [step] = plan.steps.as_slice() else {
        panic!("one step: {plan:?}");
    };
    assert_eq!(step.object, stuck().records[1].id);
    // A write to the other is a sign of life: nothing says which one Helm uses.
    let mut both = stuck().records;
    both.push(twin(record(3, Status::Deployed, 3)));
    let plan = plan_for(&survey(both));
    assert_eq!((plan.steps.len(), plan.refused.len()), (0, 1));
}

#[test]
fn foreign_records_stand_in_no_ones_way_and_stay() {
    let foreign = |revision| {
        let mut foreign = record(revision, Status::Superseded, 9000);
        foreign.id.name += "-0123456789";
        foreign.labels = Default::default();
        foreign.labels.insert("name", "web");
        foreign.payload = Payload::Foreign {
            format: "operator-controller chunks".into(),
        };
        foreign
    };
    let mut records = stuck().records;
    records.extend([foreign(1), foreign(2)]);
    assert_eq!(plan_for(&survey(records)).steps.len(), 1);
    let mut records = history(&[Status::Superseded, Status::Superseded, Status::Deployed]).records;
    records.extend([foreign(1), foreign(2)]);
    assert_eq!(pruned(&prune(&survey(records), 1)), [1, 2]);
}

#[test]
fn healthy_releases_give_an_empty_plan() {
    let plan = plan_for(&survey(vec![record(1, Status::Deployed, 4000)]));
    assert_eq!((plan.steps, plan.refused), (vec![], vec![]));
}

#[test]
fn the_digest_leaves_out_prose_and_keeps_guards() {
    let mut other = stuck();
    other.time = Some(crate::survey::fixture::ago(-100));
    assert_eq!(plan_for(&stuck()).digest(), plan_for(&other).digest());
    other.records[1].resource_version = "9".into();
    assert_ne!(plan_for(&stuck()).digest(), plan_for(&other).digest());
}

fn history(statuses: &[Status]) -> Survey {
    let numbered = statuses.iter().enumerate();
    let records = numbered.map(|(i, status)| record(i as u32 + 1, status.clone(), 4000));
    survey(records.collect())
}

fn pruned(plan: &Plan) -> Vec<u32> {
    let keys = plan.steps.iter().filter_map(|step| step.object.key());
    keys.map(|key| key.revision).collect()
}

#[test]
fn prune_keeps_the_newest_and_all_from_the_deployed_one_on() {
    use Status::{Deployed, Failed, Superseded};
    let plan = prune(&history(&[Superseded, Superseded, Superseded, Deployed]), 2);
    assert_eq!(pruned(&plan), [1, 2]);
    let plan = prune(&history(&[Superseded, Deployed, Failed, Failed]), 1);
    assert_eq!(pruned(&plan), [1]);
}

#[test]
fn prune_leaves_alone_what_it_cannot_be_sure_of() {
    use Status::{Deployed, Failed, PendingUpgrade, Superseded, Uninstalling};
    let cases = [
        vec![Superseded, Superseded, Failed],
        vec![Superseded, Deployed, PendingUpgrade],
        vec![Superseded, Deployed, Uninstalling],
    ];
    for statuses in cases {
        let plan = prune(&history(&statuses), 1);
        assert_eq!(
            (plan.steps.len(), plan.refused.len()),
            (0, 1),
            "{statuses:?}"
        );
    }
    let mut unread = history(&[Superseded, Superseded, Deployed]);
    unread.records[0].payload = Payload::Unread;
    assert_eq!(
        prune(&unread, 1).steps,
        [],
        "a label is not read for a payload"
    );
    let mut hidden = history(&[Superseded, Superseded, Deployed]);
    hidden.records[0].labels.remove("owner");
    assert_eq!(prune(&hidden, 1).steps, []);
    let mut copied = history(&[Superseded, Superseded, Deployed]);
    says(&mut copied.records[0]).version = 9;
    let plan = prune(&copied, 1);
    assert_eq!(
        (plan.steps.len(), plan.refused.len()),
        (0, 1),
        "what Helm takes for the newest is not old history"
    );
    let odd = history(&[PendingUpgrade, Superseded, Deployed]);
    assert_eq!(
        pruned(&prune(&odd, 1)),
        [2],
        "an old pending revision is not old history"
    );
}

fn receipt(plan: Plan, events: Vec<Event>) -> Receipt {
    Receipt {
        operation: OperationId("a1".into()),
        began: crate::survey::fixture::ago(0),
        snapshot: SnapshotId("b2".into()),
        undoes: None,
        plan,
        events,
    }
}

fn done(step: usize, uid: &str) -> [Event; 2] {
    let will_be = Some(Digest::of(b"new"));
    let uid = Some(uid.to_owned());
    let resource_version = Some("8".to_owned());
    [
        Event::Started {
            step,
            will_be,
            at: None,
        },
        Event::Done {
            step,
            uid,
            resource_version,
        },
    ]
}

#[test]
fn undo_of_an_edit_deletes_what_was_left_and_creates_what_was_saved() {
    let receipt = receipt(plan_for(&stuck()), done(0, "uid-2").to_vec());
    let plan = undo(&receipt, &[], &[]);
    let left = Guard::Seen {
        uid: "uid-2".into(),
        resource_version: "8".into(),
        digest: Some(Digest::of(b"new")),
    };
    assert_eq!(plan.steps[0].action, Action::DeleteRecord);
    assert_eq!(plan.steps[0].guard, left);
    let from = SnapshotId("b2".into());
    assert_eq!(
        plan.steps[1].action,
        Action::CreateRecord { from, fit: None }
    );
    assert_eq!(plan.steps[1].guard, Guard::LeftBy { step: 0 });
}

#[test]
fn undo_takes_back_only_what_was_done_and_refuses_what_is_unknown() {
    let nothing = undo(&receipt(plan_for(&stuck()), vec![Event::Ended]), &[], &[]);
    assert_eq!((nothing.steps, nothing.refused), (vec![], vec![]));
    let [started, _] = done(0, "uid-2");
    let unknown = undo(&receipt(plan_for(&stuck()), vec![started]), &[], &[]);
    assert_eq!((unknown.steps.len(), unknown.refused.len()), (0, 1));
}

#[test]
fn what_an_interrupted_undo_put_back_is_left_alone() {
    let mut batch = receipt(plan_for(&stuck()), done(0, "uid-2").to_vec());
    let mut other = batch.plan.steps[0].clone();
    other.object.namespace = "elsewhere".into();
    batch.plan.steps.push(other);
    batch.events.extend(done(1, "uid-3"));
    let whole = undo(&batch, &[], &[]);
    assert_eq!(whole.steps.len(), 4);
    let half = receipt(whole.clone(), [done(0, "uid-4"), done(1, "uid-5")].concat());
    let rest = undo(&batch, &[half], &[]);
    assert_eq!(rest.steps.len(), 2);
    assert_eq!(rest.steps[0].object, whole.steps[2].object);
    // A record that was only removed is not back.
    let less = receipt(whole, done(0, "uid-4").to_vec());
    assert_eq!(undo(&batch, &[less], &[]).steps.len(), 4);
}

#[test]
fn undo_waits_for_another_operation_to_end() {
    let receipt = receipt(plan_for(&stuck()), done(0, "uid-2").to_vec());
    let upgrading = survey(vec![
        record(1, Status::Deployed, 9000),
        record(2, Status::Failed, 4000),
        record(3, Status::PendingUpgrade, 3),
    ]);
    let plan = undo(&receipt, &[], &diagnose(&upgrading, &Policy::default()));
    assert_eq!((plan.steps.len(), plan.refused.len()), (0, 1));
    // Nor does it matter what else the operation wrote to, elsewhere.
    let mut batch = receipt.clone();
    let mut elsewhere = batch.plan.steps[0].clone();
    elsewhere.object.namespace = "elsewhere".into();
    elsewhere.object.name = "sh.helm.release.v1.web.v3".into();
    batch.plan.steps.push(elsewhere);
    let mut twin = batch.plan.steps[0].clone();
    twin.object.driver = Driver::ConfigMap;
    twin.object.name = "sh.helm.release.v1.web.v3".into();
    batch.plan.steps.push(twin);
    let plan = undo(&batch, &[], &diagnose(&upgrading, &Policy::default()));
    assert_eq!(plan.steps, []);
    // The revision that is to be put back does not stand in its own way.
    let plan = undo(&receipt, &[], &diagnose(&stuck(), &Policy::default()));
    assert_eq!((plan.steps.len(), plan.refused.len()), (2, 0));
}

#[test]
fn an_undo_can_be_undone() {
    let undone = undo(
        &receipt(plan_for(&stuck()), done(0, "uid-2").to_vec()),
        &[],
        &[],
    );
    let gone = Event::Done {
        step: 0,
        uid: None,
        resource_version: None,
    };
    let mut events = vec![gone];
    events.extend(done(1, "uid-9"));
    let redone = undo(&receipt(undone, events), &[], &[]);
    assert_eq!(redone.steps[0].action, Action::DeleteRecord);
    assert_eq!(redone.steps[1].guard, Guard::LeftBy { step: 0 });
}

fn any_status() -> impl Strategy<Value = Status> {
    prop::sample::select(vec![
        Status::Unknown,
        Status::Deployed,
        Status::Uninstalled,
        Status::Superseded,
        Status::Failed,
        Status::Uninstalling,
        Status::PendingInstall,
        Status::PendingUpgrade,
        Status::PendingRollback,
        Status::Other("strange".into()),
    ])
}

fn any_survey() -> impl Strategy<Value = Survey> {
    let record = (any_status(), any_status(), 0..2000_i64, 0..20_u8);
    prop::collection::vec(record, 1..8).prop_map(|records| {
        let numbered = records.into_iter().enumerate();
        let records = numbered.map(|(i, (status, label, seconds, odd))| {
            let mut record = record_of(i as u32 + 1, status, seconds);
            match odd {
                0 => record.labels = Default::default(),
                1 => record.labels.insert("status", label.as_str()),
                2 => says(&mut record).version = 99,
                3 => {
                    record.payload = Payload::Undecodable {
                        digest: Digest::of(b"x"),
                        bytes: 1,
                        reason: "base64".into(),
                    }
                }
                _ => {}
            }
            record
        });
        survey(records.collect())
    })
}

fn record_of(revision: u32, status: Status, seconds: i64) -> Record {
    record(revision, status, seconds)
}

/// What the survey would be after the plan.
fn carried_out(survey: &Survey, plan: &Plan) -> Survey {
    let mut after = survey.clone();
    for step in &plan.steps {
        let at = after
            .records
            .iter()
            .position(|record| record.id == step.object);
        let at = at.expect("a plan names only what its survey holds");
        match &step.action {
            Action::EditRecord { status, .. } => {
                says(&mut after.records[at]).status = status.clone();
                after.records[at].labels.insert("status", status.as_str());
            }
            Action::DeleteRecord => drop(after.records.remove(at)),
            Action::CreateRecord { .. } => panic!("neither unstick nor prune creates"),
        }
    }
    after
}

proptest! {
    #[test]
    fn after_unstick_nothing_is_stale_and_planning_again_is_empty(survey in any_survey()) {
        let plan = plan_for(&survey);
        let after = carried_out(&survey, &plan);
        prop_assert_eq!(plan_for(&after).steps, vec![]);
        for step in &plan.steps {
            let again = diagnose(&after, &Policy::default());
            let about = |f: &&crate::diagnose::Finding| f.subject.revision == step.object.key().map(|k| k.revision);
            let found = again.iter().filter(about).any(|f| f.id == "stuck-pending");
            prop_assert!(!found);
        }
    }

    #[test]
    fn prune_never_takes_the_newest_or_a_deployed_revision(survey in any_survey(), keep in 1..4_usize) {
        let plan = prune(&survey, keep);
        let after = carried_out(&survey, &plan);
        prop_assert_eq!(prune(&after, keep).steps, vec![]);
        for (before, after) in survey.histories().iter().zip(after.histories()) {
            prop_assert_eq!(before.newest().map(|r| &r.id), after.newest().map(|r| &r.id));
            prop_assert_eq!(before.deployed().count(), after.deployed().count());
            let gone = before.records.len() - after.records.len();
            prop_assert!(gone == 0 || after.records.len() >= keep);
        }
    }
}

#[test]
fn what_speaks_against_a_namespace_takes_its_steps_and_leaves_the_others_whole() {
    let step = |namespace: &str, guard| {
        let mut object = stuck().records[1].id.clone();
        object.namespace = namespace.into();
        Step {
            action: Action::DeleteRecord,
            object,
            release: "web".into(),
            guard,
            reason: String::new(),
        }
    };
    let plan = Plan {
        verb: Verb::Restore,
        cluster: None,
        steps: vec![
            step("busy", Guard::Absent),
            step("shop", Guard::Absent),
            step("busy", Guard::LeftBy { step: 0 }),
            step("shop", Guard::LeftBy { step: 1 }),
        ],
        refused: Vec::new(),
    };
    let plan = plan.without(|namespace| (namespace == "busy").then(|| "at work".to_owned()));
    let guards: Vec<_> = plan.steps.iter().map(|step| step.guard.clone()).collect();
    assert_eq!(guards, [Guard::Absent, Guard::LeftBy { step: 0 }]);
    assert!(
        plan.steps
            .iter()
            .all(|step| step.object.namespace == "shop")
    );
    let [refusal] = plan.refused.as_slice() else {
        panic!("one refusal: {:?}", plan.refused);
    };
    assert_eq!(
        (refusal.namespace.as_str(), refusal.reason.as_str()),
        ("busy", "at work")
    );
}
