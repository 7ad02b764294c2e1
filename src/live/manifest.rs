//! The objects that a manifest declares.
//!
//! A record's manifest is a stream of YAML documents, split where Helm splits
//! it. Of each only its identity is read: manifests name objects for us, what
//! they say of them is compared by the API server.

use serde::{Deserialize, Deserializer};
use serde_saphyr::Options;
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};

use super::outline::outline;
use crate::live::{GENERATED, ObjectRef};

/// How many documents of a manifest, and objects of its lists, are read.
pub const OBJECT_LIMIT: usize = 10_000;

/// How many bytes of manifest are read. The largest real ones have a few
/// million.
pub const MANIFEST_LIMIT: usize = 32 << 20;

/// How many unreadable documents are told one by one.
const FRAGMENT_LIMIT: usize = 100;

/// How many bytes of a template's path are repeated in a fragment.
const SOURCE_LIMIT: usize = 200;

/// One object that a manifest declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Its identity.
    pub object: ObjectRef,
    /// Whether it has a `generateName` and no name: each apply makes another
    /// object, and none can be found by this identity.
    pub generated: bool,
    /// The annotation `helm.sh/resource-policy`. Helm spares the object for
    /// `keep`, as it is spelled here, and for nothing else when upgrading.
    pub policy: Option<String>,
}

/// The documents of a manifest, as Helm's `SplitManifests` finds them: at each
/// line that begins with `---` (`(?m)^---[ \t]*`, helm v4
/// `pkg/release/v1/util/manifest.go`), white space around them trimmed, empty
/// ones left out.
pub fn split(manifest: &str) -> impl Iterator<Item = &str> {
    let line_start = |at: usize| at == 0 || manifest.as_bytes()[at - 1] == b'\n';
    let mut separators = manifest
        .match_indices("---")
        .filter(move |(at, _)| line_start(*at));
    let mut from = Some(0);
    std::iter::from_fn(move || {
        let start = from?;
        let end = separators.next().map(|(at, _)| at);
        from = end.map(|at| at + 3);
        manifest.get(start..end.unwrap_or(manifest.len()))
    })
    .map(str::trim)
    .filter(|document| !document.is_empty())
}

/// The objects that a manifest declares, in its order, and what could not be
/// read, as fragments: `web/templates/a.yaml: names no kind`.
///
/// Documents of comments alone are passed over, lists are taken apart as
/// kubectl's builder does, which Helm uses. Fragments repeat no values.
pub fn declared(manifest: &str) -> (Vec<Declared>, Vec<String>) {
    let mut found = Found::default();
    if manifest.len() > MANIFEST_LIMIT {
        found.note(format!("the manifest has more than {MANIFEST_LIMIT} bytes"));
        return found.finish();
    }
    for (number, text) in split(manifest).enumerate() {
        if number == OBJECT_LIMIT || found.objects.len() == OBJECT_LIMIT {
            found.note(format!("only {OBJECT_LIMIT} objects were read"));
            break;
        }
        if !text.lines().all(is_comment) {
            let place =
                source(text).map_or_else(|| format!("document {}", number + 1), str::to_owned);
            found.read(text, &place);
        }
    }
    found.finish()
}

pub(super) fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

/// The template a document came from, which Helm writes above it.
pub(super) fn source(document: &str) -> Option<&str> {
    let mut comments = document.lines().take_while(|line| is_comment(line));
    let path = comments.find_map(|line| line.strip_prefix("# Source: "))?;
    path.get(..path.floor_char_boundary(SOURCE_LIMIT))
}

#[derive(Default)]
struct Found {
    objects: Vec<Declared>,
    fragments: Vec<String>,
    untold: usize,
    /// How many documents may have had aliases so far.
    aliased: usize,
}

impl Found {
    fn note(&mut self, fragment: String) {
        if self.fragments.len() < FRAGMENT_LIMIT {
            self.fragments.push(fragment);
        } else {
            self.untold += 1;
        }
    }

    fn finish(mut self) -> (Vec<Declared>, Vec<String>) {
        if self.untold > 0 {
            self.fragments.push(format!("and {} more", self.untold));
        }
        (self.objects, self.fragments)
    }

    /// Reads one document; `place` says which, should it be no good.
    fn read(&mut self, text: &str, place: &str) {
        let document = match self.parse(text) {
            Ok(Some(document)) => document,
            Ok(None) => return,
            // The error's own text may quote the document.
            Err(error) => {
                let line = error.location().map_or(1, |location| location.line());
                return self.note(format!("{place}: unreadable near line {line}"));
            }
        };
        let Document {
            api_version,
            kind,
            metadata,
            items,
        } = document;
        let Some(items) = items else {
            let item = Item {
                api_version,
                kind,
                metadata,
            };
            return self.declare(item, place);
        };
        let kind = kind.unwrap_or_default();
        let kind = kind.strip_suffix("List").filter(|kind| !kind.is_empty());
        let room = OBJECT_LIMIT - self.objects.len();
        if items.len() > room {
            self.note(format!("{place}: only {room} of its items were read"));
        }
        for (number, mut item) in items.into_iter().take(room).enumerate() {
            // The API server's typed lists leave out what all items have in
            // common; so does kubectl's builder fill it in.
            if item.kind.is_none() && item.api_version.is_none() {
                item.kind = kind.map(str::to_owned);
                item.api_version = api_version.clone();
            }
            self.declare(item, &format!("{place}: item {}", number + 1));
        }
    }

    /// Its outline if that is enough, the whole of it otherwise.
    fn parse(&mut self, text: &str) -> Result<Option<Document>, serde_saphyr::Error> {
        if let Some(document) = outline(text).as_deref().and_then(read) {
            return Ok(Some(document));
        }
        self.aliased += usize::from(text.contains('&') && text.contains('*'));
        let replays = if self.aliased <= 100 { 10_000 } else { 100 };
        serde_saphyr::from_str_with_options(text, options(replays))
    }

    fn declare(&mut self, item: Item, place: &str) {
        let metadata = item.metadata.unwrap_or_default();
        let prefix = metadata.generate_name.filter(|_| metadata.name.is_none());
        let generated = prefix.is_some();
        let missing = match (&item.api_version, &item.kind, &metadata.name) {
            (None, ..) => "apiVersion",
            (_, None, _) => "kind",
            (.., None) if !generated => "metadata.name",
            _ => "",
        };
        if !missing.is_empty() {
            return self.note(format!("{place}: has no {missing}"));
        }
        self.objects.push(Declared {
            object: ObjectRef {
                api_version: item.api_version.unwrap_or_default(),
                kind: item.kind.unwrap_or_default(),
                namespace: metadata.namespace,
                name: match prefix {
                    Some(prefix) => format!("{prefix}{GENERATED}"),
                    None => metadata.name.unwrap_or_default(),
                },
            },
            generated,
            policy: metadata.annotations.and_then(|all| all.policy),
        });
    }
}

/// A document as a tree of values; `None` if it cannot be read, or is none of
/// YAML that JSON can say.
pub(super) fn tree(document: &str) -> Option<serde_json::Value> {
    read(document)
}

/// A document as whatever is made of it; `None` if it cannot be read.
pub(super) fn read<T: serde::de::DeserializeOwned>(document: &str) -> Option<T> {
    serde_saphyr::from_str_with_options(document, options(100)).ok()
}

/// What is read of a document; everything else is stepped over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default, deserialize_with = "text")]
    api_version: Option<String>,
    #[serde(default, deserialize_with = "text")]
    kind: Option<String>,
    metadata: Option<Metadata>,
    items: Option<Vec<Item>>,
}

/// What is read of an element of a list. A list inside a list is not taken
/// apart, which bounds the depth.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    #[serde(default, deserialize_with = "text")]
    api_version: Option<String>,
    #[serde(default, deserialize_with = "text")]
    kind: Option<String>,
    metadata: Option<Metadata>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default, deserialize_with = "text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    generate_name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    namespace: Option<String>,
    annotations: Option<Annotations>,
}

#[derive(Deserialize)]
struct Annotations {
    #[serde(rename = "helm.sh/resource-policy")]
    policy: Option<String>,
}

/// A text, which Kubernetes does not tell from an absent one if it is empty.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()))
}

/// YAML as Kubernetes reads it: YAML 1.1 octals, and of duplicate keys the last
/// one. The limits are above any real document and below what would fill a
/// stack or a minute: the parser calls itself for each level, and an unoptimized
/// build on a thread of 2 MiB dies at 90; aliases multiply, and charts hardly
/// use them.
///
/// What aliases stand for may have `replays` events; since documents are many,
/// all but the first hundred that could have aliases are held short.
fn options(replays: usize) -> Options {
    serde_saphyr::options! {
        legacy_octal_numbers: true,
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        with_snippet: false,
        emit_comments: false,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        budget: serde_saphyr::budget! { max_depth: 64 },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: replays },
    }
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
