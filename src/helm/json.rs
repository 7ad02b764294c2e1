//! JSON as spans: a scanner that accepts exactly what Go's `encoding/json`
//! accepts and says where each value begins and ends.
//!
//! A record's JSON is not ours to re-encode, so it is never turned into a tree:
//! readers step through it and skip what they do not want. Skipping uses no
//! recursion, and a text nested deeper than Go reads is refused.

use std::ops::Range;

mod strings;

pub(crate) use strings::{fold, names, quote, splice, unquote};

/// How deep Go's decoder reads (`maxNestingDepth`, encoding/json/scanner.go).
const DEPTH_LIMIT: usize = 10_000;

/// Why a text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// The text ends inside a value.
    #[error("unexpected end of data")]
    End,
    /// A byte that cannot stand where it stands.
    #[error("unexpected byte at offset {0}")]
    Byte(usize),
    /// More levels of arrays and objects than Go reads.
    #[error("nested more than {DEPTH_LIMIT} levels deep")]
    Depth,
}

/// What kind of value comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    Number,
    Bool,
    Null,
}

/// A position in a text.
///
/// The caller alternates: [`Scanner::enter`] an object or array, then
/// [`Scanner::next_key`] or [`Scanner::next_item`] until it says that the end
/// was passed, taking exactly one value after each.
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    /// Whether an object or array was entered and nothing in it was read yet.
    fresh: bool,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            depth: 0,
            fresh: false,
        }
    }

    /// The offset of the next byte that is not read yet.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// The bytes of a span.
    pub(crate) fn slice(&self, span: Range<usize>) -> &'a [u8] {
        self.bytes.get(span).unwrap_or_default()
    }

    /// Steps over white space and tells the kind of the value that follows.
    pub(crate) fn kind(&mut self) -> Result<Kind, SyntaxError> {
        match self.peek()? {
            b'{' => Ok(Kind::Object),
            b'[' => Ok(Kind::Array),
            b'"' => Ok(Kind::String),
            b't' | b'f' => Ok(Kind::Bool),
            b'n' => Ok(Kind::Null),
            b'-' | b'0'..=b'9' => Ok(Kind::Number),
            _ => Err(SyntaxError::Byte(self.at)),
        }
    }

    /// Steps into the object (`b'{'`) or array (`b'['`) that comes next.
    pub(crate) fn enter(&mut self, open: u8) -> Result<(), SyntaxError> {
        self.expect(open)?;
        if self.depth == DEPTH_LIMIT {
            return Err(SyntaxError::Depth);
        }
        self.depth += 1;
        self.fresh = true;
        Ok(())
    }

    /// The span of the next member's key, with its quotes, leaving its value to
    /// be read; `None` once the object's end is passed.
    pub(crate) fn next_key(&mut self) -> Result<Option<Range<usize>>, SyntaxError> {
        if !self.advance(b'}')? {
            return Ok(None);
        }
        self.peek()?;
        let key = self.string()?;
        self.expect(b':')?;
        Ok(Some(key))
    }

    /// Whether another element follows, to be read; `false` once the array's
    /// end is passed.
    pub(crate) fn next_item(&mut self) -> Result<bool, SyntaxError> {
        self.advance(b']')
    }

    /// Reads one whole value and returns its span, white space around it left
    /// out.
    pub(crate) fn skip(&mut self) -> Result<Range<usize>, SyntaxError> {
        self.peek()?;
        let start = self.at;
        let mut open = Vec::new();
        loop {
            match self.kind()? {
                Kind::Object => {
                    self.enter(b'{')?;
                    open.push(Kind::Object);
                }
                Kind::Array => {
                    self.enter(b'[')?;
                    open.push(Kind::Array);
                }
                Kind::String => {
                    self.string()?;
                }
                Kind::Number => self.number()?,
                Kind::Bool | Kind::Null => self.literal()?,
            }
            loop {
                let more = match open.last() {
                    None => return Ok(start..self.at),
                    Some(Kind::Object) => self.next_key()?.is_some(),
                    Some(_) => self.next_item()?,
                };
                if more {
                    break;
                }
                open.pop();
            }
        }
    }

    /// Makes sure that nothing but white space follows.
    pub(crate) fn end(&mut self) -> Result<(), SyntaxError> {
        match self.peek() {
            Ok(_) => Err(SyntaxError::Byte(self.at)),
            Err(_) => Ok(()),
        }
    }

    /// Steps to the next member or element; `false` if `close` was there.
    fn advance(&mut self, close: u8) -> Result<bool, SyntaxError> {
        let fresh = std::mem::take(&mut self.fresh);
        if self.peek()? == close {
            self.at += 1;
            self.depth -= 1;
            return Ok(false);
        }
        if !fresh {
            self.expect(b',')?;
        }
        Ok(true)
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Result<u8, SyntaxError> {
        loop {
            match self.byte()? {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                byte => return Ok(byte),
            }
        }
    }

    fn byte(&self) -> Result<u8, SyntaxError> {
        self.bytes.get(self.at).copied().ok_or(SyntaxError::End)
    }

    fn expect(&mut self, wanted: u8) -> Result<(), SyntaxError> {
        if self.peek()? != wanted {
            return Err(SyntaxError::Byte(self.at));
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<Range<usize>, SyntaxError> {
        let start = self.at;
        if self.byte()? != b'"' {
            return Err(SyntaxError::Byte(self.at));
        }
        self.at += 1;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            // Most of a payload is strings: both of these look at many bytes at once.
            let end = memchr::memchr2(b'"', b'\\', rest);
            let plain = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            if plain.iter().fold(u8::MAX, |least, byte| least.min(*byte)) < 0x20 {
                let control = plain.iter().position(|byte| *byte < 0x20);
                return Err(SyntaxError::Byte(self.at + control.unwrap_or_default()));
            }
            self.at += end.ok_or(SyntaxError::End)?;
            match self.byte()? {
                b'"' => {
                    self.at += 1;
                    return Ok(start..self.at);
                }
                _ => self.escape()?,
            }
        }
    }

    fn escape(&mut self) -> Result<(), SyntaxError> {
        self.at += 1;
        let digits = match self.byte()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 0,
            b'u' => 4,
            _ => return Err(SyntaxError::Byte(self.at)),
        };
        self.at += 1;
        for _ in 0..digits {
            if !self.byte()?.is_ascii_hexdigit() {
                return Err(SyntaxError::Byte(self.at));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), SyntaxError> {
        if self.byte()? == b'-' {
            self.at += 1;
        }
        if self.byte()? == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.byte() == Ok(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Ok(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Ok(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), SyntaxError> {
        if !self.byte()?.is_ascii_digit() {
            return Err(SyntaxError::Byte(self.at));
        }
        while self.byte().is_ok_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn literal(&mut self) -> Result<(), SyntaxError> {
        let word: &[u8] = match self.byte()? {
            b't' => b"true",
            b'f' => b"false",
            _ => b"null",
        };
        for wanted in word {
            if self.byte()? != *wanted {
                return Err(SyntaxError::Byte(self.at));
            }
            self.at += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(text: &[u8]) -> Result<Range<usize>, SyntaxError> {
        let mut scanner = Scanner::new(text);
        let span = scanner.skip()?;
        scanner.end().map(|()| span)
    }

    #[test]
    fn accepts_and_refuses_what_go_does() {
        for text in [
            " {} ",
            "[]",
            "[1,-0,0.5,1e9,1E-2,-1.5e+3]",
            r#"{"a":[{"b":null},true,false,"\u00e9\/\""]}"#,
        ] {
            assert!(whole(text.as_bytes()).is_ok(), "{text}");
        }
        for text in [
            "",
            " ",
            "{",
            "[1,]",
            r#"{"a":1,}"#,
            "{,}",
            "[,1]",
            "01",
            "-",
            "1.",
            "1e",
            "tru",
            "nul0",
            r#""\x""#,
            r#""\u12g4""#,
            "\"\n\"",
            "\"",
            "{} {}",
            "[1}",
            r#"{"a" 1}"#,
            "{1:2}",
            "[1 2]",
            "+1",
            "\u{feff}{}",
        ] {
            assert!(whole(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(whole(b" [1] "), Ok(1..4));
        assert_eq!(whole(b"[1"), Err(SyntaxError::End));
        assert_eq!(whole(b"[1]x"), Err(SyntaxError::Byte(3)));
    }

    #[test]
    fn depth_is_bounded_where_go_bounds_it() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(whole(nested(10_000).as_bytes()).is_ok());
        assert_eq!(whole(nested(10_001).as_bytes()), Err(SyntaxError::Depth));
    }

    proptest! {
        #[test]
        fn what_serde_json_reads_is_read(text in "[\\[\\]{}\",:a1\\\\u.e -]{0,24}") {
            if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
                prop_assert!(whole(text.as_bytes()).is_ok());
            }
            // serde_json alone refuses numbers beyond f64, lone surrogates and
            // keys that it reserves; none can be made of these characters
            // but the first.
            if whole(text.as_bytes()).is_ok() && !text.contains(['e', 'u']) {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
            }
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = whole(&bytes);
        }
    }
}
