//! The live objects that a snapshot holds, of the releases that are meant, and
//! the same objects elsewhere.

use serde_json::Value;

use super::super::settings::Settings;
use super::sides::Side;
use crate::cluster::Cluster;
use crate::helm::yaml;
use crate::live::ObjectRef;
use crate::live::masked::Mask;
use crate::snapshot::Snapshot;
use crate::snapshot::diff::Text;
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

/// Live objects of one side, as they may be shown, and what of them could not be
/// read.
#[derive(Default)]
pub(super) struct Shown {
    pub(super) texts: Vec<Text>,
    pub(super) unread: Vec<Unread>,
    objects: Vec<ObjectRef>,
}

impl Shown {
    fn add(&mut self, object: &ObjectRef, mut content: Value, mask: &Mask) {
        mask.hide(&mut content);
        self.texts.push((object.to_string(), yaml::text(&content)));
        self.objects.push(object.clone());
    }
}

/// The live objects of both sides; none where a snapshot holds none. Of the
/// cluster those are read that the snapshot holds.
pub(super) async fn both(
    settings: &Settings,
    sides: [&Side; 2],
    names: &[String],
    mask: &Mask,
) -> Option<[Shown; 2]> {
    let saved = |side: &Side| match side {
        Side::Saved(saved) if !saved.1.objects.is_empty() => {
            Some(shown(settings, saved, names, mask))
        }
        _ => None,
    };
    let mut both = match sides {
        [Side::Now(cluster, _), after] => {
            let after = saved(after)?;
            [now(cluster, &after.objects, mask).await, after]
        }
        [before, Side::Now(cluster, _)] => {
            let before = saved(before)?;
            let after = now(cluster, &before.objects, mask).await;
            [before, after]
        }
        [before, after] => [saved(before)?, saved(after)?],
    };
    // What one side could not read is neither added nor removed.
    let unread = both.iter().flat_map(|side| &side.unread);
    let unread: Vec<_> = unread.map(|unread| unread.what.clone()).collect();
    for side in &mut both {
        side.texts.retain(|(name, _)| !unread.contains(name));
    }
    Some(both)
}

fn shown(
    settings: &Settings,
    (store, snapshot): &(Store, Snapshot),
    names: &[String],
    mask: &Mask,
) -> Shown {
    let mut shown = Shown::default();
    for object in of(settings, store, snapshot, names) {
        match object {
            Ok((object, content)) => shown.add(object, content, mask),
            Err(lost) => shown.unread.push(lost),
        }
    }
    shown
}

async fn now(cluster: &Cluster, objects: &[ObjectRef], mask: &Mask) -> Shown {
    let mut shown = Shown::default();
    let asked = objects.iter().map(|object| {
        let namespace = object.namespace.clone().unwrap_or_default();
        (namespace, object.clone())
    });
    let asked = asked.collect();
    let read = cluster.read_whole(&asked, |(object, read)| match read {
        Ok(Some(content)) => shown.add(&object, content, mask),
        Ok(None) => {}
        Err(reason) => shown.unread.push(Unread {
            what: object.to_string(),
            reason,
        }),
    });
    read.await;
    shown.texts.sort();
    shown
}
