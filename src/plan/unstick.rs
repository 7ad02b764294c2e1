//! `unstick`: the safest repair of stuck records.

use crate::diagnose::{Advice, Evidence, Finding, Verdict, garbled};
use crate::helm::Status;
use crate::plan::{Action, Guard, Plan, Refusal, Step, Verb};
use crate::survey::{Payload, Record, Survey};

/// Plans to mark every stuck pending revision among the findings failed.
///
/// Helm then upgrades from the deployed revision if there is one, else from the
/// failed one (3.2.1 and later). Only a verdict of *stale* is acted on; the
/// rest is refused with what it rests on. `fence` makes the record immutable:
/// no evidence can tell a suspended Helm from a dead one, and the late write of
/// one that wakes up is then refused by the API server. `paste` makes an advice's
/// command one to paste.
pub fn unstick(
    survey: &Survey,
    findings: &[Finding],
    fence: bool,
    paste: impl Fn(&Advice) -> Option<String>,
) -> Plan {
    let mut plan = Plan {
        verb: Verb::Unstick,
        cluster: survey.cluster.clone(),
        steps: Vec::new(),
        refused: Vec::new(),
    };
    let hidden = hidden(survey);
    for finding in findings {
        let refuse = |record: &Record, reason| Refusal {
            namespace: record.id.namespace.clone(),
            release: record.release_name().unwrap_or_default(),
            reason,
        };
        if let Some(record) = hidden.iter().find(|one| garbles(finding, one)) {
            let reason = unreadable(record, finding, &paste);
            plan.refused.push(refuse(record, reason));
            continue;
        }
        let stuck = survey.records.iter().find(|record| about(finding, record));
        let (Some(record), Some(verdict)) = (stuck, finding.verdict) else {
            continue;
        };
        // What hides from Helm is why nothing is known, and is told by itself.
        let told = |one: &&Record| {
            let driver = one.id.driver == record.id.driver;
            let place = one.id.namespace == record.id.namespace;
            driver && place && one.release_name() == record.release_name()
        };
        if verdict == Verdict::Unknown && hidden.iter().any(told) {
            continue;
        }
        match refusal(survey, finding, verdict) {
            Some(reason) => plan.refused.push(refuse(record, reason)),
            None => plan.steps.extend(mark_failed(record, fence)),
        }
    }
    plan
}

/// The newest records of releases, where Helm cannot read them and a repair is
/// asked for: by the release's name, or as one of all that are stuck.
fn hidden(survey: &Survey) -> Vec<&Record> {
    let histories = survey.histories().into_iter();
    let newest = histories.filter_map(|history| {
        let newest = history.records.last().copied()?;
        let named = survey.scope.releases.contains(&history.release);
        let asked = named || garbled::announced(newest).is_some();
        (newest.broken() && asked).then_some(newest)
    });
    newest.collect()
}

/// Whether the finding says that Helm cannot read that record.
fn garbles(finding: &Finding, record: &Record) -> bool {
    finding.evidence.iter().any(
        |evidence| matches!(evidence, Evidence::Undecodable { record: one, .. } if *one == record.id),
    )
}

/// Why a release is not repaired whose newest record Helm cannot read, and what
/// to do instead.
fn unreadable(
    record: &Record,
    finding: &Finding,
    paste: impl Fn(&Advice) -> Option<String>,
) -> String {
    let steps = finding.advice.iter().map(|advice| match paste(advice) {
        Some(command) => format!("{}: `{command}`", advice.text),
        None => advice.text.clone(),
    });
    let steps = steps.collect::<Vec<_>>().join("; ");
    let (object, why) = (&record.id, &finding.summary);
    format!("{object}: {why}; it cannot be marked failed, only restored from a snapshot: {steps}")
}

fn about(finding: &Finding, record: &Record) -> bool {
    let subject = &finding.subject;
    record.id.namespace == subject.namespace
        && Some(record.id.driver) == subject.driver
        && record.release_name() == subject.release
        && record.revision() == subject.revision
        && record.labeled()
}

/// Why this finding is not repaired, and what would change the answer.
fn refusal(survey: &Survey, finding: &Finding, verdict: Verdict) -> Option<String> {
    let sign = |evidence: &&Evidence| {
        use Evidence::{GotIn, Hook, Says};
        !matches!(evidence, Says { .. } | GotIn { .. } | Hook { .. })
    };
    let signs = finding.evidence.iter().filter(sign).take(3);
    let signs = signs
        .map(Evidence::to_string)
        .collect::<Vec<_>>()
        .join("; ");
    match (finding.id, verdict) {
        ("stuck-pending", Verdict::Stale) => None,
        ("stuck-uninstalling", Verdict::Stale) => Some(format!(
            "it is uninstalling, which marking it failed would not finish; {}",
            finding.advice.first().map_or("", |advice| &advice.text)
        )),
        (_, Verdict::PossiblyRunning) => Some(format!(
            "it may still be alive: {signs}; wait until this has ended, or remove what is named if you know it is dead"
        )),
        (_, _) if too_large(survey, finding) => Some(format!(
            "it cannot be known whether it is alive: {signs}; nothing is changed: make sure that nobody is at work on it, and go on with Helm"
        )),
        (_, _) => Some(format!(
            "it cannot be known whether it is alive: {signs}; make this readable and look again"
        )),
    }
}

/// Whether all that was not read is too large for us: nobody can make that readable.
fn too_large(survey: &Survey, finding: &Finding) -> bool {
    let unread = finding.evidence.iter().filter_map(|one| match one {
        Evidence::Unread { what, .. } => Some(what),
        _ => None,
    });
    let large = |what: &String| {
        let mut records = survey.records.iter();
        let large = |one: &Record| matches!(one.payload, Payload::TooLarge { .. });
        records.any(|one| large(one) && one.id.to_string() == *what)
    };
    let mut unread = unread.peekable();
    unread.peek().is_some() && unread.all(large)
}

fn mark_failed(record: &Record, fence: bool) -> Option<Step> {
    let release = record.decoded()?;
    let was = &release.status;
    let fenced = match fence {
        true => " and fence it against a Helm that wakes up",
        false => "",
    };
    Some(Step {
        action: Action::EditRecord {
            status: Status::Failed,
            description: format!("Marked failed by zadig-doctor: was stale in {was}"),
            fence,
        },
        object: record.id.clone(),
        release: record.release_name()?,
        guard: Guard::seen(record),
        reason: format!(
            "mark revision {} failed (was {was}), label and payload together{fenced}",
            release.version
        ),
    })
}
