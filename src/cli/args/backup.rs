//! The arguments of `backup` and its subcommands.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

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
    /// Show what a snapshot holds
    Show {
        /// The snapshot's id, or its beginning
        #[arg(value_name = "SNAPSHOT")]
        snapshot: String,
    },
    /// Forget snapshots, by name or by rules, and give back the space of what only they hold
    Forget(ForgetArgs),
    /// Count what the store holds, and what that takes
    Stats,
    /// Read everything back and compare every digest; exits with 1 on damage
    Verify {
        /// Only this snapshot
        #[arg(value_name = "SNAPSHOT")]
        snapshot: Option<String>,
    },
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
