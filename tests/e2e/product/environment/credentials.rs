//! Credentials that are not accepted or cannot be had: whose they are, and how
//! to get better ones.

use std::path::Path;

use serde_json::{Value, json};

use super::{Files, admin, bed_cluster, check, fails};
use crate::bed::Bed;
use crate::process::Output;

/// `check` as that user of a kubeconfig.
fn check_as(user: &Value, args: &[&str]) -> Output {
    let files = Files::new();
    check(&files.kubeconfig(&bed_cluster(), user), args)
}

fn expired(file: &str) -> String {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/product/environment/expired");
    dir.join(file).display().to_string()
}

#[test]
fn tokens() {
    fails(
        check_as(&json!({"token": "hunter2"}), &[]),
        &["Unauthorized", "log in again", "context \"it\""],
    );
    fails(
        check_as(&admin(), &["--token=hunter2"]),
        &["Unauthorized", "log in again"],
    );
    check_as(
        &json!({"token": "hunter2"}),
        &["--token", &Bed::get().admin_token],
    )
    .expect_code(0);
}

#[test]
fn token_files() {
    let files = Files::new();
    let token = &Bed::get().admin_token;
    for text in [
        token.clone(),
        format!("{token}\n"),
        format!("\n {token} \r\n"),
    ] {
        files.write("token", text);
        let kubeconfig = files.kubeconfig(&bed_cluster(), &json!({"tokenFile": "token"}));
        check(&kubeconfig, &[]).expect_code(0);
    }
    // The file goes before the token that was copied from it.
    let both = json!({"tokenFile": "token", "token": "hunter2"});
    check(&files.kubeconfig(&bed_cluster(), &both), &[]).expect_code(0);
    files.write("token", "hunter2");
    let path = files.path().join("token").display().to_string();
    let kubeconfig = files.kubeconfig(&bed_cluster(), &json!({"tokenFile": "token"}));
    fails(check(&kubeconfig, &[]), &["Unauthorized", &path]);
    let missing = json!({"tokenFile": "/no/such/token"});
    fails(check_as(&missing, &[]), &["/no/such/token", "No such file"]);
}

#[test]
fn client_certificates() {
    let bed = Bed::get();
    let pki = |file: &str| bed.dir.join("pki").join(file).display().to_string();
    let pair = |cert: String, key: String| json!({"client-certificate": cert, "client-key": key});
    let good = pair(pki("kwok.crt"), pki("kwok.key"));
    check_as(&good, &[]).expect_code(0);
    let old = pair(expired("tls.crt"), expired("tls.key"));
    fails(
        check_as(&old, &[]),
        &[
            "Unauthorized",
            "has expired",
            "openssl x509 -noout -dates",
            &expired("tls.crt"),
        ],
    );
    let torn = pair(pki("kwok.crt"), expired("tls.key"));
    fails(check_as(&torn, &[]), &["prepare the connection", "--user"]);
    let half = json!({"client-certificate": pki("kwok.crt")});
    fails(check_as(&half, &[]), &["no client key"]);
    let missing = pair("/no/such.crt".to_owned(), pki("kwok.key"));
    fails(check_as(&missing, &[]), &["/no/such.crt", "No such file"]);
    let garbage = json!({"client-certificate-data": "hunter2!", "client-key-data": "hunter2!"});
    fails(check_as(&garbage, &[]), &["no base64"]);
}

#[test]
fn passwords_and_nobody() {
    let password = json!({"username": "u", "password": "hunter2"});
    let words = ["system:anonymous", "Kubernetes 1.19"];
    fails(check_as(&password, &[]), &words);
    let words = ["system:anonymous", "has no credentials", "--user"];
    fails(check_as(&json!({}), &[]), &words);
}

/// Ways of logging in that kubectl gave up with 1.26.
#[test]
fn auth_providers() {
    for (name, words) in [
        ("gcp", ["auth-provider gcp", "gke-gcloud-auth-plugin"]),
        (
            "azure",
            ["auth-provider azure", "kubelogin convert-kubeconfig"],
        ),
        ("openstack", ["auth-provider openstack", "not supported"]),
    ] {
        let user = json!({"auth-provider": {"name": name, "config": {"access-token": "hunter2"}}});
        fails(check_as(&user, &[]), &words);
    }
}

/// A credential plugin: that shell script.
fn plugin(files: &Files, script: &str, more: Value) -> Output {
    let command = files.script("log-me-in", script);
    let mut exec = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "IfAvailable",
        "command": command, "env": [{"name": "PASSWORD", "value": "hunter2"}],
    });
    exec.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let kubeconfig = files.kubeconfig(&bed_cluster(), &json!({"exec": exec}));
    check(&kubeconfig, &["--request-timeout=2s"])
}

fn credential(token: &str) -> String {
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token},
    });
    format!("echo '{credential}'")
}

#[test]
fn plugins_that_work() {
    let files = Files::new();
    let plain = credential(&Bed::get().admin_token);
    plugin(&files, &plain, json!({})).expect_code(0);
    // Its words are no part of the report.
    let loud = format!("echo hunter2 >&2; {plain}");
    let output = plugin(&files, &loud, json!({})).expect_code(0);
    assert!(!output.to_string().contains("hunter2"), "a secret is told");
    // It is told which cluster it is for, and gets no input where there is no terminal.
    let told = format!(
        "case $KUBERNETES_EXEC_INFO in *127.0.0.1*) ;; *) exit 9;; esac; read -r x && exit 8; {plain}"
    );
    plugin(&files, &told, json!({"provideClusterInfo": true})).expect_code(0);
}

#[test]
fn plugins_that_fail() {
    let files = Files::new();
    let none = json!({});
    let name = &["from the plugin", "log-me-in"][..];
    let cases = [
        (
            "echo $PASSWORD; echo noise >&2; echo 'please run: log-me-in now' >&2; exit 7",
            "please run: log-me-in now",
        ),
        ("echo hunter2", "unreadable"),
        ("true", "gave no credentials"),
        (
            // For as long as the tool runs.
            "while kill -0 $PPID; do sleep 0.1; done 2>&-",
            "did not end within 2 s",
        ),
        ("kill -9 $$", "signal: 9"),
    ];
    for (script, word) in cases {
        fails(
            plugin(&files, script, none.clone()),
            &[name, &[word]].concat(),
        );
    }
    let refused = plugin(&files, &credential("hunter2"), none.clone());
    fails(
        refused,
        &["Unauthorized", "what the plugin", "log in again with it"],
    );
    let alone = plugin(&files, "true", json!({"interactiveMode": "Always"}));
    fails(alone, &["log-me-in", "needs a terminal"]);
    let absent = json!({"command": "no-such-plugin", "installHint": "get it at example.com"});
    fails(
        plugin(&files, "true", absent),
        &["no-such-plugin", "No such file", "get it at example.com"],
    );
}

#[test]
fn impersonation_that_is_denied_names_who_and_what() {
    let nobody = json!({"token": Bed::get().nobody_token});
    let output = check_as(&nobody, &["--as=bob", "--as-group=admins"]).expect_code(3);
    for word in ["nobody-user", "cannot impersonate"] {
        assert!(output.stdout.contains(word), "{word:?} in {output}");
    }
}

/// A command to paste has every flag but what is secret.
#[test]
fn hints_hold_no_secret() {
    let bed = Bed::get();
    let server = bed.server.replace("https://", "https://u:hunter2@");
    let token = &bed.admin_token;
    let args = ["no-such-release", "--token", token, "--server", &server];
    let output = check_as(&json!({}), &args).expect_code(1);
    let pasted = format!("check -A --server={}", bed.server);
    assert!(output.stderr.contains(&pasted), "{}", output.stderr);
    let told = format!("{}{}", output.stdout, output.stderr);
    assert!(
        !told.contains("hunter2") && !told.contains(token),
        "a secret is told"
    );
}
