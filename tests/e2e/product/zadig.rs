//! What `check` says of Zadig's namespaces, and of what it may not read.

use serde_json::{Value, json};

use super::{LONG, Later};
use crate::bed::{Bed, Namespace};
use crate::helm::{Helm, HelmVersion, chart};
use crate::tool::Tool;

/// A namespace, labeled as Zadig labels those that it makes.
fn of_zadig(label: &str) -> Namespace {
    let namespace = Namespace::new(label);
    let labels = json!({"createdBy": "koderover", "s-product": "shop"});
    let path = format!("/api/v1/namespaces/{}", namespace.name());
    let patch = json!({"metadata": {"labels": labels}});
    Bed::get().api().merge(&path, &patch);
    namespace
}

fn install(namespace: &Namespace) -> Helm {
    let helm = Helm::new(HelmVersion::V3_9, namespace);
    helm.ok(&["install", "web", &chart("quiet")]);
    helm
}

/// The Secret that Zadig puts into environments with a registry.
fn marker(namespace: &Namespace) {
    let secret = json!({"metadata": {"name": "default-registry-secret"}});
    let path = namespace.core("secrets");
    Bed::get().api().create(&path, &secret);
}

/// The findings of `check` in that namespace an hour later: id, severity, summary.
fn found(namespace: &Namespace, scope: &[&str]) -> Vec<(String, String, String)> {
    let args = [&["check", "-o", "json"], scope].concat();
    let report = Later::by(LONG).run(&args).json();
    // Elsewhere in the cluster other tests come and go while it is read.
    let all = scope.contains(&"-A");
    assert!(all || report["complete"] == true, "{report:#}");
    let findings = report["findings"].as_array().unwrap().iter();
    let ours = findings.filter(|one| one["namespace"] == namespace.name());
    let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    ours.map(|one| (text(one, "id"), text(one, "severity"), text(one, "summary")))
        .collect()
}

fn only(namespace: &Namespace) -> (String, String, String) {
    let found = found(namespace, &["-n", namespace.name()]);
    let [one] = found.as_slice() else {
        panic!("one finding: {found:?}");
    };
    one.clone()
}

#[test]
fn an_environment_is_told_by_its_labels() {
    let namespace = of_zadig("shop-env-dev");
    install(&namespace);
    let (id, severity, summary) = only(&namespace);
    assert_eq!((&*id, &*severity), ("zadig-managed", "info"));
    let name = namespace.name().trim_start_matches("shop-env-");
    let told = format!("certainly Zadig's: project shop, environment {name}; it holds web");
    assert_eq!(summary, told);
    // The same where all namespaces are looked at.
    assert_eq!(found(&namespace, &["-A"]), [(id, severity, told)]);
}

#[test]
fn one_without_labels_is_told_by_its_name_and_its_secret() {
    let namespace = Namespace::new("shop-env-gone");
    marker(&namespace);
    install(&namespace);
    assert_eq!(only(&namespace).0, "zadig-labels-stripped");
    let adopted = Namespace::new("adopted");
    install(&adopted);
    assert_eq!(found(&adopted, &["-n", adopted.name()]), []);
    marker(&adopted);
    let (id, _, summary) = only(&adopted);
    assert_eq!(id, "zadig-managed");
    assert!(summary.starts_with("possibly Zadig's"), "{summary}");
}

#[test]
fn a_namespace_that_zadig_left_behind() {
    let empty = of_zadig("shop-env-empty");
    let (id, severity, summary) = only(&empty);
    assert_eq!((&*id, &*severity), ("zadig-leftover-namespace", "info"));
    assert!(summary.contains("no Helm release is in it"), "{summary}");
    let all = found(&empty, &["-A"]);
    assert_eq!(all.len(), 1, "{all:?}");
    // A selector hides what is there, so nothing is said to be empty.
    assert_eq!(found(&empty, &["-A", "-l", "team=blue"]), []);

    let held = of_zadig("shop-env-held");
    let map = json!({"metadata": {"name": "held", "finalizers": ["zadig-doctor.test/hold"]}});
    Bed::get().api().create(&held.core("configmaps"), &map);
    let path = format!("/api/v1/namespaces/{}", held.name());
    let api = Bed::get().api();
    api.send("DELETE", &path, "application/json", &Value::Null)
        .unwrap();
    let (id, severity, summary) = only(&held);
    assert_eq!((&*id, &*severity), ("zadig-leftover-namespace", "warning"));
    assert!(summary.contains("does not go"), "{summary}");
}

/// Lets the user `nobody` list and read Secrets and ConfigMaps there, and nothing else.
fn permit(namespace: &Namespace) {
    let base = format!(
        "/apis/rbac.authorization.k8s.io/v1/namespaces/{}",
        namespace.name()
    );
    let rules = json!([{"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["get", "list"]}]);
    let role = json!({"metadata": {"name": "reader"}, "rules": rules});
    let binding = json!({
        "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
        "subjects": [{"kind": "User", "name": "nobody-user"}],
    });
    let api = Bed::get().api();
    api.create(&format!("{base}/roles"), &role);
    api.create(&format!("{base}/rolebindings"), &binding);
}

#[test]
fn who_may_read_secrets_alone_is_told_what_was_not_looked_at() {
    let namespace = Namespace::new("shop-env-tenant");
    marker(&namespace);
    install(&namespace);
    permit(&namespace);
    let tool = Tool::new().kubeconfig(&Bed::get().dir.join("kubeconfig-nobody"));
    let check = ["check", "-n", namespace.name()];
    let report = tool.run(&[&check[..], &["-o", "json"]].concat());
    let report = report.expect_code(0).json();
    assert_eq!(report["complete"], true, "{report:#}");
    let skipped = report["skipped"].as_array().unwrap();
    assert_eq!(skipped.len(), 1, "{report:#}");
    let what = skipped[0]["what"].as_str().unwrap();
    assert_eq!(what, format!("namespace {}", namespace.name()));
    // The marker was looked for, and found.
    let findings = report["findings"].as_array().unwrap();
    let ids: Vec<_> = findings.iter().map(|one| &one["id"]).collect();
    assert_eq!(ids, ["zadig-managed"], "{report:#}");
    assert_eq!(findings[0]["evidence"][0]["kind"], "exists");
    let text = tool.run(&check).expect_code(0).stdout;
    assert!(text.contains("not looked at: namespace "), "{text}");
}

#[test]
fn what_surrounds_releases_costs_few_requests() {
    let namespace = of_zadig("shop-env-few");
    let helm = install(&namespace);
    for name in ["api", "job", "queue"] {
        helm.ok(&["install", name, &chart("web")]);
    }
    let later = Later::by(LONG);
    later.run(&["check", "-n", namespace.name()]).expect_code(0);
    let seen = later.proxy.seen();
    let times = |path: &str| seen.iter().filter(|one| one.path == path).count();
    let place = format!("/api/v1/namespaces/{}", namespace.name());
    assert_eq!(times(&place), 1, "{seen:?}");
    assert_eq!(times("/api/v1/namespaces"), 0, "{seen:?}");
    for version in ["/api/v1", "/apis/apps/v1"] {
        assert_eq!(times(version), 1, "{seen:?}");
    }
    let marker = |one: &&crate::proxy::Seen| one.query.contains("default-registry-secret");
    assert_eq!(seen.iter().filter(marker).count(), 1, "{seen:?}");

    // With all namespaces in scope, one list brings them.
    let later = Later::by(LONG);
    later.run(&["check", "-A"]);
    let seen = later.proxy.seen();
    let times = |path: &str| seen.iter().filter(|one| one.path == path).count();
    assert_eq!((times("/api/v1/namespaces"), times(&place)), (1, 0));
}
