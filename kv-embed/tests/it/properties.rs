//! Lengths, equality and likeness.

use kv_embed::HashingEmbedder;
use kv_embed::word::WORDS_MAX;
use proptest::prelude::*;

use crate::{cosine, document, query};

/// A few words, and how people misspell them.
const MISSPELT: [(&str, &str); 10] = [
    ("receive", "recieve"),
    ("necessary", "neccessary"),
    ("separate", "seperate"),
    ("definitely", "definately"),
    ("occurrence", "occurence"),
    ("government", "goverment"),
    ("beginning", "begining"),
    ("environment", "enviroment"),
    ("tomorrow", "tommorow"),
    ("weird", "wierd"),
];

proptest! {
    #[test]
    fn a_vector_has_unit_length_or_is_zero(text in "\\PC{0,200}") {
        let vector = document(&HashingEmbedder::new(), &text);
        let square = cosine(&vector, &vector);
        prop_assert!(vector.iter().all(|number| *number == 0.0) || (square - 1.0).abs() < 1e-4);
    }

    #[test]
    fn only_a_text_without_words_is_zero(text in "[a-z0-9 .,é水]{0,40}") {
        let vector = document(&HashingEmbedder::new(), &text);
        let has_words = text.contains(char::is_alphanumeric);
        prop_assert_eq!(vector.iter().any(|number| *number != 0.0), has_words);
    }

    #[test]
    fn equal_texts_have_equal_bits_whatever_the_order_of_their_words(
        mut words in prop::collection::vec("[a-z]{1,9}", 1..30)
    ) {
        let embedder = HashingEmbedder::new();
        let forwards = document(&embedder, &words.join(" "));
        prop_assert_eq!(&forwards, &document(&embedder.clone(), &words.join(" ")));
        prop_assert_eq!(&forwards, &query(&embedder, &words.join(" ")));
        words.reverse();
        prop_assert_eq!(&forwards, &document(&embedder, &words.join(", ")));
    }
}

#[test]
fn a_misspelt_word_is_more_like_its_own_than_like_any_other() {
    let embedder = HashingEmbedder::new();
    for (right, wrong) in MISSPELT {
        let wrong = query(&embedder, wrong);
        let own = cosine(&wrong, &document(&embedder, right));
        for (other, _) in MISSPELT.iter().filter(|(other, _)| *other != right) {
            let other_cosine = cosine(&wrong, &document(&embedder, other));
            assert!(
                own > other_cosine + 0.1,
                "{right} {own}, {other} {other_cosine}"
            );
        }
    }
}

#[test]
fn what_is_beyond_the_last_word_that_counts_changes_nothing() {
    let embedder = HashingEmbedder::new();
    let text = "word other ".repeat(WORDS_MAX / 2);
    let longer = text.clone() + "and then much more";
    assert_eq!(document(&embedder, &text), document(&embedder, &longer));
}

#[test]
fn a_text_of_the_heaviest_words_does_not_overflow() {
    let heaviest = "\u{1e9e}\u{1e9e} ".repeat(WORDS_MAX);
    let other: String = (0..WORDS_MAX)
        .map(|number| format!("zq{number} "))
        .collect();
    for text in [heaviest, other, "x".repeat(1 << 20)] {
        let vector = document(&HashingEmbedder::new(), &text);
        assert!((cosine(&vector, &vector) - 1.0).abs() < 1e-4);
    }
}
