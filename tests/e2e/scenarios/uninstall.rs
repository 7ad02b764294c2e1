//! What `helm uninstall` leaves behind. It listens to no signal.

use rustix::process::Signal;
use serde_json::json;

use super::Unstick::Refuses;
use super::make::{
    borrowed, end, kill, quiet, refused, waiting_uninstall, waiting_upgrade, web, writes,
};
use super::{NOTHING_DEPLOYED, RELEASE, Scenario, Stage, WayOut, finds, scenarios, stale};
use crate::process::wait_until;
use crate::product::{LONG, Later};

/// What every uninstall leaves that does not get to its end.
const UNINSTALLING: &[(u32, &str, &str)] = &[(1, "uninstalling", "uninstalling")];

/// What ends an uninstall that a finalizer holds up.
const LET_GO: WayOut = WayOut {
    says: "once the finalizer is gone, `helm uninstall` ends it",
    go: |stage| {
        stage.namespace.let_go();
        stage.helm.ok(&["uninstall", RELEASE]);
    },
};

scenarios! {
    uninstalling_held [every, old] {
        what: "an uninstall that never ended: a finalizer holds an object",
        how: "SIGKILL while `uninstall --wait` waits for the ConfigMap to go",
        leaves: UNINSTALLING,
        upgrade_says: Some(NOTHING_DEPLOYED),
        finds: &[stale("stuck-uninstalling")],
        may_find: &["none-deployed"],
        unstick: Refuses,
        way_out: Some(LET_GO),
        make: |stage| kill(waiting_uninstall(stage)),
    }
    uninstall_interrupted [every, old] {
        what: "an uninstall that was cancelled: a finalizer holds an object",
        how: "SIGINT (Ctrl-C) while `uninstall --wait` waits for the ConfigMap to go",
        leaves: UNINSTALLING,
        upgrade_says: Some(NOTHING_DEPLOYED),
        finds: &[stale("stuck-uninstalling")],
        may_find: &["none-deployed"],
        unstick: Refuses,
        way_out: Some(LET_GO),
        make: |stage| end(waiting_uninstall(stage), Signal::INT),
    }
    uninstall_terminated [every, old] {
        what: "an uninstall that was asked to end: a finalizer holds an object",
        how: "SIGTERM while `uninstall --wait` waits for the ConfigMap to go",
        leaves: UNINSTALLING,
        upgrade_says: Some(NOTHING_DEPLOYED),
        finds: &[stale("stuck-uninstalling")],
        may_find: &["none-deployed"],
        unstick: Refuses,
        way_out: Some(LET_GO),
        make: |stage| end(waiting_uninstall(stage), Signal::TERM),
    }
    uninstall_failed_in_hook [every, old] {
        what: "an uninstall that failed before it deleted anything: all objects are there, no revision is deployed",
        how: "the creation of its pre-delete hook's Job is refused (403)",
        leaves: UNINSTALLING,
        upgrade_says: Some(NOTHING_DEPLOYED),
        finds: &[stale("stuck-uninstalling")],
        may_find: &["none-deployed"],
        unstick: Refuses,
        way_out: Some(WayOut {
            says: "`helm uninstall --no-hooks` ends it",
            go: |stage| _ = stage.helm.ok(&["uninstall", RELEASE, "--no-hooks"]),
        }),
        make: |stage| {
            installed(stage, "hooks.fail=true,hooks.failOn=pre-delete");
            refused(stage, writes("jobs"), &["uninstall", RELEASE]);
            assert!(stage.image().is_some());
        },
    }
    uninstalling_removed_api [v3_17, v3_22, v4] {
        what: "an uninstall that cannot go on: the cluster no longer serves the API of one of its objects",
        how: "an object of a CustomResourceDefinition that is deleted before `uninstall`, on a machine that does not remember it",
        leaves: UNINSTALLING,
        upgrade_says: Some(NOTHING_DEPLOYED),
        finds: &[stale("stuck-uninstalling")],
        may_find: &["none-deployed"],
        unstick: Refuses,
        way_out: Some(WayOut {
            says: "once the API is served again, `helm uninstall` ends it",
            go: |stage| {
                Kind::make(stage);
                stage.helm_elsewhere().ok(&["uninstall", RELEASE]);
            },
        }),
        make: |stage| {
            let kind = Kind::make(stage);
            installed(stage, &format!("customGroup={}", kind.group));
            kind.remove(stage);
            let said = stage.helm_elsewhere().run(&["uninstall", RELEASE]).expect_code(1).to_string();
            assert!(said.contains("failed to delete release"), "{said}");
        },
    }
    uninstalled_in_name_only [v3_9, old] {
        what: "an uninstall that deleted nothing and forgot the release: its records are gone, all objects are left",
        how: "the same with Helm 3.9: it notes the error, and goes on to delete the records",
        leaves: &[],
        upgrade_says: Some(NOTHING_DEPLOYED),
        make: |stage| {
            let kind = Kind::make(stage);
            installed(stage, &format!("customGroup={}", kind.group));
            kind.remove(stage);
            let said = stage.helm_elsewhere().run(&["uninstall", RELEASE]).expect_code(1).to_string();
            assert!(said.contains("uninstallation completed with 1 error(s)"), "{said}");
            assert!(stage.image().is_some());
        },
    }
    uninstall_timed_out [every, old] {
        what: "an uninstall that failed and forgot the release: its records are gone, an object is left",
        how: "`uninstall --wait --timeout=1s` of an object that a finalizer holds",
        leaves: &[],
        upgrade_says: Some(NOTHING_DEPLOYED),
        make: |stage| {
            installed(stage, "finalizer=true");
            stage.helm.run(&["uninstall", RELEASE, "--wait", "--timeout=1s"]).expect_code(1);
            assert!(stage.is_held());
        },
    }
    uninstalled_with_history [every] {
        what: "an uninstalled release whose history was kept on purpose: nothing is stuck",
        how: "`uninstall --keep-history`",
        leaves: &[(1, "uninstalled", "uninstalled")],
        upgrade_says: Some(NOTHING_DEPLOYED),
        make: |stage| {
            quiet(stage, "install", "one");
            stage.helm.ok(&["uninstall", RELEASE, "--keep-history"]);
        },
    }
    history_kept_after_a_repair [v3_22, v4] {
        what: "an uninstall that kept the history, straight after a repair: the fenced revision still says failed",
        how: "SIGKILL while `upgrade --wait` waits, `unstick`, `uninstall --keep-history`",
        leaves: &[(1, "superseded", "superseded"), (2, "failed", "failed")],
        finds: &[finds("none-deployed")],
        make: uninstalled_after_a_repair,
    }
    history_kept_after_a_repair_by_an_older_helm [v3_9, v3_17, old] {
        what: "the same by Helm 3.9 and 3.17: the old revision still says deployed, and its objects are gone",
        how: "the same",
        leaves: &[(1, "deployed", "deployed"), (2, "failed", "failed")],
        make: uninstalled_after_a_repair,
    }
}

fn uninstalled_after_a_repair(stage: &Stage) {
    kill(waiting_upgrade(stage));
    let later = Later::at(stage.namespace.cluster(), LONG);
    later.on(stage, &["unstick", "--yes"]).expect_code(0);
    stage.helm.ok(&["uninstall", RELEASE, "--keep-history"]);
    assert!(stage.image().is_none());
}

/// Installs the chart `web` with that set.
fn installed(stage: &Stage, set: &str) {
    let set = format!("--set={set}");
    let install = web("install", "example/web:1", &[&set]);
    stage.helm.ok(&borrowed(&install));
}

/// The kind `Thing`, in an API group that only this stage has.
struct Kind {
    group: String,
}

impl Kind {
    const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

    /// Returns when the API server serves it.
    fn make(stage: &Stage) -> Self {
        let group = format!("{}.example.com", stage.namespace.name());
        let names = json!({"kind": "Thing", "plural": "things", "singular": "thing"});
        let schema = json!({"openAPIV3Schema": {"type": "object"}});
        let version = json!({"name": "v1", "served": true, "storage": true, "schema": schema});
        let definition = json!({
            "metadata": {"name": format!("things.{group}")},
            "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
        });
        let api = stage.namespace.bed().api();
        api.create(Self::DEFINITIONS, &definition);
        wait_until("the kind is served", || {
            api.get(&format!("/apis/{group}/v1"))
        });
        Self { group }
    }

    /// Returns when the API server no longer knows it.
    fn remove(self, stage: &Stage) {
        let api = stage.namespace.bed().api();
        let path = format!("{}/things.{}", Self::DEFINITIONS, self.group);
        let gone = api.send("DELETE", &path, "application/json", &json!(null));
        assert_eq!(gone.unwrap().status, 200);
        let group = format!("/apis/{}/v1", self.group);
        wait_until("the kind is gone", || {
            api.get(&group).is_none().then_some(())
        });
    }
}
