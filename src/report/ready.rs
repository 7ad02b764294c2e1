//! What `check --ready-for` prints.

use serde::Serialize;

use super::parts::{self, AdviceV1, UnreadV1};
use super::{Voice, json, prose::prose};
use crate::diagnose::Lang;
use crate::diagnose::ready::{Answer, Operation, Ready, Reason, Weight};
use crate::survey::Survey;

#[derive(Serialize)]
struct ReadyV1<'a> {
    schema: &'static str,
    #[serde(rename = "for")]
    operation: &'static str,
    answer: &'static str,
    complete: bool,
    releases: Vec<ReleaseV1<'a>>,
    unread: Vec<UnreadV1<'a>>,
    skipped: Vec<UnreadV1<'a>>,
}

#[derive(Serialize)]
struct ReleaseV1<'a> {
    namespace: &'a str,
    release: &'a str,
    exists: bool,
    answer: &'static str,
    reasons: Vec<ReasonV1<'a>>,
}

#[derive(Serialize)]
struct ReasonV1<'a> {
    id: &'static str,
    weight: &'static str,
    text: &'a str,
    says: Option<&'a str>,
    advice: Vec<AdviceV1<'a>>,
}

/// The answer for all of them: the worst.
pub fn overall(all: &[Ready]) -> Answer {
    let answers = all.iter().map(|one| one.answer);
    answers.max().unwrap_or(Answer::Yes)
}

fn word(answer: Answer) -> &'static str {
    match answer {
        Answer::Yes => "yes",
        Answer::Unknown => "unknown",
        Answer::No => "no",
    }
}

/// `check --ready-for … -o json`: schema `zadig-doctor/ready/v1`.
pub fn ready_json(survey: &Survey, operation: Operation, all: &[Ready], voice: &Voice) -> String {
    json(&ReadyV1 {
        schema: "zadig-doctor/ready/v1",
        operation: operation.as_str(),
        answer: word(overall(all)),
        complete: survey.unread.is_empty(),
        releases: all.iter().map(|one| release_v1(one, voice)).collect(),
        unread: parts::unread(survey),
        skipped: parts::skipped(survey),
    })
}

fn release_v1<'a>(ready: &'a Ready, voice: &Voice) -> ReleaseV1<'a> {
    ReleaseV1 {
        namespace: &ready.namespace,
        release: &ready.release,
        exists: ready.exists,
        answer: word(ready.answer),
        reasons: ready
            .reasons
            .iter()
            .map(|one| reason_v1(one, voice))
            .collect(),
    }
}

fn reason_v1<'a>(reason: &'a Reason, voice: &Voice) -> ReasonV1<'a> {
    ReasonV1 {
        id: reason.id,
        weight: match reason.weight {
            Weight::Notes => "notes",
            Weight::Hides => "hides",
            Weight::Blocks => "blocks",
        },
        text: &reason.text,
        says: reason.says.as_deref(),
        advice: parts::advice(&reason.advice, voice),
    }
}

/// The same for a person: the answer first, then why, then what to do.
pub fn ready_text(survey: &Survey, operation: Operation, all: &[Ready], voice: &Voice) -> String {
    let mut text = String::new();
    for ready in all {
        let (namespace, release) = (&ready.namespace, &ready.release);
        let answer = spoken(ready.answer, operation, voice.lang);
        text += &prose(voice, "", &format!("{namespace}/{release}: {answer}"));
        for reason in &ready.reasons {
            text += &told(reason, ready.answer, voice);
        }
    }
    text + &parts::not_looked_at(survey, voice)
}

fn spoken(answer: Answer, operation: Operation, lang: Lang) -> String {
    let english = operation.as_str();
    let chinese = match operation {
        Operation::Upgrade => "升级",
        Operation::Rollback => "回滚",
        Operation::Uninstall => "卸载",
    };
    match (lang, answer) {
        (Lang::En, Answer::Yes) => format!("ready for {english}"),
        (Lang::En, Answer::No) => format!("not ready for {english}"),
        (Lang::En, Answer::Unknown) => {
            format!("it cannot be known whether it is ready for {english}")
        }
        (Lang::Zh, Answer::Yes) => format!("可以{chinese}"),
        (Lang::Zh, Answer::No) => format!("现在不能{chinese}"),
        (Lang::Zh, Answer::Unknown) => format!("无法确定是否可以{chinese}"),
    }
}

/// What to do is told of what stands in the way; beside that, notes are notes.
fn told(reason: &Reason, answer: Answer, voice: &Voice) -> String {
    let says = match &reason.says {
        Some(says) => format!("; Helm says: {says}"),
        None => String::new(),
    };
    let mut text = prose(
        voice,
        "  - ",
        &format!("{}: {}{says}", reason.id, reason.text),
    );
    if reason.weight == Weight::Notes && answer != Answer::Yes {
        return text;
    }
    for advice in &reason.advice {
        text += &prose(voice, "    > ", &advice.text);
        if let Some(command) = voice.command(advice) {
            text += &format!("        {command}\n");
        }
    }
    text
}
