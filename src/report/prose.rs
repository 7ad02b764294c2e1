//! Sentences that fit the terminal.

use textwrap::core::Word;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Voice;

/// Below this a sentence would be a column of words.
const NARROWEST: u16 = 30;

/// A sentence behind its mark (`  - `), with what does not fit below it, under
/// the sentence. Nothing is broken inside a word, and nothing at all where no
/// person reads: scripts want a line to stay one.
pub(super) fn prose(voice: &Voice, mark: &str, text: &str) -> String {
    let Some(width) = voice.width else {
        return format!("{mark}{text}\n");
    };
    let below = " ".repeat(mark.width());
    let options = Options::new(width.max(NARROWEST).into())
        .initial_indent(mark)
        .subsequent_indent(&below)
        .break_words(false)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .word_separator(WordSeparator::Custom(words));
    let mut lines = String::new();
    for line in textwrap::wrap(text, options) {
        lines += &line;
        lines += "\n";
    }
    lines
}

/// What a line may be broken behind: spaces, and any Chinese character unless
/// punctuation follows that must not begin a line.
fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let mut rest = line;
    Box::new(std::iter::from_fn(move || {
        let mut chars = rest.char_indices().peekable();
        let mut end = rest.len();
        while let Some((_, this)) = chars.next() {
            let Some(&(at, next)) = chars.peek() else {
                break;
            };
            let wide = is_wide(this) && !closes(next) && next != ' ';
            if wide
                || (this == ' ' && next != ' ')
                || (is_wide(next) && !closes(next) && this != ' ' && !opens(this))
            {
                end = at;
                break;
            }
        }
        let (word, left) = rest.split_at_checked(end)?;
        rest = left;
        (!word.is_empty()).then(|| Word::from(word))
    }))
}

fn is_wide(c: char) -> bool {
    c.width() == Some(2)
}

/// Punctuation that belongs to what stands before it.
fn closes(c: char) -> bool {
    "，。、；：？！）」』》】”’,.;:?!)".contains(c)
}

/// Punctuation that belongs to what follows it.
fn opens(c: char) -> bool {
    "（「『《【“‘(".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Lang;
    use proptest::prelude::*;

    fn voice(width: Option<u16>) -> Voice {
        Voice {
            invoked: "zadig-doctor".to_owned(),
            keep: Vec::new(),
            keep_for_helm: Vec::new(),
            driver: crate::helm::Driver::Secret,
            lang: Lang::En,
            width,
        }
    }

    #[test]
    fn a_sentence_hangs_below_itself() {
        let text = "nothing wrote for 21s (the bar is 20s); looked at 6 records and objects";
        assert_eq!(
            prose(&voice(Some(40)), "  - ", text),
            "  - nothing wrote for 21s (the bar is\n    20s); looked at 6 records and\n    objects\n"
        );
        assert_eq!(prose(&voice(None), "  - ", text), format!("  - {text}\n"));
    }

    #[test]
    fn chinese_is_broken_between_characters_and_never_before_a_comma() {
        let text =
            "操作开始后一直没有结束，而且没有任何东西还在运行。可以用 zadig-doctor unstick 修复";
        assert_eq!(
            prose(&voice(Some(30)), "  ", text),
            "  操作开始后一直没有结束，而且\n  没有任何东西还在运行。可以用\n  zadig-doctor unstick 修复\n"
        );
    }

    #[test]
    fn a_word_that_does_not_fit_is_left_whole() {
        let long = "x".repeat(50);
        let text = format!("see {long} there");
        assert_eq!(
            prose(&voice(Some(30)), "", &text),
            format!("see\n{long}\nthere\n")
        );
    }

    proptest! {
        #[test]
        fn no_letter_is_lost(text in "[a-z，。文 (]{0,80}", width in 30u16..90) {
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            let wrapped = prose(&voice(Some(width)), "  ", &text);
            prop_assert_eq!(letters(&wrapped), letters(&text));
        }

        #[test]
        fn what_can_fit_fits(words in prop::collection::vec("[a-z]{1,9}|文{1,9}", 0..30), width in 30u16..90) {
            let wrapped = prose(&voice(Some(width)), "  ", &words.join(" "));
            for line in wrapped.lines() {
                prop_assert!(line.width() <= width.into(), "{:?}", line);
            }
        }
    }
}
