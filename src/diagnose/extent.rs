//! What an interrupted operation really did.
//!
//! Every object that its manifest was to change is put beside what is live: as
//! it was to be, as it was before, or like neither. With the hooks, that says
//! whether nothing, a part or all of the operation got in, and so what is the
//! right way out.

use crate::diagnose::{Context, Evidence, HookState};
use crate::helm::Status;
use crate::live::{Change, Compared, Found, Observed, Readiness};
use crate::survey::{Comparison, History, Hook, Need, Record, Release, SeenComparison};

/// How much of an operation got into the cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extent {
    /// Nothing of it.
    None,
    /// A part.
    Part,
    /// All of it: only its last write is missing.
    All,
    /// That could not be found out.
    #[default]
    Unknown,
}

/// What an operation did, and what says so.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// How much got in.
    pub extent: Extent,
    /// The objects and the hooks.
    pub evidence: Vec<Evidence>,
}

/// What is needed to say what the pending operation did, once the records that
/// its base is chosen from are known.
pub fn needs(history: &History<'_>, newest: &Record, release: &Release) -> Vec<Need> {
    match base(history, newest, release) {
        Some(base) if base.decoded().is_none() => vec![Need::Payload(base.id.clone())],
        base => vec![Need::Comparison(comparison(newest, base, release))],
    }
}

/// What the pending operation did.
pub fn of(context: Context<'_>, history: &History<'_>, newest: &Record, release: &Release) -> Done {
    let base = base(history, newest, release);
    let of = comparison(newest, base, release);
    let seen = context.survey.comparison(&of);
    let hooks = hooks(context, history, newest, release);
    let objects = match seen {
        Some(seen) if seen.failed.is_none() => objects(seen),
        _ => Objects::default(),
    };
    let extent = match seen {
        // An upgrade whose base is gone: what it was to change is not known.
        _ if base.is_none() && release.status != Status::PendingInstall => Extent::Unknown,
        Some(seen) if seen.failed.is_none() => objects.extent(&hooks),
        _ => Extent::Unknown,
    };
    let mut evidence = vec![objects.into_evidence(extent)];
    evidence.extend(hooks);
    Done { extent, evidence }
}

fn comparison(newest: &Record, base: Option<&Record>, release: &Release) -> Comparison {
    let namespace = match release.namespace.as_str() {
        "" => &newest.id.namespace,
        namespace => namespace,
    };
    Comparison {
        record: newest.id.clone(),
        base: base.map(|base| base.id.clone()),
        namespace: namespace.to_owned(),
    }
}

/// The revision whose manifest Helm compared with: an upgrade's base is the
/// last revision if it is deployed, else the last that is, else the last if it
/// failed or was superseded (helm v4 `pkg/action/upgrade.go`); a rollback's is
/// the last, whatever it is (`rollback.go`); an install has none.
fn base<'a>(history: &History<'a>, newest: &Record, release: &Release) -> Option<&'a Record> {
    let earlier = || {
        let earlier = |record: &&Record| record.revision() < newest.revision();
        history.visible().filter(earlier)
    };
    let last = earlier().next_back()?;
    match release.status {
        Status::PendingInstall => None,
        Status::PendingRollback => Some(last),
        _ => {
            let deployed = |record: &&Record| record.label("status") == Some("deployed");
            let found = earlier().rfind(deployed);
            let ended = matches!(last.label("status"), Some("failed" | "superseded"));
            found.or(Some(last).filter(|_| ended))
        }
    }
}

/// The objects of an operation, by what became of them.
#[derive(Default)]
struct Objects {
    new: Vec<String>,
    old: Vec<String>,
    unlike: Vec<String>,
    /// What it was to leave as it was, and is not there. Helm makes such objects
    /// anew, so not all of it is in; whether it came to them, they do not tell.
    gone: Vec<String>,
    untold: usize,
    /// How many it was to leave as they were.
    same: usize,
}

fn objects(seen: &SeenComparison) -> Objects {
    let mut objects = Objects {
        untold: seen.documents + seen.generated,
        ..Objects::default()
    };
    for one in &seen.objects {
        let name = one.object.to_string();
        match (one.change, &one.found) {
            // What is spared from removal stays on purpose.
            (Change::Removed, Found::Old) if one.keep => {}
            (_, Found::Unserved | Found::Unreadable { .. }) => objects.untold += 1,
            (Change::Same, Found::Missing) if !one.expires => {
                objects.gone.push(format!("{name} (missing)"));
            }
            (Change::Same, _) => objects.same += 1,
            // It was not made yet, or is done and gone.
            (Change::Added, Found::Old) | (_, Found::Missing) if one.expires => objects.untold += 1,
            (_, Found::New) => objects.new.push(name),
            (_, Found::Old) => objects.old.push(name),
            (_, Found::Missing) => objects.unlike.push(format!("{name} (missing)")),
            (_, Found::Differs { .. }) => objects.unlike.push(unlike(one)),
        }
    }
    objects
}

/// `Deployment web (spec.replicas, written by kubectl-edit)`.
fn unlike(one: &Compared) -> String {
    let Found::Differs { fields } = &one.found else {
        return one.object.to_string();
    };
    let Some(first) = fields.first() else {
        return one.object.to_string();
    };
    let more = match fields.len() {
        1 => String::new(),
        many => format!(" and {} more", many - 1),
    };
    let by = match first.writers.is_empty() {
        true => String::new(),
        false => format!(", written by {}", first.writers.join(", ")),
    };
    format!("{} ({}{more}{by})", one.object, first.field)
}

impl Objects {
    fn extent(&self, hooks: &[Evidence]) -> Extent {
        let state = |wanted: fn(HookState) -> bool| {
            hooks.iter().any(|hook| match hook {
                Evidence::Hook { state, .. } => wanted(*state),
                _ => false,
            })
        };
        if self.untold > 0 {
            return Extent::Unknown;
        }
        let begun = state(|hook| hook != HookState::NotRun);
        let unfinished = state(|hook| hook != HookState::Done);
        let changes = self.new.len() + self.old.len() + self.unlike.len();
        match (self.new.len(), self.unlike.len()) {
            (new, _) if new == changes && !unfinished && self.gone.is_empty() => Extent::All,
            (0, 0) if !begun && changes > 0 => Extent::None,
            (0, 0) if !begun && self.gone.is_empty() => Extent::None,
            _ => Extent::Part,
        }
    }

    fn into_evidence(self, extent: Extent) -> Evidence {
        Evidence::GotIn {
            extent,
            applied: self.new,
            not_applied: self.old,
            unlike: self.unlike.into_iter().chain(self.gone).collect(),
            untold: self.untold,
            same: self.same,
        }
    }
}

/// The hooks of the pending operation, and how far each got.
///
/// Helm writes a hook's phase into the record just before it runs it
/// (helm v4 `pkg/action/hooks.go`), and its outcome with the next write: so one
/// that is `Running` there may long be done, which its own object tells.
fn hooks(
    context: Context<'_>,
    history: &History<'_>,
    newest: &Record,
    release: &Release,
) -> Vec<Evidence> {
    let operation = match release.status {
        Status::PendingInstall => "install",
        Status::PendingRollback => "rollback",
        _ => "upgrade",
    };
    let own = |hook: &&Hook| {
        let events = hook.events.iter();
        let mut parts = events.filter_map(|event| event.split_once('-'));
        parts.any(|(when, what)| matches!(when, "pre" | "post") && what == operation)
    };
    let namespace = comparison(newest, None, release).namespace;
    let places = [namespace.as_str(), history.namespace];
    let told = release.hooks.iter().filter(own).map(|hook| {
        let mut seen = places
            .iter()
            .filter_map(|place| context.survey.object(place, &hook.object));
        Evidence::Hook {
            object: hook.object.to_string(),
            events: hook.events.clone(),
            state: match is_copied(hook, release) {
                true => HookState::NotRun,
                false => state(hook, seen.next()),
            },
        }
    });
    told.collect()
}

/// Whether what a rollback's record says of the hook is of an earlier operation:
/// Helm copies the hooks of the revision that it goes back to, last run and all
/// (helm v4 `pkg/action/rollback.go`).
fn is_copied(hook: &Hook, release: &Release) -> bool {
    let earlier = |(started, began)| started < began;
    release.status == Status::PendingRollback
        && hook.started.zip(release.last_deployed).is_some_and(earlier)
}

fn state(hook: &Hook, seen: Option<&Observed>) -> HookState {
    match (hook.phase.as_str(), seen) {
        ("Succeeded", _) => HookState::Done,
        ("Failed", _) => HookState::Failed,
        ("Running", Some(Observed::Present(live))) => match (&live.readiness, live.failed) {
            (_, true) => HookState::Failed,
            (Readiness::Waiting(_), _) => HookState::Running,
            (Readiness::Ready, _) => HookState::Done,
        },
        ("Running", _) => HookState::Unknown,
        _ => HookState::NotRun,
    }
}
