//! Noise in a text's letters.

use crate::workload::Random;

/// `text` with each letter or digit changed with a chance of `rate`: left out, doubled, replaced or
/// swapped with the next one, as often each.
#[must_use]
pub fn noisy(text: &str, rate: f64, random: &mut Random) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut place = 0;
    while let Some(&letter) = letters.get(place) {
        place += 1;
        if !letter.is_alphanumeric() || random.unit() >= rate {
            out.push(letter);
            continue;
        }
        match (random.below(4), letters.get(place)) {
            (0, _) => {}
            (1, _) => out.extend([letter, letter]),
            (2, Some(&next)) if next.is_alphanumeric() => {
                out.extend([next, letter]);
                place += 1;
            }
            _ => out.push(any_letter(random)),
        }
    }
    out
}

fn any_letter(random: &mut Random) -> char {
    let index = u8::try_from(random.below(26)).expect("below 26");
    char::from(b'a' + index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_decides_how_much_changes() {
        let text = "the quick brown fox jumps over the lazy dog";
        assert_eq!(noisy(text, 0.0, &mut Random::new(1)), text);
        let changed = noisy(text, 1.0, &mut Random::new(1));
        assert_ne!(changed, text);
        assert_eq!(changed, noisy(text, 1.0, &mut Random::new(1)));
        assert_eq!(noisy("  --", 1.0, &mut Random::new(1)), "  --");
    }
}
