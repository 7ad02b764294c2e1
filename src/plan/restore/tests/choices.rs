//! Which records of a snapshot are meant.

use super::*;
use crate::snapshot::Snapshot;
use crate::survey::{Scope, Unread};

#[test]
fn it_must_be_clear_what_is_meant() {
    let at = |namespace: &str, name: &str| SavedRecord {
        id: RecordId {
            namespace: namespace.into(),
            driver: Driver::Secret,
            name: name.into(),
        },
        uid: String::new(),
        resource_version: String::new(),
        bytes: 0,
    };
    let name = |release: &str| format!("sh.helm.release.v1.{release}.v1");
    let snapshot = Snapshot {
        id: SnapshotId("ab12".into()),
        time: ago(0),
        cluster: None,
        reason: "backup".into(),
        records: vec![
            at("a", &name("web")),
            at("a", &name("db")),
            at("b", &name("web")),
            at("c", "odd"),
        ],
        missing: Vec::new(),
        note: String::new(),
        tags: Vec::new(),
        scope: Scope::default(),
        version: None,
        objects: Vec::new(),
    };
    let choice = |releases: &[&str], namespace, all_namespaces, together| {
        let releases: Vec<_> = releases.iter().map(|name| (*name).to_owned()).collect();
        let choice = Choice {
            releases: &releases,
            replace: &[],
            namespace,
            all_namespaces,
            together,
        };
        let chosen = choose(&snapshot, &choice);
        chosen
            .map(|chosen| chosen.len())
            .map_err(|error| error.to_string())
    };
    assert_eq!(choice(&[], None, false, false), Ok(4));
    assert_eq!(choice(&[], Some("a"), false, true), Ok(2));
    assert_eq!(choice(&["db"], None, true, false), Ok(2), "it may be odd");
    assert_eq!(choice(&["x"], None, false, true), Ok(1), "it may be odd");
    assert_eq!(choice(&["db", "x"], None, false, false), Ok(2));
    // What is odd elsewhere is not of it.
    assert_eq!(choice(&["db"], None, false, true), Ok(1));
    assert_eq!(choice(&["web"], Some("b"), false, true), Ok(1));
    assert_eq!(choice(&["web"], None, true, false), Ok(3));
    // One of that name is to be replaced, and nobody says which.
    let web = ["web".to_owned()];
    let replace = |namespace| Choice {
        releases: &[],
        replace: &web,
        namespace,
        all_namespaces: false,
        together: false,
    };
    assert!(choose(&snapshot, &replace(None)).is_err());
    assert_eq!(choose(&snapshot, &replace(Some("b"))).unwrap().len(), 1);
    let error = |releases: &[&str], namespace, together| {
        choice(releases, namespace, false, together).unwrap_err()
    };
    assert_eq!(
        error(&["web"], None, false),
        "the snapshot holds release web of several namespaces: a, b"
    );
    assert_eq!(
        error(&["db"], Some("b"), false),
        "the snapshot holds no release db in namespace b"
    );
    assert_eq!(
        error(&[], Some("x"), false),
        "the snapshot holds no records of namespace x"
    );
    assert!(error(&[], None, true).contains("of several namespaces: a, b, c"));
}

/// Who names no release means also those of which nothing was saved.
#[test]
fn of_all_whatever_was_to_be_saved_is_lost() {
    let mut asked = asked(&history(), &[]);
    asked.all = true;
    for (what, of_all, of_the_shop) in [
        ("secrets in all namespaces", true, true),
        ("configmaps in namespace shop", true, true),
        ("Secret shop/sh.helm.release.v1.db.v1", true, true),
        ("all records of other/web (secret)", true, false),
        ("secrets in namespace other", true, false),
        ("Certificate shop/web", false, false),
    ] {
        asked.missing = vec![Unread {
            what: what.into(),
            reason: "forbidden".into(),
        }];
        for (from, lost) in [(None, of_all), (Some("shop"), of_the_shop)] {
            asked.from = from.map(str::to_owned);
            assert_eq!(!asked.lost().is_empty(), lost, "{what} from {from:?}");
        }
    }
}
