//! Strings in JSON: what Go reads in them, and how Go writes them.

use std::borrow::Cow;
use std::ops::Range;

/// The text of a string span, quotes and escapes taken off, as Go reads it:
/// each byte that is not UTF-8 and each lone surrogate becomes U+FFFD.
pub(crate) fn unquote(raw: &[u8]) -> Cow<'_, str> {
    let inner = raw
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""))
        .unwrap_or(raw);
    match std::str::from_utf8(inner) {
        Ok(text) if !inner.contains(&b'\\') => Cow::Borrowed(text),
        _ => Cow::Owned(unescape(inner)),
    }
}

fn unescape(inner: &[u8]) -> String {
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    loop {
        let plain = rest.iter().position(|byte| *byte == b'\\');
        let (head, tail) = rest.split_at(plain.unwrap_or(rest.len()));
        for chunk in head.utf8_chunks() {
            text.push_str(chunk.valid());
            text.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
        }
        let [b'\\', code, tail @ ..] = tail else {
            return text;
        };
        rest = tail;
        match code {
            b'b' => text.push('\u{8}'),
            b'f' => text.push('\u{c}'),
            b'n' => text.push('\n'),
            b'r' => text.push('\r'),
            b't' => text.push('\t'),
            b'u' => {
                let (char, used) = code_point(tail);
                text.push(char);
                rest = tail.get(used..).unwrap_or_default();
            }
            other => text.push(char::from(*other)),
        }
    }
}

/// The character that follows `\u`, and how many bytes say it.
fn code_point(tail: &[u8]) -> (char, usize) {
    let first = unit(tail).unwrap_or(0xfffd);
    let second = tail
        .get(4..)
        .and_then(|rest| rest.strip_prefix(b"\\u"))
        .and_then(unit);
    if let Some(second) = second
        && let Some(Ok(char)) = char::decode_utf16([first, second]).next()
        && char.len_utf16() == 2
    {
        return (char, 10);
    }
    (
        char::from_u32(u32::from(first)).unwrap_or('\u{fffd}'),
        4.min(tail.len()),
    )
}

fn unit(digits: &[u8]) -> Option<u16> {
    let digits = std::str::from_utf8(digits.get(..4)?).ok()?;
    u16::from_str_radix(digits, 16).ok()
}

/// A key as Go's decoder compares it where no field has exactly its name: lower
/// case by Unicode's simple folding, under which `ſ` is an s and the Kelvin
/// sign a k (encoding/json/fold.go). Helm's fields are all ASCII, so nothing
/// else can match one.
pub(crate) fn fold(key: Cow<'_, str>) -> Cow<'_, str> {
    let lower = |c: char| match c {
        'ſ' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    if key.chars().all(|c| lower(c) == c) {
        return key;
    }
    Cow::Owned(key.chars().map(lower).collect())
}

/// Whether Go's decoder takes this key for the field of that name.
pub(crate) fn names(key: &str, field: &str) -> bool {
    key == field || fold(key.into()) == fold(field.into())
}

/// Appends a string as Go's encoder writes it, quotes included: `<`, `>`, `&`,
/// U+2028 and U+2029 are escaped too, since Helm marshals with Go's defaults.
pub(crate) fn quote(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for c in text.chars() {
        let short = match c {
            '"' => b'"',
            '\\' => b'\\',
            '\u{8}' => b'b',
            '\u{c}' => b'f',
            '\n' => b'n',
            '\r' => b'r',
            '\t' => b't',
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
                continue;
            }
            c => {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', short]);
    }
    out.push(b'"');
}

/// A string span with parts of its text replaced: `edits` are places in what
/// [`unquote`] makes of it, ascending, at the borders of characters, and what is
/// put there. Escapes elsewhere stay as they were written. `None` if a place is
/// none.
pub(crate) fn splice(raw: &[u8], edits: &[(Range<usize>, String)]) -> Option<Vec<u8>> {
    let mut spliced = Vec::with_capacity(raw.len());
    let mut rest = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    spliced.push(b'"');
    // Where `rest` begins in the text.
    let mut at = 0;
    for (place, instead) in edits {
        let (kept, tail) = advance(rest, place.start.checked_sub(at)?)?;
        let (_, tail) = advance(tail, place.end.checked_sub(place.start)?)?;
        spliced.extend_from_slice(kept);
        let mut quoted = Vec::new();
        quote(instead, &mut quoted);
        spliced.extend_from_slice(quoted.get(1..quoted.len() - 1)?);
        rest = tail;
        at = place.end;
    }
    spliced.extend_from_slice(rest);
    spliced.push(b'"');
    Some(spliced)
}

/// Splits the inside of a string where that many bytes of its text end.
fn advance(raw: &[u8], length: usize) -> Option<(&[u8], &[u8])> {
    let (mut read, mut used) = (0, 0);
    while read < length {
        let (char, bytes) = next(raw.get(used..)?)?;
        read += char.len_utf8();
        used += bytes;
    }
    (read == length).then(|| raw.split_at(used))
}

/// The character that the inside of a string begins with, as [`unquote`] reads
/// it, and how many bytes say it.
fn next(raw: &[u8]) -> Option<(char, usize)> {
    match raw {
        [] => None,
        [b'\\', b'u', tail @ ..] => {
            let (char, used) = code_point(tail);
            Some((char, used + 2))
        }
        [b'\\', _, ..] => Some((unescape(raw.get(..2)?).chars().next()?, 2)),
        [byte, ..] if byte.is_ascii() => Some((char::from(*byte), 1)),
        _ => {
            let chunk = raw.get(..raw.len().min(4))?.utf8_chunks().next()?;
            let char = chunk.valid().chars().next();
            Some(char.map_or(('\u{fffd}', 1), |char| (char, char.len_utf8())))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn strings_are_read_as_go_reads_them() {
        assert_eq!(unquote(br#""a\u003cb\n\/""#), "a<b\n/");
        assert_eq!(unquote(br#""\ud83d\ude00""#), "😀");
        assert_eq!(unquote(br#""\ud83dx\ude00""#), "\u{fffd}x\u{fffd}");
        assert_eq!(unquote(br#""\ud83d\u0041""#), "\u{fffd}A");
        assert_eq!(unquote(b"\"a\xe2\x82b\""), "a\u{fffd}\u{fffd}b");
        assert!(matches!(unquote(b"\"plain\""), Cow::Borrowed("plain")));
    }

    #[test]
    fn keys_fold_as_go_folds_them() {
        assert!(names("Status", "status"));
        assert!(names("\u{17f}tatu\u{17f}", "status"));
        assert!(names("hoo\u{212a}s", "hooks"));
        assert!(!names("statu", "status"));
        assert!(!names("st\u{e4}tus", "status"));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), from in 0usize..40, to in 0usize..40) {
            let _ = unquote(&bytes);
            let _ = splice(&bytes, &[(from..to, "x".to_owned())]);
        }

        /// However a text is written, a part of it is found and what is around
        /// it stays as it was written.
        #[test]
        fn a_part_is_replaced_and_put_back(
            before in r#"([a-z"é😀]|\\\\|\\n|\\u003c|\\ud83d|\\ud83d\\ude00){0,6}"#,
            part in r#"([a-z]|\\u0061){1,6}"#,
            after in r#"([a-zé😀]|\\"|\\/|\\u00e9){0,6}"#,
        ) {
            let before = before.replace('"', "");
            let raw = format!("\"{before}{part}{after}\"").into_bytes();
            let text = |inner: &str| unquote(format!("\"{inner}\"").as_bytes()).into_owned();
            let start = text(&before).len();
            let place = start..start + text(&part).len();
            let spliced = splice(&raw, &[(place, "\"<new>".to_owned())]).unwrap();
            let expected = format!("\"{before}\\\"\\u003cnew\\u003e{after}\"");
            prop_assert_eq!(String::from_utf8(spliced).unwrap(), expected);
        }

        #[test]
        fn quoted_text_comes_back(text in any::<String>()) {
            let mut quoted = Vec::new();
            quote(&text, &mut quoted);
            prop_assert_eq!(unquote(&quoted), text.as_str());
            prop_assert_eq!(serde_json::from_slice::<String>(&quoted).unwrap(), text);
        }
    }
}
