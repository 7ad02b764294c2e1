//! The command line, as typed. Doc comments are the help texts.

use std::fmt;
use std::path::PathBuf;

use clap::builder::{NonEmptyStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::SignedDuration;

mod backup;
mod zadig;

pub(in crate::cli) use zadig::ZadigArgs;

pub(in crate::cli) use backup::{
    BackupArgs, BackupCommand, CreateArgs, DiffArgs, ExportArgs, ExportFormat, ForgetArgs,
    ImportArgs, PartArgs, RestoreArgs, ShowArgs, VerifyArgs,
};

use crate::diagnose::Severity;
use crate::helm::Driver;

/// Check, back up, unstick and prune Helm releases
///
/// Finds releases that are stuck or broken, with evidence; saves their state
/// before anything is touched; repairs them safely and reversibly.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    after_help = "Environment:\n  \
        KUBECONFIG, HTTPS_PROXY, NO_PROXY   as kubectl reads them\n  \
        HELM_NAMESPACE, HELM_KUBECONTEXT, HELM_KUBETOKEN, ...   as helm reads them, where no flag\n  \
        \u{20}                                   is given; as a kubectl plugin they do not count\n  \
        ZADIG_URL, ZADIG_TOKEN              the Zadig to compare with, and an API token for it\n  \
        ZADIG_DOCTOR_HOME                   where the local store is"
)]
pub(in crate::cli) struct Cli {
    #[command(flatten)]
    pub(in crate::cli) global: Global,
    #[command(subcommand)]
    pub(in crate::cli) verb: VerbArgs,
}

/// Flags that every verb understands; they follow kubectl.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct Global {
    /// The namespace that the releases' records are stored in; by default the context's
    #[arg(short, long, global = true, value_name = "NAMESPACE", value_parser = NonEmptyStringValueParser::new())]
    pub(in crate::cli) namespace: Option<String>,
    /// All namespaces
    #[arg(short = 'A', long, global = true, conflicts_with = "namespace")]
    pub(in crate::cli) all_namespaces: bool,
    /// Only records whose labels match, beside Helm's own
    #[arg(short = 'l', long, global = true, value_name = "SELECTOR")]
    pub(in crate::cli) selector: Option<String>,
    /// How to print
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "table"
    )]
    pub(in crate::cli) output: Output,
    /// The language of explanations; by default what LANG says
    #[arg(long, global = true, value_name = "LANG")]
    pub(in crate::cli) lang: Option<LangArg>,
    #[command(flatten)]
    pub(in crate::cli) connection: Connection,
}

/// How to reach the cluster.
///
/// An empty value is refused, where kubectl takes it for none: a script whose
/// variable is unset must not reach another cluster than it means.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(in crate::cli) struct Connection {
    /// The kubeconfig file; by default those in KUBECONFIG, else ~/.kube/config
    #[arg(long, global = true, value_name = "FILE")]
    pub(in crate::cli) kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context
    #[arg(long, global = true, value_name = "NAME", visible_alias = "kube-context", value_parser = NonEmptyStringValueParser::new())]
    pub(in crate::cli) context: Option<String>,
    /// The kubeconfig's cluster
    #[arg(long, global = true, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(in crate::cli) cluster: Option<String>,
    /// The kubeconfig's user
    #[arg(long, global = true, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(in crate::cli) user: Option<String>,
    /// The API server's address
    #[arg(short, long, global = true, value_name = "URL", alias = "kube-apiserver", value_parser = NonEmptyStringValueParser::new())]
    pub(in crate::cli) server: Option<String>,
    /// A bearer token in place of the user's credentials; other users of this machine can see it
    /// here, but not in a kubeconfig
    #[arg(long, global = true, value_name = "TOKEN", alias = "kube-token", value_parser = NonEmptyStringValueParser::new().map(Token::from))]
    pub(in crate::cli) token: Option<Token>,
    /// Impersonate this user
    #[arg(long = "as", global = true, value_name = "USER", alias = "kube-as-user", value_parser = NonEmptyStringValueParser::new())]
    pub(in crate::cli) as_user: Option<String>,
    /// Impersonate this group; may be repeated
    #[arg(long = "as-group", global = true, value_name = "GROUP", alias = "kube-as-group", value_parser = NonEmptyStringValueParser::new())]
    pub(in crate::cli) as_groups: Vec<String>,
    /// Impersonate a user with this uid
    #[arg(long = "as-uid", global = true, value_name = "UID", value_parser = NonEmptyStringValueParser::new())]
    pub(in crate::cli) as_uid: Option<String>,
    /// A file with the certificate authority's certificate
    #[arg(long, global = true, value_name = "FILE", alias = "kube-ca-file")]
    pub(in crate::cli) certificate_authority: Option<PathBuf>,
    /// The name to expect in the API server's certificate
    #[arg(long, global = true, value_name = "NAME", alias = "kube-tls-server-name", value_parser = NonEmptyStringValueParser::new())]
    pub(in crate::cli) tls_server_name: Option<String>,
    /// Do not verify the API server's certificate
    #[arg(
        long,
        global = true,
        alias = "kube-insecure-skip-tls-verify",
        conflicts_with = "certificate_authority"
    )]
    pub(in crate::cli) insecure_skip_tls_verify: bool,
    /// Give up a request to the API server after this long; by default 60s, and 10s to connect
    #[arg(long, global = true, value_name = "DURATION", value_parser = timeout)]
    pub(in crate::cli) request_timeout: Option<SignedDuration>,
}

/// A bearer token; it is not shown.
#[derive(Clone)]
pub(in crate::cli) struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl From<String> for Token {
    fn from(token: String) -> Self {
        Self(token)
    }
}

impl From<Token> for String {
    fn from(token: Token) -> Self {
        token.0
    }
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Output {
    /// For people
    Table,
    /// For people, with all there is to say
    Wide,
    /// For scripts
    Json,
    /// For scripts, what json prints as YAML
    Yaml,
    /// For a pipeline's page of test results; only of `check`
    Junit,
}

/// A language, as `--lang` takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum LangArg {
    /// English
    En,
    /// Chinese
    Zh,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum VerbArgs {
    /// Find releases that are stuck or broken; touches nothing
    #[command(after_help = "Examples:\n  \
        {self} check                        # the context's namespace\n  \
        {self} check -A                     # the whole cluster\n  \
        {self} check web -n shop -o json    # one release, for a script\n  \
        {self} check -A --zadig https://zadig.example.com   # compare with what Zadig lists\n  \
        {self} check web -n shop --ready-for upgrade && helm upgrade --install web ...")]
    Check(CheckArgs),
    /// Save releases' records to the local store, and look at what was saved
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "Examples:\n  \
        {self} backup -A                    # every record of the cluster\n  \
        {self} backup web -n shop           # one release\n  \
        {self} backup list\n  \
        {self} backup show 3f9a web         # a release's saved history\n  \
        {self} backup diff 3f9a cluster     # what changed since\n  \
        {self} backup verify"
    )]
    Backup(BackupArgs),
    /// Repair stuck releases: mark a stale pending revision failed, after a snapshot
    #[command(after_help = "Examples:\n  \
        {self} unstick web -n shop --dry-run    # show the plan\n  \
        {self} unstick web -n shop              # show it, ask, do it\n  \
        {self} unstick --all -A --yes           # everything that is proven stale")]
    Unstick(UnstickArgs),
    /// Remove old history that nobody rolls back to
    #[command(after_help = "Examples:\n  \
        {self} prune -n shop --dry-run          # what would go\n  \
        {self} prune web -n shop --keep 5       # keep the newest five revisions")]
    Prune(PruneArgs),
    /// Take back an operation of this tool; by default the last one
    #[command(after_help = "Examples:\n  \
        {self} log                              # which operations there were\n  \
        {self} undo --dry-run\n  \
        {self} undo 3f9a --yes")]
    Undo(UndoArgs),
    /// List the operations of this tool
    Log,
    /// Tell who changed or removed a release, and when, from whatever tells of it; touches nothing
    ///
    /// Sources are what is there now (records, managedFields), the namespace's events, this tool's
    /// own operations, Zadig's operation log with --zadig, and, where it is given, the API server's
    /// audit log: it alone names users, and tells of deletions.
    #[command(after_help = "Examples:\n  \
        {self} trace web -n shop\n  \
        {self} trace web -n shop --audit-log /var/log/kubernetes/audit.log\n  \
        zcat audit-*.gz | {self} trace web -n shop --audit-log -")]
    Trace(TraceArgs),
    /// Say what a check means, why it happens and what to do
    #[command(after_help = "Examples:\n  \
        {self} explain                          # all checks\n  \
        {self} explain stuck-pending --lang zh")]
    Explain(ExplainArgs),
    /// Print a script that makes a shell complete verbs, flags and names
    #[command(after_help = "Examples:\n  \
        source <(zadig-doctor completion bash)  # in ~/.bashrc; zsh alike\n  \
        zadig-doctor completion fish | source   # in ~/.config/fish/config.fish\n  \
        {self} completion kubectl > ~/bin/kubectl_complete-zadig_doctor\n  \
        chmod +x ~/bin/kubectl_complete-zadig_doctor    # a directory on the PATH")]
    Completion(CompletionArgs),
}

/// How life is judged.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Signs of life")]
pub(in crate::cli) struct Life {
    /// Nothing may have been written for this long
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub(in crate::cli) older_than: SignedDuration,
    /// The --timeout that Helm was given; where it may be waiting, silence must last for three
    /// times this and a slack of a minute, or of one timeout where that is shorter
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    pub(in crate::cli) helm_timeout: SignedDuration,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CheckArgs {
    /// Only these releases
    #[arg(value_name = "RELEASE")]
    pub(in crate::cli) releases: Vec<String>,
    /// Read the payloads of superseded revisions too
    #[arg(long)]
    pub(in crate::cli) all_revisions: bool,
    /// Only records in objects of this kind; by default both are looked at
    #[arg(long, value_name = "DRIVER")]
    pub(in crate::cli) driver: Option<DriverArg>,
    /// Look at live objects too: what is missing, changed, orphaned, or without a record
    #[arg(long)]
    pub(in crate::cli) deep: bool,
    /// Judge what a file holds, `-` for stdin: what --save wrote, an archive of `backup export`, or
    /// what `kubectl get secrets,configmaps -o json` printed; the cluster is not asked
    #[arg(long, value_name = "FILE", conflicts_with_all = ["save"])]
    pub(in crate::cli) from: Option<PathBuf>,
    /// Write what was seen to a file (compressed if its name ends in .gz), without the texts in
    /// which secrets may lie
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) save: Option<PathBuf>,
    /// Leave descriptions, reasons and labels' values in that file as they are
    #[arg(long, requires = "save")]
    pub(in crate::cli) save_unredacted: bool,
    /// Exit with 1 if a finding is at least this severe
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    pub(in crate::cli) fail_on: FailOn,
    /// Before a deploy: say whether these releases are ready for it. Exits with 0 if so, with 1 if
    /// it would be refused, lose something or collide, with 3 if that cannot be known
    #[arg(long, value_name = "OPERATION", requires = "releases", conflicts_with_all = ["from", "save", "fail_on"])]
    pub(in crate::cli) ready_for: Option<ReadyFor>,
    #[command(flatten)]
    pub(in crate::cli) life: Life,
    #[command(flatten)]
    pub(in crate::cli) zadig: ZadigArgs,
}

/// Where Helm keeps its records, as `HELM_DRIVER` calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum DriverArg {
    /// In Secrets, Helm's default
    #[value(alias = "secrets")]
    Secret,
    /// In ConfigMaps
    #[value(alias = "configmaps")]
    Configmap,
}

impl From<DriverArg> for Driver {
    fn from(driver: DriverArg) -> Self {
        match driver {
            DriverArg::Secret => Self::Secret,
            DriverArg::Configmap => Self::ConfigMap,
        }
    }
}

/// What a pipeline is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ReadyFor {
    /// helm upgrade --install, or a deploy by Zadig
    Upgrade,
    /// helm rollback without a revision
    Rollback,
    /// helm uninstall
    Uninstall,
}

/// From which severity on `check` exits with 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum FailOn {
    /// Any finding
    Info,
    /// Warnings and errors
    Warning,
    /// Errors
    Error,
    /// Nothing
    Never,
}

impl FailOn {
    /// Whether a finding of that severity fails the check.
    pub(in crate::cli) fn fails(self, severity: Severity) -> bool {
        match self {
            Self::Info => true,
            Self::Warning => severity >= Severity::Warning,
            Self::Error => severity >= Severity::Error,
            Self::Never => false,
        }
    }
}

/// How a verb that writes goes about it.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Writing")]
pub(in crate::cli) struct Writing {
    /// Show the whole plan, checked by the API server; change nothing
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(in crate::cli) yes: bool,
    /// Do not take the release's Lease, nor look whether somebody holds it
    #[arg(long)]
    pub(in crate::cli) no_lock: bool,
    /// Write although the store will not outlive this container
    #[arg(long)]
    pub(in crate::cli) ephemeral_store: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct UnstickArgs {
    /// The releases to repair
    #[arg(value_name = "RELEASE", required_unless_present = "all")]
    pub(in crate::cli) releases: Vec<String>,
    /// Every stuck release in the namespace, or with -A in the cluster
    #[arg(long, conflicts_with = "releases")]
    pub(in crate::cli) all: bool,
    /// Do not make the repaired record immutable: a suspended Helm that wakes up can then write
    /// over it
    #[arg(long)]
    pub(in crate::cli) no_fence: bool,
    /// Wait this long, look a second time, and go on only if both looks agree; once for all
    /// releases
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "10s",
        value_parser = duration,
        env = "ZADIG_DOCTOR_CONFIRM_AFTER",
        hide_env_values = true
    )]
    pub(in crate::cli) confirm_after: SignedDuration,
    #[command(flatten)]
    pub(in crate::cli) life: Life,
    #[command(flatten)]
    pub(in crate::cli) writing: Writing,
    #[command(flatten)]
    pub(in crate::cli) zadig: ZadigArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PruneArgs {
    /// Only these releases
    #[arg(value_name = "RELEASE")]
    pub(in crate::cli) releases: Vec<String>,
    /// How many of the newest revisions of a release stay
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) keep: u32,
    #[command(flatten)]
    pub(in crate::cli) writing: Writing,
    #[command(flatten)]
    pub(in crate::cli) zadig: ZadigArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct UndoArgs {
    /// The operation's id, or its beginning
    #[arg(value_name = "OPERATION")]
    pub(in crate::cli) operation: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) writing: Writing,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct TraceArgs {
    /// The release
    #[arg(value_name = "RELEASE")]
    pub(in crate::cli) release: String,
    /// The API server's audit log, a JSON event a line, compressed or not; `-` for stdin; may be
    /// repeated
    #[arg(long = "audit-log", value_name = "FILE")]
    pub(in crate::cli) audit_logs: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) zadig: ZadigArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ExplainArgs {
    /// The check's id; without one, all are listed
    #[arg(value_name = "ID")]
    pub(in crate::cli) id: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CompletionArgs {
    /// The shell; or kubectl, for a file to be put on the PATH
    #[arg(value_name = "SHELL")]
    pub(in crate::cli) shell: Shell,
}

/// Who can complete our command lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Shell {
    /// bash
    Bash,
    /// Elvish
    Elvish,
    /// fish
    Fish,
    /// kubectl 1.26 and newer, whose own completion then knows our command
    Kubectl,
    /// PowerShell
    Powershell,
    /// zsh
    Zsh,
}

/// As kubectl takes it: a bare number is seconds.
fn timeout(text: &str) -> Result<SignedDuration, String> {
    match text.parse::<u32>() {
        Ok(seconds) => Ok(SignedDuration::from_secs(seconds.into())),
        Err(_) => duration(text),
    }
}

/// `90s`, `10m`, `1h30m`; zero and more. A bare number is refused: it does not
/// say of what.
fn duration(text: &str) -> Result<SignedDuration, String> {
    let duration: SignedDuration = text
        .parse()
        .map_err(|_| "expected a duration such as 90s, 10m or 1h30m".to_owned())?;
    match duration.is_negative() {
        true => Err("expected a duration that is not negative".to_owned()),
        false => Ok(duration),
    }
}
