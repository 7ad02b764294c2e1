//! Who removed it: real removals, told from the API server's real audit log.

use serde_json::{Value, json};

use crate::audit;
use crate::bed::{Namespace, setting};
use crate::helm::{Helm, HelmVersion, chart};
use crate::process::{Program, wait_until};
use crate::records::name;
use crate::scenarios::{RELEASE, find};
use crate::tool::Tool;

/// What `trace` says with the audit log, as JSON.
fn traced(tool: &Tool, namespace: &str) -> Value {
    // The log may lag behind the answers.
    audit::so_far();
    let log = setting("BED_AUDIT_LOG");
    let args = [
        "trace",
        RELEASE,
        "-n",
        namespace,
        "--audit-log",
        &log,
        "-o",
        "json",
    ];
    let trace = tool.run(&args).expect_code(0).json();
    assert_eq!(trace["schema"], "zadig-doctor/trace/v1");
    assert_eq!(trace["complete"], true);
    trace
}

/// How it ended and who did it: ending, kind of actor, user.
fn ended(trace: &Value) -> [String; 3] {
    let by = &trace["verdict"]["by"];
    [&trace["verdict"]["ending"], &by["kind"], &by["user"]]
        .map(|value| value.as_str().unwrap_or_default().to_owned())
}

fn installed(version: HelmVersion, label: &str) -> (Namespace, Helm) {
    let namespace = Namespace::new(label);
    let helm = Helm::new(version, &namespace);
    helm.ok(&["install", RELEASE, &chart("quiet")]);
    (namespace, helm)
}

fn kubectl(namespace: &Namespace, args: &[&str]) {
    let home = tempfile::tempdir().unwrap();
    let program = Program::new(setting("BED_KUBECTL").as_ref())
        .args(args)
        .args(["-n", namespace.name()])
        .env("KUBECONFIG", &namespace.bed().kubeconfig)
        .env("HOME", home.path());
    program.run().expect_code(0);
}

#[test]
fn an_uninstall_of_any_helm() {
    for version in [HelmVersion::V3_9, HelmVersion::V3_17, HelmVersion::V4] {
        let (namespace, helm) = installed(version, "trace-helm");
        helm.ok(&["uninstall", RELEASE]);
        let trace = traced(&Tool::new(), namespace.name());
        assert_eq!(
            ended(&trace),
            ["removed", "helm", "bed-admin"],
            "{version:?}"
        );
        let deeds = trace["timeline"].as_array().unwrap();
        let told = |deed: &str| deeds.iter().any(|claim| claim["deed"] == deed);
        assert!(
            told("created") && told("changed") && told("removed"),
            "{trace:#}"
        );
    }
}

#[test]
fn records_deleted_with_kubectl() {
    let (namespace, _) = installed(HelmVersion::V3_17, "trace-kubectl");
    kubectl(&namespace, &["delete", "secret", &name(RELEASE, 1)]);
    let trace = traced(&Tool::new(), namespace.name());
    assert_eq!(ended(&trace), ["removed", "kubectl", "bed-admin"]);
    // By selector it is the same, one by one or all at once.
    let (namespace, _) = installed(HelmVersion::V4, "trace-kubectl-all");
    kubectl(&namespace, &["delete", "secrets", "-l", "owner=helm"]);
    let trace = traced(&Tool::new(), namespace.name());
    assert_eq!(ended(&trace), ["removed", "kubectl", "bed-admin"]);
}

/// The bed's log has no bodies of requests about Secrets, as is common: there
/// kubectl's dry run of a deletion is a deletion.
#[test]
fn a_dry_run_of_a_deletion_removes_nothing() {
    let (namespace, helm) = installed(HelmVersion::V3_17, "trace-dry");
    let (record, tool) = (name(RELEASE, 1), Tool::new());
    let by_kubectl = |trace: &Value| {
        let deeds = trace["timeline"].as_array().unwrap().iter();
        let own =
            deeds.filter(|one| one["source"] == "audit log" && one["by"]["kind"] == "kubectl");
        let own = own.map(|one| (one["deed"].to_string(), one["says"].to_string()));
        own.collect::<Vec<_>>()
    };
    let delete = ["delete", "secret", &record];
    kubectl(&namespace, &[&delete[..], &["--dry-run=server"]].concat());
    let trace = traced(&tool, namespace.name());
    assert_eq!(ended(&trace)[..2], ["there", "helm"]);
    assert_eq!(by_kubectl(&trace).len(), 1, "{trace:#}");
    // It is there, as is read.
    kubectl(&namespace, &["get", "secret", &record]);
    let trace = traced(&tool, namespace.name());
    assert_eq!(ended(&trace)[..2], ["there", "helm"]);
    let [(deed, says)] = &by_kubectl(&trace)[..] else {
        panic!("one claim: {trace:#}");
    };
    assert_eq!(deed, "\"noted\"");
    assert!(says.contains("it was there afterwards"), "{says}");
    helm.ok(&["uninstall", RELEASE]);
    let trace = traced(&tool, namespace.name());
    assert_eq!(ended(&trace), ["removed", "helm", "bed-admin"]);
    assert_eq!(by_kubectl(&trace)[0].0, "\"noted\"");
}

#[test]
fn a_removal_that_could_have_been_a_dry_run_is_told_so() {
    let (namespace, helm) = installed(HelmVersion::V4, "trace-open");
    let record = name(RELEASE, 1);
    let text = || {
        let trace = traced(&Tool::new(), namespace.name());
        trace["verdict"]["text"].as_str().unwrap().to_owned()
    };
    let delete = ["delete", "secret", &record, "--wait=false"];
    kubectl(&namespace, &delete);
    let told = text();
    let open = "a dry run would look the same there";
    assert!(told.contains("removed by kubectl"), "{told}");
    assert!(told.contains(open), "{told}");
    // Where it waits, kubectl looks whether the object is gone.
    helm.ok(&["install", RELEASE, &chart("quiet")]);
    kubectl(&namespace, &delete[..3]);
    let told = text();
    assert!(told.contains("removed by kubectl"), "{told}");
    assert!(!told.contains(open), "{told}");
}

#[test]
fn a_namespace_deleted_with_all_there_was() {
    let (namespace, _) = installed(HelmVersion::V3_17, "trace-namespace");
    kubectl(
        &namespace,
        &["delete", "namespace", namespace.name(), "--wait=false"],
    );
    let path = namespace.core(&format!("secrets/{}", name(RELEASE, 1)));
    let api = namespace.bed().api();
    wait_until("the record is gone", || {
        api.get(&path).is_none().then_some(())
    });
    let trace = traced(&Tool::new(), namespace.name());
    assert_eq!(
        ended(&trace),
        ["removed-with-namespace", "kubectl", "bed-admin"]
    );
}

/// Zadig runs Helm's library as a service account of its own. What it calls
/// itself is Helm's here; the account tells.
#[test]
fn an_uninstall_by_a_service_account_of_zadig() {
    let (namespace, helm) = installed(HelmVersion::V3_9, "trace-zadig");
    let home = Namespace::new("zadig");
    let api = home.bed().api();
    let binding = json!({
        "metadata": {"name": "deployer"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "aslan", "namespace": home.name()}],
    });
    api.create(
        &home.core("serviceaccounts"),
        &json!({"metadata": {"name": "aslan"}}),
    );
    let bindings = format!(
        "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
        namespace.name()
    );
    api.create(&bindings, &binding);
    let request =
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
    let token = api.create(&home.core("serviceaccounts/aslan/token"), &request);
    let token = token["status"]["token"].as_str().unwrap();
    helm.ok(&["uninstall", RELEASE, "--kube-token", token]);
    let trace = traced(&Tool::new(), namespace.name());
    let user = format!("system:serviceaccount:{}:aslan", home.name());
    assert_eq!(ended(&trace), ["removed", "zadig", &user]);
}

#[test]
fn an_uninstall_that_was_killed() {
    let stage = find("uninstalling-held").make(HelmVersion::V3_9);
    let tool = Tool::new();
    let trace = traced(&tool, stage.namespace.name());
    let [ending, kind, _] = ended(&trace);
    assert_eq!((&*ending, &*kind), ("uninstall-unfinished", "helm"));
    // Without the log there is the manager, which names no user.
    let args = ["trace", RELEASE, "-n", stage.namespace.name(), "-o", "json"];
    let trace = tool.run(&args).expect_code(0).json();
    assert_eq!(ended(&trace), ["uninstall-unfinished", "helm", ""]);
    let audit = &trace["sources"][0];
    assert_eq!(
        (&audit["source"], &audit["heard"]),
        (&"audit log".into(), &false.into())
    );
    // The log lists what it deleted before it was killed.
    stage.namespace.let_go();
}

#[test]
fn what_no_source_tells_is_not_said() {
    let namespace = Namespace::new("trace-nothing");
    let tool = Tool::new();
    let args = ["trace", RELEASE, "-n", namespace.name()];
    let told = tool.run(&args).expect_code(0).to_string();
    assert!(told.contains("no source says that it ever had"), "{told}");
    let told = tool.run(&[&args[..], &["--lang", "zh"]].concat());
    let told = told.expect_code(0).stdout;
    assert!(told.contains("没有来源表明曾经有过"), "{told}");
    let (namespace, _) = installed(HelmVersion::V4, "trace-gone");
    kubectl(&namespace, &["delete", "secret", &name(RELEASE, 1)]);
    let args = ["trace", RELEASE, "-n", namespace.name()];
    let told = tool.run(&args).expect_code(0).to_string();
    assert!(told.contains("no records"), "{told}");
    assert!(!told.contains("kubectl ("), "{told}");
}

#[test]
fn our_own_operations_are_told() {
    let (namespace, helm) = installed(HelmVersion::V3_17, "trace-own");
    for _ in 0..3 {
        helm.ok(&["upgrade", RELEASE, &chart("quiet")]);
    }
    let tool = Tool::new();
    let namespace = namespace.name();
    let prune = ["prune", RELEASE, "-n", namespace, "--keep", "2", "--yes"];
    tool.run(&prune).expect_code(0);
    let args = ["trace", RELEASE, "-n", namespace, "-o", "json"];
    let trace = tool.run(&args).expect_code(0).json();
    let claims = trace["timeline"].as_array().unwrap();
    let own: Vec<_> = claims
        .iter()
        .filter(|one| one["source"] == "own log")
        .collect();
    assert!(own.iter().any(|one| one["deed"] == "removed"), "{trace:#}");
    assert_eq!(ended(&trace)[0], "there");
}

#[test]
fn bad_input_is_named() {
    let namespace = Namespace::new("trace-bad");
    let tool = Tool::new();
    let file = tool.home().join("log");
    std::fs::write(&file, "I1125 10:00:00 not an event\n").unwrap();
    let run = |more: &[&str]| {
        let args = ["trace", RELEASE, "-n", namespace.name()];
        tool.run(&[&args, more].concat()).expect_code(2)
    };
    let told = run(&["--audit-log", file.to_str().unwrap()]);
    assert!(told.stderr.contains("holds no audit events"), "{told}");
    let told = run(&["--audit-log", "/nowhere/audit.log"]);
    assert!(told.stderr.contains("/nowhere/audit.log"), "{told}");
    let told = tool.run(&["trace", RELEASE, "-A"]).expect_code(2);
    assert!(told.stderr.contains("one release"), "{told}");
}
