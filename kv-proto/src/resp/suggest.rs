//! What is answered to a command that does not exist.

use super::args::Args;
use super::spec::err;
use super::table::commands;
use crate::reply::ErrorReply;

/// Names and arguments are shown up to this length.
const SHOWN_BYTES_MAX: usize = 128;

/// Longer names are not worth a guess.
const GUESSED_BYTES_MAX: usize = 24;

/// The error for a command that does not exist: with the name that was meant, if one is near, else
/// in the words of Redis.
pub(super) fn unknown_command(args: Args<'_>) -> ErrorReply {
    let name = args.name();
    if let Some(meant) = nearest(name) {
        let meant = meant.to_ascii_uppercase();
        return err(format!(
            "unknown command '{}', did you mean '{meant}'?",
            shown(name, SHOWN_BYTES_MAX)
        ));
    }
    let mut beginning = String::new();
    for arg in args.iter().skip(1) {
        if beginning.len() >= SHOWN_BYTES_MAX {
            break;
        }
        let room = SHOWN_BYTES_MAX - beginning.len();
        beginning += &format!("'{}' ", shown(arg, room));
    }
    err(format!(
        "unknown command '{}', with args beginning with: {beginning}",
        shown(name, SHOWN_BYTES_MAX)
    ))
}

/// The bytes up to a zero byte, as text.
fn shown(bytes: &[u8], max: usize) -> String {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len()).min(max);
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

/// The command name that differs least from `name`, if it differs by little.
fn nearest(name: &[u8]) -> Option<&'static str> {
    if name.len() < 2 || name.len() > GUESSED_BYTES_MAX {
        return None;
    }
    let allowed = if name.len() <= 4 { 1 } else { 2 };
    let name = name.to_ascii_lowercase();
    commands()
        .iter()
        .map(|spec| (edits(&name, spec.name.as_bytes()), spec.name))
        .filter(|(edits, _)| *edits <= allowed)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, name)| name)
}

/// How many bytes must be inserted, removed, replaced, or swapped with their neighbour to turn `a`
/// into `b` (optimal string alignment distance), by rows of the usual table.
fn edits(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut last_a = None;
    for (i, &byte_a) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        let mut last_b = None;
        for (j, &byte_b) in b.iter().enumerate() {
            let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX);
            let replaced = at(&above, j) + usize::from(byte_a != byte_b);
            let mut least = replaced.min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            if last_a == Some(byte_b) && last_b == Some(byte_a) {
                least = least.min(at(&before, j - 1) + 1);
            }
            row.push(least);
            last_b = Some(byte_b);
        }
        before = std::mem::replace(&mut above, row);
        last_a = Some(byte_a);
    }
    above.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_count_swaps_as_one() {
        assert_eq!(edits(b"gte", b"get"), 1);
        assert_eq!(edits(b"get", b"get"), 0);
        assert_eq!(edits(b"", b"get"), 3);
        assert_eq!(edits(b"exprie", b"expire"), 1);
        assert_eq!(edits(b"sett", b"get"), 2);
    }

    #[test]
    fn near_misses_are_guessed_and_others_are_not() {
        assert_eq!(nearest(b"GTE"), Some("get"));
        assert_eq!(nearest(b"incrbyflot"), Some("incrbyfloat"));
        assert_eq!(nearest(b"lpush"), None);
        assert_eq!(nearest(b"foo"), None);
        assert_eq!(nearest(b"x"), None);
    }
}
