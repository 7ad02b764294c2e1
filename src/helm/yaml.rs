//! JSON as YAML that Helm and kubectl read back as the same values.

use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_saphyr::DoubleQuoted;

/// The value as YAML, with a line feed at its end.
///
/// What YAML 1.1 would take for something else than a string is quoted, since
/// Helm's and kubectl's parser is of that time; text of several lines is a
/// block, so that a difference shows line by line.
pub fn text(value: &Value) -> String {
    let options = serde_saphyr::ser_options! {
        // Only what has several lines is written in several: no folding.
        folded_wrap_chars: usize::MAX,
    };
    let written = serde_saphyr::to_string_with_options(&Readable(value), options);
    let mut text = written.unwrap_or_else(|_| {
        // JSON is YAML too.
        value.to_string()
    });
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// A value, of which no block begins with a tab: Go's parser would take that for a
/// wrong indentation.
struct Readable<'a>(&'a Value);

impl Serialize for Readable<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) if begins_with_tab(text) => {
                DoubleQuoted(text).serialize(serializer)
            }
            Value::Array(items) => serializer.collect_seq(items.iter().map(Readable)),
            Value::Object(fields) => {
                let fields = fields.iter().map(|(key, value)| (key, Readable(value)));
                serializer.collect_map(fields)
            }
            plain => plain.serialize(serializer),
        }
    }
}

/// Whether the first line that holds something begins with a tab.
fn begins_with_tab(text: &str) -> bool {
    text.trim_start_matches(['\n', '\r', ' ']).starts_with('\t')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn back(yaml: &str) -> Value {
        let options = serde_saphyr::options! { legacy_octal_numbers: true };
        serde_saphyr::from_str_with_options(yaml, options).unwrap()
    }

    #[test]
    fn it_is_written_as_people_write_it() {
        let value = json!({
            "replicas": 2, "on": "yes", "version": "1.0", "mode": "0644", "empty": {}, "none": null,
            "list": [{"a": 1, "b": [true, 1.5]}, "x"],
            "script": "set -e\n  exit 1\n", "long": "word ".repeat(40) + "end",
        });
        let long = "word ".repeat(40) + "end";
        assert_eq!(
            text(&value),
            format!(
                "replicas: 2\n\"on\": \"yes\"\nversion: \"1.0\"\nmode: \"0644\"\nempty: {{}}\nnone: null\nlist:\n- a: 1\n  b:\n  - true\n  - 1.5\n- x\nscript: |\n  set -e\n    exit 1\nlong: {long}\n"
            )
        );
    }

    /// Go's parser says `found a tab character where an indentation space is expected`.
    #[test]
    fn no_block_begins_with_a_tab() {
        for (word, block) in [
            ("a\n\tb", true),
            ("\ta\nb", false),
            ("\n\ta", false),
            (" \n\n \ta\nb", false),
        ] {
            let yaml = text(&json!({"list": [{"value": word}], "other": "a\nb"}));
            assert_eq!(yaml.contains("value: |"), block, "{yaml}");
            assert!(yaml.contains("other: |"), "{yaml}");
        }
    }

    #[test]
    fn nothing_is_taken_for_something_else() {
        let words = [
            "",
            "~",
            "null",
            "y",
            "No",
            "off",
            "1e3",
            "0x1f",
            "0o7",
            "1_000",
            ".inf",
            "12:30:45",
            "2001-01-01",
            "=",
            "<<",
            "- a",
            "a: b",
            "a #b",
            "#a",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "'a",
            "\"a",
            "[a",
            "{a",
            "a\n",
            "a\n\n",
            "\na",
            " a",
            "a ",
            "  a\nb",
            "\ta\nb",
            "\n\ta",
            "\n\n\ta\nb",
            "a\n\tb",
            "a\r\nb",
            "a\u{85}b\u{2028}c",
            "\u{feff}",
            "---",
            "---\na",
            "a\n---\nb",
            "...",
            "?",
            "\u{1b}[31m",
            "a\n \n",
            " \n",
            "\n",
            "\n\n",
            "a \nb",
            "key:",
            "網",
        ];
        for word in words {
            let value = json!({"value": word, word: 1, "nested": {"list": [word, [word]]}});
            let yaml = text(&value);
            assert_eq!(back(&yaml), value, "{yaml}");
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            "[ -~\n\t]{0,20}".prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("[ -~\n]{0,12}", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_comes_back(value in values()) {
            let yaml = text(&value);
            prop_assert_eq!(back(&yaml), value, "{}", yaml);
        }
    }
}
