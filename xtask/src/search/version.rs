//! What a key holds at a time, and how it is looked for.
//!
//! 1. A version's words and numbers are in no other version of any key, and too far from all others
//!    to be taken for misspelt.
//! 2. Every second version is a structure; of both kinds every second is stored as bytes, the others
//!    as values.

use crate::random::Random;
use crate::resp::{Command, command};

/// Letters of the unique words: without vowels they are no word that has a stem.
const LETTERS: &[u8; 16] = b"bcdfghjklmnpqrtv";

/// Words that many versions have.
const COMMON: &[&str] = &[
    "report", "about", "river", "machine", "learning", "garden", "winter", "music", "engine",
    "market", "science", "harbour", "kitchen", "mountain", "paper", "signal",
];

/// How something is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Value,
    Field,
    Meaning,
}

/// A search that finds one version and no other, except that one by meaning may list others of
/// the same prefix after it.
pub(super) struct Search {
    pub(super) kind: Kind,
    pub(super) command: Command,
}

/// The content of a key between two changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    /// The key's number among all.
    pub(super) key: u32,
    /// The number of the change, below 2²⁴.
    pub(super) number: u32,
}

impl Version {
    /// The command that stores it.
    pub(super) fn write(self, key: &str) -> Command {
        let value = match (self.is_structure(), self.is_stored_as_value()) {
            (true, _) => self.json(),
            (false, true) => quoted(&self.text()),
            (false, false) => self.text(),
        };
        let name = match self.is_stored_as_value() {
            true => "KV.SET",
            false => "SET",
        };
        command(&[name, key, &value])
    }

    /// All ways to look for it; those by meaning among the keys with `prefix`.
    pub(super) fn searches(self, prefix: &str) -> Vec<Search> {
        let [first, second, third, name, tag] = self.words();
        let mut searches = vec![
            search(Kind::Word, &["KV.SEARCH", &third]),
            search(Kind::Word, &["KV.SEARCH", &format!("\"{first} {second}\"")]),
            search(Kind::Value, &["KV.FIND", &self.json()]),
            search(
                Kind::Meaning,
                &["KV.SIMILAR", &self.text(), "K", "10", "PREFIX", prefix],
            ),
        ];
        if self.is_structure() {
            let number = self.id().to_string();
            searches.extend([
                search(Kind::Word, &["KV.SEARCH", &format!("name:{name}")]),
                search(Kind::Field, &["KV.FIND", &quoted(&name), "AT", "name"]),
                search(Kind::Field, &["KV.FIND", &number, "AT", "place.number"]),
                search(Kind::Field, &["KV.FIND", &quoted(&tag), "AT", "place.tags"]),
            ]);
        }
        searches
    }

    fn is_structure(self) -> bool {
        self.number % 2 == 1
    }

    fn is_stored_as_value(self) -> bool {
        self.number / 2 % 2 == 1
    }

    fn json(self) -> String {
        let text = quoted(&self.text());
        if !self.is_structure() {
            return text;
        }
        let ([_, _, _, name, tag], number) = (self.words(), self.id());
        format!(
            r#"{{"name": "{name}", "note": {text}, "place": {{"number": {number}, "tags": ["{tag}", "all"]}}}}"#
        )
    }

    fn text(self) -> String {
        let [first, second, third, ..] = self.words();
        let mut random = Random::new(self.id());
        let [a, b, c, d] = std::array::from_fn(|_| *random.pick(COMMON));
        format!("{first} {second}, {a} {b} of the {third} {c} and {d}")
    }

    fn words(self) -> [String; 5] {
        std::array::from_fn(|place| word((self.id() << 3) | place as u64))
    }

    fn id(self) -> u64 {
        (u64::from(self.key) << 24) | u64::from(self.number)
    }
}

fn search(kind: Kind, words: &[&str]) -> Search {
    Search {
        kind,
        command: command(words),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// Another word for each number: what [`Random`] does to its state can be undone.
fn word(number: u64) -> String {
    let mixed = Random::new(number).next();
    let letter = |at: u32| {
        let index = usize::try_from((mixed >> (4 * at)) & 15).expect("below 16");
        char::from(LETTERS[index])
    };
    (0..16).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_versions_share_a_unique_word() {
        let numbers = 0..40;
        let versions =
            numbers.flat_map(|key| (0..40).map(move |number| Version { key, number }.words()));
        let words: Vec<String> = versions.flatten().collect();
        let different: BTreeSet<&String> = words.iter().collect();
        assert_eq!(different.len(), words.len());
    }

    #[test]
    fn a_structure_is_json_with_the_text_in_it() {
        let version = Version { key: 3, number: 7 };
        let json: serde_json::Value = serde_json::from_str(&version.json()).unwrap();
        assert_eq!(json["note"], version.text());
        assert_eq!(json["place"]["number"], version.id());
    }
}
