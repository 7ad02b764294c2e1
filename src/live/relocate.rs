//! A manifest for another namespace: the text with the namespace changed where
//! it is an object's own, and every other byte as it was.
//!
//! Manifests are not ours to write anew: comments, quotes and the order of keys
//! are the chart's. So a namespace is found by the parser, with its place in
//! the text, and only its letters are replaced; that the result says what was
//! meant, and nothing else, is then read back. What cannot be changed so (an
//! alias, an escape) is an error, never a guess.

use std::ops::Range;

use serde_json::Value;
use serde_saphyr::Location;

use super::manifest::{self, split};

mod node;

use node::{Document, Node};

/// The annotation by which Helm knows the namespace of an object's release.
const OWNER: &str = "meta.helm.sh/release-namespace";

/// The kinds whose subjects name namespaces.
const BINDINGS: [&str; 2] = ["ClusterRoleBinding", "RoleBinding"];

/// How many bytes of a template's path are repeated in an error.
const SOURCE_LIMIT: usize = 200;

/// A place in a text, and what to put there.
pub type Edit = (Range<usize>, String);

/// What a move of a manifest changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Move {
    /// What is put where; the places ascend and do not overlap.
    pub edits: Vec<Edit>,
    /// How many objects say that they lie in a namespace that is not the one
    /// that is left. They are not changed.
    pub elsewhere: usize,
}

/// Why a manifest cannot be moved. Repeats no values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelocateError {
    /// A document is no YAML that can be read.
    #[error("{place} cannot be read")]
    Unreadable {
        /// The template it came from, or its number.
        place: String,
    },
    /// The namespace is written in a way that cannot be changed without
    /// changing more.
    #[error("{place} names its namespace by an alias or an escape")]
    Tangled {
        /// The template it came from, or its number.
        place: String,
    },
    /// There is more of it than is ever read.
    #[error("it is larger than any manifest that is read")]
    TooLarge,
}

/// Finds what is to change in a manifest when its objects move from one
/// namespace to another: their own namespace where they name it, the subjects
/// of role bindings, and the mark of their owner.
///
/// # Errors
///
/// If a document cannot be read, or cannot be changed safely.
pub fn relocate(text: &str, from: &str, to: &str) -> Result<Move, RelocateError> {
    if text.len() > manifest::MANIFEST_LIMIT {
        return Err(RelocateError::TooLarge);
    }
    let mut whole = Move::default();
    for (number, document) in split(text).enumerate() {
        if number == manifest::OBJECT_LIMIT {
            return Err(RelocateError::TooLarge);
        }
        // The key may be hidden behind an escape, and behind nothing else.
        if !document.contains("namespace") && !document.contains('\\') {
            continue;
        }
        let begins = document.as_ptr().addr() - text.as_ptr().addr();
        let place = || place(document, number);
        let (edits, elsewhere) = of_document(document, from, to).map_err(|wrong| match wrong {
            Wrong::Unreadable => RelocateError::Unreadable { place: place() },
            Wrong::Tangled => RelocateError::Tangled { place: place() },
        })?;
        let moved = |(at, text): Edit| (at.start + begins..at.end + begins, text);
        whole.edits.extend(edits.into_iter().map(moved));
        whole.elsewhere += elsewhere;
    }
    Ok(whole)
}

impl Move {
    /// The text with the changes made.
    pub fn applied(&self, text: &str) -> String {
        let mut moved = String::with_capacity(text.len());
        let mut kept = 0;
        for (at, instead) in &self.edits {
            moved.push_str(text.get(kept..at.start).unwrap_or_default());
            moved.push_str(instead);
            kept = at.end;
        }
        moved.push_str(text.get(kept..).unwrap_or_default());
        moved
    }
}

/// The template that Helm writes above a document, else its number.
fn place(document: &str, number: usize) -> String {
    let source = document
        .lines()
        .find_map(|line| line.strip_prefix("# Source: "));
    match source {
        Some(path) => path
            .get(..path.floor_char_boundary(SOURCE_LIMIT))
            .unwrap_or_default()
            .to_owned(),
        None => format!("document {}", number + 1),
    }
}

enum Wrong {
    Unreadable,
    Tangled,
}

fn of_document(document: &str, from: &str, to: &str) -> Result<(Vec<Edit>, usize), Wrong> {
    let read: Option<Document> = manifest::read(document).ok_or(Wrong::Unreadable)?;
    let Some(node) = read.map(Node::from) else {
        return Ok((Vec::new(), 0));
    };
    let mut found = Found::default();
    found.objects(&node, from);
    let mut edits = Vec::new();
    for place in found.places {
        edits.push(edit(document, place, from, to).ok_or(Wrong::Tangled)?);
    }
    edits.sort_by_key(|(at, _)| at.start);
    if edits.is_empty() {
        return Ok((edits, found.elsewhere));
    }
    let change = Move {
        edits,
        elsewhere: found.elsewhere,
    };
    match says_the_same(document, &change.applied(document), from, to) {
        true => Ok((change.edits, change.elsewhere)),
        false => Err(Wrong::Tangled),
    }
}

/// Whether the changed document says what the other one says, but for the
/// namespace. Both are read anew, by other means than those that changed it.
fn says_the_same(before: &str, after: &str, from: &str, to: &str) -> bool {
    let (Some(mut before), Some(after)) = (manifest::tree(before), manifest::tree(after)) else {
        return false;
    };
    move_objects(&mut before, from, to);
    before == after
}

/// The scalars to be changed.
#[derive(Default)]
struct Found<'a> {
    places: Vec<(&'a Location, &'a Location)>,
    elsewhere: usize,
}

impl<'a> Found<'a> {
    /// The document itself, or the elements of the list that it is.
    fn objects(&mut self, document: &'a Node, from: &str) {
        self.object(document, from);
        for item in document.child("items").into_iter().flat_map(Node::items) {
            self.object(item, from);
        }
    }

    fn object(&mut self, object: &'a Node, from: &str) {
        let metadata = object.child("metadata");
        if let Some(own) = metadata.and_then(|metadata| metadata.scalar("namespace")) {
            match own.text {
                "" => {}
                text if text == from => self.places.push(own.place),
                _ => self.elsewhere += 1,
            }
        }
        let annotations = metadata.and_then(|metadata| metadata.child("annotations"));
        let owner = annotations.and_then(|all| all.scalar(OWNER));
        let kind = object.scalar("kind").map(|kind| kind.text);
        let subjects = match kind.is_some_and(|kind| BINDINGS.contains(&kind)) {
            true => object.child("subjects"),
            false => None,
        };
        let subjects = subjects.into_iter().flat_map(Node::items);
        let named = subjects.filter_map(|subject| subject.scalar("namespace"));
        let also = owner.into_iter().chain(named);
        let also = also.filter(|scalar| scalar.text == from);
        self.places.extend(also.map(|scalar| scalar.place));
    }
}

/// The same on a tree of values.
fn move_objects(document: &mut Value, from: &str, to: &str) {
    move_object(document, from, to);
    let items = document.get_mut("items").and_then(Value::as_array_mut);
    for item in items.into_iter().flatten() {
        move_object(item, from, to);
    }
}

fn move_object(object: &mut Value, from: &str, to: &str) {
    let change = |value: Option<&mut Value>| {
        if let Some(value) = value.filter(|value| value.as_str() == Some(from)) {
            *value = to.into();
        }
    };
    let kind = object.get("kind").and_then(Value::as_str);
    let binds = kind.is_some_and(|kind| BINDINGS.contains(&kind));
    if let Some(metadata) = object.get_mut("metadata") {
        change(metadata.get_mut("namespace"));
        let annotations = metadata.get_mut("annotations");
        change(annotations.and_then(|all| all.get_mut(OWNER)));
    }
    let subjects = object.get_mut("subjects").and_then(Value::as_array_mut);
    for subject in subjects.into_iter().flatten().filter(|_| binds) {
        change(subject.get_mut("namespace"));
    }
}

/// Where the letters of a scalar stand and what takes their place; `None` if
/// they do not stand there plainly, or between quotes.
fn edit(
    document: &str,
    (referenced, defined): (&Location, &Location),
    from: &str,
    to: &str,
) -> Option<Edit> {
    if referenced != defined {
        return None;
    }
    let start = usize::try_from(referenced.span().byte_offset()?).ok()?;
    let rest = document.get(start..)?;
    let (start, quoted) = match rest.strip_prefix(['"', '\'']) {
        Some(_) => (start + 1, true),
        None => (start, false),
    };
    let at = start..start + from.len();
    (document.get(at.clone())? == from).then_some(())?;
    let instead = match quoted || is_plain(to) {
        true => to.to_owned(),
        false => format!("\"{to}\""),
    };
    Some((at, instead))
}

/// Whether a namespace, written without quotes, is a text to everybody who
/// reads YAML: no number, no date, no truth.
fn is_plain(name: &str) -> bool {
    const WORDS: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "true", "false"];
    let begins = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    begins && name != "null" && !WORDS.contains(&name)
}

#[cfg(test)]
#[path = "relocate_tests.rs"]
mod tests;
