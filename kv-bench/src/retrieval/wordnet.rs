//! Reads WordNet's database files.
//!
//! A line of `data.noun` and its siblings (wndb(5WN)) is one synset:
//!
//! ```text
//! offset file type w_cnt word id … p_cnt symbol offset pos src/tgt … [frames] | gloss
//! ```
//!
//! where `w_cnt` is hexadecimal and a gloss holds a definition and quoted examples. A line of
//! `noun.exc` and its siblings is an irregular form and its base.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result};

/// A file's suffix and the letter that pointers call it by.
const FILES: [(&str, char); 4] = [("noun", 'n'), ("verb", 'v'), ("adj", 'a'), ("adv", 'r')];

/// A set of words with one meaning.
#[derive(Debug, Clone)]
pub struct Synset {
    /// Part of speech: n, v, a or r.
    pub part: char,
    /// The words, with spaces.
    pub words: Vec<String>,
    /// What it means, without examples.
    pub definition: String,
    /// Examples of use.
    pub examples: Vec<String>,
    /// The places of more general synsets.
    pub hypernyms: Vec<usize>,
    /// The places of all synsets that it points to.
    pub related: Vec<usize>,
}

impl Synset {
    /// Words and gloss.
    #[must_use]
    pub fn document(&self) -> String {
        let examples = self.examples.iter().map(|text| format!("; \"{text}\""));
        self.bare_document() + &examples.collect::<String>()
    }

    /// Words and gloss without examples.
    #[must_use]
    pub fn bare_document(&self) -> String {
        format!("{}: {}", self.words.join(", "), self.definition)
    }
}

/// All synsets, and the irregular forms of words.
#[derive(Debug)]
pub struct WordNet {
    /// In the order of the files.
    pub synsets: Vec<Synset>,
    /// Part of speech, form, base.
    pub irregular: Vec<(char, String, String)>,
}

impl WordNet {
    /// Reads all files of a directory.
    ///
    /// # Errors
    /// If one is missing or has a line of another form.
    pub fn read(dir: &Path) -> Result<WordNet> {
        let mut lines = Vec::new();
        let mut irregular = Vec::new();
        for (suffix, part) in FILES {
            let data = read(&dir.join(format!("data.{suffix}")))?;
            for line in data.lines().filter(|line| !line.starts_with("  ")) {
                let parsed = Line::parse(line, part)
                    .with_context(|| format!("data.{suffix}: not a synset: {line}"))?;
                lines.push(parsed);
            }
            let exceptions = read(&dir.join(format!("{suffix}.exc")))?;
            irregular.extend(exceptions.lines().filter_map(|line| {
                let (form, base) = line.split_once(' ')?;
                Some((part, form.to_owned(), base.to_owned()))
            }));
        }
        Ok(WordNet {
            synsets: connected(lines),
            irregular,
        })
    }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| {
        format!(
            "cannot read {} (Debian has it in wordnet-base)",
            path.display()
        )
    })
}

/// Where a synset lies: its file and its offset there.
type Address = (char, u32);

struct Line {
    address: Address,
    synset: Synset,
    pointers: Vec<(String, Address)>,
}

impl Line {
    fn parse(line: &str, part: char) -> Option<Line> {
        let (fields, gloss) = line.split_once(" | ")?;
        let mut fields = fields.split(' ');
        let offset = fields.next()?.parse().ok()?;
        let word_count = usize::from_str_radix(fields.nth(2)?, 16).ok()?;
        let mut words = Vec::new();
        for _ in 0..word_count {
            words.push(word(fields.next()?));
            fields.next()?;
        }
        let pointer_count: usize = fields.next()?.parse().ok()?;
        let mut pointers = Vec::new();
        for _ in 0..pointer_count {
            let symbol = fields.next()?.to_owned();
            let offset = fields.next()?.parse().ok()?;
            let part = fields.next()?.chars().next()?;
            pointers.push((symbol, (part, offset)));
            fields.next()?;
        }
        let (definition, examples) = definition_and_examples(gloss);
        Some(Line {
            address: (part, offset),
            synset: Synset {
                part,
                words,
                definition,
                examples,
                hypernyms: Vec::new(),
                related: Vec::new(),
            },
            pointers,
        })
    }
}

/// A word without its syntactic marker, as in `galore(ip)`, and with spaces.
fn word(field: &str) -> String {
    let bare = field.split('(').next().unwrap_or(field);
    bare.replace('_', " ")
}

/// What is outside quotes, and what is inside.
fn definition_and_examples(gloss: &str) -> (String, Vec<String>) {
    let mut outside = String::new();
    let mut examples = Vec::new();
    for (index, piece) in gloss.split('"').enumerate() {
        if index % 2 == 0 {
            outside.push_str(piece.trim_end_matches(['-', ' ']));
        } else {
            examples.push(piece.trim().to_owned());
        }
    }
    let definition = outside.trim_matches([';', ' ', ',']).to_owned();
    (definition, examples)
}

fn connected(lines: Vec<Line>) -> Vec<Synset> {
    let places: HashMap<Address, usize> = lines
        .iter()
        .enumerate()
        .map(|(place, line)| (line.address, place))
        .collect();
    let connect = |line: Line| {
        let mut synset = line.synset;
        for (symbol, address) in line.pointers {
            let Some(&place) = places.get(&address) else {
                continue;
            };
            synset.related.push(place);
            if symbol.starts_with('@') {
                synset.hypernyms.push(place);
            }
        }
        synset
    };
    lines.into_iter().map(connect).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart() {
        let line = "00045646 04 n 02 rally 1 hold_up(p) 1 002 @ 00036762 n 0000 + 01097978 v 0204 | \
                    the feat of mustering strength; \"he singled to start a rally\"; \"a rally\"  ";
        let line = Line::parse(line, 'n').unwrap();
        assert_eq!(line.address, ('n', 45_646));
        assert_eq!(line.synset.words, ["rally", "hold up"]);
        assert_eq!(line.synset.definition, "the feat of mustering strength");
        assert_eq!(
            line.synset.examples,
            ["he singled to start a rally", "a rally"]
        );
        assert_eq!(line.pointers[0], ("@".to_owned(), ('n', 36_762)));
    }

    #[test]
    fn a_line_of_another_form_is_refused() {
        for line in [
            "",
            "1 2 3",
            "00045646 04 n zz rally 1 000 | x",
            "1 04 n 02 rally 1 000 | x",
        ] {
            assert!(Line::parse(line, 'n').is_none(), "{line}");
        }
    }
}
