//! What surrounds the releases: namespaces, which APIs are served, and Secrets
//! that other tools leave.
//!
//! Judgements of records do without it. So whoever may not read it still gets
//! them, and is told what was not looked at.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::live::ObjectRef;
use crate::survey::{Labels, Skipped, Survey, Unread};

/// A namespace that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenNamespace {
    /// Its name.
    pub name: String,
    /// What the read told.
    pub state: NamespaceState,
}

/// What is known of a namespace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "namespace")]
pub enum NamespaceState {
    /// There is none of that name.
    Missing,
    /// It exists.
    Present {
        /// `metadata.labels`.
        labels: Labels,
        /// `metadata.creationTimestamp`.
        created: Option<Timestamp>,
        /// `metadata.deletionTimestamp`: it is being deleted, and takes nothing
        /// new.
        deleting: Option<Timestamp>,
    },
    /// It could not be read.
    Unreadable(Unreadable),
}

/// A group version that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenApi {
    /// `apps/v1`, or `v1` for the core group.
    pub api_version: String,
    /// What the API server told.
    pub state: ApiState,
}

/// What is known of a group version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "api")]
pub enum ApiState {
    /// The API server does not know it.
    Gone,
    /// It serves these.
    Served {
        /// Its kinds, and whether their objects lie in namespaces.
        kinds: BTreeMap<String, bool>,
    },
    /// It could not be found out.
    Unreadable(Unreadable),
}

/// Secrets of one name, wherever in the scope they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenSecrets {
    /// Their name.
    pub name: String,
    /// What the list told.
    pub state: SecretsState,
}

/// Where there are Secrets of a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "secrets")]
pub enum SecretsState {
    /// In these namespaces, and no other of the scope.
    In {
        /// Their names.
        namespaces: BTreeSet<String>,
    },
    /// They could not be listed.
    Unreadable(Unreadable),
}

/// Why something could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    /// `forbidden: …`.
    pub reason: String,
    /// Whether the user may not: then it is left out, and said; anything else
    /// makes the survey incomplete.
    pub forbidden: bool,
}

/// All namespaces, where they were asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "namespaces")]
pub enum Listed {
    /// Every one is among those that were seen.
    All,
    /// They could not be listed.
    Unreadable(Unreadable),
}

impl Survey {
    /// What was seen of a namespace; `None` if it was not asked for.
    pub fn namespace(&self, name: &str) -> Option<&NamespaceState> {
        let at = self
            .namespaces
            .binary_search_by(|seen| seen.name.as_str().cmp(name));
        match (at, &self.namespaces_listed) {
            (Ok(at), _) => Some(&self.namespaces[at].state),
            (Err(_), Some(Listed::All)) => Some(&NamespaceState::Missing),
            (Err(_), _) => None,
        }
    }

    /// What was seen of a group version; `None` if it was not asked for.
    pub fn api(&self, api_version: &str) -> Option<&ApiState> {
        let at = self
            .apis
            .binary_search_by(|seen| seen.api_version.as_str().cmp(api_version));
        at.ok().map(|at| &self.apis[at].state)
    }

    /// Where there are Secrets of that name; `None` if they were not asked for.
    pub fn secrets_named(&self, name: &str) -> Option<&SecretsState> {
        let seen = self.secrets.iter().find(|seen| seen.name == name);
        seen.map(|seen| &seen.state)
    }

    /// Whether objects of that kind are served; `None` if it is not known.
    pub fn serves(&self, object: &ObjectRef) -> Option<bool> {
        match self.api(&object.api_version)? {
            ApiState::Gone => Some(false),
            ApiState::Served { kinds } => Some(kinds.contains_key(&object.kind)),
            ApiState::Unreadable(_) => None,
        }
    }

    /// Whether objects of that kind are served and lie in namespaces.
    pub fn is_namespaced(&self, object: &ObjectRef) -> bool {
        let Some(ApiState::Served { kinds }) = self.api(&object.api_version) else {
            return false;
        };
        kinds.get(&object.kind) == Some(&true)
    }

    /// After records were left out, a namespace that has none left tells nothing
    /// by itself, unless it is still looked at as a whole: that it is empty was
    /// never seen.
    pub(super) fn forget_emptied(&mut self, whole: impl Fn(&str) -> bool) {
        let left: BTreeSet<&str> = self
            .records
            .iter()
            .map(|record| record.id.namespace.as_str())
            .collect();
        for seen in &mut self.namespaces {
            if let NamespaceState::Present { labels, .. } = &mut seen.state
                && !left.contains(seen.name.as_str())
                && !whole(&seen.name)
            {
                *labels = Labels::default();
            }
        }
    }

    /// Lists what could not be read of it among the unread or the skipped.
    pub(super) fn note_around(&mut self) {
        let mut unreadable: Vec<(String, Unreadable)> = Vec::new();
        if let Some(Listed::Unreadable(why)) = &self.namespaces_listed {
            unreadable.push(("namespaces".to_owned(), why.clone()));
        }
        for seen in &self.namespaces {
            if let NamespaceState::Unreadable(why) = &seen.state {
                unreadable.push((format!("namespace {}", seen.name), why.clone()));
            }
        }
        for seen in &self.apis {
            if let ApiState::Unreadable(why) = &seen.state {
                unreadable.push((format!("the kinds of {}", seen.api_version), why.clone()));
            }
        }
        for seen in &self.secrets {
            if let SecretsState::Unreadable(why) = &seen.state {
                unreadable.push((format!("Secrets named {}", seen.name), why.clone()));
            }
        }
        for (what, Unreadable { reason, forbidden }) in unreadable {
            match forbidden {
                true => self.skipped.push(Skipped { what, reason }),
                false => self.unread.push(Unread { what, reason }),
            }
        }
        self.skipped.sort();
        self.skipped.dedup();
    }
}
