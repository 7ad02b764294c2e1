//! What Zadig told of itself: its projects, environments and services, and
//! which of them it could not or would not tell.
//!
//! Of a list that did not come whole, what came is known; that something is
//! not in it is not. Values are never kept: names, times and states are.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::survey::{Skipped, Survey, Unread};

/// The id of the cluster that Zadig itself runs in, in every Zadig.
pub const LOCAL: &str = "0123456789abcdef12345678";

/// All that was asked of a Zadig, and what it told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SeenZadig {
    /// Its address, without credentials; empty if it was to be found and was not.
    pub server: String,
    /// Why it told nothing at all.
    pub failed: Option<String>,
    /// Its time (its `Date` header) at the first answer.
    pub time: Option<Timestamp>,
    /// Which of its interfaces it has, as far as probing told.
    pub api: Option<ZadigApi>,
    /// `server_version`, where it tells that.
    pub version: Option<String>,
    /// `license_status`, where it tells that.
    pub licence: Option<String>,
    /// Whether the token is an administrator's; else why that is not known.
    pub admin: Proof,
    /// What tells which of its clusters is the one that was looked at.
    pub place: Place,
    /// Its clusters.
    pub clusters: Told<ZadigCluster>,
    /// The keys of its projects.
    pub projects: Told<String>,
    /// Its environments, a list for each project and kind that was asked for.
    pub environments: Vec<ZadigList>,
    /// What its operation log says of deletions, newest first.
    pub operations: Told<ZadigOperation>,
    /// Earlier reads of the same Zadig and cluster, newest first.
    pub earlier: Vec<KeptRead>,
}

/// The interfaces of a Zadig, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ZadigApi {
    /// Only `/api/aslan`: 1.15 to 1.17.
    Aslan,
    /// `/openapi` too: 1.18 to 3.3.
    Open,
    /// With the operation log in it: 3.4 to 4.x.
    Audited,
    /// With a word about the caller and the version: 5.0 and later.
    Context,
}

/// Whether something is proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "proof")]
pub enum Proof {
    /// It is.
    Proven,
    /// It is not.
    Missing {
        /// What speaks against it.
        reason: String,
    },
}

/// What tells which of Zadig's clusters was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The id that the user gave.
    pub given: Option<String>,
    /// Namespaces of this cluster with a Deployment `aslan`: Zadig's own.
    pub aslan: Told<String>,
    /// Whether there is a namespace of Zadig's agent.
    pub agent: bool,
    /// The version of Kubernetes.
    pub kubernetes: Option<String>,
}

/// A list that Zadig told, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told<T> {
    /// What came.
    pub items: Vec<T>,
    /// Why that may not be all; `None` if it is.
    pub missing: Option<Gap>,
}

/// Why a list may not be whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// `forbidden by Zadig`.
    pub reason: String,
    /// Whether this Zadig never tells it: its version does not, or its licence
    /// does not cover it. Then nothing went wrong.
    #[serde(default)]
    pub excused: bool,
}

/// One of Zadig's clusters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZadigCluster {
    /// Its id.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// Whether it is the one that Zadig runs in.
    pub local: bool,
}

/// The environments of one project, test or production.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ZadigList {
    /// The project's key.
    pub project: String,
    /// Which of the two lists.
    pub production: bool,
    /// What it holds.
    pub list: Told<ZadigEnvironment>,
}

/// An environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ZadigEnvironment {
    /// Its key.
    pub name: String,
    /// Its namespace, where that was told.
    pub namespace: Option<String>,
    /// Its cluster's id.
    pub cluster: String,
    /// What Zadig's database says of it, in lower case: `success`, `updating`.
    pub status: String,
    /// When it was last changed.
    pub updated: Option<Timestamp>,
    /// What was asked of it more closely.
    pub detail: Detail,
}

/// What is known of an environment beside its line in the list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "detail")]
pub enum Detail {
    /// Nobody asked: it is not where we look.
    #[default]
    NotAsked,
    /// It could not be read.
    Unread {
        /// Why.
        reason: String,
    },
    /// This.
    Read(EnvironmentDetail),
}

/// An environment, looked at closely.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EnvironmentDetail {
    /// After how many days without a change Zadig deletes it; none if never.
    pub recycle_days: Option<i64>,
    /// Whether its namespace was there before it.
    pub adopted: bool,
    /// Whether it deploys Helm releases, where that was told.
    pub helm: Option<bool>,
    /// Its services.
    pub services: Vec<ZadigService>,
    /// What speaks against reading it through the open interface: where that is
    /// Zadig's error 6078, a service has lost its template.
    pub refused: Option<String>,
}

/// A service of an environment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ZadigService {
    /// Its name.
    pub name: String,
    /// Its release, where that was told.
    pub release: Option<String>,
    /// Whether it is a chart from a repository, and no service of the project.
    pub chart: bool,
    /// `deploy`, `import`, `draft`; empty where Zadig does not say.
    pub strategy: String,
    /// When it was last changed.
    pub updated: Option<Timestamp>,
    /// What the list of releases says of it: `deployed`, `failed`, `pending`,
    /// `notDeployed`.
    pub status: Option<String>,
    /// The error that Zadig keeps for it.
    pub error: Option<String>,
}

impl ZadigService {
    /// Whether Zadig is meant to have deployed it: with the strategies `import`
    /// and `draft` another release, or none, is as it should be.
    pub fn is_deployed_by_zadig(&self) -> bool {
        matches!(self.strategy.as_str(), "" | "deploy")
    }
}

/// An entry of the operation log that tells of a deletion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ZadigOperation {
    /// When.
    pub time: Option<Timestamp>,
    /// Who.
    pub user: String,
    /// In which project.
    pub project: String,
    /// What was done, in Zadig's words.
    pub method: String,
    /// To what kind of thing, in Zadig's words.
    pub function: String,
    /// To which.
    pub targets: Vec<String>,
    /// The HTTP status that the caller got. Deletions go on after it.
    pub status: i64,
}

/// What one earlier read knew to be claimed, and nothing else to be: only reads
/// that were whole, by an administrator, of this cluster, are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KeptRead {
    /// The API server's time.
    pub time: Timestamp,
    /// The projects' keys.
    pub projects: BTreeSet<String>,
    /// Namespaces that environments claimed.
    pub namespaces: BTreeMap<String, KeptClaim>,
    /// Namespaces that environments claimed in still earlier reads.
    pub former: BTreeMap<String, FormerClaim>,
}

/// Who claimed a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptClaim {
    /// `PROJECT/ENVIRONMENT`.
    pub environments: BTreeSet<String>,
    /// Whether one of them was a production environment.
    pub production: bool,
    /// Their releases; none if the environments were not looked at closely.
    pub releases: Option<BTreeSet<String>>,
}

/// Who claimed a namespace once, and when that was last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerClaim {
    /// The claim.
    pub claim: KeptClaim,
    /// The last read that saw it.
    pub seen: Timestamp,
}

impl<T> Default for Told<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            missing: None,
        }
    }
}

impl Default for Proof {
    fn default() -> Self {
        Self::Missing {
            reason: "it was not looked for".to_owned(),
        }
    }
}

impl<T> Told<T> {
    /// The whole list.
    pub fn all(items: Vec<T>) -> Self {
        let missing = None;
        Self { items, missing }
    }

    /// Of which nothing came.
    pub fn nothing(reason: impl Into<String>) -> Self {
        Self::part(Vec::new(), reason)
    }

    /// Of which this came.
    pub fn part(items: Vec<T>, reason: impl Into<String>) -> Self {
        let (reason, excused) = (reason.into(), false);
        let missing = Some(Gap { reason, excused });
        Self { items, missing }
    }

    /// The same, which is no fault of the read.
    #[must_use]
    pub fn excused(mut self) -> Self {
        if let Some(gap) = &mut self.missing {
            gap.excused = true;
        }
        self
    }
}

impl SeenZadig {
    /// Its environments: of which project, whether of production, and itself.
    pub fn all_environments(&self) -> impl Iterator<Item = (&ZadigList, &ZadigEnvironment)> {
        let lists = self.environments.iter();
        lists.flat_map(|list| list.list.items.iter().map(move |one| (list, one)))
    }

    /// Which of its clusters was looked at: the one that the user names, else its
    /// own, if Zadig itself runs here.
    ///
    /// # Errors
    ///
    /// Why that is not known.
    pub fn here(&self) -> Result<&str, String> {
        let Place {
            given,
            aslan,
            agent,
            ..
        } = &self.place;
        match given.as_deref() {
            Some("local") => return Ok(LOCAL),
            Some(id) => {
                let known = |one: &ZadigCluster| one.id == id;
                let whole = self.clusters.missing.is_none();
                return match whole && !self.clusters.items.iter().any(known) && id != LOCAL {
                    true => Err(format!("Zadig has no cluster with the id given: {id:?}")),
                    false => Ok(id),
                };
            }
            None => {}
        }
        if !aslan.items.is_empty() {
            return Ok(LOCAL);
        }
        let clusters = self.clusters.items.iter();
        let ids: Vec<String> = clusters
            .map(|one| format!("{} ({})", one.id, one.name))
            .collect();
        let why = match (agent, &aslan.missing) {
            (true, _) => {
                "Zadig's agent is here, and only its token, which is not read, says of which cluster"
            }
            (false, Some(_)) => "whether Zadig itself runs here could not be read",
            (false, None) => "Zadig itself does not run here",
        };
        let ids = match ids.is_empty() {
            true => String::new(),
            false => format!(", such as {}", some(&ids)),
        };
        Err(format!(
            "{why}: --zadig-cluster says which of its clusters this is{ids}"
        ))
    }

    /// What it did not tell: of what, and why. Lists of many projects that lack
    /// the same are told together.
    pub fn gaps(&self) -> Vec<(String, Gap)> {
        let single = [
            ("the clusters of Zadig", &self.clusters.missing),
            ("the projects of Zadig", &self.projects.missing),
            ("the operation log of Zadig", &self.operations.missing),
            ("where Zadig itself runs", &self.place.aslan.missing),
        ];
        let single = single.into_iter().filter_map(|(what, gap)| {
            let gap = gap.clone()?;
            Some((what.to_owned(), gap))
        });
        let mut many: BTreeMap<(bool, &str), (Gap, Vec<String>)> = BTreeMap::new();
        for list in &self.environments {
            if let Some(gap) = &list.list.missing {
                let key = (list.production, gap.reason.as_str());
                let entry = many.entry(key).or_insert((gap.clone(), Vec::new()));
                entry.1.push(list.project.clone());
            }
        }
        let many = many.into_iter().map(|((production, _), (gap, projects))| {
            let kind = kind(production);
            (
                format!("the {kind} environments of {}", some(&projects)),
                gap,
            )
        });
        single.chain(many).collect()
    }

    /// Why it is not known what it lists, or which of that is here.
    pub fn doubt(&self) -> Option<String> {
        let admin = match &self.admin {
            Proof::Proven => None,
            Proof::Missing { reason } => Some(reason.clone()),
        };
        let gap = || {
            let gaps = self.gaps().into_iter();
            let mut real = gaps.filter(|(_, gap)| !gap.excused);
            real.next()
                .map(|(what, gap)| format!("{what}: {}", gap.reason))
        };
        let failed = self.failed.clone().or(admin);
        failed.or_else(|| self.here().err()).or_else(gap)
    }

    /// The environments that were to be looked at closely and could not be: which,
    /// and why.
    fn unread_environments(&self) -> Vec<Unread> {
        let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (list, environment) in self.all_environments() {
            if let Detail::Unread { reason } = &environment.detail {
                let name = format!("{}/{}", list.project, environment.name);
                by_reason.entry(reason).or_default().push(name);
            }
        }
        let unread = by_reason.into_iter().map(|(reason, names)| Unread {
            what: format!("the services of {}", some(&names)),
            reason: reason.to_owned(),
        });
        unread.collect()
    }
}

/// `test` or `production`, as Zadig calls them.
fn kind(production: bool) -> &'static str {
    match production {
        true => "production",
        false => "test",
    }
}

/// A few of many names.
fn some(names: &[String]) -> String {
    const TOLD: usize = 3;
    let told = names.get(..TOLD).unwrap_or(names).join(", ");
    match names.len().saturating_sub(TOLD) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}

impl Survey {
    /// Lists what Zadig did not tell: what its licence does not cover among the
    /// skipped, all else among the unread.
    pub(super) fn note_zadig(&mut self) {
        let Some(zadig) = &self.zadig else { return };
        let mut unread = zadig.unread_environments();
        let whole = match (&zadig.failed, &zadig.admin) {
            (Some(reason), _) | (None, Proof::Missing { reason }) => Some(reason),
            (None, Proof::Proven) => None,
        };
        unread.extend(whole.map(|reason| Unread {
            what: match zadig.server.as_str() {
                "" => "all of Zadig".to_owned(),
                server => format!("all of Zadig at {server}"),
            },
            reason: reason.clone(),
        }));
        let nowhere = zadig.here().err().filter(|_| zadig.failed.is_none());
        unread.extend(nowhere.map(|reason| Unread {
            what: "which of Zadig's clusters this is".to_owned(),
            reason,
        }));
        for (what, Gap { reason, excused }) in zadig.gaps() {
            match excused {
                true => self.skipped.push(Skipped { what, reason }),
                false => unread.push(Unread { what, reason }),
            }
        }
        self.unread.append(&mut unread);
        self.skipped.sort();
        self.skipped.dedup();
    }
}
