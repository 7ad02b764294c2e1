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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn objects(manifest: &str) -> Vec<String> {
        let (objects, fragments) = declared(manifest);
        assert_eq!(fragments, [""; 0]);
        objects
            .iter()
            .map(|found| found.object.to_string())
            .collect()
    }

    fn fragments(manifest: &str) -> Vec<String> {
        declared(manifest).1
    }

    #[test]
    fn documents_are_split_where_helm_splits() {
        let parts = |text| split(text).collect::<Vec<_>>();
        assert_eq!(
            parts("---\n# Source: a\na: 1\n--- \t\nb: |\n  ---\n---c: 1\n---\n\n---"),
            ["# Source: a\na: 1", "b: |\n  ---", "c: 1"]
        );
        assert_eq!(parts("a: 1\r\n---\r\nb: 1\r\n"), ["a: 1", "b: 1"]);
        assert_eq!(parts("a: ---\n -- -\n"), ["a: ---\n -- -"]);
        assert_eq!(parts("------\nx"), ["---\nx"]);
        assert!(parts("").is_empty() && parts("---\n---").is_empty());
    }

    #[test]
    fn identities_are_read() {
        let (objects, fragments) = declared(
            "---\n# Source: web/templates/a.yaml\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: shop\n  annotations:\n    x: 1\n    helm.sh/resource-policy: keep\nspec: {defaultMode: 0644, a: 08, b: !x y, c: .nan, 1: 2, ? [x] : y}\n---\napiVersion: batch/v1\nkind: Job\nmetadata: {generateName: web-, namespace: ''}\n---\n# nothing\n\n  # here\n---\nnull\n",
        );
        assert_eq!(fragments, [""; 0]);
        assert_eq!(objects.len(), 2);
        assert_eq!(objects[0].object.api_version, "apps/v1");
        assert_eq!(objects[0].object.to_string(), "Deployment shop/web");
        assert_eq!(
            (objects[0].policy.as_deref(), objects[0].generated),
            (Some("keep"), false)
        );
        assert_eq!(objects[1].object.namespace, None);
        assert_eq!(
            (objects[1].object.name.as_str(), objects[1].generated),
            ("web-*", true)
        );
    }

    #[test]
    fn names_stay_as_they_are_spelled() {
        let named = |name| {
            objects(&format!(
                "apiVersion: v1\nkind: A\nmetadata:\n  name: {name}\n"
            ))
        };
        assert_eq!(named("0644"), ["A 0644"]);
        assert_eq!(named("\"no\""), ["A no"]);
        assert_eq!(named("1e3"), ["A 1e3"]);
    }

    #[test]
    fn json_and_duplicate_keys_are_read() {
        assert_eq!(
            objects(r#"{"apiVersion":"v1","kind":"A","kind":"B","metadata":{"name":"x"}}"#),
            ["B x"]
        );
    }

    #[test]
    fn lists_are_taken_apart() {
        assert_eq!(
            objects(
                "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: A, metadata: {name: x}}\n- {apiVersion: v1, kind: B, metadata: {name: y, namespace: n}}\n"
            ),
            ["A x", "B n/y"]
        );
        assert_eq!(
            objects("apiVersion: v1\nkind: PodList\nitems: [{metadata: {name: x}}]"),
            ["Pod x"]
        );
        assert_eq!(objects("apiVersion: v1\nkind: List\nitems: []"), [""; 0]);
        assert_eq!(
            fragments(
                "kind: List\nitems:\n- {kind: A}\n- {apiVersion: v1, kind: List, items: []}\n"
            ),
            [
                "document 1: item 1: has no apiVersion",
                "document 1: item 2: has no metadata.name"
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_is_told_without_its_values() {
        assert_eq!(
            fragments(
                "---\n# Source: a/b.yaml\nkind: [hunter2\n---\nfoo\n---\n{}\n---\napiVersion: v1\nmetadata: hunter2\n---\napiVersion: v1\nkind: A\n"
            ),
            [
                "a/b.yaml: unreadable near line 2",
                "document 2: unreadable near line 1",
                "document 3: has no apiVersion",
                "document 4: unreadable near line 2",
                "document 5: has no metadata.name"
            ]
        );
        let path = "é".repeat(200);
        assert_eq!(
            fragments(&format!("# Source: {path}\na: 1"))[0],
            format!("{}: has no apiVersion", "é".repeat(100))
        );
    }

    #[test]
    fn a_bad_document_does_not_hide_the_next() {
        let (objects, fragments) =
            declared("a: [\n---\napiVersion: v1\nkind: A\nmetadata: {name: x}\n");
        assert_eq!((objects.len(), fragments.len()), (1, 1));
    }

    #[test]
    fn alias_bombs_are_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 8].join(", ");
            bomb += &format!("a{level}: &a{level} [{aliases}]\n");
        }
        let identity = "apiVersion: v1\nkind: A\nmetadata: {name: x, labels: *a11}\n";
        let (objects, fragments) = declared(&(bomb + identity));
        assert_eq!((objects.len(), fragments.len()), (0, 1));
    }

    #[test]
    fn aliases_are_bounded_in_all_documents_together() {
        let (few, many) = (["x"; 10].join(","), ["*a"; 50].join(","));
        let identity = "apiVersion: v1\nkind: A\nmetadata: {name: x, labels: *a}";
        let document = format!("---\na: &a [{few}]\nb: [{many}]\n{identity}\n");
        let (objects, fragments) = declared(&document.repeat(105));
        assert_eq!((objects.len(), fragments.len()), (100, 5));
    }

    #[test]
    fn depth_is_bounded() {
        let deep = |levels: usize| {
            let spec = "[".repeat(levels) + &"]".repeat(levels);
            declared(&format!(
                "apiVersion: v1\nkind: A\nmetadata: {{name: x}}\n\"spec\": {spec}\n"
            ))
        };
        assert_eq!(deep(60).0.len(), 1);
        assert_eq!(deep(64).1.len(), 1);
        assert_eq!(deep(250).1.len(), 1);
        assert_eq!(deep(100_000).1.len(), 1);
        let indented: String = (0..2_000)
            .map(|i| format!("{}a:\n", " ".repeat(i)))
            .collect();
        assert_eq!(fragments(&indented).len(), 1);
        let chain: String = (1..5_000)
            .map(|i| format!("a{i}: &a{i} [*a{}]\n", i - 1))
            .collect();
        assert_eq!(fragments(&format!("a0: &a0 [x]\n{chain}")).len(), 1);
        assert_eq!(
            fragments(&format!("a0: &a0 [x]\n{chain}").replace(['[', ']'], "")).len(),
            1
        );
    }

    #[test]
    fn counts_are_bounded() {
        let one = "---\napiVersion: v1\nkind: A\nmetadata: {name: x}\n";
        let (objects, told) = declared(&one.repeat(OBJECT_LIMIT + 1));
        assert_eq!(objects.len(), OBJECT_LIMIT);
        assert_eq!(told, ["only 10000 objects were read"]);
        let told = fragments(&"---\nx: 1\n".repeat(300));
        assert_eq!((told.len(), told[100].as_str()), (101, "and 200 more"));
        assert_eq!(fragments(&" ".repeat(MANIFEST_LIMIT + 1)).len(), 1);
    }

    #[test]
    fn long_comments_are_no_obstacle() {
        let comments = "# x\n".repeat(500);
        assert_eq!(
            objects(&format!(
                "apiVersion: v1\nkind: A\n{comments}metadata:\n{comments}  name: x\nspec:\n- a\n{comments}"
            )),
            ["A x"]
        );
    }

    proptest! {
        #[test]
        fn random_text_never_panics(text in any::<String>(), yaml in "(---|[\n a:\\[\\]{}&*!|>'\"#,-]|kind: |items: |metadata: ){0,40}") {
            declared(&text);
            declared(&yaml);
        }

        #[test]
        fn an_outline_names_what_the_whole_document_names(
            lines in prop::collection::vec(
                prop::sample::select(vec![
                    "apiVersion: v1", "kind: A", "kind: B", "metadata:", "metadata: {name: z}", "  name: x", "  name: y",
                    "  labels: *a", "spec:", "spec: &a", "- a", "  kind: B", "a: \"", "b\"", "  'c", "'", "d: |", "# e", "",
                    "\"kind\": B", "items: []", "e: [", "]", "<<: *a",
                ]),
                0..12,
            ),
        ) {
            let text = lines.join("\n");
            let named = |document: Option<Document>| {
                let Document { api_version, kind, metadata, items: None } = document? else {
                    return None;
                };
                let mut found = Found::default();
                found.declare(Item { api_version, kind, metadata }, "");
                found.objects.pop()
            };
            let whole = named(read(&text));
            if let Some(outline) = outline(&text) && whole.is_some() {
                prop_assert_eq!(named(read(&outline)), whole);
            }
        }

        #[test]
        fn splitting_keeps_every_document(documents in prop::collection::vec("[a-z#:]( ?[a-z:\n-]{0,3}[a-z:])*", 0..6)) {
            // A document with a line that begins with a separator is two to Helm.
            prop_assume!(documents.iter().all(|text| !text.contains("\n---")));
            let manifest: String = documents.iter().map(|text| format!("---\n{text}\n")).collect();
            let documents: Vec<_> = documents.iter().map(|text| text.trim()).collect();
            prop_assert_eq!(split(&manifest).collect::<Vec<_>>(), documents);
        }
    }
}
