//! Choosing and overriding, without any API server.

use std::fs;

use super::*;

const KUBECONFIG: &str = r#"
apiVersion: v1
kind: Config
current-context: one
contexts:
- {name: one, context: {cluster: c1, user: u1, namespace: shop}}
- {name: two, context: {cluster: c2, user: u2}}
- {name: lost, context: {cluster: nowhere, user: u1}}
clusters:
- {name: c1, cluster: {server: "https://192.0.2.1:6443"}}
- {name: c2, cluster: {server: "https://192.0.2.2:6443", proxy-url: "http://192.0.2.9:3128"}}
users:
- {name: u1, user: {token: from-file, as: alice, as-groups: [g]}}
- name: u2
  user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: plug, interactiveMode: IfAvailable}}
"#;

fn kubeconfig() -> Kubeconfig {
    Kubeconfig::from_yaml(KUBECONFIG).unwrap()
}

async fn config(options: &ConnectOptions) -> Result<(Config, String), ConnectError> {
    let (mut config, context, proxied) = choose(Some(kubeconfig()), options).await?;
    apply(&mut config, options, proxied)?;
    Ok((config, context))
}

fn in_context(name: &str) -> ConnectOptions {
    ConnectOptions {
        context: Some(name.to_owned()),
        ..Default::default()
    }
}

#[tokio::test]
async fn the_current_context_and_our_habits() {
    let (config, context) = config(&ConnectOptions::default()).await.unwrap();
    assert_eq!(context, "one");
    assert_eq!(config.cluster_url, "https://192.0.2.1:6443/");
    assert_eq!(config.default_namespace, "shop");
    assert!(!config.default_retry && config.disable_compression && config.reset_reader_on_write);
    assert_eq!(config.connect_timeout, Some(CONNECT_TIMEOUT));
    assert_eq!(config.read_timeout, Some(ANSWER_TIMEOUT));
    assert_eq!(config.auth_info.impersonate.as_deref(), Some("alice"));
}

#[tokio::test]
async fn another_context_or_cluster() {
    let (chosen, context) = config(&in_context("two")).await.unwrap();
    assert_eq!(
        (chosen.default_namespace.as_str(), context.as_str()),
        ("default", "two")
    );
    let options = ConnectOptions {
        cluster: Some("c2".into()),
        ..Default::default()
    };
    let (chosen, _) = config(&options).await.unwrap();
    assert_eq!(chosen.cluster_url, "https://192.0.2.2:6443/");
    for name in ["three", "lost"] {
        let error = config(&in_context(name)).await.unwrap_err();
        assert!(matches!(error, ConnectError::Context(_)), "{error:?}");
    }
}

#[tokio::test]
async fn the_kubeconfigs_own_proxy_stays_whatever_no_proxy_says() {
    let options = ConnectOptions {
        no_proxy: Some("*".into()),
        ..in_context("two")
    };
    let (config, _) = config(&options).await.unwrap();
    assert!(config.proxy_url.is_some());
}

#[tokio::test]
async fn a_proxy_of_the_environment_yields_to_no_proxy() {
    let options = |no_proxy: &str| ConnectOptions {
        no_proxy: Some(no_proxy.to_owned()),
        ..Default::default()
    };
    for (no_proxy, used) in [("192.0.2.0/24", false), ("198.51.100.0/24", true)] {
        let (mut config, ..) = choose(Some(kubeconfig()), &options(no_proxy))
            .await
            .unwrap();
        config.proxy_url = Some(Uri::from_static("http://192.0.2.9:3128"));
        apply(&mut config, &options(no_proxy), false).unwrap();
        assert_eq!(config.proxy_url.is_some(), used, "{no_proxy}");
    }
}

#[tokio::test]
async fn overrides() {
    let ca = tempfile::NamedTempFile::new().unwrap();
    let options = ConnectOptions {
        server: Some("https://192.0.2.5".into()),
        token: Some("mine".into()),
        ca_file: Some(ca.path().to_owned()),
        tls_server_name: Some("kubernetes".into()),
        request_timeout: Some(Duration::from_secs(5)),
        ..in_context("two")
    };
    let (config, _) = config(&options).await.unwrap();
    assert_eq!(config.cluster_url, "https://192.0.2.5/");
    assert_eq!(config.root_cert_file.as_deref(), Some(ca.path()));
    assert_eq!(config.tls_server_name.as_deref(), Some("kubernetes"));
    assert_eq!(config.read_timeout, Some(Duration::from_secs(5)));
    assert!(config.auth_info.exec.is_none(), "the token is all there is");
    assert!(config.auth_info.token.is_some());
    assert!(!format!("{options:?}").contains("mine"));
}

#[tokio::test]
async fn a_missing_certificate_authority_is_named() {
    let options = ConnectOptions {
        ca_file: Some("/nowhere/ca.crt".into()),
        ..Default::default()
    };
    let error = config(&options).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "read the certificate authority /nowhere/ca.crt"
    );
}

#[tokio::test]
async fn impersonation_replaces_the_kubeconfigs() {
    let options = ConnectOptions {
        as_user: Some("bob".into()),
        as_uid: Some("7".into()),
        ..Default::default()
    };
    let (chosen, _) = config(&options).await.unwrap();
    let user = chosen.auth_info;
    assert_eq!(user.impersonate.as_deref(), Some("bob"));
    assert_eq!(user.impersonate_groups, None);
    assert_eq!(user.impersonate_uid.as_deref(), Some("7"));
    let options = ConnectOptions {
        as_groups: vec!["a".into(), "b".into()],
        token: Some("t".into()),
        ..Default::default()
    };
    let (chosen, _) = config(&options).await.unwrap();
    let user = chosen.auth_info;
    assert_eq!(user.impersonate.as_deref(), Some("alice"));
    assert_eq!(user.impersonate_groups, Some(vec!["a".into(), "b".into()]));
}

#[tokio::test]
async fn plugins_get_no_input_without_a_terminal() {
    let (chosen, _) = config(&in_context("two")).await.unwrap();
    let mode = chosen.auth_info.exec.unwrap().interactive_mode;
    assert_eq!(mode, Some(ExecInteractiveMode::Never));
    let options = ConnectOptions {
        interactive: true,
        ..in_context("two")
    };
    let (mut chosen, _) = config(&options).await.unwrap();
    let exec = chosen.auth_info.exec.as_mut().unwrap();
    assert_eq!(
        exec.interactive_mode,
        Some(ExecInteractiveMode::IfAvailable)
    );
    exec.interactive_mode = Some(ExecInteractiveMode::Always);
    let error = authenticate(&mut chosen.auth_info, &in_context("two")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "get credentials: the plugin plug needs a terminal"
    );
}

#[tokio::test]
async fn a_server_alone_is_enough() {
    let options = ConnectOptions {
        server: Some("https://192.0.2.5:6443".into()),
        ..Default::default()
    };
    for found in [None, Some(Kubeconfig::default())] {
        let (config, context, _) = choose(found, &options).await.unwrap();
        assert_eq!(config.cluster_url, "https://192.0.2.5:6443/");
        assert_eq!(context, "https://192.0.2.5:6443");
    }
    for bad in ["192.0.2.5:6443", "ftp://x", "", "https://"] {
        assert!(matches!(url(bad), Err(ConnectError::Server(_))), "{bad}");
    }
    let nothing = choose(None, &in_context("one")).await;
    assert!(matches!(nothing, Err(ConnectError::NoConfig(_))));
}

#[test]
fn of_one_file_it_must_be_there_of_many_some() {
    let dir = tempfile::tempdir().unwrap();
    let there = dir.path().join("config");
    fs::write(&there, KUBECONFIG).unwrap();
    let missing = dir.path().join("missing");
    let found = find(&[missing.clone(), there.clone()]).unwrap().unwrap();
    assert_eq!(found.current_context.as_deref(), Some("one"));
    assert!(find(&[missing.clone(), missing.clone()]).unwrap().is_none());
    let error = find(std::slice::from_ref(&missing)).unwrap_err();
    assert!(matches!(error, ConnectError::Kubeconfig { path, .. } if path == missing));
    fs::write(&there, "users: [").unwrap();
    assert!(find(&[there]).is_err());
}

#[tokio::test]
async fn a_client_can_be_built() {
    // Two TLS providers in one binary would panic here.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config");
    fs::write(&path, KUBECONFIG).unwrap();
    let options = ConnectOptions {
        kubeconfig: vec![path],
        insecure: true,
        ..Default::default()
    };
    let cluster = Cluster::connect(&options).await.unwrap();
    assert_eq!(cluster.context(), "one");
    assert_eq!(cluster.default_namespace(), "shop");
    assert_eq!(cluster.server(), "https://192.0.2.1:6443");
    assert_eq!(cluster.server_time(), None);
    assert!(!format!("{cluster:?}").contains("from-file"));
}

#[test]
fn passwords_in_urls_are_not_shown() {
    let url: Uri = "https://u:p@example.com/x/".parse().unwrap();
    assert_eq!(shown(&url), "https://example.com/x");
}
