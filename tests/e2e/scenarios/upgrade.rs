//! What `helm upgrade` leaves behind.

use zadig_doctor::helm::Driver;

use super::Unstick::Repairs;
use super::make::{
    asleep_upgrade, kill, killed_before, quiet, records, refused, waiting_upgrade, writes,
};
use super::{BUSY, RELEASE, Scenario, finds, scenarios, stale};
use crate::helm::chart;

scenarios! {
    pending_upgrade_in_wait [every, old] {
        what: "an upgrade that never ended; the old revision is still deployed",
        how: "SIGKILL while `upgrade --wait` waits for pods",
        leaves: &[
            (1, "deployed", "deployed"),
            (2, "pending-upgrade", "pending-upgrade"),
        ],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending")],
        unstick: Repairs,
        make: |stage| kill(waiting_upgrade(stage)),
    }
    pending_upgrade_between [every, old] {
        what: "an upgrade that was all but done: no revision is deployed",
        how: "SIGKILL at the last write: the old revision is superseded, the new one not yet deployed",
        leaves: &[
            (1, "superseded", "superseded"),
            (2, "pending-upgrade", "pending-upgrade"),
        ],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending")],
        may_find: &["none-deployed"],
        unstick: Repairs,
        make: |stage| {
            quiet(stage, "install", "one");
            killed_before(stage, records(2), &["upgrade", RELEASE, &chart("quiet"), "--set=message=two"]);
        },
    }
    pending_in_configmaps [every, old] {
        what: "an upgrade that never ended, its records in ConfigMaps",
        how: "as pending-upgrade-in-wait, with HELM_DRIVER=configmap",
        driver: Driver::ConfigMap,
        leaves: &[
            (1, "deployed", "deployed"),
            (2, "pending-upgrade", "pending-upgrade"),
        ],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending")],
        unstick: Repairs,
        make: |stage| kill(waiting_upgrade(stage)),
    }
    two_deployed [every] {
        what: "two revisions say that they are deployed",
        how: "`upgrade` is stopped between its last two writes, `rollback` passes it, then it is woken",
        leaves: &[
            (1, "superseded", "superseded"),
            (2, "deployed", "deployed"),
            (3, "deployed", "deployed"),
        ],
        finds: &[finds("several-deployed")],
        remains: &[finds("several-deployed")],
        make: |stage| {
            // The old revision is superseded, the new one not yet deployed: here it falls asleep.
            let (_proxy, running) = asleep_upgrade(stage, records(1));
            assert_eq!(stage.record(2).status(), "pending-upgrade");
            stage.helm.ok(&["rollback", RELEASE, "1"]);
            assert_eq!(stage.record(3).status(), "deployed");
            running.sigcont();
            running.finish().expect_code(0);
        },
    }
    failed_upgrade [every] {
        what: "an upgrade failed and said so; the old revision is still deployed: nothing is stuck",
        how: "the write of `upgrade` to the ConfigMap is refused (403)",
        leaves: &[(1, "deployed", "deployed"), (2, "failed", "failed")],
        make: |stage| {
            quiet(stage, "install", "one");
            refused(stage, writes("configmaps"), &["upgrade", RELEASE, &chart("quiet"), "--set=message=two"]);
        },
    }
}
