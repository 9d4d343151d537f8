//! How much a word says: its inverse document frequency.
//!
//! Stored vectors weigh words by one fixed table, so that they never change: frequent English
//! words, counted in the glosses of WordNet 3.0. A word that is not in it weighs the most.
//!
//! `idf.txt` has a line a weight: `weight word word …`, the weight in sixteenths of
//! ln(documents / documents with the word). `examples/idf_table.rs` writes it.

use std::sync::LazyLock;

use crate::hash::Rolling;

/// A weight in sixteenths.
pub(crate) type Weight = u8;

/// The weight of a word that the table does not have.
pub(crate) const RARE: Weight = 165;

/// The fixed table.
pub(crate) static FIXED: LazyLock<Table> = LazyLock::new(|| Table::parse(include_str!("idf.txt")));

const EMPTY: (u64, Weight) = (0, RARE);
const SEED: u64 = 1;

/// The hash that a word has here and wherever else a word is told from others.
pub(crate) fn word_hash(letters: &[char]) -> u64 {
    Rolling::new(SEED).add_all(letters).finish()
}

/// Weights by the hash of the word, in an open-addressed table.
#[derive(Debug)]
pub(crate) struct Table {
    slots: Box<[(u64, Weight)]>,
}

impl Table {
    /// # Panics
    /// If the text has not the form that the module draws: it is part of the program.
    fn parse(text: &str) -> Table {
        let word_count = text.split_whitespace().count();
        let mut table = Table {
            slots: vec![EMPTY; (2 * word_count).next_power_of_two()].into(),
        };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (weight, words) = line.split_once(' ').expect("idf.txt: weight and words");
            let weight = weight.parse().expect("idf.txt: the weight is a byte");
            for word in words.split(' ') {
                let letters: Vec<char> = word.chars().collect();
                table.insert(word_hash(&letters), weight);
            }
        }
        table
    }

    fn insert(&mut self, hash: u64, weight: Weight) {
        let place = self.place(hash);
        self.slots[place] = (hash, weight);
    }

    /// The weight of the word that has this hash.
    pub(crate) fn weight(&self, hash: u64) -> Weight {
        self.slots[self.place(hash)].1
    }

    /// The slot that has the hash, or the empty one where it would be; at most half are taken.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "masked to the table's length"
    )]
    fn place(&self, hash: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut place = hash as usize & mask;
        while self.slots[place].0 != hash && self.slots[place].0 != 0 {
            place = (place + 1) & mask;
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(word: &str) -> Weight {
        let letters: Vec<char> = word.chars().collect();
        FIXED.weight(word_hash(&letters))
    }

    #[test]
    fn frequent_words_weigh_less_than_rare_ones() {
        assert!(fixed("the") < fixed("water"));
        assert!(fixed("water") < fixed("xylophone"));
        assert_eq!(fixed("xylophone"), RARE);
    }
}
