//! What is refused, with which exit code, and that nothing is half-done.

use super::{LONG, Later, essence};
use crate::bed::Bed;
use crate::helm::HelmVersion;
use crate::process::Output;
use crate::proxy::{Fault, Proxy, Rule};
use crate::scenarios::{RELEASE, Stage, find};
use crate::tool::Tool;

fn stuck() -> Stage {
    find("pending-upgrade-in-wait").make(HelmVersion::V3_17)
}

fn says(output: &Output, words: &[&str]) {
    let text = output.to_string();
    for word in words {
        assert!(text.contains(word), "{word:?} in {text}");
    }
}

#[test]
fn without_a_terminal_nothing_is_asked() {
    let stage = stuck();
    let later = Later::by(LONG);
    let before = essence(&stage.records());
    let output = later.on(&stage, &["unstick"]).expect_code(4);
    says(&output, &["no terminal", "--yes"]);
    assert_eq!(essence(&stage.records()), before);
}

/// Somebody else holds the release's Lease, and will for long.
fn hold_lease(stage: &Stage) {
    let path = format!(
        "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
        stage.namespace.name()
    );
    let now = Bed::get().api().try_get("/version").unwrap().date;
    let renewed = now + jiff::SignedDuration::from_secs(LONG + 60);
    let lease = serde_json::json!({
        "metadata": {"name": format!("helm-lock-{RELEASE}")},
        "spec": {"holderIdentity": "ci-42", "leaseDurationSeconds": 15, "renewTime": format!("{renewed:.6}")},
    });
    Bed::get().api().create(&path, &lease);
}

#[test]
fn a_held_lease() {
    let stage = stuck();
    hold_lease(&stage);
    let later = Later::by(LONG);
    let before = essence(&stage.records());
    let output = later.on(&stage, &["unstick", "--yes"]).expect_code(4);
    says(&output, &["ci-42"]);
    assert_eq!(essence(&stage.records()), before);
    later
        .on(&stage, &["unstick", "--yes", "--no-lock"])
        .expect_code(0);
}

#[test]
fn a_user_without_rights() {
    let stage = stuck();
    let bed = Bed::get();
    let tool = Tool::new().kubeconfig(&bed.dir.join("kubeconfig-nobody"));
    let namespace = stage.namespace.name();
    let output = tool.run(&["check", "-n", namespace]).expect_code(3);
    says(&output, &["not read", "forbidden"]);
    let report = tool
        .run(&["check", "-n", namespace, "-o", "json"])
        .expect_code(3)
        .json();
    assert_eq!(report["complete"], false);
    tool.run(&["unstick", RELEASE, "-n", namespace, "--yes"])
        .expect_code(3);
    tool.run(&["backup", "-n", namespace]).expect_code(3);
}

#[test]
fn bad_input_is_named() {
    let tool = Tool::new();
    let cases: [(&[&str], i32, &str); 14] = [
        (&["check", "-n", ""], 2, "--namespace"),
        (
            &["check", "-n", "no-such-namespace"],
            1,
            "no-such-namespace",
        ),
        (&["check", "-n", "Bad_Name"], 1, "Bad_Name"),
        (&["undo", "-n", "default"], 2, "undo takes no -n"),
        (&["unstick"], 2, "RELEASE"),
        (&["check", "--older-than", "soon"], 2, "soon"),
        (&["check", "--older-than", "-5s"], 2, "-5s"),
        (&["check", "-n", "a", "-A"], 2, "--all-namespaces"),
        (&["explain", "no-such-check"], 2, "no-such-check"),
        (&["check", "--from", "/no/such/file"], 3, "/no/such/file"),
        (&["undo", "zz"], 2, "zz"),
        (
            &["backup", "restore", "latest", "--to-namespace=Bad NS"],
            2,
            "Bad NS",
        ),
        (&["check", "no-such-release"], 1, "no-such-release"),
        (
            &["unstick", "no-such-release", "--yes"],
            1,
            "no-such-release",
        ),
    ];
    for (args, code, word) in cases {
        says(&tool.run(args).expect_code(code), &[word]);
    }
}

#[test]
fn storage_drivers_that_are_not_supported() {
    for driver in ["sql", "memory"] {
        let tool = Tool::new().env("HELM_DRIVER", driver);
        says(
            &tool.run(&["check"]).expect_code(4),
            &[driver, "not supported"],
        );
    }
    let tool = Tool::new().env("HELM_DRIVER", "etcd");
    says(&tool.run(&["check"]).expect_code(2), &["etcd"]);
}

#[test]
fn a_store_that_will_not_last() {
    let stage = stuck();
    let later = Later::by(LONG);
    let tool = later
        .tool
        .env("KUBERNETES_SERVICE_HOST", "10.0.0.1")
        .env("ZADIG_DOCTOR_HOME", "");
    let args = ["unstick", RELEASE, "-n", stage.namespace.name(), "--yes"];
    says(&tool.run(&args).expect_code(4), &["--ephemeral-store"]);
    let args = [&args[..], &["--ephemeral-store"]].concat();
    tool.run(&args).expect_code(0);
}

#[test]
fn a_release_with_a_hidden_record_is_not_judged() {
    let stage = stuck();
    let name = crate::records::name(RELEASE, 3);
    let hidden = serde_json::json!({
        "metadata": {"name": name}, "type": "helm.sh/release.v1",
        "stringData": {"release": "H4sI"},
    });
    Bed::get()
        .api()
        .create(&stage.namespace.core("secrets"), &hidden);
    let later = Later::by(LONG);
    let (_, report) = later.check(&stage);
    assert_eq!(super::verdict(&report), "unknown", "{report:#}");
    let before = essence(&stage.records());
    later.on(&stage, &["unstick", "--yes"]).expect_code(4);
    assert_eq!(essence(&stage.records()), before);
}

/// Binds the powerless user to a role with these rules in the namespace.
fn allow(stage: &Stage, rules: &serde_json::Value) {
    let base = format!(
        "/apis/rbac.authorization.k8s.io/v1/namespaces/{}",
        stage.namespace.name()
    );
    let api = Bed::get().api();
    api.create(
        &format!("{base}/roles"),
        &serde_json::json!({"metadata": {"name": "some"}, "rules": rules}),
    );
    let binding = serde_json::json!({
        "metadata": {"name": "some"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "some"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nobody-user"}],
    });
    api.create(&format!("{base}/rolebindings"), &binding);
}

fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> serde_json::Value {
    serde_json::json!({"apiGroups": groups, "resources": resources, "verbs": verbs})
}

/// The powerless user behind a proxy for which it is later.
fn as_nobody() -> (Proxy, Tool) {
    let proxy = Proxy::start();
    proxy.shift_clock(LONG);
    let token = &Bed::get().nobody_token;
    let tool = Tool::new().kubeconfig(&proxy.kubeconfig_for("nobody", token));
    (proxy, tool)
}

#[test]
fn who_may_read_but_not_write_changes_nothing() {
    let stage = stuck();
    allow(
        &stage,
        &serde_json::json!([rule(&["*"], &["*"], &["get", "list"])]),
    );
    let (proxy, tool) = as_nobody();
    let before = essence(&stage.records());
    let unstick = ["unstick", RELEASE, "-n", stage.namespace.name(), "--yes"];
    let output = tool.run(&unstick).expect_code(4);
    says(
        &output,
        &["you may not update secrets", "nothing was changed"],
    );
    assert_eq!(essence(&stage.records()), before);
    let asked = |path: &str| path.ends_with("/selfsubjectaccessreviews");
    let seen = proxy.seen();
    assert!(
        seen.iter()
            .all(|one| one.method == "GET" || asked(&one.path)),
        "{seen:?}"
    );
}

#[test]
fn who_may_not_take_the_lease_is_told_of_no_lock() {
    let stage = stuck();
    let read = rule(&["*"], &["*"], &["get", "list"]);
    let write = rule(&[""], &["secrets"], &["update"]);
    allow(&stage, &serde_json::json!([read, write]));
    let (_proxy, tool) = as_nobody();
    let before = essence(&stage.records());
    let unstick = ["unstick", RELEASE, "-n", stage.namespace.name(), "--yes"];
    let output = tool.run(&unstick).expect_code(4);
    says(&output, &["you may not", "leases", "--no-lock"]);
    assert_eq!(essence(&stage.records()), before);
    tool.run(&[&unstick[..], &["--no-lock"]].concat())
        .expect_code(0);
}

#[test]
fn what_may_not_be_read_makes_the_verdict_unknown() {
    let stage = stuck();
    let records = rule(
        &[""],
        &["secrets", "configmaps"],
        &["get", "list", "update"],
    );
    let leases = rule(&["coordination.k8s.io"], &["leases"], &["*"]);
    allow(&stage, &serde_json::json!([records, leases]));
    let (_proxy, tool) = as_nobody();
    let namespace = stage.namespace.name();
    let report = tool.run(&["check", "-n", namespace, "-o", "json"]).json();
    assert_eq!(super::verdict(&report), "unknown", "{report:#}");
    tool.run(&["unstick", RELEASE, "-n", namespace, "--yes"])
        .expect_code(4);
}

#[test]
fn a_listing_that_fails_is_not_taken_for_an_empty_one() {
    let stage = stuck();
    let later = Later::by(LONG);
    let by_type = |seen: &crate::proxy::Seen| seen.query.contains("fieldSelector");
    later
        .proxy
        .rule(Rule::new(Fault::Status(500)).when(by_type));
    let (code, report) = later.check(&stage);
    assert_eq!(
        (code, super::verdict(&report)),
        (Some(3), "unknown"),
        "{report:#}"
    );
    let before = essence(&stage.records());
    let output = later.on(&stage, &["unstick", "--yes"]);
    assert!(matches!(output.code(), Some(3 | 4)), "{output}");
    assert!(matches!(
        later.on(&stage, &["prune", "--yes", "--keep=1"]).code(),
        Some(3 | 4)
    ));
    assert_eq!(essence(&stage.records()), before);
}

#[test]
fn a_write_between_the_looks() {
    let stage = stuck();
    let later = Later::by(LONG);
    let before = stage.records();
    let namespace = stage.namespace.name();
    let args = [
        "unstick",
        RELEASE,
        "-n",
        namespace,
        "--yes",
        "--confirm-after",
        "2s",
    ];
    let running = later.tool.command(&args).spawn();
    let lease =
        format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/helm-lock-{RELEASE}");
    let api = Bed::get().api();
    crate::process::wait_until("the Lease is taken", || api.get(&lease));
    // Not a sign of life, as nobody's: the resourceVersion alone has moved.
    let path = stage
        .namespace
        .core(&format!("secrets/{}", crate::records::name(RELEASE, 2)));
    api.merge(
        &path,
        &serde_json::json!({"metadata": {"labels": {"moved": "yes"}}}),
    );
    says(&running.finish().expect_code(4), &["nothing was changed"]);
    let after = stage.records();
    assert_eq!(after[1].payload, before[1].payload);
    assert!(api.get(&lease).is_none(), "the Lease is given back");
}

#[test]
fn undo_on_another_cluster() {
    let stage = stuck();
    let later = Later::by(LONG);
    later.on(&stage, &["unstick", "--yes"]).expect_code(0);
    // The same API server under another name: who may not read kube-system knows it by its address.
    let token = &Bed::get().nobody_token;
    let elsewhere = later
        .proxy
        .kubeconfig_for("nobody", token)
        .display()
        .to_string();
    let undo = ["undo", "--yes", "--kubeconfig", &elsewhere];
    says(&later.tool.run(&undo).expect_code(0), &["nothing to do"]);
    let log = later.tool.run(&["log", "-o", "json"]).json();
    let id = log["operations"][0]["operation"]
        .as_str()
        .unwrap()
        .to_owned();
    let undo = ["undo", &id, "--yes", "--kubeconfig", &elsewhere];
    says(&later.tool.run(&undo).expect_code(4), &["another cluster"]);
}

#[test]
fn json_says_what_was_refused() {
    let stage = stuck();
    let later = Later::by(LONG);
    let conflict = Rule::new(Fault::Status(403)).when(|seen| seen.path.ends_with("/leases"));
    later.proxy.rule(conflict);
    let output = later.on(&stage, &["unstick", "--yes", "-o", "json"]);
    let receipt = output.json();
    assert_eq!(receipt["operation"], serde_json::Value::Null);
    assert_eq!(receipt["refused"][0]["release"], RELEASE);
}

/// One release that cannot be repaired does not keep the others from it.
#[test]
fn what_speaks_against_one_release_does_not_stop_the_others() {
    let stages = [stuck(), stuck()];
    let name = crate::records::name(RELEASE, 2);
    let path = stages[0].namespace.core(&format!("secrets/{name}"));
    Bed::get().api().merge(
        &path,
        &serde_json::json!({"immutable": true, "metadata": {"labels": {"batch": "x"}}}),
    );
    let path = stages[1].namespace.core(&format!("secrets/{name}"));
    Bed::get().api().merge(
        &path,
        &serde_json::json!({"metadata": {"labels": {"batch": "x"}}}),
    );
    let before = essence(&stages[0].records());

    let alone = Later::by(LONG);
    let output = alone.on(&stages[0], &["unstick", "--yes"]).expect_code(4);
    says(&output, &["immutable", "nothing was changed"]);

    let later = Later::by(LONG);
    let batch = [
        "unstick", "--all", "-A", "-l", "batch=x", "--yes", "-o", "json",
    ];
    let receipt = later.tool.run(&batch).expect_code(1).json();
    let outcomes: Vec<_> = receipt["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["outcome"])
        .collect();
    assert!(outcomes.iter().any(|one| *one == "done"), "{receipt:#}");
    assert!(outcomes.iter().any(|one| *one == "refused"), "{receipt:#}");
    assert_eq!(essence(&stages[0].records()), before);
    assert_eq!(stages[1].record(2).status(), "failed");
}

/// One release that somebody is at work on beside one that is stuck: the second
/// is repaired, and the exit code says that something is left.
#[test]
fn one_that_may_be_alive_beside_one_that_is_stuck() {
    let stages = [stuck(), stuck()];
    let name = crate::records::name(RELEASE, 2);
    for stage in &stages {
        let path = stage.namespace.core(&format!("secrets/{name}"));
        let labels = serde_json::json!({"metadata": {"labels": {"batch": "alive"}}});
        Bed::get().api().merge(&path, &labels);
    }
    hold_lease(&stages[0]);
    let later = Later::by(LONG);
    let args = [
        "unstick",
        "--all",
        "-A",
        "-l",
        "batch=alive",
        "--yes",
        "-o",
        "json",
    ];
    later
        .tool
        .run(&[&args[..], &["--dry-run"]].concat())
        .expect_code(1);
    let receipt = later.tool.run(&args).expect_code(1).json();
    assert_eq!(receipt["steps"].as_array().unwrap().len(), 1, "{receipt:#}");
    let alive = &receipt["refused"][0];
    assert_eq!(
        alive["namespace"],
        stages[0].namespace.name(),
        "{receipt:#}"
    );
    assert_eq!(stages[0].record(2).status(), "pending-upgrade");
    assert_eq!(stages[1].record(2).status(), "failed");
    // Nothing but it is left.
    later.tool.run(&args).expect_code(4);
}

#[test]
fn a_record_held_by_a_finalizer_is_not_deleted() {
    let stage = stuck();
    let later = Later::by(LONG);
    later
        .on(&stage, &["unstick", "--yes", "--no-fence"])
        .expect_code(0);
    let path = stage
        .namespace
        .core(&format!("secrets/{}", crate::records::name(RELEASE, 2)));
    let hold = serde_json::json!({"metadata": {"finalizers": ["example.com/hold"]}});
    Bed::get().api().merge(&path, &hold);
    let before = essence(&stage.records());
    later.tool.run(&["undo", "--yes"]).expect_code(4);
    assert_eq!(essence(&stage.records()), before);
    Bed::get().api().merge(
        &path,
        &serde_json::json!({"metadata": {"finalizers": null}}),
    );
}
