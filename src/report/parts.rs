//! What several reports have in common.

use serde::Serialize;

use super::{Voice, prose::prose};
use crate::diagnose::Advice;
use crate::survey::Survey;

/// Something that was not read, in JSON.
#[derive(Serialize)]
pub(super) struct UnreadV1<'a> {
    what: &'a str,
    reason: &'a str,
}

/// One thing to do next, in JSON.
#[derive(Serialize)]
pub(super) struct AdviceV1<'a> {
    text: &'a str,
    command: Option<String>,
}

/// What could not be read.
pub(super) fn unread(survey: &Survey) -> Vec<UnreadV1<'_>> {
    let all = survey.unread.iter().map(|one| UnreadV1 {
        what: &one.what,
        reason: &one.reason,
    });
    all.collect()
}

/// What the user may not read and was done without.
pub(super) fn skipped(survey: &Survey) -> Vec<UnreadV1<'_>> {
    let all = survey.skipped.iter().map(|one| UnreadV1 {
        what: &one.what,
        reason: &one.reason,
    });
    all.collect()
}

/// The advice, its commands as this voice says them.
pub(super) fn advice<'a>(advice: &'a [Advice], voice: &Voice) -> Vec<AdviceV1<'a>> {
    let one = |advice: &'a Advice| AdviceV1 {
        text: &advice.text,
        command: voice.command(advice),
    };
    advice.iter().map(one).collect()
}

/// The same of what was done without, for a person.
pub(super) fn not_looked_at(survey: &Survey, voice: &Voice) -> String {
    let told = survey.skipped.iter().map(|one| {
        let told = format!("not looked at: {}: {}", one.what, one.reason);
        prose(voice, "", &told)
    });
    told.collect()
}
