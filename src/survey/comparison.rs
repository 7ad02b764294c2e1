//! Manifests beside what is live.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::live::{Compared, Found, ObjectRef};
use crate::survey::{RecordId, Survey, Unread};

/// How many objects that could not be read are named.
const TOLD: usize = 5;

/// Why a document cannot be compared.
pub(super) const NO_OBJECT: &str = "not a document that names an object";

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
    /// How many documents of the newer manifest could not be read.
    #[serde(default, alias = "untold")]
    pub documents: usize,
    /// How many of its objects the API server names, so that none is known to be
    /// the one that was made of it.
    #[serde(default)]
    pub generated: usize,
    /// Why there was nothing to compare, if a record could not be read.
    pub failed: Option<String>,
}

impl Survey {
    /// What a comparison told; `None` if it was not asked for.
    pub fn comparison(&self, of: &Comparison) -> Option<&SeenComparison> {
        let at = self.comparisons.binary_search_by(|seen| seen.of.cmp(of));
        at.ok().map(|at| &self.comparisons[at])
    }

    /// Lists what could not be compared among the unread.
    pub(super) fn note_comparisons(&mut self) {
        let unread = self.comparisons.iter().flat_map(SeenComparison::unread);
        self.unread.extend(unread);
    }
}

impl SeenComparison {
    /// What could not be read of it: all, or documents, or live objects, which
    /// are told together where the reason is the same.
    fn unread(&self) -> Vec<Unread> {
        let record = &self.of.record;
        if let Some(reason) = &self.failed {
            return vec![Unread {
                what: format!("the objects of {record}"),
                reason: reason.clone(),
            }];
        }
        let mut unread = Vec::new();
        if self.documents > 0 {
            unread.push(Unread {
                what: format!("{} of {record}", count(self.documents, "document")),
                reason: NO_OBJECT.to_owned(),
            });
        }
        let mut objects: BTreeMap<&str, Vec<&ObjectRef>> = BTreeMap::new();
        for one in &self.objects {
            if let Found::Unreadable { reason } = &one.found {
                objects.entry(reason).or_default().push(&one.object);
            }
        }
        unread.extend(objects.into_iter().map(|(reason, objects)| Unread {
            what: format!(
                "{} of {record} ({})",
                count(objects.len(), "object"),
                named(&objects)
            ),
            reason: reason.to_owned(),
        }));
        unread
    }
}

fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

/// The first of them: `Deployment a, Service b, …`.
fn named(objects: &[&ObjectRef]) -> String {
    let first: Vec<String> = objects.iter().take(TOLD).map(ToString::to_string).collect();
    let more = if objects.len() > TOLD { ", …" } else { "" };
    first.join(", ") + more
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helm::Driver;
    use crate::live::{Change, Compared};
    use crate::survey::fixture::deployment;

    fn compared(name: &str, found: Found) -> Compared {
        Compared {
            object: ObjectRef {
                name: name.to_owned(),
                ..deployment()
            },
            change: Change::Same,
            found,
            keep: false,
            expires: false,
            owner: None,
        }
    }

    fn unread(objects: Vec<Compared>, documents: usize) -> Vec<(String, String)> {
        let record = RecordId {
            namespace: "shop".into(),
            driver: Driver::Secret,
            name: "sh.helm.release.v1.web.v1".into(),
        };
        let mut survey = Survey {
            comparisons: vec![SeenComparison {
                of: Comparison {
                    record: record.clone(),
                    base: Some(record.clone()),
                    namespace: "shop".into(),
                },
                objects,
                documents,
                generated: 3,
                failed: None,
            }],
            ..Survey::default()
        };
        survey.note_unreadable();
        let of = format!(" of {record}");
        let told = |one: Unread| (one.what.replace(&of, ""), one.reason);
        survey.unread.into_iter().map(told).collect()
    }

    #[test]
    fn what_could_not_be_compared_is_unread() {
        let pair = |what: &str, reason: &str| (what.to_owned(), reason.to_owned());
        let unreadable = |name: &str, reason: &str| {
            let reason = reason.to_owned();
            compared(name, Found::Unreadable { reason })
        };
        let objects = vec![
            unreadable("a", "forbidden"),
            compared("b", Found::New),
            unreadable("c", "timed out"),
            unreadable("d", "forbidden"),
        ];
        let expected = [
            pair("1 document", NO_OBJECT),
            pair("1 object (Deployment c)", "timed out"),
            pair("2 objects (Deployment a, Deployment d)", "forbidden"),
        ];
        assert_eq!(unread(objects, 1), expected);
        let many = (0..9).map(|n| unreadable(&format!("o{n}"), "forbidden"));
        let told = unread(many.collect(), 0);
        assert_eq!(
            (told.len(), told[0].0.ends_with("Deployment o4, …)")),
            (1, true)
        );
        // What the API server names is not known by name: nothing hides it.
        let found = [Found::Missing, Found::Unserved, Found::Old];
        let found = found.map(|found| compared("a", found));
        assert_eq!(unread(found.into(), 0), []);
    }
}
