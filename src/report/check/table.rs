//! `check` for a person.

use super::closing;
use crate::diagnose::{Finding, Subject, checks};
use crate::report::prose::prose;
use crate::report::table::table;
use crate::report::{Voice, parts};
use crate::survey::Survey;

/// What matters of each finding, release by release, the worst first: what is
/// wrong, the evidence that tells most, a command to paste; then what was and
/// was not read.
pub fn short(survey: &Survey, findings: &[Finding], voice: &Voice) -> String {
    let mut text = String::new();
    for group in grouped(findings) {
        text += &prose(voice, "", &place(&group[0].subject));
        for finding in group {
            text += &brief(finding, voice);
        }
        text += "\n";
    }
    text + &unseen(survey, voice) + &prose(voice, "", &closing(survey, findings))
}

/// Findings by what they are about, each group where its worst one stands.
fn grouped(findings: &[Finding]) -> Vec<Vec<&Finding>> {
    let about = |finding: &Finding| {
        let subject = &finding.subject;
        (subject.namespace.clone(), subject.release.clone())
    };
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for finding in findings {
        let at = *places.entry(about(finding)).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups
}

fn place(subject: &Subject) -> String {
    match (&subject.release, subject.driver) {
        (Some(release), _) => format!("{}/{release}", subject.namespace),
        (None, Some(_)) => format!("{}/(no release named)", subject.namespace),
        (None, None) => format!("namespace {}", subject.namespace),
    }
}

fn brief(finding: &Finding, voice: &Voice) -> String {
    const MARGIN: &str = "           ";
    let title = title(finding, voice);
    let mark = format!("  {:<8} ", finding.severity);
    let mut text = prose(voice, &mark, &format!("{}: {title}", finding.id));
    text += &prose(voice, MARGIN, &finding.summary);
    if let Some(evidence) = finding.evidence.first() {
        text += &prose(voice, MARGIN, &evidence.to_string());
    }
    let paste = finding
        .advice
        .iter()
        .find_map(|advice| voice.command(advice));
    match (paste, finding.advice.first()) {
        (Some(command), _) => text += &format!("{MARGIN}$ {command}\n"),
        (None, Some(advice)) => text += &prose(voice, &format!("{MARGIN}> "), &advice.text),
        (None, None) => {}
    }
    text
}

/// What could not be read, and what was not looked at.
fn unseen(survey: &Survey, voice: &Voice) -> String {
    let mut text = String::new();
    for unread in &survey.unread {
        let unread = format!("not read: {}: {}", unread.what, unread.reason);
        text += &prose(voice, "", &unread);
    }
    text + &parts::not_looked_at(survey, voice)
}

fn title<'a>(finding: &Finding, voice: &Voice) -> &'a str {
    checks::find(finding.id).map_or("", |check| check.text.title.get(voice.lang))
}

/// `check` for a person: the findings as a table, then what each rests on and
/// what to do, then what was and was not read.
pub fn wide(survey: &Survey, findings: &[Finding], voice: &Voice) -> String {
    let mut text = String::new();
    if !findings.is_empty() {
        let heading = [
            "SEVERITY",
            "NAMESPACE",
            "RELEASE",
            "REV",
            "CHECK",
            "VERDICT",
        ];
        text += &table(voice.width, &heading, findings.iter().map(row).collect());
        text += "\n";
    }
    for finding in findings {
        text += &details(finding, voice);
    }
    text + &unseen(survey, voice) + &prose(voice, "", &closing(survey, findings))
}

fn row(finding: &Finding) -> Vec<String> {
    let subject = &finding.subject;
    let dash = || "-".to_owned();
    let verdict = finding.verdict.map(|verdict| verdict.to_string());
    vec![
        finding.severity.to_string(),
        subject.namespace.clone(),
        subject.release.clone().unwrap_or_else(dash),
        subject
            .revision
            .map_or_else(dash, |revision| revision.to_string()),
        finding.id.to_owned(),
        verdict.unwrap_or_else(dash),
    ]
}

fn details(finding: &Finding, voice: &Voice) -> String {
    let subject = &finding.subject;
    let title = format!("{}: {}", place(subject), title(finding, voice));
    let mut text = prose(voice, "", &title);
    text += &prose(voice, "  ", &finding.summary);
    for evidence in &finding.evidence {
        text += &prose(voice, "  - ", &evidence.to_string());
    }
    for advice in &finding.advice {
        text += &prose(voice, "  > ", &advice.text);
        if let Some(command) = voice.command(advice) {
            text += &format!("      {command}\n");
        }
    }
    text + "\n"
}
