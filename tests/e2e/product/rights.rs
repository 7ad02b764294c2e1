//! What `check` can do with which rights.

use serde_json::{Value, json};
use zadig_doctor::helm::Driver;

use super::{LONG, Later};
use crate::helm::{Helm, HelmVersion, chart};
use crate::scenarios::{RELEASE, Stage, find};
use crate::tool::Tool;

/// Whom the tests grant rights.
const USER: &str = "nobody-user";

/// Gives the user these rules in that namespace, and no others.
fn grant(stage: &Stage, rules: &Value) {
    let api = stage.namespace.bed().api();
    let group = "rbac.authorization.k8s.io";
    let namespace = stage.namespace.name();
    let path = |resource: &str| format!("/apis/{group}/v1/namespaces/{namespace}/{resource}");
    let metadata = json!({"name": "reader"});
    api.create(
        &path("roles"),
        &json!({"metadata": metadata, "rules": rules}),
    );
    let binding = json!({
        "metadata": metadata,
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "reader"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": USER}],
    });
    api.create(&path("rolebindings"), &binding);
}

fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": groups, "resources": resources, "verbs": verbs})
}

/// `check` of the namespace as that user, an hour later.
fn check(stage: &Stage, more: &[&str]) -> (Option<i32>, Value) {
    check_as(USER, stage, more)
}

fn check_as(user: &str, stage: &Stage, more: &[&str]) -> (Option<i32>, Value) {
    let namespace = stage.namespace.name();
    let own = ["check", "-n", namespace, "--as", user, "-o", "json"];
    let output = Later::by(LONG).run(&[&own, more].concat());
    (output.code(), output.json())
}

#[test]
fn who_cannot_name_the_cluster_does_not_say_that_it_is_another() {
    let stage = Stage::new("unnamed", HelmVersion::V3_17, Driver::Secret);
    stage.helm.ok(&["install", RELEASE, &chart("quiet")]);
    grant(&stage, &json!([rule(&[""], &["secrets"], &["list"])]));
    let (tool, namespace) = (Tool::new(), stage.namespace.name());
    tool.run(&["backup", "-n", namespace, "--as", USER])
        .expect_code(3);
    for more in [
        &["verify", "--read-cluster"][..],
        &["restore", "latest", RELEASE, "-n", namespace, "--yes"],
    ] {
        let refused = tool.run(&[&["backup"], more].concat()).expect_code(4);
        assert!(refused.stderr.contains("cannot be told"), "{refused}");
    }
}

#[test]
fn a_backup_that_could_read_nothing_is_no_snapshot() {
    let stage = Stage::new("unread", HelmVersion::V3_17, Driver::Secret);
    stage.helm.ok(&["install", RELEASE, &chart("quiet")]);
    let (tool, namespace) = (Tool::new(), stage.namespace.name());
    let backup = ["backup", "-n", namespace];
    tool.run(&backup).expect_code(0);
    let failed = tool
        .run(&[&backup[..], &["--as", USER]].concat())
        .expect_code(3);
    for word in [
        "secrets in namespace",
        "configmaps in namespace",
        "forbidden",
    ] {
        assert!(failed.stderr.contains(word), "{failed}");
    }
    let empty = Tool::new();
    empty
        .run(&[&backup[..], &["--as", USER]].concat())
        .expect_code(3);
    assert!(!empty.home().join("store.db").exists());
    let listed = tool.run(&["backup", "list", "-o", "json"]).expect_code(0);
    let snapshots = listed.json();
    assert_eq!(snapshots["snapshots"].as_array().unwrap().len(), 1);
    assert_eq!(snapshots["snapshots"][0]["complete"], true);
}

#[test]
fn who_may_only_list_compares_with_the_cluster() {
    let stage = Stage::new("compare", HelmVersion::V3_17, Driver::Secret);
    stage.helm.ok(&["install", RELEASE, &chart("quiet")]);
    let lists = rule(&[""], &["secrets", "configmaps"], &["list"]);
    grant(&stage, &json!([lists]));
    let (tool, namespace) = (Tool::new(), stage.namespace.name());
    let run = |args: &[&str]| {
        let place = ["-n", namespace, "--as", USER];
        tool.run(&[&["backup"], args, &place].concat())
    };
    run(&[]).expect_code(0);
    run(&["diff", "latest", "cluster"]).expect_code(0);
    let upgrade = ["upgrade", RELEASE, &chart("quiet"), "--set=message=other"];
    stage.helm.ok(&upgrade);
    let differs = run(&["diff", "latest", "cluster"]).expect_code(1);
    assert!(differs.stdout.contains("+message: other"), "{differs}");
}

/// What could not be listed may have held what is gone now.
#[test]
fn a_restore_of_all_says_what_the_snapshot_lacks() {
    let stage = Stage::new("lacks", HelmVersion::V3_17, Driver::Secret);
    stage.helm.ok(&["install", RELEASE, &chart("quiet")]);
    let maps = Helm::new(HelmVersion::V3_17, &stage.namespace).driver(Driver::ConfigMap);
    maps.ok(&["install", "other", &chart("quiet")]);
    let namespaces = rule(&[""], &["namespaces"], &["get"]);
    let maps = rule(&[""], &["configmaps"], &["list"]);
    grant(&stage, &json!([maps, namespaces]));
    let (tool, namespace) = (Tool::new(), stage.namespace.name());
    tool.run(&["backup", "-n", namespace, "--as", USER])
        .expect_code(3);
    let restore = ["backup", "restore", "latest", "--yes", "--other-cluster"];
    for more in [&[][..], &["-n", namespace]] {
        let restored = tool.run(&[&restore, more].concat()).expect_code(1);
        let said = &restored.stderr;
        assert!(said.contains("not in the snapshot"), "{restored}");
        assert!(said.contains("secrets in namespace"), "{restored}");
    }
}

#[test]
fn list_on_secrets_alone_is_enough_for_records_in_secrets() {
    let stage = Stage::new("list-secrets", HelmVersion::V3_17, Driver::Secret);
    stage.helm.ok(&["install", RELEASE, &chart("quiet")]);
    grant(&stage, &json!([rule(&[""], &["secrets"], &["list"])]));
    let (code, report) = check(&stage, &["--driver", "secret"]);
    assert_eq!(
        (code, &report["complete"]),
        (Some(0), &json!(true)),
        "{report:#}"
    );
    assert_eq!(report["examined"], json!({"records": 1, "payloads": 1}));
    // A name asks for more, and gets it.
    let (code, report) = check(&stage, &["--driver", "secret", RELEASE]);
    assert_eq!(code, Some(0), "{report:#}");
    // Whoever asks for both is told what was not looked at.
    let (code, report) = check(&stage, &[]);
    assert_eq!(code, Some(3));
    let unread = report["unread"].as_array().unwrap();
    assert_eq!(unread.len(), 1, "{report:#}");
    assert!(
        unread[0]["what"]
            .as_str()
            .unwrap()
            .starts_with("configmaps")
    );
}

#[test]
fn without_the_objects_nothing_is_called_stale() {
    let stage = find("pending-upgrade-in-wait").make(HelmVersion::V3_17);
    grant(
        &stage,
        &json!([rule(&[""], &["secrets", "configmaps"], &["list"])]),
    );
    let (code, report) = check(&stage, &[]);
    assert_eq!(code, Some(3));
    let finding = &report["findings"][0];
    assert_eq!(finding["id"], "stuck-pending", "{report:#}");
    assert_eq!(finding["verdict"], "unknown");
    assert_eq!(finding["extent"], "unknown");
    let unread = report["unread"].to_string();
    assert!(
        unread.contains("Deployment") && unread.contains("Lease"),
        "{unread}"
    );
}

#[test]
fn list_serves_in_place_of_get() {
    let stage = find("pending-upgrade-in-wait").make(HelmVersion::V3_17);
    let kinds = rule(&["*"], &["*"], &["list"]);
    let leases = rule(&["coordination.k8s.io"], &["leases"], &["get"]);
    grant(&stage, &json!([kinds, leases]));
    let (code, report) = check(&stage, &[]);
    assert_eq!(
        (code, &report["complete"]),
        (Some(1), &json!(true)),
        "{report:#}"
    );
    let finding = &report["findings"][0];
    assert_eq!(finding["verdict"], "stale");
    assert_eq!(finding["extent"], "all");
}

/// The roles that the README tells to apply.
fn roles_of_the_readme() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let text = std::fs::read_to_string(path).unwrap();
    let blocks = text.split("```yaml\n").skip(1);
    let blocks = blocks.map(|block| block.split_once("```").unwrap().0);
    let roles: Vec<_> = blocks
        .filter(|block| block.contains("kind: ClusterRole"))
        .collect();
    roles.join("---\n")
}

#[test]
fn the_roles_of_the_readme_are_enough() {
    let stage = find("pending-upgrade-in-wait").make(HelmVersion::V4);
    let namespace = stage.namespace.name();
    let file = stage.helm.home().join("roles.yaml");
    std::fs::write(&file, roles_of_the_readme()).unwrap();
    stage.kubectl(&["apply", "-f", &file.display().to_string()]);
    // A user of this run's own: what is bound to a cluster role holds everywhere.
    let user = format!("reader-of-{namespace}");
    let bind = |role: &str| {
        let binding = [
            "create",
            "clusterrolebinding",
            &format!("{role}-{namespace}"),
        ];
        let binds = [&format!("--clusterrole={role}"), &format!("--user={user}")];
        stage.kubectl(&[&binding[..], &binds.map(String::as_str)].concat());
    };

    bind("zadig-doctor-check");
    let (code, report) = check_as(&user, &stage, &[]);
    assert_eq!(
        (code, &report["complete"]),
        (Some(1), &json!(true)),
        "{report:#}"
    );
    assert_eq!(report["findings"][0]["verdict"], "stale", "{report:#}");
    assert_eq!(report["skipped"], json!([]));
    let typo = ["check", "-n", "no-such-namespace", "--as", &user];
    Later::by(LONG).run(&typo).expect_code(1);
    let (code, report) = check_as(&user, &stage, &["--deep"]);
    assert_eq!(code, Some(3), "{report:#}");

    bind("zadig-doctor-check-deep");
    let (code, report) = check_as(&user, &stage, &["--deep"]);
    assert_eq!(
        (code, &report["complete"]),
        (Some(1), &json!(true)),
        "{report:#}"
    );
    assert_eq!(report["skipped"], json!([]));
}
