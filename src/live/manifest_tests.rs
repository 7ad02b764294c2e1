//! Tests of reading manifests.

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
        fragments("kind: List\nitems:\n- {kind: A}\n- {apiVersion: v1, kind: List, items: []}\n"),
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
                "spec:", "spec: &a", "- a", "  kind: B", "a: \"\n# e\"", "b: 'c", "'", "d: |", "  # e", "# e", "", "kind: B",
                "  labels: *a", " ", "e: [", "]", "metadata: {name: z}",
            ]),
            0..5,
        ).prop_flat_map(|mut lines| {
            lines.extend(["apiVersion: v1", "kind: A", "metadata:\n  name: x"]);
            Just(lines).prop_shuffle()
        }),
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
