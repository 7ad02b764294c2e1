//! Kubeconfigs that cannot be used: which file, what is wrong, what to do.

use std::path::Path;

use serde_json::{Value, json};

use super::{Files, admin, bed_cluster, check, fails, tool};
use crate::bed::Bed;

/// Two contexts that lead somewhere and three that do not.
fn several(files: &Files) -> std::path::PathBuf {
    let context = |name: &str, cluster: &str, user: &str| json!({"name": name, "context": {"cluster": cluster, "user": user}});
    let config = json!({
        "current-context": "good",
        "contexts": [
            context("good", "bed", "admin"),
            context("lost", "nowhere", "admin"),
            context("orphan", "bed", "gone"),
            context("blank", "blank", "admin"),
            context("bare", "bare", "admin"),
        ],
        "clusters": [
            {"name": "bed", "cluster": bed_cluster()},
            {"name": "blank", "cluster": {"server": ""}},
            {"name": "bare", "cluster": {"server": "127.0.0.1:6443"}},
        ],
        "users": [{"name": "admin", "user": admin()}],
    });
    files.write("several", config.to_string())
}

#[test]
fn what_a_context_or_a_flag_names_and_the_kubeconfig_has_not() {
    let files = Files::new();
    let kubeconfig = several(&files);
    check(&kubeconfig, &[]).expect_code(0);
    let cases: [(&str, &[&str]); 7] = [
        (
            "--context=nope",
            &["context \"nope\"", "kubectl config get-contexts"],
        ),
        (
            "--cluster=nope",
            &["cluster \"nope\"", "kubectl config get-clusters"],
        ),
        (
            "--user=nope",
            &["user \"nope\"", "kubectl config get-users"],
        ),
        (
            "--context=lost",
            &["cluster \"nowhere\"", "the context \"lost\" names"],
        ),
        (
            "--context=orphan",
            &["user \"gone\"", "the context \"orphan\" names"],
        ),
        ("--context=blank", &["URL", "has none", "https://HOST:PORT"]),
        ("--context=bare", &["URL", "https://HOST:PORT"]),
    ];
    for (flag, words) in cases {
        fails(check(&kubeconfig, &[flag]), words);
    }
    // A token and a server say all that the missing user and cluster would.
    let token = format!("--token={}", Bed::get().admin_token);
    check(&kubeconfig, &["--context=orphan", &token]).expect_code(0);
}

#[test]
fn files_that_are_missing_or_no_kubeconfig() {
    let files = Files::new();
    let bad = files.write("bad", "users:\n- name: u\n  user: {token: [hunter2]}\n");
    let text = files.write("text", "hunter2 is no kubeconfig");
    let twice = files.write(
        "twice",
        "contexts: [{name: a, context: {cluster: x}}, {name: a, context: {cluster: y}}]",
    );
    let empty = files.write("empty", "");
    let good = several(&files);
    let list = |paths: &[&Path]| std::env::join_paths(paths).unwrap();
    let missing = [files.path().join("missing"), files.path().join("gone")];
    let shown = |path: &Path| path.display().to_string();
    let cases = [
        (
            list(&[&missing[0]]),
            vec![shown(&missing[0]), "--kubeconfig".to_owned()],
        ),
        (
            list(&[&missing[0], &missing[1]]),
            vec![shown(&missing[0]), shown(&missing[1])],
        ),
        (list(&[&empty]), vec![shown(&empty)]),
        (list(&[&good, &bad]), vec![shown(&bad), "line 3".to_owned()]),
        (list(&[&text]), vec![shown(&text)]),
        (
            list(&[&good, &twice]),
            vec![shown(&twice), "two contexts named \"a\"".to_owned()],
        ),
        (
            list(&[files.path()]),
            vec![shown(files.path()), "directory".to_owned()],
        ),
    ];
    for (kubeconfig, words) in cases {
        let program = tool(files.path())
            .env("KUBECONFIG", &kubeconfig)
            .arg("check");
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        fails(program.run(), &words);
    }
    let flag = format!("--kubeconfig={}", shown(&missing[0]));
    fails(
        check(&good, &[&flag]),
        &[&shown(&missing[0]), "there is no such file"],
    );
}

#[test]
fn a_home_without_a_kubeconfig() {
    let files = Files::new();
    let config = files.path().join(".kube/config").display().to_string();
    fails(
        tool(files.path()).arg("check").run(),
        &[&config, "--kubeconfig"],
    );
    let unset = files.write("unset", "contexts: [{name: a, context: {cluster: x}}]");
    fails(
        check(&unset, &[]),
        &["no current-context is set", "get-contexts"],
    );
}

/// kubectl too refuses a group without a user; an API server answers nonsense.
#[test]
fn groups_without_a_user() {
    let files = Files::new();
    let kubeconfig = files.kubeconfig(&bed_cluster(), &admin());
    for flag in ["--as-group=g", "--as-uid=7"] {
        fails(
            check(&kubeconfig, &[flag]),
            &["without a user", "--as USER"],
        );
    }
}

#[test]
fn a_certificate_authority_that_cannot_be_read() {
    let files = Files::new();
    let nothing = files.write("nothing.crt", "");
    let with = |entry: Value| {
        let mut cluster = json!({"server": Bed::get().server});
        cluster
            .as_object_mut()
            .unwrap()
            .extend(entry.as_object().unwrap().clone());
        files.kubeconfig(&cluster, &admin())
    };
    let relative = json!({"certificate-authority": "no/ca.crt"});
    let full = files.path().join("no/ca.crt").display().to_string();
    fails(check(&with(relative), &[]), &[&full, "No such file"]);
    let garbage = json!({"certificate-authority-data": "aHVudGVyMg=="});
    fails(
        check(&with(garbage), &[]),
        &["no certificate in PEM", "--certificate-authority"],
    );
    let none = format!("--certificate-authority={}", nothing.display());
    fails(
        check(&with(json!({})), &[&none]),
        &["nothing.crt", "no certificate in PEM"],
    );
}

#[test]
fn a_pod_without_a_service_account() {
    // Where the tests themselves run in a pod, there may be one.
    if Path::new("/var/run/secrets/kubernetes.io").exists() {
        return;
    }
    let files = Files::new();
    let pod = tool(files.path())
        .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        .env("KUBERNETES_SERVICE_PORT", "1");
    fails(
        pod.arg("check").run(),
        &["service account", "automountServiceAccountToken"],
    );
}
