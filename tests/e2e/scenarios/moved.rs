//! What becomes of releases that are moved, with their records, to a cluster
//! that no longer serves all of their APIs.

use super::Unstick::Repairs;
use super::make::{announces, killed_after};
use super::{BUSY, RELEASE, Scenario, Stage, finds, scenarios, stale};
use crate::bed::Cluster;
use crate::helm::chart;
use crate::records;

/// What Helm says to an upgrade from a manifest that the cluster does not understand.
const REMOVED: &str = "unable to build kubernetes objects from current release manifest";

scenarios! {
    moved_with_removed_apis [every] {
        what: "a deployed release whose manifest has APIs that the cluster no longer serves: no upgrade goes through",
        how: "`install` on Kubernetes 1.22 of a chart with policy/v1beta1 and the like, the record copied to 1.36",
        leaves: &[(1, "deployed", "deployed")],
        upgrade_says: Some(REMOVED),
        finds: &[finds("removed-api")],
        make: |stage| {
            let old = Stage::twin_on(Cluster::Old, stage);
            old.helm.ok(&["install", RELEASE, &chart("legacy")]);
            moved(&old, stage);
        },
    }
    before_the_move [old] {
        what: "the same before the move: all is served still, and known to go with a newer Kubernetes",
        how: "`install` on Kubernetes 1.22 of that chart; the next upgrade does without them",
        leaves: &[(1, "deployed", "deployed")],
        finds: &[finds("deprecated-api")],
        make: |stage| _ = stage.helm.ok(&["install", RELEASE, &chart("legacy")]),
    }
    pending_and_moved [every] {
        what: "the same in the middle of an upgrade: what stood in its way is repaired, the removed APIs are not",
        how: "SIGKILL once `upgrade` has created its record on Kubernetes 1.22, both records copied to 1.36",
        leaves: &[
            (1, "deployed", "deployed"),
            (2, "pending-upgrade", "pending-upgrade"),
        ],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").not_told()],
        unstick: Repairs,
        then_says: Some(REMOVED),
        remains: &[finds("removed-api")],
        make: |stage| {
            let old = Stage::twin_on(Cluster::Old, stage);
            old.helm.ok(&["install", RELEASE, &chart("legacy")]);
            killed_after(&old, announces, &["upgrade", RELEASE, &chart("legacy"), "--set=message=two"]);
            moved(&old, stage);
        },
    }
}

fn moved(from: &Stage, to: &Stage) {
    records::copy(&from.namespace, &to.namespace, to.driver, RELEASE);
}
