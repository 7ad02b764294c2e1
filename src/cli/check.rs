//! `check` and `explain`.

use super::args::{CheckArgs, Output};
use super::settings::{Settings, policy};
use super::{connect, files, look, print, ready, zadig};
use crate::diagnose::{self, Finding, Policy, checks};
use crate::error::{Exit, Failure};
use crate::report;
use crate::report::check::{json, junit, table};
use crate::store::Store;
use crate::survey::{Scope, Selector, Survey, redacted};

/// Surveys, diagnoses, reports; touches nothing.
pub(super) async fn check(settings: &Settings, args: &CheckArgs) -> Result<Exit, Failure> {
    if let Some(operation) = args.ready_for {
        return ready::ready(settings, args, operation).await;
    }
    let mut policy = policy(&args.life);
    policy.all_revisions = args.all_revisions;
    policy.deep = args.deep;
    policy.surroundings = true;
    let (survey, findings, scope) = match &args.from {
        Some(file) => {
            let (survey, scope) = narrowed(settings, args, files::load(file)?)?;
            let store = connect::existing_store(settings).unwrap_or(None);
            let (survey, findings) = offline(survey, &policy, store.as_ref());
            (survey, findings, scope)
        }
        None => {
            let zadig = zadig::connect(settings, &args.zadig)?;
            let cluster = connect::cluster(settings).await?;
            let store = match zadig {
                Some(_) => zadig::store(settings),
                None => connect::existing_store(settings).unwrap_or(None),
            };
            let store = store.as_ref();
            let mut scope = settings.scope(&args.releases, cluster.default_namespace());
            scope.driver = args.driver.map(Into::into);
            let mut survey = look::survey(settings, &cluster, &scope, &policy).await?;
            if let Some(zadig) = zadig {
                let here = (&cluster, args.zadig.zadig_cluster.clone());
                zadig::ask(settings, &zadig, here, store, &mut survey).await?;
                look::again(settings, &cluster, &mut survey, &policy).await;
                zadig::keep(settings, store, &survey);
            }
            let findings = look::judged(&survey, &policy, store);
            look::namespace_found(&cluster, &survey, &scope).await?;
            (survey, findings, scope)
        }
    };
    look::all_told(&survey, &findings, &scope, &settings.voice)?;
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

/// The part of a file that was asked for, and what that is.
fn narrowed(
    settings: &Settings,
    args: &CheckArgs,
    mut survey: Survey,
) -> Result<(Survey, Scope), Failure> {
    let selector = settings.global.selector.as_deref();
    let selector = selector.map(Selector::parse).transpose();
    let selector = selector.map_err(|error| {
        Failure::caused(Exit::Usage, "-l is no label selector", error)
            .hint("such as -l team=shop, or -l 'team in (shop, web), !canary'")
    })?;
    if let Some(key) = selector.as_ref().and_then(|one| survey.left_out(one)) {
        let message = format!("the values of label {key} were left out when the file was written");
        let hint = "write it with --save and --save-unredacted, or name releases";
        return Err(Failure::new(Exit::Usage, message).hint(hint));
    }
    let scope = Scope {
        namespace: settings.global.namespace.clone(),
        releases: args.releases.clone(),
        selector: settings.global.selector.clone(),
        driver: args.driver.map(Into::into),
    };
    let held = scope
        .namespace
        .as_ref()
        .is_none_or(|name| survey.holds_namespace(name));
    survey.narrow(&scope, selector.as_ref());
    if !held {
        let message = format!(
            "the file says nothing of a namespace {:?}",
            scope.namespace.unwrap_or_default()
        );
        return Err(
            Failure::new(Exit::Findings, message).hint("without -n all that it holds is judged")
        );
    }
    Ok((survey, scope))
}

/// Judges what a file holds. What it does not hold cannot be fetched any more.
fn offline(mut survey: Survey, policy: &Policy, store: Option<&Store>) -> (Survey, Vec<Finding>) {
    for need in diagnose::needs(&survey, policy) {
        survey.give_up(&need, "the file does not hold it");
    }
    survey.note_too_large();
    let findings = look::judged(&survey, policy, store);
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
