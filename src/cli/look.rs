//! Looking: a survey, and whatever the checks still need.

use super::reach::{unreachable, unseen};
use super::settings::Settings;
use crate::cluster::Cluster;
use crate::diagnose::{self, Finding, Policy};
use crate::error::{Exit, Failure};
use crate::execute;
use crate::report::{Voice, count};
use crate::store::Store;
use crate::survey::{LeaseState, Scope, Survey};
use crate::terminal::Progress;

/// How often checks may ask for more: payloads, then objects, and once more for
/// each record that turns out not to decode.
const ROUNDS: usize = 12;

/// Looks at the cluster until no check needs anything more.
pub(super) async fn survey(
    settings: &Settings,
    cluster: &Cluster,
    scope: &Scope,
    policy: &Policy,
) -> Result<Survey, Failure> {
    let progress = settings.terminal.progress("reading the cluster");
    // A repair asks for what it needs, one thing after the other: the fewer
    // requests it makes, the fewer can fail.
    let surveyed = match policy.surroundings {
        true => cluster.survey_ahead(scope).await,
        false => cluster.survey(scope).await,
    };
    let mut survey = surveyed.map_err(|error| unseen(cluster, error))?;
    complete(cluster, &mut survey, policy, &progress).await;
    Ok(survey)
}

/// Looks again until no check needs anything more: what else was seen since may
/// have made them want to know more.
pub(super) async fn again(
    settings: &Settings,
    cluster: &Cluster,
    survey: &mut Survey,
    policy: &Policy,
) {
    let progress = settings.terminal.progress("reading the cluster");
    complete(cluster, survey, policy, &progress).await;
}

async fn complete(cluster: &Cluster, survey: &mut Survey, policy: &Policy, progress: &Progress) {
    for _ in 0..ROUNDS {
        let needs = diagnose::needs(survey, policy);
        if needs.is_empty() {
            return survey.note_unreadable();
        }
        let (records, more) = (survey.records.len(), needs.len());
        progress.say(&format!(
            "reading the cluster: {}, {} more closely",
            count(records, "record"),
            more
        ));
        cluster.answer(survey, &needs, policy.deep).await;
    }
    survey.note_unreadable();
    // What is asked for without end is said to be unread, not forgotten.
    for need in diagnose::needs(survey, policy) {
        survey.give_up(&need, &format!("it was not reached in {ROUNDS} rounds"));
    }
}

/// Looks and judges.
pub(super) async fn diagnosed(
    settings: &Settings,
    cluster: &Cluster,
    scope: &Scope,
    policy: &Policy,
    store: Option<&Store>,
) -> Result<(Survey, Vec<Finding>), Failure> {
    let survey = survey(settings, cluster, scope, policy).await?;
    let findings = judged(&survey, policy, store);
    Ok((survey, findings))
}

/// Judges. With a store, Leases of our own dead runs are known for what they
/// are.
pub(super) fn judged(survey: &Survey, policy: &Policy, store: Option<&Store>) -> Vec<Finding> {
    let mut policy = policy.clone();
    if let Some(store) = store {
        let held = survey.leases.iter().filter_map(|lease| match &lease.state {
            LeaseState::Held { holder, .. } => Some(holder),
            _ => None,
        });
        let dead = held.filter(|holder| execute::died(store, holder));
        policy.own_holders.extend(dead.cloned());
    }
    diagnose::diagnose(survey, &policy)
}

/// That the namespace asked for exists, where nothing was found in it: a typo
/// must not pass for a clean namespace.
pub(super) async fn namespace_found(
    cluster: &Cluster,
    survey: &Survey,
    scope: &Scope,
) -> Result<(), Failure> {
    let Some(namespace) = scope
        .namespace
        .as_ref()
        .filter(|_| survey.records.is_empty())
    else {
        return Ok(());
    };
    let exists = cluster.has_namespace(namespace).await;
    match exists.map_err(|error| unreachable("look for the namespace", error))? {
        Some(false) => {
            let message = format!("there is no namespace {namespace:?}");
            Err(Failure::new(Exit::Findings, message).hint("`kubectl get namespaces` lists them"))
        }
        Some(true) | None => Ok(()),
    }
}

/// That every release asked for by name has records.
pub(super) fn all_found(survey: &Survey, scope: &Scope, voice: &Voice) -> Result<(), Failure> {
    all_told(survey, &[], scope, voice)
}

/// That every release asked for by name has records, or a finding: that they
/// are lost is one.
pub(super) fn all_told(
    survey: &Survey,
    findings: &[Finding],
    scope: &Scope,
    voice: &Voice,
) -> Result<(), Failure> {
    let known = |release: &str| {
        let named =
            |record: &crate::survey::Record| record.release_name().as_deref() == Some(release);
        let told = |finding: &Finding| finding.subject.release.as_deref() == Some(release);
        survey.records.iter().any(named) || findings.iter().any(told)
    };
    let Some(lost) = scope.releases.iter().find(|release| !known(release)) else {
        return Ok(());
    };
    let place = match &scope.namespace {
        Some(namespace) => format!("in namespace {namespace}"),
        None => "in any namespace".to_owned(),
    };
    if let Some(unread) = survey.unread.first() {
        let message = format!(
            "found no release {lost} {place}, but could not read {}",
            unread.what
        );
        return Err(Failure::new(Exit::Unreachable, message).hint(unread.reason.clone()));
    }
    let place = match &scope.selector {
        Some(selector) => format!("{place} that matches {selector:?}"),
        None => place,
    };
    let message = format!("there is no record of a release {lost} {place}");
    let hint = format!(
        "give its storage namespace with -n, or look everywhere: {}",
        voice.own(&["check", "-A"])
    );
    Err(Failure::new(Exit::Findings, message).hint(hint))
}
