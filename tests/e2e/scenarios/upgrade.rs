//! What `helm upgrade` leaves behind.

use rustix::process::Signal;
use zadig_doctor::helm::Driver;

use super::Unstick::{Refuses, Repairs};
use super::make::{
    WITHOUT_HOOK, announces, asleep_upgrade, borrowed, cancel, kill, killed_after, killed_before,
    quiet, records, refused, upgrade_asleep_in_wait, upgrade_in_hook, waiting_hook,
    waiting_upgrade, web, writes,
};
use super::{BUSY, RELEASE, Scenario, Stage, finds, running, scenarios, stale};
use crate::helm::chart;
use crate::proxy::Rule;

/// What every upgrade that is cut off before its last two writes leaves.
const PENDING: &[(u32, &str, &str)] = &[
    (1, "deployed", "deployed"),
    (2, "pending-upgrade", "pending-upgrade"),
];

/// What every upgrade that failed leaves.
const FAILED: &[(u32, &str, &str)] = &[(1, "deployed", "deployed"), (2, "failed", "failed")];

scenarios! {
    pending_upgrade_before_applying [every, old] {
        what: "an upgrade that never ended; the old revision is deployed, and nothing was changed",
        how: "SIGKILL once `upgrade` has created its record",
        leaves: PENDING,
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").none_in()],
        unstick: Repairs,
        make: |stage| {
            installed(stage);
            killed_after(stage, announces, &borrowed(&upgrade(&[])));
        },
    }
    pending_upgrade_in_pre_hook [every, old] {
        what: "an upgrade that never ended; its hook Job still wants to run, so nobody may say that it is dead",
        how: "SIGKILL while `upgrade` waits for a pre-upgrade hook that no node takes",
        leaves: PENDING,
        upgrade_says: Some(BUSY),
        finds: &[running("stuck-pending").part_in()],
        unstick: Refuses,
        way_out: Some(WITHOUT_HOOK),
        make: |stage| kill(upgrade_in_hook(stage)),
    }
    pending_upgrade_while_applying [every, old] {
        what: "an upgrade that never ended; some objects are new, some are old",
        how: "SIGKILL once `upgrade` has changed the ConfigMap; the Deployment would be next",
        leaves: PENDING,
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").part_in()],
        unstick: Repairs,
        make: |stage| {
            installed(stage);
            killed_after(stage, writes("configmaps"), &borrowed(&upgrade(&["--set=message=two"])));
            assert_eq!(stage.image().as_deref(), Some("example/web:1"));
        },
    }
    pending_upgrade_in_wait [every, old] {
        what: "an upgrade that never ended; the old revision is still deployed, the objects are new",
        how: "SIGKILL while `upgrade --wait` waits for pods",
        leaves: PENDING,
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").all_in()],
        unstick: Repairs,
        make: |stage| kill(waiting_upgrade(stage)),
    }
    pending_upgrade_in_post_hook [every, old] {
        what: "the same when all is applied: a hook Job still wants to run",
        how: "SIGKILL while `upgrade` waits for a post-upgrade hook that no node takes",
        leaves: PENDING,
        upgrade_says: Some(BUSY),
        finds: &[running("stuck-pending").part_in()],
        unstick: Refuses,
        way_out: Some(WITHOUT_HOOK),
        make: |stage| {
            installed(stage);
            let hook = ["--set=hooks.fail=true,hooks.failOn=post-upgrade", "--timeout=5m"];
            kill(waiting_hook(stage, &upgrade(&hook)));
            assert_eq!(stage.image().as_deref(), Some("example/web:2"));
        },
    }
    pending_upgrade_at_post_hook [every, old] {
        what: "an upgrade that never ended: all is applied, its last hook never ran",
        how: "SIGKILL before `upgrade` creates the Job of its post-upgrade hook",
        leaves: PENDING,
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").part_in()],
        unstick: Repairs,
        make: |stage| {
            installed(stage);
            let hook = ["--set=hooks.fail=true,hooks.failOn=post-upgrade"];
            killed_before(stage, writes("jobs"), &borrowed(&upgrade(&hook)));
            assert_eq!(stage.image().as_deref(), Some("example/web:2"));
        },
    }
    pending_upgrade_between [every, old] {
        what: "an upgrade that was all but done: no revision is deployed",
        how: "SIGKILL at the last write: the old revision is superseded, the new one not yet deployed",
        leaves: &[
            (1, "superseded", "superseded"),
            (2, "pending-upgrade", "pending-upgrade"),
        ],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").all_in(), finds("none-deployed")],
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
        leaves: PENDING,
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").all_in()],
        unstick: Repairs,
        make: |stage| kill(waiting_upgrade(stage)),
    }
    upgrade_cancelled [every] {
        what: "an upgrade that was cancelled and said so; the old revision is still deployed: nothing is stuck",
        how: "SIGINT (Ctrl-C) while `upgrade --wait` waits for pods",
        leaves: FAILED,
        make: |stage| cancel(waiting_upgrade(stage), Signal::INT),
    }
    upgrade_terminated [every] {
        what: "the same by another hand: a pipeline or a pod that was asked to end",
        how: "SIGTERM while `upgrade --wait` waits for pods",
        leaves: FAILED,
        make: |stage| cancel(waiting_upgrade(stage), Signal::TERM),
    }
    failed_upgrade [every] {
        what: "an upgrade failed and said so; the old revision is still deployed: nothing is stuck",
        how: "the write of `upgrade` to the ConfigMap is refused (403)",
        leaves: FAILED,
        make: |stage| {
            quiet(stage, "install", "one");
            refused(stage, writes("configmaps"), &["upgrade", RELEASE, &chart("quiet"), "--set=message=two"]);
        },
    }
    failed_late [every] {
        what: "an upgrade slept, was passed by a rollback, woke up and failed: it deployed its base once more",
        how: "SIGSTOP while `upgrade --wait --timeout=5s` waits, `rollback 1`, SIGCONT",
        leaves: &[
            (1, "deployed", "deployed"),
            (2, "failed", "failed"),
            (3, "deployed", "deployed"),
        ],
        finds: &[finds("several-deployed")],
        remains: &[finds("several-deployed")],
        make: |stage| {
            let asleep = upgrade_asleep_in_wait(stage);
            stage.helm.ok(&["rollback", RELEASE, "1"]);
            asleep.sigcont();
            asleep.finish().expect_code(1);
        },
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
    lost_race [every] {
        what: "two upgrades at once: the loser found the revision taken and left no trace",
        how: "`upgrade` is stopped when it has read the history, another one passes it, then it is woken",
        leaves: &[(1, "superseded", "superseded"), (2, "deployed", "deployed")],
        make: |stage| {
            let history = |rule: Rule| rule.method("GET").path_ends("/secrets");
            let (_proxy, running) = asleep_upgrade(stage, history);
            quiet(stage, "upgrade", "three");
            running.sigcont();
            let said = running.finish().expect_code(1).to_string();
            assert!(said.contains("already exists"), "{said}");
        },
    }
}

fn installed(stage: &Stage) {
    stage
        .helm
        .ok(&borrowed(&web("install", "example/web:1", &[])));
}

fn upgrade(more: &[&str]) -> Vec<String> {
    web("upgrade", "example/web:2", more)
}
