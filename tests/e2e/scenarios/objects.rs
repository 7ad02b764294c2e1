//! Objects and records that have lost each other. What only the objects can
//! tell, `check --deep` says.

use serde_json::{Value, json};
use zadig_doctor::helm::Driver;

use super::Unstick::Refuses;
use super::charts::{config_map, hook, like_quiet};
use super::make::{kill, kubectl, quiet, refused, waiting_upgrade, writes};
use super::{BUSY, NOTHING_DEPLOYED, RELEASE, Scenario, Stage, finds, scenarios, stale};
use crate::bed::Namespace;
use crate::process::wait_until;
use crate::records::name;

scenarios! {
    records_gone [every, old] {
        what: "all records are gone, the objects live on: a release that Helm knows nothing of",
        how: "kubectl delete secret -l owner=helm,name=shop; the next `upgrade --install` adopts the objects",
        upgrade_says: Some(NOTHING_DEPLOYED),
        deep: Some(&[finds("lost-records")]),
        make: |stage| {
            quiet(stage, "install", "one");
            kubectl(stage, &["delete", "secret", "-l", &format!("owner=helm,name={RELEASE}")]);
            assert!(is_there(stage, RELEASE));
        },
    }
    record_gone_in_between [every] {
        what: "a gap in the history: legal, and nothing to report",
        how: "kubectl delete secret of revision 2 of 3",
        leaves: &[(1, "superseded", "superseded"), (3, "deployed", "deployed")],
        make: |stage| {
            for (verb, message) in [("install", "one"), ("upgrade", "two"), ("upgrade", "three")] {
                quiet(stage, verb, message);
            }
            kubectl(stage, &["delete", "secret", &name(RELEASE, 2)]);
        },
    }
    newest_record_gone [every] {
        what: "the deployed revision's record is gone: an older one passes for the newest",
        how: "kubectl delete secret of the newest revision",
        leaves: &[(1, "superseded", "superseded")],
        finds: &[finds("none-deployed")],
        make: |stage| {
            quiet(stage, "install", "one");
            quiet(stage, "upgrade", "two");
            kubectl(stage, &["delete", "secret", &name(RELEASE, 2)]);
        },
    }
    objects_gone [every] {
        what: "the objects are gone, the record says deployed",
        how: "kubectl delete configmap; the next upgrade makes it anew",
        leaves: &[(1, "deployed", "deployed")],
        deep: Some(&[finds("missing-objects")]),
        make: |stage| {
            quiet(stage, "install", "one");
            kubectl(stage, &["delete", "configmap", RELEASE]);
        },
    }
    hooks_left [every] {
        what: "a hook's object outlives its release: Helm does not count it among the release's own, nor does check",
        how: "a chart with a post-install hook is installed and uninstalled",
        upgrade_says: Some(NOTHING_DEPLOYED),
        make: |stage| {
            let template = config_map("hook", &hook("post-install"));
            let chart = like_quiet(stage, &[("templates/hook.yaml", &template)]);
            stage.helm.ok(&["install", RELEASE, &chart]);
            stage.helm.ok(&["uninstall", RELEASE]);
            assert!(is_there(stage, &format!("{RELEASE}-hook")) && !is_there(stage, RELEASE));
        },
    }
    owned_by_another [every] {
        what: "an object says that it belongs to another release: Helm takes it back unasked",
        how: "kubectl apply as field manager `helm`, as another release with --take-ownership does it",
        leaves: &[(1, "deployed", "deployed")],
        deep: Some(&[finds("ownership-mismatch")]),
        may_find: &["drift"],
        make: |stage| {
            quiet(stage, "install", "one");
            taken_by_another(stage);
        },
    }
    orphan_of_a_failed_upgrade [every] {
        what: "an object that only a failed revision had: no upgrade ever deletes it",
        how: "an upgrade that adds a ConfigMap is refused at its next write (403); the upgrade after it does not have it",
        leaves: &[
            (1, "superseded", "superseded"),
            (2, "failed", "failed"),
            (3, "deployed", "deployed"),
        ],
        deep: Some(&[finds("orphaned-objects")]),
        make: |stage| {
            quiet(stage, "install", "one");
            let extra = config_map("extra", "");
            let files: [(&str, &[u8]); 2] =
                [("templates/extra.yaml", &extra), ("templates/service.yaml", SERVICE)];
            let chart = like_quiet(stage, &files);
            refused(stage, writes("services"), &["upgrade", RELEASE, &chart]);
            quiet(stage, "upgrade", "three");
            assert!(is_there(stage, &format!("{RELEASE}-extra")));
        },
    }
    hook_left_by_the_chart [every] {
        what: "the chart has dropped a hook: its object is there, and nothing will ever remove it",
        how: "a chart with a post-install hook is installed, then upgraded to one without",
        leaves: &[(1, "superseded", "superseded"), (2, "deployed", "deployed")],
        deep: Some(&[finds("leftover-hook")]),
        make: |stage| {
            let template = config_map("hook", &hook("post-install"));
            let chart = like_quiet(stage, &[("templates/hook.yaml", &template)]);
            stage.helm.ok(&["install", RELEASE, &chart]);
            quiet(stage, "upgrade", "two");
        },
    }
    drifted [v3_9, v3_17, v3_22] {
        what: "somebody changed an object by hand: Helm 3 takes it back when it next writes that object",
        how: "kubectl patch of the ConfigMap",
        leaves: &[(1, "deployed", "deployed")],
        deep: Some(&[finds("drift")]),
        make: |stage| {
            quiet(stage, "install", "one");
            by_hand(stage);
        },
    }
    objects_that_are_no_orphans [every] {
        what: "objects that no current revision declares, all of them somebody's or kept on purpose: nothing to report",
        how: "an upgrade drops a ConfigMap whose policy is keep; a CRD of crds/, the claim of a StatefulSet; ConfigMaps with \
              the release's marks that have an owner, a made up name, or are Argo CD's or Flux's",
        leaves: &[(1, "superseded", "superseded"), (2, "deployed", "deployed")],
        deep: Some(&[]),
        make: no_orphans,
    }
    objects_in_a_namespace_that_is_gone [every] {
        what: "a chart puts an object into another namespace, which is gone: an upgrade with that chart fails",
        how: "kubectl delete namespace, then the same upgrade again; one that does without the object succeeds",
        leaves: &[(1, "deployed", "deployed"), (2, "failed", "failed")],
        finds: &[finds("namespace-gone")],
        make: |stage| {
            let other = Namespace::on(stage.namespace.cluster(), "gone");
            let template = config_map("there", &format!("  namespace: {}\n", other.name()));
            let chart = like_quiet(stage, &[("templates/there.yaml", &template)]);
            stage.helm.ok(&["install", RELEASE, &chart]);
            gone(other);
            let said = stage.helm.run(&["upgrade", RELEASE, &chart]).expect_code(1).to_string();
            assert!(said.contains("not found"), "{said}");
        },
    }
    pending_in_a_namespace_that_goes [every, old] {
        what: "the namespace is being deleted, and a finalizer holds the record of an upgrade that never ended",
        how: "kubectl delete namespace after a SIGKILL; the record, a ConfigMap, has a finalizer",
        driver: Driver::ConfigMap,
        leaves: &[(2, "pending-upgrade", "pending-upgrade")],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").not_told(), finds("namespace-terminating")],
        may_find: &["none-deployed"],
        unstick: Refuses,
        make: |stage| {
            kill(waiting_upgrade(stage));
            let record = stage.namespace.core(&format!("configmaps/{}", name(RELEASE, 2)));
            let held = json!({"metadata": {"finalizers": ["zadig-doctor.test/hold"]}});
            stage.namespace.bed().api().merge(&record, &held);
            kubectl(stage, &["delete", "namespace", stage.namespace.name(), "--wait=false"]);
            wait_until("the rest is gone", || (stage.records().len() == 1).then_some(()));
        },
    }
}

const CRD: &[u8] = b"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
    metadata: {name: kepts.zadig-doctor.test}\n\
    spec:\n  group: zadig-doctor.test\n  scope: Namespaced\n\
  \x20 names: {kind: Kept, plural: kepts, singular: kept, listKind: KeptList}\n\
  \x20 versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]\n";

const STATEFUL_SET: &[u8] =
    b"apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: {{ .Release.Name }}}\n\
    spec:\n  serviceName: none\n  selector: {matchLabels: {app: {{ .Release.Name }}}}\n\
  \x20 template:\n    metadata: {labels: {app: {{ .Release.Name }}}}\n\
  \x20   spec: {containers: [{name: web, image: \"example/web:1\"}]}\n\
  \x20 volumeClaimTemplates:\n  - metadata: {name: data}\n\
  \x20   spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n";

const SERVICE: &[u8] = b"apiVersion: v1\nkind: Service\nmetadata: {name: {{ .Release.Name }}}\n\
    spec: {ports: [{port: 80}]}\n";

fn by_hand(stage: &Stage) {
    let patch = r#"{"data":{"message":"by hand"}}"#;
    kubectl(stage, &["patch", "configmap", RELEASE, "-p", patch]);
}

/// What looks like an orphan and is none: each class as real Helm or its owner
/// leaves it.
fn no_orphans(stage: &Stage) {
    let keep = config_map("kept", "  annotations: {helm.sh/resource-policy: keep}\n");
    let set = ("templates/set.yaml", STATEFUL_SET);
    let crd = ("crds/crd.yaml", CRD);
    let first = like_quiet(stage, &[crd, set, ("templates/kept.yaml", &keep)]);
    stage.helm.ok(&["install", RELEASE, &first]);
    let second = like_quiet(stage, &[crd, set]);
    stage.helm.ok(&["upgrade", RELEASE, &second]);
    assert!(is_there(stage, &format!("{RELEASE}-kept")));
    let api = stage.namespace.bed().api();
    let claims = stage.namespace.core("persistentvolumeclaims");
    wait_until("the StatefulSet has its claim", || {
        (!api.list(&claims).is_empty()).then_some(())
    });
    let map = stage.namespace.core(&format!("configmaps/{RELEASE}"));
    let owner = api.get(&map).unwrap()["metadata"]["uid"].clone();
    let owner = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": RELEASE, "uid": owner}]);
    let tracked = json!({"argocd.argoproj.io/tracking-id": "shop:/ConfigMap:shop/argo"});
    for more in [
        json!({"name": "owned", "ownerReferences": owner}),
        json!({"name": "argo", "annotations": tracked}),
        json!({"name": "flux", "labels": {"helm.toolkit.fluxcd.io/name": RELEASE}}),
        json!({"generateName": "made-"}),
    ] {
        api.create(&stage.namespace.core("configmaps"), &marked(stage, more));
    }
}

/// A ConfigMap with Helm's marks of the release.
fn marked(stage: &Stage, mut metadata: Value) -> Value {
    metadata["labels"]["app.kubernetes.io/managed-by"] = "Helm".into();
    metadata["annotations"]["meta.helm.sh/release-name"] = RELEASE.into();
    metadata["annotations"]["meta.helm.sh/release-namespace"] = stage.namespace.name().into();
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
}

/// The release's ConfigMap as a release `other` would write it.
fn taken_by_another(stage: &Stage) {
    let metadata = json!({
        "name": RELEASE,
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {
            "meta.helm.sh/release-name": "other",
            "meta.helm.sh/release-namespace": stage.namespace.name(),
        },
    });
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
    let file = stage.helm.home().join("taken.json");
    std::fs::write(&file, map.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let manager = ["--server-side", "--force-conflicts", "--field-manager=helm"];
    kubectl(stage, &[&["apply", "-f", file], &manager[..]].concat());
}

/// Deletes a namespace, and returns when there is none.
pub(super) fn gone(namespace: Namespace) {
    let (bed, path) = (
        namespace.bed(),
        format!("/api/v1/namespaces/{}", namespace.name()),
    );
    drop(namespace);
    wait_until("the namespace is gone", || {
        bed.api().get(&path).is_none().then_some(())
    });
}

/// Whether there is a ConfigMap of that name.
fn is_there(stage: &Stage, name: &str) -> bool {
    let path = stage.namespace.core(&format!("configmaps/{name}"));
    stage.namespace.bed().api().get(&path).is_some()
}
