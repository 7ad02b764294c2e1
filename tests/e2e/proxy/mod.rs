//! A proxy on the wire in front of the API server, so that no fault is faked.
//!
//! It serves TLS with the API server's own certificate, HTTP/1.1 only, and
//! passes every request on with its headers, and every answer back as it
//! arrives, so watches work. It counts requests, and rules say what
//! happens to which: see [`Fault`]. It can also let time pass, as the `Date`
//! header of every answer tells it. It does not pass on upgraded connections
//! (`exec`, `port-forward`). Each proxy has a thread of its own, so tests
//! stay plain functions; dropping it closes all its connections.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::bed::{Bed, Cluster};

mod rule;
mod wire;

#[cfg(test)]
mod tests;

pub(crate) use rule::{Fault, Rule, Seen};

/// What time the answers tell.
#[derive(Clone, Copy, Debug, Default)]
enum Clock {
    /// The API server's.
    #[default]
    True,
    /// The API server's and that much more.
    Shifted(SignedDuration),
    /// Always this.
    Frozen(Timestamp),
}

#[derive(Default)]
struct State {
    clock: Clock,
    rules: Vec<Rule>,
    seen: Vec<Seen>,
}

/// The state, shared with the connections.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<State>>);

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Notes a request; its number, from 0, and the fault it meets. Every rule
    /// counts it; the first whose turn it is decides.
    fn meet(&self, seen: Seen) -> (usize, Option<Fault>) {
        let mut state = self.state();
        let mut fault = None;
        for rule in &mut state.rules {
            let met = rule.meet(&seen);
            fault = fault.or(met);
        }
        state.seen.push(seen);
        (state.seen.len() - 1, fault)
    }
}

/// The proxy.
pub(crate) struct Proxy {
    shared: Shared,
    server: String,
    bed: &'static Bed,
    kubeconfig: PathBuf,
    dir: TempDir,
    runtime: Option<Runtime>,
}

impl Proxy {
    /// Starts one in front of the new cluster's API server.
    pub(crate) fn start() -> Self {
        Self::to(Cluster::New)
    }

    /// Starts one in front of that cluster's API server.
    pub(crate) fn to(cluster: Cluster) -> Self {
        let bed = Bed::of(cluster);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let server = format!("https://{}", listener.local_addr().unwrap());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let shared = Shared::default();
        runtime.spawn(wire::serve(
            listener,
            wire::Upstream::new(bed),
            shared.clone(),
        ));
        let dir = tempfile::tempdir().unwrap();
        let kubeconfig = kubeconfig(bed, &server, dir.path(), "admin", &bed.admin_token);
        Self {
            shared,
            server,
            bed,
            kubeconfig,
            dir,
            runtime: Some(runtime),
        }
    }

    /// `https://127.0.0.1:PORT`.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// A kubeconfig that leads here, the administrator's.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A kubeconfig that leads here, for the user with that token.
    pub(crate) fn kubeconfig_for(&self, user: &str, token: &str) -> PathBuf {
        kubeconfig(self.bed, &self.server, self.dir.path(), user, token)
    }

    /// Adds a rule. Of several that apply, the first added decides; all count.
    pub(crate) fn rule(&self, rule: Rule) {
        self.shared.state().rules.push(rule);
    }

    /// Everything asked so far, in order of arrival.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.state().seen.clone()
    }

    /// From now on the answers' `Date` is that many seconds later than it is.
    pub(crate) fn shift_clock(&self, seconds: i64) {
        self.shared.state().clock = Clock::Shifted(SignedDuration::from_secs(seconds));
    }

    /// From now on the answers' `Date` is this.
    pub(crate) fn freeze_clock(&self, at: Timestamp) {
        self.shared.state().clock = Clock::Frozen(at);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Writes a kubeconfig. JSON is YAML.
fn kubeconfig(bed: &Bed, server: &str, dir: &Path, user: &str, token: &str) -> PathBuf {
    let ca = BASE64_STANDARD.encode(std::fs::read(&bed.ca).unwrap());
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "bed", "cluster": {"server": server, "certificate-authority-data": ca}}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "bed", "context": {"cluster": "bed", "user": user}}],
        "current-context": "bed",
    });
    let path = dir.join(format!("kubeconfig-{user}"));
    std::fs::write(&path, config.to_string()).unwrap();
    // Helm warns about a kubeconfig that others can read.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&path, mode).unwrap();
    path
}
