//! What `helm install` leaves behind.

use rustix::process::Signal;

use super::Unstick::{Refuses, Repairs};
use super::make::{
    WITHOUT_HOOK, announces, borrowed, cancel, kill, killed_after, killed_before, quiet, records,
    waiting_hook, waiting_install, web, writes,
};
use super::{BUSY, RELEASE, Scenario, finds, running, scenarios, stale};
use crate::helm::chart;
use crate::proxy::{Fault, Rule};

scenarios! {
    healthy [every, old] {
        what: "a release of three revisions, the newest deployed",
        how: "an install and two upgrades",
        leaves: &[
            (1, "superseded", "superseded"),
            (2, "superseded", "superseded"),
            (3, "deployed", "deployed"),
        ],
        make: |stage| {
            quiet(stage, "install", "one");
            quiet(stage, "upgrade", "two");
            quiet(stage, "upgrade", "three");
        },
    }
    pending_install_before_applying [every, old] {
        what: "a first install that never ended; none of its objects is there",
        how: "SIGKILL once `install` has created its record",
        leaves: &[(1, "pending-install", "pending-install")],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").none_in()],
        may_find: &["none-deployed"],
        unstick: Repairs,
        make: |stage| killed_after(stage, announces, &borrowed(&install(&[]))),
    }
    pending_install_while_applying [every, old] {
        what: "a first install that never ended; some of its objects are there",
        how: "SIGKILL once `install` has created the ConfigMap; the Service and the Deployment would be next",
        leaves: &[(1, "pending-install", "pending-install")],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").part_in()],
        may_find: &["none-deployed"],
        unstick: Repairs,
        make: |stage| {
            killed_after(stage, writes("configmaps"), &borrowed(&install(&[])));
            assert!(stage.image().is_none());
        },
    }
    pending_install_in_pre_hook [every, old] {
        what: "a first install that never ended; its hook Job still wants to run, so nobody may say that it is dead",
        how: "SIGKILL while `install` waits for a pre-install hook that no node takes",
        leaves: &[(1, "pending-install", "pending-install")],
        upgrade_says: Some(BUSY),
        finds: &[running("stuck-pending").part_in()],
        may_find: &["none-deployed"],
        unstick: Refuses,
        way_out: Some(WITHOUT_HOOK),
        make: |stage| kill(waiting_hook(stage, &install(&["--set=hooks.fail=true", "--timeout=5m"]))),
    }
    pending_install [every, old] {
        what: "a first install that never ended; all of its objects are there",
        how: "SIGKILL while `install --wait` waits for pods",
        leaves: &[(1, "pending-install", "pending-install")],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").all_in()],
        may_find: &["none-deployed"],
        unstick: Repairs,
        make: |stage| kill(waiting_install(stage)),
    }
    install_unrecorded [every, old] {
        what: "an install that said it succeeded, but is pending",
        how: "the last write of `install` is refused (500): Helm only logs that, and exits 0",
        leaves: &[(1, "pending-install", "pending-install")],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").all_in()],
        may_find: &["none-deployed"],
        unstick: Repairs,
        make: |stage| {
            let proxy = stage.proxy();
            proxy.rule(records(1)(Rule::new(Fault::Status(500))));
            let helm = stage.helm_through(&proxy);
            helm.ok(&["install", RELEASE, &chart("quiet")]);
        },
    }
    install_cancelled [every] {
        what: "a first install that was cancelled and said so: nothing is stuck",
        how: "SIGINT (Ctrl-C) while `install --wait` waits for pods",
        leaves: &[(1, "failed", "failed")],
        finds: &[finds("none-deployed")],
        make: |stage| cancel(waiting_install(stage), Signal::INT),
    }
    install_terminated [every] {
        what: "the same by another hand: a pipeline or a pod that was asked to end",
        how: "SIGTERM while `install --wait` waits for pods",
        leaves: &[(1, "failed", "failed")],
        finds: &[finds("none-deployed")],
        make: |stage| cancel(waiting_install(stage), Signal::TERM),
    }
    replaced_without_successor [every] {
        what: "an uninstalled release that an install was to replace: superseded, and nothing after it",
        how: "`uninstall --keep-history`, then SIGKILL before `install --replace` creates its record",
        leaves: &[(1, "superseded", "superseded")],
        finds: &[finds("none-deployed")],
        make: |stage| {
            quiet(stage, "install", "one");
            stage.helm.ok(&["uninstall", RELEASE, "--keep-history"]);
            killed_before(stage, announces, &["install", RELEASE, &chart("quiet"), "--replace"]);
        },
    }
}

fn install(more: &[&str]) -> Vec<String> {
    web("install", "example/web:1", more)
}
