//! What a snapshot holds, release by release.

use std::collections::BTreeMap;

use super::{SavedRecord, Snapshot};
use crate::helm::Driver;
use crate::survey::Unread;

/// The saved records of one release, in one namespace and driver.
#[derive(Clone, Debug)]
pub struct SavedRelease<'a> {
    /// The storage namespace.
    pub namespace: &'a str,
    /// Which kind of object held it.
    pub driver: Driver,
    /// Its name; a record's own where Helm did not name it.
    pub release: String,
    /// Its records, by ascending revision.
    pub records: Vec<&'a SavedRecord>,
    /// Whether the other driver held records of it too.
    pub twin: bool,
}

impl<'a> SavedRelease<'a> {
    /// The record of the highest revision.
    pub fn newest(&self) -> Option<&'a SavedRecord> {
        self.records.last().copied()
    }

    /// The record of that revision.
    pub fn revision(&self, number: u32) -> Option<&'a SavedRecord> {
        let is = |saved: &&&SavedRecord| saved.revision() == Some(number);
        self.records.iter().find(is).copied()
    }

    /// The payloads' size as the cluster stored them.
    pub fn bytes(&self) -> u64 {
        self.records.iter().map(|saved| saved.bytes).sum()
    }
}

impl SavedRecord {
    /// The revision that its name says, if Helm made the name.
    pub fn revision(&self) -> Option<u32> {
        self.id.key().map(|key| key.revision)
    }
}

impl Snapshot {
    /// The releases it holds, by namespace, name and driver: those of that
    /// namespace, and of these names if there are any.
    pub fn by_release(&self, namespace: Option<&str>, names: &[String]) -> Vec<SavedRelease<'_>> {
        let mut found: BTreeMap<_, Vec<&SavedRecord>> = BTreeMap::new();
        for saved in &self.records {
            let id = &saved.id;
            let key = id.key().map(|key| key.release);
            let release = key.unwrap_or_else(|| id.name.clone());
            let meant = namespace.is_none_or(|namespace| namespace == id.namespace)
                && (names.is_empty() || names.contains(&release));
            if meant {
                let at = (id.namespace.as_str(), release, id.driver);
                found.entry(at).or_default().push(saved);
            }
        }
        let mut releases: Vec<SavedRelease<'_>> = found
            .into_iter()
            .map(|((namespace, release, driver), mut records)| {
                records.sort_by_key(|saved| saved.revision());
                SavedRelease {
                    namespace,
                    driver,
                    release,
                    records,
                    twin: false,
                }
            })
            .collect();
        for at in 1..releases.len() {
            let (before, after) = (&releases[at - 1], &releases[at]);
            if before.namespace == after.namespace && before.release == after.release {
                releases[at - 1].twin = true;
                releases[at].twin = true;
            }
        }
        releases
    }

    /// What is missing of the releases of these names, of that namespace if one is
    /// given; and what does not say whose it is.
    pub fn missing_of(&self, namespace: Option<&str>, names: &[String]) -> Vec<&Unread> {
        let of = |missing: &Unread, name: &str| {
            missing.may_be_of(namespace, None, Some(name)) != Some(false)
        };
        let missing = self.missing.iter();
        missing
            .filter(|one| names.iter().any(|name| of(one, name)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::SnapshotId;
    use crate::survey::{RecordId, Scope};

    fn saved(namespace: &str, driver: Driver, name: &str) -> SavedRecord {
        SavedRecord {
            id: RecordId {
                namespace: namespace.into(),
                driver,
                name: name.into(),
            },
            uid: String::new(),
            resource_version: String::new(),
            bytes: 10,
        }
    }

    #[test]
    fn records_are_gathered_by_release() {
        let (secret, map) = (Driver::Secret, Driver::ConfigMap);
        let mut snapshot = Snapshot {
            id: SnapshotId("a".into()),
            time: jiff::Timestamp::UNIX_EPOCH,
            cluster: None,
            reason: "backup".into(),
            note: String::new(),
            tags: Vec::new(),
            scope: Scope::default(),
            version: None,
            objects: Vec::new(),
            records: vec![
                saved("shop", secret, "sh.helm.release.v1.web.v10"),
                saved("shop", secret, "sh.helm.release.v1.web.v9"),
                saved("shop", map, "sh.helm.release.v1.web.v1"),
                saved("shop", secret, "odd"),
                saved("other", secret, "sh.helm.release.v1.web.v2"),
            ],
            missing: Vec::new(),
        };
        let told = |namespace, names: &[&str]| -> Vec<String> {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            let releases = snapshot.by_release(namespace, &names);
            let line = |one: &SavedRelease<'_>| {
                let numbers: Vec<_> = one.records.iter().map(|saved| saved.revision()).collect();
                format!(
                    "{}/{} {} {numbers:?} {}",
                    one.namespace, one.release, one.driver, one.twin
                )
            };
            releases.iter().map(line).collect()
        };
        assert_eq!(
            told(None, &[]),
            [
                "other/web secret [Some(2)] false",
                "shop/odd secret [None] false",
                "shop/web secret [Some(9), Some(10)] true",
                "shop/web configmap [Some(1)] true",
            ]
        );
        assert_eq!(
            told(Some("other"), &["web"]),
            ["other/web secret [Some(2)] false"]
        );
        assert!(told(Some("other"), &["odd"]).is_empty());
        let shop = snapshot.by_release(Some("shop"), &["web".to_owned()]);
        assert_eq!(shop[0].newest().and_then(SavedRecord::revision), Some(10));
        assert!(shop[0].revision(9).is_some() && shop[0].revision(1).is_none());
        assert_eq!(shop[0].bytes(), 20);
        for (what, here, anywhere) in [
            ("Secret shop/sh.helm.release.v1.web.v3", true, true),
            ("ConfigMap shop/sh.helm.release.v1.web.v3", true, true),
            ("Secret other/sh.helm.release.v1.web.v3", false, true),
            ("Secret shop/sh.helm.release.v1.db.v3", false, false),
            (
                "Objects of Secret shop/sh.helm.release.v1.web.v3",
                true,
                true,
            ),
            (
                "Objects of Secret shop/sh.helm.release.v1.db.v3",
                false,
                false,
            ),
            ("all records of shop/web (secret)", true, true),
            ("all records of shop/db (secret)", false, false),
            ("all records of ?/? (?)", true, true),
            ("secrets in all namespaces", true, true),
            ("configmaps in namespace other", false, true),
            ("Certificate shop/db", true, true),
            ("ConfigMap other/db", true, true),
            ("records that were still to be read", true, true),
        ] {
            let (what, reason) = (what.to_owned(), String::new());
            snapshot.missing = vec![Unread { what, reason }];
            let told = |namespace| {
                let missing = snapshot.missing_of(namespace, &["web".to_owned()]);
                !missing.is_empty()
            };
            let found = (told(Some("shop")), told(None));
            assert_eq!(found, (here, anywhere), "{:?}", snapshot.missing);
        }
        // An archive may say anything.
        let what = "Objects of ".repeat(1 << 20);
        let reason = String::new();
        let hostile = Unread { what, reason };
        assert_eq!(hostile.may_be_of(None, None, Some("web")), None);
        let (what, reason) = ("all records of shop/web (secret)".into(), String::new());
        let of =
            |driver| Unread::may_be_of(&Unread { what, reason }, None, Some(driver), Some("web"));
        assert_eq!(of(Driver::ConfigMap), Some(false));
    }
}
