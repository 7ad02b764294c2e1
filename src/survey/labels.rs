//! An object's labels, held small: a survey holds those of tens of thousands of
//! records, and a map of strings takes a kilobyte for each.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Labels by key. Reading one steps through them, changing one writes all anew:
/// objects have a handful, and hardly anybody changes them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// Key, value, key, value, …, by key.
    text: Box<str>,
    /// Where each of them ends.
    ends: Box<[u32]>,
}

impl Labels {
    /// The value of a label, if it is there.
    pub fn get(&self, key: &str) -> Option<&str> {
        // Judging asks for labels more often than for anything else: keys are
        // compared as bytes, and only the value becomes a text.
        let text = self.text.as_bytes();
        let mut places = self.places();
        let (_, value) = places.find(|(name, _)| text.get(name.clone()) == Some(key.as_bytes()))?;
        self.text.get(value)
    }

    /// All of them, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.places()
            .map(|(key, value)| (&self.text[key], &self.text[value]))
    }

    /// Where they stand in the text, key and value.
    fn places(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        let mut start = 0;
        self.ends.chunks_exact(2).map(move |ends| {
            let (middle, end) = (ends[0] as usize, ends[1] as usize);
            let (key, value) = (start..middle, middle..end);
            start = end;
            (key, value)
        })
    }

    /// Sets a label.
    pub fn insert(&mut self, key: &str, value: &str) {
        let own = self.iter().filter(|(other, _)| *other != key);
        *self = own.chain([(key, value)]).collect();
    }

    /// Takes a label off.
    pub fn remove(&mut self, key: &str) {
        *self = self.iter().filter(|(other, _)| *other != key).collect();
    }
}

impl<K: AsRef<str>, V: AsRef<str>> FromIterator<(K, V)> for Labels {
    /// Of a key that comes twice, the last value counts.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(labels: I) -> Self {
        let mut labels: Vec<(K, V)> = labels.into_iter().collect();
        labels.sort_by(|(a, _), (b, _)| a.as_ref().cmp(b.as_ref()));
        let (mut text, mut ends) = (String::new(), Vec::with_capacity(2 * labels.len()));
        for (at, (key, value)) in labels.iter().enumerate() {
            let next = labels.get(at + 1).map(|(key, _)| key.as_ref());
            if next != Some(key.as_ref()) {
                let (key, value) = (key.as_ref(), value.as_ref());
                // No file and no answer that is read is as long as 4 GiB.
                let end = |length: usize| u32::try_from(length).ok();
                let middle = end(text.len() + key.len());
                let whole = end(text.len() + key.len() + value.len());
                if let Some((middle, whole)) = middle.zip(whole) {
                    text.extend([key, value]);
                    ends.extend([middle, whole]);
                }
            }
        }
        Self {
            text: text.into(),
            ends: ends.into(),
        }
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let labels = BTreeMap::<String, String>::deserialize(deserializer)?;
        Ok(labels.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_change_as_a_map_does() {
        let mut labels: Labels = [("b", "2"), ("a", "1"), ("", "")].into_iter().collect();
        labels.insert("b", "3");
        labels.insert("c", "");
        labels.remove("a");
        labels.remove("none");
        assert_eq!(format!("{labels:?}"), r#"{"": "", "b": "3", "c": ""}"#);
        assert_eq!((labels.get("c"), labels.get("a")), (Some(""), None));
    }

    proptest! {
        #[test]
        fn they_hold_what_a_map_holds(pairs in prop::collection::vec((".{0,3}", ".{0,9}"), 0..9)) {
            let map: BTreeMap<String, String> = pairs.iter().cloned().collect();
            let labels: Labels = pairs.into_iter().collect();
            let held = labels.iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
            prop_assert_eq!(held.collect::<BTreeMap<_, _>>(), map.clone());
            for (key, value) in &map {
                prop_assert_eq!(labels.get(key), Some(value.as_str()));
            }
            let json = serde_json::to_string(&labels).unwrap();
            prop_assert_eq!(&json, &serde_json::to_string(&map).unwrap());
            prop_assert_eq!(serde_json::from_str::<Labels>(&json).unwrap(), labels);
        }
    }
}
