//! Is the operation that announced itself still alive?
//!
//! Any sign of life wins; then what could not be read makes it unknown; only
//! then may silence prove it stale. No proof can tell a suspended Helm from a
//! dead one: that is what the fence is for, not this judgement.

use jiff::Timestamp;

use crate::diagnose::{Context, Evidence, Verdict};
use crate::live::{LiveObject, ObjectRef, Observed, Readiness};
use crate::survey::{History, Hook, LeaseState, Need, Payload, Record, Release};

/// The field manager of this tool's own writes, which are no sign of life.
pub const OWN_MANAGER: &str = "zadig-doctor";

/// Whether nobody but this tool wrote a record.
pub fn by_us(record: &Record) -> bool {
    let mut writers = record.writers.iter();
    !record.writers.is_empty() && writers.all(|writer| writer.manager == OWN_MANAGER)
}

/// Controllers of Kubernetes itself, and KWOK, which plays its nodes: they write to a chart's objects on their
/// own account, whether or not a Helm is alive.
pub(super) const CONTROLLERS: [&str; 6] = [
    "cloud-controller-manager",
    "endpoint-controller",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kwok",
];

/// A verdict, and what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Life {
    /// The verdict.
    pub verdict: Verdict,
    /// The signs, or the proof of silence.
    pub evidence: Vec<Evidence>,
}

/// What is needed to judge the operation that `newest` announced.
pub fn needs(context: Context<'_>, history: &History<'_>, release: &Release) -> Vec<Need> {
    // Hooks bear no mark of their release: of a made up name, none is found.
    let hooks = hooks(release).map(|hook| &hook.object);
    let hooks = hooks.filter(|hook| hook.generated().is_none());
    let objects = release.objects.iter().chain(hooks);
    let places = objects.filter(|one| findable(one)).flat_map(|object| {
        let namespaces = namespaces(history, release, object);
        namespaces.map(|namespace| Need::Object {
            namespace: namespace.to_owned(),
            object: object.clone(),
        })
    });
    let mut needs: Vec<Need> = places.collect();
    if !context.policy.ignore_leases {
        needs.push(Need::Lease {
            namespace: history.namespace.to_owned(),
            name: lease_name(&history.release),
        });
    }
    needs
}

/// Where an object may lie whose document names no namespace: the tools that
/// keep records apart put it into the release's own, and Helm's command line
/// into the one it was given, where the records are.
fn namespaces<'a>(
    history: &History<'a>,
    release: &'a Release,
    object: &ObjectRef,
) -> impl Iterator<Item = &'a str> + use<'a> {
    let storage = history.namespace;
    let own = match release.namespace.as_str() {
        "" => storage,
        namespace => namespace,
    };
    let also = (own != storage && object.namespace.is_none()).then_some(storage);
    [own].into_iter().chain(also)
}

/// Whether the record says enough of an object to look for it.
fn findable(object: &ObjectRef) -> bool {
    !object.api_version.is_empty() && !object.name.is_empty()
}

/// The Lease that helm-lock, helm-unwedge and this tool take for a release.
pub fn lease_name(release: &str) -> String {
    format!("helm-lock-{release}")
}

/// Judges the operation that `newest`, decoded as `release`, announced.
pub fn judge<'a>(
    context: Context<'a>,
    history: &'a History<'a>,
    newest: &Record,
    release: &'a Release,
) -> Life {
    let mut look = Look::new(context, history, release);
    look.at_records(newest);
    look.at_names(newest, release);
    look.at_objects(release);
    look.at_hooks(release);
    look.at_lease();
    look.verdict()
}

/// Hooks that take part in an operation; `helm test` is another matter.
fn hooks(release: &Release) -> impl Iterator<Item = &Hook> {
    let takes_part = |hook: &&Hook| hook.events.iter().any(|event| event != "test");
    release.hooks.iter().filter(takes_part)
}

/// The look around one release, as it goes.
struct Look<'a> {
    context: Context<'a>,
    history: &'a History<'a>,
    release: &'a Release,
    /// Writes by anyone whose write is a sign of life.
    writes: Vec<(String, String, Timestamp)>,
    /// When we put records back that nobody else wrote since: where there is no
    /// write of anybody's, silence counts from then.
    put_back: Vec<(String, String, Timestamp)>,
    /// What blocks whatever the age: running hooks, a held Lease.
    blocks: Vec<Evidence>,
    /// What Helm would still be waiting on.
    waiting: Vec<Evidence>,
    unread: Vec<Evidence>,
    looked_at: usize,
}

impl<'a> Look<'a> {
    fn new(context: Context<'a>, history: &'a History<'a>, release: &'a Release) -> Self {
        Self {
            context,
            history,
            release,
            writes: Vec::new(),
            put_back: Vec::new(),
            blocks: Vec::new(),
            waiting: Vec::new(),
            unread: Vec::new(),
            looked_at: 0,
        }
    }

    /// Records of both drivers count: nothing says which one a living Helm
    /// uses.
    fn at_records(&mut self, newest: &Record) {
        let of_release = |record: &&Record| {
            record.id.namespace == self.history.namespace
                && record.release_name().as_ref() == Some(&self.history.release)
        };
        for record in self.context.survey.records.iter().filter(of_release) {
            self.looked_at += 1;
            let created = record.created.map(|at| ("its creator", at));
            let ours = |writer: &&crate::live::Writer| writer.manager != OWN_MANAGER;
            let others = record.writers.iter().filter(ours);
            let others = others.map(|writer| (writer.manager.as_str(), writer.at));
            let write = |(writer, at): (&str, Timestamp)| {
                let writer = writer.to_owned();
                (record.id.to_string(), writer, at)
            };
            match by_us(record) {
                false => self.writes.extend(others.chain(created).map(write)),
                // A record that we put back was created by us; its creation is ours.
                true => {
                    let back = created.map(|(_, at)| write((OWN_MANAGER, at)));
                    self.put_back.extend(back);
                }
            }
        }
        for unread in &self.context.survey.unread {
            if unread.hides(self.history) {
                self.unread(unread.what.clone(), unread.reason.clone());
            }
        }
        let revision = newest.revision().unwrap_or(0);
        for record in self.history.hidden_from(revision) {
            let reason = match &record.payload {
                Payload::Undecodable { reason, .. } => reason.clone(),
                _ => "it lacks the labels by which Helm finds it".to_owned(),
            };
            self.unread(record.id.to_string(), reason);
        }
        for record in &self.history.records {
            let newer = record.revision() >= newest.revision() && record.id != newest.id;
            if newer && !record.broken() && record.labeled() {
                let reason = "two records claim the newest revision".to_owned();
                self.unread(record.id.to_string(), reason);
            }
        }
    }

    /// A payload that names another release or revision says nothing about the
    /// objects of this one.
    fn at_names(&mut self, newest: &Record, release: &Release) {
        let revision = newest.revision().map(i64::from);
        if release.name != self.history.release || Some(release.version) != revision {
            let reason = format!(
                "its payload is that of {} {}",
                release.name, release.version
            );
            self.unread(newest.id.to_string(), reason);
        }
    }

    fn at_objects(&mut self, release: &Release) {
        for document in &release.unreadable_documents {
            self.unread("a document of the manifest".to_owned(), document.clone());
        }
        for object in &release.objects {
            for (object, live) in self.objects(object) {
                let reason = match (&live.deleting, &live.readiness) {
                    (Some(_), _) if live.finalizers.is_empty() => "it is being deleted".to_owned(),
                    (Some(_), _) => format!(
                        "it is being deleted and held by finalizer {}",
                        live.finalizers.join(", ")
                    ),
                    (None, Readiness::Waiting(reason)) => reason.clone(),
                    (None, Readiness::Ready) => continue,
                };
                self.waiting.push(Evidence::Waiting { object, reason });
            }
        }
    }

    fn at_hooks(&mut self, release: &Release) {
        for hook in hooks(release) {
            if hook.object.generated().is_some() {
                let reason = "the API server gave it its name".to_owned();
                self.unread(format!("hook {}", hook.object), reason);
                continue;
            }
            for (object, live) in self.objects(&hook.object) {
                match (&live.deleting, &live.readiness) {
                    // Helm waits for an old hook to go before it makes the new one.
                    (Some(_), _) => {
                        let reason = "it is being deleted".to_owned();
                        self.waiting.push(Evidence::Waiting { object, reason });
                    }
                    (None, Readiness::Waiting(reason)) => {
                        let reason = reason.clone();
                        match hook.object.kind.as_str() {
                            "Job" | "Pod" => {
                                self.blocks.push(Evidence::HookRunning { object, reason });
                            }
                            _ => self.waiting.push(Evidence::Waiting { object, reason }),
                        }
                    }
                    (None, Readiness::Ready) => {}
                }
            }
        }
    }

    fn at_lease(&mut self) {
        if self.context.policy.ignore_leases {
            return;
        }
        let name = lease_name(&self.history.release);
        let survey = self.context.survey;
        let lease = format!("Lease {}/{name}", self.history.namespace);
        match survey.lease(self.history.namespace, &name) {
            None => self.unread(lease, "it was not looked at".to_owned()),
            Some(LeaseState::Unreadable { reason }) => self.unread(lease, reason.clone()),
            Some(LeaseState::Free) => {}
            Some(state @ LeaseState::Held { holder, .. }) => {
                let holder = holder.clone();
                let ours = self.context.policy.own_holders.contains(&holder);
                let expired = survey.time.is_some_and(|now| state.expired(now));
                if !ours && !expired {
                    self.blocks.push(Evidence::LeaseHeld { lease, holder });
                }
            }
        }
    }

    /// The live objects of that identity, their names and their writes noted:
    /// one, or none to judge; more where it is not known which namespace is meant,
    /// or the API server gave them their names.
    fn objects(&mut self, object: &ObjectRef) -> Vec<(String, &'a LiveObject)> {
        if !findable(object) {
            self.looked_at += 1;
            let reason = "the record does not say enough to find it".to_owned();
            self.unread(object.to_string(), reason);
            return Vec::new();
        }
        let several = namespaces(self.history, self.release, object).count() > 1;
        let places = namespaces(self.history, self.release, object);
        let seen = places.flat_map(|namespace| {
            let name = match several {
                true => format!("{} {namespace}/{}", object.kind, object.name),
                false => object.to_string(),
            };
            self.object(namespace, object, name)
        });
        seen.collect()
    }

    /// The live objects of that identity in that namespace.
    fn object(
        &mut self,
        namespace: &str,
        object: &ObjectRef,
        name: String,
    ) -> Vec<(String, &'a LiveObject)> {
        let survey = self.context.survey;
        self.looked_at += 1;
        match survey.object(namespace, object) {
            None => {
                self.unread(name, "it was not looked at".to_owned());
                Vec::new()
            }
            Some(Observed::Unreadable { reason }) => {
                self.unread(name, reason.clone());
                Vec::new()
            }
            Some(Observed::Missing | Observed::Unserved) => Vec::new(),
            Some(Observed::Present(live)) => {
                self.written(&name, live);
                vec![(name, live)]
            }
            Some(Observed::Several { objects }) => {
                let own = objects.iter().filter(|(_, live)| self.is_own(live));
                let own: Vec<_> = own
                    .map(|(name, live)| (format!("{} {name}", object.kind), live))
                    .collect();
                for (name, live) in &own {
                    self.written(name, live);
                }
                own
            }
        }
    }

    /// Whether Helm marked it as this release's (helm v4 `pkg/action/validate.go`).
    fn is_own(&self, live: &LiveObject) -> bool {
        let own = |(_, release): &(String, String)| *release == self.history.release;
        live.owner.as_ref().is_some_and(own)
    }

    /// Notes the writes to an object.
    fn written(&mut self, name: &str, live: &LiveObject) {
        for writer in &live.writers {
            let manager = writer.manager.as_str();
            let status = writer.subresource.as_deref() == Some("status");
            if !status && manager != OWN_MANAGER && !CONTROLLERS.contains(&manager) {
                let manager = manager.to_owned();
                self.writes.push((name.to_owned(), manager, writer.at));
            }
        }
    }

    fn unread(&mut self, what: String, reason: String) {
        self.unread.push(Evidence::Unread { what, reason });
    }

    fn verdict(mut self) -> Life {
        let policy = self.context.policy;
        let (bar, waits) = match self.waiting.is_empty() {
            true => (policy.older_than, false),
            false => (policy.wait_window(), true),
        };
        let latest = |writes: &[(String, String, Timestamp)]| {
            writes.iter().max_by_key(|(_, _, at)| *at).cloned()
        };
        let newest = latest(&self.writes).or_else(|| latest(&self.put_back));
        let Some(now) = self.context.survey.time else {
            let what = "the API server's time".to_owned();
            self.unread(what, "no answer carried a usable Date header".to_owned());
            return self.alive_or_unknown(None);
        };
        let Some((object, writer, at)) = newest else {
            let what = "the times of writes".to_owned();
            self.unread(what, "neither records nor objects carry any".to_owned());
            return self.alive_or_unknown(None);
        };
        let seconds = now.as_second() - at.as_second();
        let write = Evidence::Write {
            object,
            writer,
            at,
            seconds_ago: seconds,
        };
        // Times are whole seconds, cut off: a write may be almost one second
        // younger than it looks.
        if seconds <= bar {
            let mut signs = vec![write];
            if waits && seconds > policy.older_than {
                signs.splice(0..0, self.waiting.drain(..));
            }
            return self.alive_or_unknown(Some(signs));
        }
        if !self.blocks.is_empty() || !self.unread.is_empty() {
            return self.alive_or_unknown(None);
        }
        let quiet = Evidence::Quiet {
            seconds,
            window: bar,
            looked_at: self.looked_at,
        };
        let evidence = [quiet, write].into_iter().chain(self.waiting).collect();
        Life {
            verdict: Verdict::Stale,
            evidence,
        }
    }

    /// Signs of life, if there are any, else what could not be read.
    fn alive_or_unknown(self, signs: Option<Vec<Evidence>>) -> Life {
        let mut alive = self.blocks;
        alive.extend(signs.unwrap_or_default());
        let (verdict, evidence) = match alive.is_empty() {
            true => (Verdict::Unknown, self.unread),
            false => (Verdict::PossiblyRunning, alive),
        };
        Life { verdict, evidence }
    }
}
