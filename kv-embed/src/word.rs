//! The words of a text.
//!
//! A word is a run of letters and digits, lower-cased, without accents. An apostrophe within a word
//! is left out (`don't` is `dont`). Scripts that put no space between words yield overlapping pairs
//! of characters instead.
//!
//! 1. A word has 1 to [`LETTERS_MAX`] letters; a longer run is cut into several words.
//! 2. A text has at most [`WORDS_MAX`] words; what follows does not count.
//! 3. Finding a word allocates nothing.
//!
//! Letters are told from other characters by the Unicode tables of Rust's standard library, so
//! they can change for characters that a later Unicode version adds; for no others.

/// Most letters of a word.
pub const LETTERS_MAX: usize = 32;

/// Most words of a text that count.
pub const WORDS_MAX: usize = 4_096;

/// Stands before a word's first letter.
const START: char = '<';
/// Stands behind a word's last letter.
const END: char = '>';

/// One word, its letters between two marks.
#[derive(Debug, Clone)]
pub struct Word {
    marked: [char; LETTERS_MAX + 2],
    len: usize,
}

impl Word {
    fn new() -> Word {
        Word {
            marked: [START; LETTERS_MAX + 2],
            len: 0,
        }
    }

    /// The letters, lower-case.
    #[must_use]
    pub fn letters(&self) -> &[char] {
        &self.marked[1..=self.len]
    }

    /// The letters with a mark on either side, which no letter equals.
    pub(crate) fn marked(&self) -> &[char] {
        &self.marked[..self.len + 2]
    }

    fn push(&mut self, letter: char) {
        self.len += 1;
        self.marked[self.len] = letter;
    }

    fn is_full(&self) -> bool {
        self.len == LETTERS_MAX
    }

    fn end(&mut self) {
        self.marked[self.len + 1] = END;
    }
}

/// Walks over the words of a text.
///
/// Not an `Iterator`, because the next word takes the last one's place.
#[derive(Debug)]
pub struct Words<'a> {
    text: &'a str,
    position: usize,
    count: usize,
    word: Word,
}

impl<'a> Words<'a> {
    /// Starts before the first word.
    #[must_use]
    pub fn new(text: &'a str) -> Words<'a> {
        Words {
            text,
            position: 0,
            count: 0,
            word: Word::new(),
        }
    }

    /// The next word, if there is one.
    #[expect(
        clippy::should_implement_trait,
        reason = "the word is borrowed from the walk"
    )]
    pub fn next(&mut self) -> Option<&Word> {
        if self.count == WORDS_MAX {
            return None;
        }
        self.word.len = 0;
        self.read();
        if self.word.len == 0 {
            return None;
        }
        self.count += 1;
        self.word.end();
        Some(&self.word)
    }

    /// Reads letters up to the end of a word.
    fn read(&mut self) {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.position) {
            let goes_on = match FOLDED.get(usize::from(byte)) {
                Some(&letter) => self.read_ascii(letter),
                None => self.read_other(),
            };
            if !goes_on || self.word.is_full() {
                return;
            }
        }
    }

    /// Whether the word goes on behind an ASCII character, whose folded letter is given or 0.
    fn read_ascii(&mut self, letter: u8) -> bool {
        if letter != 0 {
            self.word.push(char::from(letter));
        }
        self.position += 1;
        letter != 0 || self.word.len == 0 || self.is_inner_apostrophe()
    }

    /// Whether what was just passed is an apostrophe between two letters.
    fn is_inner_apostrophe(&self) -> bool {
        let (before, after) = self.text.split_at(self.position);
        before.ends_with(['\'', '\u{2019}']) && after.starts_with(char::is_alphanumeric)
    }

    /// Whether the word goes on behind a character that is not ASCII.
    fn read_other(&mut self) -> bool {
        let Some(found) = self.text[self.position..].chars().next() else {
            return false;
        };
        if is_ideograph(found) {
            return self.read_ideographs(found);
        }
        self.position += found.len_utf8();
        if is_accent(found) {
            return true;
        }
        if !found.is_alphanumeric() {
            return self.word.len == 0 || self.is_inner_apostrophe();
        }
        for letter in found.to_lowercase().filter(|letter| !is_accent(*letter)) {
            if !self.word.is_full() {
                self.word.push(without_accent(letter));
            }
        }
        true
    }

    /// A pair of ideographs is a word; the next pair starts with this one's second.
    fn read_ideographs(&mut self, first: char) -> bool {
        if self.word.len > 0 {
            return false;
        }
        self.word.push(first);
        self.position += first.len_utf8();
        let mut rest = self.text[self.position..].chars();
        if let Some(second) = rest.next().filter(|next| is_ideograph(*next)) {
            self.word.push(second);
            if !rest.next().is_some_and(is_ideograph) {
                self.position += second.len_utf8();
            }
        }
        false
    }
}

/// For each ASCII character its lower-case letter or digit, or 0.
const FOLDED: [u8; 128] = {
    let mut table = [0; 128];
    let mut byte = 0_u8;
    while byte < 128 {
        if byte.is_ascii_alphanumeric() {
            table[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    table
};

/// Combining accents, which NFD text has behind their letters.
fn is_accent(found: char) -> bool {
    matches!(found, '\u{300}'..='\u{36f}')
}

/// Characters of scripts without spaces: kana and Han.
fn is_ideograph(found: char) -> bool {
    matches!(found, '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
        && found.is_alphanumeric()
}

/// The base letter of Latin-1's accented ones, any other letter as it is.
fn without_accent(letter: char) -> char {
    match letter {
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' | 'ø' => 'o',
        'ù'..='ü' => 'u',
        'ý' | 'ÿ' => 'y',
        _ => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut walk = Words::new(text);
        let mut found = Vec::new();
        while let Some(word) = walk.next() {
            found.push(word.letters().iter().collect());
        }
        found
    }

    #[test]
    fn words_are_runs_of_letters_and_digits_in_lower_case() {
        assert_eq!(words("  Hello, World-2!"), ["hello", "world", "2"]);
        assert_eq!(words("... --- !"), Vec::<String>::new());
        assert_eq!(words(""), Vec::<String>::new());
    }

    #[test]
    fn an_apostrophe_within_a_word_is_left_out() {
        assert_eq!(
            words("don't the dogs' 'x' it’s"),
            ["dont", "the", "dogs", "x", "its"]
        );
    }

    #[test]
    fn accents_do_not_matter_however_they_are_written() {
        assert_eq!(words("Café"), ["cafe"]);
        assert_eq!(words("Cafe\u{301} e\u{301}te\u{301}"), ["cafe", "ete"]);
        assert_eq!(words("ÉTÉ İstanbul Ωμέγα"), ["ete", "istanbul", "ωμέγα"]);
    }

    #[test]
    fn scripts_without_spaces_yield_overlapping_pairs() {
        assert_eq!(
            words("機械学習 a水b"),
            ["機械", "械学", "学習", "a", "水", "b"]
        );
    }

    #[test]
    fn long_runs_are_cut_and_long_texts_end() {
        let lens: Vec<usize> = words(&"x".repeat(70)).iter().map(String::len).collect();
        assert_eq!(lens, [32, 32, 6]);
        assert_eq!(words(&"é ".repeat(WORDS_MAX + 5)).len(), WORDS_MAX);
        assert_eq!(words(&"ﬃİ".repeat(40)).len(), 3);
    }
}
