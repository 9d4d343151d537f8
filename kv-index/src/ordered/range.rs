//! Which keys a scan goes over.

use std::ops::Bound;

use super::Direction;

pub(super) type Bounds<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// Keys between two bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    start: Bound<Vec<u8>>,
    end: Bound<Vec<u8>>,
}

impl KeyRange {
    /// All keys.
    #[must_use]
    pub fn all() -> KeyRange {
        KeyRange::new(b"", None)
    }

    /// From `start` to before `end`; `None`: to the last.
    #[must_use]
    pub fn new(start: &[u8], end: Option<&[u8]>) -> KeyRange {
        KeyRange {
            start: Bound::Included(start.to_vec()),
            end: end.map_or(Bound::Unbounded, |end| Bound::Excluded(end.to_vec())),
        }
    }

    /// The keys that begin with `prefix`.
    #[must_use]
    pub fn prefix(prefix: &[u8]) -> KeyRange {
        KeyRange::new(prefix, successor(prefix).as_deref())
    }

    /// What a scan in this direction has left after `key`, which need not be there.
    #[must_use]
    pub fn after(&self, key: &[u8], direction: Direction) -> KeyRange {
        let (mut rest, bound) = (self.clone(), Bound::Excluded(key.to_vec()));
        match direction {
            Direction::Ascending if !self.starts_after(key) => rest.start = bound,
            Direction::Descending if !self.ends_before(key) => rest.end = bound,
            _ => {}
        }
        rest
    }

    /// Whether `key` is one of them.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        !self.starts_after(key) && !self.ends_before(key)
    }

    /// The bounds as a B-tree takes them; `None` if there is no room between them, which it does
    /// not take.
    pub(super) fn bounds(&self) -> Option<Bounds<'_>> {
        let bounds = (as_slice(&self.start), as_slice(&self.end));
        let has_room = match bounds {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => true,
            (Bound::Included(start), Bound::Included(end)) => start <= end,
            (
                Bound::Included(start) | Bound::Excluded(start),
                Bound::Included(end) | Bound::Excluded(end),
            ) => start < end,
        };
        has_room.then_some(bounds)
    }

    fn starts_after(&self, key: &[u8]) -> bool {
        match as_slice(&self.start) {
            Bound::Included(start) => key < start,
            Bound::Excluded(start) => key <= start,
            Bound::Unbounded => false,
        }
    }

    fn ends_before(&self, key: &[u8]) -> bool {
        match as_slice(&self.end) {
            Bound::Included(end) => key > end,
            Bound::Excluded(end) => key >= end,
            Bound::Unbounded => false,
        }
    }
}

fn as_slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    bound.as_ref().map(Vec::as_slice)
}

/// The first key after all that begin with `prefix`, if there is one.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut successor = prefix[..=last].to_vec();
    successor[last] += 1;
    Some(successor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next_key_without_it() {
        assert_eq!(successor(b"user:"), Some(b"user;".to_vec()));
        assert_eq!(successor(b"a\xff\xff"), Some(b"b".to_vec()));
        assert_eq!(successor(b"\xff"), None);
        assert_eq!(successor(b""), None);
        assert!(KeyRange::prefix(b"\xff").contains(b"\xff\xff"));
        assert!(!KeyRange::prefix(b"\xff").contains(b"\xfe"));
    }

    #[test]
    fn a_cursor_outside_of_the_range_does_not_widen_it() {
        let range = KeyRange::new(b"b", Some(b"d"));
        assert_eq!(range.after(b"a", Direction::Ascending), range);
        assert_eq!(range.after(b"e", Direction::Descending), range);
        assert_eq!(range.after(b"e", Direction::Ascending).bounds(), None);
        assert_eq!(range.after(b"a", Direction::Descending).bounds(), None);
    }
}
