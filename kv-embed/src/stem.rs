//! A light English stemmer.
//!
//! Meant for a feature beside others, not for an index: it may take too much off (`hoping` and
//! `hopping` meet), because a wrong stem costs little when the letters count as well. It takes off
//! what inflection puts on, then what derives one word from another (`-ness`, `-ation`), then what
//! spelling adds between (a doubled letter, a last `e`).
//!
//! A stem is the beginning of its word, so that none is copied. Words that are not ASCII letters
//! are their own stems, as are short ones.

/// A stem keeps at least this many letters behind an ending of inflection …
const INFLECTED_MIN: usize = 3;
/// … and this many behind one of derivation.
const DERIVED_MIN: usize = 4;

/// What derives a word, without a last `e`, the longest first. At most one of each list comes off.
const DERIVATIONS: [&[&str]; 2] = [
    &[
        "ingly", "edly", "fully", "ously", "ness", "less", "ful", "ly", "ism", "ist",
    ],
    &[
        "ization", "isation", "ational", "ation", "ition", "ement", "ment", "abl", "ibl", "anc",
        "enc", "ical", "ity", "iv", "ous", "ion", "ant", "ent", "iz", "is", "at", "ify", "ic",
        "al", "er", "or",
    ],
];

/// The stem of a word in lower case: a beginning of it.
pub(crate) fn stem(word: &[char]) -> &[char] {
    if word.len() <= INFLECTED_MIN || !word.iter().all(char::is_ascii_lowercase) {
        return word;
    }
    let mut stem = without_e(without_inflection(without_plural(word)));
    for endings in DERIVATIONS {
        stem = without_any(stem, endings);
    }
    without_joint(stem)
}

fn without_plural(word: &[char]) -> &[char] {
    match word {
        [.., 's', 's'] | [.., 'u', 's'] | [.., 'i', 's'] => word,
        [rest @ .., 'i', 'e', 's'] if rest.len() >= 2 => &word[..word.len() - 2],
        [rest @ .., 's'] if rest.len() >= INFLECTED_MIN => rest,
        _ => word,
    }
}

fn without_inflection(word: &[char]) -> &[char] {
    let rest = match word {
        [rest @ .., 'i', 'n', 'g'] | [rest @ .., 'e', 'd'] => rest,
        _ => return word,
    };
    let is_stem = rest.len() >= INFLECTED_MIN || (rest.len() == 2 && has_vowel(rest));
    if is_stem && has_vowel(rest) {
        rest
    } else {
        word
    }
}

fn without_e(word: &[char]) -> &[char] {
    match word {
        [rest @ .., 'e'] if rest.len() >= INFLECTED_MIN => rest,
        _ => word,
    }
}

fn without_any<'a>(word: &'a [char], endings: &[&str]) -> &'a [char] {
    endings
        .iter()
        .find_map(|ending| without(word, ending))
        .unwrap_or(word)
}

fn without<'a>(word: &'a [char], ending: &str) -> Option<&'a [char]> {
    let rest = word.len().checked_sub(ending.len())?;
    let is_there = rest >= DERIVED_MIN && word[rest..].iter().copied().eq(ending.chars());
    is_there.then(|| &word[..rest])
}

/// Without a last vowel that comes and goes, then without the second of two equal consonants.
fn without_joint(word: &[char]) -> &[char] {
    let word = match word {
        [rest @ .., 'e' | 'y' | 'i'] if rest.len() >= INFLECTED_MIN - 1 => rest,
        _ => word,
    };
    match word {
        [.., before, last] if before == last && word.len() > INFLECTED_MIN => {
            &word[..word.len() - 1]
        }
        _ => word,
    }
}

fn has_vowel(letters: &[char]) -> bool {
    letters
        .iter()
        .any(|letter| matches!(letter, 'a' | 'e' | 'i' | 'o' | 'u' | 'y'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stem_of(word: &str) -> String {
        let letters: Vec<char> = word.chars().collect();
        stem(&letters).iter().collect()
    }

    #[test]
    fn inflected_forms_meet() {
        for forms in [
            &["make", "makes", "making"] as &[&str],
            &["stop", "stops", "stopped", "stopping"],
            &["city", "cities"],
            &["box", "boxes"],
            &["carry", "carries", "carried", "carrying"],
            &["happy", "happily", "happiness"],
            &["organize", "organization", "organizing"],
            &["glass", "glasses"],
        ] {
            let stems: Vec<String> = forms.iter().map(|form| stem_of(form)).collect();
            assert!(stems.windows(2).all(|pair| pair[0] == pair[1]), "{stems:?}");
        }
    }

    #[test]
    fn short_and_foreign_words_are_their_own_stems() {
        for word in [
            "a", "is", "bus", "sing", "red", "the", "x9ing", "größe", "水水",
        ] {
            assert_eq!(stem_of(word), word);
        }
    }
}
