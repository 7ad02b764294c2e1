//! Edits of a payload's JSON that leave every other byte as it was.
//!
//! Re-encoding would lose what we do not know of (Helm 4's fields in Helm 3
//! eyes) and change what we do (Go's escapes, the order of keys), so an edit
//! replaces spans. Keys are found as Go's decoder finds them, see [`set_strings`].

use std::borrow::Cow;
use std::ops::Range;

use crate::helm::json::{self, Kind, Scanner, SyntaxError};

/// How many members or elements are listed at most. A chart's files number in
/// the hundreds; a hostile array of zeros would cost 16 times its size.
const COUNT_LIMIT: usize = 100_000;

/// Why a text cannot be taken apart or edited. Never holds values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is not JSON.
    #[error("JSON: {0}")]
    Syntax(SyntaxError),
    /// The value is not of the kind that was asked for.
    #[error("JSON: {what} is not {wanted}")]
    Kind {
        /// The path, or what was handed in.
        what: String,
        /// `an object`.
        wanted: &'static str,
    },
    /// An object on the way to the field does not exist.
    #[error("JSON: there is no {path}")]
    Missing {
        /// The dotted path of the object.
        path: String,
    },
    /// Two edits change the same bytes, or an edit names no field.
    #[error("the edits contradict each other")]
    Conflict,
    /// More members than are ever listed.
    #[error("JSON: more than {COUNT_LIMIT} members")]
    TooMany,
}

impl From<SyntaxError> for EditError {
    fn from(error: SyntaxError) -> Self {
        Self::Syntax(error)
    }
}

/// One member of an object. It has no `Debug`: values may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Member<'a> {
    /// The key, escapes taken off.
    pub key: Cow<'a, str>,
    /// Where the key stands in the text that was handed in, quotes included.
    pub key_span: Range<usize>,
    /// Where the value stands.
    pub span: Range<usize>,
    /// The value's bytes.
    pub value: &'a [u8],
}

/// The members of the object that `object` is, in their order, duplicates
/// included.
///
/// # Errors
///
/// If it is not one JSON object, or has more members than are listed.
pub fn members(object: &[u8]) -> Result<Vec<Member<'_>>, EditError> {
    let mut scanner = open(object, Kind::Object)?;
    let mut found = Vec::new();
    while let Some(key_span) = scanner.next_key()? {
        let span = scanner.skip()?;
        if found.len() == COUNT_LIMIT {
            return Err(EditError::TooMany);
        }
        found.push(Member {
            key: json::unquote(scanner.slice(key_span.clone())),
            key_span,
            value: scanner.slice(span.clone()),
            span,
        });
    }
    scanner.end()?;
    Ok(found)
}

/// Where the elements of the array that `array` is stand in it.
///
/// # Errors
///
/// If it is not one JSON array, or has more elements than are listed.
pub fn elements(array: &[u8]) -> Result<Vec<Range<usize>>, EditError> {
    let mut scanner = open(array, Kind::Array)?;
    let mut found = Vec::new();
    while scanner.next_item()? {
        if found.len() == COUNT_LIMIT {
            return Err(EditError::TooMany);
        }
        found.push(scanner.skip()?);
    }
    scanner.end()?;
    Ok(found)
}

/// Sets fields to strings: each edit is the path of a field (object keys from
/// the top, at least one) and its new text.
///
/// Go's decoder takes a key of the same name but for case, and of several the
/// last; Helm 4 reads `info` through a map first and then takes the exactly
/// named one. So that every Helm reads the new text, *all* keys that some Helm
/// takes for the field are set, in all objects that it takes for the parent.
/// Where no key is there, it is added at the end of its object; the object
/// itself must be there. Strings are escaped as Go's encoder escapes them. What
/// stood there before may be of any kind.
///
/// # Errors
///
/// If the text is not one JSON object, an object on the way is missing or is
/// something else (`null` included), or the edits contradict each other.
pub fn set_strings(json: &[u8], edits: &[(&[&str], &str)]) -> Result<Vec<u8>, EditError> {
    for (i, (path, _)) in edits.iter().enumerate() {
        let clash =
            |(other, _): &(&[&str], &str)| path.iter().zip(*other).all(|(a, b)| json::names(a, b));
        if path.is_empty() || edits[i + 1..].iter().any(clash) {
            return Err(EditError::Conflict);
        }
    }
    let wanted: Vec<_> = edits.iter().collect();
    let mut scanner = Scanner::new(json);
    let mut splices = Vec::new();
    collect(&mut scanner, &wanted, 0, &mut splices)?;
    scanner.end()?;
    Ok(splice(json, &splices))
}

/// A span and the bytes to put there; spans ascend and do not overlap.
type Splice = (Range<usize>, Vec<u8>);

type Edit<'e> = (&'e [&'e str], &'e str);

/// Reads the object that comes next, which is where the first `depth` keys of
/// all `edits` lead, and collects what is to change in it. It calls itself no
/// deeper than the longest path.
fn collect(
    scanner: &mut Scanner<'_>,
    edits: &[&Edit<'_>],
    depth: usize,
    splices: &mut Vec<Splice>,
) -> Result<(), EditError> {
    if scanner.kind()? != Kind::Object {
        let path = edits.first().map_or(&[][..], |(path, _)| &path[..depth]);
        let what = if path.is_empty() {
            "the text".to_owned()
        } else {
            path.join(".")
        };
        return Err(EditError::Kind {
            what,
            wanted: "an object",
        });
    }
    scanner.enter(b'{')?;
    let mut absent = edits.to_vec();
    let mut empty = true;
    // The end of the last value, or of the brace: where a member is added.
    let mut tail = scanner.offset();
    while let Some(key) = scanner.next_key()? {
        empty = false;
        let key = json::unquote(scanner.slice(key));
        let here = |(path, _): &&Edit<'_>| json::names(&key, path[depth]);
        absent.retain(|edit| !here(edit));
        let inside: Vec<_> = edits.iter().copied().filter(here).collect();
        match inside.first() {
            Some((path, text)) if path.len() == depth + 1 => {
                let mut quoted = Vec::new();
                json::quote(text, &mut quoted);
                splices.push((scanner.skip()?, quoted));
            }
            Some(_) => collect(scanner, &inside, depth + 1, splices)?,
            None => {
                scanner.skip()?;
            }
        }
        tail = scanner.offset();
    }
    let mut added = Vec::new();
    for (path, text) in absent {
        if path.len() > depth + 1 {
            let path = path[..=depth].join(".");
            return Err(EditError::Missing { path });
        }
        if !std::mem::take(&mut empty) {
            added.push(b',');
        }
        json::quote(path[depth], &mut added);
        added.push(b':');
        json::quote(text, &mut added);
    }
    splices.push((tail..tail, added));
    Ok(())
}

fn splice(json: &[u8], splices: &[Splice]) -> Vec<u8> {
    let grown: usize = splices.iter().map(|(_, bytes)| bytes.len()).sum();
    let mut result = Vec::with_capacity(json.len() + grown);
    let mut kept = 0;
    for (span, bytes) in splices {
        result.extend_from_slice(json.get(kept..span.start).unwrap_or_default());
        result.extend_from_slice(bytes);
        kept = span.end;
    }
    result.extend_from_slice(json.get(kept..).unwrap_or_default());
    result
}

fn open(text: &[u8], kind: Kind) -> Result<Scanner<'_>, EditError> {
    let (brace, wanted) = match kind {
        Kind::Array => (b'[', "an array"),
        _ => (b'{', "an object"),
    };
    let mut scanner = Scanner::new(text);
    if scanner.kind()? != kind {
        let what = "the text".to_owned();
        return Err(EditError::Kind { what, wanted });
    }
    scanner.enter(brace)?;
    Ok(scanner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const STATUS: &[&str] = &["info", "status"];
    const DESCRIPTION: &[&str] = &["info", "description"];

    fn set(json: &str, edits: &[(&[&str], &str)]) -> Result<String, EditError> {
        set_strings(json.as_bytes(), edits).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn only_the_value_changes() {
        let json = "{ \"x\":1e400,\n\"info\" : {\"status\": \"a\" , \"n\":[\"status\"]} }\n";
        assert_eq!(
            set(json, &[(STATUS, "b")]).unwrap(),
            "{ \"x\":1e400,\n\"info\" : {\"status\": \"b\" , \"n\":[\"status\"]} }\n"
        );
    }

    #[test]
    fn a_missing_key_is_added_at_the_end_of_its_object() {
        let edits: &[(&[&str], &str)] = &[(STATUS, "b"), (DESCRIPTION, "c")];
        assert_eq!(
            set(r#"{"info":{ },"v":1}"#, edits).unwrap(),
            r#"{"info":{"status":"b","description":"c" },"v":1}"#
        );
        assert_eq!(
            set(r#"{"info":{"n":1 },"v":1}"#, edits).unwrap(),
            r#"{"info":{"n":1,"status":"b","description":"c" },"v":1}"#
        );
        assert_eq!(set("{}", &[(&["a"], "b")]).unwrap(), r#"{"a":"b"}"#);
    }

    #[test]
    fn every_key_that_some_helm_reads_is_set() {
        assert_eq!(
            set(
                r#"{"info":{"status":"a","\u0053tatus":null,"status":{}},"Info":{}}"#,
                &[(STATUS, "b")]
            )
            .unwrap(),
            r#"{"info":{"status":"b","\u0053tatus":"b","status":"b"},"Info":{"status":"b"}}"#
        );
    }

    #[test]
    fn text_is_escaped_as_go_escapes_it() {
        assert_eq!(
            set(r#"{"a":0}"#, &[(&["a"], "<&>\u{2028}\"\\\n\u{1}é")]).unwrap(),
            r#"{"a":"\u003c\u0026\u003e\u2028\"\\\n\u0001é"}"#
        );
    }

    #[test]
    fn what_cannot_be_edited_is_refused() {
        let text = |json, edits| set(json, edits).unwrap_err().to_string();
        assert_eq!(text("{}", &[(STATUS, "")]), "JSON: there is no info");
        assert_eq!(
            text(r#"{"info":null}"#, &[(STATUS, "")]),
            "JSON: info is not an object"
        );
        assert_eq!(
            text("[]", &[(STATUS, "")]),
            "JSON: the text is not an object"
        );
        assert_eq!(
            text(r#"{"info":{}"#, &[(STATUS, "")]),
            "JSON: unexpected end of data"
        );
        assert_eq!(
            text("{} x", &[(&["a"], "")]),
            "JSON: unexpected byte at offset 3"
        );
        let clash = "the edits contradict each other";
        assert_eq!(text("{}", &[(&["a"], ""), (&["A"], "")]), clash);
        assert_eq!(text("{}", &[(&["a", "b"], ""), (&["a"], "")]), clash);
        assert_eq!(text("{}", &[(&[], "")]), clash);
    }

    #[test]
    fn members_are_exact_spans() {
        let json = br#" {"a": [1, 2] ,"\u0062":"x"} "#;
        let found = members(json).unwrap();
        let keys: Vec<_> = found.iter().map(|member| &*member.key).collect();
        assert_eq!(keys, ["a", "b"]);
        assert_eq!(found[0].value, b"[1, 2]");
        assert_eq!(&json[found[0].span.clone()], b"[1, 2]");
        assert_eq!(&json[found[1].key_span.clone()], br#""\u0062""#);
        assert_eq!(elements(found[0].value).unwrap(), [1..2, 4..5]);
        assert!(members(b"[]").is_err() && elements(b"{}").is_err());
        assert!(members(b"{}{}").is_err());
    }

    #[test]
    fn lists_are_bounded() {
        let zeros = format!("[{}0]", "0,".repeat(COUNT_LIMIT));
        assert_eq!(elements(zeros.as_bytes()), Err(EditError::TooMany));
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("[a-z<\"]{1,4}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn an_edit_changes_its_span_and_can_be_taken_back(
            before in value(), after in value(), other in value(),
            old in any::<String>(), new in any::<String>(),
        ) {
            let mut quoted = Vec::new();
            json::quote(&old, &mut quoted);
            let old_text = String::from_utf8(quoted).unwrap();
            let json = format!(
                "{{\"before\":{before},\"info\":{{\"x\":{other},\"status\":{old_text},\"y\":{other}}},\"after\":{after}}}"
            );
            let edited = set(&json, &[(STATUS, &new)]).unwrap();

            let start = json.find(&format!("{old_text},\"y\":")).unwrap();
            let (head, tail) = (&json[..start], &json[start + old_text.len()..]);
            prop_assert!(edited.starts_with(head) && edited.ends_with(tail));

            let mut expected: Value = serde_json::from_str(&json).unwrap();
            expected["info"]["status"] = Value::from(new.as_str());
            prop_assert_eq!(serde_json::from_str::<Value>(&edited).unwrap(), expected);
            prop_assert_eq!(set(&edited, &[(STATUS, &old)]).unwrap(), json);
        }

        #[test]
        fn members_tile_what_serde_json_reads(object in value()) {
            let text = object.to_string();
            match members(text.as_bytes()) {
                Ok(found) => {
                    let object = object.as_object().unwrap();
                    prop_assert_eq!(found.len(), object.len());
                    for (member, (key, value)) in found.iter().zip(object) {
                        prop_assert_eq!(&*member.key, key);
                        let value = value.to_string();
                        prop_assert_eq!(member.value, value.as_bytes());
                    }
                }
                Err(_) => prop_assert!(!object.is_object()),
            }
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), text in "[{}\\[\\]\":,info status\\\\u1]{0,40}") {
            for bytes in [&bytes[..], text.as_bytes()] {
                let _ = members(bytes);
                let _ = elements(bytes);
                if let Ok(edited) = set_strings(bytes, &[(&["info"], "x")]) {
                    prop_assert!(members(&edited).is_ok());
                }
            }
        }
    }
}
