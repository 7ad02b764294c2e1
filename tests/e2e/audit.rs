//! The API server's own account of who asked it for what.

use serde_json::Value;

use crate::bed::{Api, Bed};
use crate::process::wait_until;

/// One request, as the API server's audit log has it.
#[derive(Debug)]
pub(crate) struct Event {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, …
    pub(crate) verb: String,
    /// The path with its query.
    pub(crate) uri: String,
    /// The user agent.
    pub(crate) agent: String,
    /// The namespace asked about, if the request was about one.
    pub(crate) namespace: Option<String>,
    /// `secrets`, `leases`, …, with the subresource behind a slash.
    pub(crate) resource: Option<String>,
    /// The answer's HTTP status.
    pub(crate) code: u64,
}

impl Event {
    fn parse(line: &str) -> Option<Self> {
        let event: Value = serde_json::from_str(line).ok()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let object = &event["objectRef"];
        let resource = text(&object["resource"]).map(|resource| match &object["subresource"] {
            Value::String(sub) => format!("{resource}/{sub}"),
            _ => resource,
        });
        Some(Self {
            verb: text(&event["verb"])?,
            uri: text(&event["requestURI"])?,
            agent: text(&event["userAgent"]).unwrap_or_default(),
            namespace: text(&object["namespace"]),
            resource,
            code: event["responseStatus"]["code"].as_u64().unwrap_or_default(),
        })
    }
}

/// All requests about that namespace whose user agent contains `agent`, in order.
pub(crate) fn requests(namespace: &str, agent: &str) -> Vec<Event> {
    let mut events = so_far();
    events.retain(|event| {
        event.namespace.as_deref() == Some(namespace) && event.agent.contains(agent)
    });
    events
}

/// All requests that have been answered by now, in order.
///
/// An event may be written shortly after its answer, so a request of our own
/// goes last, and the log is read once that is in it.
pub(crate) fn so_far() -> Vec<Event> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let bed = Bed::get();
    let mark = COUNT.fetch_add(1, Ordering::Relaxed);
    let mark = format!("/version?mark={}-{mark}", std::process::id());
    Api::new(&bed.kubeconfig, "e2e-tests").get(&mark);
    let log = wait_until("the audit log is written", || {
        let log = std::fs::read_to_string(&bed.audit_log).ok()?;
        log.lines()
            .rev()
            .any(|line| line.contains(&mark))
            .then_some(log)
    });
    log.lines().filter_map(Event::parse).collect()
}

#[test]
fn reads_and_writes_are_told_apart() {
    let namespace = crate::bed::Namespace::new("audit");
    let api = Api::new(&Bed::get().kubeconfig, "e2e-audited/1");
    api.list(&namespace.core("secrets?limit=1"));
    api.create(
        &namespace.core("configmaps"),
        &serde_json::json!({"metadata": {"name": "one"}}),
    );
    let events = requests(namespace.name(), "e2e-audited");
    let seen: Vec<_> = events
        .iter()
        .map(|event| {
            (
                &*event.verb,
                event.resource.as_deref().unwrap_or_default(),
                event.code,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [("list", "secrets", 200), ("create", "configmaps", 201)]
    );
    assert!(events[0].uri.ends_with("secrets?limit=1"), "{events:?}");
    assert!(requests(namespace.name(), "somebody-else").is_empty());
}
