//! YAML as nodes that know where they stand in the text, down to what a move
//! looks at; the rest is stepped over.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

/// The keys behind which something may be that a move changes, or goes by.
const KEYS: [&str; 7] = [
    "annotations",
    "items",
    "kind",
    "metadata",
    "namespace",
    "subjects",
    super::OWNER,
];

/// A node of a document. It has no `Debug`: manifests hold Secrets.
pub(super) enum Node {
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Spanned<Self>>),
    /// A mapping, without the keys that nobody asks for.
    Mapping(Vec<(String, Spanned<Self>)>),
    /// Anything else.
    Other,
}

/// A text, and where it is referred to and where it is defined: the same place,
/// unless there is an alias.
pub(super) struct Scalar<'a> {
    pub(super) text: &'a str,
    pub(super) place: (&'a Location, &'a Location),
}

impl Node {
    fn member(&self, key: &str) -> Option<&Spanned<Self>> {
        let Self::Mapping(members) = self else {
            return None;
        };
        // Of duplicate keys the last one counts, as everywhere here.
        let mut members = members.iter().rev();
        let found = members.find(|(name, _)| name == key);
        found.map(|(_, value)| value)
    }

    /// The value of that key.
    pub(super) fn child(&self, key: &str) -> Option<&Self> {
        self.member(key).map(|value| &value.value)
    }

    /// The elements, if it is a list.
    pub(super) fn items(&self) -> impl Iterator<Item = &Self> {
        let items = match self {
            Self::List(items) => items.as_slice(),
            _ => &[],
        };
        items.iter().map(|item| &item.value)
    }

    /// The text of that key.
    pub(super) fn scalar(&self, key: &str) -> Option<Scalar<'_>> {
        let value = self.member(key)?;
        match &value.value {
            Self::Text(text) => Some(Scalar {
                text,
                place: (&value.referenced, &value.defined),
            }),
            _ => None,
        }
    }
}

/// A whole document, as deep as the deepest place that a move looks at: an
/// annotation of an element of a list. The parser calls itself for each level,
/// so a text must not choose how often.
pub(super) type Document = Deep<Deep<Deep<Deep<Deep<Deep<Nothing>>>>>>;

/// A node under which there are nodes of the kind `Below`.
pub(super) struct Deep<Below>(Node, PhantomData<Below>);

/// What is stepped over.
pub(super) struct Nothing;

impl<Below> From<Deep<Below>> for Node {
    fn from(deep: Deep<Below>) -> Self {
        deep.0
    }
}

impl From<Nothing> for Node {
    fn from(_: Nothing) -> Self {
        Self::Other
    }
}

impl<'de> Deserialize<'de> for Nothing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl<'de, Below: Deserialize<'de> + Into<Node>> Deserialize<'de> for Deep<Below> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = deserializer.deserialize_any(NodeVisitor::<Below>(PhantomData))?;
        Ok(Self(node, PhantomData))
    }
}

struct NodeVisitor<Below>(PhantomData<Below>);

/// The same place, for all levels alike.
fn place<Below: Into<Node>>(below: Spanned<Below>) -> Spanned<Node> {
    Spanned::new(below.value.into(), below.referenced, below.defined)
}

impl<'de, Below: Deserialize<'de> + Into<Node>> Visitor<'de> for NodeVisitor<Below> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any node")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Deep::<Below>::deserialize(deserializer).map(Node::from)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Node, D::Error> {
        Deep::<Below>::deserialize(inner).map(Node::from)
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element::<Spanned<Below>>()? {
            items.push(place(item));
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(Deep(key, _)) = mapping.next_key::<Deep<Nothing>>()? {
            match key {
                Node::Text(key) if KEYS.contains(&&*key) => {
                    members.push((key, place(mapping.next_value::<Spanned<Below>>()?)));
                }
                _ => {
                    mapping.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Node::Mapping(members))
    }
}
