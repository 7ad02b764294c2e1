//! The arguments of `backup` and its subcommands.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand, ValueEnum};

use super::{Writing, ZadigArgs};

use crate::snapshot::retention::{Policy, Within};

#[derive(Debug, Args)]
pub(in crate::cli) struct BackupArgs {
    #[command(subcommand)]
    pub(in crate::cli) command: Option<BackupCommand>,
    #[command(flatten)]
    pub(in crate::cli) create: CreateArgs,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum BackupCommand {
    /// Save records; the same as `backup` alone
    Create(CreateArgs),
    /// List the snapshots, oldest first
    List,
    /// Show what a snapshot holds: its releases, a release's history, or a part of a revision
    #[command(after_help = "Examples:\n  \
        {self} backup show 3f9a                        # its releases\n  \
        {self} backup show 3f9a web -n shop            # one release's history\n  \
        {self} backup show 3f9a web --values           # what the user gave to the newest revision\n  \
        {self} backup show 3f9a web --manifest --revision 3")]
    Show(ShowArgs),
    /// Compare two snapshots, or a snapshot and the cluster; exits with 1 if they differ
    ///
    /// Exits with 0 if nothing differs, with 1 if something does, with 3 if a side is incomplete or
    /// cannot be read. What Secrets hold is shown as digests, which tell within one output whether
    /// two values are the same, and nothing else.
    #[command(after_help = "Examples:\n  \
        {self} backup diff 3f9a 77b0                   # between two snapshots\n  \
        {self} backup diff 3f9a cluster web -n shop    # what happened to a release since\n  \
        {self} backup diff 3f9a cluster -A -o json     # new releases too, wherever they are")]
    Diff(DiffArgs),
    /// Write what a snapshot holds to files: for another store, for kubectl, or for Helm
    #[command(after_help = "Examples:\n  \
        {self} backup export 3f9a --format archive --to ./      # one file for another store\n  \
        {self} backup export 77b0 --format archive --to ./ --parent 3f9a\n  \
        {self} backup export 3f9a --format manifests --to shop.yaml\n  \
        {self} backup export 3f9a web --chart ./web             # a folder that Helm installs")]
    Export(ExportArgs),
    /// Take a snapshot out of an archive into this store, under its own id
    ///
    /// The whole file is proven before anything of it is visible. An archive that was written with
    /// --parent needs that snapshot in this store. A snapshot that is there already stays.
    #[command(after_help = "Examples:\n  \
        {self} backup import zadig-doctor-3f9a02c41be8d770-5c0f19aa2d3b4e61.zda\n  \
        ssh other {self} backup export 3f9a --format archive --to - | {self} backup import -")]
    Import(ImportArgs),
    /// Put back records as a snapshot holds them; nothing that exists is overwritten
    ///
    /// Takes everything that the snapshot holds, or the named releases, whichever namespace the
    /// context names; with -n only what was saved from that namespace. Each record goes back where
    /// it was, unless --to-namespace says where. What is there already and the same needs nothing; a
    /// release of which something newer or different is there is left alone, unless --replace names
    /// it. Only records are put back: then `helm rollback RELEASE REVISION` brings the objects, too.
    #[command(after_help = "Examples:\n  \
        {self} backup restore 3f9a --dry-run              # what is missing and would be put back\n  \
        {self} backup restore 3f9a web -n shop\n  \
        {self} backup restore 3f9a web --replace web      # the history as it was then\n  \
        {self} backup restore 3f9a web -n shop --to-namespace stage")]
    Restore(RestoreArgs),
    /// Forget snapshots, by name or by rules, and give back the space of what only they hold
    Forget(ForgetArgs),
    /// Count what the store holds, and what that takes
    Stats,
    /// Read everything back and compare every digest; exits with 1 on damage
    ///
    /// With --read-cluster, also read from the cluster whatever has not changed since the snapshot
    /// was taken, or the latest one, and compare it with what is saved, byte by byte. What has
    /// changed since is counted, and no damage.
    #[command(after_help = "Examples:\n  \
        {self} backup verify\n  \
        {self} backup verify 3f9a --read-cluster   # is what was saved what is stored?")]
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Rules mean what they mean to restic. Snapshots are judged among their likes: of the same \
    cluster, reason and scope. What operations refer to is kept. Hours, days and weeks are UTC's."
)]
pub(in crate::cli) struct ForgetArgs {
    /// These snapshots, by their ids or beginnings; without any, rules say which
    #[arg(value_name = "SNAPSHOT", conflicts_with = "rules")]
    pub(in crate::cli) snapshots: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) rules: Rules,
    /// Show what would be forgotten, and why the rest is kept
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub(in crate::cli) yes: bool,
}

/// Which snapshots are kept.
#[derive(Debug, Args)]
#[group(id = "rules", multiple = true)]
#[command(next_help_heading = "Keep")]
pub(in crate::cli) struct Rules {
    /// The newest N
    #[arg(long, value_name = "N", value_parser = number)]
    keep_last: Option<u32>,
    /// All within this time before the newest one: 14d, 48h, 1y6m
    #[arg(long, value_name = "DURATION")]
    keep_within: Option<Within>,
    /// Of the last N hours that have any, the newest each
    #[arg(long, value_name = "N", value_parser = number)]
    keep_hourly: Option<u32>,
    /// The same of days
    #[arg(long, value_name = "N", value_parser = number)]
    keep_daily: Option<u32>,
    /// The same of weeks
    #[arg(long, value_name = "N", value_parser = number)]
    keep_weekly: Option<u32>,
    /// The same of months
    #[arg(long, value_name = "N", value_parser = number)]
    keep_monthly: Option<u32>,
    /// The same of years
    #[arg(long, value_name = "N", value_parser = number)]
    keep_yearly: Option<u32>,
    /// Those with this tag, or with all of several behind commas; may be repeated
    #[arg(long, value_name = "TAG", value_parser = NonEmptyStringValueParser::new())]
    keep_tag: Vec<String>,
}

impl Rules {
    /// The rules as the pure room takes them.
    pub(in crate::cli) fn policy(&self) -> Policy {
        let tags = self.keep_tag.iter();
        Policy {
            last: self.keep_last.unwrap_or(0),
            within: self.keep_within,
            hourly: self.keep_hourly.unwrap_or(0),
            daily: self.keep_daily.unwrap_or(0),
            weekly: self.keep_weekly.unwrap_or(0),
            monthly: self.keep_monthly.unwrap_or(0),
            yearly: self.keep_yearly.unwrap_or(0),
            tags: tags
                .map(|tags| tags.split(',').map(str::to_owned).collect())
                .collect(),
        }
    }
}

/// How many; a rule that keeps none is none.
fn number(text: &str) -> Result<u32, String> {
    match text {
        "unlimited" => Ok(u32::MAX),
        _ => match text.parse() {
            Ok(0) | Err(_) => Err("expected a number from 1, or unlimited".to_owned()),
            Ok(number) => Ok(number),
        },
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CreateArgs {
    /// Only these releases
    #[arg(value_name = "RELEASE")]
    pub(in crate::cli) releases: Vec<String>,
    /// Save the live objects of each release's newest and deployed revisions, and its namespace,
    /// too
    #[arg(long)]
    pub(in crate::cli) live: bool,
    /// Read every record anew, also those that are saved already just as they were seen
    #[arg(long)]
    pub(in crate::cli) check: bool,
    /// What to remember of it
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(in crate::cli) note: String,
    /// A word to find it by, or to keep it for; may be repeated
    #[arg(long = "tag", value_name = "TAG", value_parser = NonEmptyStringValueParser::new())]
    pub(in crate::cli) tags: Vec<String>,
    /// Write although the store will not outlive this container
    #[arg(long)]
    pub(in crate::cli) ephemeral_store: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct VerifyArgs {
    /// Only this snapshot: its id, its beginning, or `latest`
    #[arg(value_name = "SNAPSHOT")]
    pub(in crate::cli) snapshot: Option<String>,
    /// Compare it with the cluster, too
    #[arg(long)]
    pub(in crate::cli) read_cluster: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    /// The snapshot's id, its beginning, or `latest`
    #[arg(value_name = "SNAPSHOT")]
    pub(in crate::cli) snapshot: String,
    /// The history of these releases
    #[arg(value_name = "RELEASE")]
    pub(in crate::cli) releases: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) part: PartArgs,
    /// Of which revision; by default the newest
    #[arg(long, value_name = "N", requires = "part")]
    pub(in crate::cli) revision: Option<u32>,
}

/// A part of one revision.
#[derive(Clone, Copy, Debug, Args)]
#[group(id = "part", multiple = false, requires = "releases")]
pub(in crate::cli) struct PartArgs {
    /// The values that the user gave to one release, as `helm get values`
    #[arg(long)]
    pub(in crate::cli) values: bool,
    /// The manifest, as `helm get manifest`; what its Secrets hold is shown as digests
    #[arg(long)]
    pub(in crate::cli) manifest: bool,
    /// The whole payload, exactly as it was stored: this prints secrets
    #[arg(long)]
    pub(in crate::cli) raw: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DiffArgs {
    /// A snapshot's id, or its beginning; or `cluster`, for how it is now
    #[arg(value_name = "BEFORE")]
    pub(in crate::cli) before: String,
    /// The same, to compare with
    #[arg(value_name = "AFTER")]
    pub(in crate::cli) after: String,
    /// Only these releases
    #[arg(value_name = "RELEASE")]
    pub(in crate::cli) releases: Vec<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ExportArgs {
    /// The snapshot's id, its beginning, or `latest`
    #[arg(value_name = "SNAPSHOT")]
    pub(in crate::cli) snapshot: String,
    /// Only these releases; for archives, which are whole: more snapshots
    #[arg(value_name = "RELEASE")]
    pub(in crate::cli) releases: Vec<String>,
    /// In which form
    #[arg(
        long,
        value_name = "FORMAT",
        required_unless_present = "chart",
        requires = "to"
    )]
    pub(in crate::cli) format: Option<ExportFormat>,
    /// A file to write; a directory, for a file per release or for an archive that bears its
    /// digest as its name; or `-` for stdout
    #[arg(long, value_name = "FILE", requires = "format")]
    pub(in crate::cli) to: Option<PathBuf>,
    /// Leave out of an archive what this snapshot holds, too
    #[arg(long, value_name = "SNAPSHOT", requires = "format")]
    pub(in crate::cli) parent: Option<String>,
    /// Write the chart of one release into this directory, with its values
    #[arg(long, value_name = "DIR", conflicts_with_all = ["format", "to"], requires = "releases")]
    pub(in crate::cli) chart: Option<PathBuf>,
    /// The chart of which revision; by default the newest
    #[arg(long, value_name = "N", requires = "chart")]
    pub(in crate::cli) revision: Option<u32>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ImportArgs {
    /// The archive, or `-` for stdin
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
    /// Write although the store will not outlive this container
    #[arg(long)]
    pub(in crate::cli) ephemeral_store: bool,
}

/// How a snapshot is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ExportFormat {
    /// One file that `backup import` takes, with all that the snapshot holds
    Archive,
    /// YAML that kubectl brings back, without this program
    Manifests,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RestoreArgs {
    /// The snapshot's id, its beginning, or `latest`
    #[arg(value_name = "SNAPSHOT")]
    pub(in crate::cli) snapshot: String,
    /// Only these releases
    #[arg(value_name = "RELEASE")]
    pub(in crate::cli) releases: Vec<String>,
    /// Put them into this namespace: the payload's namespace, and what the manifest and the hooks
    /// say of it, is changed with them
    #[arg(long, value_name = "NAMESPACE", value_parser = NonEmptyStringValueParser::new())]
    pub(in crate::cli) to_namespace: Option<String>,
    /// Make this release's history what the snapshot holds: what differs is replaced, what the
    /// snapshot does not hold is removed; may be repeated
    #[arg(long, value_name = "RELEASE", value_parser = NonEmptyStringValueParser::new())]
    pub(in crate::cli) replace: Vec<String>,
    /// The snapshot may have been taken from another cluster
    #[arg(long)]
    pub(in crate::cli) other_cluster: bool,
    #[command(flatten)]
    pub(in crate::cli) writing: Writing,
    #[command(flatten)]
    pub(in crate::cli) zadig: ZadigArgs,
}
