//! What speaks against single releases of a plan.

use std::collections::BTreeMap;
use std::error::Error;

use super::ExecuteError;
use crate::plan::{Plan, Refusal, Step};

/// Releases, as (storage namespace, name), that are left alone, and why: the
/// first reason counts.
#[derive(Debug, Default)]
pub(super) struct Stops(BTreeMap<(String, String), ExecuteError>);

impl Stops {
    /// Leaves a release alone.
    pub(super) fn add(&mut self, (namespace, name): (&str, &str), why: ExecuteError) {
        let release = (namespace.to_owned(), name.to_owned());
        self.0.entry(release).or_insert(why);
    }

    /// Whether the release is left alone already.
    pub(super) fn has(&self, (namespace, name): (&str, &str)) -> bool {
        let release = (namespace.to_owned(), name.to_owned());
        self.0.contains_key(&release)
    }

    /// What stops the release, if anything does.
    pub(super) fn take(&mut self, (namespace, name): (&str, &str)) -> Option<ExecuteError> {
        self.0.remove(&(namespace.to_owned(), name.to_owned()))
    }

    /// Why the release is left alone, in one line.
    pub(super) fn reason(&self, (namespace, name): (&str, &str)) -> Option<String> {
        let release = (namespace.to_owned(), name.to_owned());
        self.0.get(&release).map(line)
    }

    /// Leaves alone every release for which the second plan has other steps.
    pub(super) fn where_moved(&mut self, plan: &Plan, again: &Plan) {
        let steps = |plan: &Plan, release| {
            let of = |step: &&Step| step.release() == release;
            let what = |step: &Step| (step.action.clone(), step.object.clone(), step.guard.clone());
            plan.steps.iter().filter(of).map(what).collect::<Vec<_>>()
        };
        for release in plan.releases() {
            if steps(plan, release) != steps(again, release) {
                self.add(release, ExecuteError::Moved);
            }
        }
    }

    /// Fails with the first reason if no release of the plan is left.
    pub(super) fn unless_all(&mut self, plan: &Plan) -> Result<(), ExecuteError> {
        match plan.releases().into_iter().all(|release| self.has(release)) {
            true => Err(self
                .0
                .pop_first()
                .map_or(ExecuteError::Moved, |(_, why)| why)),
            false => Ok(()),
        }
    }

    /// All of them, as refusals.
    pub(super) fn refusals(&self) -> Vec<Refusal> {
        let refusal = |((namespace, release), why): (&(String, String), &ExecuteError)| Refusal {
            namespace: namespace.clone(),
            release: release.clone(),
            reason: line(why),
        };
        self.0.iter().map(refusal).collect()
    }
}

/// An error and what came of it in one line, for where a chain cannot go.
pub(super) fn line(error: &ExecuteError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}
