//! Text from a cluster is hostile: names, labels, descriptions and error texts
//! may hold escape sequences.

use std::borrow::Cow;

/// The text with everything that could move a cursor, change a color, reorder
/// a line or hide a letter made visible. Line feeds stay.
pub fn sanitize(text: &str) -> Cow<'_, str> {
    if !text.chars().any(harmful) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match harmful(c) {
            true => clean.extend(c.escape_unicode()),
            false => clean.push(c),
        }
    }
    Cow::Owned(clean)
}

fn harmful(c: char) -> bool {
    // Zero-width and direction-changing characters are not "control" to char,
    // yet make a line read other than it is.
    let invisible = matches!(
        c,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    (c.is_control() && c != '\n') || invisible
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escape_sequences_are_made_visible() {
        let text = "web\u{1b}[2J\u{9b}31m\r\u{202e}x\nnext";
        let clean = sanitize(text);
        assert_eq!(clean, "web\\u{1b}[2J\\u{9b}31m\\u{d}\\u{202e}x\nnext");
    }

    #[test]
    fn ordinary_text_is_not_copied() {
        assert!(matches!(sanitize("网格 web-1\n"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn nothing_harmful_remains(text in any::<String>()) {
            let clean = sanitize(&text);
            prop_assert!(!clean.chars().any(harmful));
        }
    }
}
