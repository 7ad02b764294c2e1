//! Whether a live object is as a manifest wants it.
//!
//! By the manifest's own fields: what the API server, its controllers and
//! other tools add is nobody's difference. An operation is judged by what it
//! was to change: the fields in which its manifest differs from the one before.
//! Of every difference the place is told, never the values.
//!
//! Helm merges in the same way: lists of the built-in kinds by their merge
//! keys, everything else by name (helm v4 `pkg/kube/client.go`, Kubernetes'
//! strategic merge patch).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ObjectRef;
use super::fields::{Path, Segment, elements, is_anothers, union, writers};
use super::scalar::{absent, same_scalar};

/// How many differences of one object are told.
const TOLD: usize = 20;

/// Of how many empty values of one object it is looked up who filled them: to
/// find a place among those that managers own may cost milliseconds.
const ASKED: usize = 200;

/// One object, compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// As the manifest names it.
    pub object: ObjectRef,
    /// What the operation was to do to it.
    pub change: Change,
    /// What became of it.
    pub found: Found,
    /// Whether `helm.sh/resource-policy: keep` spares it from removal.
    pub keep: bool,
    /// Whether it goes by itself once it is done, so that it may be missing.
    #[serde(default)]
    pub expires: bool,
    /// The release that the live object's annotations name, as
    /// `(namespace, name)`.
    pub owner: Option<(String, String)>,
}

/// What lies between two manifests, for one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Only the new one has it.
    Added,
    /// They say different things of it.
    Changed,
    /// They say the same.
    Same,
    /// Only the old one has it.
    Removed,
}

/// What a live object looks like, beside the manifests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "found")]
pub enum Found {
    /// As the new manifest wants it.
    New,
    /// As the old manifest left it.
    Old,
    /// Like neither, in these places.
    Differs {
        /// The places, at most twenty.
        fields: Vec<Difference>,
    },
    /// It is wanted and does not exist.
    Missing,
    /// The API server does not serve its kind.
    Unserved,
    /// It could not be found out.
    Unreadable {
        /// `forbidden: …`.
        reason: String,
    },
}

/// A place in which a live object is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// `spec.template.spec.containers[web].image`.
    pub field: String,
    /// The field managers that own it, by `metadata.managedFields`; empty if
    /// that cannot be told.
    pub writers: Vec<String>,
}

/// Whether Kubernetes removes the object once it is done: a Job that says for
/// how long it stays (`ttlSecondsAfterFinished`).
pub fn expires(document: &Value) -> bool {
    let group = document["apiVersion"].as_str().unwrap_or_default();
    let is_job = group.starts_with("batch/") && document["kind"] == "Job";
    is_job && document["spec"]["ttlSecondsAfterFinished"].is_number()
}

/// What the live object looks like beside what the old and the new manifest
/// say of it. Both documents and the live object are trees of the same
/// apiVersion, as far as the manifest kept it.
pub fn compare(old: Option<&Value>, new: Option<&Value>, live: Option<&Value>) -> (Change, Found) {
    let (old, new) = (old.map(as_stored), new.map(as_stored));
    let (old, new) = (old.as_deref(), new.as_deref());
    let change = match (old, new) {
        (Some(old), Some(new)) if contains(old, new) && contains(new, old) => Change::Same,
        (Some(_), Some(_)) => Change::Changed,
        (None, _) => Change::Added,
        (Some(_), None) => Change::Removed,
    };
    let found = match (change, live) {
        (Change::Added, None) | (Change::Removed, Some(_)) => Found::Old,
        (Change::Removed, None) => Found::New,
        (Change::Changed | Change::Same, None) => Found::Missing,
        (_, Some(live)) => {
            let changes = change == Change::Changed;
            let mut walk = Walk::new(live, changes);
            walk.beside([old.filter(|_| changes), new, Some(live)]);
            walk.found()
        }
    };
    (change, found)
}

/// A Secret's `stringData` as the API server keeps it. No other kind's is
/// anything but what its chart says; nor is that of a Secret whose `data` holds
/// no members, which the API server does not take.
fn as_stored(document: &Value) -> Cow<'_, Value> {
    let is_secret = document["apiVersion"] == "v1" && document["kind"] == "Secret";
    let data = &document["data"];
    let storable = is_secret && (data.is_null() || data.is_object());
    let texts = document["stringData"].as_object().filter(|_| storable);
    let (Some(texts), Some(members)) = (texts, document.as_object()) else {
        return Cow::Borrowed(document);
    };
    let mut data = data.as_object().cloned().unwrap_or_default();
    for (key, text) in texts {
        let text = text.as_str().unwrap_or_default();
        data.insert(key.clone(), STANDARD.encode(text).into());
    }
    let mut members = members.clone();
    members.remove("stringData");
    members.insert("data".to_owned(), data.into());
    Cow::Owned(members.into())
}

/// Whether all that the manifest says is true of the live tree.
fn contains(manifest: &Value, live: &Value) -> bool {
    let mut walk = Walk::new(&Value::Null, false);
    walk.beside([None, Some(manifest), Some(live)]);
    walk.neither.is_empty()
}

/// A walk through two manifests and a live object at once.
struct Walk<'a> {
    live: &'a Value,
    /// Whether only what the two manifests say differently counts.
    changes: bool,
    path: Path,
    /// How many places are as the new manifest says.
    new: usize,
    /// Places that are still as the old manifest says: as many as are told.
    old: Vec<Path>,
    /// How many places the new manifest no longer names still are as the old
    /// one said. A default may say the same, so alone they prove nothing.
    left: usize,
    /// Places that are as neither says: as many as are told.
    neither: Vec<Path>,
    /// Of how many places it was asked whose they are.
    asked: usize,
}

impl<'a> Walk<'a> {
    fn new(live: &'a Value, changes: bool) -> Self {
        Self {
            live,
            changes,
            path: Path::default(),
            new: 0,
            old: Vec::new(),
            left: 0,
            neither: Vec::new(),
            asked: 0,
        }
    }

    fn found(mut self) -> Found {
        match (self.new, self.old.len(), self.neither.len()) {
            (0, 0, 0) if self.left > 0 => return Found::Old,
            (_, 0, 0) => return Found::New,
            (0, 1.., 0) => return Found::Old,
            _ => self.neither.append(&mut self.old),
        }
        let entries = &self.live["metadata"]["managedFields"];
        let fields = self.neither.iter().take(TOLD).map(|path| Difference {
            field: path.to_string(),
            writers: writers(entries, path),
        });
        Found::Differs {
            fields: fields.collect(),
        }
    }

    fn at(&mut self, segment: Segment, trees: Trees<'_>) {
        self.path.push(segment);
        self.beside(trees);
        self.path.pop();
    }

    fn beside(&mut self, trees: Trees<'_>) {
        let [old, new, _] = trees;
        match new.or(old) {
            Some(Value::Object(_)) => self.members(trees),
            Some(Value::Array(_)) => self.elements(trees),
            _ => {
                let quantity = self.path.is_quantity();
                self.note(trees, |a, b| same_scalar(a, b, quantity));
            }
        }
    }

    fn members(&mut self, trees: Trees<'_>) {
        let [old, new, _] = trees.map(|tree| tree.and_then(Value::as_object));
        for key in union(old, new) {
            if !self.path.is_anybodys(key) {
                let members = trees.map(|tree| tree.and_then(|tree| tree.get(key)));
                self.at(Segment::Field(key.clone()), members);
            }
        }
    }

    /// Lists with keys are compared element by element, all others as a whole.
    fn elements(&mut self, trees: Trees<'_>) {
        let Some(elements) = elements(self.path.last(), trees) else {
            return self.note(trees, same_list);
        };
        for element in elements {
            let [old, new, _] = element.values;
            if old.is_some() || new.is_some() {
                self.at(Segment::Key(element.key), element.values);
            }
        }
    }

    /// Notes a place.
    fn note(
        &mut self,
        [old, new, live]: Trees<'_>,
        same: impl Fn(Option<&Value>, Option<&Value>) -> bool,
    ) {
        if self.changes && same(old, new) {
            return;
        }
        if self.is_filled(new, live) {
            keep(&mut self.neither, &self.path);
        } else if absent(new) {
            // Where nothing is wanted, anybody's value and a default are fine.
            match self.changes && same(old, live) {
                true => self.left += 1,
                false => self.new += usize::from(self.changes),
            }
        } else if same(new, live) {
            self.new += 1;
        } else {
            let places = match self.changes && same(old, live) {
                true => &mut self.old,
                false => &mut self.neither,
            };
            keep(places, &self.path);
        }
    }

    /// Whether a manifest that nobody changes says that there is nothing (`""`,
    /// `[]`), and another manager than Helm made something of it. What the API
    /// server makes of it is none: a default, an address, a name.
    fn is_filled(&mut self, new: Option<&Value>, live: Option<&Value>) -> bool {
        let stated = matches!(new, Some(Value::String(_) | Value::Array(_)));
        if self.changes || !stated || !absent(new) || absent(live) || self.asked == ASKED {
            return false;
        }
        self.asked += 1;
        is_anothers(&self.live["metadata"]["managedFields"], &self.path)
    }
}

/// Keeps a place, if it will be told.
fn keep(places: &mut Vec<Path>, path: &Path) {
    if places.len() < TOLD {
        places.push(path.clone());
    }
}

/// Whether two lists are the same, element by element: the second may say more
/// of each.
fn same_list(wanted: Option<&Value>, is: Option<&Value>) -> bool {
    let list = |tree: Option<&Value>| tree.and_then(Value::as_array).cloned();
    let (wanted, is) = (
        list(wanted).unwrap_or_default(),
        list(is).unwrap_or_default(),
    );
    let mut pairs = wanted.iter().zip(&is);
    wanted.len() == is.len() && pairs.all(|(wanted, is)| contains(wanted, is))
}

/// The manifests and the live object, as they are at one place: old, new, live.
type Trees<'a> = [Option<&'a Value>; 3];

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
