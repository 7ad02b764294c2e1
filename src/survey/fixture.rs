//! Surveys made by hand, for the tests of the pure rooms.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::helm::{Digest, Driver, RecordKey, Status};
use crate::live::{LiveObject, ObjectRef, Observed, Readiness, Writer};
use crate::survey::{
    ApiState, LeaseState, Listed, NamespaceState, Payload, Record, RecordId, Release, Scope,
    SecretsState, SeenApi, SeenLease, SeenNamespace, SeenObject, SeenSecrets, Survey,
};

/// The API server's time in fixtures.
pub(crate) const NOW: i64 = 1_790_000_000;

/// The storage namespace of fixtures.
pub(crate) const NAMESPACE: &str = "shop";

pub(crate) fn ago(seconds: i64) -> Timestamp {
    Timestamp::from_second(NOW - seconds).unwrap()
}

/// A Deployment of a chart.
pub(crate) fn deployment() -> ObjectRef {
    ObjectRef {
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        namespace: None,
        name: "web".into(),
    }
}

/// A record of release `web`, written by Helm so many seconds ago, labels and
/// payload in agreement.
pub(crate) fn record(revision: u32, status: Status, seconds: i64) -> Record {
    let key = RecordKey {
        release: "web".into(),
        revision,
    };
    let labels = [
        ("owner", "helm".to_owned()),
        ("name", key.release.clone()),
        ("status", status.to_string()),
        ("version", revision.to_string()),
    ];
    let release = Release {
        name: "web".into(),
        namespace: NAMESPACE.into(),
        version: revision.into(),
        status,
        description: "a description".into(),
        last_deployed: None,
        chart: Some("web-0.1.0".into()),
        apply_method: String::new(),
        manifest: Digest::of(b"manifest"),
        objects: vec![deployment()],
        unreadable_documents: Vec::new(),
        hooks: Vec::new(),
    };
    Record {
        id: RecordId {
            namespace: NAMESPACE.into(),
            driver: Driver::Secret,
            name: key.to_string(),
        },
        uid: format!("uid-{revision}"),
        resource_version: revision.to_string(),
        created: Some(ago(seconds)),
        labels: labels.into_iter().collect(),
        writers: vec![writer("Helm", seconds)],
        payload: Payload::Decoded {
            digest: Digest::of(key.to_string().as_bytes()),
            bytes: 1000,
            release: Box::new(release),
        },
    }
}

pub(crate) fn writer(manager: &str, seconds: i64) -> Writer {
    Writer {
        manager: manager.into(),
        at: ago(seconds),
        subresource: None,
    }
}

/// What a decoded record says, to be changed.
pub(crate) fn says(record: &mut Record) -> &mut Release {
    match &mut record.payload {
        Payload::Decoded { release, .. } => release,
        _ => panic!("the fixture decodes"),
    }
}

pub(crate) fn live(readiness: Readiness, writers: Vec<Writer>) -> Observed {
    Observed::Present(Box::new(LiveObject {
        uid: "live".into(),
        created: None,
        deleting: None,
        finalizers: Vec::new(),
        writers,
        owner: None,
        readiness,
        failed: false,
    }))
}

/// A survey of these records in which everything that could be asked for was
/// read: the Deployment is ready and was last written by Helm an hour ago, and
/// nobody holds the Lease; there are namespaces `shop` and `elsewhere`, and a
/// few of Kubernetes' APIs.
pub(crate) fn survey(records: Vec<Record>) -> Survey {
    let hour = vec![writer("helm", 3600)];
    let survey = Survey {
        cluster: Some("cluster".into()),
        time: Some(ago(0)),
        scope: Scope::default(),
        records,
        objects: Vec::new(),
        leases: vec![SeenLease {
            namespace: NAMESPACE.into(),
            name: "helm-lock-web".into(),
            state: LeaseState::Free,
        }],
        unread: Vec::new(),
        namespaces_listed: Some(Listed::All),
        secrets: vec![SeenSecrets {
            name: "default-registry-secret".into(),
            state: SecretsState::In {
                namespaces: BTreeSet::new(),
            },
        }],
        ..Survey::default()
    };
    let survey = place(survey, "elsewhere", present(&[]));
    let survey = place(survey, NAMESPACE, present(&[]));
    let survey = serve(survey, "v1", Some(&["ConfigMap", "Secret", "Service"]));
    let survey = serve(survey, "apps/v1", Some(&["Deployment"]));
    let survey = serve(survey, "batch/v1", Some(&["CronJob", "Job"]));
    see(survey.sorted(), deployment(), live(Readiness::Ready, hour))
}

/// The survey with what was seen of an object added or replaced.
pub(crate) fn see(mut survey: Survey, object: ObjectRef, observed: Observed) -> Survey {
    survey.objects.retain(|seen| seen.object != object);
    survey.objects.push(SeenObject {
        namespace: NAMESPACE.into(),
        object,
        observed,
    });
    survey.sorted()
}

/// A namespace of a day's age with these labels.
pub(crate) fn present(labels: &[(&str, &str)]) -> NamespaceState {
    let labels = labels.iter();
    NamespaceState::Present {
        labels: labels
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        created: Some(ago(86_400)),
        deleting: None,
    }
}

/// The survey with what was seen of a namespace added or replaced.
pub(crate) fn place(mut survey: Survey, name: &str, state: NamespaceState) -> Survey {
    survey.namespaces.retain(|seen| seen.name != name);
    let name = name.to_owned();
    survey.namespaces.push(SeenNamespace { name, state });
    survey.sorted()
}

/// The survey with these kinds of a group version served, or none of it.
pub(crate) fn serve(mut survey: Survey, api_version: &str, kinds: Option<&[&str]>) -> Survey {
    survey.apis.retain(|seen| seen.api_version != api_version);
    let state = match kinds {
        None => ApiState::Gone,
        Some(kinds) => ApiState::Served {
            kinds: kinds
                .iter()
                .map(|kind| ((*kind).to_owned(), true))
                .collect(),
        },
    };
    let api_version = api_version.to_owned();
    survey.apis.push(SeenApi { api_version, state });
    survey.sorted()
}
