//! The documents under one hash: one inline, a few in an array, many in a bitmap.
//!
//! 1. A list has two documents at least; one document is no list.
//! 2. Going back from a bitmap to an array takes half of what going to a bitmap takes, so that a
//!    document that comes and goes does not convert a list each time.

use std::{fmt, option, slice};

use roaring::RoaringBitmap;

use crate::{DOC_COUNT_MAX, DocId, Renumbering};

/// An array that has grown beyond this becomes a bitmap.
const FEW_MAX: usize = 64;

/// A bitmap that has shrunk to this becomes an array.
const MANY_MIN: u64 = 32;

const IS_LIST: u32 = 1 << 31;
const _: () = assert!(DOC_COUNT_MAX == IS_LIST as usize);

/// A document, or the number of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Posting(u32);

enum Kind {
    One(DocId),
    List(usize),
}

impl Posting {
    /// # Panics
    /// If the document's number is too large.
    pub(super) fn one(doc: DocId) -> Posting {
        assert!(doc.0 < IS_LIST, "document {} is too large", doc.0);
        Posting(doc.0)
    }

    fn list(index: usize) -> Posting {
        let index = u32::try_from(index).expect("there are fewer lists than documents");
        assert!(index < IS_LIST, "list {index} is too large");
        Posting(index | IS_LIST)
    }

    fn kind(self) -> Kind {
        match self.0 & IS_LIST {
            0 => Kind::One(DocId(self.0)),
            _ => Kind::List((self.0 & !IS_LIST) as usize),
        }
    }
}

/// All lists of an index.
#[derive(Debug, Default)]
pub(super) struct Lists {
    lists: Vec<List>,
    /// Which of them are free.
    free: Vec<usize>,
}

impl Lists {
    /// The posting with `doc`, too.
    pub(super) fn insert(&mut self, posting: Posting, doc: DocId) -> Posting {
        match posting.kind() {
            Kind::One(only) if only == doc => posting,
            Kind::One(only) => {
                let few = vec![only.0.min(doc.0), only.0.max(doc.0)];
                self.add(List::Few(few))
            }
            Kind::List(index) => {
                self.lists[index].insert(doc.0);
                posting
            }
        }
    }

    /// The posting without `doc`, unless nothing is left.
    pub(super) fn remove(&mut self, posting: Posting, doc: DocId) -> Option<Posting> {
        match posting.kind() {
            Kind::One(only) => (only != doc).then_some(posting),
            Kind::List(index) => {
                let list = &mut self.lists[index];
                list.remove(doc.0);
                let Some(only) = list.only() else {
                    return Some(posting);
                };
                self.lists[index] = List::Free;
                self.free.push(index);
                Some(Posting::one(only))
            }
        }
    }

    /// The documents, ascending.
    pub(super) fn read(&self, posting: Posting) -> Found<'_> {
        match posting.kind() {
            Kind::One(only) => Found::at_most_one(Some(only)),
            Kind::List(index) => match &self.lists[index] {
                List::Few(docs) => Found(Rest::Few(docs.iter())),
                List::Many(docs) => Found(Rest::Many(docs.iter())),
                List::Free => unreachable!("list {index} is free"),
            },
        }
    }

    /// The posting with new numbers, its list moved to `new`; `None` if nothing is left.
    pub(super) fn renumber(
        &mut self,
        posting: Posting,
        renumbering: &Renumbering,
        new: &mut Lists,
    ) -> Option<Posting> {
        let list = match posting.kind() {
            Kind::One(only) => return renumbering.get(only).map(Posting::one),
            Kind::List(index) => std::mem::replace(&mut self.lists[index], List::Free),
        };
        let list = list.renumbered(renumbering);
        match list.only() {
            Some(only) => Some(Posting::one(only)),
            None if list.is_empty() => None,
            None => Some(new.add(list)),
        }
    }

    fn add(&mut self, list: List) -> Posting {
        let index = self.free.pop().unwrap_or(self.lists.len());
        match self.lists.get_mut(index) {
            Some(free) => *free = list,
            None => self.lists.push(list),
        }
        Posting::list(index)
    }

    /// Memory it takes.
    pub(super) fn memory_bytes(&self) -> usize {
        let lists: usize = self.lists.iter().map(List::heap_bytes).sum();
        let tables = self.lists.capacity() * size_of::<List>();
        lists + tables + self.free.capacity() * size_of::<usize>()
    }
}

/// Documents, ascending.
#[derive(Debug)]
enum List {
    Free,
    Few(Vec<u32>),
    Many(RoaringBitmap),
}

impl List {
    fn insert(&mut self, doc: u32) {
        match self {
            List::Few(docs) => {
                if let Err(index) = place(docs, doc) {
                    docs.insert(index, doc);
                }
                if docs.len() > FEW_MAX {
                    *self = List::Many(docs.iter().copied().collect());
                }
            }
            List::Many(docs) => drop(docs.insert(doc)),
            List::Free => unreachable!("a free list gets document {doc}"),
        }
    }

    fn remove(&mut self, doc: u32) {
        match self {
            List::Few(docs) => {
                if let Ok(index) = place(docs, doc) {
                    docs.remove(index);
                }
            }
            List::Many(docs) => {
                if docs.remove(doc) && docs.len() <= MANY_MIN {
                    *self = List::Few(docs.iter().collect());
                }
            }
            List::Free => unreachable!("a free list loses document {doc}"),
        }
    }

    fn renumbered(&self, renumbering: &Renumbering) -> List {
        let new = |doc| renumbering.get(DocId(doc)).map(|doc| doc.0);
        match self {
            List::Few(docs) => List::Few(docs.iter().copied().filter_map(new).collect()),
            List::Many(docs) => {
                let docs = RoaringBitmap::from_sorted_iter(docs.iter().filter_map(new))
                    .expect("a renumbering keeps the order");
                match docs.len() <= MANY_MIN {
                    true => List::Few(docs.iter().collect()),
                    false => List::Many(docs),
                }
            }
            List::Free => unreachable!("a free list is renumbered"),
        }
    }

    /// The document, if there is one only.
    fn only(&self) -> Option<DocId> {
        match self {
            List::Few(docs) => match docs[..] {
                [only] => Some(DocId(only)),
                _ => None,
            },
            _ => None,
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, List::Few(docs) if docs.is_empty())
    }

    fn heap_bytes(&self) -> usize {
        match self {
            List::Few(docs) => docs.capacity() * size_of::<u32>(),
            List::Many(docs) => bitmap_bytes(docs),
            List::Free => 0,
        }
    }
}

/// Where `doc` is, or belongs: most often at the end.
fn place(docs: &[u32], doc: u32) -> Result<usize, usize> {
    match docs.last() {
        Some(last) if *last < doc => Err(docs.len()),
        _ => docs.binary_search(&doc),
    }
}

/// What each container of a bitmap takes besides its documents.
const CONTAINER_BYTES: u64 = 40;

fn bitmap_bytes(docs: &RoaringBitmap) -> usize {
    let containers = docs.statistics();
    let bytes = containers.n_bytes_array_containers
        + containers.n_bytes_run_containers
        + containers.n_bytes_bitset_containers
        + u64::from(containers.n_containers) * CONTAINER_BYTES;
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Documents, ascending; see [`ValueIndex::find`](super::ValueIndex::find).
#[derive(Clone)]
pub struct Found<'a>(Rest<'a>);

#[derive(Clone)]
enum Rest<'a> {
    One(option::IntoIter<DocId>),
    Few(slice::Iter<'a, u32>),
    Many(roaring::bitmap::Iter<'a>),
}

impl Found<'_> {
    pub(super) fn at_most_one(doc: Option<DocId>) -> Found<'static> {
        Found(Rest::One(doc.into_iter()))
    }
}

impl fmt::Debug for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl Iterator for Found<'_> {
    type Item = DocId;

    fn next(&mut self) -> Option<DocId> {
        match &mut self.0 {
            Rest::One(docs) => docs.next(),
            Rest::Few(docs) => docs.next().copied().map(DocId),
            Rest::Many(docs) => docs.next().map(DocId),
        }
    }

    /// Exact.
    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            Rest::One(docs) => docs.size_hint(),
            Rest::Few(docs) => docs.size_hint(),
            Rest::Many(docs) => docs.size_hint(),
        }
    }
}

impl ExactSizeIterator for Found<'_> {}
