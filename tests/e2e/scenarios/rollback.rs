//! What `helm rollback` leaves behind. It listens to no signal, and where a
//! hook fails it forgets to say so.

use rustix::process::Signal;

use super::Unstick::Repairs;
use super::make::{
    borrowed, end, kill, killed_before, quiet, records, refused, waiting_rollback, waiting_upgrade,
    web, writes,
};
use super::{BUSY, RELEASE, Scenario, Stage, finds, scenarios, stale};

/// What every rollback that is cut off before its last writes leaves.
const PENDING: &[(u32, &str, &str)] = &[
    (1, "superseded", "superseded"),
    (2, "deployed", "deployed"),
    (3, "pending-rollback", "pending-rollback"),
];

scenarios! {
    pending_rollback [every, old] {
        what: "a rollback that never ended",
        how: "SIGKILL while `rollback --wait` waits for pods",
        leaves: PENDING,
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").all_in()],
        unstick: Repairs,
        make: |stage| kill(waiting_rollback(stage)),
    }
    rollback_interrupted [every, old] {
        what: "a rollback that was cancelled and did not notice",
        how: "SIGINT (Ctrl-C) while `rollback --wait` waits for pods",
        leaves: PENDING,
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").all_in()],
        unstick: Repairs,
        make: |stage| end(waiting_rollback(stage), Signal::INT),
    }
    rollback_terminated [every, old] {
        what: "a rollback that was asked to end and did not notice",
        how: "SIGTERM while `rollback --wait` waits for pods",
        leaves: PENDING,
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").all_in()],
        unstick: Repairs,
        make: |stage| end(waiting_rollback(stage), Signal::TERM),
    }
    rollback_failed_in_pre_hook [every, old] {
        what: "a rollback that failed before it applied anything, and said so, but not in its record",
        how: "the creation of its pre-rollback hook's Job is refused (403): nobody killed anything",
        leaves: PENDING,
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").part_in()],
        unstick: Repairs,
        make: |stage| without_hook(stage, "pre-rollback"),
    }
    rollback_failed_in_post_hook [every, old] {
        what: "a rollback that failed when all was applied, and said so, but not in its record",
        how: "the creation of its post-rollback hook's Job is refused (403): nobody killed anything",
        leaves: PENDING,
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").part_in()],
        unstick: Repairs,
        make: |stage| without_hook(stage, "post-rollback"),
    }
    pending_rollback_between [every, old] {
        what: "a rollback that was all but done: no revision is deployed",
        how: "SIGKILL at the last write: the others are superseded, the new revision not yet deployed",
        leaves: &[
            (1, "superseded", "superseded"),
            (2, "superseded", "superseded"),
            (3, "pending-rollback", "pending-rollback"),
        ],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").all_in()],
        may_find: &["none-deployed"],
        unstick: Repairs,
        make: |stage| {
            two_revisions(stage);
            killed_before(stage, records(3), &["rollback", RELEASE, "1"]);
        },
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
            two_revisions(stage);
            refused(stage, writes("configmaps"), &["rollback", RELEASE, "1"]);
        },
    }
    old_pending_in_history [every] {
        what: "a stuck upgrade that a rollback passed: its revision says pending for ever, and harms nobody",
        how: "SIGKILL while `upgrade --wait` waits for pods, then `rollback 1`",
        leaves: &[
            (1, "superseded", "superseded"),
            (2, "pending-upgrade", "pending-upgrade"),
            (3, "deployed", "deployed"),
        ],
        finds: &[finds("pending-in-history")],
        remains: &[finds("pending-in-history")],
        make: |stage| {
            kill(waiting_upgrade(stage));
            stage.helm.ok(&["rollback", RELEASE, "1"]);
        },
    }
}

fn two_revisions(stage: &Stage) {
    quiet(stage, "install", "one");
    quiet(stage, "upgrade", "two");
}

/// A rollback to a revision with a hook at that event, whose Job is not let in.
fn without_hook(stage: &Stage, event: &str) {
    let hook = format!("--set=hooks.fail=true,hooks.failOn={event}");
    for (verb, image) in [("install", "example/web:1"), ("upgrade", "example/web:2")] {
        stage.helm.ok(&borrowed(&web(verb, image, &[&hook])));
    }
    refused(stage, writes("jobs"), &["rollback", RELEASE, "1"]);
}
