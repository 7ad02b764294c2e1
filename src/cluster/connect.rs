//! From what the user said to a client: kubeconfig, context, in-cluster,
//! overrides, credential plugins, proxies.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use http::Uri;
use kube::config::{AuthInfo, ExecInteractiveMode, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use super::error::Cause;
use super::{Cluster, Inner, NEVER, proxy};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// How to reach a cluster, and as whom: plain values, as kubectl's flags name
/// them. What is left out comes from the kubeconfig.
#[derive(Clone, Default)]
pub struct ConnectOptions {
    /// The kubeconfig files, merged as kubectl merges them. One file must be
    /// there; of several (`KUBECONFIG` as a list) those that are missing are
    /// passed over. Empty: kube looks for `KUBECONFIG` and `~/.kube/config`,
    /// and where there is none, for the service account of a pod.
    pub kubeconfig: Vec<PathBuf>,
    /// `--context`.
    pub context: Option<String>,
    /// `--cluster`.
    pub cluster: Option<String>,
    /// `--user`.
    pub user: Option<String>,
    /// `--server`: an URL. Alone, without any kubeconfig, it is enough.
    pub server: Option<String>,
    /// `--token`: replaces all other credentials.
    pub token: Option<String>,
    /// `--certificate-authority`.
    pub ca_file: Option<PathBuf>,
    /// `--tls-server-name`.
    pub tls_server_name: Option<String>,
    /// `--insecure-skip-tls-verify`.
    pub insecure: bool,
    /// `--as`.
    pub as_user: Option<String>,
    /// `--as-group`.
    pub as_groups: Vec<String>,
    /// `--as-uid`.
    pub as_uid: Option<String>,
    /// How long one answer may take as a whole; within a list, how long each
    /// piece of it may. Default: 60 s.
    pub request_timeout: Option<Duration>,
    /// How long making a connection may take. Default: 10 s.
    pub connect_timeout: Option<Duration>,
    /// Whether a credential plugin may talk to the user: stdin is a terminal.
    /// Otherwise it gets no input, so that it fails instead of waiting for ever.
    pub interactive: bool,
    /// `NO_PROXY`: hosts for which a proxy from the environment is not used.
    pub no_proxy: Option<String>,
}

/// The token is left out.
impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("kubeconfig", &self.kubeconfig)
            .field("context", &self.context)
            .field("server", &self.server)
            .field("as_user", &self.as_user)
            .finish_non_exhaustive()
    }
}

/// Why there is no connection to even try.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// A kubeconfig file cannot be read or makes no sense.
    #[error("read the kubeconfig {}", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: Cause,
    },
    /// There is no such context, or it names a cluster that is not there.
    #[error("use the kubeconfig")]
    Context(#[source] Cause),
    /// No kubeconfig, and this is no pod.
    #[error("find a kubeconfig")]
    NoConfig(#[source] Cause),
    /// `--server` is not an URL.
    #[error("read the server's URL")]
    Server(#[source] Cause),
    /// The credential plugin wants to talk to the user.
    #[error("get credentials: the plugin {command} needs a terminal")]
    NotInteractive {
        /// The plugin's command.
        command: String,
    },
    /// A credential plugin failed, or a token file cannot be read.
    #[error("get credentials")]
    Credentials(#[source] Cause),
    /// `--certificate-authority` cannot be read.
    #[error("read the certificate authority {}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: Cause,
    },
    /// A certificate or key, or something else of the kubeconfig, is no good.
    #[error("prepare the connection")]
    Client(#[source] Cause),
}

impl Cluster {
    /// Prepares a connection. Credential plugins run here; nothing else is
    /// sent, so an API server that is away shows only at the first request.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`]. Must be called within a tokio runtime.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, ConnectError> {
        let found = find(&options.kubeconfig)?;
        let (mut config, context, proxied) = choose(found, options).await?;
        apply(&mut config, options, proxied)?;
        let server = shown(&config.cluster_url);
        let default_namespace = config.default_namespace.clone();
        // A credential plugin blocks until it is done.
        let client = tokio::task::spawn_blocking(move || Client::try_from(config));
        let client = client
            .await
            .map_err(|e| ConnectError::Client(Cause::of(&e)))?
            .map_err(|e| unprepared(&e))?;
        Ok(Self(Arc::new(Inner {
            client,
            context,
            server,
            default_namespace,
            answer_timeout: options.request_timeout.unwrap_or(ANSWER_TIMEOUT),
            time: AtomicI64::new(NEVER),
        })))
    }
}

fn unprepared(error: &kube::Error) -> ConnectError {
    match (Cause::of_credentials(error), error) {
        (Some(cause), _) => ConnectError::Credentials(cause),
        (None, kube::Error::InferKubeconfig(e)) => ConnectError::Client(Cause::of_config(e)),
        (None, _) => ConnectError::Client(Cause::of(error)),
    }
}

/// Reads and merges the kubeconfig files; `None` if there are none.
pub(super) fn find(paths: &[PathBuf]) -> Result<Option<Kubeconfig>, ConnectError> {
    let missing = |error: &KubeconfigError| match error {
        KubeconfigError::FindPath => true,
        KubeconfigError::ReadConfig(e, _) => e.kind() == io::ErrorKind::NotFound,
        _ => false,
    };
    if paths.is_empty() {
        return match Kubeconfig::read() {
            Ok(config) => Ok(Some(config)),
            Err(error) if missing(&error) => Ok(None),
            Err(error) => Err(unreadable(Path::new(""), &error)),
        };
    }
    let mut merged: Option<Kubeconfig> = None;
    for path in paths {
        let next = match Kubeconfig::read_from(path) {
            Ok(next) => next,
            Err(error) if missing(&error) && paths.len() > 1 => continue,
            Err(error) => return Err(unreadable(path, &error)),
        };
        let both = merged.take().unwrap_or_default().merge(next);
        merged = Some(both.map_err(|error| unreadable(path, &error))?);
    }
    Ok(merged)
}

fn unreadable(path: &Path, error: &KubeconfigError) -> ConnectError {
    let path = match error {
        KubeconfigError::ReadConfig(_, path) => path.clone(),
        _ => path.to_owned(),
    };
    ConnectError::Kubeconfig {
        path,
        cause: Cause::of_config(error),
    }
}

/// The configuration, the context's name, and whether the kubeconfig itself
/// names a proxy.
async fn choose(
    found: Option<Kubeconfig>,
    options: &ConnectOptions,
) -> Result<(Config, String, bool), ConnectError> {
    let context = found.as_ref().and_then(|kubeconfig| {
        let context = options.context.clone();
        context.or_else(|| kubeconfig.current_context.clone())
    });
    match (found, context.filter(|name| !name.is_empty())) {
        (Some(kubeconfig), Some(context)) => {
            let proxied = names_proxy(&kubeconfig, &context, options);
            let choice = KubeConfigOptions {
                context: Some(context.clone()),
                cluster: options.cluster.clone(),
                user: options.user.clone(),
            };
            let config = Config::from_custom_kubeconfig(kubeconfig, &choice)
                .await
                .map_err(|e| ConnectError::Context(Cause::of_config(&e)))?;
            Ok((config, context, proxied))
        }
        (None, _) if options.context.is_some() => {
            let missing = KubeconfigError::FindPath;
            Err(ConnectError::NoConfig(Cause::of_config(&missing)))
        }
        _ => match &options.server {
            Some(server) => Ok((Config::new(url(server)?), server.clone(), false)),
            None => match Config::incluster() {
                Ok(config) => Ok((config, "in-cluster".to_owned(), false)),
                Err(_) => {
                    let unset = KubeconfigError::CurrentContextNotSet;
                    Err(ConnectError::NoConfig(Cause::of_config(&unset)))
                }
            },
        },
    }
}

/// Whether the chosen cluster has a `proxy-url`, to which `NO_PROXY` does not
/// apply.
fn names_proxy(kubeconfig: &Kubeconfig, context: &str, options: &ConnectOptions) -> bool {
    let contexts = kubeconfig.contexts.iter();
    let chosen = contexts
        .filter(|named| named.name == context)
        .find_map(|named| named.context.as_ref());
    let name = options.cluster.as_ref().or(chosen.map(|c| &c.cluster));
    let clusters = kubeconfig.clusters.iter();
    clusters
        .filter(|named| Some(&named.name) == name)
        .find_map(|named| named.cluster.as_ref())
        .is_some_and(|cluster| {
            cluster
                .proxy_url
                .as_deref()
                .is_some_and(|url| !url.is_empty())
        })
}

/// Lays the options over the configuration, and our own habits under it.
fn apply(config: &mut Config, options: &ConnectOptions, proxied: bool) -> Result<(), ConnectError> {
    if let Some(server) = &options.server {
        config.cluster_url = url(server)?;
    }
    if let Some(name) = &options.tls_server_name {
        config.tls_server_name = Some(name.clone());
    }
    if let Some(path) = &options.ca_file {
        // kube would say that a file is missing, but not which one.
        File::open(path).map_err(|e| ConnectError::CaFile {
            path: path.clone(),
            cause: Cause::of(&e),
        })?;
        config.root_cert = None;
        config.root_cert_file = Some(path.clone());
        config.accept_invalid_certs = false;
    }
    if options.insecure {
        config.root_cert = None;
        config.root_cert_file = None;
        config.accept_invalid_certs = true;
    }
    authenticate(&mut config.auth_info, options)?;
    let url = &config.cluster_url;
    let port = url.port_u16().unwrap_or(443);
    let no_proxy = options.no_proxy.as_deref().unwrap_or_default();
    if !proxied && proxy::bypassed(url.host().unwrap_or_default(), port, no_proxy) {
        config.proxy_url = None;
    }
    let answer_timeout = options.request_timeout.unwrap_or(ANSWER_TIMEOUT);
    config.connect_timeout = Some(options.connect_timeout.unwrap_or(CONNECT_TIMEOUT));
    config.read_timeout = Some(answer_timeout);
    config.write_timeout = Some(answer_timeout);
    // Else the time that a connection idled would count as silence.
    config.reset_reader_on_write = true;
    // Reads are retried in `request`, writes nowhere.
    config.default_retry = false;
    // Payloads are gzip already: compressing them again costs five times the
    // time and saves nothing.
    config.disable_compression = true;
    Ok(())
}

fn authenticate(user: &mut AuthInfo, options: &ConnectOptions) -> Result<(), ConnectError> {
    if let Some(token) = &options.token {
        // A client certificate would win over the token at the API server.
        let impersonation = (
            user.impersonate.take(),
            user.impersonate_groups.take(),
            user.impersonate_uid.take(),
            user.impersonate_user_extra.take(),
        );
        *user = AuthInfo::default();
        user.token = Some(token.clone().into());
        (
            user.impersonate,
            user.impersonate_groups,
            user.impersonate_uid,
            user.impersonate_user_extra,
        ) = impersonation;
    }
    if let Some(name) = &options.as_user {
        // A new identity, not a mixture with the kubeconfig's.
        user.impersonate = Some(name.clone());
        user.impersonate_groups = None;
        user.impersonate_uid = None;
        user.impersonate_user_extra = None;
    }
    if !options.as_groups.is_empty() {
        user.impersonate_groups = Some(options.as_groups.clone());
    }
    if let Some(uid) = &options.as_uid {
        user.impersonate_uid = Some(uid.clone());
    }
    match &mut user.exec {
        Some(exec) if !options.interactive => match exec.interactive_mode {
            Some(ExecInteractiveMode::Always) => Err(ConnectError::NotInteractive {
                command: exec.command.clone().unwrap_or_default(),
            }),
            _ => {
                exec.interactive_mode = Some(ExecInteractiveMode::Never);
                Ok(())
            }
        },
        _ => Ok(()),
    }
}

/// As kubectl does, a server without a scheme is one of plain HTTP only on
/// this machine; ours must say what it is.
fn url(server: &str) -> Result<Uri, ConnectError> {
    let url: Uri = server
        .parse()
        .map_err(|e| ConnectError::Server(Cause::of(&e)))?;
    match (url.scheme_str(), url.host()) {
        (Some("http" | "https"), Some(_)) => Ok(url),
        _ => {
            let error = io::Error::other("it does not begin with https://");
            Err(ConnectError::Server(Cause::of(&error)))
        }
    }
}

/// A URL for messages: a password in it stays out.
fn shown(url: &Uri) -> String {
    let text = url.to_string();
    let text = match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => text,
    };
    text.trim_end_matches('/').to_owned()
}

#[cfg(test)]
#[path = "connect_tests.rs"]
mod tests;
