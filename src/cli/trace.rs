//! `trace`: who changed or removed a release, and when.

use std::path::PathBuf;

use super::args::TraceArgs;
use super::reach::unseen;
use super::settings::Settings;
use super::{connect, files, print, zadig};
use crate::cluster::Cluster;
use crate::diagnose::zadig::labeled_project;
use crate::error::{Exit, Failure};
use crate::helm::Driver;
use crate::live::ObjectRef;
use crate::plan::Receipt;
use crate::report::trace as report;
use crate::snapshot::HistoryId;
use crate::store::{Holding, SavedPayload, Store};
use crate::survey::{Need, Release, Survey};
use crate::trace::{self, Requests, Subject, Told};

pub(super) async fn trace(settings: &Settings, args: &TraceArgs) -> Result<Exit, Failure> {
    if settings.global.all_namespaces || settings.global.selector.is_some() {
        let message = "trace is about one release of one namespace, and takes no -A and no -l";
        return Err(Failure::new(Exit::Usage, message).hint("give the namespace with -n"));
    }
    let zadig = zadig::connect(settings, &args.zadig)?;
    let cluster = connect::cluster(settings).await?;
    let opened = connect::existing_store(settings);
    let operations = match &opened {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err("there is no store on this machine".to_owned()),
        Err(failure) => Err(failure.to_string()),
    };
    let store = opened.ok().flatten();
    let releases = [args.release.clone()];
    let scope = settings.scope(&releases, cluster.default_namespace());
    let progress = settings.terminal.progress("reading the cluster");
    let survey = cluster.survey(&scope).await;
    let mut survey = survey.map_err(|error| unseen(&cluster, error))?;
    let mut subject = Subject {
        namespace: scope.namespace.clone().unwrap_or_default(),
        release: args.release.clone(),
        objects: Vec::new(),
        project: None,
    };
    let place = [Need::Namespace(subject.namespace.clone())];
    cluster.answer(&mut survey, &place, false).await;
    subject.project = labeled_project(&survey, &subject.namespace).map(str::to_owned);
    look_closer(&cluster, store.as_ref(), &mut survey, &mut subject).await;
    let events = cluster.events(&subject.namespace).await;
    drop(progress);
    if let Some(zadig) = &zadig {
        let here = (&cluster, args.zadig.zadig_cluster.clone());
        zadig::ask(settings, zadig, here, store.as_ref(), &mut survey).await?;
    }
    let audited = audited(&args.audit_logs, &subject)?;
    let receipts = store.as_ref().map(|store| receipts(store, &survey));
    let receipts = receipts.transpose()?.unwrap_or_default();
    let told = Told {
        survey: &survey,
        events: events.as_deref().unwrap_or_default(),
        receipts: &receipts,
    };
    let heard = report::Heard {
        events: events
            .as_ref()
            .map(Vec::len)
            .map_err(|error| error.reason()),
        operations,
        audit: (!args.audit_logs.is_empty()).then_some(audited.log),
    };
    let timeline = trace::timeline(&subject, told, audited.claims());
    let verdict = trace::verdict(&subject, &survey, &timeline);
    let trace = report::Trace {
        subject: &subject,
        survey: &survey,
        timeline: &timeline,
        verdict: &verdict,
        heard: &heard,
    };
    let text = match settings.json() {
        true => report::trace_json(&trace),
        false => report::trace_text(&trace, &settings.voice),
    };
    print(settings, &text)?;
    Ok(match survey.unread.is_empty() {
        true => Exit::Done,
        false => Exit::Unreachable,
    })
}

/// Reads the release's records and what its last known manifest names.
async fn look_closer(
    cluster: &Cluster,
    store: Option<&Store>,
    survey: &mut Survey,
    subject: &mut Subject,
) {
    let own = survey.records.iter().filter(|one| subject.owns(&one.id));
    let payloads: Vec<_> = own.map(|record| Need::Payload(record.id.clone())).collect();
    cluster.answer(survey, &payloads, false).await;
    survey.note_too_large();
    let own = survey.records.iter().filter(|one| subject.owns(&one.id));
    let newest = own.filter_map(|record| record.decoded());
    let newest = newest.max_by_key(|release| release.version);
    subject.objects = match newest {
        Some(release) => named(release),
        None => store
            .and_then(|store| saved(store, survey, subject))
            .unwrap_or_default(),
    };
    let namespace = || subject.namespace.clone();
    let objects = subject.objects.iter().cloned();
    let objects: Vec<_> = objects
        .map(|object| Need::Object {
            namespace: namespace(),
            object,
        })
        .collect();
    cluster.answer(survey, &objects, false).await;
}

fn named(release: &Release) -> Vec<ObjectRef> {
    let hooks = release.hooks.iter().map(|hook| &hook.object);
    release.objects.iter().chain(hooks).cloned().collect()
}

/// What the newest saved revision names, if there is a snapshot of this cluster
/// that holds one.
fn saved(store: &Store, survey: &Survey, subject: &Subject) -> Option<Vec<ObjectRef>> {
    let summaries = store.list().ok()?;
    let here = summaries.iter().rev();
    let here = here.filter(|one| one.about.cluster == survey.cluster);
    here.filter_map(|summary| store.holding(&summary.id).ok())
        .find_map(|mut holding| newest(&mut holding, subject))
}

/// What the newest revision that a snapshot holds names.
fn newest(holding: &mut Holding<'_>, subject: &Subject) -> Option<Vec<ObjectRef>> {
    let histories = Driver::ALL.map(|driver| HistoryId {
        driver,
        namespace: subject.namespace.clone(),
        name: subject.release.clone(),
    });
    let records = histories.iter().filter_map(|id| holding.history(id).ok());
    let records: Vec<_> = records.flatten().collect();
    let newest = records.iter().max_by_key(|id| subject.revision(&id.name))?;
    match holding.payload(newest).ok()? {
        SavedPayload::Json(json) => Release::read(&json).ok().map(|release| named(&release)),
        _ => None,
    }
}

/// Our own operations on this cluster.
fn receipts(store: &Store, survey: &Survey) -> Result<Vec<Receipt>, Failure> {
    let mut all = store.operations().map_err(connect::unstored)?;
    all.retain(|receipt| receipt.plan.cluster == survey.cluster);
    Ok(all)
}

fn audited(files: &[PathBuf], subject: &Subject) -> Result<Requests, Failure> {
    let mut requests = Requests::default();
    for file in files {
        let read = files::lines(file, |line| requests.take(line, subject));
        read.map_err(|error| {
            let message = format!("failed to read the audit log {}", file.display());
            Failure::caused(Exit::Usage, message, error)
                .hint("it is the file that kube-apiserver's --audit-log-path names, or part of it")
        })?;
    }
    if requests.log.events == 0 && requests.log.others > 0 {
        let message = "what was given with --audit-log holds no audit events";
        let hint = "each line must be JSON of audit.k8s.io/v1, as kube-apiserver writes it";
        return Err(Failure::new(Exit::Usage, message).hint(hint));
    }
    Ok(requests)
}
