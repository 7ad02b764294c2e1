//! What an interrupted operation did.

use super::*;
use crate::diagnose::extent::Extent;
use crate::live::{Change, Compared, Difference, Found, LiveObject, ObjectRef};
use crate::survey::fixture::{NAMESPACE, ago, live, writer};
use crate::survey::{Comparison, Hook, SeenComparison};

fn object(name: &str) -> ObjectRef {
    ObjectRef {
        name: name.to_owned(),
        ..deployment()
    }
}

fn compared(name: &str, change: Change, found: Found) -> Compared {
    Compared {
        object: object(name),
        change,
        found,
        keep: false,
        expires: false,
        owner: None,
    }
}

fn seen(records: &[Record], base: Option<usize>, objects: Vec<Compared>) -> SeenComparison {
    SeenComparison {
        of: Comparison {
            record: records.last().unwrap().id.clone(),
            base: base.map(|at| records[at].id.clone()),
            namespace: NAMESPACE.into(),
        },
        objects,
        documents: 0,
        generated: 0,
        failed: None,
    }
}

fn stuck_with(records: Vec<Record>, seen: SeenComparison) -> Survey {
    let mut survey = survey(records);
    survey.comparisons = vec![seen];
    survey
}

fn told(survey: &Survey) -> (Extent, String) {
    assert_eq!(super::super::needs(survey, &Policy::default()), []);
    let findings = diagnose(survey, &Policy::default());
    let evidence = findings[0].evidence.iter();
    let mut got_in = evidence.filter_map(|one| match one {
        Evidence::GotIn { extent, .. } => Some((*extent, one.to_string())),
        _ => None,
    });
    got_in.next().unwrap()
}

fn extent(objects: Vec<Compared>) -> Extent {
    let records = stuck();
    let seen = seen(&records, Some(0), objects);
    told(&stuck_with(records, seen)).0
}

#[test]
fn none_some_or_all_of_it() {
    use Change::{Added, Changed, Removed, Same};
    let (new, old) = (|| Found::New, || Found::Old);
    let differs = || Found::Differs { fields: vec![] };
    let one = |change, found| vec![compared("web", change, found)];
    assert_eq!(extent(one(Changed, new())), Extent::All);
    assert_eq!(extent(one(Changed, old())), Extent::None);
    assert_eq!(extent(one(Changed, differs())), Extent::Part);
    assert_eq!(extent(one(Changed, Found::Missing)), Extent::Part);
    let two = |a, b| vec![compared("a", Added, a), compared("b", Removed, b)];
    assert_eq!(extent(two(new(), new())), Extent::All);
    assert_eq!(extent(two(new(), old())), Extent::Part);
    assert_eq!(extent(two(old(), old())), Extent::None);
    // What it was to leave alone says nothing, drifted or not.
    assert_eq!(extent(one(Same, differs())), Extent::All);
    // But what it was to leave there is there, once all of it is in.
    let beside = |found| {
        let gone = compared("gone", Same, Found::Missing);
        vec![compared("web", Changed, found), gone]
    };
    assert_eq!(extent(one(Same, Found::Missing)), Extent::Part);
    assert_eq!(extent(beside(new())), Extent::Part);
    assert_eq!(extent(beside(old())), Extent::None);
    let unreadable = Found::Unreadable {
        reason: "forbidden".into(),
    };
    assert_eq!(extent(two(new(), unreadable)), Extent::Unknown);
    assert_eq!(extent(two(old(), Found::Unserved)), Extent::Unknown);
    // A Job that is not there was not made yet, or is done and gone.
    let mut gone = compared("gone", Added, old());
    gone.expires = true;
    assert_eq!(
        extent(vec![compared("a", Added, new()), gone]),
        Extent::Unknown
    );
    let mut kept = compared("kept", Removed, old());
    kept.keep = true;
    assert_eq!(extent(vec![compared("a", Added, new()), kept]), Extent::All);
}

#[test]
fn hooks_are_a_part_of_it() {
    let with_hook = |event: &str, phase: &str, seen_hook: Option<(Readiness, bool)>| {
        let mut records = stuck();
        let job = ObjectRef {
            kind: "Job".into(),
            api_version: "batch/v1".into(),
            ..object("hook")
        };
        says(&mut records[1]).hooks.push(Hook {
            object: job.clone(),
            events: vec![event.into()],
            phase: phase.into(),
            started: None,
        });
        let changed = compared("web", Change::Changed, Found::New);
        let seen = seen(&records, Some(0), vec![changed]);
        let observed = match seen_hook {
            None => Observed::Missing,
            Some((readiness, failed)) => match live(readiness, vec![writer("helm", 3600)]) {
                Observed::Present(live) => {
                    Observed::Present(Box::new(LiveObject { failed, ..*live }))
                }
                other => other,
            },
        };
        let survey = see(stuck_with(records.clone(), seen), job, observed);
        let findings = diagnose(&survey, &Policy::default());
        let evidence = findings[0].evidence.iter();
        let mut hook = evidence.filter_map(|one| match one {
            Evidence::Hook { state, .. } => Some(*state),
            _ => None,
        });
        (told(&survey).0, hook.next())
    };
    use HookState::{Done, Failed, NotRun, Running, Unknown};
    let over = Some((Readiness::Ready, false));
    assert_eq!(
        with_hook("post-upgrade", "", None),
        (Extent::Part, Some(NotRun))
    );
    assert_eq!(
        with_hook("post-upgrade", "Running", over.clone()),
        (Extent::All, Some(Done))
    );
    assert_eq!(
        with_hook("post-upgrade", "Succeeded", None),
        (Extent::All, Some(Done))
    );
    let failed = Some((Readiness::Ready, true));
    assert_eq!(
        with_hook("post-upgrade", "Running", failed),
        (Extent::Part, Some(Failed))
    );
    let busy = Some((waiting(), false));
    assert_eq!(
        with_hook("post-upgrade", "Running", busy),
        (Extent::Part, Some(Running))
    );
    assert_eq!(
        with_hook("post-upgrade", "Running", None),
        (Extent::Part, Some(Unknown))
    );
    // One that is left from an earlier operation was not run in this one.
    assert_eq!(
        with_hook("pre-upgrade", "", over.clone()),
        (Extent::Part, Some(NotRun))
    );
    // Of another operation.
    assert_eq!(
        with_hook("post-install", "Running", over.clone()),
        (Extent::All, None)
    );
    assert_eq!(with_hook("test", "Running", over), (Extent::All, None));
}

#[test]
fn a_rollback_did_not_run_the_hooks_that_it_copied() {
    use Status::{PendingRollback, PendingUpgrade};
    let with = |status: Status, ran: i64| {
        let mut records = healthy();
        records.push(record(3, status, 4000));
        let release = says(&mut records[2]);
        release.last_deployed = Some(ago(4000));
        let event = match release.status {
            PendingRollback => "post-rollback",
            _ => "post-upgrade",
        };
        release.hooks.push(Hook {
            object: ObjectRef {
                kind: "Job".into(),
                api_version: "batch/v1".into(),
                ..object("hook")
            },
            events: vec![event.into()],
            phase: "Succeeded".into(),
            started: Some(ago(ran)),
        });
        let job = release.hooks[0].object.clone();
        let changed = compared("web", Change::Changed, Found::New);
        let seen = seen(&records, Some(1), vec![changed]);
        told(&see(stuck_with(records, seen), job, Observed::Missing)).0
    };
    assert_eq!(with(PendingRollback, 9000), Extent::Part);
    assert_eq!(with(PendingRollback, 3990), Extent::All);
    // An upgrade's hooks are rendered anew: their runs are its own.
    assert_eq!(with(PendingUpgrade, 9000), Extent::All);
}

#[test]
fn the_base_is_the_one_that_helm_compares_with() {
    let base = |records: Vec<Record>| {
        let survey = survey(records);
        let needs = super::super::needs(&survey, &Policy::default());
        let mut bases = needs.into_iter().filter_map(|need| match need {
            Need::Comparison(of) => {
                Some(of.base.and_then(|base| base.key()).map(|key| key.revision))
            }
            _ => None,
        });
        bases.next().unwrap()
    };
    use Status::{Deployed, Failed, PendingInstall, PendingRollback, PendingUpgrade, Superseded};
    let record = |revision, status: &Status| record(revision, status.clone(), 4000);
    let with = |statuses: &[Status]| {
        let records = statuses.iter().zip(1..);
        base(
            records
                .map(|(status, revision)| record(revision, status))
                .collect(),
        )
    };
    assert_eq!(with(&[PendingInstall]), None);
    assert_eq!(with(&[Deployed, PendingUpgrade]), Some(1));
    assert_eq!(with(&[Deployed, Failed, PendingUpgrade]), Some(1));
    assert_eq!(with(&[Deployed, Failed, PendingRollback]), Some(2));
    assert_eq!(with(&[Superseded, Failed, PendingUpgrade]), Some(2));
    assert_eq!(with(&[Superseded, PendingUpgrade]), Some(1));
}

#[test]
fn a_base_that_was_not_read_is_read_first() {
    let mut records = vec![
        record(1, Status::Superseded, 9000),
        record(2, Status::PendingUpgrade, 4000),
    ];
    records[0].payload = Payload::Unread;
    let asked = super::super::needs(&survey(records.clone()), &Policy::default());
    assert_eq!(asked, [Need::Payload(records[0].id.clone())]);
    // One that does not decode is none to Helm either.
    records[0].payload = Payload::Undecodable {
        digest: Digest::of(b""),
        bytes: 0,
        reason: "empty".into(),
    };
    let asked = super::super::needs(&survey(records), &Policy::default());
    assert!(matches!(&asked[..], [Need::Comparison(of)] if of.base.is_none()));
}

#[test]
fn it_is_told_in_a_sentence() {
    let records = stuck();
    let fields = vec![Difference {
        field: "spec.replicas".into(),
        writers: vec!["kubectl-edit".into()],
    }];
    let objects = vec![
        compared("a", Change::Changed, Found::New),
        compared("b", Change::Added, Found::Old),
        compared("c", Change::Changed, Found::Differs { fields }),
        compared("d", Change::Same, Found::New),
    ];
    let three = seen(&records, Some(0), objects);
    assert_eq!(
        told(&stuck_with(records, three)).1,
        "a part of it got in; as it was to make them: Deployment a; still as before: Deployment b; like neither: \
         Deployment c (spec.replicas, written by kubectl-edit); 1 object was to stay as it was"
    );
    let many: Vec<_> = (0..12)
        .map(|n| compared(&format!("o{n}"), Change::Added, Found::Old))
        .collect();
    let records = stuck();
    let seen = seen(&records, Some(0), many);
    assert!(
        told(&stuck_with(records, seen))
            .1
            .ends_with("Deployment o9 and 2 more")
    );
}

#[test]
fn the_advice_follows_from_it() {
    let advice = |found: Found| {
        let records = stuck();
        let seen = seen(
            &records,
            Some(0),
            vec![compared("a", Change::Changed, found)],
        );
        let findings = diagnose(&stuck_with(records, seen), &Policy::default());
        findings[0].advice[1].clone()
    };
    assert!(advice(Found::Old).text.contains("nothing was changed yet"));
    assert!(advice(Found::New).text.contains("finds its work done"));
    let part = advice(Found::Missing);
    let Some(Command::Helm(_, words)) = part.command else {
        panic!("a part can be taken back")
    };
    assert_eq!(words, ["rollback", "web", "1", "-n", "shop"]);
}

#[test]
fn what_is_run_again_is_what_was_interrupted() {
    let again = |status: Status, base: Option<usize>| {
        let mut records = healthy();
        records.push(record(3, status, 4000));
        let objects = vec![compared("a", Change::Changed, Found::Old)];
        let seen = seen(&records, base, objects);
        let findings = diagnose(&stuck_with(records, seen), &Policy::default());
        findings[0].advice[1].text.clone()
    };
    use Status::{PendingInstall, PendingRollback, PendingUpgrade};
    let starts = |text: String, start: &str| assert!(text.starts_with(start), "{text}");
    starts(again(PendingUpgrade, Some(1)), "then run the same upgrade");
    starts(
        again(PendingRollback, Some(1)),
        "then run the same rollback",
    );
    // The name is in use: only an upgrade takes it over.
    starts(
        again(PendingInstall, None),
        "then run helm upgrade --install",
    );
}

#[test]
fn what_could_not_be_compared_is_not_known() {
    let records = stuck();
    let mut seen = seen(&records, Some(0), vec![]);
    seen.failed = Some("timed out".into());
    let survey = stuck_with(records, seen);
    assert_eq!(told(&survey).0, Extent::Unknown);
    let mut noted = survey;
    noted.note_unreadable();
    assert_eq!(noted.unread.len(), 1);
}
