//! Which cluster, which namespace and which user is meant, and what is said when
//! it cannot be reached.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bed::Bed;
use crate::process::{Output, Program};

mod aim;
mod cases;
mod credentials;
mod kubeconfigs;
mod servers;

pub(super) use servers::Tunnel;

/// The binary itself, with nothing in its environment but a home of its own.
fn tool(home: &Path) -> Program {
    Program::new(Path::new(env!("CARGO_BIN_EXE_zadig-doctor"))).env("HOME", home)
}

/// Runs `check` with that kubeconfig alone.
fn check(kubeconfig: &Path, args: &[&str]) -> Output {
    let home = kubeconfig.parent().unwrap();
    let tool = tool(home).env("KUBECONFIG", kubeconfig);
    tool.arg("check").args(args).run()
}

/// An error that ends with exit code 3, in the form that people know, which
/// says all of this and no secret.
fn fails(output: Output, words: &[&str]) {
    let output = output.expect_code(3);
    let text = &output.stderr;
    assert!(text.starts_with("error: failed to "), "{output}");
    assert!(text.contains("\nhint: "), "{output}");
    for word in words {
        assert!(text.contains(word), "{word:?} in {output}");
    }
    assert!(!text.contains("hunter2"), "a secret is told");
    assert_eq!(output.stdout, "");
}

/// A directory with kubeconfigs.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap();
        // Helm warns about a kubeconfig that others can read.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// A program for a kubeconfig to run.
    fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.write(name, format!("#!/bin/sh\n{text}\n"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    /// A kubeconfig with one context `it`.
    fn kubeconfig(&self, cluster: &Value, user: &Value) -> PathBuf {
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "it",
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "clusters": [{"name": "it", "cluster": cluster}],
            "users": [{"name": "it", "user": user}],
        });
        self.write("config", config.to_string())
    }
}

/// The bed's API server, in a kubeconfig's words.
fn bed_cluster() -> Value {
    let bed = Bed::get();
    json!({"server": bed.server, "certificate-authority": bed.ca})
}

/// The administrator, in a kubeconfig's words.
fn admin() -> Value {
    json!({"token": Bed::get().admin_token})
}
