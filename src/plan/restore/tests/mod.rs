//! What a restore does, and what it never does.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::diagnose::{Command, Policy, diagnose};
use crate::helm::{Digest, codec};
use crate::live::Observed;
use crate::snapshot::SavedRecord;
use crate::survey::fixture::{
    NAMESPACE, ago, deployment, place, present, record, see, survey, writer,
};
use crate::survey::{Payload, RawRecord};

mod choices;
mod moves;

const MANIFEST: &str = "---\n# Source: web/a.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: web}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: kube-system}\n";

fn payload(revision: u32, status: &str, manifest: &str) -> Vec<u8> {
    let json = json!({
        "name": "web", "namespace": "shop", "version": revision, "info": {"status": status},
        "manifest": manifest, "hooks": [{"name": "h", "manifest": "kind: Job\nmetadata: {namespace: shop}"}],
    });
    codec::encode(json.to_string().as_bytes(), codec::TEXT_LIMIT).unwrap()
}

/// The whole of the fixtures' record of that revision.
fn raw(revision: u32, status: &str) -> RawRecord {
    let seen = record(revision, Status::from(status), 9000);
    RawRecord {
        object: json!({
            "metadata": {
                "name": seen.id.name, "namespace": NAMESPACE, "uid": seen.uid,
                "resourceVersion": seen.resource_version, "labels": seen.labels,
            },
            "type": "helm.sh/release.v1",
        }),
        payload: Some(payload(revision, status, MANIFEST).into()),
        id: seen.id,
    }
}

fn saved_record(raw: &RawRecord) -> SavedRecord {
    SavedRecord {
        id: raw.id.clone(),
        uid: raw.uid().to_owned(),
        resource_version: raw.resource_version().to_owned(),
        bytes: 1,
    }
}

fn saved(raw: &RawRecord, to: Option<&str>) -> Saved {
    Saved::read(&saved_record(raw), raw.clone(), to, false).unwrap()
}

/// A snapshot of revisions 1 to 3.
fn history() -> Vec<RawRecord> {
    vec![raw(1, "superseded"), raw(2, "deployed"), raw(3, "failed")]
}

fn asked(history: &[RawRecord], replace: &[&str]) -> Restore {
    Restore {
        snapshot: SnapshotId("ab12".into()),
        time: ago(5000),
        missing: Vec::new(),
        all: false,
        from: None,
        saved: history.iter().map(|raw| saved(raw, None)).collect(),
        unfit: Vec::new(),
        replace: replace.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn plan_with(asked: &Restore, survey: &Survey, standing: &[&RawRecord]) -> Plan {
    let findings = diagnose(survey, &Policy::default());
    let standing = standing
        .iter()
        .map(|raw| (raw.id.clone(), Ok(Standing::read(raw))));
    let seen = Seen {
        survey,
        findings: &findings,
        standing: &standing.collect(),
    };
    restore(asked, seen)
}

fn refusal(plan: &Plan) -> &str {
    assert_eq!(plan.steps, [], "what is refused is not touched");
    let [refusal] = plan.refused.as_slice() else {
        panic!("one refusal: {plan:?}");
    };
    &refusal.reason
}

/// `-` and the revision of what is deleted, the revision of what is created.
fn told(plan: &Plan) -> Vec<String> {
    assert_eq!(plan.refused, []);
    let steps = plan.steps.iter().map(|step| {
        let revision = step.object.key().unwrap().revision;
        match step.action {
            Action::DeleteRecord => format!("-{revision}"),
            _ => revision.to_string(),
        }
    });
    steps.collect()
}

#[test]
fn what_is_missing_is_created_newest_first() {
    let asked = asked(&history(), &[]);
    let plan = plan_with(&asked, &survey(Vec::new()), &[]);
    assert_eq!(told(&plan), ["3", "2", "1"]);
    assert!(plan.steps.iter().all(|step| step.guard == Guard::Absent));
    let fit = Fit {
        record: plan.steps[0].object.clone(),
        elsewhere: false,
    };
    let expected = Action::CreateRecord {
        from: SnapshotId("ab12".into()),
        fit: Some(fit),
    };
    assert_eq!(plan.steps[0].action, expected);
    assert_eq!(
        plan.steps[0].reason,
        "put back revision 3 (failed) as snapshot ab12 holds it"
    );
    // The deployed one is what Helm upgrades from, so it comes next.
    let mut long = history();
    long[0] = raw(1, "deployed");
    long[1] = raw(2, "superseded");
    let plan = plan_with(&self::asked(&long, &[]), &survey(Vec::new()), &[]);
    assert_eq!(told(&plan), ["3", "1", "2"]);
}

#[test]
fn helm_brings_the_objects_from_what_was_deployed() {
    let told = |history: &[RawRecord], there: Vec<Record>| {
        let (asked, survey) = (asked(history, &[]), survey(there));
        asked.rollbacks(&plan_with(&asked, &survey, &[]), &survey)
    };
    let rollback = |revision: &str| {
        let words = ["rollback", "web", revision, "-n", NAMESPACE];
        Command::Helm(Driver::Secret, words.map(str::to_owned).to_vec())
    };
    assert_eq!(told(&history(), Vec::new()), [rollback("2")]);
    let once = [
        raw(1, "superseded"),
        raw(2, "pending-upgrade"),
        raw(3, "deployed"),
    ];
    assert_eq!(told(&once, Vec::new()), [rollback("3")]);
    // Something else comes first, or nobody knows what was good.
    for newest in ["pending-upgrade", "uninstalling", "uninstalled", "unknown"] {
        let history = [raw(1, "deployed"), raw(2, newest)];
        assert_eq!(told(&history, Vec::new()), [], "{newest}");
    }
    assert_eq!(
        told(&[raw(1, "superseded"), raw(2, "failed")], Vec::new()),
        []
    );
    // Only a hole was filled.
    let (asked, there) = (
        asked(&history(), &[]),
        survey(vec![record(3, Status::Failed, 9000)]),
    );
    let plan = plan_with(&asked, &there, &[]);
    assert_eq!(self::told(&plan), ["2", "1"]);
    assert_eq!(asked.rollbacks(&plan, &there), []);
    // Helm would make the objects where the records are.
    let mut kept_apart = raw(1, "deployed");
    let json = json!({"name": "web", "namespace": "elsewhere", "version": 1, "info": {"status": "deployed"}});
    let text = codec::encode(json.to_string().as_bytes(), codec::TEXT_LIMIT);
    kept_apart.payload = Some(text.unwrap().into());
    assert_eq!(told(&[kept_apart], Vec::new()), []);
    // Helm would not find it, or would take its number for free.
    for garbled in [1, 2] {
        let mut history = [raw(1, "deployed"), raw(2, "failed")];
        history[garbled - 1].payload = Some(b"H4sI".to_vec().into());
        assert_eq!(told(&history, Vec::new()), [], "{garbled}");
    }
    let sound = [raw(1, "deployed"), raw(2, "failed")];
    assert_eq!(told(&sound, Vec::new()), [rollback("1")]);
}

#[test]
fn holes_are_filled_and_what_is_the_same_needs_nothing() {
    let asked = asked(&history(), &[]);
    let kept = vec![
        record(1, Status::Superseded, 9000),
        record(3, Status::Failed, 9000),
    ];
    assert_eq!(told(&plan_with(&asked, &survey(kept.clone()), &[])), ["2"]);
    // Written since, and the same again.
    let mut written = kept.clone();
    written[1].resource_version = "77".into();
    let written = survey(written);
    assert_eq!(asked.unlike(&written), [kept[1].id.clone()]);
    assert_eq!(
        told(&plan_with(&asked, &written, &[&raw(3, "failed")])),
        ["2"]
    );
    // Nobody read it: then nothing is known of it.
    assert!(refusal(&plan_with(&asked, &written, &[])).contains("could not be read"));
    let all = vec![
        record(1, Status::Superseded, 9000),
        record(2, Status::Deployed, 9000),
        record(3, Status::Failed, 9000),
    ];
    assert_eq!(told(&plan_with(&asked, &survey(all), &[])), [""; 0]);
    // An older revision that the snapshot does not hold is in nobody's way.
    let less = self::asked(&history()[1..], &[]);
    let old = vec![record(1, Status::Superseded, 9000)];
    assert_eq!(told(&plan_with(&less, &survey(old), &[])), ["3", "2"]);
}

#[test]
fn all_data_counts_and_what_is_no_part_of_a_release_does_not() {
    let saved = raw(3, "failed");
    let content = |raw: &RawRecord| Standing::read(raw).content;
    for (pointer, value, same) in [
        ("/data", json!({}), true),
        ("/immutable", json!(true), true),
        ("/metadata/annotations", json!({"note": "x"}), true),
        ("/data", json!({"extra": "AAAA"}), false),
        ("/binaryData", json!({"blob": "AAAA"}), false),
        ("/type", json!("Opaque"), false),
        ("/metadata/labels", json!({"name": "web"}), false),
    ] {
        let mut there = saved.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        there.object.pointer_mut(parent).unwrap()[key] = value;
        assert_eq!(content(&there) == content(&saved), same, "{pointer}");
    }
}

#[test]
fn what_is_newer_or_differs_is_refused_by_name() {
    let mut there_now = vec![
        record(2, Status::Superseded, 9000),
        record(3, Status::Failed, 9000),
        record(4, Status::Deployed, 100),
    ];
    there_now[0].resource_version = "77".into();
    let plan = plan_with(
        &asked(&history(), &[]),
        &survey(there_now),
        &[&raw(2, "superseded")],
    );
    assert_eq!(
        refusal(&plan),
        "what is newer than the snapshot (its newest is 3) stays: revision 4 (deployed); what differs from the \
         snapshot stays: revision 2 (deployed); --replace web makes its history what the snapshot holds"
    );
    // A release of that name that began anew is newer, whatever its number.
    let anew = survey(vec![record(1, Status::Deployed, 100)]);
    let plan = plan_with(&asked(&history()[1..], &[]), &anew, &[]);
    assert!(refusal(&plan).contains("revision 1 (deployed)"));
    // What we put back ourselves is not.
    let mut ours = record(1, Status::Superseded, 100);
    ours.writers = vec![writer("zadig-doctor", 100)];
    let plan = plan_with(&asked(&history()[1..], &[]), &survey(vec![ours]), &[]);
    assert_eq!(told(&plan), ["3", "2"]);
}

#[test]
fn a_release_to_be_replaced_becomes_what_it_was() {
    let mut now = vec![
        record(2, Status::Superseded, 9000),
        record(3, Status::Failed, 9000),
        record(4, Status::Superseded, 200),
        record(5, Status::Deployed, 100),
    ];
    now[0].resource_version = "77".into();
    let other = raw(2, "superseded");
    let plan = plan_with(
        &asked(&history(), &["web"]),
        &survey(now.clone()),
        &[&other],
    );
    // What goes goes last, the newest at the very end.
    assert_eq!(told(&plan), ["-2", "2", "1", "-4", "-5"]);
    let Guard::Seen { uid, digest, .. } = &plan.steps[0].guard else {
        panic!("{plan:?}");
    };
    assert_eq!((uid.as_str(), *digest), (other.uid(), Some(other.digest())));
    assert_eq!(plan.steps[1].guard, Guard::LeftBy { step: 0 });
    assert_eq!(plan.steps[4].guard, Guard::seen(&now[3]));
    assert_eq!(
        plan.steps[4].reason,
        "remove revision 5 (deployed), which snapshot ab12 does not hold"
    );
    // Another release that is named does not matter.
    let plan = plan_with(&asked(&history(), &["db"]), &survey(now), &[&other]);
    refusal(&plan);
}

#[test]
fn what_the_snapshot_lacks_is_not_removed() {
    let mut asked = asked(&history()[1..], &["web"]);
    let now = survey(vec![record(1, Status::Superseded, 9000)]);
    let name = "Secret shop/sh.helm.release.v1.web.v1";
    for (what, ours) in [
        (name, true),
        ("Secret shop/odd", true),
        ("secrets in namespace shop", true),
        ("secrets in all namespaces", true),
        ("record 7", true),
        ("all records of shop/web (secret)", true),
        ("all records of shop/db (secret)", false),
        ("Certificate shop/web", false),
        ("Secret shop/sh.helm.release.v1.webs.v1", false),
        ("Secret other/sh.helm.release.v1.web.v1", false),
        ("ConfigMap shop/sh.helm.release.v1.web.v1", false),
        ("secrets in namespace other", false),
        ("configmaps in all namespaces", false),
    ] {
        asked.missing = vec![Unread {
            what: what.into(),
            reason: "forbidden".into(),
        }];
        let plan = plan_with(&asked, &now, &[]);
        match ours {
            true => assert!(refusal(&plan).contains(what), "{what}"),
            false => assert_eq!(told(&plan), ["3", "2", "-1"], "{what}"),
        }
        assert_eq!(!asked.lost().is_empty(), ours, "{what}");
    }
}

/// Helm cannot read what it announced, whatever happened to that; it may be at
/// work all the same.
#[test]
fn what_was_announced_lately_and_is_garbled_is_left_alone() {
    let plan = |seconds: i64| {
        let mut garbled = record(4, Status::PendingUpgrade, seconds);
        garbled.payload = Payload::Undecodable {
            digest: Digest::of(b"x"),
            bytes: 1,
            reason: "base64".into(),
        };
        let now = survey(vec![garbled]);
        plan_with(&asked(&history(), &["web"]), &now, &[])
    };
    let window = Policy::default().wait_window();
    assert!(refusal(&plan(window)).starts_with("an operation may be at work on it: "));
    assert_eq!(plan(window + 1).refused, []);
}

#[test]
fn an_operation_at_work_is_left_alone() {
    let pending = survey(vec![record(4, Status::PendingUpgrade, 3)]);
    // It is what the snapshot holds: nothing is to be done.
    let saved = [raw(4, "pending-upgrade")];
    let plan = plan_with(&asked(&saved, &[]), &pending, &[&saved[0]]);
    assert!(plan.steps.is_empty() && plan.refused.is_empty(), "{plan:?}");
    for replace in [&["web"][..], &[]] {
        let plan = plan_with(&asked(&history(), replace), &pending, &[]);
        assert!(refusal(&plan).starts_with("an operation may be at work on it: "));
    }
    // What an earlier run put back announces nothing new.
    let held = vec![raw(1, "deployed"), raw(2, "pending-upgrade")];
    let mut ours = record(2, Status::PendingUpgrade, 3);
    ours.writers = vec![writer("zadig-doctor", 3)];
    ours.resource_version = "77".into();
    let reason = "forbidden".to_owned();
    let now = see(
        survey(vec![ours]),
        deployment(),
        Observed::Unreadable { reason },
    );
    let findings = diagnose(&now, &Policy::default());
    let verdicts: Vec<_> = findings.iter().filter_map(|one| one.verdict).collect();
    assert_eq!(verdicts, [Verdict::PossiblyRunning]);
    let plan = plan_with(&asked(&held, &[]), &now, &[&held[1]]);
    assert_eq!(told(&plan), ["1"]);
    // But if it is another one than was saved, it does.
    let plan = plan_with(
        &asked(&held, &["web"]),
        &now,
        &[&raw(2, "pending-rollback")],
    );
    refusal(&plan);
}

#[test]
fn there_must_be_a_place_for_it() {
    let asked = asked(&history(), &[]);
    let gone = place(survey(Vec::new()), NAMESPACE, NamespaceState::Missing);
    let plan = plan_with(&asked, &gone, &[]);
    assert!(refusal(&plan).ends_with("kubectl create namespace shop"));
    let mut state = present(&[]);
    if let NamespaceState::Present { deleting, .. } = &mut state {
        *deleting = Some(ago(5));
    }
    let going = place(survey(Vec::new()), NAMESPACE, state);
    assert!(refusal(&plan_with(&asked, &going, &[])).contains("is being deleted"));
    let mut blind = survey(Vec::new());
    blind
        .unread
        .push(Unread::listing(Driver::ConfigMap, None, "forbidden".into()));
    assert!(refusal(&plan_with(&asked, &blind, &[])).contains("could be listed"));
}

#[test]
fn two_drivers_are_never_made_out_of_one() {
    let mut other = record(1, Status::Deployed, 9000);
    other.id.driver = Driver::ConfigMap;
    for replace in [&["web"][..], &[]] {
        let plan = plan_with(
            &asked(&history(), replace),
            &survey(vec![other.clone()]),
            &[],
        );
        assert!(refusal(&plan).contains("kept in configmaps here"));
    }
}

#[test]
fn plans_of_before_are_still_read() {
    let old = json!({"action": "create-record", "from": "ab12"});
    let action: Action = serde_json::from_value(old.clone()).unwrap();
    let expected = Action::CreateRecord {
        from: SnapshotId("ab12".into()),
        fit: None,
    };
    assert_eq!(action, expected);
    assert_eq!(serde_json::to_value(&action).unwrap(), old);
}

fn any_status() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["deployed", "superseded", "failed", "pending-upgrade"])
}

proptest! {
    /// Whatever stood there: carried out to the end, the history is what the
    /// snapshot holds if it is to be replaced, and else nothing that was there
    /// is touched; and at no step is a release without a newest revision that
    /// had one.
    #[test]
    fn it_ends_where_it_should(
        held in prop::collection::btree_map(1u32..7, any_status(), 1..6),
        now in prop::collection::btree_map(1u32..9, any_status(), 0..6),
        replace in any::<bool>(),
    ) {
        let history: Vec<_> = held.iter().map(|(number, status)| raw(*number, status)).collect();
        let asked = asked(&history, if replace { &["web"] } else { &[] });
        let standing: Vec<_> = now.iter().map(|(number, status)| raw(*number, status)).collect();
        let mut records: Vec<_> = now.iter().map(|(number, status)| record(*number, Status::from(*status), 9000)).collect();
        for one in &mut records {
            one.resource_version = "77".into();
            one.payload = Payload::Unread;
        }
        let survey = survey(records);
        let seen = standing.iter().map(|raw| (raw.id.clone(), Ok(Standing::read(raw)))).collect();
        let plan = restore(&asked, Seen { survey: &survey, findings: &[], standing: &seen });
        let mut state: BTreeMap<u32, &str> = now.clone();
        for step in &plan.steps {
            let number = step.object.key().unwrap().revision;
            match step.action {
                Action::DeleteRecord => {
                    prop_assert!(replace);
                    prop_assert!(state.remove(&number).is_some());
                    let created = |one: &&Step| one.object == step.object && one.action != Action::DeleteRecord;
                    let again = plan.steps.iter().any(|one| created(&one));
                    let newest = held.keys().max().unwrap();
                    prop_assert!(again || state.contains_key(newest));
                }
                _ => prop_assert_eq!(state.insert(number, held[&number]), None),
            }
        }
        if replace {
            prop_assert_eq!(plan.refused.len(), 0);
            prop_assert_eq!(&state, &held);
        } else if plan.refused.is_empty() {
            let mut both = now.clone();
            both.extend(held.clone());
            prop_assert_eq!(&state, &both);
            prop_assert!(now.iter().all(|(number, status)| state[number] == *status));
        } else {
            prop_assert_eq!(&state, &now);
        }
    }
}
