//! What a restore leaves to Helm: the objects. Pure.

use std::collections::BTreeMap;

use super::{Restore, Saved};
use crate::diagnose::Command;
use crate::helm::Status;
use crate::plan::{Action, Plan};

impl Restore {
    /// What brings the objects back where they are gone too, for each release of
    /// which the plan creates records: `helm rollback` to the revision that was
    /// deployed, or else to the newest that once was.
    ///
    /// A release in the middle of an operation has none: Helm would refuse it.
    pub fn rollbacks(&self, plan: &Plan) -> Vec<Command> {
        let created = plan.steps.iter().filter_map(|step| {
            let creates = matches!(step.action, Action::CreateRecord { .. });
            let release = (&step.object.namespace, &step.release, step.object.driver);
            creates.then(|| (release, Vec::new()))
        });
        let mut releases: BTreeMap<_, Vec<&Saved>> = created.collect();
        for saved in &self.saved {
            let release = (&saved.object.namespace, &saved.release, saved.object.driver);
            if let Some(all) = releases.get_mut(&release) {
                all.push(saved);
            }
        }
        let rollback =
            |((namespace, release, driver), saved): ((&String, &String, _), Vec<&Saved>)| {
                let revision = target(&saved)?.to_string();
                let words = ["rollback", release, &revision, "-n", namespace];
                Some(Command::Helm(driver, words.map(str::to_owned).to_vec()))
            };
        releases.into_iter().filter_map(rollback).collect()
    }
}

/// The revision that Helm is to go back to.
fn target(saved: &[&Saved]) -> Option<u32> {
    let mut statuses = saved.iter().filter_map(|saved| saved.status.as_ref());
    if statuses.any(Status::is_pending) {
        return None;
    }
    let newest = |status: Status| {
        let of = saved
            .iter()
            .filter(|saved| saved.status == Some(status.clone()));
        of.filter_map(|saved| saved.revision).max()
    };
    newest(Status::Deployed).or_else(|| newest(Status::Superseded))
}
