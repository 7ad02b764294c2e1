//! `unstick`: the safest repair of stuck records.

use crate::diagnose::{Evidence, Finding, Verdict};
use crate::helm::Status;
use crate::plan::{Action, Guard, Plan, Refusal, Step, Verb};
use crate::survey::{Record, Survey};

/// Plans to mark every stuck pending revision among the findings failed.
///
/// Helm then upgrades from the deployed revision if there is one, else from the
/// failed one (3.2.1 and later). Only a verdict of *stale* is acted on; the
/// rest is refused with what it rests on. `fence` makes the record immutable:
/// no evidence can tell a suspended Helm from a dead one, and the late write of
/// one that wakes up is then refused by the API server.
pub fn unstick(survey: &Survey, findings: &[Finding], fence: bool) -> Plan {
    let mut plan = Plan {
        verb: Verb::Unstick,
        cluster: survey.cluster.clone(),
        steps: Vec::new(),
        refused: Vec::new(),
    };
    for finding in findings {
        let stuck = survey.records.iter().find(|record| about(finding, record));
        let (Some(record), Some(verdict)) = (stuck, finding.verdict) else {
            continue;
        };
        match refusal(finding, verdict) {
            Some(reason) => plan.refused.push(Refusal {
                namespace: record.id.namespace.clone(),
                release: record.release_name().unwrap_or_default(),
                reason,
            }),
            None => plan.steps.extend(mark_failed(record, fence)),
        }
    }
    plan
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
fn refusal(finding: &Finding, verdict: Verdict) -> Option<String> {
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
        (_, _) => Some(format!(
            "it cannot be known whether it is alive: {signs}; make this readable and look again"
        )),
    }
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
