//! `check` for scripts: schema `zadig-doctor/check/v1`, which
//! `docs/schema/check-v1.json` describes. Fields may be added, never changed.

use serde::Serialize;

use super::{Examined, examined};
use crate::diagnose::extent::Extent;
use crate::diagnose::{Finding, Severity};
use crate::helm::Driver;
use crate::report::parts::{self, AdviceV1, UnreadV1};
use crate::report::{Voice, json};
use crate::survey::Survey;

#[derive(Serialize)]
struct CheckV1<'a> {
    schema: &'static str,
    complete: bool,
    examined: Examined,
    unread: Vec<UnreadV1<'a>>,
    skipped: Vec<UnreadV1<'a>>,
    findings: Vec<FindingV1<'a>>,
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
    extent: Option<Extent>,
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

/// The report as JSON.
pub fn check(survey: &Survey, findings: &[Finding], voice: &Voice) -> String {
    let findings = findings.iter().map(|finding| finding_v1(finding, voice));
    json(&CheckV1 {
        schema: "zadig-doctor/check/v1",
        complete: survey.unread.is_empty(),
        examined: examined(survey),
        unread: parts::unread(survey),
        skipped: parts::skipped(survey),
        findings: findings.collect(),
    })
}

fn finding_v1<'a>(finding: &'a Finding, voice: &Voice) -> FindingV1<'a> {
    let evidence = finding.evidence.iter().map(|evidence| EvidenceV1 {
        kind: evidence.kind(),
        object: evidence.object(),
        text: evidence.to_string(),
    });
    FindingV1 {
        id: finding.id,
        severity: finding.severity,
        namespace: &finding.subject.namespace,
        release: finding.subject.release.as_deref(),
        revision: finding.subject.revision,
        driver: finding.subject.driver,
        verdict: finding.verdict.map(|verdict| verdict.to_string()),
        extent: finding.extent(),
        summary: &finding.summary,
        evidence: evidence.collect(),
        advice: parts::advice(&finding.advice, voice),
    }
}
