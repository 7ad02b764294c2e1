//! Values → text, for people and for scripts.
//!
//! Pure: functions return the text, somebody else prints it. JSON goes through
//! frozen structs of this room, never through the types that the rest of the
//! tool thinks with, so that those can change and scripts keep working.

use crate::diagnose::{Advice, Command, Lang};
use crate::helm::Driver;

pub mod archive;
pub mod check;
pub mod contents;
pub mod diff;
pub mod explain;
pub mod export;
pub mod operation;
mod parts;
pub mod plan;
mod prose;
pub mod ready;
pub mod snapshot;
pub mod stored;
mod table;
pub mod trace;
pub mod verify;

/// How the tool speaks: to whom, under which name.
#[derive(Clone, Debug)]
pub struct Voice {
    /// The command as the user invoked it: `kubectl zadig-doctor`.
    pub invoked: String,
    /// Connection flags the user gave that a pasted command needs too.
    pub keep: Vec<String>,
    /// The same as Helm calls them.
    pub keep_for_helm: Vec<String>,
    /// What the shell in which they are pasted tells Helm to keep records in.
    pub driver: Driver,
    /// The language of texts that come in two.
    pub lang: Lang,
    /// Columns, where a person reads; none where a program does.
    pub width: Option<u16>,
}

impl Voice {
    /// A command of this tool, ready to paste.
    pub fn own<S: AsRef<str>>(&self, arguments: &[S]) -> String {
        let arguments = arguments.iter().map(AsRef::as_ref);
        let words = arguments.chain(self.keep.iter().map(String::as_str));
        let words: Vec<_> = words.map(quote).collect();
        format!("{} {}", self.invoked, words.join(" "))
    }

    /// An advice's command, ready to paste.
    pub fn command(&self, advice: &Advice) -> Option<String> {
        advice.command.as_ref().map(|command| self.paste(command))
    }

    /// A command, ready to paste.
    pub fn paste(&self, command: &Command) -> String {
        match command {
            Command::Own(arguments) => self.own(arguments),
            Command::Helm(driver, arguments) => {
                let helm = match driver {
                    driver if *driver == self.driver => "helm",
                    Driver::Secret => "HELM_DRIVER=secret helm",
                    Driver::ConfigMap => "HELM_DRIVER=configmap helm",
                };
                let words: Vec<_> = arguments
                    .iter()
                    .chain(&self.keep_for_helm)
                    .map(|word| quote(word))
                    .collect();
                format!("{helm} {}", words.join(" "))
            }
        }
    }
}

/// The word as a POSIX shell reads it back.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// Pretty JSON with a line feed at its end.
fn json<T: serde::Serialize>(value: &T) -> String {
    // Our own structs of strings and numbers: there is nothing that fails.
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    escaped(&text) + "\n"
}

/// JSON in which what could deceive a terminal is escaped as JSON has it, so that
/// nobody has to make it visible in a way that no parser reads.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => text += &format!("\\u{:04x}", u32::from(c)),
            c => text.push(c),
        }
    }
    text
}

/// `1 record`, `2 records`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

/// A size as people read it, in units of 1024.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..10_240 => format!("{bytes} B"),
        10_240..10_485_760 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helm_is_told_its_driver_where_the_shell_says_another() {
        let pasted = |shell, of| {
            let voice = Voice {
                invoked: "zadig-doctor".to_owned(),
                keep: Vec::new(),
                keep_for_helm: Vec::new(),
                driver: shell,
                lang: Lang::En,
                width: None,
            };
            voice.paste(&Command::Helm(of, vec!["list".to_owned()]))
        };
        let (secret, map) = (Driver::Secret, Driver::ConfigMap);
        assert_eq!(pasted(secret, secret), "helm list");
        assert_eq!(pasted(map, map), "helm list");
        assert_eq!(pasted(secret, map), "HELM_DRIVER=configmap helm list");
        assert_eq!(pasted(map, secret), "HELM_DRIVER=secret helm list");
    }

    #[test]
    fn json_hides_nothing_and_stays_json() {
        let odd = "a\u{1b}\u{7f}\u{9b}\u{200b}\u{202e}\u{2066}\u{feff}\n網";
        let text = json(&odd);
        assert_eq!(
            text,
            "\"a\\u001b\\u007f\\u009b\\u200b\\u202e\\u2066\\ufeff\\n網\"\n"
        );
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), odd);
    }
}
