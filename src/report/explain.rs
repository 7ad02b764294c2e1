//! What `explain` prints.

use serde::Serialize;

use super::{Voice, json, prose::prose, table::table};
use crate::diagnose::{Check, Lang, Text, checks};

/// `explain ID`.
pub fn text(check: &Check, voice: &Voice) -> String {
    let lang = voice.lang;
    let text = &check.text;
    let parts = [text.meaning, text.cause, text.cure];
    let labels = match lang {
        Lang::En => ["What it means", "Why it happens", "What to do"],
        Lang::Zh => ["含义", "原因", "处理办法"],
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
pub fn list(voice: &Voice) -> String {
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
pub fn to_json(checks: &[&Check], voice: &Voice) -> String {
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
                driver: crate::helm::Driver::Secret,
                lang,
                width: None,
            };
            let text = text(check, &voice);
            assert!(!text.contains("{self}"), "{text}");
        }
    }
}
