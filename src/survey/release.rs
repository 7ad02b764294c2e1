//! What one payload says, as a small value: no manifest text, no values.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::helm::release::{self, ParseError, View};
use crate::helm::{Digest, Status};
use crate::live::{ObjectRef, manifest};

/// How many hooks' manifests are read, each a YAML document that may be made to
/// cost milliseconds. Charts have tens.
const HOOK_LIMIT: usize = 200;

/// How many bytes of a description are kept. Helm puts whole error texts there;
/// the survey holds thousands of them.
const DESCRIPTION_LIMIT: usize = 4096;

/// A decoded payload: what judgements need of it, and digests of its parts.
///
/// The bytes themselves pass through once; about 1 KB stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// The release's name.
    pub name: String,
    /// The release's namespace, which may differ from the storage namespace.
    pub namespace: String,
    /// The revision.
    pub version: i64,
    /// `info.status`.
    pub status: Status,
    /// `info.description`, cut after 4 KiB.
    pub description: String,
    /// `info.last_deployed`: the clock of the machine that ran Helm.
    pub last_deployed: Option<Timestamp>,
    /// `NAME-VERSION` of the chart, as `helm list` shows it.
    pub chart: Option<String>,
    /// Helm 4's `apply_method`; empty in Helm 3 records.
    pub apply_method: String,
    /// Of the manifest's text.
    pub manifest: Digest,
    /// The objects of the manifest, in its order; hooks are not among them.
    pub objects: Vec<ObjectRef>,
    /// Documents of the manifest that name no object, as fragments.
    pub unreadable_documents: Vec<String>,
    /// The hooks.
    pub hooks: Vec<Hook>,
}

impl Release {
    /// Reads a payload's JSON, as Helm reads it, down to what is kept.
    ///
    /// # Errors
    ///
    /// If Helm could not decode it, or would crash on it.
    pub fn read(json: &[u8]) -> Result<Self, ParseError> {
        let view = release::parse(json)?;
        let (declared, unreadable_documents) = manifest::declared(&view.manifest);
        // Collected in place, they would keep the room of what is left out.
        let mut objects = Vec::with_capacity(declared.len());
        objects.extend(declared.into_iter().map(|found| found.object));
        let View { info, chart, .. } = &view;
        let end = info.description.floor_char_boundary(DESCRIPTION_LIMIT);
        Ok(Self {
            name: view.name.to_string(),
            namespace: view.namespace.to_string(),
            version: view.version,
            status: Status::from(&*info.status),
            description: info.description.get(..end).unwrap_or_default().to_owned(),
            last_deployed: info.last_deployed,
            chart: chart
                .as_ref()
                .map(|chart| format!("{}-{}", chart.name, chart.version)),
            apply_method: view.apply_method.to_string(),
            manifest: Digest::of(view.manifest.as_bytes()),
            objects,
            unreadable_documents,
            hooks: view.hooks.iter().enumerate().map(Hook::read).collect(),
        })
    }
}

impl Hook {
    /// The hook's own document names its object best; where it cannot be read,
    /// the record still has its kind and name. Helm stores one document a hook.
    fn read((number, hook): (usize, &release::Hook<'_>)) -> Self {
        let document = manifest::split(&hook.manifest).next();
        let object = document
            .filter(|_| number < HOOK_LIMIT)
            .and_then(|document| manifest::declared(document).0.into_iter().next())
            .map(|found| found.object);
        Self {
            object: object.unwrap_or_else(|| ObjectRef {
                api_version: String::new(),
                kind: hook.kind.to_string(),
                namespace: None,
                name: hook.name.to_string(),
            }),
            events: hook.events.iter().map(ToString::to_string).collect(),
            phase: hook.last_run.phase.to_string(),
            started: hook.last_run.started_at,
        }
    }
}

/// One hook of a release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hook {
    /// The hook's object; without an apiVersion if its manifest cannot be read.
    pub object: ObjectRef,
    /// `pre-upgrade`, `post-install`, ….
    pub events: Vec<String>,
    /// `last_run.phase`: empty, `Unknown`, `Running`, `Succeeded`, `Failed`.
    pub phase: String,
    /// `last_run.started_at`: the clock of the machine that ran Helm.
    #[serde(default)]
    pub started: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_becomes_a_small_value() {
        let json = include_bytes!("../helm/release/helm3.json");
        let release = Release::read(json).unwrap();
        assert_eq!(release.status, Status::PendingUpgrade);
        assert_eq!(release.chart.as_deref(), Some("web-1.2.3"));
        let objects: Vec<_> = release.objects.iter().map(ToString::to_string).collect();
        assert_eq!(objects, ["ConfigMap web", "Deployment other/web"]);
        assert_eq!(release.unreadable_documents, [""; 0]);
        assert_eq!(release.hooks[0].object.api_version, "batch/v1");
        assert_eq!(release.hooks[0].events, ["pre-upgrade", "pre-install"]);
        assert!(!format!("{release:?}").contains("replicas"));
        let text = serde_json::to_string(&release).unwrap();
        assert_eq!(serde_json::from_str::<Release>(&text).unwrap(), release);
    }

    #[test]
    fn a_hook_says_when_it_ran() {
        let json = include_bytes!("../helm/release/helm4.json");
        let hook = Release::read(json).unwrap().hooks.remove(0);
        let started = "2026-03-03T08:29:00Z".parse().ok();
        assert_eq!((hook.phase.as_str(), hook.started), ("Succeeded", started));
    }

    #[test]
    fn unreadable_documents_are_told_and_hooks_fall_back() {
        let json = br#"{"info":{},"manifest":"---\n# Source: a.yaml\nx: 1\n---\napiVersion: v1\nkind: A\nmetadata: {generateName: x}","hooks":[{"name":"n","kind":"Job","manifest":"["}]}"#;
        let release = Release::read(json).unwrap();
        assert_eq!(release.unreadable_documents, ["a.yaml: has no apiVersion"]);
        assert_eq!(release.objects[0].generated(), Some("x"));
        assert_eq!(release.hooks[0].object.to_string(), "Job n");
        assert_eq!((release.chart, release.status), (None, Status::from("")));
    }

    #[test]
    fn hooks_beyond_the_limit_keep_their_kind_and_name() {
        let hook = r#"{"kind":"Job","name":"n","manifest":"apiVersion: v1\nkind: A\nmetadata: {name: x}"},"#;
        let hooks = hook.repeat(HOOK_LIMIT + 1);
        let json = format!(
            r#"{{"info":{{}},"hooks":[{}]}}"#,
            hooks.trim_end_matches(',')
        );
        let release = Release::read(json.as_bytes()).unwrap();
        let object = |number: usize| release.hooks[number].object.to_string();
        assert_eq!(object(HOOK_LIMIT - 1), "A x");
        assert_eq!(object(HOOK_LIMIT), "Job n");
    }

    #[test]
    fn a_description_is_cut_between_characters() {
        let json = format!(r#"{{"info":{{"description":"x{}"}}}}"#, "é".repeat(4_000));
        let release = Release::read(json.as_bytes()).unwrap();
        assert_eq!(release.description.len(), DESCRIPTION_LIMIT - 1);
    }
}
