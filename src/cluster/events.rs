//! Events of a namespace.

use jiff::Timestamp;
use serde_json::Value;

use super::Cluster;
use super::error::ApiError;
use super::listing::json_page;
use super::request::JSON;
use super::url::Url;
use crate::live::ObjectRef;
use crate::survey::SeenEvent;

/// How many events a page holds: about a kilobyte each.
const PAGE: &str = "500";

/// How many pages are read: events are kept for an hour, and there may be many.
const PAGES: usize = 20;

impl Cluster {
    /// The events of a namespace, in no order; of more than ten thousand only
    /// those that the API server gives first.
    ///
    /// # Errors
    ///
    /// Of the requests.
    pub async fn events(&self, namespace: &str) -> Result<Vec<SeenEvent>, ApiError> {
        let (mut events, mut next) = (Vec::new(), None);
        for _ in 0..PAGES {
            let url = Url::resource("v1", "events", Some(namespace))?
                .with("limit", PAGE)
                .with_some("continue", next.as_deref());
            let body = self.get_bytes(&url, JSON).await?.1;
            let (items, end) = json_page(&body)?;
            events.extend(items.iter().filter_map(event));
            next = end.next_page;
            if next.is_none() {
                break;
            }
        }
        Ok(events)
    }
}

/// Old clients fill in `lastTimestamp`, new ones `eventTime` and `series`.
fn event(json: &Value) -> Option<SeenEvent> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let times = [
        &json["series"]["lastObservedTime"],
        &json["lastTimestamp"],
        &json["eventTime"],
        &json["metadata"]["creationTimestamp"],
    ];
    let at = times
        .into_iter()
        .find_map(|time| time.as_str()?.parse::<Timestamp>().ok())?;
    let object = &json["involvedObject"];
    let components = [&json["source"]["component"], &json["reportingComponent"]];
    let named = components
        .into_iter()
        .find(|one| one.as_str().is_some_and(|name| !name.is_empty()));
    Some(SeenEvent {
        at,
        object: ObjectRef {
            api_version: text(&object["apiVersion"]),
            kind: text(&object["kind"]),
            namespace: object["namespace"].as_str().map(str::to_owned),
            name: text(&object["name"]),
        },
        reason: text(&json["reason"]),
        message: text(&json["message"]),
        component: named.map(text).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn old_and_new_events_say_when() {
        let old = event(&json!({
            "involvedObject": {"kind": "Pod", "name": "web", "namespace": "shop", "apiVersion": "v1"},
            "reason": "Killing", "message": "Stopping container", "eventTime": null,
            "lastTimestamp": "2026-10-26T07:33:20Z", "source": {"component": "kubelet"},
        }));
        let old = old.unwrap();
        assert_eq!(old.at.to_string(), "2026-10-26T07:33:20Z");
        assert_eq!(
            (old.component.as_str(), old.object.name.as_str()),
            ("kubelet", "web")
        );
        let new = event(&json!({
            "involvedObject": {"kind": "Pod", "name": "web"}, "eventTime": "2026-10-26T07:33:20.123456Z",
            "lastTimestamp": null, "source": {}, "reportingComponent": "scheduler",
        }));
        assert_eq!(new.unwrap().component, "scheduler");
        assert_eq!(event(&json!({"involvedObject": {}})), None);
    }
}
