//! Overriding what the kubeconfig says, without any API server.

use std::fs;
use std::path::Path;

use kube::config::ExecInteractiveMode;

use super::*;

const KUBECONFIG: &str = r#"
apiVersion: v1
kind: Config
current-context: one
contexts:
- {name: one, context: {cluster: c1, user: u1, namespace: shop}}
- {name: two, context: {cluster: c2, user: u2}}
clusters:
- {name: c1, cluster: {server: "https://192.0.2.1:6443", tls-server-name: inside}}
- {name: c2, cluster: {server: "https://192.0.2.2:6443", proxy-url: "http://u:secret@192.0.2.9:3128"}}
users:
- {name: u1, user: {token: from-file, as: alice, as-groups: [g], as-uid: "3"}}
- name: u2
  user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: plug, interactiveMode: IfAvailable}}
"#;

/// The bytes of a certificate are not looked into before a connection is made.
const PEM: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

fn with(dir: &Path, options: ConnectOptions) -> ConnectOptions {
    let path = dir.join("config");
    fs::write(&path, KUBECONFIG).unwrap();
    ConnectOptions {
        kubeconfigs: vec![path],
        ..options
    }
}

fn configured(options: ConnectOptions) -> Result<(Config, String), ConnectError> {
    let dir = tempfile::tempdir().unwrap();
    configure(&with(dir.path(), options))
}

fn in_context(name: &str) -> ConnectOptions {
    ConnectOptions {
        context: Some(name.to_owned()),
        ..Default::default()
    }
}

#[test]
fn the_current_context_and_our_habits() {
    let (config, context) = configured(ConnectOptions::default()).unwrap();
    assert_eq!(context, "one");
    assert_eq!(config.cluster_url, "https://192.0.2.1:6443/");
    assert_eq!(config.default_namespace, "shop");
    assert!(!config.default_retry && config.disable_compression && config.reset_reader_on_write);
    assert_eq!(config.connect_timeout, Some(CONNECT_TIMEOUT));
    assert_eq!(config.read_timeout, Some(ANSWER_TIMEOUT));
    assert_eq!(config.auth_info.impersonate.as_deref(), Some("alice"));
    assert_eq!(config.tls_server_name.as_deref(), Some("inside"));
}

#[test]
fn the_kubeconfigs_own_proxy_goes_before_the_environments() {
    let options = |context: &str, no_proxy: &str| ConnectOptions {
        proxies: Proxies {
            https: Some("proxy.corp:3128".into()),
            http: None,
            none: Some(no_proxy.into()),
        },
        ..in_context(context)
    };
    for (context, no_proxy, used) in [
        ("two", "*", Some("http://u:secret@192.0.2.9:3128/")),
        ("one", "198.51.100.0/24,", Some("http://proxy.corp:3128/")),
        ("one", "192.0.2.0/24,", None),
    ] {
        let (config, _) = configured(options(context, no_proxy)).unwrap();
        let proxy = config.proxy_url.map(|url| url.to_string());
        assert_eq!(proxy.as_deref(), used, "{context} {no_proxy}");
    }
    let plain = ConnectOptions {
        server: Some("http://192.0.2.1".into()),
        ..options("one", "")
    };
    let (config, _) = configured(plain).unwrap();
    assert_eq!(config.proxy_url, None, "HTTPS_PROXY is for https:// alone");
    let odd = ConnectOptions {
        proxies: Proxies {
            https: Some("ftp://u:secret@proxy".into()),
            ..Proxies::default()
        },
        ..options("one", "")
    };
    let error = configured(odd).unwrap_err();
    assert!(matches!(error, ConnectError::Proxy(_)));
    assert!(!format!("{error:?}").contains("secret"));
}

#[test]
fn overrides() {
    let ca = tempfile::NamedTempFile::new().unwrap();
    fs::write(ca.path(), PEM).unwrap();
    let options = ConnectOptions {
        server: Some("https://192.0.2.5".into()),
        token: Some("mine".into()),
        ca_file: Some(ca.path().to_owned()),
        request_timeout: Some(Duration::from_secs(5)),
        ..in_context("two")
    };
    assert!(!format!("{options:?}").contains("mine"));
    let (config, _) = configured(options).unwrap();
    assert_eq!(config.cluster_url, "https://192.0.2.5/");
    assert_eq!(config.root_cert, Some(vec![vec![0, 0, 0]]));
    assert_eq!(config.read_timeout, Some(Duration::from_secs(5)));
    assert_eq!(config.connect_timeout, Some(Duration::from_secs(5)));
    assert!(config.auth_info.exec.is_none(), "the token is all there is");
    assert!(config.auth_info.token.is_some());
}

#[test]
fn the_certificates_name_is_that_of_the_server_meant() {
    let server = Some("https://192.0.2.5".to_owned());
    let options = ConnectOptions {
        server: server.clone(),
        ..Default::default()
    };
    assert_eq!(configured(options).unwrap().0.tls_server_name, None);
    let options = ConnectOptions {
        server,
        tls_server_name: Some("kubernetes".into()),
        ..Default::default()
    };
    let (config, _) = configured(options).unwrap();
    assert_eq!(config.tls_server_name.as_deref(), Some("kubernetes"));
}

#[test]
fn a_certificate_authority_that_is_none_is_named() {
    let empty = tempfile::NamedTempFile::new().unwrap();
    for path in [Path::new("/nowhere/ca.crt"), empty.path()] {
        let options = ConnectOptions {
            ca_file: Some(path.to_owned()),
            ..Default::default()
        };
        assert_eq!(
            configured(options).unwrap_err().to_string(),
            format!("read the certificate authority {}", path.display())
        );
    }
}

#[test]
fn impersonation_is_laid_over_the_kubeconfigs_as_kubectl_does() {
    let options = ConnectOptions {
        as_user: Some("bob".into()),
        ..Default::default()
    };
    let user = configured(options).unwrap().0.auth_info;
    assert_eq!(user.impersonate.as_deref(), Some("bob"));
    assert_eq!(user.impersonate_groups, Some(vec!["g".into()]));
    assert_eq!(user.impersonate_uid.as_deref(), Some("3"));
    let options = ConnectOptions {
        as_groups: vec!["a".into(), "b".into()],
        token: Some("t".into()),
        ..Default::default()
    };
    let user = configured(options).unwrap().0.auth_info;
    assert_eq!(user.impersonate.as_deref(), Some("alice"));
    assert_eq!(user.impersonate_groups, Some(vec!["a".into(), "b".into()]));
    let alone = ConnectOptions {
        as_groups: vec!["a".into()],
        ..in_context("two")
    };
    let error = configured(alone).unwrap_err();
    assert_eq!(error, ConnectError::ImpersonateWhom);
}

#[test]
fn plugins_get_no_input_without_a_terminal() {
    let (config, _) = configured(in_context("two")).unwrap();
    let mut user = config.auth_info;
    assert_eq!(
        user.exec.clone().unwrap().interactive_mode,
        Some(ExecInteractiveMode::Never)
    );
    let options = ConnectOptions {
        interactive: true,
        ..in_context("two")
    };
    let (config, _) = configured(options).unwrap();
    assert_eq!(
        config.auth_info.exec.unwrap().interactive_mode,
        Some(ExecInteractiveMode::IfAvailable)
    );
    user.exec.as_mut().unwrap().interactive_mode = Some(ExecInteractiveMode::Always);
    let error = login::apply(&mut user, &in_context("two")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "get credentials: the plugin plug needs a terminal"
    );
}

#[test]
fn a_server_alone_is_enough() {
    let options = ConnectOptions {
        server: Some("https://192.0.2.5:6443".into()),
        ..Default::default()
    };
    let (config, context) = configure(&options).unwrap();
    assert_eq!(config.cluster_url, "https://192.0.2.5:6443/");
    assert_eq!(context, "");
    for bad in ["192.0.2.5:6443", "ftp://x", "", "https://"] {
        assert!(matches!(url(bad), Err(ConnectError::Server(_))), "{bad}");
    }
}

#[tokio::test]
async fn a_client_can_be_built() {
    // Two TLS providers in one binary would panic here.
    let dir = tempfile::tempdir().unwrap();
    let options = ConnectOptions {
        insecure: true,
        ..ConnectOptions::default()
    };
    let cluster = Cluster::connect(&with(dir.path(), options)).await.unwrap();
    assert_eq!(cluster.place(), r#"https://192.0.2.1:6443 (context "one")"#);
    assert_eq!(cluster.default_namespace(), "shop");
    assert_eq!(cluster.server_time(), None);
    assert!(!format!("{cluster:?}").contains("from-file"));
}

#[test]
fn passwords_in_urls_are_not_shown() {
    let url: Uri = "https://u:p@example.com/x/".parse().unwrap();
    assert_eq!(shown(&url), "https://example.com/x");
}
