//! Words near a misspelt one.

/// Most edits between a word and one that is near.
const DISTANCE_MAX: usize = 2;
/// Words of fewer letters than this may have one edit only.
const LONG_MIN: usize = 5;
/// Most words that one stands for.
const NEAREST_MAX: usize = 8;

/// The words at the smallest distance from `term`, if within two edits, with their weights: together
/// one, for one edit, or half, for two.
pub fn nearest<'a>(
    term: &str,
    vocabulary: impl Iterator<Item = &'a String>,
) -> Vec<(&'a str, f32)> {
    let letters: Vec<char> = term.chars().collect();
    let mut limit = if letters.len() < LONG_MIN {
        1
    } else {
        DISTANCE_MAX
    };
    let mut found: Vec<&str> = Vec::new();
    for word in vocabulary {
        let Some(distance) = distance(&letters, word, limit) else {
            continue;
        };
        if distance < limit {
            limit = distance;
            found.clear();
        }
        found.push(word);
    }
    found.sort_unstable_by_key(|word| (word.chars().next() != letters.first().copied(), *word));
    found.truncate(NEAREST_MAX);
    #[expect(clippy::cast_precision_loss, reason = "at most eight, and two")]
    let weight = 1.0 / limit.max(1) as f32;
    found.into_iter().map(|word| (word, weight)).collect()
}

/// Edits (insert, delete, replace, swap neighbours) from one word to the other, if at most `limit`.
///
/// Optimal string alignment: three rows of the usual table.
fn distance(from: &[char], to: &str, limit: usize) -> Option<usize> {
    if to.len() > 4 * (from.len() + limit) || to.len() + limit < from.len() {
        return None;
    }
    let to: Vec<char> = to.chars().collect();
    if to.len().abs_diff(from.len()) > limit {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, letter) in from.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, other) in to.iter().enumerate() {
            let replaced = last[column] + usize::from(letter != other);
            let mut edits = replaced.min(last[column + 1] + 1).min(next[column] + 1);
            let is_swap =
                row > 0 && column > 0 && *letter == to[column - 1] && from[row - 1] == *other;
            if is_swap {
                edits = edits.min(before[column - 1] + 1);
            }
            next.push(edits);
        }
        if next.iter().all(|edits| *edits > limit) {
            return None;
        }
        before = std::mem::replace(&mut last, next);
    }
    last.last().copied().filter(|edits| *edits <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_edits_and_swaps() {
        let letters: Vec<char> = "recieve".chars().collect();
        assert_eq!(distance(&letters, "receive", 2), Some(1));
        assert_eq!(distance(&letters, "recieve", 2), Some(0));
        assert_eq!(distance(&letters, "relieves", 2), Some(2));
        assert_eq!(distance(&letters, "deceived", 2), None);
        assert_eq!(distance(&letters, "", 2), None);
    }

    #[test]
    fn only_the_nearest_are_found() {
        let vocabulary = ["receive", "relieve", "recipe", "deceive"].map(str::to_owned);
        assert_eq!(
            nearest("recieve", vocabulary.iter()),
            [("receive", 1.0), ("relieve", 1.0)]
        );
        assert_eq!(nearest("xyz", vocabulary.iter()), []);
    }
}
