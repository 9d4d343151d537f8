//! Which primary wrote which entries: ordinals from some number on, up to the next such number.

use std::collections::VecDeque;

use crate::NodeId;

/// Changes of primary that are remembered; entries older than all of them have no name any more.
const SPANS_MAX: usize = 4096;

/// Writes from `first` on were led by `primary` in `term`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: u64,
    pub(crate) primary: NodeId,
    pub(crate) term: u64,
}

/// Spans in the order of the writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Provenance(VecDeque<Span>);

impl Provenance {
    /// A write follows all others.
    pub(crate) fn note(&mut self, ordinal: u64, primary: NodeId, term: u64) {
        let newest = self.0.back();
        if newest.is_some_and(|span| (span.primary, span.term) == (primary, term)) {
            return;
        }
        if self.0.len() >= SPANS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Span {
            first: ordinal,
            primary,
            term,
        });
    }

    /// Who led the write, and in which term.
    pub(crate) fn of(&self, ordinal: u64) -> Option<Span> {
        let after = self.0.partition_point(|span| span.first <= ordinal);
        self.0.get(after.checked_sub(1)?).copied()
    }

    pub(crate) fn spans(&self) -> impl ExactSizeIterator<Item = &Span> {
        self.0.iter()
    }

    /// From spans in order; the oldest ones too many are left out.
    pub(crate) fn from_spans(spans: impl IntoIterator<Item = Span>) -> Provenance {
        let mut provenance = Provenance::default();
        for span in spans {
            provenance.note(span.first, span.primary, span.term);
        }
        provenance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_of_the_primary_that_led_then() {
        let mut provenance = Provenance::default();
        for (ordinal, primary, term) in [(3, 0, 2), (4, 0, 2), (7, 1, 3), (9, 0, 5)] {
            provenance.note(ordinal, NodeId(primary), term);
        }
        let primaries = [2, 3, 6, 7, 8, 9, 99].map(|ordinal| {
            let span = provenance.of(ordinal);
            span.map(|span| (span.primary.0, span.term))
        });
        let expected = [None, Some((0, 2)), Some((0, 2)), Some((1, 3)), Some((1, 3))];
        assert_eq!(primaries[..5], expected);
        assert_eq!(primaries[5..], [Some((0, 5)), Some((0, 5))]);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut provenance = Provenance::default();
        for term in 1..=SPANS_MAX as u64 + 2 {
            provenance.note(term, NodeId(term % 3), term);
        }
        assert_eq!(provenance.spans().len(), SPANS_MAX);
        assert_eq!(provenance.of(2), None);
        assert_eq!(provenance.of(3).unwrap().term, 3);
    }
}
