use proptest::prelude::*;

use super::*;

fn moved(text: &str) -> String {
    there(text).unwrap().applied(text)
}

fn there(text: &str) -> Result<Move, RelocateError> {
    relocate(text, "shop", "stage")
}

#[test]
fn an_objects_own_namespace_moves_and_nothing_else() {
    let text = "---\n# Source: web/templates/a.yaml # shop\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: shop\n  # in shop\n  namespace:   shop   # shop\n  labels: {namespace: shop}\n  annotations:\n    meta.helm.sh/release-name: shop\n    meta.helm.sh/release-namespace: 'shop'\ndata:\n  namespace: shop\n  script: |\n    metadata:\n      namespace: shop\n---\napiVersion: v1\nkind: Service\nmetadata: {\"namespace\": \"shop\", name: x}\r\n---\n{\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"namespace\":\"shop\"}}\n";
    let expected = text
        .replace("namespace:   shop", "namespace:   stage")
        .replace("namespace: 'shop'", "namespace: 'stage'")
        .replace(
            "namespace\": \"shop\", name",
            "namespace\": \"stage\", name",
        )
        .replace("\"namespace\":\"shop\"}}", "\"namespace\":\"stage\"}}");
    assert_eq!(moved(text), expected);
    assert_eq!(there(text).unwrap().edits.len(), 4);
}

#[test]
fn subjects_of_bindings_and_elements_of_lists_move() {
    let text = "kind: ClusterRoleBinding\nmetadata: {name: a}\nsubjects:\n- kind: ServiceAccount\n  name: shop\n  namespace: shop\n- {kind: ServiceAccount, name: x, namespace: other}\n---\nkind: FlowSchema\nsubjects:\n- namespace: shop\n---\nkind: List\nitems:\n- kind: RoleBinding\n  metadata: {name: b, namespace: shop}\n  subjects: [{namespace: shop}]\n- kind: Pod\n  metadata: {name: p, namespace: shop}\n";
    let expected = "kind: ClusterRoleBinding\nmetadata: {name: a}\nsubjects:\n- kind: ServiceAccount\n  name: shop\n  namespace: stage\n- {kind: ServiceAccount, name: x, namespace: other}\n---\nkind: FlowSchema\nsubjects:\n- namespace: shop\n---\nkind: List\nitems:\n- kind: RoleBinding\n  metadata: {name: b, namespace: stage}\n  subjects: [{namespace: stage}]\n- kind: Pod\n  metadata: {name: p, namespace: stage}\n";
    assert_eq!(moved(text), expected);
}

#[test]
fn what_lies_elsewhere_is_counted_and_stays() {
    let text = "kind: A\nmetadata: {namespace: kube-system}\n---\nkind: B\nmetadata: {namespace: shop}\n---\nkind: C\nmetadata: {namespace: ''}\n---\nkind: D\nmetadata: {name: x}\n---\nkind: E\nmetadata: {namespace: shopping}\n";
    let found = there(text).unwrap();
    assert_eq!((found.edits.len(), found.elsewhere), (1, 2));
    assert_eq!(
        moved("a: 1\n---\n# namespace\n---\n"),
        "a: 1\n---\n# namespace\n---\n"
    );
    assert_eq!(there(""), Ok(Move::default()));
}

#[test]
fn characters_are_not_bytes() {
    let text = "# é😀\nkind: A\nmetadata:\n  labels: {a: \"é😀\"}\n  namespace: shop # é\n";
    assert_eq!(moved(text), text.replace(": shop", ": stage"));
}

#[test]
fn what_is_written_by_other_means_is_refused() {
    let tangled = Err(RelocateError::Tangled {
        place: "document 2".to_owned(),
    });
    for metadata in [
        "{labels: {a: &n shop}, namespace: *n}",
        "{namespace: &n shop, labels: {a: *n}}",
        "{namespace: \"sh\\x6fp\"}",
        "{\"name\\x73pace\": \"sh\\x6fp\"}",
    ] {
        let text = format!("a: 1\n---\nkind: A\nmetadata: {metadata}\n");
        assert_eq!(there(&text), tangled, "{metadata}");
    }
    let text = "# Source: web/a.yaml\nmetadata: {namespace: shop\n";
    let unreadable = Err(RelocateError::Unreadable {
        place: "web/a.yaml".to_owned(),
    });
    assert_eq!(there(text), unreadable);
}

#[test]
fn a_text_of_one_line_moves_in_any_style() {
    for style in ["|-", ">-", "&a", "!!str"] {
        let text = format!("kind: A\nmetadata:\n  namespace: {style}\n    shop\n  name: x\n");
        assert_eq!(moved(&text), text.replace("shop", "stage"));
    }
    // Quotes would be a part of it.
    let text = "kind: A\nmetadata:\n  namespace: |-\n    shop\n";
    assert!(relocate(text, "shop", "123").is_err());
}

#[test]
fn names_that_yaml_takes_for_something_else_are_quoted() {
    for (name, written) in [
        ("stage", "stage"),
        ("1e3", "\"1e3\""),
        ("123", "\"123\""),
        ("on", "\"on\""),
        ("null", "\"null\""),
        ("y", "\"y\""),
        ("0x1f", "\"0x1f\""),
        ("nan", "nan"),
    ] {
        let text = "kind: A\nmetadata: {namespace: shop}\n";
        let moved = relocate(text, "shop", name).unwrap().applied(text);
        assert_eq!(moved, text.replace("shop", written));
        let quoted = text.replace("shop", "'shop'");
        let moved = relocate(&quoted, "shop", name).unwrap().applied(&quoted);
        assert_eq!(moved, text.replace("shop", &format!("'{name}'")));
    }
}

#[test]
fn depth_is_no_danger() {
    for levels in [20, 60, 64, 5_000] {
        let nested = "metadata: {".repeat(levels) + "namespace: shop" + &"}".repeat(levels);
        let _ = there(&nested);
        let items = "items: [{".repeat(levels) + "namespace: shop" + &"}]".repeat(levels);
        let _ = there(&items);
    }
}

/// A document that may name namespaces in every place and way.
fn document() -> impl Strategy<Value = String> {
    let quote = prop::sample::select(vec!["", "'", "\""]);
    let name = prop::sample::select(vec!["shop", "shop", "other", "shop-x"]);
    let scalar = (quote, name).prop_map(|(quote, name)| format!("{quote}{name}{quote}"));
    let kind = prop::sample::select(vec!["ConfigMap", "RoleBinding", "ClusterRoleBinding"]);
    let comment = prop::sample::select(vec!["", "  # shop é", " # namespace: shop"]);
    let flow = any::<bool>();
    (kind, scalar.clone(), scalar.clone(), scalar, comment, flow).prop_map(
        |(kind, own, owner, subject, comment, flow)| match flow {
            true => format!(
                "{{kind: {kind}, metadata: {{name: shop, annotations: {{\"meta.helm.sh/release-namespace\": {owner}}}, namespace: {own}}}, subjects: [{{name: shop, namespace: {subject}}}]}}{comment}\n"
            ),
            false => format!(
                "kind: {kind}{comment}\nmetadata:\n  namespace: {own}{comment}\n  name: shop\n  annotations:\n    meta.helm.sh/release-namespace: {owner}{comment}\nsubjects:\n  - namespace: {subject}\n    name: shop\ndata:\n  namespace: {own}\n"
            ),
        },
    )
}

proptest! {
    #[test]
    fn there_and_back_is_the_same_text(documents in prop::collection::vec(document(), 0..5)) {
        let text: String = documents.iter().map(|one| format!("---\n# Source: shop\n{one}")).collect();
        let there = relocate(&text, "shop", "stage").unwrap();
        let moved = there.applied(&text);
        let back = relocate(&moved, "stage", "shop").unwrap();
        prop_assert_eq!(back.applied(&moved), text);
        prop_assert_eq!(back.edits.len(), there.edits.len());
        prop_assert_eq!(back.elsewhere, there.elsewhere);
        let nothing = relocate(&moved, "shop", "stage").unwrap();
        prop_assert_eq!(nothing.edits, vec![]);
    }

    #[test]
    fn random_text_never_panics(text in any::<String>(), yaml in "(---|[\n a:\\[\\]{}&*!|>'\"#,-]|kind: |items: |metadata: |namespace: |shop|\\\\|é){0,40}") {
        let _ = relocate(&text, "shop", "stage");
        if let Ok(found) = relocate(&yaml, "shop", "stage") {
            found.applied(&yaml);
        }
    }
}
