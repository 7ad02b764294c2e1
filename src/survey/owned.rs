//! Live objects that say which release they belong to.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::live::ObjectRef;
use crate::survey::{Survey, Unread};

/// All objects in scope that Helm marked as a release's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SeenOwned {
    /// The objects, ordered by release and identity.
    pub objects: Vec<Owned>,
    /// Kinds that could not be listed, and why.
    pub unread: Vec<Unread>,
}

/// A live object with both of Helm's ownership annotations and its label, by
/// which Helm itself knows its own (helm v4 `pkg/action/validate.go`). Hooks
/// and CRDs of `crds/` never have them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owned {
    /// `meta.helm.sh/release-namespace`.
    pub namespace: String,
    /// `meta.helm.sh/release-name`.
    pub release: String,
    /// The object; its namespace is where it lies.
    pub object: ObjectRef,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// Whose it is besides, if it is not the release's alone.
    pub besides: Option<Besides>,
}

/// Why an object is not for its release alone to keep or remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Besides {
    /// `helm.sh/resource-policy: keep`: it stays on purpose.
    Kept,
    /// It has an owner (`metadata.ownerReferences`), who made it or removes it.
    Owner,
    /// The API server made its name: no manifest can name it.
    Generated,
    /// It is being deleted.
    Deleting,
    /// Argo CD tracks it.
    ArgoCd,
    /// Flux applies it.
    Flux,
}

impl Survey {
    /// The objects of that release that are its alone; `None` if they were not
    /// asked for.
    pub fn owned(&self, namespace: &str, release: &str) -> Option<impl Iterator<Item = &Owned>> {
        let owned = self.owned.as_ref()?;
        let of =
            |one: &Owned| (one.namespace.as_str(), one.release.as_str()).cmp(&(namespace, release));
        let start = owned.objects.partition_point(|one| of(one).is_lt());
        let end = owned.objects.partition_point(|one| of(one).is_le());
        let own = owned.objects.get(start..end).unwrap_or_default().iter();
        Some(own.filter(|one| one.besides.is_none()))
    }

    /// Lists kinds that could not be listed among the unread.
    pub(super) fn note_owned(&mut self) {
        if let Some(owned) = &self.owned {
            self.unread.extend(owned.unread.iter().cloned());
        }
    }
}
