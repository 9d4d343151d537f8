//! Inflected forms of English words.

use super::{Source, is_plain};

/// A form and the synsets of its base.
type Form = (String, Vec<u32>);

/// One word in so many is inflected by rule, so that irregular forms are not lost among them.
const REGULAR_STEP: usize = 20;
/// Letters that a word has at least to be inflected by rule.
const BASE_MIN: usize = 4;

/// The forms that WordNet lists.
pub(super) fn irregular(source: &Source<'_>) -> Vec<Form> {
    let listed = source.wordnet.irregular.iter();
    listed
        .filter(|(_, form, _)| is_plain(form))
        .filter_map(|(part, form, base)| Some((form.clone(), synsets(source, *part, base)?)))
        .collect()
}

/// One form of every twentieth word.
pub(super) fn regular(source: &Source<'_>) -> Vec<Form> {
    let mut bases: Vec<&String> = source.synsets_of.keys().collect();
    bases.sort_unstable();
    bases
        .into_iter()
        .step_by(REGULAR_STEP)
        .filter(|base| base.len() >= BASE_MIN && base.is_ascii())
        .filter_map(|base| {
            let part = source.synset(source.synsets_of[base][0]).part;
            Some((inflect(base, part)?, synsets(source, part, base)?))
        })
        .collect()
}

fn synsets(source: &Source<'_>, part: char, base: &str) -> Option<Vec<u32>> {
    let all = source.synsets_of.get(base)?.iter().copied();
    let of_part: Vec<u32> = all
        .filter(|number| source.synset(*number).part == part)
        .collect();
    (!of_part.is_empty()).then_some(of_part)
}

/// A noun's plural, a verb's form in -ing or -ed, an adjective's adverb.
fn inflect(base: &str, part: char) -> Option<String> {
    match part {
        'n' => Some(plural(base)),
        'v' if base.len().is_multiple_of(2) => Some(joined(base, "ing")),
        'v' => Some(joined(base, "ed")),
        'a' => Some(format!("{base}ly")),
        _ => None,
    }
}

fn plural(noun: &str) -> String {
    match noun.strip_suffix('y') {
        Some(rest) if !rest.ends_with(['a', 'e', 'o', 'u']) => format!("{rest}ies"),
        _ if noun.ends_with(['s', 'x', 'z']) || noun.ends_with("ch") || noun.ends_with("sh") => {
            format!("{noun}es")
        }
        _ => format!("{noun}s"),
    }
}

fn joined(verb: &str, ending: &str) -> String {
    let rest = verb.strip_suffix('e').unwrap_or(verb);
    match rest.strip_suffix('y') {
        Some(stem) if ending == "ed" && !stem.ends_with(['a', 'e', 'o', 'u']) => {
            format!("{stem}ied")
        }
        _ => format!("{rest}{ending}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_follow_english_spelling() {
        for (base, part, form) in [
            ("city", 'n', "cities"),
            ("monkey", 'n', "monkeys"),
            ("church", 'n', "churches"),
            ("make", 'v', "making"),
            ("carry", 'v', "carried"),
            ("quick", 'a', "quickly"),
        ] {
            assert_eq!(inflect(base, part).as_deref(), Some(form));
        }
        assert_eq!(inflect("now", 'r'), None);
    }
}
