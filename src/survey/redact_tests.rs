use proptest::prelude::*;

use super::*;
use crate::helm::Status;
use crate::live::{Change, ObjectRef};
use crate::survey::fixture::{deployment, record, says, see, survey};
use crate::survey::zadig::{
    EnvironmentDetail, Place, Told, ZadigEnvironment, ZadigList, ZadigOperation, ZadigService,
};
use crate::survey::{Comparison, SeenApi, SeenLease, SeenNamespace, SeenOwned, Unreadable};

fn description_of(text: &str) -> String {
    let mut one = record(1, Status::Deployed, 60);
    says(&mut one).description = text.to_owned();
    let survey = redacted(survey(vec![one]));
    survey.records[0].decoded().unwrap().description.clone()
}

#[test]
fn what_helm_says_by_itself_stays() {
    for known in ["Install complete", "Rollback to 12", "Preparing upgrade"] {
        assert_eq!(description_of(known), known);
    }
    for other in [
        "Upgrade \"web\" failed: password=hunter2",
        "Rollback to hunter2",
        "Upgrade complete ",
        "shipped by hunter2",
    ] {
        assert_eq!(description_of(other), REDACTED, "{other}");
    }
}

#[test]
fn labels_keep_their_keys() {
    let mut one = record(1, Status::Deployed, 60);
    one.labels.insert("team", "hunter2");
    one.labels.insert("s-product", "shop");
    let labels = redacted(survey(vec![one])).records[0].labels.clone();
    let value = |key| labels.get(key).unwrap();
    assert_eq!(value("team"), REDACTED);
    assert_eq!((value("s-product"), value("name")), ("shop", "web"));
    assert_eq!(value("status"), "deployed");
}

#[test]
fn reasons_keep_our_words() {
    let kept = |reason: &str| {
        let mut reason = reason.to_owned();
        redact_reason(&mut reason);
        reason
    };
    assert_eq!(kept("forbidden: User \"x\""), "forbidden: (redacted)");
    assert_eq!(
        kept("the API server did not answer in time"),
        "the API server did not answer in time"
    );
    assert_eq!(kept("hook said: hunter2"), REDACTED);
    assert_eq!(kept("hunter2"), REDACTED);
}

#[test]
fn twice_is_once() {
    let once = redacted(planted("hunter2", "forbidden: "));
    assert_eq!(redacted(once.clone()), once);
}

/// A survey that holds the text wherever somebody else's text can stand.
fn planted(secret: &str, before: &str) -> Survey {
    let text = || format!("{before}{secret} and more");
    let why = |forbidden| Unreadable {
        reason: text(),
        forbidden,
    };
    let mut one = record(1, Status::PendingUpgrade, 60);
    one.labels.insert("team", secret);
    says(&mut one).description = text();
    let comparison = Comparison {
        record: one.id.clone(),
        base: None,
        namespace: "shop".into(),
    };
    let compared = Compared {
        object: deployment(),
        change: Change::Same,
        found: Found::Unreadable { reason: text() },
        keep: false,
        expires: false,
        owner: None,
    };
    let unread = || Unread {
        what: "secrets in all namespaces".into(),
        reason: text(),
    };
    let other = ObjectRef {
        name: "other".into(),
        ..deployment()
    };
    let mut survey = survey(vec![one]);
    survey = see(survey, other, Observed::Unreadable { reason: text() });
    survey.scope.selector = Some(format!("team={secret}"));
    survey.leases.push(SeenLease {
        namespace: "shop".into(),
        name: "helm-lock-db".into(),
        state: LeaseState::Unreadable { reason: text() },
    });
    let labels = [("team", secret)].into_iter().collect();
    let present = NamespaceState::Present {
        labels,
        created: None,
        deleting: None,
    };
    for (name, state) in [
        ("shop", present),
        ("web", NamespaceState::Unreadable(why(true))),
    ] {
        let name = name.to_owned();
        survey.namespaces.push(SeenNamespace { name, state });
    }
    survey.namespaces_listed = Some(Listed::Unreadable(why(false)));
    survey.apis.push(SeenApi {
        api_version: "apps/v1".into(),
        state: ApiState::Unreadable(why(false)),
    });
    survey.comparisons.push(SeenComparison {
        of: comparison,
        objects: vec![compared],
        documents: 0,
        generated: 0,
        failed: Some(text()),
    });
    survey.owned = Some(SeenOwned {
        objects: Vec::new(),
        unread: vec![unread()],
    });
    survey.zadig = Some(told_by_zadig(text));
    survey.note_unreadable();
    survey.unread.push(unread());
    survey
}

/// What Zadig said, wherever its words can stand.
fn told_by_zadig(text: impl Fn() -> String) -> SeenZadig {
    let service = ZadigService {
        error: Some(text()),
        ..ZadigService::default()
    };
    let detail = EnvironmentDetail {
        services: vec![service],
        refused: Some(text()),
        ..EnvironmentDetail::default()
    };
    let unread = Detail::Unread { reason: text() };
    let environments = [Detail::Read(detail), unread].map(|detail| ZadigEnvironment {
        name: "dev".into(),
        namespace: None,
        cluster: "abc".into(),
        status: "success".into(),
        updated: None,
        detail,
    });
    let operation = ZadigOperation {
        time: None,
        user: text(),
        project: "shop".into(),
        method: "删除".into(),
        function: "环境".into(),
        targets: vec!["dev".into()],
        status: 200,
    };
    SeenZadig {
        failed: Some(text()),
        admin: Proof::Missing { reason: text() },
        clusters: Told::nothing(text()),
        projects: Told::nothing(text()),
        environments: vec![ZadigList {
            project: "shop".into(),
            production: false,
            list: Told::part(environments.into(), text()),
        }],
        operations: Told::part(vec![operation], text()),
        place: Place {
            aslan: Told::nothing(text()),
            ..Place::default()
        },
        ..SeenZadig::default()
    }
}

proptest! {
    #[test]
    fn nothing_of_a_secret_survives(
        secret in "hunter[a-z0-9]{6,20}",
        before in "(|forbidden: |invalid: |Rollback to |the list expired while it was read|[a-z: ]{0,12})",
    ) {
        let survey = planted(&secret, &before);
        let whole = serde_json::to_string(&survey).unwrap();
        prop_assert!(whole.matches(&secret).count() > 14, "{}", whole);
        let text = serde_json::to_string(&redacted(survey)).unwrap();
        prop_assert!(!text.contains(&secret), "{}", text);
        prop_assert!(text.contains(REDACTED));
    }
}
