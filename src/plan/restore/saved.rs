//! What planning a restore needs to know of records: those that are saved, and
//! those that stand where they are to go.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fit::{self, Fit, FitError, Moved};
use crate::helm::{Digest, Status, codec, release};
use crate::live::{ObjectRef, manifest};
use crate::snapshot::SavedRecord;
use crate::survey::{RawRecord, Record, RecordId, stored};

/// A record of a snapshot, and where it is to be put.
#[derive(Clone, Debug)]
pub struct Saved {
    /// Where it is to be put.
    pub object: RecordId,
    /// How it is made to fit there.
    pub fit: Fit,
    /// The release it belongs to.
    pub release: String,
    /// The revision, if anything says it.
    pub revision: Option<u32>,
    /// What its label says.
    pub status: Option<Status>,
    /// What must be the same for another record to be the same.
    pub content: Digest,
    /// The uid and resourceVersion it was saved with.
    pub version: (String, String),
    /// Whether owners are left out.
    pub owners: bool,
    /// Whether finalizers are left out.
    pub finalizers: bool,
    /// Whether Helm can go on from it, if it is deployed or failed: its payload decodes, and
    /// names the record's own namespace, else only who wrote it finds both.
    pub sound: bool,
    /// What moving it changes.
    pub moved: Option<Moved>,
    /// The objects that its manifest and hooks declare, if it moves.
    pub objects: Vec<ObjectRef>,
}

impl Saved {
    /// What is to become of a saved record: whether it goes into another
    /// namespace, and whether into another cluster.
    ///
    /// # Errors
    ///
    /// If it does not fit there; with the release it belongs to.
    pub fn read(
        saved: &SavedRecord,
        raw: RawRecord,
        to_namespace: Option<&str>,
        other_cluster: bool,
    ) -> Result<Self, (String, FitError)> {
        let seen = Record {
            id: saved.id.clone(),
            ..stored::from_metadata(&raw.object["metadata"], saved.id.driver)
        };
        let release = seen.release_name().unwrap_or_else(|| saved.id.name.clone());
        let object = RecordId {
            namespace: to_namespace.unwrap_or(&saved.id.namespace).to_owned(),
            ..saved.id.clone()
        };
        let fit = Fit {
            record: saved.id.clone(),
            elsewhere: other_cluster || object.namespace != saved.id.namespace,
        };
        let fitted = match fit::fit(raw, &fit, &object) {
            Ok(fitted) => fitted,
            Err(error) => return Err((release, error)),
        };
        let status = seen.label("status").map(Status::from);
        Ok(Self {
            revision: seen.revision(),
            sound: matches!(status, Some(Status::Deployed | Status::Failed))
                && sound(&fitted.record),
            status,
            content: content(&fitted.record),
            version: (saved.uid.clone(), saved.resource_version.clone()),
            owners: fitted.owners,
            finalizers: fitted.finalizers,
            objects: match fitted.moved {
                Some(_) => objects(&fitted.record),
                None => Vec::new(),
            },
            moved: fitted.moved,
            object,
            release,
            fit,
        })
    }
}

/// A record that stands where a saved one is to be put.
#[derive(Clone, Debug)]
pub struct Standing {
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// Of the payload's text.
    pub text: Digest,
    /// What must be the same for it to be the same.
    pub content: Digest,
    /// Whether it is being deleted.
    pub deleting: bool,
}

impl Standing {
    /// What is needed of a record that was read whole.
    pub fn read(raw: &RawRecord) -> Self {
        Self {
            uid: raw.uid().to_owned(),
            resource_version: raw.resource_version().to_owned(),
            text: raw.digest(),
            content: content(raw),
            deleting: !raw.object["metadata"]["deletionTimestamp"].is_null(),
        }
    }
}

/// What two records must have in common to be the same: type and labels, what the
/// payload decodes to, else its text, and all other data. How it was compressed
/// does not matter, nor what is no part of a release: annotations, and `immutable`,
/// which may be our own fence.
fn content(raw: &RawRecord) -> Digest {
    fn sorted(fields: &Value) -> BTreeMap<&String, &Value> {
        fields.as_object().into_iter().flatten().collect()
    }
    let object = &raw.object;
    let labels = sorted(&object["metadata"]["labels"]);
    let (data, binary) = (sorted(&object["data"]), sorted(&object["binaryData"]));
    let text = raw.payload.as_deref().unwrap_or_default();
    let payload = match codec::decode(text, codec::PLAIN_LIMIT) {
        Ok(plain) => Digest::of(&plain.json),
        Err(_) => raw.digest(),
    };
    let kind = &object["type"];
    Digest::of(format!("{kind:?} {labels:?} {payload} {data:?} {binary:?}").as_bytes())
}

/// Whether the payload decodes, and names no other namespace than the record's.
fn sound(raw: &RawRecord) -> bool {
    let text = raw.payload.as_deref().unwrap_or_default();
    let plain = codec::decode(text, codec::PLAIN_LIMIT);
    plain.is_ok_and(|plain| {
        let own = |named: &str| named.is_empty() || named == raw.id.namespace;
        release::parse(&plain.json).is_ok_and(|view| own(&view.namespace))
    })
}

/// What a record's manifest and hooks declare; nothing where they cannot be
/// read.
fn objects(raw: &RawRecord) -> Vec<ObjectRef> {
    let text = raw.payload.as_deref().unwrap_or_default();
    let Ok(plain) = codec::decode(text, codec::PLAIN_LIMIT) else {
        return Vec::new();
    };
    let Ok(view) = release::parse(&plain.json) else {
        return Vec::new();
    };
    let hooks = view.hooks.iter().map(|hook| &hook.manifest);
    let manifests = std::iter::once(&view.manifest).chain(hooks);
    let declared = manifests.flat_map(|text| manifest::declared(text).0);
    declared.map(|declared| declared.object).collect()
}
