//! Zadig's namespaces and releases: fires, stays silent, near misses.

use super::{find, healthy, needs, only, stuck};
use crate::diagnose::zadig::{MARKER, Strength, environment};
use crate::diagnose::*;
use crate::helm::Status;
use crate::survey::fixture::{NAMESPACE, NOW, ago, place, present, record, says, survey};
use crate::survey::{
    Listed, NamespaceState, Record, Scope, SecretsState, SeenSecrets, Survey, Unread, Unreadable,
};

const INFO: Severity = Severity::Info;
const WARNING: Severity = Severity::Warning;

const BOTH: &[(&str, &str)] = &[("createdBy", "koderover"), ("s-product", "shop")];

/// A survey of these records in a namespace of Zadig's.
fn zadigs(records: Vec<Record>) -> Survey {
    place(survey(records), NAMESPACE, present(BOTH))
}

/// The survey with the marker in that namespace.
fn marked(mut survey: Survey, namespace: &str) -> Survey {
    survey.secrets = vec![SeenSecrets {
        name: MARKER.into(),
        state: SecretsState::In {
            namespaces: [namespace.to_owned()].into(),
        },
    }];
    survey
}

/// The same records in a namespace of another name, with these labels.
fn called(name: &str, labels: &[(&str, &str)]) -> Survey {
    let mut records = healthy();
    for record in &mut records {
        record.id.namespace = name.into();
        says(record).namespace = name.into();
    }
    place(survey(records), name, present(labels))
}

#[test]
fn how_sure_it_is() {
    let told = |name: &str, labels: &[(&str, &str)]| {
        let found = environment(&called(name, labels), name)?;
        Some((found.strength, found.told()))
    };
    let some = |strength, told: &str| Some((strength, told.to_owned()));
    assert_eq!(
        told("shop-env-dev", BOTH),
        some(Strength::Certain, "project shop, environment dev")
    );
    assert_eq!(
        told("adopted", BOTH),
        some(Strength::Certain, "project shop")
    );
    assert_eq!(
        told("shop-env-dev", &BOTH[..1]),
        some(Strength::Likely, "project shop, environment dev")
    );
    assert_eq!(
        told("adopted", &BOTH[..1]),
        some(Strength::Likely, "it does not say of which project")
    );
    assert_eq!(
        told("adopted", &BOTH[1..]),
        some(Strength::Likely, "project shop")
    );
    assert_eq!(
        told("shop-env-dev", &[("createdBy", "somebody")]),
        some(Strength::Named, "project shop, environment dev")
    );
    // Only a label says where this one is to be parted.
    let odd = "shop-env-old-env-dev";
    assert_eq!(told(odd, &[]), None);
    assert_eq!(
        told(
            odd,
            &[("createdBy", "koderover"), ("s-product", "shop-env-old")]
        ),
        some(Strength::Certain, "project shop-env-old, environment dev")
    );
    for name in ["shop", "-env-dev", "shop-env-", "shop-environment"] {
        assert_eq!(told(name, &[]), None, "{name}");
    }
    let weak = marked(called("adopted", &[]), "adopted");
    assert_eq!(
        environment(&weak, "adopted").unwrap().strength,
        Strength::Weak
    );
}

#[test]
fn zadig_managed() {
    let found = only(&zadigs(healthy()));
    assert_eq!((found.id, found.severity), ("zadig-managed", INFO));
    assert_eq!(
        found.summary,
        "certainly Zadig's: project shop; it holds web"
    );
    assert_eq!(found.evidence.len(), 2);
    assert_eq!((found.subject.release, found.subject.driver), (None, None));
    let weak = only(&marked(survey(healthy()), NAMESPACE));
    assert!(weak.summary.starts_with("possibly"), "{}", weak.summary);
    assert_eq!(weak.evidence[0].kind(), "exists");
    assert_eq!(find(&marked(survey(healthy()), "elsewhere")), []);
    // Where the labels may not be read, the name is all there is.
    let mut blind = called("shop-env-dev", &[]);
    blind.namespaces.clear();
    blind.namespaces_listed = Some(Listed::Unreadable(forbidden()));
    let named = only(&blind);
    assert_eq!(named.id, "zadig-managed");
    assert!(
        named.summary.starts_with("judged by its name"),
        "{}",
        named.summary
    );
}

fn forbidden() -> Unreadable {
    Unreadable {
        reason: "forbidden: no".into(),
        forbidden: true,
    }
}

#[test]
fn the_marker_is_asked_for_once_and_not_missed() {
    let mut unasked = survey(stuck());
    unasked.secrets.clear();
    let asked = [Need::SecretsNamed(MARKER.into())];
    assert_eq!(needs(&unasked, &Policy::default()), asked);
    unasked.secrets = vec![SeenSecrets {
        name: MARKER.into(),
        state: SecretsState::Unreadable(forbidden()),
    }];
    assert_eq!(find(&unasked)[0].0, "stuck-pending");
    unasked.note_unreadable();
    assert_eq!((unasked.unread.len(), unasked.skipped.len()), (0, 1));
}

#[test]
fn zadig_labels_stripped() {
    let found = only(&called("shop-env-dev", &[("team", "blue")]));
    assert_eq!((found.id, found.severity), ("zadig-labels-stripped", INFO));
    assert!(found.summary.contains("project shop, environment dev"));
    let text = &found.advice[0].text;
    assert!(text.contains("detached") && text.contains("keep"), "{text}");
    // The Secret outlives the labels.
    let with_secret = marked(called("shop-env-dev", &[]), "shop-env-dev");
    assert_eq!(only(&with_secret).evidence.len(), 1);
    assert_eq!(only(&called("shop-env-dev", BOTH)).id, "zadig-managed");
    assert_eq!(find(&called("shop-dev", &[])), []);
}

/// What `zadig-refuses` says of a release of one revision.
fn refusal(status: Status, seconds: i64) -> Option<Finding> {
    let survey = zadigs(vec![record(1, status, seconds)]);
    let findings = diagnose(&survey, &Policy::default());
    findings.into_iter().find(|one| one.id == "zadig-refuses")
}

#[test]
fn zadig_refuses() {
    for (status, says) in [
        (
            Status::PendingUpgrade,
            "with exceptional status: pending-upgrade",
        ),
        (
            Status::PendingInstall,
            "with exceptional status: pending-install",
        ),
        (Status::Uninstalling, "with status: uninstalling"),
        (Status::Unknown, "with status: unknown"),
        (Status::Uninstalled, "up to 5.0.0"),
    ] {
        let found = refusal(status, 4000).unwrap();
        assert_eq!(found.severity, WARNING);
        assert!(found.summary.contains(says), "{}", found.summary);
    }
    for status in [Status::Deployed, Status::Failed, Status::Superseded] {
        assert_eq!(refusal(status, 4000), None);
    }
    // One that was never deployed has nothing to go back to.
    let first = refusal(Status::PendingInstall, 4000).unwrap();
    assert!(first.advice[0].text.contains("no revision to roll back to"));
    // Nobody else's release.
    let others = [survey(stuck()), called("shop-env-dev", &[])];
    for other in others {
        let findings = diagnose(&other, &Policy::default());
        assert!(findings.iter().all(|one| one.id != "zadig-refuses"));
    }
}

#[test]
fn a_deploy_of_zadigs_has_its_time() {
    for status in [
        Status::PendingInstall,
        Status::PendingUpgrade,
        Status::Uninstalling,
    ] {
        assert_eq!(refusal(status.clone(), 660), None, "{status}");
        assert!(refusal(status, 661).is_some());
    }
    // What nobody is at work on needs none.
    assert!(refusal(Status::Unknown, 1).is_some());
    assert!(refusal(Status::Uninstalled, 1).is_some());
}

#[test]
fn zadig_goes_on_from_a_deployed_revision() {
    let beside = |status| {
        let records = vec![record(1, Status::Deployed, 9000), record(2, status, 4000)];
        let findings = diagnose(&zadigs(records), &Policy::default());
        findings.iter().any(|one| one.id == "zadig-refuses")
    };
    assert!(!beside(Status::Unknown) && !beside(Status::Uninstalling));
    assert!(beside(Status::PendingUpgrade) && beside(Status::Uninstalled));
}

/// So many revisions, the newest of that status.
fn tries(revisions: u32, newest: Status) -> Vec<Record> {
    let old = (1..revisions).map(|revision| record(revision, Status::Superseded, 9000));
    old.chain([record(revisions, newest, 4000)]).collect()
}

#[test]
fn zadig_history_full() {
    let full = |survey: &Survey| {
        let findings = diagnose(survey, &Policy::default());
        let found = findings
            .into_iter()
            .find(|one| one.id == "zadig-history-full");
        found.map(|one| (one.severity, one.summary))
    };
    let (severity, summary) = full(&zadigs(tries(10, Status::Failed))).unwrap();
    assert_eq!(severity, WARNING);
    assert!(
        summary.contains("deletes revision 1, the oldest of 10"),
        "{summary}"
    );
    assert_eq!(full(&zadigs(tries(9, Status::Failed))), None);
    assert_eq!(full(&zadigs(tries(10, Status::PendingUpgrade))), None);
    assert_eq!(full(&survey(tries(10, Status::Failed))), None);
    // With a deployed revision Helm prunes, and spares it.
    let mut records = tries(10, Status::Failed);
    records[3] = record(4, Status::Deployed, 9000);
    assert_eq!(full(&zadigs(records)), None);
}

/// What is found of a namespace of Zadig's that holds no record.
fn empty(state: NamespaceState) -> Survey {
    place(survey(healthy()), "shop-env-old", state)
}

/// Made, and perhaps being deleted, so many seconds ago.
fn aged(made: i64, deleted: Option<i64>) -> NamespaceState {
    let NamespaceState::Present { labels, .. } = present(BOTH) else {
        panic!("the fixture is there");
    };
    NamespaceState::Present {
        labels,
        created: Some(ago(made)),
        deleting: deleted.map(ago),
    }
}

#[test]
fn zadig_leftover_namespace() {
    let id = "zadig-leftover-namespace";
    assert_eq!(find(&empty(aged(9000, None))), [(id, INFO, None)]);
    assert_eq!(find(&empty(aged(9000, Some(601)))), [(id, WARNING, None)]);
    let found = only(&empty(aged(9000, Some(601))));
    assert_eq!(found.subject.namespace, "shop-env-old");
    // One that is just being made or deleted.
    assert_eq!(find(&empty(aged(600, None))), []);
    assert_eq!(find(&empty(aged(9000, Some(600)))), []);
    // One that is not of Zadig's making.
    assert_eq!(find(&empty(present(&BOTH[1..]))), []);
    assert_eq!(find(&empty(present(&[]))), []);
}

#[test]
fn a_namespace_is_empty_only_where_all_of_it_was_seen() {
    let survey = empty(aged(9000, None));
    assert_eq!(find(&survey).len(), 1);
    let with = |change: fn(&mut Survey)| {
        let mut survey = survey.clone();
        change(&mut survey);
        diagnose(&survey, &Policy::default()).len()
    };
    assert_eq!(
        with(|survey| survey.scope.selector = Some("team=blue".into())),
        0
    );
    assert_eq!(with(|survey| survey.scope.releases = vec!["web".into()]), 0);
    assert_eq!(
        with(|survey| survey.scope.namespace = Some(NAMESPACE.into())),
        0
    );
    assert_eq!(
        with(|survey| survey.scope.namespace = Some("shop-env-old".into())),
        1
    );
    let hidden = |survey: &mut Survey| {
        survey.unread = vec![Unread {
            what: "secrets in all namespaces".into(),
            reason: "forbidden: no".into(),
        }];
    };
    assert_eq!(with(hidden), 0);
    assert_eq!(
        with(|survey| {
            let elsewhere = Scope {
                namespace: Some("elsewhere".into()),
                ..Scope::default()
            };
            survey.narrow(&elsewhere, None);
        }),
        0,
        "narrowed to nothing"
    );
    assert_eq!(with(|survey| survey.time = None), 0);
    assert!(survey.time.is_some_and(|time| time.as_second() == NOW));
}
