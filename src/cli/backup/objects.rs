//! The live objects that a snapshot holds, of the releases that are meant.

use serde_json::Value;

use super::super::settings::Settings;
use crate::live::ObjectRef;
use crate::snapshot::Snapshot;
use crate::store::Store;
use crate::survey::Unread;

/// With which Helm marks an object as a release's.
const RELEASE: &str = "meta.helm.sh/release-name";

/// The objects of a snapshot, each read when it is its turn: those of the
/// namespace that a flag names, and of these releases if there are any. One that
/// cannot be read is told.
pub(super) fn of<'a>(
    settings: &'a Settings,
    store: &'a Store,
    snapshot: &'a Snapshot,
    names: &'a [String],
) -> impl Iterator<Item = Result<(&'a ObjectRef, Value), Unread>> {
    let namespace = settings.global.namespace.as_deref();
    let meant = move |object: &&ObjectRef| match is_namespace(object) {
        true => namespace.is_none_or(|namespace| object.name == namespace),
        false => namespace.is_none() || object.namespace.as_deref() == namespace,
    };
    let objects = snapshot.objects.iter().map(|saved| &saved.object);
    objects.filter(meant).filter_map(
        move |object| match store.live_object(&snapshot.id, object) {
            Ok(content) if is_of(object, &content, names) => Some(Ok((object, content))),
            Ok(_) => None,
            Err(error) => Some(Err(Unread {
                what: object.to_string(),
                reason: error.to_string(),
            })),
        },
    )
}

/// Whether it is a namespace, without which nothing else can be.
pub(super) fn is_namespace(object: &ObjectRef) -> bool {
    object.api_version == "v1" && object.kind == "Namespace"
}

fn is_of(object: &ObjectRef, content: &Value, names: &[String]) -> bool {
    let release = content["metadata"]["annotations"][RELEASE].as_str();
    names.is_empty()
        || is_namespace(object)
        || release.is_some_and(|release| names.iter().any(|name| name == release))
}
