//! What Zadig claims of this cluster, and whether what it does not claim is
//! known to be gone.
//!
//! An environment that is being deleted, a list that came without what the
//! token may not see, and another cluster's environments all look like a
//! deletion. So something is called gone only if the token is proven an
//! administrator's, all lists came whole, the cluster is the same, and an
//! earlier read agrees; else the condition that is missing is named.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::diagnose::{Context, Evidence, Policy, Verdict, zadig};
use crate::survey::zadig::{
    Detail, EnvironmentDetail, FormerClaim, KeptClaim, KeptRead, Proof, ZadigEnvironment,
    ZadigService,
};
use crate::survey::{History, NamespaceState, SeenZadig, Survey};

/// How far two reads must be apart, in seconds, to be two.
pub const APART: i64 = 300;

/// How many reads are kept, that far apart: of any two there is always an older
/// one that is old enough.
const READS: usize = 2;

/// How many former claims are remembered.
const FORMER: usize = 1000;

/// An environment that claims a namespace here.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Its project's key.
    pub project: &'a str,
    /// Whether it is a production environment.
    pub production: bool,
    /// Itself.
    pub environment: &'a ZadigEnvironment,
}

impl<'a> Claim<'a> {
    /// `environment dev of project shop`.
    pub fn told(&self) -> String {
        let kind = match self.production {
            true => "production environment",
            false => "environment",
        };
        format!(
            "{kind} {} of project {}",
            self.environment.name, self.project
        )
    }

    /// What was seen of it more closely.
    pub fn detail(&self) -> Option<&'a EnvironmentDetail> {
        match &self.environment.detail {
            Detail::Read(detail) => Some(detail),
            Detail::NotAsked | Detail::Unread { .. } => None,
        }
    }

    /// Its services with a release of their own.
    pub fn services(&self) -> impl Iterator<Item = (&'a ZadigService, &'a str)> + use<'a> {
        let services = self.detail().into_iter().flat_map(|one| &one.services);
        services.filter_map(|one| Some((one, one.release.as_deref()?)))
    }

    /// Whether an operation on it is under way, as Zadig's database has it.
    pub fn is_busy(&self) -> bool {
        matches!(
            self.environment.status.as_str(),
            "creating" | "updating" | "deleting"
        )
    }
}

impl Claim<'_> {
    /// Whether Zadig is still at work on one that is busy, and since when it is:
    /// it gives each release its own time, and tells no progress.
    pub fn at_work(&self, now: Option<Timestamp>, policy: &Policy) -> (Verdict, Option<i64>) {
        let since = now.zip(self.environment.updated);
        let since = since.map(|(now, then)| now.as_second() - then.as_second());
        let services = self
            .detail()
            .map_or(1, |detail| detail.services.len().max(1));
        let services = i64::try_from(services).unwrap_or(i64::MAX);
        let window = policy.wait_window().saturating_mul(services);
        match since {
            Some(since) if since > window => (Verdict::Stale, Some(since)),
            Some(since) => (Verdict::PossiblyRunning, Some(since)),
            None => (Verdict::Unknown, None),
        }
    }
}

/// All that Zadig claims here.
#[derive(Debug)]
pub struct Claims<'a> {
    /// What it told.
    pub zadig: &'a SeenZadig,
    now: Option<Timestamp>,
    by_namespace: BTreeMap<&'a str, Vec<Claim<'a>>>,
    /// Namespaces that environments use of which it is not known whether they are
    /// in this cluster.
    doubtful: BTreeSet<&'a str>,
    /// Why what is not claimed is not known to be gone, whatever it is.
    lacking: Vec<String>,
}

impl<'a> Claims<'a> {
    /// What the survey's Zadig claims; `None` if none was asked, or none told.
    pub fn of(survey: &'a Survey) -> Option<Self> {
        let zadig = survey.zadig.as_ref().filter(|one| one.failed.is_none())?;
        let here = zadig.here();
        let mut by_namespace: BTreeMap<&str, Vec<Claim<'_>>> = BTreeMap::new();
        let mut homeless = Vec::new();
        let mine = zadig.all_environments().filter(|(_, environment)| {
            here.as_ref().is_ok_and(|here| environment.cluster == *here)
        });
        for (list, environment) in mine {
            let claim = Claim {
                project: &list.project,
                production: list.production,
                environment,
            };
            match environment.namespace.as_deref() {
                Some(namespace) => by_namespace.entry(namespace).or_default().push(claim),
                None => homeless.push(format!("the namespace of {} is not known", claim.told())),
            }
        }
        let doubtful = zadig.all_environments().filter(|_| here.is_err());
        let doubtful = doubtful.filter_map(|(_, one)| one.namespace.as_deref());
        let doubtful = doubtful.collect();
        let mut lacking = lacking(zadig);
        lacking.extend(here.err());
        lacking.extend(homeless.into_iter().next());
        Some(Self {
            zadig,
            now: survey.time,
            by_namespace,
            doubtful,
            lacking,
        })
    }

    /// Who claims that namespace.
    pub fn of_namespace(&self, namespace: &str) -> &[Claim<'a>] {
        self.by_namespace.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// Whether nobody claims that namespace, as far as Zadig told.
    pub fn is_unclaimed(&self, namespace: &str) -> bool {
        !self.by_namespace.contains_key(namespace) && !self.doubtful.contains(namespace)
    }

    /// All claims, by namespace.
    pub fn all(&self) -> impl Iterator<Item = (&'a str, &[Claim<'a>])> {
        let all = self.by_namespace.iter();
        all.map(|(namespace, claims)| (*namespace, claims.as_slice()))
    }

    /// The claims of namespaces that are looked at, by namespace.
    pub fn inside<'c>(
        &'c self,
        context: Context<'c>,
    ) -> impl Iterator<Item = (&'a str, &'c Claim<'a>)> + use<'c, 'a> {
        let inside = self.all().filter(move |(one, _)| is_inside(context, one));
        inside.flat_map(|(namespace, claims)| claims.iter().map(move |claim| (namespace, claim)))
    }

    /// Whether the list of projects has that key.
    pub fn has_project(&self, key: &str) -> bool {
        self.zadig.projects.items.iter().any(|one| one == key)
    }

    /// Why nobody but Zadig should write in that namespace now: an environment in
    /// it is being created, updated or deleted, for all that is known.
    pub fn against_writing(&self, namespace: &str, policy: &Policy) -> Option<String> {
        let mut busy = self
            .of_namespace(namespace)
            .iter()
            .filter(|one| one.is_busy());
        let busy = busy.find(|one| one.at_work(self.now, policy).0 != Verdict::Stale)?;
        let status = &busy.environment.status;
        Some(format!(
            "Zadig is at work: {} is {status}; wait until it is done",
            busy.told()
        ))
    }

    /// What to press in Zadig after that release was repaired.
    pub fn to_press(&self, namespace: &str, release: &str) -> Vec<String> {
        let claiming = self.of_namespace(namespace).iter();
        let services = claiming.filter_map(|claim| {
            let mut services = claim.services();
            let (service, _) = services.find(|(_, name)| *name == release)?;
            Some(format!(
                "now in Zadig: update service {} of {}, which deploys it again and sets what Zadig says of it",
                service.name,
                claim.told()
            ))
        });
        services.collect()
    }

    /// What is missing to say that no environment uses that namespace any more.
    pub fn namespace_gone(&self, namespace: &str) -> Vec<String> {
        self.gone(|read| !read.namespaces.contains_key(namespace))
    }

    /// What is missing to say that no service has that release any more.
    pub fn release_gone(&self, namespace: &str, release: &str) -> Vec<String> {
        self.gone(|read| match read.namespaces.get(namespace) {
            None => true,
            Some(claim) => {
                let releases = claim.releases.as_ref();
                releases.is_some_and(|releases| !releases.contains(release))
            }
        })
    }

    /// What is missing to say that Zadig has no such project any more.
    pub fn project_gone(&self, key: &str) -> Vec<String> {
        self.gone(|read| !read.projects.contains(key))
    }

    /// Who claimed that namespace, or more of it, once.
    pub fn former(&self, namespace: &str) -> Option<FormerClaim> {
        let newest = self.zadig.earlier.first()?;
        let kept = newest.namespaces.get(namespace).map(|claim| FormerClaim {
            claim: claim.clone(),
            seen: newest.time,
        });
        kept.or_else(|| newest.former.get(namespace).cloned())
    }

    /// The project that a namespace is of: as its label says, else as those who
    /// claimed it once agree.
    pub fn project_of(&self, survey: &Survey, namespace: &str) -> Option<String> {
        if let Some(project) = zadig::labeled_project(survey, namespace) {
            return Some(project.to_owned());
        }
        let former = self.former(namespace)?;
        let pairs = former.claim.environments.iter();
        let mut projects = pairs.filter_map(|pair| Some(pair.split_once('/')?.0));
        let first = projects.next()?;
        projects.all(|one| one == first).then(|| first.to_owned())
    }

    /// Whether a service had that release in an earlier read, and when that was
    /// last seen.
    pub fn had_release(&self, namespace: &str, release: &str) -> Option<Timestamp> {
        let has = |claim: &KeptClaim| {
            let releases = claim.releases.as_ref();
            releases.is_some_and(|releases| releases.contains(release))
        };
        self.zadig.earlier.iter().find_map(|read| {
            let then = read.namespaces.get(namespace).filter(|claim| has(claim));
            let before = read.former.get(namespace);
            let before = before.filter(|former| has(&former.claim));
            then.map(|_| read.time).or(before.map(|former| former.seen))
        })
    }

    fn gone(&self, absent: impl Fn(&KeptRead) -> bool) -> Vec<String> {
        let mut lacking = self.lacking.clone();
        lacking.extend(self.disagreement(absent));
        lacking
    }

    /// What speaks against an earlier read agreeing.
    fn disagreement(&self, absent: impl Fn(&KeptRead) -> bool) -> Option<String> {
        let Some(now) = self.now else {
            return Some("the API server's time is not known".to_owned());
        };
        for read in &self.zadig.earlier {
            let age = now.as_second() - read.time.as_second();
            if age < 0 {
                continue;
            }
            if !absent(read) {
                return Some(format!("the read of {} had it, or did not look", read.time));
            }
            if age >= APART {
                return None;
            }
        }
        Some("no whole read of five minutes ago or more is kept here that agrees: run the same check again then".to_owned())
    }

    /// The reads to keep from now on, newest first; `None` if they are the same as
    /// before, or this one does not count.
    pub fn to_keep(&self) -> Option<Vec<KeptRead>> {
        let now = self.now.filter(|_| self.lacking.is_empty())?;
        let before = |read: &&KeptRead| read.time.as_second() <= now.as_second();
        let mut kept: Vec<KeptRead> = self.zadig.earlier.iter().filter(before).cloned().collect();
        let newest = kept.first().map(|read| read.time.as_second());
        if newest.is_some_and(|newest| now.as_second() - newest < APART) {
            return None;
        }
        let read = self.kept(now, kept.first());
        kept.insert(0, read);
        kept.truncate(READS);
        Some(kept)
    }

    fn kept(&self, now: Timestamp, before: Option<&KeptRead>) -> KeptRead {
        let claimed = self.all().map(|(namespace, claims)| {
            let releases = claims.iter().map(|claim| {
                claim.detail()?;
                Some(claim.services().map(|(_, release)| release.to_owned()))
            });
            let releases: Option<Vec<_>> = releases.collect();
            let claim = KeptClaim {
                environments: claims
                    .iter()
                    .map(|claim| format!("{}/{}", claim.project, claim.environment.name))
                    .collect(),
                production: claims.iter().any(|claim| claim.production),
                releases: releases.map(|sets| sets.into_iter().flatten().collect()),
            };
            (namespace.to_owned(), claim)
        });
        let namespaces: BTreeMap<String, KeptClaim> = claimed.collect();
        KeptRead {
            time: now,
            projects: self.zadig.projects.items.iter().cloned().collect(),
            former: before.map_or_else(BTreeMap::new, |before| former(before, &namespaces)),
            namespaces,
        }
    }
}

/// What was claimed once and no longer is.
fn former(before: &KeptRead, now: &BTreeMap<String, KeptClaim>) -> BTreeMap<String, FormerClaim> {
    let mut former = before.former.clone();
    for (namespace, claim) in &before.namespaces {
        let entry = former.entry(namespace.clone()).or_default();
        let earlier = entry.claim.releases.take().unwrap_or_default();
        entry.claim = claim.clone();
        let releases = claim.releases.iter().flatten().cloned();
        entry.claim.releases = Some(releases.chain(earlier).collect());
        entry.seen = before.time;
    }
    for (namespace, claim) in now {
        if let Some(entry) = former.get_mut(namespace) {
            let releases = entry.claim.releases.get_or_insert_default();
            // Where nobody looked, the next read that looks tells.
            if let Some(claimed) = &claim.releases {
                releases.retain(|one| !claimed.contains(one));
            }
        }
    }
    let left = |namespace: &String, entry: &FormerClaim| {
        let some = entry.claim.releases.iter().any(|one| !one.is_empty());
        some || !now.contains_key(namespace)
    };
    former.retain(|namespace, entry| left(namespace, entry));
    let mut times: Vec<Timestamp> = former.values().map(|entry| entry.seen).collect();
    times.sort();
    if let Some(bar) = times.iter().rev().nth(FORMER).copied() {
        former.retain(|_, entry| entry.seen > bar);
    }
    former
}

/// Which of the conditions that concern everything are missing.
fn lacking(zadig: &SeenZadig) -> Vec<String> {
    let mut lacking = Vec::new();
    if let Proof::Missing { reason } = &zadig.admin {
        lacking.push(reason.clone());
    }
    if let Some(gap) = &zadig.projects.missing {
        lacking.push(format!("the list of projects is not whole: {}", gap.reason));
    }
    let lists = zadig.environments.iter();
    let mut gaps = lists.filter_map(|list| Some((list, list.list.missing.as_ref()?)));
    if let Some((list, gap)) = gaps.next() {
        let kind = match list.production {
            true => "production",
            false => "test",
        };
        let more = match gaps.count() {
            0 => String::new(),
            more => format!(" (and {more} lists more)"),
        };
        lacking.push(format!(
            "the {kind} environments of project {} are not known: {}{more}",
            list.project, gap.reason
        ));
    }
    lacking
}

/// A verdict and its evidence, from what is missing for certainty.
pub fn certainty(lacking: &[String]) -> (Option<Verdict>, Vec<Evidence>) {
    let verdict = (!lacking.is_empty()).then_some(Verdict::Unknown);
    let evidence = lacking.iter().map(|condition| Evidence::Lacking {
        condition: condition.clone(),
    });
    (verdict, evidence.collect())
}

/// Whether the records of that release were looked for, so that having none
/// means that there are none.
pub fn looked_for(context: Context<'_>, namespace: &str, release: &str) -> bool {
    let scope = &context.survey.scope;
    let named = scope.releases.is_empty() || scope.releases.iter().any(|one| one == release);
    is_inside(context, namespace) && named && context.survey.lists_all_records()
}

/// Whether that namespace is looked at.
pub fn is_inside(context: Context<'_>, namespace: &str) -> bool {
    let scope = context.survey.scope.namespace.as_deref();
    scope.is_none_or(|one| one == namespace)
}

/// The releases in that namespace; histories come in the order of namespaces.
pub fn in_namespace<'h, 's>(histories: &'h [History<'s>], namespace: &str) -> &'h [History<'s>] {
    let from = histories.partition_point(|one| one.namespace < namespace);
    let rest = &histories[from..];
    let to = rest.partition_point(|one| one.namespace == namespace);
    &rest[..to]
}

/// The namespaces that are looked at: those that are there, and those with
/// records.
pub fn namespaces<'a>(context: Context<'a>) -> BTreeSet<&'a str> {
    let survey = context.survey;
    let present = |state: &NamespaceState| matches!(state, NamespaceState::Present { .. });
    let seen = survey.namespaces.iter().filter(|one| present(&one.state));
    let records = survey.records.iter().map(|one| one.id.namespace.as_str());
    let all = seen.map(|one| one.name.as_str()).chain(records);
    all.filter(|namespace| is_inside(context, namespace))
        .collect()
}
