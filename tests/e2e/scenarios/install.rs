//! What `helm install` leaves behind.

use super::Unstick::Repairs;
use super::make::{kill, quiet, waiting_install};
use super::{BUSY, RELEASE, Scenario, scenarios, stale};
use crate::helm::chart;
use crate::proxy::{Fault, Proxy, Rule};
use crate::records;

scenarios! {
    healthy [every] {
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
    pending_install [every] {
        what: "a first install that never ended",
        how: "SIGKILL while `install --wait` waits for pods",
        leaves: &[(1, "pending-install", "pending-install")],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending")],
        may_find: &["none-deployed"],
        unstick: Repairs,
        make: |stage| kill(waiting_install(stage)),
    }
    install_unrecorded [every] {
        what: "an install that said it succeeded, but is pending",
        how: "the last write of `install` is refused (500): Helm only logs that, and exits 0",
        leaves: &[(1, "pending-install", "pending-install")],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending")],
        may_find: &["none-deployed"],
        unstick: Repairs,
        make: |stage| {
            let proxy = Proxy::start();
            let last = Rule::new(Fault::Status(500)).method("PUT");
            proxy.rule(last.path_ends(records::name(RELEASE, 1)));
            let helm = stage.helm_through(&proxy);
            helm.ok(&["install", RELEASE, &chart("quiet")]);
        },
    }
}
