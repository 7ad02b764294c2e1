//! What `check` prints: a person's view, all of it, and for scripts.

use serde::Serialize;

use crate::diagnose::{Finding, Severity};
use crate::report::count;
use crate::survey::{Payload, Survey};

pub mod json;
pub mod junit;
pub mod table;

/// How much was looked at.
#[derive(Clone, Copy, Serialize)]
struct Examined {
    records: usize,
    payloads: usize,
}

fn examined(survey: &Survey) -> Examined {
    let read = |payload: &Payload| match payload {
        Payload::Decoded { .. } | Payload::Undecodable { .. } => true,
        Payload::Unread | Payload::TooLarge { .. } | Payload::Foreign { .. } => false,
    };
    let payloads = survey.records.iter().filter(|record| read(&record.payload));
    Examined {
        records: survey.records.len(),
        payloads: payloads.count(),
    }
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
