//! What each finding means for an operation.

use super::{Operation, Reason, Weight};
use crate::diagnose::{Command, Evidence, Finding, Severity, Verdict};
use crate::survey::{History, Record};

use Operation::{Rollback, Uninstall, Upgrade};
use Weight::{Blocks, Hides, Notes};

/// From this share of the limit on the next record may not fit, in percent.
const FULL: u64 = 95;

const BUSY: &str = "another operation (install/upgrade/rollback) is in progress";
const TAKEN: &str = "release: already exists";
/// API servers put it in different words: "must have at most", "may not be more than".
const TOO_LONG: &str = "Too long: … 1048576 bytes";
const CONFLICT: &str = "conflict occurred while applying object";
const UNKNOWN_API: &str = "unable to build kubernetes objects from current release manifest";

/// What the API server says to whoever creates something there.
pub(super) fn terminated(namespace: &str) -> String {
    format!("unable to create new content in namespace {namespace} because it is being terminated")
}

fn nothing_deployed(history: &History<'_>) -> Option<String> {
    let none = history.deployed().next().is_none();
    none.then(|| format!("{:?} has no deployed releases", history.release))
}

/// The reason that a finding gives; `None` if it is nothing to the operation.
pub(super) fn finding(
    finding: &Finding,
    history: &History<'_>,
    operation: Operation,
) -> Option<Reason> {
    let (weight, says) = match finding.id {
        "stuck-pending" | "stuck-uninstalling" => stuck(finding, history, operation),
        "zadig-stuck-environment" => Some((at_work(finding), None)),
        "undecodable-record" | "unlabeled-record" => hidden(finding, history, operation),
        "namespace-terminating" | "namespace-gone" | "removed-api" | "deprecated-api" => {
            around(finding, history, operation)
        }
        _ => of_records(finding, history, operation),
    }?;
    Some(Reason {
        id: finding.id,
        weight,
        text: finding.summary.clone(),
        says,
        advice: finding.advice.clone(),
    })
}

type Weighed = Option<(Weight, Option<String>)>;

/// What is at work collides with whatever is begun beside it.
fn at_work(finding: &Finding) -> Weight {
    match finding.verdict {
        Some(Verdict::Stale) => Notes,
        Some(Verdict::PossiblyRunning) => Blocks,
        Some(Verdict::Unknown) | None => Hides,
    }
}

/// An operation that did not end, or is at work.
fn stuck(finding: &Finding, history: &History<'_>, operation: Operation) -> Weighed {
    let alive = at_work(finding);
    let uninstalling = finding.id == "stuck-uninstalling";
    let goes_on =
        |advice: &crate::diagnose::Advice| matches!(advice.command, Some(Command::Helm(..)));
    match (operation, uninstalling) {
        (Upgrade, false) => Some((Blocks, Some(BUSY.to_owned()))),
        (Upgrade, true) => Some((Blocks, nothing_deployed(history))),
        // It would bring back what the uninstall, ended or not, takes away.
        (Rollback, true) => Some((Blocks, None)),
        (Rollback | Uninstall, false) => Some((alive, None)),
        // Where check does not advise it, it would lose something.
        (Uninstall, true) if alive == Notes && !finding.advice.iter().any(goes_on) => {
            Some((Blocks, None))
        }
        (Uninstall, true) => Some((alive, None)),
    }
}

/// A record that Helm does not see.
fn hidden(finding: &Finding, history: &History<'_>, operation: Operation) -> Weighed {
    let crashes = |evidence: &Evidence| match evidence {
        Evidence::Undecodable { reason, .. } => reason.contains("Helm crashes"),
        _ => false,
    };
    let newest = history.newest().and_then(Record::revision);
    let revision = finding.subject.revision;
    if finding.evidence.iter().any(crashes) || newest.is_none() || revision >= newest {
        let says = match operation {
            Uninstall => None,
            Upgrade | Rollback => {
                let next = newest.and_then(|newest| newest.checked_add(1));
                (revision == next && next.is_some()).then(|| TAKEN.to_owned())
            }
        };
        return Some((Blocks, says));
    }
    Some((Notes, None))
}

/// What surrounds the release.
fn around(finding: &Finding, history: &History<'_>, operation: Operation) -> Weighed {
    let error = finding.severity == Severity::Error;
    let release = &history.release;
    match (finding.id, operation) {
        ("namespace-terminating", Upgrade | Rollback) => {
            Some((Blocks, Some(terminated(history.namespace))))
        }
        ("namespace-gone", Upgrade | Rollback) if error => {
            let gone = finding.evidence.iter().find_map(|evidence| match evidence {
                Evidence::NoNamespace { namespace, .. } => Some(namespace),
                _ => None,
            });
            let says = gone.map(|namespace| format!("namespaces {namespace:?} not found"));
            Some((Blocks, says))
        }
        ("removed-api", Upgrade) => error.then(|| (Blocks, Some(UNKNOWN_API.to_owned()))),
        ("removed-api", Rollback) => Some((Blocks, error.then(|| UNKNOWN_API.to_owned()))),
        // It deletes what the newest revision declares.
        ("removed-api", Uninstall) => {
            let newest = history.newest().and_then(Record::revision);
            let says = format!("failed to delete release: {release}");
            (finding.subject.revision == newest).then_some((Blocks, Some(says)))
        }
        ("deprecated-api", Rollback | Uninstall) => None,
        _ => Some((Notes, None)),
    }
}

/// What the records themselves tell.
fn of_records(finding: &Finding, history: &History<'_>, operation: Operation) -> Weighed {
    let (error, info) = (
        finding.severity == Severity::Error,
        finding.severity == Severity::Info,
    );
    let creates = operation != Uninstall;
    match finding.id {
        "last-unknown" if operation == Upgrade && error => {
            Some((Blocks, nothing_deployed(history)))
        }
        "last-unknown" => Some((Notes, None)),
        // It would work on what lies under the same names beside the records.
        "storage-namespace" => Some((Blocks, None)),
        "duplicate-revision" if error => Some((Blocks, None)),
        "occupied-revision" => creates.then(|| (Blocks, Some(TAKEN.to_owned()))),
        "foreign-record" => (creates && !info).then(|| (Blocks, Some(TAKEN.to_owned()))),
        "near-size-limit" if creates => match is_full(finding) {
            true => Some((Blocks, Some(TOO_LONG.to_owned()))),
            false => Some((Notes, None)),
        },
        "none-deployed" if operation == Upgrade && !info => {
            let says = nothing_deployed(history);
            Some((Notes, says.map(|says| format!("{says} (up to 3.2.0)"))))
        }
        // What the new chart says of those fields is not known here.
        "drift" if creates && !info => Some((Hides, Some(CONFLICT.to_owned()))),
        "drift" => None,
        "zadig-refuses" | "zadig-history-full" => (operation == Upgrade).then_some((Notes, None)),
        "near-size-limit" | "none-deployed" | "pending-in-history" => None,
        _ => (!info).then_some((Notes, None)),
    }
}

fn is_full(finding: &Finding) -> bool {
    finding.evidence.iter().any(|evidence| match evidence {
        Evidence::Size { bytes, limit, .. } => bytes.saturating_mul(100) / limit.max(&1) >= FULL,
        _ => false,
    })
}
