//! Manifests and live objects as they may be shown: what Secrets hold stands
//! there as digests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::manifest::{MANIFEST_LIMIT, declared, is_comment, source, split, tree};
use crate::helm::{Digest, yaml};

/// An annotation in which kubectl keeps the whole object once more.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The fields of a Secret (`k8s.io/api/core/v1`).
const KNOWN: [&str; 7] = [
    "apiVersion",
    "kind",
    "metadata",
    "type",
    "immutable",
    "data",
    "stringData",
];

/// What makes digests of secret values.
///
/// The same value has the same digest within one output, and no other one tells
/// anything: a digest alone would let a short password be guessed, so each
/// output has a salt of its own, which is never shown.
pub struct Mask([u8; 32]);

impl Mask {
    /// With that salt, which must be random.
    pub fn new(salt: [u8; 32]) -> Self {
        Self(salt)
    }

    /// `sha256:` and twelve digits.
    pub fn digest(&self, value: &[u8]) -> String {
        let salted = [&self.0, value].concat();
        let digest = Digest::of(&salted).to_string();
        digest.chars().take(19).collect()
    }

    /// Puts digests in place of all that the Secrets in an object or list of
    /// objects hold. Returns whether there were any.
    pub fn hide(&self, object: &mut Value) -> bool {
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        let secret = kind == "Secret";
        if secret {
            self.hide_secret(object);
        }
        let items = object.get_mut("items").and_then(Value::as_array_mut);
        let mut found = secret;
        for item in items.into_iter().flatten() {
            // The API server's typed lists leave the kind of their items out.
            if kind == "SecretList" && item["kind"] != "Secret" {
                self.hide_secret(item);
                found = true;
            } else {
                found |= self.hide(item);
            }
        }
        found
    }

    fn hide_secret(&self, secret: &mut Value) {
        for (field, encoded) in [("data", true), ("stringData", false)] {
            match secret.get_mut(field) {
                Some(Value::Object(entries)) => {
                    for value in entries.values_mut() {
                        *value = self.hidden(value, encoded).into();
                    }
                }
                None | Some(Value::Null) => {}
                Some(odd) => *odd = self.hidden(odd, false).into(),
            }
        }
        // A misspelt field holds what was meant for another one.
        for (field, value) in secret.as_object_mut().into_iter().flatten() {
            if !KNOWN.contains(&field.as_str()) && !value.is_null() {
                *value = self.hidden(value, false).into();
            }
        }
        let annotations = secret.pointer_mut("/metadata/annotations");
        if let Some(applied) = annotations.and_then(|all| all.get_mut(LAST_APPLIED)) {
            *applied = self.hidden(applied, false).into();
        }
    }

    fn hidden(&self, value: &Value, encoded: bool) -> String {
        match value {
            Value::String(text) => {
                let plain = STANDARD.decode(text).ok().filter(|_| encoded);
                self.digest(&plain.unwrap_or_else(|| text.clone().into_bytes()))
            }
            other => self.digest(other.to_string().as_bytes()),
        }
    }
}

/// A document of a manifest, as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The object it declares: `Deployment web`; else where it came from.
    pub name: String,
    /// Its text, with a line feed at its end.
    pub text: String,
    /// Whether the text is another one than the manifest's.
    pub hidden: bool,
}

/// The documents of a manifest, in its order. One that cannot be read could be a
/// Secret, and is told by its size and digest.
pub fn documents(manifest: &str, mask: &Mask) -> Vec<Shown> {
    if manifest.len() > MANIFEST_LIMIT {
        let name = "a manifest larger than is read".to_owned();
        return vec![unreadable(name, manifest, mask)];
    }
    let shown = split(manifest).enumerate();
    shown
        .map(|(number, document)| show(number, document, mask))
        .collect()
}

/// A manifest as it is stored, but for what its Secrets hold.
pub fn manifest(manifest: &str, mask: &Mask) -> String {
    let documents = documents(manifest, mask);
    if documents.iter().all(|document| !document.hidden) {
        return manifest.to_owned();
    }
    let text = documents.iter().map(|one| format!("---\n{}", one.text));
    text.collect()
}

fn show(number: usize, document: &str, mask: &Mask) -> Shown {
    let (objects, _) = declared(document);
    let origin = source(document);
    let name = match (objects.as_slice(), origin) {
        ([], Some(origin)) => origin.to_owned(),
        ([], None) => format!("document {}", number + 1),
        ([only], _) => only.object.to_string(),
        ([first, rest @ ..], _) => format!("{} and {} more", first.object, rest.len()),
    };
    let plain = || Shown {
        name: name.clone(),
        text: format!("{document}\n"),
        hidden: false,
    };
    if document.lines().all(is_comment) {
        return plain();
    }
    let Some(mut content) = tree(document) else {
        return unreadable(name, document, mask);
    };
    if !mask.hide(&mut content) {
        return plain();
    }
    let origin = origin.map(|origin| format!("# Source: {origin}\n"));
    Shown {
        text: origin.unwrap_or_default() + &yaml::text(&content),
        name,
        hidden: true,
    }
}

fn unreadable(name: String, text: &str, mask: &Mask) -> Shown {
    let (bytes, digest) = (text.len(), mask.digest(text.as_bytes()));
    Shown {
        name,
        text: format!("# cannot be read, and may be a Secret: {bytes} bytes, {digest}\n"),
        hidden: true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MANIFEST: &str = "---\n# Source: web/templates/a.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: web} # as it was\n---\n# Source: web/templates/secret.yaml\napiVersion: v1\nkind: Secret\nmetadata:\n  name: web\ndata:\n  password: aHVudGVyMg== # hunter2\nstringData:\n  same: hunter2\n";

    fn mask(salt: u8) -> Mask {
        Mask::new([salt; 32])
    }

    #[test]
    fn secrets_are_digests_and_all_else_is_as_it_was() {
        let text = manifest(MANIFEST, &mask(1));
        let digest = mask(1).digest(b"hunter2");
        assert_eq!(
            text,
            format!(
                "---\n# Source: web/templates/a.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: web}} # as it was\n---\n# Source: web/templates/secret.yaml\napiVersion: v1\nkind: Secret\nmetadata:\n  name: web\ndata:\n  password: {digest}\nstringData:\n  same: {digest}\n"
            )
        );
        assert_eq!(digest.len(), 19);
        assert_ne!(mask(1).digest(b"x"), mask(2).digest(b"x"));
        let names: Vec<_> = documents(MANIFEST, &mask(1))
            .into_iter()
            .map(|one| one.name)
            .collect();
        assert_eq!(names, ["ConfigMap web", "Secret web"]);
    }

    #[test]
    fn a_manifest_without_secrets_is_its_own_text() {
        let text = "---\nkind: A\n\n\n--- \n# only a comment\n";
        assert_eq!(manifest(text, &mask(1)), text);
    }

    #[test]
    fn nothing_of_a_secret_hides_elsewhere() {
        for text in [
            "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: a}, data: {p: aHVudGVyMg==}}\n",
            "apiVersion: v1\nkind: SecretList\nitems:\n- {metadata: {name: a}, data: {p: aHVudGVyMg==}}\n",
            "kind: Secret\ndata: aHVudGVyMg==\n",
            "kind: Secret\nstringData: {n: 12345678, l: [hunter2]}\n",
            "kind: Secret\nmetadata: {annotations: {kubectl.kubernetes.io/last-applied-configuration: hunter2}}\n",
            "kind: Secret\nstringdata: {p: hunter2}\nother: 12345678\n",
            "kind: ConfigMap\nkind: Secret\ndata: {p: hunter2}\n",
            "kind: Secret\ndata: {p: hunter2",
            "x: &a hunter2\nkind: Secret\nstringData: {p: *a}\nx: 1\n",
        ] {
            let shown = manifest(text, &mask(1));
            for secret in ["hunter2", "aHVudGVyMg==", "12345678"] {
                assert!(!shown.contains(secret), "{shown}");
            }
            assert!(shown.contains("sha256:"), "{shown}");
        }
    }

    #[test]
    fn live_objects_are_hidden_once() {
        let mut list =
            json!({"kind": "SecretList", "items": [{"kind": "Secret", "data": {"a": "eA=="}}]});
        assert!(mask(1).hide(&mut list));
        assert_eq!(list["items"][0]["data"]["a"], mask(1).digest(b"x"));
        assert!(!mask(1).hide(&mut json!({"kind": "ConfigMap", "data": {"a": "x"}})));
        assert!(!mask(1).hide(&mut json!("text")));
    }
}
