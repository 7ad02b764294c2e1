//! `check` and `explain`.

use super::args::{CheckArgs, Output};
use super::settings::{Settings, policy};
use super::{connect, files, look, print, ready};
use crate::diagnose::{self, Finding, Policy, checks};
use crate::error::{Exit, Failure};
use crate::report;
use crate::report::check::{json, junit, table};
use crate::survey::{Scope, Survey, redacted};

/// Surveys, diagnoses, reports; touches nothing.
pub(super) async fn check(settings: &Settings, args: &CheckArgs) -> Result<Exit, Failure> {
    if let Some(operation) = args.ready_for {
        return ready::ready(settings, args, operation).await;
    }
    let mut policy = policy(&args.life);
    policy.all_revisions = args.all_revisions;
    policy.deep = args.deep;
    policy.surroundings = true;
    let (survey, findings) = match &args.from {
        Some(file) => offline(narrowed(settings, args, files::load(file)?)?, &policy),
        None => {
            let cluster = connect::cluster(settings).await?;
            let store = connect::existing_store(settings).unwrap_or(None);
            let mut scope = settings.scope(&args.releases, cluster.default_namespace());
            scope.driver = args.driver.map(Into::into);
            let looked = look::diagnosed(settings, &cluster, &scope, &policy, store.as_ref());
            let (survey, findings) = looked.await?;
            look::namespace_found(&cluster, &survey, &scope).await?;
            look::all_found(&survey, &scope, &settings.voice)?;
            (survey, findings)
        }
    };
    if let Some(file) = &args.save {
        match args.save_unredacted {
            true => files::save(file, &survey)?,
            false => files::save(file, &redacted(survey.clone()))?,
        }
    }
    let text = render(settings, args, &survey, &findings);
    print(settings, &text)?;
    let failed = findings
        .iter()
        .any(|finding| args.fail_on.fails(finding.severity));
    let found = match failed {
        true => Exit::Findings,
        false => Exit::Done,
    };
    Ok(match survey.unread.is_empty() {
        true => found,
        false => found.and(Exit::Unreachable),
    })
}

fn render(settings: &Settings, args: &CheckArgs, survey: &Survey, findings: &[Finding]) -> String {
    let voice = &settings.voice;
    match settings.global.output {
        Output::Table => table::short(survey, findings, voice),
        Output::Wide => table::wide(survey, findings, voice),
        // YAML is made of it when it is printed.
        Output::Json | Output::Yaml => json::check(survey, findings, voice),
        Output::Junit => {
            let fails = |severity| args.fail_on.fails(severity);
            junit::check(survey, findings, voice, fails)
        }
    }
}

/// The part of a saved survey that was asked for.
fn narrowed(settings: &Settings, args: &CheckArgs, mut survey: Survey) -> Result<Survey, Failure> {
    if settings.global.selector.is_some() {
        let message = "a saved survey cannot be narrowed by a label selector";
        return Err(Failure::new(Exit::Usage, message).hint("leave out -l, or name releases"));
    }
    let scope = Scope {
        namespace: settings.global.namespace.clone(),
        releases: args.releases.clone(),
        selector: None,
        driver: args.driver.map(Into::into),
    };
    survey.narrow(|record| {
        let release = record.release_name().unwrap_or_default();
        scope
            .namespace
            .as_ref()
            .is_none_or(|namespace| *namespace == record.id.namespace)
            && scope.driver.is_none_or(|driver| driver == record.id.driver)
            && (scope.releases.is_empty() || scope.releases.contains(&release))
    });
    look::all_found(&survey, &scope, &settings.voice)?;
    Ok(survey)
}

/// Judges a saved survey. What it does not hold cannot be fetched any more.
fn offline(mut survey: Survey, policy: &Policy) -> (Survey, Vec<Finding>) {
    for need in diagnose::needs(&survey, policy) {
        survey.give_up(&need, "the saved survey does not hold it");
    }
    let findings = diagnose::diagnose(&survey, policy);
    (survey, findings)
}

/// Says what a check means, or lists them all.
pub(super) fn explain(settings: &Settings, id: Option<&str>) -> Result<Exit, Failure> {
    let voice = &settings.voice;
    let unknown = |id: &str| {
        let hint = format!("`{} explain` lists all checks", voice.invoked);
        Failure::new(Exit::Usage, format!("there is no check {id:?}")).hint(hint)
    };
    let wanted = match id {
        Some(id) => vec![checks::find(id).ok_or_else(|| unknown(id))?],
        None => checks::CHECKS.to_vec(),
    };
    let text = match (settings.json(), id) {
        (true, _) => report::explain::to_json(&wanted, voice),
        (false, Some(_)) => report::explain::text(wanted[0], voice),
        (false, None) => report::explain::list(voice),
    };
    print(settings, &text)
}
