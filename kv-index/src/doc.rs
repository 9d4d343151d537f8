//! Numbers of documents within one shard of the indexes.
//!
//! 1. A document is one version of one entry: an overwritten entry is a new document.
//! 2. Numbers are given in ascending order and not twice, until a renumbering closes the gaps of
//!    those that are gone and keeps the order of the others.

/// A document's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocId(pub u32);

impl DocId {
    /// As an index into arrays.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// New numbers for old ones.
#[derive(Debug, Clone, Default)]
pub struct Renumbering(Vec<Option<DocId>>);

impl Renumbering {
    /// Numbers the documents that are alive anew, from 0; `is_alive` has one item a document.
    pub fn new(is_alive: impl IntoIterator<Item = bool>) -> Renumbering {
        let mut next = 0;
        let renumber = |alive: bool| {
            alive.then(|| {
                next += 1;
                DocId(next - 1)
            })
        };
        Renumbering(is_alive.into_iter().map(renumber).collect())
    }

    /// The new number of a document; `None` if it is gone.
    #[must_use]
    pub fn get(&self, doc: DocId) -> Option<DocId> {
        self.0.get(doc.index()).copied().flatten()
    }

    /// The new number of the first document from `old` on.
    pub(crate) fn from(&self, old: usize) -> usize {
        let before = self.0.iter().take(old);
        before.flatten().count()
    }

    /// How many documents there were.
    #[must_use]
    pub fn old_count(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_close_and_the_order_stays() {
        let renumbering = Renumbering::new([true, false, true, true, false]);
        let new = [0, 1, 2, 3, 4, 5].map(|old| renumbering.get(DocId(old)));
        let expected = [Some(0), None, Some(1), Some(2), None, None];
        assert_eq!(new, expected.map(|id| id.map(DocId)));
    }
}
