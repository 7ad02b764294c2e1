//! `check --ready-for`: would that operation go through now?

use super::args::{CheckArgs, Output, ReadyFor};
use super::settings::{Settings, policy};
use super::{connect, look, print, zadig};
use crate::diagnose::ready::{self, Answer, Operation, Question};
use crate::error::{Exit, Failure};
use crate::helm::key::is_release_name;
use crate::report;

impl From<ReadyFor> for Operation {
    fn from(ready_for: ReadyFor) -> Self {
        match ready_for {
            ReadyFor::Upgrade => Self::Upgrade,
            ReadyFor::Rollback => Self::Rollback,
            ReadyFor::Uninstall => Self::Uninstall,
        }
    }
}

/// Surveys, diagnoses, answers for each release that is named; touches nothing.
pub(super) async fn ready(
    settings: &Settings,
    args: &CheckArgs,
    ready_for: ReadyFor,
) -> Result<Exit, Failure> {
    if settings.global.all_namespaces || settings.global.selector.is_some() {
        let message = "--ready-for is about releases of one namespace, and takes no -A and no -l";
        let hint = "give the namespace with -n, and the releases by name";
        return Err(Failure::new(Exit::Usage, message).hint(hint));
    }
    if settings.global.output == Output::Junit {
        let message = "--ready-for answers in words, and cannot be printed as junit";
        let hint = "-o takes table, json and yaml with it; the exit code says the answer, too";
        return Err(Failure::new(Exit::Usage, message).hint(hint));
    }
    if let Some(name) = args.releases.iter().find(|name| !is_release_name(name)) {
        let message = format!("Helm takes no release called {name:?}");
        let hint = "a name is lower case letters, digits, - and ., at most 53 of them; is a variable empty?";
        return Err(Failure::new(Exit::Usage, message).hint(hint));
    }
    let mut policy = policy(&args.life);
    policy.all_revisions = args.all_revisions;
    policy.deep = args.deep;
    policy.surroundings = true;
    let zadig = zadig::connect(settings, &args.zadig)?;
    let cluster = connect::cluster(settings).await?;
    let store = connect::existing_store(settings).unwrap_or(None);
    let mut scope = settings.scope(&args.releases, cluster.default_namespace());
    scope.driver = args.driver.map(Into::into);
    // Whoever says it: a flag, the environment, or the kubeconfig.
    Settings::possible_namespace(scope.namespace.as_deref().unwrap_or_default())?;
    let mut survey = look::survey(settings, &cluster, &scope, &policy).await?;
    if let Some(zadig) = zadig {
        let here = (&cluster, args.zadig.zadig_cluster.clone());
        zadig::ask(settings, &zadig, here, store.as_ref(), &mut survey).await?;
        look::again(settings, &cluster, &mut survey, &policy).await;
    }
    let findings = look::judged(&survey, &policy, store.as_ref());
    let namespace = scope.namespace.unwrap_or_default();
    let more = ready::needs(&survey, &namespace);
    if !more.is_empty() {
        cluster.answer(&mut survey, &more, false).await;
        survey.note_unreadable();
    }
    let operation = Operation::from(ready_for);
    let all: Vec<ready::Ready> = args
        .releases
        .iter()
        .map(|release| {
            let question = Question {
                operation,
                namespace: &namespace,
                release,
                driver: scope.driver.unwrap_or(settings.driver()),
            };
            ready::ready(&survey, &findings, question)
        })
        .collect();
    let text = match settings.json() {
        true => report::ready::ready_json(&survey, operation, &all, &settings.voice),
        false => report::ready::ready_text(&survey, operation, &all, &settings.voice),
    };
    print(settings, &text)?;
    Ok(match report::ready::overall(&all) {
        Answer::Yes => Exit::Done,
        Answer::No => Exit::Findings,
        Answer::Unknown => Exit::Unreachable,
    })
}
