//! Deletions that may have been dry runs: at level `Metadata` their events are
//! the same.

use super::*;
use crate::live::{LiveObject, Observed, Readiness};
use crate::survey::{NamespaceState, SeenNamespace, SeenObject};

/// The claims of a log, as `(deed, whether it may have been a dry run)`.
fn deeds(events: &[Value]) -> Vec<(Deed, bool)> {
    let claims = audited(events).claims();
    claims
        .map(|claim| (claim.deed, claim.perhaps_dry))
        .collect()
}

/// The deed of the first.
fn first(events: &[Value]) -> (Deed, bool) {
    deeds(events)[0]
}

const REMOVED: (Deed, bool) = (Deed::Removed, false);
const PERHAPS: (Deed, bool) = (Deed::Removed, true);
const TAKEN_BACK: (Deed, bool) = (Deed::Noted, false);

fn answered(mut event: Value, code: u16) -> Value {
    event["responseStatus"]["code"] = code.into();
    event
}

fn asked(second: i64) -> Value {
    event(second, KUBECTL, "delete", record(1))
}

#[test]
fn what_was_there_afterwards_was_not_removed() {
    for verb in ["get", "update", "patch", "delete"] {
        let later = event(9, HELM, verb, record(1));
        assert_eq!(first(&[asked(1), later.clone()]), TAKEN_BACK, "{verb}");
        // Of several files the order is not known.
        let later = deeds(&[later, asked(1)]);
        assert_eq!(later.last(), Some(&TAKEN_BACK), "{verb}");
    }
    let claim = audited(&[asked(1), event(9, HELM, "get", record(1))]);
    let claim = claim.claims().next().unwrap();
    assert!(claim.words.contains("it was there afterwards"), "{claim:?}");
}

#[test]
fn what_was_made_anew_or_missed_was_removed() {
    let made = || answered(event(5, HELM, "create", record(1)), 201);
    let read = || event(9, HELM, "get", record(1));
    assert_eq!(first(&[asked(1), made(), read()]), REMOVED);
    // As with server-side apply.
    let applied = answered(event(5, KUBECTL, "patch", record(1)), 201);
    assert_eq!(first(&[asked(1), applied, read()]), REMOVED);
    let missed = answered(event(5, HELM, "get", record(1)), 404);
    assert_eq!(first(&[asked(1), missed]), REMOVED);
    // A creation that was none shows nothing.
    let mut dry = made();
    dry["requestURI"] = "/api?dryRun=All".into();
    assert_eq!(first(&[asked(1), dry, read()]), TAKEN_BACK);
}

#[test]
fn what_nothing_tells_is_left_open() {
    assert_eq!(first(&[asked(1)]), PERHAPS);
    let seen = |uri: &str| {
        let mut read = event(9, HELM, "get", record(1));
        read["requestURI"] = uri.into();
        first(&[asked(1), read])
    };
    // What is read from a cache may be old, and another record is another.
    assert_eq!(seen("/api/v1/x?resourceVersion=0"), PERHAPS);
    assert_eq!(
        first(&[asked(1), event(9, HELM, "get", record(2))]),
        PERHAPS
    );
    // What was read before the answer came shows nothing.
    let mut slow = asked(1);
    slow["stageTimestamp"] = json!(at(20));
    assert_eq!(first(&[slow, event(9, HELM, "get", record(1))]), PERHAPS);
    // Helm and Zadig make no dry runs that ask a server to delete.
    for by in [HELM, ZADIG] {
        assert_eq!(first(&[event(1, by, "delete", record(1))]), REMOVED);
    }
    // The log's level tells all.
    let mut whole = asked(1);
    whole["level"] = "Request".into();
    assert_eq!(first(&[whole]), REMOVED);
}

#[test]
fn a_dry_run_beside_the_removal() {
    let events = [asked(1), event(9, HELM, "delete", record(1))];
    removed(&events, Ending::Removed, Kind::Helm, "alice");
    let events = [event(9, HELM, "update", record(1)), asked(20)];
    let verdict = judged(&none(), audited(&events));
    assert_eq!(verdict.ending, Ending::Removed);
    assert!(verdict.by.unwrap().perhaps_dry);
    // The release is gone, and what was only tried did not remove it.
    let events = [asked(1), event(9, KUBECTL, "get", record(1))];
    let verdict = judged(&none(), audited(&events));
    assert_eq!((verdict.ending, verdict.by), (Ending::Gone, None));
}

#[test]
fn a_collection_and_its_records() {
    let all = json!({"resource": "secrets", "namespace": NAMESPACE, "apiVersion": "v1"});
    let asked = event(1, KUBECTL, "deletecollection", all);
    assert_eq!(first(std::slice::from_ref(&asked)), PERHAPS);
    let read = event(9, HELM, "get", record(1));
    assert_eq!(first(&[asked.clone(), read.clone()]), TAKEN_BACK);
    let made = answered(event(5, HELM, "create", record(1)), 201);
    assert_eq!(first(&[asked, made, read]), PERHAPS);
}

/// Whoever misses a record after all were deleted need not miss it for what was
/// asked before.
#[test]
fn a_dry_run_before_all_records_went() {
    let all = json!({"resource": "secrets", "namespace": NAMESPACE, "apiVersion": "v1"});
    let missed = |second| answered(event(second, HELM, "get", record(1)), 404);
    let swept = |second| event(second, (CONTROLLER, "x"), "deletecollection", all.clone());
    assert_eq!(first(&[asked(1), swept(5), missed(9)]), PERHAPS);
    assert_eq!(first(&[asked(1), missed(5), swept(9)]), REMOVED);
}

#[test]
fn an_object_of_another_namespace_is_another() {
    let deployment = |namespace: &str| {
        json!({
            "resource": "deployments", "namespace": namespace, "name": RELEASE, "apiGroup": "apps",
        })
    };
    let asked = || event(1, KUBECTL, "delete", deployment(NAMESPACE));
    let missed = |namespace| answered(event(9, KUBECTL, "get", deployment(namespace)), 404);
    assert_eq!(first(&[asked(), missed(NAMESPACE)]), REMOVED);
    assert_eq!(first(&[asked(), missed("other")]), PERHAPS);
    // It may have been held by a finalizer.
    let read = event(9, KUBECTL, "update", deployment(NAMESPACE));
    assert_eq!(first(&[asked(), read]), PERHAPS);
}

#[test]
fn a_namespace_goes_slowly() {
    let asked = || event(1, KUBECTL, "delete", namespace());
    assert_eq!(first(&[asked()]), PERHAPS);
    let read = event(2, HELM, "get", namespace());
    assert_eq!(first(&[asked(), read.clone()]), PERHAPS);
    let mut finalize = namespace();
    finalize["subresource"] = "finalize".into();
    let finalize = event(3, (CONTROLLER, "x"), "update", finalize);
    assert_eq!(first(&[asked(), read, finalize]), REMOVED);
}

#[test]
fn what_is_there_now_and_is_older_was_not_removed() {
    let deed = |survey: &Survey, event: Value| {
        let told = Told {
            survey,
            events: &[],
            receipts: &[],
        };
        let claims = timeline(&subject(), told, audited(&[event]).claims());
        let mut audited = claims.iter().filter(|one| one.source == Source::AuditLog);
        let claim = audited.next().unwrap();
        assert_eq!(
            claim.words.contains("afterwards"),
            claim.deed == Deed::Noted
        );
        claim.deed
    };
    let mut survey = with_status(Status::Deployed);
    let record = || event(30, KUBECTL, "delete", record(3));
    for (created, expected) in [(29, Deed::Noted), (30, Deed::Removed), (31, Deed::Removed)] {
        survey.records[0].created = Some(at(created));
        assert_eq!(deed(&survey, record()), expected, "{created}");
    }
    survey.namespaces = vec![SeenNamespace {
        name: NAMESPACE.into(),
        state: NamespaceState::Present {
            labels: Labels::default(),
            created: Some(at(1)),
            deleting: None,
        },
    }];
    let asked = || event(30, KUBECTL, "delete", namespace());
    assert_eq!(deed(&survey, asked()), Deed::Noted);
    assert_eq!(deed(&none(), asked()), Deed::Removed);
    survey.objects = vec![SeenObject {
        namespace: NAMESPACE.into(),
        object: object("apps/v1", "Deployment"),
        observed: Observed::Present(Box::new(LiveObject {
            uid: "u".into(),
            created: Some(at(1)),
            deleting: None,
            finalizers: Vec::new(),
            writers: Vec::new(),
            owner: None,
            readiness: Readiness::Ready,
            failed: false,
        })),
    }];
    let deployment = json!({
        "resource": "deployments", "namespace": NAMESPACE, "name": RELEASE, "apiGroup": "apps",
    });
    let asked = event(30, KUBECTL, "delete", deployment);
    assert_eq!(deed(&survey, asked), Deed::Noted);
}

#[test]
fn a_dry_run_is_not_who_wrote_last() {
    let mut survey = with_status(Status::Deployed);
    survey.records[0].created = Some(at(1));
    let events = [event(50, KUBECTL, "delete", record(3))];
    let verdict = judged(&survey, audited(&events));
    assert_eq!(verdict.ending, Ending::There);
    assert_eq!(verdict.actor.unwrap().kind, Kind::Helm);
}
