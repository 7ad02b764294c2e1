//! Every check: fires, stays silent, near misses.

use super::*;

use crate::helm::{Digest, Status};
use crate::live::{Observed, Readiness};
use crate::survey::fixture::{deployment, record, says, see, survey, writer};
use crate::survey::{Payload, Record};

mod around;
mod extent;
mod histories;
mod life;
mod objects;
mod platform;
mod ready;
mod redacted;
mod states;
mod zadig;

/// What is needed for the verdicts; what an operation did has tests of its own.
fn needs(survey: &Survey, policy: &Policy) -> Vec<Need> {
    let mut needs = super::needs(survey, policy);
    needs.retain(|need| !matches!(need, Need::Comparison(_)));
    needs
}

fn find(survey: &Survey) -> Vec<(&'static str, Severity, Option<Verdict>)> {
    let policy = Policy::default();
    assert_eq!(
        needs(survey, &policy),
        [],
        "the fixture holds all that is needed"
    );
    let findings = diagnose(survey, &policy);
    findings
        .iter()
        .map(|f| (f.id, f.severity, f.verdict))
        .collect()
}

fn only(survey: &Survey) -> Finding {
    let findings = diagnose(survey, &Policy::default());
    let [finding] = findings.as_slice() else {
        panic!("one finding: {findings:?}");
    };
    finding.clone()
}

fn judged(survey: &Survey) -> (Verdict, Vec<&'static str>) {
    let findings = diagnose(survey, &Policy::default());
    let finding = findings
        .iter()
        .find(|finding| finding.verdict.is_some())
        .unwrap();
    let kinds = finding.evidence.iter().map(Evidence::kind);
    let rests_on = kinds.filter(|kind| !matches!(*kind, "got-in" | "hook"));
    (finding.verdict.unwrap(), rests_on.collect())
}

fn healthy() -> Vec<Record> {
    vec![
        record(1, Status::Superseded, 9000),
        record(2, Status::Deployed, 4000),
    ]
}

fn stuck() -> Vec<Record> {
    vec![
        record(1, Status::Deployed, 9000),
        record(2, Status::PendingUpgrade, 4000),
    ]
}

fn waiting() -> Readiness {
    Readiness::Waiting("0 of 1 replicas are available".into())
}

#[test]
fn a_healthy_release_is_silent() {
    assert_eq!(find(&survey(healthy())), []);
}

#[test]
fn stuck_pending() {
    use Verdict::Stale;
    assert_eq!(
        find(&survey(stuck())),
        [("stuck-pending", Severity::Error, Some(Stale))]
    );
    for status in [Status::PendingInstall, Status::PendingRollback] {
        let survey = survey(vec![
            record(1, Status::Deployed, 9000),
            record(2, status, 4000),
        ]);
        assert_eq!(find(&survey)[0].0, "stuck-pending");
    }
}

#[test]
fn only_the_newest_revision_says_that_a_release_is_stuck() {
    let records = vec![
        record(1, Status::PendingUpgrade, 9000),
        record(2, Status::Deployed, 4000),
    ];
    let information = [("pending-in-history", Severity::Info, None)];
    assert_eq!(find(&survey(records)), information);
    // Ten comes after nine, whatever their names say.
    let records = vec![
        record(9, Status::PendingUpgrade, 9000),
        record(10, Status::Deployed, 4000),
    ];
    assert_eq!(find(&survey(records)), information);
}

#[test]
fn the_payload_says_what_is_pending_not_the_label() {
    let mut records = stuck();
    records[1].labels.insert("status", "failed");
    let found = find(&survey(records));
    let ids: Vec<_> = found.iter().map(|finding| finding.0).collect();
    assert_eq!(ids, ["label-payload-mismatch", "stuck-pending"]);

    let mut records = healthy();
    records[1].labels.insert("status", "pending-upgrade");
    let found = find(&survey(records));
    let ids: Vec<_> = found.iter().map(|finding| finding.0).collect();
    assert_eq!(ids, ["label-payload-mismatch", "none-deployed"]);
}

#[test]
fn stuck_uninstalling() {
    let survey = survey(vec![record(1, Status::Uninstalling, 4000)]);
    let expected = [
        ("stuck-uninstalling", Severity::Error, Some(Verdict::Stale)),
        ("none-deployed", Severity::Info, None),
    ];
    assert_eq!(find(&survey), expected);
    let advised = |survey: &Survey| {
        let finding = diagnose(survey, &Policy::default()).swap_remove(0);
        assert_eq!(finding.id, "stuck-uninstalling");
        let helm = |one: &Advice| matches!(one.command, Some(Command::Helm(..)));
        (finding.advice.iter().any(helm), finding.advice)
    };
    assert!(advised(&survey).0);

    // Helm would fail there, and an old one forget the release.
    let survey = see(survey, deployment(), Observed::Unserved);
    assert_eq!(find(&survey), expected);
    let (uninstall, advice) = advised(&survey);
    assert!(!uninstall, "{advice:?}");
    assert!(advice[0].text.contains("Deployment web (apps/v1)"));
}

#[test]
fn undecodable_record() {
    let mut records = healthy();
    records[1].payload = Payload::Undecodable {
        digest: Digest::of(b""),
        bytes: 0,
        reason: "empty".into(),
    };
    let ids: Vec<_> = find(&survey(records.clone())).iter().map(|f| f.0).collect();
    assert_eq!(ids, ["undecodable-record", "none-deployed"]);
    // What its label announces may be at work for as long as Helm may be silent.
    let window = Policy::default().wait_window();
    for (status, seconds, said) in [
        ("pending-upgrade", window, true),
        ("uninstalling", window, true),
        ("pending-upgrade", window + 1, false),
        ("deployed", 0, false),
    ] {
        let newest = &mut records[1];
        newest.labels.insert("status", status);
        newest.writers = vec![writer("Helm", seconds)];
        let findings = diagnose(&survey(records.clone()), &Policy::default());
        assert_eq!(findings[0].id, "undecodable-record");
        assert_eq!(findings[0].summary.contains("under way"), said, "{status}");
        let labeled = findings[0]
            .evidence
            .iter()
            .any(|one| one.kind() == "labeled");
        assert_eq!(labeled, said, "{status}");
    }
}

#[test]
fn label_payload_mismatch() {
    for label in ["name", "version"] {
        let mut records = healthy();
        records[1].labels.insert(label, "7");
        assert_eq!(
            find(&survey(records))[0].0,
            "label-payload-mismatch",
            "{label}"
        );
    }
    let mut records = healthy();
    says(&mut records[1]).version = 7;
    assert_eq!(find(&survey(records))[0].0, "label-payload-mismatch");
}

#[test]
fn several_deployed() {
    let records = vec![
        record(1, Status::Deployed, 9000),
        record(2, Status::Deployed, 4000),
    ];
    assert_eq!(
        find(&survey(records)),
        [("several-deployed", Severity::Error, None)]
    );
}

#[test]
fn none_deployed() {
    let records = vec![
        record(1, Status::Superseded, 9000),
        record(2, Status::Failed, 4000),
    ];
    assert_eq!(
        find(&survey(records)),
        [("none-deployed", Severity::Warning, None)]
    );
    let kept = vec![
        record(1, Status::Superseded, 9000),
        record(2, Status::Uninstalled, 4000),
    ];
    assert_eq!(find(&survey(kept)), [], "uninstalled with its history kept");
}

#[test]
fn unlabeled_record() {
    for label in ["owner", "name", "status", "version"] {
        let mut records = healthy();
        records[0].labels.remove(label);
        assert_eq!(
            find(&survey(records)),
            [("unlabeled-record", Severity::Error, None)]
        );
    }
}

#[test]
fn superseded_payloads_are_asked_for_only_with_all_revisions() {
    let mut records = healthy();
    records[0].payload = Payload::Unread;
    let survey = survey(records);
    assert_eq!(needs(&survey, &Policy::default()), []);
    let all = Policy {
        all_revisions: true,
        ..Policy::default()
    };
    assert_eq!(
        needs(&survey, &all),
        [Need::Payload(survey.records[0].id.clone())]
    );
}

#[test]
fn checks_are_named_and_explained() {
    for check in CHECKS {
        let text = check.text;
        for part in [text.title, text.meaning, text.cause, text.cure] {
            assert!(
                !part.en.is_empty() && !part.en.chars().any(|c| c > '\u{2e80}'),
                "{}",
                check.id
            );
            assert!(part.zh.chars().any(|c| c > '\u{2e80}'), "{}", check.id);
            let folded = |text: &str| text.contains("  ") || text.contains('\n');
            assert!(!folded(part.en) && !folded(part.zh), "{}", check.id);
        }
        assert!(checks::find(check.id).is_some());
    }
}

#[test]
fn durations_read_as_people_write_them() {
    let cases = [
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (3725, "62m 5s"),
        (7260, "2h 1m"),
        (864_000, "10d"),
        (-5, "0s"),
    ];
    for (seconds, expected) in cases {
        assert_eq!(Seconds(seconds).to_string(), expected);
    }
}
