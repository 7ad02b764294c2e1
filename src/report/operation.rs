//! What `log` prints.

use serde::Serialize;

use super::{Voice, json, table::table};
use crate::plan::Receipt;

#[derive(Serialize)]
struct LogV1 {
    schema: &'static str,
    operations: Vec<OperationV1>,
}

#[derive(Serialize)]
struct OperationV1 {
    operation: String,
    began: String,
    verb: String,
    snapshot: String,
    undoes: Option<String>,
    ended: bool,
    steps: usize,
    done: usize,
    releases: Vec<String>,
}

fn operation_v1(receipt: &Receipt) -> OperationV1 {
    let outcomes = receipt.outcomes();
    let releases = receipt.plan.releases().into_iter();
    OperationV1 {
        operation: receipt.operation.to_string(),
        began: receipt.began.to_string(),
        verb: receipt.plan.verb.to_string(),
        snapshot: receipt.snapshot.to_string(),
        undoes: receipt.undoes.as_ref().map(ToString::to_string),
        ended: receipt.ended(),
        steps: outcomes.len(),
        done: outcomes.iter().filter(|outcome| outcome.done()).count(),
        releases: releases
            .map(|(namespace, name)| format!("{namespace}/{name}"))
            .collect(),
    }
}

/// `log -o json`: schema `zadig-doctor/log/v1`, oldest first.
pub fn log_json(receipts: &[Receipt]) -> String {
    json(&LogV1 {
        schema: "zadig-doctor/log/v1",
        operations: receipts.iter().map(operation_v1).collect(),
    })
}

/// `log` for a person, oldest first.
pub fn log_table(receipts: &[Receipt], voice: &Voice) -> String {
    if receipts.is_empty() {
        return "no operations yet\n".to_owned();
    }
    let row = |receipt: &Receipt| {
        let operation = operation_v1(receipt);
        let verb = match &operation.undoes {
            Some(undone) => format!("undo of {undone}"),
            None => operation.verb,
        };
        let state = match operation.ended {
            true => format!("{} of {} done", operation.done, operation.steps),
            false => "interrupted".to_owned(),
        };
        vec![
            operation.operation,
            operation.began,
            verb,
            state,
            operation.snapshot,
            operation.releases.join(", "),
        ]
    };
    let heading = [
        "OPERATION",
        "BEGAN",
        "VERB",
        "STATE",
        "SNAPSHOT",
        "RELEASES",
    ];
    table(voice.width, &heading, receipts.iter().map(row).collect())
}
