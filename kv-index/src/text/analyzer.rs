//! From text to words: where they begin and end, how they are written for comparison, their stems.
//!
//! 1. Words are those of Unicode (UAX #29, word boundaries) that hold a letter or a digit: `can't`,
//!    `3.14` and `example.com` are one word, `well-known` is two, ideographs are one each.
//! 2. Words are compared in lower case, with `ß` as `ss`, one sigma and one apostrophe, without
//!    soft hyphens and joiners; at most [`WORD_BYTES_MAX`] bytes of a word count.
//! 3. ASCII text is cut by a table instead; the words are the same. In lower case it is not copied.
//! 4. Depends on nothing but the text: the same on every machine and at all times.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use frostem::{Algorithm, Stemmer};
use unicode_segmentation::UnicodeSegmentation;

/// Bytes of a word that count; what is beyond is as if it were not there.
pub const WORD_BYTES_MAX: usize = 64;

/// How words are brought to their stems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stemming {
    /// They are not.
    Off,
    /// As in this language.
    Language(Algorithm),
}

impl Default for Stemming {
    fn default() -> Stemming {
        Stemming::Language(Algorithm::English)
    }
}

impl FromStr for Stemming {
    type Err = String;

    /// `none`, or a language's name or ISO 639 code in lower case.
    fn from_str(text: &str) -> Result<Stemming, String> {
        if text == "none" {
            return Ok(Stemming::Off);
        }
        let algorithm = Algorithm::from_name(text);
        algorithm.map(Stemming::Language).map_err(|_| {
            let names: Vec<_> = Algorithm::all().iter().map(|known| known.name()).collect();
            let names = names.join(", ");
            format!("there is no language `{text}`; there are none, {names}")
        })
    }
}

impl fmt::Display for Stemming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stemming::Off => "none",
            Stemming::Language(algorithm) => algorithm.name(),
        })
    }
}

/// Brings words to their stems.
#[derive(Debug, Clone, Copy, Default)]
pub struct Analyzer {
    stemming: Stemming,
}

impl Analyzer {
    /// With this stemming.
    #[must_use]
    pub fn new(stemming: Stemming) -> Analyzer {
        Analyzer { stemming }
    }

    /// The stem of a folded word.
    #[must_use]
    pub fn stem<'a>(&self, word: &'a str) -> Cow<'a, str> {
        match self.stemming {
            Stemming::Off => Cow::Borrowed(word),
            Stemming::Language(algorithm) => match Stemmer::new(algorithm).stem(word) {
                stem if stem.is_empty() => Cow::Borrowed(word),
                stem => stem,
            },
        }
    }
}

/// Calls `visit` with each word's place in `text`, and the word folded.
pub fn for_each_word(text: &str, mut visit: impl FnMut(Range<usize>, &str)) {
    if text.is_ascii() {
        return for_each_ascii_word(text, visit);
    }
    let mut folded = String::new();
    for (start, word) in text.unicode_word_indices() {
        folded.clear();
        fold(word, &mut folded);
        visit(start..start + word.len(), cut(&folded));
    }
}

fn fold(word: &str, folded: &mut String) {
    for letter in word.chars() {
        match letter {
            'A'..='Z' => folded.push(letter.to_ascii_lowercase()),
            '\0'..='\x7f' => folded.push(letter),
            'ß' | 'ẞ' => folded.push_str("ss"),
            'ς' => folded.push('σ'),
            '‘' | '’' => folded.push('\''),
            '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => {}
            _ => folded.extend(letter.to_lowercase()),
        }
    }
}

fn cut(word: &str) -> &str {
    &word[..word.floor_char_boundary(WORD_BYTES_MAX)]
}

const LETTER: u8 = 1;
const DIGIT: u8 = 2;
const UNDERSCORE: u8 = 4;
const IN_WORD: u8 = LETTER | DIGIT | UNDERSCORE;
const UPPER: u8 = 8;
/// Joins two letters, or two digits, that it lies between.
const JOINS_LETTERS: u8 = 16;
const JOINS_DIGITS: u8 = 32;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0u8;
    while byte < 128 {
        classes[byte as usize] = match byte {
            b'a'..=b'z' => LETTER,
            b'A'..=b'Z' => LETTER | UPPER,
            b'0'..=b'9' => DIGIT,
            b'_' => UNDERSCORE,
            b'.' | b'\'' => JOINS_LETTERS | JOINS_DIGITS,
            b':' => JOINS_LETTERS,
            b',' | b';' => JOINS_DIGITS,
            _ => 0,
        };
        byte += 1;
    }
    classes
}

fn class(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).map_or(0, |&byte| CLASSES[usize::from(byte)])
}

fn for_each_ascii_word(text: &str, mut visit: impl FnMut(Range<usize>, &str)) {
    let bytes = text.as_bytes();
    let mut folded = String::new();
    let mut end = 0;
    while let Some(gap) = bytes[end..]
        .iter()
        .position(|&byte| CLASSES[usize::from(byte)] & IN_WORD != 0)
    {
        let start = end + gap;
        let seen;
        (end, seen) = ascii_word(bytes, start);
        if seen & (LETTER | DIGIT) == 0 {
            continue;
        }
        let word = &text[start..end.min(start + WORD_BYTES_MAX)];
        if seen & UPPER == 0 {
            visit(start..end, word);
            continue;
        }
        folded.clear();
        folded.push_str(word);
        folded.make_ascii_lowercase();
        visit(start..end, &folded);
    }
}

/// Where the word that starts at `start` ends, and all classes of bytes in it.
fn ascii_word(bytes: &[u8], start: usize) -> (usize, u8) {
    let mut end = start;
    let mut seen = 0;
    let mut last = 0;
    loop {
        let next = class(bytes, end);
        if next & IN_WORD != 0 {
            seen |= next;
            last = next;
            end += 1;
            continue;
        }
        let joined = last & class(bytes, end + 1);
        let letters = next & JOINS_LETTERS != 0 && joined & LETTER != 0;
        let digits = next & JOINS_DIGITS != 0 && joined & DIGIT != 0;
        if !(letters || digits) {
            return (end, seen);
        }
        end += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut words = Vec::new();
        for_each_word(text, |_, word| words.push(word.to_owned()));
        words
    }

    #[test]
    fn words_are_folded() {
        let text = "Straße, STRASSE! Don’t co\u{ad}operate: ΟΔΟΣ οδος 3.14 e.g. 東京";
        let expected = "strasse strasse don't cooperate οδοσ οδοσ 3.14 e.g 東 京";
        assert_eq!(words(text).join(" "), expected);
    }

    #[test]
    fn long_words_are_cut_between_letters() {
        assert_eq!(words(&"x".repeat(1000)), ["x".repeat(WORD_BYTES_MAX)]);
        let umlauts = format!("a{}", "ö".repeat(1000));
        assert_eq!(words(&umlauts)[0].len(), WORD_BYTES_MAX - 1);
    }

    #[test]
    fn stemming_is_named_by_language() {
        let stem = |name: &str, word| {
            let stemming: Stemming = name.parse().unwrap();
            Analyzer::new(stemming).stem(word).into_owned()
        };
        assert_eq!(stem("english", "running"), "run");
        assert_eq!(stem("de", "automaten"), "automat");
        assert_eq!(stem("none", "running"), "running");
        assert!(
            "klingon"
                .parse::<Stemming>()
                .unwrap_err()
                .contains("german")
        );
    }

    proptest! {
        #[test]
        fn ascii_words_are_those_of_unicode(text in "[a-cA-C0-2_.':,; \\-\"@\n\u{1}]{0,40}") {
            let mut fast = Vec::new();
            for_each_ascii_word(&text, |place, word| fast.push((place.start, word.to_owned())));
            let slow: Vec<_> = text
                .unicode_word_indices()
                .map(|(start, word)| (start, word.to_ascii_lowercase()))
                .collect();
            prop_assert_eq!(fast, slow);
        }
    }
}
