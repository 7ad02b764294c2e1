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
        Some(own.filter(|one| self.judges(one)))
    }

    /// All objects that are a release's alone; `None` if they were not asked for.
    pub fn all_owned(&self) -> Option<impl Iterator<Item = &Owned>> {
        let owned = self.owned.as_ref()?;
        Some(owned.objects.iter().filter(|one| self.judges(one)))
    }

    /// Whether the records can tell of an object: it is its release's alone, and
    /// was there before they were listed. What was made since may be of an
    /// install or an upgrade whose record nobody saw. Both times are the API
    /// server's, in whole seconds.
    fn judges(&self, one: &Owned) -> bool {
        let earlier = match (one.created, self.time) {
            (Some(created), Some(time)) => created < time,
            (None, _) | (_, None) => false,
        };
        earlier && one.besides.is_none()
    }

    /// Lists kinds that could not be listed among the unread.
    pub(super) fn note_owned(&mut self) {
        let Some(owned) = &self.owned else {
            return;
        };
        self.unread.extend(owned.unread.iter().cloned());
        if self.time.is_none() && !owned.objects.is_empty() {
            self.unread.push(Unread {
                what: "the API server's time".to_owned(),
                reason: "no answer carried a usable Date header".to_owned(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::survey::fixture::{ago, deployment, survey};

    fn owned(created: Option<Timestamp>) -> Owned {
        Owned {
            namespace: "shop".into(),
            release: "web".into(),
            object: deployment(),
            created,
            besides: None,
        }
    }

    #[test]
    fn what_was_made_since_the_records_were_listed_is_not_judged() {
        let seen = |survey: &Survey| {
            let all = survey.all_owned().unwrap().count();
            assert_eq!(survey.owned("shop", "web").unwrap().count(), all);
            all
        };
        let with = |created| Survey {
            owned: Some(SeenOwned {
                objects: vec![owned(created)],
                unread: Vec::new(),
            }),
            ..survey(Vec::new())
        };
        assert_eq!(seen(&with(Some(ago(1)))), 1);
        // Times are whole seconds: within the same one nothing is known.
        assert_eq!(seen(&with(Some(ago(0)))), 0);
        assert_eq!(seen(&with(Some(ago(-5)))), 0);
        assert_eq!(seen(&with(None)), 0);
        let mut timeless = with(Some(ago(1)));
        timeless.time = None;
        assert_eq!(seen(&timeless), 0);
        timeless.note_unreadable();
        assert_eq!(timeless.unread.len(), 1, "and that is said");
    }
}
