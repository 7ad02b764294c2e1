//! The checks: one file each, one visible list.

use crate::diagnose::claims::Claims;
use crate::diagnose::{Advice, Command, Context, Evidence, Explanation, Finding, Subject, Verdict};
use crate::helm::Status;
use crate::survey::{History, Need, Payload, Record};

mod deprecated_api;
mod drift;
mod duplicate_revision;
mod foreign_record;
mod history_bloat;
mod label_payload_mismatch;
mod last_unknown;
mod leftover_hook;
mod lost_records;
mod missing_objects;
mod namespace_gone;
mod namespace_terminating;
mod near_size_limit;
mod none_deployed;
mod occupied_revision;
mod orphaned_objects;
mod ownership_mismatch;
mod pending_in_history;
mod removed_api;
mod several_deployed;
mod storage_namespace;
mod stuck_pending;
mod stuck_uninstalling;
mod two_drivers;
mod undecodable_record;
mod unlabeled_record;
mod zadig_claimed_twice;
mod zadig_compatibility;
mod zadig_deletion;
mod zadig_environment_gone;
mod zadig_history_full;
mod zadig_labels_stripped;
mod zadig_leftover_namespace;
mod zadig_lost_environment;
mod zadig_managed;
mod zadig_missing_release;
mod zadig_namespace_missing;
mod zadig_orphan_release;
mod zadig_project_gone;
mod zadig_recycle;
mod zadig_refuses;
mod zadig_stale_error;
mod zadig_stuck_environment;
mod zadig_template_missing;

/// A check: data, and functions of a survey.
#[derive(Debug)]
pub struct Check {
    /// Kebab-case; never changes. Names its file, its test and `explain`.
    pub id: &'static str,
    /// What `explain` says.
    pub text: Explanation,
    /// What it looks at.
    pub examines: Examines,
}

/// What a check looks at: what it wants to know beside the payloads that every
/// judgement starts from, and what it finds.
#[derive(Debug)]
pub enum Examines {
    /// One release at a time.
    Release {
        /// What it wants to know.
        needs: fn(Context<'_>, &History<'_>) -> Vec<Need>,
        /// What it finds.
        run: fn(Context<'_>, &History<'_>) -> Vec<Finding>,
    },
    /// All releases together, and what is no release.
    Survey {
        /// What it wants to know.
        needs: fn(Context<'_>, &[History<'_>]) -> Vec<Need>,
        /// What it finds.
        run: fn(Context<'_>, &[History<'_>]) -> Vec<Finding>,
    },
    /// What a Zadig claims, where one was asked and told something.
    Claims {
        /// What it wants to know.
        needs: fn(Context<'_>, &Claims<'_>, &[History<'_>]) -> Vec<Need>,
        /// What it finds.
        run: fn(Context<'_>, &Claims<'_>, &[History<'_>]) -> Vec<Finding>,
    },
}

impl Check {
    /// What it wants to know of these releases.
    pub fn needs(&self, context: Context<'_>, histories: &[History<'_>]) -> Vec<Need> {
        match self.examines {
            Examines::Release { needs, .. } => {
                let needs = histories.iter().flat_map(|history| needs(context, history));
                needs.collect()
            }
            Examines::Survey { needs, .. } => needs(context, histories),
            Examines::Claims { needs, .. } => {
                let claims = Claims::of(context.survey);
                claims.map_or_else(Vec::new, |claims| needs(context, &claims, histories))
            }
        }
    }

    /// What it finds among these releases.
    pub fn run(&self, context: Context<'_>, histories: &[History<'_>]) -> Vec<Finding> {
        match self.examines {
            Examines::Release { run, .. } => {
                let found = histories.iter().flat_map(|history| run(context, history));
                found.collect()
            }
            Examines::Survey { run, .. } => run(context, histories),
            Examines::Claims { run, .. } => {
                let claims = Claims::of(context.survey);
                claims.map_or_else(Vec::new, |claims| run(context, &claims, histories))
            }
        }
    }
}

/// All checks, in the order of `explain`.
pub static CHECKS: [&Check; 44] = [
    &stuck_pending::CHECK,
    &stuck_uninstalling::CHECK,
    &last_unknown::CHECK,
    &undecodable_record::CHECK,
    &label_payload_mismatch::CHECK,
    &duplicate_revision::CHECK,
    &several_deployed::CHECK,
    &none_deployed::CHECK,
    &unlabeled_record::CHECK,
    &occupied_revision::CHECK,
    &two_drivers::CHECK,
    &near_size_limit::CHECK,
    &history_bloat::CHECK,
    &pending_in_history::CHECK,
    &storage_namespace::CHECK,
    &foreign_record::CHECK,
    &namespace_terminating::CHECK,
    &namespace_gone::CHECK,
    &removed_api::CHECK,
    &deprecated_api::CHECK,
    &zadig_managed::CHECK,
    &zadig_refuses::CHECK,
    &zadig_history_full::CHECK,
    &zadig_labels_stripped::CHECK,
    &zadig_leftover_namespace::CHECK,
    &zadig_project_gone::CHECK,
    &zadig_lost_environment::CHECK,
    &zadig_environment_gone::CHECK,
    &zadig_stuck_environment::CHECK,
    &zadig_orphan_release::CHECK,
    &zadig_missing_release::CHECK,
    &zadig_namespace_missing::CHECK,
    &zadig_claimed_twice::CHECK,
    &zadig_stale_error::CHECK,
    &zadig_recycle::CHECK,
    &zadig_template_missing::CHECK,
    &zadig_deletion::CHECK,
    &zadig_compatibility::CHECK,
    &lost_records::CHECK,
    &missing_objects::CHECK,
    &ownership_mismatch::CHECK,
    &orphaned_objects::CHECK,
    &leftover_hook::CHECK,
    &drift::CHECK,
];

/// The check of that id.
pub fn find(id: &str) -> Option<&'static Check> {
    CHECKS.iter().copied().find(|check| check.id == id)
}

fn no_needs(_: Context<'_>, _: &History<'_>) -> Vec<Need> {
    Vec::new()
}

/// What Zadig told is all that is wanted.
fn told_enough(_: Context<'_>, _: &Claims<'_>, _: &[History<'_>]) -> Vec<Need> {
    Vec::new()
}

/// What a record says of itself, as evidence.
fn says(record: &Record) -> Option<Evidence> {
    let release = record.decoded()?;
    Some(Evidence::Says {
        record: record.id.clone(),
        status: release.status.clone(),
        description: release.description.clone(),
    })
}

/// What a record says of itself, or its label where its payload was not read.
fn stated(record: &Record) -> Option<Evidence> {
    let labeled = || {
        let status = Status::from(record.label("status")?);
        let record = record.id.clone();
        Some(Evidence::Labeled { record, status })
    };
    says(record).or_else(labeled)
}

/// How many of a kind a finding names, as evidence or in a sentence. What is
/// counted comes from a cluster, and there may be any number of it.
const MOST: usize = 10;

/// The first of them, and how many more there are: `a, b and 3 more`.
fn listed(names: impl Iterator<Item = String>) -> String {
    let mut names = names;
    let first: Vec<String> = names.by_ref().take(MOST).collect();
    let first = first.join(", ");
    match names.count() {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

fn own<S: AsRef<str>>(text: &str, arguments: &[S]) -> Advice {
    let words = arguments
        .iter()
        .map(|word| word.as_ref().to_owned())
        .collect();
    Advice {
        text: text.to_owned(),
        command: Some(Command::Own(words)),
    }
}

fn helm(text: &str, history: &History<'_>, verb: &str) -> Advice {
    let words = [verb, &history.release, "-n", history.namespace];
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    Advice {
        text: text.to_owned(),
        command: Some(Command::Helm(history.driver, words)),
    }
}

/// `1 object`, `2 objects`.
fn plain(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

/// Advice without a command.
fn say(text: &str) -> Advice {
    Advice {
        text: text.to_owned(),
        command: None,
    }
}

/// What to do where something could not be read.
fn look_again(context: Context<'_>, history: &History<'_>) -> Advice {
    let windows = context.policy.windows();
    let mut words = vec!["check", &history.release, "-n", history.namespace];
    words.extend(windows.iter().map(String::as_str));
    own(
        "make readable what is named above, or ask who may read it; then look again",
        &words,
    )
}

/// The finding where the newest record announces an operation by its label alone:
/// its payload was not read, so nothing can be known of the operation.
fn unjudged(
    id: &'static str,
    context: Context<'_>,
    history: &History<'_>,
    announces: impl Fn(&Status) -> bool,
) -> Vec<Finding> {
    let newest = history.newest();
    let newest = newest.filter(|newest| newest.payload.is_unread());
    let announced = newest.and_then(|newest| Some((newest, newest.status().filter(announces)?)));
    let Some((newest, status)) = announced else {
        return Vec::new();
    };
    let what = newest.id.to_string();
    let mut unread = context.survey.unread.iter();
    let told = unread.find(|unread| unread.what == what);
    let reason = told.map_or("its payload was not read", |unread| &unread.reason);
    let reason = reason.to_owned();
    vec![Finding {
        id,
        severity: Verdict::Unknown.severity(),
        subject: Subject::record(newest),
        verdict: Some(Verdict::Unknown),
        summary: format!(
            "revision {} is labeled {status}, and it cannot be known whether something is at work",
            newest.revision().unwrap_or_default()
        ),
        evidence: vec![Evidence::Unread { what, reason }],
        advice: vec![match newest.payload {
            // Nobody's permission changes that.
            Payload::TooLarge { .. } => helm(
                "this program does not read it: make sure that nobody is at work on it, and go on with Helm, which may",
                history,
                "history",
            ),
            _ => look_again(context, history),
        }],
    }]
}
