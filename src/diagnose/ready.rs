//! Would that operation go through now?
//!
//! For a pipeline, before it deploys: whether Helm would refuse, whether
//! something would be lost, whether it would collide with what is at work. The
//! findings say what is; this says what it means for one operation. A doubt is
//! told as one, and is no permission.

use crate::diagnose::{Advice, Command, Finding};
use crate::helm::{Driver, RecordKey, Status};
use crate::survey::{History, NamespaceState, Need, Record, Survey};

mod weigh;

/// What a pipeline is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `helm upgrade --install`.
    Upgrade,
    /// `helm rollback` without a revision: to the one before the newest.
    Rollback,
    /// `helm uninstall`.
    Uninstall,
}

impl Operation {
    /// Helm's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upgrade => "upgrade",
            Self::Rollback => "rollback",
            Self::Uninstall => "uninstall",
        }
    }
}

/// The answer. Ordered: what speaks more against it is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// Nothing that was seen stands in its way.
    Yes,
    /// It cannot be known.
    Unknown,
    /// It would be refused, lose something or collide.
    No,
}

/// How much a reason weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Worth knowing; it goes through all the same.
    Notes,
    /// It hides what would have to be known.
    Hides,
    /// It stands in the way.
    Blocks,
}

/// One reason for an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// The finding that it rests on, or a word of its own.
    pub id: &'static str,
    /// How much it weighs.
    pub weight: Weight,
    /// What is so, and what would come of it.
    pub text: String,
    /// What Helm would say, as far as its words are known.
    pub says: Option<String>,
    /// What to do first.
    pub advice: Vec<Advice>,
}

/// Whether one release is ready for an operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Ready {
    /// The storage namespace.
    pub namespace: String,
    /// The release.
    pub release: String,
    /// Whether there is such a release.
    pub exists: bool,
    /// The answer.
    pub answer: Answer,
    /// What it rests on, the weightiest first.
    pub reasons: Vec<Reason>,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What is about to be done.
    pub operation: Operation,
    /// In which storage namespace.
    pub namespace: &'a str,
    /// To which release.
    pub release: &'a str,
    /// Which records that Helm will see.
    pub driver: Driver,
}

/// What must be known beside what checks ask for: a release that does not
/// exist yet has no finding that tells of its namespace.
pub fn needs(survey: &Survey, namespace: &str) -> Vec<Need> {
    let need = Need::Namespace(namespace.to_owned());
    match survey.answered(&need) {
        true => Vec::new(),
        false => vec![need],
    }
}

/// Answers the question from what was seen and found.
pub fn ready(survey: &Survey, findings: &[Finding], question: Question<'_>) -> Ready {
    let histories = survey.histories();
    let of_release = |history: &&History<'_>| {
        history.namespace == question.namespace && history.release == question.release
    };
    let ours: Vec<&History<'_>> = histories.iter().filter(of_release).collect();
    let seen = ours.iter().find(|one| one.driver == question.driver);
    // Records of the other driver alone are those that the pipeline means.
    let history = seen.or(ours.first()).copied();
    let mut reasons = match history {
        Some(history) => of_history(findings, history, question),
        None => of_none(survey, question),
    };
    if let Some(unread) = survey.unread.first() {
        let text = format!("could not read {}: {}", unread.what, unread.reason);
        reasons.push(reason("unread", Weight::Hides, text));
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.weight));
    let answer = match reasons.first().map(|reason| reason.weight) {
        Some(Weight::Blocks) => Answer::No,
        Some(Weight::Hides) => Answer::Unknown,
        Some(Weight::Notes) | None => Answer::Yes,
    };
    Ready {
        namespace: question.namespace.to_owned(),
        release: question.release.to_owned(),
        exists: history.is_some(),
        answer,
        reasons,
    }
}

fn reason(id: &'static str, weight: Weight, text: impl Into<String>) -> Reason {
    Reason {
        id,
        weight,
        text: text.into(),
        says: None,
        advice: Vec::new(),
    }
}

/// There is no record of it: it can be made, and nothing else.
fn of_none(survey: &Survey, question: Question<'_>) -> Vec<Reason> {
    let (release, namespace) = (question.release, question.namespace);
    if question.operation != Operation::Upgrade {
        let text = "there is no record of such a release";
        return vec![Reason {
            says: Some("release: not found".to_owned()),
            ..reason("no-release", Weight::Blocks, text)
        }];
    }
    let new = Reason {
        says: Some(format!("{release:?} has no deployed releases")),
        ..reason(
            "no-release",
            Weight::Notes,
            "there is no such release yet: `helm upgrade --install` installs it, without --install Helm refuses",
        )
    };
    let place = match survey.namespace(namespace) {
        Some(NamespaceState::Missing) => Some(reason(
            "no-namespace",
            Weight::Notes,
            format!("there is no namespace {namespace} yet: give Helm --create-namespace too"),
        )),
        Some(NamespaceState::Present {
            deleting: Some(since),
            ..
        }) => Some(Reason {
            says: Some(weigh::terminated(namespace)),
            ..reason(
                "namespace-terminating",
                Weight::Blocks,
                format!("namespace {namespace} is being deleted since {since}"),
            )
        }),
        _ => None,
    };
    place.into_iter().chain([new]).collect()
}

/// What findings and records say of a release that there is.
fn of_history(findings: &[Finding], history: &History<'_>, question: Question<'_>) -> Vec<Reason> {
    let about = |finding: &&Finding| {
        let subject = &finding.subject;
        let release = subject.release.as_ref();
        subject.namespace == history.namespace
            && release.is_none_or(|release| *release == history.release)
            && (subject.driver.is_none_or(|driver| driver == history.driver)
                // Told once, of one of the two.
                || finding.id == "two-drivers")
    };
    let findings = findings.iter().filter(about);
    let mut reasons: Vec<Reason> = findings
        .filter_map(|finding| weigh::finding(finding, history, question.operation))
        .collect();
    let own = match question.operation {
        Operation::Upgrade => [taken(history), uninstalled(history, question)],
        Operation::Rollback => [taken(history), target(history)],
        Operation::Uninstall => [uninstalled(history, question), None],
    };
    reasons.extend(own.into_iter().flatten());
    if history.driver != question.driver {
        let text = format!(
            "its records are {}: Helm sees them with HELM_DRIVER={} alone",
            history.driver.resource(),
            history.driver
        );
        reasons.push(reason("other-driver", Weight::Notes, text));
    }
    reasons
}

/// The revision that Helm takes for the newest: the highest of the payloads
/// that it can read.
fn newest_to_helm(history: &History<'_>) -> Option<i64> {
    let versions = history
        .visible()
        .filter_map(|record| match record.decoded() {
            Some(release) => Some(release.version),
            None => record.revision().map(i64::from),
        });
    versions.max()
}

/// The next revision's name is taken, by whatever it is.
fn taken(history: &History<'_>) -> Option<Reason> {
    let next = u32::try_from(newest_to_helm(history)?.checked_add(1)?).ok()?;
    let name = RecordKey {
        release: history.release.clone(),
        revision: next,
    };
    let name = name.to_string();
    let mut records = history.records.iter().chain(&history.foreign);
    let taken = records.find(|record| record.id.name == name)?;
    let text = format!("{} is there, and Helm needs its name", taken.id);
    Some(Reason {
        says: Some("release: already exists".to_owned()),
        ..reason("name-taken", Weight::Blocks, text)
    })
}

/// An uninstalled release whose history was kept.
fn uninstalled(history: &History<'_>, question: Question<'_>) -> Option<Reason> {
    let status = history.newest()?.status()?;
    if status != Status::Uninstalled {
        return None;
    }
    if question.operation == Operation::Uninstall {
        let text = "it is uninstalled; the history that was kept would go";
        return Some(reason("uninstalled", Weight::Notes, text));
    }
    let says = match history.deployed().next() {
        None => Some(format!("{:?} has no deployed releases", history.release)),
        Some(_) => None,
    };
    let text = "it is uninstalled and its history was kept: Helm before 3.15 refuses, so does Zadig up to 5.0.0, and so \
                does every Helm where --install is not given or ten revisions or more are kept";
    Some(Reason {
        says,
        advice: vec![helm(
            "remove the history that was kept; the upgrade then installs it anew",
            history,
            &["uninstall", &history.release],
        )],
        ..reason("uninstalled", Weight::Blocks, text)
    })
}

/// Where a rollback without a revision goes: to the one before the newest,
/// whatever that says.
fn target(history: &History<'_>) -> Option<Reason> {
    let target = newest_to_helm(history)?.checked_sub(1)?;
    let is = |record: &&Record| record.revision().map(i64::from) == Some(target);
    let found = history.visible().find(is);
    let fits =
        |status: Option<Status>| matches!(status, Some(Status::Deployed | Status::Superseded));
    let good = |record: &&Record| {
        fits(record.status())
            && record
                .revision()
                .is_some_and(|one| i64::from(one) <= target)
    };
    let better = history
        .visible()
        .rev()
        .find(good)
        .and_then(Record::revision);
    let advice = better.map(|better| {
        helm(
            "name the revision to go back to",
            history,
            &["rollback", &history.release, &better.to_string()],
        )
    });
    let advice: Vec<Advice> = advice.into_iter().collect();
    match found {
        Some(record) if fits(record.status()) => None,
        Some(record) => {
            let status = record
                .status()
                .map_or_else(String::new, |status| status.to_string());
            let text = format!(
                "without a revision it goes back to {target}, the one before the newest, which says {status}"
            );
            Some(Reason {
                advice,
                ..reason("rollback-target", Weight::Blocks, text)
            })
        }
        None => Some(Reason {
            says: Some(format!("release has no {target} version")),
            advice,
            ..reason(
                "rollback-target",
                Weight::Blocks,
                "there is no revision before the newest to go back to",
            )
        }),
    }
}

fn helm(text: &str, history: &History<'_>, words: &[&str]) -> Advice {
    let place = ["-n", history.namespace];
    let words = words.iter().chain(&place);
    let words = words.map(|word| (*word).to_owned()).collect();
    Advice {
        text: text.to_owned(),
        command: Some(Command::Helm(history.driver, words)),
    }
}
