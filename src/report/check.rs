//! What `check` and `explain` print.

use serde::Serialize;

use super::{Voice, count, json, prose::prose, table::table};
use crate::diagnose::{Check, Finding, Severity, Text, checks};
use crate::helm::Driver;
use crate::survey::{Payload, Survey};

#[derive(Serialize)]
struct CheckV1<'a> {
    schema: &'static str,
    complete: bool,
    examined: Examined,
    unread: Vec<UnreadV1<'a>>,
    skipped: Vec<UnreadV1<'a>>,
    findings: Vec<FindingV1<'a>>,
}

#[derive(Clone, Copy, Serialize)]
struct Examined {
    records: usize,
    payloads: usize,
}

#[derive(Serialize)]
struct UnreadV1<'a> {
    what: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct FindingV1<'a> {
    id: &'a str,
    severity: Severity,
    namespace: &'a str,
    release: Option<&'a str>,
    revision: Option<u32>,
    driver: Option<Driver>,
    verdict: Option<String>,
    summary: &'a str,
    evidence: Vec<EvidenceV1>,
    advice: Vec<AdviceV1<'a>>,
}

#[derive(Serialize)]
struct EvidenceV1 {
    kind: &'static str,
    object: Option<String>,
    text: String,
}

#[derive(Serialize)]
struct AdviceV1<'a> {
    text: &'a str,
    command: Option<String>,
}

/// `check -o json`: schema `zadig-doctor/check/v1`.
pub fn check_json(survey: &Survey, findings: &[Finding], voice: &Voice) -> String {
    let findings = findings.iter().map(|finding| finding_v1(finding, voice));
    let unread = survey.unread.iter().map(|unread| UnreadV1 {
        what: &unread.what,
        reason: &unread.reason,
    });
    let skipped = survey.skipped.iter().map(|skipped| UnreadV1 {
        what: &skipped.what,
        reason: &skipped.reason,
    });
    json(&CheckV1 {
        schema: "zadig-doctor/check/v1",
        complete: survey.unread.is_empty(),
        examined: examined(survey),
        unread: unread.collect(),
        skipped: skipped.collect(),
        findings: findings.collect(),
    })
}

fn finding_v1<'a>(finding: &'a Finding, voice: &Voice) -> FindingV1<'a> {
    let evidence = finding.evidence.iter().map(|evidence| EvidenceV1 {
        kind: evidence.kind(),
        object: evidence.object(),
        text: evidence.to_string(),
    });
    let advice = finding.advice.iter().map(|advice| AdviceV1 {
        text: &advice.text,
        command: voice.command(advice),
    });
    FindingV1 {
        id: finding.id,
        severity: finding.severity,
        namespace: &finding.subject.namespace,
        release: finding.subject.release.as_deref(),
        revision: finding.subject.revision,
        driver: finding.subject.driver,
        verdict: finding.verdict.map(|verdict| verdict.to_string()),
        summary: &finding.summary,
        evidence: evidence.collect(),
        advice: advice.collect(),
    }
}

fn examined(survey: &Survey) -> Examined {
    let read = |payload: &Payload| !matches!(payload, Payload::Unread | Payload::Foreign { .. });
    let payloads = survey.records.iter().filter(|record| read(&record.payload));
    Examined {
        records: survey.records.len(),
        payloads: payloads.count(),
    }
}

/// `check` for a person: the findings as a table, then what each rests on and
/// what to do, then what was and was not read.
pub fn check_table(survey: &Survey, findings: &[Finding], voice: &Voice) -> String {
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
    for unread in &survey.unread {
        let unread = format!("not read: {}: {}", unread.what, unread.reason);
        text += &prose(voice, "", &unread);
    }
    for skipped in &survey.skipped {
        let skipped = format!("not looked at: {}: {}", skipped.what, skipped.reason);
        text += &prose(voice, "", &skipped);
    }
    text + &prose(voice, "", &closing(survey, findings))
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
    let namespace = &subject.namespace;
    let about = match (&subject.release, subject.driver) {
        (Some(release), _) => format!("{namespace}/{release}"),
        (None, Some(_)) => format!("{namespace}/(no release named)"),
        (None, None) => namespace.clone(),
    };
    let title = checks::find(finding.id).map_or("", |check| check.text.title.get(voice.lang));
    let title = format!("{about}: {title}");
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

/// The last line: how much was looked at, and no clean word about what was not.
fn closing(survey: &Survey, findings: &[Finding]) -> String {
    let Examined { records, payloads } = examined(survey);
    let looked = format!(
        "examined {} ({} read)",
        count(records, "record"),
        count(payloads, "payload")
    );
    let at = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let errors = count(at(Severity::Error), "error");
    let warnings = count(at(Severity::Warning), "warning");
    let found = match findings.is_empty() {
        true => "found nothing wrong in what was read".to_owned(),
        false => format!(
            "found {errors}, {warnings}, {} for information",
            at(Severity::Info)
        ),
    };
    match survey.unread.is_empty() {
        true => format!("{looked}; {found}"),
        false => format!("{looked}; {found}; not everything could be read"),
    }
}

/// `explain ID`.
pub fn explain(check: &Check, voice: &Voice) -> String {
    let lang = voice.lang;
    let text = &check.text;
    let parts = [text.meaning, text.cause, text.cure];
    let labels = match lang {
        crate::diagnose::Lang::En => ["What it means", "Why it happens", "What to do"],
        crate::diagnose::Lang::Zh => ["含义", "原因", "处理办法"],
    };
    let title = format!("{}: {}", check.id, text.title.get(lang));
    let mut out = prose(voice, "", &title);
    for (label, part) in labels.into_iter().zip(parts) {
        out += &format!("\n{label}\n");
        for line in spoken(part, voice).lines() {
            out += &prose(voice, "", line);
        }
    }
    out
}

/// A text as this voice says it, under the name by which it was called.
fn spoken(text: Text, voice: &Voice) -> String {
    text.get(voice.lang).replace("{self}", &voice.invoked)
}

/// `explain` without an id: the list.
pub fn explain_list(voice: &Voice) -> String {
    let row = |check: &&Check| {
        vec![
            check.id.to_owned(),
            check.text.title.get(voice.lang).to_owned(),
        ]
    };
    table(
        voice.width,
        &["CHECK", "TITLE"],
        checks::CHECKS.iter().map(row).collect(),
    )
}

#[derive(Serialize)]
struct ExplainV1 {
    schema: &'static str,
    checks: Vec<ExplanationV1>,
}

#[derive(Serialize)]
struct ExplanationV1 {
    id: &'static str,
    title: String,
    meaning: String,
    cause: String,
    cure: String,
}

/// `explain -o json`: schema `zadig-doctor/explain/v1`, in one language.
pub fn explain_json(checks: &[&Check], voice: &Voice) -> String {
    let text = |text| spoken(text, voice);
    let explained = checks.iter().map(|check| ExplanationV1 {
        id: check.id,
        title: text(check.text.title),
        meaning: text(check.text.meaning),
        cause: text(check.text.cause),
        cure: text(check.text.cure),
    });
    json(&ExplainV1 {
        schema: "zadig-doctor/explain/v1",
        checks: explained.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Lang;

    #[test]
    fn every_explanation_names_the_command_as_it_was_called() {
        for (check, lang) in checks::CHECKS
            .iter()
            .flat_map(|check| [(check, Lang::En), (check, Lang::Zh)])
        {
            let voice = Voice {
                invoked: "helm doctor".to_owned(),
                keep: Vec::new(),
                keep_for_helm: Vec::new(),
                lang,
                width: None,
            };
            let text = explain(check, &voice);
            assert!(!text.contains("{self}"), "{text}");
        }
    }
}
