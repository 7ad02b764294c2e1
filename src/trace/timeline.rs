//! All claims in one order.

use jiff::{SignedDuration, Timestamp};

use super::lived::hold_against;
use super::{Actor, Claim, Deed, Kind, Source, Subject, Thing};
use crate::live::Observed;
use crate::plan::{Action, Outcome, Receipt};
use crate::survey::zadig::ZadigOperation;
use crate::survey::{Payload, Record, SeenEvent, Survey};

/// What one client does to many things in this time is told as one deed.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(2);

/// How much of Helm's own words is repeated.
const WORDS: usize = 200;

/// What there is to be told, beside what the audit log says.
#[derive(Clone, Copy)]
pub struct Told<'a> {
    /// Records and live objects as they are now.
    pub survey: &'a Survey,
    /// The namespace's events.
    pub events: &'a [SeenEvent],
    /// Our own operations, on this cluster.
    pub receipts: &'a [Receipt],
}

/// All claims, by time; what one client did to many things at once is one.
pub fn timeline(
    subject: &Subject,
    told: Told<'_>,
    audited: impl IntoIterator<Item = Claim>,
) -> Vec<Claim> {
    let mut claims: Vec<Claim> = audited.into_iter().collect();
    for claim in &mut claims {
        hold_against(claim, subject, told.survey);
    }
    for record in &told.survey.records {
        if subject.owns(&record.id) {
            claims.extend(of_record(record));
        }
    }
    for seen in &told.survey.objects {
        if let Observed::Present(live) = &seen.observed {
            let thing = Thing::Object(format!("{} {}", seen.object.kind, seen.object.name));
            let writers = live.writers.iter().filter(|one| one.subresource.is_none());
            claims.extend(writers.map(|one| written(thing.clone(), &one.manager, one.at)));
        }
    }
    let named = |event: &&SeenEvent| {
        let object = &event.object;
        let mut own = subject.objects.iter();
        own.any(|own| own.kind == object.kind && own.name == object.name)
            || (object.kind == "Namespace" && object.name == subject.namespace)
    };
    let zadig = told.survey.zadig.iter();
    let operations = zadig.flat_map(|zadig| &zadig.operations.items);
    claims.extend(operations.filter_map(|one| of_operation(one, subject)));
    claims.extend(told.events.iter().filter(named).map(of_event));
    claims.extend(
        told.receipts
            .iter()
            .flat_map(|one| of_receipt(one, subject)),
    );
    claims.sort_by(|a, b| a.at.cmp(&b.at).then(a.source.cmp(&b.source)));
    merged(claims)
}

/// What a record says of itself, and who wrote it.
fn of_record(record: &Record) -> Vec<Claim> {
    let Some(revision) = record.revision() else {
        return Vec::new();
    };
    let thing = Thing::Record(revision);
    let writers = record.writers.iter();
    let mut claims: Vec<_> = writers
        .map(|one| written(thing.clone(), &one.manager, one.at))
        .collect();
    if let Payload::Decoded { release, .. } = &record.payload
        && let Some(at) = release.last_deployed
    {
        let end = release.description.floor_char_boundary(WORDS);
        let words = release.description[..end].trim();
        claims.push(Claim {
            at,
            deed: Deed::Noted,
            what: vec![thing],
            actor: None,
            source: Source::Record,
            words: match words {
                "" => release.status.to_string(),
                words => format!("{}: {words}", release.status),
            },
            perhaps_dry: false,
        });
    }
    claims
}

fn written(thing: Thing, manager: &str, at: Timestamp) -> Claim {
    Claim {
        at,
        deed: Deed::Changed,
        what: vec![thing],
        actor: Some(Actor::of_manager(manager)),
        source: Source::ManagedFields,
        words: String::new(),
        perhaps_dry: false,
    }
}

fn of_event(event: &SeenEvent) -> Claim {
    let end = event.message.floor_char_boundary(WORDS);
    let object = &event.object;
    Claim {
        at: event.at,
        deed: Deed::Noted,
        what: vec![match object.kind.as_str() {
            "Namespace" => Thing::Namespace,
            kind => Thing::Object(format!("{kind} {}", object.name)),
        }],
        actor: Some(Actor::of_manager(&event.component)),
        source: Source::Event,
        words: format!("{}: {}", event.reason, &event.message[..end]),
        perhaps_dry: false,
    }
}

/// What somebody asked Zadig to delete, in the release's project or under its
/// name.
fn of_operation(operation: &ZadigOperation, subject: &Subject) -> Option<Claim> {
    let ours = subject.project.as_ref() == Some(&operation.project);
    if !ours && !operation.targets.contains(&subject.release) {
        return None;
    }
    let (method, function) = (&operation.method, &operation.function);
    let user = (!operation.user.is_empty()).then(|| operation.user.clone());
    Some(Claim {
        at: operation.time?,
        deed: Deed::Noted,
        what: vec![Thing::Object(format!("project {}", operation.project))],
        actor: Some(Actor {
            kind: Kind::Zadig,
            user,
            agent: None,
        }),
        source: Source::Zadig,
        words: format!("{method} {function} {}", operation.targets.join(", ")),
        perhaps_dry: false,
    })
}

fn of_receipt(receipt: &Receipt, subject: &Subject) -> Vec<Claim> {
    let steps = receipt.plan.steps.iter().zip(receipt.outcomes());
    let done = steps.filter(|(step, outcome)| {
        let nothing = matches!(outcome, Outcome::NotStarted | Outcome::Refused { .. });
        subject.owns(&step.object) && !nothing
    });
    let claim = |(step, outcome): (&crate::plan::Step, Outcome)| {
        let revision = subject.revision(&step.object.name)?;
        Some(Claim {
            at: receipt.began,
            deed: match step.action {
                Action::EditRecord { .. } => Deed::Changed,
                Action::CreateRecord { .. } => Deed::Created,
                Action::DeleteRecord => Deed::Removed,
            },
            what: vec![Thing::Record(revision)],
            actor: Some(Actor::of_manager("zadig-doctor")),
            source: Source::OwnLog,
            words: match outcome.done() {
                true => format!("operation {} ({})", receipt.operation, receipt.plan.verb),
                false => format!("operation {}, whose outcome is unknown", receipt.operation),
            },
            perhaps_dry: false,
        })
    };
    done.filter_map(claim).collect()
}

/// Puts together what one client did at once.
fn merged(claims: Vec<Claim>) -> Vec<Claim> {
    let mut all: Vec<Claim> = Vec::new();
    for claim in claims {
        let with = all.last_mut().filter(|last| {
            last.deed == claim.deed
                && last.source == claim.source
                && last.actor == claim.actor
                && last.words == claim.words
                && last.perhaps_dry == claim.perhaps_dry
                && claim.at.duration_since(last.at) <= AT_ONCE
        });
        match with {
            Some(last) => last.what.extend(claim.what.into_iter().filter({
                let there = last.what.clone();
                move |thing| !there.contains(thing)
            })),
            None => all.push(claim),
        }
    }
    all
}
