//! Completion: what may come next on a command line.
//!
//! Shells ask through the script that `completion` prints; kubectl and Helm ask
//! in the words of cobra, by the hidden verb `__complete`. Whoever asks gets
//! candidates and nothing else, no error among them, and within moments: the
//! cluster and the store are asked for no longer than somebody waits at a prompt.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use clap::builder::StyledStr;
use clap::{CommandFactory, FromArgMatches};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, complete};
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};
use clap_complete::{ArgValueCandidates, CompleteEnv};

use super::args::{Cli, Global, Shell};
use super::settings::{Settings, invoked};
use super::{connect, print, unwritable};
use crate::cluster::{Cluster, contexts};
use crate::diagnose::checks::CHECKS;
use crate::error::{Exit, Failure};
use crate::terminal::Terminal;

/// Nobody waits longer for a name.
const PATIENCE: Duration = Duration::from_secs(2);

/// Set by the shells' scripts to the shell's name.
const VARIABLE: &str = "ZADIG_DOCTOR_COMPLETE";

/// What kubectl and Helm call a command of cobra's with.
const ASK: &str = "__complete";

/// cobra's directives, which end an answer: no file names, and no space where
/// the word goes on.
const NO_FILES: u8 = 4;
const NO_SPACE: u8 = 2;

/// What `kubectl` looks for on the PATH, from 1.26 on. It is told apart by its
/// name, so it must be a file of its own.
const KUBECTL: &str = include_str!("../../packaging/files/kubectl_complete-zadig_doctor");

/// `completion`: prints what makes a shell, or kubectl, ask us.
pub(super) fn script(settings: &Settings, shell: Shell) -> Result<Exit, Failure> {
    let shell: &dyn EnvCompleter = match shell {
        Shell::Kubectl => return print(settings, KUBECTL),
        Shell::Bash => &Bash,
        Shell::Elvish => &Elvish,
        Shell::Fish => &Fish,
        Shell::Powershell => &Powershell,
        Shell::Zsh => &Zsh,
    };
    let mut script = Vec::new();
    let (name, own) = ("zadig_doctor", "zadig-doctor");
    shell
        .write_registration(VARIABLE, name, own, own, &mut script)
        .map_err(unwritable)?;
    print(settings, &String::from_utf8_lossy(&script))
}

/// Whether a shell, kubectl or Helm asked what may come next, and was told.
pub(super) fn answered(arguments: &[OsString]) -> bool {
    if let [own, ask, words @ ..] = arguments
        && ask == ASK
    {
        // A reader that is gone needs no answer.
        let _ = Terminal::find(None).fields(&to_cobra(own, words));
        return true;
    }
    // A shell's script puts the line that is typed after `--`.
    let escape = arguments.iter().position(|word| word == "--");
    let typed = escape.and_then(|at| arguments.get(at + 1..));
    let typed = typed.unwrap_or_default();
    let here = std::env::current_dir().ok();
    CompleteEnv::with_factory(|| command(typed))
        .var(VARIABLE)
        .try_complete(arguments, here.as_deref())
        // A shell that we do not know: nothing to say to it either.
        .unwrap_or(true)
}

/// The answer to the words after `__complete`, of which the last is being
/// typed: a row for each candidate and its help, and a directive.
fn to_cobra(own: &OsString, words: &[OsString]) -> Vec<Vec<String>> {
    let typed = words.last().cloned().unwrap_or_default();
    let words = match words {
        [] => vec![own.clone(), typed.clone()],
        words => [std::slice::from_ref(own), words].concat(),
    };
    let last = words.len() - 1;
    let here = std::env::current_dir().ok();
    let found = complete(&mut command(&words), words, last, here.as_deref());
    let mut found = found.unwrap_or_default();
    // As cobra does: flags only to who began one.
    if typed.is_empty() {
        found.retain(|candidate| !candidate.get_value().as_encoded_bytes().starts_with(b"-"));
    }
    let goes_on = |one: &CompletionCandidate| {
        let value = one.get_value().as_encoded_bytes();
        value.ends_with(b"/") || value.ends_with(b"=")
    };
    let directive = match found.iter().any(goes_on) {
        true => NO_FILES | NO_SPACE,
        false => NO_FILES,
    };
    let row = |candidate: &CompletionCandidate| {
        let value = candidate.get_value().to_string_lossy().into_owned();
        let help = candidate.get_help().map(ToString::to_string);
        let first = help.as_deref().and_then(|help| help.lines().next());
        [value]
            .into_iter()
            .chain(first.map(str::to_owned))
            .collect()
    };
    let end = vec![format!(":{directive}")];
    found.iter().map(row).chain([end]).collect()
}

/// The command line, knowing which names there are.
fn command(words: &[OsString]) -> clap::Command {
    let words: Arc<[OsString]> = words.into();
    let names = |find: fn(Settings) -> Vec<CompletionCandidate>| {
        let words = Arc::clone(&words);
        ArgValueCompleter::new(move |typed: &OsStr| {
            let words = Arc::clone(&words);
            let mut found = bounded(move || settings(&words).map(find).unwrap_or_default());
            let typed = typed.as_encoded_bytes();
            found.retain(|one| {
                let value = one.get_value().as_encoded_bytes();
                // A name that no API server would have let through could deceive a shell.
                value.starts_with(typed) && !value.iter().any(u8::is_ascii_control)
            });
            found
        })
    };
    let mut command = Cli::command()
        .mut_arg("namespace", |arg| arg.add(names(namespaces)))
        .mut_arg("context", |arg| arg.add(names(kubeconfig_contexts)))
        .mut_subcommand("undo", |undo| {
            undo.mut_arg("operation", |arg| arg.add(names(operations)))
        })
        .mut_subcommand("explain", |explain| {
            explain.mut_arg("id", |arg| arg.add(ArgValueCandidates::new(checks)))
        });
    for verb in ["check", "backup", "unstick", "prune"] {
        command = command.mut_subcommand(verb, |verb| {
            verb.mut_arg("releases", |arg| arg.add(names(releases)))
        });
    }
    let snapshots_in = [
        ("show", "snapshot"),
        ("export", "snapshot"),
        ("restore", "snapshot"),
        ("diff", "before"),
        ("diff", "after"),
        ("verify", "snapshot"),
        ("forget", "snapshots"),
    ];
    for (verb, arg) in snapshots_in {
        command = command.mut_subcommand("backup", |backup| {
            backup.mut_subcommand(verb, |verb| {
                verb.mut_arg(arg, |arg| arg.add(names(snapshots)))
            })
        });
    }
    // What is changed goes to the end, and the releases come after the snapshot.
    for verb in ["show", "export", "diff", "restore"] {
        command = command.mut_subcommand("backup", |backup| {
            backup.mut_subcommand(verb, |verb| {
                verb.mut_arg("releases", |arg| arg.add(names(saved_releases)))
            })
        });
    }
    command.mut_subcommand("backup", |backup| {
        backup.mut_subcommand("restore", |restore| {
            restore
                .mut_arg("replace", |arg| arg.add(names(saved_releases)))
                .mut_arg("to_namespace", |arg| arg.add(names(namespaces)))
        })
    })
}

/// What the lookup finds while somebody waits for it. It is left behind where
/// it takes longer, and ends with us.
fn bounded(
    find: impl FnOnce() -> Vec<CompletionCandidate> + Send + 'static,
) -> Vec<CompletionCandidate> {
    let (found, wait) = mpsc::channel();
    std::thread::spawn(move || found.send(find()));
    wait.recv_timeout(PATIENCE).unwrap_or_default()
}

/// The settings as far as the command line, own name first, has been typed.
fn settings(words: &[OsString]) -> Option<Settings> {
    let command = Cli::command().ignore_errors(true);
    let matches = command.try_get_matches_from(words).ok()?;
    let global = Global::from_arg_matches(&matches).ok()?;
    let own = words.first().and_then(|own| own.to_str());
    Some(Settings::new(global, invoked(own.unwrap_or_default())))
}

/// Asks the cluster; what goes wrong leaves us without names.
fn ask<F: Future<Output = Vec<String>>>(
    settings: Settings,
    find: impl FnOnce(Settings, Cluster) -> F,
) -> Vec<CompletionCandidate> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else {
        return Vec::new();
    };
    let names = runtime.block_on(async {
        let mut options = settings.connect_options();
        options.interactive = false;
        match Cluster::connect(&options).await {
            Ok(cluster) => find(settings, cluster).await,
            Err(_) => Vec::new(),
        }
    });
    names.into_iter().map(CompletionCandidate::new).collect()
}

fn releases(settings: Settings) -> Vec<CompletionCandidate> {
    ask(settings, async |settings, cluster| {
        let scope = settings.scope(&[], cluster.default_namespace());
        let mut names = BTreeSet::new();
        cluster
            .records(&scope, |record| names.extend(record.release_name()))
            .await;
        names.into_iter().collect()
    })
}

fn namespaces(settings: Settings) -> Vec<CompletionCandidate> {
    ask(settings, async |_, cluster| {
        cluster.namespaces().await.unwrap_or_default()
    })
}

fn kubeconfig_contexts(settings: Settings) -> Vec<CompletionCandidate> {
    let names = contexts(&settings.connect_options()).into_iter();
    names.map(CompletionCandidate::new).collect()
}

fn operations(settings: Settings) -> Vec<CompletionCandidate> {
    let store = connect::existing_store(&settings).ok().flatten();
    let operations = store.and_then(|store| store.operations().ok());
    let newest_first = operations.unwrap_or_default().into_iter().rev();
    newest_first
        .map(|receipt| described(&receipt.operation.0, &receipt.plan.verb.to_string()))
        .collect()
}

fn snapshots(settings: Settings) -> Vec<CompletionCandidate> {
    let store = connect::existing_store(&settings).ok().flatten();
    let snapshots = store.and_then(|store| store.list().ok());
    let newest_first = snapshots.unwrap_or_default().into_iter().rev();
    newest_first
        .map(|snapshot| described(&snapshot.id.0, &snapshot.about.reason))
        .collect()
}

/// Of all snapshots: in the cluster they may be what is missing.
fn saved_releases(settings: Settings) -> Vec<CompletionCandidate> {
    let store = connect::existing_store(&settings).ok().flatten();
    let snapshots = store.and_then(|store| store.snapshots().ok());
    let records = snapshots.iter().flatten().flat_map(|one| &one.records);
    let keys = records.filter_map(|saved| saved.id.key());
    let names: BTreeSet<_> = keys.map(|key| key.release).collect();
    names.into_iter().map(CompletionCandidate::new).collect()
}

fn checks() -> Vec<CompletionCandidate> {
    let checks = CHECKS.iter();
    checks
        .map(|check| described(check.id, check.text.title.en))
        .collect()
}

fn described(name: &str, help: &str) -> CompletionCandidate {
    CompletionCandidate::new(name).help(Some(StyledStr::from(help.to_owned())))
}
