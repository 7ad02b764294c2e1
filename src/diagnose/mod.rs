//! From a survey to findings.
//!
//! Pure and synchronous: a check reads the survey and nothing else. One that
//! wants more than is there does not fetch it, it asks with a [`Need`]; the
//! caller has the needs answered and asks again until nobody needs anything. So
//! a quick look, a deep one and a file read offline are one mechanism. One file
//! per check; its name is the finding's id.

use crate::survey::{History, Need, Survey};

pub mod apis;
pub mod around;
pub mod checks;
pub mod claims;
pub mod evidence;
pub mod extent;
pub mod finding;
pub mod garbled;
pub mod life;
pub mod ready;
mod standing;
pub mod text;
pub mod words;
pub mod zadig;

#[cfg(test)]
mod tests;

pub use checks::{CHECKS, Check, Examines};
pub use evidence::Evidence;
pub use finding::{Advice, Command, Finding, Severity, Subject, Verdict};
pub use text::{Explanation, Lang, Text};
pub use words::{HookState, Names, Seconds};

/// What the judgement depends on beside the survey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Nothing may have stirred for this long, in seconds (`--older-than`).
    pub older_than: i64,
    /// The timeout that Helm was given, in seconds (`--helm-timeout`).
    pub helm_timeout: i64,
    /// Whether superseded payloads are read too (`--all-revisions`).
    pub all_revisions: bool,
    /// Whether all live objects are looked at (`--deep`).
    pub deep: bool,
    /// Whether what surrounds the releases is looked at: namespaces, which APIs
    /// are served, and how much an interrupted operation did. A repair does
    /// without.
    pub surroundings: bool,
    /// Whether Leases are left out of the judgement (`--no-lock`).
    pub ignore_leases: bool,
    /// Lease holders that are ourselves: this process, and runs of ours that
    /// are known to have died.
    pub own_holders: Vec<String>,
}

impl Policy {
    /// How long Helm may wait in silence, in seconds: it applies its timeout to
    /// the hooks before, to the wait, and to the hooks after, and then has some
    /// writing to do (helm-unstick's rule, with less slack for short timeouts).
    pub fn wait_window(&self) -> i64 {
        let slack = self.helm_timeout.min(60);
        let waits = self.helm_timeout.saturating_mul(3).saturating_add(slack);
        waits.max(self.older_than)
    }
}

impl Policy {
    /// The flags that say the same windows, where they are not the defaults.
    pub(crate) fn windows(&self) -> Vec<String> {
        let default = Self::default();
        let flags = [
            ("--older-than", self.older_than, default.older_than),
            ("--helm-timeout", self.helm_timeout, default.helm_timeout),
        ];
        let given = flags
            .into_iter()
            .filter(|(_, given, default)| given != default);
        given
            .map(|(flag, given, _)| format!("{flag}={given}s"))
            .collect()
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            older_than: 600,
            helm_timeout: 300,
            all_revisions: false,
            deep: false,
            surroundings: true,
            ignore_leases: false,
            own_holders: Vec::new(),
        }
    }
}

/// What a check reads.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// What was seen.
    pub survey: &'a Survey,
    /// What the judgement depends on beside it.
    pub policy: &'a Policy,
}

/// What is still needed to judge this survey: what the survey neither holds nor
/// lists as unreadable. Sorted, each need once.
pub fn needs(survey: &Survey, policy: &Policy) -> Vec<Need> {
    let context = Context { survey, policy };
    let histories = survey.histories();
    let payloads = histories
        .iter()
        .flat_map(|history| payloads(context, history));
    let asked = CHECKS
        .iter()
        .flat_map(|check| check.needs(context, &histories));
    let mut needs: Vec<Need> = payloads
        .chain(asked)
        .filter(|need| policy.surroundings || !need.is_around())
        .filter(|need| !survey.answered(need))
        .collect();
    needs.sort();
    needs.dedup();
    needs
}

/// The findings, worst first, then by subject.
pub fn diagnose(survey: &Survey, policy: &Policy) -> Vec<Finding> {
    let context = Context { survey, policy };
    let histories = survey.histories();
    let mut findings: Vec<Finding> = CHECKS
        .iter()
        .flat_map(|check| check.run(context, &histories))
        .collect();
    findings.sort_by(|a, b| {
        let severity = b.severity.cmp(&a.severity);
        severity
            .then_with(|| a.subject.cmp(&b.subject))
            .then(a.id.cmp(b.id))
    });
    findings
}

/// The payloads that every judgement of a release starts from: the newest
/// record, those that say deployed, and every odd one.
fn payloads(context: Context<'_>, history: &History<'_>) -> Vec<Need> {
    let newest = [history.newest(), history.records.last().copied()];
    // Where the newest is none that Helm reads, which one is takes them all:
    // one after the other, a long history of bad records would never end.
    let hidden = |record: &crate::survey::Record| record.broken() || !record.labeled();
    let all = context.policy.all_revisions
        || !history.foreign.is_empty()
        || history.records.last().is_some_and(|last| hidden(last));
    let odd = |record: &&&crate::survey::Record| {
        all || !record.labeled()
            || record.label("status") == Some("deployed")
            || record.id.key().is_none_or(|key| {
                record.label("name") != Some(&key.release)
                    || record.label("version") != Some(&key.revision.to_string())
            })
    };
    let odd = history.records.iter().filter(odd).copied();
    let wanted = newest.into_iter().flatten().chain(odd);
    wanted
        .map(|record| Need::Payload(record.id.clone()))
        .collect()
}
