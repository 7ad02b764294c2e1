//! What verbs that write print: plans and receipts.

use serde::Serialize;

use super::{Voice, count, json, prose::prose};
use crate::plan::{Action, Guard, Outcome, Plan, Receipt, Refusal, Step};

#[derive(Serialize)]
struct PlanV1<'a> {
    schema: &'static str,
    digest: String,
    steps: Vec<StepV1<'a>>,
    refused: Vec<RefusalV1<'a>>,
}

#[derive(Serialize)]
struct StepV1<'a> {
    action: &'static str,
    object: String,
    guard: String,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
}

#[derive(Serialize)]
struct RefusalV1<'a> {
    namespace: &'a str,
    release: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct ReceiptV1<'a> {
    schema: &'static str,
    operation: Option<String>,
    snapshot: Option<String>,
    steps: Vec<StepV1<'a>>,
    refused: Vec<RefusalV1<'a>>,
}

/// A verb with `--dry-run -o json`: schema `zadig-doctor/plan/v1`.
pub fn plan_json(plan: &Plan) -> String {
    json(&PlanV1 {
        schema: "zadig-doctor/plan/v1",
        digest: plan.digest().to_string(),
        steps: plan.steps.iter().map(|step| step_v1(step, None)).collect(),
        refused: refusals_v1(&plan.refused),
    })
}

/// A verb that ran, `-o json`: schema `zadig-doctor/receipt/v1`. Without a
/// receipt nothing was written, and `operation` is null.
pub fn receipt_json(receipt: Option<&Receipt>, refused: &[Refusal]) -> String {
    let steps = receipt.map(|receipt| {
        let steps = receipt.plan.steps.iter().zip(receipt.outcomes());
        steps
            .map(|(step, outcome)| step_v1(step, Some(outcome.as_str())))
            .collect()
    });
    json(&ReceiptV1 {
        schema: "zadig-doctor/receipt/v1",
        operation: receipt.map(|receipt| receipt.operation.to_string()),
        snapshot: receipt.map(|receipt| receipt.snapshot.to_string()),
        steps: steps.unwrap_or_default(),
        refused: refusals_v1(refused),
    })
}

fn refusals_v1(refused: &[Refusal]) -> Vec<RefusalV1<'_>> {
    let refused = refused.iter().map(|refusal| RefusalV1 {
        namespace: &refusal.namespace,
        release: &refusal.release,
        reason: &refusal.reason,
    });
    refused.collect()
}

fn step_v1<'a>(step: &'a Step, outcome: Option<&'static str>) -> StepV1<'a> {
    StepV1 {
        action: action(&step.action),
        object: step.object.to_string(),
        guard: guard(&step.guard),
        reason: &step.reason,
        outcome,
    }
}

fn action(action: &Action) -> &'static str {
    match action {
        Action::EditRecord { .. } => "EditRecord",
        Action::CreateRecord { .. } => "CreateRecord",
        Action::DeleteRecord => "DeleteRecord",
    }
}

fn guard(guard: &Guard) -> String {
    match guard {
        Guard::Absent => "Absent".to_owned(),
        Guard::LeftBy { step } => format!("LeftBy step {}", step + 1),
        Guard::Seen {
            uid,
            resource_version,
            digest,
        } => {
            let digest = digest.map(|digest| format!(" digest {digest}"));
            format!(
                "Seen uid {uid} resourceVersion {resource_version}{}",
                digest.unwrap_or_default()
            )
        }
    }
}

/// A plan for a person.
pub fn plan_text(plan: &Plan, voice: &Voice) -> String {
    let mut text = String::new();
    if !plan.steps.is_empty() {
        let steps = count(plan.steps.len(), "step");
        let head = format!("Plan to {}, {steps}, digest {}", plan.verb, short(plan));
        text += &prose(voice, "", &head);
    }
    for (index, step) in plan.steps.iter().enumerate() {
        let object = format!("{} {}", action(&step.action), step.object);
        text += &prose(voice, &format!("  {}. ", index + 1), &object);
        text += &prose(voice, "     ", &step.reason);
        if let Action::EditRecord {
            status,
            description,
            fence,
        } = &step.action
        {
            let mut field = |name: &str, value: &str| {
                text += &prose(voice, &format!("       {name:<16}  -> "), value);
            };
            field("info.status", status.as_str());
            field("info.description", &format!("{description:?}"));
            field("label status", status.as_str());
            field("label modifiedAt", "the time of the write");
            if *fence {
                field("immutable", "true");
            }
        }
        let only = format!("only if {}", condition(&step.guard));
        text += &prose(voice, "     ", &only);
    }
    text + &refused_text(&plan.refused, voice)
}

/// A guard as a sentence; the whole of it is in the JSON.
fn condition(guard: &Guard) -> String {
    match guard {
        Guard::Absent => "there is no such object".to_owned(),
        Guard::LeftBy { step } => format!("step {} was done", step + 1),
        Guard::Seen {
            resource_version, ..
        } => format!("it is as it was seen (resourceVersion {resource_version})"),
    }
}

fn short(plan: &Plan) -> String {
    plan.digest().to_string().chars().take(19).collect()
}

fn refused_text(refused: &[Refusal], voice: &Voice) -> String {
    let line = |refusal: &Refusal| {
        let Refusal {
            namespace,
            release,
            reason,
        } = refusal;
        let refused = format!("refused: {namespace}/{release}: {reason}");
        prose(voice, "", &refused)
    };
    refused.iter().map(line).collect()
}

/// A receipt for a person, with how to take it back.
pub fn receipt_text(receipt: &Receipt, voice: &Voice) -> String {
    let Receipt {
        operation,
        snapshot,
        plan,
        ..
    } = receipt;
    let head = format!(
        "Operation {operation} ({}); the state before it is snapshot {snapshot}",
        plan.verb
    );
    let mut text = prose(voice, "", &head);
    for (index, (step, outcome)) in plan.steps.iter().zip(receipt.outcomes()).enumerate() {
        let object = format!("{}: {}", outcome.as_str(), step.object);
        text += &prose(voice, &format!("  {}. ", index + 1), &object);
        text += &prose(voice, "     ", &step.reason);
        if let Outcome::Refused(reason) | Outcome::Unknown(reason) = outcome {
            text += &prose(voice, "     ", &reason);
        }
    }
    let undo = voice.own(&["undo", &operation.to_string()]);
    text + &format!("  > take it back\n      {undo}\n")
}
