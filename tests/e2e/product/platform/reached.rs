//! The way to Zadig: an address that the cluster tells, and proxies.

use serde_json::{Value, json};

use super::{aslan, install, made, shop};
use crate::bed::{Bed, Namespace};
use crate::helm::chart;
use crate::process::{Output, wait_until};
use crate::product::environment::Tunnel;
use crate::pty::Pty;
use crate::tool::Tool;
use crate::zadig::{Fault, State, Zadig};

/// A namespace with Zadig's settings, as its chart writes them.
fn settings(address: Option<&str>) -> Namespace {
    let namespace = Namespace::new("zadig-home");
    let mut data = json!({"ASLAN_DB": "zadig", "S3STORAGE_SK": "a-password-of-zadigs"});
    if let Some(address) = address {
        data["ADDRESS"] = address.into();
    }
    let object = json!({"metadata": {"name": "aslan-config"}, "data": data});
    Bed::get()
        .api()
        .create(&namespace.core("configmaps"), &object);
    namespace
}

/// An environment of a Zadig that has TLS.
fn environment(label: &str) -> (Namespace, State, Zadig) {
    let namespace = made(label, "shop");
    install(&namespace, "web");
    let state = shop(&namespace);
    let zadig = Zadig::with_tls(state.clone(), &Bed::get().dir);
    (namespace, state, zadig)
}

/// The tool with an administrator's token, and what it is to check.
fn check(tool: &Tool, namespace: &Namespace, more: &[&str]) -> Output {
    tool.run(&[&arguments(namespace), more].concat())
}

fn arguments(namespace: &Namespace) -> Vec<&str> {
    let ca = Bed::get().ca.to_str().unwrap();
    let args = ["check", "-n", namespace.name(), "--zadig-ca", ca];
    [&args[..], &["--zadig-cluster=local"]].concat()
}

fn unread(output: Output) -> String {
    let report = output.expect_code(3).json();
    let unread = report["unread"].as_array().unwrap();
    let zadig = unread.iter().find(|one| one["what"] == "all of Zadig");
    zadig.unwrap()["reason"].as_str().unwrap().to_owned()
}

#[test]
fn the_settings_in_a_namespace_that_is_named_tell_the_address() {
    let (namespace, state, zadig) = environment("shop-env-found");
    let bare = zadig.url().trim_start_matches("https://").to_owned();
    for address in [zadig.url(), &bare] {
        let home = settings(Some(address));
        let tool = Tool::new().env("ZADIG_TOKEN", &state.token);
        let auto = format!("--zadig=auto:{}", home.name());
        let asked = zadig.seen().len();
        let output = check(&tool, &namespace, &[&auto]).expect_code(0);
        assert!(zadig.seen().len() > asked);
        let told = format!("Zadig is at {}, as ConfigMap aslan-config", zadig.url());
        assert!(output.stderr.contains(&told), "{output}");
        let all = output.to_string();
        assert!(!all.contains(&state.token) && !all.contains("a-password-of-zadigs"));
    }
    let one = format!("Bearer {}", state.token);
    assert!(zadig.seen().iter().all(|seen| seen.authorization == one));
}

#[test]
fn what_the_settings_name_may_be_no_place_for_a_token() {
    let (namespace, state, _) = environment("shop-env-unfit");
    let plain = Zadig::start(state.clone());
    let tool = Tool::new().env("ZADIG_TOKEN", &state.token);
    for (address, why) in [
        (Some(plain.url()), "could read the token"),
        (Some("https://zadig.test/?a;b"), "what is no address"),
        (None, "names no ADDRESS"),
    ] {
        let home = settings(address);
        let auto = format!("--zadig=auto:{}", home.name());
        let reason = unread(check(&tool, &namespace, &[&auto, "-o", "json"]));
        assert!(reason.contains(why), "{why}: {reason}");
    }
    let auto = format!("--zadig=auto:{}", namespace.name());
    let reason = unread(check(&tool, &namespace, &[&auto, "-o", "json"]));
    assert!(reason.contains("names no ADDRESS"), "{reason}");
    assert_eq!(plain.seen(), []);
    // The cluster itself is told of as ever.
    let output = check(&tool, &namespace, &[&auto]).expect_code(3);
    assert!(output.stdout.contains("zadig-managed"), "{output}");
    // Without a token nothing is sought.
    let output = check(&Tool::new(), &namespace, &[&auto]).expect_code(2);
    assert!(output.stderr.contains("ZADIG_TOKEN"), "{output}");
}

#[test]
fn a_verb_that_writes_does_nothing_where_zadig_is_not_found() {
    let namespace = made("shop-env-unfound", "shop");
    let helm = install(&namespace, "web");
    helm.ok(&["upgrade", "web", &chart("quiet")]);
    let tool = Tool::new().env("ZADIG_TOKEN", "x");
    let auto = format!("--zadig=auto:{}", namespace.name());
    let prune = ["prune", "web", "-n", namespace.name(), "--keep=1", "--yes"];
    let output = tool.run(&[&prune[..], &[&auto]].concat()).expect_code(3);
    assert!(output.stderr.contains("names no ADDRESS"), "{output}");
    let left = Bed::get().api().list(&namespace.core("secrets"));
    assert_eq!(left.len(), 2);
}

/// Lets `nobody` read the records of that namespace, and nothing else.
fn permit(namespace: &Namespace) {
    let base = format!(
        "/apis/rbac.authorization.k8s.io/v1/namespaces/{}",
        namespace.name()
    );
    let rules =
        json!([{"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["list"]}]);
    let binding = json!({
        "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
        "subjects": [{"kind": "User", "name": "nobody-user"}],
    });
    let api = Bed::get().api();
    let role = json!({"metadata": {"name": "reader"}, "rules": rules});
    api.create(&format!("{base}/roles"), &role);
    api.create(&format!("{base}/rolebindings"), &binding);
}

#[test]
fn who_may_not_look_for_it_is_told_what_that_takes() {
    let (namespace, state, zadig) = environment("shop-env-tenant");
    permit(&namespace);
    let home = settings(Some(zadig.url()));
    let tool = Tool::new().env("ZADIG_TOKEN", &state.token);
    let tool = tool.kubeconfig(&Bed::get().dir.join("kubeconfig-nobody"));
    let auto = format!("--zadig=auto:{}", home.name());
    for (auto, takes) in [
        ("--zadig=auto", "takes list on deployments"),
        (&auto, "takes get on it"),
    ] {
        let reason = unread(check(&tool, &namespace, &[auto, "-o", "json"]));
        assert!(reason.contains(takes), "{reason}");
    }
    assert_eq!(zadig.seen(), []);
}

#[test]
fn an_address_that_nobody_agreed_to_gets_no_token() {
    let (namespace, state, zadig) = environment("shop-env-agreed");
    let home = settings(Some(zadig.url()));
    let _alone = aslan(&home);
    wait_until("no other Zadig is there", || {
        let all = Bed::get().api().list("/apis/apps/v1/deployments");
        let named = |one: &&Value| one["metadata"]["name"] == "aslan";
        (all.iter().filter(named).count() == 1).then_some(())
    });
    let tool = Tool::new().env("ZADIG_TOKEN", &state.token);
    let reason = unread(check(&tool, &namespace, &["--zadig=auto", "-o", "json"]));
    assert!(reason.contains("nobody said"), "{reason}");
    assert!(reason.contains(&format!("--zadig=auto:{}", home.name())));
    let asked = |answer: &str, code: i32| {
        let args = [&arguments(&namespace)[..], &["--zadig=auto"]].concat();
        let mut pty = Pty::start(tool.command(&args), 200);
        pty.wait_for("Send the API token there?");
        pty.type_in(answer);
        pty.finish().expect_code(code);
    };
    asked("\r", 3);
    assert_eq!(zadig.seen(), []);
    asked("y\r", 0);
    assert!(!zadig.seen().is_empty());
    // Another Deployment of that name may be anybody's.
    let other = Namespace::new("no-zadig");
    super::deployment(&other);
    let reason = unread(check(&tool, &namespace, &["--zadig=auto", "-o", "json"]));
    assert!(
        reason.contains("2 namespaces have a Deployment aslan"),
        "{reason}"
    );
}

#[test]
fn proxies_are_gone_through_as_for_the_api_server() {
    let namespace = made("shop-env-proxy", "shop");
    install(&namespace, "web");
    let state = shop(&namespace);
    let tunnel = Tunnel::default();
    for tls in [true, false] {
        let zadig = match tls {
            true => Zadig::with_tls(state.clone(), &Bed::get().dir),
            false => Zadig::start(state.clone()),
        };
        let there = zadig.url().split_once("://").unwrap().1.to_owned();
        let own = format!("http://u:hunter2@{}", tunnel.to(&there));
        let (url, used, other) = match tls {
            true => ("https://kubernetes:8443", "HTTPS_PROXY", "HTTP_PROXY"),
            false => ("http://zadig.test:8080", "HTTP_PROXY", "HTTPS_PROXY"),
        };
        let run = |variables: &[(&str, &str)], code: i32| {
            let tool = Tool::new().env("ZADIG_TOKEN", &state.token);
            let env = |tool: Tool, (key, value): &(&str, &str)| tool.env(key, value);
            let tool = variables.iter().fold(tool, env);
            let output = check(&tool, &namespace, &["--zadig", url]).expect_code(code);
            assert!(!output.to_string().contains("hunter2"), "a secret is told");
            tunnel.asked()
        };
        let asked = run(&[(used, &own)], 0);
        let line = format!("connect {} ", url.split_once("://").unwrap().1);
        assert!(asked.contains(&line), "{asked}");
        assert!(!asked.contains(&state.token), "the proxy is told the token");
        assert!(!zadig.seen().is_empty());
        let seen = zadig.seen().len();
        assert_eq!(run(&[(other, &own)], 3), "");
        let host = url.split_once("://").unwrap().1.split_once(':').unwrap().0;
        assert_eq!(run(&[(used, &own), ("NO_PROXY", host)], 3), "");
        assert_eq!(zadig.seen().len(), seen);
    }
}

#[test]
fn a_redirect_is_not_followed_through_a_proxy_either() {
    let namespace = made("shop-env-moved", "shop");
    install(&namespace, "web");
    let state = shop(&namespace);
    let zadig = Zadig::start(state.clone());
    let trap = Zadig::start(State::default());
    let moved = format!("{}/login", trap.url());
    zadig.fault("/openapi", Fault::Redirect(moved));
    let tunnel = Tunnel::default();
    let there = zadig.url().trim_start_matches("http://");
    let proxy = format!("http://{}", tunnel.to(there));
    let tool = Tool::new().env("ZADIG_TOKEN", &state.token);
    let tool = tool.env("HTTP_PROXY", &proxy);
    let output = check(&tool, &namespace, &["--zadig=http://zadig.test"]).expect_code(3);
    assert!(output.stdout.contains("redirects to 127.0.0.1"), "{output}");
    assert_eq!(trap.seen(), []);
    assert_eq!(zadig.seen().len(), 1, "nothing more is asked");
}
