//! Zadig and the cluster, compared: fires, stays silent, near misses.

use std::collections::BTreeSet;

use super::{healthy, only, stuck};
use crate::diagnose::claims::APART;
use crate::diagnose::*;
use crate::survey::fixture::{NAMESPACE, NOW, ago, place, present, says, survey};
use crate::survey::zadig::{
    Detail, EnvironmentDetail, FormerClaim, KeptClaim, KeptRead, LOCAL, Place, Proof, Told,
    ZadigApi, ZadigCluster, ZadigEnvironment, ZadigList, ZadigOperation, ZadigService,
};
use crate::survey::{Record, SeenZadig, Survey};

mod gone;
mod services;

const BOTH: &[(&str, &str)] = &[("createdBy", "koderover"), ("s-product", "shop")];

fn service(name: &str) -> ZadigService {
    ZadigService {
        name: name.into(),
        release: Some(name.into()),
        updated: Some(ago(7200)),
        status: Some("deployed".into()),
        ..ZadigService::default()
    }
}

/// Environment `dev`, which uses the fixture's namespace and has service `web`.
fn dev() -> ZadigEnvironment {
    ZadigEnvironment {
        name: "dev".into(),
        namespace: Some(NAMESPACE.into()),
        cluster: LOCAL.into(),
        status: "success".into(),
        updated: Some(ago(7200)),
        detail: Detail::Read(EnvironmentDetail {
            services: vec![service("web")],
            ..EnvironmentDetail::default()
        }),
    }
}

fn list(project: &str, production: bool, items: Vec<ZadigEnvironment>) -> ZadigList {
    ZadigList {
        project: project.into(),
        production,
        list: Told::all(items),
    }
}

/// A Zadig that an administrator read whole, with project `shop`.
fn shop(environments: Vec<ZadigEnvironment>) -> SeenZadig {
    SeenZadig {
        server: "https://zadig.example.com".into(),
        api: Some(ZadigApi::Audited),
        admin: Proof::Proven,
        place: Place {
            given: Some("local".into()),
            ..Place::default()
        },
        projects: Told::all(vec!["shop".into()]),
        environments: vec![
            list("shop", false, environments),
            list("shop", true, vec![]),
        ],
        earlier: vec![empty(APART)],
        ..SeenZadig::default()
    }
}

/// An earlier read in which nothing was claimed.
fn empty(seconds: i64) -> KeptRead {
    KeptRead {
        time: ago(seconds),
        ..KeptRead::default()
    }
}

fn with(records: Vec<Record>, zadig: SeenZadig) -> Survey {
    let mut survey = place(survey(records), NAMESPACE, present(BOTH));
    survey.zadig = Some(zadig);
    survey
}

/// Severity and verdict of that check's findings.
fn told(survey: &Survey, id: &str) -> Vec<(Severity, Option<Verdict>)> {
    let findings = diagnose(survey, &Policy::default());
    let ours = findings.into_iter().filter(|one| one.id == id);
    ours.map(|one| (one.severity, one.verdict)).collect()
}

fn found(survey: &Survey) -> Vec<&'static str> {
    let findings = diagnose(survey, &Policy::default());
    let ids: BTreeSet<_> = findings.iter().map(|one| one.id).collect();
    ids.into_iter()
        .filter(|id| *id != "zadig-managed")
        .collect()
}

fn change(environment: impl FnOnce(&mut ZadigEnvironment)) -> SeenZadig {
    let mut one = dev();
    environment(&mut one);
    shop(vec![one])
}

fn change_detail(detail: impl FnOnce(&mut EnvironmentDetail)) -> SeenZadig {
    change(|one| match &mut one.detail {
        Detail::Read(read) => detail(read),
        _ => panic!("it was read"),
    })
}

const ERROR: (Severity, Option<Verdict>) = (Severity::Error, None);
const WARNING: (Severity, Option<Verdict>) = (Severity::Warning, None);
const INFO: (Severity, Option<Verdict>) = (Severity::Info, None);
const UNKNOWN: (Severity, Option<Verdict>) = (Severity::Warning, Some(Verdict::Unknown));

fn operation(function: &str, target: &str) -> ZadigOperation {
    ZadigOperation {
        time: Some(ago(60)),
        user: "alice".into(),
        project: "shop".into(),
        method: "删除".into(),
        function: function.into(),
        targets: vec![target.into()],
        status: 200,
    }
}
