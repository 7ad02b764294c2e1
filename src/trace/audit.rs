//! The API server's audit log: one JSON event a line
//! (`audit.k8s.io/v1`, <https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/>).

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::Deserialize;

use super::lived::{Asked, Key, Sign, Signs};
use super::{Actor, Claim, Deed, Source, Subject, Thing};
use crate::live::ObjectRef;

/// So many requests are kept: the latest, which tell of the end.
const MANY: usize = 10_000;

/// Requests that changed something of the subject and were granted, as they are
/// found in a log, line by line.
#[derive(Debug, Default)]
pub struct Requests {
    found: VecDeque<(Claim, Option<Asked>)>,
    signs: Signs,
    /// What the log was.
    pub log: Log,
}

/// An audit log, as far as it was read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Log {
    /// How many lines were events, about anything.
    pub events: usize,
    /// How many lines were none: the log of something else, or damaged.
    pub others: usize,
    /// How many of what was found had to be let go.
    pub dropped: usize,
    /// The first and the last event's time.
    pub span: Option<(Timestamp, Timestamp)>,
}

impl Requests {
    /// Reads a line.
    pub fn take(&mut self, line: &[u8], subject: &Subject) {
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let Ok(event) = serde_json::from_slice::<Event>(line) else {
            self.log.others += 1;
            return;
        };
        self.log.events += 1;
        let Some(at) = event.at() else { return };
        let (first, last) = self.log.span.unwrap_or((at, at));
        self.log.span = Some((first.min(at), last.max(at)));
        if let Some((key, at, sign)) = event.sign(at, subject) {
            self.signs.note(key, at, sign);
        }
        if let Some(claim) = event.claim(at, subject) {
            if self.found.len() == MANY {
                self.found.pop_front();
                self.log.dropped += 1;
            }
            let asked = event.asked(at, subject);
            let asked = asked.filter(|_| claim.deed == Deed::Removed);
            self.found.push_back((claim, asked));
        }
    }

    /// What was found, as claims.
    pub fn claims(self) -> impl Iterator<Item = Claim> {
        let signs = self.signs;
        self.found.into_iter().map(move |(mut claim, asked)| {
            if let Some(asked) = asked {
                signs.judge(&mut claim, &asked);
            }
            claim
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(default)]
    level: String,
    stage: String,
    verb: String,
    #[serde(default)]
    user: User,
    impersonated_user: Option<User>,
    #[serde(default)]
    user_agent: String,
    #[serde(rename = "requestURI", default)]
    uri: String,
    object_ref: Option<Reference>,
    response_status: Option<Status>,
    request_object: Option<Options>,
    request_received_timestamp: Option<Timestamp>,
    stage_timestamp: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
struct User {
    #[serde(default)]
    username: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    #[serde(default)]
    resource: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    api_group: String,
    #[serde(default)]
    subresource: String,
}

/// Of a request's body, where the log's level has it, what a deletion says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Options {
    #[serde(default)]
    dry_run: serde_json::Value,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    code: u16,
}

impl Event {
    fn at(&self) -> Option<Timestamp> {
        self.request_received_timestamp.or(self.stage_timestamp)
    }

    /// What it claims of the subject.
    fn claim(&self, at: Timestamp, subject: &Subject) -> Option<Claim> {
        let deed = match self.verb.as_str() {
            "create" => Deed::Created,
            "update" | "patch" => Deed::Changed,
            "delete" | "deletecollection" => Deed::Removed,
            _ => return None,
        };
        if self.stage != "ResponseComplete" || !self.is_granted() || self.is_dry() {
            return None;
        }
        if self.verb == "deletecollection" && self.selects_others() {
            return None;
        }
        let thing = self.object_ref.as_ref()?.thing(&self.verb, subject)?;
        let user = self.impersonated_user.as_ref().unwrap_or(&self.user);
        Some(Claim {
            at,
            deed,
            what: vec![thing],
            actor: Some(Actor::of_request(&user.username, &self.user_agent)),
            source: Source::AuditLog,
            words: match &self.impersonated_user {
                Some(_) => format!("as impersonated by {}", self.user.username),
                None => String::new(),
            },
            perhaps_dry: false,
        })
    }

    fn code(&self) -> u16 {
        self.response_status.as_ref().map_or(0, |one| one.code)
    }

    fn is_granted(&self) -> bool {
        self.response_status.is_some() && self.code() < 300
    }

    /// Whether it says that it is a dry run.
    fn is_dry(&self) -> bool {
        let dry = |options: &Options| {
            let dry = options.dry_run.as_array();
            dry.is_some_and(|all| !all.is_empty())
        };
        self.uri.contains("dryRun=All") || self.request_object.as_ref().is_some_and(dry)
    }
}

/// What tells whether a deletion was one.
impl Event {
    /// The deletion, if its event would be the same of a dry run.
    fn asked(&self, at: Timestamp, subject: &Subject) -> Option<Asked> {
        let has_body = matches!(self.level.as_str(), "Request" | "RequestResponse");
        let key = self.object_ref.as_ref()?.key(&self.verb, subject)?;
        let done = self.stage_timestamp.unwrap_or(at).max(at);
        (!has_body).then_some(Asked { key, done })
    }

    /// What it shows of an object of the release, and when.
    fn sign(&self, at: Timestamp, subject: &Subject) -> Option<(Key, Timestamp, Sign)> {
        let object = self.object_ref.as_ref()?;
        let named = matches!(
            self.verb.as_str(),
            "get" | "create" | "update" | "patch" | "delete"
        );
        let sweep = self.verb == "deletecollection" && !self.selects_others() && !self.is_dry();
        // Whoever reads with a version takes what may be old.
        let old = self.verb == "get" && self.uri.contains("resourceVersion=");
        if self.stage != "ResponseComplete" || !(named || sweep) || old {
            return None;
        }
        let done = self.stage_timestamp.unwrap_or(at).max(at);
        let namespace = object.resource == "namespaces";
        let (at, sign) = match (object.subresource.as_str(), self.code()) {
            // Only a namespace that is being deleted is finalized.
            ("finalize", 200..300) if namespace => (at, Sign::Gone),
            ("", 404) if self.verb != "create" => (at, Sign::Gone),
            ("", 200) if sweep => (at, Sign::Gone),
            ("", 201) if !self.is_dry() => (done, Sign::Made),
            // A namespace takes its time to go.
            ("", 200) if self.verb != "create" && !namespace => (at, Sign::Alive),
            _ => return None,
        };
        Some((object.key(&self.verb, subject)?, at, sign))
    }

    /// Whether only some objects were meant, and not by Helm's own label.
    fn selects_others(&self) -> bool {
        let by_label = self.uri.contains("labelSelector=");
        let helm = self.uri.contains("owner%3Dhelm") || self.uri.contains("owner=helm");
        (by_label && !helm) || self.uri.contains("fieldSelector=")
    }
}

impl Reference {
    /// What of the subject it names, to be found again.
    fn key(&self, verb: &str, subject: &Subject) -> Option<Key> {
        let finalize = self.subresource == "finalize" && self.resource == "namespaces";
        let thing = match finalize {
            true => (self.name == subject.namespace).then_some(Thing::Namespace)?,
            false => self.thing(verb, subject)?,
        };
        Some(Key {
            group: self.api_group.clone(),
            resource: self.resource.clone(),
            namespace: self.namespace.clone(),
            name: match thing {
                Thing::All(_) => String::new(),
                _ => self.name.clone(),
            },
            record: matches!(thing, Thing::Record(_) | Thing::All(_)),
        })
    }

    /// What of the subject it names.
    fn thing(&self, verb: &str, subject: &Subject) -> Option<Thing> {
        if !matches!(self.subresource.as_str(), "" | "scale") {
            return None;
        }
        if self.resource == "namespaces" {
            return (self.name == subject.namespace).then_some(Thing::Namespace);
        }
        let here = self.namespace == subject.namespace;
        let records = matches!(self.resource.as_str(), "secrets" | "configmaps");
        if here && records && self.api_group.is_empty() {
            if verb == "deletecollection" {
                return Some(Thing::All(self.resource.clone()));
            }
            if let Some(revision) = subject.revision(&self.name) {
                return Some(Thing::Record(revision));
            }
        }
        let object = subject
            .objects
            .iter()
            .find(|object| self.is(object, subject))?;
        Some(Thing::Object(format!("{} {}", object.kind, object.name)))
    }

    fn is(&self, object: &ObjectRef, subject: &Subject) -> bool {
        let group = object.api_version.rsplit_once('/').map_or("", |one| one.0);
        let namespace = object.namespace.as_deref().unwrap_or(&subject.namespace);
        let place = self.namespace.is_empty() || self.namespace == namespace;
        let name = match object.generated() {
            Some(prefix) => self.name.starts_with(prefix),
            None => self.name == object.name,
        };
        name && place && self.api_group == group && is_plural(&self.resource, &object.kind)
    }
}

/// Whether a resource is called as Kubernetes calls those of that kind: its
/// plural, by English grammar.
fn is_plural(resource: &str, kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    let Some(rest) = resource.strip_prefix(kind.trim_end_matches('y')) else {
        return false;
    };
    match kind.strip_suffix('y') {
        Some(_) => rest == "ies" || rest == "ys",
        None => matches!(rest, "" | "s" | "es"),
    }
}
