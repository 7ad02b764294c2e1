use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::helm::{Driver, Status};
use crate::live::Writer;
use crate::survey::SeenZadig;
use crate::survey::fixture;
use crate::survey::zadig::{self, ZadigOperation};
use crate::survey::{Labels, Payload, Record, Survey, Unread};

mod lived;

const NAMESPACE: &str = "shop";
const RELEASE: &str = "web";
const CONTROLLER: &str = "system:serviceaccount:kube-system:namespace-controller";

fn subject() -> Subject {
    Subject {
        namespace: NAMESPACE.into(),
        release: RELEASE.into(),
        objects: vec![
            object("apps/v1", "Deployment"),
            object("networking.k8s.io/v1", "NetworkPolicy"),
        ],
        project: Some("shop".into()),
    }
}

fn object(api_version: &str, kind: &str) -> ObjectRef {
    ObjectRef {
        api_version: api_version.into(),
        kind: kind.into(),
        namespace: None,
        name: RELEASE.into(),
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_793_000_000 + second).unwrap()
}

/// A request that was granted, as the API server logs it.
fn event(second: i64, (user, agent): (&str, &str), verb: &str, object: Value) -> Value {
    json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "stage": "ResponseComplete",
        "requestURI": "/api", "verb": verb, "user": {"username": user, "groups": ["system:authenticated"]},
        "userAgent": agent, "objectRef": object, "responseStatus": {"metadata": {}, "code": 200},
        "requestReceivedTimestamp": at(second), "stageTimestamp": at(second),
    })
}

fn record(revision: u32) -> Value {
    let name = format!("sh.helm.release.v1.{RELEASE}.v{revision}");
    json!({"resource": "secrets", "namespace": NAMESPACE, "name": name, "apiVersion": "v1"})
}

fn namespace() -> Value {
    json!({"resource": "namespaces", "namespace": NAMESPACE, "name": NAMESPACE, "apiVersion": "v1"})
}

fn audited(events: &[Value]) -> Requests {
    let mut requests = Requests::default();
    for event in events {
        requests.take(event.to_string().as_bytes(), &subject());
    }
    requests
}

fn none() -> Survey {
    Survey::default()
}

fn with_status(status: Status) -> Survey {
    let mut seen = fixture::record(3, status.clone(), 0);
    seen.id.namespace = NAMESPACE.into();
    seen.id.driver = Driver::Secret;
    seen.id.name = format!("sh.helm.release.v1.{RELEASE}.v3");
    seen.payload = Payload::Unread;
    seen.labels = Labels::from_iter([("status", status.to_string())]);
    seen.writers = vec![Writer {
        manager: "helm".into(),
        at: at(5),
        subresource: None,
    }];
    Survey {
        records: vec![seen],
        ..none()
    }
}

fn judged(survey: &Survey, requests: Requests) -> Verdict {
    let told = Told {
        survey,
        events: &[],
        receipts: &[],
    };
    let timeline = timeline(&subject(), told, requests.claims());
    verdict(&subject(), survey, &timeline)
}

#[track_caller]
fn removed(events: &[Value], ending: Ending, kind: Kind, user: &str) {
    let verdict = judged(&none(), audited(events));
    assert_eq!(verdict.ending, ending);
    let actor = verdict.actor.unwrap();
    assert_eq!((actor.kind, actor.user.as_deref()), (kind, Some(user)));
}

const HELM: (&str, &str) = ("alice", "Helm/3.17.2");
const KUBECTL: (&str, &str) = ("bob", "kubectl/v1.32.3 (linux/amd64) kubernetes/32cc146");
const ZADIG: (&str, &str) = ("system:serviceaccount:zadig:default", "aslan/v0.0.0");

#[test]
fn whoever_removed_the_records_is_named() {
    for (by, kind) in [
        (HELM, Kind::Helm),
        (KUBECTL, Kind::Kubectl),
        (ZADIG, Kind::Zadig),
    ] {
        let events = [
            event(1, HELM, "create", record(1)),
            event(2, HELM, "update", record(1)),
            event(9, by, "delete", record(1)),
        ];
        removed(&events, Ending::Removed, kind, by.0);
    }
    let all = json!({"resource": "secrets", "namespace": NAMESPACE, "apiVersion": "v1"});
    let events = [event(9, KUBECTL, "deletecollection", all)];
    removed(&events, Ending::Removed, Kind::Kubectl, "bob");
}

#[test]
fn a_deleted_namespace_takes_its_records_with_it() {
    let controller = (CONTROLLER, "kube-controller-manager/v1.36");
    let all = json!({"resource": "secrets", "namespace": NAMESPACE, "apiVersion": "v1"});
    let finalize = json!({
        "resource": "namespaces", "namespace": NAMESPACE, "name": NAMESPACE, "subresource": "finalize",
    });
    let mut events = vec![
        event(1, KUBECTL, "delete", namespace()),
        event(2, controller, "deletecollection", all),
        event(3, controller, "update", finalize),
        event(4, controller, "delete", namespace()),
    ];
    removed(&events, Ending::RemovedWithNamespace, Kind::Kubectl, "bob");
    // Who deleted it is before the log's beginning.
    events.remove(0);
    let verdict = judged(&none(), audited(&events));
    assert_eq!(verdict.ending, Ending::RemovedWithNamespace);
    assert_eq!(verdict.actor, None);
}

#[test]
fn who_empties_a_namespace_afterwards_removed_nothing() {
    let controller = (CONTROLLER, "kube-controller-manager/v1.36");
    let all = json!({"resource": "secrets", "namespace": NAMESPACE, "apiVersion": "v1"});
    let delete = |second| event(second, KUBECTL, "delete", namespace());
    let emptied = |second| event(second, controller, "deletecollection", all.clone());
    let uninstalled = [
        event(1, HELM, "create", record(1)),
        event(2, HELM, "delete", record(1)),
        delete(60),
        emptied(61),
    ];
    removed(&uninstalled, Ending::Removed, Kind::Helm, "alice");
    // The log may begin late, and Helm may have left a revision.
    removed(&uninstalled[1..], Ending::Removed, Kind::Helm, "alice");
    let left = [
        event(1, HELM, "create", record(2)),
        event(2, HELM, "delete", record(1)),
        delete(60),
        emptied(61),
    ];
    removed(&left, Ending::RemovedWithNamespace, Kind::Kubectl, "bob");
    let pruned = [
        event(2, ("carol", "zadig-doctor/0.1.0"), "delete", record(1)),
        delete(60),
        emptied(61),
    ];
    removed(&pruned, Ending::RemovedWithNamespace, Kind::Kubectl, "bob");
}

#[test]
fn whoever_removed_an_old_revision_did_not_remove_the_release() {
    let gone = |events: &[Value]| {
        let verdict = judged(&none(), audited(events));
        assert_eq!((verdict.ending, verdict.actor), (Ending::Gone, None));
    };
    // Helm keeps so many revisions; what removed the newest is not in the log.
    gone(&[
        event(1, HELM, "create", record(11)),
        event(1, HELM, "delete", record(1)),
    ]);
    // The release was installed again since.
    gone(&[
        event(1, HELM, "delete", record(1)),
        event(60, HELM, "create", record(1)),
    ]);
    // This tool pruned, or put back.
    let doctor = ("carol", "zadig-doctor/0.1.0");
    gone(&[event(1, doctor, "delete", record(1))]);
    gone(&[
        event(1, doctor, "delete", record(1)),
        event(2, doctor, "create", record(1)),
    ]);
    let last = [
        event(1, HELM, "create", record(1)),
        event(60, doctor, "delete", record(1)),
    ];
    removed(&last, Ending::Removed, Kind::Doctor, "carol");
}

#[test]
fn others_collections_are_no_removal_of_the_release() {
    let collection = |selector: &str| {
        let all = json!({"resource": "secrets", "namespace": NAMESPACE, "apiVersion": "v1"});
        let mut event = event(9, KUBECTL, "deletecollection", all);
        event["requestURI"] = format!("/api/v1/namespaces/shop/secrets?{selector}").into();
        judged(&none(), audited(&[event])).ending
    };
    assert_eq!(collection("labelSelector=app%3Dx"), Ending::NeverSeen);
    assert_eq!(collection("fieldSelector=type%3DOpaque"), Ending::NeverSeen);
    assert_eq!(collection("labelSelector=owner%3Dhelm"), Ending::Removed);
    assert_eq!(collection("limit=500"), Ending::Removed);
}

#[test]
fn an_uninstall_that_was_killed_left_its_records() {
    let survey = with_status(Status::Uninstalling);
    let events = [
        event(5, ZADIG, "update", record(3)),
        event(
            6,
            ZADIG,
            "delete",
            json!({
                "resource": "deployments", "namespace": NAMESPACE, "name": RELEASE, "apiGroup": "apps",
            }),
        ),
    ];
    let verdict = judged(&survey, audited(&events));
    assert_eq!(verdict.ending, Ending::UninstallUnfinished);
    assert_eq!(verdict.actor.unwrap().kind, Kind::Zadig);
    // Without the log, the manager is all there is.
    let verdict = judged(&survey, Requests::default());
    assert_eq!(verdict.ending, Ending::UninstallUnfinished);
    let actor = verdict.actor.unwrap();
    assert_eq!((actor.kind, actor.user), (Kind::Helm, None));
}

#[test]
fn what_is_there_was_not_removed() {
    let survey = with_status(Status::Deployed);
    // An earlier release of the same name.
    let events = [event(1, KUBECTL, "delete", record(3))];
    let verdict = judged(&survey, audited(&events));
    assert_eq!(verdict.ending, Ending::There);
    assert_eq!(verdict.by.unwrap().source, Source::ManagedFields);
}

#[test]
fn what_no_source_tells_is_not_said() {
    assert_eq!(
        judged(&none(), Requests::default()).ending,
        Ending::NeverSeen
    );
    let created = audited(&[event(1, HELM, "create", record(1))]);
    let verdict = judged(&none(), created);
    assert_eq!((verdict.ending, verdict.actor), (Ending::Gone, None));
    let unread = Survey {
        unread: vec![Unread {
            what: "secrets".into(),
            reason: "forbidden".into(),
        }],
        ..none()
    };
    let verdict = judged(&unread, audited(&[event(1, KUBECTL, "delete", record(1))]));
    assert_eq!(verdict.ending, Ending::Unknown);
}

#[test]
fn what_changed_nothing_or_concerns_another_is_left_out() {
    let mut refused = event(1, KUBECTL, "delete", record(1));
    refused["responseStatus"]["code"] = 403.into();
    let mut dry_run = event(1, KUBECTL, "delete", record(1));
    dry_run["requestURI"] = "/api/v1/…?dryRun=All".into();
    let mut dry_body = event(1, KUBECTL, "delete", record(1));
    dry_body["requestObject"] = json!({"kind": "DeleteOptions", "dryRun": ["All"]});
    let mut received = event(1, KUBECTL, "delete", record(1));
    received["stage"] = "RequestReceived".into();
    let with = |field: &str, value: &str| {
        let mut event = event(1, KUBECTL, "delete", record(1));
        event["objectRef"][field] = value.into();
        event
    };
    let others = [
        refused,
        dry_run,
        dry_body,
        received,
        event(1, KUBECTL, "get", record(1)),
        with("namespace", "shop2"),
        with("name", "sh.helm.release.v1.web2.v1"),
        with("name", "web"),
        with("apiGroup", "example.com"),
        with("resource", "pods"),
        with("subresource", "status"),
        event(
            1,
            KUBECTL,
            "delete",
            json!({"resource": "namespaces", "name": "shop2"}),
        ),
    ];
    let requests = audited(&others);
    assert_eq!(requests.log.events, others.len());
    assert_eq!(requests.claims().count(), 0);
}

#[test]
fn objects_are_known_by_kind_group_and_name() {
    let of = |resource: &str, group: &str| {
        let object = json!({
            "resource": resource, "namespace": NAMESPACE, "name": RELEASE, "apiGroup": group,
        });
        let claims = audited(&[event(1, HELM, "delete", object)]);
        claims
            .claims()
            .next()
            .map(|claim| claim.what[0].to_string())
    };
    assert_eq!(of("deployments", "apps").as_deref(), Some("Deployment web"));
    let policy = of("networkpolicies", "networking.k8s.io");
    assert_eq!(policy.as_deref(), Some("NetworkPolicy web"));
    assert_eq!(of("deployments", "extensions"), None);
    assert_eq!(of("daemonsets", "apps"), None);
}

#[test]
fn who_impersonates_is_told_beside() {
    let mut event = event(1, KUBECTL, "delete", record(1));
    event["impersonatedUser"] = json!({"username": "carol"});
    let claim = audited(&[event]).claims().next().unwrap();
    assert_eq!(claim.actor.unwrap().user.as_deref(), Some("carol"));
    assert_eq!(claim.words, "as impersonated by bob");
}

#[test]
fn what_was_asked_of_zadig_is_told_beside() {
    let operation = |project: &str, target: &str| ZadigOperation {
        time: Some(at(1)),
        user: "alice".into(),
        project: project.into(),
        method: "删除".into(),
        function: "环境".into(),
        targets: vec![target.into()],
        status: 200,
    };
    let told = |operations| {
        let survey = Survey {
            zadig: Some(SeenZadig {
                operations: zadig::Told::all(operations),
                ..SeenZadig::default()
            }),
            ..none()
        };
        let told = Told {
            survey: &survey,
            events: &[],
            receipts: &[],
        };
        let claims = timeline(&subject(), told, []);
        // Nothing was removed by being asked for.
        assert_eq!(verdict(&subject(), &survey, &claims).actor, None);
        claims
    };
    let claims = told(vec![operation("shop", "dev"), operation("other", "dev")]);
    assert_eq!(claims.len(), 1);
    assert_eq!(claims[0].words, "删除 环境 dev");
    assert_eq!(
        claims[0].actor.as_ref().unwrap().to_string(),
        "Zadig (user alice)"
    );
    assert_eq!(told(vec![operation("other", RELEASE)]).len(), 1);
}

#[test]
fn what_one_client_does_at_once_is_one_claim() {
    let deployment = json!({
        "resource": "deployments", "namespace": NAMESPACE, "name": RELEASE, "apiGroup": "apps",
    });
    let events = [
        event(1, HELM, "delete", deployment),
        event(2, HELM, "delete", record(1)),
        event(2, HELM, "delete", record(2)),
        event(60, HELM, "delete", record(3)),
    ];
    let survey = none();
    let told = Told {
        survey: &survey,
        events: &[],
        receipts: &[],
    };
    let claims = timeline(&subject(), told, audited(&events).claims());
    let numbers: Vec<_> = claims.iter().map(|claim| claim.what.len()).collect();
    assert_eq!(numbers, [3, 1]);
}

#[test]
fn a_log_of_something_else_is_known_for_one() {
    let mut requests = Requests::default();
    for line in [
        &b"I1125 not an event"[..],
        b"{}",
        b"[]",
        b"\xff\xfe",
        b"",
        b"  \n",
    ] {
        requests.take(line, &subject());
    }
    assert_eq!((requests.log.events, requests.log.others), (0, 4));
}

proptest! {
    #[test]
    fn any_line_is_read_or_passed_over(line in any::<Vec<u8>>()) {
        Requests::default().take(&line, &subject());
    }

    #[test]
    fn any_event_is_read_or_passed_over(verb in ".{0,12}", user in ".{0,40}", agent in ".{0,200}", name in ".{0,60}") {
        let object = json!({"resource": "secrets", "namespace": NAMESPACE, "name": name});
        let _ = judged(&none(), audited(&[event(1, (&user, &agent), &verb, object)]));
    }
}

/// The record that a fixture makes is the release's.
#[test]
fn the_fixture_is_of_the_subject() {
    let survey = with_status(Status::Deployed);
    let own = |record: &&Record| subject().owns(&record.id);
    assert_eq!(survey.records.iter().filter(own).count(), 1);
}
