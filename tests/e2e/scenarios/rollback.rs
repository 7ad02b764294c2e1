//! What `helm rollback` leaves behind.

use super::Unstick::Repairs;
use super::make::{kill, quiet, refused, waiting_rollback, writes};
use super::{BUSY, RELEASE, Scenario, finds, scenarios, stale};

scenarios! {
    pending_rollback [every, old] {
        what: "a rollback that never ended",
        how: "SIGKILL while `rollback --wait` waits for pods",
        leaves: &[
            (1, "superseded", "superseded"),
            (2, "deployed", "deployed"),
            (3, "pending-rollback", "pending-rollback"),
        ],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending")],
        unstick: Repairs,
        make: |stage| kill(waiting_rollback(stage)),
    }
    none_deployed [every] {
        what: "a rollback failed: no revision says that it is deployed",
        how: "the write of `rollback` to the ConfigMap is refused (403)",
        leaves: &[
            (1, "superseded", "superseded"),
            (2, "superseded", "superseded"),
            (3, "failed", "failed"),
        ],
        finds: &[finds("none-deployed")],
        make: |stage| {
            quiet(stage, "install", "one");
            quiet(stage, "upgrade", "two");
            refused(stage, writes("configmaps"), &["rollback", RELEASE, "1"]);
        },
    }
}
