//! What is gone, under which conditions, and what only seems so.

use super::*;
use crate::diagnose::claims::Claims;

#[test]
fn zadig_environment_gone_under_five_conditions() {
    const ID: &str = "zadig-environment-gone";
    let gone = with(healthy(), shop(Vec::new()));
    assert_eq!(told(&gone, ID), [WARNING]);
    let lacking = |change: &dyn Fn(&mut SeenZadig)| {
        let mut zadig = shop(Vec::new());
        change(&mut zadig);
        let survey = with(healthy(), zadig);
        assert_eq!(told(&survey, ID), [UNKNOWN]);
        let findings = diagnose(&survey, &Policy::default());
        let one = findings.iter().find(|one| one.id == ID).unwrap();
        let lacking = one.evidence.iter().filter(|one| one.kind() == "lacking");
        let lacking: Vec<_> = lacking.map(ToString::to_string).collect();
        assert_eq!(lacking.len(), 1, "{lacking:?}");
        lacking[0].clone()
    };
    // 1: an administrator's token.
    let why = lacking(&|zadig| {
        zadig.admin = Proof::Missing {
            reason: "not an administrator".into(),
        }
    });
    assert!(why.contains("not an administrator"), "{why}");
    // 2: whole lists.
    let why = lacking(&|zadig| zadig.projects = Told::part(vec!["shop".into()], "cut"));
    assert!(why.contains("list of projects"), "{why}");
    // 3: both kinds of environments.
    let why = lacking(&|zadig| zadig.environments[1].list = Told::nothing("licence").excused());
    assert!(
        why.contains("production environments of project shop"),
        "{why}"
    );
    // 4: the same cluster.
    let why = lacking(&|zadig| zadig.place.given = None);
    assert!(why.contains("--zadig-cluster"), "{why}");
    // 5: an earlier read that agrees.
    let why = lacking(&|zadig| zadig.earlier.clear());
    assert!(why.contains("five minutes"), "{why}");
    lacking(&|zadig| zadig.earlier = vec![empty(APART - 1)]);
    let had = |seconds| KeptRead {
        namespaces: [(NAMESPACE.to_owned(), KeptClaim::default())].into(),
        ..empty(seconds)
    };
    let why = lacking(&|zadig| zadig.earlier = vec![had(APART)]);
    assert!(why.contains("had it"), "{why}");
    // One in between that had it is no agreement, nor is one of the future.
    lacking(&|zadig| zadig.earlier = vec![had(10), empty(APART)]);
    lacking(&|zadig| zadig.earlier = vec![empty(-APART)]);
    let fine = |earlier| {
        let mut zadig = shop(Vec::new());
        zadig.earlier = earlier;
        told(&with(healthy(), zadig), ID)
    };
    assert_eq!(fine(vec![empty(10), empty(APART)]), [WARNING]);
    assert_eq!(fine(vec![empty(-5), empty(APART)]), [WARNING]);
    assert_eq!(fine(vec![empty(APART), had(2 * APART)]), [WARNING]);
    // An environment whose namespace is not known may be the one.
    let why = lacking(&|zadig| {
        let unknown = ZadigEnvironment {
            namespace: None,
            ..dev()
        };
        zadig.environments[0].list.items.push(unknown);
    });
    assert!(why.contains("environment dev of project shop"), "{why}");
}

#[test]
fn zadig_environment_gone_is_not_said_of_what_was_kept() {
    const ID: &str = "zadig-environment-gone";
    // Another cluster's environment claims nothing here.
    let elsewhere = change(|one| one.cluster = "another".into());
    assert_eq!(told(&with(healthy(), elsewhere), ID), [WARNING]);
    // Stripped of its labels, called as Zadig calls them.
    let mut records = healthy();
    for record in &mut records {
        record.id.namespace = "shop-env-dev".into();
        says(record).namespace = "shop-env-dev".into();
    }
    let mut kept = place(survey(records), "shop-env-dev", present(&[]));
    kept.zadig = Some(shop(Vec::new()));
    assert_eq!(told(&kept, ID), [INFO]);
    // A namespace that nothing connects with Zadig.
    let mut plain = survey(healthy());
    plain.zadig = Some(shop(Vec::new()));
    assert_eq!(told(&plain, ID), []);
    let former = |production, releases: &[&str]| {
        let claim = KeptClaim {
            environments: ["shop/dev".to_owned()].into(),
            production,
            releases: Some(releases.iter().map(|one| (*one).to_owned()).collect()),
        };
        let seen = ago(9000);
        let mut survey = plain.clone();
        let read = &mut survey.zadig.as_mut().unwrap().earlier[0];
        read.former = [(NAMESPACE.to_owned(), FormerClaim { claim, seen })].into();
        told(&survey, ID)
    };
    assert_eq!(former(false, &["web"]), [INFO], "all is there");
    assert_eq!(
        former(false, &["web", "db"]),
        [WARNING],
        "one was uninstalled"
    );
    assert_eq!(
        former(true, &["web", "db"]),
        [INFO],
        "production is never uninstalled"
    );
}

#[test]
fn zadig_project_gone_and_zadig_lost_environment() {
    let mut zadig = shop(Vec::new());
    zadig.projects.items.clear();
    let gone = with(healthy(), zadig.clone());
    assert_eq!(found(&gone), ["zadig-project-gone"]);
    assert_eq!(told(&gone, "zadig-project-gone"), [ERROR]);
    // Its project was there five minutes ago.
    zadig.earlier[0].projects.insert("shop".into());
    assert_eq!(
        told(&with(healthy(), zadig.clone()), "zadig-project-gone"),
        [UNKNOWN]
    );
    // Its environment is there still.
    zadig.earlier[0].projects.clear();
    zadig.environments[0].list.items.push(dev());
    let lost = with(healthy(), zadig);
    assert_eq!(found(&lost), ["zadig-lost-environment"]);
    assert_eq!(told(&lost, "zadig-lost-environment"), [ERROR]);
}

#[test]
fn which_cluster_it_is() {
    let here = |given: Option<&str>, aslan: Told<String>, agent| {
        let zadig = SeenZadig {
            clusters: Told::all(vec![ZadigCluster {
                id: "abc".into(),
                name: "far".into(),
                local: false,
            }]),
            place: Place {
                given: given.map(str::to_owned),
                aslan,
                agent,
                kubernetes: None,
            },
            ..SeenZadig::default()
        };
        zadig.here().map(str::to_owned)
    };
    let none = || Told::all(Vec::new());
    let some = || Told::all(vec!["zadig".to_owned()]);
    assert_eq!(here(None, some(), false).as_deref(), Ok(LOCAL));
    assert_eq!(here(Some("local"), none(), false).as_deref(), Ok(LOCAL));
    assert_eq!(here(Some("abc"), some(), false).as_deref(), Ok("abc"));
    assert!(here(Some("xyz"), some(), false).is_err());
    let why = here(None, none(), true).unwrap_err();
    assert!(why.contains("agent") && why.contains("abc (far)"), "{why}");
    assert!(here(None, Told::nothing("forbidden: x"), false).is_err());
}

#[test]
fn reads_are_kept_far_enough_apart_and_remember() {
    let kept = |zadig: SeenZadig| {
        let survey = with(healthy(), zadig);
        Claims::of(&survey).and_then(|claims| claims.to_keep())
    };
    let times = |reads: &[KeptRead]| -> Vec<i64> {
        reads
            .iter()
            .map(|read| NOW - read.time.as_second())
            .collect()
    };
    let mut zadig = shop(vec![dev()]);
    zadig.earlier = vec![empty(APART), empty(2 * APART)];
    let reads = kept(zadig.clone()).unwrap();
    assert_eq!(times(&reads), [0, APART]);
    let claim = &reads[0].namespaces[NAMESPACE];
    assert_eq!(claim.releases, Some(["web".to_owned()].into()));
    // Too soon, or not whole.
    zadig.earlier = vec![empty(APART - 1)];
    assert_eq!(kept(zadig.clone()), None);
    zadig.earlier.clear();
    zadig.place.given = None;
    assert_eq!(kept(zadig), None);
    // What was claimed once is remembered, release by release.
    let mut later = shop(Vec::new());
    later.earlier = reads.clone();
    later.earlier[0].time = ago(APART);
    let reads = kept(later).unwrap();
    assert_eq!(
        reads[0].former[NAMESPACE].claim.environments,
        ["shop/dev".to_owned()].into()
    );
    let mut again = change_detail(|detail| detail.services = vec![service("db")]);
    again.earlier = reads;
    again.earlier[0].time = ago(APART);
    let reads = kept(again).unwrap();
    assert_eq!(
        reads[0].former[NAMESPACE].claim.releases,
        Some(["web".to_owned()].into())
    );
    let mut back = shop(vec![dev()]);
    back.earlier = reads;
    back.earlier[0].time = ago(APART);
    let former = &kept(back).unwrap()[0].former;
    assert_eq!(
        former[NAMESPACE].claim.releases,
        Some(["db".to_owned()].into())
    );
}
