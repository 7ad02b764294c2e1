//! Label selectors, as `kubectl -l` takes them, evaluated here: for files,
//! which no API server evaluates them on
//! (Kubernetes `apimachinery/pkg/labels/selector.go`).

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::vec::IntoIter;

use super::Labels;

/// All of its requirements must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Exists,
    Absent,
    In(BTreeSet<String>),
    /// Also true of what lacks the label.
    NotIn(BTreeSet<String>),
    Above(i64),
    Below(i64),
}

/// What is wrong with a selector, as a fragment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SelectorError(String);

impl Selector {
    /// Reads a selector; an empty one selects everything.
    ///
    /// # Errors
    ///
    /// Where the API server would not take it.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let mut parser = Parser(tokens(text).into_iter().peekable());
        let mut all = Vec::new();
        if parser.0.peek().is_none() {
            return Ok(Self(all));
        }
        loop {
            all.push(parser.requirement()?);
            match parser.0.next() {
                None => return Ok(Self(all)),
                Some(Token::Sign(",")) => {}
                Some(other) => return Err(expected("',' or the end", Some(&other))),
            }
        }
    }

    /// Whether these labels fulfil it.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|one| one.holds(labels.get(&one.key)))
    }

    /// The keys whose values it compares.
    pub fn compares(&self) -> impl Iterator<Item = &str> {
        let compares = |one: &&Requirement| !matches!(one.test, Test::Exists | Test::Absent);
        self.0.iter().filter(compares).map(|one| one.key.as_str())
    }
}

impl Requirement {
    fn holds(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match &self.test {
            Test::Exists => value.is_some(),
            Test::Absent => value.is_none(),
            Test::In(values) => value.is_some_and(|value| values.contains(value)),
            Test::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Test::Above(bar) => number().is_some_and(|value| value > *bar),
            Test::Below(bar) => number().is_some_and(|value| value < *bar),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Sign(&'static str),
}

/// The longer ones first.
const SIGNS: [&str; 9] = ["==", "!=", "=", "!", "(", ")", ",", "<", ">"];

fn tokens(mut text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let ends = |c: char| c.is_ascii_whitespace() || "=!(),<>".contains(c);
    loop {
        text = text.trim_start_matches(|c: char| c.is_ascii_whitespace());
        if text.is_empty() {
            return tokens;
        }
        let sign = SIGNS.into_iter().find(|sign| text.starts_with(sign));
        let (token, length) = match sign {
            Some(sign) => (Token::Sign(sign), sign.len()),
            None => {
                let end = text.find(ends).unwrap_or(text.len());
                (Token::Word(text[..end].to_owned()), end)
            }
        };
        tokens.push(token);
        text = &text[length..];
    }
}

fn expected(what: &str, found: Option<&Token>) -> SelectorError {
    let found = match found {
        Some(Token::Word(word)) => format!("{word:?}"),
        Some(Token::Sign(sign)) => format!("'{sign}'"),
        None => "the end".to_owned(),
    };
    SelectorError(format!("found {found}, expected {what}"))
}

struct Parser(Peekable<IntoIter<Token>>);

impl Parser {
    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        let absent = self.0.next_if_eq(&Token::Sign("!")).is_some();
        let key = match self.0.next() {
            Some(Token::Word(key)) => key,
            other => return Err(expected("a label's key", other.as_ref())),
        };
        if !is_key(&key) {
            return Err(SelectorError(format!("{key:?} is no label's key")));
        }
        let test = match self.0.peek() {
            None | Some(Token::Sign(",")) if absent => Test::Absent,
            None | Some(Token::Sign(",")) => Test::Exists,
            other if absent => return Err(expected("',' or the end", other)),
            _ => self.test()?,
        };
        Ok(Requirement { key, test })
    }

    fn test(&mut self) -> Result<Test, SelectorError> {
        let operator = self.0.next();
        Ok(match &operator {
            Some(Token::Sign("=" | "==")) => Test::In([self.value()?].into()),
            Some(Token::Sign("!=")) => Test::NotIn([self.value()?].into()),
            Some(Token::Sign(">")) => Test::Above(self.number()?),
            Some(Token::Sign("<")) => Test::Below(self.number()?),
            Some(Token::Word(word)) if word == "in" => Test::In(self.values()?),
            Some(Token::Word(word)) if word == "notin" => Test::NotIn(self.values()?),
            other => {
                let what = "one of =, ==, !=, in, notin, <, >";
                return Err(expected(what, other.as_ref()));
            }
        })
    }

    fn value(&mut self) -> Result<String, SelectorError> {
        let value = match self.0.next_if(|token| matches!(token, Token::Word(_))) {
            Some(Token::Word(word)) => word,
            _ => String::new(),
        };
        match is_value(&value) {
            true => Ok(value),
            false => Err(SelectorError(format!("{value:?} is no label's value"))),
        }
    }

    fn number(&mut self) -> Result<i64, SelectorError> {
        let value = self.value()?;
        let wrong = |_| SelectorError(format!("{value:?} is no whole number"));
        value.parse().map_err(wrong)
    }

    /// `(a, b)`; what is missing between commas is the empty value.
    fn values(&mut self) -> Result<BTreeSet<String>, SelectorError> {
        match self.0.next() {
            Some(Token::Sign("(")) => {}
            other => return Err(expected("'('", other.as_ref())),
        }
        if self.0.peek() == Some(&Token::Sign(")")) {
            return Err(SelectorError(
                "there is no value between ( and )".to_owned(),
            ));
        }
        let mut values = BTreeSet::new();
        loop {
            values.insert(self.value()?);
            match self.0.next() {
                Some(Token::Sign(",")) => {}
                Some(Token::Sign(")")) => return Ok(values),
                other => return Err(expected("',' or ')'", other.as_ref())),
            }
        }
    }
}

/// A name, with a domain and a slash before it or without.
fn is_key(key: &str) -> bool {
    let domain = |text: &str| {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let part = |part: &str| {
            !part.is_empty()
                && part.bytes().all(plain)
                && !part.starts_with('-')
                && !part.ends_with('-')
        };
        text.len() <= 253 && text.split('.').all(part)
    };
    match key.split_once('/') {
        Some((prefix, name)) => domain(prefix) && !name.is_empty() && is_value(name),
        None => !key.is_empty() && is_value(key),
    }
}

/// Empty, or at most 63 characters of a name.
fn is_value(value: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let outer = |b: Option<u8>| b.is_none_or(|b| b.is_ascii_alphanumeric());
    value.len() <= 63
        && value.bytes().all(inner)
        && outer(value.bytes().next())
        && outer(value.bytes().last())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().copied().collect()
    }

    fn selects(selector: &str, pairs: &[(&str, &str)]) -> bool {
        Selector::parse(selector).unwrap().matches(&labels(pairs))
    }

    #[test]
    fn equality() {
        let team = [("team", "a"), ("empty", "")];
        for yes in [
            "",
            " ",
            "team=a",
            "team==a",
            " team = a ",
            "team!=b",
            "other!=a",
            "empty=",
        ] {
            assert!(selects(yes, &team), "{yes}");
        }
        for no in [
            "team=b",
            "team!=a",
            "other=a",
            "team=",
            "team=a,other=b",
            "other=",
        ] {
            assert!(!selects(no, &team), "{no}");
        }
    }

    #[test]
    fn sets_and_numbers() {
        let team = [("team", "a"), ("example.com/size", "12"), ("in", "x")];
        for yes in [
            "team in (a,b)",
            "team in( b , a )",
            "team notin (b)",
            "other notin (a)",
            "team",
            "!other",
            "team in (a),!other",
            "example.com/size>11",
            "example.com/size < 13",
            "in in (x)",
            "in",
        ] {
            assert!(selects(yes, &team), "{yes}");
        }
        for no in [
            "team in (b)",
            "team notin (a,b)",
            "other in (a)",
            "!team",
            "other",
            "team>1",
            "example.com/size>12",
            "other<1",
            "team in (,b)",
        ] {
            assert!(!selects(no, &team), "{no}");
        }
        assert!(selects("team in (,b)", &[("team", "")]));
    }

    #[test]
    fn what_the_api_server_does_not_take() {
        for bad in [
            "=a",
            "a=b=c",
            "a in b",
            "a in ()",
            "a in (b",
            "a b",
            ",",
            "a,",
            "a,,b",
            "!",
            "!a=b",
            "a>b",
            "a=-b",
            "-a",
            "a//b",
            "/a",
            "A.b/",
            "a=b c",
            "a in (b c)",
            "a notin",
            "a)",
            "(a)",
        ] {
            assert!(Selector::parse(bad).is_err(), "{bad}");
        }
        let error = Selector::parse("a in b").unwrap_err();
        assert_eq!(error.to_string(), "found \"b\", expected '('");
        assert!(Selector::parse(&format!("a={}", "b".repeat(64))).is_err());
    }

    #[test]
    fn which_values_are_compared() {
        let selector = Selector::parse("a,!b,c=1,d notin (2)").unwrap();
        assert_eq!(selector.compares().collect::<Vec<_>>(), ["c", "d"]);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_stumble(text in "[a-c=!(),<> in/.0-9é-]{0,24}") {
            if let Ok(selector) = Selector::parse(&text) {
                selector.matches(&labels(&[("a", "1"), ("b", "")]));
            }
        }
    }
}
