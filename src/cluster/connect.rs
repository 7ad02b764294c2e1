//! From what the user said to a client: kubeconfig, in-cluster, overrides,
//! credential plugins, proxies.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::Uri;
use kube::config::{Cluster as Entered, InClusterError, Kubeconfig};
use kube::{Client, Config};

use super::kubeconfig::{self, Chosen, Entry};
use super::login::{self, Login};
use super::{Cluster, Inner, NEVER};
use crate::wire::{self, Cause, Proxies, proxy};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// How to reach a cluster, and as whom: plain values, as kubectl's flags name
/// them. What is left out comes from the kubeconfig.
#[derive(Clone, Default)]
pub struct ConnectOptions {
    /// `--kubeconfig`: the only file, and it must be there.
    pub kubeconfig: Option<PathBuf>,
    /// Else these, merged as kubectl merges them; those that are missing are
    /// passed over. If they name no server, a pod's service account is taken.
    pub kubeconfigs: Vec<PathBuf>,
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
    /// Whether a credential plugin may talk to the user: stdin is a terminal.
    /// Otherwise it gets no input, so that it fails instead of waiting for ever.
    pub interactive: bool,
    /// What the environment says of proxies, unless the kubeconfig names one.
    pub proxies: Proxies,
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
    /// What an option or a context names is not in the kubeconfig.
    #[error("find the {entry} {name:?}{} in the kubeconfig", named_by(context.as_deref()))]
    Missing {
        /// What was looked for.
        entry: Entry,
        /// Under which name.
        name: String,
        /// The context that names it; `None` if an option does.
        context: Option<String>,
    },
    /// Nothing names an API server.
    #[error("find out which cluster is meant")]
    NoCluster(#[source] Cause),
    /// This is a pod that has no service account mounted.
    #[error("use the pod's service account")]
    Pod(#[source] Cause),
    /// The server's URL is none.
    #[error("read the API server's URL")]
    Server(#[source] Cause),
    /// A proxy's URL is none, or of a kind that is not spoken.
    #[error("read the proxy's URL")]
    Proxy(#[source] Cause),
    /// Groups or a uid to impersonate, and no user.
    #[error("impersonate a group or a uid without a user")]
    ImpersonateWhom,
    /// The credential plugin wants to talk to the user.
    #[error("get credentials: the plugin {command} needs a terminal")]
    NotInteractive {
        /// The plugin's command.
        command: String,
    },
    /// A credential plugin failed, or a token file cannot be read.
    #[error("get credentials{}", login.giver())]
    Credentials {
        /// Where they come from.
        login: Login,
        /// Why they did not.
        #[source]
        cause: Cause,
    },
    /// The certificate authority's certificate cannot be read.
    #[error("read the certificate authority{}", path.as_ref().map(|path| format!(" {}", path.display())).unwrap_or_default())]
    Authority {
        /// The file; `None` if it is in the kubeconfig itself.
        path: Option<PathBuf>,
        /// Why not.
        #[source]
        cause: Cause,
    },
    /// A client certificate or key, or something else of the kubeconfig, is no
    /// good.
    #[error("prepare the connection")]
    Client(#[source] Cause),
}

fn named_by(context: Option<&str>) -> String {
    let named = |context| format!(", which the context {context:?} names,");
    context.map(named).unwrap_or_default()
}

impl Cluster {
    /// Prepares a connection. Credential plugins run here; nothing else is
    /// sent, so an API server that is away shows only at the first request.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`]. Must be called within a tokio runtime, which must
    /// not be waited for at its end: a plugin that hangs cannot be ended.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, ConnectError> {
        let (config, context) = configure(options)?;
        let inner = Inner {
            context,
            server: shown(&config.cluster_url),
            proxy: config.proxy_url.as_ref().map(shown),
            login: Login::of(&config.auth_info),
            default_namespace: config.default_namespace.clone(),
            answer_timeout: options.answer_timeout(),
            time: AtomicI64::new(NEVER),
            client: client(config, options).await?,
        };
        Ok(Self(Arc::new(inner)))
    }
}

impl ConnectOptions {
    fn answer_timeout(&self) -> Duration {
        self.request_timeout.unwrap_or(ANSWER_TIMEOUT)
    }
}

/// A credential plugin blocks until it is done: as long as a person needs if
/// there is one, else as long as one answer of the API server may take.
async fn client(config: Config, options: &ConnectOptions) -> Result<Client, ConnectError> {
    let login = Login::of(&config.auth_info);
    let made = tokio::task::spawn_blocking(move || super::client::client(config));
    let made = match options.interactive {
        true => made.await,
        false => match tokio::time::timeout(options.answer_timeout(), made).await {
            Ok(made) => made,
            Err(_) => {
                let limit = options.answer_timeout().as_secs_f32();
                let cause = Cause::new(format!("it did not end within {limit} s"));
                return Err(ConnectError::Credentials { login, cause });
            }
        },
    };
    let made = made.map_err(|e| ConnectError::Client(Cause::of(&e)))?;
    made.map_err(|error| match (Cause::of_credentials(&error), &error) {
        (Some(cause), _) => ConnectError::Credentials { login, cause },
        (None, kube::Error::InferKubeconfig(e)) => ConnectError::Client(Cause::of_config(e)),
        (None, _) => ConnectError::Client(Cause::of(&error)),
    })
}

/// The client's configuration and the context's name.
fn configure(options: &ConnectOptions) -> Result<(Config, String), ConnectError> {
    let kubeconfig = kubeconfig::read(options)?;
    let chosen = kubeconfig::choose(&kubeconfig, options)?;
    let entered = chosen
        .cluster
        .as_ref()
        .map(|entered| entered.server.clone());
    let (mut config, context) = match (options.server.clone(), entered) {
        (Some(server), _) | (None, Some(Some(server))) => of_kubeconfig(&server, chosen, options)?,
        (None, Some(None)) => {
            let cause = Cause::new("the cluster in the kubeconfig has none");
            return Err(ConnectError::Server(cause));
        }
        (None, None) => (of_pod(&kubeconfig, options)?, "in-cluster".to_owned()),
    };
    login::apply(&mut config.auth_info, options)?;
    habits(&mut config, options.answer_timeout());
    Ok((config, context))
}

fn of_kubeconfig(
    server: &str,
    chosen: Chosen,
    options: &ConnectOptions,
) -> Result<(Config, String), ConnectError> {
    let mut config = Config::new(url(server)?);
    let entered = chosen.cluster.unwrap_or_default();
    // The one that the kubeconfig names, whatever `NO_PROXY` says.
    let proxy = match entered.proxy_url.as_deref() {
        Some(named) => proxy::url(named).map(Some),
        None => options.proxies.to(&config.cluster_url),
    };
    config.proxy_url = proxy.map_err(ConnectError::Proxy)?;
    config.default_namespace = chosen.namespace.unwrap_or(config.default_namespace);
    config.auth_info = chosen.user;
    trust(&mut config, &entered, options)?;
    // Of another server than the kubeconfig's, the certificate has another name.
    config.tls_server_name = match (&options.tls_server_name, &options.server) {
        (None, None) => entered.tls_server_name,
        (name, _) => name.clone(),
    };
    Ok((config, chosen.context.unwrap_or_default()))
}

/// Whose certificates are believed. `--insecure-skip-tls-verify` and
/// `--certificate-authority` replace all that the kubeconfig says.
fn trust(
    config: &mut Config,
    entered: &Entered,
    options: &ConnectOptions,
) -> Result<(), ConnectError> {
    let (data, file) = match &options.ca_file {
        Some(file) => (None, Some(file.clone())),
        None => (
            entered.certificate_authority_data.as_deref(),
            entered.certificate_authority.as_ref().map(PathBuf::from),
        ),
    };
    let from_kubeconfig = entered.insecure_skip_tls_verify.unwrap_or_default();
    config.accept_invalid_certs = options.insecure || from_kubeconfig && options.ca_file.is_none();
    if config.accept_invalid_certs {
        return Ok(());
    }
    config.root_cert = match (data, file) {
        (Some(data), _) => Some(certificates(
            None,
            BASE64_STANDARD.decode(data).map_err(|e| Cause::of(&e)),
        )?),
        (None, Some(file)) => {
            let read = std::fs::read(&file).map_err(|e| Cause::of(&e));
            Some(certificates(Some(file), read)?)
        }
        (None, None) => None,
    };
    Ok(())
}

fn certificates(
    path: Option<PathBuf>,
    pem: Result<Vec<u8>, Cause>,
) -> Result<Vec<Vec<u8>>, ConnectError> {
    let found = pem.and_then(|pem| wire::certificates(&pem));
    found.map_err(|cause| ConnectError::Authority { path, cause })
}

/// The service account of the pod in which this runs.
fn of_pod(kubeconfig: &Kubeconfig, options: &ConnectOptions) -> Result<Config, ConnectError> {
    let files = options.kubeconfig.iter().chain(&options.kubeconfigs);
    let files: Vec<_> = files.map(|path| path.display().to_string()).collect();
    match Config::incluster() {
        Ok(config) => Ok(config),
        Err(InClusterError::ReadEnvironmentVariable(_)) => {
            let files = files.join(", ");
            Err(ConnectError::NoCluster(Cause::new(
                match kubeconfig.contexts.is_empty() {
                    true => format!("there is no kubeconfig, or nothing in it: {files}"),
                    false => format!("no current-context is set in {files}"),
                },
            )))
        }
        Err(error) => Err(ConnectError::Pod(Cause::of(&error))),
    }
}

/// What is our own habit, whatever the kubeconfig says.
fn habits(config: &mut Config, answer_timeout: Duration) {
    config.connect_timeout = Some(CONNECT_TIMEOUT.min(answer_timeout));
    config.read_timeout = Some(answer_timeout);
    config.write_timeout = Some(answer_timeout);
    // Else the time that a connection idled would count as silence.
    config.reset_reader_on_write = true;
    // Reads are retried in `request`, writes nowhere.
    config.default_retry = false;
    // Payloads are gzip already: compressing them again costs five times the
    // time and saves nothing.
    config.disable_compression = true;
}

/// kubectl guesses what a server without a scheme means, by whether there is a
/// certificate authority; here it must be said.
fn url(server: &str) -> Result<Uri, ConnectError> {
    let url: Uri = server
        .parse()
        .map_err(|e| ConnectError::Server(Cause::of(&e)))?;
    match (url.scheme_str(), url.host()) {
        (Some("http" | "https"), Some(_)) => Ok(url),
        _ => {
            let cause = "it does not begin with https:// and a host";
            Err(ConnectError::Server(Cause::new(cause)))
        }
    }
}

/// A URL for messages: a password in it stays out.
pub(super) fn shown(url: &Uri) -> String {
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
