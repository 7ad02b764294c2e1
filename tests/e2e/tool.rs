//! The product, as its users run it: a binary, its arguments, its home.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::bed::{Bed, Cluster};
use crate::process::{Output, Program, Victim};
use crate::proxy::Proxy;

/// The program under test, with a kubeconfig and a home of its own. What it
/// saves in one run the next finds.
pub(crate) struct Tool {
    kubeconfig: PathBuf,
    home: TempDir,
    /// What `--confirm-after` is where a test does not say: nobody else is at work.
    confirm_after: Option<&'static str>,
    env: Vec<(String, String)>,
}

impl Tool {
    /// As the administrator, straight to the API server.
    pub(crate) fn new() -> Self {
        Self::on(Cluster::New)
    }

    /// The same on that cluster.
    pub(crate) fn on(cluster: Cluster) -> Self {
        Self {
            kubeconfig: Bed::of(cluster).kubeconfig.clone(),
            home: tempfile::tempdir().unwrap(),
            confirm_after: Some("0s"),
            env: Vec::new(),
        }
    }

    /// With the proxy in between.
    pub(crate) fn through(self, proxy: &Proxy) -> Self {
        self.kubeconfig(proxy.kubeconfig())
    }

    /// With that kubeconfig.
    pub(crate) fn kubeconfig(mut self, path: &Path) -> Self {
        self.kubeconfig = path.to_owned();
        self
    }

    /// With one more variable in its environment.
    pub(crate) fn env(mut self, key: &str, value: &str) -> Self {
        self.env.push((key.to_owned(), value.to_owned()));
        self
    }

    /// With the wait before the second look that its users have.
    pub(crate) fn waiting(mut self) -> Self {
        self.confirm_after = None;
        self
    }

    /// The directory that `ZADIG_DOCTOR_HOME` names.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// A command, ready to start.
    pub(crate) fn command(&self, args: &[&str]) -> Program {
        let program = Program::new(Path::new(env!("CARGO_BIN_EXE_zadig-doctor")))
            .args(args)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", self.home.path())
            .env("ZADIG_DOCTOR_HOME", self.home.path());
        let program = match self.confirm_after {
            Some(wait) => program.env("ZADIG_DOCTOR_CONFIRM_AFTER", wait),
            None => program,
        };
        self.env
            .iter()
            .fold(program, |program, (key, value)| program.env(key, value))
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).run()
    }

    /// Starts a command at which rules of the proxy may aim.
    pub(crate) fn aimed_at(&self, victim: &Victim, args: &[&str]) -> Program {
        self.command(args).victim(victim)
    }
}

#[test]
fn asking_for_the_version_needs_no_cluster_and_leaves_nothing_behind() {
    let proxy = Proxy::start();
    let tool = Tool::new().through(&proxy).env("LANG", "C");
    tool.run(&["--version"]).expect_code(0);
    assert!(proxy.seen().is_empty());
    assert!(std::fs::read_dir(tool.home()).unwrap().next().is_none());
}

#[test]
fn a_victim_knows_when_the_tool_it_stands_for_was_started() {
    let victim = Victim::new();
    let program = Tool::new().aimed_at(&victim, &["--version"]);
    assert!(!victim.is_born());
    program.run().expect_code(0);
    assert!(victim.is_born());
}
