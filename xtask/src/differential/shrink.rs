//! The shortest history that still fails: delta debugging (Zeller, Hildebrandt, TSE 2002), plain.

/// Removes as much of `history` as it can so that `fails` still holds; `fails` holds for the whole.
/// Gives up after `tries_max` questions and returns the shortest so far.
pub(super) fn shrink<T: Clone>(
    history: &[T],
    tries_max: usize,
    mut fails: impl FnMut(&[T]) -> bool,
) -> Vec<T> {
    let mut shortest = history.to_vec();
    let mut chunk = shortest.len().div_ceil(2);
    let mut tries = 0;
    while chunk > 0 && tries < tries_max {
        let mut at = 0;
        while at < shortest.len() && tries < tries_max {
            let without = without(&shortest, at, chunk);
            tries += 1;
            if fails(&without) {
                shortest = without;
            } else {
                at += chunk;
            }
        }
        chunk = if chunk == 1 { 0 } else { chunk.div_ceil(2) };
    }
    shortest
}

fn without<T: Clone>(items: &[T], at: usize, count: usize) -> Vec<T> {
    let end = items.len().min(at + count);
    [&items[..at], &items[end..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_failure_needs_is_left() {
        let history: Vec<u32> = (0..600).collect();
        let fails = |steps: &[u32]| steps.contains(&17) && steps.contains(&599);
        assert_eq!(shrink(&history, 10_000, fails), [17, 599]);
    }

    #[test]
    fn it_stops_asking() {
        let history: Vec<u32> = (0..600).collect();
        let mut asked = 0;
        shrink(&history, 5, |_| {
            asked += 1;
            false
        });
        assert_eq!(asked, 5);
    }
}
