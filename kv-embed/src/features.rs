//! What a word looks like: the features that words are compared by.
//!
//! - runs of three to five letters, word boundaries included: survive a misspelling elsewhere;
//! - the word itself: an exact match counts more than a similar one;
//! - the consonants in order: survive wrong vowels and doubled letters;
//! - the set of letters: survives swapped ones;
//! - the stem: survives inflection.
//!
//! A word's features together have unit length, so that a long word counts no more than a short one.

use crate::accumulator::{Accumulator, WORD_ONE};
use crate::hash::Rolling;
use crate::stem::stem;
use crate::word::{LETTERS_MAX, Word};

/// Letters of the shortest and of the longest run.
const RUN_MIN: usize = 3;
const RUN_MAX: usize = 5;

/// How many places a whole-word feature is spread over: one place alone would make chance hits of
/// it too strong.
const SPREAD: usize = 4;

/// How much a feature of each kind counts in each of its places.
struct Amounts {
    /// By length, from [`RUN_MIN`] on.
    runs: [i32; RUN_MAX - RUN_MIN + 1],
    word: i32,
    consonants: i32,
    letters: i32,
    stem: i32,
}

/// Tuned with `kv-bench retrieval --tuning`. Stored vectors depend on them.
const AMOUNTS: Amounts = Amounts {
    runs: [5, 4, 3],
    word: 3,
    consonants: 4,
    letters: 6,
    stem: 5,
};

/// Seeds, a kind each. The word's own hash is used for its weight as well.
const RUN_SEED: u64 = 2;
const CONSONANTS_SEED: u64 = 3;
const LETTERS_SEED: u64 = 4;
const STEM_SEED: u64 = 5;

/// For each number of letters what amounts are multiplied by, so that a word has unit length.
const SCALES: [i32; LETTERS_MAX + 1] = {
    let mut scales = [0; LETTERS_MAX + 1];
    let mut letters = 1;
    while letters <= LETTERS_MAX {
        scales[letters] = scale(letters);
        letters += 1;
    }
    scales
};

/// What a product of scale, weight and amount is divided by, as a power of two.
const PRODUCT_BITS: u32 = 15;

/// Adds a word, `weight` / 2^16 of [`WORD_ONE`] long. `hash` is the word's own.
pub(crate) fn add(sum: &mut Accumulator, word: &Word, hash: u64, weight: i32) {
    let letters = word.letters();
    let scale = SCALES[letters.len()] * weight;
    let amount = |amount: i32| (scale * amount) >> PRODUCT_BITS;
    add_runs(sum, word.marked(), AMOUNTS.runs.map(amount));
    sum.add::<SPREAD>(hash, amount(AMOUNTS.word));
    sum.add::<SPREAD>(stem_hash(stem(letters)), amount(AMOUNTS.stem));
    let shape = Shape::of(letters);
    sum.add::<SPREAD>(shape.consonants.finish(), amount(AMOUNTS.consonants));
    let set = Rolling::new(LETTERS_SEED).add_bits(shape.letters);
    sum.add::<SPREAD>(set.finish(), amount(AMOUNTS.letters));
}

/// The hash of a stem.
pub(crate) fn stem_hash(stem: &[char]) -> u64 {
    Rolling::new(STEM_SEED).add_all(stem).finish()
}

/// Adds all runs; a run's hash goes on from that of the shorter one.
fn add_runs(sum: &mut Accumulator, marked: &[char], amounts: [i32; RUN_MAX - RUN_MIN + 1]) {
    for start in 0..=marked.len() - RUN_MIN {
        let (head, tail) = marked[start..].split_at(RUN_MIN - 1);
        let mut hash = Rolling::new(RUN_SEED).add_all(head);
        for (letter, amount) in tail.iter().zip(amounts) {
            hash = hash.add(*letter);
            sum.add::<1>(hash.finish(), amount);
        }
    }
}

/// What is left of a word without its vowels, and without its order.
struct Shape {
    consonants: Rolling,
    letters: u64,
}

impl Shape {
    fn of(word: &[char]) -> Shape {
        let mut shape = Shape {
            consonants: Rolling::new(CONSONANTS_SEED),
            letters: 0,
        };
        let mut last = None;
        for letter in word {
            let is_vowel = matches!(letter, 'a' | 'e' | 'i' | 'o' | 'u' | 'y');
            if !is_vowel && last != Some(*letter) {
                shape.consonants = shape.consonants.add(*letter);
                last = Some(*letter);
            }
            shape.letters |= 1 << (*letter as u32 % 64);
        }
        shape
    }
}

/// [`WORD_ONE`] over the length that a word of so many letters has before scaling, if no two of its
/// features meet.
#[expect(clippy::cast_possible_truncation, reason = "below 2^15")]
const fn scale(letters: usize) -> i32 {
    let marked = letters + 2;
    let mut square = 0;
    let mut len = RUN_MIN;
    while len <= RUN_MAX && len <= marked {
        square += (marked - len + 1) as i64 * square_of(AMOUNTS.runs[len - RUN_MIN]);
        len += 1;
    }
    let whole = square_of(AMOUNTS.word)
        + square_of(AMOUNTS.consonants)
        + square_of(AMOUNTS.letters)
        + square_of(AMOUNTS.stem);
    square += SPREAD as i64 * whole;
    // The root in sixteenths, so that little is lost to rounding.
    let root = (square << 8).isqrt();
    ((WORD_ONE as i64) << 4).div_euclid(root) as i32
}

const fn square_of(amount: i32) -> i64 {
    (amount as i64) * (amount as i64)
}
