//! The arguments of `backup` and its subcommands.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

use super::Writing;

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
    /// Show what a snapshot holds
    Show {
        /// The snapshot's id, or its beginning
        #[arg(value_name = "SNAPSHOT")]
        snapshot: String,
    },
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
    /// Read everything back and compare every digest; exits with 1 on damage
    Verify {
        /// Only this snapshot
        #[arg(value_name = "SNAPSHOT")]
        snapshot: Option<String>,
    },
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
pub(in crate::cli) struct RestoreArgs {
    /// The snapshot's id, or its beginning
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
}
