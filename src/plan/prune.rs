//! `prune`: old history that nobody rolls back to.

use crate::helm::Status;
use crate::plan::{Action, Guard, Plan, Refusal, Step, Verb};
use crate::survey::{History, Record, Survey};

/// Plans to delete revisions beyond the newest `keep` of each release.
///
/// Never the newest revision, never a deployed one or anything newer than it,
/// never one that is not plainly superseded, failed or uninstalled, and nothing
/// at all of a release that is pending, has no deployed revision, holds a
/// record that Helm does not see or one that is another's, or was not read
/// whole. Undecodable records stay, and so do those of other formats.
pub fn prune(survey: &Survey, keep: usize) -> Plan {
    let mut plan = Plan {
        verb: Verb::Prune,
        cluster: survey.cluster.clone(),
        steps: Vec::new(),
        refused: Vec::new(),
    };
    for history in survey.histories() {
        if history.records.len() <= keep.max(1) {
            continue;
        }
        match base(survey, &history) {
            Ok(base) => {
                let beyond = history.records.len() - keep.max(1);
                let old = history.records[..beyond].iter().copied();
                let old = old.filter(|record| record.revision() < base.revision());
                plan.steps
                    .extend(old.filter_map(|record| delete(&history, record)));
            }
            Err(reason) => plan.refused.push(Refusal {
                namespace: history.namespace.to_owned(),
                release: history.release.clone(),
                reason: reason.to_owned(),
            }),
        }
    }
    plan
}

/// The deployed revision that everything kept stands on, or why the history is
/// left alone.
fn base<'a>(survey: &Survey, history: &History<'a>) -> Result<&'a Record, &'static str> {
    let unread = |record: &&Record| record.payload.is_unread();
    if history.records.iter().any(unread) || survey.unread.iter().any(|u| u.hides(history)) {
        return Err("not all of its records could be read");
    }
    if history.hidden_from(0).next().is_some() {
        return Err("it holds records that Helm does not see; see what check says of them");
    }
    let strange = |record: &&Record| !bears_its_name(history, record);
    if history.records.iter().any(strange) {
        return Err(
            "a record's payload is that of another revision or release; see what check says of it",
        );
    }
    let newest = history.newest().and_then(Record::status);
    if newest.is_none_or(|status| status.is_pending() || status == Status::Uninstalling) {
        return Err("its newest revision is pending or uninstalling; repair that first");
    }
    let deployed = history.deployed().next();
    deployed.ok_or("none of its revisions is deployed: there is no telling which is usable")
}

/// Whether the record is what its name says. Helm goes by the payload, so that
/// what is old by its name may be the newest to Helm.
fn bears_its_name(history: &History<'_>, record: &Record) -> bool {
    record.decoded().is_none_or(|release| {
        release.name == history.release && record.revision().map(i64::from) == Some(release.version)
    })
}

fn delete(history: &History<'_>, record: &Record) -> Option<Step> {
    let status = record.status()?;
    let spent = matches!(
        status,
        Status::Superseded | Status::Failed | Status::Uninstalled
    );
    spent.then(|| Step {
        action: Action::DeleteRecord,
        object: record.id.clone(),
        release: history.release.clone(),
        guard: Guard::seen(record),
        reason: format!(
            "remove old revision {} ({status})",
            record.revision().unwrap_or_default()
        ),
    })
}
