//! What a restore leaves to Helm: the objects. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::{Restore, Saved};
use crate::diagnose::Command;
use crate::helm::Status;
use crate::plan::{Action, Plan};
use crate::survey::{ApiState, RecordId, Survey};

impl Restore {
    /// For each release whose newest revision the plan creates, what makes its
    /// objects those of the revision that was deployed: `helm rollback` to it.
    ///
    /// None where that is not what its history asks for, as after an uninstall or
    /// in the middle of an operation; none where Helm could not decode it, or would make
    /// objects in another namespace than the release's; and of what moves none where it might take
    /// objects from the original, or delete them: it deletes what the newest
    /// revision has and that one lacks, whoever owns it.
    pub fn rollbacks(&self, plan: &Plan, survey: &Survey) -> Vec<Command> {
        let creates = plan.steps.iter().filter_map(|step| match step.action {
            Action::CreateRecord { .. } => Some(&step.object),
            _ => None,
        });
        let created: BTreeSet<_> = creates.collect();
        let mut releases: BTreeMap<_, Vec<&Saved>> = BTreeMap::new();
        for saved in &self.saved {
            let object = &saved.object;
            let release = (&object.namespace, &saved.release, object.driver);
            releases.entry(release).or_default().push(saved);
        }
        let rollbacks = releases.values();
        rollbacks
            .filter_map(|saved| rollback(saved, &created, survey))
            .collect()
    }
}

fn rollback(saved: &[&Saved], created: &BTreeSet<&RecordId>, survey: &Survey) -> Option<Command> {
    let newest = saved.iter().max_by_key(|saved| saved.revision)?;
    let settled = matches!(newest.status, Some(Status::Deployed | Status::Failed));
    if !settled || !created.contains(&newest.object) {
        return None;
    }
    let deployed = saved.iter();
    let deployed = deployed.filter(|saved| saved.status == Some(Status::Deployed));
    let deployed = deployed.max_by_key(|saved| saved.revision)?;
    let moves = deployed.moved.is_some() || newest.moved.is_some();
    let safe = !moves || (newest.object == deployed.object && is_alone(survey, deployed));
    if !newest.sound || !deployed.sound || !safe {
        return None;
    }
    let (object, revision) = (&deployed.object, deployed.revision?.to_string());
    let words = [
        "rollback",
        &deployed.release,
        &revision,
        "-n",
        &object.namespace,
    ];
    Some(Command::Helm(
        object.driver,
        words.map(str::to_owned).to_vec(),
    ))
}

/// Whether all objects of a record that moves are known to lie in its namespace.
fn is_alone(survey: &Survey, saved: &Saved) -> bool {
    let namespaced = saved.objects.iter().all(|object| {
        let api = survey.api(&object.api_version);
        matches!(api, Some(ApiState::Served { kinds }) if kinds.get(&object.kind) == Some(&true))
    });
    let read = saved
        .moved
        .is_some_and(|moved| moved.decoded && moved.elsewhere == 0);
    namespaced && read
}
