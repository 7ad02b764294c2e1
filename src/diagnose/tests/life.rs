//! Is it alive? Every sign, and its near misses.

use super::{judged, needs, stuck, waiting};
use crate::diagnose::*;
use crate::helm::{Driver, Status};
use crate::live::{ObjectRef, Observed, Readiness, Writer};
use crate::survey::fixture::{NAMESPACE, ago, deployment, live, record, says, see, survey, writer};
use crate::survey::{Hook, LeaseState, SeenObject, Unread};

#[test]
fn a_release_is_not_judged_past_a_record_that_helm_does_not_see() {
    let mut records = stuck();
    records.push(record(3, Status::Deployed, 4000));
    records[2].labels = Default::default();
    let (verdict, kinds) = judged(&survey(records));
    assert_eq!((verdict, kinds[0]), (Verdict::Unknown, "unread"));
    // One below it hides nothing.
    let mut records = stuck();
    records[0].labels = Default::default();
    assert_eq!(judged(&survey(records)).0, Verdict::Stale);
}

#[test]
fn a_write_to_any_record_is_a_sign_of_life_unless_it_is_ours() {
    let mut records = stuck();
    records[0].writers.push(writer("aslan", 599));
    assert_eq!(
        judged(&survey(records.clone())),
        (Verdict::PossiblyRunning, vec!["write", "says"])
    );
    records[0].writers[1] = writer("zadig-doctor", 599);
    assert_eq!(judged(&survey(records)).0, Verdict::Stale);
}

/// Before it was put back it was saved, and proven stale or not there.
#[test]
fn where_all_was_put_back_by_us_that_is_the_last_write() {
    let verdict = |seconds: i64| {
        let mut ours = record(1, Status::PendingInstall, seconds);
        ours.writers = vec![writer("zadig-doctor", seconds)];
        let gone = see(survey(vec![ours]), deployment(), Observed::Missing);
        judged(&gone).0
    };
    let window = Policy::default().older_than;
    assert_eq!(verdict(window), Verdict::PossiblyRunning);
    assert_eq!(verdict(window + 1), Verdict::Stale);
}

#[test]
fn the_window_is_reached_only_when_it_is_passed() {
    // Times are whole seconds: 600 may be 599.1.
    for (seconds, expected) in [(600, Verdict::PossiblyRunning), (601, Verdict::Stale)] {
        let mut records = stuck();
        records[1] = record(2, Status::PendingUpgrade, seconds);
        assert_eq!(judged(&survey(records)).0, expected, "{seconds}");
    }
}

#[test]
fn a_time_in_the_future_is_a_sign_of_life() {
    let mut records = stuck();
    records[1].writers.push(writer("Helm", -60));
    assert_eq!(judged(&survey(records)).0, Verdict::PossiblyRunning);
}

#[test]
fn while_helm_may_be_waiting_the_longer_window_counts() {
    // 3 x 5 minutes and one of slack.
    assert_eq!(Policy::default().wait_window(), 960);
    for (seconds, expected) in [(960, Verdict::PossiblyRunning), (961, Verdict::Stale)] {
        let mut records = stuck();
        records[1] = record(2, Status::PendingUpgrade, seconds);
        let seen = see(survey(records), deployment(), live(waiting(), Vec::new()));
        assert_eq!(judged(&seen).0, expected, "{seconds}");
    }
    let short = Policy {
        helm_timeout: 5,
        older_than: 1,
        ..Policy::default()
    };
    assert_eq!(short.wait_window(), 20);
}

#[test]
fn writes_to_live_objects_count_by_whom_and_what() {
    let status = Writer {
        subresource: Some("status".into()),
        ..writer("somebody", 10)
    };
    let cases = [
        (writer("kubectl-edit", 10), Verdict::PossiblyRunning),
        (writer("kube-controller-manager", 10), Verdict::Stale),
        (status, Verdict::Stale),
        (writer("zadig-doctor", 10), Verdict::Stale),
    ];
    for (writer, expected) in cases {
        let text = format!("{writer:?}");
        let seen = see(
            survey(stuck()),
            deployment(),
            live(Readiness::Ready, vec![writer]),
        );
        assert_eq!(judged(&seen).0, expected, "{text}");
    }
}

fn hook(kind: &str, event: &str) -> (Hook, ObjectRef) {
    let object = ObjectRef {
        api_version: "batch/v1".into(),
        kind: kind.into(),
        namespace: None,
        name: "migrate".into(),
    };
    let hook = Hook {
        object: object.clone(),
        events: vec![event.into()],
        phase: String::new(),
        started: None,
    };
    (hook, object)
}

#[test]
fn a_running_hook_blocks_whatever_its_age() {
    let (pre, object) = hook("Job", "pre-upgrade");
    let mut records = stuck();
    says(&mut records[1]).hooks.push(pre);
    let running = live(waiting(), vec![writer("helm", 99_999)]);
    let seen = see(survey(records.clone()), object.clone(), running);
    assert_eq!(
        judged(&seen),
        (Verdict::PossiblyRunning, vec!["hook-running", "says"])
    );

    let done = see(
        survey(records.clone()),
        object.clone(),
        live(Readiness::Ready, Vec::new()),
    );
    assert_eq!(judged(&done).0, Verdict::Stale);
    let gone = see(survey(records), object, Observed::Missing);
    assert_eq!(judged(&gone).0, Verdict::Stale);
}

#[test]
fn a_test_hook_takes_no_part() {
    let (test, _) = hook("Pod", "test");
    let mut records = stuck();
    says(&mut records[1]).hooks.push(test);
    let survey = survey(records);
    assert_eq!(needs(&survey, &Policy::default()), []);
    assert_eq!(judged(&survey).0, Verdict::Stale);
}

#[test]
fn what_cannot_be_read_makes_it_unknown() {
    let unreadable = Observed::Unreadable {
        reason: "forbidden".into(),
    };
    let seen = see(survey(stuck()), deployment(), unreadable);
    assert_eq!(judged(&seen), (Verdict::Unknown, vec!["unread", "says"]));

    let mut no_time = survey(stuck());
    no_time.time = None;
    assert_eq!(judged(&no_time).0, Verdict::Unknown);

    let mut records = stuck();
    says(&mut records[1])
        .unreadable_documents
        .push("not YAML".into());
    assert_eq!(judged(&survey(records)).0, Verdict::Unknown);
}

#[test]
fn a_sign_of_life_wins_over_what_cannot_be_read() {
    let mut records = stuck();
    records[1].writers.push(writer("Helm", 5));
    says(&mut records[1])
        .unreadable_documents
        .push("not YAML".into());
    assert_eq!(judged(&survey(records)).0, Verdict::PossiblyRunning);
}

fn leased(holder: &str, renewed: i64) -> Survey {
    let mut survey = survey(stuck());
    survey.leases[0].state = LeaseState::Held {
        holder: holder.into(),
        renewed: Some(ago(renewed)),
        seconds: 15,
    };
    survey
}

#[test]
fn a_held_lease_blocks_until_it_expires() {
    let (verdict, kinds) = judged(&leased("ci-42", 5));
    assert_eq!(
        (verdict, kinds[0]),
        (Verdict::PossiblyRunning, "lease-held")
    );
    assert_eq!(judged(&leased("ci-42", 16)).0, Verdict::Stale);

    let ours = Policy {
        own_holders: vec!["zadig-doctor/1".into()],
        ..Policy::default()
    };
    let findings = diagnose(&leased("zadig-doctor/1", 5), &ours);
    assert_eq!(findings[0].verdict, Some(Verdict::Stale));
}

#[test]
fn an_unreadable_lease_makes_it_unknown_unless_leases_are_left_out() {
    let mut survey = survey(stuck());
    survey.leases[0].state = LeaseState::Unreadable {
        reason: "forbidden".into(),
    };
    assert_eq!(judged(&survey).0, Verdict::Unknown);
    let without = Policy {
        ignore_leases: true,
        ..Policy::default()
    };
    assert_eq!(diagnose(&survey, &without)[0].verdict, Some(Verdict::Stale));
}

#[test]
fn an_operation_needs_its_objects_and_the_lease() {
    let mut survey = survey(stuck());
    survey.objects.clear();
    survey.leases.clear();
    let object = Need::Object {
        namespace: NAMESPACE.into(),
        object: deployment(),
    };
    let lease = Need::Lease {
        namespace: NAMESPACE.into(),
        name: "helm-lock-web".into(),
    };
    assert_eq!(needs(&survey, &Policy::default()), [object, lease]);
    let (verdict, _) = judged(&survey);
    assert_eq!(
        verdict,
        Verdict::Unknown,
        "nothing is stale that was not looked at"
    );
}

#[test]
fn objects_of_records_kept_apart_are_looked_for_in_both_namespaces() {
    let mut records = stuck();
    records[1] = record(2, Status::PendingUpgrade, 700);
    says(&mut records[1]).namespace = "elsewhere".into();
    let mut away = survey(records);
    let object = Need::Object {
        namespace: "elsewhere".into(),
        object: deployment(),
    };
    assert_eq!(needs(&away, &Policy::default()), [object]);
    assert_eq!(judged(&away).0, Verdict::Unknown);
    // Whoever put it there: a tool that keeps them apart, or Helm's command line.
    away.objects.push(SeenObject {
        namespace: "elsewhere".into(),
        object: deployment(),
        observed: Observed::Missing,
    });
    let away = away.sorted();
    assert_eq!(judged(&away).0, Verdict::Stale);
    let here = see(away, deployment(), live(waiting(), Vec::new()));
    assert_eq!(judged(&here).0, Verdict::PossiblyRunning);
}

#[test]
fn an_object_that_names_its_namespace_lies_there() {
    let mut records = stuck();
    let mut named = deployment();
    named.namespace = Some("far".into());
    says(&mut records[1]).namespace = "elsewhere".into();
    says(&mut records[1]).objects = vec![named];
    assert_eq!(needs(&survey(records), &Policy::default()).len(), 1);
}

#[test]
fn a_listing_that_failed_hides_records() {
    let mut survey = survey(stuck());
    let failed = |driver| Unread::listing(driver, Some(NAMESPACE), "timed out".into());
    survey.unread = vec![failed(Driver::ConfigMap)];
    assert_eq!(judged(&survey).0, Verdict::Stale, "its records are Secrets");
    survey.unread = vec![failed(Driver::Secret)];
    assert_eq!(judged(&survey).0, Verdict::Unknown);
}

#[test]
fn what_the_record_does_not_identify_is_not_taken_for_gone() {
    let (mut nameless, _) = hook("Job", "pre-upgrade");
    nameless.object.name = String::new();
    let (mut unreadable, _) = hook("Job", "pre-upgrade");
    unreadable.object.api_version = String::new();
    for hook in [nameless, unreadable] {
        let mut records = stuck();
        says(&mut records[1]).hooks.push(hook);
        let survey = survey(records);
        assert_eq!(needs(&survey, &Policy::default()), []);
        assert_eq!(judged(&survey).0, Verdict::Unknown);
    }
}

#[test]
fn objects_of_made_up_names_are_the_release_s_if_helm_marked_them() {
    let job = ObjectRef {
        name: "web-*".into(),
        kind: "Job".into(),
        ..deployment()
    };
    let mut records = stuck();
    says(&mut records[1]).objects.push(job.clone());
    let several = |owner: Option<&str>, seconds| {
        let Observed::Present(mut one) = live(Readiness::Ready, vec![writer("helm", seconds)])
        else {
            panic!("the fixture is there");
        };
        one.owner = owner.map(|name| ("shop".into(), name.into()));
        let objects = vec![("web-x7f".to_owned(), *one)];
        let survey = survey(records.clone());
        judged(&see(survey, job.clone(), Observed::Several { objects })).0
    };
    assert_eq!(several(Some("web"), 3600), Verdict::Stale);
    assert_eq!(several(Some("web"), 5), Verdict::PossiblyRunning);
    // Somebody else's.
    assert_eq!(several(Some("db"), 5), Verdict::Stale);
    assert_eq!(several(None, 5), Verdict::Stale);
    // Hooks bear no mark.
    let (mut hook, _) = hook("Job", "pre-upgrade");
    hook.object.name = "web-*".into();
    let mut records = stuck();
    says(&mut records[1]).hooks.push(hook);
    let survey = survey(records);
    assert_eq!(needs(&survey, &Policy::default()), []);
    assert_eq!(judged(&survey).0, Verdict::Unknown);
}

#[test]
fn helm_may_be_waiting_for_an_old_hook_to_go() {
    let (pre, object) = hook("Job", "pre-upgrade");
    let mut records = stuck();
    records[1] = record(2, Status::PendingUpgrade, 700);
    says(&mut records[1]).hooks.push(pre);
    let Observed::Present(mut going) = live(Readiness::Ready, Vec::new()) else {
        panic!("it is present");
    };
    going.deleting = Some(ago(650));
    let seen = see(
        survey(records.clone()),
        object.clone(),
        Observed::Present(going),
    );
    assert_eq!(judged(&seen).0, Verdict::PossiblyRunning);
    let gone = see(survey(records), object, Observed::Missing);
    assert_eq!(judged(&gone).0, Verdict::Stale);
}

#[test]
fn a_payload_of_another_release_is_not_judged_by_its_objects() {
    let mut records = stuck();
    says(&mut records[1]).name = "other".into();
    assert_eq!(judged(&survey(records)).0, Verdict::Unknown);
}

#[test]
fn a_lease_that_does_not_say_for_how_long_never_expires() {
    let mut survey = leased("ci-42", 9999);
    if let LeaseState::Held { seconds, .. } = &mut survey.leases[0].state {
        *seconds = 0;
    }
    assert_eq!(judged(&survey).0, Verdict::PossiblyRunning);
}
