//! The control planes that the tests share, and a namespace of each test's own.
//!
//! `tests/bed/run --all` starts them and says in the environment where they are.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use http::{Request, Response};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use kube::Client;
use kube::client::Body;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// Which of the bed's clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cluster {
    /// Kubernetes 1.36.
    New,
    /// Kubernetes 1.22, without a scheduler: pods stay Pending.
    Old,
}

impl Cluster {
    /// How the server's version begins.
    pub(crate) fn number(self) -> &'static str {
        match self {
            Self::New => "1.36",
            Self::Old => "1.22",
        }
    }

    /// The variable of that name, as it is called for this cluster.
    fn setting(self, name: &str) -> String {
        match (self, name) {
            (Self::New, "KUBECONFIG") => setting(name),
            (Self::New, _) => setting(&format!("BED_{name}")),
            (Self::Old, _) => setting(&format!("BED_OLD_{name}")),
        }
    }
}

/// Where a control plane is and how to reach it.
pub(crate) struct Bed {
    /// `https://127.0.0.1:PORT`.
    pub(crate) server: String,
    /// The authority's certificate, as a file.
    pub(crate) ca: PathBuf,
    /// May do everything.
    pub(crate) admin_token: String,
    /// Is known to the server and may do nothing.
    pub(crate) nobody_token: String,
    /// The API server's audit log, one JSON event a line.
    pub(crate) audit_log: PathBuf,
    /// Holds `apiserver.crt` and `apiserver.key`, among others.
    pub(crate) dir: PathBuf,
    /// The administrator's.
    pub(crate) kubeconfig: PathBuf,
    api: Api,
}

impl Bed {
    /// The new cluster, on which tests run that do not ask for another.
    pub(crate) fn get() -> &'static Self {
        Self::of(Cluster::New)
    }

    /// A cluster of this test run; without one the test fails and says what to do.
    pub(crate) fn of(cluster: Cluster) -> &'static Self {
        static NEW: OnceLock<Bed> = OnceLock::new();
        static OLD: OnceLock<Bed> = OnceLock::new();
        let bed = match cluster {
            Cluster::New => &NEW,
            Cluster::Old => &OLD,
        };
        bed.get_or_init(|| {
            let kubeconfig = PathBuf::from(cluster.setting("KUBECONFIG"));
            Self {
                server: cluster.setting("SERVER"),
                ca: cluster.setting("CA").into(),
                admin_token: cluster.setting("ADMIN_TOKEN"),
                nobody_token: cluster.setting("NOBODY_TOKEN"),
                audit_log: cluster.setting("AUDIT_LOG").into(),
                dir: cluster.setting("DIR").into(),
                api: Api::new(&kubeconfig, "e2e-tests"),
                kubeconfig,
            }
        })
    }

    /// The administrator's way to the API server, with nothing in between.
    pub(crate) fn api(&self) -> &Api {
        &self.api
    }
}

/// A variable that `tests/bed/run` sets for its command.
pub(crate) fn setting(key: &str) -> String {
    match std::env::var(key) {
        // KUBECONFIG alone may well be the developer's own; nothing here may touch that cluster.
        Ok(value) if std::env::var_os("BED_DIR").is_some() => value,
        _ => panic!("these tests need their own control plane ({key} is not set): run `make test`"),
    }
}

/// The threads on which all API requests of the tests are made.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap()
    })
}

/// What the API server (or the proxy) answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The `Date` header.
    pub(crate) date: Timestamp,
    /// The JSON body, or null.
    pub(crate) body: Value,
}

/// The tests' own API client: one request, one answer, nothing retried.
pub(crate) struct Api {
    client: Client,
    agent: &'static str,
}

impl Api {
    /// Speaks as that kubeconfig's user, under that user agent.
    pub(crate) fn new(kubeconfig: &Path, agent: &'static str) -> Self {
        let client = runtime().block_on(async {
            let file = Kubeconfig::read_from(kubeconfig).unwrap();
            let options = KubeConfigOptions::default();
            let mut config = Config::from_custom_kubeconfig(file, &options)
                .await
                .unwrap();
            config.default_retry = false;
            Client::try_from(config).unwrap()
        });
        Self { client, agent }
    }

    /// One request; an error if no answer came back.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: &Value,
    ) -> kube::Result<Answer> {
        let body = if body.is_null() {
            Vec::new()
        } else {
            serde_json::to_vec(body).unwrap()
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("user-agent", self.agent)
            .header("content-type", kind)
            .body(Body::from(body))
            .unwrap();
        runtime().block_on(async { read(self.client.send(request).await?).await })
    }

    /// The JSON at that path; an error if no answer came back.
    pub(crate) fn try_get(&self, path: &str) -> kube::Result<Answer> {
        self.send("GET", path, "application/json", &Value::Null)
    }

    /// The object at that path, if there is one.
    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        let answer = self.try_get(path).unwrap();
        match answer.status {
            404 => None,
            200 => Some(answer.body),
            _ => panic!("GET {path}: {answer:?}"),
        }
    }

    /// The items of the list at that path.
    pub(crate) fn list(&self, path: &str) -> Vec<Value> {
        let Some(mut list) = self.get(path) else {
            return Vec::new();
        };
        match list["items"].take() {
            Value::Array(items) => items,
            other => panic!("GET {path} is no list: {other}"),
        }
    }

    /// Makes an object; the test fails if it cannot.
    pub(crate) fn create(&self, path: &str, object: &Value) -> Value {
        self.must("POST", path, "application/json", object)
    }

    /// Merges fields into an object; null removes one. The test fails if it cannot.
    pub(crate) fn merge(&self, path: &str, patch: &Value) -> Value {
        self.must("PATCH", path, "application/merge-patch+json", patch)
    }

    fn must(&self, method: &str, path: &str, kind: &str, body: &Value) -> Value {
        let answer = self.send(method, path, kind, body).unwrap();
        assert!(answer.status < 300, "{method} {path}: {answer:?}");
        answer.body
    }
}

async fn read(response: Response<Body>) -> kube::Result<Answer> {
    let status = response.status().as_u16();
    let date = response.headers()["date"].to_str().unwrap();
    let date = jiff::fmt::rfc2822::parse(date).unwrap().timestamp();
    let bytes = response.into_body().collect().await?.to_bytes();
    Ok(Answer {
        status,
        date,
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
    })
}

/// A namespace of one test, gone some seconds after its end.
pub(crate) struct Namespace {
    name: String,
    cluster: Cluster,
}

impl Namespace {
    /// Makes one; the label is there for whoever reads a log.
    pub(crate) fn new(label: &str) -> Self {
        Self::on(Cluster::New, label)
    }

    /// Makes one on that cluster.
    pub(crate) fn on(cluster: Cluster, label: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // A bed may outlive a test run, so the process is part of the name.
        let name = format!("{label}-{}-{count}", std::process::id());
        Self::named(cluster, name)
    }

    /// Makes one of the same name on another cluster.
    pub(crate) fn twin(&self, cluster: Cluster) -> Self {
        Self::named(cluster, self.name.clone())
    }

    fn named(cluster: Cluster, name: String) -> Self {
        let object = json!({"metadata": {"name": name}});
        Bed::of(cluster).api().create("/api/v1/namespaces", &object);
        Self { name, cluster }
    }

    /// The cluster it is in.
    pub(crate) fn bed(&self) -> &'static Bed {
        Bed::of(self.cluster)
    }

    /// Which one that is.
    pub(crate) fn cluster(&self) -> Cluster {
        self.cluster
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The path of a resource of the core group in it, such as `secrets` or `secrets/NAME`.
    pub(crate) fn core(&self, rest: &str) -> String {
        format!("/api/v1/namespaces/{}/{rest}", self.name)
    }

    /// The path of a resource of the group `apps` in it.
    pub(crate) fn apps(&self, rest: &str) -> String {
        format!("/apis/apps/v1/namespaces/{}/{rest}", self.name)
    }

    /// Takes the finalizers off its ConfigMaps, the only objects on which the
    /// charts put any: neither they nor the namespace could go otherwise.
    pub(crate) fn let_go(&self) {
        let api = self.bed().api();
        for map in api.list(&self.core("configmaps")) {
            if let (Some(name), Some(_)) = (
                map["metadata"]["name"].as_str(),
                map["metadata"].get("finalizers"),
            ) {
                api.merge(
                    &self.core(&format!("configmaps/{name}")),
                    &json!({"metadata": {"finalizers": null}}),
                );
            }
        }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let api = self.bed().api();
        let path = format!("/api/v1/namespaces/{}", self.name);
        let gone = api.send("DELETE", &path, "application/json", &Value::Null);
        if std::thread::panicking() {
            // The bed may be what failed: a second panic would hide the first.
            return;
        }
        // A test may have deleted it itself: then it is gone, or going.
        let gone = gone.is_ok_and(|answer| matches!(answer.status, 200..300 | 404 | 409));
        assert!(gone, "cannot delete {path}");
        self.let_go();
    }
}

#[test]
fn a_namespace_goes_with_its_test_even_where_a_finalizer_holds() {
    let namespace = Namespace::new("held");
    let name = namespace.name().to_owned();
    let api = Bed::get().api();
    let map = json!({"metadata": {"name": "held", "finalizers": ["zadig-doctor.test/hold"]}});
    api.create(&namespace.core("configmaps"), &map);
    drop(namespace);
    crate::process::wait_until("the namespace is gone", || {
        let gone = api.get(&format!("/api/v1/namespaces/{name}")).is_none();
        gone.then_some(())
    });
}

#[test]
fn each_cluster_is_the_one_it_is_called() {
    for cluster in [Cluster::New, Cluster::Old] {
        let version = Bed::of(cluster).api().get("/version").unwrap();
        let says = version["gitVersion"].as_str().unwrap();
        assert!(says.contains(cluster.number()), "{cluster:?}: {says}");
    }
}

#[test]
fn the_user_nobody_may_do_nothing() {
    let bed = Bed::get();
    let nobody = Api::new(&bed.dir.join("kubeconfig-nobody"), "e2e-tests");
    let answer = nobody.try_get("/api/v1/secrets").unwrap();
    assert_eq!(
        (answer.status, answer.body["reason"].as_str()),
        (403, Some("Forbidden"))
    );
}
