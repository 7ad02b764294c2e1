//! Releases of Zadig's: the same states in a namespace that bears Zadig's
//! labels. Zadig itself is not here; what it says to them is quoted.

use super::Unstick::Repairs;
use super::make::{kill, killed_after, kubectl, quiet, refused, waiting_upgrade, writes};
use super::{BUSY, NOTHING_DEPLOYED, RELEASE, Scenario, Stage, finds, scenarios, stale};
use crate::helm::chart;
use crate::scenarios::make::announces;

scenarios! {
    zadig_healthy [v3_9] {
        what: "a release of a Zadig environment",
        how: "`install` into a namespace with the labels that Zadig sets",
        leaves: &[(1, "deployed", "deployed")],
        finds: &[finds("zadig-managed")],
        remains: &[finds("zadig-managed")],
        make: |stage| {
            labeled(stage);
            quiet(stage, "install", "one");
        },
    }
    zadig_pending_upgrade [v3_9, v3_17, old] {
        what: "an upgrade of Zadig's that never ended: Zadig refuses every deploy from then on",
        how: "SIGKILL while `upgrade --wait` waits for pods, in such a namespace",
        leaves: &[(1, "deployed", "deployed"), (2, "pending-upgrade", "pending-upgrade")],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").all_in(), finds("zadig-refuses"), finds("zadig-managed")],
        unstick: Repairs,
        remains: &[finds("zadig-managed")],
        make: |stage| {
            labeled(stage);
            kill(waiting_upgrade(stage));
        },
    }
    zadig_pending_install [v3_9, v3_17] {
        what: "a first deploy of Zadig's that never ended: there is no revision to roll back to",
        how: "SIGKILL once `install` has created its record, in such a namespace",
        leaves: &[(1, "pending-install", "pending-install")],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").none_in(), finds("zadig-refuses"), finds("zadig-managed")],
        may_find: &["none-deployed"],
        unstick: Repairs,
        remains: &[finds("zadig-managed")],
        make: |stage| {
            labeled(stage);
            killed_after(stage, announces, &["install", RELEASE, &chart("quiet")]);
        },
    }
    zadig_uninstalled [v3_9, v3_17] {
        what: "a service that was uninstalled by hand and left its history: Zadig up to 5.0.0 does not install it again",
        how: "`uninstall --keep-history` in such a namespace",
        leaves: &[(1, "uninstalled", "uninstalled")],
        upgrade_says: Some(NOTHING_DEPLOYED),
        finds: &[finds("zadig-refuses"), finds("zadig-managed")],
        make: |stage| {
            labeled(stage);
            quiet(stage, "install", "one");
            stage.helm.ok(&["uninstall", RELEASE, "--keep-history"]);
        },
    }
    zadig_history_full [v3_9, v3_17] {
        what: "ten revisions, none deployed: Zadig deletes the oldest one by itself before it tries again",
        how: "eight upgrades, then a rollback whose write to the ConfigMap is refused (403), in such a namespace",
        leaves: FULL,
        finds: &[finds("none-deployed"), finds("zadig-history-full"), finds("zadig-managed")],
        remains: &[finds("zadig-managed")],
        make: |stage| {
            labeled(stage);
            quiet(stage, "install", "one");
            for number in 2..=9 {
                quiet(stage, "upgrade", &number.to_string());
            }
            refused(stage, writes("configmaps"), &["rollback", RELEASE, "1"]);
        },
    }
}

/// Nine superseded revisions and a failed one.
const FULL: &[(u32, &str, &str)] = &{
    let mut all = [(1, "superseded", "superseded"); 10];
    let mut at = 1;
    while at < 10 {
        all[at].0 = all[at - 1].0 + 1;
        at += 1;
    }
    all[9] = (10, "failed", "failed");
    all
};

/// As Zadig labels a namespace that it creates for an environment.
fn labeled(stage: &Stage) {
    let name = stage.namespace.name();
    let labels = ["createdBy=koderover", "s-product=shop"];
    kubectl(
        stage,
        &[&["label", "namespace", name], &labels[..]].concat(),
    );
}
