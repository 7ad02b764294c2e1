//! Places within an object: how lists are keyed, and who owns a field.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde_json::{Map, Value, json};

use super::read::RELEASE_NAME;
use super::scalar::absent;

/// One step into an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Segment {
    /// A member.
    Field(String),
    /// The element of a list with these members.
    Key(BTreeMap<String, Value>),
}

/// A place within an object, from its root.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Path(Vec<Segment>);

/// Below these stand quantities.
const QUANTITIES: [&str; 12] = [
    "limits",
    "requests",
    "capacity",
    "hard",
    "max",
    "min",
    "default",
    "defaultRequest",
    "sizeLimit",
    "averageValue",
    "overhead",
    "storage",
];

/// What the API server gives every object.
const SERVERS_OWN: [&str; 9] = [
    "name",
    "namespace",
    "generateName",
    "creationTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

impl Path {
    pub(super) fn push(&mut self, segment: Segment) {
        self.0.push(segment);
    }

    pub(super) fn pop(&mut self) {
        self.0.pop();
    }

    /// The name of the member that this place is in or at.
    pub(super) fn last(&self) -> &str {
        self.0.iter().rev().find_map(field).unwrap_or_default()
    }

    /// Whether that member is no manifest's to state: identity, status, and
    /// what the API server keeps.
    pub(super) fn is_anybodys(&self, member: &str) -> bool {
        match &self.0[..] {
            [] => matches!(member, "apiVersion" | "kind" | "status"),
            [Segment::Field(metadata)] if metadata == "metadata" => SERVERS_OWN.contains(&member),
            _ => false,
        }
    }

    pub(super) fn is_quantity(&self) -> bool {
        let mut fields = self.0.iter().filter_map(field);
        fields.any(|field| QUANTITIES.contains(&field))
    }
}

fn field(segment: &Segment) -> Option<&str> {
    match segment {
        Segment::Field(name) => Some(name),
        Segment::Key(_) => None,
    }
}

/// As people write it: `spec.containers[web].ports[80/TCP].name`. Names come
/// from the cluster: each is cut after 80 characters.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Field(name) => {
                    let dot = if number == 0 { "" } else { "." };
                    write!(f, "{dot}{}", short(name))?;
                }
                Segment::Key(key) => {
                    let text = |value: &Value| match value {
                        Value::String(text) => short(text),
                        other => short(&other.to_string()),
                    };
                    let parts: Vec<_> = key.values().map(text).collect();
                    write!(f, "[{}]", parts.join("/"))?;
                }
            }
        }
        Ok(())
    }
}

fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

/// The members of both, each once.
pub(super) fn union<'a>(
    a: Option<&'a Map<String, Value>>,
    b: Option<&'a Map<String, Value>>,
) -> Vec<&'a String> {
    let first = a.into_iter().flat_map(Map::keys);
    let known = |key: &&String| a.is_none_or(|a| !a.contains_key(*key));
    let more = b.into_iter().flat_map(Map::keys).filter(known);
    first.chain(more).collect()
}

/// An element of a keyed list, as each of the lists has it.
pub(super) struct Element<'a, const N: usize> {
    pub(super) key: BTreeMap<String, Value>,
    pub(super) values: [Option<&'a Value>; N],
}

/// The elements of these lists by their keys, if that list has keys and every
/// element of each has another one.
pub(super) fn elements<'a, const N: usize>(
    list: &str,
    trees: [Option<&'a Value>; N],
) -> Option<Vec<Element<'a, N>>> {
    let lists = trees.map(|tree| tree.and_then(Value::as_array));
    let all = lists.iter().flatten().flat_map(|list| list.iter());
    let keys = keys_of(list, all.clone().next()?);
    let mut found: Vec<Element<'a, N>> = Vec::new();
    // Lists come from charts and clusters, and may be of any length.
    let mut places: HashMap<BTreeMap<String, Value>, usize> = HashMap::new();
    for (number, list) in lists.iter().enumerate() {
        for value in list.iter().flat_map(|list| list.iter()) {
            let key = key(value, keys)?;
            let at = *places.entry(key).or_insert_with_key(|key| {
                let (key, values) = (key.clone(), [None; N]);
                found.push(Element { key, values });
                found.len() - 1
            });
            if found[at].values[number].replace(value).is_some() {
                return None;
            }
        }
    }
    Some(found)
}

/// By which members the elements of a list are told apart: the patch merge keys
/// of the built-in kinds (`k8s.io/api/core/v1`), else by name.
fn keys_of(list: &str, element: &Value) -> &'static [&'static str] {
    match list {
        "volumeMounts" => &["mountPath"],
        "volumeDevices" => &["devicePath"],
        "ports" if element["containerPort"].is_number() => &["containerPort", "protocol"],
        "ports" => &["port", "protocol"],
        "hostAliases" => &["ip"],
        "ownerReferences" => &["uid"],
        "topologySpreadConstraints" => &["topologyKey", "whenUnsatisfiable"],
        _ => &["name"],
    }
}

fn key(value: &Value, keys: &[&str]) -> Option<BTreeMap<String, Value>> {
    let member = |name: &&str| {
        let value = match (&value[*name], *name) {
            (value, "protocol") if absent(Some(value)) => json!("TCP"),
            (Value::String(_) | Value::Number(_), _) => value[*name].clone(),
            _ => return None,
        };
        Some(((*name).to_owned(), value))
    };
    keys.iter().map(member).collect()
}

/// The field managers that own that place by `metadata.managedFields`, in its
/// order, each once; a manager that only wrote through a subresource with it
/// behind: `kube-controller-manager (scale)`.
pub(super) fn writers(managed_fields: &Value, path: &Path) -> Vec<String> {
    let mut writers = Vec::new();
    for entry in managed_fields.as_array().into_iter().flatten() {
        let Some(manager) = entry["manager"].as_str() else {
            continue;
        };
        let name = match entry["subresource"].as_str() {
            None | Some("") => short(manager),
            Some(subresource) => format!("{} ({})", short(manager), short(subresource)),
        };
        if owns(&entry["fieldsV1"], &path.0) && !writers.contains(&name) {
            writers.push(name);
        }
    }
    writers
}

/// Whether that place is by now another manager's than Helm's: Helm marks what
/// it writes, which tells whom to take for it, whatever it calls itself. What
/// the API server fills in belongs to whoever wrote the object.
pub(super) fn is_anothers(managed_fields: &Value, path: &Path) -> bool {
    let mark = ["metadata", "annotations", RELEASE_NAME];
    let mark = mark.map(|name| Segment::Field(name.to_owned()));
    let entries = managed_fields.as_array().into_iter().flatten();
    let (helm, others): (Vec<&Value>, Vec<&Value>) = entries
        .map(|entry| &entry["fieldsV1"])
        .partition(|fields| owns(fields, &mark));
    let own = |managers: &[&Value]| managers.iter().any(|fields| owns(fields, &path.0));
    !helm.is_empty() && !own(&helm) && own(&others)
}

/// Whether a set of fields (`FieldsV1`) has that place: as a whole, or in it.
fn owns(fields: &Value, path: &[Segment]) -> bool {
    let Some(members) = fields.as_object() else {
        return false;
    };
    let Some((segment, rest)) = path.split_first() else {
        return true;
    };
    let inner = match segment {
        Segment::Field(name) => members.get(&format!("f:{name}")),
        Segment::Key(key) => {
            let same = |(name, _): &(&String, &Value)| {
                let known = name.strip_prefix("k:").map(serde_json::from_str);
                matches!(known, Some(Ok(known)) if same_key(&known, key))
            };
            members.iter().find(same).map(|(_, inner)| inner)
        }
    };
    match inner {
        // Nothing is told below: it is owned as a whole.
        Some(inner) if inner.as_object().is_some_and(Map::is_empty) => true,
        Some(inner) => owns(inner, rest),
        None => false,
    }
}

fn same_key(known: &Map<String, Value>, key: &BTreeMap<String, Value>) -> bool {
    key.iter()
        .all(|(name, value)| known.get(name) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(segments: &[Value]) -> Path {
        let segment = |segment: &Value| match segment {
            Value::String(name) => Segment::Field(name.clone()),
            key => Segment::Key(serde_json::from_value(key.clone()).unwrap()),
        };
        Path(segments.iter().map(segment).collect())
    }

    #[test]
    fn places_as_people_write_them() {
        let path = path(&[
            json!("spec"),
            json!("ports"),
            json!({"port": 80, "protocol": "TCP"}),
            json!("name"),
        ]);
        assert_eq!(path.to_string(), "spec.ports[80/TCP].name");
        assert_eq!(path.last(), "name");
        assert_eq!(Path::default().to_string(), "");
    }

    #[test]
    fn lists_are_keyed_where_each_element_has_a_key_of_its_own() {
        let list = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let keyed = |name, a: &Value, b: &Value| {
            let elements = elements(name, [Some(a), Some(b)])?;
            let both = |one: &Element<'_, 2>| one.values.iter().flatten().count();
            Some(elements.iter().map(both).collect::<Vec<_>>())
        };
        let (a, b) = (
            list(r#"[{"name":"a"},{"name":"b"}]"#),
            list(r#"[{"name":"b"}]"#),
        );
        assert_eq!(keyed("containers", &a, &b), Some(vec![1, 2]));
        assert_eq!(
            keyed("containers", &list(r#"[{"name":"a"},{"name":"a"}]"#), &b),
            None
        );
        assert_eq!(keyed("args", &list(r#"["a"]"#), &list(r#"["a"]"#)), None);
        assert_eq!(keyed("rules", &list(r#"[{"verbs":[]}]"#), &b), None);
        let (a, b) = (
            list(r#"[{"containerPort":80}]"#),
            list(r#"[{"containerPort":80,"protocol":"TCP"}]"#),
        );
        assert_eq!(keyed("ports", &a, &b), Some(vec![2]));
        let stated = list(r#"[{"containerPort":80,"protocol":""}]"#);
        assert_eq!(keyed("ports", &stated, &b), Some(vec![2]));
        assert_eq!(keyed("ports", &list("[]"), &list("[]")), None);
    }

    #[test]
    fn owners_of_a_place() {
        let managed = json!([
            {"manager": "helm", "fieldsV1": {"f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": {
                "k:{\"name\":\"web\"}": {".": {}, "f:image": {}, "f:args": {}}}}}}}},
            {"manager": "hpa", "subresource": "scale", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
            {"fieldsV1": {"f:spec": {"f:replicas": {}}}},
            {"manager": "broken", "fieldsV1": 7},
        ]);
        let of = |segments: &[Value]| writers(&managed, &path(segments));
        assert_eq!(
            of(&[json!("spec"), json!("replicas")]),
            ["helm", "hpa (scale)"]
        );
        let container = [
            json!("spec"),
            json!("template"),
            json!("spec"),
            json!("containers"),
            json!({"name": "web"}),
        ];
        assert_eq!(of(&[&container[..], &[json!("image")]].concat()), ["helm"]);
        assert_eq!(of(&[&container[..], &[json!("env")]].concat()), [""; 0]);
        // A list that is owned as a whole.
        let arg = [&container[..], &[json!("args"), json!("0")]].concat();
        assert_eq!(of(&arg), ["helm"]);
        assert_eq!(of(&[json!("data")]), [""; 0]);
    }
}
