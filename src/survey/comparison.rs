//! Manifests beside what is live.

use serde::{Deserialize, Serialize};

use crate::live::Compared;
use crate::survey::{RecordId, Survey, Unread};

/// Which manifests are put beside the live objects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Comparison {
    /// Whose manifest says what is wanted.
    pub record: RecordId,
    /// Whose manifest says what was there before; none for an install. The same
    /// record, where all that matters is whether the objects are as it says.
    pub base: Option<RecordId>,
    /// The namespace that stands in where a manifest names none.
    pub namespace: String,
}

/// What a comparison told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenComparison {
    /// Of what.
    pub of: Comparison,
    /// Every object of either manifest, those of the newer first.
    pub objects: Vec<Compared>,
    /// How many objects and documents could not be compared: unreadable ones,
    /// and objects that the API server names.
    pub untold: usize,
    /// Why there was nothing to compare, if a record could not be read.
    pub failed: Option<String>,
}

impl Survey {
    /// What a comparison told; `None` if it was not asked for.
    pub fn comparison(&self, of: &Comparison) -> Option<&SeenComparison> {
        let at = self.comparisons.binary_search_by(|seen| seen.of.cmp(of));
        at.ok().map(|at| &self.comparisons[at])
    }

    /// Lists comparisons that could not be made among the unread.
    pub(super) fn note_comparisons(&mut self) {
        for seen in &self.comparisons {
            if let Some(reason) = &seen.failed {
                self.unread.push(Unread {
                    what: format!("the objects of {}", seen.of.record),
                    reason: reason.clone(),
                });
            }
        }
    }
}
