//! A survey that can be handed on: without the texts in which secrets may lie.
//!
//! A survey never holds values. But Helm puts whole error texts into
//! descriptions, API servers and their webhooks say what they like, and labels
//! hold what somebody thought of. Judgements read none of these texts, they
//! only quote them. So what is known by heart stays, the rest is left out;
//! names stay, without them there is nothing to say.

use super::comparison::NO_OBJECT;
use crate::helm::codec::TOO_LARGE;
use crate::live::{Compared, Found, Observed};
use crate::survey::zadig::{Detail, Proof, SeenZadig};
use crate::survey::{
    ApiState, Labels, LeaseState, Listed, NamespaceState, Payload, Record, Release, Scope,
    SecretsState, SeenComparison, Skipped, Survey, Unread,
};

/// What stands where a text was. It is no label value that Kubernetes would
/// take, so nobody confuses it with one.
pub const REDACTED: &str = "(redacted)";

/// What Helm itself writes into `info.description` where all goes well, and
/// what we write.
const DESCRIPTIONS: [&str; 12] = [
    "",
    "Initial install underway",
    "Install complete",
    "Preparing upgrade",
    "Upgrade complete",
    "Deletion in progress (or silently failed)",
    "Uninstallation complete",
    "Marked failed by zadig-doctor: was stale in pending-install",
    "Marked failed by zadig-doctor: was stale in pending-upgrade",
    "Marked failed by zadig-doctor: was stale in pending-rollback",
    "Marked failed by zadig-doctor: was stale in uninstalling",
    "Dry run complete",
];

/// How reasons begin that are our own words; what follows a colon is somebody
/// else's.
const REASONS: [&str; 46] = [
    TOO_LARGE,
    "forbidden",
    "not found",
    "invalid",
    "changed meanwhile",
    "not authorized by the API server",
    "the list expired while it was read",
    "the API server has too many requests",
    "the API server did not answer in time",
    "cannot connect to the API server",
    "cannot connect to the API server in time",
    "cannot trust the API server",
    "cannot speak TLS with the API server",
    "cannot get credentials for the API server",
    "the connection to the API server broke",
    "the API server's answer is unreadable",
    "the API server's answer is too large",
    "the file does not hold it",
    "the file holds it twice",
    "the file holds none",
    NO_OBJECT,
    "not authorized by Zadig",
    "forbidden by Zadig",
    "this version of Zadig does not know the question",
    "there is no Zadig at this address",
    "Zadig cannot read the environment (6078)",
    "not covered by Zadig's licence",
    "Zadig's database has no such document",
    "the answer of Zadig is unreadable",
    "the answer of Zadig is too large",
    "Zadig did not answer in time",
    "cannot connect to Zadig",
    "cannot trust Zadig",
    "the connection to Zadig broke",
    "Zadig stopped answering",
    "Zadig was not asked",
    "an entry of the list has no key",
    "the list changed while it was read",
    "it was not looked for",
    "Zadig's agent is here, and only its token, which is not read, says of which cluster",
    "whether Zadig itself runs here could not be read",
    "Zadig itself does not run here",
    "Zadig has no cluster with the id given",
    "before 1.18 Zadig does not list them",
    "before 3.4 Zadig does not tell it",
    "the token is not shown to be an administrator's, and lists come empty without one",
];

/// Labels whose values judgements compare or that name things: Helm's own,
/// Zadig's, and the one that every namespace has.
const LABELS: [&str; 15] = [
    "owner",
    "name",
    "status",
    "version",
    "createdAt",
    "modifiedAt",
    "createdBy",
    "s-product",
    "s-service",
    "s-env",
    "s-type",
    "s-task",
    "s-group",
    "zadig.koderover.com/owner",
    "kubernetes.io/metadata.name",
];

/// The survey without texts that may hold secrets. What is found in it is the
/// same, but for the texts that are quoted.
///
/// Every field is named here, so that a new one cannot be forgotten.
#[must_use]
pub fn redacted(survey: Survey) -> Survey {
    let Survey {
        cluster,
        time,
        version,
        scope,
        records,
        mut objects,
        mut leases,
        mut namespaces,
        mut namespaces_listed,
        mut apis,
        mut secrets,
        mut zadig,
        comparisons,
        mut owned,
        unread,
        skipped,
    } = survey;
    for seen in &mut objects {
        if let Observed::Unreadable { reason } = &mut seen.observed {
            redact_reason(reason);
        }
    }
    for seen in &mut leases {
        if let LeaseState::Unreadable { reason } = &mut seen.state {
            redact_reason(reason);
        }
    }
    for seen in &mut namespaces {
        match &mut seen.state {
            NamespaceState::Missing => {}
            NamespaceState::Present { labels, .. } => redact_labels(labels),
            NamespaceState::Unreadable(why) => redact_reason(&mut why.reason),
        }
    }
    if let Some(Listed::Unreadable(why)) = &mut namespaces_listed {
        redact_reason(&mut why.reason);
    }
    for seen in &mut apis {
        if let ApiState::Unreadable(why) = &mut seen.state {
            redact_reason(&mut why.reason);
        }
    }
    for seen in &mut secrets {
        if let SecretsState::Unreadable(why) = &mut seen.state {
            redact_reason(&mut why.reason);
        }
    }
    if let Some(zadig) = &mut zadig {
        redact_zadig(zadig);
    }
    if let Some(owned) = &mut owned {
        owned.unread.iter_mut().for_each(redact_unread);
    }
    Survey {
        cluster,
        time,
        version,
        scope: Scope {
            selector: scope.selector.map(|_| REDACTED.to_owned()),
            ..scope
        },
        records: records.into_iter().map(redact_record).collect(),
        objects,
        leases,
        namespaces,
        namespaces_listed,
        apis,
        secrets,
        zadig,
        comparisons: comparisons.into_iter().map(redact_comparison).collect(),
        owned,
        unread: changed(unread, redact_unread),
        skipped: changed(skipped, |one: &mut Skipped| redact_reason(&mut one.reason)),
    }
}

fn changed<T>(mut list: Vec<T>, change: impl FnMut(&mut T)) -> Vec<T> {
    list.iter_mut().for_each(change);
    list
}

fn redact_record(mut record: Record) -> Record {
    redact_labels(&mut record.labels);
    // Why a payload does not decode is said in words of ours alone.
    if let Payload::Decoded { release, .. } = &mut record.payload {
        redact_release(release);
    }
    record
}

/// Of documents that cannot be read only the place is known: a chart's file,
/// a line.
fn redact_release(release: &mut Release) {
    if !is_known(&release.description) {
        REDACTED.clone_into(&mut release.description);
    }
}

fn is_known(description: &str) -> bool {
    let revision = description.strip_prefix("Rollback to ");
    let number = |text: &str| text.len() <= 10 && text.bytes().all(|b| b.is_ascii_digit());
    DESCRIPTIONS.contains(&description) || revision.is_some_and(number)
}

fn redact_labels(labels: &mut Labels) {
    let redacted = |(key, value)| match LABELS.contains(&key) {
        true => (key, value),
        false => (key, REDACTED),
    };
    *labels = labels.iter().map(redacted).collect();
}

fn redact_comparison(mut seen: SeenComparison) -> SeenComparison {
    for Compared { found, .. } in &mut seen.objects {
        // Of a difference the place is told, never the value.
        if let Found::Unreadable { reason } = found {
            redact_reason(reason);
        }
    }
    if let Some(reason) = &mut seen.failed {
        redact_reason(reason);
    }
    seen
}

/// Of Zadig's words nothing stays, of its names all: but who did something is a
/// person's name, and says nothing of what is wrong.
fn redact_zadig(zadig: &mut SeenZadig) {
    let SeenZadig {
        server: _,
        failed,
        time: _,
        api: _,
        version: _,
        licence: _,
        admin,
        place,
        clusters,
        projects,
        environments,
        operations,
        earlier: _,
    } = zadig;
    let mut reasons: Vec<&mut String> = failed.iter_mut().collect();
    if let Proof::Missing { reason } = admin {
        reasons.push(reason);
    }
    for list in environments {
        reasons.extend(list.list.missing.iter_mut().map(|gap| &mut gap.reason));
        for environment in &mut list.list.items {
            match &mut environment.detail {
                Detail::NotAsked => {}
                Detail::Unread { reason } => reasons.push(reason),
                Detail::Read(detail) => {
                    reasons.extend(&mut detail.refused);
                    let services = detail.services.iter_mut();
                    reasons.extend(services.filter_map(|one| one.error.as_mut()));
                }
            }
        }
    }
    let gaps = [
        &mut clusters.missing,
        &mut projects.missing,
        &mut operations.missing,
        &mut place.aslan.missing,
    ];
    reasons.extend(gaps.into_iter().flatten().map(|gap| &mut gap.reason));
    reasons.into_iter().for_each(redact_reason);
    for operation in &mut operations.items {
        REDACTED.clone_into(&mut operation.user);
    }
}

fn redact_unread(unread: &mut Unread) {
    redact_reason(&mut unread.reason);
}

/// Our own words stay; of what somebody else said only that it was said.
fn redact_reason(reason: &mut String) {
    let answered = |text: &str| {
        let by = ["the API server answered ", "Zadig answered "];
        let code = by.iter().find_map(|by| text.strip_prefix(by));
        code.is_some_and(|code| code.len() <= 4 && code.bytes().all(|b| b.is_ascii_digit()))
    };
    let own = |text: &str| REASONS.contains(&text) || answered(text);
    if own(reason) {
        return;
    }
    *reason = match reason.split_once(": ") {
        Some((ours, _)) if own(ours) => format!("{ours}: {REDACTED}"),
        _ => REDACTED.to_owned(),
    };
}

#[cfg(test)]
#[path = "redact_tests.rs"]
mod tests;
