//! What a manifest states of its objects, as trees of values.
//!
//! Only for the moment of a comparison: values of Secrets are among them, so
//! nothing of this room has `Debug` or is kept.

use serde_json::Value;

use super::Declared;
use super::manifest::{self, declared, split};

/// One object and all that its document says of it. It has no `Debug`: the
/// content may hold Secrets.
pub struct Stated {
    /// Its identity.
    pub declared: Declared,
    /// Its document.
    pub content: Value,
}

/// The objects of a manifest with their content, in its order, and how many of
/// its documents could not be read.
pub fn stated(text: &str) -> (Vec<Stated>, usize) {
    let (mut objects, mut unreadable) = (Vec::new(), 0);
    if text.len() > manifest::MANIFEST_LIMIT {
        return (objects, 1);
    }
    for document in split(text) {
        let (found, fragments) = declared(document);
        unreadable += fragments.len();
        if found.is_empty() {
            continue;
        }
        let Some(mut content) = manifest::tree(document) else {
            unreadable += found.len();
            continue;
        };
        for one in found {
            match take(&mut content, &one) {
                Some(content) => objects.push(Stated {
                    declared: one,
                    content,
                }),
                None => unreadable += 1,
            }
            if objects.len() > manifest::OBJECT_LIMIT {
                return (objects, unreadable + 1);
            }
        }
    }
    (objects, unreadable)
}

/// The document itself, or the element of a list that bears that name.
fn take(document: &mut Value, declared: &Declared) -> Option<Value> {
    let Some(items) = document.get_mut("items").and_then(Value::as_array_mut) else {
        return Some(document.take());
    };
    let own = |item: &&mut Value| {
        let metadata = &item["metadata"];
        let kind = item["kind"].as_str();
        metadata["name"].as_str() == Some(&declared.object.name)
            && metadata["namespace"].as_str() == declared.object.namespace.as_deref()
            && kind.is_none_or(|kind| kind == declared.object.kind)
    };
    items.iter_mut().find(own).map(Value::take)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(manifest: &str) -> Vec<(String, Value)> {
        let (objects, unreadable) = stated(manifest);
        assert_eq!(unreadable, 0);
        let pair = |one: Stated| (one.declared.object.to_string(), one.content);
        objects.into_iter().map(pair).collect()
    }

    #[test]
    fn documents_and_elements_of_lists() {
        let found = contents(
            "---\n# Source: a\napiVersion: v1\nkind: A\nmetadata: {name: x}\ndata: {a: \"1\", b: 0644}\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: B, metadata: {name: yy}, z: 1}\n- {apiVersion: v1, kind: B, metadata: {name: yy, namespace: nn}, z: 2}\n",
        );
        let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["A x", "B yy", "B nn/yy"]);
        assert_eq!(found[0].1["data"], serde_json::json!({"a": "1", "b": 420}));
        assert_eq!((&found[1].1["z"], &found[2].1["z"]), (&1.into(), &2.into()));
    }

    /// As sigs.k8s.io/yaml reads it, which Helm and kubectl use.
    #[test]
    fn values_are_those_of_yaml_1_1() {
        let found = contents(
            "apiVersion: v1\nkind: A\nmetadata: {name: x}\na: [yes, on, \"on\", ~, 1.5, 1e3, 0x10, 0o17, 1_000, 12:30, 2001-01-01]\n",
        );
        let (time, date) = ("12:30", "2001-01-01");
        let expected = serde_json::json!([
            true, true, "on", null, 1.5, 1000.0, 16, 15, 1000, time, date
        ]);
        assert_eq!(found[0].1["a"], expected);
    }

    #[test]
    fn what_cannot_be_read_is_counted() {
        let (objects, unreadable) =
            stated("a: [\n---\nkind: A\n---\napiVersion: v1\nkind: A\nmetadata: {name: x}\n");
        assert_eq!((objects.len(), unreadable), (1, 2));
    }
}
