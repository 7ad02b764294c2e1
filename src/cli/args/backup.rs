//! The arguments of `backup` and its subcommands.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

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
