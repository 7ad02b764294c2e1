//! What the API server would make of a manifest: server-side apply, as a dry
//! run.
//!
//! It is exact for objects that Helm applied on the server. Of others the
//! fields still belong to Helm's client-side writes, and an apply would leave
//! what the manifest no longer has (the fields were never migrated). Nothing is
//! written: who asks needs `patch` all the same, and who lacks it does without.

use http::Method;
use serde_json::Value;

use super::Cluster;
use super::error::ApiError;
use super::request::APPLY;
use super::url::Url;

/// What Helm adds to each document before it applies it (helm v4
/// `pkg/action/validate.go`, `setMetadataVisitor`).
const MARKS: [(&str, &str); 3] = [
    ("labels", "app.kubernetes.io/managed-by"),
    ("annotations", "meta.helm.sh/release-name"),
    ("annotations", "meta.helm.sh/release-namespace"),
];

/// What changes with every write, or is not the manifest's to say.
const NOT_COMPARED: [&str; 3] = ["managedFields", "resourceVersion", "generation"];

impl Cluster {
    /// Whether applying that document, as Helm does, would leave the live
    /// object as it is; `None` where a dry run would not be exact.
    ///
    /// # Errors
    ///
    /// Of the request: no permission, a webhook that refuses dry runs, ….
    pub(super) async fn is_applied(
        &self,
        url: &Url,
        document: &Value,
        live: &Value,
    ) -> Result<Option<bool>, ApiError> {
        let Some(manager) = applier(live) else {
            return Ok(None);
        };
        let url = url
            .clone()
            .with("dryRun", "All")
            .with("fieldManager", manager)
            // A conflict is a difference, which is what is asked for.
            .with("force", "true");
        let document = marked(document, live);
        let would = self.write_as(&Method::PATCH, &url, APPLY, &document);
        Ok(Some(compared(would.await?) == compared(live.clone())))
    }
}

/// The field manager under which a Helm applied the object on the server: the
/// one that owns Helm's annotation so, and no fields in another way. Helm calls
/// itself `helm`, what embeds it is free to choose.
fn applier(live: &Value) -> Option<&str> {
    let entries = live["metadata"]["managedFields"].as_array()?;
    let mut own = entries
        .iter()
        .filter(|entry| entry["subresource"].as_str().unwrap_or_default().is_empty());
    let annotation = "f:meta.helm.sh/release-name";
    let applies = |entry: &&&Value| {
        let annotations = &entry["fieldsV1"]["f:metadata"]["f:annotations"];
        entry["operation"] == "Apply" && !annotations[annotation].is_null()
    };
    let manager = own.clone().find(|entry| applies(&entry))?["manager"].as_str()?;
    let otherwise = |entry: &Value| entry["manager"] == manager && entry["operation"] != "Apply";
    (!own.any(otherwise)).then_some(manager)
}

/// The document as Helm sends it: with its marks, which the live object bears.
fn marked(document: &Value, live: &Value) -> Value {
    let mut document = document.clone();
    for (field, key) in MARKS {
        let mark = &live["metadata"][field][key];
        let members = &mut document["metadata"][field];
        if mark.is_string() && (members.is_object() || members.is_null()) {
            members[key] = mark.clone();
        }
    }
    document
}

fn compared(mut object: Value) -> Value {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.retain(|field, _| !NOT_COMPARED.contains(&field.as_str()));
    }
    object
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn live(entries: &[(&str, &str, Option<&str>)]) -> Value {
        let entry = |(manager, operation, subresource): &(&str, &str, Option<&str>)| {
            let annotations = json!({"f:meta.helm.sh/release-name": {}});
            let fields = json!({"f:metadata": {"f:annotations": annotations}});
            let mut entry = json!({"manager": manager, "operation": operation, "fieldsV1": fields});
            if let Some(subresource) = subresource {
                entry["subresource"] = json!(subresource);
            }
            entry
        };
        json!({"metadata": {"managedFields": entries.iter().map(entry).collect::<Vec<_>>()}})
    }

    #[test]
    fn only_what_helm_applied_on_the_server_is_exact() {
        let applier = |entries: &[_]| applier(&live(entries)).map(str::to_owned);
        let helm = Some("helm".to_owned());
        let apply = ("helm", "Apply", None);
        assert_eq!(applier(&[("kubectl", "Update", None), apply]), helm);
        assert_eq!(applier(&[apply, ("helm", "Update", Some("status"))]), helm);
        assert_eq!(applier(&[("helm", "Update", None)]), None);
        assert_eq!(applier(&[apply, ("helm", "Update", None)]), None);
        assert_eq!(applier(&[]), None);
        let other = json!({"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:data": {}}});
        assert_eq!(
            super::applier(&json!({"metadata": {"managedFields": [other]}})),
            None
        );
    }

    #[test]
    fn a_document_is_sent_with_the_marks_of_the_live_object() {
        let live = json!({"metadata": {
            "labels": {"app.kubernetes.io/managed-by": "Helm", "other": "x"},
            "annotations": {"meta.helm.sh/release-name": "web"},
        }});
        let marked = marked(
            &json!({"metadata": {"name": "n", "labels": {"a": "b"}}}),
            &live,
        );
        let expected = json!({"metadata": {
            "name": "n",
            "labels": {"a": "b", "app.kubernetes.io/managed-by": "Helm"},
            "annotations": {"meta.helm.sh/release-name": "web"},
        }});
        assert_eq!(marked, expected);
    }

    #[test]
    fn bookkeeping_is_no_difference() {
        let object = |version: &str, value: &str| json!({"metadata": {"resourceVersion": version, "managedFields": []}, "data": {"a": value}});
        assert_eq!(compared(object("1", "x")), compared(object("2", "x")));
        assert_ne!(compared(object("1", "x")), compared(object("1", "y")));
    }
}
