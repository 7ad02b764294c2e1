//! What the command line means once the environment is known.
//!
//! The only place that reads the environment.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use directories::{BaseDirs, ProjectDirs};
use jiff::SignedDuration;

use super::args::{Connection, Global, LangArg, Life, Output, Token};
use crate::cluster::ConnectOptions;
use crate::diagnose::{Lang, Policy};
use crate::error::{Exit, Failure};
use crate::helm::Driver;
use crate::helm::key::is_namespace;
use crate::report::Voice;
use crate::survey::Scope;
use crate::terminal::Terminal;
use crate::wire::Proxies;

/// The tool as it was invoked. It may hold a token, so it has no `Debug`.
pub(super) struct Settings {
    pub(super) global: Global,
    pub(super) terminal: Terminal,
    pub(super) voice: Voice,
    /// Helm's namespace, where no flag says another.
    helm_namespace: Option<String>,
}

/// Helm's variables (helm `pkg/cli/environment.go`). To a plugin it passes its
/// own global flags on in them, which it takes out of our arguments.
struct HelmEnv {
    namespace: Option<String>,
    context: Option<String>,
    token: Option<String>,
    as_user: Option<String>,
    as_groups: Vec<String>,
    server: Option<String>,
    ca_file: Option<PathBuf>,
    tls_server_name: Option<String>,
    insecure: bool,
}

impl HelmEnv {
    fn read() -> Self {
        let groups = variable("HELM_KUBEASGROUPS").unwrap_or_default();
        let groups = groups.split(',').filter(|group| !group.is_empty());
        let insecure = variable("HELM_KUBEINSECURE_SKIP_TLS_VERIFY").unwrap_or_default();
        Self {
            namespace: variable("HELM_NAMESPACE"),
            context: variable("HELM_KUBECONTEXT"),
            token: variable("HELM_KUBETOKEN"),
            as_user: variable("HELM_KUBEASUSER"),
            as_groups: groups.map(str::to_owned).collect(),
            server: variable("HELM_KUBEAPISERVER"),
            ca_file: variable("HELM_KUBECAFILE").map(PathBuf::from),
            tls_server_name: variable("HELM_KUBETLS_SERVER_NAME"),
            // As Go reads a bool.
            insecure: matches!(&*insecure, "1" | "t" | "T" | "true" | "TRUE" | "True"),
        }
    }

    /// Fills in what no flag says: a flag goes before Helm's environment.
    fn fill(self, flags: &mut Connection) {
        let or = |flag: &mut Option<String>, value| *flag = flag.take().or(value);
        or(&mut flags.context, self.context);
        or(&mut flags.server, self.server);
        or(&mut flags.tls_server_name, self.tls_server_name);
        or(&mut flags.as_user, self.as_user);
        flags.token = flags.token.take().or(self.token.map(Token::from));
        if flags.as_groups.is_empty() {
            flags.as_groups = self.as_groups;
        }
        // Two answers to one question: whose certificates are believed.
        if flags.certificate_authority.is_none() && !flags.insecure_skip_tls_verify {
            flags.certificate_authority = self.ca_file;
            flags.insecure_skip_tls_verify = self.insecure;
        }
    }
}

/// A variable that is set and not empty; Helm and kubectl treat both alike.
#[expect(clippy::disallowed_methods, reason = "the environment is read here")]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The command as the user invoked it, so that what we print can be pasted.
pub(super) fn invoked(argv0: &str) -> String {
    let plugin = variable("HELM_PLUGIN_NAME").zip(variable("HELM_PLUGIN_DIR"));
    match plugin {
        // Another plugin may have called us: its variables are not about us.
        Some((name, dir)) if Path::new(argv0).starts_with(&dir) => format!("helm {name}"),
        _ => called(argv0),
    }
}

/// The command that runs a file of that name: `kubectl a-b c` runs `kubectl-a_b-c`.
fn called(argv0: &str) -> String {
    let file = argv0.rsplit(['/', '\\']).next().unwrap_or(argv0);
    let name = file.strip_suffix(".exe").unwrap_or(file);
    match name.strip_prefix("kubectl-") {
        Some(plugin) => format!("kubectl {}", plugin.replace('-', " ").replace('_', "-")),
        None if name.is_empty() => "zadig-doctor".to_owned(),
        None => name.to_owned(),
    }
}

impl Settings {
    pub(super) fn new(mut global: Global, invoked: String) -> Self {
        let lang = match global.lang {
            Some(LangArg::En) => Lang::En,
            Some(LangArg::Zh) => Lang::Zh,
            None => environment_lang(),
        };
        // Run by kubectl, we go where kubectl would, which knows nothing of
        // Helm's variables; else where `helm` would, run from the same shell.
        let mut helm_namespace = None;
        if !invoked.starts_with("kubectl ") {
            let mut helm = HelmEnv::read();
            helm_namespace = helm.namespace.take();
            helm.fill(&mut global.connection);
        }
        let terminal = Terminal::find(variable("TERM").as_deref());
        let (keep, keep_for_helm) = keep(&global);
        let voice = Voice {
            invoked,
            keep,
            keep_for_helm,
            driver: driver(),
            lang,
            width: terminal.width,
        };
        Self {
            global,
            terminal,
            voice,
            helm_namespace,
        }
    }

    pub(super) fn json(&self) -> bool {
        matches!(self.global.output, Output::Json | Output::Yaml)
    }

    /// How to reach the cluster.
    pub(super) fn connect_options(&self) -> ConnectOptions {
        let flags = self.global.connection.clone();
        ConnectOptions {
            kubeconfig: flags.kubeconfig,
            kubeconfigs: kubeconfigs(),
            context: flags.context,
            cluster: flags.cluster,
            user: flags.user,
            server: flags.server,
            token: flags.token.map(Token::into),
            ca_file: flags.certificate_authority,
            tls_server_name: flags.tls_server_name,
            insecure: flags.insecure_skip_tls_verify,
            as_user: flags.as_user,
            as_groups: flags.as_groups,
            as_uid: flags.as_uid,
            request_timeout: self.request_timeout().map(to_std),
            interactive: self.terminal.interactive,
            proxies: self.proxies(),
        }
    }

    /// How long one answer may take; zero is kubectl's word for no limit of the
    /// user's own.
    pub(super) fn request_timeout(&self) -> Option<SignedDuration> {
        let timeout = self.global.connection.request_timeout;
        timeout.filter(|timeout| !timeout.is_zero())
    }

    /// What the environment says of proxies.
    pub(super) fn proxies(&self) -> Proxies {
        let either = |name: &str| variable(name).or_else(|| variable(&name.to_ascii_lowercase()));
        Proxies {
            https: either("HTTPS_PROXY"),
            http: either("HTTP_PROXY"),
            none: either("NO_PROXY"),
        }
    }

    /// The API token of Zadig in the environment.
    pub(super) fn zadig_token(&self) -> Option<String> {
        variable("ZADIG_TOKEN")
    }

    /// Which records are looked at; without `-n` and `-A` the context's
    /// namespace.
    pub(super) fn scope(&self, releases: &[String], default_namespace: &str) -> Scope {
        let namespace = self.asked_namespace().map(str::to_owned);
        let namespace = match self.global.all_namespaces {
            true => None,
            false => Some(namespace.unwrap_or_else(|| default_namespace.to_owned())),
        };
        Scope {
            namespace,
            selector: self.global.selector.clone(),
            releases: releases.to_vec(),
            driver: None,
        }
    }

    /// The namespace that one of several saved releases of a name is taken from,
    /// where no flag says: Helm hands on its own in this way.
    pub(super) fn likely_namespace(&self) -> Option<&str> {
        self.helm_namespace.as_deref()
    }

    /// The namespace that a flag or Helm's environment names. As a Helm plugin
    /// the two cannot be told apart: Helm takes `-n` out of our arguments.
    pub(super) fn asked_namespace(&self) -> Option<&str> {
        let flag = self.global.namespace.as_deref();
        let named = flag.or(self.helm_namespace.as_deref());
        named.filter(|_| !self.global.all_namespaces)
    }

    /// Refuses what can be no namespace's name: of a place that cannot be, nothing
    /// is known, and least of all that all is well there.
    pub(super) fn possible_namespace(name: &str) -> Result<(), Failure> {
        if is_namespace(name) {
            return Ok(());
        }
        let message = format!("no namespace is called {name:?}");
        let hint = "a name is lower case letters, digits and -, at most 63 of them; is a variable wrong? `kubectl get namespaces` lists them";
        Err(Failure::new(Exit::Usage, message).hint(hint))
    }

    /// The directory of the local store.
    pub(super) fn store_dir(&self) -> Result<PathBuf, Failure> {
        if let Some(home) = variable("ZADIG_DOCTOR_HOME") {
            return Ok(home.into());
        }
        let dirs = ProjectDirs::from("", "", "zadig-doctor").ok_or_else(|| {
            Failure::new(
                Exit::Unreachable,
                "there is no home directory to keep the store in",
            )
            .hint("set ZADIG_DOCTOR_HOME to a private directory that lasts")
        })?;
        Ok(dirs.data_dir().to_owned())
    }

    /// Refuses to write from inside a cluster without a store that lasts: what
    /// does not outlive us is not a backup.
    pub(super) fn durable_store(&self, ephemeral: bool) -> Result<(), Failure> {
        let in_cluster = variable("KUBERNETES_SERVICE_HOST").is_some();
        let chosen = variable("ZADIG_DOCTOR_HOME").is_some();
        if !in_cluster || chosen || ephemeral {
            return Ok(());
        }
        let message = "this runs in a container, and its store would end with it";
        Err(Failure::new(Exit::Refused, message).hint(
            "set ZADIG_DOCTOR_HOME to a mounted volume, or give --ephemeral-store to go on without",
        ))
    }

    /// The kind of object in which Helm, run from the same shell, keeps records.
    pub(super) fn driver(&self) -> Driver {
        self.voice.driver
    }

    /// Refuses a storage driver that is not supported, rather than finding no
    /// releases in it.
    pub(super) fn helm_driver(&self) -> Result<(), Failure> {
        match variable("HELM_DRIVER").unwrap_or_default().as_str() {
            "" | "secret" | "secrets" | "configmap" | "configmaps" => Ok(()),
            "sql" | "memory" => {
                let message = format!(
                    "HELM_DRIVER={} is not supported: releases there cannot be seen",
                    variable("HELM_DRIVER").unwrap_or_default()
                );
                let hint = "unset HELM_DRIVER to look at Secrets and ConfigMaps";
                Err(Failure::new(Exit::Refused, message).hint(hint))
            }
            other => {
                let message = format!("HELM_DRIVER={other:?} is no storage driver of Helm");
                let hint = "unset it, or set it to secret or configmap";
                Err(Failure::new(Exit::Usage, message).hint(hint))
            }
        }
    }
}

/// The driver that the shell's variable tells Helm to use.
fn driver() -> Driver {
    match variable("HELM_DRIVER").unwrap_or_default().as_str() {
        "configmap" | "configmaps" => Driver::ConfigMap,
        _ => Driver::Secret,
    }
}

/// The list in KUBECONFIG, else the one file of everybody.
fn kubeconfigs() -> Vec<PathBuf> {
    match variable("KUBECONFIG") {
        Some(list) => env::split_paths(&list)
            .filter(|path| !path.as_os_str().is_empty())
            .collect(),
        None => BaseDirs::new()
            .map(|dirs| dirs.home_dir().join(".kube/config"))
            .into_iter()
            .collect(),
    }
}

/// How life is judged, by a verb that looks no further than the releases.
pub(super) fn policy(life: &Life) -> Policy {
    Policy {
        surroundings: false,
        older_than: life.older_than.as_secs(),
        helm_timeout: life.helm_timeout.as_secs(),
        ..Policy::default()
    }
}

pub(super) fn to_std(duration: SignedDuration) -> Duration {
    duration.unsigned_abs()
}

/// A password in a URL is of no use to an API server, and a hint no place for it.
fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => url.to_owned(),
    }
}

/// Connection flags that a command to paste needs again: as this tool takes
/// them, and as Helm does (which knows no cluster and user of a kubeconfig).
fn keep(global: &Global) -> (Vec<String>, Vec<String>) {
    let connection = &global.connection;
    let text = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let mut flags = vec![
        ("--kubeconfig", "--kubeconfig", text(&connection.kubeconfig)),
        ("--context", "--kube-context", connection.context.clone()),
        ("--cluster", "", connection.cluster.clone()),
        ("--user", "", connection.user.clone()),
        (
            "--server",
            "--kube-apiserver",
            connection.server.as_deref().map(without_password),
        ),
        (
            "--certificate-authority",
            "--kube-ca-file",
            text(&connection.certificate_authority),
        ),
        (
            "--tls-server-name",
            "--kube-tls-server-name",
            connection.tls_server_name.clone(),
        ),
        ("--as", "--kube-as-user", connection.as_user.clone()),
    ];
    flags.push(("--as-uid", "", connection.as_uid.clone()));
    for group in &connection.as_groups {
        flags.push(("--as-group", "--kube-as-group", Some(group.clone())));
    }
    let (mut own, mut helm) = (Vec::new(), Vec::new());
    for (ours, helms, value) in flags {
        let Some(value) = value else { continue };
        own.push(format!("{ours}={value}"));
        if !helms.is_empty() {
            helm.push(format!("{helms}={value}"));
        }
    }
    if connection.insecure_skip_tls_verify {
        own.push("--insecure-skip-tls-verify".to_owned());
        helm.push("--kube-insecure-skip-tls-verify".to_owned());
    }
    (own, helm)
}

/// Chinese where the locale says so (LC_ALL, LC_MESSAGES, LANG, in this order).
fn environment_lang() -> Lang {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(variable);
    match locale.is_some_and(|locale| locale.starts_with("zh")) {
        true => Lang::Zh,
        false => Lang::En,
    }
}
