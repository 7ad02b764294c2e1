//! A redacted survey is judged as the whole one is.

use super::*;
use crate::survey::redacted;

/// All of a finding but the texts that it quotes.
fn bones(survey: &Survey) -> Vec<(Finding, Vec<&'static str>)> {
    let policy = Policy {
        all_revisions: true,
        ..Policy::default()
    };
    let bone = |mut finding: Finding| {
        let kinds = finding.evidence.iter().map(Evidence::kind).collect();
        finding.evidence.clear();
        finding.summary.clear();
        (finding, kinds)
    };
    diagnose(survey, &policy).into_iter().map(bone).collect()
}

#[test]
fn nothing_but_texts_differs() {
    let secret = "password=hunter2";
    let mut mismatched = healthy();
    mismatched[1].labels.insert("status", "failed");
    for mut records in [healthy(), stuck(), mismatched] {
        for record in &mut records {
            record.labels.insert("team", secret);
            says(record).description = format!("Upgrade failed: {secret}");
        }
        let reason = format!("forbidden: {secret}");
        for observed in [Observed::Missing, Observed::Unreadable { reason }] {
            let mut whole = see(survey(records.clone()), deployment(), observed);
            whole.note_unreadable();
            let less = redacted(whole.clone());
            assert_eq!(bones(&less), bones(&whole));
            assert_eq!(
                needs(&less, &Policy::default()),
                needs(&whole, &Policy::default())
            );
            let quoted = format!("{:?}", diagnose(&less, &Policy::default()));
            assert!(!quoted.contains("hunter2"), "{quoted}");
        }
    }
}
