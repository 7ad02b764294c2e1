//! The arguments of `backup` and its subcommands.

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
    /// Write although the store will not outlive this container
    #[arg(long)]
    pub(in crate::cli) ephemeral_store: bool,
}
