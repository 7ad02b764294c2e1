//! What becomes of records by other hands than Helm's.

use serde_json::json;

use super::Unstick::Repairs;
use super::make::{kill, kubectl, quiet, waiting_upgrade};
use super::{BUSY, RELEASE, Scenario, Stage, TAKEN, finds, scenarios, stale};
use crate::records;

scenarios! {
    truncated_record [every] {
        what: "the newest record is cut off in the middle: Helm sees only the one before",
        how: "kubectl patch writes the first half of its payload",
        leaves: &[(1, "superseded", "superseded"), (2, "deployed", "-")],
        upgrade_says: Some(TAKEN),
        finds: &[finds("undecodable-record")],
        may_find: &["none-deployed"],
        make: |stage| {
            two_revisions(stage);
            let record = stage.record(2);
            let whole = record.object["data"]["release"].as_str().unwrap();
            // Half of it, at a border of base64's groups: the Secret is valid, what it holds is not.
            let half = &whole[..whole.len() / 8 * 4];
            let patch = json!({"data": {"release": half}}).to_string();
            kubectl(stage, &["patch", "secret", &records::name(RELEASE, 2), "--patch", &patch]);
        },
    }
    label_against_payload [every, old] {
        what: "a pending upgrade that somebody tried to repair by its label: Helm reads the payload",
        how: "kubectl label sets status=failed on a pending-upgrade record",
        leaves: &[(1, "deployed", "deployed"), (2, "failed", "pending-upgrade")],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending"), finds("label-payload-mismatch")],
        unstick: Repairs,
        make: |stage| {
            kill(waiting_upgrade(stage));
            label(stage, &["--overwrite", "status=failed"]);
        },
    }
    without_labels [every] {
        what: "the newest record has lost its labels: Helm sees only the one before",
        how: "kubectl label removes owner, name, status and version",
        leaves: &[(1, "superseded", "superseded"), (2, "-", "deployed")],
        upgrade_says: Some(TAKEN),
        finds: &[finds("unlabeled-record")],
        may_find: &["none-deployed"],
        make: |stage| {
            two_revisions(stage);
            label(stage, &["owner-", "name-", "status-", "version-"]);
        },
    }
}

fn two_revisions(stage: &Stage) {
    quiet(stage, "install", "one");
    quiet(stage, "upgrade", "two");
}

/// Changes labels of revision 2.
fn label(stage: &Stage, labels: &[&str]) {
    let name = records::name(RELEASE, 2);
    kubectl(stage, &[&["label", "secret", &name], labels].concat());
}
