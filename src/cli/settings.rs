//! What the command line means once the environment is known.
//!
//! The only place that reads the environment.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use directories::ProjectDirs;
use jiff::SignedDuration;

use super::args::{Connection, Global, LangArg, Life, Output};
use crate::cluster::ConnectOptions;
use crate::diagnose::{Lang, Policy};
use crate::error::{Exit, Failure};
use crate::report::Voice;
use crate::survey::Scope;
use crate::terminal::Terminal;

/// The tool as it was invoked. It may hold a token, so it has no `Debug`.
pub(super) struct Settings {
    pub(super) global: Global,
    pub(super) terminal: Terminal,
    pub(super) voice: Voice,
    /// Helm's environment, when Helm runs us as its plugin.
    helm: Option<HelmEnv>,
}

/// What Helm hands to a plugin (helm `pkg/cli/environment.go`): it takes its
/// own global flags out of our arguments and passes them on as variables.
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
    fn read() -> Option<Self> {
        variable("HELM_PLUGIN_NAME").or_else(|| variable("HELM_PLUGIN_DIR"))?;
        let groups = variable("HELM_KUBEASGROUPS").unwrap_or_default();
        let groups = groups.split(',').filter(|group| !group.is_empty());
        Some(Self {
            namespace: variable("HELM_NAMESPACE"),
            context: variable("HELM_KUBECONTEXT"),
            token: variable("HELM_KUBETOKEN"),
            as_user: variable("HELM_KUBEASUSER"),
            as_groups: groups.map(str::to_owned).collect(),
            server: variable("HELM_KUBEAPISERVER"),
            ca_file: variable("HELM_KUBECAFILE").map(PathBuf::from),
            tls_server_name: variable("HELM_KUBETLS_SERVER_NAME"),
            insecure: variable("HELM_KUBEINSECURE_SKIP_TLS_VERIFY").as_deref() == Some("true"),
        })
    }
}

impl HelmEnv {
    /// Fills in what no flag says: a flag goes before Helm's environment.
    fn fill(&self, flags: &mut Connection) {
        let or = |flag: &mut Option<String>, value: &Option<String>| {
            *flag = flag.take().or_else(|| value.clone());
        };
        or(&mut flags.context, &self.context);
        or(&mut flags.server, &self.server);
        or(&mut flags.tls_server_name, &self.tls_server_name);
        or(&mut flags.as_user, &self.as_user);
        let ca_file = &mut flags.certificate_authority;
        *ca_file = ca_file.take().or_else(|| self.ca_file.clone());
        if flags.as_groups.is_empty() {
            flags.as_groups.clone_from(&self.as_groups);
        }
        flags.insecure_skip_tls_verify |= self.insecure;
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
        let helm = HelmEnv::read();
        if let Some(helm) = &helm {
            helm.fill(&mut global.connection);
        }
        let terminal = Terminal::find();
        let (keep, keep_for_helm) = keep(&global);
        let voice = Voice {
            invoked,
            keep,
            keep_for_helm,
            lang,
            width: terminal.width,
        };
        Self {
            global,
            terminal,
            voice,
            helm,
        }
    }

    pub(super) fn json(&self) -> bool {
        self.global.output == Output::Json
    }

    /// How to reach the cluster.
    pub(super) fn connect_options(&self) -> ConnectOptions {
        let flags = self.global.connection.clone();
        ConnectOptions {
            kubeconfig: kubeconfigs(flags.kubeconfig),
            context: flags.context,
            cluster: flags.cluster,
            user: flags.user,
            server: flags.server,
            token: self.helm.as_ref().and_then(|helm| helm.token.clone()),
            ca_file: flags.certificate_authority,
            tls_server_name: flags.tls_server_name,
            insecure: flags.insecure_skip_tls_verify,
            as_user: flags.as_user,
            as_groups: flags.as_groups,
            // Zero is kubectl's word for no timeout of the user's own.
            request_timeout: flags
                .request_timeout
                .filter(|timeout| !timeout.is_zero())
                .map(to_std),
            interactive: self.terminal.interactive,
            no_proxy: variable("NO_PROXY").or_else(|| variable("no_proxy")),
            ..ConnectOptions::default()
        }
    }

    /// Which records are looked at; without `-n` and `-A` the context's
    /// namespace.
    pub(super) fn scope(&self, releases: &[String], default_namespace: &str) -> Scope {
        let helm = self.helm.as_ref().and_then(|helm| helm.namespace.clone());
        let namespace = self.global.namespace.clone().or(helm);
        let namespace = match self.global.all_namespaces {
            true => None,
            false => Some(namespace.unwrap_or_else(|| default_namespace.to_owned())),
        };
        Scope {
            namespace,
            selector: self.global.selector.clone(),
            releases: releases.to_vec(),
        }
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

/// The kubeconfig files: the flag's, else the list in KUBECONFIG.
fn kubeconfigs(flag: Option<PathBuf>) -> Vec<PathBuf> {
    match (flag, variable("KUBECONFIG")) {
        (Some(file), _) => vec![file],
        (None, Some(list)) => env::split_paths(&list)
            .filter(|path| !path.as_os_str().is_empty())
            .collect(),
        (None, None) => Vec::new(),
    }
}

/// How life is judged.
pub(super) fn policy(life: &Life) -> Policy {
    Policy {
        older_than: life.older_than.as_secs(),
        helm_timeout: life.helm_timeout.as_secs(),
        ..Policy::default()
    }
}

pub(super) fn to_std(duration: SignedDuration) -> Duration {
    duration.unsigned_abs()
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
        ("--server", "--kube-apiserver", connection.server.clone()),
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
