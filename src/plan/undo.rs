//! `undo`: a plan that takes back what a receipt says was done.

use std::collections::BTreeSet;

use crate::diagnose::{Finding, Verdict};
use crate::plan::{Action, Guard, Outcome, Plan, Receipt, Refusal, Step, Verb};
use crate::survey::RecordId;

/// Plans to put back what the operation changed, last change first.
///
/// An edited record is deleted and created as its snapshot holds it: a fence
/// cannot be taken off an object (Kubernetes refuses to make `immutable` false
/// again). Guards are what the operation left: whatever was written since then
/// makes the plan stop. A step whose outcome is unknown is refused, and so is a
/// release of which `findings` say that another revision may be in the making:
/// its Helm may be reading the record that would be gone for a moment. What one
/// of `before`, undos of it that did not come to their end, has put back already
/// is left alone.
pub fn undo(receipt: &Receipt, before: &[Receipt], findings: &[Finding]) -> Plan {
    let mut plan = Plan {
        verb: Verb::Undo,
        cluster: receipt.plan.cluster.clone(),
        steps: Vec::new(),
        refused: Vec::new(),
    };
    let put_back: Vec<_> = before.iter().map(put_back).collect();
    for (step, outcome) in receipt.plan.steps.iter().zip(receipt.outcomes()).rev() {
        if put_back.iter().any(|undone| undone.contains(&step.object)) {
            continue;
        }
        if let Some(reason) = in_the_making(receipt, step, findings) {
            plan.refused.push(Refusal {
                namespace: step.object.namespace.clone(),
                release: step.release.clone(),
                reason,
            });
            continue;
        }
        match outcome {
            Outcome::Done {
                is,
                uid,
                resource_version,
            } => {
                let left = Guard::Seen {
                    uid: uid.unwrap_or_default(),
                    resource_version: resource_version.unwrap_or_default(),
                    digest: is,
                };
                take_back(receipt, step, left, &mut plan.steps);
            }
            Outcome::Started { .. } | Outcome::Unknown(_) => plan.refused.push(Refusal {
                namespace: step.object.namespace.clone(),
                release: step.release.clone(),
                reason: format!("it is not known whether {} was written", step.object),
            }),
            Outcome::NotStarted | Outcome::Refused(_) => {}
        }
    }
    plan
}

/// The objects to which that undo did all that it had to do.
fn put_back(undo: &Receipt) -> BTreeSet<&RecordId> {
    let steps = undo.plan.steps.iter().map(|step| &step.object);
    let (done, open): (Vec<_>, Vec<_>) = steps
        .zip(undo.outcomes())
        .partition(|(_, outcome)| outcome.done());
    let open: BTreeSet<_> = open.into_iter().map(|(object, _)| object).collect();
    let done = done.into_iter().map(|(object, _)| object);
    done.filter(|object| !open.contains(object)).collect()
}

/// The sign of life of another revision of the step's release.
fn in_the_making(receipt: &Receipt, step: &Step, findings: &[Finding]) -> Option<String> {
    let ours = |finding: &Finding| {
        let subject = &finding.subject;
        let mut steps = receipt.plan.steps.iter();
        steps.any(|other| {
            other.release() == step.release()
                && Some(other.object.driver) == subject.driver
                && other.object.key().map(|key| key.revision) == subject.revision
        })
    };
    let alive = |finding: &&Finding| {
        finding.subject.namespace == step.object.namespace
            && finding.subject.release.as_deref() == Some(&step.release)
            && finding
                .verdict
                .is_some_and(|verdict| verdict != Verdict::Stale)
            && !ours(finding)
    };
    let finding = findings.iter().find(alive)?;
    Some(format!(
        "another operation may be at work on it: {}",
        finding.summary
    ))
}

fn take_back(receipt: &Receipt, step: &Step, left: Guard, steps: &mut Vec<Step>) {
    let make = |action, guard, reason| Step {
        action,
        object: step.object.clone(),
        release: step.release.clone(),
        guard,
        reason,
    };
    let create = Action::CreateRecord {
        from: receipt.snapshot.clone(),
        fit: None,
    };
    let back = format!("put it back as snapshot {} holds it", receipt.snapshot);
    match step.action {
        Action::EditRecord { .. } => {
            let reason = "remove the edited record, which a fence keeps from being changed back";
            steps.push(make(Action::DeleteRecord, left, reason.to_owned()));
            let step = steps.len() - 1;
            steps.push(make(create, Guard::LeftBy { step }, back));
        }
        Action::DeleteRecord => {
            let same = |earlier: &Step| earlier.object == step.object;
            let guard = match steps.iter().rposition(same) {
                Some(step) => Guard::LeftBy { step },
                None => Guard::Absent,
            };
            steps.push(make(create, guard, back));
        }
        Action::CreateRecord { .. } => {
            let reason = "remove the record that was put back".to_owned();
            steps.push(make(Action::DeleteRecord, left, reason));
        }
    }
}
