//! Edits between a word and many others that come in alphabetical order.
//!
//! An edit inserts, drops or replaces a letter, or swaps two neighbours, none of which is edited
//! again (optimal string alignment). The table of distances is kept from one word to the next as
//! far as their letters agree, and only the cells that a few edits can reach are filled; once no
//! cell of a row is within reach, no word that begins like that is.

use super::analyzer::WORD_BYTES_MAX;

const CELLS: usize = WORD_BYTES_MAX + 2;

/// Compares words with one word.
#[derive(Debug)]
pub(super) struct Similar {
    word: Vec<char>,
    distance_max: u8,
    /// The letters that the rows are for.
    letters: Vec<char>,
    /// One more than letters: `rows[i][j]` is from the first i letters to the word's first j.
    rows: Vec<[u8; CELLS]>,
}

impl Similar {
    pub(super) fn new(word: &str, distance_max: u8) -> Similar {
        let word: Vec<char> = word.chars().take(WORD_BYTES_MAX).collect();
        let mut first = [u8::MAX / 2; CELLS];
        for (cell, edits) in first.iter_mut().zip(0..=distance_max) {
            *cell = edits;
        }
        Similar {
            word,
            distance_max,
            letters: Vec::new(),
            rows: vec![first],
        }
    }

    /// Edits to `other`, if they are few; any number above `distance_max` otherwise.
    ///
    /// # Errors
    /// The first letters of `other` with which no word is near.
    pub(super) fn distance<'a>(&mut self, other: &'a str) -> Result<u8, &'a str> {
        let mut depth = 0;
        for (start, letter) in other.char_indices() {
            if self.letters.get(depth) != Some(&letter) {
                self.letters.truncate(depth);
                self.rows.truncate(depth + 1);
                if !self.push(letter) {
                    self.letters.pop();
                    self.rows.pop();
                    return Err(&other[..start + letter.len_utf8()]);
                }
            }
            depth += 1;
        }
        Ok(self.rows[depth][self.word.len()])
    }

    /// Fills the row for one more letter; whether any cell is within reach.
    fn push(&mut self, letter: char) -> bool {
        let reach = usize::from(self.distance_max);
        let depth = self.rows.len();
        let from = depth.saturating_sub(reach);
        let to = (depth + reach).min(self.word.len());
        let mut row = [u8::MAX / 2; CELLS];
        let mut best = u8::MAX;
        for at in from..=to {
            row[at] = self.cell(&row, letter, at);
            best = best.min(row[at]);
        }
        self.letters.push(letter);
        self.rows.push(row);
        best <= self.distance_max
    }

    fn cell(&self, row: &[u8; CELLS], letter: char, at: usize) -> u8 {
        let depth = self.rows.len();
        let above = &self.rows[depth - 1];
        let Some(before) = at.checked_sub(1) else {
            return above[0] + 1;
        };
        let replaced = above[before] + u8::from(self.word[before] != letter);
        let edits = replaced.min(above[at] + 1).min(row[before] + 1);
        if depth < 2 || at < 2 {
            return edits;
        }
        let is_swap = self.word[at - 2] == letter && self.word[before] == self.letters[depth - 2];
        if is_swap {
            return edits.min(self.rows[depth - 2][at - 2] + 1);
        }
        edits
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naive(a: &[u8], b: &[u8]) -> usize {
        let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in 0..=a.len() {
            for j in 0..=b.len() {
                if i == 0 || j == 0 {
                    table[i][j] = i + j;
                    continue;
                }
                let replaced = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                table[i][j] = replaced.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    table[i][j] = table[i][j].min(table[i - 2][j - 2] + 1);
                }
            }
        }
        table[a.len()][b.len()]
    }

    proptest! {
        #[test]
        fn near_words_are_those_of_the_whole_table(
            word in "[a-c]{0,6}",
            mut others in prop::collection::vec("[a-c]{0,7}", 0..60),
            distance_max in 0u8..=2,
        ) {
            others.sort();
            let mut similar = Similar::new(&word, distance_max);
            let mut hopeless = None;
            for other in &others {
                let expected = naive(other.as_bytes(), word.as_bytes());
                let is_near = expected <= usize::from(distance_max);
                if hopeless.is_some_and(|prefix| other.starts_with(prefix)) {
                    prop_assert!(!is_near, "{}", other);
                    continue;
                }
                match similar.distance(other) {
                    Ok(distance) if is_near => prop_assert_eq!(usize::from(distance), expected),
                    Ok(distance) => prop_assert!(distance > distance_max),
                    Err(prefix) => {
                        prop_assert!(!is_near, "{}", other);
                        hopeless = Some(prefix);
                    }
                }
            }
        }
    }
}
