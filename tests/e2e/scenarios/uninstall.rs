//! What `helm uninstall` leaves behind.

use super::Unstick::Refuses;
use super::make::{kill, waiting_uninstall};
use super::{NOTHING_DEPLOYED, Scenario, scenarios, stale};

scenarios! {
    uninstalling_held [every, old] {
        what: "an uninstall that never ended: a finalizer holds an object",
        how: "SIGKILL while `uninstall --wait` waits for the ConfigMap to go",
        leaves: &[(1, "uninstalling", "uninstalling")],
        upgrade_says: Some(NOTHING_DEPLOYED),
        finds: &[stale("stuck-uninstalling")],
        may_find: &["none-deployed"],
        unstick: Refuses,
        make: |stage| kill(waiting_uninstall(stage)),
    }
}
