//! How to reach Zadig, as typed.

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

/// How to reach Zadig. The token is never an argument: other users of the
/// machine could see it.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Zadig")]
pub(in crate::cli) struct ZadigArgs {
    /// Look at the projects, environments and services of this Zadig, too: `check` compares them with
    /// the cluster, verbs that write stay away from environments on which Zadig is at work. It is only
    /// read. It takes an administrator's API token: from ZADIG_TOKEN, from a file, or typed. `auto:NAMESPACE`
    /// takes the address from Zadig's own settings in that namespace of the cluster; `auto` looks for
    /// them, and asks before the token goes there
    #[arg(long, value_name = "URL", env = "ZADIG_URL", hide_env_values = true, value_parser = NonEmptyStringValueParser::new())]
    pub(in crate::cli) zadig: Option<String>,
    /// A file with the API token
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) zadig_token_file: Option<PathBuf>,
    /// A file with the certificate authority's certificate, instead of the system's
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) zadig_ca: Option<PathBuf>,
    /// Which of Zadig's clusters this is, by its id in Zadig, or `local`; by default it is Zadig's own if
    /// Zadig runs in it, and else not known
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub(in crate::cli) zadig_cluster: Option<String>,
}
