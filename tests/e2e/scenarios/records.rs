//! What becomes of records by other hands than Helm's.

use std::io::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use zadig_doctor::helm::Driver;

use super::Unstick::{Refuses, Repairs};
use super::make::{kill, killed_after, kubectl, quiet, waiting_upgrade};
use super::objects::gone;
use super::{BUSY, RELEASE, Scenario, Stage, TAKEN, finds, scenarios, stale, unknown};
use crate::helm::{Helm, chart};
use crate::records::{Record, name, of};

/// Revision 2 cannot be read.
const UNREADABLE: &[(u32, &str, &str)] = &[(1, "superseded", "superseded"), (2, "deployed", "-")];

/// Revision 2 is deployed, and something bears the name of revision 3.
const OCCUPIED: &[(u32, &str, &str)] = &[
    (1, "superseded", "superseded"),
    (2, "deployed", "deployed"),
    (3, "-", "-"),
];

scenarios! {
    truncated_record [every, old] {
        what: "the newest record is cut off in the middle: Helm sees only the one before",
        how: "kubectl patch writes the first half of its payload",
        leaves: UNREADABLE,
        upgrade_says: Some(TAKEN),
        finds: &[finds("undecodable-record")],
        may_find: &["none-deployed"],
        unstick: Refuses,
        make: |stage| changed(stage, |whole| {
            // At a border of base64's groups: the Secret is valid, what it holds is not.
            let half = whole.len() / 8 * 4;
            whole[..half].to_vec()
        }),
    }
    emptied_record [every, old] {
        what: "the newest record is empty: Helm sees only the one before (up to 3.9.1 it crashed)",
        how: "kubectl patch empties its payload",
        leaves: UNREADABLE,
        upgrade_says: Some(TAKEN),
        finds: &[finds("undecodable-record")],
        may_find: &["none-deployed"],
        unstick: Refuses,
        make: |stage| changed(stage, |_| Vec::new()),
    }
    record_without_payload [every] {
        what: "the newest record has no payload at all",
        how: "kubectl patch takes the key away",
        leaves: UNREADABLE,
        upgrade_says: Some(TAKEN),
        finds: &[finds("undecodable-record")],
        may_find: &["none-deployed"],
        unstick: Refuses,
        make: |stage| {
            two_revisions(stage);
            patch(stage, &json!({"data": {"release": null}}));
        },
    }
    record_that_is_no_base64 [every] {
        what: "the newest record holds something else than base64",
        how: "kubectl patch writes the payload decoded once too often",
        leaves: UNREADABLE,
        upgrade_says: Some(TAKEN),
        finds: &[finds("undecodable-record")],
        may_find: &["none-deployed"],
        unstick: Refuses,
        make: |stage| changed(stage, |text| BASE64_STANDARD.decode(text).unwrap()),
    }
    record_with_a_wrong_checksum [every] {
        what: "a bit of the newest record's payload has flipped",
        how: "kubectl patch changes one bit of gzip's checksum",
        leaves: UNREADABLE,
        upgrade_says: Some(TAKEN),
        finds: &[finds("undecodable-record")],
        may_find: &["none-deployed"],
        unstick: Refuses,
        make: |stage| changed(stage, |text| {
            let mut packed = BASE64_STANDARD.decode(text).unwrap();
            let at = packed.len() - 8;
            packed[at] ^= 1;
            BASE64_STANDARD.encode(packed).into_bytes()
        }),
    }
    record_of_another_shape [every, old] {
        what: "the newest record is JSON, but no release: every Helm crashes on it, whatever it is to do",
        how: "kubectl patch writes a release without `info`",
        leaves: UNREADABLE,
        upgrade_says: Some("nil pointer"),
        finds: &[finds("undecodable-record")],
        may_find: &["none-deployed"],
        unstick: Refuses,
        make: |stage| changed(stage, |_| {
            let json = json!({"name": RELEASE, "namespace": stage.namespace.name(), "version": 2});
            packed(json.to_string().as_bytes())
        }),
    }
    label_against_payload [every, old] {
        what: "a pending upgrade that somebody tried to repair by its label: Helm reads the payload",
        how: "kubectl label sets status=failed on a pending-upgrade record",
        leaves: &[(1, "deployed", "deployed"), (2, "failed", "pending-upgrade")],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").all_in(), finds("label-payload-mismatch")],
        unstick: Repairs,
        make: |stage| {
            kill(waiting_upgrade(stage));
            label(stage, 2, &["--overwrite", "status=failed"]);
        },
    }
    without_labels [every, old] {
        what: "the newest record has lost its labels: Helm sees only the one before",
        how: "kubectl label removes owner, name, status and version",
        leaves: &[(1, "superseded", "superseded"), (2, "-", "deployed")],
        upgrade_says: Some(TAKEN),
        finds: &[finds("unlabeled-record")],
        may_find: &["none-deployed"],
        make: |stage| {
            two_revisions(stage);
            label(stage, 2, &["owner-", "name-", "status-", "version-"]);
        },
    }
    foreign_records [every] {
        what: "another tool keeps a record of its own under a name of Helm's: none of Helm's business, and none of ours",
        how: "kubectl create secret with `chunk` and `extraChunks`, as operator-controller keeps them, beside a release",
        leaves: &[
            (1, "deployed", "-"),
            (2, "superseded", "superseded"),
            (3, "deployed", "deployed"),
        ],
        finds: &[finds("foreign-record")],
        remains: &[finds("foreign-record")],
        make: |stage| {
            two_revisions(stage);
            quiet(stage, "upgrade", "three");
            kubectl(stage, &["delete", "secret", &name(RELEASE, 1)]);
            foreign(stage, 1);
        },
    }
    foreign_record_in_the_way [every] {
        what: "another tool's record has the name that Helm's next revision needs",
        how: "the same with the number of the next revision",
        leaves: &[
            (1, "superseded", "superseded"),
            (2, "deployed", "deployed"),
            (3, "deployed", "-"),
        ],
        upgrade_says: Some(TAKEN),
        finds: &[finds("foreign-record")],
        make: |stage| {
            two_revisions(stage);
            foreign(stage, 3);
        },
    }
    occupied_by_a_leftover [every, old] {
        what: "an Opaque Secret without labels has the name of the next revision",
        how: "kubectl create secret, as a restore by hand makes it",
        leaves: OCCUPIED,
        upgrade_says: Some(TAKEN),
        finds: &[finds("occupied-revision")],
        make: |stage| {
            two_revisions(stage);
            create(stage, 3, &["--from-literal=release=leftover"]);
        },
    }
    occupied_by_a_leftover_in_configmaps [every] {
        what: "the same among ConfigMaps, which have no type by which they could be found",
        how: "kubectl create configmap",
        driver: Driver::ConfigMap,
        leaves: OCCUPIED,
        upgrade_says: Some(TAKEN),
        finds: &[finds("occupied-revision")],
        make: |stage| {
            two_revisions(stage);
            kubectl(stage, &["create", "configmap", &name(RELEASE, 3)]);
        },
    }
    occupied_by_an_unreadable_record [every, old] {
        what: "an unreadable record hides behind a stuck one: nothing is repaired past it",
        how: "SIGKILL while `upgrade --wait` waits, then kubectl create secret with Helm's type and labels",
        leaves: &[
            (1, "deployed", "deployed"),
            (2, "pending-upgrade", "pending-upgrade"),
            (3, "deployed", "-"),
        ],
        upgrade_says: Some(BUSY),
        finds: &[unknown("stuck-pending").all_in(), finds("undecodable-record")],
        unstick: Refuses,
        make: |stage| {
            kill(waiting_upgrade(stage));
            create(stage, 3, &["--type=helm.sh/release.v1", "--from-literal=release=garbage"]);
            label_as_helm(stage, 3);
        },
    }
    duplicate_revision [every] {
        what: "two records claim the deployed revision",
        how: "a copy of the newest record under another name",
        leaves: &[(1, "superseded", "superseded"), (2, "deployed", "deployed")],
        finds: &[finds("duplicate-revision")],
        remains: &[finds("several-deployed"), finds("duplicate-revision")],
        make: |stage| {
            two_revisions(stage);
            put(stage, stage.record(2), |copy| copy["metadata"]["name"] = "a-copy".into());
        },
    }
    duplicate_of_a_pending_revision [every, old] {
        what: "two records claim a revision that never ended: which is Helm's cannot be known",
        how: "SIGKILL while `upgrade --wait` waits, then a copy of the newest record under another name",
        leaves: &[(1, "deployed", "deployed"), (2, "pending-upgrade", "pending-upgrade")],
        upgrade_says: Some(BUSY),
        finds: &[unknown("stuck-pending").all_in(), finds("duplicate-revision")],
        unstick: Refuses,
        make: |stage| {
            kill(waiting_upgrade(stage));
            put(stage, stage.record(2), |copy| copy["metadata"]["name"] = "a-copy".into());
        },
    }
    kept_apart [every] {
        what: "records of a release of another namespace, as Flux keeps them or somebody copied them",
        how: "the records are copied from the release's namespace to this one, and deleted there",
        leaves: &[(1, "superseded", "superseded"), (2, "deployed", "deployed")],
        finds: &[finds("storage-namespace")],
        remains: &[finds("storage-namespace")],
        make: |stage| from_elsewhere(stage, two_revisions),
    }
    kept_apart_from_nowhere [every] {
        what: "the same where the release's own namespace is gone: nothing but its records is left",
        how: "the same, and kubectl delete namespace; an upgrade would make its objects here",
        leaves: &[(1, "superseded", "superseded"), (2, "deployed", "deployed")],
        finds: &[finds("storage-namespace"), finds("namespace-gone")],
        remains: &[finds("storage-namespace"), finds("namespace-gone")],
        make: |stage| {
            from_elsewhere(stage, two_revisions);
            let elsewhere = stage.others.lock().unwrap().pop().unwrap();
            gone(elsewhere);
        },
    }
    pending_kept_apart [every, old] {
        what: "an upgrade that never ended, its records kept in another namespace",
        how: "SIGKILL while `upgrade --wait` waits for pods, then the records are moved to this namespace",
        leaves: &[(1, "deployed", "deployed"), (2, "pending-upgrade", "pending-upgrade")],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").all_in(), finds("storage-namespace")],
        unstick: Repairs,
        remains: &[finds("storage-namespace")],
        make: |stage| from_elsewhere(stage, |elsewhere| kill(waiting_upgrade(elsewhere))),
    }
    twins [every] {
        what: "the same records in both drivers",
        how: "the Secrets' payloads are copied into ConfigMaps, and the Secrets stay",
        leaves: &[(1, "superseded", "superseded"), (2, "deployed", "deployed")],
        finds: &[finds("two-drivers")],
        remains: &[finds("two-drivers")],
        make: |stage| {
            two_revisions(stage);
            for record in stage.records() {
                put_as_config_map(stage, &record);
            }
        },
    }
    twins_that_differ [every] {
        what: "two histories of the same objects, one in each driver",
        how: "two revisions with one HELM_DRIVER, then `upgrade --install` with the other",
        leaves: &[(1, "superseded", "superseded"), (2, "deployed", "deployed")],
        finds: &[finds("two-drivers")],
        remains: &[finds("two-drivers")],
        make: |stage| {
            two_revisions(stage);
            let other = other_driver(stage, Driver::ConfigMap);
            other.ok(&["upgrade", "--install", RELEASE, &chart("quiet")]);
        },
    }
    pending_twin [every, old] {
        what: "an install that never ended, in the driver that nobody used before; only that one is repaired",
        how: "two revisions as Secrets, then SIGKILL once `upgrade --install` has made its first ConfigMap, the record",
        driver: Driver::ConfigMap,
        leaves: &[(1, "pending-install", "pending-install")],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").all_in(), finds("two-drivers")],
        may_find: &["none-deployed"],
        unstick: Repairs,
        remains: &[finds("two-drivers")],
        make: |stage| {
            let other = other_driver(stage, Driver::Secret);
            other.ok(&["install", RELEASE, &chart("quiet")]);
            let first = |rule: crate::proxy::Rule| rule.method("POST").path_ends("/configmaps");
            killed_after(stage, first, &["upgrade", "--install", RELEASE, &chart("quiet")]);
        },
    }
}

pub(super) fn two_revisions(stage: &Stage) {
    quiet(stage, "install", "one");
    quiet(stage, "upgrade", "two");
}

/// Two revisions; what the newest record's payload then says instead.
fn changed(stage: &Stage, change: impl Fn(&[u8]) -> Vec<u8>) {
    two_revisions(stage);
    let text = stage.record(2).text();
    let text = BASE64_STANDARD.encode(change(&text));
    patch(stage, &json!({"data": {"release": text}}));
}

fn patch(stage: &Stage, patch: &Value) {
    let (name, patch) = (name(RELEASE, 2), patch.to_string());
    kubectl(stage, &["patch", "secret", &name, "--patch", &patch]);
}

/// As Helm packs it.
pub(crate) fn packed(json: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(json).unwrap();
    BASE64_STANDARD.encode(gzip.finish().unwrap()).into_bytes()
}

/// Changes labels of that revision.
fn label(stage: &Stage, revision: u32, labels: &[&str]) {
    let name = name(RELEASE, revision);
    kubectl(stage, &[&["label", "secret", &name], labels].concat());
}

fn label_as_helm(stage: &Stage, revision: u32) {
    let (name, version) = (format!("name={RELEASE}"), format!("version={revision}"));
    label(
        stage,
        revision,
        &["owner=helm", "status=deployed", &name, &version],
    );
}

/// Creates a Secret of that revision's name.
fn create(stage: &Stage, revision: u32, more: &[&str]) {
    let name = name(RELEASE, revision);
    kubectl(
        stage,
        &[&["create", "secret", "generic", &name], more].concat(),
    );
}

/// A record of operator-controller's format.
fn foreign(stage: &Stage, revision: u32) {
    create(
        stage,
        revision,
        &["--from-literal=chunk=x", "--from-literal=extraChunks=[]"],
    );
    label_as_helm(stage, revision);
}

/// The same Helm with the other driver.
fn other_driver(stage: &Stage, driver: Driver) -> Helm {
    Helm::new(stage.version, &stage.namespace).driver(driver)
}

/// Makes a copy of a record, changed, in the stage's namespace.
pub(super) fn put(stage: &Stage, record: Record, change: impl Fn(&mut Value)) {
    let mut copy = record.object;
    let metadata = &copy["metadata"];
    copy["metadata"] = json!({"name": metadata["name"], "labels": metadata["labels"]});
    change(&mut copy);
    let path = stage.namespace.core(stage.driver.resource());
    stage.namespace.bed().api().create(&path, &copy);
}

fn put_as_config_map(stage: &Stage, record: &Record) {
    let metadata = &record.object["metadata"];
    let text = String::from_utf8(record.text()).unwrap();
    let map = json!({
        "metadata": {"name": metadata["name"], "labels": metadata["labels"]},
        "data": {"release": text},
    });
    let path = stage.namespace.core("configmaps");
    stage.namespace.bed().api().create(&path, &map);
}

/// Has Helm work in another namespace, and moves the records here. That
/// namespace stays for as long as the stage does.
fn from_elsewhere(stage: &Stage, make: impl Fn(&Stage)) {
    let cluster = stage.namespace.cluster();
    let elsewhere = Stage::on(cluster, "elsewhere", stage.version, stage.driver);
    make(&elsewhere);
    for record in of(&elsewhere.namespace, elsewhere.driver, RELEASE) {
        put(stage, record, |_| ());
    }
    kubectl(&elsewhere, &["delete", "secret", "-l", "owner=helm"]);
    stage.others.lock().unwrap().push(elsewhere.namespace);
}
