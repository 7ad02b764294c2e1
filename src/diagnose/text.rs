//! Texts that people read, in the two languages of most of Zadig's users.

/// The same text in both languages.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// English.
    pub en: &'static str,
    /// Chinese.
    pub zh: &'static str,
}

/// A language that texts come in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Chinese.
    Zh,
}

impl Text {
    /// The text in that language.
    pub fn get(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::En => self.en,
            Lang::Zh => self.zh,
        }
    }
}

/// What `explain` says of a check.
#[derive(Clone, Copy, Debug)]
pub struct Explanation {
    /// A few words.
    pub title: Text,
    /// What the state is, and what Helm answers in it.
    pub meaning: Text,
    /// How it comes about.
    pub cause: Text,
    /// What to do, by which command. `{self}` stands for this tool's name as
    /// it was invoked.
    pub cure: Text,
}
