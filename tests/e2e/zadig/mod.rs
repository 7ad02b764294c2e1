//! Zadig's double: an HTTP server that answers in the recorded shapes of each
//! version, and can be made to fall into every trap that is known of them.
//!
//! What it knows is a [`State`], which a test may change between two questions
//! as an operation of Zadig's would. Nothing is in it that Zadig's sources do
//! not show; where they are silent, it has no answer. To have one by hand, for
//! a demonstration, run the ignored test `serve_by_hand`.

use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::runtime::Runtime;

mod answers;
mod serve;
mod state;

pub(crate) use state::{Environment, Operation, Service, State, Version};

/// The id of the cluster that Zadig runs in.
pub(crate) const LOCAL: &str = "0123456789abcdef12345678";

/// What happens to a question.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// This status and body.
    Status(u16, String),
    /// To somewhere else.
    Redirect(String),
    /// The first half of the answer, and the connection ends.
    Cut,
    /// The same, but it is said to be all.
    Half,
    /// No answer ever.
    Hang,
}

/// A fault for the questions whose path and query contain a text, after some
/// that went well.
#[derive(Clone, Debug)]
struct Rule {
    text: String,
    after: usize,
    fault: Fault,
}

#[derive(Default)]
struct Known {
    state: State,
    rules: Vec<Rule>,
    seen: Vec<Seen>,
}

/// A question that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// `GET`.
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// The whole header `Authorization`.
    pub(crate) authorization: String,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Known>>);

impl Shared {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The double.
pub(crate) struct Zadig {
    shared: Shared,
    url: String,
    runtime: Option<Runtime>,
}

impl Zadig {
    /// Starts one that knows this, without TLS.
    pub(crate) fn start(state: State) -> Self {
        Self::at("127.0.0.1:0", state, None)
    }

    /// The same with TLS, by the certificate in that directory of the bed.
    pub(crate) fn with_tls(state: State, dir: &Path) -> Self {
        Self::at("127.0.0.1:0", state, Some(dir))
    }

    fn at(address: &str, state: State, tls: Option<&Path>) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let shared = Shared::default();
        shared.known().state = state;
        runtime.spawn(serve::serve(
            listener,
            tls.map(Path::to_owned),
            shared.clone(),
        ));
        Self {
            shared,
            url,
            runtime: Some(runtime),
        }
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Changes what it knows.
    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.known().state);
    }

    /// Lets questions whose path and query contain that text meet a fault.
    pub(crate) fn fault(&self, text: &str, fault: Fault) {
        self.fault_after(text, 0, fault);
    }

    /// The same after so many that went well.
    pub(crate) fn fault_after(&self, text: &str, after: usize, fault: Fault) {
        let text = text.to_owned();
        self.shared.known().rules.push(Rule { text, after, fault });
    }

    /// What it was asked, in order.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.known().seen.clone()
    }
}

impl Drop for Zadig {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Serves the state in the file that `ZADIG_STATE` names, at the address in
/// `ZADIG_ADDRESS`, until the file is gone. Whatever changes in the file is
/// known from then on.
#[test]
#[ignore = "for a demonstration: runs until its state's file is removed"]
fn serve_by_hand() {
    let file = std::env::var("ZADIG_STATE").expect("ZADIG_STATE names a file of JSON");
    let address = std::env::var("ZADIG_ADDRESS").unwrap_or_else(|_| "127.0.0.1:0".to_owned());
    let zadig = Zadig::at(&address, State::default(), None);
    println!("{}", zadig.url());
    while let Ok(text) = std::fs::read_to_string(&file) {
        // A file that is just being written is read again.
        if let Ok(state) = serde_json::from_str::<State>(&text) {
            zadig.change(|known| *known = state);
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}
