//! What we saw, when, in which cluster, and what we could not read: a plain
//! value.
//!
//! Diagnosis reads nothing else. The `cluster` room fills a survey; checks that
//! want more ask for it with a [`Need`]. A survey can be written to a file and
//! judged later. This room never reads anything itself.

use std::collections::HashSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::helm::{Driver, RecordKey, codec};
pub use crate::live::ObjectRef;
use crate::live::Observed;
pub use event::SeenEvent;

pub mod around;
pub mod comparison;
pub mod dump;
mod event;
pub mod file;
#[cfg(test)]
pub(crate) mod fixture;
pub mod history;
pub mod labels;
pub mod narrow;
pub mod owned;
pub mod record;
pub mod redact;
pub mod release;
pub mod selector;
pub mod stored;
pub mod zadig;

pub use around::{
    ApiState, Listed, NamespaceState, SecretsState, SeenApi, SeenNamespace, SeenSecrets, Unreadable,
};
pub use comparison::{Comparison, SeenComparison};
pub use history::History;
pub use labels::Labels;
pub use owned::{Besides, Owned, SeenOwned};
pub use record::{Payload, RawRecord, Record, RecordId};
pub use redact::redacted;
pub use release::{Hook, Release};
pub use selector::Selector;
pub use zadig::SeenZadig;

/// Which records are looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// One storage namespace, or all of them.
    pub namespace: Option<String>,
    /// A label selector beside Helm's own (`-l`), as the user gave it.
    pub selector: Option<String>,
    /// Only these releases; empty means all.
    pub releases: Vec<String>,
    /// Only records of that driver; none means both.
    #[serde(default)]
    pub driver: Option<Driver>,
}

/// All that was seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Survey {
    /// The uid of namespace `kube-system`, which names the cluster; `None` if
    /// it could not be read.
    pub cluster: Option<String>,
    /// The API server's time (its `Date` header) at the first read: what was
    /// written after an object was read is unknown, so age counts from here.
    pub time: Option<Timestamp>,
    /// The `resourceVersion` of the list of records: it only grows, unless the
    /// cluster was restored from a backup of its own.
    #[serde(default)]
    pub version: Option<u64>,
    /// What was asked for.
    pub scope: Scope,
    /// Records, ordered by namespace, driver and name.
    pub records: Vec<Record>,
    /// Live objects that were asked for, ordered by storage namespace and
    /// identity.
    pub objects: Vec<SeenObject>,
    /// Leases of releases that were asked for.
    pub leases: Vec<SeenLease>,
    /// Namespaces that were asked for, by name.
    #[serde(default)]
    pub namespaces: Vec<SeenNamespace>,
    /// What became of asking for all namespaces, if anybody did.
    #[serde(default)]
    pub namespaces_listed: Option<Listed>,
    /// Group versions that were asked for, by name.
    #[serde(default)]
    pub apis: Vec<SeenApi>,
    /// Comparisons that were asked for, in their order.
    #[serde(default)]
    pub comparisons: Vec<SeenComparison>,
    /// Objects that Helm marked as a release's, if they were asked for.
    #[serde(default)]
    pub owned: Option<SeenOwned>,
    /// Secrets that were asked for by name.
    #[serde(default)]
    pub secrets: Vec<SeenSecrets>,
    /// What Zadig told, if it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zadig: Option<SeenZadig>,
    /// What could not be read.
    pub unread: Vec<Unread>,
    /// What the user may not read and the judgement of records does without.
    #[serde(default)]
    pub skipped: Vec<Skipped>,
}

/// A live object that was asked for on behalf of a release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenObject {
    /// The namespace that stands in where the manifest names none.
    pub namespace: String,
    /// The object as the manifest names it.
    pub object: ObjectRef,
    /// What the read told.
    pub observed: Observed,
}

/// The Lease `helm-lock-<release>` that helm-lock, helm-unwedge and we use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenLease {
    /// The storage namespace.
    pub namespace: String,
    /// The Lease's name.
    pub name: String,
    /// What the read told.
    pub state: LeaseState,
}

/// What is known of a Lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "lease")]
pub enum LeaseState {
    /// There is none, or nobody holds it.
    Free,
    /// Somebody holds it.
    Held {
        /// `spec.holderIdentity`.
        holder: String,
        /// `spec.renewTime`, else `spec.acquireTime`.
        renewed: Option<Timestamp>,
        /// `spec.leaseDurationSeconds`.
        seconds: i64,
    },
    /// It could not be read.
    Unreadable {
        /// `forbidden: …`.
        reason: String,
    },
}

const GONE: &str = "gone while reading";

/// What the objects are called of which nobody knows more than which record names
/// them.
pub(crate) const OBJECTS_OF: &str = "Objects of ";

/// Something that could not be read. A survey with any is incomplete.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unread {
    /// `secrets in namespace shop`.
    pub what: String,
    /// `forbidden: user "x" cannot list …`.
    pub reason: String,
}

/// Something that was not looked at for want of a permission. The survey is
/// complete without it: what it would have told is told in addition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Skipped {
    /// `namespaces`.
    pub what: String,
    /// `forbidden: user "x" cannot list …`.
    pub reason: String,
}

/// Something a check wants to know and the survey does not hold yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// A record's payload.
    Payload(RecordId),
    /// A live object; `namespace` stands in where the manifest names none.
    Object {
        /// The release's storage namespace.
        namespace: String,
        /// The object.
        object: ObjectRef,
    },
    /// A release's Lease.
    Lease {
        /// The release's storage namespace.
        namespace: String,
        /// `helm-lock-<release>`.
        name: String,
    },
    /// Whether live objects are as manifests have them.
    Comparison(Comparison),
    /// All objects in scope that Helm marked as a release's.
    Owned,
    /// All namespaces.
    Namespaces,
    /// One namespace.
    Namespace(String),
    /// Which kinds a group version (`apps/v1`) serves.
    Api(String),
    /// In which namespaces of the scope there is a Secret of that name.
    SecretsNamed(String),
}

impl Need {
    /// Whether it is about what surrounds the releases, and not about them.
    pub fn is_around(&self) -> bool {
        match self {
            Self::Namespaces | Self::Namespace(_) | Self::Api(_) | Self::SecretsNamed(_) => true,
            Self::Payload(_)
            | Self::Object { .. }
            | Self::Lease { .. }
            | Self::Comparison(_)
            | Self::Owned => false,
        }
    }
}

impl Unread {
    /// Something that was there and is no more when it is read.
    pub fn gone(what: String) -> Self {
        let reason = GONE.to_owned();
        Self { what, reason }
    }

    /// Whether it is such a thing.
    pub fn is_gone(&self) -> bool {
        self.reason == GONE
    }

    /// A listing of records that failed: of that driver, in that namespace or
    /// in all of them.
    pub fn listing(driver: Driver, namespace: Option<&str>, reason: String) -> Self {
        let place = match namespace {
            Some(namespace) => format!("in namespace {namespace}"),
            None => "in all namespaces".to_owned(),
        };
        Self {
            what: format!("{} {place}", driver.resource()),
            reason,
        }
    }

    /// Whether it hides records of that history: a failed listing of its
    /// driver's, or one of its own records.
    pub fn hides(&self, history: &History<'_>) -> bool {
        let own = |record: &&Record| self.what == record.id.to_string();
        self.is_listing(history.driver) || history.records.iter().any(own)
    }

    /// Whether it may be a part of that release's history, or of any, in that
    /// namespace and driver or in any: a record of it, a listing of which one would have come, or
    /// nobody knows what. `None` for live objects that do not say whose they are.
    pub fn may_be_of(
        &self,
        namespace: Option<&str>,
        driver: Option<Driver>,
        release: Option<&str>,
    ) -> Option<bool> {
        match self.what.strip_prefix(OBJECTS_OF) {
            Some(record) => may_be_of(record, namespace, driver, release).filter(|own| !own),
            None => may_be_of(&self.what, namespace, driver, release),
        }
    }

    /// Whether it is a listing of that driver's records.
    fn is_listing(&self, driver: Driver) -> bool {
        self.what.starts_with(&format!("{} in ", driver.resource()))
    }
}

impl LeaseState {
    /// Whether somebody held it and it ran out. One that does not say since
    /// when, or for how long, never does.
    pub fn expired(&self, now: Timestamp) -> bool {
        let Self::Held {
            renewed: Some(renewed),
            seconds,
            ..
        } = self
        else {
            return false;
        };
        *seconds > 0 && now.as_second() - renewed.as_second() > *seconds
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payload(id) => write!(f, "{id}"),
            Self::Object { namespace, object } => match &object.namespace {
                Some(_) => write!(f, "{object}"),
                None => write!(f, "{} {namespace}/{}", object.kind, object.name),
            },
            Self::Lease { namespace, name } => write!(f, "Lease {namespace}/{name}"),
            Self::Comparison(of) => write!(f, "the objects of {}", of.record),
            Self::Owned => write!(f, "the objects that are a release's"),
            Self::Namespaces => write!(f, "namespaces"),
            Self::Namespace(name) => write!(f, "namespace {name}"),
            Self::Api(version) => write!(f, "the kinds of {version}"),
            Self::SecretsNamed(name) => write!(f, "Secrets named {name}"),
        }
    }
}

impl Survey {
    /// The survey with its lists in the order that look-ups rely on; one from a
    /// file may have been edited.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.records.sort_by(|a, b| a.id.cmp(&b.id));
        self.objects.sort_by(|a, b| {
            let namespace = a.namespace.cmp(&b.namespace);
            namespace.then_with(|| a.object.cmp(&b.object))
        });
        self.namespaces.sort_by(|a, b| a.name.cmp(&b.name));
        self.comparisons.sort_by(|a, b| a.of.cmp(&b.of));
        if let Some(owned) = &mut self.owned {
            owned.objects.sort();
        }
        self.apis.sort_by(|a, b| a.api_version.cmp(&b.api_version));
        self
    }

    /// Lists among the unread what was asked for and could not be read: a
    /// survey that lacks it is incomplete.
    pub fn note_unreadable(&mut self) {
        self.note_too_large();
        for seen in &self.objects {
            if let Observed::Unreadable { reason } = &seen.observed {
                let need = Need::Object {
                    namespace: seen.namespace.clone(),
                    object: seen.object.clone(),
                };
                self.unread.push(Unread {
                    what: need.to_string(),
                    reason: reason.clone(),
                });
            }
        }
        for seen in &self.leases {
            if let LeaseState::Unreadable { reason } = &seen.state {
                self.unread.push(Unread {
                    what: format!("Lease {}/{}", seen.namespace, seen.name),
                    reason: reason.clone(),
                });
            }
        }
        self.note_around();
        self.note_comparisons();
        self.note_owned();
        self.note_zadig();
        self.unread.sort();
        self.unread.dedup();
    }

    /// Lists among the unread the records that are too large for us, each once.
    pub fn note_too_large(&mut self) {
        let too_large = |record: &&Record| matches!(record.payload, Payload::TooLarge { .. });
        let listed: HashSet<&str> = self.unread.iter().map(|one| one.what.as_str()).collect();
        let names = self
            .records
            .iter()
            .filter(too_large)
            .map(|record| record.id.to_string());
        let unlisted = names.filter(|what| !listed.contains(what.as_str()));
        let unread: Vec<_> = unlisted
            .map(|what| Unread {
                what,
                reason: codec::TOO_LARGE.to_owned(),
            })
            .collect();
        self.unread.extend(unread);
        self.unread.sort();
    }

    /// Whether all records in the namespaces of the scope were listed: only then
    /// is a release without any known to have none.
    pub fn lists_all_records(&self) -> bool {
        let Scope {
            namespace: _,
            selector,
            releases: _,
            driver,
        } = &self.scope;
        let selected = selector.as_deref().is_some_and(|own| !own.is_empty());
        let listing = |unread: &Unread| Driver::ALL.into_iter().any(|one| unread.is_listing(one));
        !selected && driver.is_none() && !self.unread.iter().any(listing)
    }

    /// Lists a need that nothing can answer any more, for the reason given.
    pub fn give_up(&mut self, need: &Need, reason: &str) {
        let (what, reason) = (need.to_string(), reason.to_owned());
        match need.is_around() {
            true => self.skipped.push(Skipped { what, reason }),
            false => self.unread.push(Unread { what, reason }),
        }
    }

    /// Whether a need was answered: held, or listed as unreadable.
    pub fn answered(&self, need: &Need) -> bool {
        match need {
            Need::Payload(id) => self.record(id).is_none_or(|record| {
                !matches!(record.payload, Payload::Unread)
                    || self
                        .unread
                        .iter()
                        .any(|unread| unread.what == id.to_string())
            }),
            Need::Object { namespace, object } => self.object(namespace, object).is_some(),
            Need::Lease { namespace, name } => self.lease(namespace, name).is_some(),
            Need::Comparison(of) => self.comparison(of).is_some(),
            Need::Owned => self.owned.is_some(),
            Need::Namespaces => self.namespaces_listed.is_some(),
            Need::Namespace(name) => self.namespace(name).is_some(),
            Need::Api(version) => self.api(version).is_some(),
            Need::SecretsNamed(name) => self.secrets_named(name).is_some(),
        }
    }

    /// The record stored there.
    pub fn record(&self, id: &RecordId) -> Option<&Record> {
        let at = self.records.binary_search_by(|record| record.id.cmp(id));
        at.ok().map(|at| &self.records[at])
    }

    /// What was seen of a live object; `namespace` stands in where the manifest
    /// names none.
    pub fn object(&self, namespace: &str, object: &ObjectRef) -> Option<&Observed> {
        let key = |seen: &SeenObject| {
            let by_namespace = seen.namespace.as_str().cmp(namespace);
            by_namespace.then_with(|| seen.object.cmp(object))
        };
        let at = self.objects.binary_search_by(key);
        at.ok().map(|at| &self.objects[at].observed)
    }

    /// What was seen of a Lease.
    pub fn lease(&self, namespace: &str, name: &str) -> Option<&LeaseState> {
        let wanted = |seen: &&SeenLease| seen.namespace == namespace && seen.name == name;
        self.leases.iter().find(wanted).map(|seen| &seen.state)
    }
}

/// [`Unread::may_be_of`] of what a text names.
fn may_be_of(
    what: &str,
    namespace: Option<&str>,
    driver: Option<Driver>,
    release: Option<&str>,
) -> Option<bool> {
    let called = |name: &str| release.is_none_or(|own| own == name);
    let here = |place: &str| namespace.is_none_or(|own| own == place);
    for one in Driver::ALL {
        let meant = driver.is_none_or(|own| own == one);
        if let Some(object) = what.strip_prefix(&format!("{} ", one.kind())) {
            let (place, name) = object.split_once('/')?;
            let meant = meant && here(place);
            return match RecordKey::parse(name) {
                Some(key) => Some(meant && called(&key.release)),
                None => meant.then_some(true),
            };
        }
        if let Some(place) = what.strip_prefix(&format!("{} in ", one.resource())) {
            let place = place.strip_prefix("namespace ");
            return Some(meant && place.is_none_or(here));
        }
    }
    if let Some(history) = what.strip_prefix("all records of ") {
        let (place, name) = history.split_once('/')?;
        let (name, kind) = name.rsplit_once(" (")?;
        let meant = |own: Driver| {
            kind.strip_suffix(')')
                .is_none_or(|kind| kind == own.to_string())
        };
        let known = ![place, name, kind].contains(&"?");
        let own = here(place) && called(name) && driver.is_none_or(meant);
        return Some(own || !known);
    }
    // A live object is called by its kind: `Certificate shop/web`.
    let live = what.starts_with(|first: char| first.is_ascii_uppercase());
    (!live).then_some(true)
}
