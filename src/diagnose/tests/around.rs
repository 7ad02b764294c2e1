//! What surrounds the releases: fires, stays silent, near misses.

use super::{find, healthy, only, stuck};
use crate::diagnose::*;
use crate::helm::Status;
use crate::live::ObjectRef;
use crate::survey::fixture::{NAMESPACE, ago, place, record, says, serve, survey};
use crate::survey::{ApiState, Hook, Listed, NamespaceState, Record, SeenApi, Survey, Unreadable};

const INFO: Severity = Severity::Info;
const WARNING: Severity = Severity::Warning;
const ERROR: Severity = Severity::Error;

fn ids(survey: &Survey) -> Vec<&'static str> {
    find(survey).iter().map(|found| found.0).collect()
}

/// A namespace that is being deleted for so many seconds.
fn terminating(seconds: i64) -> NamespaceState {
    NamespaceState::Present {
        labels: crate::survey::Labels::default(),
        created: Some(ago(86_400)),
        deleting: Some(ago(seconds)),
    }
}

#[test]
fn namespace_terminating() {
    for (seconds, severity) in [(0, WARNING), (600, WARNING), (601, ERROR)] {
        let going = place(survey(healthy()), NAMESPACE, terminating(seconds));
        let found = only(&going);
        assert_eq!(
            (found.id, found.severity),
            ("namespace-terminating", severity)
        );
        assert_eq!((found.subject.release, found.subject.driver), (None, None));
        assert!(found.summary.contains("it holds web"), "{}", found.summary);
    }
    // One that holds no record of any release is nothing to this check.
    let other = place(survey(healthy()), "elsewhere", terminating(9000));
    assert_eq!(find(&other), []);
}

#[test]
fn all_namespaces_are_one_list_and_one_is_one_read() {
    let mut all = survey(healthy());
    all.namespaces_listed = None;
    all.namespaces.clear();
    assert_eq!(needs(&all, &Policy::default()), [Need::Namespaces]);
    all.scope.namespace = Some(NAMESPACE.into());
    let one = [Need::Namespace(NAMESPACE.into())];
    assert_eq!(needs(&all, &Policy::default()), one);
    // A repair does without.
    let repair = Policy {
        surroundings: false,
        ..Policy::default()
    };
    assert_eq!(needs(&all, &repair), []);
    // Too many to be read one by one.
    let objects = (0..40).map(|number| object("v1", "ConfigMap", Some(&format!("ns-{number}"))));
    says(&mut all.records[1]).objects = objects.collect();
    let more = needs(&all, &Policy::default());
    assert_eq!(more, [Need::Namespaces, one[0].clone()]);
}

#[test]
fn what_may_not_be_read_is_left_out() {
    let mut blind = survey(healthy());
    blind.namespaces.clear();
    let why = || Unreadable {
        reason: "forbidden: no".into(),
        forbidden: true,
    };
    blind.namespaces_listed = Some(Listed::Unreadable(why()));
    blind.apis = vec![SeenApi {
        api_version: "apps/v1".into(),
        state: ApiState::Unreadable(why()),
    }];
    assert_eq!(find(&blind), []);
    blind.note_unreadable();
    assert_eq!((blind.unread.len(), blind.skipped.len()), (0, 2));
}

fn object(api_version: &str, kind: &str, namespace: Option<&str>) -> ObjectRef {
    ObjectRef {
        api_version: api_version.into(),
        kind: kind.into(),
        namespace: namespace.map(str::to_owned),
        name: "web".into(),
    }
}

/// A healthy release whose deployed revision consists of these objects.
fn of(objects: Vec<ObjectRef>) -> Vec<Record> {
    let mut records = healthy();
    says(&mut records[1]).objects = objects;
    records
}

#[test]
fn namespace_gone() {
    let gone = survey(of(vec![object("v1", "ConfigMap", Some("nowhere"))]));
    let found = only(&gone);
    assert_eq!((found.id, found.severity), ("namespace-gone", ERROR));
    assert!(found.summary.contains("nowhere"), "{}", found.summary);
    for objects in [
        vec![object("v1", "ConfigMap", Some("elsewhere"))],
        vec![object("v1", "ConfigMap", None)],
    ] {
        assert_eq!(find(&survey(of(objects))), []);
    }
    // It lies in none, whatever the chart says.
    let role = object("example.com/v1", "Tenant", Some("nowhere"));
    let kinds = [("Tenant".to_owned(), false)].into();
    let mut there = survey(of(vec![role]));
    there.apis.push(SeenApi {
        api_version: "example.com/v1".into(),
        state: ApiState::Served { kinds },
    });
    assert_eq!(find(&there.sorted()), []);
    // The release's own namespace, with its records kept here.
    let mut records = healthy();
    says(&mut records[1]).namespace = "nowhere".into();
    let apart = survey(records);
    let expected = [
        ("namespace-gone", WARNING, None),
        ("storage-namespace", INFO, None),
    ];
    assert_eq!(find(&apart), expected);
    // Uninstalled, it needs none.
    let mut records = of(vec![object("v1", "ConfigMap", Some("nowhere"))]);
    says(&mut records[1]).status = Status::Uninstalled;
    records[1].labels.insert("status", "uninstalled");
    assert_eq!(find(&survey(records)), []);
}

#[test]
fn a_namespace_that_the_manifest_makes_is_not_missed() {
    let mut own = object("v1", "Namespace", None);
    own.name = "nowhere".into();
    let objects = vec![own, object("v1", "ConfigMap", Some("nowhere"))];
    let makes = serve(survey(of(objects)), "v1", Some(&["ConfigMap", "Namespace"]));
    assert_eq!(find(&makes), []);
}

fn budget() -> ObjectRef {
    object("policy/v1beta1", "PodDisruptionBudget", None)
}

#[test]
fn removed_api() {
    let gone = serve(survey(of(vec![budget()])), "policy/v1beta1", None);
    let found = only(&gone);
    assert_eq!((found.id, found.severity), ("removed-api", ERROR));
    assert_eq!(found.subject.revision, Some(2));
    let text = found.evidence[0].to_string();
    assert!(text.contains("1.25 removed it for policy/v1"), "{text}");
    let commands: Vec<_> = found
        .advice
        .iter()
        .filter_map(|one| one.command.as_ref())
        .collect();
    assert!(matches!(commands[1], Command::Helm(_, words) if words[0] == "mapkubeapis"));
    // The version is served, the kind is not: gone all the same.
    let other = serve(gone.clone(), "policy/v1beta1", Some(&["Eviction"]));
    assert_eq!(ids(&other), ["removed-api"]);
    let served = serve(
        gone.clone(),
        "policy/v1beta1",
        Some(&["PodDisruptionBudget"]),
    );
    assert_eq!(ids(&served), ["deprecated-api"]);
    // Where it could not be found out, nothing is said.
    let mut unknown = gone;
    for seen in &mut unknown.apis {
        seen.state = ApiState::Unreadable(Unreadable {
            reason: "timed out".into(),
            forbidden: false,
        });
    }
    assert_eq!(find(&unknown), []);
}

#[test]
fn no_upgrade_starts_from_a_failed_revision_where_one_is_deployed() {
    let failed = |deployed: bool| {
        let mut records = healthy();
        records.push(record(3, Status::Failed, 3000));
        says(&mut records[2]).objects = vec![budget()];
        if !deployed {
            records.remove(1);
        }
        let gone = serve(survey(records), "policy/v1beta1", None);
        let mut found = diagnose(&gone, &Policy::default());
        found.retain(|one| one.id == "removed-api");
        found.remove(0)
    };
    let found = failed(true);
    assert_eq!((found.severity, found.subject.revision), (WARNING, Some(3)));
    assert!(found.summary.contains("no upgrade starts from this"));
    let found = failed(false);
    assert_eq!((found.severity, found.subject.revision), (ERROR, Some(3)));
    assert!(found.summary.contains("the next upgrade"));
}

#[test]
fn what_a_definition_brought_is_not_for_mapkubeapis() {
    let thing = object("example.com/v1", "Thing", None);
    let found = only(&serve(survey(of(vec![thing])), "example.com/v1", None));
    let commands = found.advice.iter().filter_map(|one| one.command.as_ref());
    assert!(
        !commands
            .into_iter()
            .any(|one| matches!(one, Command::Helm(..)))
    );
    let advised = |word: &str| found.advice.iter().any(|one| one.text.contains(word));
    assert!(advised("Thing (example.com/v1)") && advised("do not run helm uninstall"));
}

#[test]
fn hooks_count_where_helm_builds_them_from_the_record() {
    let hook = |event: &str| {
        let mut records = healthy();
        says(&mut records[1]).hooks = vec![Hook {
            object: object("batch/v1beta1", "Job", None),
            events: vec![event.into()],
            phase: String::new(),
            started: None,
        }];
        serve(survey(records), "batch/v1beta1", None)
    };
    assert_eq!(find(&hook("pre-delete")), [("removed-api", WARNING, None)]);
    assert_eq!(
        find(&hook("post-rollback")),
        [("removed-api", WARNING, None)]
    );
    assert_eq!(find(&hook("pre-upgrade")), []);
    assert_eq!(find(&hook("test")), []);
}

#[test]
fn what_has_a_finding_of_its_own_has_no_second_one() {
    for status in [
        Status::PendingUpgrade,
        Status::Uninstalling,
        Status::Uninstalled,
        Status::Unknown,
    ] {
        let mut records = stuck();
        records[1] = record(2, status.clone(), 4000);
        says(&mut records[0]).objects = vec![budget()];
        let gone = serve(survey(records), "policy/v1beta1", None);
        assert!(!ids(&gone).contains(&"removed-api"), "{status}");
    }
    // A failed one is upgraded from the one that is deployed.
    let mut records = stuck();
    records[1] = record(2, Status::Failed, 4000);
    says(&mut records[0]).objects = vec![budget()];
    let gone = serve(survey(records), "policy/v1beta1", None);
    let found = only(&gone);
    assert_eq!((found.id, found.severity), ("removed-api", ERROR));
    assert_eq!(found.subject.revision, Some(1));
    // An uninstall is one of the failed revision, and goes through.
    let advised = |word: &str| found.advice.iter().any(|one| one.text.contains(word));
    assert!(!advised("do not run helm uninstall") && advised("does not help here"));
}

#[test]
fn deprecated_api() {
    let going = |api_version: &str, kind: &str| {
        let survey = survey(of(vec![object(api_version, kind, None)]));
        find(&serve(survey, api_version, Some(&[kind])))
    };
    let warning = [("deprecated-api", WARNING, None)];
    assert_eq!(going("extensions/v1beta1", "Ingress"), warning);
    assert_eq!(going("apps/v1beta2", "StatefulSet"), warning);
    assert_eq!(
        going("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema"),
        warning
    );
    assert_eq!(going("policy/v1beta1", "PodSecurityPolicy"), warning);
    assert_eq!(going("policy/v1", "PodDisruptionBudget"), []);
    assert_eq!(going("storage.k8s.io/v1beta1", "VolumeAttributesClass"), []);
    assert_eq!(going("example.com/v1beta1", "Ingress"), []);
}

#[test]
fn what_is_going_is_sorted_out_by_version_and_kind() {
    let going = |api_version: &str, kind: &str| {
        let going = apis::going(&object(api_version, kind, None))?;
        Some((going.gone_in, going.instead))
    };
    assert_eq!(
        going("extensions/v1beta1", "Deployment"),
        Some(("1.16", "apps/v1"))
    );
    assert_eq!(
        going("extensions/v1beta1", "Ingress"),
        Some(("1.22", "networking.k8s.io/v1"))
    );
    assert_eq!(
        going("storage.k8s.io/v1beta1", "CSIStorageCapacity"),
        Some(("1.27", "storage.k8s.io/v1"))
    );
    assert_eq!(
        going("policy/v1beta1", "PodSecurityPolicy"),
        Some(("1.25", ""))
    );
}
