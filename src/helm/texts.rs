//! The texts of a payload that name namespaces, found and changed where they
//! stand: every other byte of the JSON stays as it was.

use std::borrow::Cow;
use std::ops::Range;

use crate::helm::edit::{self, EditError, Member};
use crate::helm::json;

/// Which text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `namespace`: the release's.
    Namespace,
    /// `manifest`.
    Manifest,
    /// The `manifest` of one of `hooks`.
    Hook,
}

/// One text of a payload. It has no `Debug`: manifests hold Secrets.
pub struct Text<'a> {
    /// Which.
    pub field: Field,
    /// What it says, escapes taken off.
    pub text: Cow<'a, str>,
    span: Range<usize>,
}

/// A place in what a text says, and what to put there.
pub type Edit = (Range<usize>, String);

/// The texts of a payload, in their order.
///
/// All keys that some Helm takes for the field are found, as
/// [`edit::set_strings`] does; what is no string is passed over.
///
/// # Errors
///
/// If it is not one JSON object.
pub fn find(payload: &[u8]) -> Result<Vec<Text<'_>>, EditError> {
    let mut found = Vec::new();
    for member in edit::members(payload)? {
        if json::names(&member.key, "namespace") {
            found.extend(text(Field::Namespace, &member, 0));
        } else if json::names(&member.key, "manifest") {
            found.extend(text(Field::Manifest, &member, 0));
        } else if json::names(&member.key, "hooks") && member.value.starts_with(b"[") {
            hooks(&member, &mut found)?;
        }
    }
    Ok(found)
}

fn hooks<'a>(member: &Member<'a>, found: &mut Vec<Text<'a>>) -> Result<(), EditError> {
    for element in edit::elements(member.value)? {
        let begins = member.span.start + element.start;
        let hook = member.value.get(element).unwrap_or_default();
        if !hook.starts_with(b"{") {
            continue;
        }
        let members = edit::members(hook)?.into_iter();
        let manifests = members.filter(|member| json::names(&member.key, "manifest"));
        found.extend(manifests.filter_map(|member| text(Field::Hook, &member, begins)));
    }
    Ok(())
}

/// The text that a member is, in an object that begins there.
fn text<'a>(field: Field, member: &Member<'a>, begins: usize) -> Option<Text<'a>> {
    let is_text = member.value.starts_with(b"\"");
    is_text.then(|| Text {
        field,
        text: json::unquote(member.value),
        span: begins + member.span.start..begins + member.span.end,
    })
}

/// The payload with parts of its texts replaced: for each text the places in
/// what it says, ascending. `None` if a place is none of that text.
pub fn replace(payload: &[u8], changes: &[(&Text<'_>, Vec<Edit>)]) -> Option<Vec<u8>> {
    let mut changed = Vec::with_capacity(payload.len());
    let mut kept = 0;
    for (text, edits) in changes {
        changed.extend_from_slice(payload.get(kept..text.span.start)?);
        let raw = payload.get(text.span.clone())?;
        changed.extend(json::splice(raw, edits)?);
        kept = text.span.end;
    }
    changed.extend_from_slice(payload.get(kept..)?);
    Some(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYLOAD: &str = r#" {"name":"web", "manifest" : "a\u003cb\nold" ,"Namespace":"old","config":{"namespace":"old"},
        "hooks":[{"name":"h","manifest":"old x"},7,{"Manifest":"y old"}],"namespace":null}"#;

    #[test]
    fn texts_are_found_where_helm_reads_them() {
        let found = find(PAYLOAD.as_bytes()).unwrap();
        let told: Vec<_> = found.iter().map(|one| (one.field, &*one.text)).collect();
        let expected = [
            (Field::Manifest, "a<b\nold"),
            (Field::Namespace, "old"),
            (Field::Hook, "old x"),
            (Field::Hook, "y old"),
        ];
        assert_eq!(told, expected);
        assert!(find(b"[]").is_err() && find(b"{\"hooks\":[").is_err());
    }

    #[test]
    fn only_what_is_named_changes_and_can_be_changed_back() {
        let change = |payload: &str, from: &str, to: &str| {
            let found = find(payload.as_bytes()).unwrap();
            let places = found.iter().map(|text| {
                let at = text.text.find(from).unwrap();
                (text, vec![(at..at + from.len(), to.to_owned())])
            });
            let changed = replace(payload.as_bytes(), &places.collect::<Vec<_>>());
            String::from_utf8(changed.unwrap()).unwrap()
        };
        let moved = change(PAYLOAD, "old", "newer");
        let expected = PAYLOAD
            .replace("old", "newer")
            .replace(r#"{"namespace":"newer"}"#, r#"{"namespace":"old"}"#);
        assert_eq!(moved, expected);
        assert_eq!(change(&moved, "newer", "old"), PAYLOAD);
    }

    #[test]
    fn a_place_outside_of_the_text_is_none() {
        let found = find(PAYLOAD.as_bytes()).unwrap();
        let beyond = [(&found[1], vec![(2..9, String::new())])];
        assert!(replace(PAYLOAD.as_bytes(), &beyond).is_none());
    }
}
