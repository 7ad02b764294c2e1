//! Arguments, settings, and one file per verb: the wiring.
//!
//! A verb's file reads from top to bottom as the flow of the whole: look,
//! diagnose, plan, show, ask, carry out, report. It holds no logic.

use std::ffi::OsString;
use std::io;

use clap::{CommandFactory, FromArgMatches};

use crate::error::{Exit, Failure};

mod args;
mod backup;
mod check;
mod complete;
mod connect;
mod files;
mod interrupt;
mod log;
mod look;
mod prune;
mod reach;
mod ready;
mod settings;
mod trace;
mod undo;
mod unstick;
mod write;
mod zadig;

use args::{Cli, Output, VerbArgs};
use settings::Settings;

/// Runs the tool: parses, carries out the verb, prints what came of it.
pub fn run(arguments: &[OsString]) -> Exit {
    if complete::answered(arguments) {
        return Exit::Done;
    }
    let argv0 = arguments.first().and_then(|name| name.to_str());
    let invoked = settings::invoked(argv0.unwrap_or_default());
    let command = named(Cli::command(), &invoked)
        .bin_name(&invoked)
        .long_version(version(&invoked));
    let parsed = command.try_get_matches_from(arguments);
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are data on stdout, the rest is an error.
            let _ = error.print();
            return match error.use_stderr() {
                true => Exit::Usage,
                false => Exit::Done,
            };
        }
    };
    let settings = Settings::new(cli.global, invoked);
    match dispatch(&settings, cli.verb) {
        Ok(exit) => exit,
        Err(failure) => {
            let exit = failure.exit;
            let failure = failure.named(&settings.voice.invoked);
            settings.terminal.failure(&failure);
            exit
        }
    }
}

/// Puts the name under which we were invoked into the examples.
fn named(command: clap::Command, invoked: &str) -> clap::Command {
    let help = command.get_after_help().map(|help| help.to_string());
    let command = match help {
        Some(help) => command.after_help(help.replace("{self}", invoked)),
        None => command,
    };
    command.mut_subcommands(|subcommand| named(subcommand, invoked))
}

/// What `--version` says: all that a report of a mistake needs to say of us.
/// The first line is for scripts.
fn version(invoked: &str) -> String {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let libc = match () {
        () if cfg!(target_env = "musl") => ", static (musl)",
        () if cfg!(target_feature = "crt-static") => ", static",
        () => "",
    };
    // Set by the packing script; what somebody builds for themselves does not know.
    let commit = option_env!("ZADIG_DOCTOR_COMMIT").unwrap_or("not a release build");
    format!(
        "{}\ncommit: {commit}\nplatform: {os}/{arch}{libc}\ninvoked as: {invoked}",
        env!("CARGO_PKG_VERSION")
    )
}

fn dispatch(settings: &Settings, verb: VerbArgs) -> Result<Exit, Failure> {
    if settings.global.output == Output::Junit && !matches!(verb, VerbArgs::Check(_)) {
        let message = "only check can be printed as junit";
        return Err(Failure::new(Exit::Usage, message).hint("use -o json"));
    }
    match verb {
        VerbArgs::Explain(args) => check::explain(settings, args.id.as_deref()),
        VerbArgs::Completion(args) => complete::script(settings, args.shell),
        VerbArgs::Log => log::log(settings),
        verb => in_runtime(async {
            match verb {
                VerbArgs::Check(args) => check::check(settings, &args).await,
                VerbArgs::Backup(args) => backup::backup(settings, &args).await,
                VerbArgs::Unstick(args) => unstick::unstick(settings, &args).await,
                VerbArgs::Prune(args) => prune::prune(settings, &args).await,
                VerbArgs::Undo(args) => undo::undo(settings, &args).await,
                VerbArgs::Trace(args) => trace::trace(settings, &args).await,
                VerbArgs::Explain(_) | VerbArgs::Completion(_) | VerbArgs::Log => Ok(Exit::Done),
            }
        }),
    }
}

/// How many payloads are taken apart at the same time at most, name servers asked
/// and files read: each thread keeps some memory.
fn helpers() -> usize {
    std::thread::available_parallelism().map_or(4, |cores| cores.get() + 2)
}

fn in_runtime(verb: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(helpers())
        .build();
    let runtime =
        runtime.map_err(|error| Failure::caused(Exit::Unreachable, "failed to start", error))?;
    let done = runtime.block_on(verb);
    // A credential plugin or a name server that hangs is not waited for.
    runtime.shutdown_background();
    done
}

/// Writes data to stdout.
fn print(settings: &Settings, text: &str) -> Result<Exit, Failure> {
    if settings.global.output == Output::Yaml {
        return print_exact(settings, yaml(text)?.as_bytes());
    }
    match settings.terminal.data(text) {
        Ok(()) => Ok(Exit::Done),
        Err(error) => Err(unwritable(error)),
    }
}

/// Writes bytes to stdout as they are, where no person reads them.
fn print_exact(settings: &Settings, bytes: &[u8]) -> Result<Exit, Failure> {
    let printed = settings.terminal.exact(bytes);
    printed.map(|()| Exit::Done).map_err(unwritable)
}

/// Our own JSON as YAML.
fn yaml(json: &str) -> Result<String, Failure> {
    let told: serde_json::Result<serde_json::Value> = serde_json::from_str(json);
    let written = told.map_err(io::Error::from).and_then(|value| {
        let text = serde_saphyr::to_string(&value);
        text.map_err(|error| io::Error::other(error.to_string()))
    });
    written.map_err(unwritable)
}

fn unwritable(error: io::Error) -> Failure {
    Failure::caused(Exit::Unreachable, "failed to write to stdout", error)
}
