//! A part of a survey: what the cluster would have been asked for.

use std::collections::HashSet;

use super::redact::REDACTED;
use super::selector::Selector;
use crate::survey::{NamespaceState, Record, Scope, Survey};

impl Survey {
    /// Leaves what is in that scope, releases whole: with a selector, all
    /// records of the releases it finds, as when the cluster is looked at.
    pub fn narrow(&mut self, scope: &Scope, selector: Option<&Selector>) {
        let found = selector.map(|selector| self.selected(selector));
        let selected = |record: &Record| match &found {
            Some(found) => names(record)
                .into_iter()
                .any(|name| found.contains(&release(record, name))),
            None => true,
        };
        let named =
            |name: &str| scope.releases.is_empty() || scope.releases.iter().any(|one| one == name);
        let inside = |namespace: &str| {
            scope
                .namespace
                .as_deref()
                .is_none_or(|one| one == namespace)
        };
        let keep = |record: &Record| {
            let named = scope.releases.is_empty() || names(record).iter().any(|name| named(name));
            let asked = scope.driver.is_none_or(|driver| driver == record.id.driver);
            inside(&record.id.namespace) && asked && named && selected(record)
        };
        let (kept, left): (Vec<_>, Vec<_>) = std::mem::take(&mut self.records)
            .into_iter()
            .partition(keep);
        self.records = kept;
        // Objects of a release whose records were left out are not lost ones.
        let left: HashSet<(&str, String)> = left.iter().flat_map(places).collect();
        if let Some(owned) = &mut self.owned {
            owned.objects.retain(|one| {
                let of_left = left.contains(&(one.namespace.as_str(), one.release.clone()));
                inside(&one.namespace) && named(&one.release) && !of_left
            });
        }
        let part = !scope.releases.is_empty() || selector.is_some() || scope.driver.is_some();
        self.forget_emptied(|namespace| !part && inside(namespace));
        if selector.is_some() {
            self.scope.selector.clone_from(&scope.selector);
        }
    }

    /// Whether something was seen of that namespace, or would have been if there
    /// were anything: an empty one that was looked at is no typo.
    pub fn holds_namespace(&self, name: &str) -> bool {
        let looked_at = self.scope.namespace.as_deref() == Some(name);
        let seen = matches!(self.namespace(name), Some(NamespaceState::Present { .. }));
        let holds = |record: &Record| record.id.namespace == name;
        looked_at || seen || self.records.iter().any(holds)
    }

    /// The key that a selector compares and whose values were left out when the
    /// survey was saved.
    pub fn left_out<'a>(&self, selector: &'a Selector) -> Option<&'a str> {
        let redacted = |key: &str| {
            let mut records = self.records.iter();
            records.any(|record| record.label(key) == Some(REDACTED))
        };
        selector.compares().find(|key| redacted(key))
    }

    fn selected(&self, selector: &Selector) -> HashSet<Found> {
        let matching = self.records.iter().filter(|record| {
            record.label("owner") == Some("helm") && selector.matches(&record.labels)
        });
        let releases = matching.flat_map(|record| {
            let names = names(record).into_iter();
            names.map(|name| release(record, name))
        });
        releases.collect()
    }
}

/// A release's storage: driver, namespace, name.
type Found = (crate::helm::Driver, String, String);

fn release(record: &Record, name: String) -> Found {
    (record.id.driver, record.id.namespace.clone(), name)
}

/// The release's names: the object's name says one, the label may say another.
fn names(record: &Record) -> Vec<String> {
    let key = record.id.key().map(|key| key.release);
    let label = record.label("name").map(str::to_owned);
    key.into_iter().chain(label).collect()
}

/// Where the record's release is: where it is stored, and where its payload says.
fn places(record: &Record) -> Vec<(&str, String)> {
    let own = record.decoded().map(|release| release.namespace.as_str());
    let namespaces = [Some(record.id.namespace.as_str()), own];
    let names = names(record);
    let pairs = namespaces.into_iter().flatten().flat_map(|namespace| {
        let names = names.clone().into_iter();
        names.map(move |name| (namespace, name))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helm::{Driver, Status};
    use crate::live::ObjectRef;
    use crate::survey::fixture::{ago, deployment, place, present, record, survey};
    use crate::survey::{Owned, SeenOwned, redacted};

    /// Release `web` of which only the second revision bears the label, and
    /// `db`, which has an object.
    fn two() -> Survey {
        let mut records = vec![
            record(1, Status::Superseded, 90),
            record(2, Status::Deployed, 60),
        ];
        records[1].labels.insert("team", "a");
        let mut other = record(1, Status::Deployed, 60);
        other.id.name = "sh.helm.release.v1.db.v1".into();
        other.labels.insert("name", "db");
        records.push(other);
        let mut survey = survey(records);
        let owned = |release: &str| Owned {
            namespace: "shop".into(),
            release: release.into(),
            object: ObjectRef {
                name: release.into(),
                ..deployment()
            },
            created: Some(ago(3600)),
            besides: None,
        };
        survey.owned = Some(SeenOwned {
            objects: vec![owned("db"), owned("lost")],
            unread: Vec::new(),
        });
        survey
    }

    fn left(scope: &Scope, selector: Option<&str>) -> (Vec<String>, Vec<String>) {
        let selector = selector.map(|text| Selector::parse(text).unwrap());
        let mut survey = two();
        survey.narrow(scope, selector.as_ref());
        let key = |record: &Record| record.id.name.replace("sh.helm.release.v1.", "");
        let owned = survey.owned.unwrap().objects.into_iter();
        (
            survey.records.iter().map(key).collect(),
            owned.map(|one| one.release).collect(),
        )
    }

    #[test]
    fn a_selector_means_whole_releases() {
        let all = Scope::default();
        assert_eq!(left(&all, Some("team=a")).0, ["web.v1", "web.v2"]);
        assert_eq!(left(&all, Some("team!=a")).0, ["db.v1", "web.v1", "web.v2"]);
        assert_eq!(left(&all, Some("name notin (web)")).0, ["db.v1"]);
    }

    #[test]
    fn what_was_left_out_is_not_lost() {
        let named = Scope {
            releases: vec!["web".into(), "lost".into()],
            ..Scope::default()
        };
        assert_eq!(left(&named, None).1, ["lost"]);
        let driver = Scope {
            driver: Some(Driver::ConfigMap),
            ..Scope::default()
        };
        assert_eq!(left(&driver, None), (vec![], vec!["lost".to_owned()]));
        let elsewhere = Scope {
            namespace: Some("other".into()),
            ..Scope::default()
        };
        assert_eq!(left(&elsewhere, None), (vec![], vec![]));
        assert_eq!(left(&Scope::default(), None).1, ["db", "lost"]);
    }

    #[test]
    fn an_empty_namespace_is_known_to_be_empty_where_all_of_it_is_looked_at() {
        let known = |scope: &Scope, selector: Option<&str>| {
            let selector = selector.map(|text| Selector::parse(text).unwrap());
            let empty = present(&[("createdBy", "koderover")]);
            let mut survey = place(two(), "empty", empty.clone());
            survey.narrow(scope, selector.as_ref());
            survey.namespace("empty") == Some(&empty)
        };
        let inside = |namespace: &str| Scope {
            namespace: Some(namespace.into()),
            ..Scope::default()
        };
        assert!(known(&Scope::default(), None));
        assert!(known(&inside("empty"), None));
        assert!(!known(&inside("shop"), None));
        assert!(!known(&Scope::default(), Some("team=a")));
        let driver = Scope {
            driver: Some(Driver::Secret),
            ..Scope::default()
        };
        assert!(!known(&driver, None));
        let named = Scope {
            releases: vec!["web".into()],
            ..Scope::default()
        };
        assert!(!known(&named, None));
    }

    #[test]
    fn a_value_that_was_left_out_cannot_be_compared() {
        let selector = |text| Selector::parse(text).unwrap();
        let survey = redacted(two());
        assert_eq!(survey.left_out(&selector("name=web,team=a")), Some("team"));
        assert_eq!(survey.left_out(&selector("team,name=web")), None);
        assert_eq!(two().left_out(&selector("team=a")), None);
    }
}
