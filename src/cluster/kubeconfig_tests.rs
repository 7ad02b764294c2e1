//! Reading, merging and choosing, against kubectl's rules.

use std::fs;

use super::*;

const KUBECONFIG: &str = r#"
apiVersion: v1
kind: Config
current-context: one
contexts:
- {name: one, context: {cluster: c1, user: u1, namespace: shop}}
- {name: two, context: {cluster: c2, user: u2, namespace: ""}}
- {name: lost, context: {cluster: nowhere, user: u1}}
- {name: orphan, context: {cluster: c1, user: nobody}}
- {name: bare, context: {cluster: c1}}
clusters:
- {name: c1, cluster: {server: "https://192.0.2.1:6443"}}
- {name: c2, cluster: {server: "https://192.0.2.2:6443", proxy-url: "", tls-server-name: ""}}
users:
- {name: u1, user: {token: from-file}}
- {name: u2, user: {token: "", username: "", client-certificate-data: "", as: "", tokenFile: /t}}
"#;

fn chosen(options: &ConnectOptions) -> Result<Chosen, ConnectError> {
    choose(&Kubeconfig::from_yaml(KUBECONFIG).unwrap(), options)
}

fn words(result: Result<Chosen, ConnectError>) -> String {
    result.unwrap_err().to_string()
}

fn context(name: &str) -> ConnectOptions {
    ConnectOptions {
        context: Some(name.to_owned()),
        ..Default::default()
    }
}

#[test]
fn the_current_context_and_another() {
    let one = chosen(&ConnectOptions::default()).unwrap();
    assert_eq!(one.context.as_deref(), Some("one"));
    assert_eq!(one.namespace.as_deref(), Some("shop"));
    let two = chosen(&context("two")).unwrap();
    let cluster = two.cluster.unwrap();
    assert_eq!(cluster.server.as_deref(), Some("https://192.0.2.2:6443"));
}

#[test]
fn an_empty_value_is_none() {
    let two = chosen(&context("two")).unwrap();
    assert_eq!(two.namespace, None);
    let (cluster, user) = (two.cluster.unwrap(), two.user);
    assert_eq!((cluster.proxy_url, cluster.tls_server_name), (None, None));
    assert!(user.token.is_none() && user.username.is_none() && user.impersonate.is_none());
    assert_eq!(user.client_certificate_data, None);
    assert_eq!(user.token_file.as_deref(), Some("/t"));
}

#[test]
fn what_is_named_and_not_there() {
    let options = |cluster: Option<&str>, user: Option<&str>| ConnectOptions {
        cluster: cluster.map(str::to_owned),
        user: user.map(str::to_owned),
        ..Default::default()
    };
    for (options, said) in [
        (
            context("three"),
            r#"find the context "three" in the kubeconfig"#,
        ),
        (
            context("lost"),
            r#"find the cluster "nowhere", which the context "lost" names, in the kubeconfig"#,
        ),
        (
            context("orphan"),
            r#"find the user "nobody", which the context "orphan" names, in the kubeconfig"#,
        ),
        (
            options(Some("c9"), None),
            r#"find the cluster "c9" in the kubeconfig"#,
        ),
        (
            options(None, Some("u9")),
            r#"find the user "u9" in the kubeconfig"#,
        ),
    ] {
        assert_eq!(words(chosen(&options)), said);
    }
    let token = ConnectOptions {
        token: Some("t".into()),
        ..context("orphan")
    };
    assert!(chosen(&token).is_ok(), "a token needs no user");
    let bare = chosen(&context("bare")).unwrap();
    assert!(bare.user.token.is_none(), "nobody is a user too");
}

#[test]
fn a_cluster_and_a_user_need_no_context() {
    let mut kubeconfig = Kubeconfig::from_yaml(KUBECONFIG).unwrap();
    kubeconfig.current_context = None;
    assert!(
        choose(&kubeconfig, &ConnectOptions::default())
            .unwrap()
            .cluster
            .is_none()
    );
    let options = ConnectOptions {
        cluster: Some("c1".into()),
        user: Some("u1".into()),
        ..Default::default()
    };
    let found = choose(&kubeconfig, &options).unwrap();
    assert!(found.cluster.is_some() && found.user.token.is_some());
}

#[test]
fn of_a_list_some_may_be_missing_of_one_none() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let there = file("config", KUBECONFIG);
    let empty = file("empty", "");
    let unset = file("unset", "current-context: \"\"");
    let missing = dir.path().join("missing");
    let list = |paths: &[&std::path::PathBuf]| ConnectOptions {
        kubeconfigs: paths.iter().map(|path| path.to_path_buf()).collect(),
        ..Default::default()
    };
    let found = read(&list(&[&missing, &empty, &unset, &there])).unwrap();
    assert_eq!(found.current_context.as_deref(), Some("one"));
    assert!(read(&list(&[&missing])).unwrap().contexts.is_empty());
    let option = |path: &std::path::PathBuf| ConnectOptions {
        kubeconfig: Some(path.clone()),
        ..list(&[&there])
    };
    let error = read(&option(&missing)).unwrap_err();
    assert!(matches!(error, ConnectError::Kubeconfig { path, .. } if path == missing));
    assert!(read(&option(&empty)).unwrap().contexts.is_empty());
    let bad = file("bad", "users: [");
    let error = read(&list(&[&there, &bad])).unwrap_err();
    assert!(matches!(error, ConnectError::Kubeconfig { path, .. } if path == bad));
    let twice = file("twice", "users: [{name: u}, {name: u}]");
    let error = read(&option(&twice)).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, r#"it has two users named "u""#);
}
